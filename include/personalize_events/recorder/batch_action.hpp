// SPDX-License-Identifier: Apache-2.0
//
// batch_action: what a failed attempt means for its batch, as a pure function. The dispatcher
// executes it.
#ifndef PERSONALIZE_EVENTS_RECORDER_BATCH_ACTION_HPP
#define PERSONALIZE_EVENTS_RECORDER_BATCH_ACTION_HPP

#include <cstdint>
#include <string_view>

#include "personalize_events/recorder/options.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/retry/classify.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// What happens to a batch whose attempt failed.
enum class BatchAction : std::uint8_t {
  Retry,               ///< retry after a backoff
  Throttle,            ///< retry; all requests slow down if many are throttled
  CorrectClock,        ///< retry at once with a corrected clock; else hold
  RefreshCredentials,  ///< retry at once with new credentials; else hold
  Hold,                ///< keep; something other than the events is wrong
  Reject,              ///< the service refuses at least one of these events
};

/// The action, and the fault to report if such failures persist.
struct BatchDecision {
  BatchAction action{};
  FaultKind fault{};
};

/// The only codes by which the service refuses events for what they are.
inline constexpr std::string_view kRefusalCodes[] = {"InvalidInputException", "ValidationException",
                                                     "ValidationError", "SerializationException",
                                                     "RequestEntityTooLargeException"};

/// The action for a batch, by the error of its attempt. Only a response that is the service's own
/// (ErrorKind::Service) can reject, and only if the request left the process. Pure.
[[nodiscard]] inline BatchDecision batch_action(const Error& error, bool was_sent) {
  constexpr BatchDecision unavailable{BatchAction::Retry, FaultKind::Unavailable};
  constexpr BatchDecision credentials{BatchAction::Hold, FaultKind::Credentials};
  const bool is_response = error.kind == ErrorKind::Service || error.kind == ErrorKind::Response;
  // Of a credentials service: nothing was sent to this one.
  if (error.kind == ErrorKind::Credentials || (is_response && !was_sent)) return credentials;
  if (error.kind == ErrorKind::Transport || error.kind == ErrorKind::Timeout) {
    if (error.code == "NoDescriptors" || error.code == "NoMemory") {
      return {BatchAction::Hold, FaultKind::Resources};
    }
    if (error.connected) return unavailable;
    return {BatchAction::Retry, FaultKind::Offline};
  }
  if (error.kind == ErrorKind::Cancelled) return unavailable;
  if (!is_response) return {BatchAction::Hold, FaultKind::Configuration};
  const retry::FailureClass failure = retry::classify(error);
  const int status = error.http_status;
  if (failure == retry::FailureClass::Throttling || error.throttled || status == 429) {
    return {BatchAction::Throttle, FaultKind::Throttled};
  }
  const bool is_refusal_status = status >= 400 && status < 500 && status != 408 && status != 409;
  if (error.kind == ErrorKind::Response || failure == retry::FailureClass::Transient ||
      !is_refusal_status) {
    return unavailable;
  }
  if (failure == retry::FailureClass::ClockSkew) {
    return {BatchAction::CorrectClock, FaultKind::Credentials};
  }
  if (failure == retry::FailureClass::RejectedCredentials) {
    return {BatchAction::RefreshCredentials, FaultKind::Credentials};
  }
  if (retry::is_one_of(kRefusalCodes, error.code)) {
    return {BatchAction::Reject, FaultKind::TrackingId};
  }
  if (error.code == "AccessDeniedException" || error.code == "AccessDenied" || status == 401 ||
      status == 403) {
    return credentials;
  }
  const bool is_unknown_tracker = error.code == "ResourceNotFoundException";
  return {BatchAction::Hold, is_unknown_tracker ? FaultKind::TrackingId : FaultKind::Configuration};
}

}  // namespace detail
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
