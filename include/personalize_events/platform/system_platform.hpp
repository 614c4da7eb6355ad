// SPDX-License-Identifier: Apache-2.0
//
// SystemPlatform: the Platform of the machine that the program runs on (POSIX). make_client takes
// it when ClientOptions::platform is empty.
#ifndef PERSONALIZE_EVENTS_PLATFORM_SYSTEM_PLATFORM_HPP
#define PERSONALIZE_EVENTS_PLATFORM_SYSTEM_PLATFORM_HPP

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "personalize_events/platform/platform.hpp"
#include "personalize_events/platform/process.hpp"
#include "personalize_events/platform/random.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

namespace detail {

/// Most bytes of a file that is read whole: profile files, tokens and token caches are far smaller.
inline constexpr std::size_t kMaxFileSize = 1'048'576;

[[nodiscard]] inline Error file_error(const std::string& path, std::string message) {
  return make_error(ErrorKind::Configuration, path, std::move(message));
}

/// An Error for a failed system call; the code is "NotFound" when there is no such file.
[[nodiscard]] inline Error file_error(const std::string& path, const char* message, int code) {
  Error error = file_error(
      path, std::string{message}.append(": ").append(std::generic_category().message(code)));
  if (code == ENOENT || code == ENOTDIR) error.code = "NotFound";
  return error;
}

/// Whether this is /dev/null, with which people switch a file off.
[[nodiscard]] inline bool is_null_device(const struct stat& status) {
  struct stat null_device {};
  return S_ISCHR(status.st_mode) && ::stat("/dev/null", &null_device) == 0 &&
         status.st_rdev == null_device.st_rdev;
}

/// The whole content of a regular file of at most 1 MiB; /dev/null reads as empty. Errors:
/// Configuration, `where` is the path, the code "NotFound" when it does not exist.
[[nodiscard]] inline Result<std::string> read_whole_file(const std::string& path) {
  if (path.empty()) return file_error(path, "the path is empty");
  if (path.find('\0') != std::string::npos) {
    return file_error("file path", "the path has a zero byte; remove it");
  }
  int number = -1;
  do {
    // O_NONBLOCK: opening a FIFO without a writer would wait for ever.
    number = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  } while (number < 0 && errno == EINTR);
  if (number < 0) return file_error(path, "cannot be opened", errno);
  const Descriptor descriptor{number};

  struct stat status {};
  if (::fstat(number, &status) != 0) return file_error(path, "cannot be examined", errno);
  if (S_ISDIR(status.st_mode)) return file_error(path, "is a directory; name a file");
  if (is_null_device(status)) return std::string{};
  if (!S_ISREG(status.st_mode)) {
    return file_error(path, "is a pipe or a device; name a regular file");
  }

  // One byte more than promised, so that the usual file comes without growing, which would leave
  // copies of a secret behind. Its length is still asked of read: files of /proc promise none.
  const std::size_t promised = status.st_size > 0 ? static_cast<std::size_t>(status.st_size) : 0;
  std::string content(std::clamp<std::size_t>(promised + 1, 4096, kMaxFileSize + 1), '\0');
  std::size_t used = 0;
  for (;;) {
    const ssize_t got = ::read(number, content.data() + used, content.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return file_error(path, "cannot be read", errno);
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
    if (used > kMaxFileSize) return file_error(path, "is larger than 1 MiB; name the right file");
    if (used == content.size()) content.resize(std::min(2 * used, kMaxFileSize + 1));
  }
  content.resize(used);
  return content;
}

}  // namespace detail

/// The machine that the program runs on.
///
/// @par Thread Safety
/// Every member may be called from any thread; `environment` not while another thread changes the
/// environment (setenv), as with std::getenv.
class SystemPlatform final : public Platform {
 public:
  std::optional<std::string> environment(const std::string& name) override {
    const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): documented
    if (value == nullptr) return std::nullopt;
    return std::string{value};
  }

  /// A regular file of at most 1 MiB; /dev/null reads as empty, so that it can stand for no file.
  Result<std::string> read_file(const std::string& path) override {
    return detail::read_whole_file(path);
  }

  std::chrono::system_clock::time_point now() override { return std::chrono::system_clock::now(); }
  std::chrono::steady_clock::time_point steady_now() override {
    return std::chrono::steady_clock::now();
  }
  void sleep_for(std::chrono::nanoseconds duration) override {
    std::this_thread::sleep_for(duration);
  }
  void random_bytes(unsigned char* out, std::size_t count) override { fill_random(out, count); }

  Result<std::string> run_process(const std::string& command,
                                  std::chrono::milliseconds timeout) override {
    return personalize_events::run_process(command, timeout);
  }
};

/// A SystemPlatform. It has no state, so each call makes a new one.
[[nodiscard]] inline std::shared_ptr<Platform> system_platform() {
  return std::make_shared<SystemPlatform>();
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
