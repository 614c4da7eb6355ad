// SPDX-License-Identifier: Apache-2.0
//
// Session: the session and the user of an event. Applications pass it to each record call.
#ifndef PERSONALIZE_EVENTS_RECORDER_SESSION_HPP
#define PERSONALIZE_EVENTS_RECORDER_SESSION_HPP

#include <optional>
#include <string>

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// One visit of a user. Keep the session id at a login and add the user id: the service then
/// attributes earlier events to the user too.
struct Session {
  /// "sessionId", required, 1 to 256 characters: one visit, the same before and after a login.
  std::string session_id;
  /// "userId", 1 to 256 characters; absent or empty: anonymous.
  std::optional<std::string> user_id{};
};

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
