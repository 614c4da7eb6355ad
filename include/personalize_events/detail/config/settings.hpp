// SPDX-License-Identifier: Apache-2.0
//
// Settings: all that the AWS environment says of a client except its credentials. Each setting is
// described once, in a SettingRow: its option, variables, property, default and reader.
// make_client, the credential providers, explain() and the table in the documentation use these
// rows. Source: AWS SDKs and Tools Reference Guide, "Settings reference".
#ifndef PERSONALIZE_EVENTS_DETAIL_CONFIG_SETTINGS_HPP
#define PERSONALIZE_EVENTS_DETAIL_CONFIG_SETTINGS_HPP

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "personalize_events/detail/base/ascii.hpp"
#include "personalize_events/detail/base/number.hpp"
#include "personalize_events/detail/config/endpoint.hpp"
#include "personalize_events/detail/config/profile_file.hpp"
#include "personalize_events/options.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// A setting and where it was found: "ClientOptions.region", the name of a variable,
/// "<file>:<line>" of a profile, or "default".
template <class T>
struct Setting {
  T value{};                      ///< The value in use.
  std::string source{"default"};  ///< Where it was found.
};

/// What a program gives by ClientOptions. Empty members are looked for in the environment.
struct GivenSettings {
  std::string region{};                   ///< ClientOptions::region
  std::string endpoint_url{};             ///< ClientOptions::endpoint_url
  std::string profile{};                  ///< ClientOptions::profile
  std::optional<bool> use_fips{};         ///< ClientOptions::use_fips
  std::optional<bool> use_dual_stack{};   ///< ClientOptions::use_dual_stack
  std::optional<RetryMode> retry_mode{};  ///< RetryOptions::mode
  std::optional<int> max_attempts{};      ///< RetryOptions::max_attempts
  std::string ca_file{};                  ///< HttpOptions::ca_file
  std::string app_id{};                   ///< ClientOptions::app_id
};

/// What was found.
struct Settings {
  Setting<std::string> profile{"default"};             ///< The name of the profile.
  Setting<std::string> region{};                       ///< Empty when nothing names one.
  Setting<std::string> endpoint_url{};                 ///< Empty: the endpoint of the region.
  Setting<bool> use_fips{false};                       ///< A FIPS endpoint.
  Setting<bool> use_dual_stack{false};                 ///< An endpoint of IPv4 and IPv6.
  Setting<RetryMode> retry_mode{RetryMode::Standard};  ///< How a call is retried.
  Setting<int> max_attempts{3};                        ///< The first included.
  Setting<std::string> ca_file{};                      ///< Empty: the transport's own authorities.
  Setting<std::string> app_id{};                       ///< Empty: none in the User-Agent.
};

[[nodiscard]] inline Error setting_error(std::string source, std::string message) {
  return make_error(ErrorKind::Configuration, std::move(source), std::move(message));
}

/// How a setting is found. The first of option, variables and property that is more than blanks
/// decides.
template <class T>
struct SettingRow {
  static constexpr bool kIsText = std::is_same_v<T, std::string>;
  using Given = std::conditional_t<kIsText, std::string, std::optional<T>>;
  using Default = std::conditional_t<kIsText, std::string_view, T>;

  const char* name;                      ///< As explain() and the documentation show it.
  const char* option;                    ///< Of the program; null: none.
  Given GivenSettings::*given;           ///< The value of the option; null: none.
  std::array<const char*, 2> variables;  ///< In order of precedence; null: none.
  const char* property;                  ///< Of the profile; null: none.
  Default by_default;
  /// Reads a text; null for a setting that is one. Errors: `where` is replaced.
  Result<Setting<T>> (*read)(const Setting<std::string>&);
  /// Checks a value from anywhere; null: any is allowed. Errors: `where` is replaced.
  Result<void> (*validate)(const T&){nullptr};
  /// Of an endpoint URL: the service's key in a services section; null for other settings.
  const char* services_key{nullptr};
};

[[nodiscard]] inline Result<Setting<bool>> read_switch(const Setting<std::string>& found) {
  const std::string text = to_lower(trim(found.value));
  if (text == "true") return Setting<bool>{true, found.source};
  if (text == "false") return Setting<bool>{false, found.source};
  return setting_error(found.source, "must be true or false");
}

[[nodiscard]] inline Result<Setting<RetryMode>> read_retry_mode(const Setting<std::string>& found) {
  const std::string text = to_lower(trim(found.value));
  if (text == "standard") return Setting<RetryMode>{RetryMode::Standard, found.source};
  if (text == "adaptive") return Setting<RetryMode>{RetryMode::Adaptive, found.source};
  if (text == "legacy") {
    return Setting<RetryMode>{RetryMode::Standard, found.source + ", which says legacy"};
  }
  return setting_error(found.source, "not a retry mode; set standard or adaptive");
}

/// A whole number; 0, which no such setting allows, for any other text.
[[nodiscard]] inline Result<Setting<int>> read_number(const Setting<std::string>& found) {
  const std::int64_t number = parse_integer(trim(found.value)).value_or(0);
  const bool fits = number > 0 && number <= (std::numeric_limits<int>::max)();
  return Setting<int>{fits ? static_cast<int>(number) : 0, found.source};
}

[[nodiscard]] inline Result<void> check_max_attempts(const int& attempts) {
  if (attempts >= 1) return {};
  return setting_error({}, "must be a whole number of at least 1; the first attempt counts");
}

[[nodiscard]] inline Result<void> check_region_setting(const std::string& region) {
  return check_region(region);
}

[[nodiscard]] inline Result<void> check_app_id_setting(const std::string& app_id) {
  return check_app_id(app_id);
}

inline constexpr SettingRow<std::string> kProfileRow{"profile",
                                                     "ClientOptions.profile",
                                                     &GivenSettings::profile,
                                                     {"AWS_PROFILE", "AWS_DEFAULT_PROFILE"},
                                                     nullptr,
                                                     "default",
                                                     nullptr};
inline constexpr SettingRow<std::string> kRegionRow{"region",
                                                    "ClientOptions.region",
                                                    &GivenSettings::region,
                                                    {"AWS_REGION", "AWS_DEFAULT_REGION"},
                                                    "region",
                                                    "",
                                                    nullptr,
                                                    check_region_setting};
inline constexpr SettingRow<bool> kUseFipsRow{"FIPS",
                                              "ClientOptions.use_fips",
                                              &GivenSettings::use_fips,
                                              {"AWS_USE_FIPS_ENDPOINT"},
                                              "use_fips_endpoint",
                                              false,
                                              read_switch};
inline constexpr SettingRow<bool> kUseDualStackRow{"dual stack",
                                                   "ClientOptions.use_dual_stack",
                                                   &GivenSettings::use_dual_stack,
                                                   {"AWS_USE_DUALSTACK_ENDPOINT"},
                                                   "use_dualstack_endpoint",
                                                   false,
                                                   read_switch};
inline constexpr SettingRow<std::string> kEndpointUrlRow{
    "endpoint",
    "ClientOptions.endpoint_url",
    &GivenSettings::endpoint_url,
    {"AWS_ENDPOINT_URL_PERSONALIZE_EVENTS", "AWS_ENDPOINT_URL"},
    "endpoint_url",
    "",
    nullptr,
    nullptr,
    "personalize_events"};
inline constexpr SettingRow<RetryMode> kRetryModeRow{"retry mode",
                                                     "ClientOptions.retry.mode",
                                                     &GivenSettings::retry_mode,
                                                     {"AWS_RETRY_MODE"},
                                                     "retry_mode",
                                                     RetryMode::Standard,
                                                     read_retry_mode};
inline constexpr SettingRow<int> kMaxAttemptsRow{"attempts",
                                                 "ClientOptions.retry.max_attempts",
                                                 &GivenSettings::max_attempts,
                                                 {"AWS_MAX_ATTEMPTS"},
                                                 "max_attempts",
                                                 3,
                                                 read_number,
                                                 check_max_attempts};
inline constexpr SettingRow<std::string> kAppIdRow{"app id",
                                                   "ClientOptions.app_id",
                                                   &GivenSettings::app_id,
                                                   {"AWS_SDK_UA_APP_ID"},
                                                   "sdk_ua_app_id",
                                                   "",
                                                   nullptr,
                                                   check_app_id_setting};
inline constexpr SettingRow<std::string> kCaFileRow{"authorities",
                                                    "ClientOptions.http.ca_file",
                                                    &GivenSettings::ca_file,
                                                    {"AWS_CA_BUNDLE"},
                                                    "ca_bundle",
                                                    "",
                                                    nullptr};

/// Whether configured endpoint URLs are ignored.
inline constexpr SettingRow<bool> kIgnoreEndpointUrlsRow{
    "ignore configured endpoints",     nullptr, nullptr,    {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"},
    "ignore_configured_endpoint_urls", false,   read_switch};
/// The endpoints of the services that give credentials. An AWS_ENDPOINT_URL that was meant for
/// Personalize Events is theirs too, as in every AWS SDK.
inline constexpr SettingRow<std::string> kStsEndpointUrlRow{
    "endpoint of STS",
    nullptr,
    nullptr,
    {"AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"},
    "endpoint_url",
    "",
    nullptr,
    nullptr,
    "sts"};
inline constexpr SettingRow<std::string> kSsoEndpointUrlRow{
    "endpoint of the SSO portal",
    nullptr,
    nullptr,
    {"AWS_ENDPOINT_URL_SSO", "AWS_ENDPOINT_URL"},
    "endpoint_url",
    "",
    nullptr,
    nullptr,
    "sso"};
inline constexpr SettingRow<std::string> kSsoOidcEndpointUrlRow{
    "endpoint of SSO OIDC",
    nullptr,
    nullptr,
    {"AWS_ENDPOINT_URL_SSO_OIDC", "AWS_ENDPOINT_URL"},
    "endpoint_url",
    "",
    nullptr,
    nullptr,
    "sso_oidc"};

/// Calls `visit` with the row of each setting of a client and its member of Settings, in the order
/// in which explain() shows them. `visit` returns false to stop.
template <class Visit>
void visit_settings(Visit visit) {
  static_cast<void>(visit(kRegionRow, &Settings::region) &&
                    visit(kUseFipsRow, &Settings::use_fips) &&
                    visit(kUseDualStackRow, &Settings::use_dual_stack) &&
                    visit(kEndpointUrlRow, &Settings::endpoint_url) &&
                    visit(kRetryModeRow, &Settings::retry_mode) &&
                    visit(kMaxAttemptsRow, &Settings::max_attempts) &&
                    visit(kAppIdRow, &Settings::app_id) && visit(kCaFileRow, &Settings::ca_file));
}

/// The shared files, and the profile that is selected.
struct SelectedProfile {
  Profiles profiles{};
  Setting<std::string> name{"default"};

  /// Null when the files do not have it.
  [[nodiscard]] const ProfileSection* section() const { return profiles.find_profile(name.value); }
};

/// Finds settings by their rows.
class SettingFinder {
 public:
  /// Without a profile only options and variables are read. `profile` outlives it.
  explicit SettingFinder(Platform& platform, const SelectedProfile* profile = nullptr)
      : platform_(platform), profile_(profile) {}

  /// A setting, from `given` first. Errors: Configuration, `where` is the setting's source, for a
  /// value that is not allowed.
  template <class T>
  [[nodiscard]] Result<Setting<T>> find(const SettingRow<T>& row,
                                        const GivenSettings& given = {}) const {
    Result<Setting<T>> found = find_unchecked(row, given);
    if (!found || row.validate == nullptr || found->source == kDefault) return found;
    const Result<void> checked = row.validate(found->value);
    if (!checked) return setting_error(found->source, checked.error().message);
    return found;
  }

  /// A setting that no option gives, as it is written; nothing when no variable or property names
  /// it.
  template <class T>
  [[nodiscard]] std::optional<Setting<std::string>> find_text(const SettingRow<T>& row) const {
    for (const char* name : row.variables) {
      if (auto found = variable(name)) return found;
    }
    return profile_ == nullptr ? std::nullopt : property(row.property);
  }

 private:
  static constexpr const char* kDefault = "default";

  template <class T>
  [[nodiscard]] Result<Setting<T>> find_unchecked(const SettingRow<T>& row,
                                                  const GivenSettings& given) const {
    if (row.given != nullptr) {
      const auto& option = given.*row.given;
      if constexpr (SettingRow<T>::kIsText) {
        if (!option.empty()) return Setting<T>{option, row.option};
      } else {
        if (option) return Setting<T>{*option, row.option};
      }
    }
    if constexpr (SettingRow<T>::kIsText) {
      if (row.services_key != nullptr) return find_endpoint_url(row);
    }
    const auto found = find_text(row);
    if (!found) return Setting<T>{T{row.by_default}, kDefault};
    if constexpr (SettingRow<T>::kIsText) {
      return *found;
    } else {
      return row.read(*found);
    }
  }

  /// The endpoint URL of a service: a variable, the profile's services section, then its property.
  [[nodiscard]] Result<Setting<std::string>> find_endpoint_url(
      const SettingRow<std::string>& row) const {
    const Result<Setting<bool>> ignored = find(kIgnoreEndpointUrlsRow);
    if (!ignored) return ignored.error();
    if (ignored->value) return Setting<std::string>{"", ignored->source};
    for (const char* name : row.variables) {
      if (auto found = variable(name)) return *std::move(found);
    }
    if (const auto services = property("services")) {
      const Result<const ProfileSection*> section = find_services(*services);
      if (!section) return section.error();
      if (auto found = used((*section)->find(row.services_key, row.property))) {
        return *std::move(found);
      }
    }
    return property(row.property).value_or(Setting<std::string>{});
  }

  /// The services section that a profile names.
  [[nodiscard]] Result<const ProfileSection*> find_services(
      const Setting<std::string>& named) const {
    const Profiles& profiles = profile_->profiles;
    const auto found = profiles.services.find(named.value);
    if (found == profiles.services.end()) {
      return setting_error(named.source, "there is no section [services ...] of this name in " +
                                             profiles.config_file +
                                             "; write it, or remove the property");
    }
    if (found->second.malformed) return *found->second.malformed;
    return &found->second;
  }

  /// A variable that is set to more than blanks.
  [[nodiscard]] std::optional<Setting<std::string>> variable(const char* name) const {
    if (name == nullptr) return std::nullopt;
    std::optional<std::string> value = platform_.environment(name);
    if (!value || trim(*value).empty()) return std::nullopt;
    return Setting<std::string>{*std::move(value), name};
  }

  /// A property of the profile that is more than blanks.
  [[nodiscard]] std::optional<Setting<std::string>> property(const char* name) const {
    const ProfileSection* section = profile_ == nullptr ? nullptr : profile_->section();
    return section == nullptr || name == nullptr ? std::nullopt : used(section->find(name));
  }

  [[nodiscard]] static std::optional<Setting<std::string>> used(const ProfileValue* value) {
    if (value == nullptr || trim(value->text).empty()) return std::nullopt;
    return Setting<std::string>{value->text, value->where()};
  }

  Platform& platform_;
  const SelectedProfile* profile_;
};

/// The error of a profile that is named and does not exist.
[[nodiscard]] inline Error missing_profile_error(const Setting<std::string>& name,
                                                 const Profiles& profiles) {
  if (std::any_of(name.value.begin(), name.value.end(), is_control)) {
    return setting_error(name.source, "not the name of a profile: it has a control character");
  }
  const char* quote = is_profile_name(name.value) ? "" : "\"";
  const auto shown = [](const std::string& path) {
    return path.empty() ? std::string{"(no home folder)"} : path;
  };
  return setting_error(
      name.source, "there is no profile \"" + name.value + "\" in " + shown(profiles.config_file) +
                       " or " + shown(profiles.credentials_file) + "; write [profile " + quote +
                       name.value + quote + "] in the first, or name another profile");
}

/// Selects the profile that the program (`given`), AWS_PROFILE or the default names. Errors:
/// Configuration: one that is named and does not exist, and one with a malformed line; a line that
/// may have been meant to begin the profile counts.
[[nodiscard]] inline Result<SelectedProfile> select_profile(Platform& platform,
                                                            const GivenSettings& given,
                                                            Profiles profiles) {
  Result<Setting<std::string>> name = SettingFinder{platform}.find(kProfileRow, given);
  if (!name) return std::move(name).error();
  SelectedProfile selected{std::move(profiles), *std::move(name)};
  const ProfileSection* section = selected.section();
  if (section != nullptr && section->malformed) return *section->malformed;
  if (section != nullptr) return selected;
  if (selected.profiles.malformed) return *selected.profiles.malformed;
  if (selected.name.source == "default") return selected;
  return missing_profile_error(selected.name, selected.profiles);
}

/// The settings of a client that has this profile.
[[nodiscard]] inline Result<Settings> find_settings(const GivenSettings& given, Platform& platform,
                                                    const SelectedProfile& profile) {
  Settings settings;
  settings.profile = profile.name;
  std::optional<Error> failure;
  visit_settings([&, finder = SettingFinder{platform, &profile}](const auto& row, auto member) {
    auto found = finder.find(row, given);
    if (!found) return failure.emplace(std::move(found).error()), false;
    settings.*member = *std::move(found);
    return true;
  });
  if (failure) return *std::move(failure);
  return settings;
}

/// The settings as far as anything names them; the region may stay empty, because instance metadata
/// may still name it. Errors: Configuration, `where` is the setting's source, for a value that is
/// not allowed, for a named profile that does not exist, and for one that has a malformed line.
[[nodiscard]] inline Result<Settings> find_settings(const GivenSettings& given, Platform& platform,
                                                    const Profiles& profiles) {
  const auto selected = detail::select_profile(platform, given, profiles);
  if (!selected) return selected.error();
  return detail::find_settings(given, platform, *selected);
}

/// The error of a client that has no region; `where` is "AWS_REGION".
[[nodiscard]] inline Error missing_region_error() {
  return detail::make_error(ErrorKind::Configuration, "AWS_REGION",
                            "no region; set ClientOptions::region, the variable AWS_REGION, or "
                            "region in the profile, for example to us-east-1");
}

/// find_settings, and a missing region is an error too.
[[nodiscard]] inline Result<Settings> resolve_settings(const GivenSettings& given,
                                                       Platform& platform,
                                                       const Profiles& profiles) {
  Result<Settings> settings = find_settings(given, platform, profiles);
  if (settings && settings->region.value.empty()) return missing_region_error();
  return settings;
}

/// The endpoint of these settings. Errors: Configuration, `where` is the source of the setting at
/// fault.
[[nodiscard]] inline Result<Endpoint> resolve_endpoint(const Settings& settings) {
  if (settings.region.value.empty() && settings.endpoint_url.value.empty()) {
    return missing_region_error();
  }
  return resolve_endpoint(EndpointParameters{settings.region.value, settings.endpoint_url.value,
                                             settings.use_fips.value,
                                             settings.use_dual_stack.value})
      .transform_error([&settings](Error error) {
        if (error.where == "region") error.where = settings.region.source;
        if (error.where == "endpoint_url") error.where = settings.endpoint_url.source;
        if (error.where == "use_fips") error.where = settings.use_fips.source;
        if (error.where == "use_dual_stack") error.where = settings.use_dual_stack.source;
        return error;
      });
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
