// SPDX-License-Identifier: Apache-2.0
//
// CallProgress: one call on its way from attempt to attempt. It asks retry::CallState what comes
// next and applies to the client what a failure teaches; Client and AsyncClient only wait and send.
#ifndef PERSONALIZE_EVENTS_DETAIL_CLIENT_CALL_PROGRESS_HPP
#define PERSONALIZE_EVENTS_DETAIL_CLIENT_CALL_PROGRESS_HPP

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "personalize_events/detail/base/uuid.hpp"
#include "personalize_events/detail/client/call_context.hpp"
#include "personalize_events/detail/retry/attempt.hpp"
#include "personalize_events/model/put_result.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// A call, from its start to its result.
///
/// @par Thread Safety
/// None: one thread at a time. `context` is shared and must outlive it.
class CallProgress {
 public:
  /// Begins the call: its time counts from here.
  CallProgress(CallContext& context, std::string_view operation)
      : context_(context),
        operation_(operation),
        state_(context.limits(), context.quota(), context.platform().steady_now()),
        invocation_id_(format_uuid_v4(context.random_bytes())) {}

  /// How long to hold the next attempt back. Errors: Timeout, when the call has no time for that.
  [[nodiscard]] Result<std::chrono::nanoseconds> hold_back() {
    const std::chrono::nanoseconds hold = context_.hold_back();
    if (hold.count() == 0 || hold < time_left()) return hold;
    context_.give_back_leave();
    return failed(timed_out("call_timeout", "held back to the pace that the service accepts"));
  }

  /// Begins an attempt and answers how long it may take; zero when the call's time is over.
  [[nodiscard]] std::chrono::milliseconds begin_attempt() {
    return state_.begin_attempt(context_.platform().steady_now());
  }

  /// The attempt that was begun last.
  [[nodiscard]] AttemptName attempt() const {
    return {operation_, invocation_id_, state_.attempts(), context_.limits().max_attempts};
  }

  [[nodiscard]] std::chrono::milliseconds time_left() const {
    return state_.time_left(context_.platform().steady_now());
  }

  /// What comes after an attempt: the call's result, or another attempt after `wait`.
  struct Next {
    std::optional<Result<PutResult>> result{};
    std::chrono::nanoseconds wait{0};
  };
  [[nodiscard]] Next after(AttemptReport report) {
    sent_ += report.was_sent ? 1 : 0;
    if (!report.error) {
      state_.succeeded();
      return {PutResult{std::move(report.request_id), sent_}};
    }
    may_have_been_delivered_ = may_have_been_delivered_ || report.error->may_have_been_delivered;

    const retry::Decision decision =
        state_.failed(report.failure, context_.platform().steady_now(), context_.random_fraction());
    if (decision.remedy == retry::Remedy::CorrectClock) {
      context_.correct_clock(*report.failure.service_date);
    } else if (retry::rejects_credentials(report.failure)) {
      context_.credentials()->invalidate(report.credentials);
    }
    if (decision.next == retry::Decision::Next::Fail) return {failed(*std::move(report.error))};
    return {std::nullopt, decision.wait};
  }

  /// The Error of the whole call: an earlier attempt may have been delivered although the last was
  /// not.
  [[nodiscard]] Error failed(Error error) const {
    error.attempts = sent_;
    error.may_have_been_delivered = error.may_have_been_delivered || may_have_been_delivered_;
    return error;
  }

 private:
  CallContext& context_;
  std::string_view operation_;
  retry::CallState state_;
  std::string invocation_id_;
  int sent_{0};
  bool may_have_been_delivered_{false};
};

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
