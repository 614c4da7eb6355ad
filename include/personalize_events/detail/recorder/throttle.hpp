// SPDX-License-Identifier: Apache-2.0
//
// Throttle: when the recorder's next request may leave: the rate that the service's responses set
// (CUBIC, as AWS's adaptive mode), and the application's own limit. Pure; the dispatcher asks it.
#ifndef PERSONALIZE_EVENTS_DETAIL_RECORDER_THROTTLE_HPP
#define PERSONALIZE_EVENTS_DETAIL_RECORDER_THROTTLE_HPP

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

#include "personalize_events/detail/recorder/pending_event.hpp"
#include "personalize_events/detail/retry/pace.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// A backlog that sent within this time is to blame for throttling, whomever it hit.
inline constexpr std::chrono::seconds kBlame{10};

/// The share of throttled requests that is not a reason to slow down: a service or a proxy
/// throttles single requests for other reasons.
inline constexpr double kStrayShare = 0.1;
/// So many throttled requests above that share are a reason. Below kLowRate requests a second one
/// is, because a fleet that shares a quota learns of it by few; above it one more for each
/// kRatePerExcess.
inline constexpr double kMostExcess = 8;
inline constexpr double kLowRate = 40;
inline constexpr double kRatePerExcess = 5;

/// Requests a second with which the backlog of a recorder begins that was offline from its start,
/// so that it has measured no rate. Two hundred of them together stay below the service's quota
/// of a thousand.
inline constexpr double kUnmeasuredRate = 5;

class Throttle {
 public:
  /// `most_per_second` 0: no limit but the service's.
  Throttle(double most_per_second, SteadyTime now)
      : live_{retry::Pace{now, kLiveTuning}}, backlog_{retry::Pace{now, kBacklogTuning}} {
    if (most_per_second > 0) {
      gap_ = std::chrono::duration_cast<std::chrono::nanoseconds>(
          std::chrono::duration<double>{1 / most_per_second});
    }
  }

  /// When the next request of a lane may leave. The leave is kept until `use`.
  [[nodiscard]] SteadyTime leave_at(Lane lane, SteadyTime now) {
    Gate& gate = gate_of(lane);
    if (!gate.leave) gate.leave = now + gate.pace.acquire(now);
    return (std::max)(*gate.leave, next_);
  }

  /// A request leaves.
  void use(Lane lane, SteadyTime now) {
    gate_of(lane).leave.reset();
    next_ = (std::max)(now, next_) + gap_;
    if (lane == Lane::Backlog) backlog_sent_ = now;
  }

  /// Learns from a response, and returns whether requests slow down for it. While there is a
  /// backlog it is that which slows down, so that live events keep their rate.
  bool answered(Lane lane, bool throttled, SteadyTime now) {
    const bool is_backlogs = throttled && backlog_sent_ && now - *backlog_sent_ < kBlame;
    retry::Pace& pace = gate_of(is_backlogs ? Lane::Backlog : lane).pace;
    const bool slows_down = is_congested(throttled) || (throttled && pace.is_starting());
    pace.answered(slows_down, now);
    return slows_down;
  }

  /// The service accepts again after an outage: the backlog begins slowly.
  void resume(SteadyTime now) {
    const double measured = live_.pace.measured_rate();
    backlog_.leave.reset();
    backlog_.pace.resume(now, measured > 0 ? measured / 2 : kUnmeasuredRate);
  }

  /// Requests a second that the service allows a lane; 0 while it has not said.
  [[nodiscard]] double rate(Lane lane) { return gate_of(lane).pace.rate(); }

 private:
  struct Gate {
    retry::Pace pace;
    std::optional<SteadyTime> leave{};
  };
  // Found with tests/recorder/fleet_test.cpp. With the constants of AWS's SDKs two hundred
  // recorders at one quota are throttled for a tenth of their requests, and share it less evenly. A
  // backlog grows so slowly that a fleet's together hardly pass the quota, and live events find
  // room.
  static constexpr retry::PaceTuning kLiveTuning{0.2, true, 0, true};
  static constexpr retry::PaceTuning kBacklogTuning{0.0002, true, 0.03, true};

  [[nodiscard]] Gate& gate_of(Lane lane) noexcept { return lane == Lane::Live ? live_ : backlog_; }

  /// Whether the share of throttled requests is too high: their number above kStrayShare, since it
  /// was zero last, has reached a limit (a CUSUM test).
  [[nodiscard]] bool is_congested(bool throttled) {
    excess_ = (std::max)(0.0, excess_ + (throttled ? 1 : -kStrayShare / (1 - kStrayShare)));
    const double rate = live_.pace.measured_rate() + backlog_.pace.measured_rate();
    const double limit =
        (std::min)(1 + (std::max)(0.0, rate - kLowRate) / kRatePerExcess, kMostExcess);
    if (!throttled || excess_ < (rate > 0 ? limit : kMostExcess)) return false;
    excess_ = 0;
    return true;
  }

  Gate live_;
  Gate backlog_;
  double excess_{0};
  std::chrono::nanoseconds gap_{0};
  SteadyTime next_{};
  std::optional<SteadyTime> backlog_sent_{};
};

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
