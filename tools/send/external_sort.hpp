// SPDX-License-Identifier: Apache-2.0
//
// ExternalSort: sorts more records than fit into memory. Runs of a fixed size are sorted in memory
// and spilled to a temporary file; the runs are merged when they are read. What fits into one run
// never touches the disk. Occurrences and gap sessions stand on it.
#ifndef TOOLS_SEND_EXTERNAL_SORT_HPP
#define TOOLS_SEND_EXTERNAL_SORT_HPP

#include <personalize_events/personalize_events.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "temp_file.hpp"

namespace tools::send {

namespace pe = personalize_events;

/// The memory of one sort.
struct SortMemory {
  std::size_t run_bytes{4U << 20U};    ///< of the run that is being filled
  std::size_t read_bytes{16U << 10U};  ///< of each run that is being merged
  std::size_t most_runs{64};           ///< at one level; then they are merged to one of the next
};

/// Sorted records as they are read back: of a run in a file, or in memory.
template <class Record>
class SortedRun {
 public:
  explicit SortedRun(std::vector<Record> records) : records_(std::move(records)) {}
  SortedRun(const TempFile& file, std::uint64_t begin, std::uint64_t end, std::size_t read_bytes)
      : file_(&file),
        place_(begin),
        end_(end),
        read_count_(std::max<std::size_t>(read_bytes / sizeof(Record), 1)) {}

  /// Makes `front` the first record, unless the run is over. Errors: Storage.
  [[nodiscard]] pe::Result<void> fetch() {
    if (at_ < records_.size() || place_ == end_) return {};
    const auto left = static_cast<std::size_t>((end_ - place_) / sizeof(Record));
    records_.resize(std::min(left, read_count_));
    at_ = 0;
    const std::size_t bytes = records_.size() * sizeof(Record);
    auto got = file_->read_at(place_, records_.data(), bytes);
    place_ += bytes;
    return got;
  }
  [[nodiscard]] bool is_over() const { return at_ == records_.size(); }
  [[nodiscard]] const Record& front() const { return records_[at_]; }
  void pop() { ++at_; }

 private:
  const TempFile* file_{nullptr};
  std::uint64_t place_{0};
  std::uint64_t end_{0};
  std::size_t read_count_{0};
  std::vector<Record> records_{};
  std::size_t at_{0};
};

/// Several sorted runs read as one.
template <class Record>
class Merge {
 public:
  /// Errors: Storage.
  [[nodiscard]] pe::Result<void> add(SortedRun<Record> run) {
    if (auto fetched = run.fetch(); !fetched) return fetched;
    if (run.is_over()) return {};
    heap_.push_back(std::move(run));
    std::push_heap(heap_.begin(), heap_.end(), is_later);
    return {};
  }

  /// The next record in `out`; false at the end. Errors: Storage.
  [[nodiscard]] pe::Result<bool> next(Record& out) {
    if (heap_.empty()) return false;
    SortedRun<Record>& first = heap_.front();
    out = first.front();
    first.pop();
    if (auto fetched = first.fetch(); !fetched) return std::move(fetched).error();
    if (first.is_over()) {
      std::swap(heap_.front(), heap_.back());
      heap_.pop_back();
    }
    sink();
    return true;
  }

 private:
  static bool is_later(const SortedRun<Record>& a, const SortedRun<Record>& b) {
    return b.front() < a.front();
  }

  /// Puts the run at the top of the heap in its place.
  void sink() {
    std::size_t parent = 0;
    while (true) {
      std::size_t child = 2 * parent + 1;
      if (child >= heap_.size()) return;
      if (child + 1 < heap_.size() && is_later(heap_[child], heap_[child + 1])) ++child;
      if (!is_later(heap_[parent], heap_[child])) return;
      std::swap(heap_[parent], heap_[child]);
      parent = child;
    }
  }

  std::vector<SortedRun<Record>> heap_{};  // the run with the least record first
};

/// Records with an order of their own (`<`): all are added, then all are read in order. Its memory
/// grows with the logarithm of their number only. Errors: Storage.
template <class Record>
class ExternalSort {
  static_assert(std::is_trivially_copyable_v<Record>, "records go to the disk as they are");

 public:
  explicit ExternalSort(SortMemory memory = {})
      : memory_(memory), run_size_(std::max<std::size_t>(memory.run_bytes / sizeof(Record), 1)) {}

  [[nodiscard]] pe::Result<void> add(const Record& record) {
    if (run_.capacity() < run_size_) run_.reserve(run_size_);
    run_.push_back(record);
    return run_.size() < run_size_ ? pe::Result<void>{} : spill();
  }

  /// Ends the adding.
  [[nodiscard]] pe::Result<void> finish() {
    std::sort(run_.begin(), run_.end());
    for (const Level& level : levels_) {
      if (auto added = add_runs(level, merge_); !added) return added;
    }
    return merge_.add(SortedRun<Record>(std::move(run_)));
  }

  /// The next record in `out`; false at the end.
  [[nodiscard]] pe::Result<bool> next(Record& out) { return merge_.next(out); }

 private:
  struct Run {
    std::uint64_t begin;
    std::uint64_t end;
  };
  /// Runs of about the same length, one behind the other.
  struct Level {
    TempFile file{};
    std::vector<Run> runs{};
  };

  pe::Result<void> spill() {
    std::sort(run_.begin(), run_.end());
    if (levels_.empty()) levels_.emplace_back();
    Level& level = levels_.front();
    const std::uint64_t begin = level.file.size();
    if (auto put = level.file.append(run_.data(), run_.size() * sizeof(Record)); !put) return put;
    level.runs.push_back({begin, level.file.size()});
    run_.clear();
    return raise_full_levels();
  }

  /// Merges the runs of each full level to one run of the next.
  pe::Result<void> raise_full_levels() {
    for (std::size_t i = 0; i < levels_.size(); ++i) {
      if (levels_[i].runs.size() < memory_.most_runs) return {};
      if (i + 1 == levels_.size()) levels_.emplace_back();
      if (auto raised = raise(levels_[i], levels_[i + 1]); !raised) return raised;
    }
    return {};
  }

  pe::Result<void> raise(Level& from, Level& to) {
    Merge<Record> merge;
    if (auto added = add_runs(from, merge); !added) return added;
    const std::uint64_t begin = to.file.size();
    const std::size_t most = std::max<std::size_t>(memory_.read_bytes / sizeof(Record), 1);
    std::vector<Record> merged;
    merged.reserve(most);
    const auto write = [&merged, &to] {
      auto put = to.file.append(merged.data(), merged.size() * sizeof(Record));
      merged.clear();
      return put;
    };
    Record record;
    while (true) {
      const auto got = merge.next(record);
      if (!got) return got.error();
      if (!*got) break;
      merged.push_back(record);
      if (merged.size() < most) continue;
      if (auto put = write(); !put) return put;
    }
    if (auto put = write(); !put) return put;
    to.runs.push_back({begin, to.file.size()});
    from.runs.clear();
    return from.file.clear();
  }

  pe::Result<void> add_runs(const Level& level, Merge<Record>& merge) const {
    for (const Run& run : level.runs) {
      if (auto added = merge.add({level.file, run.begin, run.end, memory_.read_bytes}); !added)
        return added;
    }
    return {};
  }

  SortMemory memory_;
  std::size_t run_size_;
  std::vector<Record> run_{};
  // Runs refer to the files in it: it does not grow after finish().
  std::vector<Level> levels_{};
  Merge<Record> merge_{};
};

}  // namespace tools::send

#endif
