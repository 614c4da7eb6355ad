// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/pending_event.hpp"

#include <string>
#include <vector>

#include "catch.hpp"
#include "support/recorder_events.hpp"

namespace pe = personalize_events;
using pe::detail::AgeOrder;
using pe::detail::event_id_of;
using pe::detail::PendingEvent;

namespace {

std::vector<std::uint64_t> ages(const AgeOrder& order) {
  std::vector<std::uint64_t> found;
  for (const PendingEvent* event = order.oldest(); event != nullptr; event = event->newer) {
    found.push_back(event->sequence);
    if (event->newer != nullptr) CHECK(event->newer->older == event);
  }
  return found;
}

}  // namespace

TEST_CASE("a pending event keeps its ids and its JSON in one text") {
  const auto one = test::pending("visit-1", "user-7", "id-1");
  CHECK(one.front().session_id() == "visit-1");
  CHECK(one.front().user_id() == "user-7");
  CHECK(one.front().json() == R"({"eventId":"id-1","eventType":"Watch","sentAt":1})");
  CHECK(one.front().bytes() == one.front().text.size());
  CHECK(test::pending("visit-1", "", "id-1").front().user_id().empty());
}

TEST_CASE("an event's id is read back, whatever it is made of") {
  CHECK(event_id_of(R"({"eventId":"plain","eventType":"Watch"})") == "plain");
  CHECK(event_id_of(R"({"eventId":"a\"b\\c","eventType":"Watch"})") == "a\"b\\c");
  CHECK(event_id_of(R"({"eventId":"\u0001x"})") == "\x01x");
  CHECK(event_id_of(R"({"eventType":"Watch","eventId":"later"})") == "later");
  CHECK(event_id_of(R"({"eventType":"Watch"})").empty());
  CHECK(event_id_of("").empty());
  CHECK(event_id_of(R"({"eventId":"open)").empty());
}

TEST_CASE("age order gives the oldest, whoever leaves") {
  PendingEvent events[4];
  AgeOrder order;
  CHECK(order.oldest() == nullptr);
  for (std::uint64_t i = 0; i < 4; ++i) {
    events[i].sequence = i + 1;
    order.add(events[i]);
  }
  CHECK(ages(order) == std::vector<std::uint64_t>{1, 2, 3, 4});
  order.remove(events[1]);
  CHECK(ages(order) == std::vector<std::uint64_t>{1, 3, 4});
  order.remove(events[0]);
  order.remove(events[3]);
  CHECK(ages(order) == std::vector<std::uint64_t>{3});
  order.remove(events[2]);
  CHECK(order.oldest() == nullptr);
  order.add(events[0]);
  CHECK(ages(order) == std::vector<std::uint64_t>{1});
}
