// SPDX-License-Identifier: Apache-2.0
//
// Names of columns as files have them: with blanks, other punctuation, or characters that no editor
// shows. columns.hpp compares them with the names that it knows.
#ifndef TOOLS_SEND_COLUMN_NAMES_HPP
#define TOOLS_SEND_COLUMN_NAMES_HPP

#include <personalize_events/detail/base/utf8.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace tools::send {

[[nodiscard]] inline char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}
[[nodiscard]] inline char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

enum class CharacterClass { Invisible, Blank, Punctuation, Other };

/// One character of a text. A byte that is not UTF-8 counts as a character of Latin-1.
struct Character {
  std::uint32_t code{0};
  std::string_view bytes{};

  [[nodiscard]] CharacterClass character_class() const {
    const auto is_within = [this](std::uint32_t first, std::uint32_t last) {
      return code >= first && code <= last;
    };
    if (is_within(0x09, 0x0d) || code == ' ' || code == 0x85 || code == 0xa0 || code == 0x1680 ||
        is_within(0x2000, 0x200a) || code == 0x2028 || code == 0x2029 || code == 0x202f ||
        code == 0x205f || code == 0x3000) {
      return CharacterClass::Blank;
    }
    if (code < 0x20 || is_within(0x7f, 0x9f) || code == 0xad || code == 0x034f || code == 0x061c ||
        code == 0x180e || is_within(0x200b, 0x200f) || is_within(0x202a, 0x202e) ||
        is_within(0x2060, 0x206f) || is_within(0xfe00, 0xfe0f) || code == 0xfeff) {
      return CharacterClass::Invisible;
    }
    const bool is_letter = (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z');
    const bool is_digit = code >= '0' && code <= '9';
    if ((code < 0x7f && !is_letter && !is_digit) || is_within(0x2010, 0x201f) || code == 0x2212 ||
        code == 0xff0d || code == 0xff3f) {
      return CharacterClass::Punctuation;
    }
    return CharacterClass::Other;
  }
};

/// The first character of a text that is not empty.
[[nodiscard]] inline Character first_character(std::string_view text) {
  const std::size_t size = personalize_events::detail::utf8_sequence_length(text);
  const auto byte = [text](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i]));
  };
  if (size < 2) return {byte(0), text.substr(0, 1)};
  std::uint32_t code = byte(0) & (0xffU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) code = (code << 6U) | (byte(i) & 0x3fU);
  return {code, text.substr(0, size)};
}

/// The name without invisible characters, and without blanks at its ends.
[[nodiscard]] inline std::string clean_name(std::string_view name) {
  std::string clean;
  std::string blanks;
  while (!name.empty()) {
    const Character character = first_character(name);
    name.remove_prefix(character.bytes.size());
    switch (character.character_class()) {
      case CharacterClass::Invisible: break;
      case CharacterClass::Blank:
        if (!clean.empty()) blanks.append(character.bytes);
        break;
      case CharacterClass::Punctuation:
      case CharacterClass::Other:
        clean.append(blanks).append(character.bytes);
        blanks.clear();
        break;
    }
  }
  return clean;
}

/// What is left of a name without case, blanks, punctuation and invisible characters: "Item-Id " is
/// ITEMID.
[[nodiscard]] inline std::string folded_name(std::string_view name) {
  std::string folded;
  while (!name.empty()) {
    const Character character = first_character(name);
    name.remove_prefix(character.bytes.size());
    if (character.character_class() != CharacterClass::Other) continue;
    for (const char c : character.bytes) folded.push_back(upper(c));
  }
  return folded;
}

/// The name in quotes, with the codes of the characters that cannot be seen.
[[nodiscard]] inline std::string shown_name(std::string_view name) {
  std::string shown = "\"";
  while (!name.empty()) {
    const Character character = first_character(name);
    name.remove_prefix(character.bytes.size());
    const CharacterClass kind = character.character_class();
    if (kind == CharacterClass::Invisible ||
        (kind == CharacterClass::Blank && character.bytes != " ")) {
      char code[16] = {};
      std::snprintf(code, sizeof code, "\\u%04x", static_cast<unsigned>(character.code));
      shown.append(code);
    } else {
      shown.append(character.bytes);
    }
  }
  return shown.append("\"");
}

}  // namespace tools::send

#endif
