// SPDX-License-Identifier: Apache-2.0
//
// What failures mean: batch_action for the batch whose attempt failed, and Breaker for all: whether
// anything but a probe may leave. It opens when results show that something other than single
// requests or events is wrong, and names the fault. Pure; the dispatcher asks them.
#ifndef PERSONALIZE_EVENTS_DETAIL_RECORDER_BREAKER_HPP
#define PERSONALIZE_EVENTS_DETAIL_RECORDER_BREAKER_HPP

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "personalize_events/detail/recorder/pending_event.hpp"
#include "personalize_events/detail/retry/classify.hpp"
#include "personalize_events/recorder_options.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// What happens to a batch whose attempt failed.
enum class BatchAction : std::uint8_t {
  Retry,               ///< retry after a backoff
  Throttle,            ///< retry; all requests slow down if many are throttled
  CorrectClock,        ///< retry at once with a corrected clock; else hold
  RefreshCredentials,  ///< retry at once with new credentials; else hold
  Hold,                ///< keep; something other than the events is wrong
  Reject,              ///< the service refuses at least one of these events
};

/// The action, and the fault to report if such failures persist.
struct BatchDecision {
  BatchAction action{};
  FaultKind fault{};
};

/// The only codes by which the service refuses events for what they are.
inline constexpr std::string_view kRefusalCodes[] = {"InvalidInputException", "ValidationException",
                                                     "ValidationError", "SerializationException",
                                                     "RequestEntityTooLargeException"};

/// The action for a batch, by the error of its attempt. Only a response that is the service's own
/// (ErrorKind::Service) can reject, and only if the request left the process. Pure.
[[nodiscard]] inline BatchDecision batch_action(const Error& error, bool was_sent) {
  constexpr BatchDecision unavailable{BatchAction::Retry, FaultKind::Unavailable};
  constexpr BatchDecision credentials{BatchAction::Hold, FaultKind::Credentials};
  const bool is_response = error.kind == ErrorKind::Service || error.kind == ErrorKind::Response;
  // Of a credentials service: nothing was sent to this one.
  if (error.kind == ErrorKind::Credentials || (is_response && !was_sent)) return credentials;
  if (error.kind == ErrorKind::Transport || error.kind == ErrorKind::Timeout) {
    if (error.code == "NoDescriptors" || error.code == "NoMemory") {
      return {BatchAction::Hold, FaultKind::Resources};
    }
    // Until it is sent an attempt waits for credentials only.
    if (error.kind == ErrorKind::Timeout && !was_sent) return credentials;
    if (error.connected) return unavailable;
    return {BatchAction::Retry, FaultKind::Offline};
  }
  if (error.kind == ErrorKind::Cancelled) return unavailable;
  if (!is_response) return {BatchAction::Hold, FaultKind::Configuration};
  const retry::FailureClass failure = retry::classify(error);
  const int status = error.http_status;
  if (failure == retry::FailureClass::Throttling || error.throttled || status == 429) {
    return {BatchAction::Throttle, FaultKind::Throttled};
  }
  const bool is_refusal_status = status >= 400 && status < 500 && status != 408 && status != 409;
  if (error.kind == ErrorKind::Response || failure == retry::FailureClass::Transient ||
      !is_refusal_status) {
    return unavailable;
  }
  if (failure == retry::FailureClass::ClockSkew) {
    return {BatchAction::CorrectClock, FaultKind::Credentials};
  }
  if (failure == retry::FailureClass::RejectedCredentials) {
    return {BatchAction::RefreshCredentials, FaultKind::Credentials};
  }
  if (retry::is_one_of(kRefusalCodes, error.code)) {
    return {BatchAction::Reject, FaultKind::TrackingId};
  }
  if (error.code == "AccessDeniedException" || error.code == "AccessDenied" || status == 401 ||
      status == 403) {
    return credentials;
  }
  const bool is_unknown_tracker = error.code == "ResourceNotFoundException";
  return {BatchAction::Hold, is_unknown_tracker ? FaultKind::TrackingId : FaultKind::Configuration};
}

/// So many results in a row open it when there was no success for kSilence...
inline constexpr std::size_t kFewInARow{3};
/// ... and so many, or max_in_flight, in any case.
inline constexpr std::size_t kManyInARow{16};
inline constexpr std::chrono::seconds kSilence{30};
/// The same for refusals: it takes longer until they are not about the events.
inline constexpr std::chrono::seconds kRefusalSilence{60};
/// The first wait before a probe, and the longest.
inline constexpr std::chrono::milliseconds kFirstProbe{1'000};
inline constexpr std::chrono::milliseconds kSlowestProbe{10'000};

/// While it is open one request at a time leaves. `random` is from 0 to 1.
class Breaker {
 public:
  explicit Breaker(std::size_t max_in_flight) : many_((std::max)(kManyInARow, max_in_flight)) {}

  /// The fault for which it is open; empty when it is closed.
  [[nodiscard]] std::optional<FaultKind> fault() const {
    return open_ ? std::optional<FaultKind>{open_->fault} : std::nullopt;
  }
  /// It is open because the service refuses all events.
  [[nodiscard]] bool refuses_all() const { return open_ && open_->by_refusals; }

  /// When a request may leave; never, while the result of another is awaited.
  [[nodiscard]] SteadyTime leave_at(std::uint64_t in_flight) const {
    if (!open_) return (SteadyTime::min)();
    return in_flight > 0 ? (SteadyTime::max)() : open_->next_probe;
  }
  /// A request leaves.
  void use() { is_probing_ = open_.has_value(); }

  /// The service accepted a batch.
  void accepted(SteadyTime now) {
    last_success_ = now;
    refused_ = 0;
    close();
  }

  /// The result was one to retry.
  void failed(FaultKind fault, SteadyTime now, double random) {
    ++failed_;
    const bool is_outage = failed_ >= many_ || (failed_ >= kFewInARow && is_silent(kSilence, now));
    update({fault, false}, is_outage, now, random);
  }

  /// The result was one to hold. A single one among successes does not hold the others.
  void held(FaultKind fault, SteadyTime now, double random) {
    ++held_;
    update({fault, false}, held_ >= kFewInARow || is_silent(kSilence, now), now, random);
  }

  /// The service refused a batch, so it works. `is_new`: it had not refused these events before.
  void refused(bool is_new, SteadyTime now, double random) {
    if (is_new && ++refused_ == kFewInARow) next_rejection_ = now + kFirstProbe;
    if (!refuses_all()) close();
    const bool is_total =
        refused_ >= many_ || (refused_ >= kFewInARow && is_silent(kRefusalSilence, now));
    update({FaultKind::TrackingId, true}, is_total, now, random);
  }
  /// Refusals of different events since the last success.
  [[nodiscard]] std::size_t refusals() const { return refused_; }
  /// Whether a refused event may end. When only refusals come this becomes rare, then never: a
  /// service that refuses everything must not end many events.
  [[nodiscard]] bool may_reject(SteadyTime now) const {
    if (refused_ < kFewInARow) return true;
    return !is_silent(kRefusalSilence, now) && now >= next_rejection_;
  }
  /// A refused event ended.
  void rejected(SteadyTime now) {
    if (last_success_) next_rejection_ = (std::max)(next_rejection_, now + (now - *last_success_));
  }

  /// The result says nothing about this: throttling, or a remedy.
  void passed(SteadyTime now, double random) {
    if (open_) update(*open_, true, now, random);
  }

 private:
  struct Open {
    FaultKind fault{};
    bool by_refusals{false};
    int probes{0};
    SteadyTime next_probe{};
  };

  [[nodiscard]] bool is_silent(std::chrono::seconds time, SteadyTime now) const {
    return !last_success_ || now - *last_success_ >= time;
  }

  void update(Open open, bool opens, SteadyTime now, double random) {
    // Requests that left before it opened are no probes.
    if (open_ ? !std::exchange(is_probing_, false) : !opens) return;
    open.probes = open_ ? open_->probes + 1 : 0;
    const auto longest = std::min<std::chrono::milliseconds>(
        kFirstProbe * (1 << (std::min)(open.probes, 10)), kSlowestProbe);
    open.next_probe =
        now + std::chrono::duration_cast<std::chrono::nanoseconds>(longest * (0.5 + 0.5 * random));
    open_ = open;
  }

  void close() {
    open_.reset();
    is_probing_ = false;
    failed_ = 0;
    held_ = 0;
  }

  std::size_t many_;
  std::size_t failed_{0};
  std::size_t held_{0};
  std::size_t refused_{0};
  bool is_probing_{false};
  SteadyTime next_rejection_{};
  std::optional<SteadyTime> last_success_{};
  std::optional<Open> open_{};
};

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
