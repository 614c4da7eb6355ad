// SPDX-License-Identifier: Apache-2.0
//
// What run_process says when a command fails, the same words on every system. process.hpp and its
// sides for POSIX and Windows use it.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_PROCESS_ERROR_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_PROCESS_ERROR_HPP

#include <cstddef>
#include <string>
#include <utility>

#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Most bytes that a process may print.
inline constexpr std::size_t kMaxProcessOutput = 65'536;

inline constexpr const char* kCommandIsEmpty = "the command is empty; name a program";
inline constexpr const char* kNoPipe = "no pipe could be made for the command";
inline constexpr const char* kProcessNotStarted =
    "the command could not be started; name its program by its full path";
inline constexpr const char* kProcessTookTooLong =
    "the command took too long and was killed; run it by hand to see what it waits for";
inline constexpr const char* kProcessNeedsTerminal =
    "the command reads from a terminal and was killed; run this program in the foreground, with a "
    "terminal on standard input";
inline constexpr const char* kProcessDidNotEnd =
    "the command closed its output but did not end in time, and was killed";
inline constexpr const char* kProcessWroteTooMuch =
    "the command wrote more than 65536 bytes and was killed; it should print one JSON object";
inline constexpr const char* kWaitingFailed = "waiting for the command failed";
inline constexpr const char* kReadingFailed = "reading from the command failed";
inline constexpr const char* kProcessAdvice = "; see what it wrote to standard error";

/// An error of run_process. `message` holds neither the command nor its output: both are secret.
[[nodiscard]] inline Error process_error(std::string message) {
  return make_error(ErrorKind::Credentials, "credential_process", std::move(message));
}

/// That of a command which ended with a status other than 0.
[[nodiscard]] inline Error failed_process_error(unsigned long status) {
  return process_error("the command failed with exit status " + std::to_string(status) +
                       kProcessAdvice);
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
