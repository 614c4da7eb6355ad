// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/retry/classify.hpp"

#include <string>

#include "catch.hpp"

namespace pe = personalize_events;
using pe::ErrorKind;
using pe::detail::retry::classify;
using pe::detail::retry::FailureClass;

namespace {

FailureClass of_service(std::string_view code, int status) {
  return classify(ErrorKind::Service, code, status, false);
}

}  // namespace

TEST_CASE("throttling codes are throttling at any status") {
  for (const char* code :
       {"Throttling", "ThrottlingException", "ThrottledException", "RequestThrottledException",
        "TooManyRequestsException", "ProvisionedThroughputExceededException",
        "TransactionInProgressException", "RequestLimitExceeded", "BandwidthLimitExceeded",
        "LimitExceededException", "RequestThrottled", "SlowDown", "PriorRequestNotComplete",
        "EC2ThrottledException"}) {
    for (const int status : {400, 403, 429, 500, 503}) {
      CAPTURE(code, status);
      CHECK(of_service(code, status) == FailureClass::Throttling);
    }
  }
}

TEST_CASE("transient failures are known by code or by status") {
  for (const char* code : {"RequestTimeout", "RequestTimeoutException", "InternalError"}) {
    CHECK(of_service(code, 400) == FailureClass::Transient);
    CHECK(of_service(code, 408) == FailureClass::Transient);
  }
  for (const int status : {500, 502, 503, 504}) {
    CAPTURE(status);
    CHECK(of_service("", status) == FailureClass::Transient);
    CHECK(of_service("ServiceUnavailable", status) == FailureClass::Transient);
  }
}

TEST_CASE("no other status makes a failure transient") {
  for (int status = 100; status < 700; ++status) {
    if (status == 500 || status == 502 || status == 503 || status == 504) continue;
    CAPTURE(status);
    CHECK(of_service("", status) == FailureClass::Terminal);
  }
}

TEST_CASE("a wrong clock and rejected credentials are known by code") {
  for (const char* code : {"AuthFailure", "InvalidSignatureException", "RequestExpired",
                           "RequestInTheFuture", "RequestTimeTooSkewed", "SignatureDoesNotMatch"}) {
    CHECK(of_service(code, 403) == FailureClass::ClockSkew);
  }
  for (const char* code : {"ExpiredToken", "ExpiredTokenException", "InvalidToken",
                           "InvalidClientTokenId", "UnrecognizedClientException"}) {
    CHECK(of_service(code, 403) == FailureClass::RejectedCredentials);
  }
}

TEST_CASE("what the service refuses for good is terminal") {
  for (const char* code :
       {"InvalidInputException", "ValidationException", "AccessDeniedException",
        "ResourceNotFoundException", "ResourceInUseException", "RequestAbortedException",
        "IncompleteSignature", "throttling", "Throttling ", "ThrottlingExceptionX"}) {
    CAPTURE(code);
    CHECK(of_service(code, 400) == FailureClass::Terminal);
  }
  CHECK(of_service("", 429) ==
        FailureClass::Terminal);  // standard mode knows throttling by its code
  CHECK(of_service("ResourceInUseException", 409) == FailureClass::Terminal);
}

TEST_CASE("without an answer the transport's word decides") {
  for (const ErrorKind kind :
       {ErrorKind::Transport, ErrorKind::Timeout, ErrorKind::Response, ErrorKind::Credentials}) {
    CHECK(classify(kind, "Throttling", 503, false) == FailureClass::Terminal);
    CHECK(classify(kind, "Throttling", 503, true) == FailureClass::Transient);
  }
  CHECK(classify(ErrorKind::InvalidArgument, "", 0, false) == FailureClass::Terminal);
  CHECK(classify(ErrorKind::Signing, "", 0, false) == FailureClass::Terminal);
}

TEST_CASE("An intermediary's status is retried where the service's would be, and no other") {
  using pe::detail::retry::kIntermediary;
  for (const int status : {500, 502, 503, 504}) {
    CHECK(classify(ErrorKind::Response, kIntermediary, status, true) == FailureClass::Transient);
  }
  for (const int status : {200, 204, 400, 403, 407, 408, 413, 429, 451, 501, 505, 511}) {
    CHECK(classify(ErrorKind::Response, kIntermediary, status, true) == FailureClass::Terminal);
  }
  // A response that the transport could not read has no such code.
  CHECK(classify(ErrorKind::Response, "", 200, true) == FailureClass::Transient);
}

TEST_CASE("an error is classified by its members") {
  pe::Error error;
  error.kind = ErrorKind::Service;
  error.code = "SlowDown";
  error.http_status = 503;
  CHECK(classify(error) == FailureClass::Throttling);
  error.code.clear();
  CHECK(classify(error) == FailureClass::Transient);
  error.kind = ErrorKind::Timeout;
  CHECK(classify(error) == FailureClass::Terminal);
  error.retryable = true;
  CHECK(classify(error) == FailureClass::Transient);
  static_assert(classify(ErrorKind::Service, "SlowDown", 400, false) == FailureClass::Throttling);
}
