// SPDX-License-Identifier: Apache-2.0
//
// Platform and FileSystem, the interfaces to the environment, clocks, processes and files.
// system_platform() implements them; testing::VirtualPlatform keeps all of it in memory.
#ifndef PERSONALIZE_EVENTS_PLATFORM_HPP
#define PERSONALIZE_EVENTS_PLATFORM_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// The purpose for which a file is opened.
enum class OpenFor : std::uint8_t {
  Read,        ///< It must exist.
  Append,      ///< Created (0600) if absent.
  AppendToNew  ///< Created (0600); it must not exist.
};

/// The status of a file or folder.
struct FileStatus {
  /// In bytes.
  std::uint64_t size{0};
  /// The names it has in folders; 0 once it was unlinked.
  std::uint64_t links{0};
  /// Identifies, with `inode`, the file on this machine while it exists or is open: st_dev, on
  /// Windows the volume's serial number. 0: unknown.
  std::uint64_t device{0};
  /// st_ino, on Windows the file's index. 0: unknown.
  std::uint64_t inode{0};

  /// Whether both are known to be of the same file.
  [[nodiscard]] bool is_same_file(const FileStatus& other) const noexcept {
    return inode != 0 && inode == other.inode && device == other.device;
  }
};

/// The capacity of a disk, in bytes.
struct DiskSpace {
  /// The space that a process without privileges may still use.
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

  /// Writes at the end, in one system call. Returns the number of bytes written: fewer than all of
  /// them if the disk filled up.
  [[nodiscard]] virtual Result<std::size_t> append(std::string_view bytes) = 0;

  /// Cuts the file to a size.
  [[nodiscard]] virtual Result<void> truncate(std::uint64_t size) = 0;

  /// Waits until the content is on the disk (fdatasync). After an error the durability of all that
  /// was written before is unknown; another call would report a false success.
  [[nodiscard]] virtual Result<void> sync() = 0;

  /// Reads up to `count` bytes from an offset; less only where the file ends.
  [[nodiscard]] virtual Result<std::size_t> read_at(std::uint64_t offset, char* out,
                                                    std::size_t count) = 0;

  /// The current size, the number of names, and the identity.
  [[nodiscard]] virtual Result<FileStatus> status() = 0;

  /// Takes the file's one lock (flock) without waiting, until the file is closed; false if another
  /// open file has it. Closing the file in a forked child does not unlock it. SystemFiles closes
  /// locked files in forked children, so that a child does not keep the lock of a dead parent.
  [[nodiscard]] virtual Result<bool> try_lock() = 0;
};

/// Files and folders by their paths. The errors are those of File.
///
/// @par Thread Safety
/// Every member may be called from any thread at the same time.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  /// Opens or creates a file, depending on `purpose`.
  [[nodiscard]] virtual Result<std::unique_ptr<File>> open(const std::string& path,
                                                           OpenFor purpose) = 0;
  /// The status of the file or folder at a path, without opening it; links are followed. The
  /// default opens it for reading, which fails for a folder on some systems.
  [[nodiscard]] virtual Result<FileStatus> status(const std::string& path) {
    const Result<std::unique_ptr<File>> file = open(path, OpenFor::Read);
    if (!file) return file.error();
    return (*file)->status();
  }
  /// Creates a folder that only its owner can use (0700). An existing one is left as it is. Its
  /// parent must exist.
  [[nodiscard]] virtual Result<void> make_folder(const std::string& path) = 0;
  /// The names in a folder, sorted, without "." and "..".
  [[nodiscard]] virtual Result<std::vector<std::string>> list_folder(const std::string& path) = 0;
  /// Waits until the names in a folder are on the disk (fsync).
  [[nodiscard]] virtual Result<void> sync_folder(const std::string& path) = 0;
  /// Renames a file or folder on the same disk.
  [[nodiscard]] virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  /// Removes a file's name; where it is open, it stays usable.
  [[nodiscard]] virtual Result<void> remove_file(const std::string& path) = 0;
  /// Removes an empty folder.
  [[nodiscard]] virtual Result<void> remove_folder(const std::string& path) = 0;
  /// The capacity of the disk of a path that exists.
  [[nodiscard]] virtual Result<DiskSpace> disk_space(const std::string& path) = 0;
};

/// The outside world, replaceable.
///
/// @par Thread Safety
/// Every member may be called from any thread at the same time.
class Platform {
 public:
  virtual ~Platform() = default;

  /// The value of an environment variable; empty optional when it is not set.
  virtual std::optional<std::string> environment(const std::string& name) = 0;

  /// The whole content of a file. Errors: Configuration, `where` is the path; the code is
  /// "NotFound" for a file that does not exist, and "AccessDenied" for one that this user may not
  /// read.
  virtual Result<std::string> read_file(const std::string& path) = 0;

  /// read_file, of a cache of tokens: one that every user of the machine may read or write is an
  /// Error too. A platform that knows no such thing reads it as any other.
  virtual Result<std::string> read_private_file(const std::string& path) { return read_file(path); }

  /// Puts a file that only its owner may read in place of what is at `path`, at once and whole.
  /// Errors: Configuration, `where` is the path; what was there before is then untouched. A
  /// platform that does not override it writes nothing.
  virtual Result<void> replace_file(const std::string& path,
                                    [[maybe_unused]] const std::string& content) {
    return detail::make_error(ErrorKind::Configuration, path, "this Platform writes no files");
  }

  /// The wall clock, for signing dates and event times.
  virtual std::chrono::system_clock::time_point now() = 0;

  /// A clock that never jumps, for timeouts and backoff.
  virtual std::chrono::steady_clock::time_point steady_now() = 0;

  /// The time since the machine was started, suspended time included: CLOCK_BOOTTIME. It survives a
  /// restart of the process, not one of the machine. A platform that does not override it has only
  /// `steady_now`.
  virtual std::chrono::nanoseconds boot_now() { return steady_now().time_since_epoch(); }

  /// Identifies the clock behind `boot_now`: two processes with the same text read the same clock.
  /// It names the boot and the time namespace. Empty: unknown, so that no other process shares it.
  virtual std::string boot_identity() { return {}; }

  /// Waits at least this long.
  virtual void sleep_for(std::chrono::nanoseconds duration) = 0;

  /// Fills `out` with `count` unpredictable bytes.
  virtual void random_bytes(unsigned char* out, std::size_t count) = 0;

  /// Runs a command and returns its standard output. The command and its output are secrets and
  /// appear in no error. Errors: Credentials, when it cannot be started, fails, is killed at
  /// `timeout`, or writes more than 64 KiB.
  virtual Result<std::string> run_process(const std::string& command,
                                          std::chrono::milliseconds timeout) = 0;
};

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
