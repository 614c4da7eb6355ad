// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/wire/folded_text.hpp"

#include <string>
#include <string_view>
#include <utility>

#include "catch.hpp"

namespace pe = personalize_events;
using pe::detail::wire::FoldedText;

namespace {

std::string folded(std::string_view text) { return std::string{FoldedText{text}.values()}; }

}  // namespace

TEST_CASE("Every encoding of a text folds to the same characters") {
  const std::string plain = folded("Say \"M\xC3\xBCller\" <a/b> & c\n");
  CHECK(plain == "say \"m\x80ller\" <a/b> & c ");
  for (const char* encoded : {
           R"(Say \"M\u00fcller\" <a\/b> & c\n)",                   // JSON
           R"(Say \\\"M\\u00fcller\\\" <a\\/b> & c\\n)",            // JSON in JSON
           "Say &quot;M&#252;ller&quot; &lt;a/b&gt; &amp; c&#10;",  // XML
           "Say &#x22;M&#xFC;ller&#X22; &LT;a/b&GT; &AMP; c&#xA;",  // XML in upper case
           "Say+%22M%C3%BCller%22+%3Ca%2fb%3e+%26+c%0A",            // a form
           "Say%2520%2522M%25C3%25BCller%2522%2520%253Ca%252Fb%253E%20%26%20c%250A",  // twice
           "SAY \"M\xC3\x9CLLER\" <A/B> & C\t",                                       // upper case
           R"(SAY \"M\U00DCLLER\" <A\/B> & C\N)",                                     // of JSON
           R"(Say &quot;M\u00fcller%22 <a/b> &amp; c\n)",                             // all of them
       }) {
    CAPTURE(encoded);
    CHECK(folded(encoded) == plain);
  }
}

TEST_CASE("A character outside the first plane is one, however it is written") {
  const std::string one = folded("\xF0\x9F\x98\x80");
  CHECK(one.size() == 1);
  CHECK(folded(R"(\ud83d\ude00)") == one);
  CHECK(folded("%F0%9F%98%80") == one);
  CHECK(folded("&#128512;") == one);
  CHECK(folded(R"(\ud83d)") == one);  // half of a pair stands for itself
}

TEST_CASE("What only looks like an encoding stays") {
  for (const char* text :
       {"50% off", "%zz", "%4", "a & b", "&;", "&#;", "&#x;", "&#xg;", "&nbsp;", "&#99999999;",
        "&averylongname;", "&amp", "\\q", "\\", "\\u12", "\\ug000"}) {
    CAPTURE(text);
    CHECK(folded(text) == text);
  }
}

TEST_CASE("A folded character knows the bytes that it stands for") {
  const FoldedText text{"a%C3%BCb&amp;\xE2\x82\xAC!", FoldedText::Ranges::Kept};
  REQUIRE(text.values() ==
          "a\x80"
          "b&\x80!");
  const auto range = [&text](std::size_t i) {
    return std::make_pair(text.ranges()[i].begin, text.ranges()[i].end);
  };
  CHECK(range(0) == std::make_pair(0U, 1U));
  CHECK(range(1) == std::make_pair(1U, 7U));
  CHECK(range(2) == std::make_pair(7U, 8U));
  CHECK(range(3) == std::make_pair(8U, 13U));
  CHECK(range(4) == std::make_pair(13U, 16U));
  CHECK(range(5) == std::make_pair(16U, 17U));
  CHECK(text.ranges().size() == 6);
  CHECK(FoldedText{"abc"}.ranges().empty());
}

TEST_CASE("Bytes that are not UTF-8 fold without harm") {
  CHECK(folded("\x80\xBF").empty());
  CHECK(folded("a\xFF\xC3") == "a\x80\x80");
  CHECK(folded("").empty());
}
