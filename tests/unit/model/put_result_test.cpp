// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/model/put_result.hpp"

#include "catch.hpp"

namespace pe = personalize_events;

TEST_CASE("a put result begins without id and attempts") {
  const pe::PutResult none;
  CHECK(none.request_id.empty());
  CHECK(none.attempts == 0);
  const pe::PutResult some{"id-1", 2};
  CHECK(some.request_id == "id-1");
  CHECK(some.attempts == 2);
}
