// SPDX-License-Identifier: Apache-2.0
//
// check_request: what keeps a request that would break its message from the wire. The transports on
// libcurl ask it first.
#ifndef PERSONALIZE_EVENTS_DETAIL_HTTP_REQUEST_CHECK_HPP
#define PERSONALIZE_EVENTS_DETAIL_HTTP_REQUEST_CHECK_HPP

#include <cstddef>
#include <string>
#include <string_view>

#include "personalize_events/options.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Whether a URL has this scheme, for example "https://". ASCII case is ignored.
[[nodiscard]] constexpr bool has_scheme(std::string_view url, std::string_view scheme) noexcept {
  return equal_header_names(url.substr(0, scheme.size()), scheme);
}

/// Whether the text has one of the three bytes that would end a line or a C string.
[[nodiscard]] constexpr bool breaks_a_line(std::string_view text) noexcept {
  return text.find_first_of(std::string_view{"\r\n\0", 3}) != std::string_view::npos;
}

/// Refuses what could not be sent as it is. Errors: InvalidArgument for a method, a header or a
/// body; Configuration for a URL that is not http or https, and for unusable options. `where`
/// names the member.
[[nodiscard]] inline Result<void> check_request(const HttpRequest& request,
                                                const HttpOptions& options) {
  if (options.max_connections < 1) {
    return make_error(ErrorKind::Configuration, "HttpOptions::max_connections",
                      "must be at least 1");
  }
  if (options.client_certificate.empty() && !options.client_key.empty()) {
    return make_error(ErrorKind::Configuration, "HttpOptions::client_certificate",
                      "HttpOptions::client_key is given alone; give the PEM file of its "
                      "certificate too");
  }
  if (!has_scheme(request.url, "https://") && !has_scheme(request.url, "http://")) {
    return make_error(ErrorKind::Configuration, "url",
                      "the URL must begin with https:// or http://");
  }
  if (request.url.find_first_of(std::string_view{"\r\n\t \0", 5}) != std::string::npos) {
    return make_error(ErrorKind::InvalidArgument, "url",
                      "the URL holds a blank, a line end or a zero byte; percent-encode it");
  }
  if (!is_http_token(request.method)) {
    return make_error(ErrorKind::InvalidArgument, "method",
                      "the method is not an HTTP token; use GET, PUT or POST");
  }
  if (request.method == "HEAD" && !request.body.empty()) {
    return make_error(ErrorKind::InvalidArgument, "body",
                      "a HEAD request has no body; leave it empty");
  }
  for (std::size_t i = 0; i < request.headers.size(); ++i) {
    const auto& [name, value] = request.headers[i];
    const auto refused = [i](const char* message) {
      return make_error(ErrorKind::InvalidArgument, "headers[" + std::to_string(i) + "]", message);
    };
    if (!is_http_token(name)) {
      return refused("the name is not an HTTP token; use letters, digits and hyphens");
    }
    if (breaks_a_line(value)) {
      return refused("the value holds a line end or a zero byte; remove it");
    }
    // A second opinion on where the body ends is how requests are smuggled.
    if (equal_header_names(name, "Content-Length") ||
        equal_header_names(name, "Transfer-Encoding")) {
      return refused("the length of the body is the transport's to say; leave this header out");
    }
  }
  return {};
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
