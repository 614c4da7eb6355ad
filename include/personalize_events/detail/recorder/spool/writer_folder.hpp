// SPDX-License-Identifier: Apache-2.0
//
// Writer folders: the folder of each writer in a spool's directory: the names in it, its lock, and
// its LOCK file, which says whose it is. Log and SegmentedLog use them, and tools.
#ifndef PERSONALIZE_EVENTS_DETAIL_RECORDER_SPOOL_WRITER_FOLDER_HPP
#define PERSONALIZE_EVENTS_DETAIL_RECORDER_SPOOL_WRITER_FOLDER_HPP

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "personalize_events/detail/recorder/spool/segment.hpp"
#include "personalize_events/detail/recorder/spool/segment_reader.hpp"
#include "personalize_events/detail/recorder/spool/spooled_event.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail::spool {

inline constexpr const char* kQuarantineFolder = "quarantine";
inline constexpr const char* kLockName = "LOCK";
inline constexpr std::string_view kWriterPrefix = "w-";

// --- Names ---

/// A number with at least eight digits, so that names sort as numbers do.
[[nodiscard]] inline std::string padded(std::uint64_t number) {
  const std::string digits = std::to_string(number);
  return std::string(digits.size() < 8 ? 8 - digits.size() : 0, '0') + digits;
}

/// Whether a name is that of a writer's folder.
[[nodiscard]] inline bool is_writer_name(std::string_view name) {
  return name.substr(0, kWriterPrefix.size()) == kWriterPrefix;
}
/// The number in a writer's name, "w-00000012-1f2e3d4c"; 0: another form.
[[nodiscard]] inline std::uint64_t writer_number(std::string_view name) {
  constexpr std::uint64_t most = 999'999'999'999'999'999;
  std::uint64_t number = 0;
  if (!is_writer_name(name)) return 0;
  const char* const end = name.data() + name.size();
  const auto read = std::from_chars(name.data() + kWriterPrefix.size(), end, number);
  return read.ptr != end && *read.ptr == '-' && number <= most ? number : 0;
}

/// Which segment a file is, and after how many rewrites.
struct SegmentName {
  std::uint64_t number{0};
  std::uint32_t generation{0};
};
/// The path of a segment's file: "00000001.log" or, after a rewrite, "00000001.2.log".
[[nodiscard]] inline std::string segment_path(const std::string& folder, const SegmentName& name) {
  std::string path = detail::path_in(folder, padded(name.number));
  if (name.generation > 0) path.append(".").append(std::to_string(name.generation));
  return path.append(".log");
}
/// The path of the acknowledgements of a segment, whatever its generation.
[[nodiscard]] inline std::string acknowledgement_path(const std::string& folder,
                                                      std::uint64_t number) {
  return detail::path_in(folder, padded(number)).append(".ack");
}
/// The segment whose file has this name; empty: another file.
[[nodiscard]] inline std::optional<SegmentName> segment_name(std::string_view name) {
  SegmentName found;
  const char* const end = name.data() + name.size();
  const auto number = std::from_chars(name.data(), end, found.number);
  if (number.ptr != end) static_cast<void>(std::from_chars(number.ptr + 1, end, found.generation));
  const bool is_one = found.number > 0 && segment_path("", found) == std::string{"/"}.append(name);
  return is_one ? std::optional<SegmentName>{found} : std::nullopt;
}

// --- Files ---

/// Appends all of `bytes` to a file. Errors: Storage, as File; with the code `NoSpace`, if the disk
/// took only a part of them.
[[nodiscard]] inline Result<void> append_all(File& file, const std::string& path,
                                             std::string_view bytes) {
  const Result<std::size_t> written = file.append(bytes);
  if (!written) return written.error();
  if (*written == bytes.size()) return {};
  Error full =
      detail::make_error(ErrorKind::Storage, path, "takes no more; free space on the disk");
  full.code = "NoSpace";
  return full;
}

/// Makes a folder and those that it is in. Errors: Storage, as FileSystem.
[[nodiscard]] inline Result<void> make_folders(FileSystem& files, const std::string& path) {
  Result<void> made = files.make_folder(path);
  if (made || made.error().code != "NotFound") return made;
  const std::size_t last = path.find_last_not_of('/');
  const std::size_t slash = last == std::string::npos ? std::string::npos : path.rfind('/', last);
  if (slash == std::string::npos || slash == 0) return made;
  if (Result<void> parent = make_folders(files, path.substr(0, slash)); !parent) return parent;
  return files.make_folder(path);
}

/// Removes a segment of which nothing is pending: the ".log" first, because its events would be
/// sent again if the ".ack" were gone before it. Errors: Storage, as File.
[[nodiscard]] inline Result<void> remove_segment(FileSystem& files, const std::string& folder,
                                                 const SegmentName& name) {
  for (const std::string& path :
       {segment_path(folder, name), acknowledgement_path(folder, name.number)}) {
    Result<void> removed = files.remove_file(path);
    if (!removed && removed.error().code != "NotFound") return removed;
  }
  return {};
}

// --- Locks ---

/// Holds up to `kMost` locks, each until it is released.
///
/// A forked child shares the locks of files that it has open: while it lives, no process can adopt
/// the folders of its dead parent. SystemFiles closes them in the child at the fork. `close_all`
/// closes them where that is not possible; in a child it does not unlock the parent's folders.
/// Thread-safe; `close_all` also in a forked child, whatever the parent's threads were doing.
class FolderLocks {
 public:
  /// Identifies one of the locks.
  using Slot = std::size_t;

  /// A writer's own folder, 16 adopted ones, and a reserve.
  static constexpr std::size_t kMost = 32;

  FolderLocks() = default;
  FolderLocks(const FolderLocks&) = delete;
  FolderLocks& operator=(const FolderLocks&) = delete;
  ~FolderLocks() { close_all(); }

  /// Locks a folder, which exists. Empty: another holder has the lock, the folder was removed
  /// meanwhile, or `kMost` locks are held. Errors: Storage, those of File.
  [[nodiscard]] Result<std::optional<Slot>> take(FileSystem& files, const std::string& folder) {
    Result<std::unique_ptr<File>> lock = files.open(folder + "/" + kLockName, OpenFor::Append);
    if (!lock) return std::move(lock).error();
    const Result<bool> is_taken = (*lock)->try_lock();
    if (!is_taken) return is_taken.error();
    if (!*is_taken) return std::optional<Slot>{};
    // Its former holder may have removed it after it was opened here.
    const Result<FileStatus> status = (*lock)->status();
    if (!status) return status.error();
    if (status->links == 0) {
      // On Windows this open file kept its former holder from removing the folder.
      lock->reset();
      static_cast<void>(files.remove_folder(folder));
      return std::optional<Slot>{};
    }
    for (Slot slot = 0; slot < held_.size(); ++slot) {
      File* nothing = nullptr;
      if (!held_[slot].compare_exchange_strong(nothing, lock->get())) continue;
      static_cast<void>(lock->release());
      return std::optional<Slot>{slot};
    }
    return std::optional<Slot>{};
  }

  void release(Slot slot) noexcept { delete held_[slot].exchange(nullptr); }

  void close_all() noexcept {
    for (Slot slot = 0; slot < held_.size(); ++slot) release(slot);
  }

 private:
  std::array<std::atomic<File*>, kMost> held_{};
};

/// Removes a writer's folder if nothing but leftovers is in it, and releases its lock, which the
/// caller holds, in any case. Errors: Storage, as FileSystem.
///
/// The lock file is removed last, and the folder after the lock is released, because on Windows a
/// file that is open keeps its folder. A process that locks the folder in between makes the lock
/// file again: the folder then stays, and that process removes it.
inline Result<void> remove_writer_folder(FileSystem& files, FolderLocks& locks,
                                         FolderLocks::Slot lock, const std::string& folder) {
  const auto remove_content = [&]() -> Result<bool> {
    const Result<std::vector<std::string>> names = files.list_folder(folder);
    if (!names) return names.error();
    // A crash between two removals leaves acknowledgements.
    const auto is_leftover = [](const std::string& name) {
      return name.size() > 4 && name.compare(name.size() - 4, 4, ".ack") == 0;
    };
    for (const std::string& name : *names) {
      if (name != kLockName && !is_leftover(name)) return false;
    }
    for (const std::string& name : *names) {
      if (name != kLockName) static_cast<void>(files.remove_file(detail::path_in(folder, name)));
    }
    if (Result<void> removed = files.remove_file(detail::path_in(folder, kLockName)); !removed) {
      return std::move(removed).error();
    }
    return true;
  };
  const Result<bool> is_empty = remove_content();
  locks.release(lock);
  if (!is_empty) return is_empty.error();
  return *is_empty ? files.remove_folder(folder) : Result<void>{};
}

// --- Whose a folder is ---

/// Who wrote a log.
struct LogIdentity {
  SegmentHeader header{};
  BootClock clock{};
};

/// Reads the LOCK file of a folder. Errors: as read_header.
[[nodiscard]] inline Result<LogIdentity> read_identity(FileSystem& files,
                                                       const std::string& folder) {
  Result<SegmentReader> reader = SegmentReader::open(files, detail::path_in(folder, kLockName));
  if (!reader) return std::move(reader).error();
  LogIdentity identity;
  identity.header = reader->header();
  identity.clock.identity = identity.header.boot;
  for (;;) {
    const Result<std::optional<Frame>> frame = reader->next();
    if (!frame) return frame.error();
    if (!*frame) return identity;
    const Entry& entry = (*frame)->entry;
    if ((entry.flags & kServiceClock) == 0) continue;
    identity.clock.service_offset = clamped_difference(entry.wall_ms, entry.boot_ms);
  }
}

/// A writer's folder, and its lock.
struct WriterFolder {
  std::string path{};
  FolderLocks::Slot lock{};
};

/// Makes a folder for a writer, whose name `header` gets, with its LOCK file. Its number is higher
/// than all that are there, so that orphaned logs are adopted in the order of their writers.
/// Errors: Storage, as FileSystem; Configuration, if the scope is too long for a header.
[[nodiscard]] inline Result<WriterFolder> make_writer_folder(FileSystem& files, FolderLocks& locks,
                                                             Platform& platform,
                                                             const std::string& directory,
                                                             SegmentHeader& header) {
  constexpr int most_names = 100;
  if (Result<void> made = make_folders(files, directory); !made) return std::move(made).error();
  for (int tried = 1;; ++tried) {
    const Result<std::vector<std::string>> names = files.list_folder(directory);
    if (!names) return names.error();
    std::uint64_t highest = 0;
    for (const std::string& name : *names) highest = (std::max)(highest, writer_number(name));
    header.writer = std::string{kWriterPrefix}.append(padded(highest + 1)).append("-");
    unsigned char random[4] = {};
    platform.random_bytes(random, sizeof random);
    constexpr const char* digits = "0123456789abcdef";
    for (const unsigned byte : random) header.writer.append({digits[byte / 16], digits[byte % 16]});
    WriterFolder folder{detail::path_in(directory, header.writer), {}};
    if (Result<void> made = files.make_folder(folder.path); !made) return std::move(made).error();
    const Result<std::optional<FolderLocks::Slot>> lock = locks.take(files, folder.path);
    // Another process may have taken it for an orphan's before it was locked.
    const bool is_taken = lock ? !*lock : lock.error().code == "NotFound";
    if (is_taken && tried < most_names) continue;
    if (!lock) return lock.error();
    if (!*lock) return detail::make_error(ErrorKind::Storage, folder.path, "cannot be locked");
    folder.lock = **lock;
    header.first_sequence = 0;
    header.boot = platform.boot_identity();
    std::string bytes;
    Result<void> begun;
    if (!append_header(bytes, header)) {
      begun = detail::make_error(ErrorKind::Configuration, "SpoolOptions::account",
                                 "is too long, with region and endpoint, for a segment's header");
    }
    const std::string path = detail::path_in(folder.path, kLockName);
    const auto file = files.open(path, OpenFor::Append);
    if (begun) begun = file ? append_all(**file, path, bytes) : Result<void>{file.error()};
    if (begun) return folder;
    static_cast<void>(remove_writer_folder(files, locks, folder.lock, folder.path));
    return std::move(begun).error();
  }
}

}  // namespace detail::spool

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
