// SPDX-License-Identifier: Apache-2.0
//
// Client: one call to Amazon Personalize Events at a time and thread, with an answer. Applications
// get one from make_client (make_client.hpp); one that is built by hand here sees no libcurl and
// reads no environment.
#ifndef PERSONALIZE_EVENTS_CLIENT_CLIENT_HPP
#define PERSONALIZE_EVENTS_CLIENT_CLIENT_HPP

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "personalize_events/auth/cached.hpp"
#include "personalize_events/auth/sigv4.hpp"
#include "personalize_events/client/options.hpp"
#include "personalize_events/config/endpoint.hpp"
#include "personalize_events/config/settings.hpp"
#include "personalize_events/detail/uuid.hpp"
#include "personalize_events/http/message.hpp"
#include "personalize_events/model/event_id.hpp"
#include "personalize_events/model/put_action_interactions.hpp"
#include "personalize_events/model/put_actions.hpp"
#include "personalize_events/model/put_events.hpp"
#include "personalize_events/model/put_items.hpp"
#include "personalize_events/model/put_result.hpp"
#include "personalize_events/model/put_users.hpp"
#include "personalize_events/platform/system_platform.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/retry/attempt.hpp"
#include "personalize_events/retry/pace.hpp"
#include "personalize_events/wire/response.hpp"
#include "personalize_events/wire/validate.hpp"
#include "personalize_events/wire/write.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

inline constexpr std::string_view kSigningName = "personalize";

/// The User-Agent in the form of AWS's SDKs: name/version pairs.
[[nodiscard]] inline std::string user_agent(const std::string& app_id) {
  std::string text = "personalize-events-cpp/" PERSONALIZE_EVENTS_VERSION
                     " ua/2.1 api/personalize_events#2018-03-22 lang/c++";
  if (!app_id.empty()) text.append(" app/").append(app_id);
  return text;
}

/// What all copies of a client share: its settings, and what it learns from the service.
class ClientState {
 public:
  explicit ClientState(ClientOptions options)
      : options_(with_platform(std::move(options))),
        endpoint_(usable_endpoint(options_)),
        user_agent_(user_agent(options_.app_id)),
        credentials_(options_.credentials, options_.platform),
        quota_(options_.retry.quota),
        pace_(options_.platform->steady_now()) {}

  /// Runs one call: body to wire, attempt by attempt, until the service takes it or the state
  /// machine gives up.
  [[nodiscard]] Result<PutResult> call(std::string_view operation, std::string_view path,
                                       std::string body) {
    HttpRequest request;
    if (auto formed = form(request, path, std::move(body)); !formed)
      return std::move(formed).error();

    Platform& platform = *options_.platform;
    retry::CallState call(limits(), quota_, platform.steady_now());
    const std::string invocation_id = format_uuid_v4(random_bytes());
    const std::size_t plain_headers = request.headers.size();
    int sent = 0;
    bool may_have_been_delivered = false;
    while (true) {
      if (is_adaptive()) {
        const std::chrono::nanoseconds hold = hold_back();
        if (hold >= call.time_left(platform.steady_now())) {
          give_back_leave();
          return finish(timed_out("held back to the pace that the service accepts"), sent,
                        may_have_been_delivered);
        }
        if (hold.count() > 0) platform.sleep_for(hold);
      }
      request.headers.resize(plain_headers);
      request.timeout = call.begin_attempt(platform.steady_now());
      AttemptReport report = attempt(request, operation, invocation_id, call);
      sent += report.was_sent ? 1 : 0;
      if (!report.error) {
        call.succeeded();
        return PutResult{std::move(report.request_id), sent};
      }
      may_have_been_delivered = may_have_been_delivered || report.error->may_have_been_delivered;

      const retry::Decision decision =
          call.failed(report.failure, platform.steady_now(), random_fraction());
      switch (decision.remedy) {
        case retry::Remedy::None: break;
        case retry::Remedy::CorrectClock: correct_clock(*report.failure.service_date); break;
        case retry::Remedy::RefreshCredentials: credentials_.invalidate(report.credentials); break;
      }
      if (decision.next == retry::Decision::Next::Fail) {
        return finish(*std::move(report.error), sent, may_have_been_delivered);
      }
      if (decision.wait.count() > 0) platform.sleep_for(decision.wait);
    }
  }

  [[nodiscard]] Validation validation() const { return options_.validation; }
  [[nodiscard]] Platform& platform() const { return *options_.platform; }

  /// The service's time, as far as this client knows it.
  [[nodiscard]] std::chrono::system_clock::time_point service_now() const {
    return options_.platform->now() +
           std::chrono::milliseconds{clock_offset_.load(std::memory_order_relaxed)};
  }

  [[nodiscard]] UuidBytes random_bytes() const {
    UuidBytes bytes{};
    options_.platform->random_bytes(bytes.data(), bytes.size());
    return bytes;
  }

 private:
  /// How an attempt ended.
  struct AttemptReport {
    std::optional<Error> error{};
    retry::Failure failure{};
    std::string request_id{};
    CredentialsCache::Shared credentials{};
    bool was_sent{false};
  };

  static ClientOptions with_platform(ClientOptions options) {
    if (options.platform == nullptr) options.platform = system_platform();
    return options;
  }

  /// Where to send, if the options are all that a call needs. The region and the application's id
  /// become parts of headers, so they are checked although make_client has checked its own.
  [[nodiscard]] static Result<Endpoint> usable_endpoint(const ClientOptions& options) {
    const auto missing = [](const char* member, const char* message) {
      return make_error(ErrorKind::Configuration, member, message);
    };
    if (options.region.empty()) {
      return missing("region",
                     "no region to sign for; set ClientOptions::region, or use make_client");
    }
    if (options.transport == nullptr) {
      return missing("transport", "no transport; set ClientOptions::transport, or use make_client");
    }
    if (!options.credentials) {
      return missing("credentials",
                     "no credentials provider; set ClientOptions::credentials, or use make_client");
    }
    if (auto valid = check_region(options.region); !valid) return std::move(valid).error();
    if (auto valid = check_app_id(options.app_id); !valid) return std::move(valid).error();
    return resolve_endpoint({options.region, options.endpoint_url, options.use_fips.value_or(false),
                             options.use_dual_stack.value_or(false)});
  }

  /// The request without what changes from attempt to attempt. Errors: Configuration.
  [[nodiscard]] Result<void> form(HttpRequest& request, std::string_view path,
                                  std::string body) const {
    if (!endpoint_) return endpoint_.error();
    request.method = "POST";
    request.url = endpoint_->url;
    request.url.append(path);
    request.connect_timeout = options_.http.connect_timeout;
    request.body = std::move(body);
    request.headers.reserve(8);
    request.headers.emplace_back("Host", endpoint_->host);
    request.headers.emplace_back("Content-Type", "application/json");
    return {};
  }

  [[nodiscard]] retry::CallLimits limits() const {
    return {options_.retry.max_attempts.value_or(3), options_.attempt_timeout,
            options_.call_timeout};
  }

  /// One attempt: credentials, signature, exchange, verdict.
  [[nodiscard]] AttemptReport attempt(HttpRequest& request, std::string_view operation,
                                      const std::string& invocation_id,
                                      const retry::CallState& call) {
    AttemptReport report;
    Platform& platform = *options_.platform;
    if (request.timeout <= std::chrono::milliseconds{0}) {
      report.error = timed_out("call_timeout is over before the request could be sent");
      return report;
    }
    auto credentials = credentials_.get(request.timeout);
    if (!credentials) {
      report.error = std::move(credentials).error();
      report.failure.failure_class = retry::classify(*report.error);
      return report;
    }
    report.credentials = *credentials;
    report.failure.credentials_are_temporary =
        !report.credentials->session_token.empty() || report.credentials->expiration.has_value();
    // A provider may have taken long; the exchange has what it left.
    request.timeout = std::min(request.timeout, call.time_left(platform.steady_now()));
    if (request.timeout <= std::chrono::milliseconds{0}) {
      report.error = timed_out("call_timeout was over when the credentials came");
      return report;
    }

    report.failure.signed_at = service_now();
    auto signed_request = signer_.sign(request, *report.credentials, report.failure.signed_at,
                                       {options_.region, kSigningName, {}, true, true});
    if (!signed_request) {
      report.error = std::move(signed_request).error();
      return report;
    }
    request.headers.emplace_back("amz-sdk-invocation-id", invocation_id);
    request.headers.emplace_back("amz-sdk-request",
                                 "attempt=" + std::to_string(call.attempts()) +
                                     "; max=" + std::to_string(limits().max_attempts));
    request.headers.emplace_back("User-Agent", user_agent_);

    const auto before = platform.steady_now();
    const Result<HttpResponse> response = options_.transport->send(request);
    const auto latency = platform.steady_now() - before;
    report.was_sent = true;
    if (response) {
      report.error = wire::error_of(*response);
      report.failure.retry_after = wire::retry_after_of(*response);
      report.failure.service_date = wire::date_of(*response);
      report.request_id = wire::request_id_of(*response);
    } else {
      report.error = response.error();
    }
    if (report.error) report.failure.failure_class = retry::classify(*report.error);
    if (is_adaptive()) learn_pace(report.error && report.error->throttled);
    tell(operation, call.attempts(), response, report.error, latency, request.body.size());
    return report;
  }

  void tell(std::string_view operation, int number, const Result<HttpResponse>& response,
            const std::optional<Error>& error, std::chrono::nanoseconds latency,
            std::size_t bytes) const {
    if (!options_.on_attempt) return;
    Attempt attempt;
    attempt.operation = operation;
    attempt.number = number;
    attempt.http_status = response ? response->status : 0;
    attempt.error = error ? &*error : nullptr;
    attempt.latency = std::chrono::duration_cast<std::chrono::microseconds>(latency);
    attempt.bytes_sent = bytes;
    options_.on_attempt(attempt);
  }

  [[nodiscard]] static Error timed_out(const char* message) {
    Error error = make_error(ErrorKind::Timeout, "call_timeout", message);
    error.retryable = true;
    return error;
  }

  /// The Error of the whole call: an earlier attempt may have been delivered although the last was
  /// not.
  [[nodiscard]] static Error finish(Error error, int sent, bool may_have_been_delivered) {
    error.attempts = sent;
    error.may_have_been_delivered = error.may_have_been_delivered || may_have_been_delivered;
    return error;
  }

  void correct_clock(std::chrono::system_clock::time_point service_date) {
    const auto offset = service_date - options_.platform->now();
    clock_offset_.store(std::chrono::duration_cast<std::chrono::milliseconds>(offset).count(),
                        std::memory_order_relaxed);
  }

  [[nodiscard]] double random_fraction() const {
    const UuidBytes bytes = random_bytes();
    return (bytes[0] * 256.0 + bytes[1]) / 65535.0;
  }

  [[nodiscard]] bool is_adaptive() const { return options_.retry.mode == RetryMode::Adaptive; }
  [[nodiscard]] std::chrono::nanoseconds hold_back() {
    const std::lock_guard<std::mutex> lock(pace_mutex_);
    return pace_.acquire(options_.platform->steady_now());
  }
  void give_back_leave() {
    const std::lock_guard<std::mutex> lock(pace_mutex_);
    pace_.give_back();
  }
  void learn_pace(bool throttled) {
    const std::lock_guard<std::mutex> lock(pace_mutex_);
    pace_.answered(throttled, options_.platform->steady_now());
  }

  const ClientOptions options_;
  const Result<Endpoint> endpoint_;
  const std::string user_agent_;
  CredentialsCache credentials_;
  sigv4::Signer signer_{};
  retry::RetryQuota quota_;
  std::mutex pace_mutex_{};
  retry::Pace pace_;
  std::atomic<std::int64_t> clock_offset_{0};  // milliseconds to add to the platform's time
};

}  // namespace detail

/// Sends requests to Amazon Personalize Events and waits for the answers.
///
/// @par Thread Safety
/// Every member may be called from any thread at the same time. Copies are cheap and share
/// connections, credentials and the retry quota.
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
  /// Absent ids and times, from the client's platform.
  struct Defaults {
    detail::ClientState& state;
    std::chrono::system_clock::time_point time;
    [[nodiscard]] std::string event_id() const {
      return detail::event_id(time, state.random_bytes());
    }
    [[nodiscard]] std::chrono::system_clock::time_point now() const { return time; }
  };

  template <class Request>
  [[nodiscard]] Result<PutResult> put(const Request& request) const {
    using Description = model::Description<Request>;
    if (auto valid = wire::validate(request, state_->validation()); !valid)
      return std::move(valid).error();
    auto body = wire::write(request, Defaults{*state_, state_->service_now()});
    if (!body) return std::move(body).error();
    return state_->call(Description::operation, Description::path, *std::move(body));
  }

  std::shared_ptr<detail::ClientState> state_;
};

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
