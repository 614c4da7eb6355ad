// SPDX-License-Identifier: Apache-2.0
//
// fate_of: what becomes of a recorded batch after an answer. The dispatcher acts on it.
#ifndef PERSONALIZE_EVENTS_RECORDER_FATE_HPP
#define PERSONALIZE_EVENTS_RECORDER_FATE_HPP

#include <cstdint>

#include "personalize_events/result.hpp"
#include "personalize_events/retry/classify.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// What a failed attempt means for its batch.
enum class Fate : std::uint8_t {
  Slower,          ///< again, and all requests slower
  Again,           ///< again, by the retry rules
  Unreachable,     ///< again; nothing is there at the moment
  BadClock,        ///< again at once with a corrected clock, if it was wrong; else as HoldForKeys
  OldKeys,         ///< again at once with new credentials; else as HoldForKeys
  HoldForKeys,     ///< held: a fault of the credentials, not of the events
  HoldForTracker,  ///< held: a fault of the tracking id, not of the events
  Refused,         ///< the service does not want one of these events
};

/// The fate of a batch by the error of its attempt. Pure.
[[nodiscard]] inline Fate fate_of(const Error& error) {
  switch (error.kind) {
    case ErrorKind::InvalidArgument: return Fate::Refused;
    case ErrorKind::Credentials: return Fate::HoldForKeys;
    case ErrorKind::Transport:
    case ErrorKind::Timeout: return error.connected ? Fate::Again : Fate::Unreachable;
    case ErrorKind::Service: break;
    default: return Fate::Again;
  }
  switch (retry::classify(error)) {
    case retry::FailureClass::Throttling: return Fate::Slower;
    case retry::FailureClass::Transient: return Fate::Again;
    case retry::FailureClass::ClockSkew: return Fate::BadClock;
    case retry::FailureClass::RejectedCredentials: return Fate::OldKeys;
    case retry::FailureClass::Terminal: break;
  }
  if (error.code == "AccessDeniedException" || error.code == "AccessDenied") {
    return Fate::HoldForKeys;
  }
  if (error.code == "ResourceNotFoundException") return Fate::HoldForTracker;
  switch (error.http_status) {
    case 429: return Fate::Slower;
    case 401:
    case 403: return Fate::HoldForKeys;
    case 404: return Fate::HoldForTracker;
    case 408:
    case 409: return Fate::Again;
    default: return error.http_status >= 500 ? Fate::Again : Fate::Refused;
  }
}

}  // namespace detail
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
