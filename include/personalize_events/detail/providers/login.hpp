// SPDX-License-Identifier: Apache-2.0
//
// login_credentials: keys of a person who ran `aws login` (AWS Sign-In). Profiles with
// login_session lead to it. Each refresh proves by a signature that it holds the login's key
// (DPoP). Source: AWS SDKs and Tools Reference Guide, "Login credentials provider"; AWS Sign-In API
// Reference, CreateOAuth2Token; RFC 9449.
#ifndef PERSONALIZE_EVENTS_DETAIL_PROVIDERS_LOGIN_HPP
#define PERSONALIZE_EVENTS_DETAIL_PROVIDERS_LOGIN_HPP

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "personalize_events/credentials.hpp"
#include "personalize_events/detail/base/ascii.hpp"
#include "personalize_events/detail/base/time.hpp"
#include "personalize_events/detail/base/uuid.hpp"
#include "personalize_events/detail/config/endpoint.hpp"
#include "personalize_events/detail/config/profile_file.hpp"
#include "personalize_events/detail/http/secret.hpp"
#include "personalize_events/detail/json/value.hpp"
#include "personalize_events/detail/json/writer.hpp"
#include "personalize_events/detail/platform/path_style.hpp"
#include "personalize_events/detail/providers/dpop.hpp"
#include "personalize_events/detail/providers/source.hpp"
#include "personalize_events/detail/providers/token_cache.hpp"
#include "personalize_events/detail/signing/crypto.hpp"
#include "personalize_events/detail/signing/es256.hpp"
#include "personalize_events/detail/wire/response.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// A login, as a profile names it.
struct LoginOptions {
  std::string login_session;  ///< `login_session`, an ARN. Names the token cache.
  /// Where a refresh is asked for; empty: AWS_REGION, AWS_DEFAULT_REGION.
  std::string region{};
};

namespace detail {

inline constexpr const char* kSignIn = "AWS Sign-In";

/// The file of the token cache: SHA-256 of the session, in AWS_LOGIN_CACHE_DIRECTORY or the home
/// folder's `.aws/login/cache`.
[[nodiscard]] inline Result<std::string> login_cache_path(Platform& platform,
                                                          const std::string& login_session,
                                                          PathStyle style = kNativePathStyle) {
  const Result<detail::crypto::Digest> digest = detail::crypto::Sha256{}.digest(login_session);
  if (!digest) return failed_source(kSignIn, digest.error().message);
  const std::string name = detail::crypto::to_hex(*digest) + ".json";
  const std::string given = platform.environment("AWS_LOGIN_CACHE_DIRECTORY").value_or("");
  if (!trim(given).empty()) {
    return expand_home(given, find_home(platform, style), style) +
           (style == PathStyle::Windows ? "\\" : "/") + name;
  }
  return token_folder(platform, "login", style).transform([&name](const std::string& folder) {
    return folder + name;
  });
}

/// The endpoint of AWS Sign-In, which has names of its own in the oldest partitions. Errors:
/// Credentials, `where` is "region".
[[nodiscard]] inline Result<Endpoint> sign_in_endpoint(const std::string& region) {
  const auto misconfigured = [](const Error& error) {
    return misconfigured_source(error.where, error.message);
  };
  const std::string_view partition = find_partition(region).id;
  const char* suffix = partition == "aws"          ? ".signin.aws.amazon.com"
                       : partition == "aws-cn"     ? ".signin.amazonaws.cn"
                       : partition == "aws-us-gov" ? ".signin.amazonaws-us-gov.com"
                                                   : nullptr;
  if (suffix == nullptr || region.empty()) {
    return resolve_service_endpoint("signin", {region}).transform_error(misconfigured);
  }
  const Result<void> checked = check_region(region);
  if (!checked) return misconfigured(checked.error());
  return parse_endpoint_url("https://" + region + suffix).transform_error(misconfigured);
}

/// The request for new keys. Errors: Credentials, when the cached token has not all that it needs.
[[nodiscard]] inline Result<HttpRequest> login_token_request(const detail::json::Value& token,
                                                             const std::string& region,
                                                             TimePoint now, std::string_view id) {
  for (const char* name : {"clientId", "refreshToken", "dpopKey"}) {
    if (find_text(token, name) == nullptr) {
      return failed_source(kSignIn, "not asked, because " + std::string{name} + " is missing");
    }
  }
  const Result<detail::crypto::Es256Key> key =
      detail::crypto::Es256Key::from_pem(text_of(token, "dpopKey"));
  if (!key)
    return failed_source(kSignIn,
                         "not asked, because dpopKey is not a private key of P-256 in PEM");
  const Result<Endpoint> endpoint = sign_in_endpoint(region);
  if (!endpoint) return endpoint.error();

  HttpRequest request;
  request.method = "POST";
  request.url = endpoint->url + "/v1/token";
  const Result<std::string> proof = dpop_proof(*key, request.method, request.url, now, id);
  if (!proof) return failed_source(kSignIn, proof.error().message);
  request.headers = {
      {"Host", endpoint->host}, {"Content-Type", "application/json"}, {"DPoP", *proof}};
  request.body.reserve(longest_text(token));
  detail::json::Writer writer(request.body);
  writer.begin_object();
  writer.key("clientId");
  writer.string(text_of(token, "clientId"));
  writer.key("grantType");
  writer.string("refresh_token");
  writer.key("refreshToken");
  writer.string(text_of(token, "refreshToken"));
  writer.end_object();
  if (!writer.good()) return failed_source(kSignIn, "the request cannot be written");
  return request;
}

/// What to do about a refusal.
[[nodiscard]] inline const char* login_hint(const HttpResponse& response) {
  Result<detail::json::Value> answer = detail::json::parse(response.body);
  if (!answer) return "the login may have been ended";
  const detail::WipedAtEnd<detail::json::Value> wipe{*answer};
  const std::string* code = answer->find_string("error");
  if (code == nullptr) return "the login may have been ended";
  if (*code == "TOKEN_EXPIRED") return "the login has ended";
  if (*code == "USER_CREDENTIALS_CHANGED") return "the password has been changed since the login";
  if (*code == "INSUFFICIENT_PERMISSIONS") {
    return "this principal may not refresh; allow it signin:CreateOAuth2Token";
  }
  return "the login may have been ended";
}

/// The names of the keys in the token cache.
[[nodiscard]] inline CredentialNames login_names() {
  CredentialNames names;
  names.access_key_id = "accessKeyId";
  names.secret_access_key = "secretAccessKey";
  names.session_token = "sessionToken";
  names.expiration = "expiresAt";
  names.account_id = "accountId";
  return names;
}

/// Puts the keys of an answer into the cached token. Errors: Credentials; `token` is then
/// unchanged.
[[nodiscard]] inline Result<void> take_login_token(detail::json::Value& token,
                                                   const HttpResponse& response, TimePoint now) {
  if (response.status != 200) return refused_by_source(kSignIn, response, login_hint(response));
  Result<detail::json::Value> answer = json_of(response.body, kSignIn);
  if (!answer) return answer.error();
  const detail::WipedAtEnd<detail::json::Value> wipe{*answer};
  const detail::json::Value* given = answer->find("accessToken");
  if (given == nullptr) return failed_source(kSignIn, "its answer has no accessToken");
  CredentialNames names = login_names();
  names.needs_expiration = false;
  const Result<Credentials> keys = credentials_of(*given, names, kSignIn);
  if (!keys) return keys.error();
  const std::optional<std::chrono::seconds> lifetime = lifetime_of(*answer, "expiresIn");
  if (!lifetime) return failed_source(kSignIn, "its answer has no usable expiresIn");
  const std::string* refresh_token = find_text(*answer, "refreshToken");
  if (refresh_token == nullptr) return failed_source(kSignIn, "its answer has no refreshToken");

  for (auto& [name, member] : token.members) {
    if (name != "accessToken") continue;
    set_text(member, "accessKeyId", keys->access_key_id);
    set_text(member, "secretAccessKey", keys->secret_access_key);
    set_text(member, "sessionToken", keys->session_token);
    set_text(member, "expiresAt", format_rfc3339(now + *lifetime));
    break;
  }
  set_text(token, "refreshToken", *refresh_token);
  return {};
}

/// What TokenCache asks about a token of AWS Sign-In.
struct SignInLogin {
  static constexpr const char* kCommand = "aws login";

  const LoginOptions& options;
  const SourceContext& context;
  std::string path;

  [[nodiscard]] Result<Credentials> credentials(const detail::json::Value& token) const {
    const detail::json::Value* keys = token.find("accessToken");
    if (keys == nullptr) return unusable_token(path, "accessToken is missing", kCommand);
    return credentials_of(*keys, login_names(), path).transform_error([this](const Error& error) {
      return unusable_token(path, error.message, kCommand);
    });
  }

  [[nodiscard]] TimePoint now() const { return context.now(); }

  /// Its keys are not for a service that could say how to renew them.
  [[nodiscard]] static bool is_for_service(const detail::json::Value&) { return false; }

  [[nodiscard]] Result<TimePoint> expiry(const detail::json::Value& token) const {
    return credentials(token).transform(
        [](const Credentials& credentials) { return *credentials.expiration; });
  }

  /// A proof serves one request, so each try has its own.
  [[nodiscard]] Result<void> refresh(detail::json::Value& token) const {
    const RequestRules rules;
    for (int tries = 1;; ++tries) {
      Result<HttpRequest> request = login_token_request(token, region(), context.now(), new_id());
      if (!request) return request.error();
      const detail::WipedAtEnd<HttpRequest> wipe_request{*request};
      Result<HttpResponse> response = ask_source(context, *request, kSignIn, {1});
      if (tries < rules.most_tries && may_answer_later(response, rules) &&
          pause_before_next_try(context, tries)) {
        continue;
      }
      if (!response) return response.error();
      const detail::WipedAtEnd<HttpResponse> wipe_response{*response};
      return take_login_token(token, *response, detail::wire::date_of(*response).value_or(now()));
    }
  }

 private:
  [[nodiscard]] std::string region() const {
    if (!options.region.empty()) return options.region;
    for (const char* variable : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
      const std::string region = context.platform->environment(variable).value_or("");
      if (!trim(region).empty()) return std::string{trim(region)};
    }
    return {};
  }

  [[nodiscard]] std::string new_id() const {
    UuidBytes random{};
    context.platform->random_bytes(random.data(), random.size());
    return format_uuid_v4(random);
  }
};

[[nodiscard]] inline Result<Credentials> ask_login(const LoginOptions& options,
                                                   const SourceContext& context,
                                                   TokenCache<SignInLogin>& cache) {
  if (options.login_session.empty()) {
    return misconfigured_source("login_session", "empty; run aws login");
  }
  Result<std::string> path = login_cache_path(*context.platform, options.login_session);
  if (!path) return path.error();
  const SignInLogin login{options, context, *std::move(path)};
  const Result<Token> token = cache.get(login);
  if (!token) return token.error();
  return login.credentials(token->tree);
}

/// The report of login_credentials; `where` is what configures it.
[[nodiscard]] inline ProviderReport report_login(Platform& platform, const LoginOptions& options,
                                                 const std::string& where) {
  const Result<std::string> path = login_cache_path(platform, options.login_session);
  if (!path) return report_of(path.error());
  return report_token_cache(platform, "AWS Sign-In", *path, where);
}

}  // namespace detail

/// A provider of the keys of a person who ran `aws login`. Reads `~/.aws/login/cache`, or the
/// folder that AWS_LOGIN_CACHE_DIRECTORY names, refreshes the keys there in their last five minutes
/// and writes them back for the tools that share them.
///
/// @par Error Handling
/// Credentials that end a chain: no usable token ("run aws login", `where` is the file), or one
/// that has expired and was not refreshed. Failures to connect, throttling and 5xx are tried three
/// times.
///
/// @par Thread Safety
/// Any thread; one at a time refreshes the keys.
[[nodiscard]] inline CredentialsProvider login_credentials(LoginOptions options,
                                                           ProviderContext context) {
  detail::SourceContext source{std::move(context)};
  if (options.region.empty()) options.region = source.region;
  auto cache = std::make_shared<detail::TokenCache<detail::SignInLogin>>(source.platform);
  return [options = std::move(options), source = std::move(source),
          cache = std::move(cache)](const CredentialsRequest& request) {
    return detail::ask_login(options, source.until(request), *cache);
  };
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
