// SPDX-License-Identifier: Apache-2.0
//
// lacks_descriptors of POSIX systems, for platform/shortage.hpp.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_POSIX_SHORTAGE_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_POSIX_SHORTAGE_HPP

#include <fcntl.h>

#include <cerrno>

#include "personalize_events/detail/platform/posix/descriptor.hpp"
#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Whether this process or the system has no more than five file descriptors left. An HTTPS request
/// with a name lookup needs that many, and closes them when it fails, so that one more may be free
/// by the time that this is called. Opens and closes up to six descriptors.
[[nodiscard]] inline bool lacks_descriptors() noexcept {
  Descriptor opened[6] = {Descriptor{-1}, Descriptor{-1}, Descriptor{-1},
                          Descriptor{-1}, Descriptor{-1}, Descriptor{-1}};
  for (Descriptor& descriptor : opened) {
    descriptor.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (descriptor.number() < 0) return errno == EMFILE || errno == ENFILE;
  }
  return false;
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
