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
  options.ignored = {"D"};
  options.mapped = {"ITEM_ID=product"};
  options.event_type = "Watch";
  options.delimiter = ";";
  CHECK(options.list() ==
        std::vector<std::string>{"--number=A", "--number=B", "--text=C", "--null=-", "--ignore=D",
                                 "--map=ITEM_ID=product", "--event-type=Watch", "--delimiter=;"});
}

TEST_CASE("cells are separated by a comma, a semicolon, a bar or a tab") {
  using tools::send::delimiter_of;
  for (const char* text : {",", ";", "|", "\t"}) CHECK(delimiter_of(text) == text[0]);
  CHECK(delimiter_of("tab") == '\t');
  CHECK(delimiter_of("\\t") == '\t');
  for (const char* text : {"", ";;", "x", "\"", "\n"}) CHECK_FALSE(delimiter_of(text).has_value());
}
