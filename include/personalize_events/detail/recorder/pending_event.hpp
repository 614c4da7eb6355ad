// SPDX-License-Identifier: Apache-2.0
//
// PendingEvent: an accepted event as the recorder keeps it, encoded once. The same bytes go to the
// spool and into the body of a request. Batcher and dispatcher move it from list to list, so that
// an event is allocated once and never copied.
#ifndef PERSONALIZE_EVENTS_DETAIL_RECORDER_PENDING_EVENT_HPP
#define PERSONALIZE_EVENTS_DETAIL_RECORDER_PENDING_EVENT_HPP

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "personalize_events/detail/json/reader.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

using SteadyTime = std::chrono::steady_clock::time_point;

/// Which log of the spool an event belongs to: the recorder's own, or one that it adopted, which
/// are numbered from 1.
inline constexpr std::uint32_t kOwnLog = 0;

/// An event that was accepted and has not ended.
struct PendingEvent {
  /// The session id, the user id and the event as JSON, one right after the other.
  std::string text{};
  std::uint16_t session_size{0};
  std::uint16_t user_size{0};  ///< 0: anonymous
  /// Requests that carried it, as far as it matters.
  std::uint16_t attempts{0};
  bool may_have_been_delivered{false};
  /// It must not be sent yet, because older events of its session are on the disk: those up to the
  /// place `held_behind`.
  bool is_held{false};
  /// The library gave it its time ("sentAt").
  bool time_is_ours{false};
  /// `recorded_at` is when it was recorded; else when it was adopted.
  bool age_is_known{true};
  /// The log it belongs to, and its place in it.
  std::uint32_t log{kOwnLog};
  std::uint64_t place{0};
  std::uint64_t held_behind{0};
  /// The order of acceptance, from 1.
  std::uint64_t sequence{0};
  SteadyTime recorded_at{};
  /// Its neighbours in AgeOrder.
  PendingEvent* older{nullptr};
  PendingEvent* newer{nullptr};

  [[nodiscard]] std::string_view session_id() const noexcept {
    return std::string_view{text}.substr(0, session_size);
  }
  [[nodiscard]] std::string_view user_id() const noexcept {
    return std::string_view{text}.substr(session_size, user_size);
  }
  [[nodiscard]] std::string_view json() const noexcept {
    return std::string_view{text}.substr(std::size_t{session_size} + user_size);
  }
  /// What it counts against RecorderOptions::max_pending_bytes.
  [[nodiscard]] std::size_t bytes() const noexcept { return text.size(); }
};

/// A list, because its nodes keep their place in memory and move between lists for nothing.
using PendingEvents = std::list<PendingEvent>;

/// Whose request it is: of a session that is in use now, or of one that waited through an outage.
enum class Lane : std::uint8_t { Live, Backlog };

/// The id of an encoded event, whose first member it is.
[[nodiscard]] inline std::string event_id_of(std::string_view event_json) {
  constexpr std::string_view start = "{\"eventId\":\"";
  if (event_json.substr(0, start.size()) == start) {
    const std::string_view rest = event_json.substr(start.size());
    const std::size_t end = rest.find_first_of("\"\\");
    if (end != std::string_view::npos && rest[end] == '"') return std::string{rest.substr(0, end)};
  }
  const Result<json::Value> event = json::parse(event_json);
  if (!event) return {};
  const std::string* id = event->find_string("eventId");
  return id == nullptr ? std::string{} : *id;
}

/// All pending events of all sessions, linked in the order of their sequences. Finds the oldest,
/// and those that the log lacks.
class AgeOrder {
 public:
  [[nodiscard]] PendingEvent* oldest() const noexcept { return oldest_; }
  [[nodiscard]] PendingEvent* newest() const noexcept { return newest_; }

  /// Adds an event with a higher sequence than all others.
  void add(PendingEvent& event) noexcept {
    event.older = newest_;
    event.newer = nullptr;
    (newest_ == nullptr ? oldest_ : newest_->newer) = &event;
    newest_ = &event;
    if (unwritten_ == nullptr && is_new(event)) unwritten_ = &event;
  }

  void remove(PendingEvent& event) noexcept {
    (event.older == nullptr ? oldest_ : event.older->newer) = event.newer;
    (event.newer == nullptr ? newest_ : event.newer->older) = event.older;
    if (unwritten_ == &event) unwritten_ = event.newer;
    event.older = nullptr;
    event.newer = nullptr;
  }

  /// Visits the events that the recorder's own log lacks, in the order of their places, as long as
  /// `visit(event)` returns true. The log has those up to `written`. If that is lower than before,
  /// the log began again and lacks all.
  template <class Visit>
  void visit_unwritten(std::uint64_t written, const Visit& visit) {
    if (written < written_) rewind();
    written_ = written;
    while (unwritten_ != nullptr && !(is_new(*unwritten_) && unwritten_->place > written)) {
      unwritten_ = unwritten_->newer;
    }
    for (PendingEvent* event = unwritten_; event != nullptr; event = event->newer) {
      if (is_new(*event) && !visit(*event)) return;
    }
  }

 private:
  /// Accepted by this recorder, and not read back from its log since.
  [[nodiscard]] static bool is_new(const PendingEvent& event) noexcept {
    return event.log == kOwnLog && event.place == event.sequence;
  }

  /// Makes the events that were read back new ones again, where they were before.
  void rewind() {
    std::vector<PendingEvent*> events;
    for (PendingEvent* event = oldest_; event != nullptr; event = event->newer) {
      if (event->log == kOwnLog) event->sequence = event->place;
      events.push_back(event);
    }
    std::sort(events.begin(), events.end(),
              [](const auto* a, const auto* b) { return a->sequence < b->sequence; });
    oldest_ = newest_ = unwritten_ = nullptr;
    for (PendingEvent* event : events) add(*event);
  }

  PendingEvent* oldest_{nullptr};
  PendingEvent* newest_{nullptr};
  PendingEvent* unwritten_{nullptr};  ///< all before it are written
  std::uint64_t written_{0};
};

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
