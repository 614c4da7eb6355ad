// SPDX-License-Identifier: Apache-2.0
//
// The cases that AWS's SDKs share for the login credentials provider.

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "catch.hpp"
#include "personalize_events/detail/config/profile_file.hpp"
#include "personalize_events/detail/json/reader.hpp"
#include "personalize_events/detail/providers/login.hpp"
#include "personalize_events/testing/fake_transport.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "support/conformance.hpp"

namespace pe = personalize_events;
using test::member;

namespace {

const std::string& text(const pe::detail::json::Value& object, const char* name) {
  return member(object, name).text;
}

// Whether two trees are equal; members may stand in any order.
bool is_equal(const pe::detail::json::Value& left, const pe::detail::json::Value& right) {
  if (left.type != right.type || left.text != right.text || left.boolean != right.boolean ||
      left.items.size() != right.items.size() || left.members.size() != right.members.size()) {
    return false;
  }
  for (std::size_t i = 0; i < left.items.size(); ++i) {
    if (!is_equal(left.items[i], right.items[i])) return false;
  }
  for (const auto& [name, value] : left.members) {
    const pe::detail::json::Value* other = right.find(name);
    if (other == nullptr || !is_equal(value, *other)) return false;
  }
  return true;
}

void check_outcome(const pe::detail::json::Value& outcome,
                   const pe::Result<pe::Credentials>& result, pe::Platform& platform) {
  const std::string& kind = text(outcome, "result");
  CAPTURE(kind);
  if (kind == "error") {
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().kind == pe::ErrorKind::Credentials);
    CHECK(pe::detail::is_of_meant_source(result.error()));
    return;
  }
  REQUIRE(result.has_value());
  if (kind == "credentials") {
    CHECK(result->access_key_id == text(outcome, "accessKeyId"));
    CHECK(result->secret_access_key == text(outcome, "secretAccessKey"));
    CHECK(result->session_token == text(outcome, "sessionToken"));
    CHECK(result->account_id == text(outcome, "accountId"));
    CHECK(result->expiration == pe::detail::parse_rfc3339(text(outcome, "expiresAt")));
    return;
  }
  REQUIRE(kind == "cacheContents");
  REQUIRE(outcome.members.size() > 1);
  for (const auto& [name, expected] : outcome.members) {
    if (name == "result") continue;
    const auto file = platform.read_file("/cache/" + name);
    REQUIRE(file.has_value());
    const auto actual = pe::detail::json::parse(*file);
    REQUIRE(actual.has_value());
    CHECK(is_equal(*actual, expected));
  }
}

}  // namespace

TEST_CASE("The login provider passes the published cases") {
  const pe::detail::json::Value suite =
      test::read_vectors("credentials/login-provider-test-cases.json");
  std::size_t count = 0;
  for (const pe::detail::json::Value& vector : suite.items) {
    ++count;
    INFO("case " << count << ": " << text(vector, "documentation"));
    const auto platform = std::make_shared<pe::testing::VirtualPlatform>();
    platform->set_now(*pe::detail::parse_rfc3339("2025-11-19T00:00:00Z"));
    platform->set_environment("AWS_LOGIN_CACHE_DIRECTORY", "/cache");
    for (const auto& [name, content] : member(vector, "cacheContents").members) {
      platform->set_file("/cache/" + name, pe::detail::text_of(content));
    }
    const auto transport = std::make_shared<pe::testing::FakeTransport>();
    const pe::detail::json::Value none;
    const pe::detail::json::Value* calls = vector.find("mockApiCalls");
    if (calls == nullptr) calls = &none;
    for (const pe::detail::json::Value& call : calls->items) {
      const pe::detail::json::Value* code = call.find("responseCode");
      pe::HttpResponse response;
      response.status = code == nullptr ? 200 : std::stoi(code->text);
      if (code == nullptr) {
        response.body = pe::detail::text_of(member(member(call, "response"), "tokenOutput"));
      }
      transport->reply(std::move(response));
    }

    const auto profiles =
        pe::detail::parse_profiles(text(vector, "configContents"), "config", "", "");
    REQUIRE(profiles.has_value());
    const pe::detail::ProfileSection* profile = profiles->find_profile("signin");
    REQUIRE(profile != nullptr);
    const auto result = pe::login_credentials({profile->find("login_session")->text, "us-east-1"},
                                              {transport, platform})();

    const auto requests = transport->requests();
    REQUIRE(requests.size() == calls->items.size());
    for (std::size_t i = 0; i < requests.size(); ++i) {
      const auto body = pe::detail::json::parse(requests[i].body);
      REQUIRE(body.has_value());
      CHECK(is_equal(*body, member(member(calls->items[i], "request"), "tokenInput")));
    }
    REQUIRE_FALSE(member(vector, "outcomes").items.empty());
    for (const pe::detail::json::Value& outcome : member(vector, "outcomes").items) {
      check_outcome(outcome, result, *platform);
    }
  }
  test::report_conformance_cases(count, "credentials/login-provider-test-cases.json");
}
