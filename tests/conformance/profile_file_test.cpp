// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/config/profile_file.hpp"

#include <string>

#include "catch.hpp"
#include "personalize_events/detail/config/settings.hpp"
#include "personalize_events/detail/json/reader.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "support/conformance.hpp"

namespace pe = personalize_events;
using test::member;

namespace {

std::string text_of(const pe::detail::json::Value& object, const char* name) {
  const std::string* found = object.find_string(name);
  return found == nullptr ? std::string{} : *found;
}

void check_sections(const pe::detail::ProfileSections& actual,
                    const pe::detail::json::Value* expected) {
  if (expected == nullptr) {
    CHECK(actual.empty());
    return;
  }
  REQUIRE(expected->is(pe::detail::json::Value::Type::Object));
  CHECK(actual.size() == expected->members.size());
  for (const auto& [name, properties] : expected->members) {
    CAPTURE(name);
    const auto section = actual.find(name);
    REQUIRE(section != actual.end());
    CHECK(section->second.properties.size() == properties.members.size());
    for (const auto& [key, value] : properties.members) {
      CAPTURE(key);
      const pe::detail::ProfileValue* found = section->second.find(key);
      REQUIRE(found != nullptr);
      CHECK(found->text == value.text);
    }
  }
}

}  // namespace

TEST_CASE("the profile parser passes the published suite") {
  const pe::detail::json::Value suite = test::read_vectors("config/profile-parser-tests.json");
  std::size_t count = 0;
  for (const pe::detail::json::Value& vector : member(suite, "tests").items) {
    ++count;
    INFO("case " << count << ": " << text_of(vector, "name"));
    const pe::detail::json::Value& input = member(vector, "input");
    const auto parsed = pe::detail::parse_profiles(
        text_of(input, "configFile"), "config", text_of(input, "credentialsFile"), "credentials");
    const pe::detail::json::Value& output = member(vector, "output");
    if (const std::string* message = output.find_string("errorContaining")) {
      REQUIRE_FALSE(parsed.has_value());
      CHECK(parsed.error().kind == pe::ErrorKind::Configuration);
      CHECK_THAT(parsed.error().where, test::ContainsSubstring("config:"));
      CHECK_THAT(parsed.error().message, test::ContainsSubstring(*message));
      continue;
    }
    REQUIRE(parsed.has_value());
    const pe::detail::json::Value& config = member(output, "config");
    check_sections(parsed->profiles, config.find("profiles"));
    check_sections(parsed->sso_sessions, config.find("sso_sessions"));
    CHECK(parsed->services.empty());
  }
  test::report_conformance_cases(count, "config/profile-parser-tests.json");
}

TEST_CASE("the shared files are found as the published suite says") {
  const pe::detail::json::Value suite = test::read_vectors("config/file-location-tests.json");
  std::size_t count = 0;
  for (const pe::detail::json::Value& vector : member(suite, "tests").items) {
    ++count;
    INFO("case " << count << ": " << text_of(vector, "name"));
    pe::testing::VirtualPlatform platform;
    for (const auto& [name, value] : member(vector, "environment").members) {
      platform.set_environment(name, value.text);
    }
    const auto style = text_of(vector, "platform") == "windows" ? pe::detail::PathStyle::Windows
                                                                : pe::detail::PathStyle::Posix;
    const pe::detail::ProfileLocations locations = pe::detail::profile_locations(platform, style);
    CHECK(locations.config == text_of(vector, "configLocation"));
    CHECK(locations.credentials == text_of(vector, "credentialsLocation"));

    const std::string profile = text_of(vector, "profile");
    if (profile.empty()) continue;
    // A profile of that name, so that naming it is no error.
    platform.set_file(locations.config, "[profile " + profile + "]\nregion = us-east-1");
    const auto profiles = pe::detail::load_profiles(platform, style);
    REQUIRE(profiles.has_value());
    const auto settings = pe::detail::resolve_settings({}, platform, *profiles);
    REQUIRE(settings.has_value());
    CHECK(settings->profile.value == profile);
  }
  test::report_conformance_cases(count, "config/file-location-tests.json");
}
