// SPDX-License-Identifier: Apache-2.0
//
// environment_credentials: keys from AWS_ACCESS_KEY_ID and its kin. First in the default chain.
// Source: AWS SDKs and Tools Reference Guide, "AWS access keys".
#ifndef PERSONALIZE_EVENTS_DETAIL_PROVIDERS_ENVIRONMENT_HPP
#define PERSONALIZE_EVENTS_DETAIL_PROVIDERS_ENVIRONMENT_HPP

#include <cstddef>
#include <string>
#include <utility>

#include "personalize_events/credentials.hpp"
#include "personalize_events/detail/base/time.hpp"
#include "personalize_events/detail/platform/system_platform.hpp"
#include "personalize_events/detail/providers/provider_context.hpp"
#include "personalize_events/detail/signing/crypto.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// White space that a shell, a file or an editor leaves around a value.
inline constexpr const char* kOuterSpace = " \t\r\n";

/// A variable's value without white space around it; a blank one counts as not set.
[[nodiscard]] inline std::string credential_variable(Platform& platform, const std::string& name) {
  std::string value = platform.environment(name).value_or("");
  value.erase(value.find_last_not_of(kOuterSpace) + 1);
  value.erase(0, value.find_first_not_of(kOuterSpace));
  return value;  // moved, so that no copy of a secret stays behind
}

/// A variable's value as it is; a blank one counts as not set.
[[nodiscard]] inline std::string raw_credential_variable(Platform& platform,
                                                         const std::string& name) {
  std::string value = platform.environment(name).value_or("");
  if (value.find_first_not_of(kOuterSpace) == std::string::npos) value.clear();
  return value;
}

/// Whether white space around a variable's value is left out.
[[nodiscard]] inline bool has_outer_space(Platform& platform, const std::string& name) {
  std::string value = platform.environment(name).value_or("");
  const std::size_t begin = value.find_first_not_of(kOuterSpace);
  const bool has_some = begin != std::string::npos &&
                        (begin > 0 || value.find_last_not_of(kOuterSpace) + 1 < value.size());
  detail::wipe(value);
  return has_some;
}

[[nodiscard]] inline Result<Credentials> read_environment_credentials(Platform& platform) {
  Credentials credentials;
  credentials.access_key_id = credential_variable(platform, "AWS_ACCESS_KEY_ID");
  credentials.secret_access_key = credential_variable(platform, "AWS_SECRET_ACCESS_KEY");
  credentials.session_token = credential_variable(platform, "AWS_SESSION_TOKEN");
  credentials.account_id = credential_variable(platform, "AWS_ACCOUNT_ID");
  if (credentials.access_key_id.empty() && credentials.secret_access_key.empty()) {
    Error error = credentials_error("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set");
    error.where = "environment";
    return error;
  }
  if (credentials.secret_access_key.empty()) {
    return misconfigured_source("AWS_SECRET_ACCESS_KEY",
                                "not set, but AWS_ACCESS_KEY_ID is; set both or neither");
  }
  if (credentials.access_key_id.empty()) {
    return misconfigured_source("AWS_ACCESS_KEY_ID",
                                "not set, but AWS_SECRET_ACCESS_KEY is; set both or neither");
  }
  if (auto flaw = find_flaw(credentials, "environment",
                            {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"})) {
    return *std::move(flaw);
  }
  if (const std::string text = credential_variable(platform, "AWS_CREDENTIAL_EXPIRATION");
      !text.empty()) {
    credentials.expiration = parse_rfc3339(text);
    if (!credentials.expiration) {
      return misconfigured_source("AWS_CREDENTIAL_EXPIRATION",
                                  "not a time such as 2030-01-31T12:00:00Z");
    }
  }
  return credentials;
}

/// The report of environment_credentials.
[[nodiscard]] inline ProviderReport report_environment(Platform& platform) {
  const Result<Credentials> keys = read_environment_credentials(platform);
  if (!keys) return report_of(keys.error());
  if (keys->expiration && *keys->expiration <= platform.now()) {
    return {ProviderReport::State::Wrong, "the keys have expired", "AWS_CREDENTIAL_EXPIRATION"};
  }
  std::string what = show_keys(*keys);
  for (const char* name : {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}) {
    if (has_outer_space(platform, name)) {
      what.append("; white space around ").append(name).append(" is removed");
    }
  }
  return {ProviderReport::State::Serves, std::move(what),
          keys->session_token.empty()
              ? "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY"
              : "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN"};
}

}  // namespace detail

/// A provider of AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_ACCOUNT_ID and
/// AWS_CREDENTIAL_EXPIRATION, read at each call. White space around a value, such as the line break
/// of a file that a secret comes from, is left out; a blank variable counts as not set.
///
/// @par Error Handling
/// Credentials: neither key is set, only one is, one has a character that no header may have, or
/// the expiration is no RFC 3339 time. `where` or `message` names the variable.
[[nodiscard]] inline CredentialsProvider environment_credentials(ProviderContext context = {}) {
  if (context.platform == nullptr) context.platform = system_platform();
  return [platform = std::move(context.platform)] {
    return detail::read_environment_credentials(*platform);
  };
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
