// SPDX-License-Identifier: Apache-2.0
//
// OrphanedLog: the log that a killed or closed writer left, in its locked folder. Its adopter reads
// the pending events, notes what is completed, and removes what is finished.
#ifndef PERSONALIZE_EVENTS_RECORDER_SPOOL_ORPHANED_LOG_HPP
#define PERSONALIZE_EVENTS_RECORDER_SPOOL_ORPHANED_LOG_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "personalize_events/platform/file.hpp"
#include "personalize_events/recorder/spool/acknowledgement.hpp"
#include "personalize_events/recorder/spool/acknowledgement_file.hpp"
#include "personalize_events/recorder/spool/folder_locks.hpp"
#include "personalize_events/recorder/spool/frame.hpp"
#include "personalize_events/recorder/spool/paths.hpp"
#include "personalize_events/recorder/spool/segment.hpp"
#include "personalize_events/recorder/spool/segment_reader.hpp"
#include "personalize_events/recorder/spool/spooled_event.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace spool {

/// Who wrote a log: what its LOCK file says, or else the first whole header of a segment.
struct LogIdentity {
  SegmentHeader header{};
  BootClock clock{};
};

/// Reads the LOCK file of a folder. Errors: as read_header.
[[nodiscard]] inline Result<LogIdentity> read_identity(FileSystem& files,
                                                       const std::string& folder) {
  const std::string path = detail::path_in(folder, kLockName);
  const Result<std::unique_ptr<File>> file = files.open(path, OpenFor::Read);
  if (!file) return file.error();
  Result<DecodedHeader> header = read_header(**file, path);
  if (!header) return std::move(header).error();
  LogIdentity identity;
  identity.header = std::move(header->header);
  identity.clock.identity = identity.header.boot;
  std::string bytes(kReadWindow, '\0');
  const Result<std::size_t> got = (*file)->read_at(header->size, bytes.data(), bytes.size());
  if (!got) return got.error();
  bytes.resize(*got);
  SegmentScanner scanner{identity.header.salt, 0, 0};
  Frame frame;
  std::size_t used = 0;
  while (scanner.next(std::string_view{bytes}.substr(used), true, frame) == ScanStep::Frame) {
    used = static_cast<std::size_t>(scanner.position());
    if ((frame.entry.flags & kServiceClock) == 0) continue;
    identity.clock.service_offset = clamped_difference(frame.entry.wall_ms, frame.entry.boot_ms);
  }
  return identity;
}

/// @par Thread Safety
/// None: one thread at a time.
class OrphanedLog {
 public:
  /// `quarantine` is a folder beside it, made when it is needed.
  OrphanedLog(FileSystem& files, std::string folder, std::string quarantine)
      : files_(&files), folder_(std::move(folder)), quarantine_(std::move(quarantine)) {}

  /// Finds the segments and whose they are. Errors: Storage, with the code kOtherVersion, kDamaged
  /// if no header is left, or as of FileSystem.
  [[nodiscard]] Result<void> open() {
    const Result<std::vector<std::string>> names = files_->list_folder(folder_);
    if (!names) return names.error();
    for (const std::string& name : *names) {
      const std::optional<SegmentName> segment = segment_name(name);
      if (!segment) continue;
      const auto same = std::find_if(segments_.begin(), segments_.end(), [&](const Segment& one) {
        return one.generations.front().number == segment->number;
      });
      if (same == segments_.end()) {
        segments_.push_back({{*segment}});
      } else {
        same->generations.push_back(*segment);
      }
    }
    std::sort(segments_.begin(), segments_.end(), [](const Segment& a, const Segment& b) {
      return a.generations.front().number < b.generations.front().number;
    });
    for (Segment& one : segments_) {
      std::sort(
          one.generations.begin(), one.generations.end(),
          [](const SegmentName& a, const SegmentName& b) { return a.generation > b.generation; });
    }
    return identify();
  }

  [[nodiscard]] const LogIdentity& identity() const noexcept { return identity_; }
  [[nodiscard]] const std::string& folder() const noexcept { return folder_; }
  /// Whether it never had an event.
  [[nodiscard]] bool empty() const noexcept { return segments_.empty(); }

  /// Reads the next pending event; empty: all were read. It is valid until the next call. Errors:
  /// Storage, if a file cannot be read; a later call tries again.
  [[nodiscard]] Result<std::optional<Frame>> next() { return next_before(segments_.size()); }

  /// Stops reading: what was not read stays for the next adopter.
  void give_up() noexcept {
    reader_.reset();
    reading_ = segments_.size();
    is_given_up_ = true;
  }
  [[nodiscard]] bool is_read() const noexcept { return reading_ >= segments_.size(); }
  /// All was read, or given up, and what was read is completed.
  [[nodiscard]] bool is_drained() const noexcept {
    return is_read() && std::all_of(segments_.begin(), segments_.end(),
                                    [](const Segment& one) { return one.pending == 0; });
  }

  /// Writes down that events completed, each once, and removes the segments that are finished.
  /// Errors: Storage, as of File.
  Result<void> acknowledge(std::vector<std::uint64_t> sequences) {
    std::sort(sequences.begin(), sequences.end());
    Result<void> written;
    for (std::size_t i = 0; i < segments_.size(); ++i) {
      Segment& segment = segments_[i];
      const auto first =
          std::lower_bound(sequences.begin(), sequences.end(), segment.first_sequence);
      const auto end = std::lower_bound(first, sequences.end(), segment.end_sequence);
      if (first == end) continue;
      segment.pending -=
          std::min<std::uint64_t>(segment.pending, static_cast<std::uint64_t>(end - first));
      const bool is_finished = segment.pending == 0 && i < reading_ && !is_given_up_;
      // One that stays is acknowledged, so that nobody sends its events again.
      if (is_finished && remove(segment)) continue;
      std::string records;
      append_acknowledgements(records, {first, end});
      if (Result<void> one = write_acknowledgements(segment, records); !one) {
        written = std::move(one);
      }
    }
    return written;
  }

  /// Gives up the unread events of the oldest segment that has some: each frame goes to `take`.
  /// False: there is none.
  template <class Take>
  bool evict_oldest(const Take& take) {
    if (is_read()) return false;
    const std::size_t end = reading_ + 1;
    std::vector<std::uint64_t> taken;
    for (;;) {
      const Result<std::optional<Frame>> frame = next_before(end);
      if (!frame || !*frame) break;
      taken.push_back((*frame)->sequence);
      take(**frame);
    }
    reader_.reset();
    reading_ = std::max(reading_, end);
    static_cast<void>(acknowledge(std::move(taken)));
    return true;
  }

  /// What was found damaged since the last call; empty: nothing.
  [[nodiscard]] std::optional<Error> take_damage() { return std::exchange(damage_, std::nullopt); }

 private:
  struct Segment {
    /// The highest first.
    std::vector<SegmentName> generations{};
    std::uint64_t first_sequence{0};
    std::uint64_t end_sequence{0};
    std::uint64_t pending{0};
    std::optional<AcknowledgementFile> acknowledgements{};

    [[nodiscard]] const SegmentName& name() const noexcept { return generations.front(); }
  };

  /// As `next`, in the segments before this one.
  [[nodiscard]] Result<std::optional<Frame>> next_before(std::size_t end) {
    while (reading_ < end) {
      if (!reader_) {
        const Result<bool> opened = open_segment();
        if (!opened) return opened.error();
        if (!*opened) continue;
      }
      const Result<std::optional<Frame>> frame = reader_->next();
      if (!frame) {
        reader_.reset();
        return frame;
      }
      if (!*frame) {
        end_segment();
        continue;
      }
      if (((*frame)->entry.flags & (kEndOfSegment | kServiceClock)) != 0) continue;
      // What was read before a failure, and another copy of an event.
      if ((*frame)->sequence < next_sequence_) continue;
      next_sequence_ = (*frame)->sequence + 1;
      if (acknowledged_.contains((*frame)->sequence)) continue;
      Segment& segment = segments_[reading_];
      if (segment.end_sequence == 0) segment.first_sequence = (*frame)->sequence;
      segment.end_sequence = next_sequence_;
      ++segment.pending;
      return frame;
    }
    return std::optional<Frame>{};
  }

  [[nodiscard]] Result<void> identify() {
    Result<LogIdentity> identity = read_identity(*files_, folder_);
    const bool is_damaged =
        !identity && (identity.error().code == kDamaged || identity.error().code == kTorn ||
                      identity.error().code == "NotFound");
    if (!identity && !is_damaged) return std::move(identity).error();
    if (identity) identity_ = *std::move(identity);
    has_identity_ = !is_damaged;
    for (const Segment& segment : segments_) {
      const auto reader = SegmentReader::open(*files_, segment_path(folder_, segment.name()));
      if (!reader && reader.error().code == kOtherVersion) return reader.error();
      if (!reader || has_identity_) continue;
      identity_.header = reader->header();
      identity_.clock.identity = identity_.header.boot;
      has_identity_ = true;
    }
    if (has_identity_ || segments_.empty()) return {};
    Error error = detail::make_error(ErrorKind::Storage, folder_, "has no whole header left");
    error.code = kDamaged;
    return error;
  }

  /// Opens the segment that is next; false: nothing in it can be read, and the next one follows.
  [[nodiscard]] Result<bool> open_segment() {
    Segment& segment = segments_[reading_];
    if (Result<void> chosen = choose_generation(segment); !chosen) return std::move(chosen).error();
    Result<Acknowledged> acknowledged =
        read_acknowledgement_file(*files_, acknowledgement_path(folder_, segment.name().number));
    if (!acknowledged) return std::move(acknowledged).error();
    Result<SegmentReader> reader =
        SegmentReader::open(*files_, segment_path(folder_, segment.name()), &identity_.header);
    if (!reader && reader.error().code != "NotFound") return std::move(reader).error();
    if (!reader) {
      ++reading_;
      return false;
    }
    acknowledged_ = std::move(acknowledged->events);
    reader_.emplace(*std::move(reader));
    return true;
  }

  /// Removes generations that were not written to their end, or that a later one replaced.
  [[nodiscard]] Result<void> choose_generation(Segment& segment) {
    while (segment.generations.size() > 1) {
      auto reader =
          SegmentReader::open(*files_, segment_path(folder_, segment.name()), &identity_.header);
      if (!reader) return std::move(reader).error();
      bool is_complete = false;
      for (;;) {
        const Result<std::optional<Frame>> frame = reader->next();
        if (!frame) return frame.error();
        if (!*frame) break;
        is_complete = ((*frame)->entry.flags & kEndOfSegment) != 0;
      }
      const auto first = segment.generations.begin();
      const auto superfluous = is_complete ? std::next(first) : first;
      static_cast<void>(files_->remove_file(segment_path(folder_, *superfluous)));
      segment.generations.erase(superfluous);
    }
    return {};
  }

  void end_segment() {
    const SegmentScanner& scanner = reader_->scanner();
    const bool has_frames = scanner.next_sequence() > reader_->header().first_sequence;
    // The writer was killed before it had written the header.
    const bool never_began = !has_frames && reader_->header_state() == HeaderState::Torn;
    const bool is_damaged =
        scanner.damaged_stretches() > 0 || reader_->header_state() != HeaderState::Good;
    Segment& segment = segments_[reading_];
    reader_.reset();
    ++reading_;
    if (is_damaged && !never_began) report(segment, "has damaged parts, which were skipped");
    if (is_damaged && !never_began && !has_frames) {
      quarantine(segment);
    } else if (segment.pending == 0) {
      static_cast<void>(remove(segment));
    }
  }

  void report(const Segment& segment, const char* message) {
    damage_ =
        detail::make_error(ErrorKind::Storage, segment_path(folder_, segment.name()), message);
    damage_->code = kDamaged;
  }

  /// Keeps a file of which no frame can be read.
  void quarantine(Segment& segment) {
    report(segment, "has no whole event, and was put into quarantine");
    // One that cannot be moved stays, and is found by the next adopter.
    if (!files_->make_folder(quarantine_)) return;
    const std::string writer = folder_.substr(folder_.rfind('/') + 1);
    for (const std::string& path : {segment_path(folder_, segment.name()),
                                    acknowledgement_path(folder_, segment.name().number)}) {
      const std::string name = "-" + path.substr(path.rfind('/') + 1);
      static_cast<void>(files_->rename(path, detail::path_in(quarantine_, writer).append(name)));
    }
  }

  Result<void> remove(Segment& segment) {
    for (const SegmentName& name : segment.generations) {
      if (Result<void> removed = remove_segment(*files_, folder_, name); !removed) return removed;
    }
    return {};
  }

  [[nodiscard]] Result<void> write_acknowledgements(Segment& segment, const std::string& records) {
    if (!segment.acknowledgements) {
      SegmentHeader header = identity_.header;
      header.first_sequence = segment.first_sequence;
      Result<AcknowledgementFile> opened = AcknowledgementFile::open(
          *files_, acknowledgement_path(folder_, segment.name().number), header);
      if (!opened) return std::move(opened).error();
      segment.acknowledgements.emplace(*std::move(opened));
    }
    return segment.acknowledgements->write(records);
  }

  FileSystem* files_;
  std::string folder_;
  std::string quarantine_;
  LogIdentity identity_{};
  bool has_identity_{false};
  std::vector<Segment> segments_{};
  std::size_t reading_{0};  ///< the segment that is read, or next
  bool is_given_up_{false};
  std::uint64_t next_sequence_{0};
  std::optional<SegmentReader> reader_{};
  SequenceSet acknowledged_{};  ///< of the segment that is read
  std::optional<Error> damage_{};
};

}  // namespace spool
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
