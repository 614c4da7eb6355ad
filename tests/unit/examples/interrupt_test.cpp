// SPDX-License-Identifier: Apache-2.0

#include "send_events/interrupt.hpp"

#include <csignal>

#include "catch.hpp"

TEST_CASE("a signal is a wish, and the next one has its own meaning again") {
  const auto earlier = std::signal(SIGTERM, SIG_DFL);
  send_events::stop_at_signals();
  CHECK_FALSE(send_events::is_interrupted());
  REQUIRE(std::raise(SIGTERM) == 0);
  CHECK(send_events::is_interrupted());
  CHECK(std::signal(SIGTERM, earlier) == SIG_DFL);
  std::signal(SIGINT, SIG_DFL);
  send_events::interrupted.store(false);
}
