// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/client/client_settings.hpp"

#include <memory>

#include "catch.hpp"
#include "personalize_events/testing/virtual_platform.hpp"

namespace pe = personalize_events;

TEST_CASE("Every option that a variable or property may replace is given") {
  pe::ClientOptions options;
  options.region = "eu-west-1";
  options.endpoint_url = "https://example.com";
  options.profile = "shop";
  options.use_fips = true;
  options.use_dual_stack = false;
  options.retry.mode = pe::RetryMode::Adaptive;
  options.retry.max_attempts = 7;
  options.http.ca_file = "/ca.pem";
  options.app_id = "app";
  const pe::detail::GivenSettings given = pe::detail::given_settings(options);
  CHECK(given.region == "eu-west-1");
  CHECK(given.endpoint_url == "https://example.com");
  CHECK(given.profile == "shop");
  CHECK(given.use_fips == true);
  CHECK(given.use_dual_stack == false);
  CHECK(given.retry_mode == pe::RetryMode::Adaptive);
  CHECK(given.max_attempts == 7);
  CHECK(given.ca_file == "/ca.pem");
  CHECK(given.app_id == "app");
}

TEST_CASE("Files that cannot be used are empty for a client that needs none") {
  const auto platform = std::make_shared<pe::testing::VirtualPlatform>();
  platform->set_environment("HOME", "/home/user");
  platform->set_file("/home/user/.aws/config", "[default]\nbroken\n");
  pe::ClientOptions options;
  options.platform = platform;
  options.region = "eu-west-1";
  options.endpoint_url = "https://example.com";
  options.credentials = pe::static_credentials({"id", "secret"});
  REQUIRE(pe::detail::find_client_profile(options).has_value());
  CHECK(pe::detail::find_client_profile(options)->section() == nullptr);
  for (const auto forget : {+[](pe::ClientOptions& o) { o.region.clear(); },
                            +[](pe::ClientOptions& o) { o.endpoint_url.clear(); },
                            +[](pe::ClientOptions& o) { o.credentials = {}; },
                            +[](pe::ClientOptions& o) { o.profile = "default"; }}) {
    pe::ClientOptions other = options;
    forget(other);
    const auto profile = pe::detail::find_client_profile(other);
    REQUIRE_FALSE(profile.has_value());
    CHECK(profile.error().where == "/home/user/.aws/config:2");
  }
}
