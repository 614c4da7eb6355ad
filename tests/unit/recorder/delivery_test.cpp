// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/delivery.hpp"

#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/recorder_events.hpp"

namespace pe = personalize_events;

namespace {

/// Two events of a visit; the second was sent twice and may have arrived.
pe::detail::EndedEvents ended_as(pe::Outcome outcome) {
  pe::detail::EndedEvents ended;
  ended.outcome = outcome;
  ended.events = test::pending("visit", "user", "a");
  ended.events.front().attempts = 1;
  auto second = test::pending("visit", "user", "b");
  second.front().attempts = 2;
  second.front().may_have_been_delivered = true;
  ended.events.splice(ended.events.end(), second);
  ended.request_id = "request";
  return ended;
}

}  // namespace

TEST_CASE("a delivery tells whose events were delivered, and keeps no copy of them") {
  const pe::Delivery told = pe::detail::delivery_of(ended_as(pe::Outcome::Delivered));
  CHECK(told.outcome == pe::Outcome::Delivered);
  CHECK(told.session.session_id == "visit");
  CHECK(told.session.user_id == "user");
  CHECK(told.event_ids == std::vector<std::string>{"a", "b"});
  CHECK(told.events.empty());
  CHECK(told.request_id == "request");
  CHECK(told.attempts == 2);
  CHECK_FALSE(told.may_have_been_delivered);
  CHECK_FALSE(told.error.has_value());
}

TEST_CASE("events that were not delivered are handed back, with what is known of them") {
  auto ended = ended_as(pe::Outcome::Expired);
  ended.error = pe::detail::make_error(pe::ErrorKind::Timeout, "delivery_timeout", "too late");
  const std::string json{ended.events.front().json()};
  const pe::Delivery told = pe::detail::delivery_of(std::move(ended));
  REQUIRE(told.events.size() == 2);
  CHECK(told.events[0] == json);
  CHECK(told.may_have_been_delivered);
  REQUIRE(told.error.has_value());
  CHECK(told.error->attempts == 2);
  CHECK(told.error->may_have_been_delivered);
}

TEST_CASE("events of nobody have no user") {
  pe::detail::EndedEvents ended;
  ended.events = test::pending("visit", "", "a");
  CHECK_FALSE(pe::detail::delivery_of(std::move(ended)).session.user_id.has_value());
}
