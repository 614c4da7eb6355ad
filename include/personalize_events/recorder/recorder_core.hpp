// SPDX-License-Identifier: Apache-2.0
//
// RecorderCore: what stands behind an EventRecorder: the lock around the dispatcher, the loop's
// turns that execute what it says, and the waiting of flush and close. It decides nothing.
#ifndef PERSONALIZE_EVENTS_RECORDER_RECORDER_CORE_HPP
#define PERSONALIZE_EVENTS_RECORDER_RECORDER_CORE_HPP

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "personalize_events/client/attempt_sender.hpp"
#include "personalize_events/client/call_context.hpp"
#include "personalize_events/client/loop.hpp"
#include "personalize_events/platform/process_id.hpp"
#include "personalize_events/recorder/batch.hpp"
#include "personalize_events/recorder/bounded_options.hpp"
#include "personalize_events/recorder/delivery.hpp"
#include "personalize_events/recorder/dispatcher.hpp"
#include "personalize_events/recorder/encode_event.hpp"
#include "personalize_events/recorder/flights.hpp"
#include "personalize_events/recorder/options.hpp"
#include "personalize_events/recorder/spool/spool.hpp"
#include "personalize_events/recorder/spool/syncer.hpp"
#include "personalize_events/recorder/spooler.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// What close adds to its deadline for the loop to abort what is in flight.
inline constexpr std::chrono::milliseconds kAbortGrace{50};

class RecorderCore final : public LoopMember, public std::enable_shared_from_this<RecorderCore> {
 public:
  /// `spool` is null for a recorder that keeps its events in memory only.
  RecorderCore(RecorderOptions options, std::shared_ptr<CallContext> context,
               std::shared_ptr<Loop> loop, std::shared_ptr<AttemptSender> sender,
               std::shared_ptr<spool::Spool> spool = nullptr)
      : options_(bounded(std::move(options), context->options().http)),
        context_(std::move(context)),
        loop_(std::move(loop)),
        dispatcher_(options_, context_->options().retry.quota, context_->platform().steady_now()),
        flights_(context_, std::move(sender)) {
    if (spool == nullptr) return;
    spooler_.emplace(std::move(spool), options_, dispatcher_);
    is_spool_drained_ = false;
  }

  ~RecorderCore() override = default;
  RecorderCore(const RecorderCore&) = delete;
  RecorderCore& operator=(const RecorderCore&) = delete;

  /// To be called once, before all others. Errors: Configuration, when the system gives no thread
  /// that brings the spool to the disk.
  [[nodiscard]] Result<void> start() {
    if (!spooler_) return {};
    syncer_.emplace(spooler_->shared_spool(), [weak = weak_from_this()] {
      // What a failed sync may have lost is written again by the loop.
      if (const auto self = weak.lock()) self->loop_->wake();
    });
    return is_manual() ? Result<void>{} : syncer_->start();
  }

  [[nodiscard]] Result<void> record(const Session& session, const Event& event) {
    Result<PendingEvents> encoded = prepare(session, event);
    if (!encoded) return refused(std::move(encoded).error());
    return accept(*std::move(encoded), false);
  }

  [[nodiscard]] Result<void> record_durable(const Session& session, const Event& event,
                                            std::chrono::milliseconds timeout) {
    if (!spooler_) {
      return refused(make_error(ErrorKind::Configuration, "RecorderOptions.spool",
                                "record_durable needs a spool; set its directory"));
    }
    Result<PendingEvents> encoded = prepare(session, event);
    if (!encoded) return refused(std::move(encoded).error());
    if (Result<void> taken = accept(*std::move(encoded), true); !taken) return taken;
    return syncer_->wait(std::clamp(timeout, std::chrono::milliseconds{0}, kLongestWait));
  }

  void flush_soon() {
    if (is_forked()) return;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      dispatcher_.flush();
      planned_wake_ = SteadyTime::min();
    }
    loop_->wake();
  }

  [[nodiscard]] FlushReport flush(std::chrono::milliseconds timeout) {
    if (is_forked()) return {};
    std::unique_lock<std::mutex> lock(mutex_);
    const auto watch = begin_watch();
    if (loop_->is_loop_thread()) return would_deadlock(watch);
    std::optional<std::uint64_t> last_told;
    wait(lock, timeout, [&] { return has_ended(*watch, last_told); });
    return dispatcher_.account().unwatch(watch);
  }

  [[nodiscard]] CloseReport close(std::chrono::milliseconds timeout) {
    if (is_forked()) return {};
    std::unique_lock<std::mutex> lock(mutex_);
    const bool is_first = phase_ == Phase::Open;
    phase_ = std::max(phase_, Phase::Draining);
    has_room_.notify_all();
    const auto watch = begin_watch();
    if (loop_->is_loop_thread()) return would_deadlock(watch);
    std::optional<std::uint64_t> last_told;
    wait(lock, timeout, [&] {
      if (phase_ == Phase::Aborting) return dispatcher_.stats().pending == 0;
      return has_ended(*watch, last_told) && is_spool_drained_;
    });
    if (dispatcher_.stats().pending > 0) {
      phase_ = std::max(phase_, Phase::Aborting);
      wait(lock, kAbortGrace, [&] { return has_all_ended(); });
    }
    CloseReport report = dispatcher_.account().unwatch(watch);
    // What memory never had room for.
    const std::uint64_t left = std::min(dispatcher_.account().in_overflow(), report.pending);
    lock.unlock();
    if (!spooler_) return report;
    if (is_first && options_.spool->sync_interval) static_cast<void>(syncer_->wait(kAbortGrace));
    report.spooled += left;
    report.pending -= left;
    report.complete = report.pending == 0;
    return report;
  }

  [[nodiscard]] RecorderStats stats() const {
    if (is_forked()) return {};
    const std::lock_guard<std::mutex> lock(mutex_);
    RecorderStats stats = dispatcher_.stats();
    stats.refused = refused_.load(std::memory_order_relaxed);
    if (const PendingEvent* oldest = dispatcher_.oldest()) {
      stats.oldest_pending_age = std::chrono::duration_cast<std::chrono::milliseconds>(
          context_->platform().steady_now() - oldest->recorded_at);
    }
    return stats;
  }

  [[nodiscard]] RunReport run_once(std::chrono::milliseconds at_most) {
    RunReport report;
    if (is_forked()) return report;
    report.did_work = loop_->run_once(at_most);
    const std::lock_guard<std::mutex> lock(mutex_);
    const SteadyTime now = context_->platform().steady_now();
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(std::max(next_wake(now), now) - now);
    // What is in flight may end at any time.
    const bool is_busy = dispatcher_.stats().in_flight > 0;
    report.next_wake = is_busy ? std::chrono::milliseconds{0} : std::min(left, kLongestTurn);
    report.pending = dispatcher_.stats().pending;
    return report;
  }

  void set_credentials(const Credentials& credentials) {
    if (is_forked()) return;
    context_->credentials()->keep(credentials);
    loop_->wake();
  }

  /// The loop lets it go: no callback is running then, unless it is the caller, and none comes
  /// after. What the loop could not end in time is ended and told here.
  void leave() {
    if (is_forked()) return;
    loop_->remove(this);
    std::unique_lock<std::mutex> lock(mutex_);
    has_left_ = true;
    if (loop_->is_loop_thread()) {
      left_in_callback_ = true;
      return;
    }
    changed_.wait(lock, [this] { return !is_busy_; });
    dispatcher_.abandon(closed_error(), [this](PendingEvent& event) { return is_kept(event); });
    std::vector<EndedEvents> ended = dispatcher_.take_ended();
    lock.unlock();
    if (spooler_) {
      syncer_->stop(kAbortGrace);
      spooler_->note_ends(ended);
      spooler_->spool().close();
    }
    call_application(std::move(ended), {});
  }

  /// Whether this is another process than the one that made it. It lets go of the spool then, which
  /// is its parent's.
  [[nodiscard]] bool is_forked() const {
    if (process_id() == owner_) return false;
    if (spooler_) spooler_->spool().abandon_in_child();
    return true;
  }
  [[nodiscard]] bool is_manual() const { return options_.driver == Driver::Manual; }
  [[nodiscard]] const RecorderOptions& options() const { return options_; }

  SteadyTime step(SteadyTime now) override {
    const Turn turn{*this};
    if (!turn.is_taken()) return SteadyTime::max();
    if (spooler_) spooler_->look(may_read_);
    std::vector<Outgoing> outgoing;
    std::vector<EndedEvents> ended;
    std::vector<Fault> faults;
    SteadyTime wake{};
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (spooler_) spooler_->turn(now);
      if (phase_ < Phase::Aborting) {
        while (outgoing.size() < kMostPerTurn) {
          const std::optional<Batch> batch = dispatcher_.next(now);
          if (!batch) break;
          outgoing.push_back({*batch, write_body(options_.tracking_id, *batch)});
        }
      } else if (dispatcher_.stats().in_flight == 0) {
        dispatcher_.end_all(closed_error(), [this](PendingEvent& event) { return is_kept(event); });
      }
      ended = dispatcher_.take_ended();
      faults = dispatcher_.take_faults();
      const bool has_more = outgoing.size() == kMostPerTurn;
      if (spooler_) next_look_ = spooler_->next_look(now);
      may_read_ = phase_ < Phase::Aborting;
      wake = has_more ? now : next_wake(now);
      planned_wake_ = wake;
    }
    if (!ended.empty()) has_room_.notify_all();
    if (spooler_) tend_spool(ended, now);
    abort_if_closing();
    for (Outgoing& one : outgoing) send(std::move(one));
    // Whoever runs the loop until this was told must not wait for the network after it.
    if (is_manual() && !ended.empty()) wake = now;
    tell(std::move(ended), faults);
    return wake;
  }

  void stop() override {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      phase_ = Phase::Aborting;
    }
    abort_if_closing();
  }

 private:
  /// Batches that one turn of the loop signs and sends, so that answers are read in between.
  static constexpr std::size_t kMostPerTurn = 32;

  enum class Phase : std::uint8_t {
    Open,
    Draining,  ///< closed to new events
    Aborting,  ///< the deadline of close is over
  };
  /// A time in which the loop's thread uses this, and `leave` waits. Not taken once it has left.
  class Turn {
   public:
    explicit Turn(RecorderCore& core) : core_(core) {
      const std::lock_guard<std::mutex> lock(core_.mutex_);
      is_taken_ = !core_.has_left_;
      if (is_taken_) core_.is_busy_ = true;
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
      if (!is_taken_) return;
      const std::lock_guard<std::mutex> lock(core_.mutex_);
      core_.is_busy_ = false;
      if (core_.has_left_) core_.changed_.notify_all();
    }
    [[nodiscard]] bool is_taken() const { return is_taken_; }

   private:
    RecorderCore& core_;
    bool is_taken_{false};
  };
  struct Outgoing {
    Batch batch;
    Result<std::string> body;
  };

  [[nodiscard]] static Error closed_error() {
    return make_error(ErrorKind::Cancelled, "close",
                      "the recorder was closed before it could be delivered");
  }

  /// The event as it is kept, if it can be recorded.
  [[nodiscard]] Result<PendingEvents> prepare(const Session& session, const Event& event) {
    if (is_forked()) return cancelled("this process was forked from the recorder's");
    if (auto valid = check_recorded(session, event, context_->options().validation); !valid) {
      return std::move(valid).error();
    }
    return encoders_.encode(session, event, context_->platform());
  }

  Result<void> refused(Error error) {
    refused_.fetch_add(1, std::memory_order_relaxed);
    return error;
  }
  [[nodiscard]] static Error cancelled(const char* why) {
    return make_error(ErrorKind::Cancelled, "record", why);
  }

  [[nodiscard]] Result<void> accept(PendingEvents&& one, bool must_be_durable) {
    const std::size_t bytes = one.front().bytes();
    const SteadyTime now = one.front().recorded_at;
    bool is_waited_for = false;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      if (phase_ != Phase::Open) return refused(cancelled("the recorder is closed"));
      const bool is_spilled =
          spooler_ && spooler_->must_spill(one.front()) && spooler_->spill(one.front()).has_value();
      if (!is_spilled) {
        if (!dispatcher_.has_room(bytes)) find_room(lock, bytes);
        if (phase_ != Phase::Open) return refused(cancelled("the recorder is closed"));
        if (!dispatcher_.has_room(bytes)) {
          return refused(make_error(ErrorKind::QueueFull, "record",
                                    "no room for the event; raise max_pending_events or "
                                    "max_pending_bytes, or send fewer"));
        }
        if (spooler_) {
          Result<void> written = spooler_->write(one.front(), must_be_durable);
          if (!written) return refused(std::move(written).error());
        }
        dispatcher_.accept(std::move(one));
      }
      // The earliest time there is says that the loop is on its way already.
      is_waited_for = planned_wake_ != SteadyTime::min() &&
                      (dispatcher_.has_news() || next_wake(now) < planned_wake_ ||
                       (is_spilled && spooler_->wants_to_read()));
      if (is_waited_for) planned_wake_ = SteadyTime::min();
    }
    if (is_waited_for) loop_->wake();
    return {};
  }

  /// The spool's part of a turn, in which nobody waits for the lock.
  void tend_spool(const std::vector<EndedEvents>& ended, SteadyTime now) {
    spooler_->note_ends(ended);
    const bool is_drained = spooler_->spool().is_drained();
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      is_spool_drained_ = is_drained;
    }
    if (is_drained) changed_.notify_all();
    syncer_->turn(now);
  }

  /// When the loop has to come by itself.
  [[nodiscard]] SteadyTime next_wake(SteadyTime now) {
    SteadyTime wake = dispatcher_.next_wake(now);
    if (!spooler_) return wake;
    wake = std::min(wake, spooler_->write_at());
    return phase_ < Phase::Aborting ? std::min(wake, next_look_) : wake;
  }

  /// Whether the disk has an event when all ends.
  [[nodiscard]] bool is_kept(PendingEvent& event) { return spooler_ && spooler_->keep(event); }

  [[nodiscard]] EventAccount::Watch begin_watch() {
    dispatcher_.flush();
    planned_wake_ = SteadyTime::min();
    if (!spooler_) return dispatcher_.account().watch();
    return dispatcher_.account().watch(spooler_->spool().next_overflow_place());
  }
  [[nodiscard]] FlushReport would_deadlock(EventAccount::Watch watch) {
    FlushReport report = dispatcher_.account().unwatch(watch);
    report.would_deadlock = true;
    return report;
  }

  void find_room(std::unique_lock<std::mutex>& lock, std::size_t bytes) {
    if (options_.when_full == WhenFull::DropNewest || bytes > options_.max_pending_bytes) return;
    if (options_.when_full == WhenFull::DropOldest) {
      // They are told by the loop, in its next turn.
      static_cast<void>(dispatcher_.make_room(bytes));
      return;
    }
    if (is_manual() || loop_->is_loop_thread()) return;
    has_room_.wait_for(lock, options_.block_timeout, [this, bytes] {
      return phase_ != Phase::Open || dispatcher_.has_room(bytes);
    });
  }

  /// Waits for something that the loop brings about; in manual mode, runs it.
  template <class Condition>
  void wait(std::unique_lock<std::mutex>& lock, std::chrono::milliseconds timeout,
            const Condition& condition) {
    const SteadyTime deadline = later(context_->platform().steady_now(), timeout);
    lock.unlock();
    loop_->wake();
    lock.lock();
    if (!is_manual()) {
      changed_.wait_until(lock, deadline, condition);
      return;
    }
    for (;;) {
      if (condition()) return;
      const SteadyTime now = context_->platform().steady_now();
      if (now >= deadline) return;
      lock.unlock();
      const bool did_work =
          loop_->run_once(std::min(std::chrono::ceil<std::chrono::milliseconds>(deadline - now),
                                   std::chrono::milliseconds{100}));
      lock.lock();
      // It may have been another thread's turn, which this must not spin for.
      if (!did_work) changed_.wait_for(lock, std::chrono::milliseconds{1});
    }
  }

  [[nodiscard]] static SteadyTime later(SteadyTime now, std::chrono::milliseconds timeout) {
    return now + std::clamp(timeout, std::chrono::milliseconds{0}, kLongestWait);
  }

  void send(Outgoing&& outgoing) {
    if (!outgoing.body) {
      BatchAnswer answer;
      answer.error = std::move(outgoing.body).error();
      answer.was_sent = false;
      static_cast<void>(answered(outgoing.batch, std::move(answer)));
      return;
    }
    flights_.start(outgoing.batch, *std::move(outgoing.body),
                   [self = shared_from_this()](const Batch& batch, AttemptReport report) {
                     self->landed(batch, std::move(report));
                   });
  }

  void landed(const Batch& batch, AttemptReport report) {
    const Turn turn{*this};
    if (!turn.is_taken()) return;  // the batch is void
    flights_.remove(batch);
    switch (answered(batch, take_answer(report))) {
      case retry::Remedy::None: break;
      case retry::Remedy::CorrectClock:
        context_->correct_clock(*report.failure.service_date);
        break;
      case retry::Remedy::RefreshCredentials:
        context_->credentials()->invalidate(report.credentials);
        break;
    }
    loop_->note_work();
  }

  retry::Remedy answered(const Batch& batch, BatchAnswer answer) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const SteadyTime now = context_->platform().steady_now();
    return dispatcher_.answered(batch, std::move(answer), now, context_->random_fraction());
  }

  void abort_if_closing() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (phase_ < Phase::Aborting) return;
    }
    flights_.cancel();
  }

  /// Calls the application, no lock held, and then whoever waits for the end of these events.
  void tell(std::vector<EndedEvents> ended, const std::vector<Fault>& faults) {
    if (ended.empty() && faults.empty()) return;
    std::uint64_t count = 0;
    for (const EndedEvents& one : ended) count += one.events.size();
    call_application(std::move(ended), faults);
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      told_ += count;
    }
    changed_.notify_all();
  }

  void call_application(std::vector<EndedEvents> ended, const std::vector<Fault>& faults) const {
    // A callback may destroy the recorder; it is told no more then.
    for (const Fault& fault : faults) {
      if (options_.on_fault && !left_in_callback_) options_.on_fault(fault);
    }
    for (EndedEvents& one : ended) {
      if (options_.on_delivery && !left_in_callback_) {
        options_.on_delivery(delivery_of(std::move(one)));
      }
    }
  }

  /// Nothing of it is pending, and the application was told of all that had ended by then.
  [[nodiscard]] bool has_ended(const FlushWatch& watch,
                               std::optional<std::uint64_t>& last_told) const {
    if (watch.report.pending > 0) return false;
    if (!last_told) last_told = ended_by_now();
    return told_ >= *last_told;
  }
  [[nodiscard]] bool has_all_ended() const {
    return dispatcher_.stats().pending == 0 && told_ >= ended_by_now();
  }
  /// Events whose end is told, or will be.
  [[nodiscard]] std::uint64_t ended_by_now() const { return dispatcher_.account().ended(); }

  const RecorderOptions options_;
  const std::shared_ptr<CallContext> context_;
  const std::shared_ptr<Loop> loop_;
  const ProcessId owner_{process_id()};
  SharedEncoders encoders_{};
  std::atomic<std::uint64_t> refused_{0};

  mutable std::mutex mutex_{};
  std::condition_variable changed_{};
  std::condition_variable has_room_{};
  Dispatcher dispatcher_;
  std::optional<Spooler> spooler_{};
  bool is_spool_drained_{true};
  SteadyTime next_look_{};
  Phase phase_{Phase::Open};
  std::uint64_t told_{0};                       // events whose end the application was told
  bool is_busy_{false};                         // the loop's thread is in here
  bool has_left_{false};                        // it comes no more
  SteadyTime planned_wake_{SteadyTime::max()};  // when the loop comes by itself

  std::optional<spool::Syncer> syncer_{};  // there is one if there is a spooler

  // The loop's thread only:
  Flights flights_;
  bool may_read_{true};
  bool left_in_callback_{false};
};

}  // namespace detail
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
