// SPDX-License-Identifier: Apache-2.0
//
// Client: one call to Amazon Personalize Events at a time and thread, with its result. A light
// header for code that uses a client; make_client.hpp and core.hpp have what makes one.
#ifndef PERSONALIZE_EVENTS_CLIENT_HPP
#define PERSONALIZE_EVENTS_CLIENT_HPP

#include <memory>

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

/// What a Client forwards to. detail/client/client_state.hpp implements it.
class ClientImpl {
 public:
  ClientImpl() = default;
  ClientImpl(const ClientImpl&) = delete;
  ClientImpl& operator=(const ClientImpl&) = delete;
  virtual ~ClientImpl() = default;
  [[nodiscard]] virtual Result<PutResult> put(const PutEventsRequest& request) = 0;
  [[nodiscard]] virtual Result<PutResult> put(const PutActionInteractionsRequest& request) = 0;
  [[nodiscard]] virtual Result<PutResult> put(const PutUsersRequest& request) = 0;
  [[nodiscard]] virtual Result<PutResult> put(const PutItemsRequest& request) = 0;
  [[nodiscard]] virtual Result<PutResult> put(const PutActionsRequest& request) = 0;
};

}  // namespace detail

/// Sends requests to Amazon Personalize Events and waits for the responses.
///
/// @par Thread Safety
/// Every member may be called from any thread at the same time. Copies are cheap and share
/// connections, credentials and the retry quota. A call returns within ClientOptions::call_timeout,
/// and the destructor at once, also if the credentials provider hangs.
///
/// @par Idempotency
/// Ids and times that events lack are filled in once, before the first attempt, so that the
/// client's own retries are trained on once. Before you retry a failed call yourself, call
/// assign_event_ids on the request first.
///
/// @par Error Handling
/// InvalidArgument: the request breaks the model; `where` names the member, and nothing was sent.
/// Configuration, Credentials, Signing: nothing was sent. Transport, Timeout, Response, Service:
/// see Error; those that may pass are tried again by AWS's standard retry mode (three attempts,
/// backoff with jitter, a shared quota) within ClientOptions::call_timeout.
/// `may_have_been_delivered` is true when any attempt may have reached the service.
class Client {
 public:
  /// Takes the options as they are and reads no environment. Without region, credentials or
  /// transport every call returns Configuration. make_client fills such gaps. Include core.hpp or
  /// make_client.hpp to call it.
  inline explicit Client(ClientOptions options);

  /// Records what users did with items.
  /// Source: https://docs.aws.amazon.com/personalize/latest/dg/API_UBS_PutEvents.html
  [[nodiscard]] Result<PutResult> put_events(const PutEventsRequest& request) const {
    return impl_->put(request);
  }

  /// Records what users did with actions.
  /// Source: https://docs.aws.amazon.com/personalize/latest/dg/API_UBS_PutActionInteractions.html
  [[nodiscard]] Result<PutResult> put_action_interactions(
      const PutActionInteractionsRequest& request) const {
    return impl_->put(request);
  }

  /// Adds users to a Users dataset. The service takes ten such requests a second.
  /// Source: https://docs.aws.amazon.com/personalize/latest/dg/API_UBS_PutUsers.html
  [[nodiscard]] Result<PutResult> put_users(const PutUsersRequest& request) const {
    return impl_->put(request);
  }

  /// Adds items to an Items dataset. The service takes ten such requests a second.
  /// Source: https://docs.aws.amazon.com/personalize/latest/dg/API_UBS_PutItems.html
  [[nodiscard]] Result<PutResult> put_items(const PutItemsRequest& request) const {
    return impl_->put(request);
  }

  /// Adds actions to an Actions dataset. The service takes ten such requests a second.
  /// Source: https://docs.aws.amazon.com/personalize/latest/dg/API_UBS_PutActions.html
  [[nodiscard]] Result<PutResult> put_actions(const PutActionsRequest& request) const {
    return impl_->put(request);
  }

 private:
  std::shared_ptr<detail::ClientImpl> impl_;
};

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
