// SPDX-License-Identifier: Apache-2.0
//
// cognito_credentials: keys of an Amazon Cognito identity pool, for an application in strangers'
// hands, which must hold no key of its own. No default chain asks it: an application puts it into
// ClientOptions::credentials.
// Source: Amazon Cognito Federated Identities API Reference, GetId and GetCredentialsForIdentity
// (the enhanced flow).
#ifndef PERSONALIZE_EVENTS_DETAIL_PROVIDERS_COGNITO_HPP
#define PERSONALIZE_EVENTS_DETAIL_PROVIDERS_COGNITO_HPP

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "personalize_events/credentials.hpp"
#include "personalize_events/detail/base/ascii.hpp"
#include "personalize_events/detail/base/utf8.hpp"
#include "personalize_events/detail/config/endpoint.hpp"
#include "personalize_events/detail/http/secret.hpp"
#include "personalize_events/detail/json/value.hpp"
#include "personalize_events/detail/json/writer.hpp"
#include "personalize_events/detail/providers/source.hpp"
#include "personalize_events/detail/wire/response.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// Which identity pool to ask, and as whom.
struct CognitoOptions {
  /// Empty: that of the pool, with which its id begins.
  std::string region;
  /// "us-east-1:" and a UUID.
  std::string identity_pool_id;
  /// The user's tokens by the name of their issuer, "graph.facebook.com" for example. Empty: a
  /// guest, which the pool must allow. Secrets.
  std::map<std::string, std::string> logins{};
  /// Empty: the service's endpoint in the region. Plain http is for this machine only (tests).
  std::string endpoint_url{};
  /// The id that `on_identity_id` reported in an earlier run, "us-east-1:" and a UUID: the guest or
  /// user is then the same one. Empty: the service assigns one. It is no secret, but it identifies
  /// a person, and anyone who has it can act as that guest. An id that the service does not know is
  /// replaced by a new one.
  std::string identity_id{};
  /// Receives each identity id that the service assigns, to be stored for `identity_id`: without
  /// it every start of a guest is a new identity. Called on the thread that gets the credentials,
  /// also when the credentials are then refused. Must return soon and must not call the provider.
  std::function<void(const std::string& identity_id)> on_identity_id{};
  /// Returns the current `logins`, for tokens that expire. Called once each time credentials are
  /// fetched, with what is left of the call, and never twice at the same time; may block. Mutually
  /// exclusive with `logins`. The message of its Error must hold no secret.
  std::function<Result<std::map<std::string, std::string>>(const CredentialsRequest& request)>
      logins_provider{};
};

namespace detail {

inline constexpr const char* kCognitoSource = "Amazon Cognito";

using CognitoLogins = std::map<std::string, std::string>;

/// Whether a text is the id of an identity: a region, a colon, and hexadecimal digits and hyphens.
/// Source: Amazon Cognito Federated Identities API Reference, GetCredentialsForIdentity.
[[nodiscard]] inline bool is_cognito_identity(std::string_view id) noexcept {
  const std::size_t colon = (std::min)(id.find(':'), id.size());
  const auto in_region = [](char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '-'; };
  const auto in_number = [](char c) { return is_hex_digit(c) || c == '-'; };
  return colon > 0 && colon + 1 < id.size() && id.size() <= 55 &&
         all_of(id.substr(0, colon), in_region) && all_of(id.substr(colon + 1), in_number);
}

/// The region of a pool: the part of its id before the colon. Errors: Credentials, `where` names
/// the member of CognitoOptions.
[[nodiscard]] inline Result<std::string> cognito_region(const CognitoOptions& options) {
  const std::string_view id = options.identity_pool_id;
  const std::size_t colon = id.find(':');
  const auto allowed = [](char c) { return is_hex_digit(c) || c == '-'; };
  const bool is_id = colon != std::string_view::npos && id.size() <= 55 && colon + 1 < id.size() &&
                     check_region(id.substr(0, colon)).has_value() &&
                     all_of(id.substr(colon + 1), allowed);
  if (!is_id) {
    return misconfigured_source("CognitoOptions::identity_pool_id",
                                "not the id of an identity pool; it is a region, a colon and a "
                                "UUID, and not the id of a user pool");
  }
  std::string region{id.substr(0, colon)};
  if (options.region.empty() || options.region == region) return region;
  return misconfigured_source("CognitoOptions::region",
                              "not the region of the identity pool, which is in " + region +
                                  "; leave it empty or give that one");
}

/// Where to send the requests. Errors: Credentials, `where` names the member of CognitoOptions.
[[nodiscard]] inline Result<Endpoint> cognito_endpoint(const CognitoOptions& options) {
  const Result<std::string> region = cognito_region(options);
  if (!region) return region.error();
  Result<Endpoint> endpoint =
      resolve_service_endpoint("cognito-identity", {*region, options.endpoint_url});
  constexpr const char* where = "CognitoOptions::endpoint_url";
  if (!endpoint) return misconfigured_source(where, endpoint.error().message);
  return endpoint;
}

/// Why these options cannot be used; none if they can. Errors: Credentials, `where` names the
/// member of CognitoOptions.
[[nodiscard]] inline std::optional<Error> find_cognito_flaw(const CognitoOptions& options) {
  if (!options.identity_id.empty() && !is_cognito_identity(options.identity_id)) {
    return misconfigured_source("CognitoOptions::identity_id",
                                "not the id of an identity; give what on_identity_id reported, or "
                                "leave it empty for a new identity");
  }
  if (options.logins_provider && !options.logins.empty()) {
    return misconfigured_source("CognitoOptions::logins_provider",
                                "logins and logins_provider are mutually exclusive; remove one");
  }
  return std::nullopt;
}

/// Why these logins cannot be sent; none if they can. Errors: Credentials, `where` is `member`.
[[nodiscard]] inline std::optional<Error> find_logins_flaw(const CognitoLogins& logins,
                                                           const char* member) {
  for (const auto& [issuer, token] : logins) {
    if (issuer.empty() || token.empty() || !is_utf8(issuer) || !is_utf8(token)) {
      return misconfigured_source(member,
                                  "the name of an issuer or its token is empty or not UTF-8");
    }
  }
  return std::nullopt;
}

/// The Error of a `logins_provider` that failed with `cause`.
[[nodiscard]] inline Error failed_logins_provider(const Error& cause) {
  Error error = failed_source("CognitoOptions::logins_provider", "failed: " + cause.message);
  error.retryable = cause.retryable;
  error.http_status = cause.http_status;
  error.request_id = cause.request_id;
  return error;
}

/// The request of one operation: `subject` is the member that it is about. Pure. The caller wipes
/// it. Errors: Credentials.
[[nodiscard]] inline Result<HttpRequest> cognito_request(const Endpoint& endpoint,
                                                         const std::string& operation,
                                                         std::string_view subject,
                                                         std::string_view subject_id,
                                                         const CognitoLogins& logins) {
  HttpRequest request{"POST", endpoint.url + "/"};
  request.headers = {{"Host", endpoint.host},
                     {"Accept", "application/json"},
                     {"Content-Type", "application/x-amz-json-1.1"},
                     {"X-Amz-Target", "AWSCognitoIdentityService." + operation}};
  request.direct = endpoint.scheme == "http";  // no proxy may read what is not encrypted

  // JSON may write one byte as six, and growing would leave copies of a token behind.
  std::size_t longest = 6 * subject_id.size() + 128;
  for (const auto& [issuer, token] : logins) longest += 6 * (issuer.size() + token.size()) + 8;
  request.body.reserve(longest);
  detail::json::Writer writer{request.body};
  writer.begin_object();
  writer.key(subject);
  writer.string(subject_id);
  if (!logins.empty()) {
    writer.key("Logins");
    writer.begin_object();
    for (const auto& [issuer, token] : logins) {
      writer.key(issuer);
      writer.string(token);
    }
    writer.end_object();
  }
  writer.end_object();
  if (writer.good()) return request;
  detail::wipe(request);
  return misconfigured_source("CognitoOptions", "cannot be written as JSON");
}

/// What to do about a refusal; null for a code that is not one of the two operations'.
[[nodiscard]] inline const char* cognito_hint(std::string_view code) {
  struct Hint {
    const char* code;
    const char* hint;
  };
  constexpr const char* later = "try again later";
  static constexpr Hint hints[] = {
      {"NotAuthorizedException",
       "the pool takes no guests, a login has expired or is of an issuer that the pool does not "
       "know, or CognitoOptions::identity_id is the identity of another user"},
      {"ResourceNotFoundException", "check CognitoOptions::identity_pool_id"},
      {"InvalidIdentityPoolConfigurationException",
       "give the identity pool a role for guests and one for users who are logged in"},
      {"InvalidParameterException", "check the names of the issuers in CognitoOptions::logins"},
      {"ResourceConflictException", "a login is linked to another identity already"},
      {"LimitExceededException", "the pool is full; ask AWS to raise its limit"},
      {"TooManyRequestsException", later},
      {"ThrottlingException", later},
      {"ExternalServiceException", later},
      {"InternalErrorException", later},
  };
  for (const Hint& known : hints) {
    if (code == known.code) return known.hint;
  }
  return nullptr;
}

/// The code of a refusal by the service; empty when there is none.
[[nodiscard]] inline std::string cognito_code(const HttpResponse& response) {
  const std::optional<Error> error =
      detail::wire::error_of(response, detail::wire::Connection::Trusted);
  return error && error->kind == ErrorKind::Service ? error->code : std::string{};
}

/// Whether a refusal passes, whatever its status is.
[[nodiscard]] inline bool is_passing_cognito_answer(const HttpResponse& response) {
  const std::string code = cognito_code(response);
  return code == "TooManyRequestsException" || code == "ThrottlingException" ||
         code == "ExternalServiceException" || code == "InternalErrorException";
}

/// The Error of an answer other than 200. Its message names the service's code when it is a known
/// one, and never the service's own words.
[[nodiscard]] inline Error refused_by_cognito(const HttpResponse& response) {
  const std::string code = cognito_code(response);
  const char* known = cognito_hint(code);
  Error error = refused_by_source(kCognitoSource, response,
                                  known == nullptr ? "check CognitoOptions" : code + ": " + known);
  error.retryable = error.retryable || is_passing_cognito_answer(response);
  return error;
}

/// The identity in a response to GetId. Pure. Errors: Credentials.
[[nodiscard]] inline Result<std::string> identity_of_cognito(const HttpResponse& response) {
  if (response.status != 200) return refused_by_cognito(response);
  const Result<detail::json::Value> answer = json_of(response.body, kCognitoSource);
  if (!answer) return answer.error();
  const std::string* identity = answer->find_string("IdentityId");
  if (identity != nullptr && is_cognito_identity(*identity)) return *identity;
  return failed_source(kCognitoSource, "its answer is unusable: IdentityId is missing or no id");
}

/// What GetCredentialsForIdentity returns.
struct CognitoCredentials {
  Credentials credentials;
  /// Not the one of the request if the service merged two; empty if there is none.
  std::string identity_id{};
};

/// The keys in a response to GetCredentialsForIdentity. Pure. Errors: Credentials.
[[nodiscard]] inline Result<CognitoCredentials> credentials_of_cognito(
    const HttpResponse& response) {
  if (response.status != 200) return refused_by_cognito(response);
  Result<detail::json::Value> answer = json_of(response.body, kCognitoSource);
  if (!answer) return std::move(answer).error();
  const detail::WipedAtEnd wipe{*answer};
  const detail::json::Value* keys = answer->find("Credentials");
  if (keys == nullptr) {
    return failed_source(kCognitoSource, "its answer is unusable: Credentials is missing");
  }
  CredentialNames names;
  names.secret_access_key = "SecretKey";
  names.session_token = "SessionToken";
  Result<Credentials> credentials = credentials_of(*keys, names, kCognitoSource);
  if (!credentials) return std::move(credentials).error();
  const std::string* identity = answer->find_string("IdentityId");
  const bool is_sound = identity != nullptr && is_cognito_identity(*identity);
  return CognitoCredentials{*std::move(credentials), is_sound ? *identity : std::string{}};
}

/// Asks for an identity if it has none, and for its keys each time. One thread at a time.
class CognitoSource {
 public:
  CognitoSource(CognitoOptions options, SourceContext context)
      : options_(std::move(options)),
        context_(std::move(context)),
        identity_(options_.identity_id) {}
  CognitoSource(const CognitoSource&) = delete;
  CognitoSource& operator=(const CognitoSource&) = delete;
  ~CognitoSource() { detail::wipe(options_.logins); }

  [[nodiscard]] Result<Credentials> get(const CredentialsRequest& request) {
    const SourceContext context = context_.until(request);
    const std::lock_guard<std::mutex> lock{mutex_};
    if (auto flaw = find_cognito_flaw(options_)) return *std::move(flaw);
    const Result<Endpoint> endpoint = cognito_endpoint(options_);
    if (!endpoint) return endpoint.error();
    if (!options_.logins_provider) {
      return get_with({context, *endpoint, options_.logins}, "CognitoOptions::logins");
    }
    Result<CognitoLogins> logins = options_.logins_provider(context.remaining());
    if (!logins) return failed_logins_provider(logins.error());
    const detail::WipedAtEnd wipe{*logins};
    return get_with({context, *endpoint, *logins}, "CognitoOptions::logins_provider");
  }

 private:
  /// What the requests of one fetch have in common.
  struct Fetch {
    const SourceContext& context;
    const Endpoint& endpoint;
    const CognitoLogins& logins;
  };

  /// `member` of CognitoOptions supplied the logins.
  [[nodiscard]] Result<Credentials> get_with(const Fetch& fetch, const char* member) {
    if (auto flaw = find_logins_flaw(fetch.logins, member)) return *std::move(flaw);
    const bool had_identity = !identity_.empty();
    Result<Credentials> credentials = ask_for_credentials(fetch);
    const bool was_unknown = had_identity && identity_.empty();
    // The identity was deleted from the pool, and another can be had.
    return was_unknown ? ask_for_credentials(fetch) : credentials;
  }

  /// Forgets the identity if the service does not know it.
  [[nodiscard]] Result<Credentials> ask_for_credentials(const Fetch& fetch) {
    if (identity_.empty()) {
      Result<std::string> identity = ask_for_identity(fetch);
      if (!identity) return std::move(identity).error();
      keep(*std::move(identity));
    }
    Result<HttpResponse> response =
        ask(fetch, "GetCredentialsForIdentity", "IdentityId", identity_);
    if (!response) return std::move(response).error();
    const detail::WipedAtEnd wipe{*response};
    if (cognito_code(*response) == "ResourceNotFoundException") identity_.clear();
    Result<CognitoCredentials> answer = credentials_of_cognito(*response);
    if (!answer) return std::move(answer).error();
    const bool is_other = !answer->identity_id.empty() && answer->identity_id != identity_;
    if (is_other) keep(std::move(answer->identity_id));
    return std::move(answer->credentials);
  }

  [[nodiscard]] Result<std::string> ask_for_identity(const Fetch& fetch) const {
    const Result<HttpResponse> response =
        ask(fetch, "GetId", "IdentityPoolId", options_.identity_pool_id);
    if (!response) return response.error();
    return identity_of_cognito(*response);
  }

  void keep(std::string identity) {
    identity_ = std::move(identity);
    if (options_.on_identity_id) options_.on_identity_id(identity_);
  }

  [[nodiscard]] static Result<HttpResponse> ask(const Fetch& fetch, const char* operation,
                                                const char* subject,
                                                const std::string& subject_id) {
    Result<HttpRequest> request =
        cognito_request(fetch.endpoint, operation, subject, subject_id, fetch.logins);
    if (!request) return std::move(request).error();
    const detail::WipedAtEnd wipe{*request};
    RequestRules rules;
    rules.is_passing = is_passing_cognito_answer;
    rules.endpoint_setting = "CognitoOptions::endpoint_url";
    return ask_source(fetch.context, *request, kCognitoSource, rules);
  }

  CognitoOptions options_;
  SourceContext context_;
  std::mutex mutex_{};
  std::string identity_;
};

}  // namespace detail

/// A provider that asks an identity pool for an identity, unless `identity_id` names one, and for
/// temporary keys each time it is called. If the service does not know the identity, the provider
/// asks once for a new one.
///
/// @par Thread Safety
/// Any thread; calls at the same time take turns, the functions of the options included.
///
/// @par Error Handling
/// Credentials: an option that is not allowed or a `logins_provider` that failed (`where` names the
/// member), no response, or a refusal (`where` is "Amazon Cognito", `http_status` is set, `message`
/// has the service's code and what to correct). Failures that may pass are tried again within the
/// call, at most three times a request. Tokens of `logins` that have expired need a new provider;
/// those of a `logins_provider` do not.
[[nodiscard]] inline CredentialsProvider cognito_credentials(CognitoOptions options,
                                                             ProviderContext context) {
  auto source = std::make_shared<detail::CognitoSource>(std::move(options),
                                                        detail::SourceContext{std::move(context)});
  return [source](const CredentialsRequest& request) { return source->get(request); };
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
