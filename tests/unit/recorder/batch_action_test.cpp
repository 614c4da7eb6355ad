// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/batch_action.hpp"

#include "catch.hpp"

namespace pe = personalize_events;
using pe::ErrorKind;
using pe::FaultKind;
using pe::detail::BatchAction;

namespace {

struct Seen {
  BatchAction action;
  FaultKind fault;
  bool operator==(const Seen& other) const {
    return action == other.action && fault == other.fault;
  }
};

Seen seen(ErrorKind kind, const char* code, int status, bool connected = true,
          bool was_sent = true) {
  pe::Error error;
  error.kind = kind;
  error.code = code;
  error.http_status = status;
  error.connected = connected;
  const pe::detail::BatchDecision decision = pe::detail::batch_action(error, was_sent);
  return {decision.action, decision.fault};
}
Seen service(const char* code, int status) { return seen(ErrorKind::Service, code, status); }
Seen unsent(ErrorKind kind, const char* code = "") { return seen(kind, code, 0, false, false); }

constexpr Seen kRetry{BatchAction::Retry, FaultKind::Unavailable};
constexpr Seen kOffline{BatchAction::Retry, FaultKind::Offline};
constexpr Seen kThrottle{BatchAction::Throttle, FaultKind::Throttled};
constexpr Seen kCredentials{BatchAction::Hold, FaultKind::Credentials};
constexpr Seen kConfiguration{BatchAction::Hold, FaultKind::Configuration};
constexpr Seen kResources{BatchAction::Hold, FaultKind::Resources};
constexpr Seen kTracker{BatchAction::Hold, FaultKind::TrackingId};

}  // namespace

TEST_CASE("only five codes of the service reject, and only with a 4xx") {
  for (const char* code : {"InvalidInputException", "ValidationException", "ValidationError",
                           "SerializationException", "RequestEntityTooLargeException"}) {
    CAPTURE(code);
    CHECK(service(code, 400).action == BatchAction::Reject);
    CHECK(service(code, 413).action == BatchAction::Reject);
    CHECK(service(code, 503) == kRetry);
    CHECK(seen(ErrorKind::Response, code, 400) == kRetry);
    CHECK(seen(ErrorKind::Service, code, 400, true, false) == kCredentials);
  }
  for (int status = 400; status < 500; ++status) {
    CAPTURE(status);
    CHECK(service("", status).action != BatchAction::Reject);
    CHECK(service("RequestAbortedException", status).action != BatchAction::Reject);
  }
}

TEST_CASE("an attempt that was not sent holds, whatever failed") {
  CHECK(unsent(ErrorKind::Credentials) == kCredentials);
  CHECK(unsent(ErrorKind::Service, "InvalidInputException") == kCredentials);
  CHECK(unsent(ErrorKind::InvalidArgument) == kConfiguration);
  CHECK(unsent(ErrorKind::Configuration) == kConfiguration);
  CHECK(unsent(ErrorKind::Signing) == kConfiguration);
  CHECK(unsent(ErrorKind::Transport, "NoDescriptors") == kResources);
  CHECK(unsent(ErrorKind::Transport, "NoMemory") == kResources);
}

TEST_CASE("no response, an intermediary's, and failures of the service are retried") {
  for (const int status : {301, 408, 409, 500, 501, 502, 503, 504, 599}) {
    CAPTURE(status);
    CHECK(service("", status) == kRetry);
  }
  CHECK(service("InternalError", 400) == kRetry);
  for (const int status : {200, 301, 400, 401, 403, 404, 407, 413, 451, 500, 502}) {
    CAPTURE(status);
    CHECK(seen(ErrorKind::Response, "", status) == kRetry);
  }
  CHECK(seen(ErrorKind::Transport, "", 0) == kRetry);
  CHECK(seen(ErrorKind::Timeout, "", 0) == kRetry);
  CHECK(seen(ErrorKind::Cancelled, "", 0) == kRetry);
  CHECK(seen(ErrorKind::Transport, "", 0, false) == kOffline);
  CHECK(seen(ErrorKind::Timeout, "", 0, false) == kOffline);
}

TEST_CASE("throttling is known by its code, and 429 throttles from whoever it comes") {
  CHECK(service("ThrottlingException", 400) == kThrottle);
  CHECK(service("ThrottlingException", 503) == kThrottle);
  CHECK(service("", 429) == kThrottle);
  CHECK(seen(ErrorKind::Response, "", 429) == kThrottle);
}

TEST_CASE("refused credentials, trackers and everything else hold") {
  CHECK(service("ExpiredTokenException", 403).action == BatchAction::RefreshCredentials);
  CHECK(service("UnrecognizedClientException", 403).action == BatchAction::RefreshCredentials);
  CHECK(service("InvalidSignatureException", 403).action == BatchAction::CorrectClock);
  CHECK(service("RequestTimeTooSkewed", 403).action == BatchAction::CorrectClock);
  CHECK(service("AccessDeniedException", 403) == kCredentials);
  CHECK(service("AccessDeniedException", 400) == kCredentials);
  CHECK(service("", 403) == kCredentials);
  CHECK(service("", 401) == kCredentials);
  CHECK(service("ResourceNotFoundException", 404) == kTracker);
  CHECK(service("ResourceNotFoundException", 400) == kTracker);
  CHECK(service("UnknownOperationException", 404) == kConfiguration);
  CHECK(service("RequestAbortedException", 400) == kConfiguration);
  CHECK(service("MalformedHttpRequestException", 400) == kConfiguration);
  CHECK(service("", 413) == kConfiguration);
}
