// SPDX-License-Identifier: Apache-2.0
//
// EventAccount: counters of every accepted event. The dispatcher reports each acceptance and each
// outcome to it, and flushes ask it what they wait for. Pure.
#ifndef PERSONALIZE_EVENTS_DETAIL_RECORDER_ACCOUNT_HPP
#define PERSONALIZE_EVENTS_DETAIL_RECORDER_ACCOUNT_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <list>

#include "personalize_events/detail/recorder/pending_event.hpp"
#include "personalize_events/recorder_options.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// A flush that is being waited for: the outcomes of the events that were pending when it began.
struct FlushWatch {
  /// The last event that was accepted before it.
  std::uint64_t last_sequence{0};
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

  /// Gives an event its place in the order of acceptance, which is its place in the log.
  void accept(PendingEvent& event) noexcept {
    event.sequence = ++last_sequence_;
    event.place = event.sequence;
    ++stats_.recorded;
    ++stats_.pending;
    pending_bytes_ += event.bytes();
  }

  /// Follows an event whose text was changed.
  void resized(std::size_t before, std::size_t after) noexcept {
    pending_bytes_ = pending_bytes_ - before + after;
  }
  /// Takes an accepted event back that was refused in the end.
  void withdraw(const PendingEvent& event) noexcept {
    --stats_.pending;
    pending_bytes_ -= event.bytes();
    forget(event.place);
  }

  /// Counts an accepted event that is on the disk only, and returns its place.
  std::uint64_t spill() noexcept {
    ++stats_.recorded;
    ++stats_.spooled;
    ++disk_only_;
    return ++last_sequence_;
  }
  /// Takes one back that could not be written.
  void unspill(std::uint64_t place) noexcept {
    --stats_.spooled;
    --disk_only_;
    forget(place);
  }
  /// Accepted events that are on the disk only, those excepted that ended as Spooled.
  [[nodiscard]] std::uint64_t disk_only() const noexcept { return disk_only_; }
  /// Gives an event that was read from the spool its place in the order of acceptance.
  void readmit(PendingEvent& event) noexcept {
    event.sequence = ++last_sequence_;
    if (event.log == kOwnLog && disk_only_ > 0) {
      --disk_only_;
      --stats_.spooled;
    } else {
      ++stats_.adopted;
    }
    ++stats_.pending;
    pending_bytes_ += event.bytes();
  }
  /// Counts events that were on the disk only and cannot be read back.
  void lose(std::uint64_t count) noexcept {
    count = (std::min)(count, disk_only_);
    disk_only_ -= count;
    stats_.spooled -= count;
    stats_.dropped += count;
    for (FlushWatch& watch : watches_) {
      const std::uint64_t watched = (std::min)(count, watch.report.pending);
      watch.report.dropped += watched;
      watch.report.pending -= watched;
    }
  }

  /// Accepted and adopted events that are neither pending nor on the disk only.
  [[nodiscard]] std::uint64_t ended() const noexcept {
    return stats_.recorded + stats_.adopted - stats_.pending - disk_only_;
  }

  void end(const PendingEvents& events, Outcome outcome) noexcept {
    for (const PendingEvent& event : events) {
      --stats_.pending;
      pending_bytes_ -= event.bytes();
      ++count_of(stats_, outcome);
      const std::uint64_t accepted = event.log == kOwnLog ? event.place : event.sequence;
      for (FlushWatch& watch : watches_) {
        if (accepted > watch.last_sequence) continue;
        ++count_of(watch.report, outcome);
        --watch.report.pending;
      }
    }
  }

  /// Begins to watch what is pending now, and what is on the disk only.
  [[nodiscard]] Watch watch() {
    watches_.push_back({last_sequence_, {}});
    watches_.back().report.pending = stats_.pending + disk_only_;
    return std::prev(watches_.end());
  }
  /// Ends a watch. Returns the outcomes since it began.
  FlushReport unwatch(Watch watch) {
    FlushReport report = watch->report;
    report.complete = report.pending == 0;
    watches_.erase(watch);
    return report;
  }

 private:
  /// Undoes an acceptance.
  void forget(std::uint64_t place) noexcept {
    --stats_.recorded;
    for (FlushWatch& watch : watches_) {
      if (place <= watch.last_sequence) --watch.report.pending;
    }
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
  std::uint64_t disk_only_{0};
  std::list<FlushWatch> watches_{};
};

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
