// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/json/value.hpp"

#include <string>

#include "catch.hpp"

namespace pe = personalize_events;
using pe::detail::json::Value;

namespace {

Value text(std::string content) {
  Value value;
  value.type = Value::Type::String;
  value.text = std::move(content);
  return value;
}

Value number(std::string literal) {
  Value value = text(std::move(literal));
  value.type = Value::Type::Number;
  return value;
}

}  // namespace

TEST_CASE("a value is null until it is made something else") {
  const Value value;
  CHECK(value.is(Value::Type::Null));
  CHECK_FALSE(value.is(Value::Type::Object));
  CHECK(value.find("a") == nullptr);
  CHECK(value.find_string("a") == nullptr);
}

TEST_CASE("the first member of a key is found, and only its exact key") {
  Value object;
  object.type = Value::Type::Object;
  object.members = {
      {"a", number("1")}, {"b", text("two")}, {"a", text("three")}, {"", text("empty")}};
  REQUIRE(object.find("a") != nullptr);
  CHECK(object.find("a")->is(Value::Type::Number));
  CHECK(object.find("a")->text == "1");
  REQUIRE(object.find("") != nullptr);
  CHECK(object.find("A") == nullptr);
  CHECK(object.find("ab") == nullptr);

  REQUIRE(object.find_string("b") != nullptr);
  CHECK(*object.find_string("b") == "two");
  CHECK(object.find_string("a") == nullptr);  // the first one is a number
  CHECK(object.find_string("c") == nullptr);
}
