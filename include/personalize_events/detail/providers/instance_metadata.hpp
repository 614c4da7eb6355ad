// SPDX-License-Identifier: Apache-2.0
//
// instance_metadata_credentials and instance_metadata_region: the keys of an EC2 instance's role,
// and its region, from the instance metadata service. The last source of the default chain;
// make_client asks for the region when nothing else names one.
// Source: Amazon EC2 User Guide, "Retrieve security credentials from instance metadata".
#ifndef PERSONALIZE_EVENTS_DETAIL_PROVIDERS_INSTANCE_METADATA_HPP
#define PERSONALIZE_EVENTS_DETAIL_PROVIDERS_INSTANCE_METADATA_HPP

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "personalize_events/credentials.hpp"
#include "personalize_events/detail/base/ascii.hpp"
#include "personalize_events/detail/base/uri.hpp"
#include "personalize_events/detail/config/endpoint.hpp"
#include "personalize_events/detail/http/secret.hpp"
#include "personalize_events/detail/json/value.hpp"
#include "personalize_events/detail/providers/metadata_service.hpp"
#include "personalize_events/detail/providers/source.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// The one line, or the first of several, of an answer in plain text.
[[nodiscard]] inline std::string_view first_line(std::string_view text) {
  return trim(text.substr(0, text.find_first_of("\r\n")));
}

/// The name of the instance's role, out of the list of roles.
[[nodiscard]] inline Result<std::string> read_metadata_role(const HttpResponse& response) {
  const std::string_view role = first_line(response.body);
  if (response.status == 404 || (response.status == 200 && role.empty())) {
    return silent_source(kMetadataSource,
                         "the instance has no role; attach an instance profile to it");
  }
  if (response.status != 200) {
    return refused_by_source(kMetadataSource, response, "the role of the instance is not known");
  }
  // As IAM names roles. The name becomes a part of the next request's path.
  const auto allowed = [](char c) {
    return is_letter(c) || is_digit(c) ||
           std::string_view{"_+=,.@-"}.find(c) != std::string_view::npos;
  };
  if (role.size() > 64 || !all_of(role, allowed) || role == "." || role == "..") {
    return failed_source(kMetadataSource, "its answer is unusable: not the name of a role");
  }
  return std::string{role};
}

/// The keys in the service's answer.
[[nodiscard]] inline Result<Credentials> read_metadata_credentials(const HttpResponse& response) {
  if (response.status != 200) {
    return refused_by_source(kMetadataSource, response,
                             "no keys were given for the role of the instance");
  }
  Result<detail::json::Value> answer = json_of(response.body, kMetadataSource);
  if (!answer) return std::move(answer).error();
  const detail::WipedAtEnd wipe{*answer};
  if (std::optional<Error> error = error_inside(*answer, kMetadataSource)) {
    return *std::move(error);
  }
  return credentials_of(*answer, CredentialNames{}, kMetadataSource);
}

/// When keys are to be asked for anew. While the service cannot renew them it goes on to give the
/// old ones, and other services go on to take them ("static stability"); so they are used a while
/// longer. `random`, from 0 to 1, spreads the questions of a fleet over five minutes.
[[nodiscard]] inline std::chrono::system_clock::time_point extended_expiration(
    std::chrono::system_clock::time_point expiration, std::chrono::system_clock::time_point now,
    double random) {
  if (expiration > now) return expiration;
  const std::chrono::duration<double, std::milli> jitter = std::chrono::minutes{5} * random;
  return now + std::chrono::minutes{10} +
         std::chrono::duration_cast<std::chrono::milliseconds>(jitter);
}

/// The region in the service's answer.
[[nodiscard]] inline Result<std::string> read_metadata_region(const HttpResponse& response) {
  if (response.status != 200) {
    return refused_by_source(kMetadataSource, response, "the region is not known");
  }
  std::string region{first_line(response.body)};
  const Result<void> checked = check_region(region);
  if (checked) return region;
  return failed_source(kMetadataSource, "its answer is unusable: " + checked.error().message);
}

/// What instance_metadata_credentials calls: it keeps the session token from call to call.
class MetadataCredentials {
 public:
  explicit MetadataCredentials(const SourceContext& context)
      : context_(context), service_(context) {}

  [[nodiscard]] Result<Credentials> get(const CredentialsRequest& request) {
    const SourceContext context = context_.until(request);
    constexpr const char* path = "/latest/meta-data/iam/security-credentials/";
    const std::lock_guard<std::mutex> lock{mutex_};
    const Result<MetadataPlace> place = service_.find_place();
    if (!place) return place.error();
    const Result<std::string> role =
        service_.get(*place, path, context.remaining()).and_then(read_metadata_role);
    if (!role) return role.error();
    Result<HttpResponse> response =
        service_.get(*place, path + percent_encode(*role), context.remaining());
    if (!response) return std::move(response).error();
    const detail::WipedAtEnd wipe{*response};
    Result<Credentials> credentials = read_metadata_credentials(*response);
    if (!credentials) return credentials;
    unsigned char random = 0;
    context.platform->random_bytes(&random, 1);
    credentials->expiration =
        extended_expiration(*credentials->expiration, context.now(), random / 255.0);
    return credentials;
  }

 private:
  SourceContext context_;
  std::mutex mutex_{};
  MetadataService service_;
};

}  // namespace detail

/// A provider of the keys of the role of the EC2 instance that the program runs on. The service is
/// at AWS_EC2_METADATA_SERVICE_ENDPOINT, or ec2_metadata_service_endpoint of the profile
/// (`profile`, else AWS_PROFILE, else "default"), or at the fixed address of
/// AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE or ec2_metadata_service_endpoint_mode: IPv4, the default,
/// or IPv6. It is never asked through a proxy, and never when AWS_EC2_METADATA_DISABLED is true.
/// Keys that have expired already are used for 10 to 15 minutes more before the next question,
/// because the service gives such while it cannot renew them. Each attempt has one second
/// (AWS_METADATA_SERVICE_TIMEOUT or metadata_service_timeout, in seconds), and there are three of
/// them at most (AWS_METADATA_SERVICE_NUM_ATTEMPTS or metadata_service_num_attempts). Nothing is
/// retried when no connection or no response came in time.
///
/// @par Thread Safety
/// Any thread; calls at the same time take turns.
///
/// @par Error Handling
/// Credentials. A chain goes on when the service is turned off, is not there, or the instance has
/// no role; that is not retryable. It ends at a setting that is not allowed (`where` names it), and
/// at a service that answers and gives no usable keys.
[[nodiscard]] inline CredentialsProvider instance_metadata_credentials(ProviderContext context) {
  auto metadata =
      std::make_shared<detail::MetadataCredentials>(detail::SourceContext{std::move(context)});
  return [metadata = std::move(metadata)](const CredentialsRequest& request) {
    return metadata->get(request);
  };
}

/// The region of the EC2 instance that the program runs on. Settings and errors are those of
/// instance_metadata_credentials.
[[nodiscard]] inline Result<std::string> instance_metadata_region(ProviderContext context) {
  detail::MetadataService service{detail::SourceContext{std::move(context)}};
  const Result<detail::MetadataPlace> place = service.find_place();
  if (!place) return place.error();
  return service.get(*place, "/latest/meta-data/placement/region")
      .and_then(detail::read_metadata_region);
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
