// SPDX-License-Identifier: Apache-2.0
//
// PutActions: adds actions to an Actions dataset one by one, without an import job. The shapes
// Action and PutActionsRequest. Client::put_actions sends them.
#ifndef PERSONALIZE_EVENTS_MODEL_PUT_ACTIONS_HPP
#define PERSONALIZE_EVENTS_MODEL_PUT_ACTIONS_HPP

#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "personalize_events/model/properties.hpp"
#include "personalize_events/model/shape.hpp"

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

namespace model {

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

}  // namespace model

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
