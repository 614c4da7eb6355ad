// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/wire/read.hpp"

#include <chrono>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"
#include "personalize_events/model/put_action_interactions.hpp"
#include "personalize_events/model/put_events.hpp"
#include "personalize_events/model/put_users.hpp"

namespace pe = personalize_events;
using pe::detail::wire::Required;
using TimePoint = std::chrono::system_clock::time_point;

namespace {

/// What is wrong with a text as a Shape: "where: message"; nothing when it is read.
template <class Shape>
std::string fault_of(std::string_view text, Required required = Required::ByModel) {
  const auto shape = pe::detail::wire::read<Shape>(text, required);
  if (shape) return {};
  CHECK(shape.error().kind == pe::ErrorKind::InvalidArgument);
  CHECK(pe::to_string(shape.error()).find("MARKER") == std::string::npos);
  return shape.error().where + ": " + shape.error().message;
}

pe::Result<pe::Event> event_sent_at(const std::string& number) {
  return pe::detail::wire::read<pe::Event>(R"({"eventType":"w","sentAt":)" + number + "}");
}

}  // namespace

TEST_CASE("a whole request is read") {
  const auto request = pe::detail::wire::read<pe::PutEventsRequest>(R"({
    "eventList": [
      {"impression": ["a", "b"], "itemId": "movie-42", "sentAt": 1700000000.123,
       "eventType": "Watch", "properties": "{\"device\": \"tv\", \"n\": 1.50}", "eventValue": 4.5,
       "eventId": "e", "recommendationId": "r",
       "metricAttribution": {"eventAttributionSource": "home"}},
      {"eventType": "Click", "sentAt": 5}],
    "userId": "u", "sessionId": "s", "trackingId": "t"})");
  REQUIRE(request);
  CHECK(request->tracking_id == "t");
  CHECK(request->session_id == "s");
  CHECK(request->user_id == "u");
  REQUIRE(request->event_list.size() == 2);
  const pe::Event& event = request->event_list[0];
  CHECK(event.event_type == "Watch");
  CHECK(event.event_id == "e");
  CHECK(event.item_id == "movie-42");
  CHECK(event.event_value == 4.5);
  CHECK(event.recommendation_id == "r");
  CHECK(event.impression == std::vector<std::string>{"a", "b"});
  CHECK(event.metric_attribution->event_attribution_source == "home");
  CHECK(event.sent_at == TimePoint{std::chrono::milliseconds{1'700'000'000'123}});
  REQUIRE(event.properties);
  CHECK(event.properties->size() == 2);
  CHECK_FALSE(request->event_list[1].event_id);
  CHECK_FALSE(request->event_list[1].properties);
  CHECK(request->event_list[1].impression.empty());
}

TEST_CASE("unknown members are passed over, and null is absent") {
  const auto user =
      pe::detail::wire::read<pe::User>(R"({"userId":"u","colour":["red"],"properties":null})");
  REQUIRE(user);
  CHECK(user->user_id == "u");
  CHECK_FALSE(user->properties);
  CHECK(fault_of<pe::User>(R"({"userId":null})") == "userId: missing");
}

TEST_CASE("required members must be there, those that are filled in as the reader says") {
  CHECK(fault_of<pe::PutEventsRequest>("{}") == "trackingId: missing");
  CHECK(fault_of<pe::PutEventsRequest>(R"({"trackingId":"t","sessionId":"s"})") ==
        "eventList: missing");
  CHECK(fault_of<pe::PutEventsRequest>(
            R"({"trackingId":"t","sessionId":"s","eventList":[{"sentAt":1}]})") ==
        "eventList[0].eventType: missing");
  const std::string without_time =
      R"({"trackingId":"t","sessionId":"s","eventList":[{"eventType":"w"}]})";
  CHECK(fault_of<pe::PutEventsRequest>(without_time) == "eventList[0].sentAt: missing");
  CHECK(fault_of<pe::PutEventsRequest>(without_time, Required::UnlessFilledIn).empty());
  CHECK(fault_of<pe::Event>("{}", Required::UnlessFilledIn) == "eventType: missing");
  CHECK(fault_of<pe::ActionInteraction>(
            R"({"actionId":"a","sessionId":"s","eventType":"Viewed"})") == "timestamp: missing");
  CHECK(fault_of<pe::ActionInteraction>(R"({"actionId":"a","sessionId":"s","eventType":"Viewed"})",
                                        Required::UnlessFilledIn)
            .empty());
}

TEST_CASE("a value of another type is refused by its path") {
  CHECK(fault_of<pe::PutEventsRequest>("[]") == ": expected an object");
  CHECK(fault_of<pe::User>(R"({"userId":5})") == "userId: expected a string");
  CHECK(fault_of<pe::User>(R"({"userId":["MARKER"]})") == "userId: expected a string");
  CHECK(fault_of<pe::PutUsersRequest>(R"({"datasetArn":"a","users":{"MARKER":1}})") ==
        "users: expected an array");
  CHECK(fault_of<pe::PutUsersRequest>(R"({"datasetArn":"a","users":[{"userId":"u"},"MARKER"]})") ==
        "users[1]: expected an object");
  const auto event = [](const char* member) {
    return R"({"eventType":"w","sentAt":1,)" + std::string(member) + "}";
  };
  CHECK(fault_of<pe::Event>(event(R"("eventValue":"MARKER")")) == "eventValue: expected a number");
  CHECK(fault_of<pe::Event>(event(R"("eventValue":true)")) == "eventValue: expected a number");
  CHECK(fault_of<pe::Event>(event(R"("impression":["a",null])")) ==
        "impression[1]: expected a string");
  CHECK(fault_of<pe::Event>(event(R"("impression":"a")")) == "impression: expected an array");
  CHECK(fault_of<pe::Event>(event(R"("metricAttribution":"MARKER")")) ==
        "metricAttribution: expected an object");
  CHECK(fault_of<pe::Event>(event(R"("metricAttribution":{})")) ==
        "metricAttribution.eventAttributionSource: missing");
  CHECK(fault_of<pe::Event>(R"({"eventType":"w","sentAt":"MARKER"})") ==
        "sentAt: expected a number");
}

TEST_CASE("properties are a string that holds an object") {
  const auto user = [](const char* properties) {
    return R"({"userId":"u","properties":)" + std::string(properties) + "}";
  };
  CHECK(fault_of<pe::User>(user(R"("{}")")).empty());
  CHECK(fault_of<pe::User>(user(R"({"MARKER":1})")) == "properties: expected a string");
  CHECK(fault_of<pe::User>(user(R"("MARKER")")) == "properties: not JSON at byte 0");
  CHECK(fault_of<pe::User>(user(R"("[\"MARKER\"]")")) == "properties: not a JSON object");
  CHECK(fault_of<pe::User>(user(R"("")")) == "properties: not JSON at byte 0");
  CHECK(fault_of<pe::User>(user(R"("{\"MARKER\":1,\"MARKER\":2}")")) ==
        "properties[1]: the key is there already; give each key once");
  CHECK_THAT(fault_of<pe::User>(user(R"("{\"userid\":1}")")),
             test::ContainsSubstring("properties[0]: the key userId"));
}

TEST_CASE("text that is no JSON is refused") {
  CHECK_THAT(fault_of<pe::Event>("MARKER"), test::ContainsSubstring("not JSON"));
  CHECK_THAT(fault_of<pe::Event>(std::string(1000, '[')), test::ContainsSubstring("nested deeper"));
}

TEST_CASE("times are read to the millisecond") {
  const auto milliseconds_of = [](const std::string& number) {
    const auto event = event_sent_at(number);
    REQUIRE(event);
    return std::chrono::floor<std::chrono::milliseconds>(event->sent_at->time_since_epoch())
        .count();
  };
  CHECK(milliseconds_of("0") == 0);
  CHECK(milliseconds_of("1700000000") == 1'700'000'000'000);
  CHECK(milliseconds_of("1.7e9") == 1'700'000'000'000);
  CHECK(milliseconds_of("1700000000.001") == 1'700'000'000'001);
  CHECK(milliseconds_of("1700000000.999") == 1'700'000'000'999);
  CHECK(milliseconds_of("-0.001") == -1);
  CHECK(milliseconds_of("-1.5") == -1500);
  CHECK(milliseconds_of("9223372036.5") == 9'223'372'036'500);
  CHECK(milliseconds_of("-9223372036.5") == -9'223'372'036'500);
}

TEST_CASE("a time that the clock cannot hold is refused, and never overflows") {
  for (const char* number :
       {"1700000000000", "253402300800", "1e18", "-1e18", "1e300", "9223372037", "-9223372037",
        "9223372036.8547759", "9223372036.8547", "-9223372036.8549", "9223372036.9"}) {
    CAPTURE(number);
    // Either an error, or a moment within a millisecond of what was asked.
    const auto event = event_sent_at(number);
    if (!event) {
      CHECK(event.error().where == "sentAt");
      continue;
    }
    const double read = std::chrono::duration<double>(event->sent_at->time_since_epoch()).count();
    CHECK(std::abs(read - std::stod(number)) < 0.002);
  }
  CHECK_FALSE(event_sent_at("1700000000000"));  // milliseconds in place of seconds
}

TEST_CASE("numbers that no double holds are refused") {
  CHECK_FALSE(
      pe::detail::wire::read<pe::Event>(R"({"eventType":"w","sentAt":1,"eventValue":1e400})"));
  const auto tiny =
      pe::detail::wire::read<pe::Event>(R"({"eventType":"w","sentAt":1,"eventValue":1e-400})");
  REQUIRE(tiny);
  CHECK(tiny->event_value == 0.0);
}
