// SPDX-License-Identifier: Apache-2.0
//
// Settings: all that the AWS environment says of a client but its credentials. Each setting comes
// from what the program gave, then the environment, then the profile, then the default, and
// remembers which, for errors and for `explain`. make_client resolves them.
// Source: AWS SDKs and Tools Reference Guide, "Settings reference".
#ifndef PERSONALIZE_EVENTS_CONFIG_SETTINGS_HPP
#define PERSONALIZE_EVENTS_CONFIG_SETTINGS_HPP

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "personalize_events/config/endpoint.hpp"
#include "personalize_events/config/profile_file.hpp"
#include "personalize_events/detail/ascii.hpp"
#include "personalize_events/detail/number.hpp"
#include "personalize_events/http/message.hpp"
#include "personalize_events/platform/platform.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/retry/options.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// A setting and where it was found: "ClientOptions.region", the name of a variable,
/// "<file>:<line>" of a profile, or "default".
template <class T>
struct Setting {
  T value{};                      ///< What holds.
  std::string source{"default"};  ///< Where it was found.
};

/// What a program gives by ClientOptions. Empty members are looked for in the environment.
struct GivenSettings {
  std::string region{};                  ///< ClientOptions::region
  std::string endpoint_url{};            ///< ClientOptions::endpoint_url
  std::string profile{};                 ///< ClientOptions::profile
  std::optional<bool> use_fips{};        ///< ClientOptions::use_fips
  std::optional<bool> use_dual_stack{};  ///< ClientOptions::use_dual_stack
  RetryOptions retry{};                  ///< ClientOptions::retry
  std::string ca_file{};                 ///< HttpOptions::ca_file
  std::string app_id{};                  ///< ClientOptions::app_id
};

/// What was found.
struct Settings {
  Setting<std::string> profile{"default"};             ///< Its name.
  Setting<std::string> region{};                       ///< Empty when nothing names one.
  Setting<std::string> endpoint_url{};                 ///< Empty: the endpoint of the region.
  Setting<bool> use_fips{false};                       ///< A FIPS endpoint.
  Setting<bool> use_dual_stack{false};                 ///< An endpoint of IPv4 and IPv6.
  Setting<RetryMode> retry_mode{RetryMode::Standard};  ///< How a call is tried again.
  Setting<int> max_attempts{3};                        ///< The first included.
  Setting<std::string> ca_file{};                      ///< Empty: the transport's own authorities.
  Setting<std::string> app_id{};                       ///< Empty: none in the User-Agent.
};

namespace detail {

/// The texts of the settings from where they may stand, in the order of precedence.
class SettingFinder {
 public:
  SettingFinder(Platform& platform, const ProfileSection* profile)
      : platform_(platform), profile_(profile) {}

  /// A variable that is set to more than blanks.
  [[nodiscard]] std::optional<Setting<std::string>> variable(const char* name) const {
    std::optional<std::string> value = platform_.environment(name);
    if (!value || trim(*value).empty()) return std::nullopt;
    return Setting<std::string>{*std::move(value), name};
  }

  /// A property of the profile that is not empty.
  [[nodiscard]] std::optional<Setting<std::string>> property(const char* name) const {
    return profile_ == nullptr ? std::nullopt : used(profile_->find(name));
  }

  /// The first of a variable and a property.
  [[nodiscard]] std::optional<Setting<std::string>> find(const char* variable_name,
                                                         const char* property_name) const {
    if (auto found = variable(variable_name)) return found;
    return property(property_name);
  }

  /// A value of a file that is not empty.
  [[nodiscard]] static std::optional<Setting<std::string>> used(const ProfileValue* value) {
    if (value == nullptr || trim(value->text).empty()) return std::nullopt;
    return Setting<std::string>{value->text, value->where()};
  }

 private:
  Platform& platform_;
  const ProfileSection* profile_;
};

[[nodiscard]] inline Error setting_error(std::string source, std::string message) {
  return make_error(ErrorKind::Configuration, std::move(source), std::move(message));
}

[[nodiscard]] inline Result<Setting<bool>> read_switch(const Setting<std::string>& found) {
  const std::string text = to_lower(trim(found.value));
  if (text == "true") return Setting<bool>{true, found.source};
  if (text == "false") return Setting<bool>{false, found.source};
  return setting_error(found.source, "must be true or false");
}

/// A switch from what was given, a variable or a property; false by default.
[[nodiscard]] inline Result<Setting<bool>> find_switch(const SettingFinder& finder,
                                                       std::optional<bool> given,
                                                       const char* option, const char* variable,
                                                       const char* property) {
  if (given) return Setting<bool>{*given, option};
  if (const auto found = finder.find(variable, property)) return read_switch(*found);
  return Setting<bool>{false};
}

/// A text from what was given, a variable or a property; empty by default.
[[nodiscard]] inline Setting<std::string> find_text(const SettingFinder& finder,
                                                    const std::string& given, const char* option,
                                                    const char* variable, const char* property) {
  if (!given.empty()) return {given, option};
  return finder.find(variable, property).value_or(Setting<std::string>{});
}

[[nodiscard]] inline Result<Setting<std::string>> find_profile_name(const SettingFinder& finder,
                                                                    const std::string& given,
                                                                    const Profiles& profiles) {
  Setting<std::string> name{"default"};
  if (!given.empty()) {
    name = {given, "ClientOptions.profile"};
  } else if (const auto found = finder.variable("AWS_PROFILE")) {
    name = *found;
  }
  if (name.source == "default" || profiles.find_profile(name.value) != nullptr) return name;
  if (!is_profile_name(name.value)) {
    return setting_error(
        name.source, "not the name of a profile; use letters, digits and characters of -_/.%@:+");
  }
  const auto shown = [](const std::string& path) {
    return path.empty() ? std::string{"(no home folder)"} : path;
  };
  return setting_error(name.source, "there is no profile \"" + name.value + "\" in " +
                                        shown(profiles.config_file) + " or " +
                                        shown(profiles.credentials_file) + "; write [profile " +
                                        name.value + "] in the first, or name another profile");
}

[[nodiscard]] inline Result<Setting<std::string>> find_region(const SettingFinder& finder,
                                                              const std::string& given) {
  Setting<std::string> region;
  if (!given.empty()) {
    region = {given, "ClientOptions.region"};
  } else if (const auto found = finder.variable("AWS_REGION")) {
    region = *found;
  } else if (const auto older = finder.find("AWS_DEFAULT_REGION", "region")) {
    region = *older;
  } else {
    return region;
  }
  const Result<void> checked = check_region(region.value);
  if (!checked) return setting_error(region.source, checked.error().message);
  return region;
}

/// What a service is called where its endpoint URL may be configured.
struct ServiceNames {
  const char* variable;
  const char* services_key;  ///< In a services section.
};

/// The endpoint URL of the profile: that of its services section, then its own.
[[nodiscard]] inline Result<Setting<std::string>> find_profile_endpoint(const SettingFinder& finder,
                                                                        const Profiles& profiles,
                                                                        const ServiceNames& names) {
  if (const auto services = finder.property("services")) {
    const auto section = profiles.services.find(services->value);
    if (section == profiles.services.end()) {
      return setting_error(services->source, "there is no section [services ...] of this name in " +
                                                 profiles.config_file +
                                                 "; write it, or remove the property");
    }
    if (auto found =
            SettingFinder::used(section->second.find(names.services_key, "endpoint_url"))) {
      return *std::move(found);
    }
  }
  return finder.property("endpoint_url").value_or(Setting<std::string>{});
}

/// The endpoint URL that variables and profile configure for a service; empty by default.
[[nodiscard]] inline Result<Setting<std::string>> find_configured_endpoint_url(
    const SettingFinder& finder, const Profiles& profiles, const ServiceNames& names) {
  const Result<Setting<bool>> ignored =
      find_switch(finder, std::nullopt, "", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
                  "ignore_configured_endpoint_urls");
  if (!ignored) return ignored.error();
  if (ignored->value) return Setting<std::string>{"", ignored->source};
  if (auto found = finder.variable(names.variable)) return *std::move(found);
  if (auto found = finder.variable("AWS_ENDPOINT_URL")) return *std::move(found);
  return find_profile_endpoint(finder, profiles, names);
}

[[nodiscard]] inline Result<Setting<std::string>> find_endpoint_url(const SettingFinder& finder,
                                                                    const std::string& given,
                                                                    const Profiles& profiles) {
  if (!given.empty()) return Setting<std::string>{given, "ClientOptions.endpoint_url"};
  return find_configured_endpoint_url(
      finder, profiles, {"AWS_ENDPOINT_URL_PERSONALIZE_EVENTS", "personalize_events"});
}

/// The endpoint URL of AWS STS, for the credential providers that ask it. An AWS_ENDPOINT_URL that
/// was meant for Personalize Events is that of STS too, as in every AWS SDK.
[[nodiscard]] inline Result<Setting<std::string>> find_sts_endpoint_url(const SettingFinder& finder,
                                                                        const Profiles& profiles) {
  return find_configured_endpoint_url(finder, profiles, {"AWS_ENDPOINT_URL_STS", "sts"});
}

[[nodiscard]] inline Result<Setting<RetryMode>> find_retry_mode(const SettingFinder& finder,
                                                                std::optional<RetryMode> given) {
  if (given) return Setting<RetryMode>{*given, "ClientOptions.retry.mode"};
  const auto found = finder.find("AWS_RETRY_MODE", "retry_mode");
  if (!found) return Setting<RetryMode>{RetryMode::Standard};
  const std::string text = to_lower(trim(found->value));
  if (text == "standard") return Setting<RetryMode>{RetryMode::Standard, found->source};
  if (text == "adaptive") return Setting<RetryMode>{RetryMode::Adaptive, found->source};
  if (text == "legacy") {
    return Setting<RetryMode>{RetryMode::Standard, found->source + ", which says legacy"};
  }
  return setting_error(found->source, "not a retry mode; set standard or adaptive");
}

[[nodiscard]] inline Result<Setting<int>> find_max_attempts(const SettingFinder& finder,
                                                            std::optional<int> given) {
  constexpr const char* rule = "must be a whole number of at least 1; the first attempt counts";
  if (given) {
    if (*given < 1) return setting_error("ClientOptions.retry.max_attempts", rule);
    return Setting<int>{*given, "ClientOptions.retry.max_attempts"};
  }
  const auto found = finder.find("AWS_MAX_ATTEMPTS", "max_attempts");
  if (!found) return Setting<int>{3};
  const std::optional<std::int64_t> number = parse_integer(trim(found->value));
  if (!number || *number < 1 || *number > std::numeric_limits<int>::max()) {
    return setting_error(found->source, rule);
  }
  return Setting<int>{static_cast<int>(*number), found->source};
}

/// Checks the application's name for the User-Agent, because it becomes part of a header. Errors:
/// Configuration, `where` is "app_id".
[[nodiscard]] inline Result<void> check_app_id(std::string_view app_id) {
  if (app_id.empty() || (app_id.size() <= 50 && is_http_token(app_id))) return {};
  return setting_error("app_id",
                       "must be at most 50 letters, digits and characters of !#$%&'*+-.^_`|~");
}

[[nodiscard]] inline Result<Setting<std::string>> find_app_id(const SettingFinder& finder,
                                                              const std::string& given) {
  Setting<std::string> app_id =
      find_text(finder, given, "ClientOptions.app_id", "AWS_SDK_UA_APP_ID", "sdk_ua_app_id");
  const Result<void> checked = check_app_id(app_id.value);
  if (!checked) return setting_error(app_id.source, checked.error().message);
  return app_id;
}

}  // namespace detail

/// The settings as far as anything names them; the region may stay empty, because instance metadata
/// may still tell it. Errors: Configuration, `where` is the setting's source, for a value that is
/// not allowed, and for a named profile that does not exist.
[[nodiscard]] inline Result<Settings> find_settings(const GivenSettings& given, Platform& platform,
                                                    const Profiles& profiles) {
  Settings settings;
  const auto profile =
      detail::find_profile_name(detail::SettingFinder{platform, nullptr}, given.profile, profiles);
  if (!profile) return profile.error();
  settings.profile = *profile;
  const detail::SettingFinder finder{platform, profiles.find_profile(profile->value)};

  auto region = detail::find_region(finder, given.region);
  if (!region) return region.error();
  settings.region = *std::move(region);

  auto endpoint_url = detail::find_endpoint_url(finder, given.endpoint_url, profiles);
  if (!endpoint_url) return endpoint_url.error();
  settings.endpoint_url = *std::move(endpoint_url);

  auto use_fips = detail::find_switch(finder, given.use_fips, "ClientOptions.use_fips",
                                      "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint");
  if (!use_fips) return use_fips.error();
  settings.use_fips = *std::move(use_fips);

  auto use_dual_stack =
      detail::find_switch(finder, given.use_dual_stack, "ClientOptions.use_dual_stack",
                          "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint");
  if (!use_dual_stack) return use_dual_stack.error();
  settings.use_dual_stack = *std::move(use_dual_stack);

  auto retry_mode = detail::find_retry_mode(finder, given.retry.mode);
  if (!retry_mode) return retry_mode.error();
  settings.retry_mode = *std::move(retry_mode);

  auto max_attempts = detail::find_max_attempts(finder, given.retry.max_attempts);
  if (!max_attempts) return max_attempts.error();
  settings.max_attempts = *std::move(max_attempts);

  settings.ca_file = detail::find_text(finder, given.ca_file, "ClientOptions.http.ca_file",
                                       "AWS_CA_BUNDLE", "ca_bundle");

  auto app_id = detail::find_app_id(finder, given.app_id);
  if (!app_id) return app_id.error();
  settings.app_id = *std::move(app_id);
  return settings;
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

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
