// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/json/reader.hpp"

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"

namespace pe = personalize_events;
using pe::detail::json::parse;
using pe::detail::json::Value;

namespace {

std::string nested(std::size_t depth, char open, char close) {
  return std::string(depth, open) + std::string(depth, close);
}

/// Objects in objects: `{"a":{"a":...{}...}}`.
std::string nested_objects(std::size_t depth) {
  std::string text;
  for (std::size_t i = 1; i < depth; ++i) text += R"({"a":)";
  return text + "{}" + std::string(depth - 1, '}');
}

}  // namespace

TEST_CASE("each type of JSON value is read") {
  const auto value = parse(
      R"( {"null":null,"yes":true,"no":false,"number":-1.50e+2,"text":"a","list":[1,[],{}]} )");
  REQUIRE(value);
  REQUIRE(value->is(Value::Type::Object));
  REQUIRE(value->members.size() == 6);
  CHECK(value->find("null")->is(Value::Type::Null));
  CHECK(value->find("yes")->is(Value::Type::Boolean));
  CHECK(value->find("yes")->boolean);
  CHECK_FALSE(value->find("no")->boolean);
  CHECK(value->find("number")->is(Value::Type::Number));
  CHECK(value->find("number")->text == "-1.50e+2");  // as it came
  CHECK(*value->find_string("text") == "a");
  const Value& list = *value->find("list");
  REQUIRE(list.is(Value::Type::Array));
  REQUIRE(list.items.size() == 3);
  CHECK(list.items[0].text == "1");
  CHECK(list.items[1].is(Value::Type::Array));
  CHECK(list.items[2].is(Value::Type::Object));
}

TEST_CASE("any value may stand alone, between white space") {
  for (const char* text : {"1", "\"a\"", "null", "true", " [ ] ", "\r\n\t{\t}\n"}) {
    CAPTURE(text);
    CHECK(parse(text));
  }
}

TEST_CASE("escapes in keys and strings are decoded") {
  const auto value = parse(R"({"k\u00e4\n":"\"\\\/\b\f\n\r\t\u0041\u20ac\ud83c\udfac\u0000"})");
  REQUIRE(value);
  const std::string* text = value->find_string("k\xC3\xA4\n");
  REQUIRE(text != nullptr);
  CHECK(*text == std::string("\"\\/\b\f\n\r\tA\xE2\x82\xAC\xF0\x9F\x8E\xAC\0", 17));
}

TEST_CASE("repeated keys are kept, and members keep their order") {
  const auto value = parse(R"({"b":1,"a":2,"b":3})");
  REQUIRE(value);
  REQUIRE(value->members.size() == 3);
  CHECK(value->members[0].first == "b");
  CHECK(value->members[1].first == "a");
  CHECK(value->members[2].second.text == "3");
}

TEST_CASE("numbers keep their digits, however many there are") {
  for (const char* number :
       {"0", "-0", "0.10", "1E5", "123456789012345678901234567890", "5e-324", "1e-400",
        "0.1000000000000000055511151231257827021181583404541015625"}) {
    CAPTURE(number);
    const auto value = parse(number);
    REQUIRE(value);
    CHECK(value->is(Value::Type::Number));
    CHECK(value->text == number);
  }
}

TEST_CASE("a number beyond what a double holds is refused") {
  CHECK(parse("1.7976931348623157e308"));
  CHECK(parse(std::string(300, '9')));
  CHECK_FALSE(parse("1e400"));
  CHECK_FALSE(parse("[-1e400]"));
  CHECK_FALSE(parse(std::string(400, '9')));
}

TEST_CASE("what is not one JSON text is refused, and the message does not quote it") {
  for (const char* text : {"",
                           " ",
                           "{",
                           "}",
                           "[",
                           "[1",
                           "[1,]",
                           "[,1]",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{\"a\":1,}",
                           "{a:1}",
                           "{'a':1}",
                           "{\"a\":1 \"b\":2}",
                           "tru",
                           "nul",
                           "True",
                           "NaN",
                           "Infinity",
                           "-",
                           "+1",
                           "01",
                           "1.",
                           ".5",
                           "1e",
                           "1e+",
                           "0x1",
                           "\"a",
                           "\"\\x\"",
                           "\"\\u12\"",
                           "\"\\u12g4\"",
                           "\"\n\"",
                           "1 2",
                           "[] []",
                           "{} x",
                           "// c\n1",
                           "[1]/**/",
                           "\xEF\xBB\xBF[1]",
                           "\"\\ud83c\"",
                           "\"\\ud83cx\"",
                           "\"\\udfac\"",
                           "{\"\\udfac\":1}",
                           "\"\\ud83c\\ud83c\""}) {
    CAPTURE(text);
    const auto value = parse(text);
    REQUIRE_FALSE(value);
    CHECK(value.error().kind == pe::ErrorKind::InvalidArgument);
    CHECK(value.error().where.empty());
    CHECK_THAT(value.error().message, test::ContainsSubstring("not JSON"));
  }
  const auto secret = parse(R"({"marker": marker})");
  REQUIRE_FALSE(secret);
  CHECK(secret.error().message == "not JSON at byte 11");
}

TEST_CASE("a NUL is not JSON, wherever it stands") {
  using namespace std::string_view_literals;
  for (const std::string_view text :
       {"\0"sv, "[1]\0"sv, "[1,\0 2]"sv, "\"a\0b\""sv, "1\0"sv, "[1]\0garbage"sv}) {
    const auto value = parse(text);
    REQUIRE_FALSE(value);
    CHECK(value.error().message == "not JSON at byte " + std::to_string(text.find('\0')));
  }
}

TEST_CASE("bytes that are not UTF-8 are refused before the parser sees them") {
  for (const char* text :
       {"\"\xFF\"", "\"\xC3\"", "\"\xED\xA0\x80\"", "\xC0\x80", "\"\xF0\x9F\x8E", "[1]\x80"}) {
    const auto value = parse(text);
    REQUIRE_FALSE(value);
    CHECK(value.error().message == "not JSON: not well-formed UTF-8");
  }
}

TEST_CASE("32 levels are read, 33 are not") {
  CHECK(pe::detail::json::kMaxDepth == 32);
  CHECK(parse(nested(32, '[', ']')));
  CHECK(parse(nested_objects(32)));
  for (const std::string& text :
       {nested(33, '[', ']'), nested_objects(33), std::string(100'000, '[')}) {
    const auto value = parse(text);
    REQUIRE_FALSE(value);
    CHECK(value.error().message == "nested deeper than 32 levels");
  }
  // Depth is counted down again when an array ends.
  std::string wide = "[";
  for (int i = 0; i < 100; ++i) wide += "[[]],";
  CHECK(parse(wide + "[]]"));
}

TEST_CASE("a text that ends with its buffer is not read past it") {
  // Exact allocations: a byte beyond is seen by AddressSanitizer.
  const std::string whole = R"({"a":[1.5e3,"\u00e4\n",true,false,null]})";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::vector<char> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    CHECK_FALSE(parse({cut.data(), cut.size()}));
  }
  const std::vector<char> number{'1', '2'};
  CHECK(parse({number.data(), number.size()})->text == "12");
}

TEST_CASE("mutated texts are read or refused, never anything else") {
  const std::string whole =
      R"({"a":[1.5e3,"\u00e4\n\ud83c\udfac",true,false,null],"b":{"c":-0.1}})";
  std::mt19937 random{42};
  constexpr std::string_view kBytes = "{}[]\",:\\u0123456789eE+-.tfn \n\x80\xC3\xF0";
  std::size_t read = 0, refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text = whole;
    for (auto changes = 1 + random() % 3; changes > 0; --changes) {
      const std::size_t position = random() % text.size();
      const char byte = kBytes[random() % kBytes.size()];
      switch (random() % 3) {
        case 0: text[position] = byte; break;
        case 1: text.insert(position, 1, byte); break;
        default: text.erase(position, 1); break;
      }
    }
    (parse(text) ? read : refused) += 1;
  }
  CHECK(read > 100);
  CHECK(refused > 100);
}
