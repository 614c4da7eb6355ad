// SPDX-License-Identifier: Apache-2.0
//
// CredentialServices: where the services are that give credentials (AWS STS, IAM Identity Center),
// by the environment and a profile. profile.hpp and default_chain.hpp ask it.
// Source: AWS SDKs and Tools Reference Guide, "Service-specific endpoints", "AWS Region",
// "Dual-stack and FIPS endpoints".
#ifndef PERSONALIZE_EVENTS_AUTH_PROVIDERS_CREDENTIAL_SERVICES_HPP
#define PERSONALIZE_EVENTS_AUTH_PROVIDERS_CREDENTIAL_SERVICES_HPP

#include <optional>
#include <string>
#include <utility>

#include "personalize_events/auth/credentials.hpp"
#include "personalize_events/config/profile_file.hpp"
#include "personalize_events/config/settings.hpp"
#include "personalize_events/platform/platform.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// A setting that is not allowed is a source that is configured wrongly.
[[nodiscard]] inline Error misconfigured(const Error& error) {
  return misconfigured_source(error.where, error.message);
}

/// The shared files, and which of their profiles is meant.
struct SelectedProfile {
  Profiles profiles{};
  std::string name{};
};

/// Reads the shared files; `given` is the profile that the program names, if it does. Errors:
/// Credentials, misconfigured: a malformed file, a named profile that does not exist.
[[nodiscard]] inline Result<SelectedProfile> load_selected_profile(Platform& platform,
                                                                   const std::string& given) {
  SelectedProfile selected;
  Result<Profiles> profiles = load_profiles(platform);
  if (!profiles) return misconfigured(profiles.error());
  selected.profiles = *std::move(profiles);
  const auto name = find_profile_name(SettingFinder{platform, nullptr}, given, selected.profiles);
  if (!name) return misconfigured(name.error());
  selected.name = name->value;
  return selected;
}

/// Where the services are that give credentials. Empty URLs: where the region has them.
struct CredentialServices {
  std::string region{};
  std::string sts_url{};
  std::string sso_url{};
  std::string oidc_url{};
  bool use_fips{false};
  bool use_dual_stack{false};
};

/// `region` is the one that the program gives, if it does. Errors: Credentials, misconfigured;
/// `where` is the setting's source.
[[nodiscard]] inline Result<CredentialServices> find_credential_services(
    Platform& platform, const SelectedProfile& selected, const std::string& region) {
  const Profiles& profiles = selected.profiles;
  const SettingFinder finder{platform, profiles.find_profile(selected.name)};
  CredentialServices services;
  const auto found = find_region(finder, region);
  if (!found) return misconfigured(found.error());
  services.region = found->value;
  const auto use_fips =
      find_switch(finder, std::nullopt, "", "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint");
  if (!use_fips) return misconfigured(use_fips.error());
  services.use_fips = use_fips->value;
  const auto use_dual_stack =
      find_switch(finder, std::nullopt, "", "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint");
  if (!use_dual_stack) return misconfigured(use_dual_stack.error());
  services.use_dual_stack = use_dual_stack->value;
  const auto sts_url = find_sts_endpoint_url(finder, profiles);
  if (!sts_url) return misconfigured(sts_url.error());
  services.sts_url = sts_url->value;
  const auto sso_url =
      find_configured_endpoint_url(finder, profiles, {"AWS_ENDPOINT_URL_SSO", "sso"});
  if (!sso_url) return misconfigured(sso_url.error());
  services.sso_url = sso_url->value;
  const auto oidc_url =
      find_configured_endpoint_url(finder, profiles, {"AWS_ENDPOINT_URL_SSO_OIDC", "sso_oidc"});
  if (!oidc_url) return misconfigured(oidc_url.error());
  services.oidc_url = oidc_url->value;
  return services;
}

}  // namespace detail
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
