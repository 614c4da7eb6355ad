// SPDX-License-Identifier: Apache-2.0
//
// The unpredictable bytes of POSIX systems, for platform/random.hpp.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_POSIX_RANDOM_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_POSIX_RANDOM_HPP

#include <fcntl.h>
#include <sys/random.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Calls `read_some(out, count)`, which answers as read(2) does, until `count` bytes have come.
/// False when it fails with anything but EINTR, or comes to an end.
template <class ReadSome>
[[nodiscard]] bool read_exactly(ReadSome&& read_some, unsigned char* out, std::size_t count) {
  while (count > 0) {
    const ssize_t got = read_some(out, count);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    out += got;
    count -= static_cast<std::size_t>(got);
  }
  return true;
}

/// Fills `out` by the system call of the kernel; false where there is none.
[[nodiscard]] inline bool fill_random_by_call(unsigned char* out, std::size_t count) {
  const auto read_some = [](unsigned char* at, std::size_t wanted) -> ssize_t {
#if defined(__linux__)
    return ::getrandom(at, wanted, 0);
#else
    const std::size_t most = std::min<std::size_t>(wanted, 256);
    return ::getentropy(at, most) == 0 ? static_cast<ssize_t>(most) : -1;
#endif
  };
  return read_exactly(read_some, out, count);
}

/// Fills `out` from a device such as /dev/urandom; false when it cannot be read.
[[nodiscard]] inline bool fill_random_from_device(const char* path, unsigned char* out,
                                                  std::size_t count) {
  int descriptor = -1;
  do {
    descriptor = ::open(path, O_RDONLY | O_CLOEXEC);
  } while (descriptor < 0 && errno == EINTR);
  if (descriptor < 0) return false;
  const bool filled =
      read_exactly([descriptor](unsigned char* at,
                                std::size_t wanted) { return ::read(descriptor, at, wanted); },
                   out, count);
  // Nothing was written, so a failing close loses nothing.
  static_cast<void>(::close(descriptor));
  return filled;
}

/// Fills `out` by getrandom(2), or from /dev/urandom on a kernel without it (ENOSYS, or a sandbox
/// that forbids the call); false where the system has neither.
[[nodiscard]] inline bool fill_random_by_system(unsigned char* out, std::size_t count) {
  return fill_random_by_call(out, count) || fill_random_from_device("/dev/urandom", out, count);
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
