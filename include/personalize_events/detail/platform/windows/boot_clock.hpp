// SPDX-License-Identifier: Apache-2.0
//
// The boot-time clock of Windows, for platform/boot_clock.hpp.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_WINDOWS_BOOT_CLOCK_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_WINDOWS_BOOT_CLOCK_HPP

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "personalize_events/detail/platform/windows/api.hpp"
#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// The time since the machine was started, with the time of sleep and hibernation.
[[nodiscard]] inline std::optional<std::chrono::nanoseconds> boot_time() {
  return std::chrono::milliseconds{static_cast<std::int64_t>(::GetTickCount64())};
}

/// Unknown: Windows names no boot.
[[nodiscard]] inline std::string read_boot_identity() { return {}; }

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
