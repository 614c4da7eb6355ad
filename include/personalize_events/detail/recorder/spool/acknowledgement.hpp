// SPDX-License-Identifier: Apache-2.0
//
// Acknowledgements: which events of a segment completed. They are in the file "NNNNNNNN.ack" beside
// it, which begins with a header as the segment does (segment.hpp) and goes on with frames
// of kCompleted. The `event` of such a frame is a list of ranges of sequences: the
// first (8 bytes) and the one after the last (8 bytes). The frames are numbered by their places in
// the file. SegmentedLog writes and reads them.
#ifndef PERSONALIZE_EVENTS_DETAIL_RECORDER_SPOOL_ACKNOWLEDGEMENT_HPP
#define PERSONALIZE_EVENTS_DETAIL_RECORDER_SPOOL_ACKNOWLEDGEMENT_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "personalize_events/detail/base/little_endian.hpp"
#include "personalize_events/detail/recorder/spool/segment.hpp"
#include "personalize_events/detail/recorder/spool/segment_reader.hpp"
#include "personalize_events/detail/recorder/spool/writer_folder.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail::spool {

inline constexpr std::size_t kRangeSize = 16;

/// Sequences, as ranges that neither meet nor overlap.
class SequenceSet {
 public:
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

  /// Adds the sequences from `first` on, `end` excluded.
  void add(std::uint64_t first, std::uint64_t end) {
    if (first >= end) return;
    auto at = ranges_.upper_bound(first);
    if (at != ranges_.begin() && std::prev(at)->second >= first) {
      --at;
    } else {
      at = ranges_.emplace_hint(at, first, first);
    }
    for (auto met = std::next(at); met != ranges_.end() && met->first <= end;) {
      end = (std::max)(end, met->second);
      count_ -= met->second - met->first;
      met = ranges_.erase(met);
    }
    if (end <= at->second) return;
    count_ += end - at->second;
    at->second = end;
  }
  /// Removes a sequence; false if it was not in the set.
  bool remove(std::uint64_t sequence) {
    if (!contains(sequence)) return false;
    const auto at = std::prev(ranges_.upper_bound(sequence));
    const std::uint64_t end = std::exchange(at->second, sequence);
    if (at->first == sequence) ranges_.erase(at);
    if (sequence + 1 < end) ranges_.emplace(sequence + 1, end);
    --count_;
    return true;
  }
  /// Removes all but those for which `keep(sequence)` returns true, and returns how many.
  template <class Keep>
  std::uint64_t retain(const Keep& keep) {
    const SequenceSet all = std::exchange(*this, {});
    for (const auto& [first, end] : all.ranges_) {
      for (std::uint64_t one = first; one < end; ++one) {
        if (keep(one)) add(one, one + 1);
      }
    }
    return all.count_ - count_;
  }
  [[nodiscard]] bool contains(std::uint64_t sequence) const noexcept {
    const auto after = ranges_.upper_bound(sequence);
    return after != ranges_.begin() && std::prev(after)->second > sequence;
  }
  /// The ranges: the first sequence of each, and the one after its last.
  [[nodiscard]] const std::map<std::uint64_t, std::uint64_t>& ranges() const noexcept {
    return ranges_;
  }

 private:
  std::map<std::uint64_t, std::uint64_t> ranges_{};  ///< first, end
  std::uint64_t count_{0};
};

/// What an ".ack" file says.
struct Acknowledged {
  SequenceSet events{};
  /// Frames that were read.
  std::uint64_t frames{0};
  /// Stretches that could not be read: their events are sent again.
  std::uint64_t broken{0};
};

/// Appends sequences as frames of the writer with this salt. `out` follows `file_size` bytes.
inline void append_acknowledgements(std::string& out, std::uint32_t salt, std::uint64_t file_size,
                                    const SequenceSet& sequences) {
  constexpr std::size_t most = kMaxPayloadSize / 2;
  std::string ranges;
  const auto append = [&] {
    Entry entry;
    entry.flags = kCompleted;
    entry.event = ranges;
    static_cast<void>(append_frame(out, salt, file_size + out.size() + 1, entry));
    ranges.clear();
  };
  for (const auto& [first, end] : sequences.ranges()) {
    detail::append_little_endian(ranges, first);
    detail::append_little_endian(ranges, end);
    if (ranges.size() >= most) append();
  }
  if (!ranges.empty()) append();
}

/// Reads an ".ack" file; one that is absent says nothing. If its header is damaged, `writer`
/// replaces it, if there is one. Errors: Storage, as File.
[[nodiscard]] inline Result<Acknowledged> read_acknowledgements(
    FileSystem& files, const std::string& path, const SegmentHeader* writer = nullptr) {
  Acknowledged all;
  Result<SegmentReader> reader = SegmentReader::open(files, path, writer);
  if (!reader) {
    const std::string& code = reader.error().code;
    all.broken = code == kDamaged || code == kOtherVersion ? 1 : 0;
    if (all.broken > 0 || code == kTorn || code == "NotFound") return all;
    return std::move(reader).error();
  }
  for (;;) {
    const Result<std::optional<Frame>> frame = reader->next();
    if (!frame) return frame.error();
    if (!*frame) break;
    if (((*frame)->entry.flags & kCompleted) == 0) continue;
    ++all.frames;
    std::string_view ranges = (*frame)->entry.event;
    for (; ranges.size() >= kRangeSize; ranges.remove_prefix(kRangeSize)) {
      all.events.add(detail::load_little_endian<std::uint64_t>(ranges, 0),
                     detail::load_little_endian<std::uint64_t>(ranges, 8));
    }
  }
  all.broken = reader->scanner().damaged_stretches();
  return all;
}

/// An ".ack" file that grows.
/// Not thread-safe.
class AcknowledgementFile {
 public:
  /// Adds sequences, in one write, and returns by how much the file grew. `header` is that of the
  /// segment. Errors: Storage, as File: the events may be sent again after a crash.
  [[nodiscard]] Result<std::size_t> write(FileSystem& files, const std::string& path,
                                          SegmentHeader header, const SequenceSet& sequences) {
    if (file_ == nullptr) {
      Result<std::unique_ptr<File>> file = files.open(path, OpenFor::Append);
      if (!file) return std::move(file).error();
      const Result<FileStatus> status = (*file)->status();
      if (!status) return status.error();
      file_ = *std::move(file);
      size_ = status->size;
    }
    std::string bytes;
    header.first_sequence = 0;
    // The segment has the same texts, so they are not too long.
    if (size_ == 0) static_cast<void>(append_header(bytes, header));
    append_acknowledgements(bytes, header.salt, size_, sequences);
    if (Result<void> written = append_all(*file_, path, bytes); !written) {
      // A reader skips what a failed write left; the size is read again.
      file_.reset();
      return std::move(written).error();
    }
    size_ += bytes.size();
    return bytes.size();
  }

 private:
  std::unique_ptr<File> file_{};
  std::uint64_t size_{0};
};

}  // namespace detail::spool

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
