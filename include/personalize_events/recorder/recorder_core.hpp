// SPDX-License-Identifier: Apache-2.0
//
// RecorderCore: the implementation behind an EventRecorder: the lock around the dispatcher, the
// loop's iterations that execute its decisions, and the waiting of flush and close. It never waits
// for the disk with its lock held.
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
#include "personalize_events/recorder/sent_at.hpp"
#include "personalize_events/recorder/spool/spool.hpp"
#include "personalize_events/recorder/spool/spool_thread.hpp"
#include "personalize_events/recorder/spooler.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// What close adds to its deadline to abort requests in flight and to write what is left.
inline constexpr std::chrono::milliseconds kAbortGrace{50};
/// How long the destructor waits for the disk thread to release the spool.
inline constexpr std::chrono::milliseconds kStopGrace{1000};
/// The least time for which a recording thread waits for another that writes to the log.
inline constexpr std::chrono::milliseconds kLeastPatience{100};

class RecorderCore final : public LoopMember,
                           public spool::PendingSource,
                           public std::enable_shared_from_this<RecorderCore> {
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
    shared_spool_ = std::move(spool);
    is_spool_drained_ = false;
  }

  ~RecorderCore() override = default;
  RecorderCore(const RecorderCore&) = delete;
  RecorderCore& operator=(const RecorderCore&) = delete;

  /// To be called once, before all others. Errors: Configuration, if the system gives no thread for
  /// the spool.
  [[nodiscard]] Result<void> start() {
    if (shared_spool_ == nullptr) return {};
    shared_spool_->connect(weak_from_this(), [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->loop_->wake();
    });
    spooler_.emplace(shared_spool_, options_, dispatcher_);
    if (is_manual()) return {};
    spool_thread_.emplace(shared_spool_);
    return spool_thread_->start();
  }

  [[nodiscard]] Result<void> record(const Session& session, const Event& event) {
    Result<PendingEvents> encoded = prepare(session, event);
    if (!encoded) return refused(std::move(encoded).error());
    const Result<std::uint64_t> place = accept(*std::move(encoded), false);
    return place ? Result<void>{} : place.error();
  }

  [[nodiscard]] Result<void> record_durable(const Session& session, const Event& event,
                                            std::chrono::milliseconds timeout) {
    if (!spooler_) {
      return refused(make_error(ErrorKind::Configuration, "RecorderOptions.spool",
                                "record_durable needs a spool; set its directory"));
    }
    Result<PendingEvents> encoded = prepare(session, event);
    if (!encoded) return refused(std::move(encoded).error());
    const Result<std::uint64_t> place = accept(*std::move(encoded), true);
    if (!place) return place.error();
    return shared_spool_->wait_durable(
        *place, std::clamp(timeout, std::chrono::milliseconds{0}, kLongestWait),
        spool_thread_.has_value());
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
      begin_abort();
      wait(lock, kAbortGrace, [&] { return has_all_ended(); });
    }
    CloseReport report = dispatcher_.account().unwatch(watch);
    // What memory never had room for.
    const std::uint64_t left = std::min(dispatcher_.account().disk_only(), report.pending);
    const std::uint64_t last = dispatcher_.account().last_sequence();
    lock.unlock();
    if (!spooler_) return report;
    if (is_first && options_.spool->sync_interval) {
      static_cast<void>(shared_spool_->wait_durable(last, kAbortGrace, spool_thread_.has_value()));
    }
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

  /// Leaves the loop: no callback is running then, unless it is the caller, in which case the rest
  /// follows when that returns. What the loop could not complete in time is completed and reported
  /// here.
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
    lock.unlock();
    finish();
  }

  /// Whether this is another process than the one that made it. It lets go of the spool then, which
  /// is its parent's.
  [[nodiscard]] bool is_forked() const {
    if (process_id() == owner_) return false;
    if (shared_spool_ != nullptr) shared_spool_->abandon_in_child();
    return true;
  }
  [[nodiscard]] bool is_manual() const { return options_.driver == Driver::Manual; }
  [[nodiscard]] const RecorderOptions& options() const { return options_; }

  SteadyTime step(SteadyTime now) override {
    const Turn turn{*this};
    if (!turn.is_taken()) return SteadyTime::max();
    const bool works_here = spooler_ && is_manual();
    const SteadyTime spool_at = works_here ? shared_spool_->work() : SteadyTime::max();
    std::vector<Outgoing> outgoing;
    std::vector<EndedEvents> ended;
    std::vector<Fault> faults;
    spool::SpoolOrders orders;
    SteadyTime wake{};
    {
      std::unique_lock<std::mutex> lock(mutex_);
      spool_at_ = spool_at;
      if (spooler_) take_spool_news();
      wake = next_wake(now);
      if (phase_ < Phase::Aborting) {
        take_batches(now, outgoing);
        wake = outgoing.size() == kMostPerTurn ? now : next_wake(now);
      } else if (dispatcher_.stats().in_flight == 0) {
        wake = end_rest(lock, now);
      }
      ended = dispatcher_.take_ended();
      faults = dispatcher_.take_faults();
      if (spooler_ && phase_ < Phase::Aborting) spooler_->add_window(orders);
      if (is_manual() && orders.most_events > 0) wake = now;
      planned_wake_ = wake;
    }
    if (!ended.empty()) has_room_.notify_all();
    if (is_spool_drained_) changed_.notify_all();
    if (spooler_) post(std::move(orders), ended);
    abort_if_closing();
    for (Outgoing& one : outgoing) send(std::move(one));
    // A caller that runs the loop until this is reported must not wait for the network after it.
    if (is_manual() && !ended.empty()) wake = now;
    tell(std::move(ended), faults);
    if (left_in_callback_) finish();
    return wake;
  }

  std::uint64_t visit_unwritten(std::uint64_t written, const Visit& visit) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    dispatcher_.visit_unwritten(written, visit);
    return dispatcher_.account().last_sequence();
  }
  void visit(const Visit& visit) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    dispatcher_.visit(visit);
  }

  void stop() override {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      begin_abort();
    }
    abort_if_closing();
  }

 private:
  /// Batches that one iteration of the loop signs and sends, so that responses are read in between.
  static constexpr std::size_t kMostPerTurn = 32;
  /// Events that one iteration ends at close, so that no other thread waits long for the lock.
  static constexpr std::size_t kMostEndedPerTurn = 1024;

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

  /// Accepts an event, and writes it if it is time for that or `must_be_durable`. Returns its place
  /// in the log.
  [[nodiscard]] Result<std::uint64_t> accept(PendingEvents&& one, bool must_be_durable) {
    Placement placement = Placement::Memory;
    const std::string durable_session{must_be_durable ? one.front().session_id() : ""};
    Result<std::uint64_t> place = std::uint64_t{0};
    {
      std::unique_lock<std::mutex> lock(mutex_);
      if (spooler_) placement = spooler_->placement_of(one.front());
      if (placement != Placement::Disk) place = take(lock, std::move(one));
    }
    if (placement == Placement::Disk) {
      place = append_disk_only(one.front());
      const bool may_stay_in_memory =
          !place && !must_be_durable && place.error().kind == ErrorKind::Storage;
      if (may_stay_in_memory) {
        std::unique_lock<std::mutex> lock(mutex_);
        place = take(lock, std::move(one));
      }
    } else if (spooler_ && place) {
      place = write(*place, durable_session);
    }
    if (!place) return refused(std::move(place).error()).error();
    return place;
  }

  /// Takes an event into memory.
  [[nodiscard]] Result<std::uint64_t> take(std::unique_lock<std::mutex>& lock,
                                           PendingEvents&& one) {
    const std::size_t bytes = one.front().bytes();
    const SteadyTime now = one.front().recorded_at;
    if (phase_ == Phase::Open && !dispatcher_.has_room(bytes)) find_room(lock, bytes);
    if (phase_ != Phase::Open) return cancelled("the recorder is closed");
    if (!dispatcher_.has_room(bytes) || (spooler_ && !spooler_->has_room(one.front()))) {
      return make_error(ErrorKind::QueueFull, "record",
                        "no room for the event; raise max_pending_events or max_pending_bytes, or "
                        "send fewer");
    }
    if (spooler_) {
      spooler_->accept(std::move(one));
    } else {
      dispatcher_.accept(std::move(one));
    }
    const std::uint64_t place = dispatcher_.account().last_sequence();
    if (spooler_) spool_at_ = std::min(spool_at_, later(now, options_.spool->write_after));
    // The earliest time there is says that the loop is on its way already.
    const bool is_waited_for = planned_wake_ != SteadyTime::min() &&
                               (dispatcher_.has_news() || next_wake(now) < planned_wake_);
    if (!is_waited_for) return place;
    planned_wake_ = SteadyTime::min();
    lock.unlock();
    loop_->wake();
    return place;
  }

  /// Writes an event to the disk that memory has no room for.
  [[nodiscard]] Result<std::uint64_t> append_disk_only(const PendingEvent& event) {
    std::uint64_t place = 0;
    const auto reserve = [&]() -> Result<std::uint64_t> {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (phase_ != Phase::Open) return cancelled("the recorder is closed");
      place = spooler_->reserve(event);
      return place;
    };
    Result<void> written = shared_spool_->append_disk_only(*this, event, reserve, patience());
    bool is_waited_for = false;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!written && place > 0) spooler_->unreserve(event, place);
      is_waited_for = written && is_manual() && planned_wake_ != SteadyTime::min();
      if (is_waited_for) planned_wake_ = SteadyTime::min();
    }
    if (!written) return std::move(written).error();
    shared_spool_->note_unread();
    if (is_waited_for) loop_->wake();
    return place;
  }

  /// Writes the accepted events up to a place, if it is time for that. The session is that of an
  /// event which must be durable, or else it is taken back; empty: it is written later.
  [[nodiscard]] Result<std::uint64_t> write(std::uint64_t place, const std::string& session) {
    const auto write_after = shared_spool_->options().write_after;
    if (session.empty() && write_after.count() > 0) {
      shared_spool_->note_pending();
      return place;
    }
    Result<void> written = shared_spool_->write_up_to(*this, place, patience());
    if (written || session.empty()) return place;
    const std::lock_guard<std::mutex> lock(mutex_);
    if (dispatcher_.withdraw(session, place)) return std::move(written).error();
    return place;
  }
  [[nodiscard]] std::chrono::milliseconds patience() const {
    return std::max(options_.block_timeout, kLeastPatience);
  }

  // --- The loop's iteration, locked ---

  void take_spool_news() {
    spooler_->turn();
    is_spool_drained_ = spooler_->is_drained();
  }

  void take_batches(SteadyTime now, std::vector<Outgoing>& outgoing) {
    while (outgoing.size() < kMostPerTurn) {
      const std::optional<Batch> batch = dispatcher_.next(now);
      if (!batch) return;
      if (service_offset_) correct_times(*batch, now);
      outgoing.push_back({*batch, write_body(options_.tracking_id, *batch)});
    }
  }
  /// Gives events that the library stamped by a wrong clock the time of the service's clock.
  void correct_times(const Batch& batch, SteadyTime now) {
    const std::chrono::system_clock::time_point service_now{
        std::chrono::duration_cast<std::chrono::system_clock::duration>(
            context_->platform().boot_now() + std::chrono::milliseconds{*service_offset_})};
    dispatcher_.rewrite(batch, [&](PendingEvent& event) {
      if (!may_correct_sent_at(event)) return;
      const auto age =
          std::chrono::duration_cast<std::chrono::system_clock::duration>(now - event.recorded_at);
      static_cast<void>(correct_sent_at(event, service_now - age));
    });
  }

  void begin_abort() {
    if (phase_ == Phase::Aborting) return;
    phase_ = Phase::Aborting;
    abort_at_ = later(context_->platform().steady_now(), kAbortGrace);
  }
  /// Ends what is left at close, when all of it is on the disk or cannot be, as far as there is
  /// time. Returns when to come again.
  [[nodiscard]] SteadyTime end_rest(std::unique_lock<std::mutex>& lock, SteadyTime now) {
    if (spooler_ && !is_settled(now)) {
      shared_spool_->request_write();
      return is_manual() ? now : now + std::chrono::milliseconds{1};
    }
    const auto is_kept_one = [this](const PendingEvent& event) { return is_kept(event); };
    while (dispatcher_.end_some(kMostEndedPerTurn, closed_error(), is_kept_one)) {
      if (context_->platform().steady_now() >= abort_at_) return now;
      // Others may have the lock in between.
      lock.unlock();
      lock.lock();
    }
    return SteadyTime::max();
  }
  /// Whether the disk has all that is pending, or cannot have it in time.
  [[nodiscard]] bool is_settled(SteadyTime now) {
    return spooler_->is_all_written() || shared_spool_->is_refusing() || now >= abort_at_;
  }

  void post(spool::SpoolOrders&& window, const std::vector<EndedEvents>& ended) {
    spool::SpoolOrders orders = spooler_->orders_for(ended);
    orders.most_events = window.most_events;
    orders.most_bytes = window.most_bytes;
    orders.service_offset = service_offset_;
    shared_spool_->post(std::move(orders));
  }

  /// Completes everything after the loop has left it.
  void finish() {
    std::unique_lock<std::mutex> lock(mutex_);
    begin_abort();
    if (spooler_) write_the_rest(lock);
    dispatcher_.abandon(closed_error(),
                        [this](const PendingEvent& event) { return is_kept(event); });
    std::vector<EndedEvents> ended = dispatcher_.take_ended();
    lock.unlock();
    if (spooler_) {
      post({}, ended);
      if (spool_thread_) {
        spool_thread_->stop(kStopGrace);
      } else {
        shared_spool_->close();
      }
    }
    call_application(std::move(ended), {});
  }
  void write_the_rest(std::unique_lock<std::mutex>& lock) {
    constexpr std::chrono::milliseconds step{1};
    for (auto waited = step; waited <= kAbortGrace; waited += step) {
      if (spooler_->is_all_written() || shared_spool_->is_refusing()) return;
      lock.unlock();
      shared_spool_->request_write();
      if (!spool_thread_) static_cast<void>(shared_spool_->work());
      lock.lock();
      if (spool_thread_) changed_.wait_for(lock, step);
    }
  }

  /// When the loop has to come by itself.
  [[nodiscard]] SteadyTime next_wake(SteadyTime now) {
    const SteadyTime wake = dispatcher_.next_wake(now);
    if (!spooler_ || !is_manual()) return wake;
    return std::min(wake, spool_at_);
  }

  /// Whether the disk has an event when all ends.
  [[nodiscard]] bool is_kept(const PendingEvent& event) {
    return spooler_ && spooler_->is_kept(event);
  }

  [[nodiscard]] EventAccount::Watch begin_watch() {
    dispatcher_.flush();
    planned_wake_ = SteadyTime::min();
    return dispatcher_.account().watch();
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
    if (answer.service_date) note_service_date(*answer.service_date);
    const SteadyTime now = context_->platform().steady_now();
    return dispatcher_.answered(batch, std::move(answer), now, context_->random_fraction());
  }

  void note_service_date(std::chrono::system_clock::time_point date) {
    using std::chrono::milliseconds;
    service_offset_ = (std::chrono::floor<milliseconds>(date.time_since_epoch()) -
                       std::chrono::floor<milliseconds>(context_->platform().boot_now()))
                          .count();
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
    // A callback may destroy the recorder: the outcomes are reported all the same.
    for (const Fault& fault : faults) {
      if (options_.on_fault && !left_in_callback_) options_.on_fault(fault);
    }
    if (!options_.on_delivery) return;
    for (EndedEvents& one : ended) options_.on_delivery(delivery_of(std::move(one)));
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
  std::shared_ptr<spool::Spool> shared_spool_{};  // null: none
  std::optional<Spooler> spooler_{};
  std::atomic<bool> is_spool_drained_{true};
  std::optional<std::int64_t> service_offset_{};  // the service's time less the boot time
  SteadyTime spool_at_{SteadyTime::max()};        // when the spool has work, with Driver::Manual
  SteadyTime abort_at_{};
  Phase phase_{Phase::Open};
  std::uint64_t told_{0};                       // events whose end the application was told
  bool is_busy_{false};                         // the loop's thread is in here
  bool has_left_{false};                        // it comes no more
  SteadyTime planned_wake_{SteadyTime::max()};  // when the loop comes by itself

  std::optional<spool::SpoolThread> spool_thread_{};  // none with Driver::Manual

  // The loop's thread only:
  Flights flights_;
  bool left_in_callback_{false};
};

}  // namespace detail
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
