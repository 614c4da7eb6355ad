// SPDX-License-Identifier: Apache-2.0
//
// Overflow: the events of a recorder that its memory had no room for. They are appended to a folder
// of their own and read back, oldest first, like those of a dead writer. The spool holds one.
#ifndef PERSONALIZE_EVENTS_RECORDER_SPOOL_OVERFLOW_HPP
#define PERSONALIZE_EVENTS_RECORDER_SPOOL_OVERFLOW_HPP

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "personalize_events/platform/file.hpp"
#include "personalize_events/recorder/spool/backlog_folder.hpp"
#include "personalize_events/recorder/spool/frame.hpp"
#include "personalize_events/recorder/spool/segment.hpp"
#include "personalize_events/recorder/spool/segment_reader.hpp"
#include "personalize_events/recorder/spool/segment_writer.hpp"
#include "personalize_events/recorder/spool/session_counts.hpp"
#include "personalize_events/recorder/spool/sync_tickets.hpp"
#include "personalize_events/recorder/spool/writer_folder.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace spool {

/// Events that were written again behind all others: the place of each from `first` on, and before
/// `end`, has grown by `end - first`.
struct Renumbering {
  std::uint64_t first;
  std::uint64_t end;
};

/// @par Thread Safety
/// Members that say "locked" are called with the spool's lock held, by any thread; the others by
/// the loop's thread without it. The counts may be read by anybody.
class Overflow {
 public:
  /// `memory_bytes` is what it may take to know which sessions are in it.
  Overflow(FileSystem& files, std::string quarantine, std::size_t memory_bytes)
      : files_(&files), quarantine_(std::move(quarantine)), sessions_(memory_bytes) {}

  /// How many events are in it that were not read.
  [[nodiscard]] std::uint64_t unread() const noexcept { return unread_; }
  /// Whether any session may have events in it, or on their way from it into memory.
  [[nodiscard]] bool precedes_some() const noexcept { return not_admitted_ > 0; }

  // --- Locked ---

  /// Where it is written; the spool makes it.
  [[nodiscard]] std::optional<WriterFolder>& writer() noexcept { return writer_; }
  /// The place of the next event; those before it were recorded already.
  [[nodiscard]] std::uint64_t next_place() const {
    return writer_ ? writer_->log.next_sequence() : next_place_;
  }
  [[nodiscard]] std::string folder() const {
    return writer_ ? writer_->log.folder() : std::string{};
  }

  /// Takes note of an event that was appended to the writer.
  void appended(const Appended& event, std::string_view session_id) {
    add_segment(segments_, event.segment);
    sessions_.add(session_id);
    ++unread_;
    ++not_admitted_;
  }
  /// Whether younger events of a session must follow its older ones to the disk.
  [[nodiscard]] bool must_be_followed(std::string_view session_id) const {
    return sessions_.contains(session_id);
  }
  /// Says that an event which was read is in memory, or has ended.
  void admitted(std::string_view session_id) {
    sessions_.remove(session_id);
    if (not_admitted_ > 0) --not_admitted_;
  }
  /// Says that events were read, or given up.
  void was_read(std::uint64_t count) { unread_ -= std::min<std::uint64_t>(count, unread_); }

  /// Its files are gone, and with them what was not read. Of nothing that was in it may anybody be
  /// told that the disk has it.
  void let_go() {
    next_place_ = writer_->log.next_sequence();
    segments_.clear();
    old_segments_.clear();
    lose_unread();
    is_gone_ = true;
    is_doubtful_ = false;
    writer_.reset();
  }
  /// How many events could not be read back, since the last call.
  [[nodiscard]] std::uint64_t take_lost() { return std::exchange(lost_, 0); }

  /// Gives full segments to `next`, and the open one when there is no other.
  void hand_over() {
    if (std::exchange(is_gone_, false)) backlog_.reset();
    if (!writer_ || segments_.empty()) return;
    if (!backlog_) backlog_.emplace(*files_, writer_->log.folder(), quarantine_);
    const auto open = writer_->log.open_segment();
    const bool is_open = open && open->number == segments_.back();
    if (is_open && segments_.size() == 1 && !backlog_->has_unread()) writer_->log.seal();
    const bool keeps_last = is_open && writer_->log.open_segment().has_value();
    const auto end = keeps_last ? std::prev(segments_.end()) : segments_.end();
    for (auto one = segments_.begin(); one != end; ++one) {
      writer_->log.hand_over(*one);
      backlog_->add_segment(*one);
    }
    segments_.erase(segments_.begin(), end);
  }

  /// Whether the disk may lack events of it that a sync was to bring there.
  [[nodiscard]] bool is_doubtful() const noexcept { return is_doubtful_; }
  /// Writes again what a failed sync may have lost, and what is behind it, so that the order stays.
  /// Where that cannot be done, it is doubtful until all of it ended.
  void rewrite(const std::vector<SegmentRange>& given_up, SyncTickets& tickets) {
    const auto range_of = [&given_up](std::uint64_t number) {
      return std::find_if(given_up.begin(), given_up.end(),
                          [number](const SegmentRange& one) { return one.number == number; });
    };
    const auto is_given_up = [&](std::uint64_t number) {
      return range_of(number) != given_up.end();
    };
    const auto first = std::find_if(segments_.begin(), segments_.end(), is_given_up);
    const auto found = std::count_if(first, segments_.end(), is_given_up);
    if (static_cast<std::size_t>(found) < given_up.size()) is_doubtful_ = true;
    if (!writer_ || first == segments_.end()) return;
    const Renumbering renumbering{range_of(*first)->first_sequence, writer_->log.next_sequence()};
    writer_->log.seal();
    const Numbers old(first, segments_.end());
    Numbers fresh;
    const bool is_copied = copy(old, fresh, tickets);
    if (is_copied) {
      segments_.erase(first, segments_.end());
      segments_.insert(segments_.end(), fresh.begin(), fresh.end());
      for (const std::uint64_t number : old) old_segments_.add(tickets.issued(), number);
      renumbered_.push_back(renumbering);
      return;
    }
    is_doubtful_ = true;
    writer_->log.seal();
    for (const std::uint64_t number : fresh) {
      static_cast<void>(remove_segment(*files_, writer_->log.folder(), number));
    }
  }
  /// What was written again since the last call, in the order in which it was.
  [[nodiscard]] std::vector<Renumbering> take_renumbered() {
    return std::exchange(renumbered_, {});
  }
  /// Segments that were written again, and are not needed any more.
  [[nodiscard]] std::vector<std::uint64_t> take_old_segments(const SyncTickets& tickets) {
    return old_segments_.take_synced(tickets);
  }

  /// With nothing left of it, nothing of it has to be on the disk, and what is still counted as
  /// unread was damaged.
  void settle() {
    if (!segments_.empty() || (backlog_ && !backlog_->is_read())) return;
    if (backlog_) lose_unread();
    if (!backlog_ || backlog_->is_drained()) is_doubtful_ = false;
  }

  // --- The loop's thread, not locked ---

  /// Where it is read; empty before the first time.
  [[nodiscard]] std::optional<BacklogFolder>& backlog() noexcept { return backlog_; }

  /// The next event of what was handed over.
  [[nodiscard]] std::optional<Frame> next() {
    return backlog_ ? backlog_->next() : std::optional<Frame>{};
  }
  [[nodiscard]] bool has_unread() const {
    return unread_ > 0 || (backlog_ && backlog_->has_unread());
  }
  [[nodiscard]] bool is_drained() const {
    return unread_ == 0 && (!backlog_ || backlog_->is_read());
  }
  Result<void> acknowledge(std::vector<std::uint64_t> sequences) {
    return backlog_ ? backlog_->acknowledge(std::move(sequences)) : Result<void>{};
  }

 private:
  using Numbers = std::vector<std::uint64_t>;

  static void add_segment(Numbers& to, std::uint64_t number) {
    if (to.empty() || to.back() != number) to.push_back(number);
  }

  void lose_unread() {
    const std::uint64_t lost = unread_.exchange(0);
    lost_ += lost;
    not_admitted_ -= std::min<std::uint64_t>(lost, not_admitted_);
    if (not_admitted_ == 0) sessions_.clear();
  }

  /// False when not all of it could be copied.
  [[nodiscard]] bool copy(const Numbers& from, Numbers& to, SyncTickets& tickets) {
    for (const std::uint64_t number : from) {
      auto reader = SegmentReader::open(*files_, segment_path(writer_->log.folder(), number));
      if (!reader) return false;
      for (;;) {
        const Result<std::optional<Frame>> frame = reader->next();
        if (!frame) return false;
        if (!*frame) break;
        const Result<Appended> appended = writer_->log.append((*frame)->entry);
        if (!appended) return false;
        tickets.issue();
        add_segment(to, appended->segment);
      }
    }
    return true;
  }

  FileSystem* files_;
  std::string quarantine_;

  // Locked:
  std::optional<WriterFolder> writer_{};
  std::uint64_t next_place_{1};  ///< the first of the next folder
  Numbers segments_{};           ///< not handed over yet
  SessionCounts sessions_;
  std::atomic<std::uint64_t> unread_{0};        ///< written under the lock
  std::atomic<std::uint64_t> not_admitted_{0};  ///< likewise: unread, or read just now
  std::uint64_t lost_{0};
  bool is_gone_{false};
  bool is_doubtful_{false};
  OldCopies old_segments_{};
  std::vector<Renumbering> renumbered_{};

  // The loop's thread only; `hand_over` and `settle` are its calls:
  std::optional<BacklogFolder> backlog_{};
};

}  // namespace spool
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
