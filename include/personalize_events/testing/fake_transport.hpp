// SPDX-License-Identifier: Apache-2.0
//
// FakeTransport: a Transport that answers from a script and keeps what it was asked. For the tests
// of applications, and for our own.
#ifndef PERSONALIZE_EVENTS_TESTING_FAKE_TRANSPORT_HPP
#define PERSONALIZE_EVENTS_TESTING_FAKE_TRANSPORT_HPP

#include <cstddef>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "personalize_events/http/message.hpp"
#include "personalize_events/http/transport.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace testing {

/// Answers each request with the next scripted reply, the last one for ever, and without any with
/// an empty HTTP 200.
///
/// @par Thread Safety
/// Every member may be called from any thread at the same time.
class FakeTransport : public Transport {
 public:
  /// Appends a reply: a response of any status, or an Error.
  void reply(Result<HttpResponse> result) {
    const std::lock_guard<std::mutex> lock{mutex_};
    replies_.push_back(std::move(result));
  }

  /// Calls `hook` in every later `send`, after the request is recorded and before it is answered,
  /// without a lock: to advance a virtual clock, or to block until the test goes on.
  void on_send(std::function<void(const HttpRequest&)> hook) {
    const std::lock_guard<std::mutex> lock{mutex_};
    on_send_ = std::move(hook);
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

 private:
  Result<HttpResponse> next_reply() {
    if (replies_.empty()) return HttpResponse{200};
    if (next_ == replies_.size()) return replies_.back();
    return replies_[next_++];
  }

  mutable std::mutex mutex_;
  std::vector<Result<HttpResponse>> replies_{};
  std::size_t next_{0};
  std::vector<HttpRequest> requests_{};
  std::function<void(const HttpRequest&)> on_send_{};
};

}  // namespace testing
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
