// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/json/writer.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "catch.hpp"
#include "personalize_events/detail/json/reader.hpp"

namespace pe = personalize_events;
using pe::detail::json::Writer;

namespace {

/// What `write(writer)` writes; "bad" when the writer says that it is none.
template <class Write>
std::string written(Write write) {
  std::string text;
  Writer writer(text);
  write(writer);
  return writer.good() ? text : "bad";
}

template <class Number>
std::string number(Number value) {
  return written([value](Writer& writer) { writer.number(value); });
}

std::string string(std::string_view value) {
  return written([value](Writer& writer) { writer.string(value); });
}

}  // namespace

TEST_CASE("arrays and objects are written compactly") {
  const std::string text = written([](Writer& writer) {
    writer.begin_object();
    writer.key("a");
    writer.begin_array();
    writer.null();
    writer.boolean(true);
    writer.boolean(false);
    writer.begin_object();
    writer.end_object();
    writer.begin_array();
    writer.end_array();
    writer.end_array();
    writer.key("");
    writer.raw(R"({"checked":[1,2]})");
    writer.key("n");
    writer.number(1.5);
    writer.end_object();
  });
  CHECK(text == R"({"a":[null,true,false,{},[]],"":{"checked":[1,2]},"n":1.5})");
}

TEST_CASE("the text is appended to what is there") {
  std::string text = "before";
  Writer writer(text);
  writer.null();
  CHECK(writer.good());
  CHECK(text == "beforenull");
}

TEST_CASE("numbers are written in their shortest digits") {
  CHECK(number(0.1) == "0.1");
  CHECK(number(0.1F) == "0.1");
  CHECK(number(1e21) == "1e+21");
  CHECK(number(5.0) == "5");
  CHECK(number(-0.0) == "-0");
  CHECK(number(1700000000.123) == "1700000000.123");
  CHECK(number(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
  CHECK(number(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
  CHECK(number(std::numeric_limits<double>::denorm_min()) == "5e-324");
  CHECK(number(std::numeric_limits<double>::max()) == "1.7976931348623157e+308");
}

TEST_CASE("what must be escaped in a string is, and nothing else") {
  CHECK(string("") == R"("")");
  CHECK(string("a/b") == R"("a/b")");
  CHECK(string("\"\\") == R"("\"\\")");
  CHECK(string("\b\f\n\r\t") == R"("\b\f\n\r\t")");
  CHECK(string(std::string_view("\0\x01\x1F", 3)) == R"("\u0000\u0001\u001F")");
  CHECK(string("\x7F") == "\"\x7F\"");
  CHECK(string("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x8E\xAC") ==
        "\"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x8E\xAC\"");
  CHECK(written([](Writer& writer) {
          writer.begin_object();
          writer.key("\"\n");
          writer.string("x");
          writer.end_object();
        }) == R"({"\"\n":"x"})");
}

TEST_CASE("every ASCII character survives a round trip") {
  std::string all;
  for (int c = 0; c < 127; ++c) all.push_back(static_cast<char>(c));
  all.push_back(127);
  const auto read = pe::detail::json::parse(string(all));
  REQUIRE(read);
  CHECK(read->text == all);
}

TEST_CASE("what is not a finite number makes the text bad, wherever it stands") {
  for (const double value :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
        -std::numeric_limits<double>::infinity()}) {
    CHECK(number(value) == "bad");
    CHECK(number(static_cast<float>(value)) == "bad");
    // A value left out shifts what RapidJSON expects next; nothing may trip over that.
    CHECK(written([value](Writer& writer) {
            writer.begin_object();
            writer.key("a");
            writer.number(value);
            writer.key("b");
            writer.number(1.0);
            writer.end_object();
          }) == "bad");
    CHECK(written([value](Writer& writer) {
            writer.begin_array();
            writer.number(value);
            writer.number(1.0);
            writer.end_array();
          }) == "bad");
  }
}

TEST_CASE("a text that is not whole is not good") {
  CHECK(written([](Writer&) {}) == "bad");
  CHECK(written([](Writer& writer) { writer.begin_array(); }) == "bad");
  CHECK(written([](Writer& writer) {
          writer.begin_object();
          writer.key("a");
          writer.begin_array();
          writer.end_array();
        }) == "bad");
}
