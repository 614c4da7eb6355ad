// SPDX-License-Identifier: Apache-2.0
//
// ClientOptions: all that an application can say of a client. What it leaves empty make_client
// fills from the AWS environment.
#ifndef PERSONALIZE_EVENTS_CLIENT_OPTIONS_HPP
#define PERSONALIZE_EVENTS_CLIENT_OPTIONS_HPP

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "personalize_events/auth/credentials.hpp"
#include "personalize_events/http/options.hpp"
#include "personalize_events/http/transport.hpp"
#include "personalize_events/platform/platform.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/retry/options.hpp"
#include "personalize_events/wire/validate.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// One attempt of a call, told to ClientOptions::on_attempt when it is over.
struct Attempt {
  std::string_view operation;           ///< "PutEvents"; valid during the callback, as `error` is
  int number{};                         ///< from 1
  int http_status{};                    ///< 0 without a response
  const Error* error{};                 ///< null when the service took the request
  std::chrono::microseconds latency{};  ///< of the exchange alone
  std::size_t bytes_sent{};             ///< of the body
  /// Why the credentials that were used could not be refreshed; null if they could. They may have
  /// expired, and the service decides.
  const Error* credentials_error{};
  std::string_view request_id{};  ///< the service's; empty without one
  std::string_view host{};        ///< "host" or "host:port"
  /// When the request was signed, by the service's clock as far as it is known.
  std::chrono::system_clock::time_point started_at{};
};

/// The settings of a client. Explicit ones win over the environment, that over the profile, that
/// over the default.
struct ClientOptions {
  /// Empty: AWS_REGION, AWS_DEFAULT_REGION, profile.
  std::string region{};
  /// Empty: AWS_ENDPOINT_URL_PERSONALIZE_EVENTS, AWS_ENDPOINT_URL, profile, the endpoint rules.
  std::string endpoint_url{};
  /// Empty: AWS_PROFILE, then "default".
  std::string profile{};
  /// Empty: the default chain. Always wrapped in a cache.
  /// An exception that it throws on a thread of the library ends the program.
  CredentialsProvider credentials{};
  /// Empty: CurlTransport.
  std::shared_ptr<Transport> transport{};
  /// For AsyncClient, and of one such client alone. Empty: `transport` on a few threads when that
  /// is given, else CurlAsyncTransport.
  std::shared_ptr<AsyncTransport> async_transport{};
  /// How often a call is tried, and at which pace.
  RetryOptions retry{};
  /// Empty: AWS_USE_FIPS_ENDPOINT, profile.
  std::optional<bool> use_fips{};
  /// Empty: AWS_USE_DUALSTACK_ENDPOINT, profile.
  std::optional<bool> use_dual_stack{};
  /// One exchange, connecting included.
  std::chrono::milliseconds attempt_timeout{5000};
  /// Over all attempts, backoff and credentials; a backoff that would pass it fails at once.
  std::chrono::milliseconds call_timeout{10000};
  /// What of the service model is checked before anything is sent.
  Validation validation{Validation::Model};
  /// For the library's own transports.
  HttpOptions http{};
  /// AWS_SDK_UA_APP_ID; goes into User-Agent, at most 50 characters.
  std::string app_id{};
  /// Called after each attempt, no lock held: by a Client on the calling thread, by an AsyncClient
  /// on its own. An exception that it throws on a thread of the library ends the program.
  std::function<void(const Attempt&)> on_attempt{};
  /// Empty: the system's; tests use testing::VirtualPlatform.
  std::shared_ptr<Platform> platform{};
};

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
