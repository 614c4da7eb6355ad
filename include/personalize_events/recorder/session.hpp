// SPDX-License-Identifier: Apache-2.0
//
// Session: whose event it is. Applications name it at each record call.
#ifndef PERSONALIZE_EVENTS_RECORDER_SESSION_HPP
#define PERSONALIZE_EVENTS_RECORDER_SESSION_HPP

#include <optional>
#include <string>

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// One visit of a user. Keep the session id over a login and add the user id: the service then
/// counts what was done before it for the user too.
struct Session {
  /// "sessionId", required, 1 to 256 characters: one visit, the same before and after a login.
  std::string session_id;
  /// "userId", 1 to 256 characters; absent or empty: anonymous.
  std::optional<std::string> user_id{};
};

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
