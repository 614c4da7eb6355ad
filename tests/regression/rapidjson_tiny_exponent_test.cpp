// SPDX-License-Identifier: Apache-2.0
//
// RapidJSON 1.1.0 overflows a signed int when it computes the exponent of
// 0.00000000000000000001e-2147483639. json::parse takes numbers as text and checks them itself.

#include <string>

#include "catch.hpp"
#include "personalize_events/detail/base/number.hpp"
#include "personalize_events/detail/json/reader.hpp"
#include "personalize_events/detail/wire/properties.hpp"
#include "personalize_events/detail/wire/read.hpp"
#include "personalize_events/model/put_events.hpp"

namespace pe = personalize_events;

TEST_CASE("a number with a tiny exponent is read as its text, and as zero") {
  const std::string tiny = "0.00000000000000000001e-2147483639";
  const auto value = pe::detail::json::parse(tiny);
  REQUIRE(value);
  CHECK(value->text == tiny);
  CHECK(pe::detail::parse_double(value->text) == 0.0);

  const auto event = pe::detail::wire::read<pe::Event>(R"({"eventType":"Watch","sentAt":)" + tiny +
                                                       R"(,"eventValue":)" + tiny + "}");
  REQUIRE(event);
  CHECK(event->event_value == 0.0);
  CHECK(pe::properties_from_json(R"({"a":)" + tiny + "}"));
}
