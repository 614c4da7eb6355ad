// SPDX-License-Identifier: Apache-2.0
//
// SyncTickets: which of the events that were written the disk has for certain. The spool gives each
// a ticket, the next higher number, and a sync brings all up to one of them to the disk. Pure.
#ifndef PERSONALIZE_EVENTS_RECORDER_SPOOL_SYNC_TICKETS_HPP
#define PERSONALIZE_EVENTS_RECORDER_SPOOL_SYNC_TICKETS_HPP

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace spool {

class SyncTickets {
 public:
  enum class State : std::uint8_t {
    Waiting,
    Synced,
    Lost,  ///< its file was removed before a sync; it may be gone
  };

  void issue() noexcept { ++issued_; }
  /// The youngest ticket; 0 before the first.
  [[nodiscard]] std::uint64_t issued() const noexcept { return issued_; }
  [[nodiscard]] bool has_waiting() const noexcept { return synced_ < issued_; }

  void sync_up_to(std::uint64_t ticket) noexcept { synced_ = std::max(synced_, ticket); }
  /// From now on nobody is told that what was issued so far is on the disk.
  void lose() noexcept { lost_ = issued_; }

  [[nodiscard]] State state(std::uint64_t ticket) const noexcept {
    if (ticket > 0 && ticket <= lost_) return State::Lost;
    return ticket <= synced_ ? State::Synced : State::Waiting;
  }
  [[nodiscard]] bool is_synced(std::uint64_t ticket) const noexcept { return ticket <= synced_; }

 private:
  std::uint64_t issued_{0};
  std::uint64_t synced_{0};
  std::uint64_t lost_{0};
};

/// Old copies of what was written again, each with the ticket of its new copy: they are needed
/// until the disk has that.
class OldCopies {
 public:
  void add(std::uint64_t ticket, std::uint64_t copy) { copies_.emplace_back(ticket, copy); }
  void clear() noexcept { copies_.clear(); }

  /// Those that are not needed any more, oldest first.
  [[nodiscard]] std::vector<std::uint64_t> take_synced(const SyncTickets& tickets) {
    const auto first_needed =
        std::find_if(copies_.begin(), copies_.end(),
                     [&tickets](const auto& one) { return !tickets.is_synced(one.first); });
    std::vector<std::uint64_t> taken;
    for (auto one = copies_.begin(); one != first_needed; ++one) taken.push_back(one->second);
    copies_.erase(copies_.begin(), first_needed);
    return taken;
  }

 private:
  std::vector<std::pair<std::uint64_t, std::uint64_t>> copies_{};
};

}  // namespace spool
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
