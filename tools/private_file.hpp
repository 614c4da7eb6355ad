// SPDX-License-Identifier: Apache-2.0
//
// PrivateFile: a file that the program writes events or rows to. Only its owner may read it (0600);
// a symbolic link is not followed, so that a prepared name in a shared folder overwrites no other
// file, and a FIFO or device is refused instead of waited for.
#ifndef TOOLS_PRIVATE_FILE_HPP
#define TOOLS_PRIVATE_FILE_HPP

#include <personalize_events/result.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace tools {

namespace pe = personalize_events;

/// One thread at a time. Errors: Configuration, `where` is the path.
class PrivateFile {
 public:
  PrivateFile() = default;
  PrivateFile(const PrivateFile&) = delete;
  PrivateFile& operator=(const PrivateFile&) = delete;
  PrivateFile(PrivateFile&& other) noexcept
      : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}
  PrivateFile& operator=(PrivateFile&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~PrivateFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  /// Opens the file to append to it; creates it if it is absent.
  [[nodiscard]] pe::Result<void> open(std::string path) {
    path_ = std::move(path);
    constexpr int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    descriptor_ = ::open(path_.c_str(), flags, 0600);
    if (descriptor_ < 0 && errno == ELOOP) return refusal("is a symbolic link; name the file");
    if (descriptor_ < 0 && errno == ENXIO) return refusal("is not a regular file");
    if (descriptor_ < 0) return failure("cannot be written");
    struct stat status {};
    if (::fstat(descriptor_, &status) != 0) return failure("cannot be written");
    if (!S_ISREG(status.st_mode)) return refusal("is not a regular file");
    return {};
  }
  [[nodiscard]] bool is_open() const { return descriptor_ >= 0; }

  /// Bytes in it.
  [[nodiscard]] pe::Result<std::uint64_t> size() const {
    struct stat status {};
    if (::fstat(descriptor_, &status) != 0) return failure("cannot be read");
    return static_cast<std::uint64_t>(status.st_size);
  }

  /// Removes what is behind the first `size` bytes.
  [[nodiscard]] pe::Result<void> truncate(std::uint64_t size) {
    if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) {
      return failure("cannot be truncated");
    }
    return {};
  }

  /// Appends all of `text`.
  [[nodiscard]] pe::Result<void> write(std::string_view text) {
    while (!text.empty()) {
      const ssize_t written = ::write(descriptor_, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return failure("cannot be written");
      text.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
  }

 private:
  [[nodiscard]] pe::Error refusal(std::string message) const {
    return pe::detail::make_error(pe::ErrorKind::Configuration, path_, std::move(message));
  }
  [[nodiscard]] pe::Error failure(const char* what) const {
    return refusal(std::string(what) + ": " + std::generic_category().message(errno));
  }

  std::string path_{};
  int descriptor_{-1};
};

}  // namespace tools

#endif
