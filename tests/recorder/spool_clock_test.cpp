// SPDX-License-Identifier: Apache-2.0
//
// Clocks that are wrong expire nothing: age is a difference of clocks that do not jump, or of the
// service's own times.

#include <chrono>
#include <cstdint>

#include "catch.hpp"
#include "recorder/trouble_world.hpp"

namespace pe = personalize_events;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr std::chrono::system_clock::time_point kTrue{seconds{1'767'225'600}};

struct ClockWorld {
  ClockWorld() {
    static_cast<void>(disk.make_folder("/"));
    machine.service->date = kTrue;
  }
  test::FaultyFiles disk{};
  trouble::Machine machine{disk};

  void record(trouble::Process& process, int count) {
    for (int i = 0; i < count; ++i) REQUIRE(machine.record(process, 1).has_value());
  }
  void check_all_arrived() const {
    CHECK(machine.ended_as(pe::Outcome::Expired) == 0);
    CHECK(machine.missing() == 0);
  }
};

}  // namespace

TEST_CASE("events that were recorded with a clock of 1970 are delivered by the next process") {
  ClockWorld world;
  world.machine.service->is_up = false;
  trouble::Process first = world.machine.start(world.machine.options());
  first.platform->set_now(std::chrono::system_clock::time_point{hours{24}});
  world.record(first, 100);
  world.machine.run(first, seconds{2});
  first.kill();

  world.machine.service->is_up = true;
  trouble::Process next = world.machine.start(world.machine.options());
  next.platform->set_now(kTrue);
  world.machine.run(next, seconds{60}, milliseconds{50});
  world.check_all_arrived();
}

TEST_CASE("a clock that is corrected after recording expires nothing of the same process") {
  ClockWorld world;
  world.machine.service->is_up = false;
  auto options = world.machine.options();
  options.max_pending_events = 100;
  trouble::Process process = world.machine.start(options);
  process.platform->set_now(std::chrono::system_clock::time_point{hours{24}});
  world.record(process, 300);
  world.machine.run(process, seconds{2});
  process.platform->set_now(kTrue);
  world.machine.service->is_up = true;
  world.machine.run(process, seconds{60}, milliseconds{50});
  world.check_all_arrived();
}

TEST_CASE("a process whose clock is a year ahead delivers what others left") {
  ClockWorld world;
  world.machine.service->is_up = false;
  trouble::Process first = world.machine.start(world.machine.options());
  world.record(first, 100);
  world.machine.run(first, seconds{2});
  first.kill();

  world.machine.service->is_up = true;
  trouble::Process next = world.machine.start(world.machine.options());
  next.platform->set_now(kTrue + hours{365 * 24});
  world.machine.run(next, seconds{60}, milliseconds{50});
  world.check_all_arrived();
}

TEST_CASE("a container's boot-time clock is not compared with the machine's") {
  ClockWorld world;
  world.machine.service->is_up = false;
  trouble::Process first = world.machine.start(world.machine.options());
  first.platform->set_boot("boot-1:container-1", seconds{5});
  world.record(first, 100);
  world.machine.run(first, seconds{2});
  first.kill();

  world.machine.service->is_up = true;
  trouble::Process next = world.machine.start(world.machine.options());
  next.platform->set_boot("boot-1", hours{24 * 400});
  next.platform->set_now(kTrue + hours{365 * 24});
  world.machine.run(next, seconds{60}, milliseconds{50});
  world.check_all_arrived();
}

TEST_CASE("within one boot an event that is too old expires, whatever the wall clock says") {
  ClockWorld world;
  world.machine.service->is_up = false;
  auto options = world.machine.options();
  options.spool->max_age = hours{2};
  trouble::Process first = world.machine.start(options);
  world.record(first, 100);
  world.machine.run(first, seconds{2});
  const auto boot_time = first.platform->boot_now();
  first.kill();

  world.machine.service->is_up = true;
  trouble::Process next = world.machine.start(options);
  next.platform->set_boot("boot-1", boot_time + hours{3});
  world.machine.run(next, seconds{60}, milliseconds{50});
  CHECK(world.machine.ended_as(pe::Outcome::Expired) == 100);
  CHECK(world.machine.service->arrived.empty());
}
