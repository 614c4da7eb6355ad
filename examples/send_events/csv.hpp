// SPDX-License-Identifier: Apache-2.0
//
// CsvReader: the records of a CSV file (RFC 4180), one at a time, byte for byte. A record that is
// not well formed costs its own line and no other: send_events.cpp reports it and goes on.
#ifndef SEND_EVENTS_CSV_HPP
#define SEND_EVENTS_CSV_HPP

#include <cstddef>
#include <deque>
#include <istream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace send_events {

/// One record, or what is wrong with it.
struct Record {
  std::size_t line{0};  ///< where it begins, from 1
  std::vector<std::string> cells{};
  std::string text{};     ///< as it stands in the file, without the last line's end
  std::string problem{};  ///< empty: the cells are good
};

/// Takes the lines of one record apart.
class RecordParser {
 public:
  enum class State { Complete, InsideQuotes, Malformed };

  /// Parses one more line, without its line feed.
  State feed(std::string_view line) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      const bool ends_line = line[i] == '\r' && i + 1 == line.size();
      if (ends_line && place_ != Place::Quoted) break;  // CRLF
      if (!take(line[i])) return State::Malformed;
    }
    if (place_ == Place::Quoted) {
      cell_.push_back('\n');
      size_ += line.size() + 1;
      return State::InsideQuotes;
    }
    end_cell();
    return State::Complete;
  }

  /// Bytes of the lines so far that were not the record's last.
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::vector<std::string> take_cells() { return std::move(cells_); }

 private:
  enum class Place { CellStart, Plain, Quoted, AfterQuote };

  bool take(char c) {
    switch (place_) {
      case Place::CellStart:
      case Place::Plain:
        if (c == ',') {
          end_cell();
        } else if (c == '"' && place_ == Place::CellStart) {
          place_ = Place::Quoted;
        } else {
          cell_.push_back(c);
          place_ = Place::Plain;
        }
        return true;
      case Place::Quoted:
        if (c == '"') {
          place_ = Place::AfterQuote;
        } else {
          cell_.push_back(c);
        }
        return true;
      case Place::AfterQuote:
        if (c == '"') {
          cell_.push_back('"');
          place_ = Place::Quoted;
        } else if (c == ',') {
          end_cell();
        } else {
          return false;
        }
        return true;
    }
    return false;
  }

  void end_cell() {
    cells_.push_back(std::move(cell_));
    cell_.clear();
    place_ = Place::CellStart;
  }

  Place place_{Place::CellStart};
  std::string cell_{};
  std::vector<std::string> cells_{};
  std::size_t size_{0};
};

/// Reads records from a stream. A byte order mark and empty lines are skipped; lines may end in LF
/// or CRLF. The first record tells how many cells each has.
class CsvReader {
 public:
  /// The longest record with line breaks inside quotes. A quote that is never closed would
  /// otherwise hold the whole rest of the file.
  static constexpr std::size_t kLongestRecord = 1U << 20U;

  explicit CsvReader(std::istream& input) : input_(input) {}

  /// The next record; false at the end of the file. After a record with a problem, reading goes on
  /// at the line below the one on which it began.
  bool next(Record& record) {
    std::string line;
    do {
      if (!take_line(line)) return false;
    } while (line.empty() || line == "\r");
    record = Record{line_};
    record.text = line;

    RecordParser parser;
    std::vector<std::string> more_lines;
    RecordParser::State state = parser.feed(line);
    while (state == RecordParser::State::InsideQuotes && parser.size() < kLongestRecord &&
           take_line(line)) {
      state = parser.feed(line);
      more_lines.push_back(std::move(line));
    }
    record.cells = parser.take_cells();
    if (cell_count_ == 0) cell_count_ = record.cells.size();
    record.problem = problem_of(state, record.cells.size());
    if (!record.problem.empty()) {
      give_back(std::move(more_lines));
    } else {
      for (const std::string& more : more_lines) record.text.append("\n").append(more);
    }
    if (!record.text.empty() && record.text.back() == '\r') record.text.pop_back();
    return true;
  }

 private:
  bool take_line(std::string& line) {
    if (!given_back_.empty()) {
      line = std::move(given_back_.front());
      given_back_.pop_front();
    } else if (!std::getline(input_, line)) {
      return false;
    }
    ++line_;
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    if (line_ == 1 && line.compare(0, byte_order_mark.size(), byte_order_mark) == 0) {
      line.erase(0, byte_order_mark.size());
    }
    return true;
  }

  void give_back(std::vector<std::string> lines) {
    line_ -= lines.size();
    for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
      given_back_.push_front(std::move(*line));
    }
  }

  [[nodiscard]] std::string problem_of(RecordParser::State state, std::size_t cells) const {
    if (state == RecordParser::State::InsideQuotes) return "a quote is opened and never closed";
    if (state == RecordParser::State::Malformed) {
      return "text after a closing quote; a quote inside a quoted cell is written twice";
    }
    if (cells == cell_count_) return {};
    return std::to_string(cells) + (cells == 1 ? " cell, " : " cells, ") +
           std::to_string(cell_count_) + " expected";
  }

  std::istream& input_;
  std::deque<std::string> given_back_{};
  std::size_t line_{0};
  std::size_t cell_count_{0};
};

}  // namespace send_events

#endif
