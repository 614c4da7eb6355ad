// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/breaker.hpp"

#include <optional>

#include "catch.hpp"
#include "support/recorder_events.hpp"

namespace pe = personalize_events;
using pe::FaultKind;
using pe::detail::Breaker;
using pe::detail::SteadyTime;
using test::at;

TEST_CASE("sixteen failures in a row open it, or as many as may be in flight") {
  for (const std::size_t max_in_flight : {1U, 16U, 40U}) {
    Breaker breaker{max_in_flight};
    breaker.accepted(at(0));
    const std::size_t many = max_in_flight > 16 ? max_in_flight : 16;
    for (std::size_t i = 1; i < many; ++i) breaker.failed(FaultKind::Unavailable, at(1), 1);
    CHECK_FALSE(breaker.fault());
    breaker.failed(FaultKind::Offline, at(1), 1);
    CHECK(breaker.fault() == FaultKind::Offline);
  }
}

TEST_CASE("three failures in a row open it when there was no success for half a minute") {
  Breaker breaker{32};
  breaker.accepted(at(0));
  for (int i = 0; i < 5; ++i) breaker.failed(FaultKind::Unavailable, at(29'999), 1);
  CHECK_FALSE(breaker.fault());
  breaker.failed(FaultKind::Unavailable, at(30'000), 1);
  CHECK(breaker.fault() == FaultKind::Unavailable);

  Breaker never{32};
  for (int i = 0; i < 2; ++i) never.failed(FaultKind::Offline, at(0), 1);
  CHECK_FALSE(never.fault());
  never.failed(FaultKind::Offline, at(0), 1);
  CHECK(never.fault() == FaultKind::Offline);
}

TEST_CASE("a success begins the count again, and closes it") {
  Breaker breaker{1};
  breaker.accepted(at(0));
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 15; ++i) breaker.failed(FaultKind::Unavailable, at(1), 1);
    for (int i = 0; i < 2; ++i) breaker.held(FaultKind::Credentials, at(1), 1);
    breaker.accepted(at(1));
  }
  CHECK_FALSE(breaker.fault());
  for (int i = 0; i < 3; ++i) breaker.held(FaultKind::Credentials, at(1), 1);
  CHECK(breaker.fault() == FaultKind::Credentials);
  breaker.accepted(at(2));
  CHECK_FALSE(breaker.fault());
}

TEST_CASE("while it is open one request at a time leaves, slower up to ten seconds") {
  Breaker breaker{1};
  breaker.held(FaultKind::Configuration, at(0), 1);
  CHECK(breaker.leave_at(1) == SteadyTime::max());
  CHECK(breaker.leave_at(0) == at(1'000));
  std::int64_t now = 1'000;
  for (const int wait : {2'000, 4'000, 8'000, 10'000, 10'000}) {
    breaker.use();
    breaker.failed(FaultKind::Unavailable, at(now), 1);
    CHECK(breaker.fault() == FaultKind::Unavailable);
    CHECK(breaker.leave_at(0) == at(now + wait));
    // The result of a request that left before it opened.
    breaker.failed(FaultKind::Offline, at(now + 1), 1);
    CHECK(breaker.fault() == FaultKind::Unavailable);
    now += wait;
  }
  breaker.use();
  breaker.passed(at(now), 0);
  CHECK(breaker.fault() == FaultKind::Unavailable);
  CHECK(breaker.leave_at(0) == at(now + 5'000));
}

TEST_CASE("a refusal closes it, and refusals only open it") {
  Breaker breaker{1};
  breaker.accepted(at(0));
  for (int i = 0; i < 3; ++i) breaker.held(FaultKind::Credentials, at(1), 1);
  breaker.refused(true, at(2), 1);
  CHECK_FALSE(breaker.fault());
  CHECK(breaker.refusals() == 1);
  CHECK(breaker.may_reject(at(2)));
  breaker.refused(false, at(2), 1);
  CHECK(breaker.refusals() == 1);
  for (int i = 0; i < 2; ++i) breaker.refused(true, at(3), 1);
  CHECK_FALSE(breaker.may_reject(at(3)));
  CHECK_FALSE(breaker.fault());
  breaker.refused(false, at(60'000), 1);
  CHECK(breaker.fault() == FaultKind::TrackingId);
  CHECK(breaker.refuses_all());
  breaker.use();
  breaker.refused(false, at(61'000), 1);
  CHECK(breaker.refuses_all());
  breaker.use();
  breaker.accepted(at(62'000));
  CHECK_FALSE(breaker.fault());
  CHECK(breaker.may_reject(at(62'000)));
}

TEST_CASE("when only refusals come fewer and fewer events end, and none after a minute") {
  Breaker breaker{100};
  breaker.accepted(at(0));
  int ended = 0;
  for (int i = 0; i < 3; ++i) breaker.refused(true, at(100), 1);
  for (std::int64_t now = 100; now < 600'000; now += 50) {
    if (!breaker.may_reject(at(now))) continue;
    breaker.rejected(at(now));
    ++ended;
  }
  CHECK(ended >= 5);
  CHECK(ended <= 7);
}
