// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/auth/default_chain.hpp"

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
    auto credentials = pe::default_chain(transport, platform, profile)();
    CHECK(transport->requests().empty());
    return credentials;
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

TEST_CASE("Without any source the error names each") {
  World world;
  world.platform->remove_file("/home/user/.aws/credentials");
  const auto credentials = world.get();
  REQUIRE_FALSE(credentials.has_value());
  CHECK(credentials.error().kind == pe::ErrorKind::Credentials);
  CHECK_THAT(credentials.error().message, test::ContainsSubstring("environment: "));
  CHECK_THAT(credentials.error().message, test::ContainsSubstring("profile: "));
}

TEST_CASE("Sources are asked at the call, not when the chain is made") {
  World world;
  const auto provider = pe::default_chain(world.transport, world.platform);
  CHECK(world.platform->files_read().empty());
  world.set_environment_keys();
  CHECK(provider()->access_key_id == "environment-id");
  CHECK(world.platform->files_read().empty());
}
