// SPDX-License-Identifier: Apache-2.0
//
// Dispatcher: the life of accepted events up to their outcome: which batch is sent when, and what a
// result means for the batch, for its session and for all others. A state machine without clock,
// thread or I/O: RecorderCore executes its decisions, and a simulator does so in virtual time.
#ifndef PERSONALIZE_EVENTS_DETAIL_RECORDER_DISPATCHER_HPP
#define PERSONALIZE_EVENTS_DETAIL_RECORDER_DISPATCHER_HPP

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "personalize_events/detail/recorder/account.hpp"
#include "personalize_events/detail/recorder/batcher.hpp"
#include "personalize_events/detail/recorder/breaker.hpp"
#include "personalize_events/detail/recorder/throttle.hpp"
#include "personalize_events/detail/retry/attempt.hpp"
#include "personalize_events/detail/retry/backoff.hpp"
#include "personalize_events/recorder_options.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// No throttling for so long: the fault is over.
inline constexpr std::chrono::seconds kCalmAfterThrottling{10};

/// How an attempt to send a batch ended.
struct BatchAnswer {
  std::optional<Error> error{};  ///< empty: the service accepted it
  retry::Failure failure{};
  std::string request_id{};
  bool was_sent{true};
  std::optional<Error> refresh_failure{};  ///< of the credentials that it was signed with
};

/// Events that completed together.
struct EndedEvents {
  Outcome outcome{};
  PendingEvents events{};
  std::string request_id{};
  std::optional<Error> error{};
};

/// The report of completed events to the application.
[[nodiscard]] inline Delivery delivery_of(EndedEvents&& ended) {
  Delivery delivery;
  delivery.outcome = ended.outcome;
  delivery.request_id = std::move(ended.request_id);
  delivery.error = std::move(ended.error);
  const PendingEvent& first = ended.events.front();
  delivery.session.session_id = std::string{first.session_id()};
  if (!first.user_id().empty()) delivery.session.user_id = std::string{first.user_id()};
  for (const PendingEvent& event : ended.events) {
    delivery.event_ids.push_back(event_id_of(event.json()));
    if (ended.outcome != Outcome::Delivered) delivery.events.emplace_back(event.json());
    delivery.attempts = std::max<int>(delivery.attempts, event.attempts);
    delivery.may_have_been_delivered =
        delivery.may_have_been_delivered || event.may_have_been_delivered;
  }
  if (ended.outcome == Outcome::Delivered) delivery.may_have_been_delivered = false;
  if (delivery.error) {
    delivery.error->attempts = delivery.attempts;
    delivery.error->may_have_been_delivered = delivery.may_have_been_delivered;
  }
  return delivery;
}

/// The error of an event whose time limit, an option, is over.
[[nodiscard]] inline Error expired_error(const char* option) {
  Error error = make_error(ErrorKind::Timeout, option,
                           "could not be delivered in time; see the faults reported before");
  error.retryable = true;
  return error;
}

class Dispatcher {
 public:
  Dispatcher(const RecorderOptions& options, SteadyTime now)
      : max_events_(options.max_pending_events),
        max_bytes_(options.max_pending_bytes),
        max_in_flight_(static_cast<std::size_t>((std::max)(1, options.max_in_flight))),
        delivery_timeout_(options.delivery_timeout),
        batcher_(options.linger),
        breaker_(max_in_flight_),
        throttle_(options.max_requests_per_second, now) {}

  [[nodiscard]] const RecorderStats& stats() const noexcept { return account_.stats(); }
  [[nodiscard]] EventAccount& account() noexcept { return account_; }
  [[nodiscard]] const EventAccount& account() const noexcept { return account_; }
  [[nodiscard]] Batcher& batcher() noexcept { return batcher_; }
  [[nodiscard]] const Batcher& batcher() const noexcept { return batcher_; }

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
      PendingEvents oldest = batcher_.take_oldest((SteadyTime::max)());
      if (oldest.empty()) return false;
      Error error =
          make_error(ErrorKind::QueueFull, "record",
                     "dropped for a newer event; raise max_pending_events or max_pending_bytes");
      end({Outcome::Dropped, std::move(oldest), {}, std::move(error)});
    }
    return true;
  }

  /// Takes one event, whose time of recording is set.
  void accept(PendingEvents&& one) {
    account_.accept(one.front());
    batcher_.add(std::move(one));
  }
  /// Takes an accepted event back; false if it is in flight, or has completed.
  bool withdraw(std::uint64_t sequence) {
    const PendingEvents one = batcher_.take_back(sequence);
    if (one.empty()) return false;
    account_.withdraw(one.front());
    return true;
  }
  /// Takes an event that was read from the spool; it goes with the backlog.
  void readmit(PendingEvents&& one) {
    account_.readmit(one.front());
    batcher_.add(std::move(one), Lane::Backlog);
  }
  /// Completes an event that was read from the spool and will not be sent.
  void end_spooled(PendingEvents&& one, Outcome outcome, Error error) {
    account_.readmit(one.front());
    end({outcome, std::move(one), {}, std::move(error)});
  }

  /// Lets all that was accepted leave without lingering.
  void flush() { batcher_.flush(account_.last_sequence()); }

  /// The next batch to send now, if any. Call again until there is none, then wait for `next_wake`,
  /// an acceptance or a result.
  [[nodiscard]] std::optional<Batch> next(SteadyTime now) {
    expire(now);
    batcher_.promote(now);
    if (leave_at(now) > now) return std::nullopt;
    throttle_.use(batcher_.next_lane(), now);
    breaker_.use();
    std::optional<Batch> batch = batcher_.next();
    batch->request = ++last_request_;
    ++account_.stats().in_flight;
    return batch;
  }

  /// When `next` may return something new, without any acceptance or result.
  [[nodiscard]] SteadyTime next_wake(SteadyTime now) {
    SteadyTime wake = batcher_.next_due();
    if (const PendingEvent* oldest = batcher_.oldest()) {
      // Events in flight do not expire before the result.
      const SteadyTime expires = oldest->recorded_at + delivery_timeout_;
      if (expires > now) wake = (std::min)(wake, expires);
    }
    return (std::min)(wake, leave_at(now));
  }

  /// Takes the result of a batch. `random` is from 0 to 1. Returns what the sender has to fix
  /// before it sends again.
  retry::Remedy answered(const Batch& batch, BatchAnswer answer, SteadyTime now, double random) {
    --account_.stats().in_flight;
    if (answer.was_sent) ++account_.stats().requests;
    if (answer.was_sent && batch.first().attempts > 0) ++account_.stats().retries;
    mark_attempt(batch, answer);
    if (answer.error && answer.error->kind == ErrorKind::Cancelled) {
      batcher_.put_back(batch, now, now);
      return retry::Remedy::Nothing;
    }
    const std::optional<FaultKind> before = breaker_.fault();
    const retry::Remedy remedy =
        answer.error ? failed(batch, answer, now, random) : delivered(batch, answer, now);
    const std::optional<FaultKind> after = breaker_.fault();
    if (before && before != after) note_fault(*before, std::nullopt);
    if (after && before != after) note_fault(*after, answer.error);
    if (answer.refresh_failure) note_fault(FaultKind::Credentials, answer.refresh_failure);
    return remedy;
  }

  /// Takes back what is in flight. Its batches are void: `answered` must not be called for them.
  void recall() {
    batcher_.recall();
    account_.stats().in_flight = 0;
  }

  /// Completes at least `count` events that are not in flight, if there are as many: as Spooled if
  /// `keep(event)` returns true, because the disk has it, else as Dropped. Returns whether there
  /// may be more.
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
        end({is_kept ? Outcome::Spooled : Outcome::Dropped, std::move(same), {}, error});
      }
    }
    return true;
  }

  /// Lets `change(event)` change the JSON of the events of a batch that is about to be sent.
  template <class Change>
  void rewrite(const Batch& batch, const Change& change) {
    batcher_.rewrite(batch, [&](PendingEvent& event) {
      const std::size_t before = event.bytes();
      change(event);
      account_.resized(before, event.bytes());
    });
  }

  /// The events that completed since the last call.
  [[nodiscard]] std::vector<EndedEvents> take_ended() { return std::exchange(ended_, {}); }
  [[nodiscard]] bool has_news() const noexcept { return !ended_.empty() || !faults_.empty(); }
  /// The faults that began or ended since the last call.
  [[nodiscard]] std::vector<Fault> take_faults() { return std::exchange(faults_, {}); }

  /// Whether the fault of the credentials is that they could not be refreshed. They are used.
  [[nodiscard]] bool uses_old_credentials() const {
    return active_.count(FaultKind::Credentials) > 0 && breaker_.fault() != FaultKind::Credentials;
  }
  /// Notes that a fault is active; without an error, that it is not.
  void note_fault(FaultKind kind, const std::optional<Error>& error) {
    if (error) {
      if (active_.emplace(kind, *error).second) faults_.push_back({kind, false, *error});
    } else if (auto ended = active_.extract(kind)) {
      faults_.push_back({kind, true, std::move(ended.mapped())});
    }
  }

 private:
  /// When the next batch may leave; never, before something else happens.
  [[nodiscard]] SteadyTime leave_at(SteadyTime now) {
    const std::uint64_t in_flight = account_.stats().in_flight;
    if (!batcher_.has_ready() || in_flight >= max_in_flight_) return (SteadyTime::max)();
    const SteadyTime probe = breaker_.leave_at(in_flight);
    if (probe == (SteadyTime::max)()) return probe;
    return (std::max)(probe, throttle_.leave_at(batcher_.next_lane(), now));
  }

  void mark_attempt(const Batch& batch, const BatchAnswer& answer) {
    const bool may_be_there = answer.error && answer.error->may_have_been_delivered;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      PendingEvent& event = batch[i];
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
    note_fault(FaultKind::ClockSkew, std::nullopt);
    const bool is_calm = now - last_throttled_ >= kCalmAfterThrottling;
    if (is_calm) note_fault(FaultKind::Throttled, std::nullopt);
    return retry::Remedy::Nothing;
  }

  retry::Remedy failed(const Batch& batch, const BatchAnswer& answer, SteadyTime now,
                       double random) {
    const BatchDecision decision = batch_action(*answer.error, answer.was_sent);
    auto remedy = retry::Remedy::Nothing;
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
        if (retry::is_skewed(answer.failure)) remedy = retry::Remedy::CorrectClock;
        return fix(remedy, batch, answer, now, random);
      case BatchAction::RefreshCredentials:
        if (answer.failure.credentials_are_temporary) remedy = retry::Remedy::RefreshCredentials;
        return fix(remedy, batch, answer, now, random);
    }
    return remedy;
  }

  /// Retries at once after a remedy. A remedy without success is a reason to hold; requests that
  /// left before it do not count.
  retry::Remedy fix(retry::Remedy remedy, const Batch& batch, const BatchAnswer& answer,
                    SteadyTime now, double random) {
    const bool left_before = batch.request <= last_before_remedy_;
    if (remedy == retry::Remedy::Nothing || (is_remedy_unproven_ && !left_before)) {
      breaker_.held(FaultKind::Credentials, now, random);
      retry_later(batch, answer, now, random);
      return remedy;
    }
    if (!left_before) last_before_remedy_ = last_request_;
    is_remedy_unproven_ = true;
    if (remedy == retry::Remedy::CorrectClock) note_fault(FaultKind::ClockSkew, answer.error);
    batcher_.put_back(batch, now, now);
    return remedy;
  }

  /// Retries with full jitter. While the breaker is open it decides when, and for whom.
  void retry_later(const Batch& batch, const BatchAnswer& answer, SteadyTime now, double random) {
    if (breaker_.fault()) return batcher_.put_back(batch, now, now);
    SessionQueue& session = batch.session();
    const auto wait = retry::backoff_delay(retry::FailureClass::Transient, session.failures, random,
                                           answer.failure.retry_after);
    if (session.failures < 0xffU) ++session.failures;
    batcher_.put_back(batch, now + wait, now);
  }

  /// The rate limits the retry. A short wait more spreads batches that were throttled together; it
  /// does not grow, because the rate falls.
  void throttled(const Batch& batch, const BatchAnswer& answer, SteadyTime now, double random) {
    breaker_.passed(now, random);
    last_throttled_ = now;
    if (throttle_.answered(batch.session().lane(), true, now)) {
      note_fault(FaultKind::Throttled, answer.error);
    }
    const auto wait = retry::backoff_delay(retry::FailureClass::Throttling, 0, random,
                                           answer.failure.retry_after);
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
      const bool is_lone = account_.stats().in_flight == 0 && batcher_.sessions() == 1;
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

  /// Makes what waited the backlog, which begins slowly, because that of all recorders does.
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
      end({Outcome::Expired, std::move(oldest), {}, expired_error("delivery_timeout")});
    }
  }

  void end(EndedEvents&& ended) {
    account_.end(ended.events, ended.outcome);
    ended_.push_back(std::move(ended));
  }

  const std::size_t max_events_;
  const std::size_t max_bytes_;
  const std::size_t max_in_flight_;
  const std::chrono::milliseconds delivery_timeout_;
  Batcher batcher_;
  EventAccount account_{};
  Breaker breaker_;
  Throttle throttle_;
  std::size_t reserved_events_{0};
  std::size_t reserved_bytes_{0};
  std::uint64_t last_request_{0};
  std::uint64_t last_before_remedy_{0};  // the last request that left before a remedy
  bool is_remedy_unproven_{false};       // nothing was accepted since
  Error last_refusal_{};                 // while the service refuses all
  SteadyTime last_throttled_{};
  std::vector<EndedEvents> ended_{};
  std::vector<Fault> faults_{};
  std::map<FaultKind, Error> active_{};
};

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
