// SPDX-License-Identifier: Apache-2.0
//
// Client: one call to Amazon Personalize Events at a time and thread, with an answer. Applications
// get one from make_client (make_client.hpp); one that is built by hand here sees no libcurl and
// reads no environment.
#ifndef PERSONALIZE_EVENTS_CLIENT_CLIENT_HPP
#define PERSONALIZE_EVENTS_CLIENT_CLIENT_HPP

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "personalize_events/auth/digest.hpp"
#include "personalize_events/auth/secret.hpp"
#include "personalize_events/client/call_context.hpp"
#include "personalize_events/client/call_progress.hpp"
#include "personalize_events/client/options.hpp"
#include "personalize_events/http/message.hpp"
#include "personalize_events/model/put_action_interactions.hpp"
#include "personalize_events/model/put_actions.hpp"
#include "personalize_events/model/put_events.hpp"
#include "personalize_events/model/put_items.hpp"
#include "personalize_events/model/put_result.hpp"
#include "personalize_events/model/put_users.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// What all copies of a client share, and the calls over its Transport, each on its own thread.
class ClientState {
 public:
  explicit ClientState(ClientOptions options) : context_(std::move(options), Carrier::Transport) {
    crypto::initialise();  // before anybody else, libcurl for one, who would plan its end
  }

  [[nodiscard]] const CallContext& context() const { return context_; }

  /// Runs one call: body to wire, attempt by attempt, until the service takes it or the state
  /// machine gives up.
  [[nodiscard]] Result<PutResult> call(std::string_view operation, std::string_view path,
                                       std::string body) {
    HttpRequest request;
    const crypto::WipeAtEnd wipe_token{request.headers};
    Result<HttpRequest> formed = context_.form(path, std::move(body));
    if (!formed) return std::move(formed).error();
    request = *std::move(formed);

    CallProgress call{context_, operation};
    const std::size_t plain_headers = request.headers.size();
    while (true) {
      const Result<std::chrono::nanoseconds> hold = call.hold_back();
      if (!hold) return hold.error();
      wait(*hold);
      crypto::drop_headers(request.headers, plain_headers);
      request.timeout = call.begin_attempt();
      CallProgress::Next next = call.after(attempt(request, call));
      if (next.result) return *std::move(next.result);
      wait(next.wait);
    }
  }

 private:
  /// One attempt: credentials, signature, exchange, verdict.
  [[nodiscard]] AttemptReport attempt(HttpRequest& request, const CallProgress& call) {
    if (request.timeout <= std::chrono::milliseconds{0}) {
      return unsent(
          timed_out("call_timeout", "call_timeout is over before the request could be sent"));
    }
    auto credentials =
        context_.credentials()->get(call.time_left(), CredentialsCache::Refresh::OnThread);
    if (!credentials) return without_credentials(std::move(credentials).error());
    // A provider may have taken long; the exchange has what it left.
    request.timeout = (std::min)(request.timeout, call.time_left());
    if (request.timeout <= std::chrono::milliseconds{0}) {
      return unsent(timed_out("call_timeout", "call_timeout was over when the credentials came"));
    }

    AttemptReport report = context_.sign(request, *std::move(credentials), call.attempt());
    if (report.error) return report;
    const auto before = context_.platform().steady_now();
    const Result<HttpResponse> response = context_.options().transport->send(request);
    const auto latency = context_.platform().steady_now() - before;
    context_.judge(report, response, call.attempt(), latency, request.body);
    return report;
  }

  void wait(std::chrono::nanoseconds time) const {
    if (time.count() > 0) context_.platform().sleep_for(time);
  }

  CallContext context_;
};

}  // namespace detail

/// Sends requests to Amazon Personalize Events and waits for the answers.
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
  /// transport every call answers Configuration. Use make_client to have gaps filled.
  explicit Client(ClientOptions options)
      : state_(std::make_shared<detail::ClientState>(std::move(options))) {}

  /// Records what users did with items.
  /// Source: https://docs.aws.amazon.com/personalize/latest/dg/API_UBS_PutEvents.html
  [[nodiscard]] Result<PutResult> put_events(const PutEventsRequest& request) const {
    return put(request);
  }

  /// Records what users did with actions.
  /// Source: https://docs.aws.amazon.com/personalize/latest/dg/API_UBS_PutActionInteractions.html
  [[nodiscard]] Result<PutResult> put_action_interactions(
      const PutActionInteractionsRequest& request) const {
    return put(request);
  }

  /// Adds users to a Users dataset. The service takes ten such requests a second.
  /// Source: https://docs.aws.amazon.com/personalize/latest/dg/API_UBS_PutUsers.html
  [[nodiscard]] Result<PutResult> put_users(const PutUsersRequest& request) const {
    return put(request);
  }

  /// Adds items to an Items dataset. The service takes ten such requests a second.
  /// Source: https://docs.aws.amazon.com/personalize/latest/dg/API_UBS_PutItems.html
  [[nodiscard]] Result<PutResult> put_items(const PutItemsRequest& request) const {
    return put(request);
  }

  /// Adds actions to an Actions dataset. The service takes ten such requests a second.
  /// Source: https://docs.aws.amazon.com/personalize/latest/dg/API_UBS_PutActions.html
  [[nodiscard]] Result<PutResult> put_actions(const PutActionsRequest& request) const {
    return put(request);
  }

 private:
  template <class Request>
  [[nodiscard]] Result<PutResult> put(const Request& request) const {
    using Description = model::Description<Request>;
    auto body = detail::body_of(state_->context(), request);
    if (!body) return std::move(body).error();
    return state_->call(Description::operation, Description::path, *std::move(body));
  }

  std::shared_ptr<detail::ClientState> state_;
};

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
