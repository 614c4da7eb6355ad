// SPDX-License-Identifier: Apache-2.0
//
// sso_credentials: keys of a role that a person may use after `aws sso login` (IAM Identity
// Center). Profiles with sso_account_id lead to it.
// Source: AWS SDKs and Tools Reference Guide, "IAM Identity Center credential provider"; API
// references of SSO OIDC, CreateToken, and of the SSO Portal, GetRoleCredentials.
#ifndef PERSONALIZE_EVENTS_DETAIL_PROVIDERS_SSO_HPP
#define PERSONALIZE_EVENTS_DETAIL_PROVIDERS_SSO_HPP

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "personalize_events/credentials.hpp"
#include "personalize_events/detail/base/ascii.hpp"
#include "personalize_events/detail/base/time.hpp"
#include "personalize_events/detail/base/uri.hpp"
#include "personalize_events/detail/config/endpoint.hpp"
#include "personalize_events/detail/http/secret.hpp"
#include "personalize_events/detail/json/value.hpp"
#include "personalize_events/detail/json/writer.hpp"
#include "personalize_events/detail/providers/source.hpp"
#include "personalize_events/detail/providers/token_cache.hpp"
#include "personalize_events/detail/signing/crypto.hpp"
#include "personalize_events/detail/wire/response.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// A role of IAM Identity Center, as a profile names it.
struct SsoOptions {
  std::string session_name{};  ///< `sso_session`; empty for a profile that has no session.
  std::string start_url;       ///< `sso_start_url`. Names the token cache when there is no session.
  std::string region;          ///< `sso_region`.
  std::string account_id;      ///< `sso_account_id`.
  std::string role_name;       ///< `sso_role_name`.
  bool use_fips{false};        ///< FIPS endpoints of both services.
  bool use_dual_stack{false};  ///< Endpoints of IPv4 and IPv6.
  std::string endpoint_url{};  ///< Of the portal; empty: the region's.
  std::string oidc_endpoint_url{};  ///< Of the token service; empty: the region's.
};

namespace detail {

inline constexpr const char* kSsoTokenService = "SSO token service";
inline constexpr const char* kSsoPortal = "SSO portal";

/// Checks that the options name a role and a token cache.
[[nodiscard]] inline Result<void> check_sso(const SsoOptions& options) {
  const auto missing = [](const char* property) {
    return misconfigured_source(
        property,
        "missing; write it into the profile or its sso-session, or run aws configure sso");
  };
  if (options.session_name.empty() && options.start_url.empty()) return missing("sso_start_url");
  if (options.account_id.empty()) return missing("sso_account_id");
  if (options.role_name.empty()) return missing("sso_role_name");
  return {};
}

/// The file name of the token cache: SHA-1 of the session's name, or of the start URL.
[[nodiscard]] inline Result<std::string> sso_cache_name(const SsoOptions& options) {
  const std::string& key = options.session_name.empty() ? options.start_url : options.session_name;
  return detail::crypto::Sha1{}.digest(key).transform(
      [](const auto& digest) { return detail::crypto::to_hex(digest) + ".json"; });
}

/// The endpoint of one of the two services.
[[nodiscard]] inline Result<Endpoint> sso_endpoint(const SsoOptions& options, const char* prefix,
                                                   const std::string& endpoint_url) {
  Result<Endpoint> endpoint = resolve_service_endpoint(
      prefix, {options.region, endpoint_url, options.use_fips, options.use_dual_stack});
  if (!endpoint) {
    const Error& error = endpoint.error();
    return misconfigured_source(error.where == "region" ? "sso_region" : error.where,
                                error.message);
  }
  return endpoint;
}

/// A time of a token file: RFC 3339, or as older tools write it, with "UTC" or "+0000" at its end.
[[nodiscard]] inline std::optional<TimePoint> parse_token_time(std::string_view text) {
  if (text.size() < 5) return std::nullopt;
  std::string time{text};
  const std::size_t zone = time.size() - 5;
  if (text.substr(text.size() - 3) == "UTC") {
    time.replace(time.size() - 3, 3, "Z");
  } else if ((time[zone] == '+' || time[zone] == '-') && text.substr(zone).find(':') == text.npos) {
    time.insert(zone + 3, ":");
  }
  return parse_rfc3339(time);
}

/// The request for a new token. Errors: Credentials, when the cached token has no refresh token, or
/// the registration that it was got with has expired.
[[nodiscard]] inline Result<HttpRequest> sso_token_request(const SsoOptions& options,
                                                           const detail::json::Value& token,
                                                           TimePoint now) {
  for (const char* name : {"refreshToken", "clientId", "clientSecret", "registrationExpiresAt"}) {
    if (find_text(token, name) == nullptr) {
      return failed_source(kSsoTokenService,
                           "not asked, because " + std::string{name} + " is missing");
    }
  }
  const std::optional<TimePoint> registered_until =
      parse_token_time(text_of(token, "registrationExpiresAt"));
  if (!registered_until) {
    return failed_source(kSsoTokenService,
                         "not asked, because registrationExpiresAt is not a time");
  }
  if (*registered_until <= now) {
    return failed_source(kSsoTokenService,
                         "not asked, because the client registration has expired");
  }
  const Result<Endpoint> endpoint = sso_endpoint(options, "oidc", options.oidc_endpoint_url);
  if (!endpoint) return endpoint.error();

  HttpRequest request;
  request.method = "POST";
  request.url = endpoint->url + "/token";
  request.headers = {{"Host", endpoint->host}, {"Content-Type", "application/json"}};
  request.body.reserve(longest_text(token));
  detail::json::Writer writer(request.body);
  writer.begin_object();
  for (const char* name : {"clientId", "clientSecret", "grantType", "refreshToken"}) {
    const bool is_constant = std::string_view{name} == "grantType";
    writer.key(name);
    writer.string(is_constant ? "refresh_token" : text_of(token, name));
  }
  writer.end_object();
  if (!writer.good()) return failed_source(kSsoTokenService, "the request cannot be written");
  return request;
}

/// Puts the token of an answer into the cached one. Errors: Credentials; `token` is then unchanged.
[[nodiscard]] inline Result<void> take_sso_token(detail::json::Value& token,
                                                 const HttpResponse& response, TimePoint now) {
  if (response.status != 200) {
    return refused_by_source(kSsoTokenService, response, "the login may have been ended");
  }
  Result<detail::json::Value> answer = json_of(response.body, kSsoTokenService);
  if (!answer) return answer.error();
  const detail::WipedAtEnd<detail::json::Value> wipe{*answer};
  const std::string* access_token = find_text(*answer, "accessToken");
  const std::optional<std::chrono::seconds> lifetime = lifetime_of(*answer, "expiresIn");
  if (access_token == nullptr || !all_of(*access_token, is_visible)) {
    return failed_source(kSsoTokenService, "its answer has no usable accessToken");
  }
  if (!lifetime) return failed_source(kSsoTokenService, "its answer has no usable expiresIn");
  set_text(token, "accessToken", *access_token);
  set_text(token, "expiresAt", format_rfc3339(now + *lifetime));
  // An answer without one leaves the old one in force.
  if (const std::string* refresh_token = find_text(*answer, "refreshToken")) {
    set_text(token, "refreshToken", *refresh_token);
  }
  return {};
}

/// The request for the keys of the role.
[[nodiscard]] inline Result<HttpRequest> sso_role_request(const SsoOptions& options,
                                                          std::string_view access_token) {
  const Result<Endpoint> endpoint = sso_endpoint(options, "portal.sso", options.endpoint_url);
  if (!endpoint) return endpoint.error();
  HttpRequest request;
  request.method = "GET";
  request.url = endpoint->url + "/federation/credentials?role_name=";
  append_percent_encoded(request.url, options.role_name);
  request.url.append("&account_id=");
  append_percent_encoded(request.url, options.account_id);
  // Not in one list of both: its elements would be copied, and freed without being wiped.
  request.headers.reserve(2);
  request.headers.emplace_back("Host", endpoint->host);
  request.headers.emplace_back("x-amz-sso_bearer_token", access_token);
  return request;
}

/// The keys of the role, out of the portal's answer.
[[nodiscard]] inline Result<Credentials> read_sso_role(const SsoOptions& options,
                                                       const HttpResponse& response) {
  if (response.status == 401) {
    return refused_by_source(kSsoPortal, response, "the login has been ended; run aws sso login");
  }
  if (response.status == 403 || response.status == 404) {
    return refused_by_source(kSsoPortal, response,
                             "this login may not use that role in that account; choose "
                             "sso_account_id and sso_role_name with aws configure sso");
  }
  if (response.status != 200) {
    return refused_by_source(kSsoPortal, response,
                             "look at sso_account_id, sso_role_name and sso_region");
  }
  Result<detail::json::Value> answer = json_of(response.body, kSsoPortal);
  if (!answer) return answer.error();
  const detail::WipedAtEnd<detail::json::Value> wipe{*answer};
  const detail::json::Value* keys = answer->find("roleCredentials");
  if (keys == nullptr) {
    return failed_source(kSsoPortal, "its answer is unusable: roleCredentials is missing");
  }
  CredentialNames names;
  names.access_key_id = "accessKeyId";
  names.secret_access_key = "secretAccessKey";
  names.session_token = "sessionToken";
  names.expiration = "expiration";
  names.account_id = "accountId";
  names.expiration_unit = std::chrono::milliseconds{1};
  Result<Credentials> credentials = credentials_of(*keys, names, kSsoPortal);
  if (credentials) credentials->account_id = options.account_id;
  return credentials;
}

/// What TokenCache asks about a token of IAM Identity Center.
struct SsoLogin {
  static constexpr const char* kCommand = "aws sso login";

  const SsoOptions& options;
  const SourceContext& context;
  std::string path;

  [[nodiscard]] TimePoint now() const { return context.now(); }

  /// This machine's clock may be wrong, and no other service can say so of a token without the
  /// means to refresh it.
  [[nodiscard]] bool is_for_service(const detail::json::Value& token) const {
    Result<HttpRequest> refresh = sso_token_request(options, token, now());
    if (!refresh) return true;
    detail::wipe(*refresh);
    return false;
  }

  [[nodiscard]] Result<TimePoint> expiry(const detail::json::Value& token) const {
    const std::string* access_token = find_text(token, "accessToken");
    if (access_token == nullptr || !all_of(*access_token, is_visible)) {
      return unusable_token(path, "accessToken is missing or not plain ASCII", kCommand);
    }
    const std::string* expires_at = find_text(token, "expiresAt");
    if (expires_at == nullptr) return unusable_token(path, "expiresAt is missing", kCommand);
    const std::optional<TimePoint> expires = parse_token_time(*expires_at);
    if (!expires) return unusable_token(path, "expiresAt is not an RFC 3339 time", kCommand);
    return *expires;
  }

  [[nodiscard]] Result<void> refresh(detail::json::Value& token) const {
    Result<HttpRequest> request = sso_token_request(options, token, context.now());
    if (!request) return request.error();
    const detail::WipedAtEnd<HttpRequest> wipe_request{*request};
    Result<HttpResponse> response = ask_source(context, *request, kSsoTokenService);
    if (!response) return response.error();
    const detail::WipedAtEnd<HttpResponse> wipe_response{*response};
    return take_sso_token(token, *response, detail::wire::date_of(*response).value_or(now()));
  }
};

[[nodiscard]] inline Result<Credentials> ask_sso(const SsoOptions& options,
                                                 const SourceContext& context,
                                                 TokenCache<SsoLogin>& cache) {
  const Result<void> checked = check_sso(options);
  if (!checked) return checked.error();
  const Result<std::string> folder = token_folder(*context.platform, "sso");
  if (!folder) return folder.error();
  const Result<std::string> name = sso_cache_name(options);
  if (!name) return failed_source(*folder, name.error().message);
  const Result<Token> token = cache.get({options, context, *folder + *name});
  if (!token) return token.error();

  Result<HttpRequest> request = sso_role_request(options, text_of(token->tree, "accessToken"));
  if (!request) return request.error();
  const detail::WipedAtEnd<HttpRequest> wipe_request{*request};
  RequestRules rules;
  // AWS's published vectors ask the portal over plain http.
  rules.carries = Carries::Signature;
  Result<HttpResponse> response = ask_source(context, *request, kSsoPortal, rules);
  if (!response) return response.error();
  const detail::WipedAtEnd<HttpResponse> wipe_response{*response};
  if (response->status == 401 && token->expired) return *token->expired;
  return read_sso_role(options, *response);
}

/// The report of sso_credentials; `where` is what configures it.
[[nodiscard]] inline ProviderReport report_sso(Platform& platform, const SsoOptions& options,
                                               const std::string& where) {
  if (options.account_id.empty()) {
    return {ProviderReport::State::Wrong,
            "single sign-on without an account; add sso_account_id and sso_role_name", where};
  }
  const Result<std::string> folder = token_folder(platform, "sso");
  if (!folder) return report_of(folder.error());
  const Result<std::string> name = sso_cache_name(options);
  if (!name) return {ProviderReport::State::Wrong, name.error().message, name.error().where};
  if (auto checked = sso_endpoint(options, "portal.sso", options.endpoint_url); !checked) {
    return report_of(checked.error());
  }
  return report_token_cache(platform,
                            "single sign-on in " + options.region + ", as " + options.role_name +
                                " of account " + options.account_id +
                                plain_http_note(options.endpoint_url),
                            *folder + *name, where);
}

}  // namespace detail

/// A provider of the keys of a role of IAM Identity Center, for the person who ran `aws sso login`.
/// Reads `~/.aws/sso/cache`, refreshes the token there in its last five minutes if it can be, and
/// writes it back for the tools that share it.
///
/// @par Error Handling
/// Credentials that end a chain: no usable token ("run aws sso login", `where` is the file), a role
/// that this person may not use, or an answer that is none. Failures to connect, throttling and 5xx
/// are tried three times.
///
/// @par Thread Safety
/// Any thread; one at a time refreshes the token.
[[nodiscard]] inline CredentialsProvider sso_credentials(SsoOptions options,
                                                         ProviderContext context) {
  detail::SourceContext source{std::move(context)};
  auto cache = std::make_shared<detail::TokenCache<detail::SsoLogin>>(source.platform);
  return [options = std::move(options), source = std::move(source),
          cache = std::move(cache)](const CredentialsRequest& request) {
    return detail::ask_sso(options, source.until(request), *cache);
  };
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
