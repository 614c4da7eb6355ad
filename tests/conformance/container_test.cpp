// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/providers/container.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <string>

#include "catch.hpp"
#include "personalize_events/testing/fake_transport.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "support/conformance.hpp"

namespace pe = personalize_events;
using test::member;

TEST_CASE("the container is asked where the published suite says") {
  const std::string suite = "credentials/ecs-tests.json";
  // The suite's errors are in another SDK's words: here is where each stands, and whether it ends a
  // chain.
  struct Failure {
    const char* where;
    bool was_meant;
  };
  const std::map<std::string, Failure> failures{
      {"No environment variables were set to configure ECS provider", {"container", false}},
      {"URI did not specify a host", {"AWS_CONTAINER_CREDENTIALS_FULL_URI", true}},
  };
  const pe::detail::json::Value vectors = test::read_vectors(suite);
  std::size_t count = 0;
  for (const pe::detail::json::Value& vector : member(vectors, "tests").items) {
    ++count;
    INFO("case " << count << ": " << member(vector, "docs").text);
    const auto platform = std::make_shared<pe::testing::VirtualPlatform>();
    const auto transport = std::make_shared<pe::testing::FakeTransport>();
    for (const auto& [name, value] : member(vector, "env").members) {
      platform->set_environment(name, value.text);
    }
    const auto credentials = pe::container_credentials({transport, platform})();
    REQUIRE_FALSE(credentials.has_value());  // the transport's empty answer has no keys
    const pe::detail::json::Value& result = member(vector, "result");
    if (const std::string* url = result.find_string("Ok")) {
      REQUIRE(transport->requests().size() == 1);
      CHECK(transport->requests()[0].url == *url);
      continue;
    }
    const auto failure = failures.find(member(result, "ErrorContains").text);
    REQUIRE(failure != failures.end());
    CHECK(transport->requests().empty());
    CHECK(credentials.error().kind == pe::ErrorKind::Credentials);
    CHECK(credentials.error().where == failure->second.where);
    CHECK(pe::detail::is_of_meant_source(credentials.error()) == failure->second.was_meant);
  }
  CHECK(count == 11);
  test::report_conformance_cases(count, suite);
}
