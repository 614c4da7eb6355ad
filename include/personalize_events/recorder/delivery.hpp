// SPDX-License-Identifier: Apache-2.0
//
// delivery_of: what the application is told of events that ended. RecorderCore calls it for
// RecorderOptions::on_delivery. Pure.
#ifndef PERSONALIZE_EVENTS_RECORDER_DELIVERY_HPP
#define PERSONALIZE_EVENTS_RECORDER_DELIVERY_HPP

#include <algorithm>
#include <string>
#include <utility>

#include "personalize_events/recorder/dispatcher.hpp"
#include "personalize_events/recorder/encode_event.hpp"
#include "personalize_events/recorder/options.hpp"
#include "personalize_events/recorder/pending_event.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Events that ended, as the application is told of them.
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

}  // namespace detail
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
