// SPDX-License-Identifier: Apache-2.0
//
// ASCII letters and digits, without a locale. Headers, host names, profile files and property keys
// are compared and checked with it.
#ifndef PERSONALIZE_EVENTS_DETAIL_BASE_ASCII_HPP
#define PERSONALIZE_EVENTS_DETAIL_BASE_ASCII_HPP

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

[[nodiscard]] constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

[[nodiscard]] constexpr bool is_letter(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

[[nodiscard]] constexpr bool is_hex_digit(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

[[nodiscard]] constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

[[nodiscard]] constexpr char to_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

[[nodiscard]] inline std::string to_lower(std::string_view text) {
  std::string lower{text};
  for (char& c : lower) c = to_lower(c);
  return lower;
}

/// Whether two texts are equal when letter case is ignored.
[[nodiscard]] constexpr bool equal_ignoring_case(std::string_view left,
                                                 std::string_view right) noexcept {
  if (left.size() != right.size()) return false;
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (to_lower(left[i]) != to_lower(right[i])) return false;
  }
  return true;
}

/// A text without the blanks at its ends.
[[nodiscard]] constexpr std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

/// Whether every character passes a test; true for an empty text.
template <class Test>
[[nodiscard]] bool all_of(std::string_view text, Test test) {
  return std::all_of(text.begin(), text.end(), test);
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
