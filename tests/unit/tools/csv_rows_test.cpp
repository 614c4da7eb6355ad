// SPDX-License-Identifier: Apache-2.0

#include "send/csv_rows.hpp"

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
    "s,1,Watch,1,x\n"
    "s,,Watch,y,1\n";

/// The properties of the first row, as they are sent.
std::string first_properties(CsvRows& rows) {
  RowOrProblem made;
  REQUIRE(rows.next(made));
  REQUIRE(made.row.event.properties.has_value());
  std::string text;
  pe::detail::json::Writer writer(text);
  pe::detail::wire::write_properties(writer, *made.row.event.properties);
  return text;
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
  CHECK(made.problem.empty());
  REQUIRE(rows.next(made));
  CHECK(made.problem == "TIMESTAMP: empty");
  CHECK_FALSE(rows.next(made));
  CHECK(rows.notes().empty());

  REQUIRE(rows.begin(test::bytes_of(kText)).empty());
  CHECK(first_properties(rows) == R"({"a":1,"b":"2"})");
}

TEST_CASE("columns of a stream that are named are numbers from the first row on") {
  tools::send::ColumnOptions options;
  options.numbers = {"B"};
  CsvRows rows(options, true);
  REQUIRE(rows.begin(test::bytes_of(kText)).empty());
  CHECK(first_properties(rows) == R"({"a":"1","b":2})");
  CsvRows none({}, true);
  REQUIRE(none.begin(test::bytes_of(kText)).empty());
  CHECK(first_properties(none) == R"({"a":"1","b":"2"})");
}

TEST_CASE("what the first pass found is noted") {
  CsvRows rows;
  REQUIRE(rows.begin(test::bytes_of("SESSION_ID,TIMESTAMP,EVENT_TYPE,A\ns,1,W,NULL\ns,1,W,1\n"))
              .empty());
  RowOrProblem made;
  while (rows.next(made)) {
  }
  CHECK(rows.notes().size() == 1);
}

TEST_CASE("a file without usable columns is refused") {
  const auto problem = [](const std::string& text) {
    return CsvRows().begin(test::bytes_of(text));
  };
  CHECK(problem("") == "the first line does not name columns");
  CHECK(problem("\"A,B\n") == "the first line does not name columns");
  CHECK_THAT(problem("SESSION_ID,EVENT_TYPE\n"), test::ContainsSubstring("TIMESTAMP"));
  tools::send::ColumnOptions options;
  options.numbers = {"C"};
  CHECK_THAT(CsvRows(options).begin(test::bytes_of(kText)),
             test::ContainsSubstring("no column C for --number"));
}

TEST_CASE("a file with another delimiter is refused with the option") {
  const auto problem = [](const std::string& text) {
    return CsvRows().begin(test::bytes_of(text));
  };
  CHECK_THAT(problem("SESSION_ID;TIMESTAMP;EVENT_TYPE\n"),
             test::ContainsSubstring("give --delimiter ';'"));
  CHECK_THAT(problem("\"SESSION_ID\";\"TIMESTAMP\";\"EVENT_TYPE\"\n"),
             test::ContainsSubstring("give --delimiter ';'"));
  CHECK_THAT(problem("SESSION_ID\tTIMESTAMP\tEVENT_TYPE\n"),
             test::ContainsSubstring("give --delimiter tab"));
  tools::send::ColumnOptions options;
  options.delimiter = "tab";
  CHECK(CsvRows(options).begin(test::bytes_of("SESSION_ID\tTIMESTAMP\tEVENT_TYPE\n")).empty());
  options.delimiter = ";";
  CHECK_THAT(CsvRows(options).begin(test::bytes_of("SESSION_ID,TIMESTAMP,EVENT_TYPE\n")),
             test::ContainsSubstring("give --delimiter ','"));
}

TEST_CASE("notes begin with those on the header, and ignored cells are no content") {
  CsvRows rows;
  REQUIRE(rows.begin(test::bytes_of(",SESSION_ID,TIMESTAMP,EVENT_TYPE\n0,s,1,W\n")).empty());
  CHECK(rows.notes().size() == 1);
  RowOrProblem made;
  REQUIRE(rows.next(made));
  CHECK(rows.content() == Cells{"s", "1", "W"});
}
