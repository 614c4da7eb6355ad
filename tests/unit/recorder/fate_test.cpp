// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/fate.hpp"

#include "catch.hpp"

namespace pe = personalize_events;
using pe::detail::Fate;

namespace {

Fate fate_of(pe::ErrorKind kind, const char* code, int status, bool connected = true) {
  pe::Error error;
  error.kind = kind;
  error.code = code;
  error.http_status = status;
  error.connected = connected;
  return pe::detail::fate_of(error);
}
Fate service(const char* code, int status) { return fate_of(pe::ErrorKind::Service, code, status); }

}  // namespace

TEST_CASE("every answer has a fate") {
  CHECK(service("ThrottlingException", 400) == Fate::Slower);
  CHECK(service("TooManyRequestsException", 429) == Fate::Slower);
  CHECK(service("", 429) == Fate::Slower);
  CHECK(service("ThrottlingException", 503) == Fate::Slower);

  for (const int status : {408, 409, 500, 501, 502, 503, 504, 599}) {
    CAPTURE(status);
    CHECK(service("", status) == Fate::Again);
  }
  CHECK(service("InternalError", 400) == Fate::Again);
  CHECK(fate_of(pe::ErrorKind::Response, "", 200) == Fate::Again);
  CHECK(fate_of(pe::ErrorKind::Transport, "", 0) == Fate::Again);
  CHECK(fate_of(pe::ErrorKind::Timeout, "", 0) == Fate::Again);
  CHECK(fate_of(pe::ErrorKind::Cancelled, "", 0) == Fate::Again);

  CHECK(fate_of(pe::ErrorKind::Transport, "", 0, false) == Fate::Unreachable);
  CHECK(fate_of(pe::ErrorKind::Timeout, "", 0, false) == Fate::Unreachable);

  CHECK(service("ExpiredTokenException", 403) == Fate::OldKeys);
  CHECK(service("UnrecognizedClientException", 403) == Fate::OldKeys);
  CHECK(service("InvalidSignatureException", 403) == Fate::BadClock);
  CHECK(service("RequestTimeTooSkewed", 403) == Fate::BadClock);
  CHECK(service("AccessDeniedException", 403) == Fate::HoldForKeys);
  CHECK(service("AccessDeniedException", 400) == Fate::HoldForKeys);
  CHECK(service("", 403) == Fate::HoldForKeys);
  CHECK(service("", 401) == Fate::HoldForKeys);
  CHECK(fate_of(pe::ErrorKind::Credentials, "", 0) == Fate::HoldForKeys);
  CHECK(service("ResourceNotFoundException", 404) == Fate::HoldForTracker);
  CHECK(service("ResourceNotFoundException", 400) == Fate::HoldForTracker);
  CHECK(service("", 404) == Fate::HoldForTracker);

  for (const int status : {400, 402, 405, 413, 415, 422}) {
    CAPTURE(status);
    CHECK(service("", status) == Fate::Refused);
  }
  CHECK(service("InvalidInputException", 400) == Fate::Refused);
  CHECK(service("ValidationException", 400) == Fate::Refused);
  CHECK(service("SerializationException", 400) == Fate::Refused);
}
