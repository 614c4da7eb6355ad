// SPDX-License-Identifier: Apache-2.0
//
// explain: a printable account of where make_client would take each setting and the credentials
// from. For the person who wonders why a program talks to another region, or with other keys.
#ifndef PERSONALIZE_EVENTS_CLIENT_EXPLAIN_HPP
#define PERSONALIZE_EVENTS_CLIENT_EXPLAIN_HPP

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "personalize_events/auth/secret.hpp"
#include "personalize_events/client/account.hpp"
#include "personalize_events/client/explain_credentials.hpp"
#include "personalize_events/client/options.hpp"
#include "personalize_events/config/endpoint.hpp"
#include "personalize_events/config/profile_file.hpp"
#include "personalize_events/config/proxy.hpp"
#include "personalize_events/config/settings.hpp"
#include "personalize_events/platform/platform.hpp"
#include "personalize_events/platform/system_platform.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// The settings of a client, one after the other: one that is wrong does not hide the others.
class SettingsAccount {
 public:
  SettingsAccount(const ClientOptions& options, Platform& platform, Account& account)
      : options_(options), platform_(platform), account_(account) {}

  void write() {
    const SettingFinder environment{platform_, nullptr};
    write_file("config file", "AWS_CONFIG_FILE", profile_locations(platform_).config);
    write_file("credentials file", "AWS_SHARED_CREDENTIALS_FILE",
               profile_locations(platform_).credentials);
    Result<Profiles> loaded = load_profiles(platform_);
    const bool are_loaded = loaded.has_value();
    if (!are_loaded) account_.wrong("profile", loaded.error());
    const Profiles profiles = are_loaded ? *std::move(loaded) : Profiles{};
    const auto profile = find_profile_name(environment, options_.profile, profiles);
    if (are_loaded) write_found("profile", profile);
    const std::string name = profile ? profile->value : std::string{};

    const SettingFinder finder{platform_, profiles.find_profile(name)};
    write_place(finder, profiles);
    write_retries(finder);
    write_connection(finder);
  }

 private:
  [[nodiscard]] static std::string show(const std::string& value) {
    return value.empty() ? "none" : value;
  }
  [[nodiscard]] static std::string show(bool value) { return value ? "on" : "off"; }
  [[nodiscard]] static std::string show(int value) { return std::to_string(value); }
  [[nodiscard]] static std::string show(std::chrono::milliseconds value) {
    return std::to_string(value.count()) + " ms";
  }
  [[nodiscard]] static std::string show(RetryMode value) {
    return value == RetryMode::Adaptive ? "adaptive" : "standard";
  }
  [[nodiscard]] static std::string show(Validation value) {
    return value == Validation::Model ? "by the service model" : "well-formedness only";
  }

  template <class T>
  void write_found(const char* name, const Result<Setting<T>>& found) {
    if (!found) return account_.wrong(name, found.error());
    account_.line(name, show(found->value), found->source);
  }

  /// An option that nothing but the program sets.
  template <class T>
  void write_option(const char* name, const T& value, const T& by_default, const char* option) {
    account_.line(name, show(value), value == by_default ? "default" : option);
  }

  void write_if_given(const char* name, const Setting<std::string>& found) {
    if (!found.value.empty()) account_.line(name, found.value, found.source);
  }

  void write_file(const char* name, const char* variable, const std::string& path) {
    const bool is_named = SettingFinder{platform_, nullptr}.variable(variable).has_value();
    const char* source = is_named ? variable : "default";
    if (path.empty()) return account_.line(name, "none: HOME is not set", source);
    const Result<void> readable = check_secret_file(platform_.read_file(path));
    const bool is_absent = !readable && readable.error().code == "NotFound";
    const std::string state = readable ? "" : is_absent ? " (not there)" : " (unreadable)";
    account_.line(name, path + state, source);
  }

  void write_place(const SettingFinder& finder, const Profiles& profiles) {
    const auto region = find_region(finder, options_.region);
    const auto url = find_endpoint_url(finder, options_.endpoint_url, profiles);
    const auto use_fips = find_switch(finder, options_.use_fips, "ClientOptions.use_fips",
                                      "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint");
    const auto use_dual_stack =
        find_switch(finder, options_.use_dual_stack, "ClientOptions.use_dual_stack",
                    "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint");
    if (region && region->value.empty()) {
      write_missing_region();
    } else {
      write_found("region", region);
    }
    write_found("FIPS", use_fips);
    write_found("dual stack", use_dual_stack);
    if (!url) return account_.wrong("endpoint", url.error());
    if (!region || !use_fips || !use_dual_stack || (region->value.empty() && url->value.empty())) {
      return account_.line("endpoint", "unknown without the settings above");
    }
    Settings settings;
    settings.region = *region;
    settings.endpoint_url = *url;
    settings.use_fips = *use_fips;
    settings.use_dual_stack = *use_dual_stack;
    const Result<Endpoint> endpoint = resolve_endpoint(settings);
    if (!endpoint) return account_.wrong("endpoint", endpoint.error());
    const bool is_ignoring = url->value.empty() && url->source != "default";
    const std::string source = !url->value.empty() ? url->source : std::string{"the region's"};
    account_.line("endpoint", endpoint->url,
                  is_ignoring ? source + "; others ignored by " + url->source : source);
    write_proxy(*endpoint);
  }

  void write_missing_region() {
    const SourceAccount metadata = metadata_account(platform_, options_.profile);
    if (metadata.state == SourceAccount::State::Asks) {
      account_.line("region", "none named; instance metadata would be asked: " + metadata.what);
    } else {
      account_.wrong("region", missing_region_error());
    }
  }

  void write_proxy(const Endpoint& endpoint) {
    if (options_.transport != nullptr) return;
    ProxyChoice choice = find_proxy(options_.http.proxy, endpoint, platform_);
    const crypto::WipeAtEnd wipe{choice.proxy.value};
    if (choice.proxy.value.empty()) return account_.line("proxy", "none", "default");
    const std::string shown = show_proxy(choice.proxy.value);
    if (shown.empty()) {
      return account_.line("proxy", "WRONG: write it like http://proxy.example.com:3128",
                           choice.proxy.source);
    }
    if (choice.excepted_by.empty()) return account_.line("proxy", shown, choice.proxy.source);
    account_.line("proxy", "none: " + choice.excepted_by + " excepts the endpoint from " + shown,
                  choice.proxy.source);
  }

  void write_retries(const SettingFinder& finder) {
    const ClientOptions none;
    write_found("retry mode", find_retry_mode(finder, options_.retry.mode));
    write_found("attempts", find_max_attempts(finder, options_.retry.max_attempts));
    write_option("retry quota", options_.retry.quota, none.retry.quota,
                 "ClientOptions.retry.quota");
    write_option("attempt timeout", options_.attempt_timeout, none.attempt_timeout,
                 "ClientOptions.attempt_timeout");
    write_option("call timeout", options_.call_timeout, none.call_timeout,
                 "ClientOptions.call_timeout");
    write_option("validation", options_.validation, none.validation, "ClientOptions.validation");
    write_found("app id", find_app_id(finder, options_.app_id));
  }

  void write_connection(const SettingFinder& finder) {
    if (options_.transport != nullptr) {
      return account_.line("transport", "the program's own, with settings of its own",
                           "ClientOptions.transport");
    }
    const HttpOptions& http = options_.http;
    const HttpOptions none;
    account_.line("transport", "libcurl", "default");
    write_option("connect timeout", http.connect_timeout, none.connect_timeout,
                 "ClientOptions.http.connect_timeout");
    write_option("connections", http.max_connections, none.max_connections,
                 "ClientOptions.http.max_connections");
    const auto ca_file =
        find_text(finder, http.ca_file, "ClientOptions.http.ca_file", "AWS_CA_BUNDLE", "ca_bundle");
    if (ca_file.value.empty() && http.ca_path.empty()) {
      account_.line("authorities", "libcurl's own", "default");
    }
    write_if_given("authorities", ca_file);
    write_if_given("authorities", {http.ca_path, "ClientOptions.http.ca_path"});
    write_if_given("client certificate",
                   {http.client_certificate, "ClientOptions.http.client_certificate"});
    write_if_given("client key", {http.client_key, "ClientOptions.http.client_key"});
  }

  const ClientOptions& options_;
  Platform& platform_;
  Account& account_;
};

}  // namespace detail

/// Tells, one line a setting, what make_client(options) would use and where it comes from: an
/// option, a variable, a file and line, or a default; then each source of credentials and whether
/// it would serve. A setting that cannot be used says WRONG and what is, and the others follow.
///
/// It reads the environment, the two shared AWS files, and whether the files of tokens are there.
/// It sends nothing, runs nothing and writes nothing. No secret is shown, nor how long one is: of a
/// key's id the kind and the last four characters, of a proxy not the password, of a process not
/// the arguments. The text is for people and changes from version to version.
[[nodiscard]] inline std::string explain(const ClientOptions& options) {
  const std::shared_ptr<Platform> platform =
      options.platform != nullptr ? options.platform : system_platform();
  detail::Account account;
  account.title("personalize-events " PERSONALIZE_EVENTS_VERSION);
  detail::SettingsAccount{options, *platform, account}.write();
  if (options.credentials) {
    account.line("credentials", "a function of the program's own", "ClientOptions.credentials");
  } else {
    detail::explain_credentials(account, *platform, options.profile);
  }
  return account.take();
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
