// SPDX-License-Identifier: Apache-2.0
//
// classify: the class of a failed attempt by the rules of AWS's standard retry mode. The call's
// state machine (attempt.hpp) and the recorder decide by it. Source: AWS SDKs and
// Tools Reference Guide, "Retry behavior"; facts in the lists are those of botocore and smithy-rs
// (retry behaviour 2.1).
#ifndef PERSONALIZE_EVENTS_DETAIL_RETRY_CLASSIFY_HPP
#define PERSONALIZE_EVENTS_DETAIL_RETRY_CLASSIFY_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail::retry {

/// What can help after a failure.
enum class FailureClass : std::uint8_t {
  Terminal,             ///< Nothing: the same request fails again.
  Transient,            ///< Time.
  Throttling,           ///< Time, and fewer requests.
  ClockSkew,            ///< A corrected clock, if it is wrong.
  RejectedCredentials,  ///< New credentials, if the source has some.
};

inline constexpr std::string_view kThrottlingCodes[] = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottledException",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "TransactionInProgressException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "RequestThrottled",
    "SlowDown",
    "PriorRequestNotComplete",
    "EC2ThrottledException",
};
inline constexpr std::string_view kTransientCodes[] = {"RequestTimeout", "RequestTimeoutException",
                                                       "InternalError"};
inline constexpr std::string_view kClockSkewCodes[] = {
    "AuthFailure",        "InvalidSignatureException", "RequestExpired",
    "RequestInTheFuture", "RequestTimeTooSkewed",      "SignatureDoesNotMatch"};
inline constexpr std::string_view kRejectedCredentialsCodes[] = {
    "ExpiredToken", "ExpiredTokenException", "InvalidToken", "InvalidClientTokenId",
    "UnrecognizedClientException"};
inline constexpr int kTransientStatuses[] = {500, 502, 503, 504};

/// Error::code of a complete response that does not come from the service (ErrorKind::Response).
inline constexpr const char* kIntermediary = "Intermediary";

template <class Value, std::size_t Count, class Key>
[[nodiscard]] constexpr bool is_one_of(const Value (&values)[Count], const Key& key) {
  for (const Value& value : values) {
    if (value == key) return true;
  }
  return false;
}

/// The class of a failed attempt. The code decides before the status, so that a 503 with a
/// throttling code is throttling. 429 alone is not retried; standard mode knows it by its code. The
/// status of an intermediary is retried where the service's would be, and its 2xx is not.
[[nodiscard]] constexpr FailureClass classify(ErrorKind kind, std::string_view code,
                                              int http_status, bool retryable) {
  const bool has_status =
      kind == ErrorKind::Service || (kind == ErrorKind::Response && code == kIntermediary);
  if (!has_status) return retryable ? FailureClass::Transient : FailureClass::Terminal;
  if (is_one_of(kThrottlingCodes, code)) return FailureClass::Throttling;
  if (is_one_of(kTransientCodes, code)) return FailureClass::Transient;
  if (is_one_of(kClockSkewCodes, code)) return FailureClass::ClockSkew;
  if (is_one_of(kRejectedCredentialsCodes, code)) return FailureClass::RejectedCredentials;
  if (is_one_of(kTransientStatuses, http_status)) return FailureClass::Transient;
  return FailureClass::Terminal;
}
[[nodiscard]] inline FailureClass classify(const Error& error) {
  return classify(error.kind, error.code, error.http_status, error.retryable);
}

}  // namespace detail::retry

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
