// SPDX-License-Identifier: Apache-2.0
//
// EventSink: where an application's code puts its events. It is all that the application's own
// headers need: this one includes neither libcurl, OpenSSL nor RapidJSON. EventRecorder is the real
// one, testing::RecordingSink the one of tests, null_sink that of a program without consent.
#ifndef PERSONALIZE_EVENTS_RECORDER_EVENT_SINK_HPP
#define PERSONALIZE_EVENTS_RECORDER_EVENT_SINK_HPP

#include <memory>
#include <utility>

#include "personalize_events/model/put_events.hpp"
#include "personalize_events/recorder/session.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// Takes events. A subclass that overrides `record` writes `using EventSink::record;`, so that the
/// other overload stays visible.
///
/// @par Thread Safety
/// Every member may be called from any thread at the same time, unless a subclass says otherwise.
class EventSink {
 public:
  virtual ~EventSink() = default;

  /// Takes an event; `event` is moved from only when it was accepted. Does not wait for the
  /// service.
  ///
  /// @par Error Handling
  /// InvalidArgument: the event or the session breaks the model; `where` names the member.
  /// QueueFull: there is no room. Cancelled: the sink is closed. The event is untouched then.
  virtual Result<void> record(const Session& session, Event&& event) = 0;

  /// Takes a copy of an event. Errors: as above.
  Result<void> record(const Session& session, const Event& event) {
    Event copy = event;
    return record(session, std::move(copy));
  }

  /// Asks for what was recorded so far to be sent without waiting for more. Waits for nothing.
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

/// A sink that accepts every event and forgets it: for users who did not consent, and for programs
/// that run without the service.
[[nodiscard]] inline std::unique_ptr<EventSink> null_sink() {
  return std::make_unique<detail::NullSink>();
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
