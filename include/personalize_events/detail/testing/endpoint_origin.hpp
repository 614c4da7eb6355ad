// SPDX-License-Identifier: Apache-2.0
//
// Whether a request to the local endpoint may come from a web page: a browser on this machine lets
// any page send requests to 127.0.0.1, and read the responses under a host name of the page's site
// that resolves to 127.0.0.1 (DNS rebinding). EndpointService refuses both. Pure functions.
#ifndef PERSONALIZE_EVENTS_DETAIL_TESTING_ENDPOINT_ORIGIN_HPP
#define PERSONALIZE_EVENTS_DETAIL_TESTING_ENDPOINT_ORIGIN_HPP

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "personalize_events/detail/base/ascii.hpp"
#include "personalize_events/detail/testing/signature_check.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace testing::endpoint {

/// The host of "host:port" or "[address]:port", without the port; empty when it is malformed.
[[nodiscard]] inline std::string_view host_of(std::string_view authority) {
  const std::size_t end = authority.find(']');
  const std::size_t colon = authority.find(':', end == std::string_view::npos ? 0 : end);
  if (colon == std::string_view::npos) return authority;
  const std::string_view port = authority.substr(colon + 1);
  const bool is_port = port.size() <= 5 && detail::all_of(port, detail::is_digit);
  return is_port ? authority.substr(0, colon) : std::string_view{};
}

/// Whether a host names this machine: a loopback address, localhost or a name under it (browsers
/// resolve these to loopback themselves), or one of `hosts`.
[[nodiscard]] inline bool is_this_machine(std::string_view host,
                                          const std::vector<std::string>& hosts) {
  constexpr std::string_view suffix = ".localhost";
  const auto equals = [host](std::string_view name) { return equal_header_names(host, name); };
  if (equals("127.0.0.1") || equals("localhost") || equals("[::1]")) return true;
  if (host.size() > suffix.size() &&
      equal_header_names(host.substr(host.size() - suffix.size()), suffix)) {
    return true;
  }
  return std::any_of(hosts.begin(), hosts.end(), equals);
}

/// Checks the headers Host and Origin of a request. Errors: Service 403, as the endpoint responds:
/// Host names another host than this machine and `hosts`, or Origin is not the endpoint itself.
[[nodiscard]] inline Result<void> check_origin(const Headers& headers,
                                               const std::vector<std::string>& hosts) {
  std::string_view authority;
  for (const auto& [name, value] : headers) {
    if (!equal_header_names(name, "Host")) continue;
    authority = value;
    if (!is_this_machine(host_of(value), hosts)) {
      return refusal(403, "ForeignHostException",
                     "The header Host names another host. Use 127.0.0.1 or localhost, or add the "
                     "name to LocalEndpointOptions::hosts.");
    }
  }
  for (const auto& [name, value] : headers) {
    if (!equal_header_names(name, "Origin")) continue;
    const std::string own = "http://" + std::string(authority);
    if (authority.empty() || !equal_header_names(value, own)) {
      return refusal(403, "ForeignOriginException",
                     "The header Origin names a page of another site.");
    }
  }
  return {};
}

}  // namespace testing::endpoint

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
