// SPDX-License-Identifier: Apache-2.0
//
// process_id of Windows, for platform/process_id.hpp.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_WINDOWS_PROCESS_ID_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_WINDOWS_PROCESS_ID_HPP

#include <process.h>

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// The number of a process.
using ProcessId = int;

/// The number of the calling process.
[[nodiscard]] inline ProcessId process_id() noexcept { return ::_getpid(); }

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
