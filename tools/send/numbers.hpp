// SPDX-License-Identifier: Apache-2.0
//
// What a cell of digits means: whole numbers, and numbers as JSON writes them. "007" and "+5" are
// text, because JSON has no such numbers.
#ifndef TOOLS_SEND_NUMBERS_HPP
#define TOOLS_SEND_NUMBERS_HPP

#include <personalize_events/personalize_events.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
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

/// Whether eventValue can be `number`: the service's model has a float of 32 bits there.
[[nodiscard]] inline bool fits_float(double number) {
  return std::abs(number) <= static_cast<double>(std::numeric_limits<float>::max());
}

/// A decimal number as its significant digits, and the power of ten that they are multiplied with.
/// Zero has no digits.
struct Decimal {
  std::string digits{};
  std::int64_t exponent{0};

  [[nodiscard]] bool operator==(const Decimal& other) const {
    return digits == other.digits && (digits.empty() || exponent == other.exponent);
  }
};

/// The value of a JSON number without its sign. An exponent beyond 64 bits counts as 0.
[[nodiscard]] inline Decimal decimal_of(std::string_view text) {
  Decimal decimal;
  const std::size_t e = std::min(text.find_first_of("eE"), text.size());
  std::string_view exponent = text.substr(std::min(e + 1, text.size()));
  if (!exponent.empty() && exponent.front() == '+') exponent.remove_prefix(1);
  decimal.exponent = parse_integer<std::int64_t>(exponent).value_or(0);
  bool is_fraction = false;
  for (const char c : text.substr(0, e)) {
    if (c == '.') is_fraction = true;
    if (c < '0' || c > '9') continue;
    if (is_fraction) --decimal.exponent;
    if (c != '0' || !decimal.digits.empty()) decimal.digits.push_back(c);
  }
  while (!decimal.digits.empty() && decimal.digits.back() == '0') {
    decimal.digits.pop_back();
    ++decimal.exponent;
  }
  return decimal;
}

/// Whether `text` is a JSON number that IEEE doubles keep: printed again with as many digits, the
/// double has the same value. "-0" is not, because as an integer it loses its sign.
[[nodiscard]] inline bool is_kept_by_doubles(const std::string& text) {
  constexpr std::size_t always_kept = 15;  // decimal digits, without an exponent
  constexpr std::size_t most_digits = 64;
  if (!is_json_number(text) || text == "-0") return false;
  if (text.size() <= always_kept && text.find_first_of("eE") == std::string::npos) return true;
  const auto number = parse_number(text);
  if (!number) return false;
  const Decimal decimal = decimal_of(text);
  if (decimal.digits.empty()) return true;
  if (decimal.digits.size() > most_digits) return false;
  std::array<char, most_digits + 16> again{};
  const int decimals = static_cast<int>(decimal.digits.size()) - 1;
  const int size = std::snprintf(again.data(), again.size(), "%.*e", decimals, *number);
  if (size <= 0 || static_cast<std::size_t>(size) >= again.size()) return false;
  return decimal_of({again.data(), static_cast<std::size_t>(size)}) == decimal;
}

/// A cell as a number property, with the characters of the cell. Returns nothing if the cell is not
/// a JSON number.
[[nodiscard]] inline std::optional<personalize_events::PropertyValue> number_property(
    const std::string& text) {
  if (!is_json_number(text)) return std::nullopt;
  return personalize_events::PropertyValue(
      personalize_events::detail::CheckedJsonMaker::make(text));
}

}  // namespace tools::send

#endif
