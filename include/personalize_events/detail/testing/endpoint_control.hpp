// SPDX-License-Identifier: Apache-2.0
//
// EndpointControl: the local endpoint's own requests, under `/_local/`: a test in any language asks
// what arrived, waits for more, and sets faults. Unsigned, never counted, and no part of the
// service. endpoint_service.hpp passes them here.
#ifndef PERSONALIZE_EVENTS_DETAIL_TESTING_ENDPOINT_CONTROL_HPP
#define PERSONALIZE_EVENTS_DETAIL_TESTING_ENDPOINT_CONTROL_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "personalize_events/detail/base/number.hpp"
#include "personalize_events/detail/base/uri.hpp"
#include "personalize_events/detail/base/utf8.hpp"
#include "personalize_events/detail/json/reader.hpp"
#include "personalize_events/detail/json/value.hpp"
#include "personalize_events/detail/json/writer.hpp"
#include "personalize_events/detail/testing/endpoint_fault_reader.hpp"
#include "personalize_events/detail/testing/endpoint_faults.hpp"
#include "personalize_events/detail/testing/endpoint_json.hpp"
#include "personalize_events/detail/testing/endpoint_plan.hpp"
#include "personalize_events/detail/testing/endpoint_records.hpp"
#include "personalize_events/detail/testing/signature_check.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace testing {

/// Names and values, decoded, in their order.
using Parameters = std::vector<std::pair<std::string, std::string>>;

namespace endpoint {

/// The parameters of a target's query.
[[nodiscard]] inline Parameters query_parameters(std::string_view target) {
  Parameters parameters;
  const std::size_t question = target.find('?');
  if (question == std::string_view::npos) return parameters;
  for (const std::string_view part : split(target.substr(question + 1), '&')) {
    if (part.empty()) continue;
    const std::size_t equals = part.find('=');
    const auto value = equals == std::string_view::npos ? "" : part.substr(equals + 1);
    parameters.emplace_back(detail::percent_decode(part.substr(0, equals)),
                            detail::percent_decode(value));
  }
  return parameters;
}

/// A parameter as a whole number from 0 on.
[[nodiscard]] inline Result<std::uint64_t> whole_number(std::string_view name,
                                                        std::string_view value) {
  const std::optional<std::int64_t> number = detail::parse_integer(value);
  if (number && *number >= 0) return static_cast<std::uint64_t>(*number);
  return detail::make_error(ErrorKind::InvalidArgument, std::string(name),
                            "expected a whole number, 0 or more");
}

/// The events that a question is about.
struct EventFilter {
  Parameters wanted{};
  std::optional<std::uint64_t> limit{};

  /// Errors: InvalidArgument with the parameter that is unknown or no number.
  [[nodiscard]] static Result<EventFilter> from(const Parameters& parameters) {
    EventFilter filter;
    for (const auto& [name, value] : parameters) {
      if (name == "limit") {
        const auto limit = whole_number(name, value);
        if (!limit) return limit.error();
        filter.limit = *limit;
      } else if (value_of(AcceptedEvent{}, name)) {
        filter.wanted.emplace_back(name, value);
      } else {
        return detail::make_error(ErrorKind::InvalidArgument, name,
                                  "unknown; there are user_id, session_id, event_type, item_id, "
                                  "tracking_id and limit");
      }
    }
    return filter;
  }

  [[nodiscard]] bool wants(const AcceptedEvent& accepted) const {
    for (const auto& [name, value] : wanted) {
      if (value_of(accepted, name) != value) return false;
    }
    return true;
  }

 private:
  /// What an event has under a parameter's name, "" when that is absent; nothing for other names.
  [[nodiscard]] static std::optional<std::string> value_of(const AcceptedEvent& accepted,
                                                           std::string_view name) {
    if (name == "userId") return accepted.user_id.value_or("");
    if (name == "sessionId") return accepted.session_id;
    if (name == "eventType") return accepted.event.event_type;
    if (name == "itemId") return accepted.event.item_id.value_or("");
    if (name == "trackingId") return accepted.tracking_id;
    return std::nullopt;
  }
};

}  // namespace endpoint

/// Answers what is asked under `/_local/`:
///
///   GET    summary    the counts, as EndpointSummary has them
///   GET    events     JSON lines in the API's member names; only those with the `userId`,
///                     `sessionId`, `eventType`, `itemId` and `trackingId` of the query (an
///                     empty one: without), and with `limit` the latest so many
///   GET    rejected   JSON lines: requestId, method, target, status, code, message
///   POST   wait       the summary, once `events` were taken, at the latest after `timeoutMs`
///                     (default 10 000, at most 600 000); both in the query or in a JSON object
///   POST   reset      forgets what was kept and counted; the fault rules stay
///   POST   faults     adds the rules of fault_rules_from_json, and tells how many there are
///   DELETE faults     takes all rules away
///
/// Another path is answered with 404, another method with 405, and what cannot be understood with
/// 400; the body's `message` says what is wrong.
///
/// @par Thread Safety
/// Any thread.
class EndpointControl {
 public:
  /// Answers from `records` and changes `faults`; both outlive it.
  EndpointControl(EndpointRecords& records, FaultRules& faults)
      : records_(records), faults_(faults) {}

  /// Whether a target is one of these.
  [[nodiscard]] static bool owns(std::string_view target) {
    return target.substr(0, kPrefix.size()) == kPrefix;
  }

  /// What to answer. A wait that is not over is told in the plan; ask again when it is.
  [[nodiscard]] EndpointPlan plan(const HttpRequest& request) {
    std::string_view name = request.url;
    name = name.substr(0, name.find('?')).substr(kPrefix.size());
    for (const Command& command : kCommands) {
      if (command.name == name && command.method == request.method) {
        Result<EndpointPlan> plan = (this->*command.run)(request);
        return plan ? *std::move(plan) : refuse(400, plan.error());
      }
    }
    for (const Command& command : kCommands) {
      if (command.name == name) return refuse(405, "this needs another method");
    }
    return refuse(404, "there are summary, events, rejected, wait, reset and faults");
  }

 private:
  static constexpr std::string_view kPrefix = "/_local/";
  static constexpr std::uint64_t kWait = 10'000;
  static constexpr std::uint64_t kLongestWait = 600'000;

  struct Command {
    std::string_view method;
    std::string_view name;
    Result<EndpointPlan> (EndpointControl::*run)(const HttpRequest& request);
  };
  static const Command kCommands[7];

  Result<EndpointPlan> summary(const HttpRequest&) {
    return answer(200, "application/json", to_json(records_.summary()) + "\n");
  }

  Result<EndpointPlan> events(const HttpRequest& request) {
    const auto filter = endpoint::EventFilter::from(endpoint::query_parameters(request.url));
    if (!filter) return filter.error();
    std::vector<std::string> lines;
    for (const AcceptedEvent& accepted : records_.events()) {
      if (filter->wants(accepted)) lines.push_back(to_json(accepted));
    }
    return answer_lines(lines, filter->limit);
  }

  Result<EndpointPlan> rejected(const HttpRequest& request) {
    std::optional<std::uint64_t> limit;
    for (const auto& [name, value] : endpoint::query_parameters(request.url)) {
      const auto number = name == "limit" ? endpoint::whole_number(name, value) : unknown(name);
      if (!number) return number.error();
      limit = *number;
    }
    std::vector<std::string> lines;
    for (const SeenRequest& seen : records_.requests()) {
      if (seen.status != 200) lines.push_back(to_json(seen));
    }
    return answer_lines(lines, limit);
  }

  Result<EndpointPlan> wait(const HttpRequest& request) {
    const auto parameters = wait_parameters(request);
    if (!parameters) return parameters.error();
    std::optional<std::uint64_t> events;
    std::uint64_t timeout = kWait;
    for (const auto& [name, value] : *parameters) {
      const bool is_known = name == "events" || name == "timeoutMs";
      const auto number = is_known ? endpoint::whole_number(name, value) : unknown(name);
      if (!number) return number.error();
      if (name == "events") {
        events = *number;
      } else {
        timeout = *number;
      }
    }
    const auto refuse_member = [](const char* name, std::string message) {
      return detail::make_error(ErrorKind::InvalidArgument, name, std::move(message));
    };
    if (!events) return refuse_member("events", "missing; say how many to wait for");
    if (timeout > kLongestWait) {
      return refuse_member("timeoutMs", "at most " + std::to_string(kLongestWait));
    }
    EndpointPlan plan = answer(200, "application/json", to_json(records_.summary()) + "\n");
    if (records_.summary().events < *events && timeout > 0) {
      plan.wait = EventWait{*events, std::chrono::milliseconds{timeout}};
    }
    return plan;
  }

  /// From the query and, when there is one, the body.
  [[nodiscard]] static Result<Parameters> wait_parameters(const HttpRequest& request) {
    Parameters parameters = endpoint::query_parameters(request.url);
    if (request.body.empty()) return parameters;
    const auto body = detail::json::parse(request.body);
    if (!body) return body.error();
    if (!body->is(detail::json::Value::Type::Object)) {
      return detail::make_error(ErrorKind::InvalidArgument, "body", "expected a JSON object");
    }
    for (const auto& [name, value] : body->members) parameters.emplace_back(name, value.text);
    return parameters;
  }

  Result<EndpointPlan> reset(const HttpRequest& request) {
    records_.reset();
    return summary(request);
  }

  Result<EndpointPlan> add_faults(const HttpRequest& request) {
    auto rules = fault_rules_from_json(request.body);
    if (!rules) return std::move(rules).error();
    if (faults_.size() + rules->size() > FaultRules::kMost) {
      return detail::make_error(ErrorKind::InvalidArgument, "faults",
                                "more than " + std::to_string(FaultRules::kMost) +
                                    " rules; remove them by DELETE /_local/faults");
    }
    for (FaultRule& rule : *rules) faults_.add(std::move(rule));
    return answer_rules();
  }

  Result<EndpointPlan> clear_faults(const HttpRequest&) {
    faults_.clear();
    return answer_rules();
  }

  [[nodiscard]] static Result<std::uint64_t> unknown(const std::string& name) {
    return detail::make_error(ErrorKind::InvalidArgument, name, "unknown parameter");
  }

  [[nodiscard]] static EndpointPlan answer(int status, const char* content_type, std::string body) {
    EndpointPlan plan;
    plan.response.status = status;
    plan.response.headers = {{"Content-Type", content_type}};
    plan.response.body = std::move(body);
    return plan;
  }

  [[nodiscard]] static EndpointPlan answer_lines(const std::vector<std::string>& lines,
                                                 std::optional<std::uint64_t> limit) {
    const bool is_limited = limit && *limit < lines.size();
    const std::size_t first = is_limited ? lines.size() - static_cast<std::size_t>(*limit) : 0;
    std::string body;
    for (std::size_t i = first; i < lines.size(); ++i) body.append(lines[i]).append("\n");
    return answer(200, "application/x-ndjson", std::move(body));
  }

  [[nodiscard]] EndpointPlan answer_rules() const {
    return answer(200, "application/json", "{\"rules\":" + std::to_string(faults_.size()) + "}\n");
  }

  [[nodiscard]] static EndpointPlan refuse(int status, const Error& error) {
    return refuse(status, error.where.empty() ? error.message : error.where + ": " + error.message);
  }
  [[nodiscard]] static EndpointPlan refuse(int status, const std::string& message) {
    std::string body;
    detail::json::Writer writer(body);
    writer.begin_object();
    writer.key("message");
    writer.string(detail::is_utf8(message) ? message : "a parameter is not UTF-8");
    writer.end_object();
    return answer(status, "application/json", body + "\n");
  }

  EndpointRecords& records_;
  FaultRules& faults_;
};

inline constexpr EndpointControl::Command EndpointControl::kCommands[] = {
    {"GET", "summary", &EndpointControl::summary},
    {"GET", "events", &EndpointControl::events},
    {"GET", "rejected", &EndpointControl::rejected},
    {"POST", "wait", &EndpointControl::wait},
    {"POST", "reset", &EndpointControl::reset},
    {"POST", "faults", &EndpointControl::add_faults},
    {"DELETE", "faults", &EndpointControl::clear_faults}};

}  // namespace testing

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
