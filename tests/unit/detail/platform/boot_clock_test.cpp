// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/platform/boot_clock.hpp"

#include <chrono>

#include "catch.hpp"

namespace pe = personalize_events;
using std::chrono::nanoseconds;

TEST_CASE("the boot-time clock goes on") {
  const auto before = pe::detail::boot_time();
  REQUIRE(before.has_value());
  const auto begin = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - begin < std::chrono::milliseconds{20}) {
  }
  const auto after = pe::detail::boot_time();
  REQUIRE(after.has_value());
  CHECK(*after - *before >= std::chrono::milliseconds{4});
  CHECK(*before > nanoseconds::zero());
}
