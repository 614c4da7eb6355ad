// SPDX-License-Identifier: Apache-2.0
//
// Base64 in the alphabet that is safe in URLs and without padding (RFC 4648, section 5), as JSON
// Web Tokens are written. providers/login.hpp forms proofs with it.
#ifndef PERSONALIZE_EVENTS_DETAIL_BASE_BASE64_HPP
#define PERSONALIZE_EVENTS_DETAIL_BASE_BASE64_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Appends bytes as base64url text, without padding.
inline void append_base64url(std::string& out, const unsigned char* bytes, std::size_t count) {
  constexpr const char* digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  for (std::size_t i = 0; i < count; i += 3) {
    const std::size_t taken = count - i < 3 ? count - i : 3;
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) group = group << 8U | (j < taken ? bytes[i + j] : 0U);
    for (unsigned j = 0; j <= taken; ++j) out.push_back(digits[group >> (18U - 6U * j) & 0x3fU]);
  }
}

/// Bytes as base64url text, without padding.
[[nodiscard]] inline std::string to_base64url(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  append_base64url(text, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  return text;
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
