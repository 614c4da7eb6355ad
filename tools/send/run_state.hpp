// SPDX-License-Identifier: Apache-2.0
//
// RunState: how far a run has come, as `--resume` keeps it, and as JSON:
//   {"version":2,"input":{...},"rows":4792,"doneUpTo":1200,"doneRanges":[[1210,1220]],"sent":1205,
//    "rejected":5,"rejects":{"path":"5891b5b5...","size":512},"complete":false}
#ifndef TOOLS_SEND_RUN_STATE_HPP
#define TOOLS_SEND_RUN_STATE_HPP

#include <personalize_events/detail/json/reader.hpp>
#include <personalize_events/detail/json/writer.hpp>
#include <personalize_events/personalize_events.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "done_rows.hpp"
#include "numbers.hpp"

namespace tools::send {

namespace pe = personalize_events;

/// What a state belongs to. Rows are the same, with the same ids, only while all of it is.
struct InputIdentity {
  std::uint64_t size{0};
  std::int64_t changed{0};  ///< nanoseconds since 1970
  std::string head{};       ///< SHA-256 of the first 64 KiB
  std::string columns{};    ///< SHA-256 of the line that names the columns
  std::string format{};
  std::string tracking_id{};     ///< its SHA-256
  std::uint64_t session_gap{0};  ///< minutes
  std::string column_options{};  ///< SHA-256 of the options that change how columns are read

  /// What differs, as people say it; empty when nothing does.
  [[nodiscard]] std::string difference(const InputIdentity& other) const {
    if (size != other.size) return "the file's size";
    if (changed != other.changed) return "the file's time of change";
    if (head != other.head) return "the file's beginning";
    if (columns != other.columns) return "the line of columns";
    if (format != other.format) return "--format";
    if (tracking_id != other.tracking_id) return "--tracking-id";
    if (session_gap != other.session_gap) return "--session-gap";
    if (column_options != other.column_options) return "an option for columns, such as --number,";
    return {};
  }
};

struct RunState {
  static constexpr std::uint64_t kVersion = 2;

  InputIdentity input{};
  std::uint64_t rows{0};  ///< of the whole file
  DoneRows done{};
  std::uint64_t sent{0};  ///< of those done, in all runs
  std::uint64_t rejected{0};
  std::string rejects_path{};     ///< its SHA-256
  std::uint64_t rejects_size{0};  ///< bytes of that file that tell of rows which are done

  [[nodiscard]] bool is_complete() const { return rows > 0 && done.low_water() >= rows; }
};

[[nodiscard]] inline std::string to_json(const RunState& state) {
  std::string text;
  pe::detail::json::Writer writer(text);
  const auto number = [&writer](std::string_view name, std::uint64_t value) {
    writer.key(name);
    writer.number(value);
  };
  const auto string = [&writer](std::string_view name, const std::string& value) {
    writer.key(name);
    writer.string(value);
  };
  writer.begin_object();
  number("version", RunState::kVersion);
  writer.key("input");
  writer.begin_object();
  number("size", state.input.size);
  writer.key("changed");
  writer.number(state.input.changed);
  string("head", state.input.head);
  string("columns", state.input.columns);
  string("format", state.input.format);
  string("trackingId", state.input.tracking_id);
  number("sessionGap", state.input.session_gap);
  string("columnOptions", state.input.column_options);
  writer.end_object();
  number("rows", state.rows);
  number("doneUpTo", state.done.low_water());
  writer.key("doneRanges");
  writer.begin_array();
  for (const auto& [begin, end] : state.done.ranges()) {
    writer.begin_array();
    writer.number(begin);
    writer.number(end);
    writer.end_array();
  }
  writer.end_array();
  number("sent", state.sent);
  number("rejected", state.rejected);
  writer.key("rejects");
  writer.begin_object();
  string("path", state.rejects_path);
  number("size", state.rejects_size);
  writer.end_object();
  writer.key("complete");
  writer.boolean(state.is_complete());
  writer.end_object();
  return text.append("\n");
}

/// Takes members out of a JSON object; what is missing or of another type makes it bad.
class StateReader {
 public:
  explicit StateReader(const pe::detail::json::Value& object) : object_(object) {}

  [[nodiscard]] bool good() const { return good_; }

  template <class Integer>
  void read(std::string_view name, Integer& out) {
    const pe::detail::json::Value* value = object_.find(name);
    const auto number = value == nullptr ? std::nullopt : integer<Integer>(*value);
    good_ = good_ && number.has_value();
    out = number.value_or(0);
  }
  void read(std::string_view name, std::string& out) {
    const std::string* text = object_.find_string(name);
    good_ = good_ && text != nullptr;
    if (text != nullptr) out = *text;
  }
  /// Ranges in order, beyond the rows that are done already.
  void read(std::string_view name, DoneRows& out) {
    const pe::detail::json::Value* list = object_.find(name);
    good_ = good_ && list != nullptr && list->is(pe::detail::json::Value::Type::Array);
    if (!good_) return;
    std::uint64_t last = out.low_water();
    for (const pe::detail::json::Value& range : list->items) {
      if (range.items.size() != 2) return fail();
      const auto begin = integer<std::uint64_t>(range.items[0]);
      const auto end = integer<std::uint64_t>(range.items[1]);
      if (!begin || !end || *begin <= last || *end <= *begin) return fail();
      out.add(*begin, *end);
      last = *end;
    }
  }
  /// The member that is an object, or one without members.
  [[nodiscard]] pe::detail::json::Value object(std::string_view name) const {
    const pe::detail::json::Value* value = object_.find(name);
    return value == nullptr ? pe::detail::json::Value{} : *value;
  }

 private:
  template <class Integer>
  static std::optional<Integer> integer(const pe::detail::json::Value& value) {
    if (!value.is(pe::detail::json::Value::Type::Number)) return std::nullopt;
    return parse_integer<Integer>(value.text);
  }
  void fail() { good_ = false; }

  const pe::detail::json::Value& object_;
  bool good_{true};
};

/// A state from its text. Errors: Configuration, without a place.
[[nodiscard]] inline pe::Result<RunState> run_state_from(std::string_view text) {
  const auto refuse = [](std::string message) {
    return pe::detail::make_error(pe::ErrorKind::Configuration, {}, std::move(message));
  };
  const char* foreign =
      "is no state of personalize-events send; name another file, or remove this one";
  const auto parsed = pe::detail::json::parse(text);
  if (!parsed) return refuse(foreign);
  StateReader reader(*parsed);
  std::uint64_t version = 0;
  reader.read("version", version);
  if (!reader.good()) return refuse(foreign);
  if (version != RunState::kVersion) {
    return refuse(
        "was written by another version of personalize-events; finish the file with that one");
  }
  RunState state;
  const pe::detail::json::Value input = reader.object("input");
  const pe::detail::json::Value rejects = reader.object("rejects");
  StateReader of_input(input);
  StateReader of_rejects(rejects);
  std::uint64_t low_water = 0;
  of_input.read("size", state.input.size);
  of_input.read("changed", state.input.changed);
  of_input.read("head", state.input.head);
  of_input.read("columns", state.input.columns);
  of_input.read("format", state.input.format);
  of_input.read("trackingId", state.input.tracking_id);
  of_input.read("sessionGap", state.input.session_gap);
  of_input.read("columnOptions", state.input.column_options);
  reader.read("rows", state.rows);
  reader.read("doneUpTo", low_water);
  if (low_water > 0) state.done.add(0, low_water);
  reader.read("doneRanges", state.done);
  reader.read("sent", state.sent);
  reader.read("rejected", state.rejected);
  of_rejects.read("path", state.rejects_path);
  of_rejects.read("size", state.rejects_size);
  if (!reader.good() || !of_input.good() || !of_rejects.good()) return refuse(foreign);
  return state;
}

}  // namespace tools::send

#endif
