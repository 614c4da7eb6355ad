// SPDX-License-Identifier: Apache-2.0
//
// HttpRequest and HttpResponse: one exchange as plain data. The client forms requests, a Transport
// carries them, and wire/ reads the answers; tests make both by hand.
#ifndef PERSONALIZE_EVENTS_HTTP_MESSAGE_HPP
#define PERSONALIZE_EVENTS_HTTP_MESSAGE_HPP

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "personalize_events/detail/ascii.hpp"
#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// Header fields in the order in which they are sent or were received.
using Headers = std::vector<std::pair<std::string, std::string>>;

/// A request as it goes on the wire. `headers` holds all fields but Content-Length, which the
/// transport adds; a transport changes none of them, because they are signed.
struct HttpRequest {
  std::string method;                       ///< "POST"
  std::string url{};                        ///< Absolute, already percent-encoded.
  Headers headers{};                        ///< In the order in which they are sent.
  std::string body{};                       ///< Sent as it is.
  std::chrono::milliseconds timeout{5000};  ///< For the whole exchange, connecting included.
  std::chrono::milliseconds connect_timeout{3100};  ///< DNS, TCP and TLS together.
  bool direct{false};                               ///< Never through a proxy (instance metadata).
};

/// A complete response. A transport never answers with a part of one.
struct HttpResponse {
  int status{0};       ///< 200
  Headers headers{};   ///< In the order of arrival.
  std::string body{};  ///< At most 64 KiB from the library's own transports.
};

/// Whether two header names are equal; ASCII case is ignored (RFC 9110, section 5.1).
[[nodiscard]] constexpr bool equal_header_names(std::string_view left,
                                                std::string_view right) noexcept {
  return detail::equal_ignoring_case(left, right);
}

/// Whether this is a token (RFC 9110, section 5.6.2): a method, or the name of a header.
[[nodiscard]] inline bool is_http_token(std::string_view text) {
  const auto allowed = [](char c) {
    return detail::is_letter(c) || detail::is_digit(c) ||
           std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos;
  };
  return !text.empty() && detail::all_of(text, allowed);
}

/// The value of the first header with this name, in any letter case; null when there is none.
[[nodiscard]] inline const std::string* find_header(const Headers& headers,
                                                    std::string_view name) noexcept {
  for (const auto& [key, value] : headers) {
    if (equal_header_names(key, name)) return &value;
  }
  return nullptr;
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
