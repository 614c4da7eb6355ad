// SPDX-License-Identifier: Apache-2.0
//
// RetryQuota: the tokens that all calls of a client pay their retries with, so that an outage does
// not multiply the load. A client has one; attempt.hpp draws from it.
// Source: retry behaviour 2.1 (conformance/protocol/retry_vectors.json).
#ifndef PERSONALIZE_EVENTS_DETAIL_RETRY_QUOTA_HPP
#define PERSONALIZE_EVENTS_DETAIL_RETRY_QUOTA_HPP

#include <algorithm>
#include <atomic>

#include "personalize_events/detail/retry/classify.hpp"
#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail::retry {

inline constexpr int kTransientCost = 14;
inline constexpr int kThrottlingCost = 5;
inline constexpr int kFirstTryRefund = 1;

/// What a retry after such a failure costs. A corrected clock or new credentials cost nothing: each
/// is tried once a call, and adds no load to a service in trouble.
[[nodiscard]] constexpr int retry_cost(FailureClass failure) {
  switch (failure) {
    case FailureClass::Throttling: return kThrottlingCost;
    case FailureClass::Transient: return kTransientCost;
    default: return 0;
  }
}

/// A bucket of tokens.
///
/// @par Thread Safety
/// Any thread; no lock.
class RetryQuota {
 public:
  explicit RetryQuota(int capacity) : capacity_((std::max)(capacity, 0)), available_(capacity_) {}

  /// Takes `cost` tokens if there are as many.
  [[nodiscard]] bool acquire(int cost) {
    int available = available_.load(std::memory_order_relaxed);
    while (available >= cost) {
      if (available_.compare_exchange_weak(available, available - cost, std::memory_order_relaxed))
        return true;
    }
    return false;
  }

  /// Gives tokens back; what is over the capacity is lost.
  void release(int tokens) {
    int available = available_.load(std::memory_order_relaxed);
    while (available < capacity_) {
      const int filled = tokens > capacity_ - available ? capacity_ : available + tokens;
      if (available_.compare_exchange_weak(available, filled, std::memory_order_relaxed)) return;
    }
  }

  [[nodiscard]] int available() const { return available_.load(std::memory_order_relaxed); }

 private:
  int capacity_;
  std::atomic<int> available_;
};

}  // namespace detail::retry

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
