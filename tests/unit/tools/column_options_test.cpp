// SPDX-License-Identifier: Apache-2.0

#include "send/column_options.hpp"

#include <string>
#include <vector>

#include "catch.hpp"

TEST_CASE("options for columns are listed with their values") {
  tools::send::ColumnOptions options;
  CHECK(options.list().empty());
  options.numbers = {"A", "B"};
  options.texts = {"C"};
  options.nulls = {"-"};
  CHECK(options.list() ==
        std::vector<std::string>{"--number=A", "--number=B", "--text=C", "--null=-"});
}
