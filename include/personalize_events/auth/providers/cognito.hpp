// SPDX-License-Identifier: Apache-2.0
//
// cognito_credentials: keys of an Amazon Cognito identity pool, for an application in strangers'
// hands, which must hold no key of its own. No default chain asks it: an application puts it into
// ClientOptions::credentials.
// Source: Amazon Cognito Federated Identities API Reference, GetId and GetCredentialsForIdentity
// (the enhanced flow).
#ifndef PERSONALIZE_EVENTS_AUTH_PROVIDERS_COGNITO_HPP
#define PERSONALIZE_EVENTS_AUTH_PROVIDERS_COGNITO_HPP

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "personalize_events/auth/credentials.hpp"
#include "personalize_events/auth/providers/source.hpp"
#include "personalize_events/auth/secret.hpp"
#include "personalize_events/config/endpoint.hpp"
#include "personalize_events/detail/ascii.hpp"
#include "personalize_events/detail/utf8.hpp"
#include "personalize_events/http/message.hpp"
#include "personalize_events/http/transport.hpp"
#include "personalize_events/json/value.hpp"
#include "personalize_events/json/writer.hpp"
#include "personalize_events/platform/platform.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/wire/response.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// Which identity pool to ask, and as whom.
struct CognitoOptions {
  /// Empty: that of the pool, with which its id begins.
  std::string region;
  /// "us-east-1:" and a UUID.
  std::string identity_pool_id;
  /// The user's tokens by the name of who issued them, "graph.facebook.com" for example. Empty: a
  /// guest, which the pool must allow. Secrets.
  std::map<std::string, std::string> logins{};
  /// Empty: the service's endpoint in the region. Plain http is for this machine only (tests).
  std::string endpoint_url{};
};

namespace detail {

inline constexpr const char* kCognitoSource = "Amazon Cognito";

/// The region of a pool, which stands before the colon of its id. Errors: Credentials, `where`
/// names the member of CognitoOptions.
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

[[nodiscard]] inline Result<Endpoint> cognito_endpoint(const CognitoOptions& options) {
  const Result<std::string> region = cognito_region(options);
  if (!region) return region.error();
  Result<Endpoint> endpoint =
      resolve_service_endpoint("cognito-identity", {*region, options.endpoint_url});
  constexpr const char* where = "CognitoOptions::endpoint_url";
  if (!endpoint) return misconfigured_source(where, endpoint.error().message);
  return endpoint;
}

/// The request of one operation: `subject` is the member that it is about. Pure. The caller wipes
/// it. Errors: Credentials, `where` names the member of CognitoOptions.
[[nodiscard]] inline Result<HttpRequest> cognito_request(const CognitoOptions& options,
                                                         const std::string& operation,
                                                         std::string_view subject,
                                                         std::string_view subject_id) {
  const Result<Endpoint> endpoint = cognito_endpoint(options);
  if (!endpoint) return endpoint.error();
  HttpRequest request{"POST", endpoint->url + "/"};
  request.headers = {{"Host", endpoint->host},
                     {"Accept", "application/json"},
                     {"Content-Type", "application/x-amz-json-1.1"},
                     {"X-Amz-Target", "AWSCognitoIdentityService." + operation}};
  request.direct = endpoint->scheme == "http";  // no proxy may read what is not encrypted

  // JSON may write one byte as six, and growing would leave copies of a token behind.
  std::size_t longest = 6 * subject_id.size() + 128;
  for (const auto& [issuer, token] : options.logins) {
    longest += 6 * (issuer.size() + token.size()) + 8;
  }
  request.body.reserve(longest);
  json::Writer writer{request.body};
  writer.begin_object();
  writer.key(subject);
  writer.string(subject_id);
  if (!options.logins.empty()) {
    writer.key("Logins");
    writer.begin_object();
    for (const auto& [issuer, token] : options.logins) {
      const bool is_sound = !issuer.empty() && !token.empty() && is_utf8(issuer) && is_utf8(token);
      if (!is_sound) {
        crypto::cleanse(request);
        return misconfigured_source("CognitoOptions::logins",
                                    "the name of an issuer or its token is empty or no UTF-8");
      }
      writer.key(issuer);
      writer.string(token);
    }
    writer.end_object();
  }
  writer.end_object();
  if (writer.good()) return request;
  crypto::cleanse(request);
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
       "the pool takes no guests, or a token of CognitoOptions::logins has expired or is of an "
       "issuer that the pool does not know"},
      {"ResourceNotFoundException", "check CognitoOptions::identity_pool_id"},
      {"InvalidIdentityPoolConfigurationException",
       "give the identity pool a role for guests and one for users who are logged in"},
      {"InvalidParameterException", "check the issuers' names in CognitoOptions::logins"},
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
  const std::optional<Error> error = wire::error_of(response, wire::Connection::Trusted);
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

/// The identity of an answer of GetId. Pure. Errors: Credentials.
[[nodiscard]] inline Result<std::string> identity_of_cognito(const HttpResponse& response) {
  if (response.status != 200) return refused_by_cognito(response);
  const Result<json::Value> answer = json_of(response.body, kCognitoSource);
  if (!answer) return answer.error();
  const std::string* identity = answer->find_string("IdentityId");
  const bool is_sound = identity != nullptr && !identity->empty() && identity->size() <= 55 &&
                        all_of(*identity, is_visible);
  if (is_sound) return *identity;
  return failed_source(kCognitoSource, "its answer is unusable: IdentityId is missing or no id");
}

/// The keys of an answer of GetCredentialsForIdentity. Pure. Errors: Credentials.
[[nodiscard]] inline Result<Credentials> credentials_of_cognito(const HttpResponse& response) {
  if (response.status != 200) return refused_by_cognito(response);
  Result<json::Value> answer = json_of(response.body, kCognitoSource);
  if (!answer) return std::move(answer).error();
  const crypto::WipeAtEnd wipe{*answer};
  const json::Value* credentials = answer->find("Credentials");
  if (credentials == nullptr) {
    return failed_source(kCognitoSource, "its answer is unusable: Credentials is missing");
  }
  CredentialNames names;
  names.secret_access_key = "SecretKey";
  names.session_token = "SessionToken";
  return credentials_of(*credentials, names, kCognitoSource);
}

/// Asks for an identity once, and for its keys each time. One thread at a time.
class CognitoSource {
 public:
  CognitoSource(CognitoOptions options, SourceContext context)
      : options_(std::move(options)), context_(std::move(context)) {}
  CognitoSource(const CognitoSource&) = delete;
  CognitoSource& operator=(const CognitoSource&) = delete;
  ~CognitoSource() {
    for (auto& [issuer, token] : options_.logins) crypto::cleanse(token);
  }

  [[nodiscard]] Result<Credentials> get(const CredentialsRequest& request) {
    const SourceContext context = context_.until(request);
    const std::lock_guard<std::mutex> lock{mutex_};
    const bool had_identity = !identity_.empty();
    Result<Credentials> credentials = ask_for_credentials(context);
    const bool was_unknown = had_identity && identity_.empty();
    // The identity was deleted from the pool, and another can be had.
    return was_unknown ? ask_for_credentials(context) : credentials;
  }

 private:
  /// Forgets the identity if the service does not know it.
  [[nodiscard]] Result<Credentials> ask_for_credentials(const SourceContext& context) {
    if (identity_.empty()) {
      Result<std::string> identity = ask_for_identity(context);
      if (!identity) return std::move(identity).error();
      identity_ = *std::move(identity);
    }
    Result<HttpResponse> response =
        ask(context, "GetCredentialsForIdentity", "IdentityId", identity_);
    if (!response) return std::move(response).error();
    const crypto::WipeAtEnd wipe{*response};
    if (cognito_code(*response) == "ResourceNotFoundException") identity_.clear();
    return credentials_of_cognito(*response);
  }

  [[nodiscard]] Result<std::string> ask_for_identity(const SourceContext& context) const {
    const Result<HttpResponse> response =
        ask(context, "GetId", "IdentityPoolId", options_.identity_pool_id);
    if (!response) return response.error();
    return identity_of_cognito(*response);
  }

  [[nodiscard]] Result<HttpResponse> ask(const SourceContext& context, const char* operation,
                                         const char* subject, const std::string& subject_id) const {
    Result<HttpRequest> request = cognito_request(options_, operation, subject, subject_id);
    if (!request) return std::move(request).error();
    const crypto::WipeAtEnd wipe{*request};
    RequestRules rules;
    rules.is_passing = is_passing_cognito_answer;
    rules.endpoint_setting = "CognitoOptions::endpoint_url";
    return ask_source(context, *request, kCognitoSource, rules);
  }

  CognitoOptions options_;
  SourceContext context_;
  std::mutex mutex_{};
  std::string identity_{};
};

}  // namespace detail

/// A provider that asks an identity pool for an identity once, and for its keys each time it is
/// called. An identity that the pool no longer knows is asked for anew.
///
/// @par Thread Safety
/// Any thread; calls at the same time take turns.
///
/// @par Error Handling
/// Credentials: an option that is not allowed (`where` names it), no answer, or a refusal (`where`
/// is "Amazon Cognito", `http_status` is set, `message` has the service's code and what to mend).
/// Failures that may pass are tried again within the call, at most three times a request. A token
/// that has expired needs a new provider.
[[nodiscard]] inline CredentialsProvider cognito_credentials(CognitoOptions options,
                                                             ProviderContext context) {
  auto source = std::make_shared<detail::CognitoSource>(std::move(options),
                                                        detail::SourceContext{std::move(context)});
  return [source](const CredentialsRequest& request) { return source->get(request); };
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
