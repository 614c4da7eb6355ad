// SPDX-License-Identifier: Apache-2.0
//
// What explain() tells of credentials: each source of the default chain, and whether it would
// serve, from the environment and the files alone. Nothing is sent, run or written, and of a secret
// only that it is there is told.
#ifndef PERSONALIZE_EVENTS_CLIENT_EXPLAIN_CREDENTIALS_HPP
#define PERSONALIZE_EVENTS_CLIENT_EXPLAIN_CREDENTIALS_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "personalize_events/auth/credentials.hpp"
#include "personalize_events/auth/crypto.hpp"
#include "personalize_events/auth/providers/container.hpp"
#include "personalize_events/auth/providers/environment.hpp"
#include "personalize_events/auth/providers/login.hpp"
#include "personalize_events/auth/providers/metadata_service.hpp"
#include "personalize_events/auth/providers/profile_chain.hpp"
#include "personalize_events/auth/providers/sso.hpp"
#include "personalize_events/auth/providers/token_cache.hpp"
#include "personalize_events/client/account.hpp"
#include "personalize_events/config/profile_file.hpp"
#include "personalize_events/config/settings.hpp"
#include "personalize_events/detail/ascii.hpp"
#include "personalize_events/platform/platform.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// What is known of a source without asking it.
struct SourceAccount {
  enum class State : std::uint8_t {
    None,    ///< Nothing says that it was meant: the chain goes on.
    Serves,  ///< It has credentials.
    Asks,    ///< It would ask a service or run a program.
    Wrong,   ///< It was meant and cannot serve: the chain ends.
  };

  State state{State::None};
  std::string what{};
  std::string where{};
};

[[nodiscard]] inline SourceAccount account_of(const Error& error) {
  const bool was_meant = is_of_meant_source(error);
  return {was_meant ? SourceAccount::State::Wrong : SourceAccount::State::None, error.message,
          was_meant ? error.where : std::string{}};
}

/// "keys AKIA****1234, with a session token".
[[nodiscard]] inline std::string show_keys(const Credentials& keys) {
  return "keys " + show_access_key_id(keys.access_key_id) +
         (keys.session_token.empty() ? "" : ", with a session token");
}

[[nodiscard]] inline SourceAccount environment_account(Platform& platform) {
  const Result<Credentials> keys = read_environment_credentials(platform);
  if (!keys) return account_of(keys.error());
  if (keys->expiration && *keys->expiration <= platform.now()) {
    return {SourceAccount::State::Wrong, "the keys have expired", "AWS_CREDENTIAL_EXPIRATION"};
  }
  std::string what = show_keys(*keys);
  for (const char* name : {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}) {
    if (has_outer_space(platform, name)) {
      what.append("; white space around ").append(name).append(" is left out");
    }
  }
  return {SourceAccount::State::Serves, std::move(what),
          keys->session_token.empty()
              ? "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY"
              : "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN"};
}

/// Whether a file can be read; its text is looked at by nobody.
[[nodiscard]] inline Result<void> check_secret_file(Result<std::string> text) {
  if (!text) return std::move(text).error();
  crypto::cleanse(*text);
  return {};
}

/// A source that reads a token from a file: `what`, and why the file is of no use if it is not.
[[nodiscard]] inline SourceAccount token_file_account(std::string what, const std::string& path,
                                                      const Result<void>& readable,
                                                      const std::string& where) {
  what.append(", with the token in ").append(path);
  if (readable) return {SourceAccount::State::Asks, std::move(what), where};
  what.append(readable.error().code == "NotFound" ? ", which does not exist"
                                                  : ", which " + readable.error().message);
  return {SourceAccount::State::Wrong, std::move(what), where};
}

/// A source that reads a token from a cache of the AWS CLI. One that others may read serves, but is
/// reported.
[[nodiscard]] inline SourceAccount token_cache_account(Platform& platform, std::string what,
                                                       const std::string& path,
                                                       const std::string& where) {
  const Result<void> is_private = check_secret_file(platform.read_private_file(path));
  const Result<void> readable = check_secret_file(platform.read_file(path));
  SourceAccount account = token_file_account(std::move(what), path, readable, where);
  if (readable && !is_private) account.what.append(", which ").append(is_private.error().message);
  return account;
}

[[nodiscard]] inline SourceAccount web_identity_account(Platform& platform,
                                                        const WebIdentityOptions& options,
                                                        const std::string& where) {
  return token_file_account("AWS STS, for the role " + options.role_arn, options.token_file,
                            check_secret_file(platform.read_file(options.token_file)), where);
}

[[nodiscard]] inline SourceAccount web_identity_account(Platform& platform) {
  WebIdentityOptions options;
  options.token_file = credential_variable(platform, "AWS_WEB_IDENTITY_TOKEN_FILE");
  options.role_arn = credential_variable(platform, "AWS_ROLE_ARN");
  if (options.token_file.empty()) {
    return {SourceAccount::State::None, "AWS_WEB_IDENTITY_TOKEN_FILE is not set", {}};
  }
  if (options.role_arn.empty()) {
    return {SourceAccount::State::Wrong, "not set, but AWS_WEB_IDENTITY_TOKEN_FILE is",
            "AWS_ROLE_ARN"};
  }
  return web_identity_account(platform, options, "AWS_WEB_IDENTITY_TOKEN_FILE");
}

[[nodiscard]] inline SourceAccount container_account(Platform& platform) {
  const Result<ContainerPlace> place = find_container_place(platform);
  if (!place) return account_of(place.error());
  const char* variable = raw_credential_variable(platform, kContainerRelativeUri).empty()
                             ? kContainerFullUri
                             : kContainerRelativeUri;
  Result<std::string> token = read_container_token(platform);
  if (!token) return account_of(token.error());
  const crypto::WipeAtEnd wipe{*token};
  // The path may be a secret too.
  const std::string host = place->endpoint.scheme + "://" + place->endpoint.host;
  return {SourceAccount::State::Asks, host + (token->empty() ? "" : ", with a token"), variable};
}

[[nodiscard]] inline SourceAccount metadata_account(Platform& platform,
                                                    const std::string& profile) {
  const std::string off = platform.environment("AWS_EC2_METADATA_DISABLED").value_or("");
  if (equal_ignoring_case(trim(off), "true")) {
    return {SourceAccount::State::None, "turned off by AWS_EC2_METADATA_DISABLED", {}};
  }
  const Result<Endpoint> endpoint = find_metadata_endpoint(platform, profile);
  if (!endpoint) return account_of(endpoint.error());
  return {SourceAccount::State::Asks, endpoint->url + ", if this is an EC2 instance", {}};
}

/// What a command runs, without its arguments: a path of plain characters, up to the first blank.
[[nodiscard]] inline std::string show_program(const std::string& command) {
  const std::string_view text = trim(command);
  const std::string_view program = text.substr(0, text.find_first_of(" \t"));
  const bool is_plain = all_of(program, [](char c) {
    return is_letter(c) || is_digit(c) ||
           std::string_view{"/._-+"}.find(c) != std::string_view::npos;
  });
  return is_plain ? "the program " + std::string{program} : std::string{"a command"};
}

[[nodiscard]] inline SourceAccount sso_account(Platform& platform, const SsoOptions& options,
                                               const std::string& where) {
  if (options.account_id.empty()) {
    return {SourceAccount::State::Wrong,
            "single sign-on without an account; add sso_account_id and sso_role_name", where};
  }
  const Result<std::string> folder = token_folder(platform, "sso");
  if (!folder) return account_of(folder.error());
  const Result<std::string> name = sso_cache_name(options);
  if (!name) return {SourceAccount::State::Wrong, name.error().message, name.error().where};
  const std::string path = *folder + *name;
  return token_cache_account(platform,
                             "single sign-on in " + options.region + ", as " + options.role_name +
                                 " of account " + options.account_id,
                             path, where);
}

[[nodiscard]] inline SourceAccount login_account(Platform& platform, const LoginOptions& options,
                                                 const std::string& where) {
  const Result<std::string> path = login_cache_path(platform, options.login_session);
  if (!path) return account_of(path.error());
  return token_cache_account(platform, "AWS Sign-In", *path, where);
}

/// The account of another source of the chain that a profile names; it has to serve.
[[nodiscard]] inline SourceAccount named_account(const char* name, SourceAccount account,
                                                 const std::string& where) {
  if (account.state == SourceAccount::State::None) account.state = SourceAccount::State::Wrong;
  account.what.insert(0, std::string{name}.append(": "));
  account.where = where;
  return account;
}

[[nodiscard]] inline SourceAccount profile_source_account(Platform& platform,
                                                          const ProfileSource& source,
                                                          const std::string& profile) {
  using Kind = ProfileSource::Kind;
  switch (source.kind) {
    case Kind::StaticKeys:
      return {SourceAccount::State::Serves, show_keys(source.keys), source.where};
    case Kind::Environment:
      return named_account("environment", environment_account(platform), source.where);
    case Kind::InstanceMetadata:
      return named_account("instance metadata", metadata_account(platform, profile), source.where);
    case Kind::Container:
      return named_account("container", container_account(platform), source.where);
    case Kind::WebIdentity:
      return web_identity_account(platform, source.web_identity, source.where);
    case Kind::Sso: return sso_account(platform, source.sso, source.where);
    case Kind::Login: return login_account(platform, source.login, source.where);
    case Kind::Process: break;
  }
  return {SourceAccount::State::Asks, show_program(source.command), source.where};
}

[[nodiscard]] inline SourceAccount profile_account(Platform& platform, const Profiles& profiles,
                                                   const std::string& profile) {
  const Result<ProfileChain> chain = resolve_profile_chain(profiles, profile);
  if (!chain) return account_of(chain.error());
  SourceAccount account = profile_source_account(platform, chain->source, profile);
  for (const AssumeRoleOptions& role : chain->roles) {
    account.what.append(", then AWS STS for the role ").append(role.role_arn);
    if (account.state == SourceAccount::State::Serves) account.state = SourceAccount::State::Asks;
  }
  return account;
}

/// The sources of the default chain in order, by name. `given` is ClientOptions::profile.
[[nodiscard]] inline std::vector<std::pair<std::string, SourceAccount>> source_accounts(
    Platform& platform, const std::string& given) {
  SourceAccount environment = environment_account(platform);
  if (!given.empty()) {
    environment = {SourceAccount::State::None, "not asked: ClientOptions.profile is set", {}};
  }
  SourceAccount of_profile;
  const Result<Profiles> profiles = load_profiles(platform);
  const Result<Setting<std::string>> name = profiles.and_then([&](const Profiles& loaded) {
    return find_profile_name(SettingFinder{platform, nullptr}, given, loaded);
  });
  if (name) {
    of_profile = profile_account(platform, *profiles, name->value);
  } else {
    of_profile = {SourceAccount::State::Wrong, name.error().message, name.error().where};
  }
  return {{"environment", std::move(environment)},
          {"profile", std::move(of_profile)},
          {"web identity", web_identity_account(platform)},
          {"container", container_account(platform)},
          {"instance metadata", metadata_account(platform, given)}};
}

/// Tells of each source, and which the credentials would come from: the first that has not none.
inline void explain_credentials(Account& account, Platform& platform, const std::string& given) {
  const auto sources = source_accounts(platform, given);
  const auto is_meant = [](const auto& source) {
    return source.second.state != SourceAccount::State::None;
  };
  const auto chosen = std::find_if(sources.begin(), sources.end(), is_meant);
  account.line("credentials", chosen == sources.end() ? "NONE: no source has any" : chosen->first,
               "default chain");
  for (auto source = sources.begin(); source != sources.end(); ++source) {
    constexpr const char* kWords[] = {"none: ", "has ", "would use ", "WRONG: "};
    std::string told = kWords[static_cast<std::size_t>(source->second.state)];
    told.append(source->second.what);
    if (source > chosen && is_meant(*source)) told.insert(0, "not reached; ");
    account.line("  " + std::to_string(source - sources.begin() + 1) + " " + source->first, told,
                 source->second.where);
  }
}

}  // namespace detail
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
