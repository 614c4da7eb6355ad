// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/providers/profile_chain.hpp"

#include <chrono>
#include <string>
#include <vector>

#include "catch.hpp"
#include "personalize_events/detail/config/profile_file.hpp"

namespace pe = personalize_events;
using Kind = pe::detail::ProfileSource::Kind;

namespace {

pe::Result<pe::detail::ProfileChain> chain_of(const std::string& config,
                                              const std::string& name = "a") {
  const auto profiles = pe::detail::parse_profiles(config, "config", "", "credentials");
  REQUIRE(profiles.has_value());
  return pe::detail::resolve_profile_chain(*profiles, name);
}

std::string role(const std::string& name) {
  return "role_arn = arn:aws:iam::123456789012:role/" + name + "\n";
}
std::string keys(const std::string& id) {
  return "aws_access_key_id = " + id + "\naws_secret_access_key = secret\n";
}

}  // namespace

TEST_CASE("A profile without a role is a source alone") {
  const auto chain = chain_of("[profile a]\n" + keys("id"));
  REQUIRE(chain.has_value());
  CHECK(chain->roles.empty());
  CHECK(chain->source.keys.access_key_id == "id");
}

TEST_CASE("Roles stand in the order in which they are assumed, with all that they say") {
  const auto chain = chain_of("[profile a]\n" + role("A") +
                              "source_profile = b\nrole_session_name = name\n"
                              "external_id = 4711\nduration_seconds = 43200\n[profile b]\n" +
                              role("B") + "source_profile = c\n[profile c]\n" + keys("id"));
  REQUIRE(chain.has_value());
  CHECK(chain->source.keys.access_key_id == "id");
  REQUIRE(chain->roles.size() == 2);
  CHECK(chain->roles[0].role_arn == "arn:aws:iam::123456789012:role/B");
  CHECK_FALSE(chain->roles[0].duration.has_value());
  CHECK(chain->roles[1].role_arn == "arn:aws:iam::123456789012:role/A");
  CHECK(chain->roles[1].role_session_name == "name");
  CHECK(chain->roles[1].external_id == "4711");
  CHECK(chain->roles[1].duration == std::chrono::seconds{43'200});
}

TEST_CASE("A source_profile may name any kind of source, and one without a role ends the chain") {
  const std::string begin = "[profile a]\n" + role("A") + "source_profile = b\n[profile b]\n";
  CHECK(chain_of(begin + "credential_process = run\n")->source.kind == Kind::Process);
  CHECK(chain_of(begin + "login_session = arn\n")->source.kind == Kind::Login);
  CHECK(chain_of(begin + role("B") + "web_identity_token_file = /t\n")->source.kind ==
        Kind::WebIdentity);
  CHECK(chain_of(begin + keys("id") + "source_profile = nowhere\n")->roles.size() == 1);
  const auto named = chain_of("[profile a]\n" + role("A") + "credential_source = EcsContainer\n");
  CHECK(named->source.kind == Kind::Container);
  CHECK(named->roles.size() == 1);
}

TEST_CASE("The first profile's keys are not used beside its role, a later profile's are") {
  const auto chain =
      chain_of("[profile a]\n" + role("A") + keys("first") + "source_profile = b\n[profile b]\n" +
               role("B") + keys("second") + "source_profile = c\n[profile c]\n" + keys("third"));
  REQUIRE(chain.has_value());
  CHECK(chain->source.keys.access_key_id == "second");
  CHECK(chain->roles.size() == 1);
}

TEST_CASE("A profile may be its own source, once") {
  const auto own = chain_of("[profile a]\n" + role("A") + keys("id") + "source_profile = a\n");
  REQUIRE(own.has_value());
  CHECK(own->source.keys.access_key_id == "id");
  CHECK(own->roles.size() == 1);
  const auto later = chain_of("[profile a]\n" + role("A") + "source_profile = b\n[profile b]\n" +
                              role("B") + "source_profile = b\ncredential_process = run\n");
  REQUIRE(later.has_value());
  CHECK(later->source.kind == Kind::Process);
  CHECK(later->roles.size() == 2);
}

TEST_CASE("A profile that is not there, or names no credentials, is silent") {
  for (const char* config : {"", "[profile a]\nregion = eu-west-1\n", "[profile a]\n"}) {
    CAPTURE(config);
    const auto chain = chain_of(config);
    REQUIRE_FALSE(chain.has_value());
    CHECK(chain.error().where == "profile");
    CHECK_FALSE(pe::detail::is_of_meant_source(chain.error()));
  }
}

TEST_CASE("A chain that cannot be followed names the file and line, and how to mend it") {
  struct Case {
    std::string config;
    const char* where;
    const char* message;
  };
  const std::string begin = "[profile a]\n" + role("MARKER");
  const std::vector<Case> cases{
      {begin, "config:2", "source_profile or credential_source"},
      {begin + "source_profile =\n", "config:2", "source_profile or credential_source"},
      {begin + "source_profile = b\ncredential_source = Environment\n", "config:4", "remove one"},
      {begin + "source_profile = MARKER\n", "config:3", "does not exist"},
      {begin + "source_profile = b\n[profile b]\nregion = x\n", "config:3", "without credentials"},
      {begin + "source_profile = a\n", "config:3", "without credentials"},
      {begin + "source_profile = b\n[profile b]\n" + role("B") + "source_profile = a\n", "config:6",
       "loop"},
      {begin + "source_profile = b\n[profile b]\n" + role("B") +
           "source_profile = c\n[profile c]\n" + role("C") + "source_profile = b\n",
       "config:9", "loop"},
      {begin + "source_profile = b\n[profile b]\naws_access_key_id = MARKER\n" + role("B"),
       "config:5", "aws_secret_access_key"},
      {begin + "credential_source = MARKER\n", "config:3", "EcsContainer"},
      {begin + "credential_source = Environment\nmfa_serial = MARKER\n", "config:4", "prompt"},
      {begin + "credential_source = Environment\nduration_seconds = 899\n", "config:4",
       "900 to 43200"},
      {begin + "credential_source = Environment\nduration_seconds = 43201\n", "config:4",
       "900 to 43200"},
      {begin + "credential_source = Environment\nduration_seconds = MARKER\n", "config:4",
       "900 to 43200"},
      {begin + "credential_source = Environment\nrole_session_name = MARKER one\n", "config:4",
       "2 to 64"},
      {begin + "credential_source = Environment\nexternal_id = M\n", "config:4", "2 to 1224"},
      {"[profile a]\nrole_arn = MARKER\ncredential_source = Environment\n", "config:2", "ARN"},
  };
  for (const Case& broken : cases) {
    CAPTURE(broken.config);
    const auto chain = chain_of(broken.config);
    REQUIRE_FALSE(chain.has_value());
    INFO(to_string(chain.error()));
    CHECK(chain.error().code == "MisconfiguredSource");
    CHECK(chain.error().where == broken.where);
    CHECK_THAT(chain.error().message, test::ContainsSubstring(broken.message));
    CHECK_THAT(chain.error().message, !test::ContainsSubstring("MARKER"));
  }
}

TEST_CASE("A chain of a thousand profiles is followed to its end") {
  std::string config;
  for (int i = 0; i < 1000; ++i) {
    config += "[profile p" + std::to_string(i) + "]\n" + role("R") + "source_profile = p" +
              std::to_string(i + 1) + "\n";
  }
  CHECK_FALSE(chain_of(config, "p0").has_value());
  CHECK(chain_of(config + "[profile p1000]\n" + keys("id"), "p0")->roles.size() == 1000);
}
