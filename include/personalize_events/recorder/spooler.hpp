// SPDX-License-Identifier: Apache-2.0
//
// Spooler: how a recorder uses its spool: which event is written when, how much of the backlog is
// in memory, and what the disk's faults mean. RecorderCore has one when RecorderOptions::spool is
// set.
#ifndef PERSONALIZE_EVENTS_RECORDER_SPOOLER_HPP
#define PERSONALIZE_EVENTS_RECORDER_SPOOLER_HPP

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "personalize_events/json/writer.hpp"
#include "personalize_events/recorder/dispatcher.hpp"
#include "personalize_events/recorder/options.hpp"
#include "personalize_events/recorder/pending_event.hpp"
#include "personalize_events/recorder/spool/segment_writer.hpp"
#include "personalize_events/recorder/spool/spool.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Most bytes of the backlog that are in memory, and a quarter of what the recorder may keep.
inline constexpr std::size_t kBacklogWindow = 4U << 20U;
/// What one turn of the loop reads.
inline constexpr std::size_t kMostReadBytes = 256U << 10U;
inline constexpr std::size_t kMostReadEvents = 1024;
/// Events that one turn writes while others wait to record.
inline constexpr std::size_t kMostWrittenAtOnce = 256;
/// How often events are looked at that could not be written, or not yet.
inline constexpr std::chrono::seconds kWriteAgain{1};

/// One JSON line about an event that the service refused.
[[nodiscard]] inline std::string rejected_line(const std::string& tracking_id,
                                               const PendingEvent& event,
                                               const std::optional<Error>& error,
                                               const std::string& request_id) {
  std::string line;
  json::Writer writer(line);
  const auto text = [&writer](std::string_view key, std::string_view value) {
    writer.key(key);
    writer.string(value);
  };
  writer.begin_object();
  text("code", error ? error->code : std::string{});
  text("message", error ? error->message : std::string{});
  text("requestId", request_id);
  text("trackingId", tracking_id);
  text("sessionId", event.session_id());
  if (!event.user_id().empty()) text("userId", event.user_id());
  writer.key("event");
  writer.raw(event.json());
  writer.end_object();
  return writer.good() ? line : std::string{};
}

/// @par Thread Safety
/// Members that say "locked" are called with the recorder's lock held, by any thread; the others by
/// the loop's thread without it.
class Spooler {
 public:
  Spooler(std::shared_ptr<spool::Spool> spool, const RecorderOptions& options,
          Dispatcher& dispatcher)
      : spool_(std::move(spool)),
        dispatcher_(dispatcher),
        tracking_id_(options.tracking_id),
        window_events_(std::max<std::size_t>(options.max_pending_events / 4, 1)),
        window_bytes_(std::clamp<std::size_t>(options.max_pending_bytes / 4, 1, kBacklogWindow)) {}

  [[nodiscard]] spool::Spool& spool() const noexcept { return *spool_; }
  [[nodiscard]] const std::shared_ptr<spool::Spool>& shared_spool() const noexcept {
    return spool_;
  }

  // --- Locked ---

  /// Whether an event goes to the disk only: there is no room for it in memory, or older ones of
  /// its session are there.
  [[nodiscard]] bool must_spill(const PendingEvent& event) const {
    return !dispatcher_.has_room(event.bytes()) || spool_->must_follow(event.session_id());
  }
  /// Accepts an event on the disk only. Errors: as of Spool::append_overflow.
  Result<void> spill(const PendingEvent& event) {
    if (Result<void> written = spool_->append_overflow(event); !written) return written;
    dispatcher_.spill();
    return {};
  }
  /// Writes an event that is about to be accepted, if it is time for that or `must_be_written`.
  /// Errors: as of Spool::append, for one that must be; another is written later.
  Result<void> write(PendingEvent& event, bool must_be_written) {
    const auto write_after = spool_->options().write_after;
    if (must_be_written || write_after.count() == 0) {
      Result<void> written = spool_->append(event);
      if (written || must_be_written) return written;
    }
    const auto wait = std::max<std::chrono::milliseconds>(write_after, kWriteAgain);
    write_at_ = std::min(write_at_, event.recorded_at + wait);
    return {};
  }
  /// Whether the loop has to come for the backlog.
  [[nodiscard]] bool wants_to_read() const { return has_window() && spool_->overflow_unread() > 0; }
  /// When the loop has to come for unwritten events.
  [[nodiscard]] SteadyTime write_at() const noexcept { return write_at_; }

  /// Takes in what `look` brought, and writes what is due.
  void turn(SteadyTime now) {
    for (const spool::Renumbering& one : spool_->take_renumbered()) {
      dispatcher_.account().renumber_overflow(one.first, one.end);
    }
    for (spool::ReadEvent& read : std::exchange(read_, {})) take_in(std::move(read));
    for (spool::ReadEvent& read : std::exchange(dropped_, {})) {
      spool_->admitted(read.event.front());
      dispatcher_.end_spooled(std::move(read.event), Outcome::Dropped,
                              make_error(ErrorKind::QueueFull, "SpoolOptions::max_bytes",
                                         "dropped, the oldest, for want of room in the spool"));
    }
    if (const std::uint64_t lost = spool_->take_lost()) dispatcher_.lose(lost);
    if (now >= write_at_) write_due(now);
    write_again(now);
    dispatcher_.note_fault(FaultKind::Disk, spool_->disk_fault());
    dispatcher_.note_fault(FaultKind::SpoolDamaged, spool_->damage());
    has_room_to_read_ = has_window();
  }

  /// Whether the disk has an event, which is written now if it has not.
  [[nodiscard]] bool keep(PendingEvent& event) {
    return event.folder != spool::kNoFolder || spool_->append(event).has_value();
  }

  // --- The loop's thread, not locked ---

  /// Reads of the backlog what memory has room for, and lets the spool clean up.
  void look(bool may_read) {
    dropped_ = spool_->maintain();
    if (may_read && has_room_to_read_) {
      read_ = spool_->read(std::min(kMostReadEvents, window_events_),
                           std::min(kMostReadBytes, window_bytes_));
    }
  }
  /// Whether `look` has something to do at once.
  [[nodiscard]] SteadyTime next_look(SteadyTime now) const {
    if (has_room_to_read_ && spool_->has_unread()) return now;
    return spool_->next_maintenance();
  }

  /// Writes down on the disk how events ended.
  void note_ends(const std::vector<EndedEvents>& ended) {
    std::vector<std::pair<std::uint32_t, std::uint64_t>> places;
    for (const EndedEvents& one : ended) {
      if (one.outcome == Outcome::Spooled) continue;
      for (const PendingEvent& event : one.events) {
        if (one.outcome == Outcome::Rejected) {
          spool_->keep_rejected(rejected_line(tracking_id_, event, one.error, one.request_id));
        }
        if (event.folder != spool::kNoFolder) places.emplace_back(event.folder, event.place);
      }
    }
    // What could not be noted is sent again after a crash, under the same ids.
    static_cast<void>(spool_->acknowledge(places));
  }

 private:
  [[nodiscard]] bool has_window() const {
    return dispatcher_.stats().pending < window_events_ &&
           dispatcher_.account().pending_bytes() < window_bytes_;
  }

  void take_in(spool::ReadEvent&& read) {
    spool_->admitted(read.event.front());
    if (!read.is_expired) return dispatcher_.readmit(std::move(read.event));
    Error error = make_error(ErrorKind::Timeout, "SpoolOptions::max_age",
                             "could not be delivered in time; see the faults told before");
    error.retryable = true;
    dispatcher_.end_spooled(std::move(read.event), Outcome::Expired, std::move(error));
  }

  /// Writes again what a segment had that was given up.
  void write_again(SteadyTime now) {
    const std::vector<spool::SegmentRange> ranges = spool_->begin_rewrite();
    if (ranges.empty()) return;
    bool is_complete = true;
    dispatcher_.visit([&](PendingEvent& event) {
      // Without a folder it may be one that could not be written again before.
      if (event.folder != spool::kLiveFolder && event.folder != spool::kNoFolder) return true;
      const auto range = std::find_if(ranges.begin(), ranges.end(), [&](const auto& one) {
        return event.place >= one.first_sequence && event.place < one.end_sequence;
      });
      if (range == ranges.end()) return true;
      const std::uint64_t old = event.place;
      // Its file is gone, so that nothing of it is on the disk.
      if (range->number == 0) event.folder = spool::kNoFolder;
      is_complete = is_complete && spool_->append(event).has_value();
      if (is_complete) spool_->note_moved(old);
      return true;
    });
    if (is_complete) return spool_->end_rewrite({});
    spool_->end_rewrite(ranges);
    write_at_ = std::min(write_at_, now + kWriteAgain);
  }

  /// Writes the events that waited long enough, oldest first.
  void write_due(SteadyTime now) {
    const auto write_after = spool_->options().write_after;
    std::size_t count = 0;
    write_at_ = SteadyTime::max();
    dispatcher_.visit([&](PendingEvent& event) {
      if (event.folder != spool::kNoFolder) return true;
      if (event.recorded_at + write_after > now) {
        // Not for each event by itself.
        write_at_ = std::max(event.recorded_at + write_after, now + kWriteAgain);
        return false;
      }
      if (++count > kMostWrittenAtOnce) {
        write_at_ = now;
        return false;
      }
      if (spool_->append(event)) return true;
      write_at_ = now + kWriteAgain;
      return false;
    });
  }

  const std::shared_ptr<spool::Spool> spool_;
  Dispatcher& dispatcher_;
  const std::string tracking_id_;
  const std::size_t window_events_;
  const std::size_t window_bytes_;
  SteadyTime write_at_{SteadyTime::max()};  ///< locked

  // The loop's thread only:
  std::vector<spool::ReadEvent> read_{};
  std::vector<spool::ReadEvent> dropped_{};
  bool has_room_to_read_{true};
};

}  // namespace detail
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
