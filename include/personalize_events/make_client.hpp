// SPDX-License-Identifier: Apache-2.0
//
// make_client and make_async_client: a client with every gap in its options filled from the AWS
// environment, over libcurl. This is where applications begin.
#ifndef PERSONALIZE_EVENTS_MAKE_CLIENT_HPP
#define PERSONALIZE_EVENTS_MAKE_CLIENT_HPP

#include <memory>
#include <string>
#include <utility>

#include "personalize_events/async_client.hpp"
#include "personalize_events/client.hpp"
#include "personalize_events/curl_async_transport.hpp"
#include "personalize_events/curl_transport.hpp"
#include "personalize_events/detail/client/async_core.hpp"
#include "personalize_events/detail/client/client_settings.hpp"
#include "personalize_events/detail/client/client_state.hpp"
#include "personalize_events/detail/config/endpoint.hpp"
#include "personalize_events/detail/config/settings.hpp"
#include "personalize_events/detail/platform/system_platform.hpp"
#include "personalize_events/detail/providers/default_chain.hpp"
#include "personalize_events/detail/providers/instance_metadata.hpp"
#include "personalize_events/detail/providers/metadata_service.hpp"
#include "personalize_events/detail/providers/provider_context.hpp"
#include "personalize_events/options.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// What asks for a region and for credentials: the transport of the options, or one over libcurl.
[[nodiscard]] inline std::shared_ptr<Transport> source_transport(const ClientOptions& options) {
  if (options.transport != nullptr) return options.transport;
  return std::make_shared<CurlTransport>(options.http);
}

/// What the credential providers of a client use.
[[nodiscard]] inline ProviderContext provider_context(const ClientOptions& options) {
  return {source_transport(options), options.platform, options.profile, options.region};
}

/// The region of the EC2 instance. Errors: Configuration, with the reason why there is none.
[[nodiscard]] inline Result<detail::Setting<std::string>> find_instance_region(
    const ClientOptions& options) {
  Result<std::string> region = instance_metadata_region(provider_context(options));
  if (region) return detail::Setting<std::string>{*std::move(region), kMetadataSource};
  Error error = detail::missing_region_error();
  error.message.append("; ").append(region.error().where).append(": ");
  error.message.append(region.error().message);
  error.retryable = region.error().retryable;
  return error;
}

/// The options with what the environment and the profile say in place of what is empty. Opens the
/// two shared files, and a connection only to the instance metadata, if nothing names a region.
[[nodiscard]] inline Result<ClientOptions> with_environment(ClientOptions options) {
  if (options.platform == nullptr) options.platform = system_platform();
  const detail::GivenSettings given = given_settings(options);
  const Result<SelectedProfile> profile = find_client_profile(options);
  if (!profile) return profile.error();
  Result<detail::Settings> settings = detail::find_settings(given, *options.platform, *profile);
  if (!settings) return std::move(settings).error();
  options.http.ca_file = settings->ca_file.value;
  if (settings->region.value.empty()) {
    auto region = find_instance_region(options);
    if (!region) return std::move(region).error();
    settings->region = *std::move(region);
  }
  const Result<detail::Endpoint> endpoint = detail::resolve_endpoint(*settings);
  if (!endpoint) return endpoint.error();

  options.region = settings->region.value;
  options.endpoint_url = settings->endpoint_url.value;
  options.use_fips = settings->use_fips.value;
  options.use_dual_stack = settings->use_dual_stack.value;
  options.retry.mode = settings->retry_mode.value;
  options.retry.max_attempts = settings->max_attempts.value;
  options.app_id = settings->app_id.value;
  return options;
}

}  // namespace detail

/// A client with region, endpoint, credentials and retries from `options`, then the environment,
/// then the profile, then the defaults, over libcurl. It opens the two shared AWS files and, if
/// they and all else name no region, asks the EC2 instance metadata for it, which takes a second
/// where there is none; else it opens no connection. Credentials are asked for at the first call.
///
/// @par Error Handling
/// Configuration: no region, a malformed shared file, an unusable endpoint URL, a setting with a
/// value that is not allowed. `where` names the variable or the file and line, and `message` says
/// how to mend it.
[[nodiscard]] inline Result<Client> make_client(ClientOptions options = {}) {
  auto filled = detail::with_environment(std::move(options));
  if (!filled) return std::move(filled).error();
  filled->transport = detail::source_transport(*filled);
  if (!filled->credentials) {
    filled->credentials = default_chain(detail::provider_context(*filled));
  }
  return Client(*std::move(filled));
}

namespace detail {

/// What make_async_client makes its client of; a recorder takes it too. Errors: Configuration.
[[nodiscard]] inline Result<ClientOptions> with_async_environment(ClientOptions options) {
  auto filled = with_environment(std::move(options));
  if (!filled) return std::move(filled).error();
  if (!filled->credentials) {
    filled->credentials = default_chain(provider_context(*filled));
  }
  if (filled->async_transport == nullptr && filled->transport == nullptr) {
    filled->async_transport = std::make_shared<CurlAsyncTransport>(filled->http);
  }
  return filled;
}

}  // namespace detail

/// An AsyncClient with its gaps filled as make_client does, over libcurl unless `options` has one
/// of the transports. No thread is started before the first call.
///
/// @par Error Handling
/// As make_client.
[[nodiscard]] inline Result<AsyncClient> make_async_client(ClientOptions options = {}) {
  auto filled = detail::with_async_environment(std::move(options));
  if (!filled) return std::move(filled).error();
  return AsyncClient(*std::move(filled));
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
