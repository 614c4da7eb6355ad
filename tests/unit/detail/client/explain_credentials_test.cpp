// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/client/explain_credentials.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "support/disk_platform.hpp"

namespace pe = personalize_events;
using pe::testing::VirtualPlatform;

namespace {

const char* const kConfig = "/home/user/.aws/config";
const char* const kCredentials = "/home/user/.aws/credentials";

// A machine, and what is told of its credentials.
struct World {
  std::shared_ptr<VirtualPlatform> platform = std::make_shared<VirtualPlatform>();

  World() {
    set("HOME", "/home/user");
    set("AWS_EC2_METADATA_DISABLED", "true");
  }
  World& set(const std::string& name, const std::string& value) {
    platform->set_environment(name, value);
    return *this;
  }
  World& file(const std::string& path, const std::string& text) {
    platform->set_file(path, text);
    return *this;
  }
  std::string told(const std::string& given_profile = {}) {
    pe::detail::ReportWriter writer;
    pe::detail::explain_credentials(writer,
                                    pe::detail::SourceContext{{{}, platform, given_profile}});
    CHECK(platform->processes_run().empty());
    CHECK(platform->sleeps().empty());
    return writer.take();
  }
};

// The line of the account that begins with a name.
std::string line_of(const std::string& account, const std::string& name) {
  const std::size_t begin = account.rfind(name, 0) == 0 ? 0 : account.find("\n" + name) + 1;
  REQUIRE((begin > 0 || account.rfind(name, 0) == 0));
  return account.substr(begin, account.find('\n', begin) - begin);
}

}  // namespace

TEST_CASE("Where nothing is, every source says why it has none") {
  CHECK(World{}.told() ==
        "credentials           NONE: no provider has any  [default chain]\n"
        "  1 environment       none: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set\n"
        "  2 profile           none: there is no profile \"default\"\n"
        "  3 web identity      none: AWS_WEB_IDENTITY_TOKEN_FILE is not set\n"
        "  4 container         none: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and "
        "AWS_CONTAINER_CREDENTIALS_FULL_URI are not set\n"
        "  5 instance metadata none: turned off by AWS_EC2_METADATA_DISABLED\n");
}

TEST_CASE("White space around the environment's keys is left out, and said to be") {
  World world;
  world.set("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE\r\n").set("AWS_SECRET_ACCESS_KEY", "secret");
  CHECK(line_of(world.told(), "  1 environment") ==
        "  1 environment       has keys AKIA****MPLE; white space around AWS_ACCESS_KEY_ID is "
        "removed  [AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY]");
}

TEST_CASE("The first source that was meant is the one; those behind it are not reached") {
  World world;
  world.set("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
      .set("AWS_SECRET_ACCESS_KEY", "secret")
      .set("AWS_SESSION_TOKEN", "token")
      .set("AWS_EC2_METADATA_DISABLED", "false")
      .file(kCredentials,
            "[default]\naws_access_key_id = ASIA000000000000ABCD\naws_secret_access_key = s\n");
  const std::string told = world.told();
  CHECK(line_of(told, "credentials") == "credentials           environment  [default chain]");
  CHECK(line_of(told, "  1 environment") ==
        "  1 environment       has keys AKIA****MPLE, with a session token  [AWS_ACCESS_KEY_ID, "
        "AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN]");
  CHECK(
      line_of(told, "  2 profile") ==
      "  2 profile           not reached; has keys ASIA****ABCD  [/home/user/.aws/credentials:2]");
  CHECK(line_of(told, "  5 instance metadata") ==
        "  5 instance metadata not reached; would use http://169.254.169.254, if this is an EC2 "
        "instance");

  const std::string given = world.told("default");
  CHECK(line_of(given, "credentials") == "credentials           profile  [default chain]");
  CHECK(line_of(given, "  1 environment") ==
        "  1 environment       none: not used: ClientOptions.profile is set");
}

TEST_CASE("The environment: half of the keys, or keys that have expired, are wrong") {
  World half;
  half.set("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE");
  CHECK(line_of(half.told(), "  1 environment") ==
        "  1 environment       WRONG: not set, but AWS_ACCESS_KEY_ID is; set both or neither  "
        "[AWS_SECRET_ACCESS_KEY]");
  half.set("AWS_SECRET_ACCESS_KEY", "secret")
      .set("AWS_CREDENTIAL_EXPIRATION", "2026-01-01T00:00:00Z");
  CHECK(line_of(half.told(), "  1 environment") ==
        "  1 environment       WRONG: the keys have expired  [AWS_CREDENTIAL_EXPIRATION]");
  half.set("AWS_CREDENTIAL_EXPIRATION", "2026-01-01T00:00:01Z");
  CHECK(line_of(half.told(), "  1 environment") ==
        "  1 environment       has keys AKIA****MPLE  [AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY]");
}

TEST_CASE("A profile tells how its credentials are got") {
  struct Case {
    const char* config;
    const char* told;
  };
  const std::vector<Case> cases{
      {"[default]\ncredential_process = /opt/vault/get-keys --role shop SECRET\n",
       "would use the program /opt/vault/get-keys  [/home/user/.aws/config:2]"},
      {"[default]\ncredential_process = \"/opt/my SECRET\" x\n",
       "would use a command  [/home/user/.aws/config:2]"},
      {"[default]\ncredential_process = TOKEN=SECRET run\n",
       "would use a command  [/home/user/.aws/config:2]"},
      {"[default]\nrole_arn = arn:aws:iam::1:role/shop\nsource_profile = base\n"
       "[profile base]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = s\n",
       "would use keys AKIA****MPLE, then AWS STS for the role arn:aws:iam::1:role/shop  "
       "[/home/user/.aws/config:5]"},
      {"[default]\nrole_arn = arn:aws:iam::1:role/shop\ncredential_source = EcsContainer\n",
       "WRONG: container: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and "
       "AWS_CONTAINER_CREDENTIALS_FULL_URI are not set, then AWS STS for the role "
       "arn:aws:iam::1:role/shop  [/home/user/.aws/config:3]"},
      {"[default]\nrole_arn = arn:aws:iam::1:role/shop\nweb_identity_token_file = /var/token\n",
       "WRONG: AWS STS, for the role arn:aws:iam::1:role/shop, with the token in /var/token, which "
       "does not exist  [/home/user/.aws/config:3]"},
      {"[default]\nrole_arn = arn:aws:iam::1:role/shop\nsource_profile = absent\n",
       "WRONG: source_profile names a profile that does not exist  [/home/user/.aws/config:3]"},
      {"[default]\nsso_session = work\n[sso-session work]\nsso_region = eu-west-1\n"
       "sso_start_url = https://example.com/start\n",
       "WRONG: single sign-on without an account; add sso_account_id and sso_role_name  "
       "[/home/user/.aws/config:2]"},
      {"[default]\nregion = eu-west-1\n", "none: profile \"default\" names no credentials"},
      {"[default]\nregion\n",
       "WRONG: Expected an '=' sign defining a property; write name = value  "
       "[/home/user/.aws/config:2]"},
  };
  for (const Case& profile : cases) {
    CAPTURE(profile.config);
    World world;
    world.file(kConfig, profile.config);
    CHECK(line_of(world.told(), "  2 profile") ==
          "  2 profile           " + std::string{profile.told});
  }
}

TEST_CASE("Single sign-on and AWS Sign-In tell whether somebody has signed on") {
  World sso;
  sso.file(kConfig,
           "[default]\nsso_session = my-sso\nsso_account_id = 123456789012\nsso_role_name = Shop\n"
           "[sso-session my-sso]\nsso_region = eu-west-1\nsso_start_url = https://example.com\n");
  // SHA-1 of "my-sso", by `printf my-sso | sha1sum`.
  const std::string cache =
      "/home/user/.aws/sso/cache/0ad374308c5a4e22f723adf10145eafad7c4031c.json";
  const std::string line =
      "single sign-on in eu-west-1, as Shop of account 123456789012, with the token in " + cache;
  CHECK(line_of(sso.told(), "  2 profile") ==
        "  2 profile           WRONG: " + line +
            ", which does not exist  [/home/user/.aws/config:2]");
  sso.file(cache, "{}");
  CHECK(line_of(sso.told(), "  2 profile") ==
        "  2 profile           would use " + line + "  [/home/user/.aws/config:2]");

  World login;
  login.set("AWS_LOGIN_CACHE_DIRECTORY", "/cache").file(kConfig, "[default]\nlogin_session = me\n");
  CHECK_THAT(login.told(),
             test::ContainsSubstring("WRONG: AWS Sign-In, with the token in /cache/"));
}

TEST_CASE("A profile that is named and does not exist is wrong") {
  World world;
  world.set("AWS_PROFILE", "shop");
  CHECK_THAT(line_of(world.told(), "  2 profile"),
             test::ContainsSubstring("WRONG: there is no profile \"shop\"") &&
                 test::ContainsSubstring("[AWS_PROFILE]"));
  CHECK(line_of(world.told(), "credentials") == "credentials           profile  [default chain]");
}

TEST_CASE("A web identity of the environment") {
  World world;
  world.set("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/token");
  CHECK(line_of(world.told(), "  3 web identity") ==
        "  3 web identity      WRONG: not set, but AWS_WEB_IDENTITY_TOKEN_FILE is; set both or "
        "neither  "
        "[AWS_ROLE_ARN]");
  world.set("AWS_ROLE_ARN", "arn:aws:iam::1:role/shop").file("/var/token", "SECRET");
  CHECK(line_of(world.told(), "  3 web identity") ==
        "  3 web identity      would use AWS STS, for the role arn:aws:iam::1:role/shop, with the "
        "token in /var/token  [AWS_WEB_IDENTITY_TOKEN_FILE]");
}

TEST_CASE("A container's agent is told by its host") {
  World world;
  world.set("AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "https://agent.example.com:8443/v1/SECRET?SECRET");
  CHECK(line_of(world.told(), "  4 container") ==
        "  4 container         would use https://agent.example.com:8443  "
        "[AWS_CONTAINER_CREDENTIALS_FULL_URI]");
  world.set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/SECRET")
      .set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "SECRET");
  CHECK(line_of(world.told(), "  4 container") ==
        "  4 container         would use http://169.254.170.2, with a token  "
        "[AWS_CONTAINER_CREDENTIALS_RELATIVE_URI]");
  world.set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/var/token");
  CHECK_THAT(line_of(world.told(), "  4 container"),
             test::ContainsSubstring("WRONG: /var/token") &&
                 test::ContainsSubstring("[AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE]"));
  world.set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "SECRET");
  CHECK_THAT(line_of(world.told(), "  4 container"), test::ContainsSubstring("WRONG: not a path"));
}

TEST_CASE("Instance metadata tells where it would be asked") {
  World world;
  world.platform->unset_environment("AWS_EC2_METADATA_DISABLED");
  CHECK(line_of(world.told(), "credentials") ==
        "credentials           instance metadata  [default chain]");
  CHECK(line_of(world.told(), "  5 instance metadata") ==
        "  5 instance metadata would use http://169.254.169.254, if this is an EC2 instance");
  world.set("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ipv6");
  CHECK_THAT(world.told(), test::ContainsSubstring("http://[fd00:ec2::254]"));
  world.set("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "SECRET");
  CHECK_THAT(line_of(world.told(), "  5 instance metadata"),
             test::ContainsSubstring("WRONG: not an endpoint mode"));
}

TEST_CASE("A cache of tokens that others may read serves, and is reported") {
  const auto shared = std::make_shared<test::DiskPlatform>();
  test::DiskPlatform& platform = *shared;
  platform.is_open_to_all = true;
  platform.world.set_environment("HOME", "/home/user");
  platform.world.set_environment("AWS_EC2_METADATA_DISABLED", "true");
  platform.world.set_file("/home/user/.aws/config", "[default]\nlogin_session = me\n");
  // The SHA-256 of "me".
  platform.world.set_file(
      "/home/user/.aws/login/cache/2744ccd10c7533bd736ad890f9dd5cab2adb27b07d500b9493f29cdc420cb2e0"
      ".json",
      "{}");
  pe::detail::ReportWriter writer;
  pe::detail::explain_credentials(writer, pe::detail::SourceContext{{{}, shared}});
  const std::string line = line_of(writer.take(), "  2 profile");
  CHECK_THAT(line, test::ContainsSubstring("AWS Sign-In") &&
                       test::ContainsSubstring(", which is open to every user"));
  CHECK_THAT(line, !test::ContainsSubstring("WRONG"));
}

TEST_CASE("Roles that are asked for over plain http are marked") {
  World world;
  world.set("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE").set("AWS_SECRET_ACCESS_KEY", "secret");
  world.file(kConfig,
             "[default]\nrole_arn = arn:aws:iam::123456789012:role/shop\nregion = eu-west-1\n"
             "credential_source = Environment\n");
  const auto told = [&world](const char* url) {
    world.set("AWS_ENDPOINT_URL_STS", url);
    return line_of(world.told("default"), "  2 profile");
  };
  for (const char* url : {"", "https://sts.example.com", "http://127.0.0.1:4566"}) {
    CAPTURE(url);
    CHECK_THAT(told(url), !test::ContainsSubstring("plain http"));
  }
  CHECK_THAT(told("http://localstack:4566"), test::ContainsSubstring("over plain http"));
}

TEST_CASE("Single sign-on over plain http is marked, a web identity wrong") {
  World world;
  world.set("AWS_ENDPOINT_URL", "http://mock:4566")
      .set("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/token")
      .set("AWS_ROLE_ARN", "arn:aws:iam::1:role/shop")
      .file("/var/token", "SECRET")
      .file(kConfig,
            "[default]\nsso_start_url = https://shop.example.com\nsso_region = eu-west-1\n"
            "sso_account_id = 123456789012\nsso_role_name = shop\n");
  CHECK_THAT(line_of(world.told(), "  2 profile"), test::ContainsSubstring("(over plain http"));
  CHECK_THAT(line_of(world.told(), "  3 web identity"),
             test::ContainsSubstring("WRONG: secrets for AWS STS do not travel over plain http"));
  world.set("AWS_ENDPOINT_URL", "http://localhost:4566");
  CHECK_THAT(world.told(), !test::ContainsSubstring("plain http"));
}
