// SPDX-License-Identifier: Apache-2.0
//
// process_id: which process this is. What must not be shared with a forked child (connections, a
// spool's lock) remembers it, and so notices on which side of the fork it stands.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_PROCESS_ID_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_PROCESS_ID_HPP

#if defined(_WIN32)
#include "personalize_events/detail/platform/windows/process_id.hpp"
#else
#include "personalize_events/detail/platform/posix/process_id.hpp"
#endif

#endif
