// SPDX-License-Identifier: Apache-2.0
//
// make_client: a Client with every gap in its options filled from the AWS environment, over
// libcurl. This is where applications begin.
#ifndef PERSONALIZE_EVENTS_CLIENT_MAKE_CLIENT_HPP
#define PERSONALIZE_EVENTS_CLIENT_MAKE_CLIENT_HPP

#include <memory>
#include <string>
#include <utility>

#include "personalize_events/auth/default_chain.hpp"
#include "personalize_events/client/client.hpp"
#include "personalize_events/client/options.hpp"
#include "personalize_events/config/profile_file.hpp"
#include "personalize_events/config/settings.hpp"
#include "personalize_events/http/curl_transport.hpp"
#include "personalize_events/platform/system_platform.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// The options with what the environment and the profile say in place of what is empty. Opens the
/// two shared files, and no connection.
[[nodiscard]] inline Result<ClientOptions> with_environment(ClientOptions options) {
  if (options.platform == nullptr) options.platform = system_platform();
  const Result<Profiles> profiles = load_profiles(*options.platform);
  if (!profiles) return profiles.error();
  GivenSettings given;
  given.region = options.region;
  given.endpoint_url = options.endpoint_url;
  given.profile = options.profile;
  given.use_fips = options.use_fips;
  given.use_dual_stack = options.use_dual_stack;
  given.retry = options.retry;
  given.ca_file = options.http.ca_file;
  given.app_id = options.app_id;
  const Result<Settings> settings = resolve_settings(given, *options.platform, *profiles);
  if (!settings) return settings.error();
  const Result<Endpoint> endpoint = resolve_endpoint(*settings);
  if (!endpoint) return endpoint.error();

  options.region = settings->region.value;
  options.endpoint_url = settings->endpoint_url.value;
  options.use_fips = settings->use_fips.value;
  options.use_dual_stack = settings->use_dual_stack.value;
  options.retry.mode = settings->retry_mode.value;
  options.retry.max_attempts = settings->max_attempts.value;
  options.http.ca_file = settings->ca_file.value;
  options.app_id = settings->app_id.value;
  return options;
}

}  // namespace detail

/// A client with region, endpoint, credentials and retries from `options`, then the environment,
/// then the profile, then the defaults, over libcurl. It opens the two shared AWS files and no
/// connection; credentials are asked for at the first call.
///
/// @par Error Handling
/// Configuration: no region, a malformed shared file, an unusable endpoint URL, a setting with a
/// value that is not allowed. `where` names the variable or the file and line, and `message` says
/// how to mend it.
[[nodiscard]] inline Result<Client> make_client(ClientOptions options = {}) {
  auto filled = detail::with_environment(std::move(options));
  if (!filled) return std::move(filled).error();
  if (filled->transport == nullptr)
    filled->transport = std::make_shared<CurlTransport>(filled->http);
  if (!filled->credentials) {
    filled->credentials = default_chain(filled->transport, filled->platform, filled->profile);
  }
  return Client(*std::move(filled));
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
