// SPDX-License-Identifier: Apache-2.0
//
// PutActions: adds actions to an Actions dataset one by one, without an import job. The shapes
// Action and PutActionsRequest. Client::put_actions sends them.
#ifndef PERSONALIZE_EVENTS_MODEL_PUT_ACTIONS_HPP
#define PERSONALIZE_EVENTS_MODEL_PUT_ACTIONS_HPP

#include <optional>
#include <string>
#include <vector>

#include "personalize_events/model/properties.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// An action and what is known of it.
/// Source: https://docs.aws.amazon.com/personalize/latest/dg/API_UBS_Action.html
struct Action {
  /// "actionId", required, 1 to 256 characters.
  std::string action_id;
  /// "properties", sent as one JSON string of at most 32 000 characters.
  std::optional<Properties> properties{};
};

/// Up to ten actions. Sending one again with the same id replaces it.
/// Source: https://docs.aws.amazon.com/personalize/latest/dg/API_UBS_PutActions.html
struct PutActionsRequest {
  /// "datasetArn", required, at most 256 characters: arn:aws:personalize:REGION:ACCOUNT:dataset/...
  std::string dataset_arn;
  /// "actions", required, 1 to 10.
  std::vector<Action> actions{};
};

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
