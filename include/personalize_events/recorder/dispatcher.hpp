// SPDX-License-Identifier: Apache-2.0
//
// Dispatcher: what happens to accepted events, from acceptance to their end: which batch is sent
// when, and what an answer means for it, for its session and for all the others. A state machine
// without clock, thread or I/O: EventRecorder executes what it says, and a simulator does so in
// virtual time.
#ifndef PERSONALIZE_EVENTS_RECORDER_DISPATCHER_HPP
#define PERSONALIZE_EVENTS_RECORDER_DISPATCHER_HPP

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "personalize_events/recorder/account.hpp"
#include "personalize_events/recorder/batcher.hpp"
#include "personalize_events/recorder/fate.hpp"
#include "personalize_events/recorder/options.hpp"
#include "personalize_events/recorder/throttle.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/retry/attempt.hpp"
#include "personalize_events/retry/backoff.hpp"
#include "personalize_events/retry/quota.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Cannot connect so often in a row: the recorder is offline, and only probes.
inline constexpr int kUnreachableLimit = 3;
/// The first wait before a probe, and the longest.
inline constexpr std::chrono::milliseconds kFirstProbe{1'000};
inline constexpr std::chrono::milliseconds kSlowestProbe{10'000};
/// Refused in so many sessions before anything was delivered: it is the tracker, not the events.
inline constexpr std::size_t kDoubtLimit = 3;
/// No throttling for so long: the fault is over.
inline constexpr std::chrono::seconds kCalmAfterThrottling{10};

/// How an attempt to send a batch ended.
struct BatchAnswer {
  std::optional<Error> error{};  ///< empty: the service took it
  std::string request_id{};
  std::optional<std::chrono::milliseconds> retry_after{};
  std::optional<std::chrono::system_clock::time_point> service_date{};
  std::chrono::system_clock::time_point signed_at{};
  bool credentials_are_temporary{false};
  bool was_sent{true};
};

/// Events that reached their end together, to be told to the application.
struct EndedEvents {
  Outcome outcome{};
  PendingEvents events{};
  std::string request_id{};
  std::optional<Error> error{};
};

class Dispatcher {
 public:
  Dispatcher(const RecorderOptions& options, int retry_quota, SteadyTime now)
      : max_events_(options.max_pending_events),
        max_bytes_(options.max_pending_bytes),
        max_in_flight_(static_cast<std::size_t>(std::max(1, options.max_in_flight))),
        delivery_timeout_(options.delivery_timeout),
        batcher_(options.linger),
        quota_(retry_quota),
        throttle_(options.max_requests_per_second, now) {}

  [[nodiscard]] const RecorderStats& stats() const noexcept { return account_.stats(); }
  [[nodiscard]] EventAccount& account() noexcept { return account_; }
  [[nodiscard]] const EventAccount& account() const noexcept { return account_; }
  [[nodiscard]] const PendingEvent* oldest() const noexcept { return batcher_.oldest(); }

  /// Whether an event of so many bytes can be accepted.
  [[nodiscard]] bool has_room(std::size_t bytes) const noexcept {
    return account_.stats().pending < max_events_ && account_.pending_bytes() + bytes <= max_bytes_;
  }

  /// Ends the oldest events that are not in flight as Dropped, until there is room. False when
  /// there is none even then.
  [[nodiscard]] bool make_room(std::size_t bytes) {
    while (!has_room(bytes)) {
      PendingEvents oldest = batcher_.take_oldest(SteadyTime::max());
      if (oldest.empty()) return false;
      end(std::move(oldest), Outcome::Dropped,
          make_error(ErrorKind::QueueFull, "record",
                     "dropped for a newer event; raise max_pending_events or max_pending_bytes"));
    }
    return true;
  }

  /// Takes one event, whose time of recording is set.
  void accept(PendingEvents&& one) {
    account_.accept(one.front());
    batcher_.add(std::move(one));
  }

  /// Counts an event that was accepted and is on the disk only.
  void spill() noexcept { account_.spill(); }
  /// Counts events that were on the disk only and cannot be read back.
  void lose(std::uint64_t count) noexcept { account_.lose(count); }
  /// Takes an event that was read from the spool; it goes with the backlog.
  void readmit(PendingEvents&& one) {
    account_.readmit(one.front());
    batcher_.add(std::move(one), Lane::Backlog);
  }
  /// Ends an event that was read from the spool and will not be sent.
  void end_spooled(PendingEvents&& one, Outcome outcome, Error error) {
    account_.readmit(one.front());
    end(std::move(one), outcome, std::move(error));
  }
  /// Visits all that is pending, as of Batcher::visit.
  template <class Visit>
  void visit(const Visit& visit) {
    batcher_.visit(visit);
  }

  /// Lets all that was accepted leave without lingering.
  void flush() { batcher_.flush(account_.last_sequence()); }

  /// The next batch to send now, if any. Call again until there is none, then wait for `next_wake`,
  /// an acceptance or an answer.
  [[nodiscard]] std::optional<Batch> next(SteadyTime now) {
    expire(now);
    batcher_.promote(now);
    settle_doubts(now);
    if (!batcher_.has_ready() || in_flight_ >= max_in_flight_) return std::nullopt;
    if (hold_ && (in_flight_ > 0 || now < hold_->next_probe)) return std::nullopt;
    if (throttle_.leave_at(batcher_.next_lane(), now) > now) return std::nullopt;
    throttle_.use(batcher_.next_lane(), now);
    std::optional<Batch> batch = batcher_.next();
    if (hold_) hold_->is_probing = true;
    ++in_flight_;
    ++account_.stats().in_flight;
    return batch;
  }

  /// When `next` may have something new to say, without any acceptance or answer.
  [[nodiscard]] SteadyTime next_wake(SteadyTime now) {
    SteadyTime wake = batcher_.next_due();
    if (const PendingEvent* oldest = batcher_.oldest()) {
      // In flight they do not expire; they are looked at when the answer comes.
      const SteadyTime expires = oldest->recorded_at + delivery_timeout_;
      if (expires > now) wake = std::min(wake, expires);
    }
    if (!batcher_.has_ready() || in_flight_ >= max_in_flight_) return wake;
    if (hold_ && in_flight_ > 0) return wake;
    const SteadyTime leave = throttle_.leave_at(batcher_.next_lane(), now);
    return std::min(wake, hold_ ? std::max(leave, hold_->next_probe) : leave);
  }

  /// Takes the answer to a batch. `random` is from 0 to 1. Answers what the sender has to mend
  /// before it sends again.
  retry::Remedy answered(const Batch& batch, BatchAnswer answer, SteadyTime now, double random) {
    --in_flight_;
    --account_.stats().in_flight;
    if (answer.was_sent) ++account_.stats().requests;
    if (answer.was_sent && batch.first().attempts > 0) ++account_.stats().retries;
    mark_attempt(batch, answer);
    const bool was_probe = hold_ && std::exchange(hold_->is_probing, false);
    if (!answer.error) {
      delivered(batch, std::move(answer), now);
      return retry::Remedy::None;
    }
    const retry::Remedy remedy = failed(batch, std::move(answer), now, random);
    if (was_probe && hold_ && remedy == retry::Remedy::None) {
      hold_->next_probe = now + probe_wait(++hold_->probes, random);
    }
    return remedy;
  }

  /// Ends everything, also what is in flight, as of end_all. Its batches are void: no answer to one
  /// may be given to `answered` any more.
  template <class Keep>
  void abandon(const Error& error, const Keep& keep) {
    reject_doubts();
    batcher_.recall();
    in_flight_ = 0;
    account_.stats().in_flight = 0;
    end_all(error, keep);
  }
  void abandon(const Error& error) { abandon(error, keeps_nothing); }

  /// Ends everything that is not in flight, for example at the end of close: as Spooled where
  /// `keep(event)` answers that the disk has it, else as Dropped.
  template <class Keep>
  void end_all(const Error& error, const Keep& keep) {
    reject_doubts();
    PendingEvents all = batcher_.take_all();
    while (!all.empty()) {
      PendingEvents one;
      one.splice(one.end(), all, all.begin());
      const Outcome outcome = keep(one.front()) ? Outcome::Spooled : Outcome::Dropped;
      end(std::move(one), outcome, error);
    }
  }
  void drop_all(const Error& error) { end_all(error, keeps_nothing); }

  /// What ended since the last call.
  [[nodiscard]] std::vector<EndedEvents> take_ended() { return std::exchange(ended_, {}); }
  [[nodiscard]] bool has_news() const noexcept { return !ended_.empty() || !faults_.empty(); }
  /// The faults that began or ended since the last call.
  [[nodiscard]] std::vector<Fault> take_faults() { return std::exchange(faults_, {}); }

  /// Notes a fault that somebody else sees, or that there is none.
  void note_fault(FaultKind kind, const std::optional<Error>& error) {
    if (error) return raise_fault(kind, *error);
    clear_fault(kind);
  }

 private:
  /// Why nothing but a probe is sent.
  struct Hold {
    FaultKind kind{};
    SteadyTime next_probe{};
    int probes{0};
    bool is_probing{false};
  };
  /// A refusal that may be the tracker's fault: nothing was delivered yet.
  struct Doubt {
    Batch batch;
    BatchAnswer answer;
  };

  static bool keeps_nothing(const PendingEvent&) { return false; }

  void mark_attempt(const Batch& batch, const BatchAnswer& answer) {
    const bool may_be_there = answer.error && answer.error->may_have_been_delivered;
    std::size_t left = batch.size();
    for (PendingEvent& event : batch.session().events) {
      if (left-- == 0) break;
      if (answer.was_sent && event.attempts < 0xffffU) ++event.attempts;
      event.may_have_been_delivered = event.may_have_been_delivered || may_be_there;
    }
  }

  void delivered(const Batch& batch, BatchAnswer answer, SteadyTime now) {
    SessionQueue& session = batch.session();
    quota_.release(session.failures == 0 ? retry::kFirstTryRefund : session.quota_taken);
    throttle_.answered(batch.session().lane(), false, now);
    reached(now);
    ever_delivered_ = true;
    EndedEvents ended{Outcome::Delivered, batcher_.take(batch, now), std::move(answer.request_id)};
    end(std::move(ended));
    lift_hold(now);
    for (Doubt& doubt : std::exchange(doubts_, {})) {
      reject(doubt.batch, std::move(doubt.answer), now);
    }
    clear_fault(FaultKind::ClockSkew);
    if (now - last_throttled_ >= kCalmAfterThrottling) clear_fault(FaultKind::Throttled);
  }

  retry::Remedy failed(const Batch& batch, BatchAnswer answer, SteadyTime now, double random) {
    const Fate fate = fate_of(*answer.error);
    if (fate != Fate::Unreachable && answer.was_sent) reached(now);
    switch (fate) {
      case Fate::Unreachable: unreachable(batch, answer, now, random); break;
      case Fate::Slower:
        last_throttled_ = now;
        throttle_.answered(batch.session().lane(), true, now);
        raise_fault(FaultKind::Throttled, *answer.error);
        slow_down(batch, answer, now, random);
        break;
      case Fate::Again:
        if (answer.error->http_status != 0) throttle_.answered(batch.session().lane(), false, now);
        try_again(batch, retry::FailureClass::Transient, answer, now, random);
        break;
      case Fate::HoldForKeys: hold(FaultKind::Credentials, batch, answer, now, random); break;
      case Fate::HoldForTracker: hold(FaultKind::TrackingId, batch, answer, now, random); break;
      case Fate::Refused: refused(batch, std::move(answer), now, random); break;
      case Fate::BadClock: {
        if (!is_skewed(answer) || batch.session().was_mended) {
          hold(FaultKind::Credentials, batch, answer, now, random);
          break;
        }
        raise_fault(FaultKind::ClockSkew, *answer.error);
        mend(batch, now);
        return retry::Remedy::CorrectClock;
      }
      case Fate::OldKeys: {
        if (!answer.credentials_are_temporary || batch.session().was_mended) {
          hold(FaultKind::Credentials, batch, answer, now, random);
          break;
        }
        mend(batch, now);
        return retry::Remedy::RefreshCredentials;
      }
    }
    return retry::Remedy::None;
  }

  /// Again at once, because what was wrong is mended.
  void mend(const Batch& batch, SteadyTime now) {
    batch.session().was_mended = true;
    batcher_.put_back(batch, now, now);
  }

  void try_again(const Batch& batch, retry::FailureClass failure, const BatchAnswer& answer,
                 SteadyTime now, double random) {
    SessionQueue& session = batch.session();
    const int cost = retry::retry_cost(failure);
    const bool has_quota = quota_.acquire(cost);
    session.quota_taken = static_cast<std::uint8_t>(has_quota ? cost : 0);
    // Without quota the whole backoff: the service is in trouble, and nobody waits for this.
    const auto wait = retry::backoff_delay(failure, session.failures, has_quota ? random : 1.0,
                                           answer.retry_after);
    if (session.failures < 0xffU) ++session.failures;
    batcher_.put_back(batch, now + wait, now);
  }

  /// The pace makes it wait. A moment more keeps those that were throttled together apart; it does
  /// not grow, because the pace does.
  void slow_down(const Batch& batch, const BatchAnswer& answer, SteadyTime now, double random) {
    const auto wait =
        retry::backoff_delay(retry::FailureClass::Throttling, 0, random, answer.retry_after);
    SessionQueue& session = batch.session();
    if (session.failures == 0) session.failures = 1;
    batcher_.put_back(batch, now + wait, now);
  }

  void unreachable(const Batch& batch, const BatchAnswer& answer, SteadyTime now, double random) {
    ++unreachable_in_a_row_;
    if (hold_ || unreachable_in_a_row_ >= kUnreachableLimit) {
      return hold(FaultKind::Offline, batch, answer, now, random);
    }
    SessionQueue& session = batch.session();
    const auto wait = retry::backoff_delay(retry::FailureClass::Transient, session.failures, random,
                                           std::nullopt);
    if (session.failures < 0xffU) ++session.failures;
    batcher_.put_back(batch, now + wait, now);
  }

  /// Stops all but one probe at a time, slower and slower.
  void hold(FaultKind kind, const Batch& batch, const BatchAnswer& answer, SteadyTime now,
            double random) {
    batch.session().was_mended = false;
    batcher_.put_back(batch, now, now);
    if (hold_ && hold_->kind == kind) return;
    if (hold_) clear_fault(hold_->kind);
    hold_ = Hold{kind, now + probe_wait(0, random)};
    raise_fault(kind, *answer.error);
  }

  [[nodiscard]] static std::chrono::nanoseconds probe_wait(int probes, double random) {
    const auto longest = std::min<std::chrono::milliseconds>(
        kFirstProbe * (1 << std::min(probes, 10)), kSlowestProbe);
    return std::chrono::duration_cast<std::chrono::nanoseconds>(longest * (0.5 + 0.5 * random));
  }

  void lift_hold(SteadyTime now) {
    if (!hold_) return;
    clear_fault(hold_->kind);
    hold_.reset();
    batcher_.begin_backlog();
    throttle_.resume(now);
  }

  /// The service answered, whatever it said.
  void reached(SteadyTime now) {
    unreachable_in_a_row_ = 0;
    if (hold_ && hold_->kind == FaultKind::Offline) lift_hold(now);
  }

  void refused(const Batch& batch, BatchAnswer answer, SteadyTime now, double random) {
    throttle_.answered(batch.session().lane(), false, now);
    // It read the event, so the credentials are good.
    if (hold_ && hold_->kind == FaultKind::Credentials) lift_hold(now);
    if (batch.size() > 1) return batcher_.halve(batch);
    if (ever_delivered_) return reject(batch, std::move(answer), now);
    if (hold_ && hold_->kind == FaultKind::TrackingId) {
      return hold(FaultKind::TrackingId, batch, answer, now, random);
    }
    const std::size_t session = std::hash<std::string_view>{}(batch.first().session_id());
    const auto end = refused_sessions_.end();
    if (std::find(refused_sessions_.begin(), end, session) == end) {
      refused_sessions_.push_back(session);
    }
    doubts_.push_back({batch, std::move(answer)});
    if (refused_sessions_.size() < kDoubtLimit) return;
    std::vector<Doubt> doubts = std::exchange(doubts_, {});
    for (const Doubt& doubt : doubts) {
      hold(FaultKind::TrackingId, doubt.batch, doubt.answer, now, random);
    }
  }

  /// With nothing else left to tell whether the tracker works, a refusal is the event's.
  void settle_doubts(SteadyTime now) {
    if (doubts_.empty() || in_flight_ > 0 || batcher_.sessions() > doubts_.size()) return;
    for (Doubt& doubt : std::exchange(doubts_, {})) {
      reject(doubt.batch, std::move(doubt.answer), now);
    }
  }

  void reject_doubts() {
    for (Doubt& doubt : std::exchange(doubts_, {})) {
      reject(doubt.batch, std::move(doubt.answer), SteadyTime::max());
    }
  }

  void reject(const Batch& batch, BatchAnswer answer, SteadyTime now) {
    EndedEvents ended{Outcome::Rejected, batcher_.take(batch, now, true),
                      std::move(answer.request_id), std::move(answer.error)};
    end(std::move(ended));
  }

  void expire(SteadyTime now) {
    for (;;) {
      PendingEvents oldest = batcher_.take_oldest(now - delivery_timeout_);
      if (oldest.empty()) return;
      Error error = make_error(ErrorKind::Timeout, "delivery_timeout",
                               "could not be delivered in time; see the faults told before");
      error.retryable = true;
      end(std::move(oldest), Outcome::Expired, std::move(error));
    }
  }

  void end(PendingEvents&& events, Outcome outcome, Error error) {
    end({outcome, std::move(events), {}, std::move(error)});
  }
  void end(EndedEvents&& ended) {
    account_.end(ended.events, ended.outcome);
    ended_.push_back(std::move(ended));
  }

  [[nodiscard]] static bool is_skewed(const BatchAnswer& answer) {
    if (!answer.service_date) return false;
    const auto skew = std::chrono::floor<std::chrono::milliseconds>(*answer.service_date) -
                      std::chrono::floor<std::chrono::milliseconds>(answer.signed_at);
    return skew >= retry::kClockSkewLimit || -skew >= retry::kClockSkewLimit;
  }

  void raise_fault(FaultKind kind, const Error& error) {
    for (const Fault& fault : standing_) {
      if (fault.kind == kind) return;
    }
    standing_.push_back({kind, false, error});
    faults_.push_back(standing_.back());
  }
  void clear_fault(FaultKind kind) {
    const auto found = std::find_if(standing_.begin(), standing_.end(),
                                    [kind](const Fault& fault) { return fault.kind == kind; });
    if (found == standing_.end()) return;
    faults_.push_back({kind, true, std::move(found->error)});
    standing_.erase(found);
  }

  const std::size_t max_events_;
  const std::size_t max_bytes_;
  const std::size_t max_in_flight_;
  const std::chrono::milliseconds delivery_timeout_;
  Batcher batcher_;
  EventAccount account_{};
  retry::RetryQuota quota_;
  Throttle throttle_;
  std::size_t in_flight_{0};
  std::optional<Hold> hold_{};
  std::vector<Doubt> doubts_{};
  std::vector<std::size_t> refused_sessions_{};  // their hashes
  bool ever_delivered_{false};
  int unreachable_in_a_row_{0};
  SteadyTime last_throttled_{};
  std::vector<EndedEvents> ended_{};
  std::vector<Fault> faults_{};
  std::vector<Fault> standing_{};
};

}  // namespace detail
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
