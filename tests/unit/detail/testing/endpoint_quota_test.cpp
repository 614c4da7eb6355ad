// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/testing/endpoint_quota.hpp"

#include <chrono>

#include "catch.hpp"

namespace pe = personalize_events;
using namespace std::chrono_literals;
using pe::testing::RequestQuota;

namespace {

const RequestQuota::TimePoint kStart{1h};

/// How many of many requests at one moment are within the quota.
int taken_at(RequestQuota& quota, RequestQuota::TimePoint now) {
  int taken = 0;
  while (taken < 1000 && quota.take(now)) ++taken;
  return taken;
}

}  // namespace

TEST_CASE("Without a rate everything is within the quota") {
  RequestQuota quota(0);
  CHECK(taken_at(quota, kStart) == 1000);
  CHECK(quota.wait(kStart) == 0ms);
}

TEST_CASE("A second's worth may come at once, then as much as time passes") {
  RequestQuota quota(10);
  CHECK(taken_at(quota, kStart) == 10);
  CHECK(taken_at(quota, kStart + 99ms) == 0);
  CHECK(taken_at(quota, kStart + 100ms) == 1);
  CHECK(taken_at(quota, kStart + 600ms) == 5);
  CHECK(taken_at(quota, kStart + 1h) == 10);
}

TEST_CASE("The wait is until the next request is within the quota") {
  RequestQuota quota(4);
  CHECK(quota.wait(kStart) == 0ms);
  CHECK(taken_at(quota, kStart) == 4);
  CHECK(quota.wait(kStart) == 250ms);
  CHECK(quota.wait(kStart + 100ms) == 150ms);
  CHECK_FALSE(quota.take(kStart + 249ms));
  CHECK(quota.take(kStart + 250ms));
}

TEST_CASE("After the wait that was told a request is taken, at any rate") {
  const double rate = GENERATE(0.3, 1.0, 3.0, 7.0, 999.0, 1234.5);
  RequestQuota quota(rate);
  RequestQuota::TimePoint now = kStart;
  CHECK(taken_at(quota, now) >= 1);
  for (int i = 0; i < 100; ++i) {
    static_cast<void>(taken_at(quota, now));
    const auto wait = quota.wait(now);
    REQUIRE(wait > 0ms);
    now += wait;
    REQUIRE(quota.take(now));
  }
}

TEST_CASE("A rate of less than one a second lets one through at a time") {
  RequestQuota quota(0.5);
  CHECK(taken_at(quota, kStart) == 1);
  CHECK(quota.wait(kStart) == 2s);
  CHECK(taken_at(quota, kStart + 1h) == 1);
  RequestQuota tiny(1e-30);
  CHECK(taken_at(tiny, kStart) == 1);
  CHECK(tiny.wait(kStart) == 24h);
}

TEST_CASE("Time that goes back gives nothing, and is not counted twice") {
  RequestQuota quota(1);
  CHECK(taken_at(quota, kStart) == 1);
  CHECK(taken_at(quota, kStart - 10s) == 0);
  CHECK(taken_at(quota, kStart) == 0);
  CHECK(taken_at(quota, kStart + 1s) == 1);
}
