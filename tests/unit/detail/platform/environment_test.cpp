// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/platform/environment.hpp"

#include <optional>
#include <string>

#include "catch.hpp"
#include "support/environment.hpp"

namespace pe = personalize_events;
using pe::detail::environment_variable;

TEST_CASE("a variable has its value, also the empty one, and one that is not set has none") {
  const std::string name = "PERSONALIZE_EVENTS_TEST_OF_ENVIRONMENT";
  CHECK_FALSE(environment_variable(name).has_value());
  const std::string long_value(1000, 'v');
  {
    const test::Environment one{name, "some = value"};
    CHECK(environment_variable(name) == "some = value");
    const test::Environment other{name, long_value};
    CHECK(environment_variable(name) == long_value);
#if !defined(_WIN32)  // whose C library has no empty variables
    const test::Environment empty{name, ""};
    CHECK(environment_variable(name) == "");
#endif
  }
  CHECK_FALSE(environment_variable(name).has_value());
}
