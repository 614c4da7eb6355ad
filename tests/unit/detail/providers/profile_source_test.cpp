// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/providers/profile_source.hpp"

#include <string>
#include <vector>

#include "catch.hpp"
#include "personalize_events/detail/config/profile_file.hpp"

namespace pe = personalize_events;
using Kind = pe::detail::ProfileSource::Kind;

namespace {

// The source of the default profile of a config file. No value of the texts here that has MARKER
// in it may ever be shown.
pe::Result<pe::detail::ProfileSource> source_of(const std::string& config) {
  const auto profiles = pe::detail::parse_profiles(config, "config", "", "credentials");
  REQUIRE(profiles.has_value());
  return pe::detail::source_of(*profiles, *profiles->find_profile("default"), "default");
}

const char* const kSession =
    "[sso-session work]\nsso_region = eu-west-1\nsso_start_url = https://work.example/start\n";

}  // namespace

TEST_CASE("Each kind of source is told by its properties, with its place") {
  const auto keys = source_of(
      "[default]\naws_access_key_id = id\naws_secret_access_key = secret\n"
      "aws_session_token = token\naws_account_id = 123456789012\n");
  REQUIRE(keys.has_value());
  CHECK(keys->kind == Kind::StaticKeys);
  CHECK(keys->where == "config:2");
  CHECK(keys->keys.access_key_id == "id");
  CHECK(keys->keys.secret_access_key == "secret");
  CHECK(keys->keys.session_token == "token");
  CHECK(keys->keys.account_id == "123456789012");

  const auto environment = source_of("[default]\ncredential_source = Environment\n");
  CHECK(environment->kind == Kind::Environment);
  CHECK(environment->where == "config:2");
  CHECK(source_of("[default]\ncredential_source = Ec2InstanceMetadata\n")->kind ==
        Kind::InstanceMetadata);
  CHECK(source_of("[default]\ncredential_source = EcsContainer\n")->kind == Kind::Container);

  const auto web = source_of(
      "[default]\nrole_arn = arn\nweb_identity_token_file = /token\nrole_session_name = name\n");
  CHECK(web->kind == Kind::WebIdentity);
  CHECK(web->where == "config:3");
  CHECK(web->web_identity.role_arn == "arn");
  CHECK(web->web_identity.token_file == "/token");
  CHECK(web->web_identity.role_session_name == "name");

  const auto login = source_of("[default]\nlogin_session = arn:aws:iam::1:user/me\n");
  CHECK(login->kind == Kind::Login);
  CHECK(login->login.login_session == "arn:aws:iam::1:user/me");

  const auto process =
      source_of("[default]\ncredential_process = run me\naws_account_id = 123456789012\n");
  CHECK(process->kind == Kind::Process);
  CHECK(process->command == "run me");
  CHECK(process->account_id == "123456789012");
}

TEST_CASE("Static keys with a character that no header may have are an error with their place") {
  const auto keys = source_of(
      "[default]\naws_access_key_id = id\naws_secret_access_key = secret\n"
      "aws_session_token = to ken\n");
  REQUIRE_FALSE(keys.has_value());
  CHECK(keys.error().where == "config:2");
  CHECK(keys.error().code == "MisconfiguredSource");
  CHECK_THAT(keys.error().message, test::ContainsSubstring("aws_session_token has a blank"));
}

TEST_CASE("Single sign-on comes from an sso-session, or from the profile alone") {
  const auto session = source_of(std::string{kSession} +
                                 "[default]\nsso_session = work\nsso_account_id = 1\n"
                                 "sso_role_name = reader\n");
  REQUIRE(session.has_value());
  CHECK(session->kind == Kind::Sso);
  CHECK(session->sso.session_name == "work");
  CHECK(session->sso.region == "eu-west-1");
  CHECK(session->sso.start_url == "https://work.example/start");
  CHECK(session->sso.account_id == "1");
  CHECK(session->sso.role_name == "reader");

  // The start URL may stand in both, if it is the same.
  CHECK(source_of(std::string{kSession} +
                  "[default]\nsso_session = work\nsso_start_url = https://work.example/start\n"
                  "sso_account_id = 1\nsso_role_name = reader\n")
            .has_value());

  const auto legacy = source_of(
      "[default]\nsso_account_id = 1\nsso_role_name = reader\nsso_region = eu-west-1\n"
      "sso_start_url = https://old.example/start\n");
  REQUIRE(legacy.has_value());
  CHECK(legacy->sso.session_name.empty());
  CHECK(legacy->sso.region == "eu-west-1");
  CHECK(legacy->sso.start_url == "https://old.example/start");
}

TEST_CASE("Of several sources the first in AWS's order is taken") {
  const std::string rest =
      "login_session = arn\ncredential_process = run\naws_access_key_id = id\n"
      "aws_secret_access_key = secret\n";
  const std::string sso =
      "sso_account_id = 1\nsso_role_name = r\nsso_region = eu-west-1\nsso_start_url = https://s\n";
  CHECK(source_of("[default]\ncredential_source = Environment\n" + sso + rest)->kind ==
        Kind::Environment);
  CHECK(source_of("[default]\nrole_arn = arn\nweb_identity_token_file = /t\n" + sso + rest)->kind ==
        Kind::WebIdentity);
  CHECK(source_of("[default]\n" + sso + rest)->kind == Kind::Sso);
  CHECK(source_of("[default]\n" + rest)->kind == Kind::Login);
  CHECK(source_of("[default]\ncredential_process = run\naws_access_key_id = id\n"
                  "aws_secret_access_key = secret\n")
            ->kind == Kind::Process);
}

TEST_CASE("A profile without a source, or with blank properties only, is silent") {
  for (const char* config :
       {"[default]\nregion = eu-west-1\n", "[default]\n",
        "[default]\naws_access_key_id =\naws_secret_access_key =\nsso_session =\n"
        "credential_process =\nlogin_session =\nweb_identity_token_file =\ncredential_source "
        "=\n"}) {
    CAPTURE(config);
    const auto source = source_of(config);
    REQUIRE_FALSE(source.has_value());
    CHECK(source.error().where == "profile");
    CHECK_FALSE(pe::detail::is_of_meant_source(source.error()));
  }
}

TEST_CASE("What cannot be used as it stands names the file and line, and how to mend it") {
  struct Case {
    std::string config;
    const char* where;
    const char* message;
  };
  const std::string session = kSession;
  const std::vector<Case> cases{
      {"[default]\naws_access_key_id = MARKER\n", "config:2", "aws_secret_access_key"},
      {"[default]\n\naws_secret_access_key = MARKER\n", "config:3", "aws_access_key_id"},
      {"[default]\ncredential_source = MARKER\n", "config:2", "Ec2InstanceMetadata"},
      {"[default]\ncredential_source = environment\n", "config:2", "Environment"},
      {"[default]\nweb_identity_token_file = MARKER\n", "config:2", "role_arn"},
      {"[default]\nrole_arn = MARKER\nweb_identity_token_file = MARKER\n"
       "credential_source = Environment\n",
       "config:4", "remove one"},
      {"[default]\nsso_account_id = MARKER\n", "config:2", "sso_role_name"},
      {"[default]\nsso_role_name = MARKER\n", "config:2", "sso_account_id"},
      {"[default]\nsso_start_url = MARKER\n", "config:2", "sso_account_id"},
      {"[default]\nsso_role_name = MARKER\nsso_account_id = MARKER\nsso_region = MARKER\n",
       "config:3", "sso_start_url"},
      {"[default]\nsso_role_name = MARKER\nsso_account_id = MARKER\nsso_start_url = MARKER\n",
       "config:3", "sso_region"},
      {"[default]\nsso_session = MARKER\n", "config:2", "[sso-session"},
      {"[sso-session work]\nsso_region = MARKER\n[default]\nsso_session = work\n", "config:4",
       "sso_start_url"},
      {"[sso-session work]\nsso_start_url = MARKER\n[default]\nsso_session = work\n", "config:4",
       "sso_region"},
      {session + "[default]\nsso_session = work\nsso_region = eu-north-1\n", "config:6",
       "sso-session"},
      {session + "[default]\nsso_session = work\nsso_start_url = https://MARKER\n", "config:6",
       "remove it"},
  };
  for (const Case& broken : cases) {
    CAPTURE(broken.config);
    const auto source = source_of(broken.config);
    REQUIRE_FALSE(source.has_value());
    INFO(to_string(source.error()));
    CHECK(source.error().code == "MisconfiguredSource");
    CHECK(source.error().where == broken.where);
    CHECK_THAT(source.error().message, test::ContainsSubstring(broken.message));
    CHECK_THAT(source.error().message, !test::ContainsSubstring("MARKER"));
  }
}
