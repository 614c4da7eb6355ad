// SPDX-License-Identifier: Apache-2.0
//
// lacks_descriptors of Windows, for platform/shortage.hpp.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_WINDOWS_SHORTAGE_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_WINDOWS_SHORTAGE_HPP

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Always false: Windows has no limit of handles that a program meets before its memory ends.
[[nodiscard]] inline bool lacks_descriptors() noexcept { return false; }

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
