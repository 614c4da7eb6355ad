// SPDX-License-Identifier: Apache-2.0
//
// A pending event as an entry of the spool, and back. Pure functions of the event and the time.
#ifndef PERSONALIZE_EVENTS_RECORDER_SPOOL_SPOOLED_EVENT_HPP
#define PERSONALIZE_EVENTS_RECORDER_SPOOL_SPOOLED_EVENT_HPP

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "personalize_events/recorder/pending_event.hpp"
#include "personalize_events/recorder/spool/frame.hpp"
#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace spool {

/// The same moment on both clocks.
struct Moment {
  std::chrono::system_clock::time_point on_the_wall{};
  detail::SteadyTime steady{};
};

/// An event that was read back.
struct ReadEvent {
  detail::PendingEvents event{};
  /// It is older than SpoolOptions::max_age.
  bool is_expired{false};
};

/// What stands on the disk of an event. It refers to the texts.
[[nodiscard]] inline Entry entry_of(const detail::PendingEvent& event, std::string_view tracking_id,
                                    const Moment& now) {
  const auto recorded = now.on_the_wall - (now.steady - event.recorded_at);
  Entry entry;
  entry.flags = event.may_have_been_delivered ? kMayHaveBeenDelivered : 0U;
  entry.recorded_at_ms =
      std::chrono::floor<std::chrono::milliseconds>(recorded.time_since_epoch()).count();
  entry.tracking_id = tracking_id;
  entry.session_id = event.session_id();
  entry.user_id = event.user_id();
  entry.event = event.json();
  return entry;
}

/// The event of a frame in the folder of this number.
[[nodiscard]] inline ReadEvent read_event(const Frame& frame, std::uint32_t folder,
                                          std::chrono::hours max_age, const Moment& now) {
  using std::chrono::milliseconds;
  const Entry& entry = frame.entry;
  constexpr milliseconds oldest{std::chrono::hours{24 * 365 * 10}};
  const milliseconds today = std::chrono::floor<milliseconds>(now.on_the_wall.time_since_epoch());
  // A clock that was set back makes no event younger than it can be, nor a damaged time older.
  const std::int64_t earliest = (today - oldest).count();
  const milliseconds age =
      today - milliseconds{std::clamp(entry.recorded_at_ms, earliest, std::int64_t{today.count()})};
  ReadEvent read;
  read.is_expired = age > max_age;
  detail::PendingEvent& event = read.event.emplace_back();
  event.text.reserve(entry.session_id.size() + entry.user_id.size() + entry.event.size());
  event.text.append(entry.session_id).append(entry.user_id).append(entry.event);
  event.session_size = static_cast<std::uint16_t>(entry.session_id.size());
  event.user_size = static_cast<std::uint16_t>(entry.user_id.size());
  event.may_have_been_delivered = (entry.flags & kMayHaveBeenDelivered) != 0;
  event.recorded_at = now.steady - age;
  event.folder = folder;
  event.place = frame.sequence;
  return read;
}

}  // namespace spool
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
