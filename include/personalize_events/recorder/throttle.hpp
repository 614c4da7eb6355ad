// SPDX-License-Identifier: Apache-2.0
//
// Throttle: when the recorder's next request may leave: the pace that the service's answers set
// (CUBIC, as AWS's adaptive mode), and the application's own limit. Pure; the dispatcher asks it.
#ifndef PERSONALIZE_EVENTS_RECORDER_THROTTLE_HPP
#define PERSONALIZE_EVENTS_RECORDER_THROTTLE_HPP

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

#include "personalize_events/recorder/batch.hpp"
#include "personalize_events/recorder/pending_event.hpp"
#include "personalize_events/retry/pace.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// A backlog that sent within this time is to blame for throttling, whomever it hit.
inline constexpr std::chrono::seconds kBlame{10};

/// Requests a second with which the backlog of a recorder begins that was offline from its start,
/// so that it knows no rate of its own. Two hundred of them together stay below the service's quota
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
    return std::max(*gate.leave, next_);
  }

  /// A request leaves.
  void use(Lane lane, SteadyTime now) {
    gate_of(lane).leave.reset();
    next_ = std::max(now, next_) + gap_;
    if (lane == Lane::Backlog) backlog_sent_ = now;
  }

  /// Learns from an answer of the service. While there is a backlog it is that which gives way, so
  /// that live events keep their pace.
  void answered(Lane lane, bool throttled, SteadyTime now) {
    const bool is_backlogs = throttled && backlog_sent_ && now - *backlog_sent_ < kBlame;
    gate_of(is_backlogs ? Lane::Backlog : lane).pace.answered(throttled, now);
  }

  /// The service answers again after an outage: the backlog begins gently, because everybody's
  /// does.
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
  static constexpr retry::PaceTuning kLiveTuning{0.2, true};
  static constexpr retry::PaceTuning kBacklogTuning{0.0002, true, 0.03};

  [[nodiscard]] Gate& gate_of(Lane lane) noexcept { return lane == Lane::Live ? live_ : backlog_; }

  Gate live_;
  Gate backlog_;
  std::chrono::nanoseconds gap_{0};
  SteadyTime next_{};
  std::optional<SteadyTime> backlog_sent_{};
};

}  // namespace detail
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
