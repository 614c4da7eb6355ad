// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/model/put_events.hpp"

#include <chrono>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "catch.hpp"
#include "personalize_events/detail/wire/descriptions.hpp"
#include "personalize_events/model/event_id.hpp"

namespace pe = personalize_events;

TEST_CASE("events are made as the README makes them") {
  pe::Event watch{"Watch"};
  watch.item_id = "movie-42";
  watch.properties = pe::Properties{{"device", "tv"}};
  pe::PutEventsRequest request{"tracking-id", "session-1", {watch}};
  request.user_id = "user-7";
  CHECK(request.tracking_id == "tracking-id");
  CHECK(request.session_id == "session-1");
  REQUIRE(request.event_list.size() == 1);
  CHECK(request.event_list[0].event_type == "Watch");
  CHECK(request.event_list[0].item_id == "movie-42");
  CHECK(request.event_list[0].properties->size() == 1);
  CHECK_FALSE(request.event_list[0].sent_at);
  CHECK_FALSE(request.event_list[0].event_value);
  CHECK(request.event_list[0].impression.empty());
  CHECK_FALSE(request.event_list[0].metric_attribution);
}

TEST_CASE("events describe themselves") {
  static_assert(pe::detail::model::is_shape<pe::Event> &&
                pe::detail::model::is_shape<pe::PutEventsRequest> &&
                pe::detail::model::is_shape<pe::MetricAttribution>);
  using Members = std::remove_const_t<decltype(pe::detail::model::Description<pe::Event>::members)>;
  static_assert(std::tuple_size_v<Members> == 9);
  CHECK(pe::detail::model::Description<pe::PutEventsRequest>::operation == "PutEvents");
  CHECK(pe::detail::model::Description<pe::PutEventsRequest>::path == "/events");
  CHECK(pe::detail::model::Description<pe::Event>::is_sensitive);
}

TEST_CASE("events without an id or a time get one, others keep theirs") {
  const auto earlier = std::chrono::system_clock::time_point{std::chrono::seconds{5}};
  pe::PutEventsRequest request{"t", "s", {pe::Event{"a"}, pe::Event{"b"}, pe::Event{"c"}}};
  request.event_list[1].event_id = "mine";
  request.event_list[2].sent_at = earlier;
  const auto before = std::chrono::system_clock::now();
  pe::assign_event_ids(request);
  const auto after = std::chrono::system_clock::now();

  const auto& events = request.event_list;
  REQUIRE(events[0].event_id);
  REQUIRE(events[2].event_id);
  CHECK(events[0].event_id->size() == 36);
  CHECK(events[0].event_id != events[2].event_id);
  CHECK(events[1].event_id == "mine");
  CHECK(events[2].sent_at == earlier);
  for (const std::size_t stamped : {0U, 1U}) {
    REQUIRE(events[stamped].sent_at);
    CHECK(*events[stamped].sent_at >= before);
    CHECK(*events[stamped].sent_at <= after);
  }
}

TEST_CASE("assigning ids to events again changes nothing") {
  pe::PutEventsRequest request{"t", "s", {pe::Event{"a"}}};
  pe::assign_event_ids(request);
  const pe::Event first = request.event_list[0];
  pe::assign_event_ids(request);
  CHECK(request.event_list[0].event_id == first.event_id);
  CHECK(request.event_list[0].sent_at == first.sent_at);
  pe::PutEventsRequest empty{"t", "s"};
  pe::assign_event_ids(empty);
  CHECK(empty.event_list.empty());
}
