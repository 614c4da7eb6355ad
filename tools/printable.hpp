// SPDX-License-Identifier: Apache-2.0
//
// Text of files, folders and services for a terminal: control characters, which could change it,
// become escapes.
#ifndef TOOLS_PRINTABLE_HPP
#define TOOLS_PRINTABLE_HPP

#include <personalize_events/detail/base/utf8.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace tools {

/// Whether a character of UTF-8 is a control character: C0, DEL, C1, line and paragraph separators,
/// bidirectional overrides and isolates.
[[nodiscard]] inline bool is_control(std::string_view character) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
  if (character.size() == 1) return byte(0) < 0x20U || byte(0) == 0x7fU;
  if (character.size() == 2) return byte(0) == 0xc2U && byte(1) < 0xa0U;
  if (character.size() != 3 || byte(0) != 0xe2U) return false;
  // U+2028 to U+202E, U+2066 to U+2069
  return (byte(1) == 0x80U && byte(2) >= 0xa8U && byte(2) <= 0xaeU) ||
         (byte(1) == 0x81U && byte(2) >= 0xa6U && byte(2) <= 0xa9U);
}

/// `text` on one line: "\x1b" for each byte of a control character and for each that is not UTF-8.
[[nodiscard]] inline std::string printable(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string shown;
  while (!text.empty()) {
    const std::size_t size = personalize_events::detail::utf8_sequence_length(text);
    const std::string_view character = text.substr(0, size == 0 ? 1 : size);
    if (size == 0 || is_control(character)) {
      for (const char c : character) {
        const auto byte = static_cast<unsigned char>(c);
        shown.append("\\x").push_back(digits[byte >> 4U]);
        shown.push_back(digits[byte & 0x0fU]);
      }
    } else {
      shown.append(character);
    }
    text.remove_prefix(character.size());
  }
  return shown;
}

/// A JSON text with "\u009b" for each control character, which JSON allows in strings unescaped.
[[nodiscard]] inline std::string json_for_terminal(std::string_view json) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string shown;
  while (!json.empty()) {
    const std::size_t size = personalize_events::detail::utf8_sequence_length(json);
    const std::string_view character = json.substr(0, size == 0 ? 1 : size);
    if (size != 0 && is_control(character)) {
      const auto byte = [&](std::size_t i) { return static_cast<unsigned>(character[i]) & 0x3fU; };
      unsigned code = static_cast<unsigned char>(character[0]);
      if (size == 2) code = (code & 0x1fU) << 6U | byte(1);
      if (size == 3) code = (code & 0x0fU) << 12U | byte(1) << 6U | byte(2);
      shown.append("\\u");
      for (const unsigned shift : {12U, 8U, 4U, 0U}) shown.push_back(digits[code >> shift & 0xfU]);
    } else {
      shown.append(character);
    }
    json.remove_prefix(character.size());
  }
  return shown;
}

}  // namespace tools

#endif
