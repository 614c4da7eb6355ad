// SPDX-License-Identifier: Apache-2.0
//
// Fault rules from text: the JSON of `POST /_local/faults` (endpoint_control.hpp), and the short
// form of a command line (personalize-events endpoint). Both have the same members.
#ifndef PERSONALIZE_EVENTS_DETAIL_TESTING_ENDPOINT_FAULT_READER_HPP
#define PERSONALIZE_EVENTS_DETAIL_TESTING_ENDPOINT_FAULT_READER_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "personalize_events/detail/base/number.hpp"
#include "personalize_events/detail/json/reader.hpp"
#include "personalize_events/detail/json/value.hpp"
#include "personalize_events/detail/testing/endpoint_faults.hpp"
#include "personalize_events/detail/testing/endpoint_plan.hpp"
#include "personalize_events/detail/testing/endpoint_request.hpp"
#include "personalize_events/detail/testing/signature_check.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace testing {

namespace endpoint {

/// A member of a rule that is a whole number.
struct NumberMember {
  std::string_view name;
  std::int64_t least;
  std::int64_t most;
  void (*set)(FaultRule& rule, std::int64_t number);
};

inline constexpr std::int64_t kDayInMilliseconds = 86'400'000;
inline constexpr std::int64_t kCenturyInSeconds = 3'155'760'000;

inline constexpr NumberMember kNumberMembers[] = {
    {"every", 1, (std::numeric_limits<std::int64_t>::max)(),
     [](FaultRule& rule, std::int64_t n) { rule.every = static_cast<std::uint64_t>(n); }},
    {"times", 1, (std::numeric_limits<std::int64_t>::max)(),
     [](FaultRule& rule, std::int64_t n) { rule.times = static_cast<std::uint64_t>(n); }},
    {"status", 200, 599,
     [](FaultRule& rule, std::int64_t n) { rule.status = static_cast<int>(n); }},
    {"retryAfterMs", 0, kDayInMilliseconds,
     [](FaultRule& rule, std::int64_t n) { rule.retry_after = std::chrono::milliseconds{n}; }},
    {"delayMs", 0, kDayInMilliseconds,
     [](FaultRule& rule, std::int64_t n) { rule.delay = std::chrono::milliseconds{n}; }},
    {"dripMs", 0, kDayInMilliseconds,
     [](FaultRule& rule, std::int64_t n) { rule.drip_interval = std::chrono::milliseconds{n}; }},
    {"dateOffsetSeconds", -kCenturyInSeconds, kCenturyInSeconds,
     [](FaultRule& rule, std::int64_t n) { rule.date_offset = std::chrono::seconds{n}; }},
};

inline constexpr std::pair<std::string_view, Responder> kResponders[] = {
    {"service", Responder::Service},
    {"intermediary", Responder::Intermediary},
};

inline constexpr std::pair<std::string_view, Sending> kSendings[] = {
    {"whole", Sending::Whole},
    {"reset_before", Sending::ResetBefore},
    {"reset_after", Sending::ResetAfter},
    {"cut_head", Sending::CutInHead},
    {"cut_body", Sending::CutInBody},
    {"drip", Sending::Dripped},
    {"endless", Sending::Endless},
};

/// Sets a member to the value with this name. Errors: InvalidArgument, the message lists the names.
template <class Value, std::size_t Count>
[[nodiscard]] Result<void> set_named(Value& member, std::string_view member_name,
                                     const std::pair<std::string_view, Value> (&values)[Count],
                                     std::string_view name) {
  std::string known;
  for (const auto& [text, value] : values) {
    if (text == name) {
      member = value;
      return {};
    }
    known.append(known.empty() ? "" : ", ").append(text);
  }
  return detail::make_error(ErrorKind::InvalidArgument, std::string(member_name),
                            "expected one of " + known);
}

/// Sets one member of a rule. Errors: InvalidArgument; `where` is the member.
[[nodiscard]] inline Result<void> set_fault_member(FaultRule& rule, std::string_view name,
                                                   const std::string& value) {
  const auto refuse = [name](std::string message) {
    return detail::make_error(ErrorKind::InvalidArgument, std::string(name), std::move(message));
  };
  for (const NumberMember& member : kNumberMembers) {
    if (member.name != name) continue;
    const std::optional<std::int64_t> number = detail::parse_integer(value);
    if (!number || *number < member.least || *number > member.most) {
      return refuse("expected a whole number from " + std::to_string(member.least) + " to " +
                    std::to_string(member.most));
    }
    member.set(rule, *number);
    return {};
  }
  if (name == "probability") {
    const std::optional<double> number = detail::parse_double(value);
    if (!number || *number < 0 || *number > 1) return refuse("expected a number from 0 to 1");
    rule.probability = *number;
    return {};
  }
  if (name == "operation") {
    rule.operation = value == "any" ? std::string{} : value;
    if (rule.operation.empty()) return {};
    for (const Operation& operation : kOperations) {
      if (operation.name == value) return {};
    }
    return refuse("expected any, or an operation such as PutEvents");
  }
  if (name == "body_contains") {
    rule.body_contains = value;
    return {};
  }
  if (name == "code") {
    if (!is_http_token(value)) return refuse("expected an error code such as ServiceUnavailable");
    rule.code = value;
    return {};
  }
  if (name == "from") return set_named(rule.responder, name, kResponders, value);
  if (name == "send") return set_named(rule.sending, name, kSendings, value);
  return refuse(
      "no member of a fault rule; there are operation, body_contains, every, probability, times, "
      "status, code, from, retryAfterMs, delayMs, send, dripMs and dateOffsetSeconds");
}

/// A rule whose members were all set, if they go together.
[[nodiscard]] inline Result<FaultRule> whole_fault_rule(FaultRule rule) {
  if (rule.responder == Responder::Intermediary) {
    if (rule.code.empty()) return rule;
    return detail::make_error(ErrorKind::InvalidArgument, "code",
                              "an intermediary sends no error code; remove it");
  }
  if (rule.status != 0 && rule.status < 400) {
    return detail::make_error(ErrorKind::InvalidArgument, "status",
                              "expected a whole number from 400 to 599; less needs "
                              "from=intermediary");
  }
  if (!rule.code.empty() && rule.status == 0) {
    return detail::make_error(ErrorKind::InvalidArgument, "code",
                              "an error code needs a status from 400 to 599; add one");
  }
  return rule;
}

[[nodiscard]] inline Result<FaultRule> fault_rule_from_value(const detail::json::Value& value) {
  if (!value.is(detail::json::Value::Type::Object)) {
    return detail::make_error(ErrorKind::InvalidArgument, {}, "expected a rule, a JSON object");
  }
  FaultRule rule;
  for (const auto& [name, member] : value.members) {
    if (!member.is(detail::json::Value::Type::String) &&
        !member.is(detail::json::Value::Type::Number)) {
      return detail::make_error(ErrorKind::InvalidArgument, name, "expected a string or a number");
    }
    if (auto set = set_fault_member(rule, name, member.text); !set) return std::move(set).error();
  }
  return whole_fault_rule(std::move(rule));
}

}  // namespace endpoint

/// A rule from its short form, `[OPERATION:]MEMBER=VALUE[,MEMBER=VALUE]...`, for example
/// "PutEvents:status=503,code=ServiceUnavailable,times=3". The members are those of FaultRule:
/// operation, body_contains, every, probability, times, status, code, from (service,
/// intermediary), retryAfterMs, delayMs, send (whole, reset_before, reset_after, cut_head,
/// cut_body, drip, endless), dripMs and dateOffsetSeconds.
///
/// @par Error Handling
/// InvalidArgument; `where` is the member that is unknown or out of its range.
[[nodiscard]] inline Result<FaultRule> fault_rule_from_text(std::string_view text) {
  FaultRule rule;
  const std::size_t colon = text.find(':');
  if (colon < text.find('=')) {
    auto set = endpoint::set_fault_member(rule, "operation", std::string(text.substr(0, colon)));
    if (!set) return std::move(set).error();
    text.remove_prefix(colon + 1);
  }
  for (const std::string_view part : split(text, ',')) {
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) {
      return detail::make_error(ErrorKind::InvalidArgument, std::string(part),
                                "expected [OPERATION:]MEMBER=VALUE[,MEMBER=VALUE]...");
    }
    auto set = endpoint::set_fault_member(rule, part.substr(0, equals),
                                          std::string(part.substr(equals + 1)));
    if (!set) return std::move(set).error();
  }
  return endpoint::whole_fault_rule(std::move(rule));
}

/// Rules from JSON: one object, or an array of them, with the same members.
///
/// @par Error Handling
/// InvalidArgument, also for a text that is not JSON; `where` as above.
[[nodiscard]] inline Result<std::vector<FaultRule>> fault_rules_from_json(std::string_view text) {
  auto value = detail::json::parse(text);
  if (!value) return std::move(value).error();
  std::vector<detail::json::Value> values;
  if (value->is(detail::json::Value::Type::Array)) {
    values = std::move(value->items);
  } else {
    values.push_back(*std::move(value));
  }
  std::vector<FaultRule> rules;
  for (const detail::json::Value& each : values) {
    auto rule = endpoint::fault_rule_from_value(each);
    if (!rule) return std::move(rule).error();
    rules.push_back(*std::move(rule));
  }
  return rules;
}

}  // namespace testing

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
