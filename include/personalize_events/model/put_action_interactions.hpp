// SPDX-License-Identifier: Apache-2.0
//
// PutActionInteractions: what users do with actions, such as enrolling in a programme. The shapes
// ActionInteraction and PutActionInteractionsRequest. Client::put_action_interactions sends them.
#ifndef PERSONALIZE_EVENTS_MODEL_PUT_ACTION_INTERACTIONS_HPP
#define PERSONALIZE_EVENTS_MODEL_PUT_ACTION_INTERACTIONS_HPP

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "personalize_events/model/properties.hpp"

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

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
