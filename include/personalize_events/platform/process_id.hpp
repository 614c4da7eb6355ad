// SPDX-License-Identifier: Apache-2.0
//
// process_id: which process this is. What must not be shared with a forked child (connections, a
// spool's lock) remembers it, and so notices on which side of the fork it stands.
#ifndef PERSONALIZE_EVENTS_PLATFORM_PROCESS_ID_HPP
#define PERSONALIZE_EVENTS_PLATFORM_PROCESS_ID_HPP

#include <sys/types.h>
#include <unistd.h>

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// The number of the calling process. Asked of the system each time, because a copy kept in memory
/// would survive a fork.
[[nodiscard]] inline pid_t process_id() noexcept { return ::getpid(); }

}  // namespace detail
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
