// SPDX-License-Identifier: Apache-2.0
//
// The boot-time clock of POSIX systems, for platform/boot_clock.hpp.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_POSIX_BOOT_CLOCK_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_POSIX_BOOT_CLOCK_HPP

#include <time.h>
#include <unistd.h>

#if defined(__APPLE__)
#include <sys/sysctl.h>
#endif

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "personalize_events/detail/platform/posix/whole_file.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// The clock that counts suspended time. On Darwin CLOCK_MONOTONIC does.
#if defined(__linux__)
inline constexpr clockid_t kBootClock = CLOCK_BOOTTIME;
#else
inline constexpr clockid_t kBootClock = CLOCK_MONOTONIC;
#endif

/// The time since the machine was started; empty if the system has no such clock.
[[nodiscard]] inline std::optional<std::chrono::nanoseconds> boot_time() {
  struct timespec now {};
  if (::clock_gettime(kBootClock, &now) != 0) return std::nullopt;
  return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
}

#if defined(__linux__)

/// The target of a symbolic link of /proc; empty, with errno set, if it cannot be read.
[[nodiscard]] inline std::optional<std::string> proc_link(const char* path) {
  std::array<char, 128> target{};
  const ssize_t length = ::readlink(path, target.data(), target.size());
  if (length < 0) return std::nullopt;
  return std::string{target.data(), static_cast<std::size_t>(length)};
}

/// The seconds and nanoseconds of the boot-time clock in the text of /proc/self/timens_offsets, as
/// they are written there; empty if there are none.
[[nodiscard]] inline std::string boot_offset_in(std::string_view text) {
  constexpr std::string_view blanks = " \t";
  constexpr std::string_view name = "boottime";
  const std::size_t line = text.find(name);
  if (line == std::string_view::npos) return {};
  text = text.substr(line + name.size());
  text = text.substr(0, text.find('\n'));
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  text = text.substr(first);
  const std::size_t end = text.find_first_of(blanks);
  if (end == std::string_view::npos) return {};
  const std::size_t second = text.find_first_not_of(blanks, end);
  if (second == std::string_view::npos) return {};
  return std::string{text.substr(0, end)}.append(".").append(text.substr(second));
}

/// The offset of this process's time namespace from the machine's boot-time clock; empty: unknown.
[[nodiscard]] inline std::string boot_offset() {
  // The inode of the first namespace is part of the kernel's interface (PROC_TIME_INIT_INO).
  constexpr const char* first_namespace = "time:[4026531834]";
  constexpr const char* no_offset = "0.0";
  const std::optional<std::string> own = proc_link("/proc/self/ns/time");
  if (!own) {
    // Linux before 5.6 has no time namespaces; but without a usable /proc nothing is known.
    return errno == ENOENT && proc_link("/proc/self/ns/pid") ? no_offset : std::string{};
  }
  if (*own == first_namespace) return no_offset;
  // The file has the offsets of the namespace that children get.
  if (proc_link("/proc/self/ns/time_for_children") != own) return {};
  const Result<std::string> offsets = read_system_file("/proc/self/timens_offsets");
  return offsets ? boot_offset_in(*offsets) : std::string{};
}

/// Identifies the clock of `boot_time`: the boot, and the offset of the time namespace. Containers
/// share the boot id, but each may have a boot-time clock of its own. Empty: unknown.
[[nodiscard]] inline std::string read_boot_identity() {
  const Result<std::string> boot_id = read_system_file("/proc/sys/kernel/random/boot_id");
  const std::string offset = boot_offset();
  if (!boot_id || offset.empty() || !boot_time()) return {};
  const std::size_t length = boot_id->find_last_not_of(" \n") + 1;
  if (length == 0) return {};
  return boot_id->substr(0, length).append("+").append(offset);
}

#elif defined(__APPLE__)

/// Identifies the clock of `boot_time`; empty: unknown.
[[nodiscard]] inline std::string read_boot_identity() {
  std::array<char, 64> text{};
  std::size_t size = text.size() - 1;
  if (::sysctlbyname("kern.bootsessionuuid", text.data(), &size, nullptr, 0) != 0) return {};
  return text.data();
}

#else

/// Unknown: these systems name no boot.
[[nodiscard]] inline std::string read_boot_identity() { return {}; }

#endif

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
