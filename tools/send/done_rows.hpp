// SPDX-License-Identifier: Apache-2.0
//
// DoneRows: which rows of a file are done, of which most follow each other. A state file keeps it
// (run_state.hpp), so that `--resume` skips just them.
#ifndef TOOLS_SEND_DONE_ROWS_HPP
#define TOOLS_SEND_DONE_ROWS_HPP

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>

namespace tools::send {

/// Rows by number. Rows leave the file in about its order, so there are no more ranges than rows
/// are waiting to be sent.
class DoneRows {
 public:
  /// All rows below it are done.
  [[nodiscard]] std::uint64_t low_water() const { return low_water_; }
  /// The others that are done: from each key up to its value, in order, none touching another.
  [[nodiscard]] const std::map<std::uint64_t, std::uint64_t>& ranges() const { return ranges_; }

  [[nodiscard]] bool has(std::uint64_t row) const {
    if (row < low_water_) return true;
    const auto after = ranges_.upper_bound(row);
    return after != ranges_.begin() && row < std::prev(after)->second;
  }

  /// Rows that are done in all.
  [[nodiscard]] std::uint64_t count() const {
    std::uint64_t count = low_water_;
    for (const auto& [begin, end] : ranges_) count += end - begin;
    return count;
  }

  void add(std::uint64_t row) { add(row, row + 1); }

  /// Adds the rows from `begin` up to `end`, of which none is there yet.
  void add(std::uint64_t begin, std::uint64_t end) {
    auto after = ranges_.lower_bound(begin);
    if (after != ranges_.end() && after->first == end) {
      end = after->second;
      after = ranges_.erase(after);
    }
    if (begin == low_water_) {
      low_water_ = end;
      return;
    }
    if (after != ranges_.begin() && std::prev(after)->second == begin) {
      std::prev(after)->second = end;
    } else {
      ranges_.emplace_hint(after, begin, end);
    }
  }

 private:
  std::uint64_t low_water_{0};
  std::map<std::uint64_t, std::uint64_t> ranges_{};
};

}  // namespace tools::send

#endif
