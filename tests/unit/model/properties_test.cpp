// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/model/properties.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "catch.hpp"

namespace pe = personalize_events;
using pe::Properties;
using pe::PropertyValue;

namespace {

/// Whether a value holds exactly `expected`, in its type.
template <class Held>
bool holds(const PropertyValue& value, const Held& expected) {
  return value.visit([&expected](const auto& held) {
    if constexpr (std::is_same_v<std::decay_t<decltype(held)>, Held>) {
      return held == expected;
    } else {
      return false;
    }
  });
}

/// The key and the text of an entry: "key=text".
std::string text_of(const Properties& properties, std::size_t index) {
  const auto& [key, value] = properties.entries()[index];
  return key + "=" + value.visit([](const auto& held) {
    if constexpr (std::is_same_v<std::decay_t<decltype(held)>, std::string>) {
      return held;
    } else {
      return std::string("no text");
    }
  });
}

}  // namespace

TEST_CASE("properties are made from a list of keys and values") {
  const Properties one{{"device", "tv"}};
  REQUIRE(one.size() == 1);
  CHECK(text_of(one, 0) == "device=tv");

  const Properties two{{"a", "b"}, {"c", "d"}};
  REQUIRE(two.size() == 2);
  CHECK(text_of(two, 0) == "a=b");
  CHECK(text_of(two, 1) == "c=d");

  const Properties three{{"a", "b"}, {"c", "d"}, {"e", "f"}};
  CHECK(three.size() == 3);
  const Properties of_all_sorts{{"device", "tv"}, {"rating", 4.5}, {"free", true}};
  REQUIRE(of_all_sorts.size() == 3);
  CHECK(holds(of_all_sorts.entries()[1].second, 4.5));
  CHECK(holds(of_all_sorts.entries()[2].second, true));

  const Properties none{};
  CHECK(none.empty());
  CHECK(Properties().size() == 0);
}

TEST_CASE("keys and text may be any sort of string") {
  const std::string key = "key", text = "text";
  const std::string_view key_view = key, text_view = text;
  const char* const key_pointer = "key";
  const Properties properties{
      {key, text}, {key_view, text_view}, {key_pointer, key_pointer}, {"lit", std::string("x")}};
  REQUIRE(properties.size() == 4);
  CHECK(text_of(properties, 0) == "key=text");
  CHECK(text_of(properties, 1) == "key=text");
  CHECK(text_of(properties, 2) == "key=key");
  CHECK(text_of(properties, 3) == "lit=x");
  const Properties with_nul{{"nul", std::string_view("a\0b", 3)}};
  CHECK(text_of(with_nul, 0) == std::string("nul=a\0b", 7));
}

TEST_CASE("set adds and can be chained") {
  Properties properties;
  std::string long_key(1000, 'k');
  properties.set("a", 1).set("b", "two").set(long_key, std::string("three")).set("a", 4);
  long_key.clear();
  REQUIRE(properties.size() == 4);  // a repeated key is kept, and reported when used
  CHECK(properties.entries()[2].first.size() == 1000);
  CHECK(properties.entries()[3].first == "a");
  CHECK(holds(properties.entries()[3].second, std::int64_t{4}));
}

TEST_CASE("every arithmetic type keeps its value") {
  CHECK(holds<bool>(true, true));
  CHECK(holds<bool>(false, false));
  CHECK(holds<std::int64_t>(static_cast<signed char>(-128), -128));
  CHECK(holds<std::uint64_t>(static_cast<unsigned char>(255), 255U));
  CHECK(holds<std::int64_t>(std::numeric_limits<short>::min(), -32768));
  CHECK(holds<std::uint64_t>(std::numeric_limits<unsigned short>::max(), 65535U));
  CHECK(holds<std::int64_t>(std::numeric_limits<int>::min(), std::numeric_limits<int>::min()));
  CHECK(holds<std::uint64_t>(std::numeric_limits<unsigned>::max(),
                             std::numeric_limits<unsigned>::max()));
  CHECK(holds<std::int64_t>(std::numeric_limits<long>::min(), std::numeric_limits<long>::min()));
  CHECK(holds<std::uint64_t>(std::numeric_limits<unsigned long>::max(),
                             std::numeric_limits<unsigned long>::max()));
  CHECK(holds<std::int64_t>(std::numeric_limits<long long>::min(),
                            std::numeric_limits<std::int64_t>::min()));
  CHECK(holds<std::uint64_t>(std::numeric_limits<unsigned long long>::max(),
                             std::numeric_limits<std::uint64_t>::max()));
  CHECK(holds<float>(0.1F, 0.1F));  // not widened, so that it is written as 0.1
  CHECK(holds<double>(0.1, 0.1));
  CHECK(holds<double>(0.5L, 0.5));
}

TEST_CASE("nothing that is neither text nor a number becomes a value by accident") {
  static_assert(!std::is_constructible_v<PropertyValue, int*>);  // not even as a bool
  static_assert(!std::is_constructible_v<PropertyValue, const void*>);
  static_assert(!std::is_constructible_v<PropertyValue, std::pair<int, int>>);
  static_assert(!std::is_constructible_v<pe::CheckedJson, std::string>);
  static_assert(!std::is_constructible_v<pe::CheckedJson, const char*>);
  static_assert(!std::is_default_constructible_v<pe::CheckedJson>);
  SUCCEED();
}

TEST_CASE("copies are independent") {
  Properties first{{"a", 1}};
  Properties second = first;
  second.set("b", 2);
  CHECK(first.size() == 1);
  CHECK(second.size() == 2);
  const Properties moved = std::move(second);
  CHECK(moved.size() == 2);
}
