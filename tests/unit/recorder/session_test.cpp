// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/session.hpp"

#include <type_traits>

#include "catch.hpp"

namespace pe = personalize_events;

TEST_CASE("a session is an aggregate, and anonymous unless it says otherwise") {
  CHECK(std::is_aggregate_v<pe::Session>);
  const pe::Session anonymous{"visit-1"};
  CHECK(anonymous.session_id == "visit-1");
  CHECK_FALSE(anonymous.user_id.has_value());
  const pe::Session known{"visit-1", "user-7"};
  CHECK(known.user_id == "user-7");
}
