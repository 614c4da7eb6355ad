// SPDX-License-Identifier: Apache-2.0
//
// correct_sent_at: gives an encoded event the time of the service's clock, if the library stamped
// it by a clock that was wrong. RecorderCore calls it before an event is sent for the first time.
// Pure.
#ifndef PERSONALIZE_EVENTS_RECORDER_SENT_AT_HPP
#define PERSONALIZE_EVENTS_RECORDER_SENT_AT_HPP

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "personalize_events/detail/number.hpp"
#include "personalize_events/detail/time.hpp"
#include "personalize_events/recorder/pending_event.hpp"
#include "personalize_events/retry/attempt.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Whether the library may correct an event's "sentAt": it stamped the event, the event's age is
/// known, and no request carried it yet.
[[nodiscard]] inline bool may_correct_sent_at(const PendingEvent& event) noexcept {
  return event.time_is_ours && event.age_is_known && event.attempts == 0 &&
         !event.may_have_been_delivered;
}

/// Replaces "sentAt" by `recorded`, if it is kClockSkewLimit or more from it. False: it is right.
inline bool correct_sent_at(PendingEvent& event, std::chrono::system_clock::time_point recorded) {
  // The encoder writes the member once; within strings its quotes are escaped.
  constexpr std::string_view key = "\"sentAt\":";
  const std::size_t found = event.json().find(key);
  if (found == std::string_view::npos) return false;
  const std::size_t begin = event.text.size() - event.json().size() + found + key.size();
  const std::size_t end = event.text.find_first_of(",}", begin);
  if (end == std::string::npos) return false;
  const auto seconds = parse_double(std::string_view{event.text}.substr(begin, end - begin));
  const double right = std::chrono::duration<double>(recorded.time_since_epoch()).count();
  const double limit = std::chrono::duration<double>(retry::kClockSkewLimit).count();
  if (!seconds || (right - *seconds < limit && *seconds - right < limit)) return false;
  event.text.replace(begin, end - begin, format_epoch_seconds(recorded));
  return true;
}

}  // namespace detail
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
