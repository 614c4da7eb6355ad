// SPDX-License-Identifier: Apache-2.0
//
// default_chain: the sources that a client asks for credentials when its options name none, in the
// order of AWS's SDK for Rust.
// Source: AWS SDKs and Tools Reference Guide, "Understand the credential provider chain".
#ifndef PERSONALIZE_EVENTS_DETAIL_PROVIDERS_DEFAULT_CHAIN_HPP
#define PERSONALIZE_EVENTS_DETAIL_PROVIDERS_DEFAULT_CHAIN_HPP

#include <utility>
#include <vector>

#include "personalize_events/credentials.hpp"
#include "personalize_events/detail/providers/chain.hpp"
#include "personalize_events/detail/providers/container.hpp"
#include "personalize_events/detail/providers/credential_services.hpp"
#include "personalize_events/detail/providers/environment.hpp"
#include "personalize_events/detail/providers/instance_metadata.hpp"
#include "personalize_events/detail/providers/metadata_service.hpp"
#include "personalize_events/detail/providers/profile.hpp"
#include "personalize_events/detail/providers/provider_context.hpp"
#include "personalize_events/detail/providers/source.hpp"
#include "personalize_events/detail/providers/web_identity.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// The web identity that the environment names. Silent when it names none.
[[nodiscard]] inline Result<WebIdentityOptions> environment_web_identity(
    const SourceContext& context) {
  Platform& platform = *context.platform;
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
  const Result<SelectedProfile> selected = load_selected_profile(platform, context.profile);
  if (!selected) return selected.error();
  const auto services = find_credential_services(platform, *selected, context.region);
  if (!services) return services.error();
  options.region = services->region;
  options.endpoint_url = services->sts_url;
  options.use_fips = services->use_fips;
  options.use_dual_stack = services->use_dual_stack;
  return options;
}

[[nodiscard]] inline ChainLink environment_web_identity_link(const SourceContext& context) {
  return {"web identity",
          [context](const CredentialsRequest& request) -> Result<Credentials> {
            const auto options = environment_web_identity(context);
            if (!options) return options.error();
            return web_identity_credentials(*options, context)(request);
          },
          [context] {
            const auto options = environment_web_identity(context);
            if (!options) return report_of(options.error());
            return report_web_identity(*context.platform, *options, "AWS_WEB_IDENTITY_TOKEN_FILE");
          }};
}

/// The environment's keys. A profile that the program names is used instead of them.
[[nodiscard]] inline ChainLink environment_link(const SourceContext& context) {
  constexpr const char* name = "environment";
  if (context.profile.empty()) {
    return {name, environment_credentials(context),
            [context] { return report_environment(*context.platform); }};
  }
  constexpr const char* reason = "not used: ClientOptions.profile is set";
  return {name, []() -> Result<Credentials> { return silent_source(name, reason); },
          [] {
            return ProviderReport{ProviderReport::State::NotConfigured, reason, {}};
          }};
}

/// The providers of the default chain, in order.
[[nodiscard]] inline std::vector<ChainLink> default_chain_links(const SourceContext& context) {
  std::vector<ChainLink> links;
  links.push_back(environment_link(context));
  links.push_back(profile_link(context));
  links.push_back(environment_web_identity_link(context));
  links.push_back({kContainerSource, container_credentials(context),
                   [context] { return report_container(*context.platform); }});
  links.push_back({kMetadataSource, instance_metadata_credentials(context),
                   [context] { return report_metadata(*context.platform, context.profile); }});
  return links;
}

}  // namespace detail

/// The environment's keys; the profile, in whichever way it has credentials (profile_credentials);
/// the web identity of AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN and AWS_ROLE_SESSION_NAME; the
/// container; the EC2 instance. If the context names a profile, the environment's keys are not
/// used.
///
/// @par Error Handling
/// Credentials, with the reason of each provider; see chain().
[[nodiscard]] inline CredentialsProvider default_chain(ProviderContext context) {
  const detail::SourceContext source{std::move(context)};
  std::vector<CredentialsProvider> providers;
  for (detail::ChainLink& link : detail::default_chain_links(source)) {
    providers.push_back(std::move(link.provider));
  }
  return detail::chain_on(source.platform, std::move(providers));
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
