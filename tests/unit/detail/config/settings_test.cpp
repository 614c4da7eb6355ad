// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/config/settings.hpp"

#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/detail/providers/metadata_service.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "support/places.hpp"

namespace pe = personalize_events;
using pe::testing::VirtualPlatform;

namespace {

// The settings of an environment and a config file named "config".
struct World {
  std::vector<std::pair<std::string, std::string>> variables{};
  std::string config{};
  pe::detail::GivenSettings given{};

  pe::Result<pe::detail::Settings> find() const {
    return run([](const auto& values, auto& platform, const auto& profiles) {
      return pe::detail::find_settings(values, platform, profiles);
    });
  }
  pe::Result<pe::detail::Settings> resolve() const { return run(pe::detail::resolve_settings); }

  pe::detail::Settings settings() const {
    auto found = find();
    REQUIRE(found.has_value());
    return *std::move(found);
  }

  pe::Error error() const {
    const auto found = find();
    REQUIRE_FALSE(found.has_value());
    CHECK(found.error().kind == pe::ErrorKind::Configuration);
    return found.error();
  }

 private:
  template <class Function>
  pe::Result<pe::detail::Settings> run(Function function) const {
    VirtualPlatform platform;
    for (const auto& [name, value] : variables) platform.set_environment(name, value);
    const auto profiles = pe::detail::parse_profiles(config, "config", "", "credentials");
    REQUIRE(profiles.has_value());
    return function(given, platform, *profiles);
  }
};

template <class T>
void check(const pe::detail::Setting<T>& setting, const T& value, const char* source) {
  CHECK(setting.value == value);
  CHECK(setting.source == source);
}

using Text = std::string;

}  // namespace

TEST_CASE("without anything each setting has its default") {
  const pe::detail::Settings settings = World{}.settings();
  check<Text>(settings.profile, "default", "default");
  check<Text>(settings.region, "", "default");
  check<Text>(settings.endpoint_url, "", "default");
  check(settings.use_fips, false, "default");
  check(settings.use_dual_stack, false, "default");
  check(settings.retry_mode, pe::RetryMode::Standard, "default");
  check(settings.max_attempts, 3, "default");
  check<Text>(settings.ca_file, "", "default");
  check<Text>(settings.app_id, "", "default");
}

TEST_CASE("a missing region is an error that says how to give it") {
  const auto settings = World{}.resolve();
  REQUIRE_FALSE(settings.has_value());
  CHECK(settings.error().kind == pe::ErrorKind::Configuration);
  CHECK(settings.error().where == "AWS_REGION");
  for (const char* way : {"ClientOptions::region", "AWS_REGION", "profile"}) {
    CHECK_THAT(settings.error().message, test::ContainsSubstring(way));
  }
  World world;
  world.given.region = "us-east-1";
  CHECK(world.resolve().has_value());
}

TEST_CASE("the region: given, AWS_REGION, AWS_DEFAULT_REGION, profile") {
  World world{{{"AWS_REGION", "us-east-2"}, {"AWS_DEFAULT_REGION", "us-west-1"}},
              "[default]\nregion = eu-west-1",
              {}};
  world.given.region = "us-east-1";
  check<Text>(world.settings().region, "us-east-1", "ClientOptions.region");
  world.given.region.clear();
  check<Text>(world.settings().region, "us-east-2", "AWS_REGION");
  world.variables[0].second = " \t";
  check<Text>(world.settings().region, "us-west-1", "AWS_DEFAULT_REGION");
  world.variables[1].second = "";
  check<Text>(world.settings().region, "eu-west-1", "config:2");
  world.config = "[default]\nregion =";
  check<Text>(world.settings().region, "", "default");
}

TEST_CASE("a region that is none is an error that names its source") {
  World world{{{"AWS_REGION", "us-east-1\n"}}, "[default]\nregion = a/b", {}};
  CHECK(world.error().where == "AWS_REGION");
  CHECK_THAT(world.error().message, test::ContainsSubstring("us-east-1"));
  world.variables.clear();
  CHECK(world.error().where == "config:2");
  world.given.region = "a b";
  CHECK(world.error().where == "ClientOptions.region");
}

TEST_CASE("the profile: given, AWS_PROFILE, default") {
  World world{{{"AWS_PROFILE", "b"}},
              "[profile a]\nregion = us-east-1\n[profile b]\nregion = us-east-2\n"
              "[default]\nregion = us-west-1",
              {}};
  check<Text>(world.settings().profile, "b", "AWS_PROFILE");
  check<Text>(world.settings().region, "us-east-2", "config:4");
  world.given.profile = "a";
  check<Text>(world.settings().profile, "a", "ClientOptions.profile");
  check<Text>(world.settings().region, "us-east-1", "config:2");
  world.given.profile.clear();
  world.variables[0].second = "  ";
  check<Text>(world.settings().profile, "default", "default");
  check<Text>(world.settings().region, "us-west-1", "config:6");
  // The name that the AWS CLI reads too.
  world.variables.emplace_back("AWS_DEFAULT_PROFILE", "a");
  check<Text>(world.settings().profile, "a", "AWS_DEFAULT_PROFILE");
}

TEST_CASE("a named profile that does not exist is an error that names its source and the files") {
  World world{{{"AWS_PROFILE", "prod"}}, "", {}};
  CHECK(world.error().where == "AWS_PROFILE");
  for (const char* part : {"\"prod\"", "config", "credentials", "[profile prod]"}) {
    CHECK_THAT(world.error().message, test::ContainsSubstring(part));
  }
  world.given.profile = "default";
  CHECK(world.error().where == "ClientOptions.profile");
  world.given.profile = "a b";
  CHECK_THAT(world.error().message, test::ContainsSubstring("write [profile \"a b\"]"));
  world.given.profile = "a b\n";
  CHECK_THAT(world.error().message, test::ContainsSubstring("not the name of a profile"));
}

TEST_CASE("the endpoint URL: given, service variable, variable, services, profile") {
  World world{
      {{"AWS_ENDPOINT_URL_PERSONALIZE_EVENTS", "http://b"}, {"AWS_ENDPOINT_URL", "http://c"}},
      "[default]\nservices = s\nendpoint_url = http://e\n"
      "[services s]\npersonalize_events =\n  endpoint_url = http://d",
      {}};
  world.given.endpoint_url = "http://a";
  check<Text>(world.settings().endpoint_url, "http://a", "ClientOptions.endpoint_url");
  world.given.endpoint_url.clear();
  check<Text>(world.settings().endpoint_url, "http://b", "AWS_ENDPOINT_URL_PERSONALIZE_EVENTS");
  world.variables[0].second = "";
  check<Text>(world.settings().endpoint_url, "http://c", "AWS_ENDPOINT_URL");
  world.variables[1].second = "";
  check<Text>(world.settings().endpoint_url, "http://d", "config:6");
  world.config =
      "[default]\nservices = s\nendpoint_url = http://e\n[services s]\ns3 =\n  endpoint_url = x";
  check<Text>(world.settings().endpoint_url, "http://e", "config:3");
  world.config = "[default]\nendpoint_url = http://e";
  check<Text>(world.settings().endpoint_url, "http://e", "config:2");
}

TEST_CASE("a services section that does not exist is an error where it is asked for") {
  World world{{}, "[default]\nservices = none\nendpoint_url = http://e", {}};
  CHECK(world.error().where == "config:2");
  CHECK_THAT(world.error().message, test::ContainsSubstring("[services"));
  world.variables = {{"AWS_ENDPOINT_URL", "http://c"}};
  check<Text>(world.settings().endpoint_url, "http://c", "AWS_ENDPOINT_URL");
}

TEST_CASE("configured endpoint URLs can be ignored, a given one cannot") {
  World world{{{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "True"},
               {"AWS_ENDPOINT_URL_PERSONALIZE_EVENTS", "http://b"}},
              "[default]\nendpoint_url = http://e",
              {}};
  check<Text>(world.settings().endpoint_url, "", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
  world.given.endpoint_url = "http://a";
  check<Text>(world.settings().endpoint_url, "http://a", "ClientOptions.endpoint_url");
  world.given.endpoint_url.clear();
  world.variables[0].second = "false";
  check<Text>(world.settings().endpoint_url, "http://b", "AWS_ENDPOINT_URL_PERSONALIZE_EVENTS");
  world.variables = {{"AWS_ENDPOINT_URL", "http://c"}};
  world.config = "[default]\nignore_configured_endpoint_urls = true";
  check<Text>(world.settings().endpoint_url, "", "config:2");
  world.config = "[default]\nignore_configured_endpoint_urls = yes";
  CHECK(world.error().where == "config:2");
}

TEST_CASE("the endpoint URL of STS: service variable, variable, services, profile") {
  const auto find = [](const World& world) {
    VirtualPlatform platform;
    for (const auto& [name, value] : world.variables) platform.set_environment(name, value);
    const auto profiles = pe::detail::parse_profiles(world.config, "config", "", "credentials");
    REQUIRE(profiles.has_value());
    const pe::detail::SelectedProfile selected{*profiles, {"default"}};
    return pe::detail::SettingFinder{platform, &selected}.find(pe::detail::kStsEndpointUrlRow);
  };
  World world{{{"AWS_ENDPOINT_URL_STS", "http://b"},
               {"AWS_ENDPOINT_URL", "http://c"},
               {"AWS_ENDPOINT_URL_PERSONALIZE_EVENTS", "http://x"}},
              "[default]\nservices = s\nendpoint_url = http://e\n[services s]\n"
              "personalize_events =\n  endpoint_url = http://x\nsts =\n  endpoint_url = http://d",
              {}};
  check<Text>(*find(world), "http://b", "AWS_ENDPOINT_URL_STS");
  world.variables[0].second = " ";
  check<Text>(*find(world), "http://c", "AWS_ENDPOINT_URL");
  world.variables[1].second = "";
  check<Text>(*find(world), "http://d", "config:8");
  world.config = "[default]\nservices = s\nendpoint_url = http://e\n[services s]\nx =\n  y = z";
  check<Text>(*find(world), "http://e", "config:3");
  world.config = "[default]\nregion = us-east-1";
  check<Text>(*find(world), "", "default");
  world.config = "[default]\nservices = none";
  REQUIRE_FALSE(find(world).has_value());
  CHECK(find(world).error().where == "config:2");
  world.variables[0].second = "http://b";
  world.variables.emplace_back("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
  check<Text>(*find(world), "", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
  world.variables.back().second = "maybe";
  REQUIRE_FALSE(find(world).has_value());
  CHECK(find(world).error().where == "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
}

TEST_CASE("FIPS and dual stack are switches of variable or profile") {
  World world{
      {{"AWS_USE_FIPS_ENDPOINT", "TRUE"}, {"AWS_USE_DUALSTACK_ENDPOINT", " true "}}, "", {}};
  check(world.settings().use_fips, true, "AWS_USE_FIPS_ENDPOINT");
  check(world.settings().use_dual_stack, true, "AWS_USE_DUALSTACK_ENDPOINT");
  world.given.use_fips = false;
  world.given.use_dual_stack = false;
  check(world.settings().use_fips, false, "ClientOptions.use_fips");
  check(world.settings().use_dual_stack, false, "ClientOptions.use_dual_stack");
  world = World{{}, "[default]\nuse_fips_endpoint = true\nuse_dualstack_endpoint = true", {}};
  check(world.settings().use_fips, true, "config:2");
  check(world.settings().use_dual_stack, true, "config:3");
  world = World{{{"AWS_USE_FIPS_ENDPOINT", "1"}}, "", {}};
  CHECK(world.error().where == "AWS_USE_FIPS_ENDPOINT");
  CHECK_THAT(world.error().message, test::ContainsSubstring("true or false"));
  world = World{{{"AWS_USE_DUALSTACK_ENDPOINT", "on"}}, "", {}};
  CHECK(world.error().where == "AWS_USE_DUALSTACK_ENDPOINT");
}

TEST_CASE("the retry mode is standard or adaptive") {
  World world{{{"AWS_RETRY_MODE", "Adaptive"}}, "[default]\nretry_mode = standard", {}};
  check(world.settings().retry_mode, pe::RetryMode::Adaptive, "AWS_RETRY_MODE");
  world.given.retry_mode = pe::RetryMode::Standard;
  check(world.settings().retry_mode, pe::RetryMode::Standard, "ClientOptions.retry.mode");
  world.given.retry_mode.reset();
  world.variables.clear();
  check(world.settings().retry_mode, pe::RetryMode::Standard, "config:2");
  world.config = "[default]\nretry_mode = sometimes";
  CHECK(world.error().where == "config:2");
  CHECK_THAT(world.error().message, test::ContainsSubstring("standard or adaptive"));
  world.variables = {{"AWS_RETRY_MODE", "legacy"}};
  check(world.settings().retry_mode, pe::RetryMode::Standard, "AWS_RETRY_MODE, which says legacy");
}

TEST_CASE("the number of attempts is at least one") {
  World world{{{"AWS_MAX_ATTEMPTS", "5"}}, "[default]\nmax_attempts = 7", {}};
  check(world.settings().max_attempts, 5, "AWS_MAX_ATTEMPTS");
  world.given.max_attempts = 2;
  check(world.settings().max_attempts, 2, "ClientOptions.retry.max_attempts");
  world.given.max_attempts = 0;
  CHECK(world.error().where == "ClientOptions.retry.max_attempts");
  world.given.max_attempts.reset();
  world.variables.clear();
  check(world.settings().max_attempts, 7, "config:2");
  for (const char* bad : {"zero", "0", "-1", "3.5", "2147483648", "99999999999999999999", "3 x"}) {
    CAPTURE(bad);
    world.variables = {{"AWS_MAX_ATTEMPTS", bad}};
    CHECK(world.error().where == "AWS_MAX_ATTEMPTS");
    CHECK_THAT(world.error().message, test::ContainsSubstring("at least 1"));
  }
}

TEST_CASE("the certificate bundle and the application's name come from each place") {
  World world{{{"AWS_CA_BUNDLE", "/ca.pem"}, {"AWS_SDK_UA_APP_ID", "shop"}},
              "[default]\nca_bundle = /profile.pem\nsdk_ua_app_id = game",
              {}};
  check<Text>(world.settings().ca_file, "/ca.pem", "AWS_CA_BUNDLE");
  check<Text>(world.settings().app_id, "shop", "AWS_SDK_UA_APP_ID");
  world.given.ca_file = "/given.pem";
  world.given.app_id = "given";
  check<Text>(world.settings().ca_file, "/given.pem", "ClientOptions.http.ca_file");
  check<Text>(world.settings().app_id, "given", "ClientOptions.app_id");
  world = World{{}, world.config, {}};
  check<Text>(world.settings().ca_file, "/profile.pem", "config:2");
  check<Text>(world.settings().app_id, "game", "config:3");
}

TEST_CASE("an application's name that could not stand in a header is refused") {
  World world;
  world.given.app_id = std::string(50, 'a');
  CHECK(world.find().has_value());
  for (const std::string& bad : {std::string(51, 'a'), std::string{"a b"}, std::string{"a\r\nX: y"},
                                 std::string{"a/b"}, std::string{"\xC3\xA9"}}) {
    CAPTURE(bad);
    world.given.app_id = bad;
    CHECK(world.error().where == "ClientOptions.app_id");
  }
}

TEST_CASE("an error of the endpoint names the setting's source") {
  World world{{{"AWS_ENDPOINT_URL", "nonsense"}}, "[default]\nuse_fips_endpoint = true", {}};
  CHECK(pe::detail::resolve_endpoint(World{}.settings()).error().where == "AWS_REGION");
  const auto where_of = [](const World& of) {
    const auto endpoint = pe::detail::resolve_endpoint(of.settings());
    REQUIRE_FALSE(endpoint.has_value());
    return endpoint.error().where;
  };
  CHECK(where_of(world) == "config:2");
  world.config.clear();
  CHECK(where_of(world) == "AWS_ENDPOINT_URL");
  world.given.use_dual_stack = true;
  CHECK(where_of(world) == "ClientOptions.use_dual_stack");

  pe::detail::Settings settings;
  settings.region = {"a/b", "somewhere"};
  const auto bad_region = pe::detail::resolve_endpoint(settings);
  REQUIRE_FALSE(bad_region.has_value());
  CHECK(bad_region.error().where == "somewhere");
  settings.region.value = "eu-west-1";
  CHECK(pe::detail::resolve_endpoint(settings)->url ==
        "https://personalize-events.eu-west-1.amazonaws.com");
}

namespace {

std::string code(const char* text) {
  return text == nullptr || *text == '\0' ? std::string{} : "`" + std::string{text} + "`";
}
std::string text_of(std::string_view value) { return std::string{value}; }
std::string text_of(bool value) { return value ? "true" : "false"; }
std::string text_of(int value) { return std::to_string(value); }
std::string text_of(pe::RetryMode value) {
  return value == pe::RetryMode::Adaptive ? "adaptive" : "standard";
}

// The line of the table in the documentation.
template <class T>
std::string line_of(const pe::detail::SettingRow<T>& row) {
  std::string variables = code(row.variables[0]);
  if (row.variables[1] != nullptr) variables += ", " + code(row.variables[1]);
  std::string line = "| " + std::string{row.name};
  for (const std::string& cell :
       {code(row.option), variables, code(row.property), code(text_of(row.by_default).c_str())}) {
    line += cell.empty() ? " |" : " | " + cell;
  }
  return line + " |\n";
}

}  // namespace

TEST_CASE("the documentation's table is that of the rows") {
  std::string expected = line_of(pe::detail::kProfileRow);
  pe::detail::visit_settings([&expected](const auto& row, auto) {
    expected += line_of(row);
    return true;
  });
  expected += line_of(pe::detail::kIgnoreEndpointUrlsRow);
  expected += line_of(pe::detail::kStsEndpointUrlRow);
  expected += line_of(pe::detail::kSsoEndpointUrlRow);
  expected += line_of(pe::detail::kSsoOidcEndpointUrlRow);
  expected += line_of(pe::detail::kMetadataEndpointRow);
  expected += line_of(pe::detail::kMetadataModeRow);
  expected += line_of(pe::detail::kMetadataTimeoutRow);
  expected += line_of(pe::detail::kMetadataAttemptsRow);
  std::ifstream file{test::source_folder() / "docs/pages/settings.md"};
  const std::string page{std::istreambuf_iterator<char>{file}, {}};
  CHECK_THAT(page, test::ContainsSubstring("|---|---|---|---|---|\n" + expected + "\n"));
}
