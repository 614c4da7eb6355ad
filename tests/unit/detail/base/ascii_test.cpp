// SPDX-License-Identifier: Apache-2.0
#include "personalize_events/detail/base/ascii.hpp"

#include "catch.hpp"

namespace pe = personalize_events;
using namespace pe::detail;

TEST_CASE("characters are classified as ASCII, whatever the locale") {
  int digits = 0, letters = 0, hexadecimal = 0, blanks = 0;
  for (int code = -128; code < 128; ++code) {
    const char c = static_cast<char>(code);
    digits += is_digit(c);
    letters += is_letter(c);
    hexadecimal += is_hex_digit(c);
    blanks += is_blank(c);
    CHECK((to_lower(c) != c) == (c >= 'A' && c <= 'Z'));
  }
  CHECK(digits == 10);
  CHECK(letters == 52);
  CHECK(hexadecimal == 22);
  CHECK(blanks == 2);
}

TEST_CASE("only letter case is ignored") {
  CHECK(equal_ignoring_case("X-Amz-Date", "x-amz-dATE"));
  CHECK(equal_ignoring_case("", ""));
  CHECK_FALSE(equal_ignoring_case("a", "ab"));
  CHECK_FALSE(equal_ignoring_case("[", "{"));  // 32 apart, as letters are
  CHECK_FALSE(equal_ignoring_case("\xC3\x84", "\xC3\xA4"));
  CHECK(to_lower("ABZ[09\xC3\x84") == "abz[09\xC3\x84");
}

TEST_CASE("blanks at the ends are trimmed, others stay") {
  CHECK(trim(" \t a b\t") == "a b");
  CHECK(trim(" \t ").empty());
  CHECK(trim("\na").front() == '\n');
}
