// SPDX-License-Identifier: Apache-2.0
//
// JSON Lines: what one line means, in the API's own member names. It is an event with userId and
// sessionId beside its members, or a whole PutEvents request. A request is taken apart into lines
// of one event each, and from there on they are the same.
#ifndef TOOLS_SEND_JSON_LINES_HPP
#define TOOLS_SEND_JSON_LINES_HPP

#include <personalize_events/detail/json/reader.hpp>
#include <personalize_events/detail/json/writer.hpp>
#include <personalize_events/detail/wire/read.hpp>
#include <personalize_events/personalize_events.hpp>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "numbers.hpp"
#include "personalize_events/detail/wire/descriptions.hpp"
#include "rejects.hpp"
#include "rows.hpp"

namespace tools::send {

namespace pe = personalize_events;

/// "properties: not a JSON object"
[[nodiscard]] inline std::string problem_text(const pe::Error& error) {
  return error.where.empty() ? error.message : error.where + ": " + error.message;
}

/// Whether the model gives a shape this member.
template <class Shape>
[[nodiscard]] bool has_member(std::string_view name) {
  return !pe::detail::model::for_each_member<Shape>(
      [name](const auto& member) { return member.wire_name != name; });
}

/// The first member of an object that is not known or stands there twice, as a problem.
template <class IsKnown>
[[nodiscard]] std::string find_odd_member(const pe::detail::json::Value& object,
                                          IsKnown&& is_known) {
  constexpr std::size_t longest_name = 64;  // of what is told; no name of the API is longer
  for (auto member = object.members.begin(); member != object.members.end(); ++member) {
    const std::string& name = member->first;
    if (!is_known(name)) return "unknown member " + json_string(name.substr(0, longest_name));
    const bool is_repeated = std::any_of(
        object.members.begin(), member, [&name](const auto& other) { return other.first == name; });
    if (is_repeated) return name + ": given twice";
  }
  return {};
}

/// Whose an event is: the members of a PutEvents request that stand beside one.
[[nodiscard]] inline bool is_beside_event(std::string_view name) {
  return name != "eventList" && has_member<pe::PutEventsRequest>(name);
}

/// Reads trackingId, userId or sessionId; absent and null leave `out` empty.
[[nodiscard]] inline std::string read_id(const pe::detail::json::Value& object,
                                         std::string_view name, std::string& out) {
  const pe::detail::json::Value* value = object.find(name);
  if (value == nullptr || value->is(pe::detail::json::Value::Type::Null)) return {};
  if (!value->is(pe::detail::json::Value::Type::String))
    return std::string(name) + ": expected a string";
  if (value->text.empty()) return std::string(name) + ": 0 characters, at least 1";
  out = value->text;
  return {};
}

/// Takes `properties` out of an event if it is an object; the model has a string there.
[[nodiscard]] inline pe::Result<void> take_properties(pe::detail::json::Value& event,
                                                      std::optional<pe::Properties>& out) {
  const auto member =
      std::find_if(event.members.begin(), event.members.end(), [](const auto& entry) {
        return entry.first == "properties" &&
               entry.second.is(pe::detail::json::Value::Type::Object);
      });
  if (member == event.members.end()) return {};
  const pe::detail::wire::Path root;
  auto properties =
      pe::detail::wire::properties_from_value(member->second, root.member("properties"));
  if (!properties) return std::move(properties).error();
  out = *std::move(properties);
  event.members.erase(member);
  return {};
}

/// One event with whose it is beside its members, as a row without its origin. `tracking_id` is
/// what the user says; empty: the line must say it.
[[nodiscard]] inline RowOrProblem row_of_event(pe::detail::json::Value event,
                                               const std::string& tracking_id) {
  RowOrProblem made;
  Row& row = made.row;
  const auto refuse = [&made](std::string problem) {
    made.problem = std::move(problem);
    return made;
  };
  if (!event.is(pe::detail::json::Value::Type::Object)) return refuse("expected an object");
  std::string problem = find_odd_member(event, [](std::string_view name) {
    return is_beside_event(name) || has_member<pe::Event>(name);
  });
  if (const auto* source = event.find("metricAttribution"); problem.empty() && source != nullptr) {
    problem = find_odd_member(*source, has_member<pe::MetricAttribution>);
    if (!problem.empty()) problem = "metricAttribution: " + problem;
  }
  if (problem.empty()) problem = read_id(event, "trackingId", row.tracking_id);
  if (problem.empty()) problem = read_id(event, "userId", row.user_id);
  if (problem.empty()) problem = read_id(event, "sessionId", row.session_id);
  if (!problem.empty()) return refuse(std::move(problem));
  if (row.tracking_id.empty() && tracking_id.empty()) {
    return refuse("trackingId: missing; name it here, or by --tracking-id");
  }
  if (!row.tracking_id.empty() && !tracking_id.empty() && row.tracking_id != tracking_id) {
    return refuse("trackingId: not the one of --tracking-id");
  }
  if (pe::detail::count_utf8(row.tracking_id).value_or(0) > 256) {
    return refuse("trackingId: more than 256 characters");
  }

  std::optional<pe::Properties> properties;
  if (auto taken = take_properties(event, properties); !taken) {
    return refuse(problem_text(taken.error()));
  }
  auto read = pe::detail::wire::read<pe::Event>(event, pe::detail::wire::Required::UnlessFilledIn);
  if (!read) return refuse(problem_text(read.error()));
  row.event = *std::move(read);
  if (properties) row.event.properties = std::move(properties);
  if (row.event.sent_at && row.event.sent_at->time_since_epoch().count() < 0) {
    return refuse("sentAt: not a number of seconds since 1970");
  }
  if (row.event.event_value && !fits_float(*row.event.event_value)) {
    return refuse("eventValue: beyond the range of a float");
  }
  if (!row.session_id.empty()) return made;
  if (row.user_id.empty()) {
    return refuse("sessionId: missing, and there is no userId to tell sessions by");
  }
  if (!row.event.sent_at) {
    return refuse("sessionId: missing, and there is no sentAt to tell sessions by");
  }
  return made;
}

/// A PutEvents request as lines of one event each, or a problem.
struct SplitRequest {
  std::vector<pe::detail::json::Value> events{};
  std::string problem{};
};

[[nodiscard]] inline SplitRequest split_request(pe::detail::json::Value request) {
  SplitRequest split;
  split.problem = find_odd_member(request, has_member<pe::PutEventsRequest>);
  if (!split.problem.empty()) return split;
  pe::detail::json::Value beside;
  beside.type = pe::detail::json::Value::Type::Object;
  pe::detail::json::Value list;
  for (auto& [name, value] : request.members) {
    if (name == "eventList") {
      list = std::move(value);
    } else {
      beside.members.emplace_back(name, std::move(value));
    }
  }
  if (!list.is(pe::detail::json::Value::Type::Array)) {
    split.problem = "eventList: expected an array";
  } else if (list.items.empty()) {
    split.problem = "eventList: 0 elements, at least 1";
  }
  for (pe::detail::json::Value& event : list.items) {
    const auto is_beside = [](const auto& member) { return is_beside_event(member.first); };
    if (!event.is(pe::detail::json::Value::Type::Object)) {
      split.problem = "eventList: expected objects";
    } else if (std::any_of(event.members.begin(), event.members.end(), is_beside)) {
      split.problem = "eventList: trackingId, userId and sessionId stand beside the list";
    }
    if (!split.problem.empty()) return split;
    pe::detail::json::Value line = beside;
    line.members.insert(line.members.end(), std::make_move_iterator(event.members.begin()),
                        std::make_move_iterator(event.members.end()));
    split.events.push_back(std::move(line));
  }
  return split;
}

/// The compact text of a JSON tree that was parsed.
[[nodiscard]] inline std::string json_text(const pe::detail::json::Value& value) {
  std::string text;
  pe::detail::json::Writer writer(text);
  pe::detail::wire::write_json(writer, value);
  return text;
}

}  // namespace tools::send

#endif
