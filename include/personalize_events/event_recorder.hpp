// SPDX-License-Identifier: Apache-2.0
//
// EventRecorder: background delivery of many events from any thread, with one outcome for each. A
// light header for code that uses a recorder; make_recorder.hpp and core.hpp have what makes one.
#ifndef PERSONALIZE_EVENTS_EVENT_RECORDER_HPP
#define PERSONALIZE_EVENTS_EVENT_RECORDER_HPP

#include <chrono>
#include <memory>
#include <utility>

#include "personalize_events/credentials.hpp"
#include "personalize_events/event_sink.hpp"
#include "personalize_events/model/put_events.hpp"
#include "personalize_events/recorder_options.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// What an EventRecorder forwards to. detail/recorder/recorder_core.hpp implements it.
class RecorderImpl {
 public:
  RecorderImpl() = default;
  RecorderImpl(const RecorderImpl&) = delete;
  RecorderImpl& operator=(const RecorderImpl&) = delete;
  virtual ~RecorderImpl() = default;
  [[nodiscard]] virtual Result<void> record(const Session& session, const Event& event) = 0;
  [[nodiscard]] virtual Result<void> record_durable(const Session& session, const Event& event,
                                                    std::chrono::milliseconds timeout) = 0;
  virtual void flush_soon() = 0;
  [[nodiscard]] virtual FlushReport flush(std::chrono::milliseconds timeout) = 0;
  [[nodiscard]] virtual CloseReport close(std::chrono::milliseconds timeout) = 0;
  [[nodiscard]] virtual RecorderStats stats() const = 0;
  [[nodiscard]] virtual RunReport run_once(std::chrono::milliseconds at_most) = 0;
  virtual void set_credentials(const Credentials& credentials) = 0;
  /// Closes within RecorderOptions::shutdown_timeout, and leaves the loop.
  virtual void end() = 0;
};

struct EventRecorderAccess;

}  // namespace detail

/// Queues events and sends them to Amazon Personalize in the background.
///
/// Events of a session are sent in the order of recording, in requests of up to ten, one at a time;
/// sessions are served in turn. An event that the service refuses is isolated and reported alone.
/// Events wait up to RecorderOptions::delivery_timeout while the service is unavailable or refuses
/// the credentials, and for its rate. RecorderOptions::on_delivery reports each outcome,
/// RecorderOptions::on_fault what is wrong meanwhile.
///
/// @par Thread Safety
/// Every member may be called from any thread at the same time; moving and destroying may not.
/// Callbacks are invoked on one thread, the recorder's or the caller of run_once, with no lock
/// held.
///
/// @par Fork
/// A forked child does not send its parent's events: there `record` returns Cancelled, and flush
/// and close do nothing. Make another recorder in the child.
class EventRecorder : public EventSink {
 public:
  using EventSink::record;

  /// Move constructor. The moved-from recorder returns Cancelled.
  EventRecorder(EventRecorder&&) noexcept = default;
  /// Move assignment. Closes this recorder before, as the destructor does.
  // NOLINTNEXTLINE(bugprone-exception-escape): see end
  EventRecorder& operator=(EventRecorder&& other) noexcept {
    if (this == &other) return *this;
    end();
    client_ = std::move(other.client_);
    impl_ = std::move(other.impl_);
    return *this;
  }
  EventRecorder(const EventRecorder&) = delete;
  EventRecorder& operator=(const EventRecorder&) = delete;

  /// Closes, within RecorderOptions::shutdown_timeout.
  ~EventRecorder() override { end(); }  // NOLINT(bugprone-exception-escape): see end

  /// Queues an event for delivery. Assigns an event ID and a timestamp if absent. Does not block on
  /// the network. RecorderOptions::on_delivery reports the outcome, once.
  ///
  /// @par Error Handling
  /// InvalidArgument: `where` is the wire name of the invalid member. QueueFull: no space, after
  /// RecorderOptions::block_timeout if `when_full` is Block. Cancelled: closed, or in a forked
  /// child. The event is unchanged then, and counted as refused.
  Result<void> record(const Session& session, Event&& event) override {
    if (impl_ == nullptr) return moved_from();
    Result<void> taken = impl_->record(session, event);
    if (taken) const Event gone = std::move(event);
    return taken;
  }

  /// Queues an event as `record` does, and waits until it is on the disk (fdatasync), together with
  /// all that was recorded before. Concurrent callers share one wait. Needs RecorderOptions::spool.
  ///
  /// @par Error Handling
  /// Timeout: the event was accepted, and its durability is unknown after `timeout`; do not record
  /// it again. Storage with code "Removed": it was accepted, but may be lost, because the directory
  /// of the spool was removed before. After all other errors it was not accepted: Storage with
  /// another code: the disk refused it. Configuration: there is no spool. InvalidArgument,
  /// QueueFull, Cancelled: as `record`.
  Result<void> record_durable(const Session& session, const Event& event,
                              std::chrono::milliseconds timeout) {
    if (impl_ == nullptr) return moved_from();
    return impl_->record_durable(session, event, timeout);
  }

  void flush_soon() override {
    if (impl_ != nullptr) impl_->flush_soon();
  }

  /// Sends the recorded events without lingering, and waits until all of their outcomes are
  /// reported, at most `timeout`. In a callback it returns at once, with `would_deadlock`.
  FlushReport flush(std::chrono::milliseconds timeout) {
    const auto impl = impl_;  // a callback may destroy the recorder
    return impl == nullptr ? FlushReport{} : impl->flush(timeout);
  }

  /// Accepts no more events, sends the pending ones, with a spool also those of orphaned writers,
  /// and waits as flush does. At `timeout` it aborts requests in flight and completes the rest: as
  /// Spooled if it is on the disk, else as Dropped. Idempotent.
  CloseReport close(std::chrono::milliseconds timeout) {
    const auto impl = impl_;
    return impl == nullptr ? CloseReport{} : impl->close(timeout);
  }

  /// A consistent snapshot of the counters.
  [[nodiscard]] RecorderStats stats() const {
    return impl_ == nullptr ? RecorderStats{} : impl_->stats();
  }

  /// With Driver::Manual: does what is due and waits for the network at most `at_most`. Any thread,
  /// one at a time; a concurrent call does nothing.
  RunReport run_once(std::chrono::milliseconds at_most) {
    const auto impl = impl_;
    return impl == nullptr ? RunReport{} : impl->run_once(at_most);
  }

  /// Replaces the credentials, until these expire: for applications that fetch credentials
  /// themselves, so that no provider blocks, as with Driver::Manual.
  void set_credentials(const Credentials& credentials) {
    if (impl_ != nullptr) impl_->set_credentials(credentials);
  }

 private:
  friend struct detail::EventRecorderAccess;

  EventRecorder(std::shared_ptr<void> client, std::shared_ptr<detail::RecorderImpl> impl)
      : client_(std::move(client)), impl_(std::move(impl)) {}

  [[nodiscard]] static Error moved_from() {
    return detail::make_error(ErrorKind::Cancelled, "record", "the recorder was moved from");
  }

  // Only a system without memory or locks throws here.
  // NOLINTNEXTLINE(bugprone-exception-escape)
  void end() noexcept {
    if (impl_ == nullptr) return;
    impl_->end();
    impl_.reset();
    client_.reset();
  }

  std::shared_ptr<void> client_;  // whose loop runs the recorder
  std::shared_ptr<detail::RecorderImpl> impl_;
};

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
