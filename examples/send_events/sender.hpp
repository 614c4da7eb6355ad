// SPDX-License-Identifier: Apache-2.0
//
// Sender: batches to the service. A refused batch is halved until the bad row stands alone, so that
// good rows never fall with it; an error that no row is to blame for stops the run.
//
// Not an EventRecorder, because a file is another matter than a program that runs all day. A run
// ends after Ctrl-C when what is under way is answered, and sends no row more; it ends when an
// error stays, for --resume to go on from; a file whose rows are all refused ends with a reason for
// each; JSON Lines may name many trackers. A recorder delivers what it took, waits for its
// deployment to be mended, and has one tracker.
#ifndef SEND_EVENTS_SENDER_HPP
#define SEND_EVENTS_SENDER_HPP

#include <personalize_events/personalize_events.hpp>

#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "batches.hpp"
#include "interrupt.hpp"
#include "pace.hpp"
#include "report.hpp"

namespace send_events {

/// Whether other events could have been accepted in place of these.
[[nodiscard]] inline bool is_about_the_events(const pe::Error& error) {
  if (error.kind == pe::ErrorKind::InvalidArgument) return error.where != "trackingId";
  if (error.kind != pe::ErrorKind::Service || error.retryable) return false;
  if (pe::retry::classify(error) != pe::retry::FailureClass::Terminal) return false;
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

/// Why the only event of a request was refused: "itemId: 301 characters, at most 256".
[[nodiscard]] inline std::string reason_of(const pe::Error& error) {
  if (error.kind != pe::ErrorKind::InvalidArgument) return pe::to_string(error);
  constexpr std::string_view only_event = "eventList[0].";
  std::string_view where = error.where;
  if (where.substr(0, only_event.size()) == only_event) where.remove_prefix(only_event.size());
  return std::string(where) + ": " + error.message;
}

/// Sends a request. Called from any thread.
using Put = std::function<pe::Result<void>(const pe::PutEventsRequest&)>;

/// Every member may be called from any thread.
class Sender {
 public:
  /// `events_per_second` at most; 0 is as fast as it goes.
  Sender(Put put, Report& report, double events_per_second = 0)
      : put_(std::move(put)), report_(report), gate_(events_per_second) {}

  void send(Batch&& batch) {
    if (is_over()) return;
    gate_.pass(batch.size());
    if (is_over()) return;
    const auto sent = put_(batch.request);
    if (sent) return report_.sent(batch.origins);
    if (!is_about_the_events(sent.error())) return stop(sent.error());
    if (batch.size() == 1) {
      return report_.rejected(batch.origins.front(), reason_of(sent.error()));
    }
    const std::size_t half = batch.size() / 2;
    send(batch.part(0, half));
    send(batch.part(half, batch.size()));
  }

  /// The error that stopped the run; nothing while it goes on.
  [[nodiscard]] std::optional<pe::Error> stopped_by() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return stopped_by_;
  }
  /// Whether nothing more is to be sent.
  [[nodiscard]] bool is_over() const {
    return is_interrupted() || stopped_by() || report_.failure();
  }

  /// Ends the run for a reason that no row is to blame for.
  void stop(const pe::Error& error) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!stopped_by_) stopped_by_ = error;
  }

 private:
  const Put put_;
  Report& report_;
  Gate gate_;
  mutable std::mutex mutex_{};
  std::optional<pe::Error> stopped_by_{};
};

}  // namespace send_events

#endif
