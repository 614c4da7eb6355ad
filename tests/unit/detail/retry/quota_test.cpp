// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/retry/quota.hpp"

#include <limits>
#include <thread>
#include <vector>

#include "catch.hpp"

namespace pe = personalize_events;
using pe::detail::retry::FailureClass;
using pe::detail::retry::RetryQuota;

TEST_CASE("a retry costs what AWS says") {
  CHECK(pe::detail::retry::retry_cost(FailureClass::Transient) == 14);
  CHECK(pe::detail::retry::retry_cost(FailureClass::Throttling) == 5);
  CHECK(pe::detail::retry::retry_cost(FailureClass::ClockSkew) == 0);
  CHECK(pe::detail::retry::retry_cost(FailureClass::RejectedCredentials) == 0);
  CHECK(pe::detail::retry::retry_cost(FailureClass::Terminal) == 0);
  CHECK(pe::detail::retry::kFirstTryRefund == 1);
}

TEST_CASE("tokens are taken until there are too few") {
  RetryQuota quota{30};
  CHECK(quota.available() == 30);
  CHECK(quota.acquire(14));
  CHECK(quota.acquire(14));
  CHECK_FALSE(quota.acquire(14));
  CHECK(quota.available() == 2);  // a refusal takes nothing
  CHECK(quota.acquire(2));
  CHECK_FALSE(quota.acquire(1));
  CHECK(quota.acquire(0));
  CHECK(quota.available() == 0);
}

TEST_CASE("tokens are given back up to the capacity") {
  RetryQuota quota{20};
  quota.release(5);
  CHECK(quota.available() == 20);
  REQUIRE(quota.acquire(14));
  quota.release(1);
  CHECK(quota.available() == 7);
  quota.release(14);
  CHECK(quota.available() == 20);
  REQUIRE(quota.acquire(1));
  quota.release(std::numeric_limits<int>::max());
  CHECK(quota.available() == 20);
}

TEST_CASE("a quota of any capacity is usable") {
  RetryQuota none{0}, negative{-5}, huge{std::numeric_limits<int>::max()};
  CHECK_FALSE(none.acquire(1));
  none.release(1);
  CHECK(none.available() == 0);
  CHECK(negative.available() == 0);
  CHECK_FALSE(negative.acquire(5));
  CHECK(huge.acquire(14));
  huge.release(14);
  huge.release(14);
  CHECK(huge.available() == std::numeric_limits<int>::max());
}

TEST_CASE("threads together take no more than there is, and lose nothing") {
  constexpr int kThreads = 8, kRounds = 20'000;
  RetryQuota quota{kThreads / 2};
  std::vector<std::thread> threads;
  std::vector<int> taken(kThreads, 0);
  std::atomic<int> held{0}, most{0};
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < kRounds; ++round) {
        if (!quota.acquire(1)) continue;
        ++taken[static_cast<std::size_t>(i)];
        const int now = ++held;
        int seen = most.load();
        while (now > seen && !most.compare_exchange_weak(seen, now)) continue;
        --held;
        quota.release(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(quota.available() == kThreads / 2);
  CHECK(most.load() <= kThreads / 2);
  CHECK(most.load() >= 1);
}
