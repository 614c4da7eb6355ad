// SPDX-License-Identifier: Apache-2.0
//
// ProfileChain: how the credentials of a profile are got, as a pure function of the shared files: a
// source, and the roles to assume one after the other with what came before. profile.hpp runs it.
// Source: AWS SDKs and Tools Reference Guide, "Assume role credential provider".
#ifndef PERSONALIZE_EVENTS_DETAIL_PROVIDERS_PROFILE_CHAIN_HPP
#define PERSONALIZE_EVENTS_DETAIL_PROVIDERS_PROFILE_CHAIN_HPP

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "personalize_events/credentials.hpp"
#include "personalize_events/detail/base/ascii.hpp"
#include "personalize_events/detail/base/number.hpp"
#include "personalize_events/detail/config/profile_file.hpp"
#include "personalize_events/detail/providers/profile_source.hpp"
#include "personalize_events/detail/providers/sts.hpp"
#include "personalize_events/detail/providers/sts_query.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// A source, and the roles in the order in which they are assumed.
struct ProfileChain {
  ProfileSource source{};
  std::vector<AssumeRoleOptions> roles{};
};

/// Checks what STS would refuse. Errors: Credentials, `where` is the property.
[[nodiscard]] inline Result<void> check_role(const AssumeRoleOptions& role) {
  if (auto checked = check_assume_role(role); !checked) return checked;
  const auto named = role_session_name(role.role_session_name, TimePoint{});
  return named ? Result<void>{} : named.error();
}

/// The role of a profile that has role_arn.
[[nodiscard]] inline Result<AssumeRoleOptions> role_of(const ProfileSection& section) {
  if (const ProfileValue* serial = find_given(section, "mfa_serial")) {
    return misconfigured_source(
        serial->where(),
        "mfa_serial asks for a code, and a library cannot prompt for one; sign on with SSO, or "
        "give ClientOptions::credentials a function that asks for it");
  }
  AssumeRoleOptions role;
  role.role_arn = text_of(find_given(section, "role_arn"));
  role.external_id = text_of(find_given(section, "external_id"));
  role.role_session_name = text_of(find_given(section, "role_session_name"));
  if (const ProfileValue* duration = find_given(section, "duration_seconds")) {
    const std::optional<std::int64_t> seconds = parse_integer(trim(duration->text));
    if (!seconds || *seconds < 900 || *seconds > 43'200) {
      return misconfigured_source(
          duration->where(), "duration_seconds must be a whole number of seconds, 900 to 43200");
    }
    role.duration = std::chrono::seconds{*seconds};
  }
  if (auto checked = check_role(role); !checked) {
    Error error = std::move(checked).error();
    if (const ProfileValue* value = find_given(section, error.where)) error.where = value->where();
    return error;
  }
  return role;
}

/// Checks that a profile with role_arn says in one way who may assume the role.
[[nodiscard]] inline Result<void> check_role_source(const ProfileSection& section) {
  const ProfileValue* source_profile = find_given(section, "source_profile");
  const ProfileValue* credential_source = find_given(section, "credential_source");
  if (source_profile != nullptr && credential_source != nullptr) {
    return misconfigured_source(credential_source->where(),
                                "credential_source stands beside source_profile; remove one");
  }
  if (source_profile == nullptr && credential_source == nullptr) {
    return misconfigured_source(find_given(section, "role_arn")->where(),
                                "role_arn stands without source_profile or credential_source; add "
                                "the one that may assume the role");
  }
  return {};
}

/// Follows a profile to where its credentials begin.
///
/// @par Error Handling
/// Credentials. Silent: the profile does not exist, or names no credentials. Misconfigured, `where`
/// is the file and line: two ways at once, half of one, a loop, a source_profile that does not
/// exist or has no credentials, mfa_serial.
[[nodiscard]] inline Result<ProfileChain> resolve_profile_chain(const Profiles& profiles,
                                                                std::string name) {
  ProfileChain chain;
  std::vector<std::string> followed;
  const ProfileValue* named_by = nullptr;  // the source_profile that led to `name`
  const auto blame = [&](const char* message) {
    return misconfigured_source(named_by->where(), message);
  };
  for (;;) {
    const ProfileSection* section = profiles.find_profile(name);
    const std::optional<Error>& malformed =
        section != nullptr ? section->malformed : profiles.malformed;
    if (malformed) return misconfigured_source(malformed->where, malformed->message);
    if (section == nullptr) {
      if (named_by != nullptr) return blame("source_profile names a profile that does not exist");
      return silent_source("profile", "there is no profile \"" + name + "\"");
    }
    if (std::find(followed.begin(), followed.end(), name) != followed.end()) {
      return blame("source_profile leads in a loop; one of its profiles needs credentials");
    }
    followed.push_back(name);

    // Keys behind a role are what the role is for; keys beside the first role are not.
    const bool ends_in_keys = named_by != nullptr && has_static_keys(*section);
    const bool has_role = find_given(*section, "role_arn") != nullptr &&
                          find_given(*section, "web_identity_token_file") == nullptr;
    if (has_role && !ends_in_keys) {
      if (auto checked = check_role_source(*section); !checked) return std::move(checked).error();
      Result<AssumeRoleOptions> role = role_of(*section);
      if (!role) return std::move(role).error();
      chain.roles.push_back(*std::move(role));
      if (const ProfileValue* source_profile = find_given(*section, "source_profile")) {
        named_by = source_profile;
        const bool leads_on = source_profile->text != name;  // to itself is no loop
        name = source_profile->text;
        if (leads_on) continue;
      }
    }
    Result<ProfileSource> source =
        ends_in_keys ? static_keys_of(*section) : source_of(profiles, *section, name);
    if (source) {
      chain.source = *std::move(source);
      break;
    }
    if (named_by == nullptr || is_of_meant_source(source.error())) {
      return std::move(source).error();
    }
    return blame("source_profile names a profile without credentials");
  }
  std::reverse(chain.roles.begin(), chain.roles.end());
  return chain;
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
