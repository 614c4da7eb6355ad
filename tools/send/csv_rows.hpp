// SPDX-License-Identifier: Apache-2.0
//
// CsvRows: the rows of a CSV file. The first reading finds out which property columns are numbers;
// of a stream, which is read once, the user names them.
#ifndef TOOLS_SEND_CSV_ROWS_HPP
#define TOOLS_SEND_CSV_ROWS_HPP

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "columns.hpp"
#include "csv.hpp"
#include "rows.hpp"

namespace tools::send {

class CsvRows final : public RowReader {
 public:
  /// Of a file: the first reading surveys all cells.
  CsvRows() = default;
  /// Of a stream: the columns with these names are numbers.
  explicit CsvRows(std::vector<std::string> number_columns)
      : number_columns_(std::move(number_columns)) {}

  [[nodiscard]] std::string begin(ReadSome read_some) override {
    reader_.emplace(std::move(read_some));
    Record header;
    if (!reader_->next(header) || !header.problem.empty()) {
      return failure() ? pe::to_string(*failure()) : "the first line does not name columns";
    }
    is_surveying_ = !columns_ && !number_columns_;
    if (columns_) return {};
    header_ = std::move(header.text);
    columns_.emplace(header.cells);
    if (number_columns_ && columns_->problem().empty()) columns_->name_numbers(*number_columns_);
    return columns_->problem();
  }

  [[nodiscard]] bool next(RowOrProblem& out) override {
    if (!reader_->next(record_)) return false;
    if (record_.problem.empty()) {
      if (is_surveying_) columns_->survey(record_.cells);
      out = columns_->row_of(record_.cells);
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

 private:
  std::optional<std::vector<std::string>> number_columns_{};
  std::optional<CsvReader> reader_{};
  std::optional<Columns> columns_{};
  std::string header_{};
  Record record_{};
  bool is_surveying_{false};
};

}  // namespace tools::send

#endif
