// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/model/put_items.hpp"

#include <tuple>
#include <type_traits>

#include "catch.hpp"
#include "personalize_events/detail/wire/descriptions.hpp"

namespace pe = personalize_events;

TEST_CASE("items are made of an id and properties") {
  pe::Item one{"id-1"};
  one.properties = pe::Properties{{"genre", "Horror|Action"}};
  const pe::PutItemsRequest request{"arn:aws:personalize:::items", {one, pe::Item{"id-2"}}};
  CHECK(request.dataset_arn == "arn:aws:personalize:::items");
  REQUIRE(request.items.size() == 2);
  CHECK(request.items[0].item_id == "id-1");
  REQUIRE(request.items[0].properties);
  CHECK(request.items[0].properties->entries()[0].first == "genre");
  CHECK_FALSE(request.items[1].properties);
}

TEST_CASE("items describe themselves") {
  using Request = pe::detail::model::Description<pe::PutItemsRequest>;
  static_assert(Request::operation == "PutItems");
  static_assert(Request::path == "/items");
  static_assert(std::get<1>(Request::members).rules.count.most == 10);
  using Shape = pe::detail::model::Description<pe::Item>;
  static_assert(std::tuple_size_v<std::remove_const_t<decltype(Shape::members)>> == 2);
  CHECK(std::get<0>(Shape::members).wire_name == "itemId");
  CHECK(std::get<1>(Shape::members).rules.length.most == 32000);
}
