// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/base/number.hpp"

#include <cstdint>
#include <cstring>
#include <limits>
#include <locale>
#include <string>
#include <string_view>

#include "catch.hpp"

namespace pe = personalize_events;
using pe::detail::is_json_number;
using pe::detail::parse_double;
using pe::detail::parse_integer;

namespace {

/// A locale as in Germany, where 1,234,567.5 is written 1.234.567,5.
struct CommaNumbers : std::numpunct<char> {
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\3"; }
};

/// The diagram of json.org as a table: from each state, where a character leads.
bool reference_is_json_number(std::string_view text) {
  enum State { Begin, Sign, Zero, Whole, Dot, Fraction, E, ESign, Exponent, Wrong };
  State state = Begin;
  for (const char c : text) {
    const bool zero = c == '0', digit = c >= '0' && c <= '9', e = c == 'e' || c == 'E';
    switch (state) {
      case Begin: state = c == '-' ? Sign : zero ? Zero : digit ? Whole : Wrong; break;
      case Sign: state = zero ? Zero : digit ? Whole : Wrong; break;
      case Zero: state = c == '.' ? Dot : e ? E : Wrong; break;
      case Whole: state = digit ? Whole : c == '.' ? Dot : e ? E : Wrong; break;
      case Dot: state = digit ? Fraction : Wrong; break;
      case Fraction: state = digit ? Fraction : e ? E : Wrong; break;
      case E: state = digit ? Exponent : c == '+' || c == '-' ? ESign : Wrong; break;
      case ESign: state = digit ? Exponent : Wrong; break;
      case Exponent: state = digit ? Exponent : Wrong; break;
      case Wrong: break;
    }
  }
  return state == Zero || state == Whole || state == Fraction || state == Exponent;
}

}  // namespace

TEST_CASE("the grammar of JSON numbers, over all short texts of its characters") {
  constexpr char kAlphabet[] = "019-+.eE ";
  constexpr std::size_t kLetters = sizeof kAlphabet - 1;
  std::size_t texts = 0, wrong = 0, numbers = 0;
  for (std::size_t length = 0; length <= 5; ++length) {
    std::size_t count = 1;
    for (std::size_t i = 0; i < length; ++i) count *= kLetters;
    for (std::size_t code = 0; code < count; ++code) {
      std::string text;
      for (std::size_t rest = code, i = 0; i < length; ++i, rest /= kLetters)
        text += kAlphabet[rest % kLetters];
      const bool expected = reference_is_json_number(text);
      ++texts;
      numbers += expected;
      if (is_json_number(text) == expected) continue;
      ++wrong;
      UNSCOPED_INFO("wrong for: " << text);
    }
  }
  CHECK(texts == 1 + 9 + 81 + 729 + 6561 + 59049);
  CHECK(numbers > 300);
  CHECK(wrong == 0);
}

TEST_CASE("long numbers are numbers, and what is near one is not") {
  for (const char* text :
       {"123456789012345678901234567890", "-0.0e-0", "1E+400", "0e999999999999"}) {
    CAPTURE(text);
    CHECK(is_json_number(text));
  }
  for (const char* text : {"NaN", "Infinity", "0x10", "1_000", "1,5", "\xD9\xA1", "1\n", "--1"}) {
    CAPTURE(text);
    CHECK_FALSE(is_json_number(text));
  }
  CHECK_FALSE(is_json_number(std::string_view("1\0", 2)));
}

TEST_CASE("integers are read whole or not at all") {
  CHECK(parse_integer("0") == 0);
  CHECK(parse_integer("-0") == 0);
  CHECK(parse_integer("007") == 7);
  CHECK(parse_integer("9223372036854775807") == std::numeric_limits<std::int64_t>::max());
  CHECK(parse_integer("-9223372036854775808") == std::numeric_limits<std::int64_t>::min());
  for (const char* text : {"", "-", "+1", " 1", "1 ", "1.0", "1e3", "0x1", "9223372036854775808",
                           "-9223372036854775809", "99999999999999999999999"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_integer(text));
  }
}

TEST_CASE("doubles are read whole or not at all") {
  CHECK(parse_double("0.1") == 0.1);
  CHECK(parse_double("1E3") == 1000.0);
  CHECK(parse_double("-2.5e-3") == -0.0025);
  CHECK(parse_double("1.7976931348623157e308") == std::numeric_limits<double>::max());
  CHECK(parse_double("5e-324") == std::numeric_limits<double>::denorm_min());
  CHECK(parse_double("1e-400") == 0.0);
  // By its bits: with -ffast-math std::signbit ignores the sign of zero.
  const double minus_zero = parse_double("-0").value_or(1);
  std::uint64_t bits = 0;
  std::memcpy(&bits, &minus_zero, sizeof bits);
  CHECK(bits == std::uint64_t{1} << 63U);
  CHECK(parse_double("0." + std::string(5000, '0') + "1e5001") == 1.0);
  for (const char* text :
       {"", "1e400", "-1e400", "NaN", "inf", "0x1p3", " 1", "1 ", "01", "1.", ".5", "1,5"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_double(text));
  }
}

TEST_CASE("infinities and NaN are told from numbers by their bits") {
  using Double = std::numeric_limits<double>;
  using Float = std::numeric_limits<float>;
  for (const double number :
       {0.0, -0.0, 1.5, Double::max(), Double::lowest(), Double::min(), Double::denorm_min()}) {
    CHECK(pe::detail::is_finite(number));
  }
  for (const double number :
       {Double::infinity(), -Double::infinity(), Double::quiet_NaN(), -Double::quiet_NaN()}) {
    CHECK_FALSE(pe::detail::is_finite(number));
  }
  for (const float number : {0.0F, -1.5F, Float::max(), Float::denorm_min()}) {
    CHECK(pe::detail::is_finite(number));
  }
  for (const float number : {Float::infinity(), -Float::infinity(), Float::quiet_NaN()}) {
    CHECK_FALSE(pe::detail::is_finite(number));
  }
}

TEST_CASE("numbers do not depend on the locale") {
  const std::locale before =
      std::locale::global(std::locale(std::locale::classic(), new CommaNumbers));
  const auto read = parse_double("1234567.5");
  const auto with_comma = parse_double("1234567,5");
  std::locale::global(before);
  CHECK(read == 1234567.5);
  CHECK_FALSE(with_comma);
}
