// SPDX-License-Identifier: Apache-2.0
//
// What a cell of digits means: whole numbers, and numbers as JSON writes them. "007" and "+5" are
// text, because as numbers they would not come back as they were.
#ifndef TOOLS_SEND_NUMBERS_HPP
#define TOOLS_SEND_NUMBERS_HPP

#include <personalize_events/personalize_events.hpp>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace tools::send {

/// The whole of `text` as an integer; nothing when it is none or does not fit.
template <class Integer>
[[nodiscard]] std::optional<Integer> parse_integer(std::string_view text) {
  Integer number{};
  const char* end = text.data() + text.size();
  const auto [stop, status] = std::from_chars(text.data(), end, number);
  if (status != std::errc{} || stop != end) return std::nullopt;
  return number;
}

/// Whether `text` is a number as JSON writes it (RFC 8259, section 6).
[[nodiscard]] inline bool is_json_number(std::string_view text) {
  const auto take = [&text](std::string_view any_of) {
    if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
    text.remove_prefix(1);
    return true;
  };
  const auto take_digits = [&take] {
    bool any = false;
    while (take("0123456789")) any = true;
    return any;
  };
  take("-");
  if (!take("0") && !take_digits()) return false;
  if (take(".") && !take_digits()) return false;
  if (take("eE")) {
    take("+-");
    if (!take_digits()) return false;
  }
  return text.empty();
}

/// The whole of `text` as a number; nothing when it is none, or too large for a double. The program
/// sets no locale, so strtod reads a point as a point.
[[nodiscard]] inline std::optional<double> parse_number(const std::string& text) {
  if (!is_json_number(text)) return std::nullopt;
  const double number = std::strtod(text.c_str(), nullptr);
  if (!std::isfinite(number)) return std::nullopt;
  return number;
}

/// A cell as a number property: all digits of a 64-bit integer, else the nearest double. Nothing
/// when it is no number.
[[nodiscard]] inline std::optional<personalize_events::PropertyValue> number_property(
    const std::string& text) {
  if (!is_json_number(text)) return std::nullopt;
  if (const auto integer = parse_integer<std::int64_t>(text)) return *integer;
  if (const auto integer = parse_integer<std::uint64_t>(text)) return *integer;
  if (const auto number = parse_number(text)) return *number;
  return std::nullopt;
}

}  // namespace tools::send

#endif
