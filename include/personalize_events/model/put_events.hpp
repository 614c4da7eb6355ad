// SPDX-License-Identifier: Apache-2.0
//
// PutEvents: what users do with items. The shapes Event, MetricAttribution and PutEventsRequest,
// each described once, and the functions that give events their ids. Applications fill them,
// Client::put_events sends them.
#ifndef PERSONALIZE_EVENTS_MODEL_PUT_EVENTS_HPP
#define PERSONALIZE_EVENTS_MODEL_PUT_EVENTS_HPP

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "personalize_events/model/properties.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// Where an event came from, for metric attribution reports.
/// Source: https://docs.aws.amazon.com/personalize/latest/dg/API_UBS_MetricAttribution.html
struct MetricAttribution {
  /// "eventAttributionSource", required, at most 1 024 printable ASCII characters, not only spaces.
  std::string event_attribution_source;
};

/// One interaction of a user with an item. Private by the model: nothing of it is ever logged.
/// Source: https://docs.aws.amazon.com/personalize/latest/dg/API_UBS_Event.html
struct Event {
  /// "eventType", required, 1 to 256 characters: "Watch", "Purchase".
  std::string event_type;
  /// "sentAt", when it happened; absent: stamped when recorded or put.
  std::optional<std::chrono::system_clock::time_point> sent_at{};
  /// "eventId", 1 to 256 characters; absent: a UUID, so that a resend counts once in training.
  std::optional<std::string> event_id{};
  /// "eventValue", finite: seconds watched, a price.
  std::optional<double> event_value{};
  /// "itemId", 1 to 256 characters.
  std::optional<std::string> item_id{};
  /// "properties", sent as one JSON string of at most 1 024 characters.
  std::optional<Properties> properties{};
  /// "recommendationId", 1 to 40 characters: the list that showed the item.
  std::optional<std::string> recommendation_id{};
  /// "impression", up to 25 item ids of 1 to 256 characters that were shown.
  std::vector<std::string> impression{};
  /// "metricAttribution".
  std::optional<MetricAttribution> metric_attribution{};
};

/// Up to ten events of one user in one session.
/// Source: https://docs.aws.amazon.com/personalize/latest/dg/API_UBS_PutEvents.html
struct PutEventsRequest {
  /// "trackingId", required, 1 to 256 characters: the event tracker's.
  std::string tracking_id;
  /// "sessionId", required, 1 to 256 characters: one visit, the same before and after a login.
  std::string session_id;
  /// "eventList", required, 1 to 10 events.
  std::vector<Event> event_list{};
  /// "userId", 1 to 256 characters; absent: anonymous.
  std::optional<std::string> user_id{};
};

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
