// SPDX-License-Identifier: Apache-2.0
//
// Spool: the events of one recorder on the disk, and those that orphaned writers of the same scope
// left beside them. Recording threads write to the log; all other work on the disk is done by one
// thread, the disk thread, so that neither the recorder's lock nor its loop ever waits for the
// disk. RecorderCore has one if RecorderOptions::spool is set.
//
// All state derives from files that only grow (segment.hpp, acknowledgement.hpp); what is in memory
// are counts.
#ifndef PERSONALIZE_EVENTS_DETAIL_RECORDER_SPOOL_SPOOL_HPP
#define PERSONALIZE_EVENTS_DETAIL_RECORDER_SPOOL_SPOOL_HPP

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "personalize_events/detail/recorder/pending_event.hpp"
#include "personalize_events/detail/recorder/spool/disk_health.hpp"
#include "personalize_events/detail/recorder/spool/log.hpp"
#include "personalize_events/detail/recorder/spool/orphaned_logs.hpp"
#include "personalize_events/detail/recorder/spool/rejected_events.hpp"
#include "personalize_events/detail/recorder/spool/segment.hpp"
#include "personalize_events/detail/recorder/spool/spooled_event.hpp"
#include "personalize_events/detail/recorder/spool/writer_folder.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/recorder_options.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail::spool {

/// Bytes that are appended at a time.
inline constexpr std::size_t kChunkBytes = 65'536;
/// What the disk thread reads at a time.
inline constexpr std::size_t kMostReadBytes = 262'144;
inline constexpr std::size_t kMostReadEvents = 1024;
/// How long live events wait for the first scan of orphaned folders.
inline constexpr std::chrono::seconds kLongestScan{2};

/// What a recorder has in memory, as its spool asks for it.
/// Called on any thread. The recorder's lock is held while events are visited.
class PendingSource {
 public:
  using Visit = std::function<bool(const detail::PendingEvent&)>;

  virtual ~PendingSource() = default;

  /// Visits the pending events that the log lacks, as AgeOrder::visit_unwritten. Returns the
  /// sequence of the last event that was accepted.
  virtual std::uint64_t visit_unwritten(std::uint64_t written, const Visit& visit) = 0;
  /// Visits all pending events, as long as `visit(event)` returns true.
  virtual void visit(const Visit& visit) = 0;
};

/// What the recorder's loop asks of the disk thread.
struct SpoolOrders {
  /// The places of the events that completed, by their log.
  std::map<std::uint32_t, std::vector<std::uint64_t>> completed{};
  /// Lines of JSON about events that the service refused.
  std::vector<std::string> rejected{};
  /// The memory that there is for events that are read back.
  std::size_t most_events{0};
  std::size_t most_bytes{0};
  /// The service's time less the boot time, in milliseconds.
  std::optional<std::int64_t> service_offset{};
};

/// What the disk thread reports to the recorder's loop.
struct SpoolNews {
  /// In the order in which they are to be sent; adopted ones before own ones.
  std::vector<ReadEvent> read{};
  /// Given up for want of space.
  std::vector<ReadEvent> dropped{};
  /// Own events that could not be read back.
  std::uint64_t lost{0};
  /// The sessions of orphaned events, once, after the first scan.
  std::optional<SessionCounts> scanned{};
  /// All that the first scan found was read.
  bool is_backlog_read{false};
  /// Nothing is left to read, and what was adopted is completed.
  bool is_drained{false};
  std::optional<Error> disk_fault{};
  /// A fault of the disk that began and ended since the last call.
  std::optional<Error> passed_fault{};
  std::optional<Error> damage{};
};

class Spool {
 public:
  /// `memory_bytes` is what the recorder may keep in memory, of which this takes a small part.
  Spool(std::shared_ptr<FileSystem> files, SpoolOptions options, Scope scope,
        std::size_t memory_bytes, std::shared_ptr<Platform> platform)
      : files_(std::move(files)),
        options_(std::move(options)),
        platform_(std::move(platform)),
        memory_bytes_(memory_bytes),
        tracking_id_(scope.tracking_id),
        boot_{own_identity(*platform_), {}},
        log_(*files_, locks_, *platform_, options_.directory, scope,
             segment_size(options_.max_bytes), options_.sync_interval.has_value()),
        orphans_(*files_, locks_, options_.directory, std::move(scope)),
        rejected_(*files_, *platform_, options_.directory, rejected_limit(options_.max_bytes)) {}
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  /// A part of the recorder's memory, for counts of sessions.
  [[nodiscard]] SessionCounts session_counts() const { return SessionCounts{memory_bytes_ / 64}; }

  /// Whom the disk thread asks and whom it wakes when there is news. Called once, before all
  /// others.
  void connect(std::weak_ptr<PendingSource> source, std::function<void()> has_news) {
    source_ = std::move(source);
    has_news_ = std::move(has_news);
    const Result<std::vector<std::string>> names = files_->list_folder(options_.directory);
    is_scanned_ = names ? std::none_of(names->begin(), names->end(), is_writer_name)
                        : names.error().code == "NotFound";
  }
  /// Whether the first scan has nothing to find, so that no event has to wait for it.
  [[nodiscard]] bool is_scanned() const noexcept { return is_scanned_; }

  // --- Recording: any thread, without the recorder's lock ---

  /// Writes the pending events up to a place. Waits up to `patience` for another thread that
  /// writes. Errors: Storage; the events stay in memory, and are written later.
  Result<void> write_up_to(PendingSource& source, std::uint64_t place,
                           std::chrono::milliseconds patience) {
    if (log_.written() >= place) return {};
    const AppendLock lock{*this, patience};
    if (!lock.is_taken()) {
      wake();  // to write it when the disk responds again
      return stalled();
    }
    return write_pending(source, place, (detail::SteadyTime::min)());
  }

  /// Writes an event that is not kept in memory, after the pending ones before it. `reserve`
  /// returns its place, or an error. Errors: that one; Storage: the event is not in the log.
  template <class Reserve>
  Result<void> append_disk_only(PendingSource& source, const detail::PendingEvent& event,
                                const Reserve& reserve, std::chrono::milliseconds patience) {
    const AppendLock lock{*this, patience};
    if (!lock.is_taken()) return stalled();
    const Result<std::uint64_t> place = reserve();
    if (!place) return place.error();
    return write_pending(source, *place - 1, (detail::SteadyTime::min)(), &event);
  }

  /// Whether the log has what is pending up to a place.
  [[nodiscard]] bool is_written(std::uint64_t place) const noexcept {
    return log_.written() >= place;
  }
  /// Own events that are on the disk only.
  [[nodiscard]] std::uint64_t unread() const noexcept { return log_.unread(); }

  /// Says that an event will be due after SpoolOptions::write_after.
  void note_pending() {
    if (!has_due_.exchange(true)) wake();
  }
  /// Asks the disk thread to write all that is pending, whether it is due or not.
  void request_write() {
    write_all_ = true;
    wake();
  }
  /// Whether the disk refuses to be written now.
  [[nodiscard]] bool is_refusing() {
    return is_stalled_ || health_.refusal(platform_->steady_now()).has_value();
  }

  // --- Durability: any thread ---

  /// Waits until the disk has what is pending up to a place. Without a disk thread, which
  /// `has_thread` says, the caller brings it there. Errors: Timeout; Storage of code `Removed`, if
  /// the directory was removed before.
  [[nodiscard]] Result<void> wait_durable(std::uint64_t place, std::chrono::milliseconds timeout,
                                          bool has_thread) {
    const auto is_settled = [&] { return log_.durable() >= place || log_.is_lost(place); };
    ++durable_waiters_;
    if (has_thread) {
      wake();
      std::unique_lock<std::mutex> lock(mutex_);
      durable_changed_.wait_for(lock, timeout, is_settled);
    } else if (!is_settled()) {
      static_cast<void>(work());
    }
    --durable_waiters_;
    if (log_.is_lost(place)) {
      Error error = detail::make_error(ErrorKind::Storage, options_.directory,
                                       "was removed before the event was on the disk, so "
                                       "that it may be lost; the spool makes "
                                       "the directory again");
      error.code = "Removed";
      return error;
    }
    if (log_.durable() >= place) return {};
    return detail::make_error(ErrorKind::Timeout, "record_durable",
                              "the event was accepted and is not on the disk "
                              "yet; do not record it again");
  }

  // --- The recorder's loop ---

  /// Says that an event was written that is on the disk only.
  void note_unread() {
    if (!may_read_.exchange(true)) wake();
  }
  /// Whether there is something to read back.
  [[nodiscard]] bool may_read() const noexcept { return may_read_; }
  /// Hands orders over to the disk thread.
  void post(SpoolOrders&& orders) {
    bool is_urgent = false;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      for (const auto& [log, places] : orders.completed) {
        std::vector<std::uint64_t>& all = orders_.completed[log];
        all.insert(all.end(), places.begin(), places.end());
      }
      std::move(orders.rejected.begin(), orders.rejected.end(),
                std::back_inserter(orders_.rejected));
      is_urgent = !orders_.completed.empty() || !orders_.rejected.empty() ||
                  (orders.most_events > 0 && may_read_);
      orders_.most_events = orders.most_events;
      orders_.most_bytes = orders.most_bytes;
      if (orders.service_offset) orders_.service_offset = orders.service_offset;
    }
    if (is_urgent) wake();
  }
  /// Takes what the disk thread reported since the last call. It reads no more before the next
  /// `post`.
  [[nodiscard]] SpoolNews take_news() {
    const std::lock_guard<std::mutex> lock(mutex_);
    orders_.most_events = 0;
    SpoolNews news = std::exchange(news_, {});
    news_.is_backlog_read = news.is_backlog_read;
    news_.is_drained = news.is_drained;
    news_.damage = news.damage;
    news.disk_fault = health_.fault();
    if (!news.disk_fault && is_stalled_) news.disk_fault = stalled();
    return news;
  }

  // --- The disk thread ---

  /// Does what is due, and returns when it wants to be called again. A recorder without a disk
  /// thread calls it from any thread.
  [[nodiscard]] detail::SteadyTime work() {
    const std::lock_guard<std::mutex> one_at_a_time(work_mutex_);
    const auto now = platform_->steady_now();
    take_orders();
    recover(now);
    const auto write_at = write_due(now);
    const auto sync_at = sync_due(now);
    const auto adopt_at = adopt(now);
    keep_limits(now);
    read(now);
    report();
    if (write_all_) return now;
    auto next = (std::min)({write_at, sync_at, adopt_at});
    if (read_own_at_ > now) next = (std::min)(next, read_own_at_);
    return log_.has_pending() ? (std::min)(next, check_at_) : next;
  }

  /// Works until `stop`, then closes. The calling thread must keep this alive.
  void run() {
    std::unique_lock<std::mutex> lock(wake_mutex_);
    while (!is_stopping_) {
      is_woken_ = false;
      lock.unlock();
      const auto wait = work() - platform_->steady_now();
      lock.lock();
      // The end of time cannot be added to a clock.
      woken_.wait_for(lock, std::min<std::chrono::nanoseconds>(wait, kLongestSleep),
                      [this] { return is_woken_ || is_stopping_; });
    }
    lock.unlock();
    close();
    lock.lock();
    has_ended_ = true;
    woken_.notify_all();
  }
  /// Ends `run`. False: it has not returned after `timeout`, because the disk does not respond.
  [[nodiscard]] bool stop(std::chrono::milliseconds timeout) {
    std::unique_lock<std::mutex> lock(wake_mutex_);
    is_stopping_ = true;
    woken_.notify_all();
    return woken_.wait_for(lock, timeout, [this] { return has_ended_; });
  }

  /// Writes what is pending, notes what is completed and releases all folders. What is on the disk
  /// stays there for the next start.
  void close() {
    const std::lock_guard<std::mutex> one_at_a_time(work_mutex_);
    take_orders();
    if (options_.sync_interval && log_.has_unsynced()) static_cast<void>(sync());
    orphans_.close();
    const AppendLock lock{*this, std::chrono::milliseconds{0}};
    if (lock.is_taken()) log_.close();
  }

  /// In a forked child: closes the locks. Nothing of the parent's is freed by that.
  void abandon_in_child() noexcept { locks_.close_all(); }

 private:
  static constexpr std::chrono::seconds kCheckEvery{1};
  static constexpr std::chrono::milliseconds kTryLockAgain{10};
  static constexpr std::chrono::hours kLongestSleep{1};
  static constexpr std::size_t kMostDropped = 10'000;
  static constexpr int kMostOwnTries = 60;

  /// A process knows its own clock whether or not it can name it.
  [[nodiscard]] static std::string own_identity(Platform& platform) {
    const std::string identity = platform.boot_identity();
    return identity.empty() ? "this process" : identity;
  }

  /// Holds the right to append. If another thread holds it for all of `patience`, the disk does not
  /// respond: no other thread waits then. Without patience it only tries.
  class AppendLock {
   public:
    AppendLock(Spool& spool, std::chrono::milliseconds patience) : spool_(spool) {
      std::unique_lock<std::mutex> lock(spool_.append_mutex_);
      const auto is_free = [&spool] { return !spool.is_appending_; };
      while (!is_free() && patience.count() > 0 && !spool_.is_stalled_) {
        const std::uint64_t holder = spool_.append_holder_;
        const bool is_late = !spool_.append_freed_.wait_for(lock, patience, is_free);
        if (is_late && spool_.append_holder_ == holder) spool_.is_stalled_ = true;
      }
      is_taken_ = is_free();
      if (!is_taken_) return;
      spool_.is_appending_ = true;
      ++spool_.append_holder_;
    }
    AppendLock(const AppendLock&) = delete;
    AppendLock& operator=(const AppendLock&) = delete;
    ~AppendLock() {
      if (!is_taken_) return;
      {
        const std::lock_guard<std::mutex> lock(spool_.append_mutex_);
        spool_.is_appending_ = false;
        spool_.is_stalled_ = false;
      }
      spool_.append_freed_.notify_one();
    }
    [[nodiscard]] bool is_taken() const noexcept { return is_taken_; }

   private:
    Spool& spool_;
    bool is_taken_{false};
  };

  [[nodiscard]] Error stalled() const {
    Error error = detail::make_error(ErrorKind::Storage, options_.directory,
                                     "does not return from a write; events stay in memory");
    error.code = "Stalled";
    return error;
  }
  void wake() {
    {
      const std::lock_guard<std::mutex> lock(wake_mutex_);
      if (std::exchange(is_woken_, true)) return;
    }
    woken_.notify_all();
  }

  // --- Writing ---

  /// Writes pending events, in chunks, and then one that is on the disk only, at the next place.
  /// The caller has the append lock.
  Result<void> write_pending(PendingSource& source, std::uint64_t up_to,
                             detail::SteadyTime recorded_by,
                             const detail::PendingEvent* last = nullptr) {
    for (;;) {
      const Moment now = moment_of(*platform_);
      if (auto refusal = health_.refusal(now.steady)) return *std::move(refusal);
      chunk_.clear();
      chunk_.salt = log_.salt();
      next_due_ = (detail::SteadyTime::max)();
      bool is_last = true;
      std::optional<std::uint64_t> complete_up_to;
      const auto add = [&](const detail::PendingEvent& event) {
        const bool is_due = event.place <= up_to || event.recorded_at <= recorded_by;
        if (is_due && chunk_.bytes.size() < kChunkBytes) {
          static_cast<void>(chunk_.add(event.place, entry_of(event, tracking_id_, now)));
          return true;
        }
        is_last = !is_due;
        complete_up_to = event.place - 1;
        next_due_ = event.recorded_at + options_.write_after;
        return false;
      };
      const std::uint64_t accepted = source.visit_unwritten(log_.written(), std::cref(add));
      if (is_last && last != nullptr) {
        Entry entry = entry_of(*last, tracking_id_, now);
        entry.flags |= kDiskOnly;
        if (!chunk_.add(up_to + 1, entry)) {
          return detail::make_error(ErrorKind::InvalidArgument, "event", "is too large");
        }
      }
      if (Result<void> written = append(now.steady); !written) return written;
      if (!is_last) continue;
      if (last == nullptr) log_.skip_to(complete_up_to.value_or(accepted));
      return {};
    }
  }

  Result<void> append(detail::SteadyTime now) {
    if (chunk_.notes.empty()) return {};
    if (log_.bytes() + others_bytes_ + chunk_.bytes.size() > most_bytes()) {
      health_.found_room(false, now);
      health_.grew();
      wake();
      return *health_.refusal(now);
    }
    if (Result<void> written = log_.append(chunk_); !written) {
      if (written.error().code == "NotFound") is_gone_ = true;
      wake();
      return health_.failed(std::move(written).error(), now);
    }
    health_.wrote();
    if (log_.bytes() >= measure_at_) health_.grew();
    std::unique_lock<std::mutex> lock(mutex_);
    if (unsynced_since_) return {};
    unsynced_since_ = now;
    lock.unlock();
    wake();
    return {};
  }

  /// Writes what waited long enough, or could not be written before.
  [[nodiscard]] detail::SteadyTime write_due(detail::SteadyTime now) {
    const std::shared_ptr<PendingSource> source = source_.lock();
    if (source == nullptr) return (detail::SteadyTime::max)();
    const bool is_asked = write_all_.exchange(false);
    const AppendLock lock{*this, kCheckEvery};
    if (!lock.is_taken()) return now + kCheckEvery;
    const auto up_to = is_asked ? (std::numeric_limits<std::uint64_t>::max)() : 0;
    const Result<void> written = write_pending(*source, up_to, now - options_.write_after);
    if (!written) return now + kDiskPause;
    has_due_ = next_due_ != (detail::SteadyTime::max)();
    // Not for each event by itself.
    return options_.write_after.count() == 0 ? (detail::SteadyTime::max)()
                                             : (std::max)(next_due_, now + kCheckEvery);
  }

  // --- Recovery ---

  void take_orders() {
    SpoolOrders orders;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      std::swap(orders.completed, orders_.completed);
      std::swap(orders.rejected, orders_.rejected);
      orders.service_offset = orders_.service_offset;
    }
    for (std::string& line : orders.rejected) rejected_.keep(std::move(line));
    // What could not be noted is sent again after a crash, under the same ids.
    static_cast<void>(log_.acknowledge(std::move(orders.completed[detail::kOwnLog])));
    orders.completed.erase(detail::kOwnLog);
    for (auto& [log, places] : orders.completed) {
      static_cast<void>(orphans_.acknowledge(log, std::move(places)));
    }
    if (!orders.service_offset) return;
    boot_.service_offset = orders.service_offset;
    const std::int64_t boot_ms = moment_of(*platform_).boot_ms;
    log_.note_clock(boot_ms, boot_ms + *orders.service_offset);
  }

  /// Rewrites what a failed sync may have lost, and begins again where the folder is gone.
  void recover(detail::SteadyTime now) {
    if (now < check_at_ && !is_gone_) return;
    check_at_ = now + kCheckEvery;
    is_gone_ = false;
    const std::shared_ptr<PendingSource> source = source_.lock();
    const bool is_gone = log_.is_gone();
    if (source == nullptr) return;
    {
      const AppendLock lock{*this, std::chrono::milliseconds{0}};
      if (!lock.is_taken()) {
        check_at_ = now + kTryLockAgain;
        return;
      }
      if (is_gone) {
        // All that is in memory is written again.
        log_.abandon();
        write_all_ = true;
        const std::lock_guard<std::mutex> guard(mutex_);
        news_.passed_fault = detail::make_error(ErrorKind::Storage, options_.directory,
                                                "was removed or renamed; it is made again, with "
                                                "the events that are in memory");
        news_.passed_fault->code = "NotFound";
        durable_changed_.notify_all();
      }
      // Nobody appends to these any more, so that they can be rewritten without the lock.
      if (!log_.seal_failed()) return;
    }
    const Moment moment = moment_of(*platform_);
    const Result<void> rewritten = log_.rewrite([&](std::uint64_t first, std::uint64_t end) {
      Log::Frames frames;
      const auto add = [&](const detail::PendingEvent& event) {
        if (event.log != detail::kOwnLog || event.place < first || event.place >= end) return true;
        static_cast<void>(append_frame(frames[event.place], log_.salt(), event.place,
                                       entry_of(event, tracking_id_, moment)));
        return true;
      };
      source->visit(std::cref(add));
      return frames;
    });
    if (!rewritten) return health_.sync_failed(rewritten.error(), now);
    health_.wrote();
    sync_again_at_ = now;
  }

  /// Brings what was written to the disk, as far as that is possible now. False: a failed sync was
  /// seen, and what it may have lost must be rewritten first.
  bool sync() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      unsynced_since_.reset();
    }
    const Result<void> synced = log_.sync();
    if (!synced) health_.sync_failed(synced.error(), platform_->steady_now());
    if (!synced && synced.error().code == "NotFound") is_gone_ = true;
    notify_durable();
    return synced.has_value();
  }
  void notify_durable() {
    // A waiter that has not seen it waits now.
    { const std::lock_guard<std::mutex> lock(mutex_); }
    durable_changed_.notify_all();
  }

  [[nodiscard]] detail::SteadyTime sync_due(detail::SteadyTime now) {
    if (!log_.has_unsynced()) return (detail::SteadyTime::max)();
    auto due = now;
    if (durable_waiters_ == 0) {
      if (!options_.sync_interval) return (detail::SteadyTime::max)();
      const std::lock_guard<std::mutex> lock(mutex_);
      if (unsynced_since_) due = *unsynced_since_ + *options_.sync_interval;
    }
    due = (std::max)(due, sync_again_at_);
    if (now < due) return due;
    if (!sync()) {
      // What it may have lost is rewritten first.
      check_at_ = now;
      sync_again_at_ = now + kDiskPause;
    }
    return log_.has_unsynced() ? (std::max)(sync_again_at_, now + kCheckEvery)
                               : (detail::SteadyTime::max)();
  }

  // --- Orphans and limits ---

  [[nodiscard]] detail::SteadyTime adopt(detail::SteadyTime now) {
    unsigned char random = 0;
    platform_->random_bytes(&random, 1);
    if (orphans_.look(now, random)) {
      log_.unskip();
      health_.grew();
    }
    if (!is_scanned_) scan();
    orphans_.adopt();
    return orphans_.next_look(now);
  }

  /// Finds the sessions whose live events have to wait for older ones.
  void scan() {
    SessionCounts found = session_counts();
    const auto end = platform_->steady_now() + kLongestScan;
    const bool is_complete = orphans_.scan([&](const Entry& entry) { found.add(entry.session_id); },
                                           [&] { return platform_->steady_now() >= end; });
    is_scanned_ = true;
    // If something could not be read now, live events wait until the backlog is read.
    const std::lock_guard<std::mutex> lock(mutex_);
    if (is_complete) news_.scanned = std::move(found);
  }

  void keep_limits(detail::SteadyTime now) {
    if (!health_.should_look_for_room(now)) return;
    cap_quarantine();
    bool is_lacking = false;
    do {
      const std::uint64_t all = spool_bytes(*files_, options_.directory);
      others_bytes_ = all - std::min<std::uint64_t>(all, log_.bytes());
      measure_at_ = log_.bytes() + options_.max_bytes / 64;
      is_lacking = lacks_free_space(*files_, options_);
      if (!is_lacking && log_.bytes() + others_bytes_ <= limit()) break;
      // The rest follows when these were reported.
      const std::lock_guard<std::mutex> lock(mutex_);
      if (news_.dropped.size() >= kMostDropped) return health_.grew();
    } while (make_room());
    const bool is_full = log_.bytes() + others_bytes_ + kChunkBytes > most_bytes();
    health_.found_room(!is_lacking && !is_full, now);
  }
  /// What the files may take, less what other writers may add before it is measured again.
  [[nodiscard]] std::uint64_t most_bytes() const {
    return options_.max_bytes - options_.max_bytes / 32;
  }
  /// From here on the oldest events give way, so that there is always space for the next segment.
  [[nodiscard]] std::uint64_t limit() const {
    return most_bytes() - segment_size(options_.max_bytes) - options_.max_bytes / 32;
  }
  [[nodiscard]] bool make_room() {
    if (log_.compact()) return true;
    const auto drop = [&](const Frame& frame, std::uint32_t log, const BootClock& writer) {
      ReadEvent event = read(frame, log, writer);
      const std::lock_guard<std::mutex> lock(mutex_);
      news_.dropped.push_back(std::move(event));
    };
    const bool has_evicted = orphans_.evict_oldest(
        [&](const OrphanedLogs::Found& found) { drop(found.frame, found.log, *found.writer); });
    if (has_evicted) orphans_.adopt();
    return has_evicted ||
           log_.evict_oldest([&](const Frame& frame) { drop(frame, detail::kOwnLog, boot_); });
  }
  /// Damaged files may take a quarter of the space; the oldest are removed first.
  void cap_quarantine() {
    const std::string folder = detail::path_in(options_.directory, kQuarantineFolder);
    const Result<std::vector<std::string>> names = files_->list_folder(folder);
    if (!names) return;
    std::uint64_t bytes = folder_bytes(*files_, folder);
    for (const std::string& name : *names) {
      if (bytes <= options_.max_bytes / 4) return;
      const std::string path = detail::path_in(folder, name);
      const std::uint64_t size = file_bytes(*files_, path);
      if (!files_->remove_file(path)) return;
      bytes -= (std::min)(bytes, size);
      Error error = detail::make_error(ErrorKind::Storage, path,
                                       "was removed from quarantine for want of space");
      error.code = kDamaged;
      orphans_.note_damage(std::move(error));
    }
  }

  // --- Reading back ---

  [[nodiscard]] ReadEvent read(const Frame& frame, std::uint32_t log,
                               const BootClock& writer) const {
    ReadEvent event =
        read_event(frame, log, writer, boot_, options_.max_age, moment_of(*platform_));
    event.is_invalid = log != detail::kOwnLog && !is_sendable(frame.entry);
    return event;
  }

  /// Reads what memory has space for, when the loop has taken what was read before.
  void read(detail::SteadyTime now) {
    std::unique_lock<std::mutex> lock(mutex_);
    const std::size_t most_events = news_.read.empty() ? orders_.most_events : 0;
    const std::size_t most_bytes = orders_.most_bytes;
    lock.unlock();
    std::vector<ReadEvent> events;
    for (std::size_t bytes = 0; events.size() < most_events && bytes < most_bytes;) {
      std::optional<ReadEvent> event = read_one(now);
      if (!event) break;
      bytes += event->event.front().bytes();
      events.push_back(*std::move(event));
    }
    lock.lock();
    may_read_ = orphans_.has_unread(now) || may_read_own(now);
    if (!events.empty()) news_.read = std::move(events);
  }
  /// Within a session older events go first.
  [[nodiscard]] bool may_read_own(detail::SteadyTime now) const {
    return log_.unread() > 0 && orphans_.is_first_round_read() && now >= read_own_at_;
  }
  [[nodiscard]] std::optional<ReadEvent> read_one(detail::SteadyTime now) {
    if (const auto found = orphans_.next(now)) {
      ReadEvent event = read(found->frame, found->log, *found->writer);
      if (event.is_invalid) quarantine(found->frame);
      return event;
    }
    if (!may_read_own(now)) return std::nullopt;
    const Result<std::optional<Frame>> frame = log_.next();
    if (frame) own_tries_ = 0;
    if (frame && *frame) return read(**frame, detail::kOwnLog, boot_);
    if (frame) return std::nullopt;
    orphans_.note_damage(frame.error());
    read_own_at_ = now + kTryAgain;
    // Later segments wait, so that the order within a session holds, for a minute.
    if (++own_tries_ < kMostOwnTries) return std::nullopt;
    own_tries_ = 0;
    log_.skip();
    return std::nullopt;
  }
  /// Keeps an event that cannot be sent, as JSON lines would not.
  void quarantine(const Frame& frame) {
    Error error = detail::make_error(ErrorKind::Storage, options_.directory,
                                     "has an event that cannot be sent, now in quarantine");
    error.code = kDamaged;
    orphans_.note_damage(std::move(error));
    const std::string folder = detail::path_in(options_.directory, kQuarantineFolder);
    if (!files_->make_folder(folder)) return;
    auto file = files_->open(detail::path_in(folder, "invalid-events.frames"), OpenFor::Append);
    std::string bytes;
    if (!file || !append_frame(bytes, 0, frame.sequence, frame.entry)) return;
    // Its outcome is reported, so that nothing is silent if this fails.
    static_cast<void>((*file)->append(bytes));
  }

  /// Publishes the state, and wakes the loop if there is something for it.
  void report() {
    bool is_new = false;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      const bool is_own_read = log_.unread() == 0 || own_tries_ >= kMostTries;
      const bool is_drained = orphans_.is_drained() && is_own_read;
      const bool is_backlog_read = is_scanned_ && orphans_.is_first_round_read();
      news_.lost += log_.take_lost();
      const std::size_t state = (is_drained ? 1U : 0U) + (is_backlog_read ? 2U : 0U) +
                                (health_.fault() || is_stalled_ ? 4U : 0U) +
                                (orphans_.damage() ? 8U : 0U) + (may_read_ ? 16U : 0U);
      is_new = !news_.read.empty() || !news_.dropped.empty() || news_.lost > 0 || news_.scanned ||
               news_.passed_fault || state != reported_;
      reported_ = state;
      news_.is_drained = is_drained;
      news_.is_backlog_read = is_backlog_read;
      news_.damage = orphans_.damage();
    }
    if (is_new && has_news_) has_news_();
  }

  const std::shared_ptr<FileSystem> files_;
  const SpoolOptions options_;
  const std::shared_ptr<Platform> platform_;
  const std::size_t memory_bytes_;
  const std::string tracking_id_;
  FolderLocks locks_{};
  DiskHealth health_{options_.directory};
  std::weak_ptr<PendingSource> source_{};
  std::function<void()> has_news_{};

  std::mutex wake_mutex_{};  ///< of these:
  std::condition_variable woken_{};
  bool is_woken_{false};
  bool is_stopping_{false};
  bool has_ended_{false};

  std::mutex append_mutex_{};  ///< of these:
  std::condition_variable append_freed_{};
  bool is_appending_{false};
  std::uint64_t append_holder_{0};  ///< a number for each

  // Of the holder of the append lock:
  FrameChunk chunk_{};
  detail::SteadyTime next_due_{};

  std::atomic<bool> is_stalled_{false};
  std::atomic<bool> write_all_{false};
  std::atomic<bool> is_scanned_{false};
  std::atomic<bool> is_gone_{false};
  std::atomic<bool> may_read_{false};
  std::atomic<bool> has_due_{false};
  std::atomic<std::uint64_t> others_bytes_{0};
  std::atomic<std::uint64_t> measure_at_{0};
  std::atomic<int> durable_waiters_{0};

  mutable std::mutex mutex_{};
  std::condition_variable durable_changed_{};
  SpoolOrders orders_{};
  SpoolNews news_{};
  std::optional<detail::SteadyTime> unsynced_since_{};

  std::mutex work_mutex_{};

  // The disk thread only:
  BootClock boot_;
  Log log_;
  OrphanedLogs orphans_;
  RejectedEvents rejected_;
  detail::SteadyTime check_at_{};
  detail::SteadyTime sync_again_at_{};
  detail::SteadyTime read_own_at_{};
  int own_tries_{0};
  std::size_t reported_{0};
};

}  // namespace detail::spool

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
