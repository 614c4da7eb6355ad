// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/recorder/throttle.hpp"

#include <chrono>

#include "catch.hpp"
#include "support/recorder_events.hpp"

namespace pe = personalize_events;
using pe::detail::Lane;
using pe::detail::Throttle;
using test::at;

TEST_CASE("without a limit and without throttling nothing waits") {
  Throttle throttle{0, at(0)};
  for (int i = 0; i < 1000; ++i) {
    CHECK(throttle.leave_at(Lane::Live, at(0)) == at(0));
    throttle.use(Lane::Live, at(0));
    throttle.answered(Lane::Live, false, at(0));
  }
  CHECK(throttle.rate(Lane::Live) == 0);
}

TEST_CASE("the application's limit spaces requests out") {
  Throttle throttle{10, at(0)};
  CHECK(throttle.leave_at(Lane::Live, at(0)) == at(0));
  throttle.use(Lane::Live, at(0));
  CHECK(throttle.leave_at(Lane::Live, at(0)) == at(100));
  CHECK(throttle.leave_at(Lane::Live, at(50)) == at(100));
  throttle.use(Lane::Live, at(100));
  CHECK(throttle.leave_at(Lane::Live, at(150)) == at(200));
  throttle.use(Lane::Live, at(5'000));
  CHECK(throttle.leave_at(Lane::Live, at(5'000)) == at(5'100));
}

TEST_CASE("a throttled answer slows the next requests, and good ones lift it again") {
  Throttle throttle{0, at(0)};
  for (int i = 0; i < 40; ++i) {
    throttle.use(Lane::Live, at(i * 25));
    throttle.answered(Lane::Live, false, at(i * 25));
  }
  throttle.answered(Lane::Live, true, at(1'000));
  const double slowed = throttle.rate(Lane::Live);
  CHECK(slowed > 0);
  CHECK(throttle.leave_at(Lane::Live, at(1'000)) > at(1'000));
  std::int64_t now = 1'000;
  for (int i = 0; i < 400; ++i) {
    now = std::max<std::int64_t>(now, std::chrono::duration_cast<std::chrono::milliseconds>(
                                          throttle.leave_at(Lane::Live, at(now)) - at(0))
                                              .count() +
                                          1);
    throttle.use(Lane::Live, at(now));
    throttle.answered(Lane::Live, false, at(now));
  }
  CHECK(throttle.rate(Lane::Live) > slowed);
}

TEST_CASE("after an outage the backlog begins gently, even if nothing was ever throttled") {
  Throttle throttle{0, at(0)};
  for (int i = 0; i < 100; ++i) throttle.answered(Lane::Live, false, at(i * 10));
  throttle.resume(at(600'000));
  CHECK(throttle.rate(Lane::Backlog) > 0);
  CHECK(throttle.rate(Lane::Backlog) < 100);
  CHECK(throttle.rate(Lane::Live) == 0);
  int left = 0;
  while (throttle.leave_at(Lane::Backlog, at(600'000)) == at(600'000) && left < 100) {
    throttle.use(Lane::Backlog, at(600'000));
    ++left;
  }
  CHECK(left < 100);
  CHECK(throttle.leave_at(Lane::Live, at(600'000)) == at(600'000));
}

TEST_CASE("after an outage the rate doubles every half second until something is throttled") {
  Throttle throttle{0, at(0)};
  throttle.resume(at(3'000));
  int sent = 0;
  const auto run = [&](std::int64_t from, std::int64_t until) {
    sent = 0;
    for (std::int64_t now = from; now < until; ++now) {
      if (throttle.leave_at(Lane::Backlog, at(now)) > at(now)) continue;
      throttle.use(Lane::Backlog, at(now));
      throttle.answered(Lane::Backlog, false, at(now));
      ++sent;
    }
  };
  run(3'000, 5'000);
  CHECK(sent > 30);
  CHECK(sent < 80);
  run(5'000, 7'000);
  CHECK(sent > 500);
  const double fast = throttle.rate(Lane::Backlog);
  CHECK(throttle.answered(Lane::Backlog, true, at(7'000)));
  CHECK(throttle.rate(Lane::Backlog) < fast);
  run(7'000, 9'000);
  CHECK(throttle.rate(Lane::Backlog) < fast);
}

TEST_CASE("single throttled responses slow nothing down at a high rate, a tenth of them does") {
  Throttle throttle{0, at(0)};
  std::int64_t now = 0;
  for (int i = 0; i < 10'000; ++i) {
    now += 2;
    throttle.use(Lane::Live, at(now));
    REQUIRE_FALSE(throttle.answered(Lane::Live, i % 20 == 19, at(now)));
  }
  int until = 0;
  while (!throttle.answered(Lane::Live, until % 4 == 3, at(now += 2))) REQUIRE(++until < 100);
  CHECK(throttle.rate(Lane::Live) > 200);
}

TEST_CASE("a backlog gives way for throttling that hit a live request") {
  Throttle throttle{0, at(0)};
  throttle.resume(at(0));
  throttle.use(Lane::Backlog, at(1'000));
  throttle.answered(Lane::Live, true, at(5'000));
  CHECK(throttle.rate(Lane::Live) == 0);
  throttle.answered(Lane::Live, true, at(12'000));
  CHECK(throttle.rate(Lane::Live) > 0);
}
