// SPDX-License-Identifier: Apache-2.0
//
// The shapes of the service model, each described once: wire names, limits, sensitivity. write.hpp,
// validate.hpp and read.hpp follow the descriptions; a test compares them with AWS's
// service-2.json.
#ifndef PERSONALIZE_EVENTS_DETAIL_WIRE_DESCRIPTIONS_HPP
#define PERSONALIZE_EVENTS_DETAIL_WIRE_DESCRIPTIONS_HPP

#include <string_view>
#include <tuple>

#include "personalize_events/detail/base/shape.hpp"
#include "personalize_events/model/put_action_interactions.hpp"
#include "personalize_events/model/put_actions.hpp"
#include "personalize_events/model/put_events.hpp"
#include "personalize_events/model/put_items.hpp"
#include "personalize_events/model/put_users.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail::model {

inline constexpr Rules kSessionId = text(1, 256);
inline constexpr Rules kUserId = text(1, 256).sensitive();

template <>
struct Description<MetricAttribution> {
  static constexpr std::string_view name = "MetricAttribution";
  static constexpr bool is_sensitive = false;
  static constexpr auto members =
      std::make_tuple(member("eventAttributionSource", &MetricAttribution::event_attribution_source,
                             text(0, 1024).matching(kAttributionSource).required()));
};

template <>
struct Description<Event> {
  static constexpr std::string_view name = "Event";
  static constexpr bool is_sensitive = true;
  static constexpr auto members = std::make_tuple(
      member("eventId", &Event::event_id, text(1, 256).filled_with(Fill::EventId)),
      member("eventType", &Event::event_type, text(1, 256).required()),
      member("eventValue", &Event::event_value, plain()),
      member("itemId", &Event::item_id, text(1, 256).sensitive()),
      member("properties", &Event::properties, text(1, 1024).sensitive()),
      member("sentAt", &Event::sent_at, plain().required().filled_with(Fill::Now)),
      member("recommendationId", &Event::recommendation_id, text(1, 40)),
      member("impression", &Event::impression, list(1, 25, text(1, 256).sensitive())),
      member("metricAttribution", &Event::metric_attribution, plain()));
};

template <>
struct Description<PutEventsRequest> {
  static constexpr std::string_view name = "PutEventsRequest";
  static constexpr std::string_view operation = "PutEvents";
  static constexpr std::string_view path = "/events";
  static constexpr bool is_sensitive = false;
  static constexpr auto members =
      std::make_tuple(member("trackingId", &PutEventsRequest::tracking_id, text(1, 256).required()),
                      member("userId", &PutEventsRequest::user_id, kUserId),
                      member("sessionId", &PutEventsRequest::session_id, kSessionId.required()),
                      member("eventList", &PutEventsRequest::event_list, list(1, 10).required()));
};

template <>
struct Description<ActionInteraction> {
  static constexpr std::string_view name = "ActionInteraction";
  static constexpr bool is_sensitive = false;
  static constexpr auto members = std::make_tuple(
      member("actionId", &ActionInteraction::action_id, text(1, 256).required().sensitive()),
      member("userId", &ActionInteraction::user_id, text(1, 256).sensitive()),
      member("sessionId", &ActionInteraction::session_id, text(1, 256).required()),
      member("timestamp", &ActionInteraction::timestamp, plain().required().filled_with(Fill::Now)),
      member("eventType", &ActionInteraction::event_type, text(1, 256).required()),
      member("eventId", &ActionInteraction::event_id, text(1, 256).filled_with(Fill::EventId)),
      member("recommendationId", &ActionInteraction::recommendation_id, text(1, 40)),
      member("impression", &ActionInteraction::impression, list(1, 25, text(1, 256).sensitive())),
      member("properties", &ActionInteraction::properties, text(1, 1024).sensitive()));
};

template <>
struct Description<PutActionInteractionsRequest> {
  static constexpr std::string_view name = "PutActionInteractionsRequest";
  static constexpr std::string_view operation = "PutActionInteractions";
  static constexpr std::string_view path = "/action-interactions";
  static constexpr bool is_sensitive = false;
  static constexpr auto members = std::make_tuple(
      member("trackingId", &PutActionInteractionsRequest::tracking_id, text(1, 256).required()),
      member("actionInteractions", &PutActionInteractionsRequest::action_interactions,
             list(1, 10).required()));
};

template <>
struct Description<User> {
  static constexpr std::string_view name = "User";
  static constexpr bool is_sensitive = false;
  static constexpr auto members =
      std::make_tuple(member("userId", &User::user_id, text(1, 256).required()),
                      member("properties", &User::properties, text(1, 24000).sensitive()));
};

template <>
struct Description<PutUsersRequest> {
  static constexpr std::string_view name = "PutUsersRequest";
  static constexpr std::string_view operation = "PutUsers";
  static constexpr std::string_view path = "/users";
  static constexpr bool is_sensitive = false;
  static constexpr auto members = std::make_tuple(
      member("datasetArn", &PutUsersRequest::dataset_arn, text(0, 256).matching(kArn).required()),
      member("users", &PutUsersRequest::users, list(1, 10).required()));
};

template <>
struct Description<Item> {
  static constexpr std::string_view name = "Item";
  static constexpr bool is_sensitive = false;
  static constexpr auto members =
      std::make_tuple(member("itemId", &Item::item_id, text(1, 256).required()),
                      member("properties", &Item::properties, text(1, 32000).sensitive()));
};

template <>
struct Description<PutItemsRequest> {
  static constexpr std::string_view name = "PutItemsRequest";
  static constexpr std::string_view operation = "PutItems";
  static constexpr std::string_view path = "/items";
  static constexpr bool is_sensitive = false;
  static constexpr auto members = std::make_tuple(
      member("datasetArn", &PutItemsRequest::dataset_arn, text(0, 256).matching(kArn).required()),
      member("items", &PutItemsRequest::items, list(1, 10).required()));
};

template <>
struct Description<Action> {
  static constexpr std::string_view name = "Action";
  static constexpr bool is_sensitive = false;
  static constexpr auto members =
      std::make_tuple(member("actionId", &Action::action_id, text(1, 256).required()),
                      member("properties", &Action::properties, text(1, 32000).sensitive()));
};

template <>
struct Description<PutActionsRequest> {
  static constexpr std::string_view name = "PutActionsRequest";
  static constexpr std::string_view operation = "PutActions";
  static constexpr std::string_view path = "/actions";
  static constexpr bool is_sensitive = false;
  static constexpr auto members = std::make_tuple(
      member("datasetArn", &PutActionsRequest::dataset_arn, text(0, 256).matching(kArn).required()),
      member("actions", &PutActionsRequest::actions, list(1, 10).required()));
};

}  // namespace detail::model
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
