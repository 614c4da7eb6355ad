// SPDX-License-Identifier: Apache-2.0
//
// Syncer: brings what a spool has written to the disk, every sync interval, and at once when
// somebody waits for it, for all who wait. A thread of its own waits for the disk, so that nobody
// else has to; a recorder without threads gives it turns instead. RecorderCore has one.
#ifndef PERSONALIZE_EVENTS_RECORDER_SPOOL_SYNCER_HPP
#define PERSONALIZE_EVENTS_RECORDER_SPOOL_SYNCER_HPP

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
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
/// `request` and `wait` may be called from any thread; `turn` by one; start and stop once, before
/// and after all others.
class Syncer {
 public:
  using SteadyTime = std::chrono::steady_clock::time_point;

  /// `synced` is called by the thread after each sync.
  Syncer(std::shared_ptr<Spool> spool, std::function<void()> synced)
      : shared_(std::make_shared<Shared>()) {
    shared_->spool = std::move(spool);
    shared_->synced = std::move(synced);
  }
  Syncer(const Syncer&) = delete;
  Syncer& operator=(const Syncer&) = delete;
  ~Syncer() { stop(std::chrono::seconds{1}); }

  /// Starts the thread. Errors: Configuration, when the system gives none.
  [[nodiscard]] Result<void> start() {
    Result<detail::Thread> thread =
        detail::Thread::start("pe-spool", [shared = shared_] { run(*shared); });
    if (!thread) return std::move(thread).error();
    thread_.emplace(*std::move(thread));
    has_thread_ = true;
    return {};
  }

  /// Waits until all that was written so far is on the disk. Without a thread it is brought there
  /// by the caller, however long that takes. Errors: Timeout, when it was not in time; Storage of
  /// code `Removed`, when somebody removed its file before.
  [[nodiscard]] Result<void> wait(std::chrono::milliseconds timeout) {
    Spool& spool = *shared_->spool;
    const std::uint64_t ticket = spool.ticket();
    if (is_synced_in_time(ticket, timeout)) return {};
    if (spool.is_lost(ticket)) {
      Error error = detail::make_error(
          ErrorKind::Storage, spool.options().directory,
          "was removed before the event was on the disk, so that it may be lost; the spool makes "
          "the directory again");
      error.code = "Removed";
      return error;
    }
    return detail::make_error(
        ErrorKind::Timeout, "record_durable",
        "the event was accepted and is not on the disk yet; do not record it again");
  }

  /// To be called when events may have been written again that a failed sync gave up: whoever waits
  /// for them goes on waiting. Without a thread it does the sync that is due.
  void turn(SteadyTime now) {
    if (has_thread_) {
      if (waiting_ > 0) request();
      return;
    }
    Spool& spool = *shared_->spool;
    const auto interval = spool.options().sync_interval;
    if (!interval || now < next_sync_ || !spool.has_unsynced()) return;
    spool.sync();
    next_sync_ = now + *interval;
  }

  /// Asks the thread for a sync now.
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

  [[nodiscard]] bool is_synced_in_time(std::uint64_t ticket, std::chrono::milliseconds timeout) {
    Spool& spool = *shared_->spool;
    if (!has_thread_) {
      spool.sync();
      return spool.wait_synced(ticket, std::chrono::milliseconds{0});
    }
    ++waiting_;
    request();
    const bool is_synced = spool.wait_synced(ticket, timeout);
    --waiting_;
    return is_synced;
  }

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
  bool has_thread_{false};  ///< had one since the start
  std::atomic<int> waiting_{0};
  SteadyTime next_sync_{};
};

}  // namespace spool
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
