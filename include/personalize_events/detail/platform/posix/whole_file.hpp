// SPDX-License-Identifier: Apache-2.0
//
// Whole files of POSIX systems, for platform/whole_file.hpp.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_POSIX_WHOLE_FILE_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_POSIX_WHOLE_FILE_HPP

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <system_error>

#include "personalize_events/detail/platform/file_error.hpp"
#include "personalize_events/detail/platform/posix/descriptor.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// An Error for a failed system call; the code is "NotFound" when there is no such file, and
/// "AccessDenied" when this user may not read it.
[[nodiscard]] inline Error file_error(const std::string& path, const char* message, int code) {
  Error error = file_error(
      path, std::string{message}.append(": ").append(std::generic_category().message(code)));
  if (code == ENOENT || code == ENOTDIR) error.code = "NotFound";
  if (code == EACCES) error.code = "AccessDenied";
  return error;
}

/// Whether this is /dev/null, with which people switch a file off.
[[nodiscard]] inline bool is_null_device(const struct stat& status) {
  struct stat null_device {};
  return S_ISCHR(status.st_mode) && ::stat("/dev/null", &null_device) == 0 &&
         status.st_rdev == null_device.st_rdev;
}

/// The content of a regular file; /dev/null reads as empty. Errors as of read_whole_file.
[[nodiscard]] inline Result<std::string> read_system_file(const std::string& path) {
  int number = -1;
  do {
    // O_NONBLOCK: opening a FIFO without a writer would wait for ever.
    number = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  } while (number < 0 && errno == EINTR);
  if (number < 0) return file_error(path, kCannotBeOpened, errno);
  const Descriptor descriptor{number};

  struct stat status {};
  if (::fstat(number, &status) != 0) return file_error(path, kCannotBeExamined, errno);
  if (S_ISDIR(status.st_mode)) return file_error(path, kIsDirectory);
  if (is_null_device(status)) return std::string{};
  if (!S_ISREG(status.st_mode)) return file_error(path, kIsNoRegularFile);

  // One byte more than promised, so that the usual file comes without growing, which would leave
  // copies of a secret behind. Its length is still asked of read: files of /proc promise none.
  const std::size_t promised = status.st_size > 0 ? static_cast<std::size_t>(status.st_size) : 0;
  std::string content(std::clamp<std::size_t>(promised + 1, 4096, kMaxFileSize + 1), '\0');
  std::size_t used = 0;
  for (;;) {
    const ssize_t got = ::read(number, content.data() + used, content.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return file_error(path, kCannotBeRead, errno);
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
    if (used > kMaxFileSize) return file_error(path, kIsTooLarge);
    if (used == content.size()) content.resize((std::min)(2 * used, kMaxFileSize + 1));
  }
  content.resize(used);
  return content;
}

/// Whether every user of the machine may read or write a file.
[[nodiscard]] inline bool is_open_to_all(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         (status.st_mode & (S_IROTH | S_IWOTH)) != 0;
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

/// Writes a file of the owner's alone (0600) at `beside`, syncs it and puts it in place of what is
/// at `path`. Errors as of replace_whole_file.
[[nodiscard]] inline Result<void> replace_system_file(const std::string& path,
                                                      const std::string& beside,
                                                      std::string_view content) {
  int number = -1;
  do {
    number = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY,
                    S_IRUSR | S_IWUSR);
  } while (number < 0 && errno == EINTR);
  if (number < 0) return file_error(path, kCannotBeReplaced, errno);

  const Descriptor descriptor{number};
  const bool replaced = write_all(number, content) && ::fsync(number) == 0 &&
                        std::rename(beside.c_str(), path.c_str()) == 0;
  if (replaced) return {};
  const int code = errno;
  // The first failure is the one to tell; a leftover beside the file harms nobody.
  static_cast<void>(::unlink(beside.c_str()));
  return file_error(path, kCannotBeReplaced, code);
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
