// SPDX-License-Identifier: Apache-2.0
//
// profile_credentials: keys that a profile of the shared AWS files holds. Second in the default
// chain.
// Source: AWS SDKs and Tools Reference Guide, "AWS access keys" and "Shared config and credentials
// files".
#ifndef PERSONALIZE_EVENTS_AUTH_PROVIDERS_PROFILE_HPP
#define PERSONALIZE_EVENTS_AUTH_PROVIDERS_PROFILE_HPP

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "personalize_events/auth/credentials.hpp"
#include "personalize_events/config/profile_file.hpp"
#include "personalize_events/config/settings.hpp"
#include "personalize_events/platform/platform.hpp"
#include "personalize_events/platform/system_platform.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// The text of a property, empty when it is absent.
[[nodiscard]] inline std::string property_text(const ProfileSection& section,
                                               std::string_view name) {
  const ProfileValue* value = section.find(name);
  return value == nullptr ? std::string{} : value->text;
}

/// The keys that stand in a profile. Pure.
[[nodiscard]] inline Result<Credentials> static_keys_of(const ProfileSection& section,
                                                        const std::string& name) {
  // These say that the keys are to be got from elsewhere. To sign with others would be wrong.
  for (const char* elsewhere : {"role_arn", "web_identity_token_file", "sso_session",
                                "sso_account_id", "login_session", "credential_process"}) {
    const ProfileValue* value = section.find(elsewhere);
    const bool beats_keys =
        std::string_view{elsewhere} == "role_arn" || section.find("aws_access_key_id") == nullptr;
    if (value != nullptr && beats_keys) {
      return misconfigured_source(
          value->where(), std::string(elsewhere) +
                              " is not supported by this version; put aws_access_key_id and "
                              "aws_secret_access_key into the profile, or give "
                              "ClientOptions::credentials a function that does it");
    }
  }
  Credentials credentials;
  credentials.access_key_id = property_text(section, "aws_access_key_id");
  credentials.secret_access_key = property_text(section, "aws_secret_access_key");
  credentials.session_token = property_text(section, "aws_session_token");
  credentials.account_id = property_text(section, "aws_account_id");
  if (credentials.access_key_id.empty() && credentials.secret_access_key.empty()) {
    Error error = credentials_error("profile \"" + name + "\" has no aws_access_key_id");
    error.where = "profile";
    return error;
  }
  if (credentials.secret_access_key.empty()) {
    return misconfigured_source(
        section.find("aws_access_key_id")->where(),
        "aws_access_key_id stands without aws_secret_access_key; give both or neither");
  }
  if (credentials.access_key_id.empty()) {
    return misconfigured_source(
        section.find("aws_secret_access_key")->where(),
        "aws_secret_access_key stands without aws_access_key_id; give both or neither");
  }
  return credentials;
}

[[nodiscard]] inline Result<Credentials> read_profile_credentials(Platform& platform,
                                                                  const std::string& given) {
  const auto as_misconfigured = [](const Error& error) {
    return misconfigured_source(error.where, error.message);
  };
  const Result<Profiles> profiles = load_profiles(platform);
  if (!profiles) return as_misconfigured(profiles.error());
  const auto name = find_profile_name(SettingFinder{platform, nullptr}, given, *profiles);
  if (!name) return as_misconfigured(name.error());
  if (const ProfileSection* section = profiles->find_profile(name->value)) {
    return static_keys_of(*section, name->value);
  }
  Error error =
      credentials_error("there is no profile \"" + name->value + "\" in the shared AWS files");
  error.where = "profile";
  return error;
}

}  // namespace detail

/// A provider of the static keys of a profile: `profile`, else AWS_PROFILE, else "default". The
/// files are read anew at each call, so that rotated keys are found.
///
/// @par Error Handling
/// Credentials: the profile does not exist or has no keys. A profile that cannot be used as it
/// stands (malformed, one key without the other, keys from a source that this version does not
/// know) is an error that ends a chain; `where` is the file and line.
[[nodiscard]] inline CredentialsProvider profile_credentials(
    std::shared_ptr<Platform> platform = {}, std::string profile = {}) {
  if (platform == nullptr) platform = system_platform();
  return [platform = std::move(platform), profile = std::move(profile)] {
    return detail::read_profile_credentials(*platform, profile);
  };
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
