// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/retry/options.hpp"

#include "catch.hpp"

namespace pe = personalize_events;

TEST_CASE("retry options are empty until someone says otherwise, with AWS's quota") {
  const pe::RetryOptions options;
  CHECK_FALSE(options.mode.has_value());
  CHECK_FALSE(options.max_attempts.has_value());
  CHECK(options.quota == 500);
}
