// SPDX-License-Identifier: Apache-2.0
//
// RecorderCore: the implementation of EventRecorder: the lock around the dispatcher, the iterations
// of the loop that execute its decisions, and the waiting of flush and close. It never waits for
// the disk with its lock held.
#ifndef PERSONALIZE_EVENTS_DETAIL_RECORDER_RECORDER_CORE_HPP
#define PERSONALIZE_EVENTS_DETAIL_RECORDER_RECORDER_CORE_HPP

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "personalize_events/detail/base/uuid.hpp"
#include "personalize_events/detail/client/attempt_sender.hpp"
#include "personalize_events/detail/client/call_context.hpp"
#include "personalize_events/detail/client/loop.hpp"
#include "personalize_events/detail/platform/process_id.hpp"
#include "personalize_events/detail/platform/thread.hpp"
#include "personalize_events/detail/recorder/batcher.hpp"
#include "personalize_events/detail/recorder/dispatcher.hpp"
#include "personalize_events/detail/recorder/encode_event.hpp"
#include "personalize_events/detail/recorder/spool/spool.hpp"
#include "personalize_events/detail/recorder/spooler.hpp"
#include "personalize_events/event_recorder.hpp"
#include "personalize_events/options.hpp"
#include "personalize_events/recorder_options.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// No wait is longer, so that it can be added to any time.
inline constexpr std::chrono::milliseconds kLongestWait{std::chrono::hours{24 * 365}};

/// The options as a recorder can follow them: waits that end, and no more requests in flight than
/// its transport carries at once, because those that wait there use up their timeout.
[[nodiscard]] inline RecorderOptions bounded(RecorderOptions options, const HttpOptions& http) {
  if (options.spool) {
    options.spool->max_age = std::min<std::chrono::hours>(
        options.spool->max_age, std::chrono::duration_cast<std::chrono::hours>(kLongestWait));
    options.delivery_timeout = options.spool->max_age;
  }
  for (std::chrono::milliseconds* wait : {&options.linger, &options.block_timeout,
                                          &options.delivery_timeout, &options.shutdown_timeout}) {
    *wait = std::clamp(*wait, std::chrono::milliseconds{0}, kLongestWait);
  }
  options.max_in_flight = (std::min)(options.max_in_flight, (std::max)(http.max_connections, 1));
  return options;
}

/// What close adds to its deadline to abort requests in flight and to write what is left.
inline constexpr std::chrono::milliseconds kAbortGrace{50};
/// How long the destructor waits for the disk thread to release the spool.
inline constexpr std::chrono::milliseconds kStopGrace{1000};
/// How long a recording thread waits at least for another that writes to the log.
inline constexpr std::chrono::milliseconds kLeastPatience{100};

class RecorderCore final : public RecorderImpl,
                           public LoopMember,
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
        sender_(std::move(sender)),
        shared_spool_(std::move(spool)),
        dispatcher_(options_, context_->platform().steady_now()) {}

  ~RecorderCore() override { stop_spool(); }
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
    Result<Thread> thread = Thread::start("pe-spool", [spool = shared_spool_] { spool->run(); });
    if (!thread) return std::move(thread).error();
    spool_thread_.emplace(*std::move(thread));
    return {};
  }

  [[nodiscard]] Result<void> record(const Session& session, const Event& event) override {
    const Result<std::uint64_t> place = accept(session, event, false);
    return place ? Result<void>{} : refused(place.error());
  }

  [[nodiscard]] Result<void> record_durable(const Session& session, const Event& event,
                                            std::chrono::milliseconds timeout) override {
    if (!spooler_) {
      return refused(make_error(ErrorKind::Configuration, "RecorderOptions.spool",
                                "record_durable needs a spool; set its directory"));
    }
    const Result<std::uint64_t> place = accept(session, event, true);
    if (!place) return refused(place.error());
    return shared_spool_->wait_durable(
        *place, std::clamp(timeout, std::chrono::milliseconds{0}, kLongestWait),
        spool_thread_.has_value());
  }

  void flush_soon() override {
    if (is_forked()) return;
    std::unique_lock<std::mutex> lock(mutex_);
    dispatcher_.flush();
    wake_loop(lock);
  }

  [[nodiscard]] FlushReport flush(std::chrono::milliseconds timeout) override {
    if (is_forked()) return {};
    std::unique_lock<std::mutex> lock(mutex_);
    const auto watch = begin_watch();
    if (!loop_->is_loop_thread()) wait(lock, timeout, is_reported(*watch));
    return end_watch(watch);
  }

  [[nodiscard]] CloseReport close(std::chrono::milliseconds timeout) override {
    if (is_forked()) return {};
    std::unique_lock<std::mutex> lock(mutex_);
    const bool is_first = phase_ == Phase::Open;
    phase_ = (std::max)(phase_, Phase::Draining);
    has_room_.notify_all();
    const auto watch = begin_watch();
    if (loop_->is_loop_thread()) return end_watch(watch);
    wait(lock, timeout, [this, is_done = is_reported(*watch)] {
      if (phase_ == Phase::Aborting) return dispatcher_.stats().pending == 0;
      return is_done() && (!spooler_ || spooler_->is_drained());
    });
    if (dispatcher_.stats().pending > 0) {
      begin_abort();
      wait(lock, kAbortGrace, [this] {
        return dispatcher_.stats().pending == 0 && reported_ >= dispatcher_.account().ended();
      });
    }
    CloseReport report = end_watch(watch);
    if (!spooler_) return report;
    // What memory has no space for.
    const std::uint64_t left = (std::min)(dispatcher_.account().disk_only(), report.pending);
    const std::uint64_t last = dispatcher_.account().last_sequence();
    lock.unlock();
    if (is_first && options_.spool->sync_interval) {
      static_cast<void>(shared_spool_->wait_durable(last, kAbortGrace, spool_thread_.has_value()));
    }
    report.spooled += left;
    report.pending -= left;
    report.complete = report.pending == 0;
    return report;
  }

  [[nodiscard]] RecorderStats stats() const override {
    if (is_forked()) return {};
    const std::lock_guard<std::mutex> lock(mutex_);
    RecorderStats stats = dispatcher_.stats();
    stats.refused = refused_.load(std::memory_order_relaxed);
    if (const PendingEvent* oldest = dispatcher_.batcher().oldest()) {
      stats.oldest_pending_age = std::chrono::duration_cast<std::chrono::milliseconds>(
          context_->platform().steady_now() - oldest->recorded_at);
    }
    return stats;
  }

  [[nodiscard]] RunReport run_once(std::chrono::milliseconds at_most) override {
    if (!is_manual()) return {};
    RunReport report;
    if (is_forked()) return report;
    report.did_work = loop_->run_once(at_most);
    const std::lock_guard<std::mutex> lock(mutex_);
    const SteadyTime now = context_->platform().steady_now();
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>((std::max)(next_wake(now), now) - now);
    report.next_wake = (std::min)(left, kLongestTurn);
    // Requests in flight may complete at any time.
    if (dispatcher_.stats().in_flight > 0) report.next_wake = {};
    report.pending = dispatcher_.stats().pending;
    return report;
  }

  void set_credentials(const Credentials& credentials) override {
    if (is_forked()) return;
    context_->credentials()->keep(credentials);
    loop_->wake();
  }

  void end() override {
    static_cast<void>(close(options_.shutdown_timeout));
    leave();
  }

  /// Leaves the loop, and completes and reports what is left. Afterwards no callback is running,
  /// unless it is the caller; then the rest follows when that returns.
  void leave() {
    if (is_forked()) return;
    loop_->remove(this);
    has_left_ = true;
    if (loop_->is_loop_thread() && is_in_callback_) {
      left_in_callback_ = true;
      return;
    }
    { const std::lock_guard<std::recursive_mutex> no_iteration(iteration_mutex_); }
    finish();
  }

  /// Whether this is a forked child, which then releases the spool of its parent.
  [[nodiscard]] bool is_forked() const {
    if (process_id() == owner_) return false;
    if (shared_spool_ != nullptr) shared_spool_->abandon_in_child();
    return true;
  }
  [[nodiscard]] bool is_manual() const { return options_.driver == Driver::Manual; }
  [[nodiscard]] const RecorderOptions& options() const { return options_; }

  SteadyTime step(SteadyTime now) override {
    const std::lock_guard<std::recursive_mutex> iteration(iteration_mutex_);
    if (has_left_) return (SteadyTime::max)();
    const SteadyTime spool_at =
        spooler_ && is_manual() ? shared_spool_->work() : (SteadyTime::max)();
    std::vector<Batch> batches;
    spool::SpoolOrders orders;
    std::unique_lock<std::mutex> lock(mutex_);
    spool_at_ = spool_at;
    if (spooler_) spooler_->turn();
    if (dispatcher_.uses_old_credentials())
      dispatcher_.note_fault(FaultKind::Credentials, context_->credentials()->refresh_failure());
    const bool is_aborting = phase_ == Phase::Aborting;
    if (!is_aborting) batches = take_batches(now);
    SteadyTime wake = batches.size() == kMostPerTurn ? now : next_wake(now);
    if (is_aborting && dispatcher_.stats().in_flight == 0) wake = end_rest(lock, now);
    std::vector<EndedEvents> ended = dispatcher_.take_ended();
    const std::vector<Fault> faults = dispatcher_.take_faults();
    const std::uint64_t ended_by_now = dispatcher_.account().ended();
    if (spooler_) orders = spooler_->orders_for(ended, !is_aborting);
    orders.service_offset = service_offset_;
    // A caller that runs the loop until this is reported must not wait for the network after it.
    if (is_manual() && (orders.most_events > 0 || !ended.empty())) wake = now;
    planned_wake_ = wake;
    lock.unlock();
    if (!ended.empty()) has_room_.notify_all();
    if (spooler_) shared_spool_->post(std::move(orders));
    if (is_aborting) cancel_requests();
    for (const Batch& batch : batches) send(batch);
    is_in_callback_ = true;
    call_application(std::move(ended), faults);
    is_in_callback_ = false;
    lock.lock();
    reported_ = ended_by_now;
    lock.unlock();
    changed_.notify_all();
    if (left_in_callback_) finish();
    return wake;
  }

  std::uint64_t visit_unwritten(std::uint64_t written, const Visit& visit) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    dispatcher_.batcher().visit_unwritten(written, visit);
    return dispatcher_.account().last_sequence();
  }
  void visit(const Visit& visit) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    dispatcher_.batcher().visit(visit);
  }

  void stop() override {
    std::unique_lock<std::mutex> lock(mutex_);
    begin_abort();
    lock.unlock();
    cancel_requests();
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

  Result<void> refused(Error error) {
    refused_.fetch_add(1, std::memory_order_relaxed);
    return error;
  }
  [[nodiscard]] static Error cancelled(const char* why) {
    return make_error(ErrorKind::Cancelled, "record", why);
  }
  [[nodiscard]] static SteadyTime later(SteadyTime now, std::chrono::milliseconds timeout) {
    return now + std::clamp(timeout, std::chrono::milliseconds{0}, kLongestWait);
  }

  /// Accepts an event, and writes it if it is due or `must_be_durable`. Returns its place in the
  /// log.
  [[nodiscard]] Result<std::uint64_t> accept(const Session& session, const Event& event,
                                             bool must_be_durable) {
    if (is_forked()) return cancelled("this process was forked from the recorder's");
    if (auto valid = check_recorded(session, event, context_->options().validation); !valid)
      return std::move(valid).error();
    Result<PendingEvents> one = encoder_.encode(session, event, context_->platform());
    if (!one) return std::move(one).error();
    std::unique_lock<std::mutex> lock(mutex_);
    if (spooler_ && spooler_->is_disk_only(one->front())) {
      lock.unlock();
      Result<std::uint64_t> place = append_disk_only(one->front());
      if (place || must_be_durable || place.error().kind != ErrorKind::Storage) return place;
      lock.lock();
      return take(lock, *std::move(one));
    }
    Result<std::uint64_t> place = take(lock, *std::move(one));
    if (lock.owns_lock()) lock.unlock();
    return spooler_ && place ? write(*place, must_be_durable) : place;
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
    if (spooler_ && is_manual()) {
      spool_at_ = (std::min)(spool_at_, later(now, options_.spool->write_after));
    }
    if (dispatcher_.has_news() || next_wake(now) < planned_wake_) wake_loop(lock);
    return place;
  }
  /// Makes the loop iterate now, and releases the lock for that, unless it is woken already.
  void wake_loop(std::unique_lock<std::mutex>& lock) {
    if (std::exchange(planned_wake_, (SteadyTime::min)()) == (SteadyTime::min)()) return;
    lock.unlock();
    loop_->wake();
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
    Result<void> written = shared_spool_->append_disk_only(*this, event, reserve, patience_);
    std::unique_lock<std::mutex> lock(mutex_);
    if (!written) {
      if (place > 0) spooler_->unreserve(event, place);
      return std::move(written).error();
    }
    shared_spool_->note_unread();
    if (is_manual()) wake_loop(lock);
    return place;
  }

  /// Writes the accepted events up to a place, if they are due. One that must be durable is written
  /// at once, or else taken back.
  [[nodiscard]] Result<std::uint64_t> write(std::uint64_t place, bool must_be_durable) {
    if (!must_be_durable && options_.spool->write_after.count() > 0) {
      shared_spool_->note_pending();
      return place;
    }
    Result<void> written = shared_spool_->write_up_to(*this, place, patience_);
    if (written || !must_be_durable) return place;
    const std::lock_guard<std::mutex> lock(mutex_);
    if (dispatcher_.withdraw(place)) return std::move(written).error();
    return place;
  }

  // --- The loop's iteration, locked ---

  [[nodiscard]] std::vector<Batch> take_batches(SteadyTime now) {
    std::vector<Batch> batches;
    while (batches.size() < kMostPerTurn) {
      const std::optional<Batch> batch = dispatcher_.next(now);
      if (!batch) break;
      if (service_offset_) correct_times(*batch, now);
      batches.push_back(*batch);
    }
    return batches;
  }
  /// Gives events that the library stamped by a wrong clock the time of the service's clock.
  void correct_times(const Batch& batch, SteadyTime now) {
    const std::chrono::system_clock::time_point service_now{
        std::chrono::duration_cast<std::chrono::system_clock::duration>(
            context_->platform().boot_now() + std::chrono::milliseconds{*service_offset_})};
    dispatcher_.rewrite(batch, [&](PendingEvent& event) {
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
  /// Completes what is left at close, once it is on the disk or cannot be, as far as there is time.
  /// Returns when to come again.
  [[nodiscard]] SteadyTime end_rest(std::unique_lock<std::mutex>& lock, SteadyTime now) {
    if (now < abort_at_ && !is_settled()) {
      return is_manual() ? now : now + std::chrono::milliseconds{1};
    }
    while (end_some(kMostEndedPerTurn)) {
      if (context_->platform().steady_now() >= abort_at_) return now;
      // Others may have the lock in between.
      lock.unlock();
      lock.lock();
    }
    return (SteadyTime::max)();
  }
  bool end_some(std::size_t count) {
    return dispatcher_.end_some(
        count,
        make_error(ErrorKind::Cancelled, "close",
                   "the recorder was closed before it could be delivered"),
        [this](const PendingEvent& event) { return spooler_ && spooler_->is_kept(event); });
  }
  /// Whether the disk has all that is pending, or cannot have it. If not, requests it.
  [[nodiscard]] bool is_settled() {
    if (!spooler_ || spooler_->is_all_written() || shared_spool_->is_refusing()) return true;
    shared_spool_->request_write();
    return false;
  }

  /// Completes everything after the loop has left it.
  void finish() {
    std::unique_lock<std::mutex> lock(mutex_);
    begin_abort();
    constexpr std::chrono::milliseconds step{1};
    for (auto waited = step; waited <= kAbortGrace && !is_settled(); waited += step) {
      if (spool_thread_) {
        changed_.wait_for(lock, step);
        continue;
      }
      lock.unlock();
      static_cast<void>(shared_spool_->work());
      lock.lock();
    }
    dispatcher_.recall();
    end_some((std::numeric_limits<std::size_t>::max)());
    std::vector<EndedEvents> ended = dispatcher_.take_ended();
    if (spooler_) shared_spool_->post(spooler_->orders_for(ended, false));
    lock.unlock();
    if (spooler_ && !spool_thread_) shared_spool_->close();
    stop_spool();
    call_application(std::move(ended), {});
  }

  /// Ends the disk thread. One that waits for a disk which does not respond, and that of a forked
  /// child's parent, cannot be waited for.
  void stop_spool() {
    if (!spool_thread_) return;
    const bool has_ended = process_id() == owner_ && shared_spool_->stop(kStopGrace);
    if (!has_ended) spool_thread_->detach();
    spool_thread_.reset();
  }

  /// When the loop has to iterate, if nothing wakes it.
  [[nodiscard]] SteadyTime next_wake(SteadyTime now) {
    return (std::min)(dispatcher_.next_wake(now), spool_at_);
  }

  [[nodiscard]] EventAccount::Watch begin_watch() {
    dispatcher_.flush();
    planned_wake_ = (SteadyTime::min)();
    return dispatcher_.account().watch();
  }
  [[nodiscard]] FlushReport end_watch(EventAccount::Watch watch) {
    FlushReport report = dispatcher_.account().unwatch(watch);
    report.would_deadlock = loop_->is_loop_thread();
    return report;
  }
  /// A function that returns whether none of a watch is pending, and the outcomes up to then are
  /// reported.
  [[nodiscard]] std::function<bool()> is_reported(const FlushWatch& watch) const {
    return [this, &watch, last = std::optional<std::uint64_t>{}]() mutable {
      if (watch.report.pending > 0) return false;
      if (!last) last = dispatcher_.account().ended();
      return reported_ >= *last;
    };
  }

  void find_room(std::unique_lock<std::mutex>& lock, std::size_t bytes) {
    if (options_.when_full == WhenFull::DropNewest || bytes > options_.max_pending_bytes) return;
    if (options_.when_full == WhenFull::DropOldest) {
      // The loop reports them.
      static_cast<void>(dispatcher_.make_room(bytes));
      return;
    }
    if (is_manual() || loop_->is_loop_thread()) return;
    has_room_.wait_for(lock, options_.block_timeout, [this, bytes] {
      return phase_ != Phase::Open || dispatcher_.has_room(bytes);
    });
  }

  /// Waits for a condition that the loop changes; in manual mode, runs the loop.
  void wait(std::unique_lock<std::mutex>& lock, std::chrono::milliseconds timeout,
            const std::function<bool()>& condition) {
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
          loop_->run_once((std::min)(std::chrono::ceil<std::chrono::milliseconds>(deadline - now),
                                     std::chrono::milliseconds{100}));
      lock.lock();
      // If another thread runs the loop, this must not spin.
      if (!did_work) changed_.wait_for(lock, std::chrono::milliseconds{1});
    }
  }

  // --- Requests: the loop's thread, without the lock ---

  void send(const Batch& batch) {
    Result<std::string> body = write_body(options_.tracking_id, batch);
    if (!body) return static_cast<void>(answered(batch, {std::move(body).error(), {}, {}, false}));
    AttemptOrder order;
    order.operation = "PutEvents";
    order.path = "/events";
    order.body = *std::move(body);
    order.invocation_id = format_uuid_v4(context_->random_bytes());
    order.number = batch.first().attempts + 1;
    order.timeout = context_->options().attempt_timeout;
    requests_[&batch.session()] =
        sender_->start(std::move(order), [self = shared_from_this(), batch](AttemptReport report) {
          self->on_complete(batch, std::move(report));
        });
  }

  void on_complete(const Batch& batch, AttemptReport report) {
    const std::lock_guard<std::recursive_mutex> iteration(iteration_mutex_);
    if (has_left_) return;  // the batch is void
    requests_.erase(&batch.session());
    // A refresh may have succeeded since.
    if (report.refresh_failure) report.refresh_failure = context_->credentials()->refresh_failure();
    const retry::Remedy remedy =
        answered(batch, {std::move(report.error), report.failure, std::move(report.request_id),
                         report.was_sent, std::move(report.refresh_failure)});
    if (remedy == retry::Remedy::CorrectClock) {
      context_->correct_clock(*report.failure.service_date);
    } else if (retry::rejects_credentials(report.failure)) {
      context_->credentials()->invalidate(report.credentials);
    }
    loop_->note_work();
  }

  retry::Remedy answered(const Batch& batch, BatchAnswer answer) {
    using std::chrono::milliseconds;
    const std::lock_guard<std::mutex> lock(mutex_);
    if (const auto& date = answer.failure.service_date) {
      service_offset_ = (std::chrono::floor<milliseconds>(date->time_since_epoch()) -
                         std::chrono::floor<milliseconds>(context_->platform().boot_now()))
                            .count();
    }
    const SteadyTime now = context_->platform().steady_now();
    return dispatcher_.answered(batch, std::move(answer), now, context_->random_fraction());
  }

  /// Completes all requests soon, with the error Cancelled.
  void cancel_requests() {
    for (const auto& [session, id] : requests_) sender_->cancel(id);
  }

  void call_application(std::vector<EndedEvents> ended, const std::vector<Fault>& faults) const {
    // A callback may destroy the recorder: the outcomes are reported all the same.
    for (const Fault& fault : faults) {
      if (options_.on_fault && !left_in_callback_) options_.on_fault(fault);
    }
    if (!options_.on_delivery) return;
    for (EndedEvents& one : ended) options_.on_delivery(delivery_of(std::move(one)));
  }

  const RecorderOptions options_;
  const std::chrono::milliseconds patience_{(std::max)(options_.block_timeout, kLeastPatience)};
  const std::shared_ptr<CallContext> context_;
  const std::shared_ptr<Loop> loop_;
  const std::shared_ptr<AttemptSender> sender_;
  const std::shared_ptr<spool::Spool> shared_spool_;  // null: none
  const ProcessId owner_{process_id()};
  EventEncoder encoder_{};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<bool> has_left_{false};  // the loop iterates no more

  mutable std::mutex mutex_{};
  std::condition_variable changed_{};
  std::condition_variable has_room_{};
  Dispatcher dispatcher_;
  std::optional<Spooler> spooler_{};
  std::optional<std::int64_t> service_offset_{};  // the service's time less the boot time
  SteadyTime spool_at_{(SteadyTime::max)()};      // when the spool has work, with Driver::Manual
  SteadyTime abort_at_{};
  Phase phase_{Phase::Open};
  std::uint64_t reported_{0};  // of EventAccount::ended, what the application knows
  SteadyTime planned_wake_{
      (SteadyTime::max)()};  // when the loop iterates; the minimum: it is woken

  std::optional<Thread> spool_thread_{};  // none with Driver::Manual

  // Held by the loop's thread while it is in here, where a transport may complete a request at
  // once.
  std::recursive_mutex iteration_mutex_{};
  // The loop's thread only:
  std::unordered_map<const SessionQueue*, std::uint64_t> requests_{};  // of the batches in flight
  bool is_in_callback_{false};
  bool left_in_callback_{false};
};

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
