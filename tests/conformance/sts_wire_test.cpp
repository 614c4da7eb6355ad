// SPDX-License-Identifier: Apache-2.0
//
// STS as botocore speaks it: the two requests byte for byte, signature included, and what is read
// out of the answers.

#include <chrono>
#include <string>

#include "catch.hpp"
#include "personalize_events/detail/json/value.hpp"
#include "personalize_events/detail/providers/sts.hpp"
#include "personalize_events/detail/providers/web_identity.hpp"
#include "support/conformance.hpp"

namespace pe = personalize_events;
namespace detail = personalize_events::detail;
using test::member;

namespace {

std::string text_of(const pe::detail::json::Value& object, const char* name) {
  const std::string* found = object.find_string(name);
  return found == nullptr ? std::string{} : *found;
}

// A vector's name ends in its region: "assume_role_min_us-east-1".
std::string region_of(const pe::detail::json::Value& vector) {
  const std::string name = text_of(vector, "name");
  return name.substr(name.rfind('_') + 1);
}

// A request as the vectors show it: without Host, which their stack adds.
pe::Headers shown_headers(pe::Headers headers) {
  REQUIRE(headers.at(0).first == "Host");
  headers.erase(headers.begin());
  return headers;
}

// The headers of a vector but amz-sdk-request, which botocore does not sign and we do not send
// while asking for credentials, and Content-Length, which the transport adds.
pe::Headers expected_headers(const pe::detail::json::Value& vector, std::size_t body_size) {
  pe::Headers headers;
  for (const auto& [name, value] : member(vector, "headers").members) {
    if (name == "Content-Length") {
      CHECK(value.text == std::to_string(body_size));
    } else if (name != "amz-sdk-request") {
      headers.emplace_back(name, value.text);
    }
  }
  return headers;
}

std::string sha256_hex(const std::string& data) {
  pe::detail::crypto::Sha256 sha256;
  const auto digest = sha256.digest(data);
  REQUIRE(digest.has_value());
  return pe::detail::crypto::to_hex(*digest);
}

// What is signed of a request that is signed already.
std::string canonical_request_of(pe::HttpRequest request) {
  REQUIRE(request.headers.back().first == "Authorization");
  request.headers.pop_back();
  return pe::detail::sigv4::canonical_request(request,
                                              pe::detail::sigv4::canonical_headers(request.headers),
                                              sha256_hex(request.body), true);
}

// The role of a vector, with the multi-factor parameters that no option of ours has.
pe::HttpRequest assume_role_request(const pe::detail::json::Value& suite,
                                    const pe::detail::json::Value& vector) {
  const pe::detail::json::Value& params = member(vector, "params");
  pe::AssumeRoleOptions options;
  options.role_arn = text_of(params, "RoleArn");
  options.role_session_name = text_of(params, "RoleSessionName");
  options.external_id = text_of(params, "ExternalId");
  if (const auto* seconds = params.find("DurationSeconds")) {
    options.duration = std::chrono::seconds{*detail::parse_integer(seconds->text)};
  }
  options.region = region_of(vector);
  const auto now = detail::parse_amz_date(text_of(suite, "signing_time"));
  REQUIRE(now.has_value());
  auto request = detail::assume_role_request(options, *now);
  REQUIRE(request.has_value());
  for (const char* name : {"SerialNumber", "TokenCode"}) {
    const std::string value = text_of(params, name);
    if (!value.empty()) request->body += "&" + detail::sts_form({{name, value}});
  }
  const pe::Credentials keys{text_of(suite, "access_key"), text_of(suite, "secret_key")};
  REQUIRE(detail::sign_for_sts(*request, keys, *now, options.region).has_value());
  return *request;
}

pe::HttpRequest web_identity_request(const pe::detail::json::Value& vector) {
  const pe::detail::json::Value& params = member(vector, "params");
  pe::WebIdentityOptions options;
  options.role_arn = text_of(params, "RoleArn");
  options.role_session_name = text_of(params, "RoleSessionName");
  options.region = region_of(vector);
  const auto request = detail::web_identity_request(options, text_of(params, "WebIdentityToken"),
                                                    detail::TimePoint{});
  REQUIRE(request.has_value());
  return *request;
}

void check_request(const pe::HttpRequest& request, const pe::detail::json::Value& vector) {
  CHECK(request.method == text_of(vector, "method"));
  CHECK(request.url == text_of(vector, "url"));
  CHECK(request.body == text_of(vector, "body"));
  CHECK(shown_headers(request.headers) == expected_headers(vector, request.body.size()));
  const pe::detail::json::Value& canonical = member(vector, "canonical_request");
  if (canonical.is(pe::detail::json::Value::Type::String)) {
    CHECK(canonical_request_of(request) == canonical.text);
  } else {
    CHECK(pe::find_header(request.headers, "Authorization") == nullptr);
  }
}

void check_answer(const pe::detail::json::Value& vector, const std::string& operation) {
  const auto credentials =
      detail::credentials_of_sts({200, {}, text_of(vector, "response_body")}, operation);
  REQUIRE(credentials.has_value());
  const pe::detail::json::Value& parsed = member(vector, "parsed");
  const pe::detail::json::Value& expected = member(parsed, "Credentials");
  CHECK(credentials->access_key_id == text_of(expected, "AccessKeyId"));
  CHECK(credentials->secret_access_key == text_of(expected, "SecretAccessKey"));
  CHECK(credentials->session_token == text_of(expected, "SessionToken"));
  REQUIRE(detail::parse_rfc3339(text_of(expected, "Expiration")).has_value());
  CHECK(credentials->expiration == detail::parse_rfc3339(text_of(expected, "Expiration")));
  const std::string arn = text_of(member(parsed, "AssumedRoleUser"), "Arn");
  REQUIRE_FALSE(credentials->account_id.empty());
  CHECK_THAT(arn, test::ContainsSubstring("::" + credentials->account_id + ":"));
}

}  // namespace

TEST_CASE("STS is asked and its answers are read as by botocore") {
  const pe::detail::json::Value suite = test::read_vectors("credentials/sts_sso_wire.json");
  std::size_t count = 0;
  for (const pe::detail::json::Value& vector : member(suite, "cases").items) {
    if (text_of(vector, "service") != "sts") continue;
    ++count;
    INFO("case: " << text_of(vector, "name"));
    const bool is_web_identity = member(vector, "params").find("WebIdentityToken") != nullptr;
    check_request(
        is_web_identity ? web_identity_request(vector) : assume_role_request(suite, vector),
        vector);
    check_answer(vector, is_web_identity ? "AssumeRoleWithWebIdentity" : "AssumeRole");
  }
  test::report_conformance_cases(count, "STS in credentials/sts_sso_wire.json");
  CHECK(count == 6);
}
