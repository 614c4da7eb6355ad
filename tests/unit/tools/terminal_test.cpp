// SPDX-License-Identifier: Apache-2.0
#include "terminal.hpp"

#include <cstdlib>

#include "catch.hpp"

TEST_CASE("COLUMNS says how wide a terminal is") {
  REQUIRE(::setenv("COLUMNS", "50", 1) == 0);
  CHECK(tools::terminal_width(-1) == 50);
  for (const char* columns : {"", "none", "0", "-3", "100000"}) {
    REQUIRE(::setenv("COLUMNS", columns, 1) == 0);
    CHECK(tools::terminal_width(-1) == 80);
  }
  REQUIRE(::unsetenv("COLUMNS") == 0);
  CHECK(tools::terminal_width(-1) == 80);
}
