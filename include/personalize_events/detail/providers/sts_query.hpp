// SPDX-License-Identifier: Apache-2.0
//
// What the two questions to AWS STS have in common: its endpoint, the form that a question is sent
// as, the XML that it answers in, and which refusals pass. sts.hpp and web_identity.hpp ask with
// it. Source: AWS STS API Reference, "AssumeRole", "AssumeRoleWithWebIdentity", "Common Errors".
#ifndef PERSONALIZE_EVENTS_DETAIL_PROVIDERS_STS_QUERY_HPP
#define PERSONALIZE_EVENTS_DETAIL_PROVIDERS_STS_QUERY_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "personalize_events/credentials.hpp"
#include "personalize_events/detail/base/ascii.hpp"
#include "personalize_events/detail/base/time.hpp"
#include "personalize_events/detail/base/uri.hpp"
#include "personalize_events/detail/config/endpoint.hpp"
#include "personalize_events/detail/http/secret.hpp"
#include "personalize_events/detail/json/value.hpp"
#include "personalize_events/detail/providers/source.hpp"
#include "personalize_events/detail/providers/xml_text.hpp"
#include "personalize_events/detail/retry/classify.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

inline constexpr const char* kStsSource = "AWS STS";

/// Where a region's STS is, or the custom endpoint. Errors: Credentials, `where` names the member.
[[nodiscard]] inline Result<Endpoint> sts_endpoint(EndpointParameters parameters) {
  // There the plain host is the FIPS one (STS endpoint rule set).
  const bool is_fips_already = parameters.endpoint_url.empty() && !parameters.use_dual_stack &&
                               find_partition(parameters.region).id == "aws-us-gov";
  if (is_fips_already) parameters.use_fips = false;
  return resolve_service_endpoint("sts", parameters).transform_error([](const Error& error) {
    return misconfigured_source(error.where, error.message);
  });
}

/// Checks the ARN of a role as far as STS's model does.
[[nodiscard]] inline Result<void> check_role_arn(std::string_view role_arn) {
  const bool is_plausible = role_arn.size() >= 20 && role_arn.size() <= 2048 &&
                            role_arn.substr(0, 4) == "arn:" && all_of(role_arn, is_visible);
  if (is_plausible) return {};
  return misconfigured_source("role_arn",
                              "not the ARN of a role; it looks like "
                              "arn:aws:iam::123456789012:role/name and has 20 to 2048 characters");
}

/// The name of a session: the given one, or one of this moment. Errors: Credentials, `where` is
/// "role_session_name".
[[nodiscard]] inline Result<std::string> role_session_name(const std::string& given,
                                                           TimePoint now) {
  if (given.empty()) {
    const auto since_epoch = std::chrono::floor<std::chrono::milliseconds>(now.time_since_epoch());
    return "personalize-events-" + std::to_string(since_epoch.count());
  }
  const auto allowed = [](char c) {
    return is_letter(c) || is_digit(c) || std::string_view{"_+=,.@-"}.find(c) != std::string::npos;
  };
  if (given.size() >= 2 && given.size() <= 64 && all_of(given, allowed)) return given;
  return misconfigured_source(
      "role_session_name",
      "not the name of a session; use 2 to 64 letters, digits and characters of _+=,.@-");
}

/// Names and values of a question, in the order in which they are sent.
using StsParameters = std::vector<std::pair<std::string_view, std::string_view>>;

/// The parameters as application/x-www-form-urlencoded, with `+` for a blank. The caller wipes it.
[[nodiscard]] inline std::string sts_form(const StsParameters& parameters) {
  std::size_t longest = 0;
  for (const auto& [name, value] : parameters) longest += 3 * (name.size() + value.size()) + 2;
  std::string form;
  form.reserve(longest);  // growing would leave copies of a token behind
  for (const auto& [name, value] : parameters) {
    if (!form.empty()) form.push_back('&');
    form.append(name).push_back('=');
    std::string_view rest = value;
    for (;;) {
      const std::size_t blank = rest.find(' ');
      append_percent_encoded(form, rest.substr(0, blank));
      if (blank == std::string_view::npos) break;
      form.push_back('+');
      rest.remove_prefix(blank + 1);
    }
  }
  return form;
}

/// The request that asks `endpoint`, unsigned. The caller wipes it.
[[nodiscard]] inline HttpRequest sts_request(const Endpoint& endpoint,
                                             const StsParameters& parameters) {
  HttpRequest request{"POST", endpoint.url + "/"};
  request.headers = {{"Host", endpoint.host},
                     {"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}};
  request.body = sts_form(parameters);
  return request;
}

/// The error in a response. Both may be empty: a service may repeat a key or a token in their
/// place, so only what has their form is taken from it.
struct StsError {
  std::string code{};
  std::string request_id{};
};

/// A text if it has the form of an error code: at most 64 letters and dots, with a capital first
/// and a small letter. Key IDs have neither small letters nor letters alone, and tokens have
/// digits.
[[nodiscard]] inline std::string usual_code(const std::optional<std::string>& text) {
  const auto is_capital = [](char c) { return c >= 'A' && c <= 'Z'; };
  const auto allowed = [](char c) { return is_letter(c) || c == '.'; };
  const bool is_usual = text && !text->empty() && text->size() <= 64 && is_capital((*text)[0]) &&
                        all_of(*text, allowed) && !all_of(*text, is_capital);
  return is_usual ? *text : std::string{};
}

/// A text if it has the form of a request ID: at most 64 hexadecimal digits and hyphens.
[[nodiscard]] inline std::string usual_request_id(const std::optional<std::string>& text) {
  const auto allowed = [](char c) { return is_hex_digit(c) || c == '-'; };
  return text && text->size() <= 64 && all_of(*text, allowed) ? *text : std::string{};
}

/// The error of an answer: of any status but 200, and of an ErrorResponse in a 200.
[[nodiscard]] inline std::optional<StsError> sts_error_of(const HttpResponse& response) {
  const std::optional<std::string> code = find_xml_text(response.body, "/ErrorResponse/Error/Code");
  if (response.status == 200 && !code) return std::nullopt;
  StsError error{usual_code(code),
                 usual_request_id(find_xml_text(response.body, "/ErrorResponse/RequestId"))};
  if (!error.request_id.empty()) return error;
  if (const std::string* header = find_header(response.headers, "x-amzn-RequestId")) {
    error.request_id = usual_request_id(*header);
  }
  return error;
}

/// Whether a refusal passes, whatever its status is.
[[nodiscard]] inline bool is_passing_sts_code(std::string_view code) {
  return code == "IDPCommunicationError" || code == "ServiceUnavailable" ||
         code == "InternalFailure" ||
         detail::retry::is_one_of(detail::retry::kThrottlingCodes, code) ||
         detail::retry::is_one_of(detail::retry::kTransientCodes, code);
}

/// Whether the same question may be answered a little later, by what is in the answer.
[[nodiscard]] inline bool is_passing_sts_answer(const HttpResponse& response) {
  const std::optional<StsError> error = sts_error_of(response);
  return error && is_passing_sts_code(error->code);
}

/// What to do about a refusal.
[[nodiscard]] inline const char* sts_hint(std::string_view code) {
  struct Hint {
    std::string_view code;
    const char* hint;
  };
  constexpr const char* expired = "what was to be exchanged for the role has expired; renew it";
  constexpr const char* bad_keys =
      "check the keys that are to assume the role, and the clock of this machine";
  static constexpr Hint hints[] = {
      {"AccessDenied",
       "let the trust policy of the role allow the caller, and the caller's policies the role"},
      {"ExpiredToken", expired},
      {"ExpiredTokenException", expired},
      {"InvalidIdentityToken",
       "make the issuer of the token an identity provider of the role's account"},
      {"IDPRejectedClaim", "the issuer of the token rejected it; get another one"},
      {"InvalidClientTokenId", bad_keys},
      {"UnrecognizedClientException", bad_keys},
      {"SignatureDoesNotMatch", bad_keys},
      {"RequestExpired", "check the clock of this machine"},
      {"RegionDisabledException", "let an administrator activate STS in this region"},
      {"ValidationError", "check role_arn, role_session_name, external_id and the duration"},
  };
  for (const Hint& known : hints) {
    if (code == known.code) return known.hint;
  }
  return is_passing_sts_code(code) ? "try again later" : "check role_arn, region and endpoint_url";
}

/// The Error of a refusal. Its message has STS's code, never its words.
[[nodiscard]] inline Error refused_by_sts(const HttpResponse& response, const StsError& refusal) {
  std::string hint = sts_hint(refusal.code);
  if (!refusal.code.empty()) hint = refusal.code + ": " + hint;
  Error error = refused_by_source(kStsSource, response, hint);
  error.request_id = refusal.request_id;
  error.throttled = detail::retry::is_one_of(detail::retry::kThrottlingCodes, refusal.code);
  error.retryable = error.retryable || is_passing_sts_code(refusal.code);
  return error;
}

/// The account of the ARN of an assumed role, its fifth field; empty when there is none.
[[nodiscard]] inline std::string account_of_arn(std::string_view arn) {
  std::string_view account;
  for (int field = 1; field <= 5; ++field) account = take_until(arn, ':');
  return account.size() == 12 && all_of(account, is_digit) ? std::string{account} : std::string{};
}

/// Credentials out of the answer to `operation`, "AssumeRole" for example. Pure. Errors:
/// Credentials, `where` is kStsSource.
[[nodiscard]] inline Result<Credentials> credentials_of_sts(const HttpResponse& response,
                                                            const std::string& operation) {
  if (const auto refusal = sts_error_of(response)) return refused_by_sts(response, *refusal);
  if (!is_xml(response.body)) {
    return failed_source(kStsSource, "its answer is unusable: not whole and well-formed XML");
  }
  const std::string result = "/" + operation + "Response/" + operation + "Result/";

  // As the JSON that other sources answer with, so that the same rules hold for it.
  detail::json::Value members;
  members.type = detail::json::Value::Type::Object;
  const detail::WipedAtEnd wipe{members};
  for (const char* name : {"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"}) {
    std::optional<std::string> text = find_xml_text(response.body, result + "Credentials/" + name);
    if (!text) continue;
    detail::json::Value& member = members.members.emplace_back(name, detail::json::Value{}).second;
    member.type = detail::json::Value::Type::String;
    member.text = *std::move(text);
  }
  CredentialNames names;
  names.session_token = "SessionToken";
  Result<Credentials> credentials = credentials_of(members, names, kStsSource);
  if (!credentials) return credentials;
  const auto arn = find_xml_text(response.body, result + "AssumedRoleUser/Arn");
  if (arn) credentials->account_id = account_of_arn(*arn);
  return credentials;
}

/// Asks STS, and again after what may pass. Errors: Credentials, `where` is kStsSource.
[[nodiscard]] inline Result<HttpResponse> ask_sts(const SourceContext& context,
                                                  const HttpRequest& request, Carries carries) {
  RequestRules rules;
  rules.carries = carries;
  rules.is_passing = is_passing_sts_answer;
  return ask_source(context, request, kStsSource, rules);
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
