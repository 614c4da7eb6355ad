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
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "personalize_events/recorder/account.hpp"
#include "personalize_events/recorder/batch_action.hpp"
#include "personalize_events/recorder/batcher.hpp"
#include "personalize_events/recorder/breaker.hpp"
#include "personalize_events/recorder/options.hpp"
#include "personalize_events/recorder/throttle.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/retry/attempt.hpp"
#include "personalize_events/retry/backoff.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

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
  /// The retry quota of a client is not for the recorder: its breaker limits retries.
  Dispatcher(const RecorderOptions& options, int /*retry_quota*/, SteadyTime now)
      : max_events_(options.max_pending_events),
        max_bytes_(options.max_pending_bytes),
        max_in_flight_(static_cast<std::size_t>(std::max(1, options.max_in_flight))),
        delivery_timeout_(options.delivery_timeout),
        batcher_(options.linger),
        breaker_(max_in_flight_),
        throttle_(options.max_requests_per_second, now) {}

  [[nodiscard]] const RecorderStats& stats() const noexcept { return account_.stats(); }
  [[nodiscard]] EventAccount& account() noexcept { return account_; }
  [[nodiscard]] const EventAccount& account() const noexcept { return account_; }
  [[nodiscard]] const PendingEvent* oldest() const noexcept { return batcher_.oldest(); }

  /// Whether an event of so many bytes can be accepted.
  [[nodiscard]] bool has_room(std::size_t bytes) const noexcept {
    return account_.stats().pending + reserved_events_ < max_events_ &&
           account_.pending_bytes() + reserved_bytes_ + bytes <= max_bytes_;
  }
  /// Keeps room for events that are about to be read from the spool.
  void reserve(std::size_t events, std::size_t bytes) noexcept {
    reserved_events_ = events;
    reserved_bytes_ = bytes;
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

  /// Takes one event that must not be sent before older ones of its session, which are on the disk:
  /// those up to the place `after`.
  void hold(PendingEvents&& one, std::uint64_t after) {
    account_.accept(one.front());
    batcher_.hold(std::move(one), after);
  }
  /// Events that `hold` took and `release_held` has not released.
  [[nodiscard]] std::size_t held() const noexcept { return batcher_.held(); }
  [[nodiscard]] std::size_t held_bytes() const noexcept { return batcher_.held_bytes(); }
  /// As Batcher::release_held.
  template <class MayGo>
  void release_held(const MayGo& may_go) {
    batcher_.release_held(may_go);
  }
  /// Takes an accepted event back; false if it is on its way, or has completed.
  bool withdraw(std::string_view session_id, std::uint64_t sequence) {
    const PendingEvents one = batcher_.take_back(session_id, sequence);
    if (one.empty()) return false;
    account_.withdraw(one.front());
    return true;
  }
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
  /// Visits the events that the recorder's own log lacks, as AgeOrder::visit_unwritten.
  template <class Visit>
  void visit_unwritten(std::uint64_t written, const Visit& visit) {
    batcher_.visit_unwritten(written, visit);
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
    if (!batcher_.has_ready() || in_flight_ >= max_in_flight_) return std::nullopt;
    if (breaker_.leave_at(in_flight_) > now) return std::nullopt;
    if (throttle_.leave_at(batcher_.next_lane(), now) > now) return std::nullopt;
    throttle_.use(batcher_.next_lane(), now);
    breaker_.use();
    std::optional<Batch> batch = batcher_.next();
    batch->request = ++last_request_;
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
    const SteadyTime probe = breaker_.leave_at(in_flight_);
    if (probe == SteadyTime::max()) return wake;
    return std::min(wake, std::max(probe, throttle_.leave_at(batcher_.next_lane(), now)));
  }

  /// Takes the result of a batch. `random` is from 0 to 1. Returns what the sender has to fix
  /// before it sends again.
  retry::Remedy answered(const Batch& batch, BatchAnswer answer, SteadyTime now, double random) {
    --in_flight_;
    --account_.stats().in_flight;
    if (answer.was_sent) ++account_.stats().requests;
    if (answer.was_sent && batch.first().attempts > 0) ++account_.stats().retries;
    mark_attempt(batch, answer);
    if (answer.error && answer.error->kind == ErrorKind::Cancelled) {
      batcher_.put_back(batch, now, now);
      return retry::Remedy::None;
    }
    const std::optional<FaultKind> before = breaker_.fault();
    const retry::Remedy remedy =
        answer.error ? failed(batch, answer, now, random) : delivered(batch, answer, now);
    const std::optional<FaultKind> after = breaker_.fault();
    if (before == after) return remedy;
    if (before) clear_fault(*before);
    if (after) raise_fault(*after, *answer.error);
    return remedy;
  }

  /// Ends everything, also what is in flight, as of end_all. Its batches are void: no answer to one
  /// may be given to `answered` any more.
  template <class Keep>
  void abandon(const Error& error, const Keep& keep) {
    batcher_.recall();
    in_flight_ = 0;
    account_.stats().in_flight = 0;
    end_all(error, keep);
  }
  void abandon(const Error& error) { abandon(error, keeps_nothing); }

  /// Ends everything that is not in flight, for example at the end of close: as Spooled if
  /// `keep(event)` returns true, because the disk has it, else as Dropped.
  template <class Keep>
  void end_all(const Error& error, const Keep& keep) {
    while (end_some(std::numeric_limits<std::size_t>::max(), error, keep)) {
    }
  }
  /// Ends at least so many events, if there are as many, and returns whether there are more.
  template <class Keep>
  bool end_some(std::size_t count, const Error& error, const Keep& keep) {
    for (std::size_t done = 0; done < count;) {
      PendingEvents all = batcher_.take_session();
      if (all.empty()) return false;
      done += all.size();
      while (!all.empty()) {
        const bool is_kept = keep(all.front());
        const auto other = std::find_if(all.begin(), all.end(), [&](const PendingEvent& event) {
          return event.user_id() != all.front().user_id() || keep(event) != is_kept;
        });
        PendingEvents same;
        same.splice(same.end(), all, all.begin(), other);
        end(std::move(same), is_kept ? Outcome::Spooled : Outcome::Dropped, error);
      }
    }
    return true;
  }
  void drop_all(const Error& error) { end_all(error, keeps_nothing); }

  /// Lets `change(event)` change the JSON of the events of a batch that is about to be sent.
  template <class Change>
  void rewrite(const Batch& batch, const Change& change) {
    batcher_.rewrite(batch, [&](PendingEvent& event) {
      const std::size_t before = event.bytes();
      change(event);
      account_.resized(before, event.bytes());
    });
  }

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

  retry::Remedy delivered(const Batch& batch, BatchAnswer& answer, SteadyTime now) {
    const Lane lane = batch.session().lane();
    const bool was_open = breaker_.fault().has_value();
    breaker_.accepted(now);
    is_remedy_unproven_ = false;
    // First, so that the outage is no part of the rate that is measured.
    if (was_open) resume(now);
    throttle_.answered(lane, false, now);
    end({Outcome::Delivered, batcher_.take(batch, now), std::move(answer.request_id), {}});
    clear_fault(FaultKind::ClockSkew);
    if (now - last_throttled_ >= kCalmAfterThrottling) clear_fault(FaultKind::Throttled);
    return retry::Remedy::None;
  }

  retry::Remedy failed(const Batch& batch, const BatchAnswer& answer, SteadyTime now,
                       double random) {
    const BatchDecision decision = batch_action(*answer.error, answer.was_sent);
    switch (decision.action) {
      case BatchAction::Throttle: throttled(batch, answer, now, random); break;
      case BatchAction::Reject: refused(batch, answer, now, random); break;
      case BatchAction::Retry:
        if (answer.error->http_status != 0 && !breaker_.fault()) {
          throttle_.answered(batch.session().lane(), false, now);
        }
        breaker_.failed(decision.fault, now, random);
        retry_later(batch, answer, now, random);
        break;
      case BatchAction::Hold:
        breaker_.held(decision.fault, now, random);
        retry_later(batch, answer, now, random);
        break;
      case BatchAction::CorrectClock:
        return fix(is_skewed(answer) ? retry::Remedy::CorrectClock : retry::Remedy::None, batch,
                   answer, now, random);
      case BatchAction::RefreshCredentials:
        return fix(answer.credentials_are_temporary ? retry::Remedy::RefreshCredentials
                                                    : retry::Remedy::None,
                   batch, answer, now, random);
    }
    return retry::Remedy::None;
  }

  /// Sends again at once, because what was wrong is fixed. A remedy that fixed nothing is a reason
  /// to hold; requests that left before it say nothing about it.
  retry::Remedy fix(retry::Remedy remedy, const Batch& batch, const BatchAnswer& answer,
                    SteadyTime now, double random) {
    const bool left_before = batch.request <= last_before_remedy_;
    if (remedy == retry::Remedy::None || (is_remedy_unproven_ && !left_before)) {
      breaker_.held(FaultKind::Credentials, now, random);
      retry_later(batch, answer, now, random);
      return remedy;
    }
    if (!left_before) last_before_remedy_ = last_request_;
    is_remedy_unproven_ = true;
    if (remedy == retry::Remedy::CorrectClock) raise_fault(FaultKind::ClockSkew, *answer.error);
    batcher_.put_back(batch, now, now);
    return remedy;
  }

  /// Retries with full jitter. While the breaker is open it decides when, and for whom.
  void retry_later(const Batch& batch, const BatchAnswer& answer, SteadyTime now, double random) {
    if (breaker_.fault()) return batcher_.put_back(batch, now, now);
    SessionQueue& session = batch.session();
    const auto wait = retry::backoff_delay(retry::FailureClass::Transient, session.failures, random,
                                           answer.retry_after);
    if (session.failures < 0xffU) ++session.failures;
    batcher_.put_back(batch, now + wait, now);
  }

  /// The rate makes it wait. A moment more keeps those that were throttled together apart; it does
  /// not grow, because the rate falls.
  void throttled(const Batch& batch, const BatchAnswer& answer, SteadyTime now, double random) {
    breaker_.passed(now, random);
    last_throttled_ = now;
    if (throttle_.answered(batch.session().lane(), true, now)) {
      raise_fault(FaultKind::Throttled, *answer.error);
    }
    const auto wait =
        retry::backoff_delay(retry::FailureClass::Throttling, 0, random, answer.retry_after);
    SessionQueue& session = batch.session();
    if (session.failures == 0) session.failures = 1;
    batcher_.put_back(batch, now + wait, now);
  }

  /// Bisects, and rejects the event that is left. If nothing was accepted since it was refused, it
  /// is sent once more before, because the service may refuse everything; not, if no other session
  /// can show that.
  void refused(const Batch& batch, const BatchAnswer& answer, SteadyTime now, double random) {
    SessionQueue& session = batch.session();
    const bool is_alone = batch.size() == 1;
    const bool is_part = session.suspects > 0;
    const bool was_open = breaker_.fault() && !breaker_.refuses_all();
    breaker_.refused(!session.was_refused && (is_alone || !is_part), now, random);
    is_remedy_unproven_ = false;
    if (was_open && !breaker_.fault()) resume(now);
    if (!breaker_.fault()) throttle_.answered(session.lane(), false, now);
    if (breaker_.may_reject(now)) {
      if (!is_alone) return batcher_.bisect(batch);
      const bool is_lone = in_flight_ == 0 && batcher_.sessions() == 1;
      if (session.was_refused || is_lone || (is_part && breaker_.refusals() == 1)) {
        breaker_.rejected(now);
        return end(
            {Outcome::Rejected, batcher_.take(batch, now, true), answer.request_id, answer.error});
      }
    }
    session.was_refused = true;
    if (breaker_.refuses_all()) last_refusal_ = *answer.error;
    retry_later(batch, answer, now, random);
  }

  /// What waited is the backlog now, and begins gently, because everybody's does.
  void resume(SteadyTime now) {
    batcher_.begin_backlog();
    batcher_.spread_retries(now);
    throttle_.resume(now);
  }

  void expire(SteadyTime now) {
    for (;;) {
      PendingEvents oldest = batcher_.take_oldest(now - delivery_timeout_);
      if (oldest.empty()) return;
      if (breaker_.refuses_all()) {
        end({Outcome::Rejected, std::move(oldest), last_refusal_.request_id, last_refusal_});
        continue;
      }
      Error error = make_error(ErrorKind::Timeout, "delivery_timeout",
                               "could not be delivered in time; see the faults reported before");
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
  Breaker breaker_;
  Throttle throttle_;
  std::size_t in_flight_{0};
  std::size_t reserved_events_{0};
  std::size_t reserved_bytes_{0};
  std::uint64_t last_request_{0};
  std::uint64_t last_before_remedy_{0};  // the last request that left before a remedy
  bool is_remedy_unproven_{false};       // nothing was accepted since
  Error last_refusal_{};                 // while the service refuses all
  SteadyTime last_throttled_{};
  std::vector<EndedEvents> ended_{};
  std::vector<Fault> faults_{};
  std::vector<Fault> standing_{};
};

}  // namespace detail
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
