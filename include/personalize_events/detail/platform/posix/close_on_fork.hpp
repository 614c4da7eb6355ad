// SPDX-License-Identifier: Apache-2.0
//
// CloseOnFork: a registry of file descriptors that forked children close, as FD_CLOFORK of POSIX
// 2024 would. A child shares the flock of an inherited descriptor, so that it would keep the lock
// of a parent that has died. SystemFile registers the files that it locks.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_POSIX_CLOSE_ON_FORK_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_POSIX_CLOSE_ON_FORK_HPP

#include <pthread.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstddef>

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// The descriptors that a child closes when it is forked. The child only closes them: to unlock
/// them would free the parent's lock.
///
/// Each shared object has its own registry and its own handler, which the C library removes at
/// dlclose; hence the hidden visibility. Handlers run for fork(), not for vfork(), posix_spawn()
/// and _Fork(); exec closes the descriptors (O_CLOEXEC). A child that is forked in the microseconds
/// between the opening of a file and `add` keeps its copy.
///
/// @par Thread Safety
/// Lock-free: every member may be called from any thread at the same time, and in a child that was
/// forked at any moment.
class [[gnu::visibility("hidden")]] CloseOnFork {
 public:
  /// Owns a descriptor: its number + 1; kFree; or kClosed in a child, until the owner calls
  /// `remove`. A child does not reuse a closed slot before that, so that the owner which it
  /// inherited cannot close the descriptor of another.
  using Slot = std::atomic<int>;

  /// With this many descriptors registered, `add` returns null.
  static constexpr std::size_t kSlots = 4096;

  /// Registers an open descriptor, which the slot owns from then on. Null: the registry is full, or
  /// the system has no handlers; children then inherit the descriptor.
  [[nodiscard]] static Slot* add(int number) noexcept {
    if (!has_handler()) return nullptr;
    for (Slot& slot : slots_) {
      int free = kFree;
      if (slot.load(std::memory_order_relaxed) == kFree &&
          slot.compare_exchange_strong(free, number + 1)) {
        return &slot;
      }
    }
    return nullptr;
  }

  /// The descriptor; negative if this process closed it when it was forked.
  [[nodiscard]] static int number(const Slot& slot) noexcept { return slot.load() - 1; }

  /// Frees a slot. Returns its descriptor, which the caller closes; negative if this process closed
  /// it when it was forked.
  [[nodiscard]] static int remove(Slot & slot) noexcept { return slot.exchange(kFree) - 1; }

 private:
  static constexpr int kFree = 0;
  static constexpr int kClosed = -1;

  [[nodiscard]] static bool has_handler() noexcept {
#if defined(__APPLE__)
    // Darwin keeps the handlers of a plug-in after dlclose, and would call into unmapped memory.
    return false;
#else
    if (has_handler_.load()) return true;
    // Of two threads here both register it, which does no harm: a second run finds nothing to
    // close.
    if (::pthread_atfork(nullptr, nullptr, [] { close_all(); }) != 0) return false;
    has_handler_.store(true);
    return true;
#endif
  }

  /// Runs in the child. Calls only what is async-signal-safe.
  static void close_all() noexcept {
    for (Slot& slot : slots_) {
      const int value = slot.load(std::memory_order_relaxed);
      if (value <= kFree) continue;
      slot.store(kClosed, std::memory_order_relaxed);
      // Fails only for a number that the parent closed during the fork.
      static_cast<void>(::close(value - 1));
    }
  }

  static inline std::array<Slot, kSlots> slots_{};
  static inline std::atomic<bool> has_handler_{false};
};

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
