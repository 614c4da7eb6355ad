// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/bounded_options.hpp"

#include <chrono>

#include "catch.hpp"

namespace pe = personalize_events;
using std::chrono::milliseconds;

TEST_CASE("Options are bounded by what time and the transport can hold") {
  pe::RecorderOptions options = pe::RecorderOptions::server("tracker");
  options.linger = milliseconds::max();
  options.block_timeout = milliseconds::max();
  options.delivery_timeout = milliseconds::max();
  options.shutdown_timeout = milliseconds::min();
  pe::HttpOptions http;
  http.max_connections = 8;
  const pe::RecorderOptions bounded = pe::detail::bounded(options, http);
  CHECK(bounded.linger == pe::detail::kLongestWait);
  CHECK(bounded.block_timeout == pe::detail::kLongestWait);
  CHECK(bounded.delivery_timeout == pe::detail::kLongestWait);
  CHECK(bounded.shutdown_timeout == milliseconds{0});
  CHECK(bounded.max_in_flight == 8);
  options.max_in_flight = 2;
  CHECK(pe::detail::bounded(options, http).max_in_flight == 2);
  CHECK(pe::detail::bounded(options, pe::HttpOptions{}).linger.count() > 0);
}

TEST_CASE("With a spool its age is what an event may wait, within what time can hold") {
  pe::RecorderOptions options = pe::RecorderOptions::server("tracker");
  options.spool.emplace();
  options.spool->max_age = std::chrono::hours{48};
  CHECK(pe::detail::bounded(options, {}).delivery_timeout == std::chrono::hours{48});
  options.spool->max_age = std::chrono::hours::max();
  const pe::RecorderOptions bounded = pe::detail::bounded(options, {});
  CHECK(bounded.delivery_timeout == pe::detail::kLongestWait);
  CHECK(bounded.spool->max_age == pe::detail::kLongestWait);
}
