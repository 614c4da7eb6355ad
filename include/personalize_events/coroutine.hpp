// SPDX-License-Identifier: Apache-2.0
//
// co_put_events and its four siblings: a call of an AsyncClient as something to co_await. Opt-in,
// for C++20 coroutines of any kind; neither umbrella header includes it.
#ifndef PERSONALIZE_EVENTS_COROUTINE_HPP
#define PERSONALIZE_EVENTS_COROUTINE_HPP

#include "personalize_events/async_client.hpp"

#if defined(__cpp_impl_coroutine)

#include <atomic>
#include <coroutine>
#include <optional>
#include <utility>

#include "personalize_events/model/put_action_interactions.hpp"
#include "personalize_events/model/put_actions.hpp"
#include "personalize_events/model/put_events.hpp"
#include "personalize_events/model/put_items.hpp"
#include "personalize_events/model/put_result.hpp"
#include "personalize_events/model/put_users.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// A call that begins when it is awaited, once, and gives its Result<PutResult>. `begin` holds a
/// copy of the client, which must not be const (as a plain capture of a reference to const is), so
/// that it can be moved away.
template <class Begin>
class AwaitableCall {
 public:
  explicit AwaitableCall(Begin begin) : begin_(std::move(begin)) {}
  AwaitableCall(const AwaitableCall&) = delete;
  AwaitableCall& operator=(const AwaitableCall&) = delete;

  [[nodiscard]] bool await_ready() const noexcept { return false; }

  /// Of this and the callback the later one lets the coroutine go on: before both are done with
  /// this object it must not, because the coroutine may then end and take it away.
  [[nodiscard]] bool await_suspend(std::coroutine_handle<> waiting) {
    // The client's copy in it must not live as long as the wait: its destruction ends the wait.
    const Begin begin = std::move(begin_);
    begin([this, waiting](Result<PutResult> result) {
      result_.emplace(std::move(result));
      if (is_other_done_.exchange(true)) waiting.resume();
    });
    return !is_other_done_.exchange(true);
  }

  [[nodiscard]] Result<PutResult> await_resume() { return *std::move(result_); }

 private:
  Begin begin_;
  std::optional<Result<PutResult>> result_{};
  std::atomic<bool> is_other_done_{false};
};

template <class Begin>
AwaitableCall(Begin) -> AwaitableCall<Begin>;

}  // namespace detail

/// `Result<PutResult> sent = co_await co_put_events(client, request);` does what
/// AsyncClient::put_events does. The call begins at the co_await; `request` lives until then. The
/// coroutine goes on as a callback would, on the client's thread, also when the client is destroyed
/// meanwhile (Cancelled). It must not be destroyed while it waits.
[[nodiscard]] inline auto co_put_events(const AsyncClient& client,
                                        const PutEventsRequest& request) {
  return detail::AwaitableCall{[client = client, &request](AsyncClient::Callback done) {
    client.put_events(request, std::move(done));
  }};
}

/// As co_put_events, of AsyncClient::put_action_interactions.
[[nodiscard]] inline auto co_put_action_interactions(const AsyncClient& client,
                                                     const PutActionInteractionsRequest& request) {
  return detail::AwaitableCall{[client = client, &request](AsyncClient::Callback done) {
    client.put_action_interactions(request, std::move(done));
  }};
}

/// As co_put_events, of AsyncClient::put_users.
[[nodiscard]] inline auto co_put_users(const AsyncClient& client, const PutUsersRequest& request) {
  return detail::AwaitableCall{[client = client, &request](AsyncClient::Callback done) {
    client.put_users(request, std::move(done));
  }};
}

/// As co_put_events, of AsyncClient::put_items.
[[nodiscard]] inline auto co_put_items(const AsyncClient& client, const PutItemsRequest& request) {
  return detail::AwaitableCall{[client = client, &request](AsyncClient::Callback done) {
    client.put_items(request, std::move(done));
  }};
}

/// As co_put_events, of AsyncClient::put_actions.
[[nodiscard]] inline auto co_put_actions(const AsyncClient& client,
                                         const PutActionsRequest& request) {
  return detail::AwaitableCall{[client = client, &request](AsyncClient::Callback done) {
    client.put_actions(request, std::move(done));
  }};
}

PERSONALIZE_EVENTS_NAMESPACE_END

#else

static_assert(false,
              "personalize_events/coroutine.hpp needs C++20 coroutines: compile with "
              "-std=c++20 or later and gcc 11, clang 14 or newer, or take the callbacks of "
              "AsyncClient, which need C++17 only");

#endif

#endif
