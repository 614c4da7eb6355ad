// SPDX-License-Identifier: Apache-2.0
//
// OrphanedLogs: the folders in a spool's directory whose writers are gone. A spool adopts those of
// its own scope, oldest first and a few at a time, and drains them; others it leaves.
#ifndef PERSONALIZE_EVENTS_DETAIL_RECORDER_SPOOL_ORPHANED_LOGS_HPP
#define PERSONALIZE_EVENTS_DETAIL_RECORDER_SPOOL_ORPHANED_LOGS_HPP

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <iterator>
#include <list>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "personalize_events/detail/recorder/pending_event.hpp"
#include "personalize_events/detail/recorder/spool/segment.hpp"
#include "personalize_events/detail/recorder/spool/segmented_log.hpp"
#include "personalize_events/detail/recorder/spool/spooled_event.hpp"
#include "personalize_events/detail/recorder/spool/writer_folder.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail::spool {

/// How often a spool looks for orphaned folders, about: recorders that were started together look
/// at different times.
inline constexpr std::chrono::seconds kAdoptEvery{60};
/// Most folders that are adopted at a time.
inline constexpr std::size_t kMostAdopted = 16;
/// How often a folder that cannot be read is tried, and when again.
inline constexpr int kMostTries = 3;
inline constexpr std::chrono::seconds kTryAgain{1};

/// Not thread-safe.
class OrphanedLogs {
 public:
  using SteadyTime = std::chrono::steady_clock::time_point;

  /// `files` and `locks` outlive it.
  OrphanedLogs(FileSystem& files, FolderLocks& locks, std::string directory, Scope scope)
      : files_(&files),
        locks_(&locks),
        directory_(std::move(directory)),
        scope_(std::move(scope)) {}

  /// Begins a round if it is time for one: lists the folders. `random` is from 0 to 255. Returns
  /// whether it did.
  bool look(SteadyTime now, unsigned char random) {
    if (now < next_look_ || !names_.empty()) return false;
    // A whole round found nothing that is damaged any more.
    if (adopted_.empty() && !has_found_damage_) damage_.reset();
    next_look_ = now + kAdoptEvery * (192 + random / 2) / 256;
    ++rounds_;
    has_found_damage_ = false;
    const Result<std::vector<std::string>> names = files_->list_folder(directory_);
    if (!names) return true;
    std::copy_if(names->begin(), names->end(), std::back_inserter(names_), is_writer_name);
    std::sort(names_.begin(), names_.end(), [](const std::string& a, const std::string& b) {
      const std::uint64_t first = writer_number(a);
      const std::uint64_t second = writer_number(b);
      return std::tie(first, a) < std::tie(second, b);
    });
    return true;
  }
  /// When to call `look` or `next` again.
  [[nodiscard]] SteadyTime next_look(SteadyTime now) const {
    SteadyTime next = next_look_;
    for (const Adopted& one : adopted_) {
      if (one.try_at > now && one.log.has_unread()) next = (std::min)(next, one.try_at);
    }
    return next;
  }

  /// Visits the pending events of the folders of the round, without adopting them, until
  /// `is_over()`. Returns false if a file could not be read; what `is_over()` left out is no
  /// failure.
  template <class Visit, class IsOver>
  bool scan(const Visit& visit, const IsOver& is_over) {
    bool is_complete = true;
    for (const std::string& name : std::deque<std::string>{names_}) {
      if (is_over()) break;
      for (Adopted& taken : take(name)) {
        for (;;) {
          const Result<std::optional<Frame>> frame = taken.log.next();
          is_complete = is_complete && frame;
          if (!frame || !*frame || is_over()) break;
          visit((*frame)->entry);
        }
        if (auto error = taken.log.take_damage()) damage_ = std::move(error);
        taken.log.close();
      }
    }
    return is_complete && !has_found_damage_;
  }

  /// Releases what is drained, and adopts the next folders of the round.
  void adopt() {
    adopted_.remove_if([](Adopted& one) {
      const bool is_drained = !one.log.has_unread() && !one.log.has_pending();
      if (is_drained) one.log.close();
      return is_drained;
    });
    while (adopted_.size() < kMostAdopted && !names_.empty()) {
      adopted_.splice(adopted_.end(), take(names_.front()));
      names_.pop_front();
    }
  }

  /// An event and where it is.
  struct Found {
    std::uint32_t log{0};
    Frame frame{};
    const BootClock* writer{nullptr};
  };
  /// Reads the next pending event, of the oldest folder that can be read now; empty: there is none.
  /// It is valid until the next call.
  [[nodiscard]] std::optional<Found> next(SteadyTime now) {
    for (Adopted& one : adopted_) {
      if (!one.may_read(now)) continue;
      const Result<std::optional<Frame>> frame = one.log.next();
      note_damage(one.log);
      if (frame && *frame) {
        one.tries = 0;
        return Found{one.number, **frame, &one.log.identity().clock};
      }
      if (frame) continue;
      note_damage(frame.error());
      one.try_at = now + kTryAgain;
      // It never blocks the others: what was not read stays for the next adopter.
      if (++one.tries < kMostTries) continue;
      while (one.log.has_unread()) one.log.skip();
    }
    return std::nullopt;
  }

  /// Whether `adopt` or `next` may have something now.
  [[nodiscard]] bool has_unread(SteadyTime now) const {
    if (!names_.empty() && adopted_.size() < kMostAdopted) return true;
    return std::any_of(adopted_.begin(), adopted_.end(),
                       [now](const Adopted& one) { return one.may_read(now); });
  }
  /// Whether all that the first round found was read.
  [[nodiscard]] bool is_first_round_read() const {
    if (rounds_ == 0 || (rounds_ == 1 && !names_.empty())) return false;
    return std::none_of(adopted_.begin(), adopted_.end(),
                        [](const Adopted& one) { return one.round == 1 && one.log.has_unread(); });
  }
  /// Every folder that could be adopted was found, and all in it is completed.
  [[nodiscard]] bool is_drained() const noexcept {
    return rounds_ > 0 && names_.empty() && adopted_.empty();
  }

  /// As SegmentedLog::acknowledge, in the log of this number.
  Result<void> acknowledge(std::uint32_t number, std::vector<std::uint64_t> sequences) {
    for (Adopted& one : adopted_) {
      if (one.number == number) return one.log.acknowledge(std::move(sequences));
    }
    return {};
  }
  /// As SegmentedLog::evict_oldest: each frame goes to `take(found)`.
  template <class Take>
  bool evict_oldest(const Take& take) {
    for (Adopted& one : adopted_) {
      const auto take_one = [&](const Frame& frame) {
        take(Found{one.number, frame, &one.log.identity().clock});
      };
      if (one.log.evict_oldest(take_one)) return true;
    }
    return false;
  }

  /// What was found damaged in this round; empty: nothing.
  [[nodiscard]] const std::optional<Error>& damage() const noexcept { return damage_; }
  void note_damage(Error error) {
    damage_ = std::move(error);
    has_found_damage_ = true;
  }

  /// Releases all folders; what is left in them is for the next adopter.
  void close() {
    names_.clear();
    for (Adopted& one : adopted_) one.log.close();
    adopted_.clear();
  }

 private:
  struct Adopted {
    Adopted(FileSystem& files, FolderLocks& locks, const std::string& directory)
        : log(files, locks, directory) {}
    /// Whether its log may be read now.
    [[nodiscard]] bool may_read(SteadyTime now) const {
      return log.has_unread() && (tries == 0 || now >= try_at);
    }

    SegmentedLog log;
    std::uint32_t number{0};
    std::uint64_t round{0};
    int tries{0};
    SteadyTime try_at{};
  };

  /// Locks and opens a folder; empty: its writer is alive, or it is not this spool's to drain.
  [[nodiscard]] std::list<Adopted> take(const std::string& name) {
    std::list<Adopted> taken;
    const Result<std::optional<FolderLocks::Slot>> lock =
        locks_->take(*files_, detail::path_in(directory_, name));
    if (!lock && lock.error().code != "NotFound") note_damage(lock.error());
    if (!lock || !*lock) return taken;
    Adopted& one = taken.emplace_back(*files_, *locks_, directory_);
    one.round = rounds_;
    const Result<void> opened = one.log.adopt(name, **lock);
    if (!opened) note_damage(opened.error());
    // Without a segment it has no events of another scope.
    const bool is_mine =
        opened && (!one.log.has_unread() || one.log.identity().header.scope == scope_);
    if (is_mine) {
      one.number = ++last_number_;
      return taken;
    }
    locks_->release(**lock);
    return {};
  }

  void note_damage(SegmentedLog& log) {
    if (std::optional<Error> error = log.take_damage()) note_damage(*std::move(error));
  }

  FileSystem* files_;
  FolderLocks* locks_;
  std::string directory_;
  Scope scope_;
  std::list<Adopted> adopted_{};
  std::uint32_t last_number_{detail::kOwnLog};
  SteadyTime next_look_{};
  std::deque<std::string> names_{};  ///< of the round, not tried yet
  std::uint64_t rounds_{0};
  std::optional<Error> damage_{};
  bool has_found_damage_{false};
};

}  // namespace detail::spool

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
