// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/client/loop.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/testing/fake_transport.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "support/async_world.hpp"

namespace pe = personalize_events;
using namespace std::chrono_literals;
using pe::detail::Loop;
using Time = std::chrono::steady_clock::time_point;

namespace {

struct Member : pe::detail::LoopMember {
  std::function<Time(Time)> on_step{};
  std::function<void()> on_stop{};
  std::atomic<int> steps{0};
  std::atomic<int> stops{0};
  test::Signal stepped{};

  Time step(Time now) override {
    ++steps;
    const Time wish = on_step ? on_step(now) : Time::max();
    stepped.give();
    return wish;
  }
  void stop() override {
    ++stops;
    if (on_stop) on_stop();
  }
};

struct World {
  std::shared_ptr<pe::testing::FakeTransport> transport =
      std::make_shared<pe::testing::FakeTransport>();
  std::shared_ptr<pe::testing::VirtualPlatform> platform =
      std::make_shared<pe::testing::VirtualPlatform>();
  std::shared_ptr<Loop> loop = std::make_shared<Loop>(transport, platform);
  std::shared_ptr<Member> member = std::make_shared<Member>();
  World() { loop->add(member); }
};

}  // namespace

TEST_CASE("A turn steps every member with the platform's time, then drives the transport") {
  World world;
  const auto second = std::make_shared<Member>();
  world.loop->add(second);
  std::vector<std::string> order;
  Time given{};
  world.member->on_step = [&](Time now) {
    given = now;
    order.emplace_back("first");
    world.transport->start({"POST"}, [&](const auto&) { order.emplace_back("answer"); });
    return Time::max();
  };
  second->on_step = [&](Time) {
    order.emplace_back("second");
    return Time::max();
  };
  world.platform->advance(7s);
  world.loop->run_once(0ms);
  CHECK(given == world.platform->steady_now());
  CHECK(order == std::vector<std::string>{"first", "second", "answer"});
  world.member->on_step = {};  // the last step, of stop, must not start another
  world.loop->stop();
}

TEST_CASE("A turn answers whether it did anything") {
  World world;
  CHECK_FALSE(world.loop->run_once(0ms));
  world.member->on_step = [&](Time) {
    world.loop->note_work();
    return Time::max();
  };
  CHECK(world.loop->run_once(0ms));
  world.member->on_step = {};
  CHECK_FALSE(world.loop->run_once(0ms));
  world.loop->stop();
  CHECK_FALSE(world.loop->run_once(0ms));
}

TEST_CASE("A turn waits no longer than it may, a member wishes, or a wake allows") {
  World world;
  world.loop->run_once(0ms);  // takes the wake of `add`
  const auto took = [&](std::chrono::milliseconds at_most) {
    const auto before = std::chrono::steady_clock::now();
    world.loop->run_once(at_most);
    return std::chrono::steady_clock::now() - before;
  };
  CHECK(took(30ms) >= 30ms);
  const auto longest = took(1h);
  CHECK(longest >= 900ms);
  CHECK(longest < 1h);
  world.member->on_step = [](Time now) { return now + 20ms; };
  CHECK(took(1h) >= 20ms);
  world.member->on_step = [](Time now) { return now; };
  CHECK(took(1h) < 900ms);
  world.member->on_step = {};
  world.loop->wake();
  CHECK(took(1h) < 900ms);
  world.loop->stop();
}

TEST_CASE("A member that was removed is stepped no more, and let go") {
  World world;
  world.loop->run_once(0ms);
  CHECK(world.member->steps == 1);
  world.loop->remove(world.member.get());
  CHECK(world.member.use_count() == 1);
  world.loop->run_once(0ms);
  CHECK(world.member->steps == 1);
  world.loop->remove(world.member.get());  // once more is no error
  world.loop->stop();
  CHECK(world.member->stops == 0);
}

TEST_CASE("Members may add and remove members while they are stepped") {
  World world;
  const auto added = std::make_shared<Member>();
  world.member->on_step = [&](Time) {
    world.loop->add(added);
    world.loop->remove(world.member.get());
    return Time::max();
  };
  world.loop->run_once(0ms);
  world.loop->run_once(0ms);
  CHECK(world.member->steps == 1);
  CHECK(added->steps == 1);
  world.loop->stop();
  CHECK(added->stops == 1);
}

TEST_CASE("A thread of the loop's own runs it, with all signals blocked") {
  World world;
  std::atomic<bool> is_loop_thread{false};
  std::atomic<bool> is_blocked{false};
  std::atomic<bool> is_this_thread{true};
  const auto here = std::this_thread::get_id();
  world.member->on_step = [&](Time) {
    is_loop_thread = world.loop->is_loop_thread();
    is_this_thread = std::this_thread::get_id() == here;
    sigset_t mask;
    is_blocked =
        pthread_sigmask(SIG_BLOCK, nullptr, &mask) == 0 && sigismember(&mask, SIGTERM) == 1;
    return Time::max();
  };
  REQUIRE(world.loop->start());
  REQUIRE(world.loop->start());  // once more changes nothing
  REQUIRE(world.member->stepped.wait());
  CHECK_FALSE(world.loop->is_loop_thread());
  CHECK_FALSE(world.loop->run_once(0ms));  // it has its thread
  world.loop->stop();
  CHECK(is_loop_thread);
  CHECK(is_blocked);
  CHECK_FALSE(is_this_thread);
}

TEST_CASE("stop tells each member once, polls, steps it for the last time and lets it go") {
  const bool has_thread = GENERATE(false, true);
  World world;
  std::vector<std::string> order;
  if (has_thread) {
    REQUIRE(world.loop->start());
    REQUIRE(world.member->stepped.wait());
  }
  world.transport->hold();
  std::uint64_t request = 0;
  world.member->on_stop = [&] {
    request =
        world.transport->start({"POST"}, [&](const auto&) { order.emplace_back("cancelled"); });
    world.transport->cancel(request);
    world.member->on_step = [&](Time) {
      order.emplace_back("last step");
      return Time::max();
    };
  };
  world.loop->stop();
  CHECK(order == std::vector<std::string>{"cancelled", "last step"});
  CHECK(world.member.use_count() == 1);
  world.loop->stop();  // once more changes nothing
  CHECK(world.member->stops == 1);
  world.loop->add(world.member);
  CHECK(world.member.use_count() == 1);
}

TEST_CASE("A loop that is stopped by its own member ends after that has returned") {
  World world;
  const std::weak_ptr<Loop> alive = world.loop;
  test::Signal gone;
  const bool has_thread = GENERATE(false, true);
  std::atomic<int> stops_within{-1};
  Member& member = *world.member;
  member.on_step = [&, loop = std::shared_ptr<Loop>{world.loop}](Time) mutable {
    if (loop == nullptr) return Time::max();
    const std::shared_ptr<Loop> taken = std::move(loop);
    taken->stop();
    stops_within = member.stops.load();
    return Time::max();
  };
  member.on_stop = [&] { gone.give(); };
  if (has_thread) {
    REQUIRE(world.loop->start());
  } else {
    world.loop->run_once(0ms);
  }
  world.loop.reset();
  REQUIRE(gone.wait());
  CHECK(stops_within == 0);
  CHECK(member.stops == 1);
  const auto until = std::chrono::steady_clock::now() + test::kPatience;
  while (!alive.expired() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  CHECK(alive.expired());  // and with it the thread's hold on it
}

TEST_CASE("run_once within a turn does nothing") {
  World world;
  bool inner = true;
  world.member->on_step = [&](Time) {
    world.loop->note_work();
    inner = world.loop->run_once(1h);
    return Time::max();
  };
  CHECK(world.loop->run_once(0ms));
  CHECK_FALSE(inner);
  CHECK(world.member->steps == 1);
  world.loop->stop();
}

TEST_CASE("In a forked child the loop does nothing and is destroyed cleanly") {
  auto world = std::make_unique<World>();
  REQUIRE(world->loop->start());
  REQUIRE(world->member->stepped.wait());
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    alarm(20);  // a deadlock ends in a signal
    const int steps = world->member->steps;
    world->loop->wake();
    world->loop->add(std::make_shared<Member>());
    world->loop->remove(world->member.get());
    bool good = world->loop->start().has_value() && !world->loop->run_once(1ms) &&
                !world->loop->is_loop_thread();
    world->loop->stop();
    good = good && world->member->steps == steps && world->member->stops == 0;
    world.reset();
    _exit(good ? 0 : 1);
  }
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  world->loop->stop();
  CHECK(world->member->stops == 1);
}
