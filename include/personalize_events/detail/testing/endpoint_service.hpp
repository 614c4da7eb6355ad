// SPDX-License-Identifier: Apache-2.0
//
// EndpointService: all that the local endpoint decides and keeps, without a socket: one request in,
// one answer out, as Amazon Personalize Events gives it. LocalEndpoint (local_endpoint.hpp) puts it
// on a port; a test may also ask it directly.
#ifndef PERSONALIZE_EVENTS_DETAIL_TESTING_ENDPOINT_SERVICE_HPP
#define PERSONALIZE_EVENTS_DETAIL_TESTING_ENDPOINT_SERVICE_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "personalize_events/credentials.hpp"
#include "personalize_events/detail/base/time.hpp"
#include "personalize_events/detail/base/uuid.hpp"
#include "personalize_events/detail/json/reader.hpp"
#include "personalize_events/detail/json/writer.hpp"
#include "personalize_events/detail/platform/system_platform.hpp"
#include "personalize_events/detail/testing/endpoint_control.hpp"
#include "personalize_events/detail/testing/endpoint_faults.hpp"
#include "personalize_events/detail/testing/endpoint_origin.hpp"
#include "personalize_events/detail/testing/endpoint_plan.hpp"
#include "personalize_events/detail/testing/endpoint_quota.hpp"
#include "personalize_events/detail/testing/endpoint_records.hpp"
#include "personalize_events/detail/testing/endpoint_request.hpp"
#include "personalize_events/detail/testing/signature_check.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace testing {

/// The settings of a local endpoint.
struct LocalEndpointOptions {
  /// What requests must be signed with; with a session token, that too.
  Credentials credentials{"AKIDLOCAL", "local-secret-access-key"};
  /// What requests must be signed for.
  std::string region{"us-east-1"};
  /// Of 127.0.0.1; 0: the system picks a free one.
  std::uint16_t port{0};
  /// Off: requests are taken unsigned.
  bool check_signature{true};
  /// Off: it counts only, and finds no duplicates; else memory grows with each request, up to
  /// `max_records`.
  bool keep_records{true};
  /// The most recent records that are kept of each kind (requests, events, users and so on).
  std::size_t max_records{(std::numeric_limits<std::size_t>::max)()};
  /// Approximate limit of the memory for the records of each kind, in bytes; the oldest go first.
  std::size_t max_record_bytes{std::size_t{256} << 20U};
  /// Host names by which requests may address the endpoint, besides 127.0.0.1, localhost, names
  /// under it and [::1]. The header Host of a request must have one of them.
  std::vector<std::string> hosts{};
  /// More are answered ThrottlingException 400, with the header `x-amz-retry-after`; 0: no quota.
  /// As many at once as in one second.
  double max_requests_per_second{0};
  /// What goes wrong from the start.
  std::vector<FaultRule> faults{};
  /// Of the rules that have a probability.
  std::uint64_t fault_seed{1};
  /// A connection without a whole request for so long is closed.
  std::chrono::milliseconds idle_timeout{60'000};
  /// For each request taken, before it is answered; on the endpoint's thread, no lock held.
  std::function<void(const AcceptedRequest&)> on_accepted{};
  /// Its clock and random bytes; empty: the system's.
  std::shared_ptr<Platform> platform{};
};

/// The service behind a local endpoint. It routes by method and path, checks the signature and the
/// model as Amazon Personalize Events does, answers in its error format, and keeps what it took.
///
/// What is refused, in the order of the checks, with the code in the header `x-amzn-ErrorType` and
/// in the body's `__type`:
///
///   ForeignHostException 403             the header Host names another host (DNS rebinding)
///   ForeignOriginException 403           the header Origin: a web page of another site sent it
///   UnknownOperationException 404        no operation has this method and path
///   RequestEntityTooLargeException 413   a body of more than kMaxBody bytes
///   see check_signature 403              the signature, the key, the token, the time
///   ThrottlingException 400              more requests than the quota
///   UnsupportedMediaTypeException 415    a Content-Type that is not application/json
///   SerializationException 400           a body that is not JSON
///   InvalidInputException 400            a broken rule of the model; the message names the member
///                                        and the limit, never the content
///
/// Every answer has the headers `x-amzn-RequestId` and `Date`. Answers to requests that were taken
/// are 200 with an empty body. Unless `keep_records` is off, the latest `max_records` are kept, the
/// bodies only of requests that were taken.
/// A fault rule that a request meets decides before all that but the headers Host and Origin; see
/// FaultRule. Requests under `/_local/` are answered by EndpointControl after the same two checks.
///
/// @par Thread Safety
/// Every member may be called from any thread at the same time.
class EndpointService {
 public:
  /// The largest body that is read.
  static constexpr std::size_t kMaxBody = 1'048'576;

  /// Judges by `options` from now on.
  explicit EndpointService(LocalEndpointOptions options)
      : options_(with_platform(std::move(options))),
        records_(options_.keep_records ? options_.max_records : 0, options_.max_record_bytes),
        faults_(options_.fault_seed, options_.faults),
        quota_(options_.max_requests_per_second) {}
  EndpointService(const EndpointService&) = delete;
  EndpointService& operator=(const EndpointService&) = delete;

  /// What to do about a request as it arrived; `url` is its target. What is taken is kept, counted
  /// and told to `on_accepted` before this returns.
  [[nodiscard]] EndpointPlan plan(const HttpRequest& request) {
    const std::chrono::system_clock::time_point now = options_.platform->now();
    if (const auto own = endpoint::check_origin(request.headers, options_.hosts); !own) {
      EndpointPlan refused;
      refused.response = refuse(request, own.error(), now);
      return refused;
    }
    if (EndpointControl::owns(request.url)) return EndpointControl{records_, faults_}.plan(request);
    const std::optional<FaultRule> fault = next_fault(request);
    EndpointPlan plan;
    if (!fault) {
      plan.response = serve(request, now);
      return plan;
    }
    records_.add_fault();
    if (fault->sending == Sending::ResetBefore) {
      records_.add(seen(request, 0, {}), nullptr);
    } else if (fault->responder == Responder::Intermediary) {
      plan.response = page(fault->status, now);
      records_.add(seen(request, plan.response.status, {}), nullptr);
    } else if (fault->status != 0) {
      const Error error = refusal(fault->status, fault->code, "A fault rule of the endpoint.");
      plan.response = refuse(request, error, now);
    } else {
      plan.response = serve(request, now);
    }
    apply(*fault, now, plan);
    return plan;
  }

  /// The answer of the plan alone.
  [[nodiscard]] HttpResponse answer(const HttpRequest& request) { return plan(request).response; }

  /// Answers a request that could not be read whole with an error of a status from 400 on.
  [[nodiscard]] HttpResponse refuse(const HttpRequest& request, const Error& error) {
    return refuse(request, error, options_.platform->now());
  }

  /// The error of a body larger than kMaxBody.
  [[nodiscard]] static Error too_large() {
    return refusal(413, "RequestEntityTooLargeException",
                   "The body has more than " + std::to_string(kMaxBody) + " bytes.");
  }

  /// Adds a fault rule after all others.
  void add_fault(FaultRule rule) { faults_.add(std::move(rule)); }
  /// Takes all fault rules away.
  void clear_faults() { faults_.clear(); }

  /// What was kept and counted.
  [[nodiscard]] const EndpointRecords& records() const noexcept { return records_; }
  /// Forgets what was kept, and counts from zero.
  void reset() { records_.reset(); }

  /// As it was made.
  [[nodiscard]] const LocalEndpointOptions& options() const noexcept { return options_; }

 private:
  static LocalEndpointOptions with_platform(LocalEndpointOptions options) {
    if (options.platform == nullptr) options.platform = system_platform();
    return options;
  }

  /// Only requests of an operation meet faults.
  [[nodiscard]] std::optional<FaultRule> next_fault(const HttpRequest& request) {
    const endpoint::Operation* operation = endpoint::find_operation(request.method, request.url);
    if (operation == nullptr) return std::nullopt;
    return faults_.next(operation->name, request.body);
  }

  /// The response of an intermediary.
  [[nodiscard]] static HttpResponse page(int status, std::chrono::system_clock::time_point now) {
    HttpResponse response;
    response.status = status != 0 ? status : 200;
    response.headers = {{"Content-Type", "text/html"}, {"Date", detail::format_http_date(now)}};
    response.body = "<html><body>Not the service: a fault rule of the endpoint.</body></html>";
    return response;
  }

  /// Answers as the service does.
  [[nodiscard]] HttpResponse serve(const HttpRequest& request,
                                   std::chrono::system_clock::time_point now) {
    Result<AcceptedRequest> accepted = judge(request, now);
    if (!accepted) return refuse(request, accepted.error(), now);
    accepted->request_id = new_request_id();
    if (options_.on_accepted) options_.on_accepted(*accepted);
    HttpResponse response = respond(200, {}, accepted->request_id, now);
    records_.add(seen(request, 200, accepted->request_id), &*accepted);
    return response;
  }

  /// Takes a request or says why not. Errors: Service, as the class lists them; Signing.
  [[nodiscard]] Result<AcceptedRequest> judge(const HttpRequest& request,
                                              std::chrono::system_clock::time_point now) {
    const endpoint::Operation* operation = endpoint::find_operation(request.method, request.url);
    if (operation == nullptr) {
      return refusal(404, "UnknownOperationException", "No operation has this method and path.");
    }
    if (request.body.size() > kMaxBody) return too_large();
    if (options_.check_signature) {
      const ExpectedSignature expected{options_.credentials, options_.region, "personalize"};
      if (auto valid = check_signature(request, expected, now); !valid)
        return std::move(valid).error();
    }
    if (auto within = check_quota(); !within) return std::move(within).error();
    const std::string* content_type = find_header(request.headers, "content-type");
    if (content_type == nullptr || !endpoint::says_json(*content_type)) {
      return refusal(415, "UnsupportedMediaTypeException",
                     "The Content-Type must be application/json.");
    }
    auto body = detail::json::parse(request.body);
    if (!body) return refusal(400, "SerializationException", std::move(body).error().message);
    auto read = operation->read(*body);
    if (!read) {
      const std::string member = read.error().where.empty() ? "body" : read.error().where;
      return refusal(400, "InvalidInputException", member + ": " + read.error().message);
    }
    AcceptedRequest accepted;
    accepted.operation = operation->name;
    accepted.request = *std::move(read);
    return accepted;
  }

  [[nodiscard]] Result<void> check_quota() {
    const std::lock_guard<std::mutex> lock{quota_mutex_};
    if (quota_.take(options_.platform->steady_now())) return {};
    Error error = refusal(400, "ThrottlingException", "Rate exceeded");
    error.throttled = true;
    return error;
  }

  [[nodiscard]] std::string retry_after() {
    const std::lock_guard<std::mutex> lock{quota_mutex_};
    return std::to_string(quota_.wait(options_.platform->steady_now()).count());
  }

  [[nodiscard]] HttpResponse refuse(const HttpRequest& request, const Error& error,
                                    std::chrono::system_clock::time_point now) {
    // Only what the service itself says has a code; anything else is a failure of the endpoint's.
    const int status = error.kind == ErrorKind::Service ? error.http_status : 500;
    const std::string code = error.kind == ErrorKind::Service ? error.code : "InternalFailure";
    const std::string request_id = new_request_id();
    HttpResponse response = respond(status, error_body(code, error.message), request_id, now);
    if (!code.empty()) response.headers.emplace_back("x-amzn-ErrorType", code);
    if (error.throttled) response.headers.emplace_back("x-amz-retry-after", retry_after());
    SeenRequest refused = seen(request, status, request_id);
    refused.error_code = code;
    refused.error_message = error.message;
    records_.add(std::move(refused), nullptr);
    return response;
  }

  [[nodiscard]] static std::string error_body(const std::string& code, const std::string& message) {
    std::string body;
    if (code.empty()) return body;
    detail::json::Writer writer(body);
    writer.begin_object();
    writer.key("__type");
    writer.string(code);
    writer.key("message");
    writer.string(message);
    writer.end_object();
    return body;
  }

  [[nodiscard]] static HttpResponse respond(int status, std::string body,
                                            const std::string& request_id,
                                            std::chrono::system_clock::time_point now) {
    HttpResponse response;
    response.status = status;
    response.headers = {{"Content-Type", "application/json"},
                        {"x-amzn-RequestId", request_id},
                        {"Date", detail::format_http_date(now)}};
    response.body = std::move(body);
    return response;
  }

  [[nodiscard]] std::string new_request_id() const {
    detail::UuidBytes random{};
    options_.platform->random_bytes(random.data(), random.size());
    return detail::format_uuid_v4(random);
  }

  /// The body is kept only of a request that was accepted.
  [[nodiscard]] static SeenRequest seen(const HttpRequest& request, int status,
                                        std::string request_id) {
    SeenRequest seen{request.method, request.url, request.headers, {}, status};
    if (status == 200) seen.body = request.body;
    seen.request_id = std::move(request_id);
    return seen;
  }

  const LocalEndpointOptions options_;
  EndpointRecords records_;
  FaultRules faults_;
  std::mutex quota_mutex_{};
  RequestQuota quota_;
};

}  // namespace testing

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
