// SPDX-License-Identifier: Apache-2.0

#include "recorder/spool_model.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>

#include "catch.hpp"
#include "support/recorder_world.hpp"

TEST_CASE(
    "whatever happens to process and disk, the spool has what it promised, and nothing else") {
  constexpr std::size_t steps = 200;
  const char* replay = std::getenv("PERSONALIZE_EVENTS_SEED");
  const std::uint64_t first = replay == nullptr ? 1 : std::strtoull(replay, nullptr, 10);
  // A hundred thousand steps.
  const std::uint64_t count = replay == nullptr ? test::scaled(500) : 1;
  std::uint64_t crashes = 0;
  std::uint64_t recovered = 0;
  std::uint64_t dropped = 0;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    simulation::SpoolModel model{seed};
    const std::string broken = model.run(steps);
    INFO("replay with PERSONALIZE_EVENTS_SEED=" << seed);
    REQUIRE(broken == "");
    crashes += model.crashes();
    recovered += model.recovered();
    dropped += model.dropped();
  }
  if (replay != nullptr) return;
  // The disk was not kind.
  CHECK(crashes > count);
  CHECK(recovered > count);
  CHECK(dropped > 0);
}
