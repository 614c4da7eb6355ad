// SPDX-License-Identifier: Apache-2.0
//
// Pace: how many requests a second the service accepts, learnt from its answers by CUBIC, and a
// token bucket that holds requests back to it. RetryMode::Adaptive uses it, and the recorder will.
// Pure: each call is given the time. One thread at a time.
// Source: AWS SDKs and Tools Reference Guide, "Retry behavior", adaptive mode; the constants are
// those of botocore and smithy-rs.
#ifndef PERSONALIZE_EVENTS_DETAIL_RETRY_PACE_HPP
#define PERSONALIZE_EVENTS_DETAIL_RETRY_PACE_HPP

#include <algorithm>
#include <chrono>
#include <cmath>

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail::retry {

/// How a Pace differs from that of AWS's SDKs.
struct PaceTuning {
  /// How fast the rate grows again, C of RFC 9438, section 4.1.
  double scale{0.4};
  /// Throttled below its last peak it aims lower still, so that others get their share: "fast
  /// convergence" of RFC 9438, section 4.7.
  bool gives_way{false};
  /// The most by which the rate grows in a second, of itself; 0: as the curve says.
  double growth{0};
  /// Time without a request is not averaged into the measured rate: there was nothing to send.
  bool skips_idle{false};
};

/// A send rate that falls to seven tenths at a throttled answer and then grows back, slowly near
/// the rate that failed last and faster beyond it. Until the first throttled answer it holds
/// nothing back.
class Pace {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit Pace(Time start, PaceTuning tuning = {}) : start_(start), tuning_(tuning) {}

  /// Takes leave to send one request: answers how long to wait first. The leave is taken at once,
  /// so a later caller waits longer.
  [[nodiscard]] std::chrono::nanoseconds acquire(Time now) {
    if (!enabled_) return std::chrono::nanoseconds{0};
    refill(seconds(now));
    tokens_ -= 1;
    if (tokens_ >= 0) return std::chrono::nanoseconds{0};
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
        std::chrono::duration<double>{-tokens_ / rate_});
  }

  /// Returns a leave that was not used, because its call had no time to wait for it.
  void give_back() {
    if (enabled_) tokens_ = (std::min)(tokens_ + 1, capacity_);
  }

  /// Learns from a response.
  void answered(bool throttled, Time now) {
    const double at = seconds(now);
    measure(at);
    double wanted = 0;
    // Before the first half second is over what was sent in it is what is known.
    const double measured =
        tuning_.skips_idle ? (std::max)(measured_rate_, sent_in_slot_) : measured_rate_;
    if (throttled) {
      const double reached = enabled_ ? (std::min)(measured, rate_) : measured;
      const bool gives_way = tuning_.gives_way && reached < last_max_rate_;
      last_max_rate_ = gives_way ? reached * (1 + kBeta) / 2 : reached;
      last_throttle_ = at;
      enabled_ = true;
      is_starting_ = false;
      wanted = reached * kBeta;
    } else {
      wanted = cubic(at - last_throttle_);
    }
    wanted = (std::min)(wanted, 2 * measured);
    if (is_starting_) {
      wanted = rate_ * std::exp2((std::min)(at - learned_at_, kDoubling) / kDoubling);
    } else if (!throttled && tuning_.growth > 0) {
      wanted = (std::min)(wanted, rate_ * std::exp(tuning_.growth * (at - learned_at_)));
    }
    learned_at_ = at;
    set_rate(wanted, at);
  }

  /// Begins after an outage, whether or not the service ever set a limit: with `rate`, requests a
  /// second, that doubles every half second until something is throttled.
  void resume(Time now, double rate) {
    const double at = seconds(now);
    enabled_ = true;
    is_starting_ = true;
    last_max_rate_ = (std::max)(rate, kMinRate);
    measured_rate_ = last_max_rate_;
    learned_at_ = at;
    last_throttle_ = at;
    slot_ = std::floor(at * 2) / 2;
    sent_in_slot_ = 0;
    tokens_ = 0;
    set_rate(last_max_rate_, at);
  }
  /// It was resumed, and nothing was throttled since.
  [[nodiscard]] bool is_starting() const { return is_starting_; }

  /// Requests a second that were really sent, lately.
  [[nodiscard]] double measured_rate() const { return measured_rate_; }

  /// Requests a second, 0 while nothing is held back.
  [[nodiscard]] double rate() const { return enabled_ ? rate_ : 0; }

 private:
  static constexpr double kBeta = 0.7;
  static constexpr double kSmooth = 0.8;
  static constexpr double kMinRate = 0.5;
  static constexpr double kDoubling = 0.5;  // seconds

  [[nodiscard]] double seconds(Time now) const {
    return std::chrono::duration<double>(now - start_).count();
  }

  /// The cubic curve that passes the rate of the last throttling where it flattens.
  [[nodiscard]] double cubic(double since_throttle) const {
    const double flat_at = std::cbrt(last_max_rate_ * (1 - kBeta) / tuning_.scale);
    return tuning_.scale * std::pow(since_throttle - flat_at, 3) + last_max_rate_;
  }

  /// The rate really sent, smoothed over half seconds.
  void measure(double at) {
    const double slot = std::floor(at * 2) / 2;
    ++sent_in_slot_;
    if (slot <= slot_) return;
    const double elapsed = tuning_.skips_idle ? (std::min)(slot - slot_, 1.0) : slot - slot_;
    measured_rate_ = sent_in_slot_ / elapsed * kSmooth + measured_rate_ * (1 - kSmooth);
    sent_in_slot_ = 0;
    slot_ = slot;
  }

  void set_rate(double wanted, double at) {
    refill(at);  // at the old rate up to now
    rate_ = (std::max)(wanted, kMinRate);
    capacity_ = (std::max)(wanted, 1.0);
    tokens_ = (std::min)(tokens_, capacity_);
  }

  void refill(double at) {
    if (refilled_at_ >= 0) tokens_ = (std::min)(capacity_, tokens_ + (at - refilled_at_) * rate_);
    refilled_at_ = at;
  }

  Time start_;
  PaceTuning tuning_;
  bool enabled_{false};
  bool is_starting_{false};
  double rate_{kMinRate};
  double capacity_{1};
  double tokens_{0};
  double refilled_at_{-1};
  double last_max_rate_{0};
  double last_throttle_{0};
  double learned_at_{0};
  double measured_rate_{0};
  double sent_in_slot_{0};
  double slot_{0};
};

}  // namespace detail::retry

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
