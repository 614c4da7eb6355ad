// SPDX-License-Identifier: Apache-2.0
//
// Numbers of text: the grammar of JSON numbers (RFC 8259, section 6) and conversions that depend on
// no locale. json/ and config/ read untrusted numbers with it; json/shortest.hpp writes them.
#ifndef PERSONALIZE_EVENTS_DETAIL_BASE_NUMBER_HPP
#define PERSONALIZE_EVENTS_DETAIL_BASE_NUMBER_HPP

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <locale>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>

#include "personalize_events/detail/base/ascii.hpp"
#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Whether `text` is a JSON number, the whole of it.
[[nodiscard]] constexpr bool is_json_number(std::string_view text) noexcept {
  const auto take = [&text](char c) {
    if (text.empty() || text.front() != c) return false;
    text.remove_prefix(1);
    return true;
  };
  const auto take_digits = [&text] {
    bool any = false;
    while (!text.empty() && is_digit(text.front())) {
      text.remove_prefix(1);
      any = true;
    }
    return any;
  };
  take('-');
  if (!take('0') && !take_digits()) return false;
  if (take('.') && !take_digits()) return false;
  if (take('e') || take('E')) {
    if (!take('+')) take('-');
    if (!take_digits()) return false;
  }
  return text.empty();
}

/// The whole of `text` as a decimal integer; nothing when it is none, or does not fit.
[[nodiscard]] inline std::optional<std::int64_t> parse_integer(std::string_view text) noexcept {
  std::int64_t number = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (status != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// Whether a number is neither infinite nor NaN, by its bits: with -ffast-math compilers take
/// std::isfinite for true.
[[nodiscard]] inline bool is_finite(double number) noexcept {
  std::uint64_t bits = 0;
  static_assert(sizeof bits == sizeof number && std::numeric_limits<double>::is_iec559);
  std::memcpy(&bits, &number, sizeof bits);
  constexpr std::uint64_t exponent{0x7FF0'0000'0000'0000};
  return (bits & exponent) != exponent;
}

[[nodiscard]] inline bool is_finite(float number) noexcept {
  std::uint32_t bits = 0;
  static_assert(sizeof bits == sizeof number && std::numeric_limits<float>::is_iec559);
  std::memcpy(&bits, &number, sizeof bits);
  constexpr std::uint32_t exponent{0x7F80'0000};
  return (bits & exponent) != exponent;
}

/// The whole of `text`, a JSON number, as a finite double; nothing when it is none, or too large.
/// A stream in the classic locale, because not every standard library has from_chars for doubles.
[[nodiscard]] inline std::optional<double> parse_double(std::string_view text) {
  if (!is_json_number(text)) return std::nullopt;
  std::istringstream stream{std::string{text}};
  stream.imbue(std::locale::classic());
  double number = 0;
  stream >> number;
  // The grammar is right, so it fails for the range alone. libc++ fails below the normal numbers
  // too, and has then read the nearest one.
  if (!is_finite(number) || (stream.fail() && std::abs(number) >= 1)) return std::nullopt;
  return number;
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
