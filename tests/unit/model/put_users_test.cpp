// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/model/put_users.hpp"

#include <tuple>
#include <type_traits>

#include "catch.hpp"
#include "personalize_events/detail/wire/descriptions.hpp"

namespace pe = personalize_events;

TEST_CASE("users are made of an id and properties") {
  pe::User one{"id-1"};
  one.properties = pe::Properties{{"genre", "Horror|Action"}};
  const pe::PutUsersRequest request{"arn:aws:personalize:::users", {one, pe::User{"id-2"}}};
  CHECK(request.dataset_arn == "arn:aws:personalize:::users");
  REQUIRE(request.users.size() == 2);
  CHECK(request.users[0].user_id == "id-1");
  REQUIRE(request.users[0].properties);
  CHECK(request.users[0].properties->entries()[0].first == "genre");
  CHECK_FALSE(request.users[1].properties);
}

TEST_CASE("users describe themselves") {
  using Request = pe::detail::model::Description<pe::PutUsersRequest>;
  static_assert(Request::operation == "PutUsers");
  static_assert(Request::path == "/users");
  static_assert(std::get<1>(Request::members).rules.count.most == 10);
  using Shape = pe::detail::model::Description<pe::User>;
  static_assert(std::tuple_size_v<std::remove_const_t<decltype(Shape::members)>> == 2);
  CHECK(std::get<0>(Shape::members).wire_name == "userId");
  CHECK(std::get<1>(Shape::members).rules.length.most == 24000);
}
