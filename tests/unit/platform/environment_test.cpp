// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/platform/environment.hpp"

#include <cstdlib>
#include <string>

#include "catch.hpp"

namespace pe = personalize_events;
using pe::detail::environment_variable;

TEST_CASE("a variable has its value, also the empty one, and one that is not set has none") {
  const std::string name = "PERSONALIZE_EVENTS_TEST_OF_ENVIRONMENT";
  CHECK_FALSE(environment_variable(name).has_value());
  REQUIRE(::setenv(name.c_str(), "some = value", 1) == 0);
  CHECK(environment_variable(name) == "some = value");
  const std::string long_value(1000, 'v');
  REQUIRE(::setenv(name.c_str(), long_value.c_str(), 1) == 0);
  CHECK(environment_variable(name) == long_value);
  REQUIRE(::setenv(name.c_str(), "", 1) == 0);
  CHECK(environment_variable(name) == "");
  REQUIRE(::unsetenv(name.c_str()) == 0);
  CHECK_FALSE(environment_variable(name).has_value());
}
