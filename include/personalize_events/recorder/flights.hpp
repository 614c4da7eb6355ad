// SPDX-License-Identifier: Apache-2.0
//
// Flights: the batches of a recorder that are on their way to the service: how a batch becomes an
// attempt, and an attempt's report the answer that the dispatcher takes. RecorderCore has one.
#ifndef PERSONALIZE_EVENTS_RECORDER_FLIGHTS_HPP
#define PERSONALIZE_EVENTS_RECORDER_FLIGHTS_HPP

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "personalize_events/client/attempt_sender.hpp"
#include "personalize_events/client/call_context.hpp"
#include "personalize_events/detail/uuid.hpp"
#include "personalize_events/recorder/batch.hpp"
#include "personalize_events/recorder/dispatcher.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// What a report says about its batch. It keeps what the remedies need.
[[nodiscard]] inline BatchAnswer take_answer(AttemptReport& report) {
  BatchAnswer answer;
  answer.error = std::move(report.error);
  answer.request_id = std::move(report.request_id);
  answer.retry_after = report.failure.retry_after;
  answer.service_date = report.failure.service_date;
  answer.signed_at = report.failure.signed_at;
  answer.credentials_are_temporary = report.failure.credentials_are_temporary;
  answer.was_sent = report.was_sent;
  return answer;
}

/// @par Thread Safety
/// The loop's thread only.
class Flights {
 public:
  Flights(std::shared_ptr<CallContext> context, std::shared_ptr<AttemptSender> sender)
      : context_(std::move(context)), sender_(std::move(sender)) {}

  /// Sends a batch with its body, once. `landed(batch, report)` is called later, by the loop, also
  /// when it was cancelled.
  template <class Landed>
  void start(const Batch& batch, std::string body, Landed landed) {
    AttemptOrder order;
    order.operation = "PutEvents";
    order.path = "/events";
    order.body = std::move(body);
    order.invocation_id = format_uuid_v4(context_->random_bytes());
    order.number = batch.first().attempts + 1;
    order.timeout = context_->options().attempt_timeout;
    flights_.push_back({0, batch});
    flights_.back().id =
        sender_->start(std::move(order), [landed = std::move(landed), batch](AttemptReport report) {
          landed(batch, std::move(report));
        });
  }

  /// Forgets a batch that has landed.
  void remove(const Batch& batch) {
    const auto flight =
        std::find_if(flights_.begin(), flights_.end(), [&batch](const Flight& candidate) {
          return &candidate.batch.session() == &batch.session();
        });
    if (flight != flights_.end()) flights_.erase(flight);
  }

  /// Lets all land soon, with the error Cancelled.
  void cancel() {
    for (const Flight& flight : flights_) sender_->cancel(flight.id);
  }

 private:
  struct Flight {
    std::uint64_t id;
    Batch batch;
  };

  const std::shared_ptr<CallContext> context_;
  const std::shared_ptr<AttemptSender> sender_;
  std::vector<Flight> flights_{};
};

}  // namespace detail
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
