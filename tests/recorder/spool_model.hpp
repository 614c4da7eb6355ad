// SPDX-License-Identifier: Apache-2.0
//
// SpoolModel: one seed drives a spool over a disk in memory: random appends, ends, syncs, reads,
// full disks, kills at any byte, power cuts, and starts that adopt what was left. A plain map says
// what the disk must still have. A seed replays its run exactly.
#ifndef PERSONALIZE_EVENTS_TESTS_RECORDER_SPOOL_MODEL_HPP
#define PERSONALIZE_EVENTS_TESTS_RECORDER_SPOOL_MODEL_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "personalize_events/recorder/spool/spool.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "recorder/simulation.hpp"
#include "support/faulty_files.hpp"
#include "support/mortal_files.hpp"

namespace simulation {

class SpoolModel {
 public:
  explicit SpoolModel(std::uint64_t seed) : random_(seed) {
    options_.directory = "/spool";
    options_.max_bytes = random_.chance(0.2) ? 1U << 20U : 64U << 20U;
    options_.min_free_bytes = 0;
    may_drop_ = options_.max_bytes == 1U << 20U;
    may_copy_ = random_.chance(0.5);
    text_size_ = may_drop_ ? 30'000 : 20 + random_.below(200);
    platform_->seed(seed);
    static_cast<void>(disk_.make_folder("/"));
    start();
  }

  /// Takes so many steps, then drains. Answers what was broken; empty: nothing.
  std::string run(std::size_t steps) {
    for (std::size_t step = 0; step < steps && broken_.empty(); ++step) act();
    if (broken_.empty()) drain();
    return broken_;
  }

  [[nodiscard]] std::uint64_t crashes() const { return crashes_; }
  [[nodiscard]] std::uint64_t recovered() const { return recovered_; }
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  enum class State : std::uint8_t {
    Memory,    // written, and known by its place
    DiskOnly,  // written, to be read back
    Left,      // by a process that is gone
    Ended,
  };
  struct Known {
    std::string text;
    State state{};
    std::uint32_t folder{0};
    std::uint64_t place{0};
    std::vector<std::pair<std::uint32_t, std::uint64_t>> copies{};  // that end with it
    bool is_synced{false};
    bool must_come{false};     // of one that is left
    bool may_come_back{true};  // of one that ended
  };

  void act() {
    switch (random_.below(16)) {
      case 0: sync(); break;
      case 1:
      case 2: end_some(); break;
      case 3:
      case 4: read(1 + random_.below(50)); break;
      case 5: maintain(); break;
      case 6: platform_->advance(std::chrono::seconds{random_.below(90)}); break;
      case 7: change_weather(); break;
      case 8:
        if (random_.chance(0.3)) crash();
        break;
      case 9:
        files_->life().bytes_left = random_.below(400);
        append();
        if (files_->life().is_over) crash();
        files_->life().bytes_left.reset();
        break;
      default:
        for (std::uint64_t count = 1 + random_.below(6); count > 0; --count) append();
    }
    if (files_->life().is_over) crash();
  }

  void change_weather() {
    disk_.space.reset();
    disk_.sync_fails = may_copy_ && random_.chance(0.4);
    disk_.open_fails = random_.chance(0.05);
    disk_.truncate_fails = random_.chance(0.05);
    disk_.remove_fails = random_.chance(0.1);
    if (random_.chance(0.2)) disk_.space = random_.below(5'000);
    if (random_.chance(0.2)) disk_.short_write = random_.below(300);
  }
  void clear_weather() {
    disk_.space.reset();
    disk_.short_write.reset();
    disk_.sync_fails = disk_.open_fails = disk_.truncate_fails = disk_.remove_fails = false;
  }

  void append() {
    const std::string id = "e" + std::to_string(++last_id_);
    pe::detail::PendingEvents one;
    pe::detail::PendingEvent& event = one.emplace_back();
    const std::string session = "session-" + std::to_string(random_.below(5));
    event.session_size = static_cast<std::uint16_t>(session.size());
    event.text = session + "{\"eventId\":\"" + id + "\",\"x\":\"" +
                 std::string(random_.below(text_size_), 'x') + "\"}";
    event.recorded_at = platform_->steady_now();
    const bool is_overflow = random_.chance(0.4);
    const auto written = is_overflow ? spool_->append_overflow(event) : spool_->append(event);
    // Killed at its last byte, the process never learns that all was written.
    if (!written && !files_->life().is_over) return;
    Known& known = known_[id];
    known.text = event.text;
    known.state = State::Left;
    if (!written) return;
    known.state = is_overflow ? State::DiskOnly : State::Memory;
    known.folder = event.folder;
    known.place = event.place;
    if (is_overflow) overflow_.push_back(id);
  }

  void sync() {
    spool_->sync();
    if (spool_->has_unsynced()) return;
    for (auto& [id, known] : known_) {
      // A dead writer's files are synced by nobody.
      const bool is_own = known.folder < pe::spool::kFirstAdopted;
      const bool is_written = known.state == State::Memory || known.state == State::DiskOnly;
      if (is_own && is_written) known.is_synced = true;
    }
  }

  void write_given_up() {
    const auto ranges = spool_->begin_rewrite();
    for (const auto& range : ranges) {
      for (auto& [id, known] : known_) {
        const bool is_there =
            known.state == State::Memory && known.folder == pe::spool::kLiveFolder &&
            known.place >= range.first_sequence && known.place < range.end_sequence;
        if (!is_there) continue;
        pe::detail::PendingEvent event;
        event.text = known.text;
        event.session_size = static_cast<std::uint16_t>(known.text.find('{'));
        event.recorded_at = platform_->steady_now();
        if (!spool_->append(event)) return spool_->end_rewrite(ranges);
        spool_->note_moved(known.place);
        known.place = event.place;
      }
    }
    spool_->end_rewrite({});
  }

  static void add_places(Known& known,
                         std::vector<std::pair<std::uint32_t, std::uint64_t>>& places) {
    places.emplace_back(known.folder, known.place);
    places.insert(places.end(), known.copies.begin(), known.copies.end());
    known.copies.clear();
  }

  void end_some() {
    std::vector<std::pair<std::uint32_t, std::uint64_t>> places;
    std::vector<Known*> ended;
    for (auto& [id, known] : known_) {
      if (known.state != State::Memory || !random_.chance(0.5)) continue;
      add_places(known, places);
      ended.push_back(&known);
    }
    const bool is_noted = spool_->acknowledge(places).has_value();
    for (Known* known : ended) {
      known->state = State::Ended;
      known->may_come_back = !is_noted;
    }
  }

  void read(std::size_t most) {
    for (pe::spool::ReadEvent& read : spool_->read(most, 1U << 20U)) take(read, State::Memory);
    // Files that cannot be read twice go into quarantine, which is no loss of the spool's.
  }

  void maintain() {
    write_given_up();
    for (pe::spool::ReadEvent& read : spool_->maintain()) {
      if (!may_drop_ && !disk_.space) return fail("dropped without need");
      ++dropped_;
      take(read, State::Ended);
    }
  }

  void take(const pe::spool::ReadEvent& read, State state) {
    const pe::detail::PendingEvent& event = read.event.front();
    const std::string id = pe::detail::event_id_of(event.json());
    const auto found = known_.find(id);
    if (found == known_.end()) return fail("an event that nobody wrote: " + id);
    Known& known = found->second;
    if (known.text != event.text) return fail("another text: " + id);
    // After a failed sync there are copies for a while.
    if (known.state == State::Memory && !may_copy_) return fail("it was in memory: " + id);
    const bool has_ended = known.state == State::Ended && !known.may_come_back;
    if (has_ended && !may_copy_) return fail("it had ended: " + id);
    const bool is_read = state == State::Memory;
    if (is_read && event.folder == pe::spool::kOverflowFolder) check_order(id);
    if (known.state == State::Memory)
      static_cast<void>(spool_->acknowledge({{known.folder, known.place}}));
    recovered_ += known.state == State::Left ? 1 : 0;
    known.state = state;
    known.folder = event.folder;
    known.place = event.place;
    known.may_come_back = true;
  }

  /// The overflow is read in the order in which it was written.
  void check_order(const std::string& id) {
    while (next_overflow_ < overflow_.size() && overflow_[next_overflow_] != id) ++next_overflow_;
    if (next_overflow_ == overflow_.size()) fail("out of order: " + id);
  }

  /// The process is killed, and sometimes the power fails.
  void crash() {
    ++crashes_;
    files_->life().is_over = true;
    const bool is_power_cut = random_.chance(0.4);
    spool_.reset();
    if (is_power_cut) {
      disk_.cut_power([this](std::size_t end) { return random_.below(end); });
    }
    for (auto& [id, known] : known_) {
      known.copies.clear();
      if (known.state == State::Ended) {
        known.may_come_back = known.may_come_back || is_power_cut;
        continue;
      }
      const bool was_left = known.state == State::Left;
      known.must_come = (was_left ? known.must_come : true) && (!is_power_cut || known.is_synced);
      // What was read from a dead writer's folder is still there.
      known.state = State::Left;
    }
    clear_weather();
    start();
  }

  void start() {
    overflow_.clear();
    next_overflow_ = 0;
    files_ = std::make_shared<test::MortalFiles>(disk_);
    spool_ = std::make_unique<pe::spool::Spool>(
        files_, options_, pe::spool::Scope{"tracker", "us-east-1", "https://endpoint", {}}, 4096,
        platform_);
  }

  /// Nothing is wrong any more: all that must be there comes, and a clean start finds nothing.
  void drain() {
    clear_weather();
    read_all();
    if (!broken_.empty()) return;
    for (const auto& [id, known] : known_) {
      if (known.state == State::DiskOnly) return fail("never read: " + id);
      if (known.state == State::Left && known.must_come) return fail("lost: " + id);
    }
    // What could not be removed when it was done is removed by the next who looks.
    spool_->close();
    start();
    read_all();
    spool_->close();
    const auto names = disk_.list_folder("/spool");
    for (const std::string& name : names ? *names : std::vector<std::string>{}) {
      if (name.compare(0, 2, "w-") == 0) return fail("left behind: " + name);
    }
  }

  void read_all() {
    for (int round = 0; round < 5'000 && broken_.empty(); ++round) {
      maintain();
      sync();
      read(1'000);
      std::vector<std::pair<std::uint32_t, std::uint64_t>> places;
      for (auto& [id, known] : known_) {
        if (known.state != State::Memory) continue;
        add_places(known, places);
        known.state = State::Ended;
        known.may_come_back = false;
      }
      static_cast<void>(spool_->acknowledge(places));
      if (places.empty() && spool_->is_drained() && round > 100) return;
      platform_->advance(std::chrono::seconds{5});
    }
  }

  void fail(std::string what) {
    if (broken_.empty()) broken_ = std::move(what);
  }

  Random random_;
  pe::SpoolOptions options_{};
  test::FaultyFiles disk_{};
  std::shared_ptr<pe::testing::VirtualPlatform> platform_ =
      std::make_shared<pe::testing::VirtualPlatform>();
  std::shared_ptr<test::MortalFiles> files_{};
  std::unique_ptr<pe::spool::Spool> spool_{};
  std::map<std::string, Known> known_{};
  std::vector<std::string> overflow_{};
  std::size_t next_overflow_{0};
  std::size_t text_size_{0};
  bool may_drop_{false};
  bool may_copy_{false};  // syncs fail
  std::uint64_t last_id_{0};
  std::uint64_t crashes_{0};
  std::uint64_t recovered_{0};
  std::uint64_t dropped_{0};
  std::string broken_{};
};

}  // namespace simulation

#endif
