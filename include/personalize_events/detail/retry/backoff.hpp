// SPDX-License-Identifier: Apache-2.0
//
// backoff_delay: how long to wait before a retry, as a pure function. attempt.hpp asks it.
// Source: retry behaviour 2.1: rand(0,1) * min(20 s, base * 2^i), and x-amz-retry-after within five
// seconds of that.
#ifndef PERSONALIZE_EVENTS_DETAIL_RETRY_BACKOFF_HPP
#define PERSONALIZE_EVENTS_DETAIL_RETRY_BACKOFF_HPP

#include <algorithm>
#include <chrono>
#include <optional>

#include "personalize_events/detail/retry/classify.hpp"
#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail::retry {

inline constexpr std::chrono::milliseconds kTransientBase{50};
inline constexpr std::chrono::milliseconds kThrottlingBase{1000};
inline constexpr std::chrono::milliseconds kMaxBackoff{20'000};
inline constexpr std::chrono::milliseconds kMaxAboveBackoff{5'000};

/// The wait before retry number `retry`, from 0. `random` is from 0 to 1. `retry_after` is the
/// service's hint; it moves the wait up by five seconds at the most and never below the backoff.
[[nodiscard]] inline std::chrono::nanoseconds backoff_delay(
    FailureClass failure, int retry, double random,
    std::optional<std::chrono::milliseconds> retry_after) {
  using Milliseconds = std::chrono::duration<double, std::milli>;
  Milliseconds most = failure == FailureClass::Throttling ? kThrottlingBase : kTransientBase;
  for (int i = 0; i < retry && most < kMaxBackoff; ++i) most *= 2;
  most = std::min<Milliseconds>(most, kMaxBackoff);
  Milliseconds delay = most * random;
  if (retry_after) {
    delay = std::clamp<Milliseconds>(*retry_after, delay, delay + Milliseconds{kMaxAboveBackoff});
  }
  return std::chrono::duration_cast<std::chrono::nanoseconds>(delay);
}

}  // namespace detail::retry

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
