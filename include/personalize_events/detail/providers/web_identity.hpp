// SPDX-License-Identifier: Apache-2.0
//
// web_identity_credentials: keys of a role, from AWS STS, for a token that an identity provider put
// into a file, as Kubernetes does for a service account. The default chain asks it when the
// environment or a profile names such a file.
// Source: AWS STS API Reference, "AssumeRoleWithWebIdentity"; AWS SDKs and Tools Reference Guide,
// "Assume role credential provider".
#ifndef PERSONALIZE_EVENTS_DETAIL_PROVIDERS_WEB_IDENTITY_HPP
#define PERSONALIZE_EVENTS_DETAIL_PROVIDERS_WEB_IDENTITY_HPP

#include <memory>
#include <string>
#include <utility>

#include "personalize_events/credentials.hpp"
#include "personalize_events/detail/base/ascii.hpp"
#include "personalize_events/detail/base/time.hpp"
#include "personalize_events/detail/config/endpoint.hpp"
#include "personalize_events/detail/http/secret.hpp"
#include "personalize_events/detail/providers/source.hpp"
#include "personalize_events/detail/providers/sts_query.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// A role, and the token that is exchanged for its keys.
struct WebIdentityOptions {
  /// 20 to 2048 characters, like "arn:aws:iam::123456789012:role/name".
  std::string role_arn;
  /// The file of the token; read anew each time, because its owner replaces it.
  std::string token_file;
  /// 2 to 64 letters, digits and characters of "_+=,.@-"; CloudTrail shows it. Empty:
  /// "personalize-events-" and the milliseconds since 1970.
  std::string role_session_name{};
  /// Whose STS is asked. May be empty when `endpoint_url` is not.
  std::string region{};
  /// Empty: the region's endpoint. Plain http is for this machine only, because the token is sent.
  std::string endpoint_url{};
  /// The region's FIPS endpoint.
  bool use_fips{false};
  /// The region's endpoint of IPv4 and IPv6.
  bool use_dual_stack{false};
};

namespace detail {

/// The token in a file. Line ends behind it are taken away, because tools and editors add one that
/// STS would refuse. The caller wipes it. Errors: Credentials, `where` is the file.
[[nodiscard]] inline Result<std::string> read_web_identity_token(Platform& platform,
                                                                 const std::string& file) {
  if (file.empty()) {
    return misconfigured_source("web_identity_token_file",
                                "no file of a token; name it in AWS_WEB_IDENTITY_TOKEN_FILE or in "
                                "the profile");
  }
  Result<std::string> token = platform.read_file(file);
  if (!token) return misconfigured_source(file, token.error().message);
  while (!token->empty() && (token->back() == '\n' || token->back() == '\r')) token->pop_back();
  if (token->size() >= 4 && token->size() <= 20'000 && all_of(*token, is_visible)) return token;
  detail::wipe(*token);
  return misconfigured_source(file,
                              "holds no token of an identity provider: 4 to 20000 characters on "
                              "one line, without blanks");
}

/// The question. Pure. The caller wipes it. Errors: Credentials, `where` names the member.
[[nodiscard]] inline Result<HttpRequest> web_identity_request(const WebIdentityOptions& options,
                                                              const std::string& token,
                                                              TimePoint now) {
  if (auto checked = check_role_arn(options.role_arn); !checked) return std::move(checked).error();
  const Result<std::string> session_name = role_session_name(options.role_session_name, now);
  if (!session_name) return session_name.error();
  const Result<Endpoint> endpoint = sts_endpoint(
      {options.region, options.endpoint_url, options.use_fips, options.use_dual_stack});
  if (!endpoint) return endpoint.error();
  return sts_request(*endpoint, {{"Action", "AssumeRoleWithWebIdentity"},
                                 {"Version", "2011-06-15"},
                                 {"RoleArn", options.role_arn},
                                 {"RoleSessionName", *session_name},
                                 {"WebIdentityToken", token}});
}

[[nodiscard]] inline Result<Credentials> exchange_web_identity(const WebIdentityOptions& options,
                                                               const SourceContext& context) {
  Result<std::string> token = read_web_identity_token(*context.platform, options.token_file);
  if (!token) return std::move(token).error();
  const detail::WipedAtEnd wipe_token{*token};
  Result<HttpRequest> request = web_identity_request(options, *token, context.now());
  if (!request) return std::move(request).error();
  const detail::WipedAtEnd wipe_request{*request};
  Result<HttpResponse> response = ask_sts(context, *request, Carries::Secrets);
  if (!response) return std::move(response).error();
  const detail::WipedAtEnd wipe_response{*response};
  return credentials_of_sts(*response, "AssumeRoleWithWebIdentity");
}

/// The report of web_identity_credentials; `where` is what configures it.
[[nodiscard]] inline ProviderReport report_web_identity(Platform& platform,
                                                        const WebIdentityOptions& options,
                                                        const std::string& where) {
  if (!options.endpoint_url.empty() && !is_private_url(options.endpoint_url)) {
    return report_of(plain_http_error(kStsSource, "endpoint_url"));
  }
  return token_file_report("AWS STS, for the role " + options.role_arn, options.token_file,
                           check_secret_file(platform.read_file(options.token_file)), where);
}

}  // namespace detail

/// A provider that reads the token and exchanges it each time it is called. The request is not
/// signed: the token alone proves who asks.
///
/// @par Thread Safety
/// Any thread.
///
/// @par Error Handling
/// Credentials that end a chain: an option that is not allowed (`where` names it), a token file
/// that cannot be read or holds no token (`where` is the file), no answer, or a refusal (`where` is
/// "AWS STS"; `http_status` and `request_id` are set; `message` has the service's code and what to
/// mend). No connection, throttling, IDPCommunicationError, 429 and 5xx are tried again within the
/// call, three times in all.
[[nodiscard]] inline CredentialsProvider web_identity_credentials(WebIdentityOptions options,
                                                                  ProviderContext context) {
  return [options = std::move(options),
          context = detail::SourceContext{std::move(context)}](const CredentialsRequest& request) {
    return detail::exchange_web_identity(options, context.until(request));
  };
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
