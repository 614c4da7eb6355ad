// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/testing/recording_sink.hpp"

#include <string>
#include <utility>

#include "catch.hpp"

namespace pe = personalize_events;

TEST_CASE("a recording sink keeps what was recorded, in order") {
  pe::testing::RecordingSink sink;
  pe::EventSink& held = sink;
  REQUIRE(held.record({"visit-1"}, pe::Event{"Watch"}).has_value());
  pe::Event like{"Like"};
  like.item_id = "movie-42";
  REQUIRE(held.record({"visit-1", "user-7"}, like).has_value());
  held.flush_soon();

  const auto events = sink.events();
  REQUIRE(events.size() == 2);
  CHECK(events[0].event.event_type == "Watch");
  CHECK_FALSE(events[0].event.event_id.has_value());
  CHECK(events[1].session.user_id == "user-7");
  CHECK(events[1].event.item_id == "movie-42");
  CHECK(sink.flushes() == 1);
}

TEST_CASE("a recording sink checks events as the real recorder does") {
  pe::testing::RecordingSink sink;
  pe::Event event{std::string(257, 'x')};
  const auto refused = sink.record({"visit-1"}, std::move(event));
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == pe::ErrorKind::InvalidArgument);
  CHECK(refused.error().where == "eventType");
  CHECK(event.event_type.size() == 257);  // NOLINT(bugprone-use-after-move): untouched
  CHECK(sink.events().empty());
}

TEST_CASE("a recording sink refuses with what it is told, until it is reset") {
  pe::testing::RecordingSink sink;
  pe::Error full;
  full.kind = pe::ErrorKind::QueueFull;
  sink.refuse_with(full);
  pe::Event event{"Watch"};
  const auto refused = sink.record({"visit-1"}, std::move(event));
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == pe::ErrorKind::QueueFull);
  CHECK(event.event_type == "Watch");  // NOLINT(bugprone-use-after-move): untouched
  sink.reset();
  CHECK(sink.record({"visit-1"}, std::move(event)).has_value());
  CHECK(sink.events().size() == 1);
}
