// SPDX-License-Identifier: Apache-2.0
//
// ProfileSource: where the credentials of a profile begin, as a pure function of its section:
// static keys, single sign-on, a web identity, a sign-in, a process, or a source that it names.
// profile_chain.hpp puts roles on it.
// Source: AWS SDKs and Tools Reference Guide, "Standardized credential providers".
#ifndef PERSONALIZE_EVENTS_DETAIL_PROVIDERS_PROFILE_SOURCE_HPP
#define PERSONALIZE_EVENTS_DETAIL_PROVIDERS_PROFILE_SOURCE_HPP

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "personalize_events/credentials.hpp"
#include "personalize_events/detail/base/ascii.hpp"
#include "personalize_events/detail/config/profile_file.hpp"
#include "personalize_events/detail/providers/login.hpp"
#include "personalize_events/detail/providers/sso.hpp"
#include "personalize_events/detail/providers/web_identity.hpp"
#include "personalize_events/detail/signing/crypto.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Where the first credentials of a profile come from. The member of its `kind` is set.
struct ProfileSource {
  enum class Kind : std::uint8_t {
    StaticKeys,
    Environment,
    InstanceMetadata,
    Container,
    WebIdentity,
    Sso,
    Login,
    Process,
  };

  Kind kind{Kind::StaticKeys};
  std::string where{};  ///< The file and line that name it.
  Credentials keys{};
  WebIdentityOptions web_identity{};
  SsoOptions sso{};  ///< Without an account for a session that gives only access tokens.
  LoginOptions login{};
  std::string command{};     ///< Of Process; may hold a secret.
  std::string account_id{};  ///< Of Process: of credentials that name no account.

  ~ProfileSource();
};

inline ProfileSource::~ProfileSource() { detail::wipe(command); }

/// A property that is more than blanks; else null.
[[nodiscard]] inline const ProfileValue* find_given(const ProfileSection& section,
                                                    std::string_view name) {
  const ProfileValue* value = section.find(name);
  return value == nullptr || trim(value->text).empty() ? nullptr : value;
}

[[nodiscard]] inline std::string text_of(const ProfileValue* value) {
  return value == nullptr ? std::string{} : value->text;
}

[[nodiscard]] inline bool has_static_keys(const ProfileSection& section) {
  return find_given(section, "aws_access_key_id") != nullptr ||
         find_given(section, "aws_secret_access_key") != nullptr;
}

/// The keys that stand in a profile, which has one of them at least.
[[nodiscard]] inline Result<ProfileSource> static_keys_of(const ProfileSection& section) {
  const ProfileValue* id = find_given(section, "aws_access_key_id");
  const ProfileValue* secret = find_given(section, "aws_secret_access_key");
  if (secret == nullptr) {
    return misconfigured_source(
        id->where(),
        "aws_access_key_id stands without aws_secret_access_key; give both or neither");
  }
  if (id == nullptr) {
    return misconfigured_source(
        secret->where(),
        "aws_secret_access_key stands without aws_access_key_id; give both or neither");
  }
  ProfileSource source;
  source.where = id->where();
  source.keys.access_key_id = id->text;
  source.keys.secret_access_key = secret->text;
  source.keys.session_token = text_of(find_given(section, "aws_session_token"));
  source.keys.account_id = text_of(find_given(section, "aws_account_id"));
  if (auto flaw = find_flaw(source.keys, source.where,
                            {"aws_access_key_id", "aws_secret_access_key", "aws_session_token"})) {
    return *std::move(flaw);
  }
  return source;
}

/// The source that `credential_source` names.
[[nodiscard]] inline Result<ProfileSource> named_source(const ProfileValue& credential_source) {
  using Kind = ProfileSource::Kind;
  ProfileSource source;
  source.where = credential_source.where();
  if (credential_source.text == "Environment") {
    source.kind = Kind::Environment;
  } else if (credential_source.text == "Ec2InstanceMetadata") {
    source.kind = Kind::InstanceMetadata;
  } else if (credential_source.text == "EcsContainer") {
    source.kind = Kind::Container;
  } else {
    return misconfigured_source(
        source.where, "credential_source must be Environment, Ec2InstanceMetadata or EcsContainer");
  }
  return source;
}

[[nodiscard]] inline Result<ProfileSource> web_identity_of(const ProfileSection& section,
                                                           const ProfileValue& token_file) {
  const ProfileValue* role_arn = find_given(section, "role_arn");
  if (role_arn == nullptr) {
    return misconfigured_source(token_file.where(),
                                "web_identity_token_file stands without role_arn; add the role "
                                "that the token is exchanged for");
  }
  ProfileSource source;
  source.kind = ProfileSource::Kind::WebIdentity;
  source.where = token_file.where();
  source.web_identity.role_arn = role_arn->text;
  source.web_identity.token_file = token_file.text;
  source.web_identity.role_session_name = text_of(find_given(section, "role_session_name"));
  return source;
}

/// The start URL and region of the section that `sso_session` names.
[[nodiscard]] inline Result<void> read_sso_session(const Profiles& profiles,
                                                   const ProfileSection& section,
                                                   const ProfileValue& session,
                                                   SsoOptions& options) {
  const auto found = profiles.sso_sessions.find(session.text);
  if (found == profiles.sso_sessions.end()) {
    return misconfigured_source(session.where(),
                                "there is no section [sso-session ...] of this name in " +
                                    profiles.config_file + "; write it, or run aws configure sso");
  }
  if (const auto& malformed = found->second.malformed) {
    return misconfigured_source(malformed->where, malformed->message);
  }
  for (const char* needed : {"sso_region", "sso_start_url"}) {
    if (find_given(found->second, needed) != nullptr) continue;
    return misconfigured_source(session.where(),
                                std::string{"its [sso-session ...] section lacks "}.append(needed));
  }
  options.session_name = session.text;
  options.region = find_given(found->second, "sso_region")->text;
  options.start_url = find_given(found->second, "sso_start_url")->text;
  const ProfileValue* region = find_given(section, "sso_region");
  if (region != nullptr && region->text != options.region) {
    return misconfigured_source(region->where(),
                                "sso_region is another one than in the [sso-session ...] section; "
                                "remove it here");
  }
  const ProfileValue* start_url = find_given(section, "sso_start_url");
  if (start_url != nullptr && start_url->text != options.start_url) {
    return misconfigured_source(start_url->where(),
                                "sso_start_url is another one than in the [sso-session ...] "
                                "section; remove it here");
  }
  return {};
}

/// The single sign-on of a profile, of which `first` is one of the properties.
[[nodiscard]] inline Result<ProfileSource> sso_of(const Profiles& profiles,
                                                  const ProfileSection& section,
                                                  const ProfileValue& first) {
  const auto missing = [&first](const char* name) {
    return misconfigured_source(
        first.where(), std::string{"the profile signs on with SSO, but lacks "}.append(name));
  };
  ProfileSource source;
  source.kind = ProfileSource::Kind::Sso;
  source.where = first.where();
  source.sso.account_id = text_of(find_given(section, "sso_account_id"));
  source.sso.role_name = text_of(find_given(section, "sso_role_name"));
  if (source.sso.account_id.empty() != source.sso.role_name.empty()) {
    return missing(source.sso.account_id.empty() ? "sso_account_id" : "sso_role_name");
  }
  if (const ProfileValue* session = find_given(section, "sso_session")) {
    if (auto read = read_sso_session(profiles, section, *session, source.sso); !read) {
      return std::move(read).error();
    }
    return source;
  }
  for (const char* needed : {"sso_account_id", "sso_region", "sso_start_url"}) {
    if (find_given(section, needed) == nullptr) return missing(needed);
  }
  source.sso.region = find_given(section, "sso_region")->text;
  source.sso.start_url = find_given(section, "sso_start_url")->text;
  return source;
}

/// The source of a profile on which no role stands. Silent when there is none.
[[nodiscard]] inline Result<ProfileSource> source_of(const Profiles& profiles,
                                                     const ProfileSection& section,
                                                     const std::string& name) {
  const ProfileValue* token_file = find_given(section, "web_identity_token_file");
  if (const ProfileValue* named = find_given(section, "credential_source")) {
    if (token_file == nullptr) return named_source(*named);
    return misconfigured_source(
        named->where(), "credential_source stands beside web_identity_token_file; remove one");
  }
  if (token_file != nullptr) return web_identity_of(section, *token_file);
  for (const char* property :
       {"sso_session", "sso_account_id", "sso_role_name", "sso_region", "sso_start_url"}) {
    if (const ProfileValue* found = find_given(section, property)) {
      return sso_of(profiles, section, *found);
    }
  }
  ProfileSource source;
  if (const ProfileValue* session = find_given(section, "login_session")) {
    source.kind = ProfileSource::Kind::Login;
    source.where = session->where();
    source.login.login_session = session->text;
    return source;
  }
  if (const ProfileValue* command = find_given(section, "credential_process")) {
    source.kind = ProfileSource::Kind::Process;
    source.where = command->where();
    source.command = command->text;
    source.account_id = text_of(find_given(section, "aws_account_id"));
    return source;
  }
  if (has_static_keys(section)) return static_keys_of(section);
  return silent_source("profile", "profile \"" + name + "\" names no credentials");
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
