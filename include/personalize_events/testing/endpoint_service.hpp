// SPDX-License-Identifier: Apache-2.0
//
// EndpointService: all that the local endpoint decides and keeps, without a socket: one request in,
// one answer out, as Amazon Personalize Events gives it. LocalEndpoint (local_endpoint.hpp) puts it
// on a port; a test may also ask it directly.
#ifndef PERSONALIZE_EVENTS_TESTING_ENDPOINT_SERVICE_HPP
#define PERSONALIZE_EVENTS_TESTING_ENDPOINT_SERVICE_HPP

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "personalize_events/auth/credentials.hpp"
#include "personalize_events/detail/time.hpp"
#include "personalize_events/detail/utf8.hpp"
#include "personalize_events/detail/uuid.hpp"
#include "personalize_events/http/message.hpp"
#include "personalize_events/json/reader.hpp"
#include "personalize_events/json/writer.hpp"
#include "personalize_events/model/put_action_interactions.hpp"
#include "personalize_events/model/put_actions.hpp"
#include "personalize_events/model/put_events.hpp"
#include "personalize_events/model/put_items.hpp"
#include "personalize_events/model/put_users.hpp"
#include "personalize_events/model/shape.hpp"
#include "personalize_events/platform/platform.hpp"
#include "personalize_events/platform/system_platform.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/testing/signature_check.hpp"
#include "personalize_events/wire/path.hpp"
#include "personalize_events/wire/read.hpp"
#include "personalize_events/wire/validate.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace testing {

/// A request of any of the five operations: one member holds it.
struct AnyRequest {
  std::optional<PutEventsRequest> put_events{};
  std::optional<PutActionInteractionsRequest> put_action_interactions{};
  std::optional<PutUsersRequest> put_users{};
  std::optional<PutItemsRequest> put_items{};
  std::optional<PutActionsRequest> put_actions{};

  /// Calls `use` with the request that is held.
  template <class Use>
  void visit(Use&& use) const {
    if (put_events) use(*put_events);
    if (put_action_interactions) use(*put_action_interactions);
    if (put_users) use(*put_users);
    if (put_items) use(*put_items);
    if (put_actions) use(*put_actions);
  }
};

/// A request that the endpoint took.
struct AcceptedRequest {
  std::string operation{};   ///< "PutEvents"
  std::string request_id{};  ///< as answered
  AnyRequest request{};
};

/// An event that the endpoint took, with what its request said of all events.
struct AcceptedEvent {
  std::string tracking_id;
  std::string session_id;
  std::optional<std::string> user_id{};
  Event event{};
};

/// An action interaction that the endpoint took.
struct AcceptedActionInteraction {
  std::string tracking_id;
  ActionInteraction interaction{};
};

/// A user, item or action that the endpoint took.
template <class Entity>
struct AcceptedEntity {
  std::string dataset_arn;
  Entity entity{};
};

/// A request as the endpoint saw it, and what it answered. Holds content and signatures: print it
/// in a test at most.
struct SeenRequest {
  std::string method;
  std::string target{};  ///< path and query
  Headers headers{};
  std::string body{};
  int status{0};             ///< answered
  std::string error_code{};  ///< answered; empty when it was taken
  std::string error_message{};
  std::string request_id{};  ///< answered
};

/// How much the endpoint saw and took since its start.
struct EndpointSummary {
  std::uint64_t requests{0};
  std::uint64_t refused_requests{0};
  std::uint64_t events{0};
  std::uint64_t action_interactions{0};
  std::uint64_t users{0};
  std::uint64_t items{0};
  std::uint64_t actions{0};
};

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
  /// Off: it counts only, for endless runs; else memory grows with each request.
  bool keep_records{true};
  /// A connection without a whole request for so long is closed.
  std::chrono::milliseconds idle_timeout{60'000};
  /// For each request taken, before it is answered; on the endpoint's thread, no lock held.
  std::function<void(const AcceptedRequest&)> on_accepted{};
  /// Its clock and random bytes; empty: the system's.
  std::shared_ptr<Platform> platform{};
};

namespace endpoint {

/// Checks what a shape that was read no longer tells: that a list was there but empty, and how long
/// properties were before they became compact.
class WireForm {
 public:
  template <class Shape>
  [[nodiscard]] static Result<void> check(const json::Value& object, const wire::Path& path) {
    Result<void> result;
    model::for_each_member<Shape>([&](const auto& member) {
      const json::Value* value = object.find(member.wire_name);
      if (value != nullptr && !value->is(json::Value::Type::Null)) {
        result = check_member(*value, member, path.member(member.wire_name));
      }
      return result.has_value();
    });
    return result;
  }

 private:
  template <class Shape, class Type>
  static Result<void> check_member(const json::Value&, const model::Member<Shape, Type>&,
                                   const wire::Path&) {
    return {};
  }

  template <class Shape, class Element>
  static Result<void> check_member(const json::Value& value,
                                   const model::Member<Shape, std::vector<Element>>& member,
                                   const wire::Path& path) {
    if (value.items.empty()) {
      return path.refuse("0 elements, at least " + std::to_string(member.rules.count.min));
    }
    if constexpr (model::is_shape<Element>) {
      for (std::size_t i = 0; i < value.items.size(); ++i) {
        auto element = check<Element>(value.items[i], path.element(i));
        if (!element) return element;
      }
    }
    return {};
  }

  template <class Shape>
  static Result<void> check_member(const json::Value& value,
                                   const model::Member<Shape, std::optional<Properties>>& member,
                                   const wire::Path& path) {
    const std::size_t length = detail::count_utf8(value.text).value_or(0);
    if (length <= member.rules.length.max) return {};
    return path.refuse(std::to_string(length) + " characters, at most " +
                       std::to_string(member.rules.length.max));
  }
};

/// A request of one operation from its body, by the service's model.
template <class Request, std::optional<Request> AnyRequest::*Member>
[[nodiscard]] Result<AnyRequest> read_request(const json::Value& body) {
  auto request = wire::read<Request>(body, wire::Required::ByModel);
  if (!request) return std::move(request).error();
  if (auto valid = wire::validate(*request); !valid) return std::move(valid).error();
  auto form = WireForm::check<Request>(body, wire::Path{});
  if (!form) return std::move(form).error();
  AnyRequest any;
  any.*Member = *std::move(request);
  return any;
}

/// An operation of the service.
struct Operation {
  std::string_view name;
  std::string_view path;
  Result<AnyRequest> (*read)(const json::Value& body);
};

template <class Request, std::optional<Request> AnyRequest::*Member>
[[nodiscard]] constexpr Operation operation_of() {
  return {model::Description<Request>::operation, model::Description<Request>::path,
          read_request<Request, Member>};
}

inline constexpr Operation kOperations[] = {
    operation_of<PutEventsRequest, &AnyRequest::put_events>(),
    operation_of<PutActionInteractionsRequest, &AnyRequest::put_action_interactions>(),
    operation_of<PutUsersRequest, &AnyRequest::put_users>(),
    operation_of<PutItemsRequest, &AnyRequest::put_items>(),
    operation_of<PutActionsRequest, &AnyRequest::put_actions>()};

/// The operation of a method and a target; null when there is none.
[[nodiscard]] inline const Operation* find_operation(std::string_view method,
                                                     std::string_view target) {
  const std::string_view path = target.substr(0, target.find('?'));
  for (const Operation& operation : kOperations) {
    if (method == "POST" && path == operation.path) return &operation;
  }
  return nullptr;
}

/// Whether a Content-Type says JSON; parameters do not matter.
[[nodiscard]] inline bool says_json(std::string_view content_type) {
  std::string_view type = content_type.substr(0, content_type.find(';'));
  while (!type.empty() && type.back() == ' ') type.remove_suffix(1);
  return equal_header_names(type, "application/json");
}

}  // namespace endpoint

/// The service behind a local endpoint. It routes by method and path, checks the signature and the
/// model as Amazon Personalize Events does, answers in its error format, and keeps what it took.
///
/// What is refused, in the order of the checks, with the code in the header `x-amzn-ErrorType` and
/// in the body's `__type`:
///
///   UnknownOperationException 404        no operation has this method and path
///   RequestEntityTooLargeException 413   a body of more than kMaxBody bytes
///   see check_signature 403              the signature, the key, the token, the time
///   UnsupportedMediaTypeException 415    a Content-Type that is not application/json
///   SerializationException 400           a body that is not JSON
///   InvalidInputException 400            a broken rule of the model; the message names the member
///                                        and the limit, never the content
///
/// Every answer has the headers `x-amzn-RequestId` and `Date`. Answers to requests that were taken
/// are 200 with an empty body. Unless `keep_records` is off, all requests are kept until the end.
///
/// @par Thread Safety
/// Every member may be called from any thread at the same time.
class EndpointService {
 public:
  /// The largest body that is read.
  static constexpr std::size_t kMaxBody = 1'048'576;

  explicit EndpointService(LocalEndpointOptions options)
      : options_(with_platform(std::move(options))) {}
  EndpointService(const EndpointService&) = delete;
  EndpointService& operator=(const EndpointService&) = delete;

  /// Answers a request as it arrived; `url` is its target. What is taken is kept, counted and told
  /// to `on_accepted` before this returns.
  [[nodiscard]] HttpResponse answer(const HttpRequest& request) {
    const std::chrono::system_clock::time_point now = options_.platform->now();
    Result<AcceptedRequest> accepted = judge(request, now);
    if (!accepted) return refuse(request, accepted.error(), now);
    accepted->request_id = new_request_id();
    if (options_.on_accepted) options_.on_accepted(*accepted);
    HttpResponse response = respond(200, {}, accepted->request_id, now);
    keep(seen(request, 200, accepted->request_id), &*accepted);
    return response;
  }

  /// Answers a request that could not be read whole with an error of a status from 400 on.
  [[nodiscard]] HttpResponse refuse(const HttpRequest& request, const Error& error) {
    return refuse(request, error, options_.platform->now());
  }

  /// The error of a body larger than kMaxBody.
  [[nodiscard]] static Error too_large() {
    return refusal(413, "RequestEntityTooLargeException",
                   "The body has more than " + std::to_string(kMaxBody) + " bytes.");
  }

  /// Waits until so many events were taken since the start; false when `timeout` is over first.
  [[nodiscard]] bool wait_for(std::size_t count, std::chrono::milliseconds timeout) const {
    std::unique_lock<std::mutex> lock{mutex_};
    return changed_.wait_for(lock, timeout, [&] { return summary_.events >= count; });
  }

  /// Copies of what was taken, in order of arrival.
  [[nodiscard]] std::vector<AcceptedEvent> events() const { return copy(events_); }
  [[nodiscard]] std::vector<AcceptedActionInteraction> action_interactions() const {
    return copy(action_interactions_);
  }
  [[nodiscard]] std::vector<AcceptedEntity<User>> users() const { return copy(users_); }
  [[nodiscard]] std::vector<AcceptedEntity<Item>> items() const { return copy(items_); }
  [[nodiscard]] std::vector<AcceptedEntity<Action>> actions() const { return copy(actions_); }

  /// Copies of all requests, taken and refused, in order of arrival.
  [[nodiscard]] std::vector<SeenRequest> requests() const { return copy(requests_); }

  /// The counts so far; right also when nothing is kept.
  [[nodiscard]] EndpointSummary summary() const {
    const std::lock_guard<std::mutex> lock{mutex_};
    return summary_;
  }

  [[nodiscard]] const LocalEndpointOptions& options() const noexcept { return options_; }

 private:
  static LocalEndpointOptions with_platform(LocalEndpointOptions options) {
    if (options.platform == nullptr) options.platform = system_platform();
    return options;
  }

  /// Takes a request or says why not. Errors: Service, as the class lists them; Signing.
  [[nodiscard]] Result<AcceptedRequest> judge(const HttpRequest& request,
                                              std::chrono::system_clock::time_point now) const {
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
    const std::string* content_type = find_header(request.headers, "content-type");
    if (content_type == nullptr || !endpoint::says_json(*content_type)) {
      return refusal(415, "UnsupportedMediaTypeException",
                     "The Content-Type must be application/json.");
    }
    auto body = json::parse(request.body);
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

  [[nodiscard]] HttpResponse refuse(const HttpRequest& request, const Error& error,
                                    std::chrono::system_clock::time_point now) {
    // Only what the service itself says has a code; anything else is a failure of the endpoint's.
    const int status = error.kind == ErrorKind::Service ? error.http_status : 500;
    const std::string code = error.kind == ErrorKind::Service ? error.code : "InternalFailure";
    const std::string request_id = new_request_id();
    HttpResponse response = respond(status, error_body(code, error.message), request_id, now);
    response.headers.emplace_back("x-amzn-ErrorType", code);
    SeenRequest refused = seen(request, status, request_id);
    refused.error_code = code;
    refused.error_message = error.message;
    keep(std::move(refused), nullptr);
    return response;
  }

  [[nodiscard]] static std::string error_body(const std::string& code, const std::string& message) {
    std::string body;
    json::Writer writer(body);
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

  [[nodiscard]] static SeenRequest seen(const HttpRequest& request, int status,
                                        std::string request_id) {
    SeenRequest seen{request.method, request.url, request.headers, request.body, status};
    seen.request_id = std::move(request_id);
    return seen;
  }

  /// Counts a request and keeps it; `accepted` is null for one that was refused.
  void keep(SeenRequest request, const AcceptedRequest* accepted) {
    {
      const std::lock_guard<std::mutex> lock{mutex_};
      ++summary_.requests;
      if (options_.keep_records) requests_.push_back(std::move(request));
      if (accepted == nullptr) {
        ++summary_.refused_requests;
      } else {
        accepted->request.visit([this](const auto& taken) { keep_content(taken); });
      }
    }
    changed_.notify_all();
  }

  void keep_content(const PutEventsRequest& request) {
    summary_.events += request.event_list.size();
    if (!options_.keep_records) return;
    for (const Event& event : request.event_list) {
      events_.push_back({request.tracking_id, request.session_id, request.user_id, event});
    }
  }
  void keep_content(const PutActionInteractionsRequest& request) {
    summary_.action_interactions += request.action_interactions.size();
    if (!options_.keep_records) return;
    for (const ActionInteraction& interaction : request.action_interactions) {
      action_interactions_.push_back({request.tracking_id, interaction});
    }
  }
  void keep_content(const PutUsersRequest& request) {
    keep_entities(request.dataset_arn, request.users, summary_.users, users_);
  }
  void keep_content(const PutItemsRequest& request) {
    keep_entities(request.dataset_arn, request.items, summary_.items, items_);
  }
  void keep_content(const PutActionsRequest& request) {
    keep_entities(request.dataset_arn, request.actions, summary_.actions, actions_);
  }
  template <class Entity>
  void keep_entities(const std::string& dataset_arn, const std::vector<Entity>& entities,
                     std::uint64_t& count, std::vector<AcceptedEntity<Entity>>& kept) {
    count += entities.size();
    if (!options_.keep_records) return;
    for (const Entity& entity : entities) kept.push_back({dataset_arn, entity});
  }

  template <class Record>
  [[nodiscard]] std::vector<Record> copy(const std::vector<Record>& records) const {
    const std::lock_guard<std::mutex> lock{mutex_};
    return records;
  }

  const LocalEndpointOptions options_;
  mutable std::mutex mutex_{};
  mutable std::condition_variable changed_{};
  EndpointSummary summary_{};
  std::vector<SeenRequest> requests_{};
  std::vector<AcceptedEvent> events_{};
  std::vector<AcceptedActionInteraction> action_interactions_{};
  std::vector<AcceptedEntity<User>> users_{};
  std::vector<AcceptedEntity<Item>> items_{};
  std::vector<AcceptedEntity<Action>> actions_{};
};

}  // namespace testing
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
