// SPDX-License-Identifier: Apache-2.0
//
// Spool: the events of one recorder on the disk, and those that dead writers of the same scope left
// beside them. It writes, reads back in windows, brings to the disk and cleans up; what is sent
// when is the dispatcher's matter. RecorderCore holds one when RecorderOptions::spool is set.
//
// All of its state can be told from files that only grow (segment.hpp, acknowledgement.hpp); what
// it keeps in memory are counts.
#ifndef PERSONALIZE_EVENTS_RECORDER_SPOOL_SPOOL_HPP
#define PERSONALIZE_EVENTS_RECORDER_SPOOL_SPOOL_HPP

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "personalize_events/detail/uuid.hpp"
#include "personalize_events/platform/file.hpp"
#include "personalize_events/platform/platform.hpp"
#include "personalize_events/recorder/pending_event.hpp"
#include "personalize_events/recorder/spool/backlog_folder.hpp"
#include "personalize_events/recorder/spool/dead_writers.hpp"
#include "personalize_events/recorder/spool/disk_health.hpp"
#include "personalize_events/recorder/spool/disk_room.hpp"
#include "personalize_events/recorder/spool/folder_locks.hpp"
#include "personalize_events/recorder/spool/frame.hpp"
#include "personalize_events/recorder/spool/live_events.hpp"
#include "personalize_events/recorder/spool/options.hpp"
#include "personalize_events/recorder/spool/overflow.hpp"
#include "personalize_events/recorder/spool/rejected_events.hpp"
#include "personalize_events/recorder/spool/segment.hpp"
#include "personalize_events/recorder/spool/segment_ledger.hpp"
#include "personalize_events/recorder/spool/segment_writer.hpp"
#include "personalize_events/recorder/spool/spooled_event.hpp"
#include "personalize_events/recorder/spool/sync_tickets.hpp"
#include "personalize_events/recorder/spool/writer_folder.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace spool {

/// @par Thread Safety
/// Any thread: append, append_overflow, must_follow, admitted, ticket, sync, wait_synced,
/// has_unsynced, abandon_in_child. The loop's thread only: the others.
class Spool {
 public:
  /// `memory_bytes` is what the recorder may keep in memory, of which this takes a small part.
  Spool(std::shared_ptr<FileSystem> files, SpoolOptions options, Scope scope,
        std::size_t memory_bytes, std::shared_ptr<Platform> platform)
      : files_(std::move(files)),
        options_(std::move(options)),
        scope_(with_account(std::move(scope), options_)),
        platform_(std::move(platform)),
        live_(*files_),
        overflow_(*files_, quarantine(), memory_bytes / 64),
        dead_(*files_, locks_, options_.directory, scope_),
        rejected_(*files_, options_.directory, rejected_limit(options_.max_bytes)) {}
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;
  ~Spool() = default;

  [[nodiscard]] const SpoolOptions& options() const noexcept { return options_; }

  // --- Writing ---

  /// Writes an event that stays in memory, and notes its place in it. Errors: Storage; the event is
  /// unchanged. After one, nothing is tried for kDiskPause.
  Result<void> append(detail::PendingEvent& event) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const Result<Appended> appended = append_to(live_.writer(), live_.next_place(), event);
    if (!appended) return appended.error();
    live_.appended(*appended);
    event.folder = kLiveFolder;
    event.place = appended->sequence;
    return {};
  }

  /// Writes an event that is not kept in memory; `read` gives it back. Errors: as of append.
  Result<void> append_overflow(const detail::PendingEvent& event) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const Result<Appended> appended = append_to(overflow_.writer(), overflow_.next_place(), event);
    if (!appended) return appended.error();
    overflow_.appended(*appended, event.session_id());
    return {};
  }

  /// Whether an event of a session must go to the disk only, because older ones of it may be there,
  /// or on their way into memory.
  [[nodiscard]] bool must_follow(std::string_view session_id) const {
    if (!overflow_.precedes_some()) return false;
    const std::lock_guard<std::mutex> lock(mutex_);
    return overflow_.must_be_followed(session_id);
  }
  /// Says that an event which `read` or `maintain` gave is in memory, or has ended: younger ones of
  /// its session need not follow it to the disk.
  void admitted(const detail::PendingEvent& event) {
    if (event.folder != kOverflowFolder) return;
    const std::lock_guard<std::mutex> lock(mutex_);
    overflow_.admitted(event.session_id());
  }

  /// Marks the events that have been written so far, for wait_synced.
  [[nodiscard]] std::uint64_t ticket() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return tickets_.issued();
  }
  /// The place in the overflow of the next event; those before it were recorded already.
  [[nodiscard]] std::uint64_t next_overflow_place() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return overflow_.next_place();
  }
  /// Events of the overflow whose place has changed since the last call.
  [[nodiscard]] std::vector<Renumbering> take_renumbered() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return overflow_.take_renumbered();
  }

  // --- Bringing to the disk ---

  [[nodiscard]] bool has_unsynced() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return tickets_.has_waiting();
  }

  /// Brings what was written so far to the disk and waits for it, while others go on writing.
  /// False: there was nothing to bring, or what an earlier sync failed to bring has to be written
  /// again first.
  bool sync() {
    const std::lock_guard<std::mutex> one_at_a_time(sync_mutex_);
    SyncTask live;
    SyncTask overflow;
    std::uint64_t tickets = 0;
    std::uint64_t losses = 0;
    bool has_new_folder = false;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      // What a failed sync may have lost is written again first.
      if (!live_.is_whole()) return false;
      if (live_.writer()) live = live_.writer()->log.begin_sync();
      if (overflow_.writer()) overflow = overflow_.writer()->log.begin_sync();
      tickets = tickets_.issued();
      losses = live_.losses();
      has_new_folder = std::exchange(has_new_folder_, false);
    }
    const bool has_some = has_new_folder || !live.empty() || !overflow.empty();
    Result<void> names;
    if (has_new_folder) names = files_->sync_folder(options_.directory);
    live.run(*files_);
    overflow.run(*files_);
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      SyncReport report = live_.writer() ? live_.writer()->log.finish_sync(live) : SyncReport{};
      SyncReport other =
          overflow_.writer() ? overflow_.writer()->log.finish_sync(overflow) : SyncReport{};
      live_.give_up(report.given_up);
      if (!other.given_up.empty()) overflow_.rewrite(other.given_up, tickets_);
      if (!report.error) report.error = std::move(other.error);
      if (!names) {
        report.error = names.error();
        has_new_folder_ = true;
        if (report.error->code == "NotFound") let_go_all();
      }
      if (report.error) {
        health_.sync_failed(*std::move(report.error), platform_->steady_now());
      } else if (!overflow_.is_doubtful() && live_.losses() == losses) {
        tickets_.sync_up_to(tickets);
      }
    }
    synced_.notify_all();
    return has_some;
  }

  /// Waits until what `ticket` marks is on the disk; false when it was not in time, or is lost.
  [[nodiscard]] bool wait_synced(std::uint64_t ticket, std::chrono::milliseconds timeout) {
    std::unique_lock<std::mutex> lock(mutex_);
    synced_.wait_for(lock, timeout,
                     [&] { return tickets_.state(ticket) != SyncTickets::State::Waiting; });
    return tickets_.state(ticket) == SyncTickets::State::Synced;
  }
  /// Whether what `ticket` marks may be lost, because somebody removed its file before a sync.
  [[nodiscard]] bool is_lost(std::uint64_t ticket) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return tickets_.state(ticket) == SyncTickets::State::Lost;
  }

  /// Segments whose events may be lost: those that are open are to be appended again. Of number 0:
  /// a whole folder that is gone. Unless it is empty, nothing is synced before `end_rewrite`.
  [[nodiscard]] std::vector<SegmentRange> begin_rewrite() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return live_.begin_rewrite();
  }
  /// Says that they were appended again, but for some of the segments in `left`.
  void end_rewrite(const std::vector<SegmentRange>& left) {
    const std::lock_guard<std::mutex> lock(mutex_);
    live_.end_rewrite(left);
  }
  /// Says that the event that was appended last was written again, and where it was before.
  void note_moved(std::uint64_t old_place) {
    const std::lock_guard<std::mutex> lock(mutex_);
    live_.moved(tickets_, old_place);
  }

  // --- Reading back ---

  /// How many events of this recorder are on the disk only.
  [[nodiscard]] std::uint64_t overflow_unread() const noexcept { return overflow_.unread(); }

  /// Whether `read` may have something.
  [[nodiscard]] bool has_unread() const { return overflow_.has_unread() || dead_.has_unread(); }

  /// Reads events that are on the disk only, in the order of their folder, up to so many bytes.
  [[nodiscard]] std::vector<ReadEvent> read(std::size_t most_events, std::size_t most_bytes) {
    std::vector<ReadEvent> events;
    std::size_t bytes = 0;
    hand_over_overflow();
    while (events.size() < most_events && bytes < most_bytes) {
      std::optional<ReadEvent> event = read_one();
      if (!event) break;
      bytes += event->event.front().bytes();
      events.push_back(*std::move(event));
    }
    collect_damage();
    return events;
  }

  /// Writes down that events reached their end. Errors: Storage; they may be sent again after a
  /// crash, under the same ids.
  Result<void> acknowledge(const std::vector<std::pair<std::uint32_t, std::uint64_t>>& places) {
    Result<void> written = drop_old_copies();
    for (std::uint32_t folder : folders_of(places)) {
      std::vector<std::uint64_t> sequences;
      for (const auto& [in, sequence] : places) {
        if (in == folder) sequences.push_back(sequence);
      }
      if (Result<void> one = acknowledge_in(folder, std::move(sequences)); !one) {
        written = std::move(one);
      }
    }
    return written;
  }

  // --- Dead writers and limits ---

  /// Takes over folders of dead writers, lets go of those that are drained, and keeps the limits of
  /// room. Answers events that had to be given up for that.
  [[nodiscard]] std::vector<ReadEvent> maintain() {
    const auto now = platform_->steady_now();
    dead_.release_drained();
    settle_overflow();
    if (now >= dead_.next_look()) look_for_dead(now);
    return keep_limits(now);
  }
  /// When `maintain` has something to do.
  [[nodiscard]] std::chrono::steady_clock::time_point next_maintenance() const noexcept {
    return dead_.next_look();
  }
  /// Whether every folder that could be taken over was found, and all of it was drained.
  [[nodiscard]] bool is_drained() const { return dead_.is_drained() && overflow_.is_drained(); }

  // --- Faults ---

  /// What is wrong with the disk; empty: nothing.
  [[nodiscard]] std::optional<Error> disk_fault() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return health_.fault();
  }
  /// What could not be read, as found in the last look at the directory; empty: nothing.
  [[nodiscard]] const std::optional<Error>& damage() const noexcept { return damage_; }
  /// How many events that were on the disk only could not be read back, since the last call.
  [[nodiscard]] std::uint64_t take_lost() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return overflow_.take_lost();
  }

  // --- Refused events ---

  /// Keeps a line of JSON about an event that the service refused, as long as there is room.
  void keep_rejected(std::string line) {
    if (rejected_id_.empty()) rejected_id_ = new_writer_id();
    rejected_.keep(std::move(line), rejected_id_);
  }

  // --- The end ---

  /// Lets go of all folders. What is on the disk stays there for the next start; folders with
  /// nothing in them are removed.
  void close() {
    dead_.close();
    const std::lock_guard<std::mutex> lock(mutex_);
    if (live_.writer()) live_.writer()->log.seal();
    remove_segments(live_.folder(), live_.take_finished());
    close_writer(live_.writer());
    close_writer(overflow_.writer());
  }

  /// In a forked child: closes the locks, so that nobody waits for it. Nothing of the parent's is
  /// freed by that.
  void abandon_in_child() noexcept { locks_.close_all(); }

 private:
  using Numbers = std::vector<std::uint64_t>;

  [[nodiscard]] static Scope with_account(Scope scope, const SpoolOptions& options) {
    scope.account = options.account;
    return scope;
  }

  [[nodiscard]] std::string new_writer_id() const {
    detail::UuidBytes bytes{};
    platform_->random_bytes(bytes.data(), bytes.size());
    return detail::format_uuid_v4(bytes);
  }
  [[nodiscard]] Moment moment() const { return {platform_->now(), platform_->steady_now()}; }
  [[nodiscard]] std::string quarantine() const { return options_.directory + "/quarantine"; }

  /// `first` is the sequence that the first event gets if the folder has to be made.
  [[nodiscard]] Result<Appended> append_to(std::optional<WriterFolder>& folder, std::uint64_t first,
                                           const detail::PendingEvent& event) {
    const Moment now = moment();
    if (const Error* refusal = health_.refusal(now.steady, options_.directory)) return *refusal;
    if (!folder) {
      Result<WriterFolder> made = make_folder(first);
      if (!made) return health_.failed(std::move(made).error(), now.steady);
      own_folders_.push_back(made->log.folder());
      has_new_folder_ = true;
      folder.emplace(*std::move(made));
    }
    Result<Appended> appended = folder->log.append(entry_of(event, scope_.tracking_id, now));
    if (!appended) {
      const bool is_gone = appended.error().code == "NotFound";
      // Somebody removed the folder: the next event begins another.
      if (is_gone) let_go(folder);
      return health_.failed(std::move(appended).error(), now.steady);
    }
    if (appended->segment != std::exchange(folder->last_segment, appended->segment)) {
      health_.grew();
    }
    health_.wrote();
    tickets_.issue();
    return appended;
  }

  /// Under a name that no other process took for a dead writer's before it was locked.
  [[nodiscard]] Result<WriterFolder> make_folder(std::uint64_t first) {
    for (int names = 1;; ++names) {
      Result<WriterFolder> made = WriterFolder::make(
          *files_, locks_, options_.directory,
          {first, new_writer_id(), scope_.region, scope_.endpoint, scope_.account},
          segment_size(options_.max_bytes), options_.sync_interval.has_value());
      if (made || made.error().code != kTaken || names == kMostNames) return made;
    }
  }

  /// A folder whose files are gone.
  void let_go(std::optional<WriterFolder>& folder) {
    locks_.release(folder->lock);
    if (&folder == &live_.writer()) return live_.let_go();
    overflow_.let_go();
    tickets_.lose();
    synced_.notify_all();
  }

  /// The whole directory is gone: the next event makes it again.
  void let_go_all() {
    has_new_folder_ = false;
    if (live_.writer()) let_go(live_.writer());
    if (overflow_.writer()) let_go(overflow_.writer());
  }

  void hand_over_overflow() {
    const std::lock_guard<std::mutex> lock(mutex_);
    overflow_.hand_over();
  }
  void settle_overflow() {
    const std::lock_guard<std::mutex> lock(mutex_);
    overflow_.settle();
  }

  [[nodiscard]] std::optional<ReadEvent> read_one() {
    if (const std::optional<Frame> frame = overflow_.next()) {
      ReadEvent event = event_of(*frame, kOverflowFolder);
      const std::lock_guard<std::mutex> lock(mutex_);
      overflow_.was_read(1);
      return event;
    }
    settle_overflow();
    if (const auto found = dead_.next()) return event_of(found->second, found->first);
    return std::nullopt;
  }

  [[nodiscard]] ReadEvent event_of(const Frame& frame, std::uint32_t folder) const {
    return read_event(frame, folder, options_.max_age, moment());
  }

  /// Lets go of copies whose successors the disk has.
  Result<void> drop_old_copies() {
    Numbers places;
    Numbers segments;
    std::string folder;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      places = live_.take_old_places(tickets_);
      segments = overflow_.take_old_segments(tickets_);
      folder = overflow_.folder();
    }
    remove_segments(folder, segments);
    if (places.empty()) return {};
    return acknowledge_live(std::move(places));
  }

  [[nodiscard]] static std::vector<std::uint32_t> folders_of(
      const std::vector<std::pair<std::uint32_t, std::uint64_t>>& places) {
    std::vector<std::uint32_t> folders;
    for (const auto& [folder, sequence] : places) {
      if (folder == kNoFolder) continue;
      if (std::find(folders.begin(), folders.end(), folder) == folders.end()) {
        folders.push_back(folder);
      }
    }
    return folders;
  }

  Result<void> acknowledge_in(std::uint32_t folder, std::vector<std::uint64_t> sequences) {
    if (folder == kLiveFolder) return acknowledge_live(std::move(sequences));
    if (folder == kOverflowFolder) return overflow_.acknowledge(std::move(sequences));
    return dead_.acknowledge(folder, std::move(sequences));
  }

  Result<void> acknowledge_live(std::vector<std::uint64_t> sequences) {
    Result<void> written;
    Numbers finished;
    std::string folder;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      written = live_.acknowledge(std::move(sequences));
      finished = live_.take_finished();
      folder = live_.folder();
    }
    // Removing a large file takes its time, for which nobody who records has to wait.
    remove_segments(folder, finished);
    return written;
  }

  void look_for_dead(std::chrono::steady_clock::time_point now) {
    unsigned char random = 0;
    platform_->random_bytes(&random, 1);
    const auto is_own = [this](const std::string& path) {
      const std::lock_guard<std::mutex> lock(mutex_);
      return std::find(own_folders_.begin(), own_folders_.end(), path) != own_folders_.end();
    };
    const bool has_found = dead_.look(now, random, is_own);
    if (!has_found) {
      if (overflow_.backlog()) overflow_.backlog()->try_again();
      // A whole round found nothing that is damaged any more.
      if (!std::exchange(is_damaged_, false)) damage_.reset();
      return;
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    health_.grew();
  }

  void collect_damage() {
    std::optional<Error> found = dead_.take_damage();
    if (!found && overflow_.backlog()) found = overflow_.backlog()->take_damage().error;
    if (!found) return;
    damage_ = std::move(found);
    is_damaged_ = true;
  }

  /// Gives up the oldest segments while the spool is too large or the disk too full.
  [[nodiscard]] std::vector<ReadEvent> keep_limits(std::chrono::steady_clock::time_point now) {
    std::vector<ReadEvent> dropped;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!health_.should_look_for_room(now)) return dropped;
    }
    while (is_out_of_room(*files_, options_)) {
      if (drop_oldest(dropped)) {
        if (dropped.size() < kMostDroppedAtOnce) continue;
        const std::lock_guard<std::mutex> lock(mutex_);
        health_.grew();  // go on in the next turn
        return dropped;
      }
      const std::lock_guard<std::mutex> lock(mutex_);
      health_.found_none(now);
      return dropped;
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    health_.found_room();
    return dropped;
  }

  [[nodiscard]] bool drop_oldest(std::vector<ReadEvent>& dropped) {
    const auto take = [&](std::uint32_t folder, const Frame& frame) {
      dropped.push_back(event_of(frame, folder));
    };
    if (dead_.drop_oldest(take)) return true;
    hand_over_overflow();
    if (!overflow_.backlog() || !overflow_.backlog()->oldest_unread()) return false;
    const std::size_t before = dropped.size();
    overflow_.backlog()->drop_oldest_unread(
        [&](const Frame& frame) { take(kOverflowFolder, frame); });
    const std::lock_guard<std::mutex> lock(mutex_);
    overflow_.was_read(dropped.size() - before);
    return true;
  }

  /// One that stays is acknowledged, or an older copy of the same events.
  void remove_segments(const std::string& folder, const Numbers& numbers) {
    for (const std::uint64_t number : numbers) {
      static_cast<void>(remove_segment(*files_, folder, number));
    }
  }

  /// Removes the folder if nothing is left in it, and lets the lock go.
  void close_writer(std::optional<WriterFolder>& folder) {
    if (!folder) return;
    folder->log.seal();
    BacklogFolder rest{*files_, folder->log.folder(), quarantine()};
    static_cast<void>(rest.remove());
    locks_.release(folder->lock);
    folder.reset();
  }

  static constexpr std::size_t kMostDroppedAtOnce = 100'000;
  static constexpr int kMostNames = 100;

  const std::shared_ptr<FileSystem> files_;
  const SpoolOptions options_;
  const Scope scope_;
  const std::shared_ptr<Platform> platform_;
  FolderLocks locks_{};

  std::mutex sync_mutex_{};
  mutable std::mutex mutex_{};
  std::condition_variable synced_{};
  LiveEvents live_;
  Overflow overflow_;
  SyncTickets tickets_{};
  std::vector<std::string> own_folders_{};
  bool has_new_folder_{false};  ///< its name is not on the disk yet
  DiskHealth health_{};

  // The loop's thread only:
  DeadWriters dead_;
  std::optional<Error> damage_{};
  bool is_damaged_{false};  ///< something was found in this round
  RejectedEvents rejected_;
  std::string rejected_id_{};
};

}  // namespace spool
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
