// SPDX-License-Identifier: Apache-2.0
//
// Lowercase hexadecimal, as SigV4 wants its digests written. Used by signing/ and uuid.hpp.
#ifndef PERSONALIZE_EVENTS_DETAIL_BASE_HEX_HPP
#define PERSONALIZE_EVENTS_DETAIL_BASE_HEX_HPP

#include <cstddef>
#include <string>

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Appends two lowercase hexadecimal digits a byte.
inline void append_hex(std::string& out, const unsigned char* bytes, std::size_t count) {
  constexpr const char* digits = "0123456789abcdef";
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back(digits[bytes[i] >> 4U]);
    out.push_back(digits[bytes[i] & 0x0fU]);
  }
}

/// The lowercase hexadecimal text of some bytes.
[[nodiscard]] inline std::string to_hex(const unsigned char* bytes, std::size_t count) {
  std::string text;
  text.reserve(2 * count);
  append_hex(text, bytes, count);
  return text;
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
