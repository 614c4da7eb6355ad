// SPDX-License-Identifier: Apache-2.0
//
// Patience: how long a run goes on while the service takes nothing. Pure: it is told what happens
// at what time. A program that records all day would wait; a file can be gone on with later.
#ifndef TOOLS_SEND_PATIENCE_HPP
#define TOOLS_SEND_PATIENCE_HPP

#include <personalize_events/personalize_events.hpp>

#include <chrono>
#include <optional>

namespace tools::send {

namespace pe = personalize_events;

/// One thread at a time.
class Patience {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  explicit Patience(std::chrono::milliseconds length) : length_(length) {}

  /// The service takes requests, as far as anybody knows.
  void restore() { trouble_.reset(); }

  /// Something stands in the way, of which time may be the cure.
  void strain(const pe::Error& error, TimePoint now) {
    if (!trouble_) trouble_ = Trouble{now, {}};
    trouble_->error = error;
  }

  /// What has stood in the way for too long; nothing while that may be borne.
  [[nodiscard]] std::optional<pe::Error> lost(TimePoint now) const {
    if (!trouble_ || now - trouble_->since < length_) return std::nullopt;
    return trouble_->error;
  }

 private:
  struct Trouble {
    TimePoint since{};
    pe::Error error{};
  };

  std::chrono::milliseconds length_;
  std::optional<Trouble> trouble_{};
};

}  // namespace tools::send

#endif
