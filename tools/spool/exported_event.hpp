// SPDX-License-Identifier: Apache-2.0
//
// An event of a spool as a line of JSON, as "spool export" prints it. Pure functions.
#ifndef TOOLS_SPOOL_EXPORTED_EVENT_HPP
#define TOOLS_SPOOL_EXPORTED_EVENT_HPP

#include <personalize_events/detail/json/writer.hpp>
#include <personalize_events/personalize_events.hpp>

#include <cstdint>
#include <string>
#include <string_view>

#include "../printable.hpp"
#include "folders.hpp"

namespace tools::spool {

/// A moment as RFC 3339 writes it, in UTC and to the millisecond: "2015-08-30T12:36:00.250Z".
[[nodiscard]] inline std::string time_text(std::int64_t milliseconds) {
  const std::int64_t rest = ((milliseconds % 1000) + 1000) % 1000;
  const std::int64_t seconds = milliseconds / 1000 - (milliseconds % 1000 < 0 ? 1 : 0);
  std::string text = pe::detail::format_rfc3339(pe::detail::time_from_seconds(seconds));
  text.back() = '.';
  pe::detail::append_padded(text, rest, 3);
  return text.append("Z");
}

/// One line; empty if it would not be UTF-8. An anonymous event has no "userId". "recordedAt" is
/// the time of the writer's wall clock.
[[nodiscard]] inline std::string exported_event(const pe::detail::spool::Entry& entry) {
  std::string line;
  for (const std::string_view part :
       {entry.tracking_id, entry.session_id, entry.user_id, entry.event}) {
    if (!pe::detail::is_utf8(part)) return line;
  }
  pe::detail::json::Writer writer(line);
  const auto text = [&writer](std::string_view key, std::string_view value) {
    writer.key(key);
    writer.string(value);
  };
  writer.begin_object();
  text("trackingId", entry.tracking_id);
  text("sessionId", entry.session_id);
  if (!entry.user_id.empty()) text("userId", entry.user_id);
  text("recordedAt", time_text(entry.wall_ms));
  writer.key("event");
  writer.raw(entry.event);
  writer.end_object();
  return json_for_terminal(line).append("\n");
}

}  // namespace tools::spool

#endif
