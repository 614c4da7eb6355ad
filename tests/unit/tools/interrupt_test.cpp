// SPDX-License-Identifier: Apache-2.0

#include "send/interrupt.hpp"

#include <csignal>

#include "catch.hpp"

TEST_CASE("a signal is a wish, and the next one has its own meaning again") {
  const auto earlier = std::signal(SIGTERM, SIG_DFL);
  tools::send::stop_at_signals();
  CHECK_FALSE(tools::send::is_interrupted());
  REQUIRE(std::raise(SIGTERM) == 0);
  CHECK(tools::send::is_interrupted());
  CHECK(std::signal(SIGTERM, earlier) == SIG_DFL);
  std::signal(SIGINT, SIG_DFL);
  tools::send::interrupted.store(false);
}
