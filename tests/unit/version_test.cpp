// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/version.hpp"

#include <string>
#include <typeinfo>

#include "catch.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace version_test {
struct Probe {};
}  // namespace version_test
PERSONALIZE_EVENTS_NAMESPACE_END

TEST_CASE("the text of the version is that of its three numbers") {
  const std::string expected = std::to_string(PERSONALIZE_EVENTS_VERSION_MAJOR) + "." +
                               std::to_string(PERSONALIZE_EVENTS_VERSION_MINOR) + "." +
                               std::to_string(PERSONALIZE_EVENTS_VERSION_PATCH);
  CHECK(expected == PERSONALIZE_EVENTS_VERSION);
}

TEST_CASE("names live in an inline namespace of the full version") {
  std::string expected = "v" PERSONALIZE_EVENTS_VERSION;
  for (char& c : expected) c = c == '.' ? '_' : c;
  // The mangled name, which is what the linker sees.
  CHECK_THAT(std::string(typeid(personalize_events::version_test::Probe).name()),
             test::ContainsSubstring("18personalize_events" + std::to_string(expected.size()) +
                                     expected + "12version_test"));
}
