// SPDX-License-Identifier: Apache-2.0
//
// The summary at the end of a run, for people and for programs.
#ifndef TOOLS_SEND_SUMMARY_HPP
#define TOOLS_SEND_SUMMARY_HPP

#include <cstdint>
#include <cstdio>
#include <string>

#include "report.hpp"

namespace tools::send {

/// A line for each number that tells something.
[[nodiscard]] inline std::string summary_text(const Summary& summary, bool is_dry_run) {
  std::string text;
  const auto add = [&text](std::string name, std::uint64_t number) {
    name.resize(13, ' ');
    text.append(name).append(std::to_string(number)).append("\n");
  };
  add("rows", summary.rows);
  add(is_dry_run ? "valid" : "sent", summary.sent);
  add("rejected", summary.rejected);
  if (summary.done_before > 0) add("done before", summary.done_before);
  if (summary.not_sent > 0) add("not sent", summary.not_sent);
  if (!is_dry_run) add("requests", summary.requests);
  char seconds[48];
  std::snprintf(seconds, sizeof seconds, "seconds      %.1f\n", summary.seconds);
  return text.append(seconds);
}

/// One line of JSON.
[[nodiscard]] inline std::string summary_json(const Summary& summary, bool is_dry_run) {
  std::string text = "{";
  const auto add = [&text](const char* name, std::uint64_t number) {
    text.append("\"").append(name).append("\":").append(std::to_string(number)).append(",");
  };
  add("rows", summary.rows);
  add(is_dry_run ? "valid" : "sent", summary.sent);
  add("rejected", summary.rejected);
  add("doneBefore", summary.done_before);
  add("notSent", summary.not_sent);
  add("requests", is_dry_run ? 0 : summary.requests);
  char seconds[48];
  std::snprintf(seconds, sizeof seconds, "\"seconds\":%.3f}\n", summary.seconds);
  return text.append(seconds);
}

}  // namespace tools::send

#endif
