// SPDX-License-Identifier: Apache-2.0
//
// run_process: runs the command of a profile's `credential_process` and reads what it prints.
// SystemPlatform uses it. The child gets no open file of ours, and no time but what it was given.
#ifndef PERSONALIZE_EVENTS_PLATFORM_PROCESS_HPP
#define PERSONALIZE_EVENTS_PLATFORM_PROCESS_HPP

#include <algorithm>
#include <chrono>
#include <string>

#include "personalize_events/platform/process_error.hpp"
#include "personalize_events/result.hpp"

#if defined(_WIN32)
#include "personalize_events/platform/windows/process.hpp"
#else
#include "personalize_events/platform/posix/process.hpp"
#endif

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// Runs a command and answers what it wrote to standard output, at most 64 KiB. It runs without a
/// shell (botocore does the same), unless one of `| & ; < > ( ) $ * ? [`, a backquote or a line
/// feed stands outside quotes; then `/bin/sh -c` runs it. On Windows no shell ever runs it.
/// Standard input and error are /dev/null. At `timeout`, counted from the call and at most a day,
/// it is killed with all that it started.
///
/// Errors: Credentials, `where` is "credential_process". The command and its output are secret and
/// appear in none. May be called from any thread.
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

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
