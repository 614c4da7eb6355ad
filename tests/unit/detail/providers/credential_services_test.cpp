// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/providers/credential_services.hpp"

#include <string>

#include "catch.hpp"
#include "personalize_events/testing/virtual_platform.hpp"

namespace pe = personalize_events;

namespace {

struct World {
  pe::testing::VirtualPlatform platform{};

  explicit World(const std::string& config) {
    platform.set_environment("HOME", "/home/user");
    platform.set_file("/home/user/.aws/config", config);
  }
  pe::Result<pe::detail::CredentialServices> find(const std::string& region = {}) {
    const auto selected = pe::detail::load_selected_profile(platform, "");
    REQUIRE(selected.has_value());
    return pe::detail::find_credential_services(platform, *selected, region);
  }
};

}  // namespace

TEST_CASE("Without a setting nothing is said") {
  const auto services = World{""}.find();
  REQUIRE(services.has_value());
  CHECK(services->region.empty());
  CHECK(services->sts_url.empty());
  CHECK(services->sso_url.empty());
  CHECK(services->oidc_url.empty());
  CHECK_FALSE(services->use_fips);
  CHECK_FALSE(services->use_dual_stack);
}

TEST_CASE("The region is the given one, then the environment's, then the profile's") {
  World world{"[default]\nregion = eu-west-1\n"};
  CHECK(world.find()->region == "eu-west-1");
  world.platform.set_environment("AWS_REGION", "eu-central-1");
  CHECK(world.find()->region == "eu-central-1");
  CHECK(world.find("us-east-2")->region == "us-east-2");
}

TEST_CASE("Switches and URLs come from the profile and the environment") {
  World world{
      "[default]\nuse_fips_endpoint = true\nuse_dualstack_endpoint = true\nservices = local\n"
      "[services local]\nsts =\n  endpoint_url = http://sts.local\nsso =\n"
      "  endpoint_url = http://sso.local\nsso_oidc =\n  endpoint_url = http://oidc.local\n"};
  const auto services = world.find();
  REQUIRE(services.has_value());
  CHECK(services->use_fips);
  CHECK(services->use_dual_stack);
  CHECK(services->sts_url == "http://sts.local");
  CHECK(services->sso_url == "http://sso.local");
  CHECK(services->oidc_url == "http://oidc.local");
  world.platform.set_environment("AWS_ENDPOINT_URL_STS", "http://sts.variable");
  world.platform.set_environment("AWS_ENDPOINT_URL_SSO", "http://sso.variable");
  world.platform.set_environment("AWS_ENDPOINT_URL_SSO_OIDC", "http://oidc.variable");
  world.platform.set_environment("AWS_USE_FIPS_ENDPOINT", "false");
  const auto changed = world.find();
  REQUIRE(changed.has_value());
  CHECK(changed->sts_url == "http://sts.variable");
  CHECK(changed->sso_url == "http://sso.variable");
  CHECK(changed->oidc_url == "http://oidc.variable");
  CHECK_FALSE(changed->use_fips);
}

TEST_CASE("A setting that is not allowed is a misconfigured source, by its place") {
  const auto check = [](const std::string& config, const char* where) {
    const auto services = World{config}.find();
    REQUIRE_FALSE(services.has_value());
    CHECK(services.error().kind == pe::ErrorKind::Credentials);
    CHECK(pe::detail::is_of_meant_source(services.error()));
    CHECK(services.error().where == where);
  };
  check("[default]\nregion = not/a/region\n", "/home/user/.aws/config:2");
  check("[default]\nuse_fips_endpoint = perhaps\n", "/home/user/.aws/config:2");
  check("[default]\nuse_dualstack_endpoint = perhaps\n", "/home/user/.aws/config:2");
  check("[default]\nservices = nowhere\n", "/home/user/.aws/config:2");
  check("[default]\nignore_configured_endpoint_urls = perhaps\n", "/home/user/.aws/config:2");
}

TEST_CASE(
    "The profile that settings are read of is the given one, then AWS_PROFILE, then default") {
  World world{"[profile shop]\nregion = eu-west-1\n"};
  CHECK(pe::detail::load_selected_profile(world.platform, "")->name.value == "default");
  CHECK(pe::detail::load_selected_profile(world.platform, "shop")->name.value == "shop");
  world.platform.set_environment("AWS_PROFILE", "shop");
  CHECK(pe::detail::load_selected_profile(world.platform, "")->name.value == "shop");

  const auto missing = pe::detail::load_selected_profile(world.platform, "other");
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().code == "MisconfiguredSource");
  world.platform.set_file("/home/user/.aws/config", "[default\n");
  const auto malformed = pe::detail::load_selected_profile(world.platform, "");
  REQUIRE_FALSE(malformed.has_value());
  CHECK(malformed.error().code == "MisconfiguredSource");
  CHECK(malformed.error().where == "/home/user/.aws/config:1");
}
