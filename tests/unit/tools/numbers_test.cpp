// SPDX-License-Identifier: Apache-2.0

#include "send/numbers.hpp"

#include <cstdint>
#include <string>
#include <type_traits>

#include "catch.hpp"

namespace pe = personalize_events;

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

TEST_CASE("a number property has the characters of its cell") {
  for (const char* text : {"-9007199254740993", "4.50", "1e3", "-0", "1e400", "0e12"}) {
    CAPTURE(text);
    const auto number = tools::send::number_property(text);
    REQUIRE(number.has_value());
    std::string written;
    number->visit([&written](const auto& held) {
      if constexpr (std::is_same_v<std::decay_t<decltype(held)>, pe::PropertyValue::JsonText>) {
        written.assign(held.text);
      }
    });
    CHECK(written == text);
  }
  for (const char* text : {"", "007", "+5", "x"}) {
    CAPTURE(text);
    CHECK_FALSE(tools::send::number_property(text).has_value());
  }
}

TEST_CASE("a double keeps a number if it prints again with the same value") {
  using tools::send::is_kept_by_doubles;
  for (const char* text :
       {"0", "-0.0", "1.10", "0.1", "12e4", "0e12", "0e99999999999999999999", "1e23", "5e-324",
        "1.7976931348623157e308", "0.10000000000000001", "9007199254740992", "1152921504606846976",
        "1000000000000000000000000", "123456789012345", "-15.300000000000000000000000000000"}) {
    CAPTURE(text);
    CHECK(is_kept_by_doubles(text));
  }
  for (const char* text :
       {"-0", "007", "", "x", "9007199254740993", "12345678901234567890123", "1e400", "1e-400",
        "1e-99999999999999999999", "0.1234567890123456789", "12345678901234567", "1.8e308"}) {
    CAPTURE(text);
    CHECK_FALSE(is_kept_by_doubles(text));
  }
  CHECK_FALSE(is_kept_by_doubles(std::string(1000, '1')));
  CHECK_FALSE(is_kept_by_doubles("0." + std::string(100, '3')));
}

TEST_CASE("a decimal number is its digits and a power of ten") {
  using tools::send::decimal_of;
  CHECK(decimal_of("-120.50") == decimal_of("1.205e+2"));
  CHECK(decimal_of("0.0120") == decimal_of("12E-3"));
  CHECK(decimal_of("0e5") == decimal_of("0.00"));
  CHECK_FALSE(decimal_of("12") == decimal_of("120"));
}
