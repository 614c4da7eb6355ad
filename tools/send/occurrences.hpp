// SPDX-License-Identifier: Apache-2.0
//
// Occurrences: of identical rows, which is the first, the second and so on. Of a file that is read
// twice by sorting, in memory that does not grow; of a stream by counting each content.
#ifndef TOOLS_SEND_OCCURRENCES_HPP
#define TOOLS_SEND_OCCURRENCES_HPP

#include <personalize_events/personalize_events.hpp>

#include <cstdint>
#include <unordered_map>
#include <utility>

#include "external_sort.hpp"
#include "identity.hpp"

namespace tools::send {

/// Rows are added at the first reading, and asked for in their order at the second. Errors:
/// Storage.
class Occurrences {
 public:
  explicit Occurrences(SortMemory memory = {}) : rows_(memory), repeats_(memory) {}

  [[nodiscard]] pe::Result<void> add(const Fingerprint& content, std::uint64_t row) {
    return rows_.add({content, row});
  }

  /// Ends the adding: of all rows only those that repeat another are kept.
  [[nodiscard]] pe::Result<void> finish() {
    if (auto sorted = rows_.finish(); !sorted) return sorted;
    SeenRow seen;
    Fingerprint content;
    std::uint64_t occurrence = 0;
    while (true) {
      const auto got = rows_.next(seen);
      if (!got) return got.error();
      if (!*got) break;
      occurrence = occurrence > 0 && seen.content == content ? occurrence + 1 : 1;
      content = seen.content;
      if (occurrence == 1) continue;
      if (auto added = repeats_.add({seen.row, occurrence}); !added) return added;
    }
    rows_ = ExternalSort<SeenRow>{};
    if (auto sorted = repeats_.finish(); !sorted) return sorted;
    return advance();
  }

  /// Which of its like a row is, from 1. Each row asked for stands below the one before.
  [[nodiscard]] pe::Result<std::uint64_t> of(std::uint64_t row) {
    while (has_repeat_ && repeat_.row < row) {
      if (auto advanced = advance(); !advanced) return std::move(advanced).error();
    }
    return has_repeat_ && repeat_.row == row ? repeat_.occurrence : 1;
  }

 private:
  struct SeenRow {
    Fingerprint content{};
    std::uint64_t row{0};
    [[nodiscard]] bool operator<(const SeenRow& other) const {
      return content == other.content ? row < other.row : content < other.content;
    }
  };
  struct Repeat {
    std::uint64_t row{0};
    std::uint64_t occurrence{0};
    [[nodiscard]] bool operator<(const Repeat& other) const { return row < other.row; }
  };

  pe::Result<void> advance() {
    auto got = repeats_.next(repeat_);
    if (!got) return std::move(got).error();
    has_repeat_ = *got;
    return {};
  }

  ExternalSort<SeenRow> rows_;
  ExternalSort<Repeat> repeats_;
  Repeat repeat_{};
  bool has_repeat_{false};
};

/// The same of a stream. It keeps about 60 bytes for each content that it has seen.
class RunningOccurrences {
 public:
  /// Which of its like the next row is, from 1.
  [[nodiscard]] std::uint64_t next(const Fingerprint& content) { return ++counts_[content]; }

 private:
  std::unordered_map<Fingerprint, std::uint64_t, Fingerprint::Hash> counts_{};
};

}  // namespace tools::send

#endif
