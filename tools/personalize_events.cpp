// SPDX-License-Identifier: Apache-2.0
//
// The program personalize-events: tools for Amazon Personalize Events.
#include <personalize_events/version.hpp>

#include <CLI/CLI.hpp>

#include <string>

#include "help.hpp"
#include "messages.hpp"
#include "program.hpp"

int main(int argc, char** argv) {
  tools::Command chosen;
  CLI::App program{"Tools for Amazon Personalize Events.", tools::kProgram};
  tools::use_help(program);
  program.set_version_flag("--version",
                           std::string(tools::kProgram) + " " PERSONALIZE_EVENTS_VERSION);
  program.require_subcommand(1);
  tools::add_send(program, chosen);
  tools::add_endpoint(program, chosen);
  tools::add_spool(program, chosen);
  tools::add_explain(program, chosen);
  program.footer("personalize-events COMMAND --help describes a command.");
  try {
    program.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return program.exit(success);
  } catch (const CLI::ParseError& error) {
    return tools::fail(tools::command_of(program), std::string(error.what()) + "; see --help");
  }
  return chosen();
}
