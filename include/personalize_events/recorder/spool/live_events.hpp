// SPDX-License-Identifier: Apache-2.0
//
// LiveEvents: the events of a recorder that the disk has beside its memory, in case the process
// ends before they are delivered. They are appended to a folder of their own and acknowledged
// there; only a later process reads them. The spool holds one, beside its Overflow.
#ifndef PERSONALIZE_EVENTS_RECORDER_SPOOL_LIVE_EVENTS_HPP
#define PERSONALIZE_EVENTS_RECORDER_SPOOL_LIVE_EVENTS_HPP

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "personalize_events/platform/file.hpp"
#include "personalize_events/recorder/spool/segment_ledger.hpp"
#include "personalize_events/recorder/spool/segment_writer.hpp"
#include "personalize_events/recorder/spool/sync_tickets.hpp"
#include "personalize_events/recorder/spool/writer_folder.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace spool {

/// @par Thread Safety
/// None: every member is called with the spool's lock held.
class LiveEvents {
 public:
  using Numbers = std::vector<std::uint64_t>;

  explicit LiveEvents(FileSystem& files) : files_(&files) {}

  /// Where they are written; the spool makes it.
  [[nodiscard]] std::optional<WriterFolder>& writer() noexcept { return writer_; }
  /// The place of the next event.
  [[nodiscard]] std::uint64_t next_place() const {
    return writer_ ? writer_->log.next_sequence() : next_place_;
  }
  [[nodiscard]] std::string folder() const {
    return writer_ ? writer_->log.folder() : std::string{};
  }

  /// Takes note of an event that was appended to the writer.
  void appended(const Appended& event) {
    if (!ledger_) ledger_.emplace(*files_, writer_->log.folder(), writer_->log.header());
    ledger_->appended(event);
  }
  /// As of SegmentLedger::acknowledge.
  Result<void> acknowledge(Numbers places) {
    return ledger_ ? ledger_->acknowledge(std::move(places)) : Result<void>{};
  }
  /// The numbers of segments that are not written to and have no open event: the caller removes
  /// them from the folder.
  [[nodiscard]] Numbers take_finished() {
    if (!ledger_) return {};
    const auto open = writer_->log.open_segment();
    Numbers finished = ledger_->take_finished(open ? open->number : 0);
    for (const std::uint64_t number : finished) writer_->log.forget(number);
    return finished;
  }

  /// Its files are gone, so that all of its open events are to be written again.
  void let_go() {
    next_place_ = writer_->log.next_sequence();
    const auto oldest = ledger_ ? ledger_->oldest() : std::nullopt;
    given_up_.clear();  // they were in it
    if (oldest) give_up({{0, oldest->first_sequence, next_place_}});
    moved_.clear();
    ledger_.reset();
    writer_.reset();
  }

  /// Adds segments whose events may be lost. Of number 0: a whole folder that is gone.
  void give_up(const std::vector<SegmentRange>& ranges) {
    given_up_.insert(given_up_.end(), ranges.begin(), ranges.end());
    losses_ += ranges.size();
  }
  /// How much was ever given up. A sync during which it grew may have missed something, even if
  /// that was written again meanwhile.
  [[nodiscard]] std::uint64_t losses() const noexcept { return losses_; }
  /// Whether nothing has to be written again, before which no sync is worth anything.
  [[nodiscard]] bool is_whole() const noexcept { return given_up_.empty() && !is_rewriting_; }

  /// Begins to write again what was given up: answers the segments whose open events are to be
  /// appended behind all others.
  [[nodiscard]] std::vector<SegmentRange> begin_rewrite() {
    is_rewriting_ = !given_up_.empty();
    return std::exchange(given_up_, {});
  }
  /// Ends it; `left` are segments of which something could not be appended.
  void end_rewrite(const std::vector<SegmentRange>& left) {
    is_rewriting_ = false;
    give_up(left);
  }
  /// Says that an event was written again, under the youngest ticket, and where it was before: it
  /// is needed there until the disk has the new one for certain.
  void moved(const SyncTickets& tickets, std::uint64_t old_place) {
    moved_.add(tickets.issued(), old_place);
  }
  /// Old places that are not needed any more.
  [[nodiscard]] Numbers take_old_places(const SyncTickets& tickets) {
    return moved_.take_synced(tickets);
  }

 private:
  FileSystem* files_;
  std::optional<WriterFolder> writer_{};
  std::optional<SegmentLedger> ledger_{};  ///< of the writer's segments, from the first event on
  std::uint64_t next_place_{1};            ///< the first of the next folder
  std::vector<SegmentRange> given_up_{};
  std::uint64_t losses_{0};
  bool is_rewriting_{false};
  OldCopies moved_{};
};

}  // namespace spool
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
