// SPDX-License-Identifier: Apache-2.0

#include "send/csv.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "catch.hpp"
#include "unit/tools/bytes.hpp"

namespace pe = personalize_events;
using tools::send::CsvReader;
using tools::send::Record;

using Cells = std::vector<std::string>;

namespace {

std::vector<Record> records_of(const std::string& text,
                               std::optional<char> delimiter = std::nullopt) {
  CsvReader reader(test::bytes_of(text), delimiter);
  std::vector<Record> records;
  Record record;
  while (reader.next(record)) records.push_back(record);
  return records;
}

}  // namespace

TEST_CASE("a record is a line of cells") {
  const auto records = records_of("A,B,C\n1,,3\n , 2 ,\n");
  REQUIRE(records.size() == 3);
  CHECK(records[0].cells == Cells{"A", "B", "C"});
  CHECK(records[1].cells == Cells{"1", "", "3"});
  CHECK(records[2].cells == Cells{" ", " 2 ", ""});
  CHECK(records[2].line == 3);
  CHECK(records[2].problem.empty());
}

TEST_CASE("line ends may be LF, CRLF or the end of the file") {
  CHECK(records_of("A,B\r\n1,2\r\n")[1].cells == Cells{"1", "2"});
  CHECK(records_of("A,B\r\n1,\"2\"\r\n")[1].cells == Cells{"1", "2"});
  CHECK(records_of("A,B\n1,2")[1].cells == Cells{"1", "2"});
  CHECK(records_of("A,B\n1,")[1].cells == Cells{"1", ""});
  CHECK(records_of("A,B\n1\r,2\n")[1].cells == Cells{"1\r", "2"});
}

TEST_CASE("a byte order mark is no part of the first cell") {
  CHECK(records_of("\xEF\xBB\xBF"
                   "A,B\n")[0]
            .cells == Cells{"A", "B"});
  CHECK(records_of("A\n\xEF\xBB\xBF"
                   "1\n")[1]
            .cells == Cells{"\xEF\xBB\xBF"
                            "1"});
}

TEST_CASE("empty lines are skipped and counted as lines") {
  const auto records = records_of("\nA,B\n\r\n\n1,2\n");
  REQUIRE(records.size() == 2);
  CHECK(records[1].line == 5);
}

TEST_CASE("a quoted cell holds commas, quotes and line breaks as they are") {
  const auto records = records_of("A,B\n\"x,\"\"y\"\"\",\"\"\n\"1\r\n2\n\n3\",4\n5,6\n");
  REQUIRE(records.size() == 4);
  CHECK(records[1].cells == Cells{"x,\"y\"", ""});
  CHECK(records[2].cells == Cells{"1\r\n2\n\n3", "4"});
  CHECK(records[3].cells == Cells{"5", "6"});
  CHECK(records[3].line == 7);
}

TEST_CASE("a quote inside an unquoted cell is a quote") {
  CHECK(records_of("A,B\n7\" SINGLE,x\"\"y\n")[1].cells == Cells{"7\" SINGLE", "x\"\"y"});
}

TEST_CASE("a wrong number of cells is a problem of its record only") {
  const auto records = records_of("A,B\n1\n1,2,3\n1,2\n");
  REQUIRE(records.size() == 4);
  CHECK(records[1].problem == "1 cell, 2 expected");
  CHECK(records[2].problem == "3 cells, 2 expected");
  CHECK(records[3].problem.empty());
}

TEST_CASE("a quote that is not closed costs its own line") {
  SECTION("up to the end of the file") {
    const auto records = records_of("A,B\n\"1,2\n3,4\n5,6\n");
    REQUIRE(records.size() == 4);
    CHECK_THAT(records[1].problem, test::ContainsSubstring("never closed"));
    CHECK(records[1].line == 2);
    CHECK(records[2].cells == Cells{"3", "4"});
    CHECK(records[2].line == 3);
    CHECK(records[3].line == 4);
  }
  SECTION("up to another cell's quote, with text after it") {
    const auto records = records_of("A,B\n\"1,2\n3,\"4,4\"\n5,6\n");
    REQUIRE(records.size() == 4);
    CHECK_THAT(records[1].problem, test::ContainsSubstring("after a closing quote"));
    CHECK(records[2].cells == Cells{"3", "4,4"});
    CHECK(records[3].line == 4);
  }
  SECTION("up to another cell's quote, with a comma after it") {
    const auto records = records_of("A,B,C\n\"1,2,x\n\",3\",4,y\n5,6,z\n");
    REQUIRE(records.size() == 4);
    CHECK_FALSE(records[1].problem.empty());
    CHECK(records[2].cells == Cells{",3", "4", "y"});
  }
  SECTION("twice, one after the other") {
    const auto records = records_of("A,B\n\"1,2\n\"3,4\n5,6\n");
    REQUIRE(records.size() == 4);
    CHECK_FALSE(records[1].problem.empty());
    CHECK_FALSE(records[2].problem.empty());
    CHECK(records[3].cells == Cells{"5", "6"});
  }
}

TEST_CASE("a record ends at its greatest length, whatever is quoted") {
  std::string text = "A,B\n\"1,2\n";
  const std::size_t lines = CsvReader::kLongestRecord / 4 + 10;
  for (std::size_t i = 0; i < lines; ++i) text.append("3,4\n");
  const auto records = records_of(text + "5,6\"\n");
  REQUIRE(records.size() == lines + 3);
  CHECK_FALSE(records[1].problem.empty());
  CHECK(records.back().line == lines + 3);
}

TEST_CASE("a line that is too long is a problem of its own only") {
  const auto records =
      records_of("A,B\n1," + std::string(CsvReader::kLongestRecord, 'x') + "\n3,4\n");
  REQUIRE(records.size() == 3);
  CHECK(records[1].problem == "a line of more than 1 MiB");
  CHECK(records[2].cells == Cells{"3", "4"});
  CHECK(records[2].line == 3);
}

TEST_CASE("the records' bytes are those of the file") {
  const std::string text =
      "\xEF\xBB\xBF"
      "A,B\r\n\n1,\"x\r\ny\"\r\n\"open,1\n2,3";
  std::size_t bytes = 0;
  for (const Record& record : records_of(text)) bytes += record.bytes;
  CHECK(bytes == text.size());
}

TEST_CASE("a record uses the memory of the one before and nothing of its content") {
  const auto records = records_of("A,B,C\n1,\"2\",3\n4\n,,\n");
  REQUIRE(records.size() == 4);
  CHECK(records[2].problem == "1 cell, 3 expected");
  CHECK(records[3].cells == Cells{"", "", ""});
}

TEST_CASE("what was read before a failure is no record") {
  for (const std::string text : {"A,B\n1,2\n3,", "A,B\n1,2\n3,\"4\n5", "A,B\n1,2\n3,\"4\n"}) {
    INFO(text);
    auto bytes = test::bytes_of(text);
    CsvReader reader([&bytes](char* out, std::size_t size) -> pe::Result<std::size_t> {
      const auto got = bytes(out, size);
      if (*got > 0) return got;
      return pe::detail::make_error(pe::ErrorKind::Cancelled, "file", "interrupted");
    });
    Record record;
    CHECK(reader.next(record));
    CHECK(reader.next(record));
    CHECK(record.cells == Cells{"1", "2"});
    CHECK_FALSE(reader.next(record));
    CHECK(reader.failure().has_value());
  }
}

TEST_CASE("a file without a line has no record") { CHECK(records_of("").empty()); }

TEST_CASE("a record's text is its own as it stands in the file") {
  const auto records = records_of("A,B\r\n1,\"x\r\ny\"\r\n\"open,1\n2,3\n");
  REQUIRE(records.size() == 4);
  CHECK(records[0].text == "A,B");
  CHECK(records[1].text == "1,\"x\r\ny\"");
  CHECK(records[2].text == "\"open,1");  // never closed: its own line and no other
  CHECK(records[3].text == "2,3");
}

TEST_CASE("cells may be separated by another character") {
  CHECK(records_of("A;B\n1,5;\"x;y\"\n", ';')[1].cells == Cells{"1,5", "x;y"});
  CHECK(records_of("A\tB\n1\t\n", '\t')[1].cells == Cells{"1", ""});
}

TEST_CASE("a first line sep=; names the delimiter and is no record") {
  const std::string text = "\xEF\xBB\xBFsep=;\r\nA;B\r\n1;2\r\nsep=,\r\n";
  const auto records = records_of(text);
  REQUIRE(records.size() == 3);
  CHECK(records[0].cells == Cells{"A", "B"});
  CHECK(records[0].line == 2);
  CHECK(records[1].cells == Cells{"1", "2"});
  CHECK(records[2].problem == "1 cell, 2 expected");
  std::size_t bytes = 0;
  for (const Record& record : records) bytes += record.bytes;
  CHECK(bytes == text.size());
  CHECK(records_of("sep=;\nA|B\n", '|')[0].cells == Cells{"A", "B"});
  CHECK(records_of("sep=x\n")[0].cells == Cells{"sep=x"});
}
