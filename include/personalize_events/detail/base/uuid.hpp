// SPDX-License-Identifier: Apache-2.0
//
// The text of UUIDs (RFC 9562) from bytes that the caller drew: version 7 for event ids, version 4
// for invocation ids. Pure; model/event_id.hpp draws the bytes.
#ifndef PERSONALIZE_EVENTS_DETAIL_BASE_UUID_HPP
#define PERSONALIZE_EVENTS_DETAIL_BASE_UUID_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

using UuidBytes = std::array<unsigned char, 16>;

/// The 36 characters of a UUID.
using UuidText = std::array<char, 36>;

[[nodiscard]] inline std::string_view view_of(const UuidText& text) {
  return {text.data(), text.size()};
}

/// A UUID's text, with its version and variant bits put in place.
[[nodiscard]] constexpr UuidText format_uuid(UuidBytes bytes, unsigned version) {
  constexpr std::string_view digits = "0123456789abcdef";
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0fU) | (version << 4U));
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3fU) | 0x80U);
  UuidText text{};
  std::size_t at = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text[at++] = '-';
    text[at++] = digits[bytes[i] >> 4U];
    text[at++] = digits[bytes[i] & 0x0fU];
  }
  return text;
}

/// A version 7 UUID: 48 bits of milliseconds since the epoch, then 74 of the random bits given.
[[nodiscard]] constexpr UuidText format_uuid_v7(std::uint64_t milliseconds, UuidBytes random) {
  for (std::size_t i = 0; i < 6; ++i) {
    random[i] = static_cast<unsigned char>(milliseconds >> (8U * (5U - static_cast<unsigned>(i))));
  }
  return format_uuid(random, 7);
}

/// A version 4 UUID: 122 of the random bits given.
[[nodiscard]] inline std::string format_uuid_v4(UuidBytes random) {
  return std::string{view_of(format_uuid(random, 4))};
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
