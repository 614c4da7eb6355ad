// SPDX-License-Identifier: Apache-2.0
//
// ColumnOptions: what the user says about the columns of a CSV file. columns.hpp applies them.
#ifndef TOOLS_SEND_COLUMN_OPTIONS_HPP
#define TOOLS_SEND_COLUMN_OPTIONS_HPP

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tools::send {

struct ColumnOptions {
  std::vector<std::string> numbers{};  ///< --number: headers of property columns
  std::vector<std::string> texts{};    ///< --text
  std::vector<std::string> nulls{};    ///< --null: cells that stand for no value
  std::vector<std::string> ignored{};  ///< --ignore: headers
  std::vector<std::string> mapped{};   ///< --map: "ITEM_ID=header"
  std::string event_type{};            ///< --event-type; empty: the file has a column
  std::string delimiter{};             ///< --delimiter; empty: a comma, or that of a line "sep=;"

  /// Each option that is given, with its value. Two with the same list read the same rows.
  [[nodiscard]] std::vector<std::string> list() const {
    std::vector<std::string> all;
    const auto add = [&all](const char* option, const std::vector<std::string>& values) {
      for (const std::string& value : values) all.push_back(std::string(option) + "=" + value);
    };
    add("--number", numbers);
    add("--text", texts);
    add("--null", nulls);
    add("--ignore", ignored);
    add("--map", mapped);
    if (!event_type.empty()) add("--event-type", {event_type});
    if (!delimiter.empty()) add("--delimiter", {delimiter});
    return all;
  }
};

/// The character that separates cells; nothing if `text` is none that is supported.
[[nodiscard]] inline std::optional<char> delimiter_of(std::string_view text) {
  if (text == "tab" || text == "\\t") return '\t';
  if (text == "," || text == ";" || text == "|" || text == "\t") return text.front();
  return std::nullopt;
}

}  // namespace tools::send

#endif
