// SPDX-License-Identifier: Apache-2.0
//
// shortest: a number in few digits that read back as the same one, whatever the locale is. The
// writer of JSON uses it. By RapidJSON's Grisu2, because not every standard library has
// std::to_chars for floating-point numbers; one number in a thousand has a digit more than needed.
// Source: F. Loitsch, "Printing floating-point numbers quickly and accurately with integers", 2010.
#ifndef PERSONALIZE_EVENTS_DETAIL_JSON_SHORTEST_HPP
#define PERSONALIZE_EVENTS_DETAIL_JSON_SHORTEST_HPP

#include <rapidjson/internal/dtoa.h>
#include <rapidjson/rapidjson.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail::json {

/// The digits of a positive number, and the power of ten of the last one.
struct Decimal {
  std::array<char, 20> digits{};
  int count{0};
  int exponent{0};

  [[nodiscard]] std::string_view text() const {
    return {digits.data(), static_cast<std::size_t>(count)};
  }
};

[[nodiscard]] inline Decimal decimal_of(double number) {
  Decimal decimal;
  RAPIDJSON_NAMESPACE::internal::Grisu2(number, decimal.digits.data(), &decimal.count,
                                        &decimal.exponent);
  return decimal;
}

/// As Grisu2, with the neighbours of a float for those of a double.
[[nodiscard]] inline Decimal decimal_of(float number) {
  namespace internal = RAPIDJSON_NAMESPACE::internal;
  std::uint32_t bits = 0;
  static_assert(sizeof bits == sizeof number);
  std::memcpy(&bits, &number, sizeof bits);
  constexpr std::uint32_t hidden_bit = 1U << 23U;
  const std::uint32_t biased = bits >> 23U;
  const std::uint64_t significand = (bits & (hidden_bit - 1)) | (biased != 0 ? hidden_bit : 0);
  const int power = static_cast<int>(biased != 0 ? biased : 1) - 150;

  const internal::DiyFp upper = internal::DiyFp{2 * significand + 1, power - 1}.Normalize();
  // Below a power of two the numbers are closer.
  internal::DiyFp lower = significand == hidden_bit && biased > 1
                              ? internal::DiyFp{4 * significand - 1, power - 2}
                              : internal::DiyFp{2 * significand - 1, power - 1};
  lower = internal::DiyFp{lower.f << (lower.e - upper.e), upper.e};

  Decimal decimal;
  const internal::DiyFp scale = internal::GetCachedPower(upper.e, &decimal.exponent);
  const internal::DiyFp value = internal::DiyFp{significand, power}.Normalize() * scale;
  internal::DiyFp most = upper * scale;
  internal::DiyFp least = lower * scale;
  ++least.f;
  --most.f;
  internal::DigitGen(value, most, most.f - least.f, decimal.digits.data(), &decimal.count,
                     &decimal.exponent);
  return decimal;
}

/// The digits with a point, or with an exponent if that is far from them.
[[nodiscard]] inline std::string format_decimal(const Decimal& decimal) {
  const std::string_view digits = decimal.text();
  const int point = decimal.count + decimal.exponent;  // its place among the digits
  std::string text;
  if (point > 0 && point < decimal.count) {
    const auto whole = static_cast<std::size_t>(point);
    return text.append(digits.substr(0, whole)).append(".").append(digits.substr(whole));
  }
  if (point <= 0 && point > -4) {
    return text.append("0.").append(static_cast<std::size_t>(-point), '0').append(digits);
  }
  text.append(digits.substr(0, 1));
  if (digits.size() > 1) text.append(".").append(digits.substr(1));
  const int power = point - 1;
  text.append(power < 0 ? "e-" : "e+");
  const std::string magnitude = std::to_string(power < 0 ? -power : power);
  return text.append(magnitude.size() < 2 ? "0" : "").append(magnitude);
}

/// A finite number as JSON: "0.1", "1e+21", "5". Whole numbers are exact.
template <class Number>
[[nodiscard]] std::string shortest(Number number) {
  if constexpr (std::is_integral_v<Number>) {
    return std::to_string(number);
  } else {
    // By its bits: with -Ofast zero has no sign, and a subnormal number equals zero.
    using Bits =
        std::conditional_t<sizeof(Number) == sizeof(std::uint32_t), std::uint32_t, std::uint64_t>;
    static_assert(sizeof(Bits) == sizeof(Number));
    constexpr Bits sign = Bits{1} << (8 * sizeof(Bits) - 1);
    Bits bits = 0;
    std::memcpy(&bits, &number, sizeof bits);
    const std::string minus = (bits & sign) != 0 ? "-" : "";
    bits &= ~sign;
    if (bits == 0) return minus + "0";
    Number magnitude{};
    std::memcpy(&magnitude, &bits, sizeof bits);
    constexpr Number limit{9'223'372'036'854'775'808.0};
    if (magnitude >= 1 && magnitude < limit && std::abs(magnitude - std::trunc(magnitude)) <= 0) {
      return minus + std::to_string(static_cast<std::int64_t>(magnitude));
    }
    return minus + format_decimal(decimal_of(magnitude));
  }
}

}  // namespace detail::json

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
