// SPDX-License-Identifier: Apache-2.0
//
// process_id of POSIX systems, for platform/process_id.hpp.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_POSIX_PROCESS_ID_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_POSIX_PROCESS_ID_HPP

#include <sys/types.h>
#include <unistd.h>

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// The number of a process.
using ProcessId = pid_t;

/// The number of the calling process. Asked of the system each time, because a copy kept in memory
/// would survive a fork.
[[nodiscard]] inline ProcessId process_id() noexcept { return ::getpid(); }

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
