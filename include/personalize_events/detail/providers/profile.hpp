// SPDX-License-Identifier: Apache-2.0
//
// profile_credentials: the credentials of a profile of the shared AWS files, in whichever way it
// says they are got: keys, roles, single sign-on, a process. Second in the default chain. Source:
// AWS SDKs and Tools Reference Guide, "Standardized credential providers".
#ifndef PERSONALIZE_EVENTS_DETAIL_PROVIDERS_PROFILE_HPP
#define PERSONALIZE_EVENTS_DETAIL_PROVIDERS_PROFILE_HPP

#include <algorithm>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "personalize_events/credentials.hpp"
#include "personalize_events/detail/platform/per_process.hpp"
#include "personalize_events/detail/providers/cached.hpp"
#include "personalize_events/detail/providers/container.hpp"
#include "personalize_events/detail/providers/credential_services.hpp"
#include "personalize_events/detail/providers/environment.hpp"
#include "personalize_events/detail/providers/instance_metadata.hpp"
#include "personalize_events/detail/providers/login.hpp"
#include "personalize_events/detail/providers/process.hpp"
#include "personalize_events/detail/providers/profile_chain.hpp"
#include "personalize_events/detail/providers/profile_source.hpp"
#include "personalize_events/detail/providers/provider_context.hpp"
#include "personalize_events/detail/providers/source.hpp"
#include "personalize_events/detail/providers/sso.hpp"
#include "personalize_events/detail/providers/sts.hpp"
#include "personalize_events/detail/providers/web_identity.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Whether a chain needs to know where a service is.
[[nodiscard]] inline bool asks_services(const ProfileChain& chain) {
  using Kind = ProfileSource::Kind;
  const Kind kind = chain.source.kind;
  return !chain.roles.empty() || kind == Kind::WebIdentity || kind == Kind::Sso ||
         kind == Kind::Login;
}

/// Tells each step where its service is.
inline void set_services(ProfileChain& chain, const CredentialServices& services) {
  const auto set_sts = [&services](auto& options) {
    options.region = services.region;
    options.endpoint_url = services.sts_url;
    options.use_fips = services.use_fips;
    options.use_dual_stack = services.use_dual_stack;
  };
  for (AssumeRoleOptions& role : chain.roles) set_sts(role);
  set_sts(chain.source.web_identity);
  chain.source.sso.endpoint_url = services.sso_url;
  chain.source.sso.oidc_endpoint_url = services.oidc_url;
  chain.source.sso.use_fips = services.use_fips;
  chain.source.sso.use_dual_stack = services.use_dual_stack;
  chain.source.login.region = services.region;
}

[[nodiscard]] inline bool is_same_source(const ProfileSource& left, const ProfileSource& right) {
  return left.kind == right.kind && left.where == right.where &&
         left.keys.access_key_id == right.keys.access_key_id &&
         left.keys.secret_access_key == right.keys.secret_access_key &&
         left.keys.session_token == right.keys.session_token &&
         left.keys.account_id == right.keys.account_id &&
         left.web_identity.role_arn == right.web_identity.role_arn &&
         left.web_identity.token_file == right.web_identity.token_file &&
         left.web_identity.role_session_name == right.web_identity.role_session_name &&
         left.web_identity.region == right.web_identity.region &&
         left.web_identity.endpoint_url == right.web_identity.endpoint_url &&
         left.sso.session_name == right.sso.session_name &&
         left.sso.start_url == right.sso.start_url && left.sso.region == right.sso.region &&
         left.sso.account_id == right.sso.account_id && left.sso.role_name == right.sso.role_name &&
         left.sso.endpoint_url == right.sso.endpoint_url &&
         left.sso.oidc_endpoint_url == right.sso.oidc_endpoint_url &&
         left.sso.use_fips == right.sso.use_fips &&
         left.sso.use_dual_stack == right.sso.use_dual_stack &&
         left.login.login_session == right.login.login_session &&
         left.login.region == right.login.region && left.command == right.command &&
         left.account_id == right.account_id;
}

[[nodiscard]] inline bool is_same_role(const AssumeRoleOptions& left,
                                       const AssumeRoleOptions& right) {
  return left.role_arn == right.role_arn && left.role_session_name == right.role_session_name &&
         left.external_id == right.external_id && left.duration == right.duration &&
         left.region == right.region && left.endpoint_url == right.endpoint_url &&
         left.use_fips == right.use_fips && left.use_dual_stack == right.use_dual_stack;
}

/// Whether two chains ask the same of the same.
[[nodiscard]] inline bool is_same_chain(const ProfileChain& left, const ProfileChain& right) {
  return is_same_source(left.source, right.source) &&
         std::equal(left.roles.begin(), left.roles.end(), right.roles.begin(), right.roles.end(),
                    is_same_role);
}

/// A source that a profile names: where it has nothing to say, no other one is asked instead.
[[nodiscard]] inline CredentialsProvider meant_source(CredentialsProvider provider,
                                                      std::string where) {
  return [provider = std::move(provider),
          where = std::move(where)](const CredentialsRequest& request) -> Result<Credentials> {
    Result<Credentials> supplied = provider(request);
    if (supplied || is_of_meant_source(supplied.error())) return supplied;
    Error error = failed_source(where, supplied.error().where + ": " + supplied.error().message);
    error.retryable = supplied.error().retryable;
    return error;
  };
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

/// Runs the command of a source, which wipes it.
[[nodiscard]] inline CredentialsProvider process_provider(const ProfileSource& source,
                                                          const SourceContext& context) {
  return [source, platform = context.platform](const CredentialsRequest& request) {
    Result<Credentials> supplied =
        ask_process(*platform, source.command, (std::min)(request.timeout, kProcessTimeout));
    if (supplied && supplied->account_id.empty()) supplied->account_id = source.account_id;
    return supplied;
  };
}

[[nodiscard]] inline CredentialsProvider sso_provider(const ProfileSource& source,
                                                      const SourceContext& context) {
  if (!source.sso.account_id.empty()) return sso_credentials(source.sso, context);
  return [where = source.where]() -> Result<Credentials> {
    return misconfigured_source(where,
                                "sso_session alone gives an access token, not credentials; add "
                                "sso_account_id and sso_role_name");
  };
}

/// The report of a provider of the chain that a profile names; it has to serve.
[[nodiscard]] inline ProviderReport named_report(const char* name, ProviderReport report,
                                                 const std::string& where) {
  if (report.state == ProviderReport::State::NotConfigured)
    report.state = ProviderReport::State::Wrong;
  report.what.insert(0, std::string{name}.append(": "));
  report.where = where;
  return report;
}

/// What comes before the first role. Its report is for explain().
[[nodiscard]] inline ChainLink link_of(const ProfileSource& source, const SourceContext& context) {
  using Kind = ProfileSource::Kind;
  const std::shared_ptr<Platform>& platform = context.platform;
  switch (source.kind) {
    case Kind::StaticKeys:
      return {"keys", static_credentials(source.keys), [source] {
                return ProviderReport{ProviderReport::State::Serves, show_keys(source.keys),
                                      source.where};
              }};
    case Kind::Environment:
      return {"environment", environment_credentials(context), [platform, where = source.where] {
                return named_report("environment", report_environment(*platform), where);
              }};
    case Kind::InstanceMetadata:
      return {kMetadataSource, instance_metadata_credentials(context),
              [context, where = source.where] {
                return named_report(kMetadataSource,
                                    report_metadata(*context.platform, context.profile), where);
              }};
    case Kind::Container:
      return {kContainerSource, container_credentials(context), [platform, where = source.where] {
                return named_report(kContainerSource, report_container(*platform), where);
              }};
    case Kind::WebIdentity:
      return {"web identity", web_identity_credentials(source.web_identity, context),
              [platform, source] {
                return report_web_identity(*platform, source.web_identity, source.where);
              }};
    case Kind::Sso:
      return {"SSO", sso_provider(source, context),
              [platform, source] { return report_sso(*platform, source.sso, source.where); }};
    case Kind::Login:
      return {"login", login_credentials(source.login, context),
              [platform, source] { return report_login(*platform, source.login, source.where); }};
    case Kind::Process: break;
  }
  return {kProcessSource, process_provider(source, context), [source] {
            return ProviderReport{ProviderReport::State::Asks, show_program(source.command),
                                  source.where};
          }};
}

/// Adds to the report of what comes before the roles that they are assumed.
inline void add_roles(ProviderReport& report, const std::vector<AssumeRoleOptions>& roles) {
  for (const AssumeRoleOptions& role : roles) {
    report.what.append(", then AWS STS for the role ").append(role.role_arn);
    report.what.append(plain_http_note(role.endpoint_url));
    if (report.state == ProviderReport::State::Serves) report.state = ProviderReport::State::Asks;
  }
}

/// Gets the credentials of one profile, again and again.
class ProfileCredentials {
 public:
  explicit ProfileCredentials(SourceContext context) : context_(std::move(context)) {}

  [[nodiscard]] Result<Credentials> get(const CredentialsRequest& request) {
    const SourceContext context = context_.until(request);
    Result<ProfileChain> chain = resolve();
    if (!chain) return std::move(chain).error();
    const std::shared_ptr<const Way> kept = kept_way(*chain);
    if (kept == nullptr) return keep(*chain)->provider(request);
    Result<Credentials> supplied = kept->provider(request);
    if (supplied || !kept->keeps_steps || supplied.error().retryable) return supplied;
    // A step whose kept credentials were refused has told their keeper, which now asks anew.
    return kept->provider(context.remaining());
  }

  /// What is known without asking.
  [[nodiscard]] ProviderReport report() const {
    const Result<ProfileChain> chain = resolve();
    if (!chain) return report_of(chain.error());
    ProviderReport report = link_of(chain->source, context_).report();
    add_roles(report, chain->roles);
    return report;
  }

 private:
  /// A chain with the providers that run it, which keep what the earlier steps gave.
  struct Way {
    ProfileChain chain;
    CredentialsProvider provider;
    bool keeps_steps;
  };
  struct State {
    std::mutex mutex{};
    std::shared_ptr<const Way> way{};
  };

  /// What the files say now. Errors: Credentials.
  [[nodiscard]] Result<ProfileChain> resolve() const {
    const Result<SelectedProfile> selected =
        load_selected_profile(*context_.platform, context_.profile);
    if (!selected) return selected.error();
    Result<ProfileChain> chain = resolve_profile_chain(selected->profiles, selected->name.value);
    if (!chain || !asks_services(*chain)) return chain;
    const auto services = find_credential_services(*context_.platform, *selected, context_.region);
    if (!services) return services.error();
    set_services(*chain, *services);
    return chain;
  }

  [[nodiscard]] State& own_state() {
    return state_.own([] { return std::make_unique<State>(); });
  }

  /// The providers from before, if the files still say the same; else null.
  [[nodiscard]] std::shared_ptr<const Way> kept_way(const ProfileChain& chain) {
    State& state = own_state();
    const std::lock_guard<std::mutex> lock{state.mutex};
    const bool is_same = state.way != nullptr && is_same_chain(state.way->chain, chain);
    return is_same ? state.way : nullptr;
  }

  [[nodiscard]] std::shared_ptr<const Way> keep(const ProfileChain& chain) {
    using Kind = ProfileSource::Kind;
    const ProfileSource& source = chain.source;
    CredentialsProvider provider = meant_source(link_of(source, context_).provider, source.where);
    bool is_at_hand = source.kind == Kind::StaticKeys || source.kind == Kind::Environment;
    bool keeps_steps = false;
    for (const AssumeRoleOptions& role : chain.roles) {
      if (!is_at_hand) provider = cached(std::move(provider), context_.platform);
      keeps_steps = keeps_steps || !is_at_hand;
      is_at_hand = false;
      provider = assume_role_credentials(role, std::move(provider), context_);
    }
    auto way = std::make_shared<const Way>(Way{chain, std::move(provider), keeps_steps});
    State& state = own_state();
    const std::lock_guard<std::mutex> lock{state.mutex};
    state.way = way;
    return way;
  }

  const SourceContext context_;
  PerProcess<State> state_{};
};

/// The link of a chain that reads a profile.
[[nodiscard]] inline ChainLink profile_link(SourceContext context) {
  auto credentials = std::make_shared<ProfileCredentials>(std::move(context));
  return {
      "profile",
      [credentials](const CredentialsRequest& request) { return credentials->get(request); },
      [credentials] { return credentials->report(); },
  };
}

}  // namespace detail

/// A provider of the credentials of a profile: the context's, else AWS_PROFILE, else "default". It
/// may hold keys, or name roles to assume (`role_arn` with `source_profile` or
/// `credential_source`), a web identity token, single sign-on, a sign-in (`login_session`) or a
/// `credential_process`. The files are read at each call, so that rotated keys are found; what the
/// roles before the last gave is kept until near its expiry. Without a transport only keys and
/// processes serve.
///
/// @par Error Handling
/// Credentials. A chain goes on when there is no default profile and none is named, and when the
/// profile names no credentials. Any other failure ends it: what cannot be used as it stands
/// (`where` is the file and line), and a source that gave nothing.
///
/// @par Thread Safety
/// Any thread.
[[nodiscard]] inline CredentialsProvider profile_credentials(ProviderContext context = {}) {
  return detail::profile_link(detail::SourceContext{std::move(context)}).provider;
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
