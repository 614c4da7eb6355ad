// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/providers/instance_metadata.hpp"

#include <cstddef>
#include <memory>
#include <string>

#include "catch.hpp"
#include "personalize_events/testing/fake_transport.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "support/conformance.hpp"

namespace pe = personalize_events;
using test::member;

namespace {

/// The setting at fault in a case that the suite expects to fail, in another SDK's words.
std::string place_of_fault(const std::string& message) {
  if (message == "`error` is not a valid endpoint mode") {
    return "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE";
  }
  if (message == "`IPv7` is not a valid endpoint mode") return "config:2";
  if (message == "invalid uri character") return "AWS_EC2_METADATA_SERVICE_ENDPOINT";
  return "a case that is not known";
}

}  // namespace

TEST_CASE("the instance metadata is asked where the published suite says") {
  const std::string suite = "credentials/imds-config/imds-endpoint-tests.json";
  const pe::detail::json::Value vectors = test::read_vectors(suite);
  std::size_t count = 0;
  for (const pe::detail::json::Value& vector : member(vectors, "tests").items) {
    ++count;
    INFO("case " << count << ": " << member(vector, "docs").text);
    const auto platform = std::make_shared<pe::testing::VirtualPlatform>();
    const auto transport = std::make_shared<pe::testing::FakeTransport>();
    // What that SDK's program gives by code is a variable here, which also wins over the profile.
    if (const std::string* endpoint = vector.find_string("endpoint_override")) {
      platform->set_environment("AWS_EC2_METADATA_SERVICE_ENDPOINT", *endpoint);
    }
    if (const std::string* mode = vector.find_string("mode_override")) {
      platform->set_environment("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", *mode);
    }
    for (const auto& [name, value] : member(vector, "env").members) {
      platform->set_environment(name, value.text);
    }
    for (const auto& [path, text] : member(vector, "fs").members) {
      platform->set_file(path, text.text);
    }
    const auto credentials = pe::instance_metadata_credentials({transport, platform})();
    REQUIRE_FALSE(credentials.has_value());  // the transport's empty answer has no token
    const pe::detail::json::Value& result = member(vector, "result");
    if (const std::string* url = result.find_string("Ok")) {
      REQUIRE(transport->requests().size() == 1);
      CHECK(transport->requests()[0].method == "PUT");
      CHECK(transport->requests()[0].url == *url);
      continue;
    }
    CHECK(transport->requests().empty());
    CHECK(credentials.error().kind == pe::ErrorKind::Credentials);
    CHECK(pe::detail::is_of_meant_source(credentials.error()));
    CHECK(credentials.error().where == place_of_fault(member(result, "Err").text));
  }
  CHECK(count == 14);
  test::report_conformance_cases(count, suite);
}
