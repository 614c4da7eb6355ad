// SPDX-License-Identifier: Apache-2.0
#include "personalize_events/http/message.hpp"

#include "catch.hpp"

namespace pe = personalize_events;

TEST_CASE("Header names are equal in any ASCII case and in nothing else") {
  CHECK(pe::equal_header_names("x-amzn-RequestId", "X-AMZN-requestid"));
  CHECK(pe::equal_header_names("", ""));
  CHECK_FALSE(pe::equal_header_names("Date", "Date "));
  CHECK_FALSE(pe::equal_header_names("Date", "Data"));
  // '@' and '`' stand 32 apart, as 'A' and 'a' do, and so do '[' and '{'.
  CHECK_FALSE(pe::equal_header_names("@", "`"));
  CHECK_FALSE(pe::equal_header_names("[", "{"));
}

TEST_CASE("The first header of a name is found") {
  const pe::Headers headers{{"Date", "one"}, {"date", "two"}, {"Empty", ""}};
  REQUIRE(pe::find_header(headers, "DATE") != nullptr);
  CHECK(*pe::find_header(headers, "DATE") == "one");
  REQUIRE(pe::find_header(headers, "empty") != nullptr);
  CHECK(pe::find_header(headers, "empty")->empty());
  CHECK(pe::find_header(headers, "Dat") == nullptr);
  CHECK(pe::find_header({}, "Date") == nullptr);
}

TEST_CASE("an HTTP token has no separators") {
  CHECK(pe::is_http_token("X-Amz-Date"));
  CHECK(pe::is_http_token("!#$%&'*+-.^_`|~09az"));
  for (const char* text : {"", "a b", "a:b", "a\r", "a/b", "\xC3\xA4", "a\"b", "(a)"}) {
    CHECK_FALSE(pe::is_http_token(text));
  }
}
