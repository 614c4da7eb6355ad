// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/batch.hpp"

#include <chrono>
#include <string>
#include <type_traits>

#include "catch.hpp"
#include "personalize_events/json/reader.hpp"
#include "personalize_events/recorder/batcher.hpp"
#include "support/recorder_events.hpp"

namespace pe = personalize_events;

TEST_CASE("only the batcher makes a batch") {
  CHECK_FALSE(std::is_default_constructible_v<pe::detail::Batch>);
  CHECK(pe::detail::kMaxBatchEvents == 10);
}

TEST_CASE("a body names the tracker, the user, the session and the events as they are") {
  pe::detail::Batcher batcher{std::chrono::milliseconds{0}};
  batcher.add(test::pending("visit \"1\"", "us\xC3\xA9r", "a"));
  batcher.add(test::pending("visit \"1\"", "us\xC3\xA9r", "b"));
  const auto batch = batcher.next();
  REQUIRE(batch.has_value());
  const auto body = pe::detail::write_body("tracker", *batch);
  REQUIRE(body.has_value());
  CHECK(*body == R"({"trackingId":"tracker","userId":"us)"
                 "\xC3\xA9"
                 R"(r","sessionId":"visit \"1\"","eventList":[)"
                 R"({"eventId":"a","eventType":"Watch","sentAt":1},)"
                 R"({"eventId":"b","eventType":"Watch","sentAt":1}]})");
  CHECK(pe::json::parse(*body).has_value());
}

TEST_CASE("a body without a user has none") {
  pe::detail::Batcher batcher{std::chrono::milliseconds{0}};
  batcher.add(test::pending("visit", "", "a"));
  const auto body = pe::detail::write_body("tracker", *batcher.next());
  REQUIRE(body.has_value());
  CHECK_THAT(*body, !test::ContainsSubstring("userId"));
}
