// SPDX-License-Identifier: Apache-2.0
//
// PerProcess: an object that a forked child must not touch, such as connections or worker threads.
// The transports hold theirs in one.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_PER_PROCESS_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_PER_PROCESS_HPP

#include <atomic>
#include <memory>
#include <utility>

#include "personalize_events/detail/platform/process_id.hpp"
#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Holds one T for each process: after a fork the child makes one of its own. What it inherited it
/// does not even look into, because another thread of the parent may have held its lock, and it
/// leaks on purpose, because even destroying it may disturb the parent's.
///
/// @par Thread Safety
/// `own` and `find` may be called from any thread at the same time. What they answer stays valid
/// until the destructor.
template <class T>
class PerProcess {
 public:
  PerProcess() = default;
  PerProcess(const PerProcess&) = delete;
  PerProcess& operator=(const PerProcess&) = delete;
  ~PerProcess() {
    const Entry* entry = entry_.load();
    if (is_own(entry)) delete entry;
  }

  /// The T of this process; `make`, which answers a std::unique_ptr<T>, makes it when there is
  /// none. Of several threads that are first at the same time all get one T.
  template <class Make>
  [[nodiscard]] T& own(Make&& make) {
    Entry* entry = entry_.load();
    if (is_own(entry)) return *entry->value;
    auto fresh = std::make_unique<Entry>(Entry{process_id(), std::forward<Make>(make)()});
    // Where this fails, another thread of this process was first, and `entry` is now its.
    if (entry_.compare_exchange_strong(entry, fresh.get())) return *fresh.release()->value;
    return *entry->value;
  }

  /// The T of this process, or null before `own` made it.
  [[nodiscard]] T* find() const noexcept {
    const Entry* entry = entry_.load();
    return is_own(entry) ? entry->value.get() : nullptr;
  }

 private:
  struct Entry {
    ProcessId owner;
    std::unique_ptr<T> value;
  };

  static bool is_own(const Entry* entry) noexcept {
    return entry != nullptr && entry->owner == process_id();
  }

  std::atomic<Entry*> entry_{nullptr};
};

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
