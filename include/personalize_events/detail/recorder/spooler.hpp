// SPDX-License-Identifier: Apache-2.0
//
// Spooler: how a recorder uses its spool: which events are in memory and which on the disk only,
// how much of the backlog is in memory, and which faults of the disk are reported. RecorderCore has
// one if RecorderOptions::spool is set.
#ifndef PERSONALIZE_EVENTS_DETAIL_RECORDER_SPOOLER_HPP
#define PERSONALIZE_EVENTS_DETAIL_RECORDER_SPOOLER_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "personalize_events/detail/json/writer.hpp"
#include "personalize_events/detail/recorder/dispatcher.hpp"
#include "personalize_events/detail/recorder/pending_event.hpp"
#include "personalize_events/detail/recorder/spool/spool.hpp"
#include "personalize_events/detail/recorder/spool/spooled_event.hpp"
#include "personalize_events/recorder_options.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Most bytes of the backlog that are in memory, and a quarter of what the recorder may keep.
inline constexpr std::size_t kBacklogWindow = 4U << 20U;

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

/// Every member is called with the recorder's lock held.
class Spooler {
 public:
  /// `options` and `dispatcher` must outlive it.
  Spooler(std::shared_ptr<spool::Spool> spool, const RecorderOptions& options,
          Dispatcher& dispatcher)
      : spool_(std::move(spool)),
        options_(options),
        dispatcher_(dispatcher),
        batcher_(dispatcher.batcher()),
        on_disk_(spool_->session_counts()),
        orphaned_(spool_->session_counts()),
        is_scanned_(spool_->is_scanned()) {}

  // --- Recording ---

  /// Whether an event has to be on the disk only.
  [[nodiscard]] bool is_disk_only(const PendingEvent& event) const {
    return on_disk_.contains(event.session_id()) || !has_room(event);
  }
  /// Whether memory has space for an event. Half of it may be held, so that there is always some
  /// for what held events wait for.
  [[nodiscard]] bool has_room(const PendingEvent& event) const {
    if (!dispatcher_.has_room(event.bytes())) return false;
    return !must_be_held(event.session_id()) ||
           (batcher_.held() < options_.max_pending_events / 2 &&
            batcher_.held_bytes() + event.bytes() <= options_.max_pending_bytes / 2);
  }
  /// Whether an event that is kept in memory must not be sent before older ones of its session.
  [[nodiscard]] bool must_be_held(std::string_view session_id) const {
    return !is_scanned_ || orphaned_.contains(session_id) || on_disk_.contains(session_id) ||
           (batcher_.held() > 0 && held_sessions_.contains(session_id));
  }
  /// Takes an event in memory, held if it must be.
  void accept(PendingEvents&& one) {
    PendingEvent& event = one.front();
    event.is_held = must_be_held(event.session_id());
    event.held_behind = last_disk_only_;
    if (event.is_held && batcher_.held() == 0) held_sessions_.clear();
    if (event.is_held) held_sessions_.add(event.session_id());
    dispatcher_.accept(std::move(one));
  }

  /// Counts an event that is about to be written and is not kept in memory; returns its place.
  std::uint64_t reserve(const PendingEvent& event) {
    on_disk_.add(event.session_id());
    last_disk_only_ = dispatcher_.account().spill();
    return last_disk_only_;
  }
  /// Takes one back that could not be written.
  void unreserve(const PendingEvent& event, std::uint64_t place) {
    on_disk_.remove(event.session_id());
    dispatcher_.account().unspill(place);
  }

  // --- The loop ---

  /// Takes in what the disk thread reported.
  void turn() {
    spool::SpoolNews news = spool_->take_news();
    dispatcher_.reserve(0, 0);
    if (news.scanned) {
      orphaned_ = *std::move(news.scanned);
      is_scanned_ = true;
    }
    for (spool::ReadEvent& read : news.read) take_in(std::move(read));
    for (spool::ReadEvent& read : news.dropped) {
      note_read(read.event.front());
      dispatcher_.end_spooled(std::move(read.event), Outcome::Dropped,
                              make_error(ErrorKind::QueueFull, "SpoolOptions::max_bytes",
                                         "the oldest events were dropped for want of space in the "
                                         "spool; raise it"));
    }
    dispatcher_.account().lose(news.lost);
    if (spool_->unread() == 0 && dispatcher_.account().disk_only() == 0) {
      on_disk_.clear();
      last_read_ = last_disk_only_;
    }
    if (news.is_backlog_read) {
      orphaned_.clear();
      is_scanned_ = true;
    }
    if (is_scanned_) {
      batcher_.release_held([this](const PendingEvent& event) {
        return event.held_behind <= last_read_ && !orphaned_.contains(event.session_id());
      });
    }
    is_drained_ = news.is_drained;
    if (news.passed_fault) dispatcher_.note_fault(FaultKind::Disk, news.passed_fault);
    dispatcher_.note_fault(FaultKind::Disk, news.disk_fault);
    dispatcher_.note_fault(FaultKind::SpoolDamaged, news.damage);
  }

  /// What the disk thread has to do: to note events that completed, and to read others if `reads`.
  [[nodiscard]] spool::SpoolOrders orders_for(const std::vector<EndedEvents>& ended, bool reads) {
    spool::SpoolOrders orders;
    for (const EndedEvents& one : ended) {
      if (one.outcome == Outcome::Spooled) continue;
      for (const PendingEvent& event : one.events) {
        if (one.outcome == Outcome::Rejected) {
          orders.rejected.push_back(
              rejected_line(options_.tracking_id, event, one.error, one.request_id));
        }
        orders.completed[event.log].push_back(event.place);
      }
    }
    if (reads && spool_->may_read()) add_window(orders);
    return orders;
  }
  /// Every folder that could be adopted was found, and nothing is left in them and in the own log.
  [[nodiscard]] bool is_drained() const noexcept { return is_drained_; }

  /// Whether the disk has an event.
  [[nodiscard]] bool is_kept(const PendingEvent& event) const {
    return event.log != kOwnLog || spool_->is_written(event.place);
  }
  /// Whether the disk has all own events that are pending.
  [[nodiscard]] bool is_all_written() const {
    return spool_->is_written(dispatcher_.account().last_sequence());
  }

 private:
  /// Adds the memory that there is for what is read back, and reserves it.
  void add_window(spool::SpoolOrders& orders) {
    const std::uint64_t pending = dispatcher_.stats().pending;
    const std::uint64_t used = pending - batcher_.held();
    const std::size_t bytes = dispatcher_.account().pending_bytes() - batcher_.held_bytes();
    const std::uint64_t most = options_.max_pending_events;
    const std::uint64_t window_events = std::max<std::uint64_t>(most / 4, 1);
    const auto window_bytes =
        std::clamp<std::size_t>(options_.max_pending_bytes / 4, 1, kBacklogWindow);
    if (used >= window_events || bytes >= window_bytes) return;
    orders.most_events = static_cast<std::size_t>(std::min<std::uint64_t>(
        {window_events - used, most - (std::min)(most, pending), spool::kMostReadEvents}));
    orders.most_bytes = (std::min)(window_bytes, spool::kMostReadBytes);
    dispatcher_.reserve(orders.most_events, orders.most_bytes);
  }

  void note_read(const PendingEvent& event) {
    if (event.log != kOwnLog) return orphaned_.remove(event.session_id());
    on_disk_.remove(event.session_id());
    last_read_ = (std::max)(last_read_, event.place);
  }

  void take_in(spool::ReadEvent&& read) {
    const bool is_own = read.event.front().log == kOwnLog;
    // The first scan's backlog was read before own events were.
    if (is_own && batcher_.held() > 0) {
      orphaned_.clear();
      batcher_.release_held([place = read.event.front().place](const PendingEvent& event) {
        return event.place < place;
      });
    }
    note_read(read.event.front());
    if (read.is_invalid) {
      Error error = make_error(ErrorKind::Storage, "spool",
                               "the event cannot be sent; it is in the quarantine folder");
      error.code = spool::kDamaged;
      return dispatcher_.end_spooled(std::move(read.event), Outcome::Dropped, std::move(error));
    }
    if (!read.is_expired) return dispatcher_.readmit(std::move(read.event));
    dispatcher_.end_spooled(std::move(read.event), Outcome::Expired,
                            expired_error("SpoolOptions::max_age"));
  }

  const std::shared_ptr<spool::Spool> spool_;
  const RecorderOptions& options_;
  Dispatcher& dispatcher_;
  Batcher& batcher_;
  spool::SessionCounts on_disk_;   ///< of own events that are on the disk only
  spool::SessionCounts orphaned_;  ///< of events that the first scan found
  spool::SessionCounts held_sessions_ = spool_->session_counts();
  std::uint64_t last_disk_only_{0};  ///< the place of the last that was written
  std::uint64_t last_read_{0};       ///< the place of the last that was read back
  bool is_scanned_;
  bool is_drained_{false};
};

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
