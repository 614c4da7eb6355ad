// SPDX-License-Identifier: Apache-2.0
//
// PendingEvent: an accepted event as the recorder keeps it, encoded once. The same bytes go to the
// spool and into the body of a request. Batcher and dispatcher move it from list to list, so that
// an event is allocated once and never copied.
#ifndef PERSONALIZE_EVENTS_RECORDER_PENDING_EVENT_HPP
#define PERSONALIZE_EVENTS_RECORDER_PENDING_EVENT_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>

#include "personalize_events/json/reader.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace spool {

/// Which of a spool's folders an event is in. Those of dead writers are numbered from kFirstAdopted
/// on.
inline constexpr std::uint32_t kNoFolder = 0;
inline constexpr std::uint32_t kLiveFolder = 1;      ///< it is in memory too
inline constexpr std::uint32_t kOverflowFolder = 2;  ///< it was on the disk only
inline constexpr std::uint32_t kFirstAdopted = 3;

}  // namespace spool
namespace detail {

using SteadyTime = std::chrono::steady_clock::time_point;

/// An event that was accepted and has not ended.
struct PendingEvent {
  /// The session id, the user id and the event as JSON, one right after the other.
  std::string text{};
  std::uint16_t session_size{0};
  std::uint16_t user_size{0};  ///< 0: anonymous
  /// Requests that carried it, as far as it matters.
  std::uint16_t attempts{0};
  bool may_have_been_delivered{false};
  /// The order of acceptance, from 1.
  std::uint64_t sequence{0};
  SteadyTime recorded_at{};
  /// Which of the spool's folders has it, and its sequence there.
  std::uint32_t folder{spool::kNoFolder};
  std::uint64_t place{0};
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

/// All pending events in the order of acceptance, by their own links: who is the oldest, whatever
/// session it is of.
class AgeOrder {
 public:
  [[nodiscard]] PendingEvent* oldest() const noexcept { return oldest_; }

  /// Adds an event that was accepted after all others.
  void add(PendingEvent& event) noexcept {
    event.older = newest_;
    event.newer = nullptr;
    (newest_ == nullptr ? oldest_ : newest_->newer) = &event;
    newest_ = &event;
  }

  void remove(PendingEvent& event) noexcept {
    (event.older == nullptr ? oldest_ : event.older->newer) = event.newer;
    (event.newer == nullptr ? newest_ : event.newer->older) = event.older;
    event.older = nullptr;
    event.newer = nullptr;
  }

 private:
  PendingEvent* oldest_{nullptr};
  PendingEvent* newest_{nullptr};
};

}  // namespace detail
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
