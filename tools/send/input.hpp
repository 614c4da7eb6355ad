// SPDX-License-Identifier: Apache-2.0
//
// Input: the file that is sent, or standard input, as bytes. Reading fails after Ctrl-C, so that
// nobody takes the place of the interruption for the end, and a part of a row for a row. Its first
// bytes may be looked at before they are read.
#ifndef TOOLS_SEND_INPUT_HPP
#define TOOLS_SEND_INPUT_HPP

#include <personalize_events/personalize_events.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "interrupt.hpp"

namespace tools::send {

namespace pe = personalize_events;

/// The name of standard input.
inline constexpr const char* kStandardInput = "-";
/// Bytes that a file may begin with and that say nothing: blanks, and the byte order mark's.
inline constexpr std::string_view kBlank = " \t\r\n\xEF\xBB\xBF";

/// Whether two paths lead to one file that is there.
[[nodiscard]] inline bool is_same_file(const std::string& one, const std::string& other) {
  struct stat first {};
  struct stat second {};
  return ::stat(one.c_str(), &first) == 0 && ::stat(other.c_str(), &second) == 0 &&
         first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

/// One thread at a time. Errors: Configuration; Cancelled, when the run is interrupted. `where` is
/// the path.
class Input {
 public:
  static constexpr std::size_t kHeadSize = 1U << 16U;

  explicit Input(std::string path) : path_(std::move(path)) {}
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;
  ~Input() {
    if (descriptor_ > STDIN_FILENO) static_cast<void>(::close(descriptor_));
  }

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] bool is_standard_input() const { return path_ == kStandardInput; }
  /// Bytes of a file; 0 of standard input.
  [[nodiscard]] std::uint64_t size() const { return static_cast<std::uint64_t>(status_.st_size); }
  /// When a file was changed, in nanoseconds since 1970.
  [[nodiscard]] std::int64_t changed() const { return changed_at(status_); }
  /// The first bytes: of a file 64 KiB, of standard input up to its first byte that is not blank.
  [[nodiscard]] std::string_view head() const { return head_; }

  [[nodiscard]] pe::Result<void> open() {
    if (is_standard_input()) {
      descriptor_ = STDIN_FILENO;
    } else {
      // O_NONBLOCK: opening a FIFO without a writer would wait for ever.
      descriptor_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
      if (descriptor_ < 0) return failure("cannot be opened");
      if (auto examined = examine(); !examined) return examined;
    }
    return read_head();
  }

  /// Whether the file is not the one that was opened: longer, shorter or written anew.
  [[nodiscard]] bool has_changed() const {
    struct stat now {};
    if (is_standard_input() || ::fstat(descriptor_, &now) != 0) return false;
    return now.st_size != status_.st_size || changed_at(now) != changed();
  }

  /// Goes back to the first byte of a file.
  [[nodiscard]] pe::Result<void> rewind() {
    if (::lseek(descriptor_, 0, SEEK_SET) != 0) return failure("cannot be read twice");
    given_ = head_.size();
    return {};
  }

  /// Up to `size` bytes; 0 at the end.
  [[nodiscard]] pe::Result<std::size_t> read(char* out, std::size_t size) {
    if (given_ == head_.size()) return read_on(out, size);
    const std::size_t count = std::min(size, head_.size() - given_);
    std::memcpy(out, head_.data() + given_, count);
    given_ += count;
    return count;
  }

 private:
  static std::int64_t changed_at(const struct stat& status) {
#if defined(__APPLE__)
    const timespec& time = status.st_mtimespec;
#else
    const timespec& time = status.st_mtim;
#endif
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  }

  pe::Result<void> examine() {
    if (::fstat(descriptor_, &status_) != 0) return failure("cannot be examined");
    if (S_ISREG(status_.st_mode)) return {};
    return refusal(S_ISDIR(status_.st_mode)
                       ? "cannot be read: it is a directory"
                       : "cannot be read twice: it is no file; give it as - on standard input");
  }

  /// Standard input gives what it has: whoever pipes slowly is not waited for longer than needed.
  pe::Result<void> read_head() {
    head_.resize(kHeadSize);
    std::size_t used = 0;
    while (used < head_.size()) {
      const auto got = read_on(head_.data() + used, head_.size() - used);
      if (!got && !is_interrupted()) return got.error();
      if (!got) break;
      used += *got;
      const bool says_something =
          std::string_view(head_).substr(0, used).find_first_not_of(kBlank) != std::string::npos;
      if (*got == 0 || (is_standard_input() && says_something)) break;
    }
    head_.resize(used);
    if (!is_standard_input()) return rewind();
    return {};
  }

  pe::Result<std::size_t> read_on(char* out, std::size_t size) {
    while (!is_interrupted()) {
      if (is_standard_input() && !has_bytes()) continue;
      const ssize_t got = ::read(descriptor_, out, size);
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EINTR && errno != EAGAIN) return failure("cannot be read");
    }
    return pe::detail::make_error(pe::ErrorKind::Cancelled, name(), "the run was interrupted");
  }

  /// Waits a moment for bytes, or the end. A signal between two looks at it is seen at the next.
  [[nodiscard]] bool has_bytes() const {
    constexpr int moment = 100;  // milliseconds
    pollfd waiting{descriptor_, POLLIN, 0};
    return ::poll(&waiting, 1, moment) > 0;
  }

  [[nodiscard]] pe::Error refusal(std::string message) const {
    return pe::detail::make_error(pe::ErrorKind::Configuration, name(), std::move(message));
  }
  [[nodiscard]] std::string name() const { return is_standard_input() ? "standard input" : path_; }
  [[nodiscard]] pe::Error failure(const char* what) const {
    return refusal(std::string(what) + ": " + std::generic_category().message(errno));
  }

  std::string path_;
  int descriptor_{-1};
  struct stat status_ {};
  std::string head_{};
  std::size_t given_{0};  // bytes of the head that were read
};

}  // namespace tools::send

#endif
