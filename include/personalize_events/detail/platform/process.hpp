// SPDX-License-Identifier: Apache-2.0
//
// run_process: runs the command of a profile's `credential_process` and reads what it prints.
// SystemPlatform uses it. The child inherits no file but standard error and, at a terminal,
// standard input.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_PROCESS_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_PROCESS_HPP

#include <algorithm>
#include <chrono>
#include <string>

#include "personalize_events/detail/platform/process_error.hpp"
#include "personalize_events/result.hpp"

#if defined(_WIN32)
#include "personalize_events/detail/platform/windows/process.hpp"
#else
#include "personalize_events/detail/platform/posix/process.hpp"
#endif

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Runs a command and returns what it wrote to standard output, at most 64 KiB. It runs without a
/// shell (botocore does the same), unless one of `| & ; < > ( ) $ * ? [`, a backquote or a line
/// feed stands outside quotes; then `/bin/sh -c` runs it. On Windows no shell ever runs it. The
/// output ends when the command ends, even if a process that it started still holds it.
///
/// The command may ask a person. It inherits standard error. If standard input is a terminal (and
/// on POSIX the program is in its foreground), the command inherits that too and stays in the
/// program's process group; otherwise it reads /dev/null (NUL) in a process group of its own.
///
/// At `timeout`, counted from the call and at most a day, the command is killed with all that it
/// started; at a terminal of POSIX, where both share a process group, without what it started, and
/// the terminal's settings are restored.
///
/// Errors: Credentials, `where` is "credential_process". The command, its output and its standard
/// error are secret and appear in none. May be called from any thread.
/// Source: AWS SDKs and Tools Reference Guide, "Process credential provider".
[[nodiscard]] inline Result<std::string> run_process(const std::string& command,
                                                     std::chrono::milliseconds timeout) {
  constexpr std::chrono::milliseconds longest{std::chrono::hours{24}};
  if (command.find('\0') != std::string::npos) {
    return detail::process_error("the command has a zero byte; remove it");
  }
  const auto deadline = std::chrono::steady_clock::now() +
                        std::clamp(timeout, std::chrono::milliseconds::zero(), longest);
  return detail::run_system_process(command, deadline);
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
