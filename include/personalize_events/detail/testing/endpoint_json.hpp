// SPDX-License-Identifier: Apache-2.0
//
// What the local endpoint tells of itself as JSON: its counts, an event it took, a request it
// refused. endpoint_control.hpp answers with it, a program may log with it.
#ifndef PERSONALIZE_EVENTS_DETAIL_TESTING_ENDPOINT_JSON_HPP
#define PERSONALIZE_EVENTS_DETAIL_TESTING_ENDPOINT_JSON_HPP

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "personalize_events/detail/json/writer.hpp"
#include "personalize_events/detail/testing/endpoint_records.hpp"
#include "personalize_events/detail/wire/response.hpp"
#include "personalize_events/detail/wire/write.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace testing {

/// A shape that was taken, as it was sent: what it did not have is not filled in.
template <class Shape>
[[nodiscard]] std::string to_json_as_sent(const Shape& shape) {
  // What was taken has been validated, so it can be written.
  return detail::wire::write(shape, detail::wire::NoDefaults{}).value_or("{}");
}

/// The counts under the names of EndpointSummary's members, in camelCase as the API writes names.
[[nodiscard]] inline std::string to_json(const EndpointSummary& summary) {
  const std::pair<std::string_view, std::uint64_t> counts[] = {
      {"requests", summary.requests},
      {"refusedRequests", summary.refused_requests},
      {"events", summary.events},
      {"duplicateEvents", summary.duplicate_events},
      {"actionInteractions", summary.action_interactions},
      {"users", summary.users},
      {"items", summary.items},
      {"actions", summary.actions},
      {"faults", summary.faults}};
  std::string text;
  detail::json::Writer writer(text);
  writer.begin_object();
  for (const auto& [name, count] : counts) {
    writer.key(name);
    writer.number(count);
  }
  writer.end_object();
  return text;
}

/// An event in the API's own member names: trackingId, userId, sessionId, `duplicate` when it is
/// one, then what Event has.
[[nodiscard]] inline std::string to_json(const AcceptedEvent& accepted) {
  std::string text;
  detail::json::Writer writer(text);
  const auto add = [&writer](std::string_view name, const std::string& value) {
    writer.key(name);
    writer.string(value);
  };
  writer.begin_object();
  add("trackingId", accepted.tracking_id);
  if (accepted.user_id) add("userId", *accepted.user_id);
  add("sessionId", accepted.session_id);
  if (accepted.is_duplicate) {
    writer.key("duplicate");
    writer.boolean(true);
  }
  writer.end_object();
  text.back() = ',';
  return text.append(to_json_as_sent(accepted.event), 1, std::string::npos);
}

/// A refused request: its id, what it asked for, and why it was refused. Never its content.
[[nodiscard]] inline std::string to_json(const SeenRequest& request) {
  std::string text;
  detail::json::Writer writer(text);
  const auto add = [&writer](std::string_view name, const std::string& value) {
    writer.key(name);
    writer.string(value);
  };
  writer.begin_object();
  add("requestId", request.request_id);
  add("method", request.method);
  add("target", detail::wire::printable_line(request.target));
  writer.key("status");
  writer.number(std::int64_t{request.status});
  add("code", request.error_code);
  add("message", request.error_message);
  writer.end_object();
  return text;
}

}  // namespace testing

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
