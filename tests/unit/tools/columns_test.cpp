// SPDX-License-Identifier: Apache-2.0

#include "send/columns.hpp"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"

namespace pe = personalize_events;
using tools::send::Columns;

using Cells = std::vector<std::string>;

namespace {

void survey(Columns& columns, const Cells& cells) { columns.survey(cells, columns.row_of(cells)); }

/// As they are sent; "{}" if there are none.
std::string properties_of(const Columns& columns, const Cells& cells) {
  const auto made = columns.row_of(cells);
  CHECK(made.problem.empty());
  std::string text;
  pe::detail::json::Writer writer(text);
  pe::detail::wire::write_properties(writer, made.row.event.properties.value_or(pe::Properties{}));
  return text;
}

}  // namespace

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

TEST_CASE("a property column is a number column if every value is a number") {
  Columns columns({"SESSION_ID", "TIMESTAMP", "EVENT_TYPE", "NUM_RATINGS", "CODE", "NOTE"});
  survey(columns, {"s", "1", "Watch", "4", "12", " a "});
  survey(columns, {"s", "1", "Watch", "", "007", ""});
  survey(columns, {"s", "1", "Watch", "4.5", "13", "1"});
  CHECK(properties_of(columns, {"s", "1", "Watch", "4", "12", " a "}) ==
        R"({"numRatings":4,"code":"12","note":" a "})");
  CHECK(columns.type_notes().empty());
}

TEST_CASE("a number is sent with the characters of its cell") {
  Columns columns({"SESSION_ID", "TIMESTAMP", "EVENT_TYPE", "A"});
  const char* number = GENERATE("1.10", "12e4", "0e12", "-0.0", "1E+2", "9007199254740992");
  survey(columns, {"s", "1", "Watch", number});
  CHECK(properties_of(columns, {"s", "1", "Watch", number}) ==
        "{\"a\":" + std::string(number) + "}");
}

TEST_CASE("a column with a number that a double does not hold is sent as text, with a note") {
  const char* number = GENERATE("12345678901234567890123", "12345678901234567890124", "1e400", "-0",
                                "9007199254740993", "1e-400");
  Columns columns({"SESSION_ID", "TIMESTAMP", "EVENT_TYPE", "ORDER"});
  survey(columns, {"s", "1", "Watch", "5"});
  survey(columns, {"s", "1", "Watch", number});
  CHECK(properties_of(columns, {"s", "1", "Watch", number}) ==
        "{\"order\":\"" + std::string(number) + "\"}");
  CHECK(properties_of(columns, {"s", "1", "Watch", "5"}) == R"({"order":"5"})");
  REQUIRE(columns.type_notes().size() == 1);
  CHECK_THAT(columns.type_notes()[0], test::ContainsSubstring("column ORDER is sent as text"));
}

TEST_CASE("only rows that are accepted decide the type of a column") {
  Columns columns({"SESSION_ID", "TIMESTAMP", "EVENT_TYPE", "A"});
  survey(columns, {"s", "1", "Watch", "5"});
  survey(columns, {"s", "today", "Watch", "x"});
  survey(columns, {std::string(257, 's'), "1", "Watch", "x"});
  survey(columns, {"s", "1", "Watch", std::string(1024, 'x')});
  CHECK(properties_of(columns, {"s", "1", "Watch", "5"}) == R"({"a":5})");
}

TEST_CASE(
    "words for a missing value have no value in a column of numbers, and are text in others") {
  Columns columns({"SESSION_ID", "TIMESTAMP", "EVENT_TYPE", "PRICE", "COUNTRY", "WORDS"});
  survey(columns, {"s", "1", "Watch", "5", "NA", "NULL"});
  survey(columns, {"s", "1", "Watch", "NULL", "DE", ""});
  CHECK(properties_of(columns, {"s", "1", "Watch", "5", "NA", "NULL"}) ==
        R"({"price":5,"country":"NA","words":"NULL"})");
  for (const char* word : {"NULL", "null", "NA", "N/A", "nan", "None", "\\N"}) {
    CAPTURE(word);
    CHECK(properties_of(columns, {"s", "1", "Watch", word, "", ""}) == "{}");
  }
  REQUIRE(columns.type_notes().size() == 1);
  CHECK_THAT(columns.type_notes()[0], test::ContainsSubstring("column PRICE is a number column"));
}

TEST_CASE("--null names the cells that have no value, in every column, and no others") {
  tools::send::ColumnOptions options;
  options.nulls = {"-", "?"};
  Columns columns({"USER_ID", "SESSION_ID", "TIMESTAMP", "EVENT_TYPE", "A", "B"}, options);
  survey(columns, {"u", "s", "1", "Watch", "5", "5"});
  survey(columns, {"?", "s", "1", "Watch", "-", "NULL"});
  CHECK(properties_of(columns, {"u", "s", "1", "Watch", "?", "NULL"}) == R"({"b":"NULL"})");
  CHECK(properties_of(columns, {"u", "s", "1", "Watch", "5", "5"}) == R"({"a":5,"b":"5"})");
  CHECK(columns.row_of({"-", "s", "1", "Watch", "", ""}).row.user_id.empty());
  CHECK(columns.row_of({"u", "-", "1", "Watch", "", ""}).problem == "SESSION_ID: empty");
}

TEST_CASE("--number and --text decide the type of a column") {
  const bool is_stream = GENERATE(false, true);
  tools::send::ColumnOptions options;
  options.numbers = {"A"};
  options.texts = {"B"};
  Columns columns({"SESSION_ID", "TIMESTAMP", "EVENT_TYPE", "A", "B"}, options, is_stream);
  REQUIRE(columns.problem().empty());
  survey(columns, {"s", "1", "Watch", "x", "5"});
  CHECK(properties_of(columns, {"s", "1", "Watch", "12345678901234567890123", "5"}) ==
        R"({"a":12345678901234567890123,"b":"5"})");
  CHECK(properties_of(columns, {"s", "1", "Watch", "NULL", "NULL"}) == R"({"b":"NULL"})");
  CHECK(columns.row_of({"s", "1", "Watch", "007", "5"}).problem == "A: not a number");
  CHECK(columns.row_of({"s", "1", "Watch", "", "5"}).problem.empty());
}

TEST_CASE("property columns of a stream are text unless --number names them") {
  Columns columns({"SESSION_ID", "TIMESTAMP", "EVENT_TYPE", "A"}, {}, true);
  survey(columns, {"s", "1", "Watch", "5"});
  CHECK(properties_of(columns, {"s", "1", "Watch", "5"}) == R"({"a":"5"})");
}

TEST_CASE("--number and --text name property columns of the file, each column once") {
  const char* name = GENERATE("NUM", "EVENT_TYPE");
  const Cells header{"SESSION_ID", "TIMESTAMP", "EVENT_TYPE", "NUM_RATINGS"};
  tools::send::ColumnOptions options;
  options.numbers = {name};
  CHECK_THAT(Columns(header, options).problem(), test::ContainsSubstring(name));
  options.numbers.clear();
  options.texts = {name};
  CHECK_THAT(Columns(header, options).problem(), test::ContainsSubstring(name));
  options.numbers = options.texts = {"NUM_RATINGS"};
  CHECK_THAT(Columns(header, options).problem(), test::ContainsSubstring("both --text and"));
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
  CHECK_THAT(problem({"USER_ID", "", "TIMESTAMP", "EVENT_TYPE"}),
             test::ContainsSubstring("column 2 has no name"));
  CHECK_THAT(problem({"USER_ID", "TIMESTAMP", "EVENT_TYPE", "user_id"}),
             test::ContainsSubstring("columns 1 and 4"));
  CHECK_THAT(problem({"USER_ID", "TIMESTAMP", "EVENT_TYPE", "A_B", "aB"}),
             test::ContainsSubstring("columns 4 and 5"));
}

TEST_CASE("a header that is nearly a known name is read as that name, with a note") {
  const char* header = GENERATE("ITEM_ID ", "ITEM_ID\xc2\xa0", "ITEM_ID\xe2\x80\x8b",
                                "\xef\xbb\xbfITEM_ID", "ITEM-ID", "ItemID", "item id", "ITEM.ID");
  const Columns columns({"SESSION_ID", "TIMESTAMP", "EVENT_TYPE", header});
  CAPTURE(header);
  REQUIRE(columns.problem().empty());
  CHECK(columns.row_of({"s", "1", "Watch", "item"}).row.event.item_id == "item");
  REQUIRE(columns.notes().size() == 1);
  CHECK(columns.notes()[0] == "column " + tools::send::shown_name(header) + " is read as ITEM_ID");
}

TEST_CASE("the API's member names are known without a note") {
  const Columns columns({"userId", "sessionId", "itemId", "sentAt", "eventType", "eventValue",
                         "impression", "recommendationId", "eventAttributionSource", "eventId"});
  REQUIRE(columns.problem().empty());
  CHECK(columns.notes().empty());
  const auto made = columns.row_of({"u", "s", "i", "5", "Watch", "1", "a|b", "r", "mail", "e"});
  CHECK(made.row.user_id == "u");
  CHECK(made.row.event.item_id == "i");
  CHECK_FALSE(made.row.event.properties.has_value());
}

TEST_CASE("two headers for one member are refused with both names") {
  const auto problem = [](const Cells& header) { return Columns(header).problem(); };
  CHECK(problem({"USER_ID", "TIMESTAMP", "EVENT_TYPE", "ITEM_ID", "itemId"}) ==
        "columns 4 and 5 (\"ITEM_ID\", \"itemId\") are both ITEM_ID; --ignore one of them");
  CHECK_THAT(problem({"USER_ID", "TIMESTAMP", "EVENT_TYPE", "COLOUR", "COLOUR\xe2\x80\x8b"}),
             test::ContainsSubstring("\\u200b"));
}

TEST_CASE("a property's name has no invisible characters, with a note") {
  const Columns columns({"SESSION_ID", "TIMESTAMP", "EVENT_TYPE", " NUM_RATINGS\xef\xbb\xbf"});
  CHECK(properties_of(columns, {"s", "1", "Watch", "x"}) == R"({"numRatings":"x"})");
  CHECK(columns.notes() == Cells{"column \" NUM_RATINGS\\ufeff\" is read as NUM_RATINGS"});
}

TEST_CASE("the index of pandas and empty columns at the end are ignored with a note") {
  const char* first = GENERATE("", "Unnamed: 0", " ");
  const Columns columns({first, "SESSION_ID", "TIMESTAMP", "EVENT_TYPE", "A", "", " "});
  REQUIRE(columns.problem().empty());
  CHECK(properties_of(columns, {"7", "s", "1", "Watch", "x", "y", ""}) == R"({"a":"x"})");
  REQUIRE(columns.notes().size() == 2);
  CHECK_THAT(columns.notes()[0], test::ContainsSubstring("last column without a name is ignored"));
  CHECK_THAT(columns.notes()[1], test::ContainsSubstring("first column"));
  Cells memory;
  CHECK(columns.content_of({"7", "s", "1", "Watch", "x", "y", ""}, memory) ==
        Cells{"s", "1", "Watch", "x"});
}

TEST_CASE("--ignore, --map and --event-type read a file with other columns") {
  const Cells header{"user", "product", "when", "ITEM_ID", "EVENT_TYPE", "A"};
  const Cells cells{"u", "p", "5", "x", "Click", "1"};
  tools::send::ColumnOptions options;
  options.ignored = {"ITEM_ID", "EVENT_TYPE"};
  options.mapped = {"ITEM_ID=product", "userId=user", "TIMESTAMP=when"};
  options.event_type = "Watch";
  const Columns columns(header, options);
  REQUIRE(columns.problem().empty());
  CHECK(columns.notes().empty());
  const auto made = columns.row_of(cells);
  CHECK(made.problem.empty());
  CHECK(made.row.user_id == "u");
  CHECK(made.row.event.item_id == "p");
  CHECK(made.row.event.event_type == "Watch");
  CHECK(made.row.event.sent_at->time_since_epoch() == std::chrono::seconds{5});
  CHECK(properties_of(columns, cells) == R"({"a":"1"})");
  Cells memory;
  CHECK(columns.content_of(cells, memory) == Cells{"u", "p", "5", "1", "Watch"});
}

TEST_CASE("options that do not fit the header are refused") {
  const Cells header{"USER_ID", "TIMESTAMP", "EVENT_TYPE", "ITEM_ID", "product"};
  const auto problem = [&header](tools::send::ColumnOptions options) {
    return Columns(header, std::move(options)).problem();
  };
  tools::send::ColumnOptions options;
  options.ignored = {"colour"};
  CHECK(problem(options) == "there is no column colour for --ignore");
  options = {};
  options.mapped = {"ITEM_ID=thing"};
  CHECK(problem(options) == "there is no column thing for --map");
  options.mapped = {"ITEM=product"};
  CHECK_THAT(problem(options), test::ContainsSubstring("one of USER_ID, ITEM_ID"));
  options.mapped = {"ITEM_ID"};
  CHECK_THAT(problem(options), test::ContainsSubstring("expected NAME=COLUMN"));
  options.mapped = {"ITEM_ID=product"};
  CHECK_THAT(problem(options), test::ContainsSubstring("both ITEM_ID"));
  options.mapped = {"ITEM_ID=product", "EVENT_ID=product"};
  CHECK_THAT(problem(options), test::ContainsSubstring("mapped twice"));
  options = {};
  options.event_type = "Watch";
  CHECK_THAT(problem(options), test::ContainsSubstring("--ignore it"));
}

TEST_CASE("an event value is within the range of a float") {
  const Columns columns({"SESSION_ID", "TIMESTAMP", "EVENT_TYPE", "EVENT_VALUE"});
  CHECK(columns.row_of({"s", "1", "Watch", "-3.4028234e38"}).problem.empty());
  for (const char* value : {"3.5e38", "-1e300"}) {
    CHECK(columns.row_of({"s", "1", "Watch", value}).problem ==
          "EVENT_VALUE: beyond the range of a float");
  }
}
