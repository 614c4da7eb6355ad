// SPDX-License-Identifier: Apache-2.0
//
// SegmentWriter: appends frames to the segments of one writer's folder, and turns to a new segment
// when one is full or can no longer be trusted. The recorder's spool holds one.
#ifndef PERSONALIZE_EVENTS_RECORDER_SPOOL_SEGMENT_WRITER_HPP
#define PERSONALIZE_EVENTS_RECORDER_SPOOL_SEGMENT_WRITER_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "personalize_events/platform/file.hpp"
#include "personalize_events/recorder/spool/frame.hpp"
#include "personalize_events/recorder/spool/segment.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace spool {

/// The size at which segments turn, of a spool of at most `max_bytes`: a sixteenth of it, but at
/// most 8 MiB and at least 256 KiB.
[[nodiscard]] constexpr std::uint64_t segment_size(std::uint64_t max_bytes) noexcept {
  return std::clamp<std::uint64_t>(max_bytes / 16, 256U << 10U, 8U << 20U);
}

/// The name of a segment's file: "00000001.log".
[[nodiscard]] inline std::string segment_name(std::uint64_t number) {
  const std::string digits = std::to_string(number);
  return std::string(digits.size() < 8 ? 8 - digits.size() : 0, '0') + digits + ".log";
}

/// A segment and the sequences in it, the last one excluded.
struct SegmentRange {
  std::uint64_t number{0};
  std::uint64_t first_sequence{0};
  std::uint64_t end_sequence{0};
};

/// Where an event was written.
struct Appended {
  std::uint64_t segment{0};
  std::uint64_t sequence{0};
};

/// What a sync came to.
struct SyncReport {
  /// Segments that may have lost frames; nothing is appended to them any more. Append their events
  /// that have not ended again.
  std::vector<SegmentRange> given_up{};
  /// Why.
  std::optional<Error> error{};
};

/// Bringing segments to the disk, in three steps, so that nobody who appends meanwhile has to wait
/// for the disk: SegmentWriter::begin_sync, `run`, SegmentWriter::finish_sync.
class SyncTask {
 public:
  /// Whether there is nothing to bring.
  [[nodiscard]] bool empty() const noexcept { return parts_.empty(); }

  /// Waits for the disk. Any thread, whatever is appended meanwhile.
  void run(FileSystem& files) {
    Result<void> names;
    if (sync_names_) names = files.sync_folder(folder_);
    for (Part& part : parts_) {
      part.synced = names ? bring_to_disk(part) : names;
    }
  }

 private:
  friend class SegmentWriter;

  struct Part {
    std::shared_ptr<File> file{};
    std::string path{};
    SegmentRange range{};
    Result<void> synced{};
  };

  [[nodiscard]] static Result<void> bring_to_disk(const Part& part) {
    if (Result<void> synced = part.file->sync(); !synced) return synced;
    const Result<FileStatus> status = part.file->status();
    if (!status) return status.error();
    if (status->links > 0) return {};
    Error removed =
        detail::make_error(ErrorKind::Storage, part.path, "was removed while it was written");
    removed.code = "NotFound";
    return removed;
  }

  std::string folder_{};
  bool sync_names_{false};
  std::vector<Part> parts_{};
};

/// @par Thread Safety
/// None: one thread at a time. Only the SyncTask that begin_sync gave may run beside it.
class SegmentWriter {
 public:
  /// `folder` exists, and has no segments; `header` says whose it is and the first sequence. With
  /// `will_sync`, full segments stay open until `sync` had them.
  SegmentWriter(FileSystem& files, std::string folder, SegmentHeader header, std::uint64_t size,
                bool will_sync)
      : files_(&files),
        folder_(std::move(folder)),
        header_(std::move(header)),
        size_(size),
        will_sync_(will_sync),
        next_sequence_(header_.first_sequence) {}

  /// Appends an event, in one write. Errors: InvalidArgument when it is too large for a frame;
  /// Storage, as of File. Nothing of it is in the segment then, or it is a torn tail.
  [[nodiscard]] Result<Appended> append(const Entry& entry) {
    const std::size_t frame = frame_size(entry);
    if (frame == 0) {
      return detail::make_error(ErrorKind::InvalidArgument, "event",
                                "has more than 128 KiB with its ids, too large for the spool");
    }
    if (current_ && current_->has_frames() && current_->size + frame > size_) seal();
    if (!current_) {
      if (const Result<void> opened = open_next(); !opened) return opened.error();
    }
    buffer_.clear();
    // Its size was checked above.
    static_cast<void>(append_frame(buffer_, next_sequence_, entry));
    if (const Result<void> written = write(buffer_); !written) return written.error();
    current_->range.end_sequence = next_sequence_ + 1;
    return Appended{current_->range.number, next_sequence_++};
  }

  /// Ends the open segment; the next event begins a new one.
  void seal() {
    if (!current_) return;
    if (!current_->has_frames()) {
      // One that stays holds no event, so that it harms nobody.
      static_cast<void>(files_->remove_file(current_->path));
    } else if (will_sync_) {
      sealed_.push_back(std::move(*current_));
    }
    current_.reset();
  }

  /// Forgets a full segment whose file the caller removes: no sync needs it, and its absence is no
  /// fault.
  void forget(std::uint64_t number) {
    const auto removed = std::remove_if(sealed_.begin(), sealed_.end(), [number](const auto& one) {
      return one.range.number == number;
    });
    sealed_.erase(removed, sealed_.end());
  }

  /// Allows a full segment to be removed by its reader: then its absence is no fault either.
  void hand_over(std::uint64_t number) {
    for (Segment& segment : sealed_) {
      if (segment.range.number == number) segment.is_handed_over = true;
    }
  }

  /// What was appended and is not on the disk yet. The next one is begun when this is finished.
  [[nodiscard]] SyncTask begin_sync() {
    SyncTask task;
    task.folder_ = folder_;
    const auto add = [&task](Segment& segment) {
      task.sync_names_ = task.sync_names_ || !segment.name_is_synced;
      task.parts_.push_back({segment.file, segment.path, segment.range, {}});
    };
    for (Segment& segment : sealed_) add(segment);
    if (current_ && current_->is_dirty) {
      add(*current_);
      current_->is_dirty = false;
    }
    return task;
  }

  /// Takes note of how a task that was run ended. What could not be brought to the disk is given
  /// up: a second sync of the same file may report a success that is none.
  [[nodiscard]] SyncReport finish_sync(const SyncTask& task) {
    SyncReport report;
    // Its folder was given up meanwhile.
    if (task.folder_ != folder_) return report;
    for (const SyncTask::Part& part : task.parts_) {
      const bool is_current = current_ && current_->range.number == part.range.number;
      const auto sealed = std::find_if(sealed_.begin(), sealed_.end(), [&](const Segment& one) {
        return one.range.number == part.range.number;
      });
      // The caller removed it meanwhile, because nothing in it is pending.
      if (!is_current && sealed == sealed_.end()) continue;
      // It may have grown since, and is sealed when it was turned meanwhile.
      const SegmentRange range = is_current ? current_->range : sealed->range;
      const bool was_read = sealed != sealed_.end() && sealed->is_handed_over && !part.synced &&
                            part.synced.error().code == "NotFound";
      if (part.synced || was_read) {
        if (is_current) current_->name_is_synced = true;
        if (sealed != sealed_.end() && range.end_sequence == part.range.end_sequence) {
          sealed_.erase(sealed);
        }
        continue;
      }
      report.error = part.synced.error();
      report.given_up.push_back(range);
      if (is_current) current_.reset();
      if (sealed != sealed_.end()) sealed_.erase(sealed);
    }
    return report;
  }

  /// Brings all that was appended to the disk, waiting for it.
  [[nodiscard]] SyncReport sync() {
    SyncTask task = begin_sync();
    task.run(*files_);
    return finish_sync(task);
  }

  /// Whether a sync has something to do.
  [[nodiscard]] bool has_unsynced() const noexcept {
    return !sealed_.empty() || (current_ && current_->is_dirty);
  }

  /// The segment that is appended to, if there is one.
  [[nodiscard]] std::optional<SegmentRange> open_segment() const {
    if (!current_) return std::nullopt;
    return current_->range;
  }
  [[nodiscard]] std::uint64_t next_sequence() const noexcept { return next_sequence_; }
  [[nodiscard]] const std::string& folder() const noexcept { return folder_; }
  [[nodiscard]] const SegmentHeader& header() const noexcept { return header_; }

 private:
  struct Segment {
    std::string path{};
    std::shared_ptr<File> file{};
    std::uint64_t size{0};
    SegmentRange range{};
    bool name_is_synced{false};
    bool is_dirty{false};        ///< it has bytes that no sync took yet
    bool is_handed_over{false};  ///< its reader may remove it

    [[nodiscard]] bool has_frames() const noexcept {
      return range.end_sequence != range.first_sequence;
    }
  };

  [[nodiscard]] Result<void> open_next() {
    // The number is used up even by a failure, which may leave a file behind.
    const std::uint64_t number = ++number_;
    Segment segment;
    segment.path = folder_ + "/" + segment_name(number);
    segment.range = {number, next_sequence_, next_sequence_};
    header_.first_sequence = next_sequence_;
    buffer_.clear();
    if (!append_header(buffer_, header_)) {
      return detail::make_error(ErrorKind::Configuration, "SpoolOptions::account",
                                "is too long, with region and endpoint, for a segment's header");
    }
    Result<std::unique_ptr<File>> file = files_->open(segment.path, OpenFor::AppendToNew);
    if (!file) return std::move(file).error();
    segment.file = std::shared_ptr<File>{*std::move(file)};
    current_ = std::move(segment);
    Result<void> written = write(buffer_);
    if (written) return written;
    // An empty or torn segment holds no event, so that one which stays harms nobody.
    static_cast<void>(files_->remove_file(folder_ + "/" + segment_name(number)));
    current_.reset();
    return written;
  }

  /// All of `bytes`, or nothing of them.
  [[nodiscard]] Result<void> write(std::string_view bytes) {
    Result<std::size_t> written = current_->file->append(bytes);
    if (written && *written == bytes.size()) {
      current_->size += bytes.size();
      current_->is_dirty = true;
      return {};
    }
    Error failure;
    if (written) {
      failure = detail::make_error(ErrorKind::Storage, current_->path,
                                   "takes no more; make room on the disk");
      failure.code = "NoSpace";
    } else {
      failure = std::move(written).error();
    }
    // A frame behind half of another would be found, but only as one after damage.
    if (!current_->file->truncate(current_->size)) seal();
    return failure;
  }

  FileSystem* files_;
  std::string folder_;
  SegmentHeader header_;
  std::uint64_t size_;
  bool will_sync_;
  std::uint64_t number_{0};
  std::uint64_t next_sequence_;
  std::optional<Segment> current_{};
  /// Full, and not synced yet.
  std::vector<Segment> sealed_{};
  std::string buffer_{};
};

}  // namespace spool
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
