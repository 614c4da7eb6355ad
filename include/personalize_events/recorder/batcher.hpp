// SPDX-License-Identifier: Apache-2.0
//
// Batcher: groups pending events into batches of one session and user, and says which batch may
// leave next. A state machine without clock, thread or I/O; the dispatcher drives it.
//
// A session is in one place at a time: it lingers for more events, is ready, has a batch in flight,
// or is parked until a time. Batches of a session leave in order, one at a time; sessions are
// served in turn. A session without events is erased at once.
#ifndef PERSONALIZE_EVENTS_RECORDER_BATCHER_HPP
#define PERSONALIZE_EVENTS_RECORDER_BATCHER_HPP

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <list>
#include <map>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "personalize_events/recorder/batch.hpp"
#include "personalize_events/recorder/pending_event.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Most bytes of the events of one batch, unless a single one is larger. The model's largest ten
/// events are below it.
inline constexpr std::size_t kMaxBatchBytes{128U << 10U};

class Batcher {
 public:
  explicit Batcher(std::chrono::milliseconds linger, std::size_t most_bytes = kMaxBatchBytes)
      : linger_(linger), most_bytes_(most_bytes) {}

  /// Sessions that have pending events.
  [[nodiscard]] std::size_t sessions() const noexcept { return index_.size(); }

  /// Takes one event, the youngest of all. One of the backlog does not linger.
  void add(PendingEvents&& one, Lane lane = Lane::Live) {
    age_.add(one.front());
    join_session(std::move(one), lane);
  }

  /// Takes one event that must not be sent before `release_held`, because older ones of its session
  /// are on the disk: those up to the place `after`.
  void hold(PendingEvents&& one, std::uint64_t after) {
    age_.add(one.front());
    one.front().is_held = true;
    held_bytes_ += one.front().bytes();
    held_.push_back({std::move(one), after});
  }
  [[nodiscard]] std::size_t held() const noexcept { return held_.size(); }
  [[nodiscard]] std::size_t held_bytes() const noexcept { return held_bytes_; }
  /// Lets those held events join their sessions for which `may_go(event, after)` returns true.
  template <class MayGo>
  void release_held(const MayGo& may_go) {
    for (auto one = held_.begin(); one != held_.end();) {
      if (!may_go(one->event.front(), one->after)) {
        ++one;
        continue;
      }
      PendingEvents released = std::move(one->event);
      one = held_.erase(one);
      released.front().is_held = false;
      held_bytes_ -= released.front().bytes();
      join_session(std::move(released), Lane::Live);
    }
  }

  /// Takes an event back that was accepted last in its session; empty if it is on its way.
  [[nodiscard]] PendingEvents take_back(std::string_view session_id, std::uint64_t sequence) {
    for (auto one = held_.begin(); one != held_.end(); ++one) {
      if (one->event.front().sequence == sequence) return take_held(one);
    }
    const auto found = index_.find(session_id);
    if (found == index_.end()) return {};
    const Position session = found->second;
    if (session->events.back().sequence != sequence) return {};
    if (session->events.size() == session->in_flight) return {};
    if (session->events.size() == 1) return remove_front(session, 1);
    PendingEvents taken;
    taken.splice(taken.end(), session->events, std::prev(session->events.end()));
    age_.remove(taken.front());
    return taken;
  }

  /// Lets what waited long enough become ready.
  void promote(SteadyTime now) {
    while (!lingering_.empty() && lingering_.front().due <= now) make_ready(lingering_.begin());
    while (!parked_until_.empty() && parked_until_.begin()->first <= now) {
      make_ready(parked_until_.begin()->second);
    }
  }

  /// Lets all events that were accepted up to now leave without lingering.
  void flush(std::uint64_t last_sequence) {
    flushed_ = std::max(flushed_, last_sequence);
    while (!lingering_.empty()) make_ready(lingering_.begin());
    for (auto parked = parked_until_.begin(); parked != parked_until_.end();) {
      const Position session = (parked++)->second;
      if (session->failures == 0) make_ready(session);
    }
  }

  /// Whether a batch may leave now.
  [[nodiscard]] bool has_ready() const noexcept { return !ready_.empty() || !backlog_.empty(); }

  /// The lane of the batch that `next` would give.
  [[nodiscard]] Lane next_lane() const noexcept {
    return ready_.empty() ? Lane::Backlog : Lane::Live;
  }

  /// The batch whose turn it is. It is in flight until `take`, `put_back` or `bisect`.
  [[nodiscard]] std::optional<Batch> next() {
    std::list<SessionQueue>& from = ready_.empty() ? backlog_ : ready_;
    if (from.empty()) return std::nullopt;
    Batch batch(from.begin());
    SessionQueue& session = batch.session();
    std::size_t bytes = 0;
    for (const PendingEvent& event : session.events) {
      bytes += event.bytes();
      const bool fits =
          batch.size() == 0 || (batch.size() < session.most_next && bytes <= most_bytes_ &&
                                event.user_id() == batch.first().user_id());
      if (!fits || !batch.add(event)) break;
    }
    session.in_flight = static_cast<std::uint8_t>(batch.size());
    move(batch.session_, SessionPlace::InFlight);
    return batch;
  }

  /// Lets `change(event)` change the JSON of a batch's events.
  template <class Change>
  void rewrite(const Batch& batch, const Change& change) {
    SessionQueue& session = *batch.session_;
    // The index refers to the text of the first.
    auto entry = index_.extract(session.events.front().session_id());
    std::size_t left = batch.size();
    for (PendingEvent& event : session.events) {
      if (left-- == 0) break;
      change(event);
    }
    entry.key() = session.events.front().session_id();
    index_.insert(std::move(entry));
  }

  /// When `promote` has something to do; never, if nothing waits.
  [[nodiscard]] SteadyTime next_due() const noexcept {
    SteadyTime due = SteadyTime::max();
    if (!lingering_.empty()) due = lingering_.front().due;
    if (!parked_until_.empty()) due = std::min(due, parked_until_.begin()->first);
    return due;
  }

  /// Takes the events of a batch out: they have ended. What was behind them goes on. `was_refused`
  /// tells that this batch was the single bad event that was looked for.
  [[nodiscard]] PendingEvents take(const Batch& batch, SteadyTime now, bool was_refused = false) {
    SessionQueue& session = *batch.session_;
    const std::size_t left = session.events.size() - batch.size();
    session.in_flight = 0;
    session.failures = 0;
    session.was_refused = false;
    session.suspects -=
        static_cast<std::uint8_t>(std::min<std::size_t>(session.suspects, batch.size()));
    // Of suspects that are left beside good ones one is bad; beside a bad one they may all be good.
    const auto next =
        static_cast<std::uint8_t>(was_refused ? session.suspects : (session.suspects + 1) / 2);
    session.most_next = next == 0 ? std::uint8_t{kMaxBatchEvents} : next;
    PendingEvents taken = remove_front(batch.session_, batch.size());
    if (left > 0) settle(batch.session_, now);
    return taken;
  }

  /// Puts a batch back at the head of its session, until `not_before`.
  void put_back(const Batch& batch, SteadyTime not_before, SteadyTime now) {
    batch.session_->in_flight = 0;
    if (not_before <= now) return make_ready(batch.session_);
    park(batch.session_, not_before);
  }

  /// Spreads the retries of all sessions over a second, because what they waited for is over.
  void spread_retries(SteadyTime now) {
    std::vector<Position> sessions;
    for (const auto& [until, session] : parked_until_) {
      if (session->failures > 0) sessions.push_back(session);
    }
    for (std::size_t i = 0; i < sessions.size(); ++i) {
      sessions[i]->failures = 1;
      park(sessions[i], now + std::chrono::microseconds{1'000'000 * i / sessions.size()});
    }
  }

  /// Puts a batch of two or more back, of whose events the service refuses one: its first half goes
  /// next.
  void bisect(const Batch& batch) {
    SessionQueue& session = *batch.session_;
    session.in_flight = 0;
    session.failures = 0;
    session.was_refused = false;
    session.suspects = static_cast<std::uint8_t>(batch.size());
    session.most_next = static_cast<std::uint8_t>(batch.size() / 2);
    make_ready(batch.session_);
  }

  /// The oldest pending event; null when there is none.
  [[nodiscard]] const PendingEvent* oldest() const noexcept { return age_.oldest(); }

  /// Visits the pending events, oldest first, as long as `visit(event)` answers true.
  template <class Visit>
  void visit(const Visit& visit) {
    PendingEvent* event = age_.oldest();
    while (event != nullptr && visit(*event)) event = event->newer;
  }

  /// Takes the oldest event that is not in flight, if it is older than `before`; else an empty
  /// list.
  [[nodiscard]] PendingEvents take_oldest(SteadyTime before) {
    for (PendingEvent* event = age_.oldest(); event != nullptr; event = event->newer) {
      if (event->recorded_at >= before) return {};
      if (event->is_held) {
        const auto same = [event](const Held& one) { return &one.event.front() == event; };
        return take_held(std::find_if(held_.begin(), held_.end(), same));
      }
      const Position session = index_.find(event->session_id())->second;
      if (!is_in_flight(*session, *event)) return take_first_free(session);
    }
    return {};
  }

  /// Takes all events of one session that are not in flight, in order; empty: there are none.
  [[nodiscard]] PendingEvents take_session() {
    if (!held_.empty()) return take_held(held_.begin());
    for (std::list<SessionQueue>* list : {&lingering_, &parked_, &ready_, &backlog_}) {
      if (!list->empty()) return remove_front(list->begin(), list->front().events.size());
    }
    PendingEvents taken;
    for (SessionQueue& session : in_flight_) {
      const auto first = std::next(session.events.begin(), session.in_flight);
      taken.splice(taken.end(), session.events, first, session.events.end());
      if (taken.empty()) continue;
      for (PendingEvent& event : taken) age_.remove(event);
      return taken;
    }
    return taken;
  }

  /// Takes back what is in flight: its batches are void, and nobody knows whether they arrived.
  void recall() {
    while (!in_flight_.empty()) {
      SessionQueue& session = in_flight_.front();
      for (PendingEvent& event : session.events) {
        if (session.in_flight == 0) break;
        event.may_have_been_delivered = true;
        --session.in_flight;
      }
      make_ready(in_flight_.begin());
    }
  }

  /// From now on the sessions that wait are the backlog: new ones are served before them.
  void begin_backlog() {
    for (std::list<SessionQueue>* list : {&lingering_, &parked_, &ready_, &in_flight_}) {
      for (SessionQueue& session : *list) session.is_backlog = true;
    }
    for (SessionQueue& session : ready_) session.place = SessionPlace::Backlog;
    backlog_.splice(backlog_.end(), ready_);
  }

  /// Visits the events that the recorder's own log lacks, as AgeOrder::visit_unwritten.
  template <class Visit>
  void visit_unwritten(std::uint64_t written, const Visit& visit) {
    age_.visit_unwritten(written, visit);
  }

 private:
  using Position = std::list<SessionQueue>::iterator;
  struct Held {
    PendingEvents event;
    std::uint64_t after;
  };

  [[nodiscard]] PendingEvents take_held(std::list<Held>::iterator one) {
    PendingEvents taken = std::move(one->event);
    held_.erase(one);
    taken.front().is_held = false;
    held_bytes_ -= taken.front().bytes();
    age_.remove(taken.front());
    return taken;
  }

  [[nodiscard]] static bool waits_for_events(const SessionQueue& session) noexcept {
    return session.place == SessionPlace::Lingering ||
           (session.place == SessionPlace::Parked && session.failures == 0);
  }

  /// Whether the next batch can grow no more: it is full, or sealed by an event of another user.
  [[nodiscard]] bool is_complete(const SessionQueue& session) const {
    if (session.events.size() >= session.most_next) return true;
    std::size_t bytes = 0;
    for (const PendingEvent& event : session.events) {
      bytes += event.bytes();
      if (event.user_id() != session.events.front().user_id() || bytes > most_bytes_) return true;
    }
    return false;
  }

  void join_session(PendingEvents&& one, Lane lane) {
    const PendingEvent& event = one.front();
    const auto found = index_.find(event.session_id());
    if (found == index_.end()) return open(std::move(one), lane);

    const Position session = found->second;
    session->events.splice(session->events.end(), one);
    if (lane == Lane::Backlog) {
      if (waits_for_events(*session)) make_ready(session);
      return;
    }
    // The session is in use now, so it is served with the live ones.
    session->is_backlog = false;
    if (session->place == SessionPlace::Backlog) return move(session, SessionPlace::Ready);
    if (waits_for_events(*session) && is_complete(*session)) move(session, SessionPlace::Ready);
  }

  void open(PendingEvents&& one, Lane lane) {
    lingering_.emplace_back();
    const Position session = std::prev(lingering_.end());
    session->place = SessionPlace::Lingering;
    session->is_backlog = lane == Lane::Backlog;
    session->due = one.front().recorded_at + linger_;
    session->events.splice(session->events.end(), one);
    index_.emplace(session->events.front().session_id(), session);
    const bool is_flushed = session->events.front().sequence <= flushed_;
    if (linger_.count() <= 0 || lane == Lane::Backlog || is_flushed) make_ready(session);
  }

  /// Finds the place of a session whose batch has ended and that has events left.
  void settle(Position session, SteadyTime now) {
    const PendingEvent& first = session->events.front();
    const SteadyTime due = first.recorded_at + linger_;
    const bool leaves_now =
        due <= now || first.sequence <= flushed_ || session->suspects > 0 || is_complete(*session);
    if (leaves_now) return make_ready(session);
    park(session, due);
  }

  void make_ready(Position session) {
    move(session, session->is_backlog ? SessionPlace::Backlog : SessionPlace::Ready);
  }

  void park(Position session, SteadyTime until) {
    move(session, SessionPlace::Parked);
    session->due = until;
    parked_until_.emplace(until, session);
  }

  [[nodiscard]] std::list<SessionQueue>& list_of(SessionPlace place) noexcept {
    switch (place) {
      case SessionPlace::Lingering: return lingering_;
      case SessionPlace::Parked: return parked_;
      case SessionPlace::Ready: return ready_;
      case SessionPlace::Backlog: return backlog_;
      case SessionPlace::InFlight: break;
    }
    return in_flight_;
  }

  /// Takes a session from where it is to the end of another place.
  void move(Position session, SessionPlace to) {
    leave_parking(session);
    std::list<SessionQueue>& target = list_of(to);
    target.splice(target.end(), list_of(session->place), session);
    session->place = to;
  }

  void leave_parking(Position session) {
    if (session->place != SessionPlace::Parked) return;
    const auto [first, last] = parked_until_.equal_range(session->due);
    const auto parked =
        std::find_if(first, last, [&](const auto& entry) { return entry.second == session; });
    if (parked != last) parked_until_.erase(parked);
  }

  /// Those in flight are the first of their session.
  [[nodiscard]] static bool is_in_flight(const SessionQueue& session,
                                         const PendingEvent& event) noexcept {
    const auto end = std::next(session.events.begin(), session.in_flight);
    return std::any_of(session.events.begin(), end,
                       [&event](const PendingEvent& one) { return &one == &event; });
  }

  [[nodiscard]] PendingEvents take_first_free(Position session) {
    if (session->in_flight == 0) {
      // A batch that failed before is not the same without its first event.
      session->was_refused = false;
      session->suspects = static_cast<std::uint8_t>(session->suspects - (session->suspects > 0));
      if (session->suspects == 0) session->most_next = kMaxBatchEvents;
      return remove_front(session, 1);
    }
    PendingEvents taken;
    taken.splice(taken.end(), session->events,
                 std::next(session->events.begin(), session->in_flight));
    age_.remove(taken.front());
    return taken;
  }

  /// Takes the first events of a session out, and erases the session when it has no other. The
  /// index refers to the first event's id, so it is told of the new first.
  [[nodiscard]] PendingEvents remove_front(Position session, std::size_t count) {
    PendingEvents& events = session->events;
    auto entry = index_.extract(events.front().session_id());
    PendingEvents taken;
    taken.splice(taken.end(), events, events.begin(),
                 std::next(events.begin(), static_cast<std::ptrdiff_t>(count)));
    for (PendingEvent& event : taken) age_.remove(event);
    if (events.empty()) {
      leave_parking(session);
      list_of(session->place).erase(session);
    } else {
      entry.key() = events.front().session_id();
      index_.insert(std::move(entry));
    }
    return taken;
  }

  std::chrono::milliseconds linger_;
  std::size_t most_bytes_;
  std::uint64_t flushed_{0};

  std::list<SessionQueue> lingering_{};  // all wait equally long, so the first is due first
  std::list<SessionQueue> parked_{};
  std::list<SessionQueue> ready_{};
  std::list<SessionQueue> backlog_{};
  std::list<SessionQueue> in_flight_{};
  std::multimap<SteadyTime, Position> parked_until_{};
  std::unordered_map<std::string_view, Position> index_{};  // keys live in the first events
  std::list<Held> held_{};
  std::size_t held_bytes_{0};
  AgeOrder age_{};
};

}  // namespace detail
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
