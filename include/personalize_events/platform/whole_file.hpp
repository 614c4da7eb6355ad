// SPDX-License-Identifier: Apache-2.0
//
// Files that are read or replaced whole: profile files, tokens and token caches. SystemPlatform
// uses it. A file is replaced by a rename, so that no reader ever sees a half of it.
#ifndef PERSONALIZE_EVENTS_PLATFORM_WHOLE_FILE_HPP
#define PERSONALIZE_EVENTS_PLATFORM_WHOLE_FILE_HPP

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "personalize_events/detail/hex.hpp"
#include "personalize_events/platform/descriptor.hpp"
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

/// read_whole_file, of a file that holds secrets: one that everybody on the machine may read or
/// write is refused. Errors: those of read_whole_file.
[[nodiscard]] inline Result<std::string> read_private_file(const std::string& path) {
  struct stat status {};
  const bool is_open_to_all = !path.empty() && ::stat(path.c_str(), &status) == 0 &&
                              S_ISREG(status.st_mode) &&
                              (status.st_mode & (S_IROTH | S_IWOTH)) != 0;
  if (is_open_to_all) {
    return file_error(path,
                      "holds secrets and is open to every user of this machine; make it yours "
                      "alone with chmod 600");
  }
  return read_whole_file(path);
}

/// Writes all of `content`; false with errno set.
[[nodiscard]] inline bool write_all(int descriptor, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(descriptor, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

/// Puts a file of the owner's alone (0600) in place of what is at `path`, or where nothing is: it
/// is written beside it, synced and renamed. Errors: Configuration, `where` is the path; what was
/// there before is then untouched.
[[nodiscard]] inline Result<void> replace_whole_file(const std::string& path,
                                                     std::string_view content) {
  if (path.empty()) return file_error(path, "the path is empty");
  if (path.find('\0') != std::string::npos) {
    return file_error("file path", "the path has a zero byte; remove it");
  }
  std::array<unsigned char, 8> random{};
  fill_random(random.data(), random.size());
  const std::string beside = path + "." + to_hex(random.data(), random.size()) + ".tmp";
  int number = -1;
  do {
    number = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY,
                    S_IRUSR | S_IWUSR);
  } while (number < 0 && errno == EINTR);
  if (number < 0) return file_error(path, "cannot be replaced", errno);

  const Descriptor descriptor{number};
  const bool replaced = write_all(number, content) && ::fsync(number) == 0 &&
                        std::rename(beside.c_str(), path.c_str()) == 0;
  if (replaced) return {};
  const int code = errno;
  // The first failure is the one to tell; a leftover beside the file harms nobody.
  static_cast<void>(::unlink(beside.c_str()));
  return file_error(path, "cannot be replaced", code);
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
