// SPDX-License-Identifier: Apache-2.0
//
// TempFile: room on the disk for what would not fit into memory, in TMPDIR. The file has no name,
// so nothing is left behind however the program ends. external_sort.hpp uses it.
#ifndef TOOLS_SEND_TEMP_FILE_HPP
#define TOOLS_SEND_TEMP_FILE_HPP

#include <personalize_events/personalize_events.hpp>

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <system_error>
#include <utility>

namespace tools::send {

namespace pe = personalize_events;

/// The folder for temporary files.
[[nodiscard]] inline std::string temp_folder() {
  const char* folder = std::getenv("TMPDIR");
  return folder != nullptr && *folder != '\0' ? folder : "/tmp";
}

/// Bytes that are appended and read back. Errors: Storage, `where` is "TMPDIR".
class TempFile {
 public:
  TempFile() = default;
  TempFile(TempFile&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)), size_(std::exchange(other.size_, 0)) {}
  TempFile& operator=(TempFile&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~TempFile() {
    if (descriptor_ >= 0) static_cast<void>(::close(descriptor_));
  }

  /// Bytes in it.
  [[nodiscard]] std::uint64_t size() const { return size_; }

  /// Writes behind what is there; the first call makes the file.
  [[nodiscard]] pe::Result<void> append(const void* bytes, std::size_t count) {
    if (descriptor_ < 0) {
      if (auto opened = open(); !opened) return opened;
    }
    const char* from = static_cast<const char*>(bytes);
    while (count > 0) {
      const ssize_t put = ::pwrite(descriptor_, from, count, static_cast<off_t>(size_));
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0) return failure("cannot be written");
      from += put;
      count -= static_cast<std::size_t>(put);
      size_ += static_cast<std::uint64_t>(put);
    }
    return {};
  }

  /// Reads bytes that were written.
  [[nodiscard]] pe::Result<void> read_at(std::uint64_t place, void* bytes,
                                         std::size_t count) const {
    char* to = static_cast<char*>(bytes);
    while (count > 0) {
      const ssize_t got = ::pread(descriptor_, to, count, static_cast<off_t>(place));
      if (got < 0 && errno == EINTR) continue;
      if (got == 0) errno = EIO;  // it was written, so it must be there
      if (got <= 0) return failure("cannot be read");
      to += got;
      count -= static_cast<std::size_t>(got);
      place += static_cast<std::uint64_t>(got);
    }
    return {};
  }

  /// Gives the room back.
  [[nodiscard]] pe::Result<void> clear() {
    size_ = 0;
    if (descriptor_ >= 0 && ::ftruncate(descriptor_, 0) != 0) return failure("cannot be emptied");
    return {};
  }

 private:
  pe::Result<void> open() {
    std::string path = temp_folder() + "/personalize-events.XXXXXX";
    descriptor_ = ::mkostemp(path.data(), O_CLOEXEC);
    if (descriptor_ < 0) return failure("cannot be made");
    if (::unlink(path.c_str()) != 0) return failure("cannot be unlinked");
    return {};
  }

  [[nodiscard]] static pe::Error failure(const char* what) {
    return pe::detail::make_error(
        pe::ErrorKind::Storage, "TMPDIR",
        temp_folder() + ": a temporary file " + what + ": " +
            std::generic_category().message(errno) +
            "; set TMPDIR to a folder that can be written and has more room");
  }

  int descriptor_{-1};
  std::uint64_t size_{0};
};

}  // namespace tools::send

#endif
