// SPDX-License-Identifier: Apache-2.0
//
// CallContext: what all calls of one client share, and the steps of an attempt that need no
// transport: forming the request, signing it, judging the answer. Client and AsyncClient drive the
// same one, and so do recorders.
#ifndef PERSONALIZE_EVENTS_DETAIL_CLIENT_CALL_CONTEXT_HPP
#define PERSONALIZE_EVENTS_DETAIL_CLIENT_CALL_CONTEXT_HPP

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

#include "personalize_events/detail/base/ascii.hpp"
#include "personalize_events/detail/base/uuid.hpp"
#include "personalize_events/detail/config/endpoint.hpp"
#include "personalize_events/detail/platform/system_platform.hpp"
#include "personalize_events/detail/providers/cached.hpp"
#include "personalize_events/detail/retry/attempt.hpp"
#include "personalize_events/detail/retry/pace.hpp"
#include "personalize_events/detail/signing/sigv4.hpp"
#include "personalize_events/detail/wire/response.hpp"
#include "personalize_events/detail/wire/validate.hpp"
#include "personalize_events/detail/wire/write.hpp"
#include "personalize_events/model/event_id.hpp"
#include "personalize_events/options.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

inline constexpr std::string_view kSigningName = "personalize";

/// The User-Agent in the form of AWS's SDKs: name/version pairs. `execution_environment` is the
/// value of AWS_EXECUTION_ENV, which AWS's runtimes set, for example "AWS_Lambda_provided.al2"; as
/// in those SDKs a hyphen replaces each character that a value may not have.
[[nodiscard]] inline std::string user_agent(std::string_view app_id,
                                            std::string_view execution_environment) {
  std::string text = "personalize-events-cpp/" PERSONALIZE_EVENTS_VERSION
                     " ua/2.1 api/personalize_events#2018-03-22 lang/c++";
  execution_environment = trim(execution_environment);
  if (!execution_environment.empty()) text.append(" exec-env/");
  for (const char c : execution_environment) {
    const bool is_allowed = c == ',' || (c != '#' && is_http_token({&c, 1}));
    text += is_allowed ? c : '-';
  }
  if (!app_id.empty()) text.append(" app/").append(app_id);
  return text;
}

/// Which of the transports of ClientOptions carries the requests.
enum class Carrier : std::uint8_t { Transport, AsyncTransport };

/// Which attempt of which call. The texts belong to whoever makes one.
struct AttemptName {
  std::string_view operation;
  std::string_view invocation_id;  ///< the same for all attempts of a call
  int number{1};
  int max_attempts{0};  ///< 0: the call has no such bound
};

/// How an attempt ended.
struct AttemptReport {
  std::optional<Error> error{};  ///< absent when the service took the request
  retry::Failure failure{};
  std::string request_id{};
  CredentialsCache::Shared credentials{};  ///< those it was signed with
  std::optional<Error> refresh_failure{};  ///< why those could not be refreshed
  /// Whether the request was given to the network. False if the attempt failed within this process
  /// before that; a connection that could not be made counts as sent.
  bool was_sent{false};
  std::string body{};  ///< for another attempt, from a sender that was given it
};

/// An attempt that was not sent, and that no retry helps.
[[nodiscard]] inline AttemptReport unsent(Error error) {
  AttemptReport report;
  report.error = std::move(error);
  return report;
}

/// An attempt that found no credentials. A provider of the library has tried again by itself.
[[nodiscard]] inline AttemptReport without_credentials(Error error) {
  AttemptReport report = unsent(std::move(error));
  if (!is_of_meant_source(*report.error)) {
    report.failure.failure_class = retry::classify(*report.error);
  }
  return report;
}

[[nodiscard]] inline Error timed_out(const char* where, const char* message) {
  Error error = make_error(ErrorKind::Timeout, where, message);
  error.retryable = true;
  return error;
}

/// A client's settings, and what it learns from the service.
///
/// @par Thread Safety
/// Every member may be called from any thread at the same time.
class CallContext {
 public:
  CallContext(ClientOptions options, Carrier carrier)
      : options_(with_platform(std::move(options))),
        endpoint_(usable_endpoint(options_, carrier)),
        connection_(endpoint_ && is_private_endpoint(*endpoint_) ? wire::Connection::Trusted
                                                                 : wire::Connection::Plain),
        user_agent_(
            user_agent(options_.app_id, platform().environment("AWS_EXECUTION_ENV").value_or(""))),
        credentials_(std::make_shared<CredentialsCache>(options_.credentials, options_.platform)),
        quota_(options_.retry.quota),
        pace_(options_.platform->steady_now()) {}

  [[nodiscard]] const ClientOptions& options() const { return options_; }
  [[nodiscard]] Platform& platform() const { return *options_.platform; }
  [[nodiscard]] const std::shared_ptr<CredentialsCache>& credentials() const {
    return credentials_;
  }
  [[nodiscard]] retry::RetryQuota& quota() { return quota_; }
  [[nodiscard]] retry::CallLimits limits() const {
    return {options_.retry.max_attempts.value_or(3), options_.attempt_timeout,
            options_.call_timeout};
  }

  /// Where requests go; empty when `check` fails.
  [[nodiscard]] std::string endpoint_url() const {
    return endpoint_ ? endpoint_->url : std::string{};
  }

  /// Whether the options are all that a call needs. Errors: Configuration.
  [[nodiscard]] Result<void> check_usable() const {
    if (!endpoint_) return endpoint_.error();
    return {};
  }

  /// The service's time, as far as this client knows it.
  [[nodiscard]] std::chrono::system_clock::time_point service_now() const {
    return platform().now() +
           std::chrono::milliseconds{clock_offset_.load(std::memory_order_relaxed)};
  }
  void correct_clock(std::chrono::system_clock::time_point service_date) {
    const auto offset = service_date - platform().now();
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(offset);
    clock_offset_.store(milliseconds.count(), std::memory_order_relaxed);
    credentials_->correct_clock(milliseconds);
  }

  [[nodiscard]] UuidBytes random_bytes() const {
    UuidBytes bytes{};
    platform().random_bytes(bytes.data(), bytes.size());
    return bytes;
  }
  /// From 0 to 1.
  [[nodiscard]] double random_fraction() const {
    const UuidBytes bytes = random_bytes();
    return (bytes[0] * 256.0 + bytes[1]) / 65535.0;
  }

  /// The request without what changes from attempt to attempt. Errors: Configuration.
  [[nodiscard]] Result<HttpRequest> form(std::string_view path, std::string body) const {
    if (!endpoint_) return endpoint_.error();
    HttpRequest request;
    request.method = "POST";
    request.url = endpoint_->url;
    request.url.append(path);
    request.connect_timeout = options_.http.connect_timeout;
    request.body = std::move(body);
    request.headers.reserve(8);
    request.headers.emplace_back("Host", endpoint_->host);
    request.headers.emplace_back("Content-Type", "application/json");
    return request;
  }

  /// Signs a formed request, and answers the report of its attempt: with an error when it must not
  /// be sent, else to be given to `judge` with the answer.
  [[nodiscard]] AttemptReport sign(HttpRequest& request, CredentialsCache::Shared credentials,
                                   const AttemptName& name) {
    AttemptReport report;
    report.credentials = std::move(credentials);
    report.refresh_failure = credentials_->refresh_failure();
    report.failure.credentials_are_temporary =
        !report.credentials->session_token.empty() || report.credentials->expiration.has_value();
    report.failure.signed_at = service_now();
    auto signed_request = signer_.sign(request, *report.credentials, report.failure.signed_at,
                                       {options_.region, kSigningName, {}, true, true});
    if (!signed_request) {
      report.error = std::move(signed_request).error();
      return report;
    }
    std::string number = "attempt=" + std::to_string(name.number);
    if (name.max_attempts > 0) number.append("; max=").append(std::to_string(name.max_attempts));
    request.headers.emplace_back("amz-sdk-invocation-id", name.invocation_id);
    request.headers.emplace_back("amz-sdk-request", std::move(number));
    request.headers.emplace_back("User-Agent", user_agent_);
    return report;
  }

  /// Reads the transport's result into the report, learns the pace from it, and calls
  /// ClientOptions::on_attempt. Only the service sets `service_date`, also on success, and
  /// `retry_after`. Nothing of `body`, the request's, gets into the report.
  void judge(AttemptReport& report, const Result<HttpResponse>& response, const AttemptName& name,
             std::chrono::nanoseconds latency, std::string_view body) {
    report.was_sent = response || !is_local_failure(response.error());
    if (response) {
      report.error = wire::error_of(*response, connection_, sent_text(body, report.credentials));
      report.request_id = report.error ? report.error->request_id : wire::request_id_of(*response);
      if (!report.error || report.error->kind == ErrorKind::Service) {
        report.failure.retry_after = wire::retry_after_of(*response);
        report.failure.service_date = wire::date_of(*response);
      }
    } else {
      report.error = response.error();
      report.failure.lost_kept_connection = report.error->code == kLostKeptConnection;
      // Events are the body, which no transport checks: URL and headers come from the settings.
      if (report.error->kind == ErrorKind::InvalidArgument) {
        report.error->kind = ErrorKind::Configuration;
      }
    }
    if (report.error) report.failure.failure_class = retry::classify(*report.error);
    if (report.was_sent && is_adaptive()) learn_pace(report.error && report.error->throttled);

    if (!options_.on_attempt) return;
    Attempt attempt;
    attempt.operation = name.operation;
    attempt.number = name.number;
    attempt.http_status = response ? response->status : 0;
    attempt.error = report.error ? &*report.error : nullptr;
    attempt.latency = std::chrono::duration_cast<std::chrono::microseconds>(latency);
    attempt.bytes_sent = body.size();
    attempt.request_id = report.request_id;
    attempt.host = endpoint_ ? std::string_view{endpoint_->host} : std::string_view{};
    attempt.started_at = report.failure.signed_at;
    attempt.credentials_error = report.refresh_failure ? &*report.refresh_failure : nullptr;
    options_.on_attempt(attempt);
  }

  /// How long an attempt is to be held back to the pace that the service accepts. It has its leave
  /// then, unless that is given back.
  [[nodiscard]] std::chrono::nanoseconds hold_back() {
    if (!is_adaptive()) return std::chrono::nanoseconds{0};
    const std::lock_guard<std::mutex> lock(pace_mutex_);
    return pace_.acquire(platform().steady_now());
  }
  void give_back_leave() {
    const std::lock_guard<std::mutex> lock(pace_mutex_);
    pace_.give_back();
  }

 private:
  static ClientOptions with_platform(ClientOptions options) {
    if (options.platform == nullptr) options.platform = system_platform();
    return options;
  }

  /// Where to send, if the options are all that a call needs. The region and the application's id
  /// become parts of headers, so they are checked although make_client has checked its own.
  [[nodiscard]] static Result<Endpoint> usable_endpoint(const ClientOptions& options,
                                                        Carrier carrier) {
    const auto missing = [](const char* member, const char* message) {
      return make_error(ErrorKind::Configuration, member, message);
    };
    if (options.region.empty()) {
      return missing("region",
                     "no region to sign for; set ClientOptions::region, or use make_client");
    }
    if (carrier == Carrier::Transport && options.transport == nullptr) {
      return missing("transport", "no transport; set ClientOptions::transport, or use make_client");
    }
    if (carrier == Carrier::AsyncTransport && options.async_transport == nullptr) {
      return missing("async_transport",
                     "no transport; set ClientOptions::async_transport or "
                     "ClientOptions::transport, or use make_async_client");
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

  [[nodiscard]] static wire::SentText sent_text(std::string_view body,
                                                const CredentialsCache::Shared& credentials) {
    wire::SentText sent{body};
    if (credentials != nullptr) {
      sent.secrets = {credentials->access_key_id, credentials->secret_access_key,
                      credentials->session_token};
    }
    return sent;
  }

  [[nodiscard]] bool is_adaptive() const { return options_.retry.mode == RetryMode::Adaptive; }
  void learn_pace(bool throttled) {
    const std::lock_guard<std::mutex> lock(pace_mutex_);
    pace_.answered(throttled, platform().steady_now());
  }

  const ClientOptions options_;
  const Result<Endpoint> endpoint_;
  const wire::Connection connection_;
  const std::string user_agent_;
  const std::shared_ptr<CredentialsCache> credentials_;
  sigv4::Signer signer_{};
  retry::RetryQuota quota_;
  std::mutex pace_mutex_{};
  retry::Pace pace_;
  std::atomic<std::int64_t> clock_offset_{0};  // milliseconds to add to the platform's time
};

/// Absent ids and times of a request, from a client's platform.
struct CallDefaults {
  const CallContext& context;
  std::chrono::system_clock::time_point time;
  [[nodiscard]] std::string event_id() const {
    return detail::event_id(time, context.random_bytes());
  }
  [[nodiscard]] std::chrono::system_clock::time_point now() const { return time; }
};

/// The body of a call. Errors: InvalidArgument, `where` is the member that breaks a rule.
template <class Request>
[[nodiscard]] Result<std::string> body_of(const CallContext& context, const Request& request) {
  if (auto valid = wire::validate(request, context.options().validation); !valid)
    return std::move(valid).error();
  return wire::write(request, CallDefaults{context, context.service_now()});
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
