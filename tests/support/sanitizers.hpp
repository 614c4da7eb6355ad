// SPDX-License-Identifier: Apache-2.0
//
// Which sanitizer this program is built with, for tests of what a sanitizer slows down or replaces.
#ifndef PERSONALIZE_EVENTS_TESTS_SUPPORT_SANITIZERS_HPP
#define PERSONALIZE_EVENTS_TESTS_SUPPORT_SANITIZERS_HPP

#include <chrono>

namespace test {

#if defined(__has_feature)
inline constexpr bool kHasThreadSanitizer = __has_feature(thread_sanitizer);
inline constexpr bool kHasAddressSanitizer = __has_feature(address_sanitizer);
#else
#if defined(__SANITIZE_THREAD__)
inline constexpr bool kHasThreadSanitizer = true;
#else
inline constexpr bool kHasThreadSanitizer = false;
#endif
#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kHasAddressSanitizer = true;
#else
inline constexpr bool kHasAddressSanitizer = false;
#endif
#endif

/// Whether one slows this program down, and changes its memory.
inline constexpr bool kIsSanitized = kHasThreadSanitizer || kHasAddressSanitizer;

/// How much later than its deadline a call may return.
inline constexpr std::chrono::milliseconds kSlack{kIsSanitized ? 1000 : 100};

/// Whether a forked child of a program with threads may start some, too, and use memory. A
/// sanitizer keeps locks of its own, which one of the parent's threads may hold at the fork for
/// ever.
inline constexpr bool kChildMayGoOn = !kIsSanitized;

}  // namespace test

#endif
