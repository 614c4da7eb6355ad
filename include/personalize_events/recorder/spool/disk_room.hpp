// SPDX-License-Identifier: Apache-2.0
//
// How much room a spool takes, and when that is too much. The spool asks before it lets go of its
// oldest events.
#ifndef PERSONALIZE_EVENTS_RECORDER_SPOOL_DISK_ROOM_HPP
#define PERSONALIZE_EVENTS_RECORDER_SPOOL_DISK_ROOM_HPP

#include <algorithm>
#include <cstdint>
#include <string>

#include "personalize_events/platform/file.hpp"
#include "personalize_events/recorder/spool/options.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace spool {

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
  return std::min(min_free_bytes, disk.total / 20);
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

}  // namespace spool
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
