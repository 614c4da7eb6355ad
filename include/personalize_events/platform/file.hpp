// SPDX-License-Identifier: Apache-2.0
//
// File and FileSystem: files that grow, are synced, locked and unlinked, as an interface. The spool
// goes through it, so that tests can put a disk with faults in its place. system_files.hpp has the
// real one.
#ifndef PERSONALIZE_EVENTS_PLATFORM_FILE_HPP
#define PERSONALIZE_EVENTS_PLATFORM_FILE_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// What a file is opened for.
enum class OpenFor : std::uint8_t {
  Read,        ///< It must exist.
  Append,      ///< Made (0600) when absent.
  AppendToNew  ///< Made (0600); it must not exist.
};

/// What is known of an open file.
struct FileStatus {
  /// In bytes.
  std::uint64_t size{0};
  /// The names it has in folders; 0 once it was unlinked.
  std::uint64_t links{0};
};

/// The room on a disk, in bytes.
struct DiskSpace {
  /// What a process without privileges may still write.
  std::uint64_t available{0};
  /// The size of the disk.
  std::uint64_t total{0};
};

namespace detail {

/// The path of a file in a folder.
[[nodiscard]] inline std::string path_in(const std::string& folder, std::string_view name) {
  std::string path;
  path.reserve(folder.size() + 1 + name.size());
  return path.append(folder).append("/").append(name);
}

}  // namespace detail

/// An open file, closed by its destructor and by a process that it starts (O_CLOEXEC).
///
/// Errors of every member: Storage; `where` is the path, the code is "NoSpace" when the disk or a
/// quota is full, "NotFound", "Exists", or empty.
///
/// @par Thread Safety
/// `sync` may run while another thread calls another member.
class File {
 public:
  virtual ~File() = default;

  /// Writes at the end, in one call of the system's, and answers how many of the bytes got in:
  /// less than all of them when the disk filled up.
  [[nodiscard]] virtual Result<std::size_t> append(std::string_view bytes) = 0;

  /// Cuts the file to a size.
  [[nodiscard]] virtual Result<void> truncate(std::uint64_t size) = 0;

  /// Waits until the content is on the disk (fdatasync). After an error nothing is known of what
  /// was written before it, and to try again would report a success that is none.
  [[nodiscard]] virtual Result<void> sync() = 0;

  /// Reads up to `count` bytes from an offset; less only where the file ends.
  [[nodiscard]] virtual Result<std::size_t> read_at(std::uint64_t offset, char* out,
                                                    std::size_t count) = 0;

  /// The size now, and the number of names.
  [[nodiscard]] virtual Result<FileStatus> status() = 0;

  /// Takes the file's one lock (flock) without waiting, until it is closed; false when another open
  /// file has it. A child that was forked shares it: its closing frees nothing of the parent's.
  [[nodiscard]] virtual Result<bool> try_lock() = 0;
};

/// Files and folders by their paths. Errors as of File.
///
/// @par Thread Safety
/// Every member may be called from any thread at the same time.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  /// Opens a file, or makes it, as `purpose` says.
  [[nodiscard]] virtual Result<std::unique_ptr<File>> open(const std::string& path,
                                                           OpenFor purpose) = 0;
  /// Makes a folder of the owner's alone (0700); one that exists is left as it is. What it stands
  /// in must exist.
  [[nodiscard]] virtual Result<void> make_folder(const std::string& path) = 0;
  /// The names in a folder, sorted, without "." and "..".
  [[nodiscard]] virtual Result<std::vector<std::string>> list_folder(const std::string& path) = 0;
  /// Waits until the names in a folder are on the disk (fsync).
  [[nodiscard]] virtual Result<void> sync_folder(const std::string& path) = 0;
  /// Gives a file or folder another name on the same disk.
  [[nodiscard]] virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  /// Takes a file's name away; who has it open keeps it.
  [[nodiscard]] virtual Result<void> remove_file(const std::string& path) = 0;
  /// Removes an empty folder.
  [[nodiscard]] virtual Result<void> remove_folder(const std::string& path) = 0;
  /// The room on the disk of a path that exists.
  [[nodiscard]] virtual Result<DiskSpace> disk_space(const std::string& path) = 0;
};

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
