// SPDX-License-Identifier: Apache-2.0
#include "help.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <sstream>
#include <string>

#include "catch.hpp"

namespace {

std::size_t longest_line(const std::string& text) {
  std::istringstream lines(text);
  std::size_t longest = 0;
  for (std::string line; std::getline(lines, line);) longest = std::max(longest, line.size());
  return longest;
}

}  // namespace

TEST_CASE("words are wrapped with an indent") {
  CHECK(tools::wrap("one two three", 8, 2, 0) == "one two\n  three");
  CHECK(tools::wrap("one two", 8, 2, 6) == "one\n  two");
  CHECK(tools::wrap("a-word-that-is-longer b", 8, 0, 0) == "a-word-that-is-longer\nb");
  CHECK(tools::wrap("", 8, 2, 0).empty());
}

TEST_CASE("an entry has two columns, or two lines where columns do not fit") {
  CHECK(tools::help_entry("--port N", "The port", 16, 80) == "  --port N      The port\n");
  CHECK(tools::help_entry("--a-long-option VALUE", "Text", 16, 80) ==
        "  --a-long-option VALUE\n                Text\n");
  CHECK(tools::help_entry("--port N", "The port", 28, 50) == "  --port N\n      The port\n");
  CHECK(tools::help_entry("--port N", "", 28, 50) == "  --port N\n");
}

TEST_CASE("paragraphs are wrapped and entries keep their two columns") {
  CHECK(tools::help_paragraphs("One two three.\n\n  times=N   N times", 10) ==
        "One two\nthree.\n\n  times=N\n      N\n      times\n");
}

TEST_CASE("help is as wide as COLUMNS says, between 40 and 100") {
  CLI::App program{"A program whose description is a sentence of more than forty characters.", "p"};
  tools::use_help(program);
  std::size_t number = 3;
  program.add_option("--number-of-things", number, "A description that is also rather long")
      ->capture_default_str();
  CLI::App* command = program.add_subcommand("go", "Go there");
  std::string file;
  command->add_option("FILE", file, "The file")->required();
  for (const auto& [columns, width] : {std::pair{"50", 50U}, {"80", 80U}, {"500", 100U}}) {
    REQUIRE(::setenv("COLUMNS", columns, 1) == 0);
    const std::string help = program.help();
    CHECK(longest_line(help) <= width);
    CHECK(longest_line(help) > width * 6 / 10);
    CHECK(help.find("(default: 3)") != std::string::npos);
  }
  CHECK(command->help().find("Usage: p go [OPTIONS] FILE\n") == 0);
  REQUIRE(::unsetenv("COLUMNS") == 0);
}

TEST_CASE("the command that was given is named with its parents") {
  CLI::App program{"A program.", "p"};
  CLI::App* group = program.add_subcommand("spool", "Group");
  group->add_subcommand("ls", "List");
  program.parse("spool ls");
  CHECK(tools::command_of(program) == "spool ls");
}
