// SPDX-License-Identifier: Apache-2.0
//
// Percent-encoding and path normalization (RFC 3986), as SigV4 needs them. Used by
// signing/sigv4.hpp and by the credential providers that form query strings.
#ifndef PERSONALIZE_EVENTS_DETAIL_BASE_URI_HPP
#define PERSONALIZE_EVENTS_DETAIL_BASE_URI_HPP

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "personalize_events/detail/base/ascii.hpp"
#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Whether a character is never percent-encoded (RFC 3986, section 2.3).
[[nodiscard]] constexpr bool is_unreserved(char c) noexcept {
  return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

/// What percent_encode does with a slash.
enum class Slash : unsigned char { Encode, Keep };

/// Appends `text` percent-encoded byte by byte, with uppercase digits.
inline void append_percent_encoded(std::string& out, std::string_view text,
                                   Slash slash = Slash::Encode) {
  constexpr const char* digits = "0123456789ABCDEF";
  for (const char c : text) {
    if (is_unreserved(c) || (c == '/' && slash == Slash::Keep)) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(digits[byte >> 4U]);
    out.push_back(digits[byte & 0x0fU]);
  }
}

/// `text` percent-encoded byte by byte, with uppercase digits.
[[nodiscard]] inline std::string percent_encode(std::string_view text,
                                                Slash slash = Slash::Encode) {
  std::string out;
  out.reserve(text.size());
  append_percent_encoded(out, text, slash);
  return out;
}

/// `text` with each `%XX` replaced by its byte; a `%` without two hexadecimal digits stays.
[[nodiscard]] inline std::string percent_decode(std::string_view text) {
  const auto digit = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 &&
        digit(text[i + 2]) >= 0) {
      out.push_back(static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2])));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

/// `path` without dot segments (RFC 3986, section 5.2.4) and without empty ones; never empty, and
/// with a final slash where the path had one.
[[nodiscard]] inline std::string normalize_path(std::string_view path) {
  std::vector<std::string_view> segments;
  bool ends_with_slash = true;
  while (!path.empty()) {
    const std::size_t end = path.find('/');
    const std::string_view segment = path.substr(0, end);
    path.remove_prefix(end == std::string_view::npos ? path.size() : end + 1);
    ends_with_slash = end != std::string_view::npos || segment == "." || segment == "..";
    if (segment.empty() || segment == ".") continue;
    if (segment != "..") {
      segments.push_back(segment);
    } else if (!segments.empty()) {
      segments.pop_back();
    }
  }
  std::string out;
  for (const std::string_view segment : segments) out.append("/").append(segment);
  if (out.empty() || ends_with_slash) out.push_back('/');
  return out;
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
