// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/providers/environment.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/testing/virtual_platform.hpp"

namespace pe = personalize_events;

namespace {

using Variables = std::vector<std::pair<std::string, std::string>>;

pe::Result<pe::Credentials> credentials_of(const Variables& variables) {
  const auto platform = std::make_shared<pe::testing::VirtualPlatform>();
  for (const auto& [name, value] : variables) platform->set_environment(name, value);
  auto credentials = pe::environment_credentials({{}, platform})();
  CHECK(platform->files_read().empty());
  return credentials;
}

}  // namespace

TEST_CASE("The environment gives all members of credentials") {
  const auto credentials = credentials_of({{"AWS_ACCESS_KEY_ID", "id"},
                                           {"AWS_SECRET_ACCESS_KEY", "secret"},
                                           {"AWS_SESSION_TOKEN", "token"},
                                           {"AWS_ACCOUNT_ID", "123456789012"},
                                           {"AWS_CREDENTIAL_EXPIRATION", "2030-01-31T12:00:00Z"}});
  REQUIRE(credentials.has_value());
  CHECK(credentials->access_key_id == "id");
  CHECK(credentials->secret_access_key == "secret");
  CHECK(credentials->session_token == "token");
  CHECK(credentials->account_id == "123456789012");
  REQUIRE(credentials->expiration.has_value());
  CHECK(credentials->expiration->time_since_epoch() == std::chrono::seconds{1'896'091'200});
}

TEST_CASE("Long-term keys of the environment have no token and do not expire") {
  const auto credentials =
      credentials_of({{"AWS_ACCESS_KEY_ID", "id"}, {"AWS_SECRET_ACCESS_KEY", "secret"}});
  REQUIRE(credentials.has_value());
  CHECK(credentials->session_token.empty());
  CHECK_FALSE(credentials->expiration.has_value());
}

TEST_CASE("Without keys the environment is a source that has none") {
  const std::vector<Variables> environments{
      {},
      {{"AWS_ACCESS_KEY_ID", ""}, {"AWS_SECRET_ACCESS_KEY", ""}},
      {{"AWS_ACCESS_KEY_ID", "  "}, {"AWS_SECRET_ACCESS_KEY", "\t\n"}},
      {{"AWS_SESSION_TOKEN", "token"}},
  };
  for (const Variables& variables : environments) {
    const auto credentials = credentials_of(variables);
    REQUIRE_FALSE(credentials.has_value());
    CHECK(credentials.error().kind == pe::ErrorKind::Credentials);
    CHECK(credentials.error().where == "environment");
    CHECK_FALSE(pe::detail::is_of_meant_source(credentials.error()));
    CHECK_THAT(credentials.error().message, test::ContainsSubstring("AWS_ACCESS_KEY_ID"));
    CHECK_THAT(credentials.error().message, test::ContainsSubstring("AWS_SECRET_ACCESS_KEY"));
  }
}

TEST_CASE("Half of the keys, or a broken expiration, is an error that names the variable") {
  struct Case {
    Variables variables;
    const char* where;
  };
  const std::vector<Case> cases{
      {{{"AWS_ACCESS_KEY_ID", "KEYID"}}, "AWS_SECRET_ACCESS_KEY"},
      {{{"AWS_ACCESS_KEY_ID", "KEYID"}, {"AWS_SECRET_ACCESS_KEY", " "}}, "AWS_SECRET_ACCESS_KEY"},
      {{{"AWS_SECRET_ACCESS_KEY", "SECRET"}}, "AWS_ACCESS_KEY_ID"},
      {{{"AWS_ACCESS_KEY_ID", "KEYID"},
        {"AWS_SECRET_ACCESS_KEY", "SECRET"},
        {"AWS_CREDENTIAL_EXPIRATION", "tomorrow"}},
       "AWS_CREDENTIAL_EXPIRATION"},
  };
  for (const Case& broken : cases) {
    CAPTURE(broken.where);
    const auto credentials = credentials_of(broken.variables);
    REQUIRE_FALSE(credentials.has_value());
    CHECK(credentials.error().kind == pe::ErrorKind::Credentials);
    CHECK(credentials.error().where == broken.where);
    CHECK(pe::detail::is_of_meant_source(credentials.error()));
    const std::string shown = pe::to_string(credentials.error());
    CHECK(shown.find("SECRET\"") == std::string::npos);
    CHECK(shown.find("KEYID\"") == std::string::npos);
    CHECK(shown.find("tomorrow") == std::string::npos);
  }
}

TEST_CASE("A variable with a character that no header may have is an error that names it") {
  for (const char* name : {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}) {
    CAPTURE(name);
    Variables variables{{"AWS_ACCESS_KEY_ID", "KEYID"},
                        {"AWS_SECRET_ACCESS_KEY", "SECRET"},
                        {"AWS_SESSION_TOKEN", "TOKEN"}};
    for (auto& [variable, value] : variables) {
      if (variable == name) value += "\nX";
    }
    const auto credentials = credentials_of(variables);
    REQUIRE_FALSE(credentials.has_value());
    CHECK(credentials.error().where == "environment");
    CHECK(pe::detail::is_of_meant_source(credentials.error()));
    CHECK_THAT(credentials.error().message,
               test::ContainsSubstring(std::string{name} + " has a blank, a control character"));
  }
}

TEST_CASE("White space around a variable is left out") {
  for (const char* space : {"\n", "\r\n", " ", "\t \n"}) {
    const auto credentials =
        credentials_of({{"AWS_ACCESS_KEY_ID", std::string{"KEYID"} + space},
                        {"AWS_SECRET_ACCESS_KEY", space + std::string{"SECRET"} + space},
                        {"AWS_SESSION_TOKEN", space + std::string{"TOKEN"}}});
    REQUIRE(credentials.has_value());
    CHECK(credentials->access_key_id == "KEYID");
    CHECK(credentials->secret_access_key == "SECRET");
    CHECK(credentials->session_token == "TOKEN");
  }
}

TEST_CASE("The environment is read anew at each call") {
  const auto platform = std::make_shared<pe::testing::VirtualPlatform>();
  const auto provider = pe::environment_credentials({{}, platform});
  CHECK_FALSE(provider().has_value());
  platform->set_environment("AWS_ACCESS_KEY_ID", "first");
  platform->set_environment("AWS_SECRET_ACCESS_KEY", "secret");
  CHECK(provider()->access_key_id == "first");
  platform->set_environment("AWS_ACCESS_KEY_ID", "second");
  CHECK(provider()->access_key_id == "second");
}
