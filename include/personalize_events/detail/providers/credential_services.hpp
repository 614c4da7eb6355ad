// SPDX-License-Identifier: Apache-2.0
//
// CredentialServices: where the services are that give credentials (AWS STS, IAM Identity Center),
// by the environment and a profile. profile.hpp and default_chain.hpp ask it.
// Source: AWS SDKs and Tools Reference Guide, "Service-specific endpoints", "AWS Region",
// "Dual-stack and FIPS endpoints".
#ifndef PERSONALIZE_EVENTS_DETAIL_PROVIDERS_CREDENTIAL_SERVICES_HPP
#define PERSONALIZE_EVENTS_DETAIL_PROVIDERS_CREDENTIAL_SERVICES_HPP

#include <optional>
#include <string>
#include <utility>

#include "personalize_events/credentials.hpp"
#include "personalize_events/detail/config/profile_file.hpp"
#include "personalize_events/detail/config/settings.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// A setting that is not allowed is a source that is configured wrongly.
[[nodiscard]] inline Error misconfigured(const Error& error) {
  return misconfigured_source(error.where, error.message);
}

/// Reads the shared files and selects a profile; `given` is the one that the program names, if it
/// does. Errors: Credentials, misconfigured, as of select_profile.
[[nodiscard]] inline Result<SelectedProfile> load_selected_profile(Platform& platform,
                                                                   const std::string& given) {
  GivenSettings settings;
  settings.profile = given;
  return load_profiles(platform)
      .and_then([&](Profiles profiles) {
        return select_profile(platform, settings, std::move(profiles));
      })
      .transform_error(misconfigured);
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
  const SettingFinder finder{platform, &selected};
  GivenSettings given;
  given.region = region;
  CredentialServices services;
  const auto find = [&](const auto& row, auto& value) -> Result<void> {
    auto found = finder.find(row, given);
    if (!found) return misconfigured(found.error());
    value = std::move(found->value);
    return {};
  };
  Result<void> done = find(kRegionRow, services.region);
  if (done) done = find(kUseFipsRow, services.use_fips);
  if (done) done = find(kUseDualStackRow, services.use_dual_stack);
  if (done) done = find(kStsEndpointUrlRow, services.sts_url);
  if (done) done = find(kSsoEndpointUrlRow, services.sso_url);
  if (done) done = find(kSsoOidcEndpointUrlRow, services.oidc_url);
  if (!done) return std::move(done).error();
  return services;
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
