// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/http/secret.hpp"

#include <map>
#include <string>

#include "catch.hpp"
#include "personalize_events/detail/json/reader.hpp"

namespace pe = personalize_events;

namespace {

// What stands in a string's memory, its spare capacity included.
std::string memory_of(const std::string& text) { return {text.data(), text.capacity()}; }

}  // namespace

TEST_CASE("every text of a JSON tree is wiped") {
  auto tree = pe::detail::json::parse(
      R"({"token": "SECRET-THAT-IS-LONG-ENOUGH", "list": [{"number": 123456789012345678901}]})");
  REQUIRE(tree.has_value());
  const std::string& token = tree->find("token")->text;
  const std::string& number = tree->find("list")->items[0].find("number")->text;
  pe::detail::wipe(*tree);
  CHECK(token.empty());
  CHECK(number.empty());
  CHECK_THAT(memory_of(token), !test::ContainsSubstring("SECRET"));
  CHECK_THAT(memory_of(number), !test::ContainsSubstring("1234"));
}

TEST_CASE("a request and a response are wiped") {
  pe::HttpRequest request{"GET", "https://example.com/?token=SECRET-IN-URL"};
  request.headers = {{"Authorization", "SECRET-IN-A-HEADER"}};
  request.body = "SECRET-IN-THE-BODY-OF-IT";
  pe::detail::wipe(request);
  CHECK_THAT(memory_of(request.url), !test::ContainsSubstring("SECRET"));
  CHECK_THAT(memory_of(request.headers[0].second), !test::ContainsSubstring("SECRET"));
  CHECK_THAT(memory_of(request.body), !test::ContainsSubstring("SECRET"));

  pe::HttpResponse response{200, {{"X-Token", "SECRET-IN-A-HEADER"}}, "SECRET-IN-THE-BODY-OF-IT"};
  pe::detail::wipe(response);
  CHECK_THAT(memory_of(response.headers[0].second), !test::ContainsSubstring("SECRET"));
  CHECK_THAT(memory_of(response.body), !test::ContainsSubstring("SECRET"));
}

TEST_CASE("the values of a map are wiped") {
  std::map<std::string, std::string> secrets{{"issuer", "SECRET-THAT-IS-LONG-ENOUGH"}};
  pe::detail::wipe(secrets);
  REQUIRE(secrets.count("issuer") == 1);
  CHECK(secrets.at("issuer").empty());
  CHECK_THAT(memory_of(secrets.at("issuer")), !test::ContainsSubstring("SECRET"));
}

TEST_CASE("headers that are dropped are wiped, and those before them stay") {
  pe::Headers headers{{"Host", "example.com, a name that is long"},
                      {"X-Amz-Security-Token", "SECRET-IN-A-HEADER"},
                      {"Authorization", "SECRET-IN-A-HEADER"}};
  // That their blocks are overwritten is looked at by interposed/wiped_secrets_test.cpp.
  pe::detail::drop_headers(headers, 5);
  CHECK(headers.size() == 3);
  pe::detail::drop_headers(headers, 1);
  CHECK(headers == pe::Headers{{"Host", "example.com, a name that is long"}});
  pe::detail::drop_headers(headers, 0);
  CHECK(headers.empty());
}

TEST_CASE("a variable is wiped at the end of the scope") {
  std::string text = "SECRET-THAT-IS-LONG-ENOUGH";
  {
    const pe::detail::WipedAtEnd wipe{text};
    CHECK(text == "SECRET-THAT-IS-LONG-ENOUGH");
  }
  CHECK(text.empty());
  CHECK_THAT(memory_of(text), !test::ContainsSubstring("SECRET"));
}
