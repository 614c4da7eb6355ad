// SPDX-License-Identifier: Apache-2.0
//
// The events of a session arrive in the order of recording: over the overflow to the disk, a crash,
// an adoption and a disk that refuses writes for a while.

#include <chrono>
#include <cstdint>

#include "catch.hpp"
#include "recorder/trouble_world.hpp"

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("a session's order holds over a crash with events in memory and on the disk only") {
  std::uint64_t inversions = 0;
  std::uint64_t missing = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    test::FaultyFiles disk;
    static_cast<void>(disk.make_folder("/"));
    trouble::Machine machine{disk};
    machine.seed = seed * 1'000;
    machine.service->is_up = false;
    auto options = machine.options();
    options.max_pending_events = 100;
    trouble::Process first = machine.start(options);
    for (int i = 0; i < 1'000; ++i) REQUIRE(machine.record(first, 1).has_value());
    machine.run(first, seconds{2});
    first.kill();

    machine.service->is_up = true;
    trouble::Process next = machine.start(options);
    machine.run(next, seconds{60}, milliseconds{50});
    inversions += machine.service->inversions;
    missing += machine.missing();
  }
  CAPTURE(inversions, missing);
  CHECK(inversions == 0);
  CHECK(missing == 0);
}

TEST_CASE("a session goes on after a crash, and its older events arrive first") {
  std::uint64_t inversions = 0;
  std::uint64_t missing = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    test::FaultyFiles disk;
    static_cast<void>(disk.make_folder("/"));
    trouble::Machine machine{disk};
    machine.seed = seed * 1'000;
    machine.service->is_up = false;
    auto options = machine.options();
    for (int life = 0; life < 3; ++life) {
      trouble::Process process = machine.start(options);
      for (int i = 0; i < 50; ++i) REQUIRE(machine.record(process, 1).has_value());
      machine.run(process, seconds{1});
      process.kill();
    }
    machine.service->is_up = true;
    trouble::Process last = machine.start(options);
    for (int i = 0; i < 50; ++i) REQUIRE(machine.record(last, 1).has_value());
    machine.run(last, seconds{60}, milliseconds{50});
    inversions += machine.service->inversions;
    missing += machine.missing();
  }
  CAPTURE(inversions, missing);
  CHECK(inversions == 0);
  CHECK(missing == 0);
}

TEST_CASE("a disk that refuses for three seconds while events are on it turns no order round") {
  test::FaultyFiles disk;
  static_cast<void>(disk.make_folder("/"));
  trouble::Machine machine{disk};
  machine.service->is_up = false;
  auto options = machine.options();
  options.max_pending_events = 100;
  options.max_requests_per_second = 20;
  trouble::Process process = machine.start(options);
  for (int i = 0; i < 3'000; ++i) REQUIRE(machine.record(process, 1).has_value());
  machine.run(process, seconds{1});

  // Memory has room again while the disk still has many of the session's events.
  machine.service->is_up = true;
  machine.run(process, seconds{5}, milliseconds{50});
  REQUIRE(machine.missing() > 500);
  disk.space = 0;
  std::uint64_t refused = 0;
  for (int i = 0; i < 60; ++i) {
    refused += machine.record(process, 1) ? 0U : 1U;
    machine.run(process, milliseconds{50}, milliseconds{50});
  }
  disk.space.reset();
  for (int i = 0; i < 60; ++i) {
    refused += machine.record(process, 1) ? 0U : 1U;
    machine.run(process, milliseconds{50}, milliseconds{50});
  }
  machine.run(process, seconds{300}, milliseconds{50});
  CAPTURE(refused, machine.service->inversions, machine.missing());
  CHECK(machine.service->inversions == 0);
  CHECK(machine.missing() == 0);
}
