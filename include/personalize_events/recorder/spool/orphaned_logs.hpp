// SPDX-License-Identifier: Apache-2.0
//
// OrphanedLogs: the folders in a spool's directory whose writers are gone. A spool adopts those of
// its own scope, oldest first and a few at a time, and drains them; others it leaves.
#ifndef PERSONALIZE_EVENTS_RECORDER_SPOOL_ORPHANED_LOGS_HPP
#define PERSONALIZE_EVENTS_RECORDER_SPOOL_ORPHANED_LOGS_HPP

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "personalize_events/platform/file.hpp"
#include "personalize_events/recorder/pending_event.hpp"
#include "personalize_events/recorder/spool/folder_locks.hpp"
#include "personalize_events/recorder/spool/frame.hpp"
#include "personalize_events/recorder/spool/orphaned_log.hpp"
#include "personalize_events/recorder/spool/paths.hpp"
#include "personalize_events/recorder/spool/segment.hpp"
#include "personalize_events/recorder/spool/spooled_event.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace spool {

/// How often a spool looks for orphaned folders, about: recorders that were started together look
/// at different times.
inline constexpr std::chrono::seconds kAdoptEvery{60};
/// Most folders that are adopted at a time.
inline constexpr std::size_t kMostAdopted = 16;
/// How often a folder that cannot be read is tried, and when again.
inline constexpr int kMostTries = 3;
inline constexpr std::chrono::seconds kTryAgain{1};

/// @par Thread Safety
/// None: one thread at a time.
class OrphanedLogs {
 public:
  using SteadyTime = std::chrono::steady_clock::time_point;

  /// `files` and `locks` outlive it.
  OrphanedLogs(FileSystem& files, FolderLocks& locks, std::string directory, Scope scope)
      : files_(&files),
        locks_(&locks),
        directory_(std::move(directory)),
        scope_(std::move(scope)) {}

  /// Begins a round if it is time for one: lists the folders, `own` excepted. `random` is from 0 to
  /// 255.
  void look(SteadyTime now, unsigned char random, const std::string& own) {
    if (now < next_look_ || !names_.empty()) return;
    next_look_ = now + kAdoptEvery * (192 + random / 2) / 256;
    ++rounds_;
    has_found_damage_ = false;
    const Result<std::vector<std::string>> names = files_->list_folder(directory_);
    if (!names) return;
    for (const std::string& name : *names) {
      if (is_writer_name(name) && name != own && !is_held(name)) names_.push_back(name);
    }
    std::sort(names_.begin(), names_.end(), [](const std::string& a, const std::string& b) {
      const std::uint64_t first = writer_number(a);
      const std::uint64_t second = writer_number(b);
      return std::tie(first, a) < std::tie(second, b);
    });
  }
  /// When to `look`, or to call `adopt` or `next` again.
  [[nodiscard]] SteadyTime next_look() const noexcept {
    SteadyTime next = next_look_;
    for (const Adopted& one : adopted_) {
      if (one.tries > 0 && !one.log.is_read()) next = std::min(next, one.try_at);
    }
    return next;
  }

  /// Visits the pending events of the folders of the round, without adopting them, until
  /// `is_over()`. Returns false if a file could not be read;
  /// what `is_over()` left out is no failure.
  template <class Visit, class IsOver>
  bool scan(const Visit& visit, const IsOver& is_over) {
    bool is_complete = true;
    for (const std::string& name : std::deque<std::string>{names_}) {
      if (is_over()) break;
      auto taken = take(name);
      if (!taken) continue;
      for (;;) {
        const Result<std::optional<Frame>> frame = taken->log.next();
        is_complete = is_complete && frame;
        if (!frame || !*frame || is_over()) break;
        visit((*frame)->entry);
      }
      locks_->release(taken->lock);
    }
    return is_complete && !has_found_damage_;
  }

  /// Releases what is drained, and adopts the next folders of the round.
  void adopt() {
    for (auto one = adopted_.begin(); one != adopted_.end();) {
      one = one->log.is_drained() ? release(one) : std::next(one);
    }
    while (adopted_.size() < kMostAdopted && !names_.empty()) {
      auto taken = take(names_.front());
      names_.pop_front();
      if (taken) adopted_.push_back(*std::move(taken));
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
      if (one.log.is_read() || (one.tries > 0 && now < one.try_at)) continue;
      const Result<std::optional<Frame>> frame = one.log.next();
      note_damage(one.log);
      if (frame && *frame) {
        one.tries = 0;
        return Found{one.number, **frame, &one.log.identity().clock};
      }
      if (frame) continue;
      note_damage(frame.error());
      one.try_at = now + kTryAgain;
      // It never blocks the others.
      if (++one.tries >= kMostTries) one.log.give_up();
    }
    return std::nullopt;
  }

  /// Whether `adopt` or `next` may have something now.
  [[nodiscard]] bool has_unread(SteadyTime now) const {
    if (!names_.empty() && adopted_.size() < kMostAdopted) return true;
    return std::any_of(adopted_.begin(), adopted_.end(), [now](const Adopted& one) {
      return !one.log.is_read() && (one.tries == 0 || now >= one.try_at);
    });
  }
  /// Whether all that the first round found was read.
  [[nodiscard]] bool is_first_round_read() const {
    if (rounds_ == 0 || (rounds_ == 1 && !names_.empty())) return false;
    return std::none_of(adopted_.begin(), adopted_.end(),
                        [](const Adopted& one) { return one.round == 1 && !one.log.is_read(); });
  }
  /// Every folder that could be adopted was found, and all in it is completed.
  [[nodiscard]] bool is_drained() const noexcept {
    return rounds_ > 0 && names_.empty() && adopted_.empty();
  }

  /// As OrphanedLog::acknowledge, in the log of this number.
  Result<void> acknowledge(std::uint32_t number, std::vector<std::uint64_t> sequences) {
    for (Adopted& one : adopted_) {
      if (one.number == number) return one.log.acknowledge(std::move(sequences));
    }
    return {};
  }
  /// As OrphanedLog::evict_oldest: each frame goes to `take(found)`.
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
  /// A whole round found nothing that is damaged any more.
  void settle_damage() {
    if (names_.empty() && adopted_.empty() && !has_found_damage_) damage_.reset();
  }

  /// Releases all folders; what is left in them is for the next adopter.
  void close() {
    names_.clear();
    for (auto one = adopted_.begin(); one != adopted_.end();) one = release(one);
  }

 private:
  struct Adopted {
    std::string name;
    FolderLocks::Slot lock;
    OrphanedLog log;
    std::uint32_t number{0};
    std::uint64_t round{0};
    int tries{0};
    SteadyTime try_at{};
  };

  std::list<Adopted>::iterator release(std::list<Adopted>::iterator one) {
    // A folder in which something stays, such as a segment that cannot be read, stays too.
    if (one->log.is_drained()) {
      static_cast<void>(remove_writer_folder(*files_, one->log.folder(), kLockName));
    }
    locks_->release(one->lock);
    return adopted_.erase(one);
  }

  [[nodiscard]] bool is_held(const std::string& name) const {
    return std::any_of(adopted_.begin(), adopted_.end(),
                       [&](const Adopted& one) { return one.name == name; });
  }

  /// Locks and opens a folder; empty: its writer is alive, or it is not this spool's to drain.
  [[nodiscard]] std::optional<Adopted> take(const std::string& name) {
    const std::string path = detail::path_in(directory_, name);
    const Result<std::optional<FolderLocks::Slot>> lock = locks_->take(*files_, path);
    if (!lock && lock.error().code != "NotFound") note_damage(lock.error());
    if (!lock || !*lock) return std::nullopt;
    OrphanedLog log{*files_, path, detail::path_in(directory_, kQuarantineFolder)};
    const Result<void> opened = log.open();
    if (!opened) note_damage(opened.error());
    // Without a segment it has nobody's events.
    const bool is_mine = opened && (log.empty() || log.identity().header.scope == scope_);
    if (is_mine) return Adopted{name, **lock, std::move(log), ++last_number_, rounds_};
    locks_->release(**lock);
    return std::nullopt;
  }

  void note_damage(OrphanedLog& log) {
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

}  // namespace spool
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
