// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/retry/backoff.hpp"

#include <chrono>
#include <limits>
#include <optional>

#include "catch.hpp"

namespace pe = personalize_events;
using namespace std::chrono_literals;
using pe::detail::retry::backoff_delay;
using pe::detail::retry::FailureClass;

TEST_CASE("a transient failure's wait doubles from 50 ms to 20 s") {
  const std::chrono::milliseconds expected[] = {50ms,   100ms,  200ms,    400ms, 800ms, 1600ms,
                                                3200ms, 6400ms, 12'800ms, 20s,   20s};
  int retry = 0;
  for (const auto most : expected) {
    CAPTURE(retry);
    CHECK(backoff_delay(FailureClass::Transient, retry, 1.0, {}) == most);
    ++retry;
  }
}

TEST_CASE("a throttled answer's wait doubles from 1 s to 20 s") {
  const std::chrono::milliseconds expected[] = {1s, 2s, 4s, 8s, 16s, 20s, 20s};
  int retry = 0;
  for (const auto most : expected) {
    CAPTURE(retry);
    CHECK(backoff_delay(FailureClass::Throttling, retry, 1.0, {}) == most);
    ++retry;
  }
}

TEST_CASE("the wait is a random part of that, cut before the jitter") {
  CHECK(backoff_delay(FailureClass::Transient, 0, 0.0, {}) == 0ns);
  CHECK(backoff_delay(FailureClass::Transient, 0, 0.5, {}) == 25ms);
  CHECK(backoff_delay(FailureClass::Throttling, 1, 0.25, {}) == 500ms);
  CHECK(backoff_delay(FailureClass::Throttling, 50, 0.5, {}) == 10s);
}

TEST_CASE("any number of retries gives a wait within bounds") {
  for (const int retry : {100, 1000, std::numeric_limits<int>::max()}) {
    CHECK(backoff_delay(FailureClass::Transient, retry, 1.0, {}) == 20s);
  }
  CHECK(backoff_delay(FailureClass::Transient, -1, 1.0, {}) == 50ms);
}

TEST_CASE("the service's hint moves the wait up by five seconds at the most, and never down") {
  const auto with_hint = [](std::chrono::milliseconds hint) {
    return backoff_delay(FailureClass::Transient, 1, 0.5, hint);  // 50 ms without a hint
  };
  CHECK(with_hint(0ms) == 50ms);
  CHECK(with_hint(49ms) == 50ms);
  CHECK(with_hint(50ms) == 50ms);
  CHECK(with_hint(1500ms) == 1500ms);
  CHECK(with_hint(5050ms) == 5050ms);
  CHECK(with_hint(5051ms) == 5050ms);
  CHECK(with_hint(24h) == 5050ms);
  CHECK(with_hint(std::chrono::milliseconds::max()) == 5050ms);
  CHECK(with_hint(-1ms) == 50ms);
  CHECK(backoff_delay(FailureClass::Throttling, 9, 1.0, 60s) == 25s);
}
