// SPDX-License-Identifier: Apache-2.0
#include "generated.hpp"

#include <string>

#include "catch.hpp"

namespace {

/// A program with one command, a group with another, and a hidden one.
struct World {
  CLI::App program{"Tools.", "personalize-events"};
  std::string file{};
  int port{8080};

  World() {
    CLI::App* run = program.add_subcommand("run", "Run it's server");
    run->add_option("FILE", file, "The file");
    run->add_option("--port", port, "The port")->capture_default_str();
    run->footer("First.\n\n  times=N   N times\n.dot");
    CLI::App* group = program.add_subcommand("spool", "Group");
    group->add_subcommand("ls", "List");
    program.add_subcommand("secret", "Hidden")->group("");
  }
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("commands are listed with their parents, hidden ones are not") {
  const World world;
  std::string names;
  for (const auto& command : tools::all_commands(world.program)) names += command.name + ";";
  CHECK(names == ";run;spool;spool ls;");
}

TEST_CASE("the man page has each command, option, default and footer") {
  const World world;
  const std::string page = tools::man_page(world.program, "personalize-events 1.2.3");
  CHECK(contains(page, ".TH PERSONALIZE\\-EVENTS 1 \"\" \"personalize\\-events 1.2.3\"\n"));
  CHECK(contains(page, ".B personalize\\-events run\n[OPTIONS] FILE\n"));
  CHECK(contains(page, ".SS spool ls\nList.\n"));
  CHECK(contains(page, ".B \\-\\-port N\nThe port (default: 8080)\n"));
  CHECK(contains(page, "First.\n.PP\n.TP\n.B times=N\nN times\n\\&.dot\n"));
  CHECK_FALSE(contains(page, "Hidden"));
}

TEST_CASE("completion has the words after each command") {
  const World world;
  const std::string bash = tools::bash_completion(world.program);
  CHECK(contains(bash, "' spool ls') command=' spool ls' ;;\n"));
  CHECK(contains(bash, "    ' run') words='--help --port' ;;\n"));
  CHECK(contains(bash, "    '') words='--help run spool' ;;\n"));
  const std::string zsh = tools::zsh_completion(world.program);
  CHECK(contains(zsh, "    'run:Run it'\\''s server'\n"));
  CHECK(contains(zsh, "    '--port:The port'\n"));
  const std::string fish = tools::fish_completion(world.program);
  CHECK(contains(fish, "-n '__fish_seen_subcommand_from run' -l port -r -d 'The port'\n"));
  CHECK(contains(fish, "-n 'not __fish_seen_subcommand_from run spool' -f -a run -d 'Run it\\'s "));
  CHECK(contains(fish,
                 "-n '__fish_seen_subcommand_from spool; and not "
                 "__fish_seen_subcommand_from ls' -f -a ls"));
  for (const std::string& text : {bash, zsh, fish}) CHECK_FALSE(contains(text, "secret"));
}
