// SPDX-License-Identifier: Apache-2.0
//
// FakeTransport: a Transport and an AsyncTransport that answers from a script and keeps what it was
// asked. For the tests of applications, and for our own.
#ifndef PERSONALIZE_EVENTS_TESTING_FAKE_TRANSPORT_HPP
#define PERSONALIZE_EVENTS_TESTING_FAKE_TRANSPORT_HPP

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <mutex>
#include <utility>
#include <vector>

#include "personalize_events/detail/http/deadline.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace testing {

/// Responds to each request with the next scripted reply, and repeats the last one; without any,
/// with the service's success: HTTP 200, a request ID, no body. A started request is answered by
/// the next poll, in order of start, and takes its reply then; timeouts are not kept.
///
/// @par Thread Safety
/// Every member may be called from any thread at the same time; a Done is called by the one that
/// polls.
class FakeTransport : public Transport, public AsyncTransport {
 public:
  FakeTransport() = default;
  FakeTransport(const FakeTransport&) = delete;
  FakeTransport& operator=(const FakeTransport&) = delete;
  ~FakeTransport() override {
    for (auto ended = take_all(); !ended.empty(); ended = take_all()) {
      detail::tell(std::move(ended));
    }
  }

  /// Appends a reply: a response of any status, or an Error.
  void reply(Result<HttpResponse> result) {
    const std::lock_guard<std::mutex> lock{mutex_};
    replies_.push_back(std::move(result));
  }

  /// Calls `hook` in every later `send` and `start`, after the request is recorded and before it is
  /// answered, without a lock: to advance a virtual clock, or to block until the test goes on.
  void on_send(std::function<void(const HttpRequest&)> hook) {
    const std::lock_guard<std::mutex> lock{mutex_};
    on_send_ = std::move(hook);
  }

  /// Lets started requests stay in flight until `release`.
  void hold() {
    const std::lock_guard<std::mutex> lock{mutex_};
    released_ = 0;
  }

  /// Ends `hold`: the next poll answers what is in flight.
  void release() { release(kAll); }

  /// Lets so many more started requests be answered, and goes on holding the others.
  void release(std::size_t count) {
    {
      const std::lock_guard<std::mutex> lock{mutex_};
      released_ = count < kAll - released_ ? released_ + count : kAll;
    }
    changed_.notify_all();
  }

  /// A copy of all requests so far, oldest first.
  [[nodiscard]] std::vector<HttpRequest> requests() const {
    const std::lock_guard<std::mutex> lock{mutex_};
    return requests_;
  }

  [[nodiscard]] Result<HttpResponse> send(const HttpRequest& request) override {
    std::unique_lock<std::mutex> lock{mutex_};
    requests_.push_back(request);
    const std::function<void(const HttpRequest&)> hook = on_send_;
    Result<HttpResponse> answer = next_reply();
    lock.unlock();
    if (hook) hook(request);
    return answer;
  }

  std::uint64_t start(HttpRequest request, Done done) override {
    std::unique_lock<std::mutex> lock{mutex_};
    const std::uint64_t id = ++last_id_;
    requests_.push_back(request);
    in_flight_.push_back({id, std::move(done)});
    const std::function<void(const HttpRequest&)> hook = on_send_;
    lock.unlock();
    changed_.notify_all();
    if (hook) hook(request);
    return id;
  }

  /// The request is recorded by then, so `may_have_been_delivered` is true.
  void cancel(std::uint64_t request) override {
    {
      const std::lock_guard<std::mutex> lock{mutex_};
      const auto found =
          std::find_if(in_flight_.begin(), in_flight_.end(),
                       [request](const InFlight& candidate) { return candidate.id == request; });
      if (found == in_flight_.end()) return;
      cancelled_.push_back(
          {std::move(found->done), detail::cancelled_error("FakeTransport", true)});
      in_flight_.erase(found);
    }
    changed_.notify_all();
  }

  void poll(std::chrono::milliseconds at_most) override {
    std::unique_lock<std::mutex> lock{mutex_};
    changed_.wait_for(lock, std::clamp(at_most, {}, detail::kLongestTimeout), [this] {
      return woken_ || !cancelled_.empty() || (released_ > 0 && !in_flight_.empty());
    });
    woken_ = false;
    std::vector<detail::EndedRequest> ended = std::exchange(cancelled_, {});
    while (released_ > 0 && !in_flight_.empty()) {
      ended.push_back({std::move(in_flight_.front().done), next_reply()});
      in_flight_.pop_front();
      if (released_ != kAll) --released_;
    }
    lock.unlock();
    detail::tell(std::move(ended));
  }

  void wake() override {
    {
      const std::lock_guard<std::mutex> lock{mutex_};
      woken_ = true;
    }
    changed_.notify_all();
  }

 private:
  struct InFlight {
    std::uint64_t id;
    Done done;
  };
  static constexpr std::size_t kAll = (std::numeric_limits<std::size_t>::max)();

  Result<HttpResponse> next_reply() {
    if (replies_.empty()) return HttpResponse{200, {{"x-amzn-RequestId", "fake"}}};
    if (next_ == replies_.size()) return replies_.back();
    return replies_[next_++];
  }

  /// All requests without an answer, as cancelled.
  std::vector<detail::EndedRequest> take_all() {
    const std::lock_guard<std::mutex> lock{mutex_};
    std::vector<detail::EndedRequest> ended = std::exchange(cancelled_, {});
    for (InFlight& request : in_flight_) {
      ended.push_back({std::move(request.done), detail::cancelled_error("FakeTransport", true)});
    }
    in_flight_.clear();
    return ended;
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Result<HttpResponse>> replies_{};
  std::size_t next_{0};
  std::vector<HttpRequest> requests_{};
  std::function<void(const HttpRequest&)> on_send_{};
  std::deque<InFlight> in_flight_{};
  std::vector<detail::EndedRequest> cancelled_{};
  std::size_t released_{kAll};
  std::uint64_t last_id_{0};
  bool woken_{false};
};

}  // namespace testing

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
