// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/spool/spool_thread.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "catch.hpp"
#include "personalize_events/platform/system_files.hpp"
#include "personalize_events/platform/system_platform.hpp"
#include "support/recorder_events.hpp"
#include "support/temporary_folder.hpp"

namespace pe = personalize_events;
namespace spool = personalize_events::spool;
using pe::detail::SteadyTime;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr seconds kPatience{60};

/// One event that is pending, and what the disk thread asks of it. While it is held, the disk
/// thread waits in it as it would in a disk that does not respond.
class OneEvent final : public spool::PendingSource {
 public:
  explicit OneEvent(SteadyTime recorded_at)
      : event_(test::pending("visit", "", "a", recorded_at).front()) {
    event_.place = 1;
  }
  std::uint64_t visit_unwritten(std::uint64_t written, const Visit& visit) override {
    std::unique_lock<std::mutex> lock(mutex_);
    ++asked_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !is_held_; });
    if (written == 0) static_cast<void>(visit(event_));
    return 1;
  }
  void visit(const Visit&) override {}
  void hold(bool is_held) {
    const std::lock_guard<std::mutex> lock(mutex_);
    is_held_ = is_held;
    changed_.notify_all();
  }
  /// Waits until the disk thread asked so often.
  bool wait_until_asked(int times) {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return asked_ >= times; });
  }
  [[nodiscard]] int asked() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return asked_;
  }

 private:
  pe::detail::PendingEvent event_;
  std::mutex mutex_{};
  std::condition_variable changed_{};
  bool is_held_{false};
  int asked_{0};
};

struct World {
  explicit World(const std::function<void(pe::SpoolOptions&)>& change = [](auto&) {}) {
    options.directory = folder / "spool";
    options.min_free_bytes = 0;
    options.write_after = hours{1};
    change(options);
    spool = std::make_shared<spool::Spool>(files(), options,
                                           spool::Scope{"region", "endpoint", "", "tracker"},
                                           std::size_t{1} << 20U, platform);
    spool->connect(source, [] {});
  }
  /// Says when the last user has released it.
  std::shared_ptr<pe::SystemFiles> files() const {
    return {new pe::SystemFiles, [done = released](pe::SystemFiles* system) {
              delete system;
              done->set_value();
            }};
  }
  const std::shared_ptr<std::promise<void>> released = std::make_shared<std::promise<void>>();
  const test::TemporaryFolder folder{};
  pe::SpoolOptions options{};
  std::shared_ptr<pe::SystemPlatform> platform = std::make_shared<pe::SystemPlatform>();
  std::shared_ptr<OneEvent> source = std::make_shared<OneEvent>(platform->steady_now());
  std::shared_ptr<spool::Spool> spool{};
};

}  // namespace

TEST_CASE("the disk thread brings to the disk what somebody waits for, whatever the interval") {
  for (const bool has_interval : {true, false}) {
    World world{[&](pe::SpoolOptions& options) {
      if (has_interval) {
        options.sync_interval = hours{1};
      } else {
        options.sync_interval.reset();
      }
    }};
    spool::SpoolThread thread{world.spool};
    REQUIRE(thread.start().has_value());
    REQUIRE(world.spool->write_up_to(*world.source, 1, milliseconds{1'000}).has_value());
    CHECK(world.spool->wait_durable(1, kPatience, true).has_value());
  }
}

TEST_CASE("the disk thread writes what is asked for, and what is due") {
  World asked;
  spool::SpoolThread thread{asked.spool};
  REQUIRE(thread.start().has_value());
  asked.spool->request_write();
  REQUIRE(asked.spool->wait_durable(1, kPatience, true).has_value());
  CHECK(asked.spool->is_written(1));

  World due{[](pe::SpoolOptions& options) { options.write_after = milliseconds{10}; }};
  spool::SpoolThread writing{due.spool};
  REQUIRE(writing.start().has_value());
  due.spool->note_pending();
  CHECK(due.spool->wait_durable(1, kPatience, true).has_value());
}

TEST_CASE("what is asked before the start is done after it") {
  World world;
  world.spool->request_write();
  spool::SpoolThread thread{world.spool};
  REQUIRE(thread.start().has_value());
  CHECK(world.spool->wait_durable(1, kPatience, true).has_value());
}

TEST_CASE("a thread that is stopped closes the spool, once") {
  World world;
  spool::SpoolThread thread{world.spool};
  REQUIRE(thread.start().has_value());
  world.spool->request_write();
  REQUIRE(world.spool->wait_durable(1, kPatience, true).has_value());
  const auto begun = std::chrono::steady_clock::now();
  thread.stop(kPatience);
  thread.stop(kPatience);
  CHECK(std::chrono::steady_clock::now() - begun < kPatience);
  // What is pending is there, and free to be adopted.
  spool::FolderLocks locks;
  pe::SystemFiles files;
  const auto names = files.list_folder(world.options.directory);
  REQUIRE(names.has_value());
  REQUIRE(names->size() == 1);
  CHECK(locks.take(files, world.options.directory + "/" + names->front())->has_value());
}

TEST_CASE("a thread that was never started has nothing to stop") {
  World world;
  spool::SpoolThread thread{world.spool};
  thread.stop(milliseconds{0});
  CHECK(world.source->asked() == 0);
}

TEST_CASE("a thread that waits for a disk which does not respond is detached") {
  World world;
  world.source->hold(true);
  std::weak_ptr<spool::Spool> left;
  {
    auto thread = std::make_unique<spool::SpoolThread>(world.spool);
    REQUIRE(thread->start().has_value());
    REQUIRE(world.source->wait_until_asked(1));
    const auto begun = std::chrono::steady_clock::now();
    thread->stop(milliseconds{10});
    CHECK(std::chrono::steady_clock::now() - begun < kPatience);
    thread = nullptr;
    left = world.spool;
    world.spool = nullptr;
  }
  // It keeps what it uses until it ends.
  CHECK_FALSE(left.expired());
  world.source->hold(false);
  CHECK(world.released->get_future().wait_for(kPatience) == std::future_status::ready);
  CHECK(left.expired());
}

TEST_CASE("a thread is woken by whoever has work, and does none without it") {
  World world;
  spool::SpoolThread thread{world.spool};
  REQUIRE(thread.start().has_value());
  REQUIRE(world.source->wait_until_asked(1));
  for (int i = 2; i < 20; ++i) {
    world.spool->request_write();
    REQUIRE(world.source->wait_until_asked(i));
  }
}
