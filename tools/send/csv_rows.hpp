// SPDX-License-Identifier: Apache-2.0
//
// CsvRows: the rows of a CSV file. The first pass decides which property columns are numbers; of a
// stream, which is read once, the user names them.
#ifndef TOOLS_SEND_CSV_ROWS_HPP
#define TOOLS_SEND_CSV_ROWS_HPP

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "column_options.hpp"
#include "columns.hpp"
#include "csv.hpp"
#include "rows.hpp"

namespace tools::send {

class CsvRows final : public RowReader {
 public:
  /// Of a file, the first pass decides the types of property columns that `options` do not name; of
  /// a stream, they are text.
  explicit CsvRows(ColumnOptions options = {}, bool is_stream = false)
      : options_(std::move(options)), is_stream_(is_stream) {}

  [[nodiscard]] std::string begin(ReadSome read_some) override {
    reader_.emplace(std::move(read_some), delimiter_of(options_.delimiter));
    Record header;
    const bool has_header = reader_->next(header) && header.problem.empty();
    if (failure()) return pe::to_string(*failure());
    is_surveying_ = !columns_;
    if (columns_ && has_header) return {};
    header_ = std::move(header.text);
    if (has_header) columns_.emplace(header.cells, options_, is_stream_);
    if (has_header && columns_->problem().empty()) return {};
    const char* other = other_delimiter(header_);
    if (other != nullptr && header_.find(reader_->delimiter()) == std::string::npos) {
      return "the first line has no \"" + std::string(1, reader_->delimiter()) +
             "\"; if its cells are separated otherwise, give --delimiter " + other;
    }
    return has_header ? columns_->problem() : "the first line does not name columns";
  }

  [[nodiscard]] bool next(RowOrProblem& out) override {
    if (!reader_->next(record_)) return false;
    if (record_.problem.empty()) {
      out = columns_->row_of(record_.cells);
      if (is_surveying_) columns_->survey(record_.cells, out);
    } else {
      out.row = Row();
      out.problem = record_.problem;
    }
    // Member by member, because GCC 12 warns of temporary objects here (-Wmaybe-uninitialized).
    out.row.origin.line = record_.line;
    out.row.origin.number = 0;
    out.row.origin.bytes = record_.bytes;
    out.row.origin.text = record_.text;
    return true;
  }

  /// The cells that matter, and --event-type.
  [[nodiscard]] const std::vector<std::string>& content() const override {
    return columns_->content_of(record_.cells, content_);
  }

  [[nodiscard]] const std::optional<pe::Error>& failure() const override {
    return reader_->failure();
  }
  [[nodiscard]] std::string columns() const override { return header_; }
  [[nodiscard]] std::vector<std::string> notes() const override {
    if (!columns_) return {};
    std::vector<std::string> notes = columns_->notes();
    for (std::string& note : columns_->type_notes()) notes.push_back(std::move(note));
    return notes;
  }

 private:
  /// How --delimiter names the character that may separate the cells of this line.
  static const char* other_delimiter(std::string_view line) {
    constexpr std::pair<char, const char*> others[] = {
        {';', "';'"}, {'\t', "tab"}, {'|', "'|'"}, {',', "','"}};
    for (const auto& [character, name] : others) {
      if (line.find(character) != std::string_view::npos) return name;
    }
    return nullptr;
  }

  ColumnOptions options_;
  bool is_stream_;
  std::optional<CsvReader> reader_{};
  std::optional<Columns> columns_{};
  std::string header_{};
  Record record_{};
  mutable std::vector<std::string> content_{};  // memory of content()
  bool is_surveying_{false};
};

}  // namespace tools::send

#endif
