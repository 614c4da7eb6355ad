// SPDX-License-Identifier: Apache-2.0
//
// MetadataService: questions to the instance metadata service of EC2, with a session token that is
// kept for the next one. instance_metadata.hpp asks it for keys and for the region. Version 2 of
// the service only; version 1, without a token, lets any request forged through a proxy read keys.
// Source: Amazon EC2 User Guide, "Use the Instance Metadata Service", and AWS SDKs and Tools
// Reference Guide, "IMDS credential provider".
#ifndef PERSONALIZE_EVENTS_DETAIL_PROVIDERS_METADATA_SERVICE_HPP
#define PERSONALIZE_EVENTS_DETAIL_PROVIDERS_METADATA_SERVICE_HPP

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include "personalize_events/credentials.hpp"
#include "personalize_events/detail/base/ascii.hpp"
#include "personalize_events/detail/base/number.hpp"
#include "personalize_events/detail/config/endpoint.hpp"
#include "personalize_events/detail/config/settings.hpp"
#include "personalize_events/detail/http/secret.hpp"
#include "personalize_events/detail/providers/credential_services.hpp"
#include "personalize_events/detail/providers/provider_context.hpp"
#include "personalize_events/detail/providers/source.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

inline constexpr const char* kMetadataSource = "instance metadata";
inline constexpr const char* kMetadataTokenLifeHeader = "x-aws-ec2-metadata-token-ttl-seconds";
inline constexpr std::chrono::seconds kMetadataTokenLife{21'600};
inline constexpr std::chrono::seconds kMetadataTokenMargin{120};

[[nodiscard]] inline Result<void> check_metadata_timeout(const int& seconds) {
  if (seconds >= 1 && seconds <= 3600) return {};
  return setting_error({}, "must be a whole number of seconds, 1 to 3600");
}

[[nodiscard]] inline Result<void> check_metadata_attempts(const int& attempts) {
  if (attempts >= 1 && attempts <= 100) return {};
  return setting_error({}, "must be a whole number, 1 to 100; the first attempt counts");
}

inline constexpr SettingRow<std::string> kMetadataEndpointRow{
    "instance metadata endpoint",    nullptr, nullptr, {"AWS_EC2_METADATA_SERVICE_ENDPOINT"},
    "ec2_metadata_service_endpoint", "",      nullptr};
inline constexpr SettingRow<std::string> kMetadataModeRow{
    "instance metadata mode",
    nullptr,
    nullptr,
    {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"},
    "ec2_metadata_service_endpoint_mode",
    "IPv4",
    nullptr};
inline constexpr SettingRow<int> kMetadataTimeoutRow{
    "instance metadata timeout", nullptr, nullptr,     {"AWS_METADATA_SERVICE_TIMEOUT"},
    "metadata_service_timeout",  1,       read_number, check_metadata_timeout};
inline constexpr SettingRow<int> kMetadataAttemptsRow{
    "instance metadata attempts",    nullptr, nullptr,     {"AWS_METADATA_SERVICE_NUM_ATTEMPTS"},
    "metadata_service_num_attempts", 3,       read_number, check_metadata_attempts};

/// Where the metadata service is, and how it is asked.
struct MetadataPlace {
  Endpoint endpoint{};
  std::chrono::seconds timeout{1};  ///< Of each attempt.
  int most_tries{3};
};

/// The endpoint that is configured, else that of the configured mode. Errors: Credentials, `where`
/// is the setting.
[[nodiscard]] inline Result<Endpoint> metadata_endpoint(const SettingFinder& finder) {
  if (const auto url = finder.find_text(kMetadataEndpointRow)) {
    return parse_endpoint_url(url->value).transform_error([&url](const Error& error) {
      return misconfigured_source(url->source, error.message);
    });
  }
  const auto mode = finder.find(kMetadataModeRow);
  const std::string name = to_lower(trim(mode->value));
  if (name == "ipv4") return parse_endpoint_url("http://169.254.169.254");
  if (name == "ipv6") return parse_endpoint_url("http://[fd00:ec2::254]");
  return misconfigured_source(mode->source, "not an endpoint mode; set IPv4 or IPv6");
}

/// The service by the settings of this moment. Where a variable names the endpoint, a profile that
/// cannot be used does not matter. Errors: Credentials, also when the service is turned off.
[[nodiscard]] inline Result<MetadataPlace> find_metadata_place(Platform& platform,
                                                               const std::string& profile) {
  const std::string off = platform.environment("AWS_EC2_METADATA_DISABLED").value_or("");
  if (equal_ignoring_case(trim(off), "true")) {
    return silent_source(kMetadataSource, "turned off by AWS_EC2_METADATA_DISABLED");
  }
  const Result<SelectedProfile> selected = load_selected_profile(platform, profile);
  if (!selected && !SettingFinder{platform}.find_text(kMetadataEndpointRow)) {
    return selected.error();
  }
  const SettingFinder finder{platform, selected ? &*selected : nullptr};
  Result<Endpoint> endpoint = metadata_endpoint(finder);
  if (!endpoint) return std::move(endpoint).error();
  const auto timeout = finder.find(kMetadataTimeoutRow);
  if (!timeout) return misconfigured(timeout.error());
  const auto attempts = finder.find(kMetadataAttemptsRow);
  if (!attempts) return misconfigured(attempts.error());
  return MetadataPlace{*std::move(endpoint), std::chrono::seconds{timeout->value}, attempts->value};
}

/// The report of instance_metadata_credentials.
[[nodiscard]] inline ProviderReport report_metadata(Platform& platform,
                                                    const std::string& profile) {
  const Result<MetadataPlace> place = find_metadata_place(platform, profile);
  if (!place) return report_of(place.error());
  return {ProviderReport::State::Asks, place->endpoint.url + ", if this is an EC2 instance", {}};
}

/// A request to the metadata service, still without its token. It is this machine's own, so no
/// proxy may answer in its place.
[[nodiscard]] inline HttpRequest metadata_request(const MetadataPlace& place, const char* method,
                                                  const std::string& path) {
  HttpRequest request{method, place.endpoint.url + path, {{"Host", place.endpoint.host}}};
  request.timeout = place.timeout;
  request.connect_timeout = place.timeout;
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
  explicit MetadataService(SourceContext context) : context_(std::move(context)) {}
  MetadataService(const MetadataService&) = delete;
  MetadataService& operator=(const MetadataService&) = delete;
  ~MetadataService() { detail::wipe(token_); }

  /// Where the service is, by the settings of this moment. Errors: Credentials, also when the
  /// service is turned off.
  [[nodiscard]] Result<MetadataPlace> find_place() const {
    Result<MetadataPlace> place = find_metadata_place(*context_.platform, context_.profile);
    if (place && context_.transport == nullptr) return source_without_transport(kMetadataSource);
    return place;
  }

  /// The answer to a question, of any status but a 401 to an old token: then it is put again with a
  /// new one. Errors: Credentials.
  [[nodiscard]] Result<HttpResponse> get(const MetadataPlace& place, const std::string& path,
                                         const CredentialsRequest& request = {}) {
    const SourceContext context = context_.until(request);
    Result<HttpResponse> response = ask(context, place, path);
    if (!response || response->status != 401) return response;
    token_good_until_ = {};
    return ask(context, place, path);
  }

 private:
  [[nodiscard]] Result<HttpResponse> ask(const SourceContext& context, const MetadataPlace& place,
                                         const std::string& path) {
    if (Result<void> held = hold_token(context, place); !held) return std::move(held).error();
    HttpRequest request = metadata_request(place, "GET", path);
    const detail::WipedAtEnd wipe{request};
    request.headers.emplace_back("x-aws-ec2-metadata-token", token_);
    return ask_source(context, request, kMetadataSource, rules(place));
  }

  /// Sees to a token that is good for the next question.
  [[nodiscard]] Result<void> hold_token(const SourceContext& context, const MetadataPlace& place) {
    const auto now = context.platform->steady_now();
    if (!token_.empty() && now < token_good_until_) return {};
    HttpRequest request = metadata_request(place, "PUT", "/latest/api/token");
    request.headers.emplace_back(kMetadataTokenLifeHeader,
                                 std::to_string(kMetadataTokenLife.count()));
    Result<HttpResponse> response = send_patiently(context, request, rules(place));
    if (!response) return metadata_not_reached(response.error());
    const detail::WipedAtEnd wipe_response{*response};
    Result<MetadataToken> token = read_metadata_token(*response);
    if (!token) return std::move(token).error();
    const detail::WipedAtEnd wipe_token{token->text};
    detail::wipe(token_);
    token_ = token->text;
    token_good_until_ = now + token->life - kMetadataTokenMargin;
    return {};
  }

  [[nodiscard]] static RequestRules rules(const MetadataPlace& place) {
    RequestRules rules;
    rules.most_tries = place.most_tries;
    rules.asks_again_after_silence = false;
    rules.carries = Carries::AgentToken;
    return rules;
  }

  SourceContext context_;
  std::string token_{};
  std::chrono::steady_clock::time_point token_good_until_{};
};

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
