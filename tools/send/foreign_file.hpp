// SPDX-License-Identifier: Apache-2.0
//
// Files that are neither CSV nor JSON Lines in UTF-8, but look like them to people: recognized by
// their first bytes, with the command that converts them.
#ifndef TOOLS_SEND_FOREIGN_FILE_HPP
#define TOOLS_SEND_FOREIGN_FILE_HPP

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "input.hpp"

namespace tools::send {

/// Why a file with these first bytes cannot be read as `format`; empty when it can.
[[nodiscard]] inline std::string problem_of_head(std::string_view head, std::string_view format) {
  const std::string_view mark = head.substr(0, 2);
  const bool has_mark = mark == "\xFF\xFE" || mark == "\xFE\xFF";
  const bool has_null = mark.size() == 2 && (mark[0] == '\0') != (mark[1] == '\0');
  if (has_mark || has_null) {
    return "is UTF-16, not UTF-8; convert it: iconv -f UTF-16 -t UTF-8";
  }
  const std::size_t first = head.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  const std::size_t second = std::min(head.find_first_not_of(kBlank, first + 1), head.size());
  const bool has_object = second < head.size() && head[second] == '{';
  if (head[first] == '[' && (format != "csv" || has_object)) {
    return "is a JSON array; JSON Lines have an object on each line: jq -c '.[]'";
  }
  if (format != "csv") return {};
  const std::size_t line_end = head.find_first_of("\r\n", first);
  const bool is_cr_only = line_end != std::string_view::npos && line_end + 1 < head.size() &&
                          head.find('\n') == std::string_view::npos &&
                          head.substr(first, line_end - first).find('"') == std::string_view::npos;
  if (is_cr_only) return "has lines that end in CR only; convert them: tr '\\r' '\\n'";
  return {};
}

}  // namespace tools::send

#endif
