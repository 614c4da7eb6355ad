// SPDX-License-Identifier: Apache-2.0
//
// AsyncCalls: the calls of AsyncClients on their loop. Each is a CallProgress, as a call of a
// Client is; this adds the mailbox through which they come and the waits between their attempts.
#ifndef PERSONALIZE_EVENTS_DETAIL_CLIENT_ASYNC_CALLS_HPP
#define PERSONALIZE_EVENTS_DETAIL_CLIENT_ASYNC_CALLS_HPP

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "personalize_events/detail/client/attempt_sender.hpp"
#include "personalize_events/detail/client/call_context.hpp"
#include "personalize_events/detail/client/call_progress.hpp"
#include "personalize_events/detail/client/loop.hpp"
#include "personalize_events/model/put_result.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Calls in flight.
///
/// @par Thread Safety
/// `submit` may be called from any thread; all else is the loop's.
class AsyncCalls final : public LoopMember, public std::enable_shared_from_this<AsyncCalls> {
 public:
  using Done = std::function<void(Result<PutResult>)>;

  /// `loop` is the one that it is a member of, and outlives it.
  AsyncCalls(std::shared_ptr<CallContext> context, std::shared_ptr<AttemptSender> sender,
             Loop& loop)
      : context_(std::move(context)), sender_(std::move(sender)), loop_(loop) {}

  /// Begins a call, whose time counts from here. `done` gets its result exactly once, on the loop's
  /// thread, also when `body` is an Error already.
  void submit(std::string_view operation, std::string_view path, Result<std::string> body,
              Done done) {
    auto call =
        std::make_unique<Call>(*context_, operation, path, std::move(body), std::move(done));
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      submitted_.push_back(std::move(call));
    }
    loop_.wake();
  }

  std::chrono::steady_clock::time_point step(std::chrono::steady_clock::time_point now) override {
    std::vector<std::unique_ptr<Call>> submitted;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      submitted.swap(submitted_);
    }
    for (auto& call : submitted) begin(std::move(call));
    while (!waits_.empty() && waits_.begin()->first <= now) {
      const std::uint64_t id = waits_.begin()->second;
      waits_.erase(waits_.begin());
      go_on(id);
    }
    if (is_stopped_) {
      while (!calls_.empty()) end(calls_.begin()->first, cancelled());
    }
    return waits_.empty() ? (Time::max)() : waits_.begin()->first;
  }

  /// The attempts in flight are the sender's to cancel; what it then tells ends their calls.
  void stop() override {
    is_stopped_ = true;
    for (const auto& [time, id] : std::exchange(waits_, {})) end(id, cancelled());
  }

 private:
  using Time = std::chrono::steady_clock::time_point;

  struct Call {
    Call(CallContext& context, std::string_view operation, std::string_view its_path,
         Result<std::string> its_body, Done its_done)
        : progress(context, operation),
          path(its_path),
          body(std::move(its_body)),
          done(std::move(its_done)) {}
    CallProgress progress;
    std::string_view path;
    Result<std::string> body;
    Done done;
    bool has_leave{false};  // it has waited for the pace
  };

  void begin(std::unique_ptr<Call> call) {
    const std::uint64_t id = ++last_id_;
    Call& begun = *calls_.emplace(id, std::move(call)).first->second;
    if (is_stopped_) return end(id, cancelled());
    if (!begun.body) return end(id, begun.body.error());
    go_on(id);
  }

  /// Sends the next attempt, after the wait for the pace.
  void go_on(std::uint64_t id) {
    Call& call = *calls_.at(id);
    if (!std::exchange(call.has_leave, true)) {
      const Result<std::chrono::nanoseconds> hold = call.progress.hold_back();
      if (!hold) return end(id, hold.error());
      if (hold->count() > 0) return wait(id, *hold);
    }
    call.has_leave = false;

    AttemptOrder order;
    order.timeout = call.progress.begin_attempt();
    const AttemptName name = call.progress.attempt();
    order.operation = name.operation;
    order.invocation_id = name.invocation_id;
    order.number = name.number;
    order.max_attempts = name.max_attempts;
    order.path = call.path;
    order.body = *std::move(call.body);
    sender_->start(std::move(order), [weak = weak_from_this(), id](AttemptReport report) {
      if (const auto self = weak.lock()) self->after(id, std::move(report));
    });
  }

  void after(std::uint64_t id, AttemptReport report) {
    const auto found = calls_.find(id);
    if (found == calls_.end()) return;
    Call& call = *found->second;
    call.body = std::move(report.body);
    CallProgress::Next next = call.progress.after(std::move(report));
    if (next.result) return end(id, *std::move(next.result));
    if (is_stopped_) return end(id, cancelled());
    if (next.wait.count() > 0) return wait(id, next.wait);
    go_on(id);
  }

  void wait(std::uint64_t id, std::chrono::nanoseconds time) {
    using Duration = std::chrono::steady_clock::duration;
    waits_.emplace(context_->platform().steady_now() + std::chrono::duration_cast<Duration>(time),
                   id);
    loop_.wake();
  }

  void end(std::uint64_t id, Result<PutResult> result) {
    auto node = calls_.extract(id);
    if (!node) return;
    loop_.note_work();
    Call& call = *node.mapped();
    if (!result) result = call.progress.failed(std::move(result).error());
    if (call.done) call.done(std::move(result));
  }

  [[nodiscard]] static Error cancelled() { return cancelled_error("AsyncClient", false); }

  const std::shared_ptr<CallContext> context_;
  const std::shared_ptr<AttemptSender> sender_;
  Loop& loop_;
  std::mutex mutex_{};
  std::vector<std::unique_ptr<Call>> submitted_{};
  // Of the loop's thread:
  std::map<std::uint64_t, std::unique_ptr<Call>> calls_{};
  std::set<std::pair<Time, std::uint64_t>> waits_{};
  std::uint64_t last_id_{0};
  bool is_stopped_{false};
};

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
