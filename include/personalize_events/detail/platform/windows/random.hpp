// SPDX-License-Identifier: Apache-2.0
//
// The unpredictable bytes of Windows, for platform/random.hpp.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_WINDOWS_RANDOM_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_WINDOWS_RANDOM_HPP

#include <algorithm>
#include <cstddef>

#include "personalize_events/detail/platform/windows/api.hpp"
#include "personalize_events/version.hpp"

// After Windows.h, whose types it uses without including them.
#include <bcrypt.h>

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Fills `out` by the generator that the system prefers; false when it fails.
[[nodiscard]] inline bool fill_random_by_system(unsigned char* out, std::size_t count) {
  while (count > 0) {
    const ULONG some = static_cast<ULONG>(std::min<std::size_t>(count, 1U << 20U));
    if (::BCryptGenRandom(nullptr, out, some, BCRYPT_USE_SYSTEM_PREFERRED_RNG) < 0) return false;
    out += some;
    count -= some;
  }
  return true;
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
