// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/recorder/encode_event.hpp"

#include <atomic>
#include <chrono>
#include <limits>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "personalize_events/detail/json/reader.hpp"
#include "personalize_events/testing/virtual_platform.hpp"

namespace pe = personalize_events;
using pe::detail::PendingEvent;
using std::chrono::milliseconds;

namespace {

pe::Result<pe::detail::PendingEvents> encode(const pe::Session& session, const pe::Event& event) {
  pe::testing::VirtualPlatform platform;
  pe::detail::EventEncoder encoder;
  return encoder.encode(session, event, platform);
}

std::string refused_at(const pe::Session& session, const pe::Event& event,
                       pe::Validation validation = pe::Validation::Model) {
  const auto checked = pe::detail::check_recorded(session, event, validation);
  if (checked) return "accepted";
  CHECK(checked.error().kind == pe::ErrorKind::InvalidArgument);
  return checked.error().where;
}

}  // namespace

TEST_CASE("an event is written once, with an id and a time") {
  const auto one = encode({"visit-1", "user-7"}, {"Watch"});
  REQUIRE(one.has_value());
  REQUIRE(one->size() == 1);
  const auto& event = one->front();
  CHECK(event.session_id() == "visit-1");
  CHECK(event.user_id() == "user-7");
  const auto json = pe::detail::json::parse(event.json());
  REQUIRE(json.has_value());
  CHECK(json->find("eventId")->text.size() == 36);
  CHECK(json->find("eventId")->text == pe::detail::event_id_of(event.json()));
  CHECK(json->find("sentAt")->text == "1767225600");  // the virtual platform's
  CHECK(json->find("eventType")->text == "Watch");
}

TEST_CASE("an id and a time that are given stay") {
  pe::Event event{"Watch"};
  event.event_id = "mine";
  event.sent_at = std::chrono::system_clock::time_point{std::chrono::milliseconds{1500}};
  event.item_id = "movie-42";
  event.properties = pe::Properties{{"device", "tv"}};
  const auto one = encode({"visit-1"}, event);
  REQUIRE(one.has_value());
  CHECK(one->front().user_size == 0);
  CHECK(one->front().json() == R"({"eventId":"mine","eventType":"Watch","itemId":"movie-42",)"
                               R"("properties":"{\"device\":\"tv\"}","sentAt":1.5})");
}

TEST_CASE("an encoder is used again, and nothing of the event before is left") {
  pe::testing::VirtualPlatform platform;
  pe::detail::EventEncoder encoder;
  pe::Event large{"Watch"};
  large.properties = pe::Properties{{"text", std::string(900, 'x')}};
  REQUIRE(encoder.encode({"visit-1", "user-7"}, large, platform).has_value());
  pe::Event broken{"Watch"};
  broken.event_value = std::numeric_limits<double>::infinity();
  CHECK_FALSE(encoder.encode({"visit-1"}, broken, platform).has_value());
  pe::Event small{"Like"};
  small.event_id = "id";
  small.properties = pe::Properties{{"a", 1}};
  const auto one = encoder.encode({"v"}, small, platform);
  REQUIRE(one.has_value());
  CHECK(one->front().text ==
        R"(v{"eventId":"id","eventType":"Like","properties":"{\"a\":1}","sentAt":1767225600})");
  CHECK(one->front().text.capacity() <= one->front().text.size() + 16);
}

TEST_CASE("ids are unique") {
  pe::testing::VirtualPlatform platform;
  pe::detail::EventEncoder encoder;
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) {
    const auto one = encoder.encode({"visit"}, {"Watch"}, platform);
    REQUIRE(one.has_value());
    ids.insert(pe::detail::event_id_of(one->front().json()));
  }
  CHECK(ids.size() == 1000);
}

TEST_CASE("what breaks the model is named by its member") {
  CHECK(refused_at({"visit-1"}, {"Watch"}) == "accepted");
  CHECK(refused_at({"visit-1", ""}, {"Watch"}) == "accepted");
  CHECK(refused_at({""}, {"Watch"}) == "sessionId");
  CHECK(refused_at({std::string(257, 'x')}, {"Watch"}) == "sessionId");
  CHECK(refused_at({"\xff"}, {"Watch"}) == "sessionId");
  CHECK(refused_at({"visit-1", std::string(257, 'x')}, {"Watch"}) == "userId");
  CHECK(refused_at({"visit-1"}, {""}) == "eventType");
  pe::Event event{"Watch"};
  event.item_id = std::string(257, 'x');
  CHECK(refused_at({"visit-1"}, event) == "itemId");
  event.item_id.reset();
  event.impression = {"a", "b", ""};
  CHECK(refused_at({"visit-1"}, event) == "impression[2]");
}

TEST_CASE("raised limits pass, as far as the recorder can hold them") {
  const auto lax = pe::Validation::WellFormedOnly;
  CHECK(refused_at({std::string(300, 'x')}, {"Watch"}, lax) == "accepted");
  CHECK(refused_at({std::string(70'000, 'x')}, {"Watch"}, lax) == "sessionId");
  CHECK(refused_at({"v", std::string(70'000, 'x')}, {"Watch"}, lax) == "userId");
  CHECK(refused_at({"\xff"}, {"Watch"}, lax) == "sessionId");
}

TEST_CASE("encoders are shared by threads, each of which gets its own event") {
  pe::testing::VirtualPlatform platform;
  pe::detail::EventEncoder encoders;
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 200; ++i) {
        const std::string session = "visit-" + std::to_string(thread) + "-" + std::to_string(i);
        const auto one = encoders.encode({session}, {"Watch"}, platform);
        if (one && one->front().session_id() == session) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(right == 800);
}

// --- The correction of times ---

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
  const auto may_correct = [](PendingEvent event) {
    return pe::detail::correct_sent_at(event, wall(milliseconds{0}));
  };
  const PendingEvent good = event_of(kEvent);
  CHECK(may_correct(good));
  PendingEvent event = good;
  event.time_is_ours = false;
  CHECK_FALSE(may_correct(event));
  event = good;
  event.age_is_known = false;
  CHECK_FALSE(may_correct(event));
  // What a request carried keeps its time, so that copies are the same.
  event = good;
  event.attempts = 1;
  CHECK_FALSE(may_correct(event));
  event.attempts = 0;
  event.may_have_been_delivered = true;
  CHECK_FALSE(may_correct(event));
}

TEST_CASE("a time is corrected if it is wrong by the limit of clocks, and not below") {
  const milliseconds limit = pe::detail::retry::kClockSkewLimit;
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
  PendingEvent event = event_of("");
  event.session_size = 11;
  event.user_size = 0;
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
