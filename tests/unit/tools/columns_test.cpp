// SPDX-License-Identifier: Apache-2.0

#include "send/columns.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "catch.hpp"

namespace pe = personalize_events;
using tools::send::Columns;

using Cells = std::vector<std::string>;

TEST_CASE("a schema field's name becomes camelCase") {
  CHECK(tools::send::camel_case("NUM_RATINGS") == "numRatings");
  CHECK(tools::send::camel_case("COUNTRY") == "country");
  CHECK(tools::send::camel_case("num_ratings") == "numRatings");
  CHECK(tools::send::camel_case("Num_Ratings") == "numRatings");
  CHECK(tools::send::camel_case("DISCOUNT_2_FOR_1") == "discount2For1");
  CHECK(tools::send::camel_case("_NUM__RATINGS_") == "numRatings");
  CHECK(tools::send::camel_case("numRatings") == "numRatings");
  CHECK(tools::send::camel_case("") == "");
}

TEST_CASE("each column with a meaning fills its member") {
  const Columns columns({"USER_ID", "SESSION_ID", "ITEM_ID", "TIMESTAMP", "EVENT_TYPE",
                         "EVENT_VALUE", "IMPRESSION", "RECOMMENDATION_ID",
                         "EVENT_ATTRIBUTION_SOURCE", "EVENT_ID"});
  REQUIRE(columns.problem().empty());
  const auto made = columns.row_of(
      {"user", "session", "item", "1291191960", "Watch", "-15.3", "a|b|", "list", "mail", "id"});
  CHECK(made.problem.empty());
  CHECK(made.row.user_id == "user");
  CHECK(made.row.session_id == "session");
  const pe::Event& event = made.row.event;
  CHECK(event.item_id == "item");
  CHECK(event.sent_at == std::chrono::system_clock::time_point{std::chrono::seconds{1291191960}});
  CHECK(event.event_type == "Watch");
  CHECK(event.event_value == -15.3);
  CHECK(event.impression == Cells{"a", "b", ""});
  CHECK(event.recommendation_id == "list");
  REQUIRE(event.metric_attribution.has_value());
  CHECK(event.metric_attribution->event_attribution_source == "mail");
  CHECK(event.event_id == "id");
  CHECK_FALSE(event.properties.has_value());
}

TEST_CASE("an empty cell is left out") {
  const Columns columns({"USER_ID", "SESSION_ID", "ITEM_ID", "TIMESTAMP", "EVENT_TYPE",
                         "EVENT_VALUE", "IMPRESSION", "EVENT_ID", "COLOUR"});
  const auto made = columns.row_of({"", "session", "", "0", "Watch", "", "", "", ""});
  CHECK(made.problem.empty());
  CHECK(made.row.user_id.empty());
  CHECK_FALSE(made.row.event.item_id.has_value());
  CHECK_FALSE(made.row.event.event_value.has_value());
  CHECK_FALSE(made.row.event.event_id.has_value());
  CHECK_FALSE(made.row.event.properties.has_value());
  CHECK(made.row.event.impression.empty());
}

TEST_CASE("other columns are properties, numbers only if every cell of theirs is one") {
  Columns columns({"SESSION_ID", "TIMESTAMP", "EVENT_TYPE", "NUM_RATINGS", "CODE", "NOTE"});
  columns.survey({"s", "1", "Watch", "4", "12", " a "});
  columns.survey({"s", "1", "Watch", "", "007", ""});
  columns.survey({"s", "1", "Watch", "4.5", "13", "1"});
  const auto made = columns.row_of({"s", "1", "Watch", "4", "12", " a "});
  REQUIRE(made.row.event.properties.has_value());
  const auto& entries = made.row.event.properties->entries();
  REQUIRE(entries.size() == 3);
  CHECK(entries[0].first == "numRatings");
  CHECK(entries[0].second.as<std::int64_t>() == 4);
  CHECK(entries[1].first == "code");
  CHECK(entries[1].second.as<std::string>() == "12");
  CHECK(entries[2].first == "note");
  CHECK(entries[2].second.as<std::string>() == " a ");
}

TEST_CASE(
    "of a stream the columns that are named are numbers, and a cell that is none is refused") {
  Columns columns({"SESSION_ID", "TIMESTAMP", "EVENT_TYPE", "NUM_RATINGS", "CODE"});
  columns.name_numbers({"NUM_RATINGS"});
  REQUIRE(columns.problem().empty());
  const auto made = columns.row_of({"s", "1", "Watch", "4", "12"});
  REQUIRE(made.row.event.properties.has_value());
  const auto& entries = made.row.event.properties->entries();
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].second.as<std::int64_t>() == 4);
  CHECK(entries[1].second.as<std::string>() == "12");
  CHECK(columns.row_of({"s", "1", "Watch", "007", "12"}).problem == "NUM_RATINGS: not a number");
  CHECK(columns.row_of({"s", "1", "Watch", "", "12"}).problem.empty());
}

TEST_CASE("only a property column can be named a number") {
  const char* name = GENERATE("NUM", "EVENT_TYPE");
  Columns columns({"SESSION_ID", "TIMESTAMP", "EVENT_TYPE", "NUM_RATINGS"});
  columns.name_numbers({name});
  CHECK_THAT(columns.problem(), test::ContainsSubstring(name));
}

TEST_CASE("a row that is no event says which column is to blame") {
  const Columns columns({"SESSION_ID", "TIMESTAMP", "EVENT_TYPE", "EVENT_VALUE"});
  const auto problem = [&columns](const Cells& cells) { return columns.row_of(cells).problem; };
  CHECK(problem({"", "1", "Watch", "1"}) == "SESSION_ID: empty");
  CHECK(problem({"s", "", "Watch", "1"}) == "TIMESTAMP: empty");
  CHECK(problem({"s", "1", "", "1"}) == "EVENT_TYPE: empty");
  CHECK(problem({"s", "1", "Watch", "many"}) == "EVENT_VALUE: not a number");
  CHECK_THAT(problem({"s", "1291191960000", "Watch", ""}), test::ContainsSubstring("milliseconds"));
  for (const char* time : {"-1", "1.5", "today", "99999999999", "9223372036854775808"}) {
    CAPTURE(time);
    CHECK_THAT(problem({"s", time, "Watch", ""}),
               test::ContainsSubstring("whole number of seconds"));
  }
}

TEST_CASE("without a session column every row needs a user") {
  const Columns columns({"USER_ID", "TIMESTAMP", "EVENT_TYPE"});
  CHECK_FALSE(columns.has_session());
  CHECK(columns.row_of({"", "1", "Watch"}).problem == "USER_ID: empty");
}

TEST_CASE("a header that no event can be made of is refused") {
  const auto problem = [](const Cells& header) { return Columns(header).problem(); };
  CHECK(problem({"session_id", "Timestamp", "EVENT_TYPE"}).empty());
  CHECK_THAT(problem({"USER_ID", "EVENT_TYPE"}), test::ContainsSubstring("TIMESTAMP"));
  CHECK_THAT(problem({"USER_ID", "TIMESTAMP"}), test::ContainsSubstring("EVENT_TYPE"));
  CHECK_THAT(problem({"TIMESTAMP", "EVENT_TYPE"}), test::ContainsSubstring("SESSION_ID"));
  CHECK_THAT(problem({"USER_ID", "TIMESTAMP", "EVENT_TYPE", ""}),
             test::ContainsSubstring("column 4 has no name"));
  CHECK_THAT(problem({"USER_ID", "TIMESTAMP", "EVENT_TYPE", "user_id"}),
             test::ContainsSubstring("columns 1 and 4"));
  CHECK_THAT(problem({"USER_ID", "TIMESTAMP", "EVENT_TYPE", "A_B", "aB"}),
             test::ContainsSubstring("columns 4 and 5"));
}
