// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/auth/providers/profile.hpp"

#include <memory>
#include <string>
#include <vector>

#include "catch.hpp"
#include "personalize_events/testing/virtual_platform.hpp"

namespace pe = personalize_events;

namespace {

struct Files {
  std::shared_ptr<pe::testing::VirtualPlatform> platform =
      std::make_shared<pe::testing::VirtualPlatform>();

  explicit Files(const std::string& credentials, const std::string& config = "") {
    platform->set_environment("HOME", "/home/user");
    platform->set_file("/home/user/.aws/credentials", credentials);
    platform->set_file("/home/user/.aws/config", config);
  }

  pe::Result<pe::Credentials> get(const std::string& profile = {}) const {
    return pe::profile_credentials(platform, profile)();
  }
};

const char* const kTwoProfiles =
    "[default]\n"
    "aws_access_key_id = default-id\n"
    "aws_secret_access_key = default-secret\n"
    "[shop]\n"
    "aws_access_key_id = shop-id\n"
    "aws_secret_access_key = shop-secret\n"
    "aws_session_token = shop-token\n"
    "aws_account_id = 123456789012\n";

}  // namespace

TEST_CASE("The profile is the given one, then AWS_PROFILE, then default") {
  Files files{kTwoProfiles};
  CHECK(files.get()->access_key_id == "default-id");
  CHECK(files.get("shop")->access_key_id == "shop-id");
  files.platform->set_environment("AWS_PROFILE", "shop");
  CHECK(files.get()->access_key_id == "shop-id");
  CHECK(files.get("default")->access_key_id == "default-id");
}

TEST_CASE("A profile gives all members of credentials") {
  const auto credentials = Files{kTwoProfiles}.get("shop");
  REQUIRE(credentials.has_value());
  CHECK(credentials->access_key_id == "shop-id");
  CHECK(credentials->secret_access_key == "shop-secret");
  CHECK(credentials->session_token == "shop-token");
  CHECK(credentials->account_id == "123456789012");
  CHECK_FALSE(credentials->expiration.has_value());
}

TEST_CASE("Keys may stand in the config file, and the credentials file wins over them") {
  const std::string config =
      "[profile shop]\naws_access_key_id = config-id\naws_secret_access_key = config-secret\n";
  CHECK(Files{"", config}.get("shop")->access_key_id == "config-id");
  CHECK(Files{kTwoProfiles, config}.get("shop")->access_key_id == "shop-id");
}

TEST_CASE("The files are read anew at each call, so that rotated keys are found") {
  Files files{kTwoProfiles};
  const auto provider = pe::profile_credentials(files.platform, "shop");
  CHECK(provider()->access_key_id == "shop-id");
  files.platform->set_file(
      "/home/user/.aws/credentials",
      "[shop]\naws_access_key_id = new-id\naws_secret_access_key = new-secret\n");
  CHECK(provider()->access_key_id == "new-id");
}

TEST_CASE("Only the two shared files are opened") {
  Files files{kTwoProfiles};
  REQUIRE(files.get("shop").has_value());
  for (const std::string& path : files.platform->files_read()) {
    CAPTURE(path);
    CHECK((path == "/home/user/.aws/credentials" || path == "/home/user/.aws/config"));
  }
}

TEST_CASE("A default profile without keys, or no file at all, is a source that has none") {
  const auto check_has_none = [](const pe::Result<pe::Credentials>& credentials) {
    REQUIRE_FALSE(credentials.has_value());
    CHECK(credentials.error().kind == pe::ErrorKind::Credentials);
    CHECK(credentials.error().where == "profile");
    CHECK_THAT(credentials.error().message, test::ContainsSubstring("default"));
    CHECK_FALSE(pe::detail::is_of_meant_source(credentials.error()));
  };
  check_has_none(Files{"", "[default]\nregion = eu-west-1\n"}.get());
  check_has_none(Files{"[default]\naws_access_key_id =\naws_secret_access_key =\n"}.get());
  check_has_none(pe::profile_credentials(std::make_shared<pe::testing::VirtualPlatform>())());
}

TEST_CASE("A profile that is named and does not exist is an error, not another profile's keys") {
  Files files{kTwoProfiles};
  const auto given = files.get("other");
  REQUIRE_FALSE(given.has_value());
  CHECK(given.error().kind == pe::ErrorKind::Credentials);
  CHECK(pe::detail::is_of_meant_source(given.error()));
  CHECK_THAT(given.error().message, test::ContainsSubstring("other"));

  files.platform->set_environment("AWS_PROFILE", "other");
  const auto named = files.get();
  REQUIRE_FALSE(named.has_value());
  CHECK(named.error().where == "AWS_PROFILE");
}

TEST_CASE("A profile that cannot be used as it stands names the file and line, and no key") {
  struct Case {
    const char* credentials;
    const char* config;
    const char* where;
  };
  const std::vector<Case> cases{
      {"[default]\naws_access_key_id = MARKER\n", "", "/home/user/.aws/credentials:2"},
      {"[default]\n\naws_secret_access_key = MARKER\n", "", "/home/user/.aws/credentials:3"},
      {"[default]\naws_access_key_id = MARKER\naws_secret_access_key =\n", "",
       "/home/user/.aws/credentials:2"},
      {"[default]\naws_secret_access_key MARKER\n", "", "/home/user/.aws/credentials:2"},
      {"", "[default]\nrole_arn = arn:aws:iam::1:role/MARKER\n", "/home/user/.aws/config:2"},
      {"[default]\naws_access_key_id = MARKER\naws_secret_access_key = MARKER\n",
       "[default]\nrole_arn = arn:aws:iam::1:role/MARKER\nsource_profile = default\n",
       "/home/user/.aws/config:2"},
      {"", "[default]\nsso_session = MARKER\n", "/home/user/.aws/config:2"},
      {"", "[default]\nsso_account_id = MARKER\n", "/home/user/.aws/config:2"},
      {"", "[default]\nlogin_session = MARKER\n", "/home/user/.aws/config:2"},
      {"", "[default]\nweb_identity_token_file = MARKER\n", "/home/user/.aws/config:2"},
      {"", "[default]\ncredential_process = run MARKER\n", "/home/user/.aws/config:2"},
  };
  for (const Case& broken : cases) {
    INFO(broken.credentials << broken.config);
    const auto credentials = Files{broken.credentials, broken.config}.get();
    REQUIRE_FALSE(credentials.has_value());
    CHECK(credentials.error().kind == pe::ErrorKind::Credentials);
    CHECK(pe::detail::is_of_meant_source(credentials.error()));
    CHECK(credentials.error().where == broken.where);
    CHECK(pe::to_string(credentials.error()).find("MARKER") == std::string::npos);
  }
}

TEST_CASE("Static keys win over a credential_process of the same profile") {
  const auto credentials =
      Files{kTwoProfiles, "[default]\ncredential_process = /bin/false\n"}.get();
  REQUIRE(credentials.has_value());
  CHECK(credentials->access_key_id == "default-id");
}

TEST_CASE("A file that cannot be read is an error of credentials that names it") {
  Files files{kTwoProfiles};
  files.platform->set_file("/home/user/.aws/credentials",
                           pe::detail::make_error(pe::ErrorKind::Configuration,
                                                  "/home/user/.aws/credentials", "no permission"));
  const auto credentials = files.get();
  REQUIRE_FALSE(credentials.has_value());
  CHECK(credentials.error().kind == pe::ErrorKind::Credentials);
  CHECK(credentials.error().where == "/home/user/.aws/credentials");
}
