// SPDX-License-Identifier: Apache-2.0
//
// The program personalize-events: tools for Amazon Personalize Events.
#include <personalize_events/version.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <string>

#include "generated.hpp"
#include "help.hpp"
#include "messages.hpp"
#include "program.hpp"

namespace tools {

inline constexpr const char* kVersion = "personalize-events " PERSONALIZE_EVENTS_VERSION;

/// The scripts for shells, and the man page, which the build asks for.
void add_completion(CLI::App& program, Command& chosen) {
  CLI::App& completion =
      *program.add_subcommand("completion", "Print the completion script of a shell");
  completion.require_subcommand(1);
  completion.footer(
      "For bash, add this line to ~/.bashrc:\n"
      "  source <(personalize-events completion bash)\n\n"
      "For zsh, save the script as _personalize-events in a folder of fpath.\n\n"
      "For fish, add this line to ~/.config/fish/config.fish:\n"
      "  personalize-events completion fish | source");
  const auto add = [&](CLI::App& parent, const char* name, const char* help, auto make) {
    CLI::App* command = parent.add_subcommand(name, help);
    command->footer("");  // rather than the parent's
    command->callback([&program, &chosen, make] {
      chosen = [&program, make] {
        const std::string text = make(program);
        if (std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0) {
          return fail("completion", "standard output cannot be written");
        }
        return int{kSuccess};
      };
    });
    return command;
  };
  add(completion, "bash", "Print the script for bash", bash_completion);
  add(completion, "zsh", "Print the script for zsh", zsh_completion);
  add(completion, "fish", "Print the script for fish", fish_completion);
  add(program, "man-page", "Print the man page", [](const CLI::App& app) {
    return man_page(app, kVersion);
  })->group("");
}

/// The first word of the command line that should be a command and is none; empty when there is
/// none.
std::string unknown_command(const CLI::App& program, int argc, char** argv) {
  const CLI::App* app = &program;
  for (int i = 1; i < argc && !app->get_subcommands({}).empty(); ++i) {
    const std::string word = argv[i];
    if (word.empty() || word.front() == '-') return {};
    const auto matching = app->get_subcommands(
        [&word](const CLI::App* command) { return command->get_name() == word; });
    if (matching.empty()) return word;
    app = matching.front();
  }
  return {};
}

}  // namespace tools

int main(int argc, char** argv) {
  tools::Command chosen;
  CLI::App program{"Tools for Amazon Personalize Events.", tools::kProgram};
  tools::use_help(program);
  program.set_version_flag("--version", tools::kVersion);
  program.require_subcommand(1);
  tools::add_send(program, chosen);
  tools::add_endpoint(program, chosen);
  tools::add_spool(program, chosen);
  tools::add_explain(program, chosen);
  tools::add_completion(program, chosen);
  program.footer("personalize-events COMMAND --help describes a command.");
  if (const std::string word = tools::unknown_command(program, argc, argv); !word.empty()) {
    return tools::fail({}, "there is no command \"" + word + "\"; see --help");
  }
  try {
    program.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return program.exit(success);
  } catch (const CLI::ParseError& error) {
    return tools::fail(tools::command_of(program), std::string(error.what()) + "; see --help");
  }
  return chosen();
}
