// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/providers/profile_chain.hpp"

#include <cstddef>
#include <string>

#include "catch.hpp"
#include "personalize_events/detail/config/profile_file.hpp"
#include "personalize_events/detail/json/value.hpp"
#include "support/conformance.hpp"

namespace pe = personalize_events;
using Kind = pe::detail::ProfileSource::Kind;
using test::member;

namespace {

pe::detail::ProfileSections sections_of(const pe::detail::json::Value* sections) {
  pe::detail::ProfileSections read;
  if (sections == nullptr) return read;
  for (const auto& [name, properties] : sections->members) {
    pe::detail::ProfileSection& section = read[name];
    std::size_t line = 0;
    for (const auto& [key, value] : properties.members) {
      section.properties[key].value = pe::detail::ProfileValue{value.text, "config", ++line};
    }
  }
  return read;
}

// What the vectors call a step, in their words: "AccessKey access_key_id=.. secret_access_key=..".
class Words {
 public:
  explicit Words(std::string name) : text_(std::move(name)) {}
  Words& add(const char* name, const std::string& value) {
    if (!value.empty()) text_.append(" ").append(name).append("=").append(value);
    return *this;
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

std::string words_of(const pe::detail::ProfileSource& source) {
  switch (source.kind) {
    case Kind::StaticKeys:
      return Words{"AccessKey"}
          .add("access_key_id", source.keys.access_key_id)
          .add("secret_access_key", source.keys.secret_access_key)
          .add("account_id", source.keys.account_id)
          .text();
    case Kind::Environment: return "NamedSource Environment";
    case Kind::InstanceMetadata: return "NamedSource Ec2InstanceMetadata";
    case Kind::Container: return "NamedSource EcsContainer";
    case Kind::WebIdentity:
      return Words{"WebIdentityToken"}
          .add("role_arn", source.web_identity.role_arn)
          .add("web_identity_token_file", source.web_identity.token_file)
          .add("role_session_name", source.web_identity.role_session_name)
          .text();
    case Kind::Sso:
      return Words{"Sso"}
          .add("sso_session", source.sso.session_name)
          .add("sso_account_id", source.sso.account_id)
          .add("sso_region", source.sso.region)
          .add("sso_role_name", source.sso.role_name)
          .add("sso_start_url", source.sso.start_url)
          .text();
    case Kind::Login: return "Login";
    case Kind::Process: return "CredentialProcess";
  }
  return {};
}

std::string words_of(const pe::AssumeRoleOptions& role) {
  return Words{"AssumeRole"}
      .add("role_arn", role.role_arn)
      .add("role_session_name", role.role_session_name)
      .add("external_id", role.external_id)
      .text();
}

std::string words_of(const pe::detail::json::Value& step) {
  REQUIRE(step.members.size() == 1);
  const auto& [name, value] = step.members.front();
  if (value.is(pe::detail::json::Value::Type::String)) return name + " " + value.text;
  Words words{name};
  for (const auto& [key, text] : value.members) words.add(key.c_str(), text.text);
  return words.text();
}

}  // namespace

// The errors of the vectors are in the words of another SDK. Ours is of the right kind where both
// say the same: nothing is configured (a chain goes on), or something is, and wrongly.
TEST_CASE("the ways to a profile's credentials are those of the published suite") {
  const pe::detail::json::Value suite = test::read_vectors("credentials/assume-role-tests.json");
  std::size_t count = 0;
  for (const pe::detail::json::Value& vector : suite.items) {
    ++count;
    INFO("case " << count << ": " << member(vector, "docs").text);
    const pe::detail::json::Value& input = member(vector, "input");
    pe::detail::Profiles profiles;
    profiles.profiles = sections_of(input.find("profiles"));
    profiles.sso_sessions = sections_of(input.find("sso_sessions"));
    const auto chain =
        pe::detail::resolve_profile_chain(profiles, member(input, "selected_profile").text);

    const pe::detail::json::Value& output = member(vector, "output");
    if (const std::string* message = output.find_string("Error")) {
      REQUIRE_FALSE(chain.has_value());
      CHECK(chain.error().kind == pe::ErrorKind::Credentials);
      const bool is_silent = *message == "No profiles were defined" ||
                             *message == "profile `A` did not contain credential information";
      CHECK(pe::detail::is_of_meant_source(chain.error()) == !is_silent);
      if (is_silent) {
        CHECK(chain.error().where == "profile");
      } else {
        CHECK(chain.error().code == "MisconfiguredSource");
        CHECK_THAT(chain.error().where, test::ContainsSubstring("config:"));
      }
      continue;
    }
    INFO((chain ? std::string{} : to_string(chain.error())));
    REQUIRE(chain.has_value());
    const auto& steps = member(output, "ProfileChain").items;
    REQUIRE(steps.size() == 1 + chain->roles.size());
    CHECK(words_of(chain->source) == words_of(steps[0]));
    for (std::size_t i = 0; i < chain->roles.size(); ++i) {
      CHECK(words_of(chain->roles[i]) == words_of(steps[i + 1]));
    }
  }
  test::report_conformance_cases(count, "credentials/assume-role-tests.json");
}
