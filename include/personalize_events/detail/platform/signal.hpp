// SPDX-License-Identifier: Apache-2.0
//
// SigpipeGuard: keeps SIGPIPE from the caller. The curl transports stand one around every call
// into libcurl that may write to a connection which the other end has closed.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_SIGNAL_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_SIGNAL_HPP

#if defined(_WIN32)
#include "personalize_events/detail/platform/windows/signal.hpp"
#else
#include "personalize_events/detail/platform/posix/signal.hpp"
#endif

#endif
