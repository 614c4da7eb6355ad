// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/json/shortest.hpp"

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <locale>
#include <random>
#include <string>
#include <utility>

#include "catch.hpp"
#include "personalize_events/detail/base/number.hpp"

namespace pe = personalize_events;
using pe::detail::json::shortest;

namespace {

/// A locale as in Germany, where 1,234,567.5 is written 1.234.567,5.
struct CommaNumbers : std::numpunct<char> {
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\3"; }
};

template <class Bits, class Floating>
Floating number_of(Bits bits) {
  Floating number = 0;
  static_assert(sizeof number == sizeof bits);
  std::memcpy(&number, &bits, sizeof number);
  return number;
}

// Whether a float is written as a JSON number that reads back as the same bits.
bool is_read_back(float number) {
  const std::string text = shortest(number);
  const float read = std::strtof(text.c_str(), nullptr);
  return pe::detail::is_json_number(text) && std::memcmp(&read, &number, sizeof read) == 0;
}
bool is_read_back(double number) {
  const std::string text = shortest(number);
  const double read = std::strtod(text.c_str(), nullptr);
  return pe::detail::is_json_number(text) && std::memcmp(&read, &number, sizeof read) == 0;
}

}  // namespace

TEST_CASE("Numbers are written in few digits") {
  const std::pair<double, const char*> cases[] = {
      {0.1, "0.1"},
      {1e21, "1e+21"},
      {5.0, "5"},
      {0.0, "0"},
      {std::strtod("-0", nullptr), "-0"},
      {1.0 / 3, "0.3333333333333333"},
      {-19.99, "-19.99"},
      {0.001, "0.001"},
      {0.0001, "0.0001"},
      {0.00001, "1e-05"},
      {1.5e-7, "1.5e-07"},
      {123456.789, "123456.789"},
      {1e-100, "1e-100"},
      {1e5, "100000"},
      {std::numeric_limits<double>::max(), "1.7976931348623157e+308"},
      {-std::numeric_limits<double>::denorm_min(), "-5e-324"},
  };
  for (const auto& [number, text] : cases) CHECK(shortest(number) == text);
  CHECK(shortest(0.1F) == "0.1");
  CHECK(shortest(-19.99F) == "-19.99");
  CHECK(shortest(std::numeric_limits<float>::max()) == "3.4028235e+38");
  CHECK(shortest(std::numeric_limits<float>::denorm_min()) == "1e-45");
}

TEST_CASE("Whole numbers are exact") {
  CHECK(shortest(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
  CHECK(shortest(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
  CHECK(shortest(9007199254740992.0) == "9007199254740992");
  CHECK(shortest(-9223372036854774784.0) == "-9223372036854774784");
  CHECK(shortest(16777217.0F) == "16777216");
  CHECK(shortest(316676276224.0F) == "316676276224");
}

TEST_CASE("Any finite number reads back as itself, and is a JSON number") {
  std::mt19937_64 random{20260714};
  for (int tried = 0; tried < 50'000;) {
    const auto number = number_of<std::uint64_t, double>(random());
    if (!pe::detail::is_finite(number)) continue;
    ++tried;
    if (!is_read_back(number)) FAIL("not read back: " << shortest(number));
    const auto single = static_cast<float>(number);
    if (pe::detail::is_finite(single) && !is_read_back(single)) {
      FAIL("not read back: " << shortest(single));
    }
  }
  // Where the distance to the neighbours changes.
  for (std::uint32_t exponent = 0; exponent < 255; ++exponent) {
    for (const std::uint32_t significand : {0U, 1U, 0x7FFFFFU}) {
      const auto number = number_of<std::uint32_t, float>((exponent << 23U) | significand);
      if (!is_read_back(number)) FAIL("not read back: " << shortest(number));
    }
  }
}

TEST_CASE("The digits do not depend on the locale") {
  const std::locale before =
      std::locale::global(std::locale(std::locale::classic(), new CommaNumbers));
  const std::string written = shortest(1234567.5);
  std::locale::global(before);
  CHECK(written == "1234567.5");
}
