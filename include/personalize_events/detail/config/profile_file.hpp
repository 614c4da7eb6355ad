// SPDX-License-Identifier: Apache-2.0
//
// Profiles: what the two files that all AWS SDKs share (`~/.aws/config`, `~/.aws/credentials`) say.
// Settings and credential providers read it. Parsing is pure; load_profiles reads the files through
// a Platform.
//
// The rules are those of the AWS SDKs and Tools Reference Guide, "Shared config and credentials
// files". Where the published parser suites differ, this is the choice:
// - Keys are case-insensitive (as in Rust and Python; Kotlin keeps their case). Names of profiles,
//   sessions and services keep theirs.
// - A property with sub-properties has both forms: its value is their text as written, one a line
//   (Rust), and `nested` is the map of them (Kotlin). An invalid name is left out of the map only.
// - Properties may all be indented, as Python's parser takes them: an indented line with a `=` at
// the
//   begin of a section is a property, and so are the lines below that are not indented further.
// - An indented comment counts as a comment where no value can go on: before a section's first
//   property and among sub-properties (as in Python; the suites have no such case). After a
//   property with a value it is a part of the value, as everywhere.
#ifndef PERSONALIZE_EVENTS_DETAIL_CONFIG_PROFILE_FILE_HPP
#define PERSONALIZE_EVENTS_DETAIL_CONFIG_PROFILE_FILE_HPP

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "personalize_events/detail/base/ascii.hpp"
#include "personalize_events/detail/http/secret.hpp"
#include "personalize_events/detail/platform/path_style.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// A value and the place where it stands. It may be a secret: print `where()`, never `text`. The
/// destructor wipes it.
struct ProfileValue {
  std::string text{};   ///< May be a secret.
  std::string file{};   ///< The path of the shared file.
  std::size_t line{0};  ///< From 1.

  /// "<file>:<line>".
  [[nodiscard]] std::string where() const { return file + ":" + std::to_string(line); }

  ~ProfileValue();
};

inline ProfileValue::~ProfileValue() { detail::wipe(text); }

/// One property of a section.
struct ProfileProperty {
  /// Empty where sub-properties follow.
  ProfileValue value{};
  /// Sub-properties by name in lower case.
  std::map<std::string, ProfileValue, std::less<>> nested{};
};

/// One section of the files: a profile (of both files, merged), an sso-session, or services.
struct ProfileSection {
  std::map<std::string, ProfileProperty, std::less<>> properties{};  ///< By name in lower case.
  /// The first malformed line. It makes the section unusable, but no other section.
  std::optional<Error> malformed{};

  /// The value of a property, named in lower case; null when there is none.
  [[nodiscard]] const ProfileValue* find(std::string_view name) const {
    const auto found = properties.find(name);
    return found == properties.end() ? nullptr : &found->second.value;
  }

  /// The value of a sub-property, both named in lower case; null when there is none.
  [[nodiscard]] const ProfileValue* find(std::string_view name,
                                         std::string_view nested_name) const {
    const auto found = properties.find(name);
    if (found == properties.end()) return nullptr;
    const auto nested = found->second.nested.find(nested_name);
    return nested == found->second.nested.end() ? nullptr : &nested->second;
  }
};

/// Sections by name; the names keep their letter case.
using ProfileSections = std::map<std::string, ProfileSection, std::less<>>;

/// What the shared files say.
struct Profiles {
  /// `[profile name]`, `[default]`; in the credentials file `[name]`.
  ProfileSections profiles{};
  /// `[sso-session name]` of the config file.
  ProfileSections sso_sessions{};
  /// `[services name]` of the config file.
  ProfileSections services{};
  /// The path of the config file; empty when neither a variable nor a home folder names one.
  std::string config_file{};
  /// The same for the credentials file.
  std::string credentials_file{};
  /// The first malformed line that belongs to no section. The section that is looked for and not
  /// found may be the one that it was meant to begin.
  std::optional<Error> malformed{};

  /// A profile by its name; null when neither file has it.
  [[nodiscard]] const ProfileSection* find_profile(std::string_view name) const {
    const auto found = profiles.find(name);
    return found == profiles.end() ? nullptr : &found->second;
  }
};

/// Whether a name of a property is one that the files may hold, and whether a name of a profile
/// needs no quotes.
[[nodiscard]] inline bool is_profile_name(std::string_view name) {
  const auto allowed = [](char c) {
    return is_letter(c) || is_digit(c) ||
           std::string_view{"-_/.%@:+"}.find(c) != std::string_view::npos;
  };
  return !name.empty() && all_of(name, allowed);
}

[[nodiscard]] constexpr bool is_control(char c) noexcept {
  return static_cast<unsigned char>(c) < 0x20 || c == '\x7f';
}

/// The name of a section as other parts of the file refer to it, without quotes; empty if it is not
/// valid. In quotes, as `aws configure sso` writes it, it may have blanks. Without, it has any
/// other visible character for the AWS CLI, and none of ASCII's punctuation but `~` and those of
/// is_profile_name for the published suite (`as_specified`).
[[nodiscard]] inline std::string_view section_name(std::string_view name, bool as_specified) {
  const bool is_quoted = name.size() > 2 && (name.front() == '"' || name.front() == '\'') &&
                         name.back() == name.front();
  if (is_quoted) {
    name = name.substr(1, name.size() - 2);
    return std::any_of(name.begin(), name.end(), is_control) ? std::string_view{} : name;
  }
  const auto allowed = [as_specified](char c) {
    if (is_control(c) || c == ' ' || c == '"' || c == '\'') return false;
    return !as_specified || static_cast<unsigned char>(c) >= 0x80 || c == '~' ||
           is_profile_name({&c, 1});
  };
  return all_of(name, allowed) ? name : std::string_view{};
}

[[nodiscard]] constexpr bool starts_comment(std::string_view text) noexcept {
  return !text.empty() && (text.front() == '#' || text.front() == ';');
}

/// `line` without a trailing comment, trimmed. In a property the comment must follow a blank.
[[nodiscard]] constexpr std::string_view without_comment(std::string_view line,
                                                         bool needs_blank) noexcept {
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (!starts_comment(line.substr(i))) continue;
    if (!needs_blank || (i > 0 && is_blank(line[i - 1]))) return trim(line.substr(0, i));
  }
  return trim(line);
}

/// Reads one of the two files into Profiles, line by line.
class ProfileFileReader {
 public:
  enum class Kind { Config, Credentials };

  ProfileFileReader(Kind kind, std::string file, bool as_specified, Profiles& profiles)
      : kind_(kind), file_(std::move(file)), as_specified_(as_specified), profiles_(profiles) {}

  /// Reads on after a malformed line. Errors: the first malformed line of all.
  [[nodiscard]] Result<void> read(std::string_view text) {
    Result<void> all;
    constexpr std::string_view byte_order_mark{"\xEF\xBB\xBF"};
    if (text.substr(0, byte_order_mark.size()) == byte_order_mark) {
      text.remove_prefix(byte_order_mark.size());
    }
    while (!text.empty()) {
      ++line_;
      const std::size_t end = text.find('\n');
      std::string_view line = text.substr(0, end);
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
      if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
      Result<void> done = read_line(line);
      if (done) continue;
      std::optional<Error>& malformed =
          section_ != nullptr ? section_->malformed : profiles_.malformed;
      if (!malformed) malformed = done.error();
      if (all) all = std::move(done);
    }
    return all;
  }

 private:
  /// A line cut at its first `=`.
  struct Definition {
    std::string name;
    std::string_view text;
  };

  [[nodiscard]] Result<void> read_line(std::string_view line) {
    if (trim(line).empty() || starts_comment(line)) return {};
    if (line.front() == '[') return open_section(line);
    const std::size_t indent = line.find_first_not_of(" \t");
    if (!opens_property(line, indent)) return continue_property(line);
    if (indent > 0 && starts_comment(line.substr(indent))) return {};
    indent_ = indent;
    return open_property(line.substr(indent));
  }

  /// Whether a line is a new property: it is not indented further than the one before.
  [[nodiscard]] bool opens_property(std::string_view line, std::size_t indent) const {
    if (state_ == State::InSection) {
      return indent == 0 || without_comment(line, true).find('=') != std::string_view::npos;
    }
    return indent == 0 || (state_ != State::Start && indent <= indent_);
  }

  [[nodiscard]] Result<void> open_section(std::string_view line) {
    const std::string_view header = without_comment(line, false);
    section_ = nullptr;
    state_ = State::Start;
    if (header.back() != ']') {
      return malformed("Profile definition must end with ']'; close the bracket");
    }
    section_ = find_section(trim(header.substr(1, header.size() - 2)));
    state_ = State::InSection;
    return {};
  }

  /// The section to which a header's text leads. One whose name is not valid, or does not belong in
  /// this file, is read and forgotten, as AWS's tools do: another tool may know it.
  [[nodiscard]] ProfileSection* find_section(std::string_view header) {
    ignored_ = ProfileSection{};
    std::size_t length = 0;
    while (length < header.size() && !is_blank(header[length])) ++length;
    const std::string_view prefix = header.substr(0, length);
    const std::string_view name = section_name(trim(header.substr(length)), as_specified_);

    if (kind_ == Kind::Credentials) {
      const std::string_view whole = section_name(header, as_specified_);
      return !whole.empty() ? &profiles_.profiles[std::string{whole}] : &ignored_;
    }
    if (header == "default") {
      return default_is_prefixed_ ? &ignored_ : &profiles_.profiles["default"];
    }
    if (name.empty()) return &ignored_;
    if (prefix == "sso-session") return &profiles_.sso_sessions[std::string{name}];
    if (prefix == "services") return &profiles_.services[std::string{name}];
    if (prefix != "profile") return &ignored_;
    if (name == "default" && !default_is_prefixed_) {
      // [profile default] hides [default], wherever in the file it stands.
      profiles_.profiles.erase("default");
      default_is_prefixed_ = true;
    }
    return &profiles_.profiles[std::string{name}];
  }

  [[nodiscard]] Result<void> open_property(std::string_view line) {
    if (state_ == State::Start) {
      return malformed(
          "Expected a profile definition before the first property; write a line like [default] "
          "above it");
    }
    const Result<Definition> definition =
        define(line, "Expected an '=' sign defining a property; write name = value",
               "Property did not have a name; write name = value");
    if (!definition) return definition.error();
    ProfileSection& section = is_profile_name(definition->name) ? *section_ : ignored_;
    section.properties.erase(definition->name);  // wiped, which an assignment over it would not do
    property_ = &section.properties[definition->name];
    property_->value = value_here(definition->text);
    state_ = definition->text.empty() ? State::InNested : State::InProperty;
    return {};
  }

  [[nodiscard]] Result<void> continue_property(std::string_view line) {
    const std::string_view text = trim(line);
    if (state_ != State::InProperty && starts_comment(text)) return {};
    if (state_ == State::Start) {
      return malformed("Expected a profile definition, found continuation; do not indent the line");
    }
    if (state_ == State::InSection) {
      return malformed(
          "Expected a property definition, found continuation; do not indent the line");
    }
    if (state_ == State::InNested) {
      const Result<Definition> nested =
          define(text,
                 "Expected an '=' sign defining a sub-property; write name = value, or do not "
                 "indent the line",
                 "Sub-property did not have a name; write name = value");
      if (!nested) return nested.error();
      if (is_profile_name(nested->name)) {
        property_->nested.erase(nested->name);
        property_->nested[nested->name] = value_here(nested->text);
      }
    }
    append_wiping(property_->value.text, "\n");
    append_wiping(property_->value.text, text);
    return {};
  }

  [[nodiscard]] Result<Definition> define(std::string_view line, const char* without_sign,
                                          const char* without_name) const {
    const std::string_view text = without_comment(line, true);
    const std::size_t sign = text.find('=');
    if (sign == std::string_view::npos) return malformed(without_sign);
    const std::string_view name = trim(text.substr(0, sign));
    if (name.empty()) return malformed(without_name);
    return Definition{to_lower(name), trim(text.substr(sign + 1))};
  }

  [[nodiscard]] ProfileValue value_here(std::string_view text) const {
    return ProfileValue{std::string{text}, file_, line_};
  }

  /// The line itself may hold a secret and is not shown.
  [[nodiscard]] Error malformed(const char* message) const {
    return make_error(ErrorKind::Configuration, file_ + ":" + std::to_string(line_), message);
  }

  enum class State { Start, InSection, InProperty, InNested };

  Kind kind_;
  std::string file_;
  bool as_specified_;
  Profiles& profiles_;
  std::size_t line_{0};
  State state_{State::Start};
  std::size_t indent_{0};  // of the property that was read last
  bool default_is_prefixed_{false};
  ProfileSection ignored_{};
  ProfileSection* section_{nullptr};    // null in State::Start
  ProfileProperty* property_{nullptr};  // from State::InProperty on
};

/// The user's home folder; empty when the environment does not say.
[[nodiscard]] inline std::string find_home(Platform& platform, PathStyle style) {
  std::string home = platform.environment("HOME").value_or("");
  if (!home.empty() || style == PathStyle::Posix) return home;
  home = platform.environment("USERPROFILE").value_or("");
  if (!home.empty()) return home;
  return platform.environment("HOMEDRIVE").value_or("") +
         platform.environment("HOMEPATH").value_or("");
}

/// `path` with a leading `~` replaced by the home folder, if that is known.
[[nodiscard]] inline std::string expand_home(std::string path, const std::string& home,
                                             PathStyle style) {
  if (home.empty() || path.empty() || path.front() != '~') return path;
  const bool stands_alone =
      path.size() == 1 || path[1] == '/' || (style == PathStyle::Windows && path[1] == '\\');
  return stands_alone ? path.replace(0, 1, home) : path;
}

/// Whether a path that could not be read counts as a file that does not exist: also one in a home
/// folder of which this user may read nothing, unless a variable names it.
[[nodiscard]] inline bool is_absent(const Error& error, bool is_named) {
  return error.code == "NotFound" || (error.code == "AccessDenied" && !is_named);
}

/// Whether a variable names a shared file.
[[nodiscard]] inline bool names_file(Platform& platform, const char* variable) {
  return !trim(platform.environment(variable).value_or("")).empty();
}

/// The content of a shared file; empty when there is none.
[[nodiscard]] inline Result<std::string> read_shared_file(Platform& platform,
                                                          const std::string& path,
                                                          const char* variable) {
  if (path.empty()) return std::string{};
  Result<std::string> text = platform.read_file(path);
  if (text) return text;
  if (is_absent(text.error(), names_file(platform, variable))) return std::string{};
  Error error = std::move(text).error();
  error.kind = ErrorKind::Configuration;
  error.message.append("; make it a readable file, or name another one in ").append(variable);
  return error;
}

/// The paths of the shared files; empty where neither a variable nor a home folder names one.
struct ProfileLocations {
  std::string config{};       ///< The config file.
  std::string credentials{};  ///< The credentials file.
};

/// Where the shared files are: AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE, or
/// `.aws/config` and `.aws/credentials` in the home folder. A leading `~` stands for that folder.
[[nodiscard]] inline ProfileLocations profile_locations(Platform& platform,
                                                        PathStyle style = kNativePathStyle) {
  const std::string home = detail::find_home(platform, style);
  const char* separator = style == PathStyle::Windows ? "\\" : "/";
  const auto locate = [&](const char* variable, const char* name) {
    const std::string given = platform.environment(variable).value_or("");
    if (!detail::trim(given).empty()) return detail::expand_home(given, home, style);
    return home.empty() ? std::string{} : home + separator + ".aws" + separator + name;
  };
  return {locate("AWS_CONFIG_FILE", "config"),
          locate("AWS_SHARED_CREDENTIALS_FILE", "credentials")};
}

/// Reads the text of both files into `profiles`, which has their names; see section_name for
/// `as_specified`. Errors: the first malformed line; what can be read is in `profiles` all the
/// same.
[[nodiscard]] inline Result<void> read_profiles(std::string_view config_text,
                                                std::string_view credentials_text,
                                                bool as_specified, Profiles& profiles) {
  using Reader = ProfileFileReader;
  Result<void> config =
      Reader{Reader::Kind::Config, profiles.config_file, as_specified, profiles}.read(config_text);
  Result<void> credentials =
      Reader{Reader::Kind::Credentials, profiles.credentials_file, as_specified, profiles}.read(
          credentials_text);
  return config ? credentials : config;
}

/// Reads the text of both files; the names are used in errors and in ProfileValue::file. A profile
/// in both is merged, and the credentials file wins. Names are those of the published suite.
/// Errors: Configuration for any malformed line; `where` is "<name>:<line>", and the message never
/// holds a part of the text.
[[nodiscard]] inline Result<Profiles> parse_profiles(std::string_view config_text,
                                                     std::string config_name,
                                                     std::string_view credentials_text,
                                                     std::string credentials_name) {
  Profiles profiles;
  profiles.config_file = std::move(config_name);
  profiles.credentials_file = std::move(credentials_name);
  const Result<void> read = detail::read_profiles(config_text, credentials_text, true, profiles);
  if (!read) return read.error();
  return profiles;
}

/// Reads the shared files from where profile_locations finds them, and wipes their texts. A file
/// that does not exist is empty, and so is one of the home folder that this user may not read.
/// Names of sections may have any visible character, as in the AWS CLI. A malformed line makes its
/// section unusable (ProfileSection::malformed), but not the others. Errors: Configuration, `where`
/// is the path, for a file that cannot be read.
[[nodiscard]] inline Result<Profiles> load_profiles(Platform& platform,
                                                    PathStyle style = kNativePathStyle) {
  const ProfileLocations locations = profile_locations(platform, style);
  Result<std::string> config =
      detail::read_shared_file(platform, locations.config, "AWS_CONFIG_FILE");
  if (!config) return std::move(config).error();
  const detail::WipedAtEnd wiped_config{*config};
  Result<std::string> credentials =
      detail::read_shared_file(platform, locations.credentials, "AWS_SHARED_CREDENTIALS_FILE");
  if (!credentials) return std::move(credentials).error();
  const detail::WipedAtEnd wiped_credentials{*credentials};
  Profiles profiles;
  profiles.config_file = locations.config;
  profiles.credentials_file = locations.credentials;
  // Malformed lines are errors of those that need their sections.
  static_cast<void>(detail::read_profiles(*config, *credentials, false, profiles));
  return profiles;
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
