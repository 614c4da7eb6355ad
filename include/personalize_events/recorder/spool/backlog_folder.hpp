// SPDX-License-Identifier: Apache-2.0
//
// BacklogFolder: a folder whose events are on the disk and not in memory: one that a dead writer
// left, or the recorder's own overflow. The spool reads the open events out of it in windows,
// notes their ends, and removes what is done.
#ifndef PERSONALIZE_EVENTS_RECORDER_SPOOL_BACKLOG_FOLDER_HPP
#define PERSONALIZE_EVENTS_RECORDER_SPOOL_BACKLOG_FOLDER_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "personalize_events/platform/file.hpp"
#include "personalize_events/recorder/spool/acknowledgement.hpp"
#include "personalize_events/recorder/spool/acknowledgement_file.hpp"
#include "personalize_events/recorder/spool/folder_locks.hpp"
#include "personalize_events/recorder/spool/frame.hpp"
#include "personalize_events/recorder/spool/segment_ledger.hpp"
#include "personalize_events/recorder/spool/segment_reader.hpp"
#include "personalize_events/recorder/spool/segment_writer.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace spool {

/// The number in a segment's name, "00000001.log"; empty for another file.
[[nodiscard]] inline std::optional<std::uint64_t> segment_number(const std::string& name) {
  constexpr std::size_t most_digits = 18;
  const std::size_t dot = name.find('.');
  if (dot < 8 || dot > most_digits || name.compare(dot, std::string::npos, ".log") != 0) {
    return std::nullopt;
  }
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < dot; ++i) {
    if (name[i] < '0' || name[i] > '9') return std::nullopt;
    number = number * 10 + static_cast<std::uint64_t>(name[i] - '0');
  }
  if (number == 0 || segment_name(number) != name) return std::nullopt;
  return number;
}

/// What could not be read of a folder.
struct Damage {
  std::uint64_t broken_frames{0};
  /// Files that were put into quarantine, or could not be.
  std::uint64_t unreadable_files{0};
  /// Files of a newer version of the library, which stay.
  std::uint64_t newer_files{0};
  /// What was seen last.
  std::optional<Error> error{};
};

/// @par Thread Safety
/// None: one thread at a time.
class BacklogFolder {
 public:
  /// `quarantine` is a folder beside it, made when it is needed.
  BacklogFolder(FileSystem& files, std::string folder, std::string quarantine)
      : files_(&files),
        folder_(std::move(folder)),
        quarantine_(std::move(quarantine)),
        ledger_(files, folder_, {}) {}

  /// Finds the segments of a folder that somebody left. Errors: Storage, as of FileSystem.
  [[nodiscard]] Result<void> find_segments() {
    Result<std::vector<std::string>> names = files_->list_folder(folder_);
    if (!names) return std::move(names).error();
    for (const std::string& name : *names) {
      if (const auto number = segment_number(name)) unread_.push_back(*number);
    }
    std::sort(unread_.begin(), unread_.end());
    return {};
  }
  /// Adds a segment, behind all others, to which nothing is appended any more.
  void add_segment(std::uint64_t number) { unread_.push_back(number); }
  /// A reader of one of its segments alone.
  [[nodiscard]] BacklogFolder reader_of(std::uint64_t number) const {
    BacklogFolder one{*files_, folder_, quarantine_};
    one.add_segment(number);
    return one;
  }

  /// The header of the first segment that has a good one; empty: none has. Errors: Storage, when
  /// there is none because the disk refuses to read.
  [[nodiscard]] Result<std::optional<SegmentHeader>> first_header() const {
    std::optional<Error> refused;
    for (const std::uint64_t number : unread_) {
      const auto reader = SegmentReader::open(*files_, segment_path(folder_, number));
      if (reader) return std::optional<SegmentHeader>{reader->header()};
      if (is_read_failure(reader.error())) refused = reader.error();
    }
    if (refused) return *std::move(refused);
    return std::optional<SegmentHeader>{};
  }
  /// The tracking id of the first event, without reading on; empty: there is none. Errors:
  /// likewise.
  [[nodiscard]] Result<std::optional<std::string>> first_tracking_id() const {
    std::optional<Error> refused;
    for (const std::uint64_t number : unread_) {
      auto reader = SegmentReader::open(*files_, segment_path(folder_, number));
      const auto frame = reader ? reader->next() : Result<std::optional<Frame>>{reader.error()};
      if (frame && *frame) return std::optional<std::string>{(*frame)->entry.tracking_id};
      if (!frame && is_read_failure(frame.error())) refused = frame.error();
    }
    if (refused) return *std::move(refused);
    return std::optional<std::string>{};
  }

  /// The next open event; empty: all were read. What it refers to is valid until the next call. A
  /// file that cannot be opened or read makes all wait for `try_again`, so that the order stays;
  /// one that cannot be read twice is put into quarantine.
  [[nodiscard]] std::optional<Frame> next() {
    for (;;) {
      if (is_waiting_ || (!reader_ && !open_next())) return std::nullopt;
      const Result<std::optional<Frame>> frame = reader_->next();
      if (!frame) {
        read_failed(frame.error());
        continue;
      }
      if (!*frame) {
        end_segment();
        continue;
      }
      if (acknowledged_.contains((*frame)->sequence)) continue;
      ledger_.appended({number_, (*frame)->sequence});
      return **frame;
    }
  }

  /// Lets `next` try the file again that it waits for.
  void try_again() noexcept { is_waiting_ = false; }

  /// Whether `next` may have something.
  [[nodiscard]] bool has_unread() const noexcept {
    return !is_waiting_ && (reader_.has_value() || !unread_.empty());
  }
  /// Everything was read, though not all may have ended.
  [[nodiscard]] bool is_read() const noexcept { return !reader_ && unread_.empty(); }
  /// The oldest segment that nothing was read of yet.
  [[nodiscard]] std::optional<std::uint64_t> oldest_unread() const {
    if (unread_.empty()) return std::nullopt;
    return unread_.front();
  }
  /// Reads the open events of that segment and removes it.
  template <class Take>
  void drop_oldest_unread(const Take& take) {
    if (unread_.empty()) return;
    BacklogFolder one = reader_of(unread_.front());
    unread_.pop_front();
    while (const std::optional<Frame> frame = one.next()) {
      take(*frame);
      static_cast<void>(one.acknowledge({frame->sequence}));
    }
    const Damage found = one.take_damage();
    damage_.broken_frames += found.broken_frames;
    damage_.unreadable_files += found.unreadable_files;
    damage_.newer_files += found.newer_files;
    if (found.error) damage_.error = found.error;
  }

  /// Everything was read, and all that was given out has ended.
  [[nodiscard]] bool is_drained() const noexcept { return is_read() && ledger_.empty(); }

  /// Writes down that events reached their end, each once, and removes the segments that are done.
  /// Errors: Storage, as of SegmentLedger::acknowledge.
  Result<void> acknowledge(std::vector<std::uint64_t> sequences) {
    Result<void> written = ledger_.acknowledge(std::move(sequences));
    remove_finished();
    return written;
  }

  /// Removes the folder, whose lock the caller holds, when nothing is left in it. Errors: Storage,
  /// as of FileSystem.
  Result<void> remove() {
    Result<std::vector<std::string>> names = files_->list_folder(folder_);
    if (!names) return std::move(names).error();
    for (const std::string& name : *names) {
      // What a crash left between two removals.
      const bool is_orphan = name.size() > 4 && name.compare(name.size() - 4, 4, ".ack") == 0 &&
                             std::find(names->begin(), names->end(),
                                       name.substr(0, name.size() - 3) + "log") == names->end();
      if (is_orphan) static_cast<void>(files_->remove_file(folder_ + "/" + name));
      if (!is_orphan && name != kLockName) return {};
    }
    if (Result<void> lock = files_->remove_file(folder_ + "/" + kLockName); !lock) return lock;
    return files_->remove_folder(folder_);
  }

  [[nodiscard]] const std::string& folder() const noexcept { return folder_; }
  /// What was found since the last call.
  [[nodiscard]] Damage take_damage() { return std::exchange(damage_, {}); }

 private:
  /// Whether it is the disk that failed, and not the file.
  [[nodiscard]] static bool is_read_failure(const Error& error) {
    return error.code != "Newer" && error.code != "Torn" && error.code != "Damaged" &&
           error.code != "NotFound";
  }

  /// Opens the next segment that can be read; false: there is none.
  bool open_next() {
    while (!unread_.empty()) {
      const std::uint64_t number = unread_.front();
      const std::string path = segment_path(folder_, number);
      Result<Acknowledged> acknowledged =
          read_acknowledgement_file(*files_, acknowledgement_path(folder_, number));
      Result<SegmentReader> reader = SegmentReader::open(*files_, path);
      if (reader && !acknowledged) reader = acknowledged.error();
      if (reader) {
        unread_.pop_front();
        number_ = number;
        acknowledged_ = std::move(acknowledged->events);
        // What was read before a failure is known already.
        acknowledged_.add({0, ledger_.end_of(number)});
        if (ledger_.empty()) ledger_ = SegmentLedger{*files_, folder_, reader->header()};
        reader_.emplace(*std::move(reader));
        return true;
      }
      const Error& error = reader.error();
      if (is_read_failure(error)) {
        // Want of descriptors, or of a right: nothing is known of the file itself.
        is_waiting_ = true;
        damage_.error = error;
        return false;
      }
      unread_.pop_front();
      if (error.code == "Newer") {
        ++damage_.newer_files;
        damage_.error = error;
      } else if (error.code == "Torn") {
        static_cast<void>(remove_segment(*files_, folder_, number));
      } else if (error.code == "Damaged") {
        quarantine(number, error);
      }
    }
    return false;
  }

  void end_segment() {
    const SegmentScanner& scanner = reader_->scanner();
    if (scanner.broken_frames() > 0) {
      damage_.broken_frames += scanner.broken_frames();
      damage_.error = detail::make_error(ErrorKind::Storage, segment_path(folder_, number_),
                                         "has damaged events, which were skipped");
      damage_.error->code = "Damaged";
    }
    reader_.reset();
    // One without open events is not in the ledger.
    if (ledger_.end_of(number_) == 0) static_cast<void>(remove_segment(*files_, folder_, number_));
    remove_finished();
  }

  /// The segment cannot be read on; what was read of it counts.
  void read_failed(const Error& error) {
    reader_.reset();
    damage_.error = error;
    if (std::find(failed_.begin(), failed_.end(), number_) != failed_.end()) {
      return quarantine(number_, error);
    }
    failed_.push_back(number_);
    unread_.push_front(number_);
    is_waiting_ = true;
  }

  void quarantine(std::uint64_t number, const Error& error) {
    ++damage_.unreadable_files;
    damage_.error = error;
    const std::string writer = folder_.substr(folder_.rfind('/') + 1);
    const bool is_there = files_->make_folder(quarantine_).has_value();
    // One that cannot be moved stays, and is found by the next who looks.
    if (!is_there) return;
    for (const std::string& path :
         {segment_path(folder_, number), acknowledgement_path(folder_, number)}) {
      const std::string name = "-" + path.substr(path.rfind('/') + 1);
      static_cast<void>(files_->rename(path, detail::path_in(quarantine_, writer).append(name)));
    }
  }

  void remove_finished() {
    // It is still to be read, too, when a failure made it wait.
    const bool is_read_on = reader_ || (!unread_.empty() && unread_.front() == number_);
    for (const std::uint64_t number : ledger_.take_finished(is_read_on ? number_ : 0)) {
      // A segment that stays is fully acknowledged, so that it brings nothing back.
      static_cast<void>(remove_segment(*files_, folder_, number));
    }
  }

  FileSystem* files_;
  std::string folder_;
  std::string quarantine_;
  SegmentLedger ledger_;
  std::deque<std::uint64_t> unread_{};
  bool is_waiting_{false};               ///< for `try_again`
  std::vector<std::uint64_t> failed_{};  ///< could not be read once
  Damage damage_{};

  // Of the segment that is being read:
  std::optional<SegmentReader> reader_{};
  std::uint64_t number_{0};
  SequenceSet acknowledged_{};
};

}  // namespace spool
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
