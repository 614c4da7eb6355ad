// SPDX-License-Identifier: Apache-2.0
//
// SystemFiles of POSIX systems, for platform/system_files.hpp.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_POSIX_SYSTEM_FILES_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_POSIX_SYSTEM_FILES_HPP

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "personalize_events/detail/platform/posix/close_on_fork.hpp"
#include "personalize_events/detail/platform/posix/descriptor.hpp"
#include "personalize_events/detail/platform/posix/process_id.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// An Error for a system call that failed with an errno.
[[nodiscard]] inline Error storage_error(const std::string& path, const char* message, int code) {
  Error error =
      make_error(ErrorKind::Storage, path,
                 std::string{message}.append(": ").append(std::generic_category().message(code)));
  if (code == ENOENT || code == ENOTDIR) error.code = "NotFound";
  if (code == ENOSPC || code == EDQUOT) error.code = "NoSpace";
  if (code == EEXIST) error.code = "Exists";
  return error;
}

/// Calls until no signal interrupts: what `call` answers, -1 with errno set.
template <class Call>
[[nodiscard]] auto uninterrupted(Call&& call) -> decltype(call()) {
  for (;;) {
    const auto answer = call();
    if (answer >= 0 || errno != EINTR) return answer;
  }
}

/// Success, or the errno of a call that answered -1.
[[nodiscard]] inline Result<void> checked(int answer, const std::string& path,
                                          const char* message) {
  if (answer >= 0) return {};
  return storage_error(path, message, errno);
}

[[nodiscard]] inline FileStatus file_status(const struct stat& status) {
  return FileStatus{
      static_cast<std::uint64_t>(status.st_size), static_cast<std::uint64_t>(status.st_nlink),
      static_cast<std::uint64_t>(status.st_dev), static_cast<std::uint64_t>(status.st_ino)};
}

/// A file of this system. While it is locked, a slot of CloseOnFork owns its descriptor.
class SystemFile final : public File {
 public:
  SystemFile(std::string path, int number) : path_(std::move(path)), descriptor_(number) {}
  SystemFile(const SystemFile&) = delete;
  SystemFile& operator=(const SystemFile&) = delete;
  ~SystemFile() override {
    // Frees the lock also from children that have a copy of the descriptor. Only its owner may.
    const bool is_owner = lock_owner_ != 0 && lock_owner_ == process_id();
    if (is_owner) static_cast<void>(::flock(number(), LOCK_UN));
    if (slot_ != nullptr) descriptor_.reset(CloseOnFork::remove(*slot_));
  }

  Result<std::size_t> append(std::string_view bytes) override {
    const ssize_t written =
        uninterrupted([&] { return ::write(number(), bytes.data(), bytes.size()); });
    if (written < 0) return storage_error(path_, "cannot be written", errno);
    return static_cast<std::size_t>(written);
  }

  Result<void> truncate(std::uint64_t size) override {
    if (size > static_cast<std::uint64_t>((std::numeric_limits<off_t>::max)())) {
      return storage_error(path_, "cannot be cut", EFBIG);
    }
    return checked(uninterrupted([&] { return ::ftruncate(number(), static_cast<off_t>(size)); }),
                   path_, "cannot be cut");
  }

  Result<void> sync() override { return checked(sync_data(number()), path_, "cannot be synced"); }

  Result<std::size_t> read_at(std::uint64_t offset, char* out, std::size_t count) override {
    std::size_t used = 0;
    while (used < count) {
      const std::uint64_t at = offset + used;
      if (at > static_cast<std::uint64_t>((std::numeric_limits<off_t>::max)())) break;
      const ssize_t got = uninterrupted(
          [&] { return ::pread(number(), out + used, count - used, static_cast<off_t>(at)); });
      if (got < 0) return storage_error(path_, "cannot be read", errno);
      if (got == 0) break;
      used += static_cast<std::size_t>(got);
    }
    return used;
  }

  Result<FileStatus> status() override {
    struct stat status {};
    if (::fstat(number(), &status) != 0) {
      return storage_error(path_, "cannot be examined", errno);
    }
    return file_status(status);
  }

  Result<bool> try_lock() override {
    // Before the lock is taken: a child that is forked now must not share it.
    if (slot_ == nullptr) {
      slot_ = CloseOnFork::add(descriptor_.number());
      if (slot_ != nullptr) static_cast<void>(descriptor_.release());
    }
    if (uninterrupted([&] { return ::flock(number(), LOCK_EX | LOCK_NB); }) == 0) {
      lock_owner_ = process_id();
      return true;
    }
    if (errno == EWOULDBLOCK) return false;
    return storage_error(path_, "cannot be locked", errno);
  }

 private:
  [[nodiscard]] int number() const noexcept {
    return slot_ != nullptr ? CloseOnFork::number(*slot_) : descriptor_.number();
  }

  [[nodiscard]] static int sync_data(int number) {
    // Not repeated after EINTR: an error of an interrupted sync may have been reported already.
#if defined(__APPLE__)
    return ::fcntl(number, F_FULLFSYNC) == 0 ? 0 : ::fsync(number);
#else
    return ::fdatasync(number);
#endif
  }

  std::string path_;
  Descriptor descriptor_;
  std::atomic<int>* slot_{nullptr};
  /// The process that took the lock; 0: none.
  ProcessId lock_owner_{0};
};

/// The next entry of a folder; null at its end, or with errno set on failure.
#if defined(__GLIBC__) && defined(_LARGEFILE64_SOURCE)
// A program with a 32-bit off_t would not see folders whose disk counts in 64 bits.
[[nodiscard]] inline const dirent64* next_entry(DIR* folder) {
  return ::readdir64(folder);  // NOLINT(concurrency-mt-unsafe): no other thread has this stream
}
#else
[[nodiscard]] inline const dirent* next_entry(DIR* folder) {
  return ::readdir(folder);  // NOLINT(concurrency-mt-unsafe): no other thread has this stream
}
#endif

/// An open folder, closed at the end of its scope.
class OpenFolder {
 public:
  explicit OpenFolder(const std::string& path) : folder_(::opendir(path.c_str())) {}
  OpenFolder(const OpenFolder&) = delete;
  OpenFolder& operator=(const OpenFolder&) = delete;
  ~OpenFolder() {
    // Nothing was written through it.
    if (folder_ != nullptr) static_cast<void>(::closedir(folder_));
  }
  [[nodiscard]] DIR* get() const noexcept { return folder_; }

 private:
  DIR* folder_;
};

/// The files of the machine that the program runs on. It has no state.
class SystemFiles final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, OpenFor purpose) override {
    int flags = O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK;
    if (purpose == OpenFor::Read) flags |= O_RDONLY;
    if (purpose != OpenFor::Read) flags |= O_RDWR | O_APPEND | O_CREAT;
    if (purpose == OpenFor::AppendToNew) flags |= O_EXCL;
    const int number = detail::uninterrupted(
        [&] { return usable(path) ? ::open(path.c_str(), flags, S_IRUSR | S_IWUSR) : -1; });
    if (number < 0) return detail::storage_error(path, "cannot be opened", errno);
    return std::unique_ptr<File>{std::make_unique<detail::SystemFile>(path, number)};
  }

  Result<FileStatus> status(const std::string& path) override {
    struct stat status {};
    if (!usable(path) || ::stat(path.c_str(), &status) != 0) {
      return detail::storage_error(path, "cannot be examined", errno);
    }
    return detail::file_status(status);
  }

  Result<void> make_folder(const std::string& path) override {
    if (usable(path) && ::mkdir(path.c_str(), S_IRWXU) == 0) return {};
    const int code = errno;
    struct stat status {};
    if (code == EEXIST && ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return {};
    return detail::storage_error(path, "cannot be made", code);
  }

  Result<std::vector<std::string>> list_folder(const std::string& path) override {
    if (!usable(path)) return detail::storage_error(path, "cannot be listed", errno);
    const detail::OpenFolder folder{path};
    if (folder.get() == nullptr) return detail::storage_error(path, "cannot be listed", errno);
    std::vector<std::string> names;
    for (;;) {
      errno = 0;
      const auto* entry = detail::next_entry(folder.get());
      if (entry == nullptr) break;
      std::string name{entry->d_name};
      if (name != "." && name != "..") names.push_back(std::move(name));
    }
    if (errno != 0) return detail::storage_error(path, "cannot be listed", errno);
    std::sort(names.begin(), names.end());
    return names;
  }

  Result<void> sync_folder(const std::string& path) override {
    const int number = detail::uninterrupted([&] {
      return usable(path) ? ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    });
    if (number < 0) return detail::storage_error(path, "cannot be synced", errno);
    const detail::Descriptor folder{number};
    return detail::checked(::fsync(number), path, "cannot be synced");
  }

  Result<void> rename(const std::string& from, const std::string& to) override {
    const bool named = usable(from) && usable(to);
    return detail::checked(named ? std::rename(from.c_str(), to.c_str()) : -1, from,
                           "cannot be renamed");
  }

  Result<void> remove_file(const std::string& path) override {
    return detail::checked(usable(path) ? ::unlink(path.c_str()) : -1, path, "cannot be removed");
  }

  Result<void> remove_folder(const std::string& path) override {
    return detail::checked(usable(path) ? ::rmdir(path.c_str()) : -1, path, "cannot be removed");
  }

  Result<DiskSpace> disk_space(const std::string& path) override {
    struct statvfs status {};
    const int answer =
        detail::uninterrupted([&] { return usable(path) ? ::statvfs(path.c_str(), &status) : -1; });
    if (answer < 0) return detail::storage_error(path, "has a disk that cannot be asked", errno);
    const std::uint64_t block = status.f_frsize;
    return DiskSpace{block * status.f_bavail, block * status.f_blocks};
  }

 private:
  /// False, with errno set, for a path that the system would read as another one.
  [[nodiscard]] static bool usable(const std::string& path) {
    if (path.find('\0') == std::string::npos) return true;
    errno = EINVAL;
    return false;
  }
};

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
