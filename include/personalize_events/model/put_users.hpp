// SPDX-License-Identifier: Apache-2.0
//
// PutUsers: adds users to a Users dataset one by one, without an import job. The shapes User and
// PutUsersRequest. Client::put_users sends them.
#ifndef PERSONALIZE_EVENTS_MODEL_PUT_USERS_HPP
#define PERSONALIZE_EVENTS_MODEL_PUT_USERS_HPP

#include <optional>
#include <string>
#include <vector>

#include "personalize_events/model/properties.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// A user and what is known of them.
/// Source: https://docs.aws.amazon.com/personalize/latest/dg/API_UBS_User.html
struct User {
  /// "userId", required, 1 to 256 characters.
  std::string user_id;
  /// "properties", sent as one JSON string of at most 24 000 characters.
  std::optional<Properties> properties{};
};

/// Up to ten users. Sending one again with the same id replaces it.
/// Source: https://docs.aws.amazon.com/personalize/latest/dg/API_UBS_PutUsers.html
struct PutUsersRequest {
  /// "datasetArn", required, at most 256 characters: arn:aws:personalize:REGION:ACCOUNT:dataset/...
  std::string dataset_arn;
  /// "users", required, 1 to 10.
  std::vector<User> users{};
};

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
