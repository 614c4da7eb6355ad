// SPDX-License-Identifier: Apache-2.0
//
// Options: what the user asks for, what cannot be asked for together, and which format a file has.
#ifndef TOOLS_SEND_OPTIONS_HPP
#define TOOLS_SEND_OPTIONS_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "column_options.hpp"
#include "input.hpp"

namespace tools::send {

struct Options {
  std::string file{};
  std::string format{};  ///< "csv", "jsonl"; empty: see format_of
  std::string tracking_id{};
  std::string endpoint_url{};
  std::string region{};
  std::string profile{};
  unsigned session_gap_minutes{30};
  ColumnOptions columns{};
  std::size_t concurrency{4};
  double rate{0};  ///< events a second; 0: as fast as it goes
  std::string rejects{};
  std::string resume{};
  bool is_dry_run{false};
  bool is_json{false};
};

/// What cannot be done as asked; empty when all can.
[[nodiscard]] inline std::string problem_of(const Options& options) {
  const bool is_stream = options.file == kStandardInput;
  if (is_stream && !options.resume.empty()) {
    return "--resume: standard input cannot be read again to go on from; name a file";
  }
  if (options.is_dry_run && !options.resume.empty()) {
    return "--resume: a dry run sends nothing that a later run could skip";
  }
  if (!options.columns.delimiter.empty() && !delimiter_of(options.columns.delimiter)) {
    return "--delimiter: expected , ; | or tab";
  }
  if (is_same_file(options.rejects, options.file)) return "--rejects: that is FILE itself";
  if (is_same_file(options.resume, options.file)) return "--resume: that is FILE itself";
  if (!options.rejects.empty() && options.rejects == options.resume) {
    return "--rejects and --resume are the same file";
  }
  return {};
}

[[nodiscard]] inline bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

/// "csv" or "jsonl": as the user says, else by the name's ending, else by the first byte that is
/// not blank.
[[nodiscard]] inline std::string format_of(const Options& options, std::string_view head) {
  if (!options.format.empty()) return options.format;
  for (const std::string_view ending : {".jsonl", ".ndjson"}) {
    if (ends_with(options.file, ending)) return "jsonl";
  }
  if (ends_with(options.file, ".csv")) return "csv";
  const std::size_t first = head.find_first_not_of(kBlank);
  return first != std::string_view::npos && head[first] == '{' ? "jsonl" : "csv";
}

}  // namespace tools::send

#endif
