// SPDX-License-Identifier: Apache-2.0
//
// Messages on standard error, in the form of the GNU coding standards:
//   personalize-events send: error: --tracking-id is required
//   personalize-events send: shop.csv:7: error: TIMESTAMP: empty
// The severity is coloured on a terminal, unless NO_COLOR is set.
#ifndef TOOLS_MESSAGES_HPP
#define TOOLS_MESSAGES_HPP

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "printable.hpp"
#include "program.hpp"

namespace tools {

enum class Severity { Note, Warning, Error };

/// The message, without colour if `is_coloured` is false. `place` is a file, a file and a line, or
/// empty.
[[nodiscard]] inline std::string format_message(std::string_view command, std::string_view place,
                                                Severity severity, std::string_view sentence,
                                                bool is_coloured) {
  std::string_view word = "error";
  std::string_view colour = "\033[1;31m";
  if (severity == Severity::Warning) {
    word = "warning";
    colour = "\033[1;35m";
  } else if (severity == Severity::Note) {
    word = "note";
    colour = "\033[1;36m";
  }
  std::string text{kProgram};
  if (!command.empty()) text.append(" ").append(command);
  text.append(": ");
  if (!place.empty()) text.append(printable(place)).append(": ");
  if (is_coloured) text.append(colour);
  text.append(word).append(":");
  if (is_coloured) text.append("\033[0m");
  return text.append(" ").append(printable(sentence)).append("\n");
}

/// Whether standard error takes colours.
[[nodiscard]] inline bool has_colour() {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && (no_colour == nullptr || *no_colour == '\0') &&
         (terminal == nullptr || std::string_view{terminal} != "dumb");
}

inline void print_message(std::string_view command, std::string_view place, Severity severity,
                          std::string_view sentence) {
  const std::string text = format_message(command, place, severity, sentence, has_colour());
  std::fputs(text.c_str(), stderr);
}

/// Prints an error and returns kUsage.
inline int fail(std::string_view command, std::string_view sentence) {
  print_message(command, {}, Severity::Error, sentence);
  return kUsage;
}
inline int fail(std::string_view command, const pe::Error& error) {
  return fail(command, sentence_of(error));
}

}  // namespace tools

#endif
