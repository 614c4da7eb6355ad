// SPDX-License-Identifier: Apache-2.0
//
// lacks_descriptors: whether file descriptors ran out. The transports ask it about a failure whose
// cause libcurl does not report.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_SHORTAGE_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_SHORTAGE_HPP

#if defined(_WIN32)
#include "personalize_events/detail/platform/windows/shortage.hpp"
#else
#include "personalize_events/detail/platform/posix/shortage.hpp"
#endif

#endif
