// SPDX-License-Identifier: Apache-2.0
//
// Pace: no more events a second than `--rate` allows. When an event may leave is a pure function
// of the time; Gate is the place where rows wait for it.
#ifndef TOOLS_SEND_PACE_HPP
#define TOOLS_SEND_PACE_HPP

#include <personalize_events/personalize_events.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>

#include "interrupt.hpp"

namespace tools::send {

namespace pe = personalize_events;

/// Tokens that come one by one, evenly: what leaves now makes the next wait until its time is paid.
class Pace {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  explicit Pace(double events_per_second) : rate_(events_per_second) {}

  /// Takes leave to send so many events together: how long to wait first.
  [[nodiscard]] std::chrono::nanoseconds take(std::size_t events, TimePoint now) {
    const TimePoint leaves = std::max(next_, now);
    next_ = leaves + std::chrono::duration_cast<TimePoint::duration>(
                         std::chrono::duration<double>{static_cast<double>(events) / rate_});
    return leaves - now;
  }

 private:
  double rate_;
  TimePoint next_{TimePoint::min()};
};

/// Holds threads back to a pace; a rate of 0 holds nobody.
class Gate {
 public:
  explicit Gate(double events_per_second = 0,
                std::shared_ptr<pe::Platform> platform = pe::system_platform())
      : is_open_(events_per_second <= 0),
        platform_(std::move(platform)),
        pace_(events_per_second) {}

  /// Waits until so many events may leave, or the run is interrupted.
  void pass(std::size_t events) {
    if (is_open_) return;
    constexpr std::chrono::nanoseconds moment = std::chrono::milliseconds{100};
    std::chrono::nanoseconds left = wait_of(events);
    while (left.count() > 0 && !is_interrupted()) {
      platform_->sleep_for(std::min(left, moment));
      left -= moment;
    }
  }

 private:
  std::chrono::nanoseconds wait_of(std::size_t events) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return pace_.take(events, platform_->steady_now());
  }

  bool is_open_;
  std::shared_ptr<pe::Platform> platform_;
  std::mutex mutex_{};
  Pace pace_;
};

}  // namespace tools::send

#endif
