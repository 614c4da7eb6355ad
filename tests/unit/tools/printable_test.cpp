// SPDX-License-Identifier: Apache-2.0
#include "printable.hpp"

#include <string>

#include "catch.hpp"

using tools::printable;

TEST_CASE("text that a terminal shows is unchanged") {
  CHECK(printable("w-0001: 3 events, caf\xc3\xa9 \xe2\x82\xac") ==
        "w-0001: 3 events, caf\xc3\xa9 \xe2\x82\xac");
}

TEST_CASE("control characters become escapes") {
  CHECK(printable("a\033]0;title\007b") == "a\\x1b]0;title\\x07b");
  CHECK(printable("a\nb\rc\td\x7f") == "a\\x0ab\\x0dc\\x09d\\x7f");
  CHECK(printable(std::string("a\0b", 3)) == "a\\x00b");
  CHECK(printable("\xc2\x9b"
                  "1m") == "\\xc2\\x9b1m");
}

TEST_CASE("characters that reorder or break lines become escapes") {
  CHECK(printable("\xe2\x80\xae\xe2\x80\xa8\xe2\x81\xa6") ==
        "\\xe2\\x80\\xae\\xe2\\x80\\xa8\\xe2\\x81\\xa6");
}

TEST_CASE("bytes that are not UTF-8 become escapes") {
  CHECK(printable("a\xff\xc3") == "a\\xff\\xc3");
}

TEST_CASE("control characters that JSON allows become its escapes") {
  CHECK(tools::json_for_terminal("{\"a\":\"\x7f\xc2\x9b\xe2\x80\xae\xc3\xa9\\n\"}") ==
        "{\"a\":\"\\u007f\\u009b\\u202e\xc3\xa9\\n\"}");
}
