// SPDX-License-Identifier: Apache-2.0
//
// Thread: a thread of the library's own, with a name, a small stack and all signals blocked.
// WorkerTransport runs its requests on some.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_THREAD_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_THREAD_HPP

#include <cstddef>
#include <functional>
#include <utility>

#include "personalize_events/result.hpp"

#if defined(_WIN32)
#include "personalize_events/detail/platform/windows/thread.hpp"
#else
#include "personalize_events/detail/platform/posix/thread.hpp"
#endif

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// The stack of a thread, besides what the system itself asks for: enough for a request over TLS.
inline constexpr std::size_t kThreadStack = 131'072;
/// The stack of a thread that calls functions of the application. Only what is used is memory.
inline constexpr std::size_t kCallbackStack = 524'288;

/// A running thread, joined at the end of its scope.
///
/// @par Thread Safety
/// None: one thread at a time. A forked child has no such thread and must not join it.
class Thread {
 public:
  /// Runs `work` in a new thread. `name` is what debuggers show, of which Linux keeps 15
  /// characters. Errors: Configuration, `where` is the name; retryable when the system has no room
  /// for another thread.
  [[nodiscard]] static Result<Thread> start(const char* name, std::function<void()> work,
                                            std::size_t stack = kThreadStack) {
    Result<SystemThread> started = start_system_thread(name, std::move(work), stack);
    if (!started) return std::move(started).error();
    return Thread{*started};
  }

  Thread(Thread&& other) noexcept
      : thread_(other.thread_), joinable_(std::exchange(other.joinable_, false)) {}
  Thread& operator=(Thread&& other) noexcept {
    if (this == &other) return *this;
    join();
    thread_ = other.thread_;
    joinable_ = std::exchange(other.joinable_, false);
    return *this;
  }
  ~Thread() { join(); }

  /// Waits for the end of the thread, the first time it is asked to.
  void join() noexcept {
    if (std::exchange(joinable_, false)) join_system_thread(thread_);
  }

  /// Lets a thread end by itself, for the few that cannot be waited for: one that destroys what
  /// holds it, or one that an application's function never leaves. What it uses must be its own.
  void detach() noexcept {
    if (std::exchange(joinable_, false)) detach_system_thread(thread_);
  }

 private:
  explicit Thread(SystemThread thread) noexcept : thread_(thread), joinable_(true) {}

  SystemThread thread_;
  bool joinable_;
};

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
