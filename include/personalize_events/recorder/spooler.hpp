// SPDX-License-Identifier: Apache-2.0
//
// Spooler: how a recorder uses its spool: which event stays in memory, which only on the disk, how
// much of the backlog is in memory, and what the disk's faults mean. RecorderCore has one if
// RecorderOptions::spool is set.
#ifndef PERSONALIZE_EVENTS_RECORDER_SPOOLER_HPP
#define PERSONALIZE_EVENTS_RECORDER_SPOOLER_HPP

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "personalize_events/json/writer.hpp"
#include "personalize_events/recorder/dispatcher.hpp"
#include "personalize_events/recorder/options.hpp"
#include "personalize_events/recorder/pending_event.hpp"
#include "personalize_events/recorder/spool/session_counts.hpp"
#include "personalize_events/recorder/spool/spool.hpp"
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

/// Where an accepted event is kept until it is sent.
enum class Placement : std::uint8_t {
  Memory,
  Disk,  ///< on the disk only
};

/// @par Thread Safety
/// Every member but `spool` is called with the recorder's lock held; `orders_for` by the loop.
class Spooler {
 public:
  Spooler(std::shared_ptr<spool::Spool> spool, const RecorderOptions& options,
          Dispatcher& dispatcher)
      : spool_(std::move(spool)),
        dispatcher_(dispatcher),
        tracking_id_(options.tracking_id),
        most_events_(options.max_pending_events),
        most_held_(options.max_pending_events / 2),
        most_held_bytes_(options.max_pending_bytes / 2),
        window_events_(std::max<std::size_t>(options.max_pending_events / 4, 1)),
        window_bytes_(std::clamp<std::size_t>(options.max_pending_bytes / 4, 1, kBacklogWindow)),
        on_disk_(spool_->session_counts()),
        orphaned_(spool_->session_counts()),
        is_scanned_(spool_->is_scanned()) {}

  [[nodiscard]] spool::Spool& spool() const noexcept { return *spool_; }
  [[nodiscard]] const std::shared_ptr<spool::Spool>& shared_spool() const noexcept {
    return spool_;
  }

  // --- Recording ---

  [[nodiscard]] Placement placement_of(const PendingEvent& event) const {
    if (on_disk_.contains(event.session_id()) || !has_room(event)) return Placement::Disk;
    return Placement::Memory;
  }
  /// Whether memory has room for an event. Half of it may be held, so that there is always some for
  /// what held events wait for.
  [[nodiscard]] bool has_room(const PendingEvent& event) const {
    if (!dispatcher_.has_room(event.bytes())) return false;
    return !must_be_held(event.session_id()) ||
           (dispatcher_.held() < most_held_ &&
            dispatcher_.held_bytes() + event.bytes() <= most_held_bytes_);
  }
  /// Whether an event that is kept in memory must not be sent before older ones of its session.
  [[nodiscard]] bool must_be_held(std::string_view session_id) const {
    return !is_scanned_ || orphaned_.contains(session_id) || on_disk_.contains(session_id) ||
           (dispatcher_.held() > 0 && held_sessions_.contains(session_id));
  }
  /// Takes an event in memory, held if it must be.
  void accept(PendingEvents&& one) {
    if (!must_be_held(one.front().session_id())) return dispatcher_.accept(std::move(one));
    if (dispatcher_.held() == 0) held_sessions_ = spool_->session_counts();
    held_sessions_.add(one.front().session_id());
    dispatcher_.hold(std::move(one), last_disk_only_);
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
    if (news.lost > 0) dispatcher_.lose(news.lost);
    if (spool_->unread() == 0 && dispatcher_.account().disk_only() == 0) forget_disk_only();
    if (news.is_backlog_read) {
      orphaned_.clear();
      is_scanned_ = true;
    }
    release_held();
    is_drained_ = news.is_drained;
    if (news.passed_fault) dispatcher_.note_fault(FaultKind::Disk, news.passed_fault);
    dispatcher_.note_fault(FaultKind::Disk, news.disk_fault);
    dispatcher_.note_fault(FaultKind::SpoolDamaged, news.damage);
  }

  /// What the disk thread has to note of events that completed.
  [[nodiscard]] spool::SpoolOrders orders_for(const std::vector<EndedEvents>& ended) const {
    spool::SpoolOrders orders;
    for (const EndedEvents& one : ended) {
      if (one.outcome == Outcome::Spooled) continue;
      for (const PendingEvent& event : one.events) {
        if (one.outcome == Outcome::Rejected) {
          orders.rejected.push_back(rejected_line(tracking_id_, event, one.error, one.request_id));
        }
        orders.completed[event.log].push_back(event.place);
      }
    }
    return orders;
  }
  /// Adds the memory that there is for what is read back, and reserves it.
  void add_window(spool::SpoolOrders& orders) {
    if (!spool_->may_read()) return;
    const std::uint64_t used = dispatcher_.stats().pending - dispatcher_.held();
    const std::size_t bytes = dispatcher_.account().pending_bytes() - dispatcher_.held_bytes();
    if (used >= window_events_ || bytes >= window_bytes_) return;
    const auto free =
        most_events_ - std::min<std::uint64_t>(most_events_, dispatcher_.stats().pending);
    orders.most_events = static_cast<std::size_t>(
        std::min<std::uint64_t>({window_events_ - used, free, spool::kMostReadEvents}));
    orders.most_bytes = std::min(window_bytes_, spool::kMostReadBytes);
    dispatcher_.reserve(orders.most_events, orders.most_bytes);
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
  void note_read(const PendingEvent& event) {
    if (event.log != kOwnLog) return orphaned_.remove(event.session_id());
    on_disk_.remove(event.session_id());
    last_read_ = std::max(last_read_, event.place);
  }

  void take_in(spool::ReadEvent&& read) {
    const bool is_own = read.event.front().log == kOwnLog;
    // The first scan's backlog was read before own events were.
    if (is_own && dispatcher_.held() > 0) {
      orphaned_.clear();
      release_before(read.event.front().place);
    }
    note_read(read.event.front());
    if (read.is_invalid) {
      Error error = make_error(ErrorKind::Storage, "spool",
                               "the event cannot be sent; it is in the quarantine folder");
      error.code = spool::kDamaged;
      return dispatcher_.end_spooled(std::move(read.event), Outcome::Dropped, std::move(error));
    }
    if (!read.is_expired) return dispatcher_.readmit(std::move(read.event));
    Error error = make_error(ErrorKind::Timeout, "SpoolOptions::max_age",
                             "could not be delivered in time; see the faults reported before");
    error.retryable = true;
    dispatcher_.end_spooled(std::move(read.event), Outcome::Expired, std::move(error));
  }

  void release_held() {
    if (dispatcher_.held() == 0 || !is_scanned_) return;
    dispatcher_.release_held([this](const PendingEvent& event, std::uint64_t after) {
      return after <= last_read_ && !orphaned_.contains(event.session_id());
    });
  }
  /// Releases what is older than an own event that is about to be taken in.
  void release_before(std::uint64_t place) {
    dispatcher_.release_held(
        [place](const PendingEvent& event, std::uint64_t) { return event.place < place; });
  }
  void forget_disk_only() {
    on_disk_.clear();
    last_read_ = last_disk_only_;
  }

  const std::shared_ptr<spool::Spool> spool_;
  Dispatcher& dispatcher_;
  const std::string tracking_id_;
  const std::size_t most_events_;
  const std::size_t most_held_;
  const std::size_t most_held_bytes_;
  const std::size_t window_events_;
  const std::size_t window_bytes_;
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
