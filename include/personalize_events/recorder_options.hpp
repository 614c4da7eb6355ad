// SPDX-License-Identifier: Apache-2.0
//
// RecorderOptions and SpoolOptions: the settings of a recorder and of its spool; and what a
// recorder reports: deliveries, faults, statistics and reports.
#ifndef PERSONALIZE_EVENTS_RECORDER_OPTIONS_HPP
#define PERSONALIZE_EVENTS_RECORDER_OPTIONS_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "personalize_events/event_sink.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// The outcome of an accepted event. Every accepted event has exactly one.
enum class Outcome : std::uint8_t {
  /// The service accepted it.
  Delivered,
  /// The service refused this event.
  Rejected,
  /// RecorderOptions::delivery_timeout was over.
  Expired,
  /// Discarded for a newer one when the queue was full, or at the end of close.
  Dropped,
  /// Left on the disk at close, for the next start, which reports its outcome.
  Spooled,
};

/// The name of an outcome: "Delivered".
[[nodiscard]] constexpr std::string_view to_string(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::Delivered: return "Delivered";
    case Outcome::Rejected: return "Rejected";
    case Outcome::Expired: return "Expired";
    case Outcome::Dropped: return "Dropped";
    case Outcome::Spooled: return "Spooled";
  }
  return "Unknown";
}

/// What `record` does when there is no space.
enum class WhenFull : std::uint8_t {
  /// Refuses the new event: QueueFull.
  DropNewest,
  /// Drops the oldest events that are not in flight, and accepts the new one.
  DropOldest,
  /// Waits for space, at most RecorderOptions::block_timeout, then refuses. It does not wait on the
  /// callback thread, nor with Driver::Manual.
  Block,
};

/// Who runs the recorder.
enum class Driver : std::uint8_t {
  /// A thread of the recorder, or that of its AsyncClient, which many recorders may share: see
  /// make_recorder(RecorderOptions, const AsyncClient&).
  OwnThread,
  /// The application, by EventRecorder::run_once. No thread is started.
  Manual,
};

/// Events that completed together, as RecorderOptions::on_delivery gets them.
struct Delivery {
  /// The outcome of all of them.
  Outcome outcome{};
  /// As it was given to `record`.
  Session session{};
  /// In the order of recording.
  std::vector<std::string> event_ids{};
  /// The events as JSON, in the same order, if they were not delivered. They are private data of
  /// users.
  std::vector<std::string> events{};
  /// Requests that contained them.
  int attempts{0};
  /// The service may have them although they were not reported as delivered.
  bool may_have_been_delivered{false};
  /// Of the last response.
  std::string request_id{};
  /// The cause, if they were not delivered.
  std::optional<Error> error{};
};

/// The temporary faults of a recorder's environment.
enum class FaultKind : std::uint8_t {
  /// No credentials, or the service refuses them: events wait. Or they could not be refreshed.
  Credentials,
  /// The service knows no such event tracker, or it refuses all events. Events wait.
  TrackingId,
  /// No connection to the service. Events wait, and one request at a time probes.
  Offline,
  /// The service throttles so many requests that the rate is reduced.
  Throttled,
  /// The spool cannot be written. Events are kept in memory.
  Disk,
  /// Something in the spool could not be read.
  SpoolDamaged,
  /// This machine's clock is more than four minutes off; it is corrected in requests.
  ClockSkew,
  /// The service is reached and does not work: 5xx, responses of intermediaries, no response in
  /// time. Events wait.
  Unavailable,
  /// This process lacks what a request needs: descriptors, memory. Events wait.
  Resources,
  /// A setting is wrong, so that requests fail before they are sent, or the service refuses all of
  /// them. Events wait.
  Configuration,
};

/// The name of a kind of fault: "Offline".
[[nodiscard]] constexpr std::string_view to_string(FaultKind kind) noexcept {
  switch (kind) {
    case FaultKind::Credentials: return "Credentials";
    case FaultKind::TrackingId: return "TrackingId";
    case FaultKind::Offline: return "Offline";
    case FaultKind::Throttled: return "Throttled";
    case FaultKind::Disk: return "Disk";
    case FaultKind::SpoolDamaged: return "SpoolDamaged";
    case FaultKind::ClockSkew: return "ClockSkew";
    case FaultKind::Unavailable: return "Unavailable";
    case FaultKind::Resources: return "Resources";
    case FaultKind::Configuration: return "Configuration";
  }
  return "Unknown";
}

/// Reported to RecorderOptions::on_fault when a fault begins and when it ends, not in between.
struct Fault {
  /// What is wrong.
  FaultKind kind{};
  /// It has ended.
  bool cleared{false};
  /// The error with which the fault began.
  Error error{};
};

/// The settings of a spool. Any number of processes and recorders may share one directory: each
/// writes to a separate folder in it, and adopts those of orphaned writers of the same region,
/// endpoint, account label and tracking ID.
struct SpoolOptions {
  /// Required. Made when it is absent, for its owner alone (0700). On a network file system nothing
  /// is promised.
  std::string directory;
  /// 0: an event is written before `record` returns (write-ahead). Else it is written only when it
  /// is still undelivered after this long, when there is no room in memory, or at close: this
  /// spares flash.
  std::chrono::milliseconds write_after{0};
  /// How often what was written is brought to the disk (fdatasync), by a thread of the spool's.
  /// Empty: the system decides when.
  std::optional<std::chrono::milliseconds> sync_interval{500};
  /// Most bytes of the directory. Beyond that the oldest events that are on the disk only end as
  /// Dropped.
  std::uint64_t max_bytes{256U << 20U};
  /// How long an event may wait; then it ends as Expired. It takes the place of
  /// RecorderOptions::delivery_timeout.
  std::chrono::hours max_age{168};
  /// What must stay free on the disk, or 5 % of it, whichever is less. Below that, as beyond
  /// `max_bytes`.
  std::uint64_t min_free_bytes{1U << 30U};
  /// A label of the application's own: whose events these are. At most 4 096 bytes.
  std::string account{};

  /// For flash memory: written when undelivered after a minute, synced every 30 s, 16 MiB.
  [[nodiscard]] static SpoolOptions device(std::string directory) {
    SpoolOptions options;
    options.directory = std::move(directory);
    options.write_after = std::chrono::seconds{60};
    options.sync_interval = std::chrono::seconds{30};
    options.max_bytes = 16U << 20U;
    return options;
  }
};

namespace detail::spool {

/// The least SpoolOptions::max_bytes, and the longest SpoolOptions::account.
inline constexpr std::uint64_t kLeastSpoolBytes = 1U << 20U;
inline constexpr std::size_t kMaxAccountSize = 4'096;

}  // namespace detail::spool

/// The settings of a recorder.
struct RecorderOptions {
  /// "trackingId", required: the event tracker's.
  std::string tracking_id;
  /// How long a batch waits for more events, from the time of its first one.
  std::chrono::milliseconds linger{1000};
  /// The maximum of pending events, in flight included.
  std::size_t max_pending_events{100'000};
  /// The maximum of their bytes, as JSON and with their ids.
  std::size_t max_pending_bytes{64U << 20U};
  /// What `record` does when either limit is reached.
  WhenFull when_full{WhenFull::DropNewest};
  /// Of WhenFull::Block.
  std::chrono::milliseconds block_timeout{1000};
  /// The maximum of concurrent requests.
  int max_in_flight{32};
  /// 0: only the responses of the service limit the rate.
  double max_requests_per_second{0};
  /// How long an event waits before it is Expired. With a spool SpoolOptions::max_age counts.
  std::chrono::milliseconds delivery_timeout{600'000};
  /// The timeout of the destructor's close.
  std::chrono::milliseconds shutdown_timeout{2'000};
  /// Who runs the recorder.
  Driver driver{Driver::OwnThread};
  /// Keeps accepted events on the disk, so that a killed process loses none. Empty: memory only.
  std::optional<SpoolOptions> spool{};
  /// Called once for each batch that completed, on the recorder's thread, with no lock held. It may
  /// call `record`; `flush` and `close` return at once. A callback that throws ends the program.
  std::function<void(const Delivery&)> on_delivery{};
  /// Called when a fault begins or ends, on the same thread, for example to log it. A callback that
  /// throws ends the program.
  std::function<void(const Fault&)> on_fault{};

  /// The defaults: for a server, which has many sessions and a good network.
  [[nodiscard]] static RecorderOptions server(std::string tracking_id) {
    RecorderOptions options;
    options.tracking_id = std::move(tracking_id);
    return options;
  }

  /// For a set-top box, a console or a phone: one session, little memory, batches that wait half a
  /// minute for more events. With a directory, also a spool: SpoolOptions::device.
  [[nodiscard]] static RecorderOptions device(std::string tracking_id,
                                              std::string spool_directory = {}) {
    RecorderOptions options;
    options.tracking_id = std::move(tracking_id);
    options.linger = std::chrono::seconds{30};
    options.max_in_flight = 2;
    options.max_pending_events = 2'000;
    options.max_pending_bytes = 2U << 20U;
    if (!spool_directory.empty()) options.spool = SpoolOptions::device(std::move(spool_directory));
    return options;
  }
};

/// The counters of a recorder. At any moment recorded + adopted == delivered + rejected + expired +
/// dropped + spooled + pending.
struct RecorderStats {
  /// Accepted by `record`.
  std::uint64_t recorded{};
  /// Found in the spool, left by an earlier process.
  std::uint64_t adopted{};
  /// The service accepted them.
  std::uint64_t delivered{};
  /// The service refused each of them.
  std::uint64_t rejected{};
  /// Their time limit was over.
  std::uint64_t expired{};
  /// Discarded for newer ones, or at the end of close.
  std::uint64_t dropped{};
  /// On the disk and not in memory: those that memory has no space for, or that close left.
  std::uint64_t spooled{};
  /// Accepted and not completed, in flight included.
  std::uint64_t pending{};
  /// Calls of `record` that returned an error; not part of the sum.
  std::uint64_t refused{};
  /// Requests after the first of a batch.
  std::uint64_t retries{};
  /// Requests that were sent.
  std::uint64_t requests{};
  /// Requests in flight.
  std::uint64_t in_flight{};
  /// How long the oldest pending event has waited.
  std::chrono::milliseconds oldest_pending_age{};
};

/// The outcomes of the events that a flush or a close waited for.
struct FlushReport {
  /// The service accepted them.
  std::uint64_t delivered{};
  /// The service refused each of them.
  std::uint64_t rejected{};
  /// Their time limit was over.
  std::uint64_t expired{};
  /// Discarded for newer ones, or at the end of close.
  std::uint64_t dropped{};
  /// On the disk, for the next start.
  std::uint64_t spooled{};
  /// Not completed.
  std::uint64_t pending{};
  /// None of them is pending.
  bool complete{false};
  /// It was called on the callback thread, and returned at once.
  bool would_deadlock{false};
};
/// The outcomes of the events that a close waited for.
using CloseReport = FlushReport;

/// What EventRecorder::run_once did.
struct RunReport {
  /// When to call it again, at the latest.
  std::chrono::milliseconds next_wake{};
  /// Accepted and not completed.
  std::uint64_t pending{};
  /// Whether anything was due.
  bool did_work{false};
};

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
