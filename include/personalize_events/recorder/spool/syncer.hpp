// SPDX-License-Identifier: Apache-2.0
//
// Syncer: the thread that waits for the disk, so that nobody else has to: every sync interval, and
// at once when somebody waits for it, for all who wait. RecorderCore starts it beside its loop.
#ifndef PERSONALIZE_EVENTS_RECORDER_SPOOL_SYNCER_HPP
#define PERSONALIZE_EVENTS_RECORDER_SPOOL_SYNCER_HPP

#include <chrono>
#include <condition_variable>
#include <functional>
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
/// `request` may be called from any thread; start and stop once, by one.
class Syncer {
 public:
  /// `synced` is called by the thread after each sync.
  Syncer(std::shared_ptr<Spool> spool, std::function<void()> synced)
      : shared_(std::make_shared<Shared>()) {
    shared_->spool = std::move(spool);
    shared_->synced = std::move(synced);
  }
  Syncer(const Syncer&) = delete;
  Syncer& operator=(const Syncer&) = delete;
  ~Syncer() { stop(std::chrono::seconds{1}); }

  /// Errors: Configuration, when the system gives no thread.
  [[nodiscard]] Result<void> start() {
    Result<detail::Thread> thread =
        detail::Thread::start("pe-spool", [shared = shared_] { run(*shared); });
    if (!thread) return std::move(thread).error();
    thread_.emplace(*std::move(thread));
    return {};
  }

  /// Asks for a sync now.
  void request() {
    {
      const std::lock_guard<std::mutex> lock(shared_->mutex);
      shared_->is_requested = true;
    }
    shared_->changed.notify_all();
  }

  /// Ends the thread. One that waits for a disk which does not answer is let go after `timeout`:
  /// it never comes back into the library but to end.
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
    std::function<void()> synced{};
    std::mutex mutex{};
    std::condition_variable changed{};
    bool is_requested{false};
    bool is_stopping{false};
    bool has_ended{false};
  };

  static void run(Shared& shared) {
    const std::optional<std::chrono::milliseconds> interval = shared.spool->options().sync_interval;
    constexpr std::chrono::hours never{1};
    std::unique_lock<std::mutex> lock(shared.mutex);
    const auto is_wanted = [&shared] { return shared.is_requested || shared.is_stopping; };
    while (!shared.is_stopping) {
      const bool is_asked = shared.changed.wait_for(
          lock, interval.value_or(std::chrono::milliseconds{never}), is_wanted);
      if (shared.is_stopping || (!is_asked && !interval)) continue;
      shared.is_requested = false;
      lock.unlock();
      if (shared.spool->has_unsynced() && shared.spool->sync()) shared.synced();
      lock.lock();
    }
    shared.has_ended = true;
    shared.changed.notify_all();
  }

  const std::shared_ptr<Shared> shared_;
  std::optional<detail::Thread> thread_{};
};

}  // namespace spool
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
