// SPDX-License-Identifier: Apache-2.0
//
// UTF-8 as the Unicode Standard defines it (table 3-7): what is well formed, and how many scalar
// values it holds. The validator counts lengths with it, and no byte reaches RapidJSON before it,
// because RapidJSON 1.1.0's own check reads out of bounds.
#ifndef PERSONALIZE_EVENTS_DETAIL_BASE_UTF8_HPP
#define PERSONALIZE_EVENTS_DETAIL_BASE_UTF8_HPP

#include <cstddef>
#include <optional>
#include <string_view>

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// The bytes of the well-formed sequence at the start of `text`: 1 to 4, or 0 when there is none.
[[nodiscard]] constexpr std::size_t utf8_sequence_length(std::string_view text) noexcept {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto within = [&](std::size_t i, unsigned low, unsigned high) {
    return i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  const auto continues = [&](std::size_t i) { return within(i, 0x80, 0xBF); };
  if (text.empty()) return 0;
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead < 0xC2) return 0;  // a continuation byte, or an overlong form
  if (lead < 0xE0) return continues(1) ? 2 : 0;
  if (lead < 0xF0) {
    const unsigned low = lead == 0xE0 ? 0xA0 : 0x80;   // below: overlong
    const unsigned high = lead == 0xED ? 0x9F : 0xBF;  // above: a surrogate
    return within(1, low, high) && continues(2) ? 3 : 0;
  }
  if (lead < 0xF5) {
    const unsigned low = lead == 0xF0 ? 0x90 : 0x80;   // below: overlong
    const unsigned high = lead == 0xF4 ? 0x8F : 0xBF;  // above: past U+10FFFF
    return within(1, low, high) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

/// The number of Unicode scalar values in `text`, or nothing when it is not well-formed UTF-8.
[[nodiscard]] constexpr std::optional<std::size_t> count_utf8(std::string_view text) noexcept {
  std::size_t scalars = 0;
  while (!text.empty()) {
    const std::size_t length = utf8_sequence_length(text);
    if (length == 0) return std::nullopt;
    text.remove_prefix(length);
    ++scalars;
  }
  return scalars;
}

/// Whether `text` is well-formed UTF-8.
[[nodiscard]] constexpr bool is_utf8(std::string_view text) noexcept {
  return count_utf8(text).has_value();
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
