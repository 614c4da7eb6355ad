// SPDX-License-Identifier: Apache-2.0
//
// RunLock: lets one run at a time use a file of --resume, by a lock on a file beside it. The state
// itself cannot be locked, since each save replaces it.
#ifndef TOOLS_SEND_RUN_LOCK_HPP
#define TOOLS_SEND_RUN_LOCK_HPP

#include <personalize_events/result.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace tools::send {

namespace pe = personalize_events;

/// Held for life; the lock file is removed at its end. The kernel releases the lock of a killed
/// run.
class RunLock {
 public:
  RunLock() = default;
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;
  ~RunLock() {
    if (descriptor_ < 0) return;
    ::unlink(path_.c_str());
    ::close(descriptor_);
  }

  /// Errors: Configuration, when another run holds the lock or the file cannot be made.
  [[nodiscard]] pe::Result<void> acquire(const std::string& state_path) {
    path_ = state_path + ".lock";
    const auto failure = [&state_path](std::string message) {
      return pe::detail::make_error(pe::ErrorKind::Configuration, state_path, std::move(message));
    };
    for (;;) {
      const int descriptor =
          ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
      if (descriptor < 0) return failure("cannot be locked: " + text_of(errno));
      if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
        const int error = errno;
        ::close(descriptor);
        if (error == EINTR) continue;
        if (error != EWOULDBLOCK) return failure("cannot be locked: " + text_of(error));
        return failure("is in use by another run; wait for its end");
      }
      // Its holder may have removed the file between the two calls.
      struct stat opened {};
      struct stat named {};
      const bool is_named = ::fstat(descriptor, &opened) == 0 &&
                            ::lstat(path_.c_str(), &named) == 0 && opened.st_ino == named.st_ino &&
                            opened.st_dev == named.st_dev;
      if (is_named) {
        descriptor_ = descriptor;
        return {};
      }
      ::close(descriptor);
    }
  }

 private:
  [[nodiscard]] static std::string text_of(int error) {
    return std::generic_category().message(error);
  }

  std::string path_{};
  int descriptor_{-1};
};

}  // namespace tools::send

#endif
