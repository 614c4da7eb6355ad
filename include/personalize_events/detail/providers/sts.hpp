// SPDX-License-Identifier: Apache-2.0
//
// assume_role_credentials: keys of a role, from AWS STS, for other credentials that the role
// trusts. Profiles with role_arn lead to it; an application may put it into
// ClientOptions::credentials.
// Source: AWS STS API Reference, "AssumeRole".
#ifndef PERSONALIZE_EVENTS_DETAIL_PROVIDERS_STS_HPP
#define PERSONALIZE_EVENTS_DETAIL_PROVIDERS_STS_HPP

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "personalize_events/credentials.hpp"
#include "personalize_events/detail/base/ascii.hpp"
#include "personalize_events/detail/base/time.hpp"
#include "personalize_events/detail/config/endpoint.hpp"
#include "personalize_events/detail/http/secret.hpp"
#include "personalize_events/detail/providers/source.hpp"
#include "personalize_events/detail/providers/sts_query.hpp"
#include "personalize_events/detail/retry/attempt.hpp"
#include "personalize_events/detail/retry/classify.hpp"
#include "personalize_events/detail/signing/sigv4.hpp"
#include "personalize_events/detail/wire/response.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// A role, and how it is assumed.
struct AssumeRoleOptions {
  /// 20 to 2048 characters, like "arn:aws:iam::123456789012:role/name".
  std::string role_arn;
  /// 2 to 64 letters, digits and characters of "_+=,.@-"; CloudTrail shows it. Empty:
  /// "personalize-events-" and the milliseconds since 1970.
  std::string role_session_name{};
  /// What the trust policy of another party's role asks for: 2 to 1224 characters. Empty: none.
  std::string external_id{};
  /// 900 to 43200 seconds, and no more than the role allows. Absent: STS's default, an hour.
  std::optional<std::chrono::seconds> duration{};
  /// Whose STS is asked; requests are signed for it.
  std::string region{};
  /// Empty: the region's endpoint.
  std::string endpoint_url{};
  /// The region's FIPS endpoint.
  bool use_fips{false};
  /// The region's endpoint of IPv4 and IPv6.
  bool use_dual_stack{false};
};

namespace detail {

/// Checks what is not checked where it is used. Errors: Credentials, `where` names the member.
[[nodiscard]] inline Result<void> check_assume_role(const AssumeRoleOptions& options) {
  if (auto checked = check_role_arn(options.role_arn); !checked) return checked;
  const auto is_printable = [](char c) { return c == ' ' || is_visible(c); };
  const std::string& external_id = options.external_id;
  const bool is_external_id =
      external_id.size() >= 2 && external_id.size() <= 1224 && all_of(external_id, is_printable);
  if (!external_id.empty() && !is_external_id) {
    return misconfigured_source("external_id", "must be 2 to 1224 characters of plain ASCII");
  }
  const std::chrono::seconds duration = options.duration.value_or(std::chrono::seconds{3600});
  if (duration < std::chrono::seconds{900} || duration > std::chrono::seconds{43'200}) {
    return misconfigured_source("duration", "must be 900 to 43200 seconds");
  }
  // A custom endpoint needs no region, but its signature does.
  if (!options.endpoint_url.empty()) {
    if (auto checked = check_region(options.region); !checked) {
      return misconfigured_source("region", checked.error().message);
    }
  }
  return {};
}

/// The question, unsigned. Pure. Errors: Credentials, `where` names the member.
[[nodiscard]] inline Result<HttpRequest> assume_role_request(const AssumeRoleOptions& options,
                                                             TimePoint now) {
  if (auto checked = check_assume_role(options); !checked) return std::move(checked).error();
  const Result<std::string> session_name = role_session_name(options.role_session_name, now);
  if (!session_name) return session_name.error();
  const Result<Endpoint> endpoint = sts_endpoint(
      {options.region, options.endpoint_url, options.use_fips, options.use_dual_stack});
  if (!endpoint) return endpoint.error();

  StsParameters parameters = {{"Action", "AssumeRole"},
                              {"Version", "2011-06-15"},
                              {"RoleArn", options.role_arn},
                              {"RoleSessionName", *session_name}};
  if (!options.external_id.empty()) parameters.emplace_back("ExternalId", options.external_id);
  std::string duration;
  if (options.duration) {
    duration = std::to_string(options.duration->count());
    parameters.emplace_back("DurationSeconds", duration);
  }
  return sts_request(*endpoint, parameters);
}

/// Signs a request to STS.
[[nodiscard]] inline Result<void> sign_for_sts(HttpRequest& request, const Credentials& credentials,
                                               TimePoint now, std::string_view region) {
  detail::sigv4::SigningOptions signing;
  signing.region = region;
  signing.service = "sts";
  return detail::sigv4::Signer{}
      .sign(request, credentials, now, signing)
      .transform_error([](const Error& error) {
        return failed_source(kStsSource, "the request cannot be signed: " + error.message);
      });
}

/// The time to sign by once more: that of STS, if it refused the signature and this machine's clock
/// is far from it.
[[nodiscard]] inline std::optional<TimePoint> correct_time_for_sts(
    const HttpResponse& response, const std::optional<StsError>& refusal, TimePoint signed_at) {
  if (!refusal || !detail::retry::is_one_of(detail::retry::kClockSkewCodes, refusal->code))
    return std::nullopt;
  const auto service_now = detail::wire::date_of(response);
  return service_now && detail::retry::is_skewed(*service_now, signed_at) ? service_now
                                                                          : std::nullopt;
}

[[nodiscard]] inline Result<Credentials> assume_role(const AssumeRoleOptions& options,
                                                     const CredentialsProvider& source,
                                                     const SourceContext& context) {
  const TimePoint now = context.now();
  Result<HttpRequest> request = assume_role_request(options, now);
  if (!request) return std::move(request).error();
  const detail::WipedAtEnd wipe{*request};

  if (source == nullptr) return misconfigured_source(kStsSource, "no source of the caller's keys");
  const Result<Credentials> caller = source(context.remaining());
  if (!caller) {
    // The role was meant, so a source that has nothing to say is no reason to look elsewhere.
    Error error = caller.error();
    if (!is_of_meant_source(error)) error.code = "FailedSource";
    return error;
  }
  const std::size_t plain_headers = request->headers.size();
  if (auto done = sign_for_sts(*request, *caller, now, options.region); !done) {
    return std::move(done).error();
  }
  Result<HttpResponse> response = ask_sts(context, *request, Carries::Signature);
  if (!response) return std::move(response).error();
  const detail::WipedAtEnd wipe_response{*response};
  std::optional<StsError> refusal = sts_error_of(*response);
  if (const auto service_now = correct_time_for_sts(*response, refusal, now)) {
    detail::drop_headers(request->headers, plain_headers);
    if (auto done = sign_for_sts(*request, *caller, *service_now, options.region); !done) {
      return std::move(done).error();
    }
    Result<HttpResponse> second = ask_sts(context, *request, Carries::Signature);
    if (!second) return std::move(second).error();
    detail::wipe(*response);
    *response = *std::move(second);
    refusal = sts_error_of(*response);
  }
  if (refusal &&
      detail::retry::is_one_of(detail::retry::kRejectedCredentialsCodes, refusal->code)) {
    if (const auto keeper = caller->keeper.lock()) keeper->invalidate(*caller);
  }
  return credentials_of_sts(*response, "AssumeRole");
}

}  // namespace detail

/// A provider that assumes a role each time it is called, with the credentials that `source` then
/// gives.
///
/// @par Thread Safety
/// Any thread, if `source` may be called from any.
///
/// @par Error Handling
/// Credentials that end a chain: an option that is not allowed (`where` names it), the Error of
/// `source`, no answer, or a refusal (`where` is "AWS STS"; `http_status` and `request_id` are set;
/// `message` has the service's code and what to mend). No connection, throttling, 429 and 5xx are
/// tried again within the call, three times in all.
[[nodiscard]] inline CredentialsProvider assume_role_credentials(AssumeRoleOptions options,
                                                                 CredentialsProvider source,
                                                                 ProviderContext context) {
  return [options = std::move(options), source = std::move(source),
          context = detail::SourceContext{std::move(context)}](const CredentialsRequest& request) {
    return detail::assume_role(options, source, context.until(request));
  };
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
