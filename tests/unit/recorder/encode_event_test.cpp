// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/encode_event.hpp"

#include <atomic>
#include <limits>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "personalize_events/json/reader.hpp"
#include "personalize_events/testing/virtual_platform.hpp"

namespace pe = personalize_events;

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
  const auto json = pe::json::parse(event.json());
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
  pe::detail::SharedEncoders encoders;
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
