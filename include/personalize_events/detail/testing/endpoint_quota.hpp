// SPDX-License-Identifier: Apache-2.0
//
// RequestQuota: how many requests per second the local endpoint takes before it throttles, as a
// service's quota does. A token bucket, pure: the caller says what time it is. endpoint_service.hpp
// asks it for each request with a valid signature.
#ifndef PERSONALIZE_EVENTS_DETAIL_TESTING_ENDPOINT_QUOTA_HPP
#define PERSONALIZE_EVENTS_DETAIL_TESTING_ENDPOINT_QUOTA_HPP

#include <algorithm>
#include <chrono>

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace testing {

/// A bucket that holds the requests of one second, at least one, and begins full. Not for several
/// threads at the same time.
class RequestQuota {
 public:
  /// A moment of the clock that does not jump.
  using TimePoint = std::chrono::steady_clock::time_point;

  /// No quota when `requests_per_second` is 0 or less.
  explicit RequestQuota(double requests_per_second)
      : rate_(requests_per_second),
        capacity_((std::max)(requests_per_second, 1.0)),
        available_(capacity_) {}

  /// Takes one request, if it is within the quota.
  [[nodiscard]] bool take(TimePoint now) {
    if (rate_ <= 0) return true;
    available_ = available_at(now);
    // Time that goes back gives nothing, and is not counted twice when it comes again.
    last_ = (std::max)(last_, now);
    if (available_ < 1 - kRounding) return false;
    available_ -= 1;
    return true;
  }

  /// How long until a request is within the quota, rounded up; zero when one is.
  [[nodiscard]] std::chrono::milliseconds wait(TimePoint now) const {
    if (rate_ <= 0) return std::chrono::milliseconds{0};
    const double missing = (std::max)(0.0, 1 - kRounding - available_at(now));
    const double seconds = (std::min)(missing / rate_, kLongest);
    return std::chrono::ceil<std::chrono::milliseconds>(std::chrono::duration<double>{seconds});
  }

 private:
  /// Sums of fractions may come out a little short of one.
  static constexpr double kRounding = 1e-9;
  /// A day, so that the quota of a tiny rate can be said in milliseconds.
  static constexpr double kLongest = 86'400;

  [[nodiscard]] double available_at(TimePoint now) const {
    const std::chrono::duration<double> passed = now - last_;
    return (std::min)(capacity_, available_ + (std::max)(0.0, passed.count()) * rate_);
  }

  double rate_;
  double capacity_;
  double available_;
  TimePoint last_{};
};

}  // namespace testing

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
