// SPDX-License-Identifier: Apache-2.0
//
// Acknowledgements: which events of a segment reached their end, as records of 16 bytes,
// little-endian, that the segment's ".ack" file holds after its header:
//
//   offset  size  what
//   0       8     sequence of the first event
//   8       4     how many events, at least 1
//   12      4     CRC-32C of the 12 bytes before it
//
// A broken record is skipped: its events are sent again under the same ids. Pure functions.
#ifndef PERSONALIZE_EVENTS_RECORDER_SPOOL_ACKNOWLEDGEMENT_HPP
#define PERSONALIZE_EVENTS_RECORDER_SPOOL_ACKNOWLEDGEMENT_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "personalize_events/detail/crc32c.hpp"
#include "personalize_events/detail/little_endian.hpp"
#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace spool {

inline constexpr std::size_t kAcknowledgementSize = 16;

/// Sequences from `first` on, `end` excluded.
struct SequenceRange {
  std::uint64_t first{0};
  std::uint64_t end{0};
};

/// Sequences as ranges that are sorted and neither meet nor overlap.
class SequenceSet {
 public:
  void add(SequenceRange range) {
    if (range.first >= range.end) return;
    // Those that meet the new one, which takes them in.
    const auto begin = std::lower_bound(
        ranges_.begin(), ranges_.end(), range.first,
        [](const SequenceRange& one, std::uint64_t first) { return one.end < first; });
    auto end = begin;
    for (; end != ranges_.end() && end->first <= range.end; ++end) {
      range.first = std::min(range.first, end->first);
      range.end = std::max(range.end, end->end);
    }
    ranges_.insert(ranges_.erase(begin, end), range);
  }

  [[nodiscard]] bool contains(std::uint64_t sequence) const noexcept {
    const auto next = std::upper_bound(
        ranges_.begin(), ranges_.end(), sequence,
        [](std::uint64_t value, const SequenceRange& one) { return value < one.end; });
    return next != ranges_.end() && next->first <= sequence;
  }

  [[nodiscard]] const std::vector<SequenceRange>& ranges() const noexcept { return ranges_; }

 private:
  std::vector<SequenceRange> ranges_{};
};

/// The sequences of a segment that are not acknowledged: its open events.
[[nodiscard]] inline std::vector<SequenceRange> open_events(SequenceRange segment,
                                                            const SequenceSet& acknowledged) {
  std::vector<SequenceRange> open;
  std::uint64_t at = segment.first;
  for (const SequenceRange& range : acknowledged.ranges()) {
    if (at >= segment.end || range.first >= segment.end) break;
    if (range.first > at) open.push_back({at, range.first});
    at = std::max(at, range.end);
  }
  if (at < segment.end) open.push_back({at, segment.end});
  return open;
}

/// Appends one record.
inline void append_acknowledgement(std::string& out, std::uint64_t first, std::uint32_t count) {
  const std::size_t start = out.size();
  detail::append_little_endian(out, first);
  detail::append_little_endian(out, count);
  const std::uint32_t crc = detail::crc32c(std::string_view{out}.substr(start));
  detail::append_little_endian(out, crc);
}

/// Appends records of sequences that are sorted.
inline void append_acknowledgements(std::string& out, const std::vector<std::uint64_t>& sequences) {
  for (std::size_t first = 0, end = 1; first < sequences.size(); first = end++) {
    while (end < sequences.size() && sequences[end] == sequences[end - 1] + 1) ++end;
    append_acknowledgement(out, sequences[first], static_cast<std::uint32_t>(end - first));
  }
}

/// Adds the records in some bytes, which begin with one, and answers how many were broken. What
/// follows the last whole record is not looked at.
inline std::size_t read_acknowledgements(std::string_view bytes, SequenceSet& acknowledged) {
  std::size_t broken = 0;
  for (; bytes.size() >= kAcknowledgementSize; bytes.remove_prefix(kAcknowledgementSize)) {
    const auto first = detail::load_little_endian<std::uint64_t>(bytes, 0);
    const auto count = detail::load_little_endian<std::uint32_t>(bytes, 8);
    const auto crc = detail::load_little_endian<std::uint32_t>(bytes, 12);
    const bool fits = count > 0 && count <= std::numeric_limits<std::uint64_t>::max() - first;
    if (fits && crc == detail::crc32c(bytes.substr(0, 12))) {
      acknowledged.add({first, first + count});
    } else {
      ++broken;
    }
  }
  return broken;
}

}  // namespace spool
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
