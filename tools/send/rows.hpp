// SPDX-License-Identifier: Apache-2.0
//
// Rows: what a file of events is made of, whatever its format. A row is an event, and whose it is;
// csv_rows.hpp and json_rows.hpp read them.
#ifndef TOOLS_SEND_ROWS_HPP
#define TOOLS_SEND_ROWS_HPP

#include <personalize_events/personalize_events.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lines.hpp"

namespace tools::send {

namespace pe = personalize_events;

/// Where a row stands in the file.
struct Origin {
  std::size_t line{0};      ///< from 1
  std::uint64_t number{0};  ///< of the row, from 0; good and bad rows count
  std::size_t bytes{0};     ///< that it takes there
  std::string text{};       ///< as it stands there
};

/// One good row.
struct Row {
  Origin origin{};
  std::string tracking_id{};  ///< empty: the file does not say
  std::string user_id{};      ///< empty: anonymous
  std::string session_id{};   ///< empty: the file does not say
  pe::Event event{};
};

/// A Row, or why there is none.
struct RowOrProblem {
  Row row{};              ///< with a problem only its origin
  std::string problem{};  ///< names the column or member; never its content
};

/// Reads the rows of one format. Once for a stream; of a file a second reading begins by `begin`.
class RowReader {
 public:
  virtual ~RowReader() = default;

  /// Starts at the first byte. Answers why events cannot be made of this file; empty when they can.
  [[nodiscard]] virtual std::string begin(ReadSome read_some) = 0;

  /// The next row; false at the end, and after a failure.
  [[nodiscard]] virtual bool next(RowOrProblem& out) = 0;

  /// What the id of the row that came last is made of: rows with the same content are alike.
  [[nodiscard]] virtual const std::vector<std::string>& content() const = 0;

  /// Why reading ended before the end.
  [[nodiscard]] virtual const std::optional<pe::Error>& failure() const = 0;

  /// What the file says of its columns; empty when its format has none.
  [[nodiscard]] virtual std::string columns() const { return {}; }

  /// What the user may not expect of how the rows were read, as sentences. Complete after all rows.
  [[nodiscard]] virtual std::vector<std::string> notes() const { return {}; }
};

}  // namespace tools::send

#endif
