// SPDX-License-Identifier: Apache-2.0
//
// RecordingSink: an EventSink that keeps what was recorded, for the tests of applications. It
// checks events as the real recorder does, and needs neither libcurl nor OpenSSL.
#ifndef PERSONALIZE_EVENTS_TESTING_RECORDING_SINK_HPP
#define PERSONALIZE_EVENTS_TESTING_RECORDING_SINK_HPP

#include <cstddef>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "personalize_events/detail/recorder/encode_event.hpp"
#include "personalize_events/detail/wire/validate.hpp"
#include "personalize_events/event_sink.hpp"
#include "personalize_events/model/put_events.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace testing {

/// An event that a RecordingSink took.
struct RecordedEvent {
  Session session{};  ///< As `record` was told.
  Event event{};      ///< As it was given.
};

/// Takes every valid event and keeps it.
///
/// @par Thread Safety
/// Every member may be called from any thread at the same time.
class RecordingSink final : public EventSink {
 public:
  using EventSink::record;

  /// Keeps the event as it was given: an absent id or time stays absent.
  ///
  /// @par Error Handling
  /// InvalidArgument, as EventRecorder answers it; and what `refuse_with` was given.
  Result<void> record(const Session& session, Event&& event) override {
    if (auto valid = detail::check_recorded(session, event, Validation::Model); !valid) {
      return valid;
    }
    const std::lock_guard<std::mutex> lock{mutex_};
    if (refusal_) return *refusal_;
    events_.push_back({session, std::move(event)});
    return {};
  }

  /// Counted, for `flushes`.
  void flush_soon() override {
    const std::lock_guard<std::mutex> lock{mutex_};
    ++flushes_;
  }

  /// A copy of all events so far, oldest first.
  [[nodiscard]] std::vector<RecordedEvent> events() const {
    const std::lock_guard<std::mutex> lock{mutex_};
    return events_;
  }

  /// How often `flush_soon` was called.
  [[nodiscard]] std::size_t flushes() const {
    const std::lock_guard<std::mutex> lock{mutex_};
    return flushes_;
  }

  /// From now on every valid event is refused with this error, for example of kind QueueFull.
  void refuse_with(Error error) {
    const std::lock_guard<std::mutex> lock{mutex_};
    refusal_ = std::move(error);
  }

  /// Takes events again, and forgets those it has.
  void reset() {
    const std::lock_guard<std::mutex> lock{mutex_};
    refusal_.reset();
    events_.clear();
    flushes_ = 0;
  }

 private:
  mutable std::mutex mutex_;
  std::optional<Error> refusal_{};
  std::vector<RecordedEvent> events_{};
  std::size_t flushes_{0};
};

}  // namespace testing

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
