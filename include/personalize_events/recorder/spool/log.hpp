// SPDX-License-Identifier: Apache-2.0
//
// Log: the one append-only log of a recorder. Every event that is written goes to it in the order
// of its sequence, whether it stays in memory or not. It reads back what is on the disk only, notes
// what is completed, syncs, and replaces segments that must be rewritten. The spool has one.
//
// A segment is open for appending, then sealed, then finished when nothing in it is pending. Its
// rewrite has the same number, the next generation and the original sequences, and ends with an end
// frame; the old file is removed when the disk has the new one.
#ifndef PERSONALIZE_EVENTS_RECORDER_SPOOL_LOG_HPP
#define PERSONALIZE_EVENTS_RECORDER_SPOOL_LOG_HPP

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "personalize_events/platform/file.hpp"
#include "personalize_events/platform/platform.hpp"
#include "personalize_events/recorder/spool/acknowledgement.hpp"
#include "personalize_events/recorder/spool/acknowledgement_file.hpp"
#include "personalize_events/recorder/spool/event_bits.hpp"
#include "personalize_events/recorder/spool/folder_locks.hpp"
#include "personalize_events/recorder/spool/frame.hpp"
#include "personalize_events/recorder/spool/paths.hpp"
#include "personalize_events/recorder/spool/segment.hpp"
#include "personalize_events/recorder/spool/segment_reader.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace spool {

/// The size at which a segment is sealed, in a spool of at most `max_bytes`: a sixteenth of it, but
/// at most 8 MiB and at least 64 KiB.
[[nodiscard]] constexpr std::uint64_t segment_size(std::uint64_t max_bytes) noexcept {
  return std::clamp<std::uint64_t>(max_bytes / 16, 64U << 10U, 8U << 20U);
}

/// Frames that are appended together.
struct FrameChunk {
  struct Note {
    std::uint64_t sequence{0};
    bool is_disk_only{false};
  };
  std::string bytes{};
  std::vector<Note> notes{};
  std::uint32_t salt{0};

  void clear() {
    bytes.clear();
    notes.clear();
  }
  /// Appends a frame; one that is too large for the log is left out, and false returned.
  bool add(std::uint64_t sequence, const Entry& entry) {
    if (!append_frame(bytes, salt, sequence, entry)) return false;
    notes.push_back({sequence, (entry.flags & kDiskOnly) != 0});
    return true;
  }
};

/// The result of Log::sync.
struct SyncReport {
  bool did_work{false};
  /// All that was written before is on the disk.
  bool is_complete{false};
  std::optional<Error> error{};
};

/// @par Thread Safety
/// The counts: any thread. Members of "Appending": any thread, one at a time. The others: the disk
/// thread only; abandon, seal_failed and close while no other thread appends.
class Log {
 public:
  /// Frames of pending events by their sequence, as those that have them in memory write them.
  using Frames = std::map<std::uint64_t, std::string>;

  /// `files`, `locks` and `platform` outlive it. With `keeps_files`, sealed segments stay open
  /// until a sync had them.
  Log(FileSystem& files, FolderLocks& locks, Platform& platform, std::string directory, Scope scope,
      std::uint64_t segment_bytes, bool keeps_files)
      : files_(&files),
        locks_(&locks),
        platform_(&platform),
        directory_(std::move(directory)),
        segment_bytes_(segment_bytes),
        keeps_files_(keeps_files) {
    header_.scope = std::move(scope);
    random_bytes(salt_);
    header_.salt = salt_;
  }
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // --- Counts ---

  /// The highest sequence that is in the log. All pending events up to it are.
  [[nodiscard]] std::uint64_t written() const noexcept { return written_; }
  /// The highest sequence up to which the disk has all that is pending.
  [[nodiscard]] std::uint64_t durable() const noexcept { return durable_; }
  /// Events on the disk only that were not read back.
  [[nodiscard]] std::uint64_t unread() const noexcept { return unread_; }
  /// The bytes of its files.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
  /// The name of its folder; empty: there is none yet.
  [[nodiscard]] std::string name() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return header_.writer;
  }

  [[nodiscard]] bool has_pending() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return std::any_of(segments_.begin(), segments_.end(),
                       [](const Segment& segment) { return segment.pending.count() > 0; });
  }

  // --- Appending ---

  /// The salt of its frames.
  [[nodiscard]] std::uint32_t salt() const noexcept { return salt_; }

  /// Appends frames of ascending sequences, all of them or none; makes the folder for the first.
  /// Errors: Storage, as of File and FileSystem; Configuration, if the scope is too long for a
  /// header.
  [[nodiscard]] Result<void> append(const FrameChunk& chunk) {
    if (folder_.empty()) {
      if (Result<void> made = make_folder(); !made) return made;
    }
    Segment* segment = current_;
    if (segment != nullptr && is_full(*segment, chunk)) seal();
    if (current_ == nullptr) {
      if (Result<void> opened = open_next(chunk.notes.front().sequence); !opened) return opened;
    }
    segment = current_;
    if (Result<void> written = write(*segment, chunk.bytes); !written) return written;
    const std::lock_guard<std::mutex> lock(mutex_);
    segment->size += chunk.bytes.size();
    bytes_ += chunk.bytes.size();
    for (const FrameChunk::Note& note : chunk.notes) {
      segment->pending.add(note.sequence);
      ++segment->frames;
      if (!note.is_disk_only) continue;
      segment->unread.add(note.sequence);
      unread_ += segment->is_skipped ? 0U : 1U;
    }
    segment->end_sequence = chunk.notes.back().sequence + 1;
    skip_to(chunk.notes.back().sequence);
    return {};
  }

  /// Skips sequences that need not be in the log, because their events completed before.
  void skip_to(std::uint64_t sequence) noexcept {
    written_ = std::max<std::uint64_t>(written_, sequence);
  }

  // --- Completed events ---

  /// Writes down that events completed, and removes the segments in which nothing is pending.
  /// Errors: Storage, as of File: the events may be sent again after a crash, under the same ids.
  Result<void> acknowledge(std::vector<std::uint64_t> sequences) {
    // Some were being written when they completed.
    sequences.insert(sequences.end(), early_.begin(), early_.end());
    early_.clear();
    std::sort(sequences.begin(), sequences.end());
    Result<void> written;
    for (Segment* segment : all_segments()) {
      const std::string records = complete(*segment, sequences);
      if (records.empty() || is_finished(*segment)) continue;
      if (Result<void> one = write_acknowledgements(*segment, records); !one) {
        written = std::move(one);
      }
    }
    early_.assign(std::upper_bound(sequences.begin(), sequences.end(), written_.load()),
                  sequences.end());
    remove_finished();
    return written;
  }

  // --- Reading back ---

  /// Reads the next event that is on the disk only, in the order of the sequences; empty: there is
  /// none now. It is valid until the next call. Errors: Storage, if a file cannot be read; a later
  /// call tries again. `lost` is raised by the events that cannot be read back.
  [[nodiscard]] Result<std::optional<Frame>> next(std::uint64_t& lost) {
    for (;;) {
      if (!reader_) {
        const Result<bool> opened = open_reader();
        if (!opened) return opened.error();
        if (!*opened) return std::optional<Frame>{};
      }
      std::uint64_t size = 0;
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        size = reading_->size;
      }
      reader_->extend(size);
      const Result<std::optional<Frame>> frame = reader_->next();
      if (!frame) {
        reader_.reset();
        return frame;
      }
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!*frame) {
        if (reading_->size > size) continue;
        if (reading_->unread.count() > 0) lost += give_up_unread(*reading_);
        if (reading_ == current_ && unread_ == 0) return std::optional<Frame>{};
        reader_.reset();
        continue;
      }
      const std::uint64_t sequence = (*frame)->sequence;
      if (!reading_->unread.remove(sequence)) continue;
      --unread_;
      return frame;
    }
  }
  /// Leaves the segment out that `next` cannot read, until `unskip`: its events stay on the disk.
  void skip() {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = std::find_if(segments_.begin(), segments_.end(), is_readable);
    if (found == segments_.end()) return;
    found->is_skipped = true;
    unread_ -= found->unread.count();
  }
  /// Lets `next` try all segments again.
  void unskip() {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (Segment& segment : segments_) include(segment);
  }

  // --- Bringing to the disk ---

  [[nodiscard]] bool has_unsynced() const noexcept { return durable_ < written_; }

  /// Waits until the disk has what was written so far, while others append. What a failed sync may
  /// have lost must be rewritten before a sync is complete again.
  [[nodiscard]] SyncReport sync() {
    SyncReport report;
    std::vector<Part> parts;
    std::uint64_t up_to = 0;
    std::string folder;
    bool has_new_names = false;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      up_to = written_;
      folder = folder_;
      for (Segment& segment : segments_) {
        if (segment.synced_size == segment.size || segment.must_be_rewritten) continue;
        has_new_names = has_new_names || segment.synced_size == 0;
        parts.push_back({segment.name, segment.file, segment.size, {}});
      }
    }
    report.is_complete = folder.empty();
    if (report.is_complete) durable_ = up_to;
    if (report.is_complete) return report;
    Result<void> names;
    if (!parts.empty() || is_folder_new_) {
      report.did_work = true;
      if (is_folder_new_) names = files_->sync_folder(directory_);
      if (names && has_new_names) names = files_->sync_folder(folder);
      if (names) is_folder_new_ = false;
    }
    for (Part& part : parts) part.synced = names ? bring_to_disk(folder, part) : names;
    const std::lock_guard<std::mutex> lock(mutex_);
    if (folder != folder_) return report;  // abandoned meanwhile
    report.is_complete = names.has_value();
    if (!names) report.error = names.error();
    for (Part& part : parts) finish_sync(part, report);
    for (const Segment& segment : segments_) {
      report.is_complete = report.is_complete && !segment.must_be_rewritten;
    }
    if (report.is_complete) durable_ = std::max<std::uint64_t>(durable_, up_to);
    return report;
  }

  /// Whether a failed sync left segments that must be rewritten. Nothing is appended to them any
  /// more: the caller keeps others from appending meanwhile.
  [[nodiscard]] bool seal_failed() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (current_ != nullptr && current_->must_be_rewritten) current_ = nullptr;
    return std::any_of(segments_.begin(), segments_.end(),
                       [](const Segment& segment) { return segment.must_be_rewritten; });
  }
  /// Rewrites what a failed sync may have lost. `collect(first, end)` returns the frames of pending
  /// events that are in memory, of a range of sequences. Errors: Storage, as of File: try again
  /// later. `lost` is raised by the events that cannot be read any more.
  template <class Collect>
  [[nodiscard]] Result<void> rewrite(const Collect& collect, std::uint64_t& lost) {
    for (Segment* segment : all_segments()) {
      if (!segment->must_be_rewritten) continue;
      Result<void> rewritten =
          replace(*segment, collect(segment->first_sequence, segment->end_sequence), lost);
      if (!rewritten) return rewritten;
    }
    return {};
  }

  /// Rewrites the oldest sealed segment of which less than half is pending, to free its bytes.
  /// False: there is none, or it cannot be rewritten.
  bool compact() {
    for (Segment* segment : all_segments()) {
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        const bool is_sparse = segment != current_ && segment->pending.count() > 0 &&
                               segment->pending.count() * 2 < segment->frames;
        if (!is_sparse) continue;
      }
      std::uint64_t lost = 0;
      const std::uint64_t before = bytes_;
      return replace(*segment, {}, lost).has_value() && bytes_ < before;
    }
    return false;
  }
  /// Gives up the unread events of the oldest segment that has some: each frame goes to `take`, and
  /// the segment's bytes are freed. False: there is none.
  template <class Take>
  bool evict_oldest(const Take& take, std::uint64_t& lost) {
    Segment* oldest = nullptr;
    for (Segment* segment : all_segments()) {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (segment->unread.count() == 0 || segment == current_) continue;
      include(*segment);
      oldest = segment;
      break;
    }
    if (oldest == nullptr) return false;
    std::vector<std::uint64_t> taken;
    auto reader = SegmentReader::open(*files_, segment_path(folder_, oldest->name), &header_);
    while (reader) {
      const auto frame = reader->next();
      if (!frame || !*frame) break;
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!oldest->unread.remove((*frame)->sequence)) continue;
      --unread_;
      taken.push_back((*frame)->sequence);
      take(**frame);
    }
    bool has_others = false;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (oldest == reading_) reader_.reset();
      lost += give_up_unread(*oldest);
      for (const std::uint64_t sequence : taken) oldest->pending.remove(sequence);
      has_others = oldest->pending.count() > 0;
    }
    if (has_others) static_cast<void>(replace(*oldest, {}, lost));
    remove_finished();
    return true;
  }

  // --- The service's clock ---

  /// Notes at which boot time the service had which time, for the process that adopts this log.
  void note_clock(std::int64_t boot_ms, std::int64_t service_ms) {
    constexpr std::int64_t close_enough = 1'000;
    const std::int64_t moved = (service_ms - boot_ms) - clock_.offset;
    const bool is_known = clock_.is_known && moved < close_enough && -moved < close_enough;
    std::string folder;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      folder = folder_;
    }
    if (folder.empty() || is_known) return;
    auto file = files_->open(detail::path_in(folder, kIdentityName), OpenFor::Append);
    if (!file) return;
    Entry entry;
    entry.flags = kServiceClock;
    entry.boot_ms = boot_ms;
    entry.wall_ms = service_ms;
    std::string frame;
    if (!append_frame(frame, salt_, ++clock_.frames, entry)) return;
    // Without it the ages of these events count from their adoption.
    const Result<std::size_t> written = (*file)->append(frame);
    clock_.is_known = written && *written == frame.size();
    clock_.offset = service_ms - boot_ms;
  }

  // --- The end ---

  /// Whether its folder is no longer where it was made: somebody removed or renamed it.
  [[nodiscard]] bool is_gone() const {
    std::string folder;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      folder = folder_;
    }
    if (folder.empty()) return false;
    const auto there = files_->open(detail::path_in(folder, kIdentityName), OpenFor::Read);
    return !there && there.error().code == "NotFound";
  }
  /// Releases a folder that is gone: the next event begins another. Returns how many events are
  /// lost with it, because they were on the disk only. All others have to be written again.
  std::uint64_t abandon() {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (Segment& segment : segments_) include(segment);
    const std::uint64_t lost = unread_;
    if (lost > 0) lost_up_to_ = written_.load();
    locks_->release(lock_);
    folder_.clear();
    header_.writer.clear();
    current_ = nullptr;
    segments_.clear();
    reader_.reset();
    early_.clear();
    unread_ = 0;
    bytes_ = 0;
    written_ = 0;
    durable_ = 0;
    clock_ = {};
    return lost;
  }
  /// Whether an event that was on the disk only may be lost with its folder.
  [[nodiscard]] bool is_lost(std::uint64_t sequence) const noexcept {
    return sequence <= lost_up_to_;
  }

  /// Releases the folder; one in which nothing is pending is removed.
  void close() {
    if (folder_.empty()) return;
    seal();
    remove_finished();
    static_cast<void>(remove_writer_folder(*files_, folder_, kLockName));
    static_cast<void>(abandon());
  }

 private:
  static constexpr const char* kIdentityName = kLockName;
  static constexpr int kMostNames = 100;

  struct Segment {
    SegmentName name{};
    std::uint64_t first_sequence{0};
    std::uint64_t end_sequence{0};
    std::uint64_t size{0};
    /// What the disk has for certain.
    std::uint64_t synced_size{0};
    std::uint64_t frames{0};
    /// Until it is sealed and synced.
    std::shared_ptr<File> file{};
    EventBits pending{};
    EventBits unread{};
    bool must_be_rewritten{false};
    bool is_skipped{false};  ///< by `next`
    std::optional<AcknowledgementFile> acknowledgements{};
  };
  struct Part {
    SegmentName name{};
    std::shared_ptr<File> file{};
    std::uint64_t size{0};
    Result<void> synced{};
  };
  struct Clock {
    bool is_known{false};
    std::int64_t offset{0};
    std::uint64_t frames{0};
  };

  // --- Appending ---

  [[nodiscard]] bool is_full(const Segment& segment, const FrameChunk& chunk) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (segment.must_be_rewritten) return true;
    return segment.frames > 0 && (segment.size + chunk.bytes.size() > segment_bytes_ ||
                                  !segment.pending.fits(chunk.notes.back().sequence));
  }

  /// Under a name that no other process took for an orphan's before it was locked.
  [[nodiscard]] Result<void> make_folder() {
    if (Result<void> made = make_folders(*files_, directory_); !made) return made;
    for (int names = 1;; ++names) {
      const Result<std::string> name = new_name();
      if (!name) return name.error();
      const std::string folder = detail::path_in(directory_, *name);
      if (Result<void> made = files_->make_folder(folder); !made) return made;
      const Result<std::optional<FolderLocks::Slot>> lock = locks_->take(*files_, folder);
      const bool is_taken = lock ? !*lock : lock.error().code == "NotFound";
      if (is_taken && names < kMostNames) continue;
      if (!lock) return lock.error();
      if (!*lock) {
        return detail::make_error(ErrorKind::Storage, folder, "cannot be locked");
      }
      SegmentHeader header = header_;
      header.writer = *name;
      Result<void> begun = write_identity(folder, header);
      if (begun) {
        const std::lock_guard<std::mutex> guard(mutex_);
        lock_ = **lock;
        folder_ = folder;
        header_ = std::move(header);
        is_folder_new_ = true;
        last_number_ = 0;
        return {};
      }
      static_cast<void>(files_->remove_file(detail::path_in(folder, kIdentityName)));
      static_cast<void>(files_->remove_folder(folder));
      locks_->release(**lock);
      return begun;
    }
  }

  /// After all that are there, so that orphaned folders are adopted in the order of their writers.
  [[nodiscard]] Result<std::string> new_name() {
    const Result<std::vector<std::string>> names = files_->list_folder(directory_);
    if (!names) return names.error();
    std::uint64_t highest = 0;
    for (const std::string& name : *names) highest = std::max(highest, writer_number(name));
    std::uint32_t random = 0;
    random_bytes(random);
    constexpr const char* digits = "0123456789abcdef";
    std::string name = std::string{kWriterPrefix}.append(padded(highest + 1)).append("-");
    for (unsigned shift = 32; shift > 0; shift -= 4) name += digits[(random >> (shift - 4)) & 0xfU];
    return name;
  }

  [[nodiscard]] Result<void> write_identity(const std::string& folder, SegmentHeader& header) {
    header.first_sequence = 0;
    header.boot = platform_->boot_identity();
    std::string bytes;
    if (!append_header(bytes, header)) {
      return detail::make_error(ErrorKind::Configuration, "SpoolOptions::account",
                                "is too long, with region and endpoint, for a segment's header");
    }
    const std::string path = detail::path_in(folder, kIdentityName);
    Result<std::unique_ptr<File>> file = files_->open(path, OpenFor::Append);
    if (!file) return std::move(file).error();
    return write_all(**file, path, bytes);
  }

  void random_bytes(std::uint32_t& number) {
    unsigned char bytes[sizeof number] = {};
    platform_->random_bytes(bytes, sizeof bytes);
    for (const unsigned char byte : bytes) number = (number << 8U) | byte;
  }

  [[nodiscard]] Result<void> open_next(std::uint64_t first_sequence) {
    // The number is used up even by a failure, which may leave a file behind.
    auto segment = std::list<Segment>(1);
    Segment& fresh = segment.front();
    fresh.name.number = ++last_number_;
    fresh.first_sequence = first_sequence;
    fresh.end_sequence = first_sequence;
    Result<std::shared_ptr<File>> file = begin_file(fresh);
    if (!file) return std::move(file).error();
    fresh.file = *std::move(file);
    const std::lock_guard<std::mutex> lock(mutex_);
    bytes_ += fresh.size;
    segments_.splice(segments_.end(), segment);
    current_ = &fresh;
    return {};
  }

  /// Makes the file of a segment with its header. Errors: Storage, as of File.
  [[nodiscard]] Result<std::shared_ptr<File>> begin_file(Segment& segment) {
    const std::string path = segment_path(folder_, segment.name);
    SegmentHeader header = header_;
    header.first_sequence = segment.first_sequence;
    header.generation = segment.name.generation;
    std::string bytes;
    // The folder's identity has the same texts.
    static_cast<void>(append_header(bytes, header));
    Result<std::unique_ptr<File>> file = files_->open(path, OpenFor::AppendToNew);
    if (!file) return std::move(file).error();
    if (Result<void> written = write_all(**file, path, bytes); !written) {
      // One that stays has no event in it.
      static_cast<void>(files_->remove_file(path));
      return std::move(written).error();
    }
    segment.size = bytes.size();
    return std::shared_ptr<File>{*std::move(file)};
  }

  [[nodiscard]] static Result<void> write_all(File& file, const std::string& path,
                                              std::string_view bytes) {
    const Result<std::size_t> written = file.append(bytes);
    if (!written) return written.error();
    if (*written == bytes.size()) return {};
    Error full =
        detail::make_error(ErrorKind::Storage, path, "takes no more; make room on the disk");
    full.code = "NoSpace";
    return full;
  }

  /// All of `bytes`, or nothing of them.
  [[nodiscard]] Result<void> write(Segment& segment, std::string_view bytes) {
    Result<void> written = write_all(*segment.file, segment_path(folder_, segment.name), bytes);
    // A frame behind half of another would be found, but only as one after damage.
    if (!written && !segment.file->truncate(segment.size)) seal();
    return written;
  }

  void seal() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (current_ == nullptr) return;
    const bool is_synced = current_->synced_size == current_->size;
    if (is_synced || !keeps_files_) current_->file.reset();
    current_ = nullptr;
  }

  // --- Completed events ---

  /// Completes those of some sorted sequences that are pending in the segment, and returns the
  /// records about them.
  [[nodiscard]] std::string complete(Segment& segment,
                                     const std::vector<std::uint64_t>& sequences) {
    std::vector<std::uint64_t> completed;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      for (auto next = std::lower_bound(sequences.begin(), sequences.end(), segment.first_sequence);
           next != sequences.end() && *next < segment.end_sequence; ++next) {
        if (segment.unread.remove(*next) && !segment.is_skipped) --unread_;
        if (segment.pending.remove(*next)) completed.push_back(*next);
      }
    }
    std::string records;
    append_acknowledgements(records, completed);
    return records;
  }
  [[nodiscard]] bool is_finished(const Segment& segment) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return &segment != current_ && segment.pending.count() == 0;
  }

  [[nodiscard]] Result<void> write_acknowledgements(Segment& segment, const std::string& records) {
    if (!segment.acknowledgements) {
      SegmentHeader header = header_;
      header.first_sequence = segment.first_sequence;
      Result<AcknowledgementFile> opened = AcknowledgementFile::open(
          *files_, acknowledgement_path(folder_, segment.name.number), header);
      if (!opened) return std::move(opened).error();
      segment.acknowledgements.emplace(*std::move(opened));
    }
    bytes_ += records.size();
    return segment.acknowledgements->write(records);
  }

  void remove_finished() {
    std::list<Segment> finished;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      for (auto segment = segments_.begin(); segment != segments_.end();) {
        const auto one = segment++;
        if (&*one == current_ || one->pending.count() > 0) continue;
        if (&*one == reading_) reader_.reset();
        bytes_ -= std::min<std::uint64_t>(bytes_, one->size);
        finished.splice(finished.end(), segments_, one);
      }
    }
    // Before the files are removed nothing refers to them, so that their absence is no fault. One
    // that stays is acknowledged here.
    for (Segment& segment : finished) {
      if (!remove_segment(*files_, folder_, segment.name)) {
        std::string all;
        append_acknowledgement(all, segment.first_sequence,
                               static_cast<std::uint32_t>(std::min<std::uint64_t>(
                                   segment.end_sequence - segment.first_sequence,
                                   std::numeric_limits<std::uint32_t>::max())));
        static_cast<void>(write_acknowledgements(segment, all));
      }
    }
  }

  /// The segments at this time. Only the disk thread removes some, so that they stay valid for it.
  [[nodiscard]] std::vector<Segment*> all_segments() {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::vector<Segment*> all;
    for (Segment& segment : segments_) all.push_back(&segment);
    return all;
  }

  // --- Reading back ---

  /// Opens the next segment with unread events; false: there is none.
  [[nodiscard]] Result<bool> open_reader() {
    SegmentName name;
    std::uint64_t size = 0;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      const auto found = std::find_if(segments_.begin(), segments_.end(), is_readable);
      if (found == segments_.end()) return false;
      reading_ = &*found;
      name = found->name;
      size = found->size;
    }
    // What is being appended is not whole yet.
    Result<SegmentReader> opened =
        SegmentReader::open(*files_, segment_path(folder_, name), &header_, size);
    if (!opened) return std::move(opened).error();
    reader_.emplace(*std::move(opened));
    return true;
  }

  [[nodiscard]] static bool is_readable(const Segment& segment) {
    return segment.unread.count() > 0 && !segment.is_skipped;
  }
  /// Called with mutex_ held.
  void include(Segment& segment) {
    if (std::exchange(segment.is_skipped, false)) unread_ += segment.unread.count();
  }
  /// Called with mutex_ held.
  std::uint64_t give_up_unread(Segment& segment) {
    const auto gone = segment.unread.take_up_to(std::numeric_limits<std::uint64_t>::max());
    for (const std::uint64_t sequence : gone) segment.pending.remove(sequence);
    unread_ -= gone.size();
    return gone.size();
  }

  // --- Bringing to the disk ---

  [[nodiscard]] Result<void> bring_to_disk(const std::string& folder, Part& part) {
    const std::string path = segment_path(folder, part.name);
    if (part.file == nullptr) {
      Result<std::unique_ptr<File>> file = files_->open(path, OpenFor::Read);
      if (!file) return std::move(file).error();
      part.file = std::shared_ptr<File>{*std::move(file)};
    }
    if (Result<void> synced = part.file->sync(); !synced) return synced;
    const Result<FileStatus> status = part.file->status();
    if (!status) return status.error();
    if (status->links > 0) return {};
    Error removed =
        detail::make_error(ErrorKind::Storage, path, "was removed while it was written");
    removed.code = "NotFound";
    return removed;
  }

  /// Called with mutex_ held.
  void finish_sync(Part& part, SyncReport& report) {
    const auto found = std::find_if(segments_.begin(), segments_.end(), [&](const Segment& one) {
      return one.name.number == part.name.number && one.name.generation == part.name.generation;
    });
    // It was finished and removed meanwhile.
    if (found == segments_.end()) return;
    if (part.synced) {
      found->synced_size = part.size;
      if (&*found != current_ && found->synced_size == found->size) found->file.reset();
      return;
    }
    // To sync the same file again may report a success that is none.
    report.error = part.synced.error();
    found->must_be_rewritten = true;
  }

  /// Writes the pending events of a sealed segment to its next generation. `memory` has frames that
  /// are preferred to those of the file, of which a failed sync may have lost some.
  [[nodiscard]] Result<void> replace(Segment& segment, const Frames& memory, std::uint64_t& lost) {
    Frames frames = memory;
    auto reader = SegmentReader::open(*files_, segment_path(folder_, segment.name), &header_);
    const bool is_gone = !reader && reader.error().code == "NotFound";
    if (!reader && !is_gone) return std::move(reader).error();
    while (reader) {
      const auto frame = reader->next();
      if (!frame) return frame.error();
      if (!*frame) break;
      std::string& bytes = frames[(*frame)->sequence];
      if (bytes.empty())
        static_cast<void>(append_frame(bytes, salt_, (*frame)->sequence, (*frame)->entry));
    }
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      for (auto one = frames.begin(); one != frames.end();) {
        one = segment.pending.contains(one->first) ? std::next(one) : frames.erase(one);
      }
    }
    Segment fresh;
    fresh.name = {segment.name.number, segment.name.generation + 1};
    fresh.first_sequence = segment.first_sequence;
    const std::string path = segment_path(folder_, fresh.name);
    // A rewrite that failed before may have left one.
    static_cast<void>(files_->remove_file(path));
    Result<std::shared_ptr<File>> file = begin_file(fresh);
    if (!file) return std::move(file).error();
    std::string bytes;
    for (const auto& [sequence, frame] : frames) bytes.append(frame);
    Entry end;
    end.flags = kEndOfSegment;
    static_cast<void>(append_frame(bytes, salt_, segment.end_sequence, end));
    Result<void> written = write_all(**file, path, bytes);
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
      segment.frames = frames.size();
      segment.must_be_rewritten = false;
      segment.file.reset();
      lost += forget_absent(segment, frames);
    }
    static_cast<void>(files_->remove_file(segment_path(folder_, old)));
    return {};
  }

  /// Completes the events of which no frame is left, and returns how many of them were on the disk
  /// only. Called with mutex_ held.
  std::uint64_t forget_absent(Segment& segment, const Frames& frames) {
    include(segment);
    std::uint64_t lost = 0;
    EventBits kept;
    EventBits unread;
    for (const std::uint64_t sequence :
         segment.pending.take_up_to(std::numeric_limits<std::uint64_t>::max())) {
      const bool is_unread = segment.unread.remove(sequence);
      if (frames.count(sequence) == 0) {
        lost += is_unread ? 1 : 0;
        continue;
      }
      kept.add(sequence);
      if (is_unread) unread.add(sequence);
    }
    unread_ -= lost;
    segment.pending = std::move(kept);
    segment.unread = std::move(unread);
    return lost;
  }

  FileSystem* files_;
  FolderLocks* locks_;
  Platform* platform_;
  const std::string directory_;
  const std::uint64_t segment_bytes_;
  const bool keeps_files_;
  std::uint32_t salt_{0};  ///< never changes

  mutable std::mutex mutex_{};  ///< of the members down to current_
  std::string folder_{};
  SegmentHeader header_{};
  FolderLocks::Slot lock_{};
  std::list<Segment> segments_{};  ///< by number
  Segment* current_{nullptr};      ///< the one that is appended to
  std::uint64_t last_number_{0};
  std::atomic<std::uint64_t> written_{0};
  std::atomic<std::uint64_t> durable_{0};
  std::atomic<std::uint64_t> unread_{0};
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<std::uint64_t> lost_up_to_{0};
  std::atomic<bool> is_folder_new_{false};

  // The disk thread only:
  std::optional<SegmentReader> reader_{};
  Segment* reading_{nullptr};
  std::vector<std::uint64_t> early_{};
  Clock clock_{};
};

}  // namespace spool
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
