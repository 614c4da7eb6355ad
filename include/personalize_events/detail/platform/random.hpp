// SPDX-License-Identifier: Apache-2.0
//
// fill_random: unpredictable bytes from the operating system, for event ids and retry jitter.
// SystemPlatform uses it; everything else asks its Platform.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_RANDOM_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_RANDOM_HPP

#include <cstddef>

#include "personalize_events/result.hpp"

#if defined(_WIN32)
#include "personalize_events/detail/platform/windows/random.hpp"
#else
#include "personalize_events/detail/platform/posix/random.hpp"
#endif

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Fills `out` with `count` unpredictable bytes of the system's. May be called from any thread.
///
/// A system that has none to give breaks the one precondition of every id made here: the program
/// ends at once, because predictable ids would make the service drop good events as repeated.
inline void fill_random(unsigned char* out, std::size_t count) {
  if (!detail::fill_random_by_system(out, count)) detail::precondition_violated();
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
