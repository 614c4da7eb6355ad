// SPDX-License-Identifier: Apache-2.0

#include "send/pace.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

#include "catch.hpp"
#include "personalize_events/testing/virtual_platform.hpp"

namespace pe = personalize_events;
using tools::send::Gate;
using tools::send::Pace;

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("what leaves makes the next wait until its time is paid") {
  Pace pace(10);
  const Pace::TimePoint start{seconds{100}};
  CHECK(pace.take(5, start).count() == 0);
  CHECK(pace.take(10, start) == milliseconds{500});
  CHECK(pace.take(1, start) == milliseconds{1500});
  CHECK(pace.take(1, start + seconds{1}) == milliseconds{600});
}

TEST_CASE("a pause is not made up for") {
  Pace pace(10);
  const Pace::TimePoint start{seconds{100}};
  CHECK(pace.take(10, start).count() == 0);
  CHECK(pace.take(10, start + seconds{60}).count() == 0);
  CHECK(pace.take(10, start + seconds{60}) == seconds{1});
}

TEST_CASE("through a gate no more events pass than the rate allows, and no fewer") {
  const auto platform = std::make_shared<pe::testing::VirtualPlatform>();
  const double rate = GENERATE(0.5, 10.0, 333.0, 20000.0);
  Gate gate(rate, platform);
  const auto start = platform->steady_now();
  std::size_t passed = 0;
  for (int i = 0; i < 100; ++i) {
    const std::size_t events = 1 + static_cast<std::size_t>(i) % 10;
    gate.pass(events);
    const double time = std::chrono::duration<double>(platform->steady_now() - start).count();
    // What passed before has been paid for by now.
    CHECK(static_cast<double>(passed) <= rate * time + 0.001);
    CHECK(static_cast<double>(passed) >= rate * time - 0.001);
    passed += events;
  }
}

TEST_CASE("a rate of 0 holds nobody") {
  const auto platform = std::make_shared<pe::testing::VirtualPlatform>();
  Gate gate(0, platform);
  const auto start = platform->steady_now();
  for (int i = 0; i < 100; ++i) gate.pass(10);
  CHECK(platform->steady_now() == start);
}

TEST_CASE("an interrupted run is not held") {
  const auto platform = std::make_shared<pe::testing::VirtualPlatform>();
  Gate gate(0.001, platform);
  gate.pass(1);
  const auto start = platform->steady_now();
  tools::send::interrupted.store(true);
  gate.pass(1);
  tools::send::interrupted.store(false);
  CHECK(platform->steady_now() == start);
}
