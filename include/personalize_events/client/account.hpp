// SPDX-License-Identifier: Apache-2.0
//
// Account: the lines that explain() prints, and how much of a key they show. All that comes from
// outside goes through it, so that no file name or variable can break a line.
#ifndef PERSONALIZE_EVENTS_CLIENT_ACCOUNT_HPP
#define PERSONALIZE_EVENTS_CLIENT_ACCOUNT_HPP

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "personalize_events/detail/ascii.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/wire/response.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// An access key id as explain() shows it: its kind and its last four characters, "AKIA****1234".
/// What does not look like one is all stars, however long it is: somebody may have put a secret in
/// its place.
[[nodiscard]] inline std::string show_access_key_id(std::string_view id) {
  const auto allowed = [](char c) { return (c >= 'A' && c <= 'Z') || is_digit(c); };
  const bool looks_like_one =
      id.size() >= 16 && id.size() <= 32 && id.front() == 'A' && all_of(id, allowed);
  if (!looks_like_one) return "****";
  return std::string{id.substr(0, 4)}.append("****").append(id.substr(id.size() - 4));
}

/// Text from outside on one line: control characters are blanks, what is no UTF-8 is not shown.
[[nodiscard]] inline std::string show_text(std::string_view text) {
  std::string line = wire::printable_line(text);
  return line.empty() && !text.empty() ? "(not UTF-8)" : line;
}

/// A table of settings, one a line: name, value, and in brackets where it comes from.
class Account {
 public:
  /// A line that stands by itself.
  void title(std::string_view text) { text_.append(show_text(text)).append("\n"); }

  void line(std::string_view name, std::string_view value, std::string_view source = {}) {
    constexpr std::size_t width = 22;
    std::string line = show_text(name);
    line.resize(line.size() < width ? width : line.size() + 1, ' ');
    text_.append(line).append(show_text(value));
    if (!source.empty()) text_.append("  [").append(show_text(source)).append("]");
    text_.append("\n");
  }

  /// A setting that cannot be used as it stands.
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
