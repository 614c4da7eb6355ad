// SPDX-License-Identifier: Apache-2.0
//
// CallState: the life of one call as a state machine, driven by what its attempts met and by the
// time. The clients ask it how long an attempt may take and what comes after a failure; it has no
// clock, no socket and no thread, so that one test runs a day of outages in no time.
#ifndef PERSONALIZE_EVENTS_DETAIL_RETRY_ATTEMPT_HPP
#define PERSONALIZE_EVENTS_DETAIL_RETRY_ATTEMPT_HPP

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

#include "personalize_events/detail/retry/backoff.hpp"
#include "personalize_events/detail/retry/classify.hpp"
#include "personalize_events/detail/retry/quota.hpp"
#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail::retry {

/// A clock is corrected when it is this far from the service's or farther. The service itself takes
/// signatures within five minutes.
inline constexpr std::chrono::minutes kClockSkewLimit{4};

/// No call takes longer than this, whatever its options say: sums of times must not overflow.
inline constexpr std::chrono::hours kLongestCall{24 * 365};

/// The bounds of a call.
struct CallLimits {
  int max_attempts{3};
  std::chrono::milliseconds attempt_timeout{5000};
  std::chrono::milliseconds call_timeout{10000};  ///< Over all attempts, waits and credentials.
};

/// What a failed attempt met.
struct Failure {
  FailureClass failure_class{FailureClass::Terminal};
  std::optional<std::chrono::milliseconds> retry_after{};               ///< The service's hint.
  std::optional<std::chrono::system_clock::time_point> service_date{};  ///< Its Date header.
  std::chrono::system_clock::time_point signed_at{};  ///< As it stood in X-Amz-Date.
  bool credentials_are_temporary{false};
  /// A reused connection ended before a byte of the response came.
  bool lost_kept_connection{false};
};

/// Whether a clock is far enough from the service's to be the reason of a failure.
[[nodiscard]] inline bool is_skewed(std::chrono::system_clock::time_point service_date,
                                    std::chrono::system_clock::time_point signed_at) {
  // In milliseconds, because the distance of two foreign dates overflows in a finer unit.
  using std::chrono::milliseconds;
  const auto skew = std::chrono::floor<milliseconds>(service_date.time_since_epoch()) -
                    std::chrono::floor<milliseconds>(signed_at.time_since_epoch());
  return skew >= kClockSkewLimit || -skew >= kClockSkewLimit;
}
[[nodiscard]] inline bool is_skewed(const Failure& failure) {
  return failure.service_date && is_skewed(*failure.service_date, failure.signed_at);
}

/// Whether a failure says that the credentials are no good, so that the provider is to be called
/// again: also for long-term keys, which may have been replaced in their file, and for a signature
/// that no clock explains.
[[nodiscard]] inline bool rejects_credentials(const Failure& failure) {
  return failure.failure_class == FailureClass::RejectedCredentials ||
         (failure.failure_class == FailureClass::ClockSkew && !is_skewed(failure));
}

/// What a failure teaches, for this call and for those after it.
enum class Remedy : std::uint8_t {
  Nothing,
  CorrectClock,        ///< Take the service's date for the time.
  RefreshCredentials,  ///< Ask the source for new ones.
};

/// What comes after a failed attempt. The remedy is to be applied in either case.
struct Decision {
  enum class Next : std::uint8_t {
    Fail,   ///< The call ends with this failure.
    Retry,  ///< After `wait`.
  };
  Next next{Next::Fail};
  std::chrono::nanoseconds wait{0};
  Remedy remedy{Remedy::Nothing};
};

/// One call, from its start to its last attempt. One thread at a time; `quota` is shared and must
/// outlive it.
class CallState {
 public:
  using SteadyTime = std::chrono::steady_clock::time_point;

  CallState(CallLimits limits, RetryQuota& quota, SteadyTime now)
      : limits_(limits),
        quota_(quota),
        deadline_(now + std::min<std::chrono::milliseconds>(limits.call_timeout, kLongestCall)) {}

  /// Attempts begun so far.
  [[nodiscard]] int attempts() const { return attempts_; }

  /// What is left of the call's time; never negative.
  [[nodiscard]] std::chrono::milliseconds time_left(SteadyTime now) const {
    if (now >= deadline_) return std::chrono::milliseconds{0};
    return std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - now);
  }

  /// Begins an attempt and answers how long it may take; zero when the call's time is over. The
  /// first is never held back by the quota.
  [[nodiscard]] std::chrono::milliseconds begin_attempt(SteadyTime now) {
    ++attempts_;
    return (std::min)(limits_.attempt_timeout, time_left(now));
  }

  /// Gives back what the last retry took, or rewards a first try.
  void succeeded() { quota_.release(attempts_ == 1 ? kFirstTryRefund : acquired_); }

  /// Decides what comes after a failed attempt. `random` is from 0 to 1.
  [[nodiscard]] Decision failed(const Failure& failure, SteadyTime now, double random) {
    switch (failure.failure_class) {
      case FailureClass::Terminal: return {};
      case FailureClass::ClockSkew: return mended(clock_remedy(failure));
      case FailureClass::RejectedCredentials: return mended(credentials_remedy(failure));
      case FailureClass::Transient:
      case FailureClass::Throttling: break;
    }
    if (!has_attempts_left()) return {};
    if (failure.lost_kept_connection && !kept_connection_was_lost_) return resent(now);
    const std::chrono::nanoseconds wait =
        backoff_delay(failure.failure_class, waits_, random, failure.retry_after);
    // Less than a millisecond is no time for an attempt.
    if (time_left(now + wait).count() == 0) return {};
    const int cost = retry_cost(failure.failure_class);
    if (!quota_.acquire(cost)) return {};
    acquired_ = cost;
    ++waits_;
    return {Decision::Next::Retry, wait, Remedy::Nothing};
  }

 private:
  [[nodiscard]] bool has_attempts_left() const { return attempts_ < limits_.max_attempts; }

  /// What the first loss of a kept-alive connection allows: to send again at once, at no cost. Such
  /// a loss says nothing of the service's health, and the events have ids, so that one that was
  /// delivered counts once (RFC 9110, section 9.2.2, and RFC 9112, section 9.3.1).
  [[nodiscard]] Decision resent(SteadyTime now) {
    kept_connection_was_lost_ = true;
    if (now >= deadline_) return {};
    acquired_ = 0;
    return {Decision::Next::Retry, {}, Remedy::Nothing};
  }

  /// What a remedy allows: to send again at once, at no cost, as it adds no load to a service in
  /// trouble.
  [[nodiscard]] Decision mended(Remedy remedy) {
    if (remedy == Remedy::Nothing || !has_attempts_left())
      return {Decision::Next::Fail, {}, remedy};
    acquired_ = 0;
    return {Decision::Next::Retry, {}, remedy};
  }

  /// Once a call: a clock that was just corrected is not what is wrong.
  [[nodiscard]] Remedy clock_remedy(const Failure& failure) {
    if (clock_was_corrected_ || !is_skewed(failure)) return Remedy::Nothing;
    clock_was_corrected_ = true;
    return Remedy::CorrectClock;
  }

  /// Once a call, and only where a source may have others.
  [[nodiscard]] Remedy credentials_remedy(const Failure& failure) {
    if (credentials_were_refreshed_ || !failure.credentials_are_temporary) return Remedy::Nothing;
    credentials_were_refreshed_ = true;
    return Remedy::RefreshCredentials;
  }

  CallLimits limits_;
  RetryQuota& quota_;
  SteadyTime deadline_;
  int attempts_{0};
  int waits_{0};
  int acquired_{0};
  bool clock_was_corrected_{false};
  bool credentials_were_refreshed_{false};
  bool kept_connection_was_lost_{false};
};

}  // namespace detail::retry

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
