// SPDX-License-Identifier: Apache-2.0
//
// default_chain: the sources that a client asks for credentials when its options name none, in the
// order of AWS's SDK for Rust.
// Source: AWS SDKs and Tools Reference Guide, "Understand the credential provider chain".
#ifndef PERSONALIZE_EVENTS_AUTH_DEFAULT_CHAIN_HPP
#define PERSONALIZE_EVENTS_AUTH_DEFAULT_CHAIN_HPP

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "personalize_events/auth/chain.hpp"
#include "personalize_events/auth/credentials.hpp"
#include "personalize_events/auth/providers/container.hpp"
#include "personalize_events/auth/providers/credential_services.hpp"
#include "personalize_events/auth/providers/environment.hpp"
#include "personalize_events/auth/providers/instance_metadata.hpp"
#include "personalize_events/auth/providers/profile.hpp"
#include "personalize_events/auth/providers/source.hpp"
#include "personalize_events/auth/providers/web_identity.hpp"
#include "personalize_events/http/transport.hpp"
#include "personalize_events/platform/platform.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// The web identity that the environment names. Silent when it names none.
[[nodiscard]] inline Result<WebIdentityOptions> environment_web_identity(
    Platform& platform, const std::string& profile, const std::string& region) {
  WebIdentityOptions options;
  options.token_file = credential_variable(platform, "AWS_WEB_IDENTITY_TOKEN_FILE");
  options.role_arn = credential_variable(platform, "AWS_ROLE_ARN");
  options.role_session_name = credential_variable(platform, "AWS_ROLE_SESSION_NAME");
  if (options.token_file.empty()) {
    return silent_source("web identity", "AWS_WEB_IDENTITY_TOKEN_FILE is not set");
  }
  if (options.role_arn.empty()) {
    return misconfigured_source("AWS_ROLE_ARN",
                                "not set, but AWS_WEB_IDENTITY_TOKEN_FILE is; set both or neither");
  }
  const Result<SelectedProfile> selected = load_selected_profile(platform, profile);
  if (!selected) return selected.error();
  const auto services = find_credential_services(platform, *selected, region);
  if (!services) return services.error();
  options.region = services->region;
  options.endpoint_url = services->sts_url;
  options.use_fips = services->use_fips;
  options.use_dual_stack = services->use_dual_stack;
  return options;
}

/// A provider of the credentials for it; see default_chain.
[[nodiscard]] inline CredentialsProvider environment_web_identity_credentials(SourceContext context,
                                                                              std::string profile,
                                                                              std::string region) {
  return [context = std::move(context), profile = std::move(profile),
          region = std::move(region)](const CredentialsRequest& request) -> Result<Credentials> {
    const auto options = environment_web_identity(*context.platform, profile, region);
    if (!options) return options.error();
    return web_identity_credentials(*options, context.transport, context.platform)(request);
  };
}

}  // namespace detail

/// The environment's keys; the profile, with all ways in it (profile_credentials); the web identity
/// of AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN and AWS_ROLE_SESSION_NAME; the container; the EC2
/// instance. A profile that is named here was meant, so the environment's keys are then not asked
/// for. `transport` asks the services. `region` is for AWS STS; empty: AWS_REGION,
/// AWS_DEFAULT_REGION, the profile's.
///
/// @par Error Handling
/// Credentials, with the reason of each source; see chain().
[[nodiscard]] inline CredentialsProvider default_chain(std::shared_ptr<Transport> transport,
                                                       std::shared_ptr<Platform> platform = {},
                                                       std::string profile = {},
                                                       std::string region = {}) {
  const detail::SourceContext context =
      detail::source_context(std::move(transport), std::move(platform));
  std::vector<CredentialsProvider> providers;
  if (profile.empty()) providers.push_back(environment_credentials(context.platform));
  providers.push_back(profile_credentials(context.platform, profile, context.transport, region));
  providers.push_back(
      detail::environment_web_identity_credentials(context, profile, std::move(region)));
  providers.push_back(container_credentials(context.transport, context.platform));
  providers.push_back(
      instance_metadata_credentials(context.transport, context.platform, std::move(profile)));
  return detail::chain_on(context.platform, std::move(providers));
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
