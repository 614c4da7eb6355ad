// SPDX-License-Identifier: Apache-2.0
//
// container_credentials: keys of the role of a container, from the agent of ECS or EKS Pod Identity
// that the environment names. Near the end of the default chain.
// Source: AWS SDKs and Tools Reference Guide, "Container credential provider".
#ifndef PERSONALIZE_EVENTS_DETAIL_PROVIDERS_CONTAINER_HPP
#define PERSONALIZE_EVENTS_DETAIL_PROVIDERS_CONTAINER_HPP

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "personalize_events/credentials.hpp"
#include "personalize_events/detail/base/ascii.hpp"
#include "personalize_events/detail/config/endpoint.hpp"
#include "personalize_events/detail/http/secret.hpp"
#include "personalize_events/detail/json/value.hpp"
#include "personalize_events/detail/providers/environment.hpp"
#include "personalize_events/detail/providers/source.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

inline constexpr const char* kContainerSource = "container";
inline constexpr const char* kContainerRelativeUri = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
inline constexpr const char* kContainerFullUri = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
inline constexpr const char* kContainerTokenFile = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
inline constexpr const char* kContainerToken = "AWS_CONTAINER_AUTHORIZATION_TOKEN";

/// Whether plain http may go to this host, written as in Endpoint::host: only to this machine and
/// to the addresses of the agents, because anyone on the way can read the token and the keys.
[[nodiscard]] inline bool is_container_host(std::string_view host) {
  const std::string_view name = without_port(host);
  for (const std::string_view agent : {"169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"}) {
    if (name == agent) return true;
  }
  return is_loopback_host(host);
}

/// The path of a URI, which begins with a slash, and its query: as they are, if each character may
/// stand there (RFC 3986) and no segment is `.` or `..`.
[[nodiscard]] inline bool is_path_and_query(std::string_view text) {
  if (text.empty() || text.front() != '/') return false;
  while (!text.empty()) {
    if (!is_encoded_path(take_until(text, '?'))) return false;
  }
  return true;
}

/// A container's agent: where it is asked, and what for.
struct ContainerPlace {
  Endpoint endpoint{};
  std::string path_and_query{};
};

/// The place that AWS_CONTAINER_CREDENTIALS_RELATIVE_URI names.
[[nodiscard]] inline Result<ContainerPlace> container_place_of_relative(const std::string& uri) {
  // The second slash would make a host of what follows it for a reader that resolves references.
  if (!is_path_and_query(uri) || uri.substr(0, 2) == "//") {
    return misconfigured_source(kContainerRelativeUri,
                                "not a path; it must begin with one slash and be percent-encoded, "
                                "like /v2/credentials/id");
  }
  return parse_endpoint_url("http://169.254.170.2").transform([&uri](const Endpoint& endpoint) {
    return ContainerPlace{endpoint, uri};
  });
}

/// The place that AWS_CONTAINER_CREDENTIALS_FULL_URI names.
[[nodiscard]] inline Result<ContainerPlace> container_place_of_full(const std::string& uri) {
  const std::size_t query = (std::min)(uri.find('?'), uri.size());
  const Result<Endpoint> endpoint = parse_endpoint_url(std::string_view{uri}.substr(0, query));
  if (!endpoint) return misconfigured_source(kContainerFullUri, endpoint.error().message);
  if (endpoint->scheme != "https" && !is_container_host(endpoint->host)) {
    return misconfigured_source(
        kContainerFullUri,
        "plain http is for loopback and the container agents' addresses only; use https, or one of "
        "127.0.0.0/8, [::1], localhost, 169.254.170.2, 169.254.170.23, [fd00:ec2::23]");
  }
  // A slash at the end of the path belongs to it, and Endpoint::base_path has none.
  std::string path = uri.substr((std::min)(uri.find('/', uri.find("://") + 3), query));
  if (path.empty() || path.front() != '/') path.insert(0, "/");
  if (!is_path_and_query(path)) {
    return misconfigured_source(kContainerFullUri,
                                "its path or query has a character that must be percent-encoded");
  }
  return ContainerPlace{*endpoint, std::move(path)};
}

/// The place that the environment names: by the relative URI, else by the full one.
[[nodiscard]] inline Result<ContainerPlace> find_container_place(Platform& platform) {
  const std::string relative = raw_credential_variable(platform, kContainerRelativeUri);
  if (!relative.empty()) return container_place_of_relative(relative);
  const std::string full = raw_credential_variable(platform, kContainerFullUri);
  if (!full.empty()) return container_place_of_full(full);
  return silent_source(kContainerSource, std::string{kContainerRelativeUri} + " and " +
                                             kContainerFullUri + " are not set");
}

/// The token for the Authorization header; empty when none is configured. The caller wipes it.
[[nodiscard]] inline Result<std::string> read_container_token(Platform& platform) {
  const std::string file = raw_credential_variable(platform, kContainerTokenFile);
  const char* variable = file.empty() ? kContainerToken : kContainerTokenFile;
  Result<std::string> token =
      file.empty() ? raw_credential_variable(platform, kContainerToken) : platform.read_file(file);
  if (!token) {
    return misconfigured_source(variable, token.error().where + ": " + token.error().message);
  }
  if (file.empty() && token->empty()) return token;

  const bool is_plain =
      !token->empty() && all_of(*token, [](char c) { return c >= ' ' && c < '\x7f'; });
  if (is_plain) return token;
  detail::wipe(*token);
  return misconfigured_source(
      variable,
      "the token is empty, or holds a line end or another character that no header may "
      "have; write it as it was issued, without a line end behind it");
}

/// The request for the keys. `token` may be empty. The caller wipes it.
[[nodiscard]] inline HttpRequest container_request(const ContainerPlace& place,
                                                   const std::string& token) {
  HttpRequest request{"GET",
                      place.endpoint.scheme + "://" + place.endpoint.host + place.path_and_query};
  request.headers.reserve(3);
  request.headers.emplace_back("Host", place.endpoint.host);
  request.headers.emplace_back("Accept", "application/json");
  if (!token.empty()) request.headers.emplace_back("Authorization", token);
  request.timeout = std::chrono::seconds{5};
  request.connect_timeout = std::chrono::seconds{2};
  // No proxy stands between a container and its agent, and none may see the token in the clear.
  request.direct = place.endpoint.scheme == "http";
  return request;
}

/// The keys in the agent's answer.
[[nodiscard]] inline Result<Credentials> credentials_of_container(const HttpResponse& response) {
  if (response.status != 200) {
    return refused_by_source(kContainerSource, response,
                             std::string{"check "} + kContainerRelativeUri + " or " +
                                 kContainerFullUri + ", its token, and the role of the container");
  }
  Result<detail::json::Value> answer = json_of(response.body, kContainerSource);
  if (!answer) return std::move(answer).error();
  const detail::WipedAtEnd wipe{*answer};
  if (std::optional<Error> error = error_inside(*answer, kContainerSource)) {
    return *std::move(error);
  }
  CredentialNames names;
  const auto use_other = [&answer](const char*& name, const char* other) {
    if (find_in_any_case(*answer, name) == nullptr && find_in_any_case(*answer, other) != nullptr) {
      name = other;
    }
  };
  use_other(names.session_token, "SessionToken");
  use_other(names.expiration, "ExpiresAt");
  return credentials_of(*answer, names, kContainerSource);
}

/// One fetch, from the environment to the keys.
[[nodiscard]] inline Result<Credentials> fetch_container_credentials(const SourceContext& context) {
  const Result<ContainerPlace> place = find_container_place(*context.platform);
  if (!place) return place.error();
  Result<std::string> token = read_container_token(*context.platform);
  if (!token) return std::move(token).error();
  const detail::WipedAtEnd wipe_token{*token};

  HttpRequest request = container_request(*place, *token);
  const detail::WipedAtEnd wipe_request{request};
  RequestRules rules;
  rules.carries = Carries::AgentToken;
  Result<HttpResponse> response = ask_source(context, request, kContainerSource, rules);
  if (!response) return std::move(response).error();
  const detail::WipedAtEnd wipe_response{*response};
  return credentials_of_container(*response);
}

/// The report of container_credentials.
[[nodiscard]] inline ProviderReport report_container(Platform& platform) {
  const Result<ContainerPlace> place = find_container_place(platform);
  if (!place) return report_of(place.error());
  const char* variable = raw_credential_variable(platform, kContainerRelativeUri).empty()
                             ? kContainerFullUri
                             : kContainerRelativeUri;
  Result<std::string> token = read_container_token(platform);
  if (!token) return report_of(token.error());
  const detail::WipedAtEnd wipe{*token};
  // The path may be a secret too.
  const std::string host = place->endpoint.scheme + "://" + place->endpoint.host;
  return {ProviderReport::State::Asks, host + (token->empty() ? "" : ", with a token"), variable};
}

}  // namespace detail

/// A provider of the keys that a container's agent gives. The environment is read anew at each
/// call: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, a path of http://169.254.170.2, or else
/// AWS_CONTAINER_CREDENTIALS_FULL_URI, which may be https to any host, or http to 127.0.0.0/8,
/// [::1], localhost, 169.254.170.2, 169.254.170.23 and [fd00:ec2::23], and then never through a
/// proxy. Nothing is sent anywhere else, and no redirect is followed. The content of the file
/// AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, or else AWS_CONTAINER_AUTHORIZATION_TOKEN, goes along as
/// it is; a line end in it, also one at its end, is an error, as to other AWS SDKs.
///
/// Three tries of two seconds to connect and five in all, each.
///
/// @par Thread Safety
/// Any thread.
///
/// @par Error Handling
/// Credentials. A chain goes on when neither URI is set, and ends at any other: a URI or token that
/// may not be used (`where` is the variable), no answer, a refusal, an answer without usable keys.
[[nodiscard]] inline CredentialsProvider container_credentials(ProviderContext context) {
  return [context = detail::SourceContext{std::move(context)}](const CredentialsRequest& request) {
    return detail::fetch_container_credentials(context.until(request));
  };
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
