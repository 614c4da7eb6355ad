// SPDX-License-Identifier: Apache-2.0
//
// Pending events for the tests of the recorder's state machines, and a clock that stands still.
#ifndef PERSONALIZE_EVENTS_TESTS_SUPPORT_RECORDER_EVENTS_HPP
#define PERSONALIZE_EVENTS_TESTS_SUPPORT_RECORDER_EVENTS_HPP

#include <chrono>
#include <cstdint>
#include <string>

#include "personalize_events/detail/recorder/pending_event.hpp"

namespace test {

using personalize_events::detail::PendingEvent;
using personalize_events::detail::PendingEvents;
using personalize_events::detail::SteadyTime;

inline SteadyTime at(std::int64_t milliseconds) {
  return SteadyTime{std::chrono::hours{1} + std::chrono::milliseconds{milliseconds}};
}

/// One event, accepted at a time, as the encoder makes it.
inline PendingEvents pending(const std::string& session, const std::string& user,
                             const std::string& id, SteadyTime recorded_at = at(0)) {
  PendingEvents one;
  PendingEvent& event = one.emplace_back();
  event.session_size = static_cast<std::uint16_t>(session.size());
  event.user_size = static_cast<std::uint16_t>(user.size());
  event.text = session + user + R"({"eventId":")" + id + R"(","eventType":"Watch","sentAt":1})";
  event.recorded_at = recorded_at;
  return one;
}

/// The ids of some events, in order: "a b c".
template <class Events>
std::string ids_of(const Events& events) {
  std::string ids;
  for (const PendingEvent& event : events) {
    if (!ids.empty()) ids.append(" ");
    ids.append(personalize_events::detail::event_id_of(event.json()));
  }
  return ids;
}

}  // namespace test

#endif
