// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/model/put_actions.hpp"

#include <tuple>
#include <type_traits>

#include "catch.hpp"
#include "personalize_events/detail/wire/descriptions.hpp"

namespace pe = personalize_events;

TEST_CASE("actions are made of an id and properties") {
  pe::Action one{"id-1"};
  one.properties = pe::Properties{{"genre", "Horror|Action"}};
  const pe::PutActionsRequest request{"arn:aws:personalize:::actions", {one, pe::Action{"id-2"}}};
  CHECK(request.dataset_arn == "arn:aws:personalize:::actions");
  REQUIRE(request.actions.size() == 2);
  CHECK(request.actions[0].action_id == "id-1");
  REQUIRE(request.actions[0].properties);
  CHECK(request.actions[0].properties->entries()[0].first == "genre");
  CHECK_FALSE(request.actions[1].properties);
}

TEST_CASE("actions describe themselves") {
  using Request = pe::detail::model::Description<pe::PutActionsRequest>;
  static_assert(Request::operation == "PutActions");
  static_assert(Request::path == "/actions");
  static_assert(std::get<1>(Request::members).rules.count.most == 10);
  using Shape = pe::detail::model::Description<pe::Action>;
  static_assert(std::tuple_size_v<std::remove_const_t<decltype(Shape::members)>> == 2);
  CHECK(std::get<0>(Shape::members).wire_name == "actionId");
  CHECK(std::get<1>(Shape::members).rules.length.most == 32000);
}
