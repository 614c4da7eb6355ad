// SPDX-License-Identifier: Apache-2.0
//
// Batcher: groups pending events into batches of one session and user, and decides which batch may
// leave next. A state machine without clock, thread or I/O; the dispatcher drives it.
//
// A session is in one place at a time: it is parked until a time, is ready, or has a batch in
// flight. Batches of a session leave in order, one at a time; sessions are served in turn. A
// session without events is erased at once.
#ifndef PERSONALIZE_EVENTS_DETAIL_RECORDER_BATCHER_HPP
#define PERSONALIZE_EVENTS_DETAIL_RECORDER_BATCHER_HPP

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "personalize_events/detail/json/writer.hpp"
#include "personalize_events/detail/recorder/pending_event.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Most events of one PutEvents request.
inline constexpr std::size_t kMaxBatchEvents = 10;

/// Most bytes of the events of one batch, unless a single one is larger. Ten events of the model's
/// largest size are below it.
inline constexpr std::size_t kMaxBatchBytes{128U << 10U};

/// The state of a session of the batcher.
enum class SessionPlace : std::uint8_t {
  Parked,    ///< it waits until `due`, for more events or to retry
  Ready,     ///< a batch may leave, before those of the backlog
  Backlog,   ///< a batch may leave, after those of the others
  InFlight,  ///< a batch is in flight
};

/// A session with pending events: the events in order, and what is known of the next batch.
struct SessionQueue {
  /// Oldest first; the first `in_flight` are in flight.
  PendingEvents events{};
  /// When it may leave, while it is parked.
  SteadyTime due{};
  std::uint8_t in_flight{0};
  /// Most events of the next batch; less than ten while an invalid event is searched.
  std::uint8_t most_next{kMaxBatchEvents};
  /// Leading events among which the service found one that it refuses.
  std::uint8_t suspects{0};
  /// Attempts of the leading batch that failed in a row.
  std::uint8_t failures{0};
  /// The service refused the leading batch, and that may not be for its events.
  bool was_refused{false};
  bool is_backlog{false};
  SessionPlace place{SessionPlace::Ready};

  [[nodiscard]] Lane lane() const noexcept { return is_backlog ? Lane::Backlog : Lane::Live; }
};

/// One to ten events of one session and user that are sent in one request. A handle: the events
/// stay with the batcher.
class Batch {
 public:
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] PendingEvent& operator[](std::size_t i) const noexcept { return *events_[i]; }
  [[nodiscard]] const PendingEvent& first() const noexcept { return *events_.front(); }
  /// What is known of their session.
  [[nodiscard]] SessionQueue& session() const noexcept { return *session_; }
  /// The number of its request, set by the dispatcher.
  std::uint64_t request{0};

 private:
  friend class Batcher;
  explicit Batch(std::list<SessionQueue>::iterator session) : session_(session) {}

  /// False when it is full.
  [[nodiscard]] bool add(PendingEvent& event) noexcept {
    if (size_ == events_.size()) return false;
    events_[size_++] = &event;
    return true;
  }

  std::list<SessionQueue>::iterator session_;
  std::array<PendingEvent*, kMaxBatchEvents> events_{};
  std::size_t size_{0};
};

/// The body of the PutEvents request that carries a batch. Errors: InvalidArgument, when an id is
/// not UTF-8, which the recorder has checked.
/// Source: https://docs.aws.amazon.com/personalize/latest/dg/API_UBS_PutEvents.html
[[nodiscard]] inline Result<std::string> write_body(std::string_view tracking_id,
                                                    const Batch& batch) {
  std::size_t size = 128 + tracking_id.size();
  for (std::size_t i = 0; i < batch.size(); ++i) size += batch[i].text.size();
  std::string body;
  body.reserve(size);
  json::Writer writer(body);
  writer.begin_object();
  writer.key("trackingId");
  writer.string(tracking_id);
  if (!batch.first().user_id().empty()) {
    writer.key("userId");
    writer.string(batch.first().user_id());
  }
  writer.key("sessionId");
  writer.string(batch.first().session_id());
  writer.key("eventList");
  writer.begin_array();
  for (std::size_t i = 0; i < batch.size(); ++i) writer.raw(batch[i].json());
  writer.end_array();
  writer.end_object();
  if (writer.good()) return body;
  return make_error(ErrorKind::InvalidArgument, "sessionId", "cannot be written as JSON");
}

class Batcher {
 public:
  explicit Batcher(std::chrono::milliseconds linger, std::size_t most_bytes = kMaxBatchBytes)
      : linger_(linger), most_bytes_(most_bytes) {}

  /// Sessions that have pending events.
  [[nodiscard]] std::size_t sessions() const noexcept { return index_.size(); }

  /// Takes one event, the youngest of all. One of the backlog does not linger; a held one waits for
  /// `release_held`.
  void add(PendingEvents&& one, Lane lane = Lane::Live) {
    age_.add(one.front());
    if (!one.front().is_held) return join_session(std::move(one), lane);
    held_bytes_ += one.front().bytes();
    held_.splice(held_.end(), one);
  }
  [[nodiscard]] std::size_t held() const noexcept { return held_.size(); }
  [[nodiscard]] std::size_t held_bytes() const noexcept { return held_bytes_; }
  /// Lets those held events join their sessions for which `may_go(event)` returns true.
  template <class MayGo>
  void release_held(const MayGo& may_go) {
    for (auto one = held_.begin(); one != held_.end();) {
      const auto next = std::next(one);
      if (may_go(*one)) join_session(unhold(one), Lane::Live);
      one = next;
    }
  }

  /// Takes an event back that was accepted last in its session; empty if it is in flight.
  [[nodiscard]] PendingEvents take_back(std::uint64_t sequence) {
    PendingEvent* event = age_.newest();
    while (event != nullptr && event->sequence > sequence) event = event->older;
    if (event == nullptr || event->sequence != sequence) return {};
    if (event->is_held) return take_held(*event);
    const Position session = index_.find(event->session_id())->second;
    const auto last = std::prev(session->events.end());
    if (&*last != event || session->events.size() == session->in_flight) return {};
    return take_out(session, last, session->events.end());
  }

  /// Lets what waited long enough become ready.
  void promote(SteadyTime now) {
    while (!parked_until_.empty() && parked_until_.begin()->first <= now) {
      make_ready(parked_until_.begin()->second);
    }
  }

  /// Lets all events that were accepted up to now leave without lingering.
  void flush(std::uint64_t last_sequence) {
    flushed_ = (std::max)(flushed_, last_sequence);
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
    const Batch batch = batch_of(from.begin());
    batch.session().in_flight = static_cast<std::uint8_t>(batch.size());
    move(batch.session_, SessionPlace::InFlight);
    return batch;
  }

  /// Lets `change(event)` change the JSON of a batch's events.
  template <class Change>
  void rewrite(const Batch& batch, const Change& change) {
    auto entry = index_.extract(batch.first().session_id());
    for (std::size_t i = 0; i < batch.size(); ++i) change(batch[i]);
    entry.key() = batch.first().session_id();
    index_.insert(std::move(entry));
  }

  /// When `promote` has something to do; never, if nothing waits.
  [[nodiscard]] SteadyTime next_due() const noexcept {
    return parked_until_.empty() ? (SteadyTime::max)() : parked_until_.begin()->first;
  }

  /// Takes the completed events of a batch out. `was_refused`: this batch is the invalid event that
  /// bisecting isolated.
  [[nodiscard]] PendingEvents take(const Batch& batch, SteadyTime now, bool was_refused = false) {
    SessionQueue& session = *batch.session_;
    const bool is_last = session.events.size() == batch.size();
    const auto end = first_free(session);
    session.in_flight = 0;
    session.failures = 0;
    session.was_refused = false;
    session.suspects -=
        static_cast<std::uint8_t>(std::min<std::size_t>(session.suspects, batch.size()));
    // Next to valid events one of the suspects is invalid; next to the invalid one none has to be.
    const auto next =
        static_cast<std::uint8_t>(was_refused ? session.suspects : (session.suspects + 1) / 2);
    session.most_next = next == 0 ? std::uint8_t{kMaxBatchEvents} : next;
    PendingEvents taken = take_out(batch.session_, session.events.begin(), end);
    if (!is_last) settle(batch.session_, now);
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

  /// Visits the pending events, oldest first, as long as `visit(event)` returns true.
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
      if (event->is_held) return take_held(*event);
      const Position session = index_.find(event->session_id())->second;
      const auto free = first_free(*session);
      const auto is_same = [event](const PendingEvent& one) { return &one == event; };
      if (std::any_of(session->events.begin(), free, is_same)) continue;
      if (session->in_flight == 0) {
        // A batch that failed before is not the same without its first event.
        session->was_refused = false;
        if (session->suspects > 0) --session->suspects;
        if (session->suspects == 0) session->most_next = kMaxBatchEvents;
      }
      return take_out(session, free, std::next(free));
    }
    return {};
  }

  /// Takes all events of one session that are not in flight, in order; empty: there are none.
  [[nodiscard]] PendingEvents take_session() {
    if (!held_.empty()) return take_held(held_.front());
    for (auto* list : {&parked_, &ready_, &backlog_, &in_flight_}) {
      for (auto session = list->begin(); session != list->end(); ++session) {
        const auto free = first_free(*session);
        if (free != session->events.end()) return take_out(session, free, session->events.end());
      }
    }
    return {};
  }

  /// Takes back what is in flight. Its batches are void, and may have been delivered.
  void recall() {
    while (!in_flight_.empty()) {
      const Position session = in_flight_.begin();
      const auto free = first_free(*session);
      for (auto event = session->events.begin(); event != free; ++event) {
        event->may_have_been_delivered = true;
      }
      session->in_flight = 0;
      make_ready(session);
    }
  }

  /// From now on the sessions that wait are the backlog: new ones are served before them.
  void begin_backlog() {
    for (std::list<SessionQueue>* list : {&parked_, &ready_, &in_flight_}) {
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
  using EventPosition = PendingEvents::iterator;

  [[nodiscard]] PendingEvents unhold(EventPosition one) {
    PendingEvents taken;
    taken.splice(taken.end(), held_, one);
    taken.front().is_held = false;
    held_bytes_ -= taken.front().bytes();
    return taken;
  }
  [[nodiscard]] PendingEvents take_held(PendingEvent& event) {
    age_.remove(event);
    return unhold(std::find_if(held_.begin(), held_.end(),
                               [&event](const PendingEvent& one) { return &one == &event; }));
  }

  [[nodiscard]] static bool waits_for_events(const SessionQueue& session) noexcept {
    return session.place == SessionPlace::Parked && session.failures == 0;
  }

  /// The first events of a session that fit into one batch.
  [[nodiscard]] Batch batch_of(Position session) const {
    Batch batch(session);
    std::size_t bytes = 0;
    for (PendingEvent& event : session->events) {
      bytes += event.bytes();
      const bool fits =
          batch.size() == 0 || (batch.size() < session->most_next && bytes <= most_bytes_ &&
                                event.user_id() == batch.first().user_id());
      if (!fits || !batch.add(event)) break;
    }
    return batch;
  }
  /// Whether the next batch cannot grow: it is full, or another user's event follows.
  [[nodiscard]] bool is_complete(Position session) const {
    const std::size_t size = batch_of(session).size();
    return size == session->most_next || size < session->events.size();
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
    if (waits_for_events(*session) && is_complete(session)) move(session, SessionPlace::Ready);
  }

  void open(PendingEvents&& one, Lane lane) {
    ready_.emplace_back();
    const Position session = std::prev(ready_.end());
    session->is_backlog = lane == Lane::Backlog;
    session->events.splice(session->events.end(), one);
    index_.emplace(session->events.front().session_id(), session);
    settle(session, session->events.front().recorded_at);
  }

  /// Finds the place of a session without a batch: it lingers for more events, or may leave now.
  void settle(Position session, SteadyTime now) {
    const PendingEvent& first = session->events.front();
    const SteadyTime due = first.recorded_at + linger_;
    const bool leaves_now = due <= now || first.sequence <= flushed_ || session->is_backlog ||
                            session->suspects > 0 || is_complete(session);
    if (leaves_now) return make_ready(session);
    park(session, due);
  }

  void make_ready(Position session) {
    move(session, session->is_backlog ? SessionPlace::Backlog : SessionPlace::Ready);
  }

  void park(Position session, SteadyTime until) {
    move(session, SessionPlace::Parked);
    session->due = until;
    parked_until_.emplace_hint(parked_until_.end(), until, session);
  }

  [[nodiscard]] std::list<SessionQueue>& list_of(SessionPlace place) noexcept {
    switch (place) {
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

  /// The first event of a session that is not in flight.
  [[nodiscard]] static EventPosition first_free(SessionQueue& session) noexcept {
    return std::next(session.events.begin(), session.in_flight);
  }

  /// Takes events of a session out, and erases the session when it has no other.
  [[nodiscard]] PendingEvents take_out(Position session, EventPosition first, EventPosition last) {
    auto entry = index_.extract(session->events.front().session_id());
    PendingEvents taken;
    taken.splice(taken.end(), session->events, first, last);
    for (PendingEvent& event : taken) age_.remove(event);
    if (session->events.empty()) {
      leave_parking(session);
      list_of(session->place).erase(session);
    } else {
      entry.key() = session->events.front().session_id();
      index_.insert(std::move(entry));
    }
    return taken;
  }

  std::chrono::milliseconds linger_;
  std::size_t most_bytes_;
  std::uint64_t flushed_{0};

  std::list<SessionQueue> parked_{};
  std::list<SessionQueue> ready_{};
  std::list<SessionQueue> backlog_{};
  std::list<SessionQueue> in_flight_{};
  std::multimap<SteadyTime, Position> parked_until_{};
  std::unordered_map<std::string_view, Position> index_{};  // keys refer to the first events
  PendingEvents held_{};
  std::size_t held_bytes_{0};
  AgeOrder age_{};
};

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
