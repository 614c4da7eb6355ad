// SPDX-License-Identifier: Apache-2.0
//
// iot_credentials: keys from AWS IoT Core's credential provider, for a device that proves itself by
// an X.509 certificate. No default chain asks it: an application puts it into
// ClientOptions::credentials.
// Source: AWS IoT Core Developer Guide, "Authorizing direct calls to AWS services using AWS IoT
// Core credential provider".
#ifndef PERSONALIZE_EVENTS_DETAIL_PROVIDERS_IOT_HPP
#define PERSONALIZE_EVENTS_DETAIL_PROVIDERS_IOT_HPP

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "personalize_events/credentials.hpp"
#include "personalize_events/detail/base/ascii.hpp"
#include "personalize_events/detail/config/endpoint.hpp"
#include "personalize_events/detail/http/secret.hpp"
#include "personalize_events/detail/json/value.hpp"
#include "personalize_events/detail/providers/source.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// What a device asks AWS IoT for.
struct IotOptions {
  /// The account's own host name, from `aws iot describe-endpoint --endpoint-type
  /// iot:CredentialProvider`, or an https URL of it. Plain http is for this machine only (tests).
  std::string endpoint;
  /// The role alias, 1 to 128 letters, digits and characters of `_=,@-`.
  std::string role_alias;
  /// The thing of the certificate, 1 to 128 letters, digits and characters of `:_-`. With it the
  /// role's policies may speak of the thing; it must be attached to the certificate.
  std::string thing_name{};
};

namespace detail {

inline constexpr const char* kIotSource = "AWS IoT";

/// Whether a text has 1 to 128 letters, digits and characters of `others`.
[[nodiscard]] inline bool is_iot_name(std::string_view text, std::string_view others) {
  return !text.empty() && text.size() <= 128 && all_of(text, [others](char c) {
    return is_letter(c) || is_digit(c) || others.find(c) != std::string_view::npos;
  });
}

[[nodiscard]] inline Result<Endpoint> iot_endpoint(const std::string& given) {
  constexpr const char* where = "IotOptions::endpoint";
  const bool is_url = given.find("://") != std::string::npos;
  Result<Endpoint> endpoint = parse_endpoint_url(is_url ? given : "https://" + given);
  if (!endpoint) return misconfigured_source(where, endpoint.error().message);
  if (!endpoint->base_path.empty()) {
    return misconfigured_source(where, "it has a path; give the host name alone");
  }
  return endpoint;
}

/// The request for keys. Pure. Errors: Credentials, `where` names the member of IotOptions.
[[nodiscard]] inline Result<HttpRequest> iot_request(const IotOptions& options) {
  const Result<Endpoint> endpoint = iot_endpoint(options.endpoint);
  if (!endpoint) return endpoint.error();
  if (!is_iot_name(options.role_alias, "_=,@-")) {
    return misconfigured_source("IotOptions::role_alias",
                                "not a role alias; use 1 to 128 letters, digits and characters of "
                                "_=,@-");
  }
  HttpRequest request{"GET"};
  // Every character of a role alias may stand in a path as it is (RFC 3986, section 3.3).
  request.url = endpoint->url + "/role-aliases/" + options.role_alias + "/credentials";
  request.headers = {{"Host", endpoint->host}, {"Accept", "application/json"}};
  request.direct = endpoint->scheme == "http";  // no proxy may read what is not encrypted
  if (options.thing_name.empty()) return request;
  if (!is_iot_name(options.thing_name, ":_-")) {
    return misconfigured_source("IotOptions::thing_name",
                                "not the name of a thing; use 1 to 128 letters, digits and "
                                "characters of :_-");
  }
  request.headers.emplace_back("x-amzn-iot-thingname", options.thing_name);
  return request;
}

/// What to do about a refusal.
[[nodiscard]] constexpr const char* iot_hint(int status) noexcept {
  if (status == 400) {
    return "let the role of the alias trust credentials.iot.amazonaws.com, and the alias's "
           "duration be within the role's longest session";
  }
  if (status == 401 || status == 403) {
    return "activate the certificate, attach to it the thing and a policy that allows "
           "iot:AssumeRoleWithCertificate on the role alias, and give it in "
           "HttpOptions::client_certificate";
  }
  if (status == 404) return "there is no such role alias in the account and region of the endpoint";
  if (status == 429 || status >= 500) return "try again later";
  return "check IotOptions::endpoint";
}

/// Reads the answer. Pure. Errors: Credentials.
[[nodiscard]] inline Result<Credentials> credentials_of_iot(const HttpResponse& response) {
  if (response.status != 200) {
    return refused_by_source(kIotSource, response, iot_hint(response.status));
  }
  Result<detail::json::Value> answer = json_of(response.body, kIotSource);
  if (!answer) return std::move(answer).error();
  const detail::WipedAtEnd wipe{*answer};
  const detail::json::Value* credentials = find_in_any_case(*answer, "credentials");
  if (credentials == nullptr) {
    return failed_source(kIotSource, "its answer is unusable: credentials is missing");
  }
  CredentialNames names;
  names.session_token = "SessionToken";
  return credentials_of(*credentials, names, kIotSource);
}

}  // namespace detail

/// A provider that asks AWS IoT's credential provider, each time it is called. The certificate is
/// the transport's: give it one of its own, because a client that presents its certificate to every
/// server tells each who the device is.
/// ```
/// HttpOptions device;
/// device.client_certificate = "device.pem.crt";
/// device.client_key = "private.pem.key";
/// options.credentials = iot_credentials({endpoint, "my-alias", "my-thing"},
///                                       {std::make_shared<CurlTransport>(device)});
/// ```
///
/// @par Error Handling
/// Credentials: an option that is not allowed (`where` names it), no answer, or a refusal (`where`
/// is "AWS IoT", `http_status` is set, `message` says what to mend). Failures that may pass are
/// tried again within the call, at most three times in all.
[[nodiscard]] inline CredentialsProvider iot_credentials(IotOptions options,
                                                         ProviderContext context) {
  return [options = std::move(options), context = detail::SourceContext{std::move(context)}](
             const CredentialsRequest& asked) -> Result<Credentials> {
    Result<HttpRequest> request = detail::iot_request(options);
    if (!request) return std::move(request).error();
    detail::RequestRules rules;
    rules.endpoint_setting = "IotOptions::endpoint";
    Result<HttpResponse> response =
        detail::ask_source(context.until(asked), *request, detail::kIotSource, rules);
    if (!response) return std::move(response).error();
    const detail::WipedAtEnd wipe{*response};
    return detail::credentials_of_iot(*response);
  };
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
