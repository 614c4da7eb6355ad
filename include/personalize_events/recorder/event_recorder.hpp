// SPDX-License-Identifier: Apache-2.0
//
// EventRecorder: background delivery of many events from any thread, with one outcome for each. The
// make_recorder of make_recorder.hpp needs libcurl, that of this header an AsyncClient.
#ifndef PERSONALIZE_EVENTS_RECORDER_EVENT_RECORDER_HPP
#define PERSONALIZE_EVENTS_RECORDER_EVENT_RECORDER_HPP

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "personalize_events/auth/credentials.hpp"
#include "personalize_events/client/async_client.hpp"
#include "personalize_events/client/async_core.hpp"
#include "personalize_events/model/put_events.hpp"
#include "personalize_events/platform/file.hpp"
#include "personalize_events/platform/system_files.hpp"
#include "personalize_events/recorder/event_sink.hpp"
#include "personalize_events/recorder/options.hpp"
#include "personalize_events/recorder/recorder_core.hpp"
#include "personalize_events/recorder/spool/spool.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/wire/path.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
class EventRecorder;

namespace detail {

[[nodiscard]] inline Result<void> check_recorder_options(const RecorderOptions& options) {
  const PutEventsRequest request{options.tracking_id, "session", {Event{"type"}}};
  const bool is_tracking_id =
      wire::Validator{Validation::Model}.validate(request, wire::Path{}).has_value();
  const SpoolOptions spool = options.spool.value_or(SpoolOptions{"."});
  const struct {
    bool is_met;
    const char* member;
    const char* rule;
  } rules[] = {
      {is_tracking_id, "tracking_id", "must be the 1 to 256 characters of an event tracker's id"},
      {options.linger.count() >= 0, "linger", "must not be negative"},
      {options.max_pending_events > 0, "max_pending_events", "must be at least 1"},
      {options.max_pending_bytes > 0, "max_pending_bytes", "must be at least 1"},
      {options.max_in_flight > 0, "max_in_flight", "must be at least 1"},
      {options.max_requests_per_second >= 0, "max_requests_per_second",
       "must be a number of at least 0; 0 is no limit"},
      {options.delivery_timeout.count() > 0, "delivery_timeout", "must be positive"},
      {options.block_timeout.count() >= 0, "block_timeout", "must not be negative"},
      {!spool.directory.empty(), "spool.directory", "must name a folder"},
      {spool.write_after.count() >= 0, "spool.write_after", "must not be negative"},
      {!spool.sync_interval || spool.sync_interval->count() > 0, "spool.sync_interval",
       "must be positive, or empty"},
      {spool.max_bytes >= spool::kLeastSpoolBytes, "spool.max_bytes", "must be at least 1 MiB"},
      {spool.max_age.count() > 0, "spool.max_age", "must be positive"},
      {spool.account.size() <= spool::kMaxAccountSize, "spool.account",
       "must be at most 4 096 bytes"},
  };
  for (const auto& [is_met, member, rule] : rules) {
    if (is_met) continue;
    return make_error(ErrorKind::Configuration, std::string{"RecorderOptions."}.append(member),
                      rule);
  }
  return {};
}

/// `files` has the spool; null: the system's files.
[[nodiscard]] inline Result<EventRecorder> make_recorder(
    RecorderOptions options, std::shared_ptr<AsyncCore> client,
    std::shared_ptr<FileSystem> files = nullptr);

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
    core_ = std::move(other.core_);
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
    if (core_ == nullptr) return moved_from();
    Result<void> taken = core_->record(session, event);
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
    if (core_ == nullptr) return moved_from();
    return core_->record_durable(session, event, timeout);
  }

  void flush_soon() override {
    if (core_ != nullptr) core_->flush_soon();
  }

  /// Sends the recorded events without lingering, and waits until all of their outcomes are
  /// reported, at most `timeout`. In a callback it returns at once, with `would_deadlock`.
  FlushReport flush(std::chrono::milliseconds timeout) {
    const auto core = core_;  // a callback may destroy the recorder
    return core == nullptr ? FlushReport{} : core->flush(timeout);
  }

  /// Accepts no more events, sends the pending ones, with a spool also those of orphaned writers,
  /// and waits as flush does. At `timeout` it aborts requests in flight and completes the rest: as
  /// Spooled if it is on the disk, else as Dropped. Idempotent.
  CloseReport close(std::chrono::milliseconds timeout) {
    const auto core = core_;
    return core == nullptr ? CloseReport{} : core->close(timeout);
  }

  /// A consistent snapshot of the counters.
  [[nodiscard]] RecorderStats stats() const {
    return core_ == nullptr ? RecorderStats{} : core_->stats();
  }

  /// With Driver::Manual: does what is due and waits for the network at most `at_most`. Any thread,
  /// one at a time; a concurrent call does nothing.
  RunReport run_once(std::chrono::milliseconds at_most) {
    const auto core = core_;
    if (core == nullptr || !core->is_manual()) return {};
    return core->run_once(at_most);
  }

  /// Replaces the credentials, until these expire: for applications that fetch credentials
  /// themselves, so that no provider blocks, as with Driver::Manual.
  void set_credentials(const Credentials& credentials) {
    if (core_ != nullptr) core_->set_credentials(credentials);
  }

 private:
  friend Result<EventRecorder> detail::make_recorder(RecorderOptions,
                                                     std::shared_ptr<detail::AsyncCore>,
                                                     std::shared_ptr<FileSystem>);

  EventRecorder(std::shared_ptr<detail::AsyncCore> client,
                std::shared_ptr<detail::RecorderCore> core)
      : client_(std::move(client)), core_(std::move(core)) {}

  [[nodiscard]] static Error moved_from() {
    return detail::make_error(ErrorKind::Cancelled, "record", "the recorder was moved from");
  }

  // Only a system without memory or locks throws here.
  // NOLINTNEXTLINE(bugprone-exception-escape)
  void end() noexcept {
    if (core_ == nullptr) return;
    static_cast<void>(core_->close(core_->options().shutdown_timeout));
    core_->leave();
    core_.reset();
    client_.reset();
  }

  std::shared_ptr<detail::AsyncCore> client_;
  std::shared_ptr<detail::RecorderCore> core_;
};

namespace detail {

inline Result<EventRecorder> make_recorder(RecorderOptions options,
                                           std::shared_ptr<AsyncCore> client,
                                           std::shared_ptr<FileSystem> files) {
  if (auto valid = check_recorder_options(options); !valid) return std::move(valid).error();
  const Result<AsyncParts*> parts = client->parts();
  if (!parts) return parts.error();
  const std::shared_ptr<CallContext>& context = (*parts)->context;
  if (auto usable = context->check_usable(); !usable) return std::move(usable).error();
  std::shared_ptr<spool::Spool> spool;
  if (options.spool) {
    if (files == nullptr) files = std::make_shared<SystemFiles>();
    spool = std::make_shared<spool::Spool>(
        std::move(files), *options.spool,
        spool::Scope{context->options().region, context->endpoint_url(), options.spool->account,
                     options.tracking_id},
        options.max_pending_bytes, context->options().platform);
  }
  auto core = std::make_shared<RecorderCore>(std::move(options), context, (*parts)->loop,
                                             (*parts)->sender, std::move(spool));
  if (auto started = core->start(); !started) return std::move(started).error();
  (*parts)->loop->add(core);
  return EventRecorder(std::move(client), std::move(core));
}

}  // namespace detail

/// Makes a recorder on the thread of an AsyncClient, which it keeps. Any number of recorders may
/// share the thread, connections and credentials of one client; all their callbacks are invoked on
/// that thread. A recorder with a spool has an additional thread that waits for the disk.
///
/// @par Error Handling
/// Configuration: an invalid setting, named in `where`; Driver::Manual, because the client has a
/// thread; a client without region, credentials or transport.
[[nodiscard]] inline Result<EventRecorder> make_recorder(RecorderOptions options,
                                                         const AsyncClient& client) {
  if (options.driver == Driver::Manual) {
    return detail::make_error(ErrorKind::Configuration, "RecorderOptions.driver",
                              "Manual needs a loop without a thread, and this client has one; "
                              "give make_recorder ClientOptions instead");
  }
  return detail::make_recorder(std::move(options), detail::AsyncClientAccess::core(client));
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
