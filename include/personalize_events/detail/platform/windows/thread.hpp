// SPDX-License-Identifier: Apache-2.0
//
// The threads of Windows, for platform/thread.hpp.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_WINDOWS_THREAD_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_WINDOWS_THREAD_HPP

#include <process.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "personalize_events/detail/platform/windows/api.hpp"
#include "personalize_events/detail/platform/windows/text.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// What a thread of ours is known by.
using SystemThread = HANDLE;

/// What a new thread is given.
struct ThreadTask {
  std::string name;
  std::function<void()> work;
};

inline void set_thread_name(const std::string& name) noexcept {
  // Asked for by name: SetThreadDescription came with Windows 10, 1607. A thread without its name
  // works as well.
  using Describe = HRESULT(WINAPI*)(HANDLE, PCWSTR);
  const HMODULE kernel = ::GetModuleHandleW(L"kernel32.dll");
  const FARPROC found =
      kernel == nullptr ? nullptr : ::GetProcAddress(kernel, "SetThreadDescription");
  const std::optional<std::wstring> wide_name = to_wide(name);
  if (found == nullptr || !wide_name) return;
  const auto describe = reinterpret_cast<Describe>(reinterpret_cast<void*>(found));
  static_cast<void>(describe(::GetCurrentThread(), wide_name->c_str()));
}

/// What a new thread does: the task that `argument` points to, which it owns.
inline unsigned __stdcall run_thread_task(void* argument) {
  const std::unique_ptr<ThreadTask> task{static_cast<ThreadTask*>(argument)};
  set_thread_name(task->name);
  task->work();
  return 0;
}

[[nodiscard]] inline Error thread_error(const char* name, const char* what, int code) {
  Error error = make_error(ErrorKind::Configuration, name,
                           std::string{"a thread is needed, and "}.append(what).append(": ").append(
                               std::generic_category().message(code)));
  error.retryable = code == EAGAIN;
  return error;
}

/// Runs `work` in a new thread with this much stack. Errors as of Thread::start.
[[nodiscard]] inline Result<SystemThread> start_system_thread(const char* name,
                                                              std::function<void()> work,
                                                              std::size_t stack) {
  if (stack > (std::numeric_limits<unsigned>::max)()) {
    return thread_error(name, "its stack could not be set", EINVAL);
  }
  auto task = std::make_unique<ThreadTask>(ThreadTask{std::string{name}, std::move(work)});
  // Not CreateThread: the runtime library would leave its data of the thread behind.
  const std::uintptr_t handle =
      ::_beginthreadex(nullptr, static_cast<unsigned>(stack), &run_thread_task, task.get(),
                       STACK_SIZE_PARAM_IS_A_RESERVATION, nullptr);
  if (handle == 0) return thread_error(name, "it could not be started", errno);
  static_cast<void>(task.release());  // the thread's own now
  return reinterpret_cast<HANDLE>(handle);
}

/// Lets a thread that was neither joined nor detached end by itself.
inline void detach_system_thread(SystemThread thread) noexcept {
  // Fails only for a handle that is not open.
  static_cast<void>(::CloseHandle(thread));
}

/// Waits for the end of a thread that was neither joined nor detached.
inline void join_system_thread(SystemThread thread) noexcept {
  // Fails only for a handle that is not open.
  static_cast<void>(::WaitForSingleObject(thread, INFINITE));
  detach_system_thread(thread);
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
