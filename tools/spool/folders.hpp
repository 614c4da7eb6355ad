// SPDX-License-Identifier: Apache-2.0
//
// Reads a spool without changing it: what each writer's folder holds, which of its events are open,
// and what is damaged. Every command of spool begins with this.
#ifndef TOOLS_SPOOL_FOLDERS_HPP
#define TOOLS_SPOOL_FOLDERS_HPP

#include <personalize_events/personalize_events.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace tools::spool {

namespace pe = personalize_events;

/// The contents of a writer's folder.
struct Folder {
  std::string name{};
  /// A process has its lock: its writer, or a recorder that drains it.
  bool is_live{false};
  /// It was written by a version of the library with another format. Its events are not read.
  bool is_other_version{false};
  /// Whose events they are: empty if no whole header is left.
  pe::detail::spool::Scope scope{};
  std::uint64_t segments{0};
  std::uint64_t bytes{0};
  std::uint64_t open_events{0};
  /// When the oldest and the youngest of them were recorded, by the wall clock of the writer, in
  /// milliseconds since 1970.
  std::optional<std::int64_t> oldest_ms{};
  std::optional<std::int64_t> youngest_ms{};

  /// Of events.
  std::uint64_t whole_frames{0};
  /// Stretches of bytes that hold no whole frame.
  std::uint64_t broken_frames{0};
  /// Frames and headers that were not written to their end, as a killed process leaves them.
  std::uint64_t torn_frames{0};
  /// Headers of segments whose frames could be read, and of the LOCK file.
  std::uint64_t broken_headers{0};
  std::uint64_t acknowledgements{0};
  std::uint64_t broken_acknowledgements{0};
  std::uint64_t unreadable_files{0};

  /// Torn frames are no damage: their events were not accepted, or not yet.
  [[nodiscard]] bool is_damaged() const {
    return broken_frames > 0 || broken_headers > 0 || broken_acknowledgements > 0 ||
           unreadable_files > 0;
  }
};

/// The contents of a spool's directory.
struct Spool {
  std::vector<Folder> folders{};
  /// Of events that the service rejected.
  std::uint64_t rejected_bytes{0};
  /// Files of which no frame could be read, and events that cannot be sent.
  std::uint64_t quarantined_files{0};

  [[nodiscard]] bool is_damaged() const {
    return quarantined_files > 0 ||
           std::any_of(folders.begin(), folders.end(),
                       [](const Folder& folder) { return folder.is_damaged(); });
  }
};

/// Whether a process has the lock of a folder. It is taken for a moment to find out, from a file
/// that is open for reading: nothing is made where there is none.
inline pe::Result<bool> is_live(pe::FileSystem& files, const std::string& path) {
  auto lock = files.open(path + "/" + pe::detail::spool::kLockName, pe::OpenFor::Read);
  if (!lock) {
    if (lock.error().code == "NotFound") return false;
    return std::move(lock).error();
  }
  const pe::Result<bool> is_free = (*lock)->try_lock();
  if (!is_free) return is_free.error();
  return !*is_free;
}

namespace folders_detail {

/// The generations of a segment that are there, the highest first.
inline std::vector<pe::detail::spool::SegmentName> generations_of(pe::FileSystem& files,
                                                                  const std::string& path,
                                                                  std::uint64_t number) {
  std::vector<pe::detail::spool::SegmentName> generations;
  const auto names = files.list_folder(path);
  if (!names) return generations;
  for (const std::string& name : *names) {
    const auto segment = pe::detail::spool::segment_name(name);
    if (segment && segment->number == number) generations.push_back(*segment);
  }
  std::sort(generations.begin(), generations.end(),
            [](const auto& a, const auto& b) { return a.generation > b.generation; });
  return generations;
}

/// Whether a generation was written to its end. One that cannot be read was not.
inline bool is_complete(pe::detail::spool::SegmentReader& reader) {
  bool is_end = false;
  for (;;) {
    const auto frame = reader.next();
    if (!frame) return false;
    if (!*frame) return is_end;
    is_end = ((*frame)->entry.flags & pe::detail::spool::kEndOfSegment) != 0;
  }
}

/// Opens the generation of a segment that counts: the highest that was written to its end, or else
/// the lowest. `writer` is the header of the LOCK file, if there is one. Errors: as SegmentReader;
/// NotFound, if the segment is gone.
inline pe::Result<pe::detail::spool::SegmentReader> open_segment(
    pe::FileSystem& files, const std::string& path, std::uint64_t number,
    const pe::detail::spool::SegmentHeader* writer) {
  pe::Error error =
      pe::detail::make_error(pe::ErrorKind::Storage, path, "has no such segment any more");
  error.code = "NotFound";
  // A living writer may replace or remove a file after it was listed.
  for (int tries = 0; tries < 3 && error.code == "NotFound"; ++tries) {
    const auto generations = generations_of(files, path, number);
    for (const pe::detail::spool::SegmentName& name : generations) {
      const std::string file = pe::detail::spool::segment_path(path, name);
      auto reader = pe::detail::spool::SegmentReader::open(files, file, writer);
      const bool is_last = name.generation == generations.back().generation;
      if (is_last && reader) return reader;
      if (is_last) error = std::move(reader).error();
      if (is_last || !reader || !is_complete(*reader)) continue;
      reader = pe::detail::spool::SegmentReader::open(files, file, writer);
      if (reader) return reader;
    }
    if (generations.empty()) break;
  }
  return error;
}

/// Reads one segment; its open events go to `take(entry)`. `next_sequence` is the one after those
/// that were read.
template <class Take>
void read_segment(pe::FileSystem& files, const std::string& path, std::uint64_t number,
                  const pe::detail::spool::SegmentHeader* writer, std::uint64_t& next_sequence,
                  Folder& folder, const Take& take) {
  // The acknowledgements first: an event that completes meanwhile is listed as open.
  const auto acknowledged = pe::detail::spool::read_acknowledgements(
      files, pe::detail::spool::acknowledgement_path(path, number), writer);
  auto reader = open_segment(files, path, number, writer);
  if (!reader && reader.error().code == "NotFound") return;  // a living writer removed it
  ++folder.segments;
  if (acknowledged) {
    folder.acknowledgements += acknowledged->frames;
    folder.broken_acknowledgements += acknowledged->broken;
  } else {
    ++folder.unreadable_files;
  }
  if (!reader) {
    const bool is_torn = reader.error().code == pe::detail::spool::kTorn;
    ++(is_torn ? folder.torn_frames : folder.unreadable_files);
    return;
  }
  bool has_frames = false;
  for (;;) {
    const auto frame = reader->next();
    if (!frame) ++folder.unreadable_files;
    if (!frame || !*frame) break;
    has_frames = true;
    const pe::detail::spool::Entry& entry = (*frame)->entry;
    if ((entry.flags & pe::detail::spool::kNoEvent) != 0) continue;
    // Equal sequences of one writer are one event.
    if ((*frame)->sequence < next_sequence) continue;
    next_sequence = (*frame)->sequence + 1;
    ++folder.whole_frames;
    if (acknowledged && acknowledged->events.contains((*frame)->sequence)) continue;
    ++folder.open_events;
    folder.oldest_ms = std::min(folder.oldest_ms.value_or(entry.wall_ms), entry.wall_ms);
    folder.youngest_ms = std::max(folder.youngest_ms.value_or(entry.wall_ms), entry.wall_ms);
    take(entry);
  }
  const pe::detail::spool::SegmentScanner& scanner = reader->scanner();
  if (scanner.torn_at()) ++folder.torn_frames;
  if (reader->header_state() == pe::detail::spool::HeaderState::Good) {
    folder.broken_frames += scanner.damaged_stretches();
    return;
  }
  if (has_frames) {
    ++folder.broken_headers;
  } else {
    // A torn one: the writer was killed before it had written the header.
    const bool is_torn = reader->header_state() == pe::detail::spool::HeaderState::Torn;
    ++(is_torn ? folder.torn_frames : folder.unreadable_files);
  }
  // The first stretch is the header.
  if (scanner.damaged_stretches() > 1) folder.broken_frames += scanner.damaged_stretches() - 1;
}

}  // namespace folders_detail

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
  folder.bytes = pe::detail::spool::folder_bytes(files, path);
  // Its other members remove files.
  pe::detail::spool::FolderLocks none;
  pe::detail::spool::SegmentedLog log{files, none, directory};
  const pe::Result<void> opened = log.adopt(name, {});
  if (!opened && opened.error().code == pe::detail::spool::kOtherVersion) {
    folder.is_other_version = true;
    return std::optional<Folder>{std::move(folder)};
  }
  const auto lock = pe::detail::spool::read_identity(files, path);
  if (!lock && lock.error().code == pe::detail::spool::kDamaged) ++folder.broken_headers;
  if (!opened && opened.error().code != pe::detail::spool::kDamaged) ++folder.unreadable_files;
  folder.scope = log.identity().header.scope;
  std::vector<std::uint64_t> numbers;
  for (const std::string& file : *names) {
    if (const auto segment = pe::detail::spool::segment_name(file))
      numbers.push_back(segment->number);
  }
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  std::uint64_t next_sequence = 0;
  for (const std::uint64_t number : numbers) {
    folders_detail::read_segment(files, path, number, opened ? &log.identity().header : nullptr,
                                 next_sequence, folder, take);
  }
  return std::optional<Folder>{std::move(folder)};
}

/// The names of the writers' folders, in the order in which they are adopted. Errors: Storage;
/// there is no such directory, or it cannot be listed.
inline pe::Result<std::vector<std::string>> writers(pe::FileSystem& files,
                                                    const std::string& directory) {
  auto names = files.list_folder(directory);
  if (!names) return names;
  const auto is_other = [](const std::string& name) {
    return !pe::detail::spool::is_writer_name(name);
  };
  names->erase(std::remove_if(names->begin(), names->end(), is_other), names->end());
  std::sort(names->begin(), names->end(), [](const std::string& a, const std::string& b) {
    const std::uint64_t first = pe::detail::spool::writer_number(a);
    const std::uint64_t second = pe::detail::spool::writer_number(b);
    return std::tie(first, a) < std::tie(second, b);
  });
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
      pe::detail::spool::folder_bytes(files, directory + "/" + pe::detail::spool::kRejectedFolder);
  if (const auto aside =
          files.list_folder(directory + "/" + pe::detail::spool::kQuarantineFolder)) {
    spool.quarantined_files = aside->size();
  }
  return spool;
}
inline pe::Result<Spool> read_spool(pe::FileSystem& files, const std::string& directory) {
  return read_spool(files, directory, [](const pe::detail::spool::Entry&) {});
}

}  // namespace tools::spool

#endif
