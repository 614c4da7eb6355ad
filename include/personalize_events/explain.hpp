// SPDX-License-Identifier: Apache-2.0
//
// explain: a printable report of where make_client would take each setting and the credentials
// from, for those who wonder why a program uses another region or other keys.
#ifndef PERSONALIZE_EVENTS_EXPLAIN_HPP
#define PERSONALIZE_EVENTS_EXPLAIN_HPP

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "personalize_events/detail/base/ascii.hpp"
#include "personalize_events/detail/client/client_settings.hpp"
#include "personalize_events/detail/client/explain_credentials.hpp"
#include "personalize_events/detail/client/report.hpp"
#include "personalize_events/detail/config/endpoint.hpp"
#include "personalize_events/detail/config/profile_file.hpp"
#include "personalize_events/detail/config/settings.hpp"
#include "personalize_events/detail/platform/system_platform.hpp"
#include "personalize_events/detail/providers/metadata_service.hpp"
#include "personalize_events/detail/providers/provider_context.hpp"
#include "personalize_events/detail/providers/source.hpp"
#include "personalize_events/options.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// A proxy's URL with `***` in place of user name and password, and without a path. Empty when the
/// rest is not a scheme, host and port.
[[nodiscard]] inline std::string show_proxy(std::string_view url) {
  const std::size_t at = url.rfind('@');
  const std::size_t mark = url.find("://");
  const bool has_scheme =
      mark != std::string_view::npos && (at == std::string_view::npos || mark < at);
  const std::string_view scheme = has_scheme ? url.substr(0, mark) : std::string_view{};
  std::string_view place = url;
  if (has_scheme) place.remove_prefix(mark + 3);
  if (at != std::string_view::npos) place = url.substr(at + 1);
  place = place.substr(0, place.find_first_of("/?#"));

  const auto is_of_scheme = [](char c) { return is_letter(c) || is_digit(c); };
  const auto is_of_place = [](char c) {
    return is_letter(c) || is_digit(c) ||
           std::string_view{".-_:[]"}.find(c) != std::string_view::npos;
  };
  if (place.empty() || !all_of(place, is_of_place)) return {};
  if (!all_of(scheme, is_of_scheme) || scheme.size() > 8) return {};
  std::string shown;
  if (has_scheme) shown.append(scheme).append("://");
  if (at != std::string_view::npos) shown.append("***@");
  return shown.append(place);
}

/// The settings of a client, one after the other: one that is wrong does not hide the others.
class SettingsReport {
 public:
  /// `options` have a platform.
  SettingsReport(const ClientOptions& options, ReportWriter& writer)
      : options_(options), platform_(*options.platform), writer_(writer) {}

  void write() {
    const detail::ProfileLocations files = detail::profile_locations(platform_);
    write_file("config file", "AWS_CONFIG_FILE", files.config);
    write_file("credentials file", "AWS_SHARED_CREDENTIALS_FILE", files.credentials);
    Result<SelectedProfile> profile = find_client_profile(options_);
    if (profile) {
      writer_.line(kProfileRow.name, profile->name.value, profile->name.source);
    } else {
      writer_.wrong(kProfileRow.name, profile.error());
    }
    const SettingFinder finder{platform_, profile ? &*profile : nullptr};
    visit_settings([&](const auto& row, auto member) {
      write_setting(row, member, finder.find(row, given_settings(options_)));
      return true;
    });
    write_options();
    write_connection();
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
  void write_setting(const SettingRow<T>& row, detail::Setting<T> detail::Settings::*member,
                     Result<detail::Setting<T>> found) {
    if (!found) {
      endpoint_is_known_ = false;
      return writer_.wrong(row.name, found.error());
    }
    settings_.*member = *std::move(found);
    const detail::Setting<T>& setting = settings_.*member;
    if constexpr (SettingRow<T>::kIsText) {
      if (member == &detail::Settings::region && setting.value.empty())
        return write_missing_region();
      if (member == &detail::Settings::endpoint_url) return write_endpoint();
      if (member == &detail::Settings::ca_file) return write_authorities();
    }
    writer_.line(row.name, show(setting.value), setting.source);
  }

  /// An option that only the program sets.
  template <class T>
  void write_option(const char* name, const T& value, const T& by_default, const char* option) {
    writer_.line(name, show(value), value == by_default ? "default" : option);
  }

  void write_if_given(const char* name, const detail::Setting<std::string>& found) {
    if (!found.value.empty()) writer_.line(name, found.value, found.source);
  }

  void write_file(const char* name, const char* variable, const std::string& path) {
    const bool is_named = names_file(platform_, variable);
    const char* source = is_named ? variable : "default";
    if (path.empty()) return writer_.line(name, "none: HOME is not set", source);
    const Result<void> readable = check_secret_file(platform_.read_file(path));
    std::string state;
    if (!readable && readable.error().code == "NotFound") {
      state = " (does not exist)";
    } else if (!readable) {
      const bool is_ignored = is_absent(readable.error(), is_named);
      state = " (" + readable.error().message + (is_ignored ? "; ignored)" : ")");
    }
    writer_.line(name, path + state, source);
  }

  void write_missing_region() {
    const ProviderReport metadata = report_metadata(platform_, options_.profile);
    if (metadata.state == ProviderReport::State::Asks) {
      writer_.line(kRegionRow.name,
                   "none named; instance metadata would be asked: " + metadata.what);
    } else {
      writer_.wrong(kRegionRow.name, detail::missing_region_error());
    }
  }

  /// The endpoint that the settings before it lead to.
  void write_endpoint() {
    const detail::Setting<std::string>& url = settings_.endpoint_url;
    if (!endpoint_is_known_ || (settings_.region.value.empty() && url.value.empty())) {
      return writer_.line(kEndpointUrlRow.name, "unknown without the settings above");
    }
    const Result<detail::Endpoint> endpoint = detail::resolve_endpoint(settings_);
    if (!endpoint) return writer_.wrong(kEndpointUrlRow.name, endpoint.error());
    const bool is_ignoring = url.value.empty() && url.source != "default";
    const std::string source = !url.value.empty() ? url.source : std::string{"the region's"};
    writer_.line(kEndpointUrlRow.name, endpoint->url,
                 is_ignoring ? source + "; others ignored by " + url.source : source);
  }

  void write_options() {
    const ClientOptions none;
    write_option("retry quota", options_.retry.quota, none.retry.quota,
                 "ClientOptions.retry.quota");
    write_option("attempt timeout", options_.attempt_timeout, none.attempt_timeout,
                 "ClientOptions.attempt_timeout");
    write_option("call timeout", options_.call_timeout, none.call_timeout,
                 "ClientOptions.call_timeout");
    write_option("validation", options_.validation, none.validation, "ClientOptions.validation");
  }

  void write_connection() {
    if (options_.transport != nullptr) {
      return writer_.line("transport", "the program's own, with its own settings",
                          "ClientOptions.transport");
    }
    const HttpOptions& http = options_.http;
    const HttpOptions none;
    writer_.line("transport", "libcurl", "default");
    write_option("connect timeout", http.connect_timeout, none.connect_timeout,
                 "ClientOptions.http.connect_timeout");
    write_option("connections", http.max_connections, none.max_connections,
                 "ClientOptions.http.max_connections");
    write_proxy();
    write_if_given("client certificate",
                   {http.client_certificate, "ClientOptions.http.client_certificate"});
    write_if_given("client key", {http.client_key, "ClientOptions.http.client_key"});
  }

  /// What a transport of the program's own does not use.
  void write_authorities() {
    if (options_.transport != nullptr) return;
    if (settings_.ca_file.value.empty() && options_.http.ca_path.empty()) {
      writer_.line(kCaFileRow.name, "libcurl's own", "default");
    }
    write_if_given(kCaFileRow.name, settings_.ca_file);
    write_if_given(kCaFileRow.name, {options_.http.ca_path, "ClientOptions.http.ca_path"});
  }

  /// libcurl reads the environment itself, by rules that differ between its versions.
  void write_proxy() {
    if (!options_.http.proxy.empty()) {
      const std::string shown = show_proxy(options_.http.proxy);
      const bool is_proxy = !shown.empty();
      return writer_.line("proxy",
                          is_proxy ? shown : "WRONG: write it like http://proxy.example.com:3128",
                          "ClientOptions.http.proxy");
    }
    std::string names;
    for (const char* name : {"https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY",
                             "no_proxy", "NO_PROXY"}) {
      if (platform_.environment(name).value_or("").empty()) continue;
      names.append(names.empty() ? "" : ", ").append(name);
    }
    if (names.empty()) return writer_.line("proxy", "none", "default");
    writer_.line("proxy", "libcurl decides", names);
  }

  const ClientOptions& options_;
  Platform& platform_;
  ReportWriter& writer_;
  detail::Settings settings_{};
  bool endpoint_is_known_{true};
};

}  // namespace detail

/// Describes, one line a setting, what make_client(options) would use and where it comes from: an
/// option, a variable, a file and line, or a default; then each provider of credentials and whether
/// it would supply some. A setting that cannot be used is marked WRONG, with the reason.
///
/// It reads the environment, the two shared AWS files, and whether the files of tokens exist. It
/// sends, runs and writes nothing. No secret is shown, nor its length: of a key's id the kind and
/// the last four characters, of a proxy not the password, of a process not the arguments. The text
/// is for people and changes from version to version.
[[nodiscard]] inline std::string explain(ClientOptions options) {
  if (options.platform == nullptr) options.platform = system_platform();
  detail::ReportWriter writer;
  writer.title("personalize-events " PERSONALIZE_EVENTS_VERSION);
  detail::SettingsReport{options, writer}.write();
  if (options.credentials) {
    writer.line("credentials", "a function of the program", "ClientOptions.credentials");
  } else {
    detail::explain_credentials(
        writer, detail::SourceContext{{{}, options.platform, options.profile, options.region}});
  }
  return writer.take();
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
