// SPDX-License-Identifier: Apache-2.0
//
// Child processes of Windows, for platform/process.hpp. No shell reads the command. The child
// inherits standard error, and no other handle but a console on standard input.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_WINDOWS_PROCESS_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_WINDOWS_PROCESS_HPP

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "personalize_events/detail/platform/process_error.hpp"
#include "personalize_events/detail/platform/windows/api.hpp"
#include "personalize_events/detail/platform/windows/handle.hpp"
#include "personalize_events/detail/platform/windows/text.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// An error of run_process for a failed call of the system's.
[[nodiscard]] inline Error process_error(const char* message, DWORD code) {
  return process_error(described(message, code));
}

/// Lets the children that are started with it inherit these handles and no others.
class InheritedHandles {
 public:
  explicit InheritedHandles(std::vector<HANDLE> handles) : handles_(std::move(handles)) {
    SIZE_T size = 0;
    // Answers the size, and an error because it was given no room.
    static_cast<void>(::InitializeProcThreadAttributeList(nullptr, 1, 0, &size));
    room_.resize(size);
    auto* list = reinterpret_cast<LPPROC_THREAD_ATTRIBUTE_LIST>(room_.data());
    if (size == 0 || ::InitializeProcThreadAttributeList(list, 1, 0, &size) == 0) return;
    list_ = list;
    is_complete_ =
        ::UpdateProcThreadAttribute(list_, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, handles_.data(),
                                    handles_.size() * sizeof(HANDLE), nullptr, nullptr) != 0;
  }
  InheritedHandles(const InheritedHandles&) = delete;
  InheritedHandles& operator=(const InheritedHandles&) = delete;
  ~InheritedHandles() {
    if (list_ != nullptr) ::DeleteProcThreadAttributeList(list_);
  }

  /// Null, with the last error set, when it could not be made.
  [[nodiscard]] LPPROC_THREAD_ATTRIBUTE_LIST get() const noexcept {
    return is_complete_ ? list_ : nullptr;
  }

 private:
  std::vector<HANDLE> handles_;
  std::vector<unsigned char> room_{};
  LPPROC_THREAD_ATTRIBUTE_LIST list_{nullptr};
  bool is_complete_{false};
};

/// A child, and the job that holds it with all that it starts.
struct ChildProcess {
  Handle process{};
  Handle job{};
};

/// Whether a standard handle of ours is a console, at which a person reads or types.
[[nodiscard]] inline bool is_console(DWORD which) {
  DWORD mode = 0;
  return ::GetConsoleMode(::GetStdHandle(which), &mode) != 0;
}

/// NUL, for a child to inherit.
[[nodiscard]] inline Handle inheritable_null() {
  SECURITY_ATTRIBUTES inherited{sizeof(SECURITY_ATTRIBUTES), nullptr, TRUE};
  return Handle{::CreateFileW(L"NUL", GENERIC_READ | GENERIC_WRITE,
                              FILE_SHARE_READ | FILE_SHARE_WRITE, &inherited, OPEN_EXISTING,
                              FILE_ATTRIBUTE_NORMAL, nullptr)};
}

/// A copy of a standard handle of ours, for a child to inherit; NUL in a program that has none.
[[nodiscard]] inline Handle inheritable_copy(DWORD which) {
  const HANDLE ours = ::GetStdHandle(which);
  HANDLE copy = nullptr;
  if (ours == nullptr || ours == INVALID_HANDLE_VALUE ||
      ::DuplicateHandle(::GetCurrentProcess(), ours, ::GetCurrentProcess(), &copy, 0, TRUE,
                        DUPLICATE_SAME_ACCESS) == 0) {
    return inheritable_null();
  }
  return Handle{copy};
}

/// Starts a command with standard output at `output`, our standard error, and a console of ours as
/// standard input, NUL otherwise. Errors: Credentials.
[[nodiscard]] inline Result<ChildProcess> start_child(std::wstring command, const Handle& output) {
  const bool has_input = is_console(STD_INPUT_HANDLE);
  const Handle input = has_input ? inheritable_copy(STD_INPUT_HANDLE) : inheritable_null();
  if (!input.is_open()) return process_error(kProcessNotStarted, ::GetLastError());
  const Handle error = inheritable_copy(STD_ERROR_HANDLE);
  if (!error.is_open()) return process_error(kProcessNotStarted, ::GetLastError());
  const InheritedHandles handles{{input.get(), output.get(), error.get()}};
  if (handles.get() == nullptr) return process_error(kProcessNotStarted, ::GetLastError());
  Handle job{::CreateJobObjectW(nullptr, nullptr)};
  if (!job.is_open()) return process_error(kProcessNotStarted, ::GetLastError());

  STARTUPINFOEXW start{};
  start.StartupInfo.cb = sizeof start;
  start.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
  start.StartupInfo.hStdInput = input.get();
  start.StartupInfo.hStdOutput = output.get();
  start.StartupInfo.hStdError = error.get();
  start.lpAttributeList = handles.get();
  // A child that asks shares our console. For any other a new console window would open.
  const DWORD console = has_input || is_console(STD_ERROR_HANDLE) ? 0 : CREATE_NO_WINDOW;
  PROCESS_INFORMATION made{};
  // Suspended, so that it starts nothing before it is in the job.
  if (::CreateProcessW(nullptr, command.data(), nullptr, nullptr, TRUE,
                       CREATE_SUSPENDED | EXTENDED_STARTUPINFO_PRESENT | console, nullptr, nullptr,
                       &start.StartupInfo, &made) == 0) {
    return process_error(kProcessNotStarted, ::GetLastError());
  }
  Handle process{made.hProcess};
  const Handle thread{made.hThread};
  if (::AssignProcessToJobObject(job.get(), process.get()) == 0 ||
      ::ResumeThread(thread.get()) == static_cast<DWORD>(-1)) {
    const DWORD code = ::GetLastError();
    // It never ran; what is left is to let it go.
    static_cast<void>(::TerminateProcess(process.get(), 1));
    return process_error(kProcessNotStarted, code);
  }
  return ChildProcess{std::move(process), std::move(job)};
}

/// Milliseconds from now to `deadline`, at least 0 and at most a minute.
[[nodiscard]] inline DWORD wait_time(std::chrono::steady_clock::time_point deadline) {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return static_cast<DWORD>(std::clamp<std::chrono::milliseconds::rep>(left.count(), 0, 60'000));
}

/// Waits for the end of a child for at most this many milliseconds. Returns whether it has ended.
[[nodiscard]] inline Result<bool> wait_for_end(const Handle& process, DWORD longest) {
  const DWORD ended = ::WaitForSingleObject(process.get(), longest);
  if (ended == WAIT_OBJECT_0) return true;
  if (ended == WAIT_TIMEOUT) return false;
  return process_error(kWaitingFailed, ::GetLastError());
}

/// Reads until the other end is closed, or `process` has ended: what it started may hold the other
/// end for long.
[[nodiscard]] inline Result<std::string> read_output(
    const Handle& reader, const Handle& process, std::chrono::steady_clock::time_point deadline) {
  // The size stands from the start: growing would leave copies of the secret behind.
  std::string output(kMaxProcessOutput + 1, '\0');
  std::size_t used = 0;
  DWORD pause = 1;
  bool has_ended = false;
  for (;;) {
    // There is no wait for an anonymous pipe.
    DWORD available = 0;
    if (::PeekNamedPipe(reader.get(), nullptr, 0, nullptr, &available, nullptr) == 0) {
      const DWORD code = ::GetLastError();
      if (code == ERROR_BROKEN_PIPE) break;
      return process_error(kReadingFailed, code);
    }
    if (available == 0) {
      if (has_ended) break;
      const DWORD left = wait_time(deadline);
      if (left == 0) return process_error(kProcessTookTooLong);
      const Result<bool> ended = wait_for_end(process, (std::min)(pause, left));
      if (!ended) return ended.error();
      has_ended = *ended;
      pause = std::min<DWORD>(2 * pause, 20);
      continue;
    }
    pause = 1;
    DWORD got = 0;
    if (::ReadFile(reader.get(), output.data() + used, static_cast<DWORD>(output.size() - used),
                   &got, nullptr) == 0) {
      return process_error(kReadingFailed, ::GetLastError());
    }
    used += got;
    if (used > kMaxProcessOutput) return process_error(kProcessWroteTooMuch);
  }
  output.resize(used);
  return output;
}

/// Waits for the end of a child until `deadline`. Returns its exit status, or an empty optional
/// when it still runs.
[[nodiscard]] inline Result<std::optional<DWORD>> exit_status(
    const Handle& process, std::chrono::steady_clock::time_point deadline) {
  for (;;) {
    const DWORD left = wait_time(deadline);
    const Result<bool> ended = wait_for_end(process, left);
    if (!ended) return ended.error();
    if (*ended) break;
    if (left == 0) return std::optional<DWORD>{};
  }
  DWORD status = 0;
  if (::GetExitCodeProcess(process.get(), &status) == 0) {
    return process_error(kWaitingFailed, ::GetLastError());
  }
  return std::optional<DWORD>{status};
}

/// Kills a child with all that it started.
inline void kill_job(const ChildProcess& child) {
  // Fails only when nothing is left to kill.
  static_cast<void>(::TerminateJobObject(child.job.get(), 1));
}

/// Runs a command until `deadline` at the latest and returns what it wrote to standard output. The
/// program cuts the command into words itself, as all do here. Errors: Credentials.
[[nodiscard]] inline Result<std::string> run_system_process(
    const std::string& command, std::chrono::steady_clock::time_point deadline) {
  const std::optional<std::wstring> wide_command = to_wide(command);
  if (!wide_command) return process_error(kProcessNotStarted, ::GetLastError());
  if (wide_command->find_first_not_of(L" \t") == std::wstring::npos) {
    return process_error(kCommandIsEmpty);
  }

  SECURITY_ATTRIBUTES inherited{sizeof(SECURITY_ATTRIBUTES), nullptr, TRUE};
  HANDLE ends[2] = {nullptr, nullptr};
  if (::CreatePipe(&ends[0], &ends[1], &inherited, 0) == 0) {
    return process_error(kNoPipe, ::GetLastError());
  }
  const Handle reader{ends[0]};
  Handle writer{ends[1]};
  const Result<ChildProcess> child = start_child(*wide_command, writer);
  if (!child) return child.error();
  // The end of the output is seen only when the child alone holds the other end.
  writer.close();

  Result<std::string> output = read_output(reader, child->process, deadline);
  if (!output) {
    kill_job(*child);
    return output;
  }
  const Result<std::optional<DWORD>> status = exit_status(child->process, deadline);
  if (!status || !status->has_value()) {
    kill_job(*child);
    return status ? process_error(kProcessDidNotEnd) : status.error();
  }
  if (**status != 0) return failed_process_error(**status);
  return output;
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
