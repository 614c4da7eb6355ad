// SPDX-License-Identifier: Apache-2.0
//
// CsvReader: the records of a CSV file (RFC 4180), one at a time, byte for byte. A record that is
// not well formed costs its own line and no other: the run reports it and goes on.
#ifndef TOOLS_SEND_CSV_HPP
#define TOOLS_SEND_CSV_HPP

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lines.hpp"

namespace tools::send {

/// One record, or what is wrong with it.
struct Record {
  std::size_t line{0};   ///< where it begins, from 1
  std::size_t bytes{0};  ///< that it took in the file, with the empty lines before it
  std::vector<std::string> cells{};
  std::string text{};     ///< as it stands in the file, without the last line's end
  std::string problem{};  ///< empty: the cells are good
};

/// Takes the lines of one record apart, into cells whose memory is used again.
class RecordParser {
 public:
  enum class State { Complete, InsideQuotes, Malformed };

  RecordParser(std::vector<std::string>& cells, char delimiter)
      : cells_(cells), delimiter_(delimiter) {}

  /// Parses one more line, without its line feed.
  State feed(std::string_view line) {
    if (place_ == Place::CellStart && line.find('"') == std::string_view::npos) return split(line);
    for (std::size_t i = 0; i < line.size(); ++i) {
      const bool ends_line = line[i] == '\r' && i + 1 == line.size();
      if (ends_line && place_ != Place::Quoted) break;  // CRLF
      if (!take(line[i])) return State::Malformed;
    }
    if (place_ == Place::Quoted) {
      cell().push_back('\n');
      size_ += line.size() + 1;
      return State::InsideQuotes;
    }
    end_cell();
    return end();
  }

  /// Bytes of the lines so far that were not the record's last.
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  enum class Place { CellStart, Plain, Quoted, AfterQuote };

  /// A line without quotes: most are.
  State split(std::string_view line) {
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    while (true) {
      const std::size_t delimiter = line.find(delimiter_);
      cell().assign(line.substr(0, delimiter));
      end_cell();
      if (delimiter == std::string_view::npos) return end();
      line.remove_prefix(delimiter + 1);
    }
  }

  bool take(char c) {
    switch (place_) {
      case Place::CellStart:
      case Place::Plain:
        if (c == delimiter_) {
          end_cell();
        } else if (c == '"' && place_ == Place::CellStart) {
          cell();
          place_ = Place::Quoted;
        } else {
          cell().push_back(c);
          place_ = Place::Plain;
        }
        return true;
      case Place::Quoted:
        if (c == '"') {
          place_ = Place::AfterQuote;
        } else {
          cell().push_back(c);
        }
        return true;
      case Place::AfterQuote:
        if (c == '"') {
          cell().push_back('"');
          place_ = Place::Quoted;
        } else if (c == delimiter_) {
          end_cell();
        } else {
          return false;
        }
        return true;
    }
    return false;
  }

  /// The cell that is being filled.
  std::string& cell() {
    if (!is_open_) {
      if (count_ == cells_.size()) cells_.emplace_back();
      cells_[count_].clear();
      is_open_ = true;
    }
    return cells_[count_];
  }
  void end_cell() {
    cell();
    is_open_ = false;
    ++count_;
    place_ = Place::CellStart;
  }
  State end() {
    cells_.resize(count_);
    return State::Complete;
  }

  std::vector<std::string>& cells_;
  char delimiter_;
  std::size_t count_{0};
  bool is_open_{false};
  Place place_{Place::CellStart};
  std::size_t size_{0};
};

/// Reads records. A byte order mark and empty lines are skipped; lines may end in LF or CRLF. The
/// first record tells how many cells each has.
class CsvReader {
 public:
  /// The longest record with line breaks inside quotes. A quote that is never closed would
  /// otherwise hold the whole rest of the file.
  static constexpr std::size_t kLongestRecord = LineReader::kLongestLine;

  /// Without `delimiter`: a comma, unless the first line is "sep=;" as Excel writes it, which then
  /// names another one. That line is no record, whether or not `delimiter` is given.
  explicit CsvReader(ReadSome read_some, std::optional<char> delimiter = std::nullopt)
      : lines_(std::move(read_some)), delimiter_(delimiter) {}

  [[nodiscard]] char delimiter() const { return delimiter_.value_or(','); }

  /// Why reading ended before the end.
  [[nodiscard]] const std::optional<pe::Error>& failure() const { return lines_.failure(); }

  /// The next record; false at the end of the file, and after a failure. After a record with a
  /// problem, reading goes on at the line below the one on which it began. A record's memory is
  /// used again.
  [[nodiscard]] bool next(Record& record) {
    record.bytes = 0;
    Line line;
    do {
      if (!take_line(line)) return false;
      record.bytes += line.bytes;
    } while (line.text.empty() || line.text == "\r" || is_separator_line(line.text));
    record.line = line_;
    record.text.assign(line.text);
    record.problem.clear();
    if (line.is_cut) {
      record.problem = "a line of more than 1 MiB";
      return true;
    }
    read_cells(record);
    if (failure()) return false;  // within quotes: what was read is a part of a record
    if (!record.text.empty() && record.text.back() == '\r') record.text.pop_back();
    return true;
  }

 private:
  struct KeptLine {
    std::string text{};
    std::size_t bytes{0};
    bool is_cut{false};
  };

  void read_cells(Record& record) {
    RecordParser parser(record.cells, delimiter());
    std::vector<KeptLine> more_lines;
    RecordParser::State state = parser.feed(record.text);
    Line line;
    while (state == RecordParser::State::InsideQuotes && parser.size() < kLongestRecord &&
           take_line(line)) {
      more_lines.push_back({std::string(line.text), line.bytes, line.is_cut});
      if (line.is_cut) break;
      state = parser.feed(line.text);
    }
    if (cell_count_ == 0) cell_count_ = record.cells.size();
    record.problem = problem_of(state, record.cells.size());
    if (!record.problem.empty()) return give_back(std::move(more_lines));
    for (const KeptLine& more : more_lines) {
      record.text.append("\n").append(more.text);
      record.bytes += more.bytes;
    }
  }

  /// "sep=;" before the first record.
  bool is_separator_line(std::string_view line) {
    if (cell_count_ != 0) return false;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.substr(0, 4) != "sep=" || line.size() != 5) return false;
    constexpr std::string_view supported = ",;|\t";
    if (supported.find(line.back()) == std::string_view::npos) return false;
    if (!delimiter_) delimiter_ = line.back();
    return true;
  }

  bool take_line(Line& line) {
    if (given_back_.empty()) {
      if (!lines_.next(line)) return false;
    } else {
      again_ = std::move(given_back_.front());
      given_back_.pop_front();
      line = {again_.text, again_.bytes, again_.is_cut};
    }
    ++line_;
    return true;
  }

  void give_back(std::vector<KeptLine> lines) {
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

  LineReader lines_;
  std::optional<char> delimiter_;
  std::deque<KeptLine> given_back_{};
  KeptLine again_{};
  std::size_t line_{0};
  std::size_t cell_count_{0};
};

}  // namespace tools::send

#endif
