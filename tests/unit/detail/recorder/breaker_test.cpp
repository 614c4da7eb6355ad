// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/recorder/breaker.hpp"

#include <optional>

#include "catch.hpp"
#include "support/recorder_events.hpp"

namespace pe = personalize_events;
using pe::ErrorKind;
using pe::FaultKind;
using pe::detail::BatchAction;
using pe::detail::Breaker;
using pe::detail::SteadyTime;
using test::at;

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

TEST_CASE("sixteen failures in a row open it, or as many as may be in flight") {
  for (const std::size_t max_in_flight : {1U, 16U, 40U}) {
    Breaker breaker{max_in_flight};
    breaker.accepted(at(0));
    const std::size_t many = max_in_flight > 16 ? max_in_flight : 16;
    for (std::size_t i = 1; i < many; ++i) breaker.failed(FaultKind::Unavailable, at(1), 1);
    CHECK_FALSE(breaker.fault());
    breaker.failed(FaultKind::Offline, at(1), 1);
    CHECK(breaker.fault() == FaultKind::Offline);
  }
}

TEST_CASE("three failures in a row open it when there was no success for half a minute") {
  Breaker breaker{32};
  breaker.accepted(at(0));
  for (int i = 0; i < 5; ++i) breaker.failed(FaultKind::Unavailable, at(29'999), 1);
  CHECK_FALSE(breaker.fault());
  breaker.failed(FaultKind::Unavailable, at(30'000), 1);
  CHECK(breaker.fault() == FaultKind::Unavailable);

  Breaker never{32};
  for (int i = 0; i < 2; ++i) never.failed(FaultKind::Offline, at(0), 1);
  CHECK_FALSE(never.fault());
  never.failed(FaultKind::Offline, at(0), 1);
  CHECK(never.fault() == FaultKind::Offline);
}

TEST_CASE("a success begins the count again, and closes it") {
  Breaker breaker{1};
  breaker.accepted(at(0));
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 15; ++i) breaker.failed(FaultKind::Unavailable, at(1), 1);
    for (int i = 0; i < 2; ++i) breaker.held(FaultKind::Credentials, at(1), 1);
    breaker.accepted(at(1));
  }
  CHECK_FALSE(breaker.fault());
  for (int i = 0; i < 3; ++i) breaker.held(FaultKind::Credentials, at(1), 1);
  CHECK(breaker.fault() == FaultKind::Credentials);
  breaker.accepted(at(2));
  CHECK_FALSE(breaker.fault());
}

TEST_CASE("while it is open one request at a time leaves, slower up to ten seconds") {
  Breaker breaker{1};
  breaker.held(FaultKind::Configuration, at(0), 1);
  CHECK(breaker.leave_at(1) == SteadyTime::max());
  CHECK(breaker.leave_at(0) == at(1'000));
  std::int64_t now = 1'000;
  for (const int wait : {2'000, 4'000, 8'000, 10'000, 10'000}) {
    breaker.use();
    breaker.failed(FaultKind::Unavailable, at(now), 1);
    CHECK(breaker.fault() == FaultKind::Unavailable);
    CHECK(breaker.leave_at(0) == at(now + wait));
    // The result of a request that left before it opened.
    breaker.failed(FaultKind::Offline, at(now + 1), 1);
    CHECK(breaker.fault() == FaultKind::Unavailable);
    now += wait;
  }
  breaker.use();
  breaker.passed(at(now), 0);
  CHECK(breaker.fault() == FaultKind::Unavailable);
  CHECK(breaker.leave_at(0) == at(now + 5'000));
}

TEST_CASE("a refusal closes it, and refusals only open it") {
  Breaker breaker{1};
  breaker.accepted(at(0));
  for (int i = 0; i < 3; ++i) breaker.held(FaultKind::Credentials, at(1), 1);
  breaker.refused(true, at(2), 1);
  CHECK_FALSE(breaker.fault());
  CHECK(breaker.refusals() == 1);
  CHECK(breaker.may_reject(at(2)));
  breaker.refused(false, at(2), 1);
  CHECK(breaker.refusals() == 1);
  for (int i = 0; i < 2; ++i) breaker.refused(true, at(3), 1);
  CHECK_FALSE(breaker.may_reject(at(3)));
  CHECK_FALSE(breaker.fault());
  breaker.refused(false, at(60'000), 1);
  CHECK(breaker.fault() == FaultKind::TrackingId);
  CHECK(breaker.refuses_all());
  breaker.use();
  breaker.refused(false, at(61'000), 1);
  CHECK(breaker.refuses_all());
  breaker.use();
  breaker.accepted(at(62'000));
  CHECK_FALSE(breaker.fault());
  CHECK(breaker.may_reject(at(62'000)));
}

TEST_CASE("when only refusals come fewer and fewer events end, and none after a minute") {
  Breaker breaker{100};
  breaker.accepted(at(0));
  int ended = 0;
  for (int i = 0; i < 3; ++i) breaker.refused(true, at(100), 1);
  for (std::int64_t now = 100; now < 600'000; now += 50) {
    if (!breaker.may_reject(at(now))) continue;
    breaker.rejected(at(now));
    ++ended;
  }
  CHECK(ended >= 5);
  CHECK(ended <= 7);
}

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
  CHECK(unsent(ErrorKind::Timeout) == kCredentials);  // of the credentials provider
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
