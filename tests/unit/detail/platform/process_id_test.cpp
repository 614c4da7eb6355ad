// SPDX-License-Identifier: Apache-2.0
#include "personalize_events/detail/platform/process_id.hpp"

#include "catch.hpp"
#include "support/fork.hpp"

namespace pe = personalize_events;

TEST_CASE("The process ID is that of this process") {
  const auto own = pe::detail::process_id();
  CHECK(own > 0);
  CHECK(pe::detail::process_id() == own);
#if PERSONALIZE_EVENTS_TESTS_CAN_FORK
  CHECK(test::ends_well_in_child(
      [own] { return pe::detail::process_id() != own && ::getppid() == own; }));
#endif
}
