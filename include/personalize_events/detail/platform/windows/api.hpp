// SPDX-License-Identifier: Apache-2.0
//
// The API of Windows without what clashes with C++: the macros min and max, and the sockets of old,
// which would forbid Winsock 2. The other headers of this folder include it and nothing else of
// Windows.h.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_WINDOWS_API_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_WINDOWS_API_HPP

#if !defined(NOMINMAX)
#define NOMINMAX
#endif
#if !defined(WIN32_LEAN_AND_MEAN)
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>

#endif
