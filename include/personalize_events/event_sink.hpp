// SPDX-License-Identifier: Apache-2.0
//
// EventSink: the interface by which application code records events. It includes neither libcurl,
// OpenSSL nor RapidJSON. Implemented by EventRecorder, by testing::RecordingSink and by null_sink.
#ifndef PERSONALIZE_EVENTS_EVENT_SINK_HPP
#define PERSONALIZE_EVENTS_EVENT_SINK_HPP

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "personalize_events/model/put_events.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// One visit of a user. Keep the session id at a login and add the user id: the service then
/// attributes earlier events to the user too.
struct Session {
  /// "sessionId", required, 1 to 256 characters: one visit, the same before and after a login.
  std::string session_id;
  /// "userId", 1 to 256 characters; absent or empty: anonymous.
  std::optional<std::string> user_id{};
};

/// Accepts events. A subclass that overrides `record` needs `using EventSink::record;`, so that the
/// other overload stays visible.
///
/// @par Thread Safety
/// Every member may be called from any thread at the same time, unless a subclass says otherwise.
class EventSink {
 public:
  EventSink() = default;
  EventSink(const EventSink&) = default;             ///< For subclasses.
  EventSink& operator=(const EventSink&) = default;  ///< For subclasses.
  virtual ~EventSink() = default;

  /// Accepts an event, and moves from it only if it returns no error. Does not wait for the
  /// service.
  ///
  /// @par Error Handling
  /// InvalidArgument: the event or the session is invalid; `where` names the member. QueueFull:
  /// there is no space. Cancelled: the sink is closed.
  virtual Result<void> record(const Session& session, Event&& event) = 0;

  /// Accepts a copy of an event. Errors: as above.
  Result<void> record(const Session& session, const Event& event) {
    Event copy = event;
    return record(session, std::move(copy));
  }

  /// Requests that the recorded events are sent without waiting for more. Does not block.
  virtual void flush_soon() = 0;
};

namespace detail {

class NullSink final : public EventSink {
 public:
  using EventSink::record;
  Result<void> record(const Session&, Event&& event) override {
    const Event accepted = std::move(event);
    return {};
  }
  void flush_soon() override {}
};

}  // namespace detail

/// A sink that accepts every event and discards it: for users who did not consent, and for programs
/// that run without the service.
[[nodiscard]] inline std::unique_ptr<EventSink> null_sink() {
  return std::make_unique<detail::NullSink>();
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
