// SPDX-License-Identifier: Apache-2.0
//
// The disk of a spool: what its files take and what must stay free; and DiskHealth: what the disk
// refused last and when it is tried again, and whether the spool is out of space. DiskHealth reads
// no clock and no file; Spool reports to it.
#ifndef PERSONALIZE_EVENTS_DETAIL_RECORDER_SPOOL_DISK_HEALTH_HPP
#define PERSONALIZE_EVENTS_DETAIL_RECORDER_SPOOL_DISK_HEALTH_HPP

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "personalize_events/platform.hpp"
#include "personalize_events/recorder_options.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail::spool {

/// How long nothing is written after the disk refused.
inline constexpr std::chrono::seconds kDiskPause{1};

/// The size of a file; 0 if it cannot be examined.
[[nodiscard]] inline std::uint64_t file_bytes(FileSystem& files, const std::string& path) {
  const auto file = files.open(path, OpenFor::Read);
  if (!file) return 0;
  const Result<FileStatus> status = (*file)->status();
  return status ? status->size : 0;
}

/// The bytes of the files in a folder; of one that cannot be listed, none.
[[nodiscard]] inline std::uint64_t folder_bytes(FileSystem& files, const std::string& folder) {
  const auto names = files.list_folder(folder);
  if (!names) return 0;
  std::uint64_t bytes = 0;
  for (const std::string& name : *names) bytes += file_bytes(files, detail::path_in(folder, name));
  return bytes;
}

/// The bytes of the files in a spool's directory, of all its writers, and of what is kept beside.
[[nodiscard]] inline std::uint64_t spool_bytes(FileSystem& files, const std::string& directory) {
  const auto names = files.list_folder(directory);
  if (!names) return 0;
  std::uint64_t bytes = 0;
  for (const std::string& name : *names) {
    bytes += folder_bytes(files, detail::path_in(directory, name));
  }
  return bytes;
}

/// What must stay free on the disk.
[[nodiscard]] constexpr std::uint64_t least_free(std::uint64_t min_free_bytes,
                                                 const DiskSpace& disk) noexcept {
  return (std::min)(min_free_bytes, disk.total / 20);
}

/// What the refused events may take that a spool keeps.
[[nodiscard]] constexpr std::uint64_t rejected_limit(std::uint64_t max_bytes) noexcept {
  return std::clamp<std::uint64_t>(max_bytes / 16, 64U << 10U, 4U << 20U);
}

/// Whether less of the disk is free than must stay so.
[[nodiscard]] inline bool lacks_free_space(FileSystem& files, const SpoolOptions& options) {
  const Result<DiskSpace> disk = files.disk_space(options.directory);
  return disk && disk->available < least_free(options.min_free_bytes, *disk);
}

/// Thread-safe.
class DiskHealth {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit DiskHealth(std::string directory) : directory_(std::move(directory)) {}

  /// The error to return instead of writing; empty: write.
  [[nodiscard]] std::optional<Error> refusal(Time now) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (error_ && now < retry_at_) return error_;
    if (!is_out_of_room_) return std::nullopt;
    error_ = detail::make_error(ErrorKind::Storage, directory_,
                                "has no room for more events; raise "
                                "SpoolOptions::max_bytes, or make room on the disk");
    error_->code = "NoSpace";
    retry_at_ = now + kDiskPause;
    return error_;
  }
  /// Says that a write failed: nothing is tried for kDiskPause.
  Error failed(Error error, Time now) {
    const std::lock_guard<std::mutex> lock(mutex_);
    has_grown_ = has_grown_ || error.code == "NoSpace";
    retry_at_ = now + kDiskPause;
    error_ = error;
    return error;
  }
  /// Says that a sync failed. A write that waits for its next try is not delayed further.
  void sync_failed(const Error& error, Time now) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!error_) retry_at_ = now + kDiskPause;
    error_ = error;
  }
  /// Says that a write did not fail.
  void wrote() {
    const std::lock_guard<std::mutex> lock(mutex_);
    error_.reset();
  }
  /// What is wrong with the disk; empty: nothing.
  [[nodiscard]] std::optional<Error> fault() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return error_;
  }

  /// Says that there may be less room than at the last look.
  void grew() {
    const std::lock_guard<std::mutex> lock(mutex_);
    has_grown_ = true;
  }
  /// Whether to look how much room there is. It then expects `found_room`.
  [[nodiscard]] bool should_look_for_room(Time now) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const bool is_due = is_out_of_room_ && now >= look_again_at_;
    return std::exchange(has_grown_, false) || is_due;
  }
  void found_room(bool is_there, Time now) {
    const std::lock_guard<std::mutex> lock(mutex_);
    is_out_of_room_ = !is_there;
    look_again_at_ = now + kDiskPause;
  }

 private:
  const std::string directory_;
  mutable std::mutex mutex_{};
  std::optional<Error> error_{};
  Time retry_at_{};
  bool has_grown_{true};
  bool is_out_of_room_{false};
  Time look_again_at_{};
};

}  // namespace detail::spool

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
