// SPDX-License-Identifier: Apache-2.0
//
// WriterFolder: a folder of a living spool: "w-<uuid>", locked, to which one recorder appends. A
// spool has one for events that are in memory too and, when memory is full, one for those that are
// on the disk only.
#ifndef PERSONALIZE_EVENTS_RECORDER_SPOOL_WRITER_FOLDER_HPP
#define PERSONALIZE_EVENTS_RECORDER_SPOOL_WRITER_FOLDER_HPP

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "personalize_events/platform/file.hpp"
#include "personalize_events/recorder/spool/folder_locks.hpp"
#include "personalize_events/recorder/spool/segment.hpp"
#include "personalize_events/recorder/spool/segment_writer.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace spool {

inline constexpr const char* kWriterPrefix = "w-";
/// The code of the error that another process was faster to lock a new folder.
inline constexpr const char* kTaken = "Taken";

/// Makes a folder and those that it stands in. Errors: Storage, as of FileSystem.
[[nodiscard]] inline Result<void> make_folders(FileSystem& files, const std::string& path) {
  Result<void> made = files.make_folder(path);
  if (made || made.error().code != "NotFound") return made;
  const std::size_t slash = path.find_last_not_of('/') == std::string::npos
                                ? std::string::npos
                                : path.rfind('/', path.find_last_not_of('/'));
  if (slash == std::string::npos || slash == 0) return made;
  if (Result<void> parent = make_folders(files, path.substr(0, slash)); !parent) return parent;
  return files.make_folder(path);
}

/// A locked folder and the writer of its segments.
struct WriterFolder {
  FolderLocks::Slot lock;
  SegmentWriter log;
  std::uint64_t last_segment{0};  ///< of the youngest event, as the spool saw it

  /// Makes a folder in `directory` and locks it. `header.writer` is a new UUID. Errors: Storage, as
  /// of FileSystem; of code kTaken, another UUID will do.
  [[nodiscard]] static Result<WriterFolder> make(FileSystem& files, FolderLocks& locks,
                                                 const std::string& directory, SegmentHeader header,
                                                 std::uint64_t segment_bytes, bool will_sync) {
    if (Result<void> made = make_folders(files, directory); !made) return std::move(made).error();
    const std::string folder = directory + "/" + kWriterPrefix + header.writer;
    if (Result<void> made = files.make_folder(folder); !made) return std::move(made).error();
    const Result<std::optional<FolderLocks::Slot>> lock = locks.take(files, folder);
    // Another recorder took the empty folder for one of a dead writer, and removes it.
    const bool is_removed = !lock && lock.error().code == "NotFound";
    if (is_removed || (lock && !*lock)) {
      Error error = detail::make_error(ErrorKind::Storage, folder, "was taken by another process");
      error.code = kTaken;
      return error;
    }
    if (!lock) return lock.error();
    return WriterFolder{**lock,
                        SegmentWriter{files, folder, std::move(header), segment_bytes, will_sync}};
  }
};

}  // namespace spool
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
