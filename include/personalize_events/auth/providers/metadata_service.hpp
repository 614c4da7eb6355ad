// SPDX-License-Identifier: Apache-2.0
//
// MetadataService: questions to the instance metadata service of EC2, with a session token that is
// kept for the next one. instance_metadata.hpp asks it for keys and for the region. Version 2 of
// the service only; version 1, without a token, lets any request forged through a proxy read keys.
// Source: Amazon EC2 User Guide, "Use the Instance Metadata Service", and AWS SDKs and Tools
// Reference Guide, "IMDS credential provider".
#ifndef PERSONALIZE_EVENTS_AUTH_PROVIDERS_METADATA_SERVICE_HPP
#define PERSONALIZE_EVENTS_AUTH_PROVIDERS_METADATA_SERVICE_HPP

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include "personalize_events/auth/credentials.hpp"
#include "personalize_events/auth/providers/source.hpp"
#include "personalize_events/auth/secret.hpp"
#include "personalize_events/config/endpoint.hpp"
#include "personalize_events/config/profile_file.hpp"
#include "personalize_events/config/settings.hpp"
#include "personalize_events/detail/ascii.hpp"
#include "personalize_events/detail/number.hpp"
#include "personalize_events/http/message.hpp"
#include "personalize_events/platform/platform.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

inline constexpr const char* kMetadataSource = "instance metadata";
inline constexpr const char* kMetadataTokenLifeHeader = "x-aws-ec2-metadata-token-ttl-seconds";
inline constexpr std::chrono::seconds kMetadataTokenLife{21'600};
inline constexpr std::chrono::seconds kMetadataTokenMargin{120};

/// Where the metadata service is: the endpoint that is configured, else that of the configured
/// mode, else the one of IPv4. Errors: Credentials, `where` is the setting.
[[nodiscard]] inline Result<Endpoint> metadata_endpoint(const SettingFinder& finder) {
  if (const auto url =
          finder.find("AWS_EC2_METADATA_SERVICE_ENDPOINT", "ec2_metadata_service_endpoint")) {
    return parse_endpoint_url(url->value).transform_error([&url](const Error& error) {
      return misconfigured_source(url->source, error.message);
    });
  }
  const auto mode =
      finder.find("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ec2_metadata_service_endpoint_mode");
  const std::string name = mode ? to_lower(trim(mode->value)) : "ipv4";
  if (name == "ipv4") return parse_endpoint_url("http://169.254.169.254");
  if (name == "ipv6") return parse_endpoint_url("http://[fd00:ec2::254]");
  return misconfigured_source(mode->source, "not an endpoint mode; set IPv4 or IPv6");
}

/// metadata_endpoint of the environment and of the profile, which is read only if it may decide.
[[nodiscard]] inline Result<Endpoint> find_metadata_endpoint(Platform& platform,
                                                             const std::string& profile) {
  const SettingFinder environment{platform, nullptr};
  if (environment.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT")) {
    return metadata_endpoint(environment);
  }
  const auto misconfigured = [](const Error& error) {
    return misconfigured_source(error.where, error.message);
  };
  const Result<Profiles> profiles = load_profiles(platform);
  if (!profiles) return misconfigured(profiles.error());
  const auto name = find_profile_name(environment, profile, *profiles);
  if (!name) return misconfigured(name.error());
  return metadata_endpoint(SettingFinder{platform, profiles->find_profile(name->value)});
}

/// A request to the metadata service, still without its token. It is this machine's own, so no
/// proxy may answer in its place.
[[nodiscard]] inline HttpRequest metadata_request(const Endpoint& endpoint, const char* method,
                                                  const std::string& path) {
  HttpRequest request{method, endpoint.url + path, {{"Host", endpoint.host}}};
  request.timeout = std::chrono::seconds{1};
  request.connect_timeout = std::chrono::seconds{1};
  request.direct = true;
  return request;
}

/// The Error of a service that answered the request for a token with nothing. Where nobody is, or
/// nobody answers, there is no metadata service, and it was not meant.
[[nodiscard]] inline Error metadata_not_reached(const Error& error) {
  const bool was_silence =
      error.kind == ErrorKind::Timeout || (error.kind == ErrorKind::Transport && !error.connected);
  if (!was_silence) {
    Error failed = failed_source(kMetadataSource, "did not answer: " + error.message);
    failed.retryable = error.retryable;
    failed.connected = error.connected;
    return failed;
  }
  Error silent = silent_source(
      kMetadataSource, error.connected
                           ? "no answer in time; in a container on EC2, raise the hop limit of the "
                             "instance's metadata options to 2"
                           : "not reachable, so this may be no EC2 instance: " + error.message);
  silent.connected = error.connected;
  return silent;
}

/// A session token and how long it is good for.
struct MetadataToken {
  std::string text{};
  std::chrono::seconds life{0};
};

/// The token in the service's answer. The caller wipes both.
[[nodiscard]] inline Result<MetadataToken> read_metadata_token(const HttpResponse& response) {
  if (response.status == 403) {
    return silent_source(kMetadataSource, "turned off in the instance's metadata options");
  }
  if (response.status == 404 || response.status == 405) {
    return silent_source(kMetadataSource,
                         "what answers there is not version 2 of the EC2 metadata service");
  }
  if (response.status != 200) {
    return refused_by_source(kMetadataSource, response, "no session token was given");
  }
  if (response.body.empty() || !all_of(response.body, is_visible)) {
    return failed_source(kMetadataSource, "its session token is not one of plain ASCII");
  }
  const std::string* life = find_header(response.headers, kMetadataTokenLifeHeader);
  const std::int64_t seconds = life == nullptr ? 0 : parse_integer(*life).value_or(0);
  return MetadataToken{response.body, std::clamp(std::chrono::seconds{seconds},
                                                 std::chrono::seconds{0}, kMetadataTokenLife)};
}

/// The instance metadata service, as one program sees it.
///
/// @par Thread Safety
/// None: one thread at a time.
class MetadataService {
 public:
  MetadataService(SourceContext context, std::string profile)
      : context_(std::move(context)), profile_(std::move(profile)) {}
  MetadataService(const MetadataService&) = delete;
  MetadataService& operator=(const MetadataService&) = delete;
  ~MetadataService() { crypto::cleanse(token_); }

  /// Where the service is, by the settings of this moment. Errors: Credentials, also when the
  /// service is turned off.
  [[nodiscard]] Result<Endpoint> find_endpoint() const {
    const std::string off =
        context_.platform->environment("AWS_EC2_METADATA_DISABLED").value_or("");
    if (equal_ignoring_case(trim(off), "true")) {
      return silent_source(kMetadataSource, "turned off by AWS_EC2_METADATA_DISABLED");
    }
    if (context_.transport == nullptr) return source_without_transport(kMetadataSource);
    return find_metadata_endpoint(*context_.platform, profile_);
  }

  /// The answer to a question, of any status but a 401 to an old token: then it is put again with a
  /// new one. Errors: Credentials.
  [[nodiscard]] Result<HttpResponse> get(const Endpoint& endpoint, const std::string& path,
                                         const CredentialsRequest& request = {}) {
    const SourceContext context = context_.until(request);
    Result<HttpResponse> response = ask(context, endpoint, path);
    if (!response || response->status != 401) return response;
    token_good_until_ = {};
    return ask(context, endpoint, path);
  }

 private:
  [[nodiscard]] Result<HttpResponse> ask(const SourceContext& context, const Endpoint& endpoint,
                                         const std::string& path) {
    if (Result<void> held = hold_token(context, endpoint); !held) return std::move(held).error();
    HttpRequest request = metadata_request(endpoint, "GET", path);
    const crypto::WipeAtEnd wipe{request};
    request.headers.emplace_back("x-aws-ec2-metadata-token", token_);
    return ask_source(context, request, kMetadataSource, kPatience);
  }

  /// Sees to a token that is good for the next question.
  [[nodiscard]] Result<void> hold_token(const SourceContext& context, const Endpoint& endpoint) {
    const auto now = context.platform->steady_now();
    if (!token_.empty() && now < token_good_until_) return {};
    HttpRequest request = metadata_request(endpoint, "PUT", "/latest/api/token");
    request.headers.emplace_back(kMetadataTokenLifeHeader,
                                 std::to_string(kMetadataTokenLife.count()));
    Result<HttpResponse> response = send_patiently(context, request, kPatience);
    if (!response) return metadata_not_reached(response.error());
    const crypto::WipeAtEnd wipe_response{*response};
    Result<MetadataToken> token = read_metadata_token(*response);
    if (!token) return std::move(token).error();
    const crypto::WipeAtEnd wipe_token{token->text};
    crypto::cleanse(token_);
    token_ = token->text;
    token_good_until_ = now + token->life - kMetadataTokenMargin;
    return {};
  }

  static constexpr SourcePatience kPatience{3, false};

  SourceContext context_;
  std::string profile_;
  std::string token_{};
  std::chrono::steady_clock::time_point token_good_until_{};
};

}  // namespace detail
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
