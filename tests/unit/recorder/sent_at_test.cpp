// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/sent_at.hpp"

#include <chrono>
#include <cstdint>
#include <string>

#include "catch.hpp"

namespace pe = personalize_events;
using pe::detail::PendingEvent;
using std::chrono::milliseconds;
using std::chrono::minutes;

namespace {

constexpr milliseconds kStamped{1'767'225'600'000};

std::chrono::system_clock::time_point wall(milliseconds since_epoch) {
  return std::chrono::system_clock::time_point{} + since_epoch;
}

PendingEvent event_of(const std::string& json) {
  PendingEvent event;
  event.session_size = 5;
  event.user_size = 4;
  event.text = "visituser" + json;
  event.time_is_ours = true;
  return event;
}

/// The JSON after a correction; "" if there was none.
std::string corrected(const std::string& json, milliseconds right) {
  PendingEvent event = event_of(json);
  const std::string before = event.text;
  const bool is_corrected = pe::detail::correct_sent_at(event, wall(right));
  CHECK(is_corrected == (event.text != before));
  CHECK(event.session_id() == "visit");
  CHECK(event.user_id() == "user");
  return is_corrected ? std::string{event.json()} : "";
}

const std::string kEvent = R"({"eventId":"a","eventType":"Watch","sentAt":1767225600})";

}  // namespace

TEST_CASE("only a time that the library gave, to an event of known age, may be corrected") {
  PendingEvent good;
  good.time_is_ours = true;
  CHECK(pe::detail::may_correct_sent_at(good));
  PendingEvent event = good;
  event.time_is_ours = false;
  CHECK_FALSE(pe::detail::may_correct_sent_at(event));
  event = good;
  event.age_is_known = false;
  CHECK_FALSE(pe::detail::may_correct_sent_at(event));
}

TEST_CASE("an event that a request carried keeps its time, so that copies are the same") {
  PendingEvent event;
  event.time_is_ours = true;
  event.attempts = 1;
  CHECK_FALSE(pe::detail::may_correct_sent_at(event));
  event.attempts = 0;
  event.may_have_been_delivered = true;
  CHECK_FALSE(pe::detail::may_correct_sent_at(event));
}

TEST_CASE("a time is corrected if it is wrong by the limit of clocks, and not below") {
  const milliseconds limit = pe::retry::kClockSkewLimit;
  const milliseconds nearly = limit - milliseconds{1'000};
  CHECK(corrected(kEvent, kStamped).empty());
  CHECK(corrected(kEvent, kStamped + nearly).empty());
  CHECK(corrected(kEvent, kStamped - nearly).empty());
  CHECK(corrected(kEvent, kStamped + limit) ==
        R"({"eventId":"a","eventType":"Watch","sentAt":1767225840})");
  CHECK(corrected(kEvent, kStamped - limit) ==
        R"({"eventId":"a","eventType":"Watch","sentAt":1767225360})");
}

TEST_CASE("a time is corrected wherever it is in the event, to the millisecond") {
  const std::string first = R"({"eventId":"a","sentAt":1,"eventType":"Watch"})";
  CHECK(corrected(first, milliseconds{1'767'225'600'123}) ==
        R"({"eventId":"a","sentAt":1767225600.123,"eventType":"Watch"})");
  const std::string fraction = R"({"eventId":"a","sentAt":1.5})";
  CHECK(corrected(fraction, kStamped) == R"({"eventId":"a","sentAt":1767225600})");
}

TEST_CASE("a text that contains an escaped \"sentAt\" is not taken for the time") {
  const std::string json =
      R"({"eventId":"a","eventType":"\"sentAt\":7","itemId":"sentAt\":8","properties":)"
      R"("{\"sentAt\":9}","sentAt":10})";
  const std::string expected =
      R"({"eventId":"a","eventType":"\"sentAt\":7","itemId":"sentAt\":8","properties":)"
      R"("{\"sentAt\":9}","sentAt":1767225600})";
  CHECK(corrected(json, kStamped) == expected);
}

TEST_CASE("ids that look like an event's time are not changed") {
  PendingEvent event;
  event.session_size = 11;
  event.text = R"("sentAt":1,{"eventId":"a","sentAt":2})";
  CHECK(pe::detail::correct_sent_at(event, wall(kStamped)));
  CHECK(event.text == R"("sentAt":1,{"eventId":"a","sentAt":1767225600})");
}

TEST_CASE("an event without a time, or with one that is no number, stays as it is") {
  CHECK(corrected("", kStamped).empty());
  CHECK(corrected("{}", kStamped).empty());
  CHECK(corrected(R"({"eventId":"a"})", kStamped).empty());
  CHECK(corrected(R"({"sentAt":null})", kStamped).empty());
  CHECK(corrected(R"({"sentAt":"1"})", kStamped).empty());
  CHECK(corrected(R"({"sentAt":1)", kStamped).empty());
  CHECK(corrected(R"({"sentAt":})", kStamped).empty());
}
