// SPDX-License-Identifier: Apache-2.0
//
// Numbers as text: the grammar of JSON numbers (RFC 8259, section 6) and conversions that depend
// on no locale. json/ and config/ read foreign numbers with it; wire/ writes with it.
#ifndef PERSONALIZE_EVENTS_DETAIL_NUMBER_HPP
#define PERSONALIZE_EVENTS_DETAIL_NUMBER_HPP

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <locale>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>

#include "personalize_events/detail/ascii.hpp"
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
  if (!std::isfinite(number) || (stream.fail() && std::abs(number) >= 1)) return std::nullopt;
  return number;
}

/// A finite number in the fewest digits that read back as the same one: "0.1", "1e+21", "5".
template <class Floating>
[[nodiscard]] std::string shortest(Floating number) {
  std::array<char, 64> buffer{};
  const auto [end, status] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number);
  return status == std::errc{} ? std::string(buffer.data(), end) : std::string{};
}

}  // namespace detail
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
