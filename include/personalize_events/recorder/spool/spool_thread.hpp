// SPDX-License-Identifier: Apache-2.0
//
// SpoolThread: the thread that does a spool's work on the disk, so that nobody else waits for it. A
// recorder without threads calls Spool::work itself. RecorderCore has one.
#ifndef PERSONALIZE_EVENTS_RECORDER_SPOOL_SPOOL_THREAD_HPP
#define PERSONALIZE_EVENTS_RECORDER_SPOOL_SPOOL_THREAD_HPP

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "personalize_events/platform/thread.hpp"
#include "personalize_events/recorder/spool/spool.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace spool {

/// @par Thread Safety
/// None: one thread at a time. It outlives no fork.
class SpoolThread {
  static constexpr std::chrono::hours kLongest{1};

 public:
  explicit SpoolThread(std::shared_ptr<Spool> spool) : shared_(std::make_shared<Shared>()) {
    shared_->spool = std::move(spool);
  }
  SpoolThread(const SpoolThread&) = delete;
  SpoolThread& operator=(const SpoolThread&) = delete;
  ~SpoolThread() { stop(std::chrono::seconds{1}); }

  /// Starts the thread. Errors: Configuration, if the system gives none.
  [[nodiscard]] Result<void> start() {
    shared_->spool->set_waker([weak = std::weak_ptr<Shared>(shared_)] {
      if (const auto shared = weak.lock()) shared->wake();
    });
    Result<detail::Thread> thread =
        detail::Thread::start("pe-spool", [shared = shared_] { run(*shared); });
    if (!thread) return std::move(thread).error();
    thread_.emplace(*std::move(thread));
    return {};
  }

  /// Lets the thread close the spool, and ends it. One that waits for a disk which does not respond
  /// is detached after `timeout`: it never comes back into the library but to end.
  void stop(std::chrono::milliseconds timeout) {
    if (!thread_) return;
    std::unique_lock<std::mutex> lock(shared_->mutex);
    shared_->is_stopping = true;
    shared_->changed.notify_all();
    const bool has_ended =
        shared_->changed.wait_for(lock, timeout, [this] { return shared_->has_ended; });
    lock.unlock();
    if (!has_ended) thread_->detach();
    thread_.reset();
  }

 private:
  struct Shared {
    std::shared_ptr<Spool> spool{};
    std::mutex mutex{};
    std::condition_variable changed{};
    bool is_woken{false};
    bool is_stopping{false};
    bool has_ended{false};

    void wake() {
      {
        const std::lock_guard<std::mutex> lock(mutex);
        if (is_woken) return;
        is_woken = true;
      }
      changed.notify_all();
    }
  };

  static void run(Shared& shared) {
    const auto is_called = [&shared] { return shared.is_woken || shared.is_stopping; };
    for (;;) {
      const detail::SteadyTime next = shared.spool->work();
      const auto wait = next - shared.spool->platform().steady_now();
      std::unique_lock<std::mutex> lock(shared.mutex);
      // Not for ever: the end of time cannot be added to a clock.
      shared.changed.wait_for(lock, std::min<std::chrono::nanoseconds>(wait, kLongest), is_called);
      shared.is_woken = false;
      if (shared.is_stopping) break;
    }
    shared.spool->close();
    const std::lock_guard<std::mutex> lock(shared.mutex);
    shared.has_ended = true;
    shared.changed.notify_all();
  }

  const std::shared_ptr<Shared> shared_;
  std::optional<detail::Thread> thread_{};
};

}  // namespace spool
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
