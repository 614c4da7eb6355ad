// SPDX-License-Identifier: Apache-2.0
//
// The requests of IAM Identity Center as botocore sends them, and what it reads out of the answers.

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/detail/json/reader.hpp"
#include "personalize_events/detail/providers/sso.hpp"
#include "support/conformance.hpp"

namespace pe = personalize_events;
using test::member;

namespace {

const std::string& text(const pe::detail::json::Value& object, const char* name) {
  return member(object, name).text;
}

// The headers that say something about the request; a transport adds the length.
pe::Headers headers_of(const pe::detail::json::Value& vector) {
  pe::Headers headers;
  for (const auto& [name, value] : member(vector, "headers").members) {
    if (name != "amz-sdk-request" && name != "Content-Length") {
      headers.emplace_back(name, value.text);
    }
  }
  return headers;
}

void check_request(const pe::Result<pe::HttpRequest>& request,
                   const pe::detail::json::Value& vector) {
  REQUIRE(request.has_value());
  CHECK(request->method == text(vector, "method"));
  CHECK(request->url == text(vector, "url"));
  pe::Headers headers = request->headers;
  REQUIRE(headers.size() >= 1);
  CHECK(headers[0].first == "Host");
  CHECK("https://" + headers[0].second == request->url.substr(0, headers[0].second.size() + 8));
  headers.erase(headers.begin());
  CHECK(headers == headers_of(vector));

  const pe::detail::json::Value& body = member(vector, "body");
  if (body.is(pe::detail::json::Value::Type::Null)) {
    CHECK(request->body.empty());
    return;
  }
  // Python writes a blank after each colon and comma.
  const auto expected = pe::detail::json::parse(body.text);
  const auto actual = pe::detail::json::parse(request->body);
  REQUIRE(expected.has_value());
  REQUIRE(actual.has_value());
  REQUIRE(actual->members.size() == expected->members.size());
  for (std::size_t i = 0; i < expected->members.size(); ++i) {
    CHECK(actual->members[i].first == expected->members[i].first);
    CHECK(actual->members[i].second.text == expected->members[i].second.text);
  }
}

void check_role(const pe::SsoOptions& options, const pe::detail::json::Value& vector) {
  const pe::detail::json::Value& keys = member(member(vector, "parsed"), "roleCredentials");
  const auto credentials =
      pe::detail::read_sso_role(options, {200, {}, text(vector, "response_body")});
  REQUIRE(credentials.has_value());
  CHECK(credentials->access_key_id == text(keys, "accessKeyId"));
  CHECK(credentials->secret_access_key == text(keys, "secretAccessKey"));
  CHECK(credentials->session_token == text(keys, "sessionToken"));
  REQUIRE(credentials->expiration.has_value());
  const auto since_epoch = credentials->expiration->time_since_epoch();
  CHECK(
      std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count()) ==
      text(keys, "expiration"));
}

void check_token(pe::detail::json::Value token, const pe::detail::json::Value& vector) {
  const pe::detail::json::Value& parsed = member(vector, "parsed");
  const pe::detail::TimePoint now{std::chrono::hours{490'896}};
  REQUIRE(
      pe::detail::take_sso_token(token, {200, {}, text(vector, "response_body")}, now).has_value());
  CHECK(text(token, "accessToken") == text(parsed, "accessToken"));
  CHECK(text(token, "refreshToken") == text(parsed, "refreshToken"));
  const auto expires = pe::detail::parse_rfc3339(text(token, "expiresAt"));
  REQUIRE(expires.has_value());
  CHECK(std::to_string(std::chrono::duration_cast<std::chrono::seconds>(*expires - now).count()) ==
        text(parsed, "expiresIn"));
}

}  // namespace

TEST_CASE("IAM Identity Center is asked and understood as botocore does") {
  const pe::detail::json::Value suite = test::read_vectors("credentials/sts_sso_wire.json");
  std::size_t count = 0;
  for (const pe::detail::json::Value& vector : member(suite, "cases").items) {
    const std::string& service = text(vector, "service");
    if (service != "sso" && service != "sso-oidc") continue;
    ++count;
    const std::string& name = text(vector, "name");
    CAPTURE(name);
    const pe::detail::json::Value& given = member(vector, "params");
    pe::SsoOptions options;
    options.region = name.substr(name.rfind('_') + 1);
    if (service == "sso") {
      options.account_id = text(given, "accountId");
      options.role_name = text(given, "roleName");
      check_request(pe::detail::sso_role_request(options, text(given, "accessToken")), vector);
      check_role(options, vector);
      continue;
    }
    pe::detail::json::Value token = given;
    pe::detail::set_text(token, "registrationExpiresAt", "2030-01-01T00:00:00Z");
    check_request(pe::detail::sso_token_request(options, token, {}), vector);
    check_token(std::move(token), vector);
  }
  test::report_conformance_cases(count, "credentials/sts_sso_wire.json for SSO");
}
