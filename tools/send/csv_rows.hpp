// SPDX-License-Identifier: Apache-2.0
//
// CsvRows: the rows of a CSV file. The first pass decides which property columns are numbers; of a
// stream, which is read once, the user names them.
#ifndef TOOLS_SEND_CSV_ROWS_HPP
#define TOOLS_SEND_CSV_ROWS_HPP

#include <optional>
#include <string>
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
    reader_.emplace(std::move(read_some));
    Record header;
    if (!reader_->next(header) || !header.problem.empty()) {
      return failure() ? pe::to_string(*failure()) : "the first line does not name columns";
    }
    is_surveying_ = !columns_;
    if (columns_) return {};
    header_ = std::move(header.text);
    columns_.emplace(header.cells, options_, is_stream_);
    return columns_->problem();
  }

  [[nodiscard]] bool next(RowOrProblem& out) override {
    if (!reader_->next(record_)) return false;
    if (record_.problem.empty()) {
      out = columns_->row_of(record_.cells);
      if (is_surveying_) columns_->survey(record_.cells, out);
    } else {
      out = RowOrProblem{{}, record_.problem};
    }
    out.row.origin = {record_.line, 0, record_.bytes, record_.text};
    return true;
  }

  /// The cells.
  [[nodiscard]] const std::vector<std::string>& content() const override { return record_.cells; }

  [[nodiscard]] const std::optional<pe::Error>& failure() const override {
    return reader_->failure();
  }
  [[nodiscard]] std::string columns() const override { return header_; }
  [[nodiscard]] std::vector<std::string> notes() const override {
    return columns_ ? columns_->type_notes() : std::vector<std::string>{};
  }

 private:
  ColumnOptions options_;
  bool is_stream_;
  std::optional<CsvReader> reader_{};
  std::optional<Columns> columns_{};
  std::string header_{};
  Record record_{};
  bool is_surveying_{false};
};

}  // namespace tools::send

#endif
