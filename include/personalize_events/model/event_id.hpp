// SPDX-License-Identifier: Apache-2.0
//
// new_event_id: an id for an event that has none of its own. The client and the recorder give it
// to events, because the service trains once on all that come with the same id.
#ifndef PERSONALIZE_EVENTS_MODEL_EVENT_ID_HPP
#define PERSONALIZE_EVENTS_MODEL_EVENT_ID_HPP

#include <chrono>
#include <cstdint>
#include <string>

#include "personalize_events/detail/base/uuid.hpp"
#include "personalize_events/detail/platform/random.hpp"
#include "personalize_events/model/put_action_interactions.hpp"
#include "personalize_events/model/put_events.hpp"
#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// An event id: a version 7 UUID of this moment.
[[nodiscard]] inline UuidText event_id_text(std::chrono::system_clock::time_point now,
                                            const UuidBytes& random) {
  const auto milliseconds =
      std::chrono::floor<std::chrono::milliseconds>(now.time_since_epoch()).count();
  return format_uuid_v7(static_cast<std::uint64_t>(milliseconds), random);
}
[[nodiscard]] inline std::string event_id(std::chrono::system_clock::time_point now,
                                          const UuidBytes& random) {
  return std::string{view_of(event_id_text(now, random))};
}

}  // namespace detail

/// A UUID version 7: the time in milliseconds and 74 random bits of the operating system's, so that
/// ids are unique over threads, processes and fork. Ids of one millisecond are in no order.
///
/// @par Thread Safety
/// Any thread, at any time; no lock and no state.
[[nodiscard]] inline std::string new_event_id() {
  detail::UuidBytes random{};
  detail::fill_random(random.data(), random.size());
  return detail::event_id(std::chrono::system_clock::now(), random);
}

/// Gives each event that has none an id and a time. Do it before you retry a request yourself: an
/// event that is sent twice with one id is trained on once.
inline void assign_event_ids(PutEventsRequest& request) {
  for (Event& event : request.event_list) {
    if (!event.event_id) event.event_id = new_event_id();
    if (!event.sent_at) event.sent_at = std::chrono::system_clock::now();
  }
}

/// Gives each interaction that has none an id and a time. Do it before you retry a request
/// yourself: an interaction that is sent twice with one id is trained on once.
inline void assign_event_ids(PutActionInteractionsRequest& request) {
  for (ActionInteraction& interaction : request.action_interactions) {
    if (!interaction.event_id) interaction.event_id = new_event_id();
    if (!interaction.timestamp) interaction.timestamp = std::chrono::system_clock::now();
  }
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
