// SPDX-License-Identifier: Apache-2.0
//
// JsonRows: the rows of a JSON Lines file. A line with several events is as many rows.
#ifndef TOOLS_SEND_JSON_ROWS_HPP
#define TOOLS_SEND_JSON_ROWS_HPP

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "json_lines.hpp"
#include "rows.hpp"

namespace tools::send {

class JsonRows final : public RowReader {
 public:
  /// `tracking_id` is what the user says; empty: each line must say it.
  explicit JsonRows(std::string tracking_id) : tracking_id_(std::move(tracking_id)) {}

  [[nodiscard]] std::string begin(ReadSome read_some) override {
    lines_.emplace(std::move(read_some));
    line_ = 0;
    waiting_.clear();
    return {};
  }

  [[nodiscard]] bool next(RowOrProblem& out) override {
    if (!waiting_.empty()) {
      take_waiting(out);
      return true;
    }
    Line line;
    std::size_t bytes = 0;
    do {
      if (!lines_->next(line)) return false;
      ++line_;
      bytes += line.bytes;
    } while (!line.is_cut && line.text.find_first_not_of(" \t\r") == std::string_view::npos);
    if (!line.text.empty() && line.text.back() == '\r') line.text.remove_suffix(1);
    content_.front().assign(line.text);
    read(line, out);
    out.row.origin.line = line_;
    out.row.origin.bytes = bytes;
    return true;
  }

  /// The line, or of a request the event's own.
  [[nodiscard]] const std::vector<std::string>& content() const override { return content_; }

  [[nodiscard]] const std::optional<pe::Error>& failure() const override {
    return lines_->failure();
  }

 private:
  void read(const Line& line, RowOrProblem& out) {
    const auto refuse = [this, &out](std::string problem) {
      out = RowOrProblem{{}, std::move(problem)};
      out.row.origin.text = content_.front();
    };
    if (line.is_cut) return refuse("a line of more than 1 MiB");
    auto value = pe::detail::json::parse(line.text);
    if (!value) return refuse(problem_text(value.error()));
    if (value->find("eventList") == nullptr) {
      out = row_of_event(*std::move(value), tracking_id_);
      out.row.origin.text = content_.front();
      return;
    }
    SplitRequest split = split_request(*std::move(value));
    if (!split.problem.empty()) return refuse(std::move(split.problem));
    for (pe::detail::json::Value& event : split.events) waiting_.push_back(std::move(event));
    take_waiting(out);
  }

  void take_waiting(RowOrProblem& out) {
    content_.front() = json_text(waiting_.front());
    out = row_of_event(std::move(waiting_.front()), tracking_id_);
    waiting_.pop_front();
    out.row.origin = {line_, 0, 0, content_.front()};
  }

  std::string tracking_id_;
  std::optional<LineReader> lines_{};
  std::size_t line_{0};
  std::vector<std::string> content_ = std::vector<std::string>(1);
  std::deque<pe::detail::json::Value> waiting_{};  // the events of a request that are no row yet
};

}  // namespace tools::send

#endif
