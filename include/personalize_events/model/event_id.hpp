// SPDX-License-Identifier: Apache-2.0
//
// new_event_id: an id for an event that has none of its own. The client and the recorder give it
// to events, because the service trains once on all that come with the same id.
#ifndef PERSONALIZE_EVENTS_MODEL_EVENT_ID_HPP
#define PERSONALIZE_EVENTS_MODEL_EVENT_ID_HPP

#include <chrono>
#include <cstdint>
#include <string>

#include "personalize_events/detail/uuid.hpp"
#include "personalize_events/platform/random.hpp"
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
  fill_random(random.data(), random.size());
  return detail::event_id(std::chrono::system_clock::now(), random);
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
