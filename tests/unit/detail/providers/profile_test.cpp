// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/providers/profile.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "catch.hpp"
#include "personalize_events/testing/fake_transport.hpp"
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
    return pe::profile_credentials({{}, platform, profile})();
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
  const auto provider = pe::profile_credentials({{}, files.platform, "shop"});
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
  check_has_none(pe::profile_credentials({{}, std::make_shared<pe::testing::VirtualPlatform>()})());
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
      {"", "[default]\nrole_arn = arn:aws:iam::1:role/MARKER\nsource_profile = MARKER\n",
       "/home/user/.aws/config:3"},
      {"", "[default]\nsso_session = MARKER\n", "/home/user/.aws/config:2"},
      {"", "[default]\nsso_account_id = MARKER\n", "/home/user/.aws/config:2"},
      {"", "[default]\nweb_identity_token_file = MARKER\n", "/home/user/.aws/config:2"},
      {"", "[default]\nsso_session = s\n[sso-session s]\nsso_region = r\nsso_start_url = MARKER\n",
       "/home/user/.aws/config:2"},
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

namespace {

// A world with AWS STS: each role that is assumed gets the next of its answers.
struct RoleWorld : Files {
  std::shared_ptr<pe::testing::FakeTransport> transport =
      std::make_shared<pe::testing::FakeTransport>();
  pe::CredentialsProvider provider;

  explicit RoleWorld(const std::string& config)
      : Files("", "[default]\nregion = eu-west-1\n" + config),
        provider(pe::profile_credentials({transport, platform, "a"})) {
    platform->set_environment("AWS_REGION", "eu-west-1");
  }

  // Keys for an hour, which begins at 2026-01-01 plus `hour`.
  void grant(const std::string& id, int hour = 0) const {
    const std::string expiration = "2026-01-01T0" + std::to_string(hour + 1) + ":00:00Z";
    transport->reply(pe::HttpResponse{
        200,
        {},
        "<AssumeRoleResponse><AssumeRoleResult><AssumedRoleUser><AssumedRoleId>R:s</AssumedRoleId>"
        "<Arn>arn:aws:sts::123456789012:assumed-role/r/s</Arn></AssumedRoleUser><Credentials>"
        "<AccessKeyId>" +
            id +
            "</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</"
            "SessionToken><Expiration>" +
            expiration +
            "</Expiration></Credentials></AssumeRoleResult><ResponseMetadata><RequestId>1</"
            "RequestId></ResponseMetadata></AssumeRoleResponse>"});
  }
  void refuse(const std::string& code) const {
    transport->reply(pe::HttpResponse{
        403,
        {},
        "<ErrorResponse><Error><Type>Sender</Type><Code>" + code +
            "</Code><Message>no</Message></Error><RequestId>1</RequestId></ErrorResponse>"});
  }
  std::string id() const {
    const auto credentials = provider();
    INFO((credentials ? std::string{} : to_string(credentials.error())));
    REQUIRE(credentials.has_value());
    return credentials->access_key_id;
  }
  // The access key ids with which the requests were signed.
  std::vector<std::string> signers() const {
    std::vector<std::string> ids;
    for (const pe::HttpRequest& request : transport->requests()) {
      const std::string* authorization = pe::find_header(request.headers, "Authorization");
      REQUIRE(authorization != nullptr);
      const std::size_t begin = authorization->find("Credential=") + 11;
      ids.push_back(authorization->substr(begin, authorization->find('/') - begin));
    }
    return ids;
  }
};

const char* const kTwoRoles =
    "[profile a]\nrole_arn = arn:aws:iam::123456789012:role/A\nsource_profile = b\n"
    "[profile b]\nrole_arn = arn:aws:iam::123456789012:role/B\nsource_profile = c\n"
    "[profile c]\naws_access_key_id = base\naws_secret_access_key = secret\n";

using Ids = std::vector<std::string>;

}  // namespace

TEST_CASE("Each role of a chain is assumed with the credentials before it") {
  RoleWorld world{kTwoRoles};
  world.grant("role-b");
  world.grant("role-a");
  const auto credentials = world.provider();
  REQUIRE(credentials.has_value());
  CHECK(credentials->access_key_id == "role-a");
  CHECK(credentials->account_id == "123456789012");
  CHECK(world.signers() == Ids{"base", "role-b"});
  const auto requests = world.transport->requests();
  CHECK(requests.at(0).url == "https://sts.eu-west-1.amazonaws.com/");
  CHECK_THAT(requests.at(0).body, test::ContainsSubstring("role%2FB"));
  CHECK_THAT(requests.at(1).body, test::ContainsSubstring("role%2FA"));
}

TEST_CASE("The last role is assumed anew, those before it only near their expiry") {
  using std::chrono::minutes;
  RoleWorld world{kTwoRoles};
  world.grant("role-b");
  world.grant("role-a");
  CHECK(world.id() == "role-a");
  world.grant("role-a2");
  world.platform->advance(minutes{30});
  CHECK(world.id() == "role-a2");
  CHECK(world.signers() == Ids{"base", "role-b", "role-b"});
  world.grant("role-b2", 1);
  world.grant("role-a3", 1);
  world.platform->advance(minutes{27});
  CHECK(world.id() == "role-a3");
  CHECK(world.signers() == Ids{"base", "role-b", "role-b", "base", "role-b2"});
}

TEST_CASE("Rotated keys of the source are found, and what was got with the old ones goes") {
  RoleWorld world{kTwoRoles};
  world.grant("role-b");
  world.grant("role-a");
  CHECK(world.id() == "role-a");
  std::string rotated = kTwoRoles;
  rotated.replace(rotated.find("= base"), 6, "= rotated");
  world.platform->set_file("/home/user/.aws/config", rotated);
  world.grant("role-b2");
  world.grant("role-a2");
  CHECK(world.id() == "role-a2");
  CHECK(world.signers() == Ids{"base", "role-b", "rotated", "role-b2"});
}

TEST_CASE("Kept credentials that STS refuses are replaced at once, once") {
  RoleWorld world{kTwoRoles};
  world.grant("role-b");
  world.grant("role-a");
  CHECK(world.id() == "role-a");
  world.refuse("ExpiredToken");
  world.grant("role-b2");
  SECTION("and the new ones serve") {
    world.grant("role-a2");
    CHECK(world.id() == "role-a2");
    CHECK(world.signers() == Ids{"base", "role-b", "role-b", "base", "role-b2"});
  }
  SECTION("and if those are refused too, the call fails") {
    world.refuse("ExpiredToken");
    const auto credentials = world.provider();
    REQUIRE_FALSE(credentials.has_value());
    CHECK(pe::detail::is_of_meant_source(credentials.error()));
    CHECK(world.signers() == Ids{"base", "role-b", "role-b", "base", "role-b2"});
  }
}

TEST_CASE("A role that may not be assumed is an error that ends a chain") {
  RoleWorld world{kTwoRoles};
  world.grant("role-b");
  world.refuse("AccessDenied");
  const auto credentials = world.provider();
  REQUIRE_FALSE(credentials.has_value());
  CHECK(credentials.error().kind == pe::ErrorKind::Credentials);
  CHECK(pe::detail::is_of_meant_source(credentials.error()));
  CHECK(world.signers() == Ids{"base", "role-b"});
}

TEST_CASE("The roles of a profile are assumed in the region that the program gives") {
  RoleWorld world{kTwoRoles};
  world.grant("role-b");
  world.grant("role-a");
  REQUIRE(
      pe::profile_credentials({world.transport, world.platform, "a", "us-east-2"})().has_value());
  CHECK(world.transport->requests().at(0).url == "https://sts.us-east-2.amazonaws.com/");
}

TEST_CASE("A source that a profile names and that has nothing ends a chain, by its line") {
  const auto check = [](const std::string& source) {
    RoleWorld world{"[profile a]\ncredential_source = " + source +
                    "\nrole_arn = arn:aws:iam::123456789012:role/A\n"};
    world.platform->set_environment("AWS_EC2_METADATA_DISABLED", "true");
    const auto credentials = world.provider();
    REQUIRE_FALSE(credentials.has_value());
    CHECK(credentials.error().kind == pe::ErrorKind::Credentials);
    CHECK(credentials.error().code == "FailedSource");
    CHECK(credentials.error().where == "/home/user/.aws/config:4");
    CHECK(world.transport->requests().empty());
  };
  check("Environment");
  check("EcsContainer");
  check("Ec2InstanceMetadata");
}

TEST_CASE("The environment's keys are read anew for each role that is assumed with them") {
  RoleWorld world{
      "[profile a]\ncredential_source = Environment\n"
      "role_arn = arn:aws:iam::123456789012:role/A\n"};
  world.platform->set_environment("AWS_ACCESS_KEY_ID", "one");
  world.platform->set_environment("AWS_SECRET_ACCESS_KEY", "secret");
  world.grant("role-a");
  CHECK(world.id() == "role-a");
  world.platform->set_environment("AWS_ACCESS_KEY_ID", "two");
  CHECK(world.id() == "role-a");
  CHECK(world.signers() == Ids{"one", "two"});
}

TEST_CASE("A process is asked, and the profile tells the account that it leaves out") {
  Files files{"", "[default]\ncredential_process = run\naws_account_id = 123456789012\n"};
  files.platform->on_process(
      "run", std::string{R"({"Version": 1, "AccessKeyId": "id", "SecretAccessKey": "secret"})"});
  CHECK(files.get()->access_key_id == "id");
  CHECK(files.get()->account_id == "123456789012");
  files.platform->on_process(
      "run",
      std::string{
          R"({"Version": 1, "AccessKeyId": "id", "SecretAccessKey": "secret", "AccountId": "1"})"});
  CHECK(files.get()->account_id == "1");
}

TEST_CASE("The command of a process and its failure show nothing of it") {
  Files files{"", "[default]\ncredential_process = run MARKER\n"};
  const auto credentials = files.get();
  REQUIRE_FALSE(credentials.has_value());
  CHECK(pe::detail::is_of_meant_source(credentials.error()));
  CHECK(pe::to_string(credentials.error()).find("MARKER") == std::string::npos);
}

TEST_CASE("Without a transport only keys and processes serve") {
  Files files{"", std::string{"[default]\nregion = eu-west-1\n"} + kTwoRoles};
  files.platform->set_environment("AWS_REGION", "eu-west-1");
  const auto credentials = files.get("a");
  REQUIRE_FALSE(credentials.has_value());
  CHECK(pe::detail::is_of_meant_source(credentials.error()));
  CHECK_THAT(credentials.error().message, test::ContainsSubstring("transport"));
  CHECK(files.get("c")->access_key_id == "base");
}
