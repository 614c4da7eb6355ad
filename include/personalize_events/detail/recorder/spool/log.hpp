// SPDX-License-Identifier: Apache-2.0
//
// Log: the one append-only log of a recorder. Every event that is written goes to it in the order
// of its sequence, whether it stays in memory or not. The spool has one.
//
// A segment is open for appending, then sealed, then finished when nothing in it is pending.
#ifndef PERSONALIZE_EVENTS_DETAIL_RECORDER_SPOOL_LOG_HPP
#define PERSONALIZE_EVENTS_DETAIL_RECORDER_SPOOL_LOG_HPP

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "personalize_events/detail/recorder/spool/segment.hpp"
#include "personalize_events/detail/recorder/spool/segmented_log.hpp"
#include "personalize_events/detail/recorder/spool/writer_folder.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail::spool {

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
  /// Appends a frame. False: it is too large for the log, and was left out.
  bool add(std::uint64_t sequence, const Entry& entry) {
    if (!append_frame(bytes, salt, sequence, entry)) return false;
    notes.push_back({sequence, (entry.flags & kDiskOnly) != 0});
    return true;
  }
};

/// Threads: the counts: any thread. Members of "Appending": any thread, one at a time. The others:
/// the disk thread only; abandon, seal_failed and close while no other thread appends.
class Log : public SegmentedLog {
 public:
  /// `files`, `locks` and `platform` outlive it. With `keeps_files`, sealed segments stay open
  /// until a sync had them.
  Log(FileSystem& files, FolderLocks& locks, Platform& platform, std::string directory, Scope scope,
      std::uint64_t segment_bytes, bool keeps_files)
      : SegmentedLog(files, locks, std::move(directory)),
        platform_(&platform),
        segment_bytes_(segment_bytes),
        keeps_files_(keeps_files) {
    unsigned char random[sizeof salt_] = {};
    platform.random_bytes(random, sizeof random);
    for (const unsigned char byte : random) salt_ = (salt_ << 8U) | byte;
    identity_.header.scope = std::move(scope);
    identity_.header.salt = salt_;
  }

  // --- Counts ---

  /// The highest sequence that is in the log. All pending events up to it are.
  [[nodiscard]] std::uint64_t written() const noexcept { return written_; }
  /// The highest sequence up to which the disk has all that is pending.
  [[nodiscard]] std::uint64_t durable() const noexcept { return durable_; }
  [[nodiscard]] bool has_unsynced() const noexcept { return durable_ < written_; }
  /// Whether an event that was on the disk only may be lost with its folder.
  [[nodiscard]] bool is_lost(std::uint64_t sequence) const noexcept {
    return sequence <= lost_up_to_;
  }
  /// The name of its folder; empty: there is none yet.
  [[nodiscard]] std::string name() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return identity_.header.writer;
  }

  // --- Appending ---

  /// The salt of its frames.
  [[nodiscard]] std::uint32_t salt() const noexcept { return salt_; }

  /// Appends frames of ascending sequences, all of them or none; makes the folder for the first.
  /// Errors: Storage, as File and FileSystem; Configuration, if the scope is too long for a header.
  [[nodiscard]] Result<void> append(const FrameChunk& chunk) {
    if (folder_.empty()) {
      if (Result<void> made = make_folder(); !made) return made;
    }
    if (current_ != nullptr && is_full(*current_, chunk)) seal();
    if (current_ == nullptr) {
      if (Result<void> opened = open_next(chunk.notes.front().sequence); !opened) return opened;
    }
    Segment& segment = *current_;
    if (Result<void> written = append_all(*segment.file, path_of(segment.name), chunk.bytes);
        !written) {
      // It may have frames that were not accepted: the disk thread rewrites it.
      if (!segment.file->truncate(segment.size)) seal(true);
      return written;
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    segment.size += chunk.bytes.size();
    bytes_ += chunk.bytes.size();
    segment.frames += chunk.notes.size();
    for (const FrameChunk::Note& note : chunk.notes) {
      segment.pending.add(note.sequence, note.sequence + 1);
      if (!note.is_disk_only) continue;
      segment.unread.add(note.sequence, note.sequence + 1);
      unread_ += segment.is_skipped ? 0U : 1U;
    }
    segment.end_sequence = chunk.notes.back().sequence + 1;
    skip_to(chunk.notes.back().sequence);
    return {};
  }

  /// Skips sequences that need not be in the log, because their events completed before.
  void skip_to(std::uint64_t sequence) noexcept {
    written_ = std::max<std::uint64_t>(written_, sequence);
  }

  // --- Completed events ---

  /// As SegmentedLog::acknowledge. Some may be of events that are being written.
  Result<void> acknowledge(std::vector<std::uint64_t> sequences) {
    const std::uint64_t written = written_;
    sequences.insert(sequences.end(), early_.begin(), early_.end());
    early_.clear();
    for (const std::uint64_t one : sequences) {
      if (one > written) early_.push_back(one);
    }
    return SegmentedLog::acknowledge(std::move(sequences));
  }

  // --- Bringing to the disk ---

  /// Waits until the disk has what was written so far, while others append. What a failed sync may
  /// have lost must be rewritten before anything written later is durable. Errors: Storage, as
  /// File.
  [[nodiscard]] Result<void> sync() {
    struct Part {
      Segment* segment;
      std::shared_ptr<File> file;
      std::uint64_t size;
    };
    std::vector<Part> parts;
    std::uint64_t up_to = 0;
    const bool is_new = is_folder_new_;
    bool has_new_names = is_new;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      up_to = written_;
      for (Segment& segment : segments_) {
        if (segment.synced_size == segment.size || segment.must_be_rewritten) continue;
        has_new_names = has_new_names || segment.synced_size == 0;
        parts.push_back({&segment, segment.file, segment.size});
      }
    }
    Result<void> names;
    if (is_new) names = files_->sync_folder(directory_);
    if (names && has_new_names) names = files_->sync_folder(folder_);
    if (is_new && names) is_folder_new_ = false;
    Result<void> result = names;
    for (Part& part : parts) {
      Result<void> synced = names ? bring_to_disk(*part.segment, part.file) : names;
      const std::lock_guard<std::mutex> lock(mutex_);
      Segment& segment = *part.segment;
      if (synced) {
        segment.synced_size = part.size;
        if (&segment != current_ && part.size == segment.size) segment.file.reset();
      } else {
        // To sync the same file again may report a success that is none.
        segment.must_be_rewritten = true;
        result = std::move(synced);
      }
    }
    const bool is_complete = names && segments_if(must_rewrite).empty();
    if (is_complete) durable_ = std::max<std::uint64_t>(durable_, up_to);
    return result;
  }

  /// Whether a failed sync left segments that must be rewritten. Nothing is appended to them any
  /// more: the caller keeps others from appending meanwhile.
  [[nodiscard]] bool seal_failed() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (current_ != nullptr && must_rewrite(*current_)) current_ = nullptr;
    return std::any_of(segments_.begin(), segments_.end(), must_rewrite);
  }
  /// Rewrites what a failed sync may have lost. `collect(first, end)` returns the frames of pending
  /// events that are in memory, of a range of sequences. Errors: Storage, as File: try again later.
  template <class Collect>
  [[nodiscard]] Result<void> rewrite(const Collect& collect) {
    for (Segment* segment : segments_if(must_rewrite)) {
      Result<void> rewritten =
          replace(*segment, collect(segment->first_sequence, segment->end_sequence));
      if (!rewritten) return rewritten;
    }
    return {};
  }
  /// Rewrites the oldest sealed segment of which less than half is pending, to free its bytes.
  /// False: there is none, or it cannot be rewritten.
  bool compact() {
    const auto sparse = segments_if([this](const Segment& one) {
      const std::uint64_t pending = one.pending.count();
      return &one != current_ && !one.must_be_rewritten && pending > 0 && pending * 2 < one.frames;
    });
    const std::uint64_t before = bytes_;
    return !sparse.empty() && replace(*sparse.front(), {}) && bytes_ < before;
  }

  // --- The service's clock ---

  /// Notes at which boot time the service had which time, for the process that adopts this log.
  void note_clock(std::int64_t boot_ms, std::int64_t service_ms) {
    constexpr std::int64_t close_enough = 1'000;
    const std::int64_t offset = service_ms - boot_ms;
    const std::int64_t moved = offset - clock_offset_.value_or(0);
    const bool is_known = clock_offset_ && moved < close_enough && -moved < close_enough;
    const std::string folder = current_folder();
    if (folder.empty() || is_known) return;
    auto file = files_->open(detail::path_in(folder, kLockName), OpenFor::Append);
    Entry entry;
    entry.flags = kServiceClock;
    entry.boot_ms = boot_ms;
    entry.wall_ms = service_ms;
    std::string frame;
    if (!file || !append_frame(frame, salt_, ++clock_frames_, entry)) return;
    // Without it the ages of these events count from their adoption.
    if (append_all(**file, folder, frame)) clock_offset_ = offset;
  }

  // --- The end ---

  /// Whether its folder is no longer where it was made, because it was removed or renamed.
  [[nodiscard]] bool is_gone() const {
    const std::string folder = current_folder();
    if (folder.empty()) return false;
    const auto there = files_->open(detail::path_in(folder, kLockName), OpenFor::Read);
    return !there && there.error().code == "NotFound";
  }
  /// Releases a folder that is gone: the next event begins another. Events that were on the disk
  /// only are lost with it; all others have to be written again.
  void abandon() {
    locks_->release(lock_);
    forget_folder();
  }

  /// Releases the folder; one in which nothing is pending is removed.
  void close() {
    if (folder_.empty()) return;
    seal();
    remove_finished();
    static_cast<void>(remove_writer_folder(*files_, *locks_, lock_, folder_));
    forget_folder();
  }

 private:
  void forget_folder() {
    unskip();
    const std::lock_guard<std::mutex> lock(mutex_);
    if (unread_ > 0) lost_up_to_ = written_.load();
    lost_ += unread_;
    forget();
    identity_.header.writer.clear();
    early_.clear();
    written_ = 0;
    durable_ = 0;
    clock_offset_.reset();
    clock_frames_ = 0;
  }
  [[nodiscard]] std::string current_folder() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return folder_;
  }
  [[nodiscard]] static bool must_rewrite(const Segment& segment) {
    return segment.must_be_rewritten;
  }

  // --- Appending ---

  [[nodiscard]] bool is_full(const Segment& segment, const FrameChunk& chunk) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    const bool is_too_large = segment.size + chunk.bytes.size() > segment_bytes_;
    return segment.must_be_rewritten || (segment.frames > 0 && is_too_large);
  }

  [[nodiscard]] Result<void> make_folder() {
    SegmentHeader header = identity_.header;
    Result<WriterFolder> made =
        make_writer_folder(*files_, *locks_, *platform_, directory_, header);
    if (!made) return std::move(made).error();
    const std::lock_guard<std::mutex> guard(mutex_);
    lock_ = made->lock;
    folder_ = made->path;
    identity_.header = std::move(header);
    is_folder_new_ = true;
    last_number_ = 0;
    return {};
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

  void seal(bool must_be_rewritten = false) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (current_ == nullptr) return;
    if (must_be_rewritten) current_->must_be_rewritten = true;
    const bool is_synced = current_->synced_size == current_->size;
    if (is_synced || !keeps_files_) current_->file.reset();
    current_ = nullptr;
  }

  [[nodiscard]] Result<void> bring_to_disk(const Segment& segment, std::shared_ptr<File> file) {
    const std::string path = path_of(segment.name);
    if (file == nullptr) {
      Result<std::unique_ptr<File>> opened = files_->open(path, OpenFor::Read);
      if (!opened) return std::move(opened).error();
      file = *std::move(opened);
    }
    if (Result<void> synced = file->sync(); !synced) return synced;
    const Result<FileStatus> status = file->status();
    if (!status) return status.error();
    if (status->links > 0) return {};
    Error removed =
        detail::make_error(ErrorKind::Storage, path, "was removed while it was written");
    removed.code = "NotFound";
    return removed;
  }

  Platform* const platform_;
  const std::uint64_t segment_bytes_;
  const bool keeps_files_;
  std::uint64_t last_number_{0};
  std::atomic<std::uint64_t> written_{0};
  std::atomic<std::uint64_t> durable_{0};
  std::atomic<std::uint64_t> lost_up_to_{0};
  std::atomic<bool> is_folder_new_{false};

  // The disk thread only:
  std::vector<std::uint64_t> early_{};
  std::optional<std::int64_t> clock_offset_{};  ///< what LOCK says
  std::uint64_t clock_frames_{0};
};

}  // namespace detail::spool

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
