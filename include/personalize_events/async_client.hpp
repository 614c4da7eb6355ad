// SPDX-License-Identifier: Apache-2.0
//
// AsyncClient: any number of calls to Amazon Personalize Events in flight on one thread. A light
// header for code that uses a client; make_client.hpp and core.hpp have what makes one.
#ifndef PERSONALIZE_EVENTS_ASYNC_CLIENT_HPP
#define PERSONALIZE_EVENTS_ASYNC_CLIENT_HPP

#include <functional>
#include <future>
#include <memory>
#include <utility>

#include "personalize_events/model/put_action_interactions.hpp"
#include "personalize_events/model/put_actions.hpp"
#include "personalize_events/model/put_events.hpp"
#include "personalize_events/model/put_items.hpp"
#include "personalize_events/model/put_result.hpp"
#include "personalize_events/model/put_users.hpp"
#include "personalize_events/options.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// What an AsyncClient forwards to. detail/client/async_core.hpp implements it.
class AsyncClientImpl {
 public:
  using Callback = std::function<void(Result<PutResult>)>;
  AsyncClientImpl() = default;
  AsyncClientImpl(const AsyncClientImpl&) = delete;
  AsyncClientImpl& operator=(const AsyncClientImpl&) = delete;
  virtual ~AsyncClientImpl() = default;
  virtual void put(const PutEventsRequest& request, Callback done) = 0;
  virtual void put(const PutActionInteractionsRequest& request, Callback done) = 0;
  virtual void put(const PutUsersRequest& request, Callback done) = 0;
  virtual void put(const PutItemsRequest& request, Callback done) = 0;
  virtual void put(const PutActionsRequest& request, Callback done) = 0;
};

struct AsyncClientAccess;

}  // namespace detail

/// Sends requests to Amazon Personalize Events and tells the answers when they come: to a callback,
/// or through a std::future. Each call checks and writes its request before it returns, and waits
/// for nothing.
///
/// Callbacks are called one after another on the client's own thread (of 512 KiB stack), no lock
/// held, exactly once for each call and never within it. They may begin calls, and let go of the
/// client. One that takes long delays the others; one that throws ends the program; one that waits
/// for a future of the same client waits for ever.
///
/// When the last copy is destroyed the calls in flight end with Cancelled, and
/// `may_have_been_delivered` says of each what is known; then the thread is joined. That waits for
/// no response of the service and for no credentials provider. In a callback the destructor returns
/// at once, and all of that comes after.
///
/// @par Thread Safety
/// Every member may be called from any thread at the same time. Copies are cheap and share the
/// thread, connections, credentials and the retry quota. The thread starts with the first call; a
/// forked child gets one of its own, and never hears of its parent's calls.
///
/// @par Idempotency
/// As for Client.
///
/// @par Error Handling
/// As for Client, waits for a place in the queue and for credentials within `call_timeout` too.
/// Cancelled: the client was destroyed first. Configuration is told by the calling thread, before
/// the call returns, when the client has no transport or the system gives no thread.
class AsyncClient {
 public:
  /// Receives the result of a call. A callback that throws ends the program.
  using Callback = std::function<void(Result<PutResult>)>;

  /// Takes the options as they are and reads no environment. Without region, credentials or one of
  /// the transports every call answers Configuration. Use make_async_client to have gaps filled.
  /// Include core.hpp or make_client.hpp to call it.
  inline explicit AsyncClient(ClientOptions options);

  /// Records what users did with items.
  /// Source: https://docs.aws.amazon.com/personalize/latest/dg/API_UBS_PutEvents.html
  void put_events(const PutEventsRequest& request, Callback done) const {
    impl_->put(request, std::move(done));
  }
  /// The same, with the answer in a future.
  [[nodiscard]] std::future<Result<PutResult>> put_events(const PutEventsRequest& request) const {
    return put(request);
  }

  /// Records what users did with actions.
  /// Source: https://docs.aws.amazon.com/personalize/latest/dg/API_UBS_PutActionInteractions.html
  void put_action_interactions(const PutActionInteractionsRequest& request, Callback done) const {
    impl_->put(request, std::move(done));
  }
  /// The same, with the answer in a future.
  [[nodiscard]] std::future<Result<PutResult>> put_action_interactions(
      const PutActionInteractionsRequest& request) const {
    return put(request);
  }

  /// Adds users to a Users dataset. The service takes ten such requests a second.
  /// Source: https://docs.aws.amazon.com/personalize/latest/dg/API_UBS_PutUsers.html
  void put_users(const PutUsersRequest& request, Callback done) const {
    impl_->put(request, std::move(done));
  }
  /// The same, with the answer in a future.
  [[nodiscard]] std::future<Result<PutResult>> put_users(const PutUsersRequest& request) const {
    return put(request);
  }

  /// Adds items to an Items dataset. The service takes ten such requests a second.
  /// Source: https://docs.aws.amazon.com/personalize/latest/dg/API_UBS_PutItems.html
  void put_items(const PutItemsRequest& request, Callback done) const {
    impl_->put(request, std::move(done));
  }
  /// The same, with the answer in a future.
  [[nodiscard]] std::future<Result<PutResult>> put_items(const PutItemsRequest& request) const {
    return put(request);
  }

  /// Adds actions to an Actions dataset. The service takes ten such requests a second.
  /// Source: https://docs.aws.amazon.com/personalize/latest/dg/API_UBS_PutActions.html
  void put_actions(const PutActionsRequest& request, Callback done) const {
    impl_->put(request, std::move(done));
  }
  /// The same, with the answer in a future.
  [[nodiscard]] std::future<Result<PutResult>> put_actions(const PutActionsRequest& request) const {
    return put(request);
  }

 private:
  friend struct detail::AsyncClientAccess;

  explicit AsyncClient(std::shared_ptr<detail::AsyncClientImpl> impl) : impl_(std::move(impl)) {}

  template <class Request>
  [[nodiscard]] std::future<Result<PutResult>> put(const Request& request) const {
    const auto promise = std::make_shared<std::promise<Result<PutResult>>>();
    std::future<Result<PutResult>> future = promise->get_future();
    impl_->put(request,
               [promise](Result<PutResult> result) { promise->set_value(std::move(result)); });
    return future;
  }

  std::shared_ptr<detail::AsyncClientImpl> impl_;
};

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
