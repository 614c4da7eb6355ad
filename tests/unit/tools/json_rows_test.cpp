// SPDX-License-Identifier: Apache-2.0

#include "send/json_rows.hpp"

#include <cstddef>
#include <string>
#include <vector>

#include "catch.hpp"
#include "unit/tools/bytes.hpp"

using tools::send::JsonRows;
using tools::send::RowOrProblem;

namespace {

struct Read {
  RowOrProblem made{};
  std::vector<std::string> content{};
};

std::vector<Read> rows_of(const std::string& text) {
  JsonRows rows("tracker");
  REQUIRE(rows.begin(test::bytes_of(text)).empty());
  std::vector<Read> all;
  RowOrProblem made;
  while (rows.next(made)) all.push_back({made, rows.content()});
  CHECK_FALSE(rows.failure().has_value());
  return all;
}

}  // namespace

TEST_CASE("a line is a row, blank ones are skipped") {
  const std::string first = R"({"sessionId":"s","eventType":"A"})";
  const std::string second = R"( {"sessionId":"s", "eventType":"B"} )";
  const std::string text = "\xEF\xBB\xBF" + first + "\r\n \n\n" + second;
  const auto rows = rows_of(text);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].made.row.event.event_type == "A");
  CHECK(rows[0].made.row.origin.text == first);
  CHECK(rows[0].content == std::vector<std::string>{first});
  CHECK(rows[1].made.row.origin.line == 4);
  CHECK(rows[1].made.row.origin.text == second);
  CHECK(rows[0].made.row.origin.bytes + rows[1].made.row.origin.bytes == text.size());
}

TEST_CASE("a request is as many rows, each the same as the line of its own") {
  const std::string request =
      R"({"userId":"u","sessionId":"s","eventList":[{"eventType":"A"},{"eventType":1}]})";
  const std::string alone = R"({"userId":"u","sessionId":"s","eventType":"A"})";
  const auto rows = rows_of(request + "\n" + alone + "\n");
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].made.problem.empty());
  CHECK(rows[0].made.row.user_id == "u");
  CHECK(rows[0].content == rows[2].content);
  CHECK(rows[0].made.row.origin.bytes == request.size() + 1);
  CHECK(rows[1].made.problem == "eventType: expected a string");
  CHECK(rows[1].made.row.origin.line == 1);
  CHECK(rows[1].made.row.origin.bytes == 0);
  CHECK(rows[1].made.row.origin.text == R"({"userId":"u","sessionId":"s","eventType":1})");
  CHECK(rows[2].made.row.origin.line == 2);
}

TEST_CASE("a line that cannot be read costs itself only") {
  const std::string good = R"({"sessionId":"s","eventType":"A"})";
  const auto rows =
      rows_of("{\n" + good + "\n" + std::string((1U << 20U) + 1, ' ') + "x\n\xFF\n" + good + "\n");
  REQUIRE(rows.size() == 5);
  CHECK_THAT(rows[0].made.problem, test::ContainsSubstring("not JSON at byte"));
  CHECK(rows[1].made.problem.empty());
  CHECK(rows[2].made.problem == "a line of more than 1 MiB");
  CHECK_THAT(rows[3].made.problem, test::ContainsSubstring("UTF-8"));
  CHECK(rows[4].made.problem.empty());
  CHECK(rows[4].made.row.origin.line == 5);
}

TEST_CASE("a second reading is the same as the first") {
  JsonRows rows("");
  const std::string text =
      R"({"trackingId":"t","sessionId":"s","eventList":[{"eventType":"A"},{"eventType":"B"}]})";
  RowOrProblem made;
  for (int reading = 0; reading < 2; ++reading) {
    REQUIRE(rows.begin(test::bytes_of(text)).empty());
    REQUIRE(rows.next(made));
    CHECK(made.row.origin.line == 1);
    CHECK(made.row.event.event_type == "A");
    CHECK(made.row.tracking_id == "t");
  }
}
