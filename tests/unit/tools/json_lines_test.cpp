// SPDX-License-Identifier: Apache-2.0

#include "send/json_lines.hpp"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"

namespace pe = personalize_events;
using tools::send::row_of_event;
using tools::send::RowOrProblem;
using tools::send::split_request;
using tools::send::SplitRequest;

namespace {

RowOrProblem row_of(const std::string& text, const std::string& tracking_id = "tracker") {
  auto value = pe::detail::json::parse(text);
  REQUIRE(value.has_value());
  return row_of_event(*std::move(value), tracking_id);
}

std::string problem_of(const std::string& text) { return row_of(text).problem; }

SplitRequest split(const std::string& text) {
  auto value = pe::detail::json::parse(text);
  REQUIRE(value.has_value());
  return split_request(*std::move(value));
}

}  // namespace

TEST_CASE("each member fills its place") {
  const auto made = row_of(
      R"({"userId":"u","sessionId":"s","eventType":"Watch","sentAt":1291191960.5,"eventId":"id",)"
      R"("eventValue":-1.5,"itemId":"i","properties":{"a":1.50,"b":[true]},"recommendationId":"r",)"
      R"("impression":["x","y"],"metricAttribution":{"eventAttributionSource":"mail"}})");
  REQUIRE(made.problem.empty());
  CHECK(made.row.user_id == "u");
  CHECK(made.row.session_id == "s");
  CHECK(made.row.tracking_id.empty());
  const pe::Event& event = made.row.event;
  CHECK(event.event_type == "Watch");
  CHECK(event.sent_at ==
        std::chrono::system_clock::time_point{std::chrono::milliseconds{1291191960500}});
  CHECK(event.event_id == "id");
  CHECK(event.event_value == -1.5);
  CHECK(event.item_id == "i");
  CHECK(event.recommendation_id == "r");
  CHECK(event.impression == std::vector<std::string>{"x", "y"});
  REQUIRE(event.metric_attribution.has_value());
  CHECK(event.metric_attribution->event_attribution_source == "mail");
  REQUIRE(event.properties.has_value());
  std::string text;
  pe::detail::json::Writer writer(text);
  pe::detail::wire::write_properties(writer, *event.properties);
  CHECK(text == R"({"a":1.50,"b":[true]})");
}

TEST_CASE("properties may be the text of an object, as on the wire") {
  const auto made = row_of(R"({"sessionId":"s","eventType":"Watch","properties":"{\"a\": 1}"})");
  REQUIRE(made.problem.empty());
  REQUIRE(made.row.event.properties.has_value());
  CHECK(made.row.event.properties->entries().front().first == "a");
}

TEST_CASE("null is the same as absent, and an anonymous event has no user") {
  const auto made = row_of(
      R"({"userId":null,"sessionId":"s","eventType":"Watch","eventId":null,"properties":null,)"
      R"("metricAttribution":null})");
  REQUIRE(made.problem.empty());
  CHECK(made.row.user_id.empty());
  CHECK_FALSE(made.row.event.event_id.has_value());
  CHECK_FALSE(made.row.event.sent_at.has_value());
}

TEST_CASE("a line that is no event says which member is to blame") {
  CHECK(problem_of("[]") == "expected an object");
  CHECK(problem_of(R"({"sessionId":"s"})") == "eventType: missing");
  CHECK(problem_of(R"({"sessionId":"s","eventType":1})") == "eventType: expected a string");
  CHECK(problem_of(R"({"sessionId":1,"eventType":"W"})") == "sessionId: expected a string");
  CHECK(problem_of(R"({"userId":"","eventType":"W"})") == "userId: 0 characters, at least 1");
  CHECK(problem_of(R"({"sessionId":"s","eventType":"W","EVENT_ID":"x"})") ==
        "unknown member \"EVENT_ID\"");
  CHECK(problem_of(R"({"sessionId":"s","eventType":"W","a\nb":"x"})") ==
        "unknown member \"a\\u000ab\"");
  CHECK(problem_of(R"({"sessionId":"s","eventType":"W","itemId":"a","itemId":"b"})") ==
        "itemId: given twice");
  CHECK(problem_of(R"({"sessionId":"s","eventType":"W","metricAttribution":{"source":"x"}})") ==
        "metricAttribution: unknown member \"source\"");
  CHECK(problem_of(R"({"sessionId":"s","eventType":"W","metricAttribution":{}})") ==
        "metricAttribution.eventAttributionSource: missing");
  CHECK_THAT(problem_of(R"({"sessionId":"s","eventType":"W","properties":{"userId":"x"}})"),
             test::ContainsSubstring("reserved"));
  CHECK(problem_of(R"({"sessionId":"s","eventType":"W","properties":"[]"})") ==
        "properties: not a JSON object");
  CHECK(problem_of(R"({"sessionId":"s","eventType":"W","sentAt":"now"})") ==
        "sentAt: expected a number");
  CHECK_THAT(problem_of(R"({"eventType":"W","sentAt":1})"),
             test::ContainsSubstring("sessionId: missing, and there is no userId"));
  CHECK_THAT(problem_of(R"({"userId":"u","eventType":"W"})"),
             test::ContainsSubstring("sessionId: missing, and there is no sentAt"));
  CHECK(problem_of(R"({"userId":"u","eventType":"W","sentAt":1})").empty());
}

TEST_CASE("the tracker is the user's or the line's, and they agree") {
  const std::string with = R"({"trackingId":"t","sessionId":"s","eventType":"W"})";
  const std::string without = R"({"sessionId":"s","eventType":"W"})";
  CHECK(row_of(with, "").row.tracking_id == "t");
  CHECK(row_of(with, "t").problem.empty());
  CHECK(row_of(with, "u").problem == "trackingId: not the one of --tracking-id");
  CHECK(row_of(without, "t").problem.empty());
  CHECK_THAT(row_of(without, "").problem, test::ContainsSubstring("trackingId: missing"));
  const std::string longer =
      R"({"trackingId":")" + std::string(257, 't') + R"(","sessionId":"s","eventType":"W"})";
  CHECK_THAT(row_of(longer, "").problem, test::ContainsSubstring("more than 256"));
}

TEST_CASE("a request becomes a line for each of its events") {
  const auto lines = split(R"({"trackingId":"t","userId":"u","sessionId":"s",)"
                           R"("eventList":[{"eventType":"A"},{"eventType":"B","sentAt":1.0}]})");
  REQUIRE(lines.problem.empty());
  REQUIRE(lines.events.size() == 2);
  CHECK(tools::send::json_text(lines.events[0]) ==
        R"({"trackingId":"t","userId":"u","sessionId":"s","eventType":"A"})");
  CHECK(tools::send::json_text(lines.events[1]) ==
        R"({"trackingId":"t","userId":"u","sessionId":"s","eventType":"B","sentAt":1.0})");
}

TEST_CASE("a request that is none is one problem") {
  CHECK(split(R"({"eventList":[],"sessionId":"s"})").problem ==
        "eventList: 0 elements, at least 1");
  CHECK(split(R"({"eventList":{},"sessionId":"s"})").problem == "eventList: expected an array");
  CHECK(split(R"({"eventList":[1],"sessionId":"s"})").problem == "eventList: expected objects");
  CHECK(split(R"({"eventList":[{}],"itemId":"i"})").problem == "unknown member \"itemId\"");
  CHECK(split(R"({"eventList":[{}],"eventList":[{}]})").problem == "eventList: given twice");
  CHECK_THAT(split(R"({"eventList":[{"userId":"u"}]})").problem,
             test::ContainsSubstring("stand beside the list"));
}

TEST_CASE("times and values that CSV refuses are refused") {
  CHECK(problem_of(R"({"sessionId":"s","eventType":"A","sentAt":-5})") ==
        "sentAt: not a number of seconds since 1970");
  CHECK(problem_of(R"({"sessionId":"s","eventType":"A","sentAt":0})").empty());
  CHECK(problem_of(R"({"sessionId":"s","eventType":"A","eventValue":3.5e38})") ==
        "eventValue: beyond the range of a float");
  CHECK(problem_of(R"({"sessionId":"s","eventType":"A","eventValue":3.4e38})").empty());
}
