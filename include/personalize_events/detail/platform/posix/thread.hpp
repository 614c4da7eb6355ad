// SPDX-License-Identifier: Apache-2.0
//
// The threads of POSIX systems, for platform/thread.hpp.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_POSIX_THREAD_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_POSIX_THREAD_HPP

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Blocks the signals that others send in the calling thread, and with them in the threads that it
/// starts, for its lifetime. Those that a fault of the thread itself raises stay as they are, so
/// that a crash is still reported.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked() noexcept {
    sigset_t blocked;
    if (::sigfillset(&blocked) != 0) return;
    for (const int number : {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP}) {
      if (::sigdelset(&blocked, number) != 0) return;
    }
    active_ = ::pthread_sigmask(SIG_BLOCK, &blocked, &former_) == 0;
  }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;
  ~AllSignalsBlocked() {
    // Restoring a mask that the system itself gave out has no failure that anyone could act on.
    if (active_) static_cast<void>(::pthread_sigmask(SIG_SETMASK, &former_, nullptr));
  }

  /// False when the system refused, which no valid set of signals makes it do.
  [[nodiscard]] bool active() const noexcept { return active_; }

 private:
  sigset_t former_{};
  bool active_{false};
};

/// The attributes of a thread with this much stack of its own, freed at the end of their scope.
class ThreadAttributes {
 public:
  explicit ThreadAttributes(std::size_t stack) noexcept {
    failure_ = ::pthread_attr_init(&attributes_);
    if (failure_ != 0) return;
    made_ = true;
    failure_ = ::pthread_attr_setstacksize(&attributes_, rounded(stack));
  }
  ThreadAttributes(const ThreadAttributes&) = delete;
  ThreadAttributes& operator=(const ThreadAttributes&) = delete;
  ~ThreadAttributes() {
    // Freeing what init made has no failure that anyone could act on.
    if (made_) static_cast<void>(::pthread_attr_destroy(&attributes_));
  }

  /// An errno, 0 for success.
  [[nodiscard]] int failure() const noexcept { return failure_; }
  [[nodiscard]] const pthread_attr_t* get() const noexcept { return &attributes_; }

 private:
  /// With what the system needs for itself, in whole pages.
  static std::size_t rounded(std::size_t stack) noexcept {
    const long least = ::sysconf(_SC_THREAD_STACK_MIN);
    const long asked = ::sysconf(_SC_PAGESIZE);
    const std::size_t page = asked > 0 ? static_cast<std::size_t>(asked) : 65'536;
    const std::size_t wanted = stack + (least > 0 ? static_cast<std::size_t>(least) : 0);
    return (wanted + page - 1) / page * page;
  }

  pthread_attr_t attributes_{};
  int failure_{0};
  bool made_{false};
};

/// What a thread of ours is known by.
using SystemThread = pthread_t;

/// What a new thread is given.
struct ThreadTask {
  std::string name;
  std::function<void()> work;
};

inline void set_thread_name(const std::string& name) noexcept {
  // A thread without its name works as well.
#if defined(__APPLE__)
  static_cast<void>(::pthread_setname_np(name.c_str()));
#elif defined(__linux__)
  static_cast<void>(::pthread_setname_np(::pthread_self(), name.c_str()));
#else
  static_cast<void>(name);
#endif
}

/// What a new thread does: the task that `argument` points to, which it owns.
inline void* run_thread_task(void* argument) {
  const std::unique_ptr<ThreadTask> task{static_cast<ThreadTask*>(argument)};
  set_thread_name(task->name.substr(0, 15));
  task->work();
  return nullptr;
}

[[nodiscard]] inline Error thread_error(const char* name, const char* what, int code) {
  Error error = make_error(ErrorKind::Configuration, name,
                           std::string{"a thread is needed, and "}.append(what).append(": ").append(
                               std::generic_category().message(code)));
  error.retryable = code == EAGAIN;
  return error;
}

/// Runs `work` in a new thread with this much stack, besides what the system itself asks for.
/// Errors as of Thread::start.
[[nodiscard]] inline Result<SystemThread> start_system_thread(const char* name,
                                                              std::function<void()> work,
                                                              std::size_t stack) {
  const AllSignalsBlocked blocked;
  if (!blocked.active()) return thread_error(name, "its signals could not be blocked", errno);
  const ThreadAttributes attributes{stack};
  if (attributes.failure() != 0) {
    return thread_error(name, "its stack could not be set", attributes.failure());
  }

  auto task = std::make_unique<ThreadTask>(ThreadTask{std::string{name}, std::move(work)});
  pthread_t handle{};
  int failure = ::pthread_create(&handle, attributes.get(), &run_thread_task, task.get());
  // Thread-local data of the program, such as a sanitizer's, may leave no room in a small stack.
  if (failure == EINVAL) {
    failure = ::pthread_create(&handle, nullptr, &run_thread_task, task.get());
  }
  if (failure != 0) return thread_error(name, "it could not be started", failure);
  static_cast<void>(task.release());  // the thread's own now
  return handle;
}

/// Waits for the end of a thread that was neither joined nor detached.
inline void join_system_thread(SystemThread thread) noexcept {
  // Fails only for a thread that joins itself, or was joined already.
  static_cast<void>(::pthread_join(thread, nullptr));
}

/// Lets a thread that was neither joined nor detached end by itself.
inline void detach_system_thread(SystemThread thread) noexcept {
  // Fails only for a thread that was joined already.
  static_cast<void>(::pthread_detach(thread));
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
