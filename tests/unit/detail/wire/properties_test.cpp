// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/wire/properties.hpp"

#include <cctype>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "catch.hpp"

namespace pe = personalize_events;
using pe::Properties;
using pe::properties_from_json;

namespace {

std::string written(const Properties& properties) {
  std::string text;
  pe::detail::json::Writer writer(text);
  pe::detail::wire::write_properties(writer, properties);
  return writer.good() ? text : "bad";
}

/// What is wrong with properties: "where: message", or nothing.
std::string fault_of(const Properties& properties) {
  const pe::detail::wire::Path root;
  const auto valid = pe::detail::wire::validate_properties(properties, root.member("properties"));
  return valid ? std::string{} : valid.error().where + ": " + valid.error().message;
}

std::string fault_of_json(std::string_view text) {
  const auto properties = properties_from_json(text);
  if (properties) return {};
  CHECK(properties.error().kind == pe::ErrorKind::InvalidArgument);
  return properties.error().where + ": " + properties.error().message;
}

std::string key_number(int number) { return "key" + std::to_string(number); }

}  // namespace

TEST_CASE("properties are written as one compact object") {
  CHECK(written({}) == "{}");
  CHECK(written({{"device", "tv"}}) == R"({"device":"tv"})");
  CHECK(written({{"device", "tv"}, {"rating", 4.5}, {"free", true}, {"sold", false}}) ==
        R"({"device":"tv","rating":4.5,"free":true,"sold":false})");
  CHECK(written({{"", ""}, {"\"\n", "\\\t\x01"}}) == R"({"":"","\"\n":"\\\t\u0001"})");
}

TEST_CASE("numbers in properties are shortest and keep their value") {
  CHECK(written({{"n", 0.1}}) == R"({"n":0.1})");
  CHECK(written({{"n", 0.1F}}) == R"({"n":0.1})");
  CHECK(written({{"n", 1e21}}) == R"({"n":1e+21})");
  CHECK(written({{"n", 5}}) == R"({"n":5})");
  CHECK(written({{"n", 5.0}}) == R"({"n":5})");
  CHECK(written({{"n", -0.0}}) == R"({"n":-0})");
  CHECK(written({{"n", std::numeric_limits<std::int64_t>::min()}}) ==
        R"({"n":-9223372036854775808})");
  CHECK(written({{"n", std::numeric_limits<std::uint64_t>::max()}}) ==
        R"({"n":18446744073709551615})");
}

TEST_CASE("the length of properties is that of what is written") {
  std::string all;
  for (int c = 0; c < 127; ++c) all.push_back(static_cast<char>(c));
  all += "\x7F\xC3\xA4\xE2\x82\xAC\xF0\x9F\x8E\xAC";
  const Properties nested =
      *properties_from_json("{\"a\" : [ 1.50, {\"\xC3\xA4\" : null} ], \"b\":\"\\u20ac\\n\"}");
  for (const Properties& properties :
       {Properties{}, Properties{{"a", 1}}, Properties{{"a", true}, {"b", false}},
        Properties{{all, all}, {"", ""}}, nested,
        Properties{{"i", std::numeric_limits<std::int64_t>::min()},
                   {"d", 1.0 / 3},
                   {"f", 1.0F / 3},
                   {"e", -1e-300}}}) {
    const std::string text = written(properties);
    CAPTURE(text);
    CHECK(pe::detail::wire::json_length(properties) == pe::detail::count_utf8(text));
  }
  CHECK(pe::detail::wire::json_string_length("") == 2);
  CHECK(pe::detail::wire::json_string_length("\"\\\b\f\n\r\t/") == 2 + 7 * 2 + 1);
  CHECK(pe::detail::wire::json_string_length(std::string_view("\0\x1F", 2)) == 2 + 2 * 6);
  CHECK(pe::detail::wire::json_string_length("\xF0\x9F\x8E\xAC\xC3\xA4") == 2 + 2);
}

TEST_CASE("reserved keys are refused in any letter case") {
  for (const std::string name :
       {"userId", "sessionId", "eventType", "timestamp", "recommendationId", "impression"}) {
    std::string upper = name, lower = name;
    for (char& c : upper) c = static_cast<char>(std::toupper(c));
    for (char& c : lower) c = static_cast<char>(std::tolower(c));
    for (const std::string& key : {name, upper, lower}) {
      CAPTURE(key);
      CHECK(pe::detail::wire::reserved_name(key) == name);
      CHECK(fault_of({{"a", 1}, {key, 1}}) ==
            "properties[1]: the key " + name +
                " is reserved by the service; use the member of that name, or another key");
      CHECK_THAT(fault_of_json("{\"" + key + "\":1}"), test::ContainsSubstring("is reserved"));
    }
    CHECK(fault_of({{name + "s", 1}, {" " + name, 2}}).empty());
  }
  // Members of an event that the service does not reserve, and reserved names further in.
  CHECK(fault_of({{"itemId", "a"}, {"eventValue", 1}, {"eventId", 1}, {"sentAt", 1}}).empty());
  CHECK(fault_of_json(R"({"a":{"userId":1}})").empty());
}

TEST_CASE("a repeated key is found among few entries and among many") {
  for (const int count : {2, 15, 16, 17, 18, 100}) {
    CAPTURE(count);
    Properties properties;
    for (int i = 0; i < count; ++i) properties.set(key_number(i), i);
    CHECK(fault_of(properties).empty());
    CHECK(pe::detail::wire::find_repeated_key(properties) == properties.size());
    for (const int repeated : {0, count / 2, count - 1}) {
      Properties with_repeated = properties;
      with_repeated.set(key_number(repeated), "again");
      CHECK(fault_of(with_repeated) == "properties[" + std::to_string(count) +
                                           "]: the key is there already; give each key once");
    }
  }
  CHECK(fault_of({{"a", 1}, {"A", 2}}).empty());  // keys are case-sensitive
  CHECK_FALSE(fault_of({{"", 1}, {"", 2}}).empty());
}

TEST_CASE("keys and values must be well formed") {
  CHECK(fault_of({{"a", 1}, {"MARKER\xFF", 1}}) ==
        "properties[1]: the key is not well-formed UTF-8");
  CHECK(fault_of({{"MARKER", "MARKER\xC3"}}) == "properties[0]: not well-formed UTF-8");
  CHECK(fault_of({{"MARKER", "\xED\xA0\x80"}}) == "properties[0]: not well-formed UTF-8");
  for (const double value :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
        -std::numeric_limits<double>::infinity()}) {
    CHECK(fault_of({{"MARKER", value}}) == "properties[0]: not a finite number");
    CHECK(fault_of({{"MARKER", static_cast<float>(value)}}) ==
          "properties[0]: not a finite number");
    CHECK(written({{"a", value}, {"b", 1}}) == "bad");
  }
}

TEST_CASE("properties are read from the text of an object") {
  const auto properties = properties_from_json(
      " { \"device\" : \"tv\", \"list\" : [ 1, \"\\u00e4\", { \"deep\" : [ null, true ] } ], \"n\" "
      ": 1.500e+02 } ");
  REQUIRE(properties);
  CHECK(properties->size() == 3);
  CHECK(written(*properties) ==
        "{\"device\":\"tv\",\"list\":[1,\"\xC3\xA4\",{\"deep\":[null,true]}],\"n\":1.500e+02}");
  CHECK(written(*properties_from_json("{}")) == "{}");
}

TEST_CASE("numbers in a text keep their digits") {
  const std::string text =
      R"({"a":123456789012345678901234567890,"b":0.10,"c":1E-400,"d":-0,"e":5.0})";
  const auto properties = properties_from_json(text);
  REQUIRE(properties);
  CHECK(written(*properties) == text);
}

TEST_CASE("what is read from a text can be added to") {
  auto properties = properties_from_json(R"({"a":{"b":1}})");
  REQUIRE(properties);
  properties->set("c", "d");
  CHECK(written(*properties) == R"({"a":{"b":1},"c":"d"})");
  properties->set("a", 1);
  CHECK_FALSE(fault_of(*properties).empty());
}

TEST_CASE("what is no object, or no JSON, is refused without being quoted") {
  for (const char* text : {"[]", "\"MARKER\"", "1", "null", "true", "[{\"MARKER\":1}]"}) {
    CHECK(fault_of_json(text) == "properties: not a JSON object");
  }
  CHECK(fault_of_json("") == "properties: not JSON at byte 0");
  CHECK(fault_of_json("{\"MARKER\":MARKER}") == "properties: not JSON at byte 10");
  CHECK(fault_of_json("{\"MARKER\":\"\xFF\"}") == "properties: not JSON: not well-formed UTF-8");
  CHECK(fault_of_json(R"({"MARKER":NaN})") == "properties: not JSON at byte 10");
  CHECK(fault_of_json(R"({"MARKER":1,"b":2,"MARKER":3})") ==
        "properties[2]: the key is there already; give each key once");
  CHECK(fault_of_json(R"({"a":1,"\u0061":2})") ==
        "properties[1]: the key is there already; give each key once");
  CHECK(fault_of_json(R"({"user\u0049d":2})").substr(0, 32) == "properties[0]: the key userId is");
}

TEST_CASE("properties nest 32 levels deep, their own object included") {
  const auto nested = [](std::size_t depth) {
    return "{\"a\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
  };
  CHECK(fault_of_json(nested(32)).empty());
  CHECK(fault_of_json(nested(33)) == "properties: nested deeper than 32 levels");
  CHECK(fault_of_json(nested(100'000)) == "properties: nested deeper than 32 levels");
}
