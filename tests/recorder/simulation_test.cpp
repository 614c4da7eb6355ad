// SPDX-License-Identifier: Apache-2.0
//
// Thousands of simulated lives of a recorder. PERSONALIZE_EVENTS_SEEDS says how many;
// PERSONALIZE_EVENTS_SEED replays one.

#include "simulation.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>

#include "catch.hpp"
#include "support/recorder_world.hpp"

namespace {

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace

TEST_CASE("every event ends in exactly one account, whatever the world does") {
  const std::uint64_t only = number_from("PERSONALIZE_EVENTS_SEED", 0);
  const std::uint64_t first = only == 0 ? 1 : only;
  const std::uint64_t all = number_from("PERSONALIZE_EVENTS_SEEDS", test::scaled(10'000));
  const std::uint64_t count = only == 0 ? all : 1;
  personalize_events::RecorderStats sum;
  std::uint64_t duplicates = 0;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    simulation::Simulation run{seed};
    const std::string broken = run.run();
    if (!broken.empty()) {
      FAIL("seed " << seed << ": " << broken
                   << "; replay it with PERSONALIZE_EVENTS_SEED=" << seed);
    }
    sum.recorded += run.stats().recorded;
    sum.delivered += run.stats().delivered;
    sum.rejected += run.stats().rejected;
    sum.expired += run.stats().expired;
    sum.dropped += run.stats().dropped;
    sum.retries += run.stats().retries;
    duplicates += run.duplicates();
  }
  if (count == 1) return;
  // The seeds reach what they are for.
  CHECK(sum.delivered > sum.recorded / 4);
  CHECK(sum.rejected > 0);
  CHECK(sum.expired > 0);
  CHECK(sum.dropped > 0);
  CHECK(sum.retries > 0);
  CHECK(duplicates > 0);
}
