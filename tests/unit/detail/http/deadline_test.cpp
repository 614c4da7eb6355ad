// SPDX-License-Identifier: Apache-2.0
#include "personalize_events/detail/http/deadline.hpp"

#include <chrono>

#include "catch.hpp"

namespace pe = personalize_events;
using pe::detail::deadline_of;
using pe::detail::time_left;
using std::chrono::milliseconds;

TEST_CASE("A deadline is the timeout from now, between nothing and a day") {
  const std::chrono::steady_clock::time_point now{std::chrono::hours{1}};
  pe::HttpRequest request{"GET"};
  request.timeout = milliseconds{250};
  CHECK(deadline_of(request, now) == now + milliseconds{250});
  request.timeout = milliseconds::min();
  CHECK(deadline_of(request, now) == now);
  request.timeout = milliseconds::max();
  CHECK(deadline_of(request, now) == now + std::chrono::hours{24});
}

TEST_CASE("What is left is rounded up, so that nobody wakes before the deadline") {
  const std::chrono::steady_clock::time_point now{std::chrono::hours{1}};
  CHECK(time_left(now + std::chrono::microseconds{1}, now) == milliseconds{1});
  CHECK(time_left(now + milliseconds{7}, now) == milliseconds{7});
  CHECK(time_left(now, now) == milliseconds{0});
  CHECK(time_left(now - std::chrono::hours{1}, now) == milliseconds{0});
  CHECK(time_left(std::chrono::steady_clock::time_point::max(), now) > std::chrono::hours{24});
}
