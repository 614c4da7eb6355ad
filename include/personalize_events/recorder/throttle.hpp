// SPDX-License-Identifier: Apache-2.0
//
// Throttle: when the recorder's next request may leave: the pace that the service's answers set
// (CUBIC, as AWS's adaptive mode), and the application's own limit. Pure; the dispatcher asks it.
#ifndef PERSONALIZE_EVENTS_RECORDER_THROTTLE_HPP
#define PERSONALIZE_EVENTS_RECORDER_THROTTLE_HPP

#include <algorithm>
#include <chrono>
#include <optional>

#include "personalize_events/recorder/pending_event.hpp"
#include "personalize_events/retry/pace.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

class Throttle {
 public:
  /// `most_per_second` 0: no limit but the service's.
  Throttle(double most_per_second, SteadyTime now) : pace_(now) {
    if (most_per_second > 0) {
      gap_ = std::chrono::duration_cast<std::chrono::nanoseconds>(
          std::chrono::duration<double>{1 / most_per_second});
    }
  }

  /// When the next request may leave. The leave is kept until `use`.
  [[nodiscard]] SteadyTime leave_at(SteadyTime now) {
    if (!leave_) {
      leave_ = std::max(now + pace_.acquire(now), next_);
    }
    return *leave_;
  }

  /// A request leaves.
  void use(SteadyTime now) {
    leave_.reset();
    next_ = std::max(now, next_) + gap_;
  }

  /// Learns from an answer of the service.
  void answered(bool throttled, SteadyTime now) { pace_.answered(throttled, now); }

  /// The service answers again after an outage: begins gently, because everybody does.
  void resume(SteadyTime now) {
    leave_.reset();
    pace_.resume(now);
  }

  /// Requests a second that the service allows; 0 while it has not said.
  [[nodiscard]] double rate() const { return pace_.rate(); }

 private:
  retry::Pace pace_;
  std::chrono::nanoseconds gap_{0};
  SteadyTime next_{};
  std::optional<SteadyTime> leave_{};
};

}  // namespace detail
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
