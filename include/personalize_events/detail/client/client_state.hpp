// SPDX-License-Identifier: Apache-2.0
//
// ClientState: the implementation of Client, and its constructor. make_client.hpp and core.hpp
// include it.
#ifndef PERSONALIZE_EVENTS_DETAIL_CLIENT_CLIENT_STATE_HPP
#define PERSONALIZE_EVENTS_DETAIL_CLIENT_CLIENT_STATE_HPP

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "personalize_events/client.hpp"
#include "personalize_events/detail/client/call_context.hpp"
#include "personalize_events/detail/client/call_progress.hpp"
#include "personalize_events/detail/http/secret.hpp"
#include "personalize_events/detail/providers/cached.hpp"
#include "personalize_events/detail/signing/digest.hpp"
#include "personalize_events/detail/wire/descriptions.hpp"
#include "personalize_events/options.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// What all copies of a client share, and the calls over its Transport, each on its own thread.
class ClientState final : public ClientImpl {
 public:
  explicit ClientState(ClientOptions options) : context_(std::move(options), Carrier::Transport) {
    crypto::initialise();  // before anybody else, libcurl for one, who would plan its end
  }

  [[nodiscard]] Result<PutResult> put(const PutEventsRequest& request) override {
    return write_and_call(request);
  }
  [[nodiscard]] Result<PutResult> put(const PutActionInteractionsRequest& request) override {
    return write_and_call(request);
  }
  [[nodiscard]] Result<PutResult> put(const PutUsersRequest& request) override {
    return write_and_call(request);
  }
  [[nodiscard]] Result<PutResult> put(const PutItemsRequest& request) override {
    return write_and_call(request);
  }
  [[nodiscard]] Result<PutResult> put(const PutActionsRequest& request) override {
    return write_and_call(request);
  }

 private:
  template <class Request>
  [[nodiscard]] Result<PutResult> write_and_call(const Request& request) {
    using Description = model::Description<Request>;
    auto body = body_of(context_, request);
    if (!body) return std::move(body).error();
    return call(Description::operation, Description::path, *std::move(body));
  }

  /// Runs one call, attempt by attempt, until it succeeds or the state machine ends it.
  [[nodiscard]] Result<PutResult> call(std::string_view operation, std::string_view path,
                                       std::string body) {
    HttpRequest request;
    const WipedAtEnd wipe_token{request.headers};
    Result<HttpRequest> formed = context_.form(path, std::move(body));
    if (!formed) return std::move(formed).error();
    request = *std::move(formed);

    CallProgress call{context_, operation};
    const std::size_t plain_headers = request.headers.size();
    while (true) {
      const Result<std::chrono::nanoseconds> hold = call.hold_back();
      if (!hold) return hold.error();
      wait(*hold);
      drop_headers(request.headers, plain_headers);
      request.timeout = call.begin_attempt();
      CallProgress::Next next = call.after(attempt(request, call));
      if (next.result) return *std::move(next.result);
      wait(next.wait);
    }
  }

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

inline Client::Client(ClientOptions options)
    : impl_(std::make_shared<detail::ClientState>(std::move(options))) {}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
