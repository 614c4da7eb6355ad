// SPDX-License-Identifier: Apache-2.0
//
// Looking at a spool without touching it: what each writer's folder holds, what of it is open, and
// what is damaged. Every command of spool_tool begins with this; it only reads.
#ifndef SPOOL_TOOL_FOLDERS_HPP
#define SPOOL_TOOL_FOLDERS_HPP

#include <personalize_events/personalize_events.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace spool_tool {

namespace pe = personalize_events;

/// What a writer's folder holds.
struct Folder {
  std::string name{};
  /// Somebody has its lock: its writer, or a recorder that drains it.
  bool is_live{false};
  /// Whose events they are: empty without a segment that can be read.
  std::string region{};
  std::string endpoint{};
  std::string account{};
  std::string tracking_id{};
  std::uint64_t segments{0};
  std::uint64_t bytes{0};
  std::uint64_t open_events{0};
  /// When the oldest and the youngest of them were recorded, in milliseconds since 1970.
  std::optional<std::int64_t> oldest_ms{};
  std::optional<std::int64_t> youngest_ms{};

  std::uint64_t whole_frames{0};
  std::uint64_t broken_frames{0};
  /// Frames and headers that were not written to their end: what a killed writer leaves.
  std::uint64_t torn_frames{0};
  std::uint64_t acknowledgements{0};
  std::uint64_t broken_acknowledgements{0};
  std::uint64_t unreadable_files{0};
  /// Of a newer version of the library.
  std::uint64_t newer_files{0};

  /// Torn frames are none: their events were never accepted, or not yet.
  [[nodiscard]] bool is_damaged() const {
    return broken_frames > 0 || broken_acknowledgements > 0 || unreadable_files > 0;
  }
};

/// A spool's directory.
struct Spool {
  std::vector<Folder> folders{};
  /// Of events that the service refused.
  std::uint64_t rejected_bytes{0};
  /// That could not be read and were put aside.
  std::uint64_t quarantined_files{0};

  [[nodiscard]] bool is_damaged() const {
    return quarantined_files > 0 ||
           std::any_of(folders.begin(), folders.end(),
                       [](const Folder& folder) { return folder.is_damaged(); });
  }
};

/// Whether somebody has the lock of a folder. It is taken for a moment to find out, from a file
/// that is open for reading: nothing is made where there is none.
inline pe::Result<bool> is_live(pe::FileSystem& files, const std::string& path) {
  auto lock = files.open(path + "/" + pe::spool::kLockName, pe::OpenFor::Read);
  if (!lock) {
    if (lock.error().code == "NotFound") return false;
    return std::move(lock).error();
  }
  const pe::Result<bool> is_free = (*lock)->try_lock();
  if (!is_free) return is_free.error();
  return !*is_free;
}

/// Reads one segment; its open events go to `take(entry)`.
template <class Take>
void read_segment(pe::FileSystem& files, const std::string& path, std::uint64_t number,
                  Folder& folder, const Take& take) {
  // The acknowledgements first: what ends meanwhile is open, rather than lost from sight.
  const auto acknowledged =
      pe::spool::read_acknowledgement_file(files, pe::spool::acknowledgement_path(path, number));
  if (acknowledged) {
    folder.acknowledgements += acknowledged->records;
    folder.broken_acknowledgements += acknowledged->broken;
  } else {
    ++folder.unreadable_files;
  }
  auto reader = pe::spool::SegmentReader::open(files, pe::spool::segment_path(path, number));
  if (!reader) {
    const std::string& code = reader.error().code;
    if (code == "NotFound") return;  // a living writer removed it just now
    ++folder.segments;
    ++(code == "Newer"  ? folder.newer_files
       : code == "Torn" ? folder.torn_frames
                        : folder.unreadable_files);
    return;
  }
  ++folder.segments;
  if (folder.region.empty()) {
    folder.region = reader->header().region;
    folder.endpoint = reader->header().endpoint;
    folder.account = reader->header().account;
  }
  for (;;) {
    const auto frame = reader->next();
    if (!frame) ++folder.unreadable_files;
    if (!frame || !*frame) break;
    ++folder.whole_frames;
    const pe::spool::Entry& entry = (*frame)->entry;
    if (folder.tracking_id.empty()) folder.tracking_id = entry.tracking_id;
    if (acknowledged && acknowledged->events.contains((*frame)->sequence)) continue;
    ++folder.open_events;
    const std::int64_t recorded = entry.recorded_at_ms;
    folder.oldest_ms = std::min(folder.oldest_ms.value_or(recorded), recorded);
    folder.youngest_ms = std::max(folder.youngest_ms.value_or(recorded), recorded);
    take(entry);
  }
  folder.broken_frames += reader->scanner().broken_frames();
  if (reader->scanner().torn_at()) ++folder.torn_frames;
}

/// Reads a writer's folder, but for its lock. Empty: it is gone, or no folder.
template <class Take>
pe::Result<std::optional<Folder>> read_folder(pe::FileSystem& files, const std::string& directory,
                                              const std::string& name, const Take& take) {
  const std::string path = directory + "/" + name;
  const auto names = files.list_folder(path);
  if (!names) {
    if (names.error().code == "NotFound") return std::optional<Folder>{};
    return names.error();
  }
  Folder folder;
  folder.name = name;
  folder.bytes = pe::spool::folder_bytes(files, path);
  for (const std::string& file : *names) {
    if (const auto number = pe::spool::segment_number(file)) {
      read_segment(files, path, *number, folder, take);
    }
  }
  return std::optional<Folder>{std::move(folder)};
}

/// The names of the writers' folders. Errors: Storage; there is no such directory, or it cannot be
/// listed.
inline pe::Result<std::vector<std::string>> writers(pe::FileSystem& files,
                                                    const std::string& directory) {
  auto names = files.list_folder(directory);
  if (!names) return names;
  const auto is_other = [](const std::string& name) {
    return name.compare(0, 2, pe::spool::kWriterPrefix) != 0;
  };
  names->erase(std::remove_if(names->begin(), names->end(), is_other), names->end());
  return names;
}

/// Reads a spool; each open event goes to `take(entry)`. Errors: Storage.
template <class Take>
pe::Result<Spool> read_spool(pe::FileSystem& files, const std::string& directory,
                             const Take& take) {
  const auto names = writers(files, directory);
  if (!names) return names.error();
  Spool spool;
  for (const std::string& name : *names) {
    const pe::Result<bool> live = is_live(files, directory + "/" + name);
    if (!live) return live.error();
    auto folder = read_folder(files, directory, name, take);
    if (!folder) return folder.error();
    if (!*folder) continue;
    (*folder)->is_live = *live;
    spool.folders.push_back(**std::move(folder));
  }
  spool.rejected_bytes =
      pe::spool::folder_bytes(files, directory + "/" + pe::spool::kRejectedFolder);
  if (const auto aside = files.list_folder(directory + "/quarantine")) {
    spool.quarantined_files = aside->size();
  }
  return spool;
}
inline pe::Result<Spool> read_spool(pe::FileSystem& files, const std::string& directory) {
  return read_spool(files, directory, [](const pe::spool::Entry&) {});
}

}  // namespace spool_tool

#endif
