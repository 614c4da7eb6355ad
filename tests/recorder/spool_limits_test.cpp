// SPDX-License-Identifier: Apache-2.0
//
// SpoolOptions::max_bytes is a limit of the directory, and what is given up for it is reported.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "catch.hpp"
#include "recorder/trouble_world.hpp"

namespace pe = personalize_events;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("the spool's directory never exceeds max_bytes") {
  test::FaultyFiles disk;
  static_cast<void>(disk.make_folder("/"));
  trouble::Machine machine{disk};
  machine.service->is_up = false;
  auto options = machine.options();
  options.max_pending_events = GENERATE(std::size_t{100}, std::size_t{100'000});
  options.spool->max_bytes = 8U << 20U;
  trouble::Process process = machine.start(options);
  std::uint64_t largest = 0;
  // 24 MB in sessions that come and go.
  for (std::uint64_t i = 0; i < 4'000; ++i) {
    static_cast<void>(machine.record(process, i / 50, 6'000));
    if (i % 5 == 0) machine.run(process, milliseconds{10});
    largest = std::max(largest, disk.bytes_below("/spool"));
  }
  CAPTURE(largest, options.max_pending_events);
  CHECK(largest <= options.spool->max_bytes + (64U << 10U));
  CHECK(test::adds_up(process.recorder->stats()));
  CHECK(process.recorder->stats().dropped == machine.ended_as(pe::Outcome::Dropped));

  // What was not given up arrives.
  machine.service->is_up = true;
  machine.run(process, seconds{300}, milliseconds{50});
  CHECK(process.recorder->stats().pending + process.recorder->stats().spooled == 0);
  CHECK(machine.service->inversions == 0);
  CHECK(machine.missing() == machine.ended_as(pe::Outcome::Dropped));
}
