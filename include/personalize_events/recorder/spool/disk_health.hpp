// SPDX-License-Identifier: Apache-2.0
//
// DiskHealth: whether the disk takes events: what it refused last and when it is tried again, and
// whether the spool is out of room. It reads no clock and no file; Spool holds one and tells it.
#ifndef PERSONALIZE_EVENTS_RECORDER_SPOOL_DISK_HEALTH_HPP
#define PERSONALIZE_EVENTS_RECORDER_SPOOL_DISK_HEALTH_HPP

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace spool {

/// How long nothing is written after the disk refused.
inline constexpr std::chrono::seconds kDiskPause{1};

class DiskHealth {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// What to answer in place of writing; null: write.
  [[nodiscard]] const Error* refusal(Time now, const std::string& directory) {
    if (error_ && now < retry_at_) return &*error_;
    return is_out_of_room_ ? &failed(out_of_room(directory), now) : nullptr;
  }

  /// Says that a write failed: nothing is tried for kDiskPause.
  const Error& failed(Error error, Time now) {
    retry_at_ = now + kDiskPause;
    return error_.emplace(std::move(error));
  }
  /// Says that a sync failed. It keeps nobody from writing again that waits for that already.
  void sync_failed(Error error, Time now) {
    if (!error_) retry_at_ = now + kDiskPause;
    error_ = std::move(error);
  }
  /// Says that a write did not fail.
  void wrote() { error_.reset(); }

  /// What is wrong with the disk; empty: nothing.
  [[nodiscard]] const std::optional<Error>& fault() const noexcept { return error_; }

  // --- Room ---

  /// Says that there may be less room than at the last look.
  void grew() noexcept { has_grown_ = true; }
  /// Whether to look how much room there is. It then expects `found_room` or `found_none`.
  [[nodiscard]] bool should_look_for_room(Time now) noexcept {
    const bool is_due = is_out_of_room_ && now >= look_again_at_;
    return std::exchange(has_grown_, false) || is_due;
  }
  void found_room() noexcept { is_out_of_room_ = false; }
  void found_none(Time now) noexcept {
    is_out_of_room_ = true;
    look_again_at_ = now + kDiskPause;
  }

 private:
  [[nodiscard]] static Error out_of_room(const std::string& directory) {
    Error error = detail::make_error(ErrorKind::Storage, directory,
                                     "has no room for more events; raise SpoolOptions::max_bytes, "
                                     "or make room on the disk");
    error.code = "NoSpace";
    return error;
  }

  std::optional<Error> error_{};
  Time retry_at_{};
  bool has_grown_{true};
  bool is_out_of_room_{false};
  Time look_again_at_{};
};

}  // namespace spool
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
