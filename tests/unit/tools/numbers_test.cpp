// SPDX-License-Identifier: Apache-2.0

#include "send/numbers.hpp"

#include <cstdint>
#include <string>

#include "catch.hpp"

TEST_CASE("numbers are what JSON takes for numbers") {
  for (const char* text :
       {"0", "-0", "15.3", "-2", "1e3", "1E+3", "2.5e-3", "123456789012345678901"}) {
    CAPTURE(text);
    CHECK(tools::send::parse_number(text).has_value());
  }
  for (const char* text : {"", " 1", "1 ", "+5", "007", "-", ".5", "5.", "1e", "0x10", "nan", "inf",
                           "1,5", "85123A", "1e400"}) {
    CAPTURE(text);
    CHECK_FALSE(tools::send::parse_number(text).has_value());
  }
  CHECK(*tools::send::parse_number("-15.30") == -15.3);
}

TEST_CASE("integers are whole and fit") {
  CHECK(tools::send::parse_integer<std::int64_t>("-12") == -12);
  CHECK_FALSE(tools::send::parse_integer<std::int64_t>("12.0").has_value());
  CHECK_FALSE(tools::send::parse_integer<std::int64_t>("").has_value());
  CHECK_FALSE(tools::send::parse_integer<std::int64_t>("9223372036854775808").has_value());
}

TEST_CASE("a number property keeps every digit of a 64-bit integer") {
  const auto number = tools::send::number_property;
  CHECK(number("-9007199254740993")->as<std::int64_t>() == -9007199254740993);
  CHECK(number("18446744073709551615")->as<std::uint64_t>() == 18446744073709551615U);
  CHECK(number("4.50")->as<double>() == 4.5);
  CHECK(number("1e3")->as<double>() == 1000.0);
  for (const char* text : {"", "007", "+5", "x", "1e400"}) CHECK_FALSE(number(text).has_value());
}
