// SPDX-License-Identifier: Apache-2.0
//
// personalize-events explain: where a client takes each setting and its credentials from.
#include <personalize_events/personalize_events.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>

#include "connection_options.hpp"
#include "messages.hpp"
#include "program.hpp"

namespace tools {

void add_explain(CLI::App& program, Command& chosen) {
  const auto options = std::make_shared<pe::ClientOptions>();
  CLI::App& command = *program.add_subcommand(
      "explain", "Print where a client takes its settings and credentials from");
  command.footer(
      "Prints each setting of a client that make_client makes in this environment, its value and "
      "where it was found: an option, an environment variable, a profile or the default. Then the "
      "providers of credentials in the order in which they are asked, and which of them supplies. "
      "Nothing is sent, and secrets are masked, so that the output may be part of a bug "
      "report.\n\n"
      "Exit status: 0.");
  add_connection_options(command, *options);
  command.callback([&chosen, options] {
    chosen = [options] {
      const std::string text = with_option_names(pe::explain(*options));
      if (std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0) {
        return fail("explain", "standard output cannot be written");
      }
      return int{kSuccess};
    };
  });
}

}  // namespace tools
