// SPDX-License-Identifier: Apache-2.0
//
// EventAccount: where every accepted event is. The dispatcher tells it of each acceptance and each
// end, and flushes ask it what they wait for. Pure.
#ifndef PERSONALIZE_EVENTS_RECORDER_ACCOUNT_HPP
#define PERSONALIZE_EVENTS_RECORDER_ACCOUNT_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <list>

#include "personalize_events/recorder/options.hpp"
#include "personalize_events/recorder/pending_event.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// A flush that is being waited for: what became of the events that were pending when it began.
struct FlushWatch {
  std::uint64_t last_sequence{0};
  /// Of events of the spool's overflow: those before this place were recorded before it.
  std::uint64_t overflow_end{0};
  FlushReport report{};
};

/// The counts behind RecorderStats, which hold recorded + adopted == delivered + rejected + expired
/// + dropped + spooled + pending at any moment.
class EventAccount {
 public:
  using Watch = std::list<FlushWatch>::iterator;

  [[nodiscard]] RecorderStats& stats() noexcept { return stats_; }
  [[nodiscard]] const RecorderStats& stats() const noexcept { return stats_; }
  [[nodiscard]] std::size_t pending_bytes() const noexcept { return pending_bytes_; }
  /// Of the youngest accepted event; 0 before the first.
  [[nodiscard]] std::uint64_t last_sequence() const noexcept { return last_sequence_; }

  /// Gives an event its place in the order of acceptance.
  void accept(PendingEvent& event) noexcept {
    event.sequence = ++last_sequence_;
    ++stats_.recorded;
    ++stats_.pending;
    pending_bytes_ += event.bytes();
  }

  /// Counts an accepted event that is on the disk only.
  void spill() noexcept {
    ++stats_.recorded;
    ++stats_.spooled;
    ++in_overflow_;
  }
  /// Accepted events that are on the disk only, those excepted that ended as Spooled.
  [[nodiscard]] std::uint64_t in_overflow() const noexcept { return in_overflow_; }
  /// Gives an event that was read from the spool its place in the order of acceptance.
  void readmit(PendingEvent& event) noexcept {
    event.sequence = ++last_sequence_;
    if (event.folder == spool::kOverflowFolder && in_overflow_ > 0) {
      --in_overflow_;
      --stats_.spooled;
    } else {
      ++stats_.adopted;
    }
    ++stats_.pending;
    pending_bytes_ += event.bytes();
  }
  /// Counts events that were on the disk only and cannot be read back.
  void lose(std::uint64_t count) noexcept {
    count = std::min(count, in_overflow_);
    in_overflow_ -= count;
    stats_.spooled -= count;
    stats_.dropped += count;
    for (FlushWatch& watch : watches_) {
      const std::uint64_t watched = std::min(count, watch.report.pending);
      watch.report.dropped += watched;
      watch.report.pending -= watched;
    }
  }

  /// Follows events of the overflow that were written again: the place of each from `first` on, and
  /// before `end`, has grown by `end - first`.
  void renumber_overflow(std::uint64_t first, std::uint64_t end) noexcept {
    for (FlushWatch& watch : watches_) {
      const bool is_within = watch.overflow_end > first && watch.overflow_end <= end;
      if (is_within) watch.overflow_end += end - first;
    }
  }

  /// How many events reached an end that is told.
  [[nodiscard]] std::uint64_t ended() const noexcept { return ended_; }

  void end(const PendingEvents& events, Outcome outcome) noexcept {
    for (const PendingEvent& event : events) {
      ++ended_;
      --stats_.pending;
      pending_bytes_ -= event.bytes();
      ++count_of(stats_, outcome);
      for (FlushWatch& watch : watches_) {
        if (!is_watched(event, watch)) continue;
        ++count_of(watch.report, outcome);
        --watch.report.pending;
      }
    }
  }

  /// Begins to watch what is pending now and what is in the spool's overflow only, whose next place
  /// is `overflow_end`.
  [[nodiscard]] Watch watch(std::uint64_t overflow_end = 0) {
    watches_.push_back({last_sequence_, overflow_end, {}});
    watches_.back().report.pending = stats_.pending + in_overflow_;
    return std::prev(watches_.end());
  }
  /// Ends it, and answers what happened since.
  FlushReport unwatch(Watch watch) {
    FlushReport report = watch->report;
    report.complete = report.pending == 0;
    watches_.erase(watch);
    return report;
  }

 private:
  [[nodiscard]] static bool is_watched(const PendingEvent& event,
                                       const FlushWatch& watch) noexcept {
    if (event.folder == spool::kOverflowFolder) return event.place < watch.overflow_end;
    return event.sequence <= watch.last_sequence;
  }

  template <class Counts>
  [[nodiscard]] static std::uint64_t& count_of(Counts& counts, Outcome outcome) noexcept {
    switch (outcome) {
      case Outcome::Delivered: return counts.delivered;
      case Outcome::Rejected: return counts.rejected;
      case Outcome::Expired: return counts.expired;
      case Outcome::Dropped: return counts.dropped;
      case Outcome::Spooled: break;
    }
    return counts.spooled;
  }

  RecorderStats stats_{};
  std::size_t pending_bytes_{0};
  std::uint64_t last_sequence_{0};
  std::uint64_t ended_{0};
  std::uint64_t in_overflow_{0};
  std::list<FlushWatch> watches_{};
};

}  // namespace detail
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
