// SPDX-License-Identifier: Apache-2.0
//
// DeadWriters: the folders in a spool's directory whose writers are gone. A spool takes over those
// of its own scope, a few at a time, and drains them; others it leaves.
#ifndef PERSONALIZE_EVENTS_RECORDER_SPOOL_DEAD_WRITERS_HPP
#define PERSONALIZE_EVENTS_RECORDER_SPOOL_DEAD_WRITERS_HPP

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "personalize_events/platform/file.hpp"
#include "personalize_events/recorder/pending_event.hpp"
#include "personalize_events/recorder/spool/backlog_folder.hpp"
#include "personalize_events/recorder/spool/folder_locks.hpp"
#include "personalize_events/recorder/spool/frame.hpp"
#include "personalize_events/recorder/spool/segment.hpp"
#include "personalize_events/recorder/spool/writer_folder.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace spool {

/// How often a spool looks for folders of dead writers, about: recorders that were started together
/// look at different times.
inline constexpr std::chrono::seconds kAdoptEvery{60};
/// Most folders that are drained at a time.
inline constexpr std::size_t kMostAdopted = 4;

/// Whose events a spool takes.
struct Scope {
  std::string tracking_id;
  std::string region;
  std::string endpoint;
  std::string account;
};

/// @par Thread Safety
/// None: one thread at a time.
class DeadWriters {
 public:
  using SteadyTime = std::chrono::steady_clock::time_point;

  /// `files` and `locks` outlive it.
  DeadWriters(FileSystem& files, FolderLocks& locks, std::string directory, Scope scope)
      : files_(&files),
        locks_(&locks),
        directory_(std::move(directory)),
        scope_(std::move(scope)) {}

  /// Takes over one folder, if there is one to be had, which `is_own(path)` says of none. True: it
  /// did, and comes back at once for another, so that recorders that look at the same time share
  /// them. `random` is from 0 to 255.
  template <class IsOwn>
  bool look(SteadyTime now, unsigned char random, const IsOwn& is_own) {
    has_more_ = false;
    const Result<std::vector<std::string>> names = files_->list_folder(directory_);
    for (const std::string& name : names ? *names : std::vector<std::string>{}) {
      const std::string path = directory_ + "/" + name;
      if (name.compare(0, 2, kWriterPrefix) != 0 || was_seen(name) || is_held(path) ||
          is_own(path)) {
        continue;
      }
      has_more_ = adopted_.size() >= kMostAdopted;
      if (has_more_) break;
      seen_.push_back(name);
      if (!adopt(path)) continue;
      next_look_ = now;
      return true;
    }
    seen_.clear();
    for (Adopted& one : adopted_) one.backlog.try_again();
    has_looked_ = !has_more_;
    next_look_ = now + kAdoptEvery * (192 + random / 2) / 256;
    return false;
  }
  /// When to `look`.
  [[nodiscard]] SteadyTime next_look() const noexcept { return next_look_; }

  /// Lets go of the folders of which nothing is left.
  void release_drained() {
    for (auto one = adopted_.begin(); one != adopted_.end();) {
      if (!one->backlog.is_drained()) {
        ++one;
        continue;
      }
      release(*one);
      one = adopted_.erase(one);
      if (has_more_) next_look_ = {};
    }
  }

  /// The next open event and the number of its folder; empty: all were read. Valid until the next
  /// call.
  [[nodiscard]] std::optional<std::pair<std::uint32_t, Frame>> next() {
    for (Adopted& one : adopted_) {
      if (const std::optional<Frame> frame = one.backlog.next()) return {{one.number, *frame}};
    }
    return std::nullopt;
  }
  [[nodiscard]] bool has_unread() const {
    return std::any_of(adopted_.begin(), adopted_.end(),
                       [](const Adopted& one) { return one.backlog.has_unread(); });
  }
  /// Every folder that could be taken over was found, and nothing is left of them.
  [[nodiscard]] bool is_drained() const noexcept { return has_looked_ && adopted_.empty(); }

  /// As of BacklogFolder::acknowledge, in the folder of this number.
  Result<void> acknowledge(std::uint32_t number, std::vector<std::uint64_t> sequences) {
    const auto found = std::find_if(adopted_.begin(), adopted_.end(),
                                    [number](const Adopted& one) { return one.number == number; });
    if (found == adopted_.end()) return {};
    return found->backlog.acknowledge(std::move(sequences));
  }

  /// Gives up the oldest segment that was not read yet: its events go to `take(number, frame)`.
  /// False when there is none.
  template <class Take>
  bool drop_oldest(const Take& take) {
    for (Adopted& one : adopted_) {
      if (!one.backlog.oldest_unread()) continue;
      one.backlog.drop_oldest_unread([&](const Frame& frame) { take(one.number, frame); });
      return true;
    }
    return false;
  }

  /// What was found damaged since the last call; empty: nothing.
  [[nodiscard]] std::optional<Error> take_damage() {
    std::optional<Error> last = std::exchange(damage_, std::nullopt);
    for (Adopted& one : adopted_) {
      if (Damage damage = one.backlog.take_damage(); damage.error) last = std::move(damage.error);
    }
    return last;
  }

  /// Lets go of all folders; what is left in them is for the next who looks.
  void close() {
    for (Adopted& one : adopted_) release(one);
    adopted_.clear();
  }

 private:
  struct Adopted {
    std::uint32_t number;
    FolderLocks::Slot lock;
    BacklogFolder backlog;
  };

  void release(Adopted& one) {
    // A folder in which something stays, such as a newer version's segment, stays too.
    if (one.backlog.is_drained()) static_cast<void>(one.backlog.remove());
    locks_->release(one.lock);
  }

  [[nodiscard]] bool was_seen(const std::string& name) const {
    return std::find(seen_.begin(), seen_.end(), name) != seen_.end();
  }
  [[nodiscard]] bool is_held(const std::string& path) const {
    return std::any_of(adopted_.begin(), adopted_.end(),
                       [&](const Adopted& one) { return one.backlog.folder() == path; });
  }

  /// False when the folder is not to be had, or not this recorder's to drain.
  bool adopt(const std::string& path) {
    const Result<std::optional<FolderLocks::Slot>> lock = locks_->take(*files_, path);
    if (!lock || !*lock) return false;
    BacklogFolder backlog{*files_, path, directory_ + "/quarantine"};
    if (!backlog.find_segments() || !is_mine(backlog)) {
      locks_->release(**lock);
      return false;
    }
    adopted_.push_back({next_number_++, **lock, std::move(backlog)});
    return true;
  }

  [[nodiscard]] bool is_mine(const BacklogFolder& backlog) {
    const Result<std::optional<SegmentHeader>> header = backlog.first_header();
    // Nobody knows whose it is.
    if (!header) return is_damaged(header.error());
    // A folder without a good segment has no event of anybody's.
    if (!*header) return true;
    const SegmentHeader& found = **header;
    if (found.region != scope_.region || found.endpoint != scope_.endpoint ||
        found.account != scope_.account) {
      return false;
    }
    const Result<std::optional<std::string>> tracking_id = backlog.first_tracking_id();
    if (!tracking_id) return is_damaged(tracking_id.error());
    return !*tracking_id || **tracking_id == scope_.tracking_id;
  }
  bool is_damaged(const Error& error) {
    damage_ = error;
    return false;
  }

  FileSystem* files_;
  FolderLocks* locks_;
  std::string directory_;
  Scope scope_;
  std::list<Adopted> adopted_{};
  std::uint32_t next_number_{kFirstAdopted};
  SteadyTime next_look_{};
  std::vector<std::string> seen_{};  ///< in this round
  bool has_more_{false};
  bool has_looked_{false};
  std::optional<Error> damage_{};  ///< of folders that were not taken over
};

}  // namespace spool
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
