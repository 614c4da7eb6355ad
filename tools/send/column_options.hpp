// SPDX-License-Identifier: Apache-2.0
//
// ColumnOptions: what the user says about the columns of a CSV file. columns.hpp applies them.
#ifndef TOOLS_SEND_COLUMN_OPTIONS_HPP
#define TOOLS_SEND_COLUMN_OPTIONS_HPP

#include <string>
#include <vector>

namespace tools::send {

struct ColumnOptions {
  std::vector<std::string> numbers{};  ///< --number: headers of property columns
  std::vector<std::string> texts{};    ///< --text
  std::vector<std::string> nulls{};    ///< --null: cells that stand for no value

  /// Each option that is given, with its value. Two with the same list read the same rows.
  [[nodiscard]] std::vector<std::string> list() const {
    std::vector<std::string> all;
    const auto add = [&all](const char* option, const std::vector<std::string>& values) {
      for (const std::string& value : values) all.push_back(std::string(option) + "=" + value);
    };
    add("--number", numbers);
    add("--text", texts);
    add("--null", nulls);
    return all;
  }
};

}  // namespace tools::send

#endif
