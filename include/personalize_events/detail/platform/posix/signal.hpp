// SPDX-License-Identifier: Apache-2.0
//
// SigpipeGuard of POSIX systems, for platform/signal.hpp.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_POSIX_SIGNAL_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_POSIX_SIGNAL_HPP

#include <signal.h>
#include <time.h>

#include <cerrno>

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Blocks SIGPIPE in the calling thread for its lifetime, takes away one that was raised meanwhile,
/// and puts the thread's signal mask back. A SIGPIPE that was pending before stays pending. The
/// program's own handler for SIGPIPE is neither changed nor called.
///
/// @par Thread Safety
/// Touches the calling thread's mask only; it is made and destroyed by one thread. Guards nest.
class SigpipeGuard {
 public:
  SigpipeGuard() noexcept {
    sigset_t pending;
    if (::sigpending(&pending) != 0 || ::sigismember(&pending, SIGPIPE) != 0) return;
    if (!only_sigpipe(sigpipe_)) return;
    active_ = ::pthread_sigmask(SIG_BLOCK, &sigpipe_, &former_mask_) == 0;
  }

  SigpipeGuard(const SigpipeGuard&) = delete;
  SigpipeGuard& operator=(const SigpipeGuard&) = delete;

  ~SigpipeGuard() {
    if (!active_) return;
    take_pending();
    // Restoring a mask that the system itself gave out has no failure that anyone could act on.
    static_cast<void>(::pthread_sigmask(SIG_SETMASK, &former_mask_, nullptr));
  }

 private:
  static bool only_sigpipe(sigset_t& set) noexcept {
    return ::sigemptyset(&set) == 0 && ::sigaddset(&set, SIGPIPE) == 0;
  }

  void take_pending() noexcept {
#if defined(__APPLE__)
    // There is no sigtimedwait. A write raises SIGPIPE in its own thread, so no other takes it.
    sigset_t pending;
    int signal_number = 0;
    if (::sigpending(&pending) != 0 || ::sigismember(&pending, SIGPIPE) != 1) return;
    static_cast<void>(::sigwait(&sigpipe_, &signal_number));
#else
    // EAGAIN, nothing was raised, is the usual answer; EINTR is answered by asking again.
    const timespec at_once{};
    int taken = 0;
    do {
      taken = ::sigtimedwait(&sigpipe_, nullptr, &at_once);
    } while (taken < 0 && errno == EINTR);
#endif
  }

  sigset_t sigpipe_{};
  sigset_t former_mask_{};
  bool active_{false};
};

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
