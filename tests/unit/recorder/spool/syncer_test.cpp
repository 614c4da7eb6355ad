// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/spool/syncer.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "catch.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "support/async_world.hpp"
#include "support/faulty_files.hpp"
#include "support/recorder_events.hpp"

namespace pe = personalize_events;
namespace spool = personalize_events::spool;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

/// A spool in memory. Nothing is written while its thread may sync, which the fake disk cannot.
struct World {
  explicit World(std::optional<milliseconds> interval) {
    pe::SpoolOptions options;
    options.directory = "/spool";
    options.min_free_bytes = 0;
    options.sync_interval = interval;
    spool = std::make_shared<spool::Spool>(files, options, spool::Scope{"tracker", "", "", ""},
                                           1U << 20U, platform);
  }
  void append() {
    auto one = test::pending("visit", "", "a", platform->steady_now());
    REQUIRE(spool->append(one.front()).has_value());
  }
  [[nodiscard]] bool is_synced() const { return spool->wait_synced(spool->ticket(), seconds{0}); }

  std::shared_ptr<test::FaultyFiles> files = std::make_shared<test::FaultyFiles>();
  std::shared_ptr<pe::testing::VirtualPlatform> platform =
      std::make_shared<pe::testing::VirtualPlatform>();
  std::shared_ptr<spool::Spool> spool{};
};

/// Counts what a thread does, and waits for it.
class Counter {
 public:
  void add() {
    const std::lock_guard<std::mutex> lock{mutex_};
    ++count_;
    changed_.notify_all();
  }
  [[nodiscard]] bool wait_for(int count) {
    std::unique_lock<std::mutex> lock{mutex_};
    return changed_.wait_for(lock, test::kPatience, [&] { return count_ >= count; });
  }
  [[nodiscard]] int count() {
    const std::lock_guard<std::mutex> lock{mutex_};
    return count_;
  }

 private:
  std::mutex mutex_{};
  std::condition_variable changed_{};
  int count_{0};
};

}  // namespace

TEST_CASE("what was written is synced after the interval, by nobody's request") {
  World world{milliseconds{1}};
  Counter synced;
  world.append();
  spool::Syncer syncer{world.spool, [&] { synced.add(); }};
  REQUIRE(syncer.start().has_value());
  CHECK(world.spool->wait_synced(world.spool->ticket(), test::kPatience));
  CHECK(synced.wait_for(1));
  syncer.stop(test::kPatience);
  // With nothing new there was nothing more to do.
  CHECK(synced.count() == 1);
  CHECK(world.files->syncs == 1);
}

TEST_CASE("a request is answered at once, whatever the interval, or without any") {
  const std::optional<milliseconds> interval =
      GENERATE(std::optional<milliseconds>{}, std::optional<milliseconds>{std::chrono::hours{1}});
  World world{interval};
  Counter synced;
  world.append();
  spool::Syncer syncer{world.spool, [&] { synced.add(); }};
  REQUIRE(syncer.start().has_value());
  syncer.request();
  CHECK(world.spool->wait_synced(world.spool->ticket(), test::kPatience));
  REQUIRE(synced.wait_for(1));
  world.append();
  syncer.request();
  CHECK(world.spool->wait_synced(world.spool->ticket(), test::kPatience));
  syncer.stop(test::kPatience);
  CHECK(synced.count() == 2);
}

TEST_CASE("a request before the start is kept for it") {
  World world{std::nullopt};
  Counter synced;
  world.append();
  spool::Syncer syncer{world.spool, [&] { synced.add(); }};
  syncer.request();
  REQUIRE(syncer.start().has_value());
  CHECK(synced.wait_for(1));
}

TEST_CASE("a failed sync is told, and what was given up is not asked for in vain") {
  World world{milliseconds{1}};
  Counter synced;
  world.append();
  world.files->sync_fails = true;
  spool::Syncer syncer{world.spool, [&] { synced.add(); }};
  REQUIRE(syncer.start().has_value());
  REQUIRE(synced.wait_for(1));
  CHECK(world.spool->disk_fault().has_value());
  CHECK_FALSE(world.is_synced());
  // Nothing can be synced before somebody wrote it again, so nobody is called for that.
  CHECK_FALSE(world.spool->wait_synced(world.spool->ticket(), milliseconds{30}));
  syncer.stop(test::kPatience);
  CHECK(synced.count() == 1);
}

TEST_CASE("a thread that has nothing to do ends at once when it is stopped, and only once") {
  World world{std::nullopt};
  spool::Syncer syncer{world.spool, [] {}};
  syncer.stop(test::kPatience);
  REQUIRE(syncer.start().has_value());
  const auto begin = std::chrono::steady_clock::now();
  syncer.stop(test::kPatience);
  CHECK(std::chrono::steady_clock::now() - begin < test::kPatience);
  syncer.stop(test::kPatience);
  CHECK(world.files->syncs == 0);
}

TEST_CASE("the end of a syncer ends its thread") {
  World world{milliseconds{1}};
  std::weak_ptr<spool::Spool> left = world.spool;
  {
    spool::Syncer syncer{world.spool, [] {}};
    REQUIRE(syncer.start().has_value());
    world.spool = nullptr;
    CHECK_FALSE(left.expired());
  }
  CHECK(left.expired());
}

TEST_CASE("a thread that waits for a disk which does not answer is let go") {
  World world{std::nullopt};
  const auto is_waiting = std::make_shared<test::Signal>();
  const auto may_go = std::make_shared<test::Signal>();
  const auto has_gone = std::make_shared<test::Signal>();
  world.append();
  world.files->during_sync = [is_waiting, may_go] {
    is_waiting->give();
    static_cast<void>(may_go->wait());
  };
  {
    spool::Syncer syncer{world.spool, [has_gone] { has_gone->give(); }};
    REQUIRE(syncer.start().has_value());
    syncer.request();
    REQUIRE(is_waiting->wait());
    syncer.stop(milliseconds{1});
  }
  CHECK_FALSE(has_gone->wait_for(milliseconds{0}));
  // It still has what it needs when the disk answers at last.
  may_go->give();
  CHECK(has_gone->wait());
  CHECK(world.is_synced());
}

TEST_CASE("a thread that syncs for those who wait serves all of them") {
  World world{std::nullopt};
  spool::Syncer syncer{world.spool, [] {}};
  REQUIRE(syncer.start().has_value());
  CHECK(syncer.wait(seconds{0}).has_value());  // nothing was written
  world.append();
  CHECK(syncer.wait(test::kPatience).has_value());
  CHECK(world.is_synced());
  CHECK(world.files->syncs == 1);
}

TEST_CASE("who waits for a disk that does not answer is told so in time") {
  World world{std::nullopt};
  const auto may_go = std::make_shared<test::Signal>();
  world.files->during_sync = [may_go] { static_cast<void>(may_go->wait()); };
  world.append();
  spool::Syncer syncer{world.spool, [] {}};
  REQUIRE(syncer.start().has_value());
  const auto waited = syncer.wait(milliseconds{1});
  REQUIRE_FALSE(waited.has_value());
  CHECK(waited.error().kind == pe::ErrorKind::Timeout);
  CHECK_FALSE(waited.error().retryable);
  may_go->give();
}

TEST_CASE("without a thread whoever waits brings it to the disk") {
  World world{std::nullopt};
  spool::Syncer syncer{world.spool, [] {}};
  world.append();
  CHECK(syncer.wait(seconds{0}).has_value());
  CHECK(world.files->syncs == 1);
  world.append();
  world.files->sync_fails = true;
  const auto waited = syncer.wait(test::kPatience);
  REQUIRE_FALSE(waited.has_value());
  CHECK(waited.error().kind == pe::ErrorKind::Timeout);
}

TEST_CASE("who waits for files that somebody removes is told that they may be lost") {
  World world{std::nullopt};
  auto one = test::pending("visit", "", "a", world.platform->steady_now());
  REQUIRE(world.spool->append_overflow(one.front()).has_value());
  world.files->delete_folder("/spool");
  spool::Syncer syncer{world.spool, [] {}};
  const auto waited = syncer.wait(test::kPatience);
  REQUIRE_FALSE(waited.has_value());
  CHECK(waited.error().kind == pe::ErrorKind::Storage);
  CHECK(waited.error().where == "/spool");
  CHECK(waited.error().code == "Removed");
}

TEST_CASE("without a thread a turn does the sync that is due, and no other") {
  World world{seconds{1}};
  spool::Syncer syncer{world.spool, [] {}};
  syncer.turn(world.platform->steady_now());
  CHECK(world.files->syncs == 0);
  world.append();
  syncer.turn(world.platform->steady_now());
  CHECK(world.files->syncs == 1);
  world.append();
  world.platform->advance(milliseconds{999});
  syncer.turn(world.platform->steady_now());
  CHECK(world.files->syncs == 1);
  world.platform->advance(milliseconds{1});
  syncer.turn(world.platform->steady_now());
  CHECK(world.files->syncs == 2);

  World never{std::nullopt};
  spool::Syncer lazy{never.spool, [] {}};
  never.append();
  never.platform->advance(std::chrono::hours{1});
  lazy.turn(never.platform->steady_now());
  CHECK(never.files->syncs == 0);
}

TEST_CASE("a turn of a spool with a thread asks it again for those who wait") {
  World world{std::nullopt};
  Counter synced;
  world.append();
  world.files->sync_fails = true;
  spool::Syncer syncer{world.spool, [&] { synced.add(); }};
  REQUIRE(syncer.start().has_value());
  pe::Result<void> waited;
  std::thread waiting{[&] { waited = syncer.wait(test::kPatience); }};
  CHECK(synced.wait_for(1));
  // The loop writes it again, and takes its turn.
  world.files->sync_fails = false;
  REQUIRE_FALSE(world.spool->begin_rewrite().empty());
  world.platform->advance(spool::kDiskPause);
  world.append();
  world.spool->end_rewrite({});
  syncer.turn(world.platform->steady_now());
  waiting.join();
  CHECK(waited.has_value());
}
