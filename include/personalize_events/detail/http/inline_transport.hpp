// SPDX-License-Identifier: Apache-2.0
//
// InlineTransport: an AsyncTransport made of a Transport and no thread at all: each poll sends one
// request and waits for its answer. A recorder that the application drives by itself gets one when
// it is given a Transport.
#ifndef PERSONALIZE_EVENTS_DETAIL_HTTP_INLINE_TRANSPORT_HPP
#define PERSONALIZE_EVENTS_DETAIL_HTTP_INLINE_TRANSPORT_HPP

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "personalize_events/detail/http/deadline.hpp"
#include "personalize_events/detail/http/request_queue.hpp"
#include "personalize_events/detail/platform/per_process.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Carries requests with a Transport on the thread that polls, one in each poll, in order of start.
/// Such a poll takes as long as the Transport's `send`, whatever `at_most` it was given.
///
/// @par Thread Safety
/// As AsyncTransport says. The Transport may be used by others at the same time.
///
/// @par Error Handling
/// As the Transport. Timeout: the requests before it took all its time. Configuration: no
/// Transport.
class InlineTransport : public AsyncTransport {
 public:
  /// Carries requests by `transport`, one after another.
  explicit InlineTransport(std::shared_ptr<Transport> transport)
      : transport_(std::move(transport)) {}
  InlineTransport(const InlineTransport&) = delete;
  InlineTransport& operator=(const InlineTransport&) = delete;
  ~InlineTransport() override {
    State* state = state_.find();
    if (state == nullptr) return;
    while (!state->waiting.empty() || !state->ended.empty()) {
      while (std::optional<detail::QueuedRequest> queued = state->waiting.take_first()) {
        state->end(*queued, detail::cancelled_error(kName, false));
      }
      detail::tell(std::exchange(state->ended, {}));
    }
  }

  std::uint64_t start(HttpRequest request, Done done) override {
    const auto deadline = detail::deadline_of(request, std::chrono::steady_clock::now());
    own_state().waiting.push({++last_id_, std::move(request), std::move(done), deadline});
    return last_id_;
  }

  void cancel(std::uint64_t request) override {
    State& state = own_state();
    if (std::optional<detail::QueuedRequest> queued = state.waiting.take(request)) {
      state.end(*queued, detail::cancelled_error(kName, false));
    }
  }

  void poll(std::chrono::milliseconds at_most) override {
    State& state = own_state();
    if (state.ended.empty()) {
      if (std::optional<detail::QueuedRequest> queued = state.waiting.take_first()) {
        state.end(*queued, send(*queued));
      } else {
        state.wait(at_most);
      }
    }
    state.forget_wake();
    detail::tell(std::exchange(state.ended, {}));
  }

  void wake() override { own_state().wake(); }

 private:
  static constexpr const char* kName = "InlineTransport";

  struct State {
    detail::RequestQueue waiting{};
    std::vector<detail::EndedRequest> ended{};
    std::mutex mutex{};
    std::condition_variable news{};
    bool woken{false};

    void end(detail::QueuedRequest& queued, Result<HttpResponse> result) {
      ended.push_back({std::move(queued.done), std::move(result)});
    }
    void wait(std::chrono::milliseconds at_most) {
      std::unique_lock<std::mutex> lock{mutex};
      news.wait_for(lock, std::clamp(at_most, {}, detail::kLongestTimeout),
                    [this] { return woken; });
    }
    void wake() {
      {
        const std::lock_guard<std::mutex> lock{mutex};
        woken = true;
      }
      news.notify_all();
    }
    void forget_wake() {
      const std::lock_guard<std::mutex> lock{mutex};
      woken = false;
    }
  };

  [[nodiscard]] Result<HttpResponse> send(detail::QueuedRequest& queued) {
    if (transport_ == nullptr) {
      return detail::make_error(ErrorKind::Configuration, kName, "the transport is null");
    }
    queued.request.timeout = detail::time_left(queued.deadline, std::chrono::steady_clock::now());
    if (queued.request.timeout > std::chrono::milliseconds{0}) {
      return transport_->send(queued.request);
    }
    Error error = detail::make_error(ErrorKind::Timeout, kName,
                                     "the requests before it took too long; send less at once");
    error.retryable = true;
    return error;
  }

  [[nodiscard]] State& own_state() {
    return state_.own([] { return std::make_unique<State>(); });
  }

  const std::shared_ptr<Transport> transport_;
  detail::PerProcess<State> state_{};
  std::uint64_t last_id_{0};
};

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
