// SPDX-License-Identifier: Apache-2.0
//
// ReportWriter: the lines that explain() returns. All text from outside goes through it, so that no
// file name or variable can break a line.
#ifndef PERSONALIZE_EVENTS_DETAIL_CLIENT_REPORT_HPP
#define PERSONALIZE_EVENTS_DETAIL_CLIENT_REPORT_HPP

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "personalize_events/detail/wire/response.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Text from outside on one line: control characters become blanks, text that is not UTF-8 is not
/// shown.
[[nodiscard]] inline std::string show_text(std::string_view text) {
  std::string line = wire::printable_line(text);
  return line.empty() && !text.empty() ? "(not UTF-8)" : line;
}

/// A table of settings, one a line: name, value, and in brackets its source.
class ReportWriter {
 public:
  /// A line of text without a name.
  void title(std::string_view text) { text_.append(show_text(text)).append("\n"); }

  void line(std::string_view name, std::string_view value, std::string_view source = {}) {
    constexpr std::size_t width = 22;
    std::string line = show_text(name);
    line.resize(line.size() < width ? width : line.size() + 1, ' ');
    text_.append(line).append(show_text(value));
    if (!source.empty()) text_.append("  [").append(show_text(source)).append("]");
    text_.append("\n");
  }

  /// A setting that cannot be used.
  void wrong(std::string_view name, const Error& error) {
    line(name, "WRONG: " + error.message, error.where);
  }

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_{};
};

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
