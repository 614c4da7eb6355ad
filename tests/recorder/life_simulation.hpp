// SPDX-License-Identifier: Apache-2.0
//
// LifeSimulation: one seed drives whole recorders through several lives on one spool directory, in
// virtual time: random calls, hostile network, intermediaries, disk, clocks, kills at any byte,
// power cuts. It knows the true time, what the service took and what it injected, and checks the
// laws of DESIGN.md sections 6 and 7 after each step. A seed replays its run exactly.
#ifndef PERSONALIZE_EVENTS_TESTS_RECORDER_LIFE_SIMULATION_HPP
#define PERSONALIZE_EVENTS_TESTS_RECORDER_LIFE_SIMULATION_HPP

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "personalize_events/core.hpp"
#include "personalize_events/detail/http/request_check.hpp"
#include "personalize_events/event_recorder.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "recorder/life_world.hpp"
#include "support/faulty_files.hpp"
#include "support/mortal_files.hpp"
#include "support/recorder_world.hpp"

namespace simulation {

/// What the seeds reached, to show that they are hostile enough.
struct LifeCounts {
  std::uint64_t recorded{0};
  std::uint64_t arrived{0};
  std::uint64_t adopted{0};
  std::uint64_t overflowed{0};  ///< lives in which events were on the disk only
  std::uint64_t kills{0};
  std::uint64_t power_cuts{0};
  std::uint64_t closes{0};
  std::uint64_t destroyed_in_callback{0};
  std::uint64_t requests{0};
  std::array<std::uint64_t, 5> outcomes{};
  std::array<std::uint64_t, 10> faults{};
};

class LifeSimulation {
 public:
  explicit LifeSimulation(std::uint64_t seed) : random_(seed) {
    has_spool_ = random_.chance(0.95);
    is_small_ = has_spool_ && random_.chance(0.06);
    may_overlap_ = has_spool_ && random_.chance(0.25);
    has_disk_weather_ = random_.chance(0.35);
    has_network_weather_ = random_.chance(0.7);
    has_clock_weather_ = random_.chance(0.4);
    has_power_cuts_ = random_.chance(0.3);
    bad_share_ = random_.chance(0.3) ? random_.fraction() * 0.2 : 0;
    max_bytes_ = is_small_ ? 1U << 20U : 64U << 20U;
    max_age_ = std::chrono::hours{random_.chance(0.5) ? 1 + random_.below(4) : 168};
    static_cast<void>(disk_.make_folder("/"));
  }
  LifeSimulation(const LifeSimulation&) = delete;
  LifeSimulation& operator=(const LifeSimulation&) = delete;
  ~LifeSimulation() { lives_.clear(); }

  /// Runs to the end. Returns the laws that were broken, each with what was seen first.
  const std::map<std::string, std::string>& run() {
    const std::uint64_t lives = 1 + random_.below(4);
    for (std::uint64_t life = 0; life < lives; ++life) {
      start_life();
      for (std::uint64_t step = 5 + random_.below(25); step > 0 && !lives_.empty(); --step) act();
      if (!may_overlap_ || random_.chance(0.5)) end_all_lives();
    }
    end_all_lives();
    finish();
    return broken_;
  }

  [[nodiscard]] const LifeCounts& counts() const { return counts_; }

 private:
  static constexpr seconds kDiskCalm{5};      // after disk weather, until writes count as kept
  static constexpr seconds kCauseHolds{90};   // how long after its cause a fault may begin
  static constexpr seconds kAgeTolerance{5};  // a service date has whole seconds

  struct Life;

  /// An accepted event, and what became of it.
  struct Known {
    std::string session{};
    std::uint64_t order{0};  // within its session
    std::string event_id{};  // empty until it is known
    std::string text{};      // as it was first sent, without "sentAt"
    std::optional<std::int64_t> sent_at{};
    TrueTime recorded_at{};
    std::uint64_t life{0};
    std::string boot{};
    bool is_bad{false};
    bool is_certain{true};   // record returned success in a process that lived
    bool is_durable{false};  // record_durable returned success
    bool had_calm_disk{false};
    bool is_kept{false};    // a kill does not lose it; set when its process ended
    bool is_synced{false};  // nor a power cut
    bool is_void{false};    // injected damage may have taken it
    bool arrived{false};
    bool was_refused_alone{false};
    std::optional<pe::Outcome> outcome{};
    std::uint64_t outcome_life{0};
    bool had_calm_outcome{false};
    bool is_done{false};  // its process ended cleanly after the outcome
  };

  /// A process with one recorder.
  struct Life {
    std::uint64_t number{0};
    std::shared_ptr<pe::testing::VirtualPlatform> platform{};
    std::shared_ptr<test::MortalFiles> files{};
    std::shared_ptr<LifeNetwork> network{};
    pe::RecorderOptions options{};
    std::unique_ptr<pe::EventRecorder> recorder{};
    std::string boot{};
    TrueTime started{};
    TrueTime last_turn{};
    TrueTime fast_until{};  // jumps of the clock count as running until here
    bool destroy_in_callback{false};
    bool is_gone{false};  // the recorder was destroyed within a callback
    bool is_alone{true};
    bool was_spilled{false};
    std::set<pe::FaultKind> active{};
    std::map<pe::FaultKind, TrueTime> causes{};
    std::uint64_t accepted{0};
    std::array<std::uint64_t, 5> told{};
    pe::RecorderStats stats{};
    // A run of responses that were all failures.
    std::optional<TrueTime> failing_since{};
    std::uint64_t failed_requests{0};
    std::uint64_t late_failures{0};

    [[nodiscard]] bool is_dead() const { return files->life().is_over; }
  };

  // --- The program ---

  void act() {
    Life& life = *lives_[random_.below(lives_.size())];
    switch (random_.below(20)) {
      case 0: change_network(); break;
      case 1:
        if (has_disk_weather_) change_disk();
        break;
      case 2:
        if (has_clock_weather_) step_clock();
        break;
      case 3: run_for(milliseconds{random_.below(8'000)}); break;
      case 4:
        if (random_.chance(0.3)) run_for(seconds{random_.below(120)});
        break;
      case 5:
        if (random_.chance(0.3)) flush(life);
        break;
      case 6: record_durable(life); break;
      case 7:
        if (random_.chance(0.15)) suspend();
        break;
      case 8:
        // Killed at any byte that it writes.
        if (random_.chance(0.3)) life.files->life().bytes_left = random_.below(600);
        record_some(life);
        run_for(milliseconds{random_.below(500)});
        break;
      case 9:
        if (random_.chance(0.2)) end_life(life);
        break;
      case 10:
        if (may_overlap_ && lives_.size() < 2) start_life();
        break;
      case 11: life.destroy_in_callback = random_.chance(0.1); break;
      default:
        record_some(life);
        run_for(milliseconds{random_.chance(0.5) ? random_.below(50) : random_.below(1'500)});
    }
    reap();
  }

  void record_some(Life& life) {
    const std::uint64_t count = 1 + random_.below(random_.chance(0.2) ? 60 : 12);
    for (std::uint64_t i = 0; i < count; ++i) {
      if (life.is_dead() || !life.recorder) return;
      record(life, false);
    }
  }
  void record_durable(Life& life) {
    if (has_spool_ && life.recorder) record(life, true);
  }

  void record(Life& life, bool is_durable) {
    const std::string session = pick_session(life);
    const std::uint64_t number = known_.size();
    pe::Event event{"Watch"};
    event.item_id = "m" + std::to_string(number);
    if (random_.chance(0.5)) event.event_id = "e" + std::to_string(number);
    if (is_small_) {
      event.impression.assign(25, std::string(200, 'x'));
    }
    Known known;
    known.session = session;
    known.event_id = event.event_id.value_or("");
    known.recorded_at = now_;
    known.life = life.number;
    known.boot = life.boot;
    known.is_bad = random_.chance(bad_share_);
    known.had_calm_disk = is_disk_calm() && life.active.count(pe::FaultKind::Disk) == 0;
    if (random_.chance(0.3)) {
      known.sent_at = 1'700'000'000 + static_cast<std::int64_t>(number);
      event.sent_at = TrueTime{seconds{*known.sent_at}};
    }
    // It may arrive before `record` returns to a process that is killed in it.
    known.order = ++order_of_[session];
    known_.push_back(known);
    pe::Session whose{session};
    if (session.back() == '2') whose.user_id = "user-1";
    pe::Result<void> result;
    if (is_durable) {
      result = life.recorder->record_durable(whose, event, milliseconds{0});
    } else {
      result = life.recorder->record(whose, std::move(event));
    }
    Known& kept = known_.back();
    const bool is_accepted = result || (is_durable && is_accepted_error(result.error()));
    if (life.is_dead()) {
      kept.is_certain = false;
      return;
    }
    if (!is_accepted) {
      kept.is_certain = false;
      check_refusal(life, result.error(), is_durable);
      return;
    }
    kept.is_durable = is_durable && result.has_value();
    ++life.accepted;
    ++counts_.recorded;
    check(life);
  }
  [[nodiscard]] static bool is_accepted_error(const pe::Error& error) {
    return error.kind == pe::ErrorKind::Timeout || error.code == "Removed";
  }
  void check_refusal(const Life& life, const pe::Error& error, bool is_durable) {
    if (error.kind != pe::ErrorKind::QueueFull && error.kind != pe::ErrorKind::Storage) {
      return fail("record refused a good event", pe::to_string(error));
    }
    if (!has_spool_ || is_small_ || !is_disk_calm()) return;
    if (life.active.count(pe::FaultKind::Disk) != 0) return;
    if (life.options.when_full == pe::WhenFull::DropOldest && !is_durable) return;
    fail("record refused an event although the disk is well", pe::to_string(error));
  }

  /// A session of the life's own, or one of an earlier life that it goes on with.
  std::string pick_session(const Life& life) {
    if (life.is_alone && random_.chance(0.4)) return "shared-" + std::to_string(random_.below(3));
    return "own-" + std::to_string(life.number) + "-" + std::to_string(random_.below(4));
  }

  void flush(Life& life) {
    if (!life.recorder) return;
    life.network->passes_time = true;
    static_cast<void>(life.recorder->flush(milliseconds{random_.below(30)}));
    life.network->passes_time = false;
    if (life.network->is_busy) fail("the recorder's loop is busy without time passing", "in flush");
    if (life.recorder) check(life);
  }

  /// All processes stand still for hours, as on a machine that sleeps.
  void suspend() {
    pass(std::chrono::minutes{random_.below(5 * 60)});
    woken_at_ = now_;
    // What was in flight may have timed out meanwhile.
    note_cause(pe::FaultKind::Offline);
    note_cause(pe::FaultKind::Unavailable);
    for (const auto& life : lives_) {
      life->fast_until = now_;
      life->failing_since.reset();
    }
    run_for(milliseconds{1});
  }

  // --- Lives ---

  void start_life() {
    const bool is_first = lives_.empty();
    if (is_first && has_clock_weather_) change_machine();
    auto life = std::make_unique<Life>();
    life->number = ++last_life_;
    life->is_alone = is_first;
    life->started = life->last_turn = life->fast_until = now_;
    for (const auto& other : lives_) other->is_alone = false;
    // Who of the two takes over an older folder is not known.
    if (!is_first || is_blind_) void_orders_of_the_dead();
    life->platform = std::make_shared<pe::testing::VirtualPlatform>();
    life->platform->seed(random_.next());
    life->platform->set_now(now_ + wall_error_);
    life->boot = draw_boot();
    life->platform->set_boot(life->boot, boot_time(life->boot));
    life->files = std::make_shared<test::MortalFiles>(disk_);
    life->network = make_network(*life);
    if (std::chrono::abs(wall_error_) > seconds{200}) {
      life->causes[pe::FaultKind::ClockSkew] = TrueTime::max();
    }
    if (may_be_damaged_) life->causes[pe::FaultKind::SpoolDamaged] = TrueTime::max();
    life->options = draw_options(*life);
    pe::ClientOptions client;
    client.region = "us-east-1";
    client.credentials = [this]() { return provide(); };
    client.async_transport = life->network;
    client.platform = life->platform;
    lives_.push_back(std::move(life));
    Life& started = *lives_.back();
    auto recorder = pe::detail::make_recorder(
        started.options,
        std::make_shared<pe::detail::AsyncCore>(client, pe::detail::LoopDriver::Manual),
        started.files);
    if (!recorder) {
      fail("make_recorder failed", pe::to_string(recorder.error()));
      lives_.pop_back();
      return;
    }
    started.recorder = std::make_unique<pe::EventRecorder>(*std::move(recorder));
  }

  pe::RecorderOptions draw_options(Life& life) {
    pe::RecorderOptions options;
    options.tracking_id = "tracker";
    options.driver = pe::Driver::Manual;
    options.linger = milliseconds{random_.below(3) == 0 ? 0 : random_.below(1'000)};
    options.max_pending_events = random_.chance(0.5) ? 5 + random_.below(40) : 2'000;
    options.when_full = random_.chance(0.8) ? pe::WhenFull::DropNewest : pe::WhenFull::DropOldest;
    options.max_in_flight = static_cast<int>(1 + random_.below(8));
    options.delivery_timeout = seconds{random_.below(3) == 0 ? 60 : 600};
    options.shutdown_timeout = milliseconds{0};
    if (has_spool_) {
      options.spool.emplace();
      options.spool->directory = "/spool";
      options.spool->min_free_bytes = 0;
      options.spool->max_bytes = max_bytes_;
      options.spool->max_age = max_age_;
      if (random_.chance(0.3)) options.spool->write_after = milliseconds{random_.below(30'000)};
      const std::uint64_t sync = random_.below(4);
      if (sync == 0) options.spool->sync_interval.reset();
      if (sync == 1) options.spool->sync_interval = seconds{1 + random_.below(30)};
    }
    options.on_delivery = [this, &life](const pe::Delivery& delivery) { take(life, delivery); };
    options.on_fault = [this, &life](const pe::Fault& fault) { take(life, fault); };
    return options;
  }

  std::shared_ptr<LifeNetwork> make_network(Life& life) {
    auto network = std::make_shared<LifeNetwork>();
    network->decide = [this, &life](const pe::HttpRequest& request) {
      return decide(life, request);
    };
    network->completed = [this, &life](ReplyKind kind) { completed(life, kind); };
    network->now = [this] { return now_; };
    network->pass = [this](nanoseconds duration) { pass(duration); };
    return network;
  }

  /// Ends a life in one of the ways in which processes end.
  void end_life(Life& life) {
    const std::uint64_t way = random_.below(10);
    if (way < 4) {
      life.files->life().is_over = true;  // reap does the rest
    } else {
      close(life, milliseconds{random_.chance(0.7) ? 0 : random_.below(30)});
    }
    reap();
  }
  void end_all_lives() {
    while (!lives_.empty()) {
      const std::size_t before = lives_.size();
      end_life(*lives_.front());
      if (lives_.size() == before) break;
    }
    if (has_power_cuts_ && random_.chance(0.5)) cut_power();
  }

  void close(Life& life, milliseconds timeout) {
    if (life.recorder) {
      life.network->passes_time = true;
      const pe::CloseReport report = life.recorder->close(timeout);
      life.network->passes_time = false;
      if (life.recorder && !life.is_dead()) {
        check(life);
        if (life.stats.pending != 0) fail("events are pending after close", "");
        if (report.pending != 0) fail("close reported pending events after its end", "");
        life.recorder.reset();
      }
    }
    if (life.is_dead()) return;
    ++counts_.closes;
    ended_cleanly(life);
    life.is_gone = true;
  }

  /// Takes the dead away.
  void reap() {
    for (std::size_t i = 0; i < lives_.size();) {
      Life& life = *lives_[i];
      if (life.is_dead()) {
        killed(life);
      } else if (life.is_gone && life.recorder == nullptr) {
        // Closed, or destroyed within a callback.
      } else {
        ++i;
        continue;
      }
      life.network->passes_time = true;  // its destructor waits for what was in flight
      life.recorder.reset();
      lives_.erase(lives_.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }

  void killed(Life& life) {
    ++counts_.kills;
    for (Known& one : known_) {
      // An outcome that was not noted yet is forgotten: the event may follow younger ones.
      const bool is_forgotten = one.outcome && one.outcome_life == life.number && !one.arrived;
      if (is_forgotten) void_orders_.insert(one.session);
      if (one.life != life.number) continue;
      if (!has_spool_ || !one.is_certain) continue;
      const milliseconds write_after = life.options.spool->write_after;
      const auto age = life.last_turn - std::max(one.recorded_at, woken_at_);
      const bool is_due = write_after.count() == 0 || age >= write_after + seconds{3};
      one.is_kept = one.is_durable || (one.had_calm_disk && is_due && was_calm_since(one));
      one.is_synced = is_synced(life, one);
    }
  }
  [[nodiscard]] bool was_calm_since(const Known& one) const {
    return last_disk_weather_ + kDiskCalm <= one.recorded_at;
  }
  [[nodiscard]] bool is_synced(const Life& life, const Known& one) const {
    if (one.is_durable) return true;
    const auto& spool = *life.options.spool;
    if (!spool.sync_interval || !one.had_calm_disk || !was_calm_since(one)) return false;
    const auto written =
        spool.write_after.count() == 0 ? milliseconds{0} : spool.write_after + milliseconds{3'000};
    return life.last_turn - std::max(one.recorded_at, woken_at_) >=
           written + 2 * *spool.sync_interval + seconds{3};
  }

  void ended_cleanly(Life& life) {
    std::uint64_t missing = 0;
    for (Known& one : known_) {
      if (one.outcome && one.outcome_life == life.number) {
        if (*one.outcome == pe::Outcome::Spooled) {
          keep_spooled(life, one);
        } else if (one.had_calm_outcome && is_disk_calm()) {
          one.is_done = true;
        } else if (!one.arrived) {
          void_orders_.insert(one.session);  // as for a killed process
        }
        continue;
      }
      if (one.life != life.number || !one.is_certain) continue;
      ++missing;
      keep_spooled(life, one);
    }
    // Events that are on the disk only are counted and not reported one by one, also those of them
    // that were lost.
    const std::uint64_t lost =
        life.stats.dropped - std::min(life.stats.dropped, told(life, pe::Outcome::Dropped));
    if (lost > 0 && last_removal_ == TrueTime{} && !may_be_damaged_) {
      fail("events that were on the disk only are lost without a cause", std::to_string(lost));
    }
    const std::uint64_t silent =
        lost + life.stats.spooled - std::min(life.stats.spooled, told(life, pe::Outcome::Spooled));
    if (missing > silent && !(life.is_gone && life.was_spilled)) {
      fail("accepted events ended without an outcome",
           std::to_string(missing) + " of " + std::to_string(life.accepted) + ", " +
               std::to_string(silent) + " of them on the disk only" +
               (life.destroy_in_callback ? ", destroyed in a callback" : ""));
    }
  }
  void keep_spooled(const Life& life, Known& one) const {
    // Whether the spool still had its directory it cannot know at once.
    if (!has_spool_ || last_removal_ + kDiskCalm > now_) return;
    one.is_kept = true;
    // No process syncs what another one wrote.
    const bool is_own = one.life == life.number;
    one.is_synced =
        one.is_durable || (is_own && life.options.spool->sync_interval && is_disk_calm());
  }

  void cut_power() {
    if (!lives_.empty()) return;
    ++counts_.power_cuts;
    disk_.cut_power([this](std::size_t end) { return random_.below(end); });
    may_be_damaged_ = true;
    for (Known& one : known_) {
      one.is_kept = one.is_synced;
      // What was noted of its outcome may be lost, so that it is sent after younger ones.
      if (one.outcome && !one.arrived) void_orders_.insert(one.session);
      one.is_done = false;
    }
    reboot();
  }

  // --- Time and clocks ---

  void pass(nanoseconds duration) {
    if (duration.count() == 0) return;
    now_ += std::chrono::duration_cast<TrueTime::duration>(duration);
    for (const auto& life : lives_) life->platform->advance(duration);
    if (is_disk_bad()) last_disk_weather_ = now_;
  }

  /// Runs all processes while virtual time passes.
  void run_for(nanoseconds duration) {
    const TrueTime until = now_ + std::chrono::duration_cast<TrueTime::duration>(duration);
    int idle = 0;
    for (;;) {
      nanoseconds wait = until - now_;
      bool is_anyone_alive = false;
      for (const auto& life : lives_) {
        if (!life->recorder || life->is_dead()) continue;
        is_anyone_alive = true;
        wait = std::min(wait, turn(*life));
      }
      if (!is_anyone_alive || now_ >= until) return;
      idle = wait.count() > 0 ? 0 : idle + 1;
      if (idle > (is_busy_ ? 3 : 2'000)) {
        is_busy_ = true;
        fail("the recorder's loop is busy without time passing", "");
        wait = milliseconds{1};
      }
      pass(wait);
    }
  }

  nanoseconds turn(Life& life) {
    life.recorder->run_once(milliseconds{1'000});
    if (life.is_dead()) return nanoseconds{0};
    life.last_turn = now_;
    if (life.recorder) {
      check(life);
    } else {
      // Destroyed within a callback: all its events have ended now.
      ended_cleanly(life);
    }
    return life.network->wait();
  }

  [[nodiscard]] nanoseconds boot_time(const std::string& boot) const {
    const nanoseconds since_boot = now_ - booted_;
    return boot.find("container") == std::string::npos ? since_boot : since_boot / 2 + seconds{77};
  }
  std::string draw_boot() {
    if (!has_clock_weather_) return "boot-" + std::to_string(boots_);
    const std::uint64_t choice = random_.below(8);
    if (choice == 0) return {};
    // Another time namespace at each start, with a boot-time clock of its own.
    if (choice == 1) {
      return "boot-" + std::to_string(boots_) + ":container-" + std::to_string(last_life_);
    }
    return "boot-" + std::to_string(boots_);
  }
  void reboot() {
    ++boots_;
    booted_ = now_ - seconds{10};
  }
  /// Between two lives: another boot, or another wall clock.
  void change_machine() {
    if (random_.chance(0.3)) {
      reboot();
      pass(std::chrono::minutes{random_.below(100)});
    }
    if (random_.chance(0.4)) wall_error_ = draw_wall_error();
  }
  void step_clock() {
    wall_error_ = draw_wall_error();
    for (const auto& life : lives_) {
      life->platform->set_now(now_ + wall_error_);
      life->causes[pe::FaultKind::ClockSkew] = TrueTime::max();
    }
  }
  [[nodiscard]] nanoseconds draw_wall_error() {
    switch (random_.below(6)) {
      case 0: return std::chrono::hours{24 * 365 * 2};
      case 1: return -std::chrono::hours{24 * 365 * 20};
      case 2: return std::chrono::hours{random_.below(300)};
      case 3: return -std::chrono::hours{random_.below(300)};
      default: return nanoseconds{0};
    }
  }

  // --- Disk weather ---

  [[nodiscard]] bool is_disk_bad() const {
    return disk_.space || disk_.short_write || disk_.sync_fails || disk_.truncate_fails ||
           disk_.open_fails || disk_.remove_fails || disk_.read_fails || disk_.list_fails ||
           disk_.status_fails || disk_.lock_fails || disk_.make_folder_fails;
  }
  [[nodiscard]] bool is_disk_calm() const {
    return !is_disk_bad() && last_disk_weather_ + kDiskCalm <= now_;
  }
  void clear_disk() {
    disk_.space.reset();
    disk_.short_write.reset();
    disk_.sync_fails = disk_.truncate_fails = disk_.open_fails = disk_.remove_fails =
        disk_.read_fails = disk_.list_fails = disk_.status_fails = disk_.lock_fails =
            disk_.make_folder_fails = false;
    disk_.fails_at.clear();
    is_blind_ = false;
  }
  void change_disk() {
    const bool was_bad = is_disk_bad();
    clear_disk();
    if (was_bad && random_.chance(0.6)) return;
    switch (random_.below(14)) {
      case 0:
      case 1: disk_.space = random_.below(3'000); break;
      case 2: disk_.space = 0; break;
      case 3:
      case 4: disk_.sync_fails = true; break;
      case 5: disk_.short_write = random_.below(300); break;
      case 6: disk_.truncate_fails = true; break;
      case 7: disk_.remove_fails = true; break;
      case 8: disk_.open_fails = is_blind_ = true; break;
      case 9: disk_.list_fails = is_blind_ = true; break;
      case 10: disk_.status_fails = disk_.lock_fails = is_blind_ = true; break;
      case 11: disk_.read_fails = is_blind_ = true; break;
      case 12: disk_.make_folder_fails = true; break;
      default:
        if (random_.chance(0.5)) remove_directory();
    }
    if (is_blind_) {
      may_be_damaged_ = true;
      for (Known& one : known_) one.is_void = true;
      void_orders_of_the_dead();
      for (const auto& life : lives_) {
        void_order_of(life->number);
        life->causes[pe::FaultKind::SpoolDamaged] = TrueTime::max();
      }
    }
    if (!is_disk_bad()) return;
    last_disk_weather_ = now_;
  }
  /// Somebody removes the whole spool under the processes that use it.
  void remove_directory() {
    disk_.delete_tree("/spool");
    last_disk_weather_ = last_removal_ = now_;
    for (Known& one : known_) {
      one.is_void = true;
      one.is_done = false;
    }
    void_orders_of_the_dead();
    for (const auto& life : lives_) {
      void_order_of(life->number);
      life->causes[pe::FaultKind::Disk] = TrueTime::max();
      life->causes[pe::FaultKind::SpoolDamaged] = TrueTime::max();
    }
  }
  /// No order is promised for sessions with events that no living process has.
  void void_orders_of_the_dead() {
    for (const Known& one : known_) {
      const bool is_living = std::any_of(
          lives_.begin(), lives_.end(), [&](const auto& life) { return life->number == one.life; });
      if (!is_living && !one.arrived && one.is_certain) void_orders_.insert(one.session);
    }
  }
  void void_order_of(std::uint64_t life) {
    for (const Known& one : known_) {
      if (one.life == life && !one.arrived) void_orders_.insert(one.session);
    }
  }

  // --- Network weather and the service ---

  void change_network() {
    network_ = NetworkWeather{};
    provider_fails_ = provider_is_broken_ = false;
    if (!has_network_weather_ || random_.chance(0.3)) return;
    constexpr std::array<double, 4> shares{0.05, 0.3, 1.0, 1.0};
    const double share = shares[random_.below(4)];
    switch (random_.below(14)) {
      case 0: network_.unreachable = share; break;
      case 1: network_.lost_before = share; break;
      case 2: network_.lost_after = share; break;
      case 3:
      case 4: network_.server_error = share; break;
      case 5:
      case 6: network_.intermediary = share; break;
      case 7: network_.throttled = share; break;
      case 8: network_.stray_throttle = share; break;
      case 9: network_.denied = share; break;
      case 10: network_.other_refusal = share; break;
      case 11:
        ++valid_token_;
        provider_fails_ = random_.chance(0.3);
        break;
      case 12:
        ++valid_token_;
        provider_is_broken_ = true;
        break;
      default:
        if (random_.chance(0.5)) {
          network_.refuses_all = true;
        } else {
          network_.no_such_tracker = true;
        }
    }
  }

  pe::Result<pe::Credentials> provide() {
    if (provider_fails_) {
      note_cause(pe::FaultKind::Credentials);
      return pe::credentials_error("the simulation's provider is out of order");
    }
    pe::Credentials credentials{"AKID", "SECRET"};
    credentials.session_token = "token-" + std::to_string(valid_token_);
    if (provider_is_broken_) {
      note_cause(pe::FaultKind::Credentials);
      note_cause(pe::FaultKind::Configuration);
      credentials.session_token += "\n";
    }
    return credentials;
  }
  void note_cause(pe::FaultKind kind) {
    for (const auto& life : lives_) note_cause(*life, kind);
  }
  void note_cause(Life& life, pe::FaultKind kind) const {
    TrueTime& cause = life.causes[kind];
    cause = std::max(cause, now_);
  }

  Reply decide(Life& life, const pe::HttpRequest& request) {
    if (life.is_dead()) return no_response(ReplyKind::Failed, nanoseconds{0}, false);
    ++counts_.requests;
    check_rate(life);
    check_body(request);
    if (auto valid = pe::detail::check_request(request, {}); !valid) {
      note_cause(life, pe::FaultKind::Credentials);
      note_cause(life, pe::FaultKind::Configuration);
      return {ReplyKind::Held, std::move(valid).error(), now_};
    }
    if (random_.chance(network_.unreachable)) {
      return no_response(ReplyKind::Failed, milliseconds{random_.below(50)}, false);
    }
    if (random_.chance(network_.lost_before)) return lost(request);
    if (random_.chance(network_.stray_throttle)) {
      return respond(ReplyKind::Throttled, 429, {}, "<html>slow down</html>");
    }
    if (random_.chance(network_.intermediary)) return intermediary();
    Reply reply = serve(life, request);
    if (random_.chance(network_.lost_after)) return lost(request);
    return reply;
  }

  [[nodiscard]] nanoseconds latency() { return milliseconds{1 + random_.below(120)}; }
  Reply no_response(ReplyKind kind, nanoseconds after, bool connected) {
    pe::Error error = pe::detail::make_error(
        connected ? pe::ErrorKind::Timeout : pe::ErrorKind::Transport, "network", "no response");
    error.connected = connected;
    error.may_have_been_delivered = connected;
    error.retryable = true;
    return {kind, std::move(error), now_ + std::chrono::duration_cast<TrueTime::duration>(after)};
  }
  Reply lost(const pe::HttpRequest& request) {
    if (random_.chance(0.5)) {
      // A reset at once.
      Reply reply = no_response(ReplyKind::Failed, latency(), true);
      reply.result = [&] {
        pe::Error error = reply.result.error();
        error.kind = pe::ErrorKind::Transport;
        return error;
      }();
      return reply;
    }
    return no_response(ReplyKind::Failed, request.timeout, true);
  }
  Reply respond(ReplyKind kind, int status, pe::Headers headers, std::string body) {
    return {kind, pe::HttpResponse{status, std::move(headers), std::move(body)},
            now_ + std::chrono::duration_cast<TrueTime::duration>(latency())};
  }
  /// Nothing in it is of the service; a date may be, and may be wrong.
  Reply intermediary() {
    constexpr std::array<int, 18> statuses{200, 200, 301, 302, 400, 402, 403, 404, 405,
                                           407, 411, 413, 415, 422, 431, 451, 502, 503};
    pe::Headers headers{{"Content-Type", "text/html"}};
    if (random_.chance(0.5)) {
      headers.emplace_back("Date", http_date(now_ + std::chrono::hours{24 * 365}));
    }
    const int status = statuses[random_.below(statuses.size())];
    if (status == 301 || status == 302) headers.emplace_back("Location", "http://portal/");
    return respond(ReplyKind::Failed, status, std::move(headers), "<html>portal</html>");
  }
  Reply service_error(ReplyKind kind, int status, const std::string& code) {
    return respond(kind, status,
                   {{"x-amzn-RequestId", "r" + std::to_string(counts_.requests)},
                    {"x-amzn-ErrorType", code},
                    {"Date", http_date(now_)},
                    {"Content-Type", "application/json"}},
                   "{\"message\":\"refused\"}");
  }

  /// The service's own response, from what it is told to do.
  Reply serve(Life& life, const pe::HttpRequest& request) {
    const std::optional<TrueTime> signed_at = signing_date(request);
    if (!signed_at || std::chrono::abs(*signed_at - now_) > std::chrono::minutes{5}) {
      return service_error(ReplyKind::Remedy, 403, "InvalidSignatureException");
    }
    const std::string* token = pe::find_header(request.headers, "X-Amz-Security-Token");
    if (token == nullptr || *token != "token-" + std::to_string(valid_token_)) {
      return service_error(ReplyKind::Remedy, 400, "ExpiredTokenException");
    }
    if (random_.chance(network_.denied)) {
      return service_error(ReplyKind::Held, 403, "AccessDeniedException");
    }
    if (network_.no_such_tracker) {
      return service_error(ReplyKind::Held, 404, "ResourceNotFoundException");
    }
    if (random_.chance(network_.other_refusal)) {
      return service_error(
          ReplyKind::Held, 400,
          random_.chance(0.5) ? "RequestAbortedException" : "MalformedHttpRequestException");
    }
    if (random_.chance(network_.throttled)) {
      return service_error(ReplyKind::Throttled, 429, "ThrottlingException");
    }
    if (network_.refuses_all || has_bad(request)) return refuse(request);
    const bool fails = random_.chance(network_.server_error);
    if (!fails || random_.chance(0.3)) arrive(life, request);
    if (fails) {
      constexpr std::array<int, 4> statuses{500, 502, 503, 504};
      return service_error(ReplyKind::Failed, statuses[random_.below(4)], "InternalFailure");
    }
    return respond(
        ReplyKind::Taken, 200,
        {{"x-amzn-RequestId", "r" + std::to_string(counts_.requests)}, {"Date", http_date(now_)}},
        {});
  }

  [[nodiscard]] bool has_bad(const pe::HttpRequest& request) {
    for (const std::string_view event : events_in(request.body)) {
      const Known* known = find(event);
      if (known != nullptr && known->is_bad) return true;
    }
    return false;
  }
  Reply refuse(const pe::HttpRequest& request) {
    const auto events = events_in(request.body);
    if (events.size() == 1) {
      if (Known* known = find(events.front())) known->was_refused_alone = true;
    }
    constexpr std::array<const char*, 3> codes{"InvalidInputException", "ValidationException",
                                               "SerializationException"};
    return service_error(ReplyKind::Refused, 400, codes[random_.below(3)]);
  }

  [[nodiscard]] Known* find(std::string_view event) {
    const std::string item = json_text(event, "itemId");
    if (item.size() < 2 || item.front() != 'm') return nullptr;
    const std::uint64_t number = std::strtoull(item.c_str() + 1, nullptr, 10);
    return number < known_.size() ? &known_[number] : nullptr;
  }

  /// What leaves the process is what was recorded, whatever becomes of it.
  void check_body(const pe::HttpRequest& request) {
    const std::string session = json_text(request.body, "sessionId");
    const std::vector<std::string_view> events = events_in(request.body);
    if (events.empty() || events.size() > 10) {
      fail("a request without one to ten events", std::string{request.body});
    }
    for (const std::string_view event : events) {
      if (Known* known = find(event)) {
        check_content(*known, session, request.body, event);
      } else {
        fail("an event was sent that nobody recorded", std::string{event});
      }
    }
  }
  void arrive(Life& life, const pe::HttpRequest& request) {
    for (const std::string_view event : events_in(request.body)) {
      Known* known = find(event);
      if (known == nullptr) continue;
      check_arrival(life, *known);
      if (!known->arrived) ++counts_.arrived;
      known->arrived = true;
    }
  }
  void check_content(Known& known, const std::string& session, std::string_view body,
                     std::string_view event) {
    const std::string id = json_text(event, "eventId");
    if (!known.event_id.empty() && known.event_id != id) {
      fail("an event was sent under a second id", known.event_id + " then " + id);
    }
    known.event_id = id;
    number_of_id_.emplace(id, static_cast<std::size_t>(&known - known_.data()));
    if (session != known.session) fail("an event was sent in another session", name_of(known));
    const std::string user = json_text(body, "userId");
    if (user != (session.back() == '2' ? "user-1" : "")) {
      fail("an event was sent of another user", name_of(known));
    }
    std::string text{event};
    const std::size_t at = text.find("\"sentAt\":");
    if (at == std::string::npos) return fail("an event was sent without sentAt", text);
    const std::size_t begin = at + 9;
    const std::size_t end = text.find_first_of(",}", begin);
    const auto sent_at = static_cast<std::int64_t>(std::strtod(text.c_str() + begin, nullptr));
    text.erase(begin, end - begin);
    if (known.sent_at && *known.sent_at != sent_at) {
      fail("an event was sent with another sentAt than it was given", name_of(known));
    }
    if (known.text.empty()) known.text = text;
    if (known.text != text) {
      fail("an event was sent again with other content", known.text + " then " + text);
    }
  }
  void check_arrival(const Life& life, const Known& known) {
    const auto age = now_ - known.recorded_at;
    const bool is_same_clock =
        known.life == life.number || (!known.boot.empty() && known.boot == life.boot);
    const nanoseconds limit = age_limit(life);
    if (is_same_clock && age > limit + seconds{10}) {
      fail("an event that is too old was sent", name_of(known) + " of " + text_of(age));
    }
    const bool has_ended = known.outcome && *known.outcome != pe::Outcome::Spooled;
    if (has_ended && known.outcome_life == life.number) {
      fail("an event was sent after its outcome", name_of(known));
    }
    if (known.arrived && known.is_done && !known.is_void) {
      fail("an event was sent again after a clean end", name_of(known));
    }
    if (known.arrived || void_orders_.count(known.session) != 0) return;
    std::uint64_t& last = last_arrived_[known.session];
    if (known.order < last) {
      fail("events of a session arrived out of order",
           name_of(known) + " after " + std::to_string(last));
    }
    last = std::max(last, known.order);
  }
  [[nodiscard]] nanoseconds age_limit(const Life& life) const {
    return has_spool_ ? nanoseconds{max_age_} : nanoseconds{life.options.delivery_timeout};
  }

  // --- What the process sees ---

  void completed(Life& life, ReplyKind kind) {
    if (life.is_dead()) return;
    using pe::FaultKind;
    switch (kind) {
      case ReplyKind::Throttled: note_cause(life, FaultKind::Throttled); break;
      case ReplyKind::Remedy: note_cause(life, FaultKind::Credentials); break;
      case ReplyKind::Held:
        note_cause(life, FaultKind::Credentials);
        note_cause(life, FaultKind::TrackingId);
        note_cause(life, FaultKind::Configuration);
        break;
      case ReplyKind::Refused: note_cause(life, FaultKind::TrackingId); break;
      case ReplyKind::Failed:
        note_cause(life, FaultKind::Offline);
        note_cause(life, FaultKind::Unavailable);
        break;
      case ReplyKind::Taken: break;
    }
    if (kind != ReplyKind::Failed && kind != ReplyKind::Held) {
      life.failing_since.reset();
      return;
    }
    if (!life.failing_since) {
      life.failing_since = now_;
      life.failed_requests = life.late_failures = 0;
    }
    if (now_ - *life.failing_since > seconds{60} && ++life.late_failures > 3 &&
        life.active.empty()) {
      fail("everything fails for a minute and no fault is active",
           std::to_string(life.failed_requests) + " requests in " +
               text_of(now_ - *life.failing_since));
    }
  }
  /// While everything fails, few requests leave.
  void check_rate(Life& life) {
    if (!life.failing_since) return;
    ++life.failed_requests;
    const double passed = std::chrono::duration<double>(now_ - *life.failing_since).count();
    if (static_cast<double>(life.failed_requests) > 60 + 2 * passed) {
      fail("a request storm while everything fails", std::to_string(life.failed_requests) +
                                                         " requests in " +
                                                         text_of(now_ - *life.failing_since));
    }
  }

  void take(Life& life, const pe::Delivery& delivery) {
    if (life.is_dead()) return;
    ++counts_.outcomes[static_cast<std::size_t>(delivery.outcome)];
    for (std::size_t i = 0; i < delivery.event_ids.size(); ++i) {
      ++life.told[static_cast<std::size_t>(delivery.outcome)];
      Known* known = number_of_id_.count(delivery.event_ids[i]) != 0
                         ? &known_[number_of_id_.at(delivery.event_ids[i])]
                         : nullptr;
      if (known == nullptr && i < delivery.events.size()) known = find(delivery.events[i]);
      if (known == nullptr) {
        fail(delivery.outcome == pe::Outcome::Delivered
                 ? "an event is Delivered that the service never took"
                 : "an outcome of an event that nobody recorded",
             delivery.event_ids[i]);
        continue;
      }
      if (known->event_id.empty()) known->event_id = delivery.event_ids[i];
      if (known->event_id != delivery.event_ids[i]) {
        fail("an outcome under a second id", known->event_id);
      }
      number_of_id_.emplace(known->event_id, static_cast<std::size_t>(known - known_.data()));
      check_outcome(life, *known, delivery.outcome);
      known->outcome = delivery.outcome;
      known->outcome_life = life.number;
      known->had_calm_outcome = is_disk_calm();
    }
    if (life.destroy_in_callback && life.recorder && !life.network->passes_time) {
      ++counts_.destroyed_in_callback;
      life.is_gone = true;
      const auto gone = std::move(life.recorder);
      life.recorder.reset();
    }
  }
  void check_outcome(const Life& life, const Known& known, pe::Outcome outcome) {
    const auto age = now_ - known.recorded_at;
    if (known.outcome && known.outcome_life == life.number) {
      fail("an event has two outcomes", name_of(known));
    }
    switch (outcome) {
      case pe::Outcome::Delivered:
        if (!known.arrived) {
          fail("an event is Delivered that the service never took", name_of(known));
        }
        break;
      case pe::Outcome::Rejected:
        // When the service refuses everything, what it has not accepted by its time limit is
        // Rejected.
        if (!known.was_refused_alone && age + kAgeTolerance < age_limit(life)) {
          fail("an event is Rejected that the service never refused by itself", name_of(known));
        }
        break;
      case pe::Outcome::Expired:
        if (age + kAgeTolerance < age_limit(life)) {
          fail("an event is Expired before its time", name_of(known) + " of " + text_of(age) +
                                                          ", the limit is " +
                                                          text_of(age_limit(life)));
        }
        break;
      case pe::Outcome::Dropped:
        if (has_spool_ && !is_small_ && is_disk_calm() &&
            life.options.when_full != pe::WhenFull::DropOldest && was_calm_since(known) &&
            !known.is_void) {
          fail("an event is Dropped although the disk is well", name_of(known));
        }
        break;
      case pe::Outcome::Spooled:
        if (!has_spool_) fail("an event is Spooled without a spool", name_of(known));
        break;
    }
  }

  void take(Life& life, const pe::Fault& fault) {
    if (life.is_dead()) return;
    const std::string kind{pe::to_string(fault.kind)};
    if (fault.cleared) {
      if (life.active.erase(fault.kind) == 0) fail("a fault was cleared twice: " + kind, "");
      return;
    }
    ++counts_.faults[static_cast<std::size_t>(fault.kind)];
    if (!life.active.insert(fault.kind).second) fail("a fault began twice: " + kind, "");
    if (!has_cause(life, fault.kind)) {
      fail("a fault without a cause: " + kind, pe::to_string(fault.error));
    }
  }
  [[nodiscard]] bool has_cause(const Life& life, pe::FaultKind kind) const {
    if (kind == pe::FaultKind::Disk) {
      if (is_small_ && disk_.bytes_below("/spool") > max_bytes_ / 2) return true;
      if (is_disk_bad() || last_disk_weather_ + kCauseHolds >= now_) return true;
      if (life.fast_until > last_disk_weather_ && had_disk_weather()) return true;
    }
    const auto found = life.causes.find(kind);
    if (found == life.causes.end()) return false;
    return found->second == TrueTime::max() || found->second + kCauseHolds >= now_ ||
           life.fast_until > found->second;
  }
  [[nodiscard]] bool had_disk_weather() const { return last_disk_weather_ != TrueTime{}; }

  [[nodiscard]] static std::uint64_t told(const Life& life, pe::Outcome outcome) {
    return life.told[static_cast<std::size_t>(outcome)];
  }

  /// What holds at any moment.
  void check(Life& life) {
    if (!life.recorder || life.is_dead()) return;
    const pe::RecorderStats stats = life.recorder->stats();
    life.stats = stats;
    if (!test::adds_up(stats)) fail("the counters do not add up", "");
    if (stats.recorded != life.accepted) {
      fail("recorded is not the number of accepted events",
           std::to_string(stats.recorded) + " of " + std::to_string(life.accepted));
    }
    if (stats.spooled > 0) life.was_spilled = true;
    if (stats.pending > life.options.max_pending_events) {
      fail("more events are pending than allowed", std::to_string(stats.pending));
    }
    if (stats.delivered < told(life, pe::Outcome::Delivered) ||
        stats.rejected < told(life, pe::Outcome::Rejected) ||
        stats.expired < told(life, pe::Outcome::Expired) ||
        stats.dropped < told(life, pe::Outcome::Dropped)) {
      fail("the counters have fewer outcomes than the callbacks", "");
    }
    check_size();
  }
  void check_size() {
    if (!has_spool_ || !is_small_) return;
    const std::uint64_t bytes = disk_.bytes_below("/spool");
    const std::uint64_t slack = lives_.size() > 1 || may_be_damaged_ ? 256U << 10U : 64U << 10U;
    if (bytes > max_bytes_ + slack) {
      fail("the directory is larger than max_bytes",
           std::to_string(bytes) + " bytes of " + std::to_string(max_bytes_));
    }
  }

  // --- The end ---

  /// All is well again: a last process delivers what was left, and nothing is missing.
  void finish() {
    clear_disk();
    network_ = NetworkWeather{};
    provider_fails_ = provider_is_broken_ = false;
    wall_error_ = nanoseconds{0};
    has_clock_weather_ = false;
    bad_share_ = 0;
    const bool had_overlap = std::exchange(may_overlap_, false);
    if (!has_spool_) return check_losses();
    start_life();
    if (lives_.empty()) return;
    Life& last = *lives_.back();
    last.destroy_in_callback = false;
    for (int second = 0; second < 900 && !last.is_dead(); second += 5) {
      // A service that takes something is not one that refuses everything.
      record(last, false);
      run_for(seconds{5});
      if (second >= 20 && last.stats.pending + last.stats.spooled == 0 && is_all_there()) break;
    }
    counts_.adopted += last.stats.adopted;
    if (last.stats.pending + last.stats.spooled > 0) {
      fail("events do not leave although all is well",
           std::to_string(last.stats.pending) + " pending, " + std::to_string(last.stats.spooled) +
               " on the disk");
    }
    if (!last.active.empty()) {
      // Damage stays reported while its files are there.
      for (const pe::FaultKind kind : last.active) {
        if (kind == pe::FaultKind::SpoolDamaged) continue;
        fail("a fault stays active although all is well: " + std::string{pe::to_string(kind)}, "");
      }
    }
    close(last, milliseconds{20});
    reap();
    may_overlap_ = had_overlap;
    check_losses();
  }
  [[nodiscard]] bool is_missing(const Known& one) const {
    if (one.arrived || !one.is_certain || one.is_void) return false;
    const bool has_ended = one.outcome && *one.outcome != pe::Outcome::Spooled;
    return !has_ended && one.is_kept && !is_small_;
  }
  [[nodiscard]] bool is_all_there() const {
    return std::none_of(known_.begin(), known_.end(),
                        [this](const Known& one) { return is_missing(one); });
  }
  void check_losses() {
    for (const Known& one : known_) {
      if (is_missing(one)) {
        fail(one.is_synced ? "an event is lost that was synced" : "an event is lost",
             name_of(one) + ", recorded in life " + std::to_string(one.life));
      }
    }
  }

  [[nodiscard]] static std::string name_of(const Known& known) {
    return known.session + " number " + std::to_string(known.order);
  }
  [[nodiscard]] static std::string text_of(nanoseconds duration) {
    return std::to_string(std::chrono::duration_cast<milliseconds>(duration).count()) + " ms";
  }

  void fail(const std::string& law, const std::string& seen) {
    broken_.emplace(
        law,
        "life " + std::to_string(last_life_) + ", true second " +
            std::to_string(
                std::chrono::duration_cast<seconds>(now_.time_since_epoch() - kBegin).count()) +
            ": " + seen);
  }

  static constexpr seconds kBegin{1'767'225'600};

  Random random_;
  bool has_spool_{true};
  bool is_small_{false};
  bool may_overlap_{false};
  bool has_disk_weather_{false};
  bool has_network_weather_{false};
  bool has_clock_weather_{false};
  bool has_power_cuts_{false};
  double bad_share_{0};
  std::uint64_t max_bytes_{0};
  std::chrono::hours max_age_{168};

  TrueTime now_{kBegin};
  TrueTime booted_{kBegin - seconds{3'600}};
  std::uint64_t boots_{1};
  nanoseconds wall_error_{0};

  test::FaultyFiles disk_{};
  TrueTime last_disk_weather_{};
  TrueTime last_removal_{};
  TrueTime woken_at_{};
  bool is_blind_{false};        // files may be there that cannot be found or read
  bool may_be_damaged_{false};  // from now on
  NetworkWeather network_{};
  std::uint64_t valid_token_{1};
  bool provider_fails_{false};
  bool provider_is_broken_{false};
  bool is_busy_{false};  // a loop was

  std::vector<Known> known_{};
  std::unordered_map<std::string, std::size_t> number_of_id_{};
  std::map<std::string, std::uint64_t> order_of_{};
  std::map<std::string, std::uint64_t> last_arrived_{};
  std::set<std::string> void_orders_{};
  std::vector<std::unique_ptr<Life>> lives_{};
  std::uint64_t last_life_{0};

  LifeCounts counts_{};
  std::map<std::string, std::string> broken_{};
};

}  // namespace simulation

#endif
