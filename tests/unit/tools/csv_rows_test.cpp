// SPDX-License-Identifier: Apache-2.0

#include "send/csv_rows.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include "catch.hpp"
#include "unit/tools/bytes.hpp"

namespace pe = personalize_events;
using tools::send::CsvRows;
using tools::send::RowOrProblem;

using Cells = std::vector<std::string>;

namespace {

const char* const kText =
    "SESSION_ID,TIMESTAMP,EVENT_TYPE,A,B\n"
    "s,1,Watch,1,2\n"
    "s,1,Watch\n"
    "s,,Watch,1,x\n";

/// The properties of the first row.
std::vector<pe::Properties::Entry> first_properties(CsvRows& rows) {
  RowOrProblem made;
  REQUIRE(rows.next(made));
  REQUIRE(made.row.event.properties.has_value());
  return made.row.event.properties->entries();
}

}  // namespace

TEST_CASE("the second reading knows which columns are numbers") {
  CsvRows rows;
  REQUIRE(rows.begin(test::bytes_of(kText)).empty());
  CHECK(rows.columns() == "SESSION_ID,TIMESTAMP,EVENT_TYPE,A,B");
  RowOrProblem made;
  REQUIRE(rows.next(made));
  CHECK(made.row.origin.line == 2);
  CHECK(made.row.origin.text == "s,1,Watch,1,2");
  CHECK(made.row.origin.bytes == 14);
  CHECK(rows.content() == Cells{"s", "1", "Watch", "1", "2"});
  REQUIRE(rows.next(made));
  CHECK(made.problem == "3 cells, 5 expected");
  CHECK(made.row.origin.line == 3);
  REQUIRE(rows.next(made));
  CHECK(made.problem == "TIMESTAMP: empty");
  CHECK_FALSE(rows.next(made));

  REQUIRE(rows.begin(test::bytes_of(kText)).empty());
  const auto properties = first_properties(rows);
  CHECK(properties[0].second.as<std::int64_t>() == 1);
  CHECK(properties[1].second.as<std::string>() == "2");
}

TEST_CASE("of a stream the columns that are named are numbers from the first row on") {
  CsvRows rows(Cells{"B"});
  REQUIRE(rows.begin(test::bytes_of(kText)).empty());
  const auto properties = first_properties(rows);
  CHECK(properties[0].second.as<std::string>() == "1");
  CHECK(properties[1].second.as<std::int64_t>() == 2);
  CsvRows none(Cells{});
  REQUIRE(none.begin(test::bytes_of(kText)).empty());
  CHECK(first_properties(none)[1].second.as<std::string>() == "2");
}

TEST_CASE("a file without usable columns is refused") {
  const auto problem = [](const std::string& text) {
    return CsvRows().begin(test::bytes_of(text));
  };
  CHECK(problem("") == "the first line does not name columns");
  CHECK(problem("\"A,B\n") == "the first line does not name columns");
  CHECK_THAT(problem("SESSION_ID,EVENT_TYPE\n"), test::ContainsSubstring("TIMESTAMP"));
  CHECK_THAT(CsvRows(Cells{"C"}).begin(test::bytes_of(kText)),
             test::ContainsSubstring("no property column C for --number"));
}
