// SPDX-License-Identifier: Apache-2.0
//
// The boot-time clock of this machine and its identity. SystemPlatform uses it.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_BOOT_CLOCK_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_BOOT_CLOCK_HPP

#if defined(_WIN32)
#include "personalize_events/detail/platform/windows/boot_clock.hpp"
#else
#include "personalize_events/detail/platform/posix/boot_clock.hpp"
#endif

#endif
