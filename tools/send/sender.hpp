// SPDX-License-Identifier: Apache-2.0
//
// Sender: rows to the service, through an EventRecorder for each tracker that they name. The
// recorder batches, paces, retries and finds the bad row among good ones. What is left to do here
// is what makes a file of it: to tell of each row how it ended, and to end a run that cannot go on,
// where a program that records all day would wait until somebody has mended it.
#ifndef TOOLS_SEND_SENDER_HPP
#define TOOLS_SEND_SENDER_HPP

#include <personalize_events/personalize_events.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "interrupt.hpp"
#include "pace.hpp"
#include "patience.hpp"
#include "pending_rows.hpp"
#include "report.hpp"
#include "rows.hpp"

namespace tools::send {

/// Whether other events could have been accepted in place of these.
[[nodiscard]] inline bool is_about_the_events(const pe::Error& error) {
  if (error.kind == pe::ErrorKind::InvalidArgument) return error.where != "trackingId";
  if (error.kind != pe::ErrorKind::Service || error.retryable) return false;
  if (pe::detail::retry::classify(error) != pe::detail::retry::FailureClass::Terminal) return false;
  switch (error.http_status) {
    case 400:  // the model's InvalidInputException
    case 413:
    case 422: return true;
    default: return false;
  }
}

/// Whether another endpoint, tracker or key is needed, rather than time.
[[nodiscard]] inline bool is_about_the_configuration(const pe::Error& error) {
  return !error.retryable && error.kind != pe::ErrorKind::Timeout &&
         error.kind != pe::ErrorKind::Response && error.http_status < 500;
}

/// Why a row was refused: "itemId: 301 characters, at most 256".
[[nodiscard]] inline std::string reason_of(const pe::Error& error) {
  if (error.kind != pe::ErrorKind::InvalidArgument) return pe::to_string(error);
  constexpr std::string_view only_event = "eventList[0].";
  std::string_view where = error.where;
  if (where.substr(0, only_event.size()) == only_event) where.remove_prefix(only_event.size());
  return std::string(where) + ": " + error.message;
}

struct SenderSettings {
  std::string tracking_id{};  ///< of rows that do not say it
  std::size_t concurrency{4};
  double rate{0};                              ///< events a second; 0: as fast as it goes
  std::chrono::milliseconds patience{10'000};  ///< with a service that takes nothing
  /// How long a batch waits for more rows of its session: short for a pipe that may pause, long for
  /// a file, where the rows of many sessions may be interleaved.
  std::chrono::milliseconds linger{100};
  /// About the bytes that rows and events in flight or waiting may take. Batches wait for more rows
  /// until it is full, so that it limits for how many interleaved sessions they are full.
  std::size_t memory{std::size_t{256} << 20U};
};

/// Rows come from one thread; the other members may be called from any.
class Sender {
 public:
  Sender(SenderSettings settings, Report& report)
      : settings_(std::move(settings)),
        report_(report),
        gate_(settings_.rate),
        patience_(settings_.patience) {}
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  /// Before the first row: what rows are sent with. Its ClientOptions::on_attempt calls
  /// `attempted`. Without a client rows are checked, and none is sent.
  void use(pe::AsyncClient client) { client_ = std::move(client); }

  /// Takes a row, and waits as long as there is no room for it. How it ended is told to the report;
  /// a row that is not told of is not sent.
  void add(Row&& row) {
    if (row.tracking_id.empty()) row.tracking_id = settings_.tracking_id;
    gate_.pass(1);
    if (is_over()) return;
    if (client_) {
      record(std::move(row));
    } else {
      check(std::move(row));
    }
  }

  /// After the last row: waits until all have ended. When the run is over before, what is on its
  /// way gets a few seconds.
  void finish() {
    for (auto& [tracking_id, tracker] : trackers_) {
      bool have_ended = false;
      while (!have_ended && !is_over()) have_ended = tracker.recorder->flush(kMoment).complete;
    }
    const bool can_be_sent = is_interrupted() && !stopped_by();
    const auto deadline = Clock::now() + (can_be_sent ? kLastMoments : kLastMoment);
    for (auto& [tracking_id, tracker] : trackers_) {
      const auto left = deadline - Clock::now();
      tracker.recorder->close(std::chrono::duration_cast<std::chrono::milliseconds>(left));
    }
    trackers_.clear();  // nothing is told after this
  }

  /// Takes note of a request that was answered, or was not.
  void attempted(const pe::Attempt& attempt) {
    report_.request();
    // What an answer means for its rows the recorder tells.
    if (attempt.error == nullptr || is_about_the_events(*attempt.error)) return;
    if (pe::detail::retry::classify(*attempt.error) ==
        pe::detail::retry::FailureClass::Throttling) {
      return restore_patience();
    }
    strain_patience(*attempt.error);
  }

  /// Ends the run for a reason that no row is to blame for.
  void stop(const pe::Error& error) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!stopped_by_) stopped_by_ = error;
  }
  /// The error that stopped the run; nothing while it goes on.
  [[nodiscard]] std::optional<pe::Error> stopped_by() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return stopped_by_;
  }
  /// Whether nothing more is to be sent.
  [[nodiscard]] bool is_over() {
    if (is_interrupted() || report_.failure()) return true;
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!stopped_by_) stopped_by_ = patience_.lost(Clock::now());
    return stopped_by_.has_value();
  }

  /// Rows that are not counted as sent because their answer never came: the service may have them.
  [[nodiscard]] std::uint64_t unsure() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return unsure_;
  }

 private:
  using Clock = std::chrono::steady_clock;

  /// How often it is looked whether the run is over.
  static constexpr std::chrono::milliseconds kMoment{100};
  /// For what is recorded when the run is interrupted.
  static constexpr std::chrono::milliseconds kLastMoments{5'000};
  /// For what is on its way when the run is stopped by an error.
  static constexpr std::chrono::milliseconds kLastMoment{500};
  /// The most rows that wait under a rate limit.
  static constexpr std::size_t kMostWithRate = 2'000;

  struct Tracker {
    PendingRows rows{};
    std::optional<pe::EventRecorder> recorder{};
  };

  /// With a rate it holds the rows of a second, so that after a pause they do not come all at once;
  /// otherwise only the memory limits it.
  [[nodiscard]] std::size_t most_pending() const {
    if (settings_.rate <= 0) return (std::numeric_limits<std::size_t>::max)();
    return static_cast<std::size_t>(std::clamp(settings_.rate, 1.0, double{kMostWithRate}));
  }

  void record(Row&& row) {
    const auto found = tracker_of(row.tracking_id);
    if (!found) return stop(found.error());
    Tracker& tracker = **found;
    while (tracker.rows.bytes() > settings_.memory / 2 && !is_over()) {
      tracker.recorder->flush(kMoment);
    }
    const pe::Session session{row.session_id, row.user_id};
    // Its end may be told before `record` returns.
    const auto place = tracker.rows.add(row.session_id, *row.event.event_id, std::move(row.origin));
    const auto taken = record_when_there_is_room(*tracker.recorder, session, std::move(row.event));
    if (taken) return;
    const Origin origin = tracker.rows.remove(place);
    if (!is_over()) refused(origin, taken.error());
  }

  pe::Result<void> record_when_there_is_room(pe::EventRecorder& recorder,
                                             const pe::Session& session, pe::Event&& event) {
    for (;;) {
      pe::Result<void> taken = recorder.record(session, std::move(event));
      const bool was_full = !taken && taken.error().kind == pe::ErrorKind::QueueFull;
      if (!was_full || is_over()) return taken;
      recorder.flush(std::chrono::milliseconds{0});  // batches that wait for rows leave
    }
  }

  void check(Row&& row) {
    pe::PutEventsRequest request;
    request.tracking_id = row.tracking_id;
    request.session_id = row.session_id;
    if (!row.user_id.empty()) request.user_id = row.user_id;
    request.event_list.push_back(std::move(row.event));
    const auto valid = pe::detail::wire::validate(request);
    if (!valid) return refused(row.origin, valid.error());
    report_.sent({std::move(row.origin)});
  }

  void refused(const Origin& row, const pe::Error& error) {
    if (!is_about_the_events(error)) return stop(error);
    report_.rejected(row, reason_of(error));
  }

  /// The tracker with this id, made when its first row comes.
  pe::Result<Tracker*> tracker_of(const std::string& tracking_id) {
    const auto found = trackers_.find(tracking_id);
    if (found != trackers_.end()) return &found->second;
    // The file calls it trackingId, a recorder RecorderOptions.tracking_id.
    const pe::PutEventsRequest request{tracking_id, "session", {pe::Event{"type"}}};
    if (auto valid = pe::detail::wire::validate(request); !valid) return std::move(valid).error();

    const auto place = trackers_.try_emplace(tracking_id).first;
    Tracker& tracker = place->second;
    pe::RecorderOptions options;
    options.tracking_id = tracking_id;
    options.linger = settings_.linger;
    options.max_in_flight = static_cast<int>(settings_.concurrency);
    options.max_pending_events = most_pending();
    options.max_pending_bytes = settings_.memory / 2;
    options.when_full = pe::WhenFull::Block;
    options.block_timeout = kMoment;
    options.delivery_timeout = std::chrono::hours{1};
    options.on_delivery = [this, &tracker](const pe::Delivery& delivery) {
      ended(tracker.rows.take(delivery.session.session_id, delivery.event_ids), delivery);
    };
    options.on_fault = [this, tracking_id](const pe::Fault& fault) { told(tracking_id, fault); };
    auto recorder = pe::make_recorder(std::move(options), *client_);
    if (!recorder) {
      trackers_.erase(place);
      return std::move(recorder).error();
    }
    tracker.recorder.emplace(*std::move(recorder));
    return &tracker;
  }

  void ended(const std::vector<Origin>& rows, const pe::Delivery& delivery) {
    const bool is_answered =
        delivery.outcome == pe::Outcome::Delivered || delivery.outcome == pe::Outcome::Rejected;
    if (is_answered) restore_patience();
    switch (delivery.outcome) {
      case pe::Outcome::Delivered: return report_.sent(rows);
      case pe::Outcome::Rejected:
        for (const Origin& row : rows) refused(row, *delivery.error);
        return;
      case pe::Outcome::Expired: stop(*delivery.error); break;
      case pe::Outcome::Dropped:  // the run was over before
      case pe::Outcome::Spooled: break;
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    if (delivery.may_have_been_delivered) unsure_ += rows.size();
  }

  void told(const std::string& tracking_id, const pe::Fault& fault) {
    const std::string kind{pe::to_string(fault.kind)};
    if (fault.cleared) {
      restore_patience();
      return report_.note(kind + " is over");
    }
    const bool is_of_tracker = fault.kind == pe::FaultKind::TrackingId;
    const pe::Error error = is_of_tracker ? of_tracker(tracking_id, fault.error) : fault.error;
    if (is_waited_for(fault.kind)) {
      // Refused rows only look like an unknown tracker: the recorder tries others.
      const bool may_pass =
          is_about_the_events(fault.error) || !is_about_the_configuration(fault.error);
      if (!may_pass) return stop(error);
      strain_patience(error);
    }
    report_.note(kind + " began: " + pe::to_string(error));
  }

  /// Whether a recorder sends nothing but probes until a fault is over.
  [[nodiscard]] static bool is_waited_for(pe::FaultKind kind) {
    switch (kind) {
      case pe::FaultKind::Credentials:
      case pe::FaultKind::TrackingId:
      case pe::FaultKind::Offline:
      case pe::FaultKind::Unavailable:
      case pe::FaultKind::Resources:
      case pe::FaultKind::Configuration: return true;
      default: return false;
    }
  }

  void restore_patience() {
    const std::lock_guard<std::mutex> lock(mutex_);
    patience_.restore();
  }
  void strain_patience(const pe::Error& error) {
    const std::lock_guard<std::mutex> lock(mutex_);
    patience_.strain(error, Clock::now());
  }

  [[nodiscard]] static pe::Error of_tracker(const std::string& tracking_id, pe::Error error) {
    if (is_about_the_events(error)) {
      error.message = "is it the event tracker's id? The service takes no row, and says: " +
                      (error.message.empty() ? std::string("nothing more") : error.message);
    }
    error.where = "trackingId \"" + tracking_id + "\"";
    return error;
  }

  const SenderSettings settings_;
  Report& report_;
  Gate gate_;

  mutable std::mutex mutex_{};
  Patience patience_;
  std::optional<pe::Error> stopped_by_{};
  std::uint64_t unsure_{0};

  std::optional<pe::AsyncClient> client_{};
  std::map<std::string, Tracker> trackers_{};  // their callbacks come until they are gone
};

}  // namespace tools::send

#endif
