// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/providers/default_chain.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>

#include "catch.hpp"
#include "personalize_events/testing/fake_transport.hpp"
#include "personalize_events/testing/virtual_platform.hpp"

namespace pe = personalize_events;

namespace {

struct World {
  std::shared_ptr<pe::testing::VirtualPlatform> platform =
      std::make_shared<pe::testing::VirtualPlatform>();
  std::shared_ptr<pe::testing::FakeTransport> transport =
      std::make_shared<pe::testing::FakeTransport>();

  World() {
    platform->set_environment("HOME", "/home/user");
    platform->set_file("/home/user/.aws/credentials",
                       "[default]\naws_access_key_id = default-id\naws_secret_access_key = s\n"
                       "[shop]\naws_access_key_id = shop-id\naws_secret_access_key = s\n");
  }
  void set_environment_keys() const {
    platform->set_environment("AWS_ACCESS_KEY_ID", "environment-id");
    platform->set_environment("AWS_SECRET_ACCESS_KEY", "s");
  }
  pe::Result<pe::Credentials> get(const std::string& profile = {}) const {
    auto credentials = pe::default_chain({transport, platform, profile})();
    CHECK(transport->requests().empty());
    return credentials;
  }
  // With the two sources after the files and variables turned off, or about to answer.
  void remove_files() const { platform->remove_file("/home/user/.aws/credentials"); }
  void turn_metadata_off() const { platform->set_environment("AWS_EC2_METADATA_DISABLED", "true"); }
  void set_web_identity() const {
    platform->set_environment("AWS_WEB_IDENTITY_TOKEN_FILE", "/token");
    platform->set_environment("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/web");
    platform->set_environment("AWS_ROLE_SESSION_NAME", "session");
    platform->set_environment("AWS_REGION", "eu-west-1");
    platform->set_file("/token", std::string{"a.web.token"});
  }
};

}  // namespace

TEST_CASE("The environment comes before the profile") {
  World world;
  CHECK(world.get()->access_key_id == "default-id");
  world.set_environment_keys();
  CHECK(world.get()->access_key_id == "environment-id");
}

TEST_CASE("AWS_PROFILE does not put the environment's keys aside") {
  World world;
  world.platform->set_environment("AWS_PROFILE", "shop");
  CHECK(world.get()->access_key_id == "shop-id");
  world.set_environment_keys();
  CHECK(world.get()->access_key_id == "environment-id");
}

TEST_CASE("A profile that the program names puts the environment's keys aside") {
  World world;
  world.set_environment_keys();
  CHECK(world.get("shop")->access_key_id == "shop-id");
}

TEST_CASE("Half of the environment's keys do not fall through to the profile's") {
  World world;
  world.platform->set_environment("AWS_ACCESS_KEY_ID", "environment-id");
  const auto credentials = world.get();
  REQUIRE_FALSE(credentials.has_value());
  CHECK(credentials.error().where == "AWS_SECRET_ACCESS_KEY");
}

TEST_CASE("Without any source the error names each, and why, in a line each") {
  World world;
  world.remove_files();
  world.turn_metadata_off();
  const auto credentials = world.get();
  REQUIRE_FALSE(credentials.has_value());
  CHECK(credentials.error().kind == pe::ErrorKind::Credentials);
  const std::string& message = credentials.error().message;
  CAPTURE(message);
  std::size_t line = 0;
  for (const char* source :
       {"environment: ", "profile: ", "web identity: ", "container: ", "instance metadata: "}) {
    CAPTURE(source);
    line = message.find(std::string{"\n  "} + source, line);
    REQUIRE(line != std::string::npos);
  }
  CHECK(std::count(message.begin(), message.end(), '\n') == 5);
}

TEST_CASE("The web identity of the environment comes after the profile") {
  World world;
  world.set_web_identity();
  CHECK(world.get()->access_key_id == "default-id");
  world.remove_files();
  const auto provider = pe::default_chain({world.transport, world.platform});
  CHECK_FALSE(provider().has_value());  // the empty answer of AWS STS
  const auto requests = world.transport->requests();
  REQUIRE_FALSE(requests.empty());
  CHECK(requests[0].url == "https://sts.eu-west-1.amazonaws.com/");
  CHECK_THAT(requests[0].body, test::ContainsSubstring("AssumeRoleWithWebIdentity"));
  CHECK_THAT(requests[0].body, test::ContainsSubstring("RoleSessionName=session"));
}

TEST_CASE("The program's region is that of AWS STS") {
  World world;
  world.set_web_identity();
  world.remove_files();
  CHECK_FALSE(pe::default_chain({world.transport, world.platform, {}, "us-east-2"})().has_value());
  CHECK(world.transport->requests().at(0).url == "https://sts.us-east-2.amazonaws.com/");
}

TEST_CASE("A web identity token file without its role is an error, and nothing is sent") {
  World world;
  world.set_web_identity();
  world.remove_files();
  world.platform->unset_environment("AWS_ROLE_ARN");
  const auto credentials = world.get();
  REQUIRE_FALSE(credentials.has_value());
  CHECK(credentials.error().where == "AWS_ROLE_ARN");
  CHECK(pe::detail::is_of_meant_source(credentials.error()));
}

TEST_CASE("The container comes after the web identity, and the instance last") {
  World world;
  world.remove_files();
  const std::string keys =
      R"({"AccessKeyId": "container-id", "SecretAccessKey": "s", "Token": "t",)"
      R"( "Expiration": "2026-01-01T06:00:00Z"})";
  world.transport->reply(pe::HttpResponse{200, {}, keys});
  world.platform->set_environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/keys");
  const auto credentials = pe::default_chain({world.transport, world.platform})();
  REQUIRE(credentials.has_value());
  CHECK(credentials->access_key_id == "container-id");
  CHECK(world.transport->requests().at(0).url == "http://169.254.170.2/keys");

  world.platform->unset_environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  static_cast<void>(pe::default_chain({world.transport, world.platform})());
  CHECK(world.transport->requests().at(1).url == "http://169.254.169.254/latest/api/token");
}

TEST_CASE("A source that was meant and gave nothing ends the search") {
  World world;
  world.remove_files();
  world.platform->set_environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/keys");
  world.transport->reply(pe::HttpResponse{404});
  const auto credentials = pe::default_chain({world.transport, world.platform})();
  REQUIRE_FALSE(credentials.has_value());
  for (const pe::HttpRequest& request : world.transport->requests()) {
    CHECK(request.url == "http://169.254.170.2/keys");
  }
}

TEST_CASE("Sources are asked at the call, not when the chain is made") {
  World world;
  const auto provider = pe::default_chain({world.transport, world.platform});
  CHECK(world.platform->files_read().empty());
  world.set_environment_keys();
  CHECK(provider()->access_key_id == "environment-id");
  CHECK(world.platform->files_read().empty());
}
