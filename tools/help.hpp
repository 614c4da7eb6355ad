// SPDX-License-Identifier: Apache-2.0
//
// The text of --help, as wide as the terminal. CLI11's formatter breaks no lines.
#ifndef TOOLS_HELP_HPP
#define TOOLS_HELP_HPP

#include <CLI/CLI.hpp>

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "terminal.hpp"

namespace tools {

/// `text` with lines of at most `width` characters; lines after the first begin with `indent`
/// blanks, and `column` is where the first begins. A word that is longer has a line to itself.
[[nodiscard]] inline std::string wrap(std::string_view text, std::size_t width, std::size_t indent,
                                      std::size_t column) {
  std::string wrapped;
  bool is_first = true;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) continue;
    if (!is_first && column + 1 + word.size() > width) {
      wrapped.append("\n").append(indent, ' ');
      column = indent;
    } else if (!is_first) {
      wrapped.push_back(' ');
      ++column;
    }
    wrapped.append(word);
    column += word.size();
    is_first = false;
  }
  return wrapped;
}

/// An entry of a list: an option or command with its description, in two columns, or in two lines
/// when the left column leaves too little space.
[[nodiscard]] inline std::string help_entry(std::string_view name, std::string_view description,
                                            std::size_t left, std::size_t width) {
  const bool is_narrow = width < left + 30;
  const std::size_t indent = is_narrow ? 6 : left;
  std::string text = "  ";
  text.append(name);
  if (description.empty()) return text.append("\n");
  if (is_narrow || text.size() + 2 > indent) {
    text.append("\n").append(indent, ' ');
  } else {
    text.append(indent - text.size(), ' ');
  }
  return text.append(wrap(description, width, indent, indent)).append("\n");
}

/// Paragraphs, wrapped. A line that begins with two blanks is an entry: its name, two blanks or
/// more, its description.
[[nodiscard]] inline std::string help_paragraphs(std::string_view text, std::size_t width) {
  std::string shown;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.substr(0, 2) == "  ") {
      const std::string_view entry = line.substr(2);
      const std::size_t gap = std::min(entry.find("  "), entry.size());
      std::string_view description = entry.substr(gap);
      description.remove_prefix(std::min(description.find_first_not_of(' '), description.size()));
      shown.append(help_entry(entry.substr(0, gap), description, 28, width));
    } else {
      shown.append(wrap(line, width, 0, 0)).append("\n");
    }
  }
  return shown;
}

/// False for a flag.
[[nodiscard]] inline bool takes_value(const CLI::Option& option) {
  return option.get_items_expected_max() > 0;
}

/// "-h, --help", "--port N": an option as it is given.
[[nodiscard]] inline std::string option_form(const CLI::Option& option) {
  if (option.get_positional()) return option.get_name(true);
  std::string form;
  for (const std::string& name : option.get_snames()) form += (form.empty() ? "-" : ", -") + name;
  for (const std::string& name : option.get_lnames()) form += (form.empty() ? "--" : ", --") + name;
  if (!takes_value(option)) return form;
  std::string value = "VALUE";
  const std::string type = option.get_type_name();
  if (type.rfind("UINT", 0) == 0 || type.rfind("INT", 0) == 0) value = "N";
  if (type.rfind("FLOAT", 0) == 0) value = "NUMBER";
  return form + " " + value;
}

/// An option's description with its default.
[[nodiscard]] inline std::string option_description(const CLI::Option& option) {
  std::string text = option.get_description();
  if (!option.get_default_str().empty()) text += " (default: " + option.get_default_str() + ")";
  return text;
}

class HelpFormatter : public CLI::FormatterBase {
 public:
  std::string make_help(const CLI::App* app, std::string /*name*/,
                        CLI::AppFormatMode /*mode*/) const override {
    const std::size_t width = std::clamp<std::size_t>(terminal_width(STDOUT_FILENO), 40, 100);
    std::vector<std::pair<std::string, std::string>> positionals;
    std::vector<std::pair<std::string, std::string>> options;
    std::vector<std::pair<std::string, std::string>> commands;
    std::string usage = full_name(*app);
    for (const CLI::Option* option : app->get_options({})) {
      auto& list = option->get_positional() ? positionals : options;
      list.emplace_back(option_form(*option), option_description(*option));
    }
    if (!options.empty()) usage += " [OPTIONS]";
    for (const auto& [name, description] : positionals) usage += " " + name;
    for (const CLI::App* command : app->get_subcommands({})) {
      if (command->get_group().empty()) continue;  // hidden
      commands.emplace_back(command->get_name(), command->get_description());
    }
    if (!commands.empty()) usage += " COMMAND";

    std::string text = "Usage: " + wrap(usage, width, 7, 7) + "\n\n" +
                       wrap(app->get_description(), width, 0, 0) + "\n";
    const auto add = [&](const char* title, const auto& entries, std::size_t left) {
      if (entries.empty()) return;
      text.append("\n").append(title).append(":\n");
      for (const auto& [name, description] : entries) {
        text += help_entry(name, description, left, width);
      }
    };
    add("Arguments", positionals, 28);
    add("Options", options, 28);
    add("Commands", commands, 14);
    if (!app->get_footer().empty()) {
      text.append("\n").append(help_paragraphs(app->get_footer(), width));
    }
    return text;
  }

 private:
  [[nodiscard]] static std::string full_name(const CLI::App& app) {
    const CLI::App* parent = app.get_parent();
    return parent == nullptr ? app.get_name() : full_name(*parent) + " " + app.get_name();
  }
};

/// For a program whose subcommands are added after this call.
inline void use_help(CLI::App& program) {
  program.formatter(std::make_shared<HelpFormatter>());
  program.get_help_ptr()->description("Print this help and exit");
}

/// The command that was given, "spool ls"; empty without one.
[[nodiscard]] inline std::string command_of(const CLI::App& program) {
  std::string names;
  const CLI::App* app = &program;
  for (;;) {
    const auto chosen =
        app->get_subcommands([](const CLI::App* command) { return command->parsed(); });
    if (chosen.empty()) return names;
    app = chosen.front();
    names += (names.empty() ? "" : " ") + app->get_name();
  }
}

}  // namespace tools

#endif
