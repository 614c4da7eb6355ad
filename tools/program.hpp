// SPDX-License-Identifier: Apache-2.0
//
// What the subcommands of personalize-events share: how a command is registered, exit statuses, and
// messages on standard error.
#ifndef TOOLS_PROGRAM_HPP
#define TOOLS_PROGRAM_HPP

#include <personalize_events/result.hpp>

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace CLI {
class App;
}

namespace tools {

namespace pe = personalize_events;

inline constexpr const char* kProgram = "personalize-events";

enum ExitStatus : int { kSuccess = 0, kIncomplete = 1, kUsage = 2, kInterrupted = 130 };

/// What the command line chose; returns an ExitStatus.
using Command = std::function<int()>;

/// Each adds a subcommand; parsing it sets `chosen`.
void add_send(CLI::App& program, Command& chosen);
void add_endpoint(CLI::App& program, Command& chosen);
void add_spool(CLI::App& program, Command& chosen);
void add_explain(CLI::App& program, Command& chosen);

/// `text` with the options of the program in place of the members that they set:
/// "ClientOptions::region" becomes "--region".
[[nodiscard]] inline std::string with_option_names(std::string text) {
  constexpr std::pair<std::string_view, std::string_view> names[] = {
      {"ClientOptions::endpoint_url", "--endpoint-url"},
      {"ClientOptions.endpoint_url", "--endpoint-url"},
      {"ClientOptions::region", "--region"},
      {"ClientOptions.region", "--region"},
      {"ClientOptions::profile", "--profile"},
      {"ClientOptions.profile", "--profile"},
      {"RecorderOptions::tracking_id", "--tracking-id"},
      {"RecorderOptions.tracking_id", "--tracking-id"},
      {"SpoolOptions::account", "--account"},
      {"SpoolOptions::max_age", "--max-age"},
      {"SpoolOptions::directory", "DIRECTORY"},
      {"RecorderOptions.spool.directory", "DIRECTORY"},
      {"LocalEndpointOptions::port", "--port"},
      {"LocalEndpointOptions::hosts", "--host"},
  };
  for (const auto& [member, option] : names) {
    for (std::size_t at = text.find(member); at != std::string::npos;
         at = text.find(member, at + option.size())) {
      text.replace(at, member.size(), option);
    }
  }
  return text;
}

/// An error as a sentence that names options.
[[nodiscard]] inline std::string sentence_of(const pe::Error& error) {
  return with_option_names(pe::to_string(error));
}

}  // namespace tools

#endif
