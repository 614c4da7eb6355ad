// SPDX-License-Identifier: Apache-2.0
//
// The man page and the completion scripts of shells, made from the same descriptions of commands
// and options as --help. Pure functions of a CLI::App.
#ifndef TOOLS_GENERATED_HPP
#define TOOLS_GENERATED_HPP

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "help.hpp"
#include "program.hpp"

namespace tools {

/// A command with the names of its parents: "spool ls"; the program is "".
struct NamedCommand {
  std::string name{};
  const CLI::App* app{nullptr};
};

/// The program and all its commands, each before those in it; without hidden ones.
[[nodiscard]] inline std::vector<NamedCommand> all_commands(const CLI::App& program) {
  std::vector<NamedCommand> commands{{"", &program}};
  for (std::size_t i = 0; i < commands.size(); ++i) {
    const NamedCommand parent = commands[i];
    for (const CLI::App* app : parent.app->get_subcommands({})) {
      if (app->get_group().empty()) continue;
      const std::string prefix = parent.name.empty() ? "" : parent.name + " ";
      commands.push_back({prefix + app->get_name(), app});
    }
  }
  return commands;
}

/// The options of a command, "--port", and its subcommands.
[[nodiscard]] inline std::vector<std::string> words_after(const CLI::App& app) {
  std::vector<std::string> words;
  for (const CLI::Option* option : app.get_options({})) {
    for (const std::string& name : option->get_lnames()) words.push_back("--" + name);
  }
  for (const CLI::App* command : app.get_subcommands({})) {
    if (!command->get_group().empty()) words.push_back(command->get_name());
  }
  return words;
}

// --- The man page ---

/// Text for troff: no character of it begins a request or an escape.
[[nodiscard]] inline std::string troff(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\') {
      escaped += "\\e";
    } else if (c == '-') {
      escaped += "\\-";
    } else if ((c == '.' || c == '\'') && (escaped.empty() || escaped.back() == '\n')) {
      escaped.append("\\&").push_back(c);
    } else {
      escaped.push_back(c);
    }
  }
  return escaped;
}

/// A footer of --help: paragraphs, and entries of a name, two blanks and a description.
[[nodiscard]] inline std::string troff_paragraphs(std::string_view text) {
  std::string page;
  while (!text.empty()) {
    const std::size_t end = (std::min)(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix((std::min)(end + 1, text.size()));
    if (line.empty()) {
      page += ".PP\n";
    } else if (line.substr(0, 2) == "  ") {
      const std::string_view entry = line.substr(2);
      const std::size_t gap = (std::min)(entry.find("  "), entry.size());
      std::string_view description = entry.substr(gap);
      description.remove_prefix((std::min)(description.find_first_not_of(' '), description.size()));
      page += ".TP\n.B " + troff(entry.substr(0, gap)) + "\n" + troff(description) + "\n";
    } else {
      page += troff(line) + "\n";
    }
  }
  return page;
}

/// The man page of section 1.
[[nodiscard]] inline std::string man_page(const CLI::App& program, const std::string& version) {
  std::string page = ".TH PERSONALIZE\\-EVENTS 1 \"\" \"" + troff(version) + "\"\n.SH NAME\n" +
                     troff(kProgram) + " \\- tools for Amazon Personalize Events\n.SH SYNOPSIS\n";
  const std::vector<NamedCommand> commands = all_commands(program);
  for (const NamedCommand& command : commands) {
    if (command.name.empty() || !command.app->get_subcommands({}).empty()) continue;
    page += ".B " + troff(kProgram) + " " + troff(command.name) + "\n[OPTIONS]";
    for (const CLI::Option* option : command.app->get_options({})) {
      if (option->get_positional()) page += " " + troff(option_form(*option));
    }
    page += "\n.br\n";
  }
  page += ".SH COMMANDS\n";
  for (const NamedCommand& command : commands) {
    if (command.name.empty()) continue;
    page += ".SS " + troff(command.name) + "\n" + troff(command.app->get_description()) + ".\n";
    for (const CLI::Option* option : command.app->get_options({})) {
      page += ".TP\n.B " + troff(option_form(*option)) + "\n" + troff(option_description(*option)) +
              "\n";
    }
    if (!command.app->get_footer().empty()) {
      page += ".PP\n" + troff_paragraphs(command.app->get_footer());
    }
  }
  return page;
}

// --- Completion ---

/// `text` as one word of bash or zsh.
[[nodiscard]] inline std::string shell_word(std::string_view text) {
  std::string word = "'";
  for (const char c : text) {
    if (c == '\'') {
      word += "'\\''";
    } else {
      word.push_back(c);
    }
  }
  return word + "'";
}

/// The lines of a `case` that follow the words of a command line to its command; `word` is how the
/// shell writes the word.
[[nodiscard]] inline std::string cases_of_commands(const CLI::App& program, const char* word) {
  std::string text = std::string("    case \"$command ") + word + "\" in\n";
  for (const NamedCommand& command : all_commands(program)) {
    if (command.name.empty()) continue;
    const std::string name = shell_word(" " + command.name);
    text += "      " + name + ") command=" + name + " ;;\n";
  }
  return text + "    esac\n";
}

[[nodiscard]] inline std::string bash_completion(const CLI::App& program) {
  std::string text =
      "# bash completion of personalize-events\n"
      "_personalize_events() {\n"
      "  local command='' words='' i\n"
      "  for ((i = 1; i < COMP_CWORD; ++i)); do\n" +
      cases_of_commands(program, "${COMP_WORDS[i]}") + "  done\n  case $command in\n";
  for (const NamedCommand& command : all_commands(program)) {
    const std::string name = command.name.empty() ? "" : " " + command.name;
    text += "    " + shell_word(name) + ") words='";
    std::string separator;
    for (const std::string& word : words_after(*command.app)) {
      text += separator + word;
      separator = " ";
    }
    text += "' ;;\n";
  }
  return text +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
         "}\n"
         "complete -o default -F _personalize_events personalize-events\n";
}

[[nodiscard]] inline std::string zsh_completion(const CLI::App& program) {
  std::string text =
      "#compdef personalize-events\n"
      "local command='' i\n"
      "local -a choices\n"
      "for ((i = 2; i < CURRENT; ++i)); do\n" +
      cases_of_commands(program, "${words[i]}") + "done\ncase $command in\n";
  const auto entry = [](const std::string& name, const std::string& description) {
    return "    " + shell_word(name + ":" + description) + "\n";
  };
  for (const NamedCommand& command : all_commands(program)) {
    text += "  " + shell_word(command.name.empty() ? "" : " " + command.name) + ") choices=(\n";
    for (const CLI::Option* option : command.app->get_options({})) {
      for (const std::string& name : option->get_lnames()) {
        text += entry("--" + name, option->get_description());
      }
    }
    for (const CLI::App* sub : command.app->get_subcommands({})) {
      if (!sub->get_group().empty()) text += entry(sub->get_name(), sub->get_description());
    }
    text += "  ) ;;\n";
  }
  return text + "esac\n_describe -o personalize-events choices\n_files\n";
}

[[nodiscard]] inline std::string fish_completion(const CLI::App& program) {
  const auto fish_word = [](std::string_view text) {
    std::string word = "'";
    for (const char c : text) {
      if (c == '\'' || c == '\\') word.push_back('\\');
      word.push_back(c);
    }
    return word + "'";
  };
  const auto seen = [](const std::string& name) {
    std::string condition;
    std::string_view rest = name;
    while (!rest.empty()) {
      const std::size_t end = (std::min)(rest.find(' '), rest.size());
      condition += (condition.empty() ? "" : "; and ");
      condition.append("__fish_seen_subcommand_from ").append(rest.substr(0, end));
      rest.remove_prefix((std::min)(end + 1, rest.size()));
    }
    return condition;
  };
  std::string text = "# fish completion of personalize-events\n";
  for (const NamedCommand& command : all_commands(program)) {
    std::string names;
    for (const CLI::App* sub : command.app->get_subcommands({})) {
      if (!sub->get_group().empty()) names += " " + sub->get_name();
    }
    const std::string here = seen(command.name);
    const std::string before = (here.empty() ? "" : here + "; and ") + std::string("not ") +
                               "__fish_seen_subcommand_from" + names;
    const std::string begin = "complete -c personalize-events -n ";
    for (const CLI::App* sub : command.app->get_subcommands({})) {
      if (sub->get_group().empty()) continue;
      text += begin + fish_word(before) + " -f -a " + sub->get_name() + " -d " +
              fish_word(sub->get_description()) + "\n";
    }
    for (const CLI::Option* option : command.app->get_options({})) {
      for (const std::string& name : option->get_lnames()) {
        text += begin + fish_word(names.empty() ? here : before) + " -l " + name +
                (takes_value(*option) ? " -r" : "") + " -d " +
                fish_word(option->get_description()) + "\n";
      }
    }
  }
  return text;
}

}  // namespace tools

#endif
