// SPDX-License-Identifier: Apache-2.0
//
// Proxies as libcurl finds them. It reads the environment by itself; this tells what it will find,
// for explain(), and shows a proxy without its password.
// Source: libcurl-env(3), CURLOPT_PROXY(3), CURLOPT_NOPROXY(3).
#ifndef PERSONALIZE_EVENTS_CONFIG_PROXY_HPP
#define PERSONALIZE_EVENTS_CONFIG_PROXY_HPP

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "personalize_events/config/endpoint.hpp"
#include "personalize_events/config/settings.hpp"
#include "personalize_events/detail/ascii.hpp"
#include "personalize_events/platform/platform.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// How an endpoint is reached.
struct ProxyChoice {
  /// A proxy's URL; empty: none is named. It may hold a password: print show_proxy of it.
  Setting<std::string> proxy{};
  /// The variable that excepts the endpoint's host from the proxy, "NO_PROXY"; empty: none does.
  std::string excepted_by{};
};

namespace detail {

/// The first of several variables that is set to something.
[[nodiscard]] inline std::optional<Setting<std::string>> first_variable(
    Platform& platform, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    std::optional<std::string> value = platform.environment(name);
    if (value && !value->empty()) return Setting<std::string>{*std::move(value), name};
  }
  return std::nullopt;
}

/// A host without the brackets of IPv6 and without a last dot.
[[nodiscard]] constexpr std::string_view bare_name(std::string_view name) noexcept {
  if (name.size() > 1 && name.front() == '[') name = name.substr(1, name.size() - 2);
  if (!name.empty() && name.back() == '.') name.remove_suffix(1);
  return name;
}

/// The bare name of an Endpoint::host, without its port.
[[nodiscard]] constexpr std::string_view bare_host(std::string_view host) noexcept {
  const std::size_t colon = host.rfind(':');
  const bool has_port = colon != std::string_view::npos && host.back() != ']';
  return bare_name(has_port ? host.substr(0, colon) : host);
}

/// Whether a value of NO_PROXY excepts a host: `*`, the host itself, or a domain that it is in.
/// Ranges of addresses, which libcurl knows since 7.86, are left out.
[[nodiscard]] inline bool excepts_host(std::string_view no_proxy, std::string_view host) {
  if (no_proxy == "*") return true;
  constexpr std::string_view separators{", \t"};
  while (!no_proxy.empty()) {
    std::string_view name = no_proxy.substr(0, no_proxy.find_first_of(separators));
    no_proxy.remove_prefix(name.size() == no_proxy.size() ? name.size() : name.size() + 1);
    if (!name.empty() && name.front() == '.') name.remove_prefix(1);
    name = bare_name(name);
    if (name.empty() || name.size() > host.size()) continue;
    const std::string_view before = host.substr(0, host.size() - name.size());
    const bool ends_so = equal_ignoring_case(host.substr(before.size()), name);
    if (ends_so && (before.empty() || before.back() == '.')) return true;
  }
  return false;
}

}  // namespace detail

/// The proxy between this program and an endpoint: `given` (HttpOptions::proxy), else for https
/// https_proxy or HTTPS_PROXY, for http http_proxy in lower case only, else all_proxy or ALL_PROXY;
/// from one of the environment no_proxy or NO_PROXY may except the host. Pure.
[[nodiscard]] inline ProxyChoice find_proxy(const std::string& given, const Endpoint& endpoint,
                                            Platform& platform) {
  if (!given.empty()) return {{given, "ClientOptions.http.proxy"}, {}};
  const bool is_https = endpoint.scheme == "https";
  // A web server passes a request's header "Proxy" on as HTTP_PROXY, so libcurl never reads that.
  const auto proxy =
      is_https ? detail::first_variable(platform,
                                        {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"})
               : detail::first_variable(platform, {"http_proxy", "all_proxy", "ALL_PROXY"});
  if (!proxy) return {};
  const auto exceptions = detail::first_variable(platform, {"no_proxy", "NO_PROXY"});
  const bool is_excepted =
      exceptions && detail::excepts_host(exceptions->value, detail::bare_host(endpoint.host));
  return {*proxy, is_excepted ? exceptions->source : std::string{}};
}

/// A proxy's URL with `***` in place of user name and password, and without a path. Empty when what
/// is left is no scheme, host and port.
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

  const auto is_of_scheme = [](char c) { return detail::is_letter(c) || detail::is_digit(c); };
  const auto is_of_place = [](char c) {
    return detail::is_letter(c) || detail::is_digit(c) ||
           std::string_view{".-_:[]"}.find(c) != std::string_view::npos;
  };
  if (place.empty() || !detail::all_of(place, is_of_place)) return {};
  if (!detail::all_of(scheme, is_of_scheme) || scheme.size() > 8) return {};
  std::string shown;
  if (has_scheme) shown.append(scheme).append("://");
  if (at != std::string_view::npos) shown.append("***@");
  return shown.append(place);
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
