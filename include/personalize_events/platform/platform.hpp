// SPDX-License-Identifier: Apache-2.0
//
// Platform: the outside world as an interface. All that is not pure and not HTTP (environment,
// files, clocks, randomness, child processes) goes through it, so that the library's decisions run
// in tests on testing::VirtualPlatform. system_platform.hpp has the real one, the default.
#ifndef PERSONALIZE_EVENTS_PLATFORM_PLATFORM_HPP
#define PERSONALIZE_EVENTS_PLATFORM_PLATFORM_HPP

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// The outside world, replaceable.
///
/// @par Thread Safety
/// Every member may be called from any thread at the same time.
class Platform {
 public:
  virtual ~Platform() = default;

  /// The value of an environment variable; empty optional when it is not set.
  virtual std::optional<std::string> environment(const std::string& name) = 0;

  /// The whole content of a file. Errors: Configuration, `where` is the path; the code is
  /// "NotFound" for a file that does not exist, and "AccessDenied" for one that this user may not
  /// read.
  virtual Result<std::string> read_file(const std::string& path) = 0;

  /// read_file, of a cache of tokens: one that every user of the machine may read or write is an
  /// Error too. A platform that knows no such thing reads it as any other.
  virtual Result<std::string> read_private_file(const std::string& path) { return read_file(path); }

  /// Puts a file that only its owner may read in place of what is at `path`, at once and whole.
  /// Errors: Configuration, `where` is the path; what was there before is then untouched. A
  /// platform that does not override it writes nothing.
  virtual Result<void> replace_file(const std::string& path,
                                    [[maybe_unused]] const std::string& content) {
    return detail::make_error(ErrorKind::Configuration, path, "this Platform writes no files");
  }

  /// The wall clock, for signing dates and event times.
  virtual std::chrono::system_clock::time_point now() = 0;

  /// A clock that never jumps, for timeouts and backoff.
  virtual std::chrono::steady_clock::time_point steady_now() = 0;

  /// The time since the machine was started, suspended time included: CLOCK_BOOTTIME. It survives a
  /// restart of the process, not one of the machine. A platform that does not override it has only
  /// `steady_now`.
  virtual std::chrono::nanoseconds boot_now() { return steady_now().time_since_epoch(); }

  /// Identifies the clock behind `boot_now`: two processes with the same text read the same clock.
  /// It names the boot and the time namespace. Empty: unknown, so that no other process shares it.
  virtual std::string boot_identity() { return {}; }

  /// Waits at least this long.
  virtual void sleep_for(std::chrono::nanoseconds duration) = 0;

  /// Fills `out` with `count` unpredictable bytes.
  virtual void random_bytes(unsigned char* out, std::size_t count) = 0;

  /// Runs a command and answers its standard output. The command and its output are secrets and
  /// appear in no error. Errors: Credentials, when it cannot be started, fails, is killed at
  /// `timeout`, or writes more than 64 KiB.
  virtual Result<std::string> run_process(const std::string& command,
                                          std::chrono::milliseconds timeout) = 0;
};

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
