// SPDX-License-Identifier: Apache-2.0
//
// SegmentedLog: the segments of one writer's log, whether the writer is this recorder (Log) or one
// that is gone, whose folder was adopted (OrphanedLogs). It reads the events that are on the disk
// only, notes which completed, removes what is finished, and rewrites segments.
//
// Of an own segment it is known which events are pending. Of an adopted one that is found while it
// is read. A rewrite has the same number, the next generation and the original sequences, and ends
// with an end frame; the old file is removed when the disk has the new one.
#ifndef PERSONALIZE_EVENTS_DETAIL_RECORDER_SPOOL_SEGMENTED_LOG_HPP
#define PERSONALIZE_EVENTS_DETAIL_RECORDER_SPOOL_SEGMENTED_LOG_HPP

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "personalize_events/detail/recorder/spool/acknowledgement.hpp"
#include "personalize_events/detail/recorder/spool/segment.hpp"
#include "personalize_events/detail/recorder/spool/segment_reader.hpp"
#include "personalize_events/detail/recorder/spool/writer_folder.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail::spool {

/// Threads: the counts: any thread. The others: the disk thread only.
class SegmentedLog {
 public:
  /// Frames of pending events by their sequence, as those that have them in memory write them.
  using Frames = std::map<std::uint64_t, std::string>;

  /// `files` and `locks` outlive it; `directory` is that of the spool.
  SegmentedLog(FileSystem& files, FolderLocks& locks, std::string directory)
      : files_(&files), locks_(&locks), directory_(std::move(directory)) {}
  SegmentedLog(const SegmentedLog&) = delete;
  SegmentedLog& operator=(const SegmentedLog&) = delete;

  /// Opens the folder of an orphaned writer, which the caller has locked. Errors: Storage, with the
  /// code kOtherVersion, kDamaged if no header is left, or as FileSystem; the lock stays the
  /// caller's then.
  [[nodiscard]] Result<void> adopt(const std::string& name, FolderLocks::Slot lock) {
    folder_ = detail::path_in(directory_, name);
    const Result<std::vector<std::string>> names = files_->list_folder(folder_);
    if (!names) return names.error();
    std::vector<SegmentName> found;
    for (const std::string& file : *names) {
      if (const auto segment = segment_name(file)) found.push_back(*segment);
    }
    std::sort(found.begin(), found.end(), [](const SegmentName& a, const SegmentName& b) {
      return a.number != b.number ? a.number < b.number : a.generation > b.generation;
    });
    for (const SegmentName& segment : found) {
      if (!segments_.empty() && segments_.back().name.number == segment.number) {
        segments_.back().older.push_back(segment);
        continue;
      }
      segments_.emplace_back().name = segment;
      segments_.back().is_known = false;
    }
    if (Result<void> identified = identify(); !identified) return identified;
    lock_ = lock;
    salt_ = identity_.header.salt;
    return {};
  }
  /// Who wrote an adopted log.
  [[nodiscard]] const LogIdentity& identity() const noexcept { return identity_; }

  // --- Counts ---

  /// Events of own segments that are on the disk only and were not read back.
  [[nodiscard]] std::uint64_t unread() const noexcept { return unread_; }
  /// The bytes of the files that this process wrote.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
  /// Whether `next` may have an event.
  [[nodiscard]] bool has_unread() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return std::any_of(segments_.begin(), segments_.end(), is_readable);
  }
  /// Whether an event is known that has not completed.
  [[nodiscard]] bool has_pending() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return std::any_of(segments_.begin(), segments_.end(),
                       [](const Segment& segment) { return segment.pending.count() > 0; });
  }

  // --- Completed events ---

  /// Writes down that events completed, and removes the segments in which nothing is pending.
  /// Errors: Storage, as File: the events may be sent again after a crash, under the same ids.
  Result<void> acknowledge(std::vector<std::uint64_t> sequences) {
    std::sort(sequences.begin(), sequences.end());
    Result<void> written;
    for (Segment* segment : segments_if([](auto&) { return true; })) {
      SequenceSet completed;
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        auto next = std::lower_bound(sequences.begin(), sequences.end(), segment->first_sequence);
        for (; next != sequences.end() && *next < segment->end_sequence; ++next) {
          if (segment->unread.remove(*next) && !segment->is_skipped) --unread_;
          if (segment->pending.remove(*next)) completed.add(*next, *next + 1);
        }
        if (completed.count() == 0 || is_finished(*segment)) continue;
      }
      if (Result<void> one = write_acknowledgements(*segment, completed); !one) {
        written = std::move(one);
      }
    }
    remove_finished();
    return written;
  }

  // --- Reading ---

  /// Reads the next event that is on the disk only, in the order of the sequences; empty: there is
  /// none now. It is valid until the next call. Errors: Storage, if a file cannot be read; a later
  /// call tries again.
  [[nodiscard]] Result<std::optional<Frame>> next() {
    while (Segment* segment = first_readable()) {
      Result<std::optional<Frame>> frame = next_of(*segment);
      if (!frame || *frame) return frame;
    }
    return std::optional<Frame>{};
  }
  /// Leaves the segment out that `next` cannot read, until `unskip`: its events stay on the disk.
  void skip() {
    Segment* const segment = first_readable();
    if (segment == nullptr) return;
    const std::lock_guard<std::mutex> lock(mutex_);
    segment->is_skipped = true;
    unread_ -= segment->unread.count();
  }
  /// Lets `next` try all segments again.
  void unskip() {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (Segment& segment : segments_) include(segment);
  }
  /// Gives up the unread events of the oldest segment that has some: each frame goes to `take`, and
  /// its bytes are freed. False: there is none.
  template <class Take>
  bool evict_oldest(const Take& take) {
    unskip();
    Segment* const oldest = first_readable();
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      const bool may_be_rewritten =
          oldest != nullptr && oldest != current_ && !oldest->must_be_rewritten;
      if (!may_be_rewritten) return false;
    }
    SequenceSet evicted;
    for (;;) {
      const Result<std::optional<Frame>> frame = next_of(*oldest);
      if (!frame) damage_ = frame.error();
      if (!frame || !*frame) break;
      evicted.add((*frame)->sequence, (*frame)->sequence + 1);
      take(**frame);
    }
    bool has_others = false;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      give_up_unread(*oldest);
      oldest->is_known = true;
      oldest->pending.retain([&](std::uint64_t one) { return !evicted.contains(one); });
      has_others = oldest->pending.count() > 0;
    }
    if (has_others && !replace(*oldest, {})) {
      static_cast<void>(write_acknowledgements(*oldest, evicted));
    }
    remove_finished();
    return true;
  }

  /// Events that were on the disk only and cannot be read back, found since the last call.
  [[nodiscard]] std::uint64_t take_lost() { return std::exchange(lost_, 0); }
  /// What was found damaged since the last call; empty: nothing.
  [[nodiscard]] std::optional<Error> take_damage() { return std::exchange(damage_, std::nullopt); }

  /// Releases the folder; one in which nothing is left is removed.
  void close() {
    if (folder_.empty()) return;
    remove_finished();
    static_cast<void>(remove_writer_folder(*files_, *locks_, lock_, folder_));
    const std::lock_guard<std::mutex> lock(mutex_);
    forget();
  }

 protected:
  struct Segment {
    SegmentName name{};
    std::vector<SegmentName> older{};  ///< generations that a crash left, the highest first
    std::uint64_t first_sequence{0};
    std::uint64_t end_sequence{0};
    SequenceSet pending{};
    SequenceSet unread{};  ///< of those that are pending
    bool is_known{true};   ///< else there are more, which are found when they are read
    bool is_skipped{false};
    AcknowledgementFile acknowledgements{};

    // Of own ones:
    std::uint64_t size{0};
    std::uint64_t synced_size{0};  ///< what the disk has for certain
    std::uint64_t frames{0};
    std::shared_ptr<File> file{};  ///< until it is sealed and synced
    bool must_be_rewritten{false};
  };

  // These are called with mutex_ held.
  [[nodiscard]] bool is_finished(const Segment& segment) const {
    return segment.is_known && &segment != current_ && segment.pending.count() == 0;
  }
  [[nodiscard]] static bool is_readable(const Segment& segment) {
    return !segment.is_skipped && (!segment.is_known || segment.unread.count() > 0);
  }
  void include(Segment& segment) {
    if (std::exchange(segment.is_skipped, false)) unread_ += segment.unread.count();
  }
  void give_up_unread(Segment& segment) {
    const SequenceSet gone = std::exchange(segment.unread, {});
    segment.pending.retain([&](std::uint64_t one) { return !gone.contains(one); });
    unread_ -= gone.count();
    lost_ += gone.count();
  }
  /// Forgets all segments and the folder, whose lock was released.
  void forget() {
    folder_.clear();
    current_ = nullptr;
    reader_.reset();
    segments_.clear();
    unread_ = 0;
    bytes_ = 0;
  }

  [[nodiscard]] std::string path_of(const SegmentName& name) const {
    return segment_path(folder_, name);
  }
  [[nodiscard]] Segment* first_readable() {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = std::find_if(segments_.begin(), segments_.end(), is_readable);
    return found == segments_.end() ? nullptr : &*found;
  }
  /// The segments for which `is_one(segment)` returns true, in order. Only the disk thread removes
  /// segments, so that they stay valid for it.
  template <class IsOne>
  [[nodiscard]] std::vector<Segment*> segments_if(const IsOne& is_one) {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::vector<Segment*> some;
    for (Segment& segment : segments_) {
      if (is_one(segment)) some.push_back(&segment);
    }
    return some;
  }

  void remove_finished() {
    for (Segment* segment : segments_if([this](auto& one) { return is_finished(one); })) {
      std::list<Segment> finished;
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (segment == reading_) reader_.reset();
        bytes_ -= std::min<std::uint64_t>(bytes_, segment->size);
        const auto found = std::find_if(segments_.begin(), segments_.end(),
                                        [segment](const Segment& one) { return &one == segment; });
        finished.splice(finished.end(), segments_, found);
      }
      if (remove_segment(*files_, folder_, segment->name)) continue;
      // One that stays has no event for the next adopter.
      SequenceSet all;
      all.add(segment->first_sequence, segment->end_sequence);
      static_cast<void>(write_acknowledgements(*segment, all));
    }
  }

  /// Makes the file of a segment with its header. Errors: Storage, as File.
  [[nodiscard]] Result<std::shared_ptr<File>> begin_file(Segment& segment) {
    const std::string path = path_of(segment.name);
    SegmentHeader header = identity_.header;
    header.first_sequence = segment.first_sequence;
    header.generation = segment.name.generation;
    std::string bytes;
    // The folder's LOCK file has the same texts, so they are not too long.
    static_cast<void>(append_header(bytes, header));
    Result<std::unique_ptr<File>> file = files_->open(path, OpenFor::AppendToNew);
    if (!file) return std::move(file).error();
    if (Result<void> written = append_all(**file, path, bytes); !written) {
      // One that stays has no event in it.
      static_cast<void>(files_->remove_file(path));
      return std::move(written).error();
    }
    segment.size = bytes.size();
    return std::shared_ptr<File>{*std::move(file)};
  }

  /// Writes the pending events of a sealed segment to its next generation. `frames` are preferred
  /// to those of the file, of which a failed sync may have lost some.
  [[nodiscard]] Result<void> replace(Segment& segment, Frames frames) {
    auto reader = SegmentReader::open(*files_, path_of(segment.name), &identity_.header);
    if (!reader && reader.error().code != "NotFound") return std::move(reader).error();
    while (reader) {
      const auto frame = reader->next();
      if (!frame) return frame.error();
      if (!*frame) break;
      std::string& bytes = frames[(*frame)->sequence];
      if (!bytes.empty()) continue;
      static_cast<void>(append_frame(bytes, salt_, (*frame)->sequence, (*frame)->entry));
    }
    Segment fresh;
    fresh.name = {segment.name.number, segment.name.generation + 1};
    fresh.first_sequence = segment.first_sequence;
    const std::string path = path_of(fresh.name);
    // A rewrite that failed before may have left one.
    static_cast<void>(files_->remove_file(path));
    Result<std::shared_ptr<File>> file = begin_file(fresh);
    if (!file) return std::move(file).error();
    std::string bytes;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      for (const auto& [sequence, frame] : frames) {
        if (!segment.pending.contains(sequence)) continue;
        bytes.append(frame);
        ++fresh.frames;
      }
    }
    Entry end;
    end.flags = kEndOfSegment;
    static_cast<void>(append_frame(bytes, salt_, segment.end_sequence, end));
    Result<void> written = append_all(**file, path, bytes);
    if (written) written = (*file)->sync();
    if (written) written = files_->sync_folder(folder_);
    if (!written) {
      static_cast<void>(files_->remove_file(path));
      return written;
    }
    const SegmentName old = segment.name;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (reading_ == &segment) reader_.reset();
      bytes_ -= std::min<std::uint64_t>(bytes_, segment.size);
      segment.name = fresh.name;
      segment.size = fresh.size + bytes.size();
      bytes_ += segment.size;
      segment.synced_size = segment.size;
      segment.frames = fresh.frames;
      segment.must_be_rewritten = false;
      segment.file.reset();
      // Events of which no frame is left.
      const auto is_left = [&](std::uint64_t one) { return frames.count(one) > 0; };
      include(segment);
      segment.pending.retain(is_left);
      const std::uint64_t gone = segment.unread.retain(is_left);
      unread_ -= gone;
      lost_ += gone;
    }
    static_cast<void>(files_->remove_file(path_of(old)));
    return {};
  }

  FileSystem* const files_;
  FolderLocks* const locks_;
  const std::string directory_;
  std::uint32_t salt_{0};  ///< of the writer's frames; never changes

  mutable std::mutex mutex_{};  ///< of the members down to current_
  std::string folder_{};
  LogIdentity identity_{};
  FolderLocks::Slot lock_{};
  std::list<Segment> segments_{};  ///< by number
  Segment* current_{nullptr};      ///< the one that is appended to
  std::atomic<std::uint64_t> unread_{0};
  std::atomic<std::uint64_t> bytes_{0};

  std::uint64_t lost_{0};  ///< the disk thread only, as the members below

 private:
  [[nodiscard]] Result<void> write_acknowledgements(Segment& segment,
                                                    const SequenceSet& sequences) {
    const Result<std::size_t> written = segment.acknowledgements.write(
        *files_, acknowledgement_path(folder_, segment.name.number), identity_.header, sequences);
    if (!written) return written.error();
    bytes_ += *written;
    return {};
  }

  // --- Reading ---

  /// Reads on in a segment; empty: there is no other frame in it now.
  [[nodiscard]] Result<std::optional<Frame>> next_of(Segment& segment) {
    if (!reader_ || reading_ != &segment) {
      if (Result<void> opened = open_reader(segment); !opened) return std::move(opened).error();
    }
    while (reader_) {
      const std::uint64_t size = size_of(segment);
      if (segment.is_known) reader_->read_up_to(size);
      const Result<std::optional<Frame>> frame = reader_->next();
      if (!frame) {
        reader_.reset();
        return frame;
      }
      const std::lock_guard<std::mutex> lock(mutex_);
      if (*frame) {
        if (is_new(segment, **frame)) return frame;
        continue;
      }
      if (segment.size > size) continue;
      if (!segment.is_known) end_segment(segment);
      give_up_unread(segment);
      // What is appended later is read on.
      if (&segment != current_) reader_.reset();
      break;
    }
    remove_finished();
    return std::optional<Frame>{};
  }
  [[nodiscard]] std::uint64_t size_of(const Segment& segment) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return segment.size;
  }

  /// Whether a frame is that of an event which was not read yet. Called with mutex_ held.
  [[nodiscard]] bool is_new(Segment& segment, const Frame& frame) {
    if (segment.is_known) {
      if (!segment.unread.remove(frame.sequence)) return false;
      --unread_;
      return true;
    }
    // Equal sequences of a writer are one event.
    const bool is_again = frame.sequence < next_sequence_;
    if (is_again || (frame.entry.flags & kNoEvent) != 0) return false;
    next_sequence_ = frame.sequence + 1;
    if (acknowledged_.contains(frame.sequence)) return false;
    if (segment.end_sequence == 0) segment.first_sequence = frame.sequence;
    segment.end_sequence = next_sequence_;
    segment.pending.add(frame.sequence, next_sequence_);
    return true;
  }

  /// Opens a segment, unless it is gone, which is then known.
  [[nodiscard]] Result<void> open_reader(Segment& segment) {
    reader_.reset();
    if (!segment.is_known) {
      if (Result<void> chosen = choose_generation(segment); !chosen) return chosen;
      Result<Acknowledged> acknowledged = read_acknowledgements(
          *files_, acknowledgement_path(folder_, segment.name.number), &identity_.header);
      if (!acknowledged) return std::move(acknowledged).error();
      acknowledged_ = std::move(acknowledged->events);
    }
    Result<SegmentReader> opened =
        SegmentReader::open(*files_, path_of(segment.name), &identity_.header);
    const bool is_gone = !opened && !segment.is_known && opened.error().code == "NotFound";
    if (is_gone) segment.is_known = true;
    if (is_gone) return {};
    if (!opened) return std::move(opened).error();
    reading_ = &segment;
    reader_.emplace(*std::move(opened));
    return {};
  }

  // --- Adopted segments ---

  [[nodiscard]] Result<void> identify() {
    Result<LogIdentity> identity = read_identity(*files_, folder_);
    bool is_known = identity.has_value();
    if (is_known) identity_ = *std::move(identity);
    const std::string code = is_known ? std::string{} : identity.error().code;
    const bool is_damaged = code == kDamaged || code == kTorn || code == "NotFound";
    if (!is_known && !is_damaged) return std::move(identity).error();
    // The first whole header of a segment replaces it.
    for (const Segment& segment : segments_) {
      const auto reader = SegmentReader::open(*files_, path_of(segment.name));
      if (!reader && reader.error().code == kOtherVersion) return reader.error();
      if (!reader || is_known) continue;
      identity_.header = reader->header();
      identity_.clock.identity = identity_.header.boot;
      is_known = true;
    }
    if (is_known || segments_.empty()) return {};
    Error error = detail::make_error(ErrorKind::Storage, folder_, "has no whole header left");
    error.code = kDamaged;
    return error;
  }

  /// Removes generations that were not written to their end, or that a later one replaced.
  [[nodiscard]] Result<void> choose_generation(Segment& segment) {
    while (!segment.older.empty()) {
      auto reader = SegmentReader::open(*files_, path_of(segment.name), &identity_.header);
      if (!reader) return std::move(reader).error();
      bool is_complete = false;
      for (;;) {
        const Result<std::optional<Frame>> frame = reader->next();
        if (!frame) return frame.error();
        if (!*frame) break;
        is_complete = ((*frame)->entry.flags & kEndOfSegment) != 0;
      }
      if (!is_complete) std::swap(segment.name, segment.older.front());
      static_cast<void>(files_->remove_file(path_of(segment.older.front())));
      segment.older.erase(segment.older.begin());
    }
    return {};
  }

  /// All of an adopted segment was read. Called with mutex_ held.
  void end_segment(Segment& segment) {
    const SegmentScanner& scanner = reader_->scanner();
    const HeaderState header = reader_->header_state();
    const bool has_frames = scanner.next_sequence() > reader_->header().first_sequence;
    segment.is_known = true;
    if (scanner.damaged_stretches() == 0 && header == HeaderState::Good) return;
    // The writer was killed before it had written the header.
    if (!has_frames && header == HeaderState::Torn) return;
    damage_ = detail::make_error(ErrorKind::Storage, path_of(segment.name),
                                 has_frames ? "has damaged parts, which were skipped"
                                            : "has no whole event; it is now in quarantine");
    damage_->code = kDamaged;
    if (has_frames || quarantine(segment)) return;
    // One that cannot be moved stays, and is found by the next adopter.
    segment.is_known = false;
    segment.is_skipped = true;
  }

  /// Keeps a file of which no frame can be read. False: it could not be moved.
  [[nodiscard]] bool quarantine(const Segment& segment) {
    const std::string folder = detail::path_in(directory_, kQuarantineFolder);
    if (!files_->make_folder(folder)) return false;
    const std::string writer = folder_.substr(directory_.size() + 1);
    const auto move = [&](const std::string& path) {
      const std::string name = "-" + path.substr(folder_.size() + 1);
      return files_->rename(path, detail::path_in(folder, writer).append(name)).has_value();
    };
    if (!move(path_of(segment.name))) return false;
    static_cast<void>(move(acknowledgement_path(folder_, segment.name.number)));
    return true;
  }

  std::optional<SegmentReader> reader_{};
  Segment* reading_{nullptr};
  std::uint64_t next_sequence_{0};  ///< of adopted segments
  SequenceSet acknowledged_{};      ///< of the adopted segment that is read
  std::optional<Error> damage_{};
};

}  // namespace detail::spool

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
