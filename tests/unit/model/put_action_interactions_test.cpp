// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/model/put_action_interactions.hpp"

#include <chrono>
#include <tuple>
#include <type_traits>

#include "catch.hpp"
#include "personalize_events/detail/wire/descriptions.hpp"
#include "personalize_events/model/event_id.hpp"

namespace pe = personalize_events;

TEST_CASE("action interactions are made member by member, and describe themselves") {
  pe::ActionInteraction taken{"enrol", "session-1", "Taken"};
  taken.user_id = "user-7";
  const pe::PutActionInteractionsRequest request{"tracking-id", {taken}};
  REQUIRE(request.action_interactions.size() == 1);
  CHECK(request.action_interactions[0].action_id == "enrol");
  CHECK(request.action_interactions[0].session_id == "session-1");
  CHECK(request.action_interactions[0].event_type == "Taken");
  CHECK_FALSE(request.action_interactions[0].timestamp);

  using Members =
      std::remove_const_t<decltype(pe::detail::model::Description<pe::ActionInteraction>::members)>;
  static_assert(std::tuple_size_v<Members> == 9);
  CHECK(pe::detail::model::Description<pe::PutActionInteractionsRequest>::operation ==
        "PutActionInteractions");
  CHECK(pe::detail::model::Description<pe::PutActionInteractionsRequest>::path ==
        "/action-interactions");
}

TEST_CASE("action interactions without an id or a time get one, others keep theirs") {
  const auto earlier = std::chrono::system_clock::time_point{std::chrono::seconds{5}};
  pe::PutActionInteractionsRequest request{
      "t", {pe::ActionInteraction{"a", "s", "Viewed"}, pe::ActionInteraction{"b", "s", "Viewed"}}};
  request.action_interactions[1].event_id = "mine";
  request.action_interactions[1].timestamp = earlier;
  const auto before = std::chrono::system_clock::now();
  pe::assign_event_ids(request);
  const auto after = std::chrono::system_clock::now();

  const pe::ActionInteraction first = request.action_interactions[0];
  REQUIRE(first.event_id);
  CHECK(first.event_id->size() == 36);
  REQUIRE(first.timestamp);
  CHECK(*first.timestamp >= before);
  CHECK(*first.timestamp <= after);
  CHECK(request.action_interactions[1].event_id == "mine");
  CHECK(request.action_interactions[1].timestamp == earlier);

  pe::assign_event_ids(request);
  CHECK(request.action_interactions[0].event_id == first.event_id);
  CHECK(request.action_interactions[0].timestamp == first.timestamp);
}
