// SPDX-License-Identifier: Apache-2.0
//
// RapidJSON 1.1.0 parses recursively by default: 64 KiB of '[' in a service's answer overflowed the
// stack. json::parse parses iteratively and stops at 32 levels.

#include <string>

#include "catch.hpp"
#include "personalize_events/detail/json/reader.hpp"
#include "personalize_events/detail/wire/properties.hpp"
#include "personalize_events/detail/wire/response.hpp"

namespace pe = personalize_events;

TEST_CASE("64 KiB of open brackets are refused as nested too deep") {
  const std::string brackets(64 * 1024, '[');
  const auto value = pe::detail::json::parse(brackets);
  REQUIRE_FALSE(value);
  CHECK(value.error().message == "nested deeper than 32 levels");

  std::string objects;
  while (objects.size() < 64 * 1024) objects += R"({"a":)";
  CHECK_FALSE(pe::detail::json::parse(objects));
  CHECK_FALSE(pe::properties_from_json(objects));
}

TEST_CASE("an answer of 64 KiB of open brackets is an error without code") {
  const auto error =
      pe::detail::wire::error_of({503, {{"x-amzn-RequestId", "id"}}, std::string(64 * 1024, '[')},
                                 pe::detail::wire::Connection::Trusted);
  REQUIRE(error);
  CHECK(error->kind == pe::ErrorKind::Service);
  CHECK(error->code.empty());
  CHECK(error->retryable);
}
