// SPDX-License-Identifier: Apache-2.0
//
// Columns: what each column of an interactions file means, and a record as an event. The meanings
// are those of Amazon Personalize's bulk interactions data; every other column is a property.
#ifndef TOOLS_SEND_COLUMNS_HPP
#define TOOLS_SEND_COLUMNS_HPP

#include <personalize_events/detail/base/ascii.hpp>
#include <personalize_events/detail/wire/validate.hpp>
#include <personalize_events/personalize_events.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "column_names.hpp"
#include "column_options.hpp"
#include "numbers.hpp"
#include "rows.hpp"

namespace tools::send {

namespace pe = personalize_events;

/// The name under which the service knows a schema field: NUM_RATINGS is numRatings. A name without
/// underscores that has small letters is taken to be in camelCase already.
[[nodiscard]] inline std::string camel_case(std::string_view name) {
  const bool has_small =
      std::any_of(name.begin(), name.end(), [](char c) { return c >= 'a' && c <= 'z'; });
  if (has_small && name.find('_') == std::string_view::npos) return std::string(name);
  std::string camel;
  bool begins_word = false;
  for (const char c : name) {
    if (c == '_') {
      begins_word = !camel.empty();
      continue;
    }
    camel.push_back(begins_word ? upper(c) : lower(c));
    begins_word = false;
  }
  return camel;
}

/// Splits at each bar: "a|b" is a and b.
[[nodiscard]] inline std::vector<std::string> split_at_bars(std::string_view text) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t bar = text.find('|');
    parts.emplace_back(text.substr(0, bar));
    if (bar == std::string_view::npos) return parts;
    text.remove_prefix(bar + 1);
  }
}

/// The time of a TIMESTAMP cell, or what is wrong with it in `problem`.
[[nodiscard]] inline std::optional<std::chrono::system_clock::time_point> parse_timestamp(
    std::string_view text, std::string& problem) {
  constexpr std::int64_t latest = 7'258'118'400;  // the year 2200; a system_clock may end in 2262
  const auto seconds = parse_integer<std::int64_t>(text);
  if (seconds && *seconds >= 0 && *seconds < latest) {
    return std::chrono::system_clock::time_point{std::chrono::seconds{*seconds}};
  }
  problem = "TIMESTAMP: not a whole number of seconds since 1970";
  if (seconds && text.size() == 13) {
    problem = "TIMESTAMP: 13 digits are milliseconds; the service takes seconds";
  }
  return std::nullopt;
}

/// Whether a cell is a usual word for a missing value. It has a meaning in columns of numbers only:
/// in a column of text, NA may be a country.
[[nodiscard]] inline bool is_null_word(std::string_view cell) {
  constexpr std::string_view words[] = {"null", "na", "n/a", "nan", "none", "\\n"};
  return std::any_of(std::begin(words), std::end(words), [cell](std::string_view word) {
    return pe::detail::equal_ignoring_case(cell, word);
  });
}

/// The columns of one file.
class Columns {
 public:
  /// From the header record. Of a stream, property columns are text unless the options say
  /// otherwise; of a file, `survey` decides. Fails with a sentence in `problem()`.
  explicit Columns(const std::vector<std::string>& header, ColumnOptions options = {},
                   bool is_stream = false)
      : options_(std::move(options)), columns_(header.size()) {
    for (std::size_t i = 0; i < header.size(); ++i) {
      columns_[i].header = header[i];
      columns_[i].name = clean_name(header[i]);
      if (is_stream) columns_[i].type = Type::Text;
    }
    ignore_unnamed();
    for (const std::string& name : options_.ignored) {
      if (Column* column = find(name, "--ignore")) column->meaning = Meaning::Ignored;
    }
    for (const std::string& mapping : options_.mapped) map(mapping);
    for (Column& column : columns_) {
      if (column.meaning == Meaning::Property && !column.is_mapped) recognize(column);
    }
    if (problem_.empty()) problem_ = find_problem();
    set_types("--text", options_.texts, Type::Text);
    set_types("--number", options_.numbers, Type::Number);
  }

  /// Why events cannot be made of this file; empty when they can.
  [[nodiscard]] const std::string& problem() const { return problem_; }
  [[nodiscard]] bool has_session() const { return has(Meaning::Session); }
  /// How the header was understood where it is not clear, as sentences.
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }

  /// What the event ID of a record is made of: the cells that are not ignored, and the event type
  /// of --event-type. `memory` may be used for it.
  [[nodiscard]] const std::vector<std::string>& content_of(const std::vector<std::string>& cells,
                                                           std::vector<std::string>& memory) const {
    if (!has(Meaning::Ignored) && options_.event_type.empty()) return cells;
    memory.clear();
    for (std::size_t i = 0; i < columns_.size() && i < cells.size(); ++i) {
      if (columns_[i].meaning != Meaning::Ignored) memory.push_back(cells[i]);
    }
    if (!options_.event_type.empty()) memory.push_back(options_.event_type);
    return memory;
  }

  /// Takes a record of the first pass into account, if its row will be accepted. A property column
  /// of a file is a number column if all its values are JSON numbers that doubles keep.
  void survey(const std::vector<std::string>& cells, const RowOrProblem& made) {
    if (!made.problem.empty()) return;
    found_.clear();
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const Column& column = columns_[i];
      if (column.meaning != Meaning::Property || column.is_text()) continue;
      const Kind kind = kind_of(cells[i]);
      if (kind != Kind::Nothing && !column.has(kind)) found_.emplace_back(i, kind);
    }
    if (found_.empty() || !is_valid(made.row)) return;
    for (const auto& [i, kind] : found_) columns_[i].add(kind);
  }

  /// What the survey found that the user may not expect, as sentences.
  [[nodiscard]] std::vector<std::string> type_notes() const {
    std::vector<std::string> notes;
    for (const Column& column : columns_) {
      if (column.meaning != Meaning::Property) continue;
      if (column.is_number() && column.has(Kind::NullWord)) {
        notes.push_back("column " + column.header +
                        " is a number column; cells such as NULL, NA or NaN have no value there "
                        "(see --null and --text)");
      } else if (column.type == Type::Decided && column.has(Kind::UnsafeNumber)) {
        notes.push_back("column " + column.header +
                        " is sent as text, because a double does not hold all its numbers; "
                        "--number " +
                        column.header + " sends them as numbers");
      }
    }
    return notes;
  }

  /// A record as an event. Every cell that is not null is in it, byte for byte.
  [[nodiscard]] RowOrProblem row_of(const std::vector<std::string>& cells) const {
    RowOrProblem made;
    pe::Properties properties;
    made.row.event.event_type = options_.event_type;
    for (std::size_t i = 0; i < columns_.size() && made.problem.empty(); ++i) {
      if (!is_null(cells[i])) {
        put(columns_[i], cells[i], made, properties);
      } else if (is_required(columns_[i].meaning)) {
        made.problem = columns_[i].name + ": empty";
      }
    }
    if (!properties.empty()) made.row.event.properties = std::move(properties);
    return made;
  }

 private:
  enum class Meaning {
    User,
    Item,
    Timestamp,
    EventType,
    EventValue,
    Session,
    Impression,
    Recommendation,
    AttributionSource,
    EventId,
    Ignored,
    Property
  };
  enum class Type { Decided, Number, Text };  // Decided: by the survey
  /// What a cell of a property column has.
  enum class Kind : unsigned { Nothing = 0, Number = 1, NullWord = 2, UnsafeNumber = 4, Text = 8 };
  struct Column {
    Meaning meaning{Meaning::Property};
    std::string header{};   // as the file has it
    std::string name{};     // a property's is in camelCase
    bool is_mapped{false};  // by --map
    Type type{Type::Decided};
    unsigned found{0};  // of Kind

    [[nodiscard]] bool has(Kind kind) const { return (found & static_cast<unsigned>(kind)) != 0; }
    void add(Kind kind) { found |= static_cast<unsigned>(kind); }
    [[nodiscard]] bool is_text() const {
      return type == Type::Text || (type == Type::Decided && has(Kind::Text));
    }
    /// During the first pass: so far.
    [[nodiscard]] bool is_number() const {
      if (type != Type::Decided) return type == Type::Number;
      return has(Kind::Number) && !has(Kind::UnsafeNumber) && !has(Kind::Text);
    }
  };
  struct Name {
    Meaning meaning;
    std::string_view column;  // in Personalize's interactions data
    std::string_view member;  // in the API
  };
  static constexpr std::array<Name, 10> kNames{
      {{Meaning::User, "USER_ID", "userId"},
       {Meaning::Item, "ITEM_ID", "itemId"},
       {Meaning::Timestamp, "TIMESTAMP", "sentAt"},
       {Meaning::EventType, "EVENT_TYPE", "eventType"},
       {Meaning::EventValue, "EVENT_VALUE", "eventValue"},
       {Meaning::Session, "SESSION_ID", "sessionId"},
       {Meaning::Impression, "IMPRESSION", "impression"},
       {Meaning::Recommendation, "RECOMMENDATION_ID", "recommendationId"},
       {Meaning::AttributionSource, "EVENT_ATTRIBUTION_SOURCE", "eventAttributionSource"},
       {Meaning::EventId, "EVENT_ID", "eventId"}}};

  /// The known name that `name` is but for case, blanks, punctuation and invisible characters.
  static const Name* find_known(std::string_view name) {
    const std::string folded = folded_name(name);
    const auto* const known =
        std::find_if(kNames.begin(), kNames.end(), [&folded](const Name& candidate) {
          return folded == folded_name(candidate.column) || folded == folded_name(candidate.member);
        });
    return known == kNames.end() ? nullptr : &*known;
  }

  /// Gives a column its meaning by its header, with a note if the header is not exactly a name.
  void recognize(Column& column) {
    if (const Name* known = find_known(column.header)) {
      column.meaning = known->meaning;
      column.name = known->column;
      if (column.header == known->member ||
          pe::detail::equal_ignoring_case(column.header, known->column)) {
        return;
      }
      notes_.push_back("column " + shown_name(column.header) + " is read as " + column.name);
      return;
    }
    if (column.name != column.header) {
      notes_.push_back("column " + shown_name(column.header) + " is read as " + column.name);
    }
    column.name = camel_case(column.name);
  }

  /// pandas writes its index as a first column without a name, Excel empty columns at the end.
  void ignore_unnamed() {
    const auto ignore = [this](Column& column, const char* where) {
      column.meaning = Meaning::Ignored;
      notes_.push_back(std::string(where) + " is ignored");
    };
    if (columns_.empty()) return;
    for (auto last = columns_.rbegin(); last != columns_.rend() && last->name.empty(); ++last) {
      last->meaning = Meaning::Ignored;
    }
    if (columns_.back().meaning == Meaning::Ignored) {
      notes_.push_back("a last column without a name is ignored");
    }
    Column& first = columns_.front();
    if (first.meaning == Meaning::Ignored) return;
    if (first.name.empty()) ignore(first, "the first column, which has no name,");
    if (first.name == "Unnamed: 0") ignore(first, "the first column, \"Unnamed: 0\",");
  }

  /// The column that an option names by its header. Without one, fails with a sentence.
  Column* find(const std::string& header, const char* option) {
    const auto with = [&](auto&& is_it) {
      const auto found = std::find_if(columns_.begin(), columns_.end(), is_it);
      return found == columns_.end() ? nullptr : &*found;
    };
    Column* found = with([&](const Column& column) { return column.header == header; });
    if (found == nullptr && !header.empty()) {
      found = with([&](const Column& column) { return clean_name(column.header) == header; });
    }
    if (found == nullptr) set_problem("there is no column " + header + " for " + option);
    return found;
  }

  /// "ITEM_ID=header"
  void map(const std::string& mapping) {
    const std::size_t equals = mapping.find('=');
    const Name* known = find_known(mapping.substr(0, equals));
    if (equals == std::string::npos || known == nullptr) {
      std::string names;
      for (const Name& name : kNames) names.append(names.empty() ? "" : ", ").append(name.column);
      return set_problem("--map " + mapping + ": expected NAME=COLUMN, NAME is one of " + names);
    }
    Column* column = find(mapping.substr(equals + 1), "--map");
    if (column == nullptr) return;
    if (column->is_mapped || column->meaning == Meaning::Ignored) {
      return set_problem("--map " + mapping + ": the column is mapped twice, or ignored");
    }
    column->meaning = known->meaning;
    column->name = known->column;
    column->is_mapped = true;
  }

  /// Keeps the first problem.
  void set_problem(std::string problem) {
    if (problem_.empty()) problem_ = std::move(problem);
  }

  void set_types(const char* option, const std::vector<std::string>& names, Type type) {
    for (const std::string& name : names) {
      Column* column = find(name, option);
      if (column == nullptr) continue;
      if (column->meaning != Meaning::Property) {
        set_problem("column " + name + " is no property column; " + option + " is for those");
      } else if (type == Type::Number && is_among(name, options_.texts)) {
        set_problem("column " + name + " is in both --text and --number");
      } else {
        column->type = type;
      }
    }
  }

  static bool is_among(const std::string& text, const std::vector<std::string>& texts) {
    return std::find(texts.begin(), texts.end(), text) != texts.end();
  }

  [[nodiscard]] bool is_null(const std::string& cell) const {
    return cell.empty() || is_among(cell, options_.nulls);
  }

  [[nodiscard]] Kind kind_of(const std::string& cell) const {
    if (is_null(cell)) return Kind::Nothing;
    if (is_kept_by_doubles(cell)) return Kind::Number;
    if (is_json_number(cell)) return Kind::UnsafeNumber;
    return options_.nulls.empty() && is_null_word(cell) ? Kind::NullWord : Kind::Text;
  }

  /// Whether the service would take the row, whatever ids it gets.
  static bool is_valid(const Row& row) {
    pe::PutEventsRequest request;
    request.tracking_id = "tracker";
    request.session_id = row.session_id.empty() ? "session" : row.session_id;
    if (!row.user_id.empty()) request.user_id = row.user_id;
    request.event_list.push_back(row.event);
    return pe::detail::wire::validate(request).has_value();
  }

  [[nodiscard]] bool is_required(Meaning meaning) const {
    switch (meaning) {
      case Meaning::Timestamp:
      case Meaning::EventType:
      case Meaning::Session: return true;
      case Meaning::User: return !has_session();  // or there is nothing to tell sessions by
      default: return false;
    }
  }

  [[nodiscard]] bool has(Meaning meaning) const {
    return std::any_of(columns_.begin(), columns_.end(),
                       [meaning](const Column& column) { return column.meaning == meaning; });
  }

  [[nodiscard]] std::string find_problem() const {
    if (!has(Meaning::Timestamp)) return "there is no column TIMESTAMP";
    if (!has(Meaning::EventType) && options_.event_type.empty()) {
      return "there is no column EVENT_TYPE, and no --event-type";
    }
    if (has(Meaning::EventType) && !options_.event_type.empty()) {
      return "--event-type: there is a column EVENT_TYPE; --ignore it, or omit --event-type";
    }
    if (!has(Meaning::User) && !has_session()) {
      return "there is neither a column SESSION_ID nor USER_ID to tell sessions by";
    }
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const Column& column = columns_[i];
      if (column.meaning == Meaning::Ignored) continue;
      if (column.name.empty()) return "column " + std::to_string(i + 1) + " has no name";
      for (std::size_t before = 0; before < i; ++before) {
        const bool is_same =
            columns_[before].meaning == column.meaning &&
            (column.meaning != Meaning::Property || columns_[before].name == column.name);
        if (is_same) {
          return "columns " + std::to_string(before + 1) + " and " + std::to_string(i + 1) + " (" +
                 shown_name(columns_[before].header) + ", " + shown_name(column.header) +
                 ") are both " + column.name + "; --ignore one of them";
        }
      }
    }
    return {};
  }

  void put(const Column& column, const std::string& cell, RowOrProblem& made,
           pe::Properties& properties) const {
    pe::Event& event = made.row.event;
    switch (column.meaning) {
      case Meaning::User: made.row.user_id = cell; break;
      case Meaning::Session: made.row.session_id = cell; break;
      case Meaning::Item: event.item_id = cell; break;
      case Meaning::EventType: event.event_type = cell; break;
      case Meaning::Impression: event.impression = split_at_bars(cell); break;
      case Meaning::Recommendation: event.recommendation_id = cell; break;
      case Meaning::AttributionSource: event.metric_attribution = {cell}; break;
      case Meaning::EventId: event.event_id = cell; break;
      case Meaning::Timestamp: event.sent_at = parse_timestamp(cell, made.problem); break;
      case Meaning::EventValue:
        event.event_value = parse_number(cell);
        if (!event.event_value) made.problem = "EVENT_VALUE: not a number";
        if (event.event_value && !fits_float(*event.event_value)) {
          made.problem = "EVENT_VALUE: beyond the range of a float";
        }
        break;
      case Meaning::Ignored: break;
      case Meaning::Property: put_property(column, cell, made, properties); break;
    }
  }

  void put_property(const Column& column, const std::string& cell, RowOrProblem& made,
                    pe::Properties& properties) const {
    if (!column.is_number()) {
      properties.set(column.name, cell);
    } else if (auto number = number_property(cell)) {
      properties.set(column.name, *std::move(number));
    } else if (options_.nulls.empty() && is_null_word(cell)) {
      return;  // no value
    } else if (column.type == Type::Number) {
      made.problem = column.header + ": not a number";
    } else {
      properties.set(column.name, cell);  // of a row that is not accepted for another reason
    }
  }

  ColumnOptions options_;
  std::vector<Column> columns_;
  std::string problem_{};
  std::vector<std::string> notes_{};
  std::vector<std::pair<std::size_t, Kind>> found_{};  // in one record; memory that is reused
};

}  // namespace tools::send

#endif
