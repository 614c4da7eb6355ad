// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/config/endpoint.hpp"

#include <set>
#include <string>

#include "catch.hpp"
#include "personalize_events/detail/json/reader.hpp"
#include "support/conformance.hpp"

namespace pe = personalize_events;
using test::member;

namespace {

std::string text_of(const pe::detail::json::Value* object, const char* name) {
  const std::string* found = object == nullptr ? nullptr : object->find_string(name);
  return found == nullptr ? std::string{} : *found;
}

bool switch_of(const pe::detail::json::Value* object, const char* name) {
  const pe::detail::json::Value* found = object == nullptr ? nullptr : object->find(name);
  return found != nullptr && found->boolean;
}

}  // namespace

TEST_CASE("endpoints are those of the service's rule set") {
  const pe::detail::json::Value suite = test::read_vectors("model/endpoint-tests.json");
  std::size_t count = 0;
  for (const pe::detail::json::Value& vector : member(suite, "testCases").items) {
    ++count;
    INFO("case " << count << ": " << text_of(&vector, "documentation"));
    const pe::detail::json::Value* input = vector.find("params");
    const auto endpoint = pe::detail::resolve_endpoint(
        {text_of(input, "Region"), text_of(input, "Endpoint"), switch_of(input, "UseFIPS"),
         switch_of(input, "UseDualStack")});
    const pe::detail::json::Value& expected = member(vector, "expect");
    if (const std::string* message = expected.find_string("error")) {
      REQUIRE_FALSE(endpoint.has_value());
      CHECK(endpoint.error().kind == pe::ErrorKind::Configuration);
      CHECK_THAT(endpoint.error().message, test::ContainsSubstring(*message));
      continue;
    }
    REQUIRE(endpoint.has_value());
    CHECK(endpoint->url == text_of(&member(expected, "endpoint"), "url"));
    CHECK(endpoint->url == endpoint->scheme + "://" + endpoint->host + endpoint->base_path);
  }
  test::report_conformance_cases(count, "model/endpoint-tests.json");
}

TEST_CASE("every listed region is in its partition, and every partition is known") {
  const pe::detail::json::Value suite = test::read_vectors("model/partitions.json");
  std::size_t count = 0;
  std::set<std::string> names;
  for (const pe::detail::json::Value& vector : member(suite, "partitions").items) {
    const std::string id = text_of(&vector, "id");
    CAPTURE(id);
    names.insert(id);
    const pe::detail::json::Value& outputs = member(vector, "outputs");
    CHECK(switch_of(&outputs, "supportsFIPS"));
    CHECK(switch_of(&outputs, "supportsDualStack"));
    for (const auto& [region, description] : member(vector, "regions").members) {
      ++count;
      CAPTURE(region);
      const pe::detail::Partition& found = pe::detail::find_partition(region);
      CHECK(found.id == id);
      CHECK(found.dns_suffix == text_of(&outputs, "dnsSuffix"));
      CHECK(found.dual_stack_dns_suffix == text_of(&outputs, "dualStackDnsSuffix"));
    }
    // A region that is not listed, made from the partition's expression: ^(a|b)\-\w+\-\d+$.
    for (const pe::detail::Partition& partition : pe::detail::kPartitions) {
      if (partition.id != id) continue;
      std::string alternatives{partition.region_prefixes};
      for (char& c : alternatives) c = c == ' ' ? '|' : c;
      std::string expression = text_of(&vector, "regionRegex");
      std::string plain;
      for (const char c : expression) {
        if (std::string{"^\\()$"}.find(c) == std::string::npos) plain += c;
      }
      CHECK(plain == alternatives + "-w+-d+");
    }
  }
  CHECK(names.size() == pe::detail::kPartitions.size());
  for (const pe::detail::Partition& partition : pe::detail::kPartitions) {
    CHECK(names.count(std::string{partition.id}) == 1);
  }
  test::report_conformance_cases(count, "regions of model/partitions.json");
}
