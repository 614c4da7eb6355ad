// SPDX-License-Identifier: Apache-2.0
//
// PutActionInteractions: what users do with actions, such as enrolling in a programme. The shapes
// ActionInteraction and PutActionInteractionsRequest. Client::put_action_interactions sends them.
#ifndef PERSONALIZE_EVENTS_MODEL_PUT_ACTION_INTERACTIONS_HPP
#define PERSONALIZE_EVENTS_MODEL_PUT_ACTION_INTERACTIONS_HPP

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "personalize_events/model/event_id.hpp"
#include "personalize_events/model/properties.hpp"
#include "personalize_events/model/shape.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// One interaction of a user with an action. Unlike an Event it names its own user and session.
/// Source: https://docs.aws.amazon.com/personalize/latest/dg/API_UBS_ActionInteraction.html
struct ActionInteraction {
  /// "actionId", required, 1 to 256 characters.
  std::string action_id;
  /// "sessionId", required, 1 to 256 characters.
  std::string session_id;
  /// "eventType", required, 1 to 256 characters: "Viewed", "Taken" or "Not Taken".
  std::string event_type;
  /// "timestamp", when it happened; absent: stamped when put.
  std::optional<std::chrono::system_clock::time_point> timestamp{};
  /// "userId", 1 to 256 characters.
  std::optional<std::string> user_id{};
  /// "eventId", 1 to 256 characters; absent: a UUID, so that a resend counts once in training.
  std::optional<std::string> event_id{};
  /// "recommendationId", 1 to 40 characters.
  std::optional<std::string> recommendation_id{};
  /// "impression", up to 25 action ids of 1 to 256 characters that were shown.
  std::vector<std::string> impression{};
  /// "properties", sent as one JSON string of at most 1 024 characters.
  std::optional<Properties> properties{};
};

/// Up to ten action interactions, of any users and sessions.
/// Source: https://docs.aws.amazon.com/personalize/latest/dg/API_UBS_PutActionInteractions.html
struct PutActionInteractionsRequest {
  /// "trackingId", required, 1 to 256 characters: the action interactions dataset's tracker.
  std::string tracking_id;
  /// "actionInteractions", required, 1 to 10.
  std::vector<ActionInteraction> action_interactions{};
};

namespace model {

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

}  // namespace model

/// Gives each interaction that has none an id and a time. Do it before you retry a request
/// yourself: an interaction that is sent twice with one id is trained on once.
inline void assign_event_ids(PutActionInteractionsRequest& request) {
  for (ActionInteraction& interaction : request.action_interactions) {
    if (!interaction.event_id) interaction.event_id = new_event_id();
    if (!interaction.timestamp) interaction.timestamp = std::chrono::system_clock::now();
  }
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
