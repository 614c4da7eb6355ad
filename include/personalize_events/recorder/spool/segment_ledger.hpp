// SPDX-License-Identifier: Apache-2.0
//
// SegmentLedger: which segments of a folder still have open events. It writes down what ended, and
// says which files nobody needs any more. A spool has one for each folder that it holds.
#ifndef PERSONALIZE_EVENTS_RECORDER_SPOOL_SEGMENT_LEDGER_HPP
#define PERSONALIZE_EVENTS_RECORDER_SPOOL_SEGMENT_LEDGER_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "personalize_events/platform/file.hpp"
#include "personalize_events/recorder/spool/acknowledgement.hpp"
#include "personalize_events/recorder/spool/acknowledgement_file.hpp"
#include "personalize_events/recorder/spool/segment.hpp"
#include "personalize_events/recorder/spool/segment_writer.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace spool {

/// The path of a segment's file, and of what is acknowledged of it.
[[nodiscard]] inline std::string segment_path(const std::string& folder, std::uint64_t number) {
  return folder + "/" + segment_name(number);
}
[[nodiscard]] inline std::string acknowledgement_path(const std::string& folder,
                                                      std::uint64_t number) {
  std::string path = segment_path(folder, number);
  path.replace(path.size() - 3, 3, "ack");
  return path;
}

/// Removes a segment that has no open event: the ".log" first, because an ".ack" that is gone
/// before it would bring its events back to life. Errors: Storage, as of File.
[[nodiscard]] inline Result<void> remove_segment(FileSystem& files, const std::string& folder,
                                                 std::uint64_t number) {
  for (const std::string& path :
       {segment_path(folder, number), acknowledgement_path(folder, number)}) {
    Result<void> removed = files.remove_file(path);
    if (!removed && removed.error().code != "NotFound") return removed;
  }
  return {};
}

/// @par Thread Safety
/// None: one thread at a time.
class SegmentLedger {
 public:
  /// `header` is that of the folder's segments.
  SegmentLedger(FileSystem& files, std::string folder, SegmentHeader header)
      : files_(&files), folder_(std::move(folder)), header_(std::move(header)) {}

  /// Notes an open event, younger than all others of its segment.
  void appended(const Appended& event) {
    Segment* segment = find(event.segment);
    if (segment == nullptr) {
      // Mostly the newest; an older one when it could not be read before.
      const auto behind = std::find_if(segments_.begin(), segments_.end(), [&](const Segment& one) {
        return one.range.first_sequence > event.sequence;
      });
      segment = &*segments_.insert(behind,
                                   Segment{{event.segment, event.sequence, event.sequence}, 0, {}});
    }
    segment->range.end_sequence = event.sequence + 1;
    ++segment->open;
  }
  /// The sequence after the last noted event of a segment; 0: it has none.
  [[nodiscard]] std::uint64_t end_of(std::uint64_t number) noexcept {
    const Segment* segment = find(number);
    return segment == nullptr ? 0 : segment->range.end_sequence;
  }

  /// Writes down that events reached their end, each once. Errors: Storage, as of File; should the
  /// process be killed before their segment is removed, they are sent again under the same ids.
  Result<void> acknowledge(std::vector<std::uint64_t> sequences) {
    std::sort(sequences.begin(), sequences.end());
    Result<void> written;
    for (auto next = sequences.begin(); next != sequences.end();) {
      Segment* segment = segment_of(*next);
      if (segment == nullptr) {
        ++next;
        continue;
      }
      records_.clear();
      std::uint64_t count = 0;
      while (next != sequences.end() && *next < segment->range.end_sequence) {
        const std::uint64_t first = *next;
        std::uint64_t end = first;
        while (next != sequences.end() && *next == end && end < segment->range.end_sequence) {
          ++end;
          ++next;
        }
        append_acknowledgement(records_, first, static_cast<std::uint32_t>(end - first));
        count += end - first;
      }
      segment->open -= std::min(segment->open, count);
      if (Result<void> one = write_to(*segment); !one) written = std::move(one);
    }
    return written;
  }

  /// The numbers of the segments without open events, which the caller removes: all of them but
  /// `still_used`, which is being written or read; 0, which no segment has: none is.
  [[nodiscard]] std::vector<std::uint64_t> take_finished(std::uint64_t still_used = 0) {
    std::vector<std::uint64_t> finished;
    for (auto segment = segments_.begin(); segment != segments_.end();) {
      if (segment->open > 0 || segment->range.number == still_used) {
        ++segment;
        continue;
      }
      finished.push_back(segment->range.number);
      segment = segments_.erase(segment);
    }
    return finished;
  }

  /// Whether no segment is known, finished ones excepted that were taken.
  [[nodiscard]] bool empty() const noexcept { return segments_.empty(); }
  /// The oldest segment and its open events.
  [[nodiscard]] std::optional<SegmentRange> oldest() const {
    if (segments_.empty()) return std::nullopt;
    return segments_.front().range;
  }
  [[nodiscard]] const std::string& folder() const noexcept { return folder_; }

 private:
  struct Segment {
    SegmentRange range{};
    std::uint64_t open{0};
    std::optional<AcknowledgementFile> file{};
  };

  [[nodiscard]] Segment* find(std::uint64_t number) noexcept {
    if (!segments_.empty() && segments_.back().range.number == number) return &segments_.back();
    const auto found =
        std::find_if(segments_.begin(), segments_.end(),
                     [number](const Segment& segment) { return segment.range.number == number; });
    return found == segments_.end() ? nullptr : &*found;
  }

  [[nodiscard]] Segment* segment_of(std::uint64_t sequence) {
    const auto after = std::upper_bound(segments_.begin(), segments_.end(), sequence,
                                        [](std::uint64_t value, const Segment& segment) {
                                          return value < segment.range.end_sequence;
                                        });
    if (after == segments_.end() || sequence < after->range.first_sequence) return nullptr;
    return &*after;
  }

  Result<void> write_to(Segment& segment) {
    if (!segment.file) {
      header_.first_sequence = segment.range.first_sequence;
      Result<AcknowledgementFile> opened = AcknowledgementFile::open(
          *files_, acknowledgement_path(folder_, segment.range.number), header_);
      if (!opened) return std::move(opened).error();
      segment.file.emplace(*std::move(opened));
    }
    return segment.file->write(records_);
  }

  FileSystem* files_;
  std::string folder_;
  SegmentHeader header_;
  std::vector<Segment> segments_{};
  std::string records_{};
};

}  // namespace spool
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
