// SPDX-License-Identifier: Apache-2.0
#include "personalize_events/http/options.hpp"

#include "catch.hpp"
#include "personalize_events/http/message.hpp"

namespace pe = personalize_events;

TEST_CASE("A request's own connect timeout is by default that of the options") {
  CHECK(pe::HttpOptions{}.connect_timeout == pe::HttpRequest{"GET"}.connect_timeout);
  CHECK(pe::HttpOptions{}.max_connections == 50);
}
