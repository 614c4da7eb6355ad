// SPDX-License-Identifier: Apache-2.0
//
// What each rule of the model refuses is tested in endpoint_service_test.cpp, where it is answered.

#include "personalize_events/detail/testing/endpoint_request.hpp"

#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/detail/json/reader.hpp"

namespace pe = personalize_events;
using namespace personalize_events::testing::endpoint;

TEST_CASE("An operation is found by its method and path") {
  const std::vector<std::pair<std::string, std::string>> paths{
      {"/events", "PutEvents"},
      {"/action-interactions", "PutActionInteractions"},
      {"/users", "PutUsers"},
      {"/items", "PutItems"},
      {"/actions", "PutActions"}};
  for (const auto& [path, name] : paths) {
    CAPTURE(path);
    REQUIRE(find_operation("POST", path) != nullptr);
    CHECK(find_operation("POST", path)->name == name);
    CHECK(find_operation("POST", path + "?x") == find_operation("POST", path));
    CHECK(find_operation("GET", path) == nullptr);
    CHECK(find_operation("POST", path + "/") == nullptr);
  }
  CHECK(find_operation("POST", "") == nullptr);
}

TEST_CASE("A request is read into the member of its operation") {
  const auto body = pe::detail::json::parse(
      R"({"datasetArn":"arn:aws:personalize:us-east-1:000000000000:dataset/shop/ITEMS",)"
      R"("items":[{"itemId":"i"}]})");
  REQUIRE(body.has_value());
  const auto request = find_operation("POST", "/items")->read(*body);
  REQUIRE(request.has_value());
  int visits = 0;
  request->visit([&visits](const auto&) { ++visits; });
  CHECK(visits == 1);
  REQUIRE(request->put_items.has_value());
  CHECK(request->put_items->items[0].item_id == "i");
}

TEST_CASE("An error names the member") {
  const auto body = pe::detail::json::parse(R"({"trackingId":"t","sessionId":"s","eventList":[]})");
  REQUIRE(body.has_value());
  const auto request = find_operation("POST", "/events")->read(*body);
  REQUIRE_FALSE(request.has_value());
  CHECK(request.error().where == "eventList");
}

TEST_CASE("A content type says JSON whatever its parameters are") {
  CHECK(says_json("application/json"));
  CHECK(says_json("Application/JSON ; charset=utf-8"));
  CHECK_FALSE(says_json("application/jsonlines"));
  CHECK_FALSE(says_json(""));
}
