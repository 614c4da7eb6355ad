// SPDX-License-Identifier: Apache-2.0
//
// ClientOptions, with HttpOptions and RetryOptions: all that an application can say of a client.
// make_client fills what it leaves empty from the AWS environment.
#ifndef PERSONALIZE_EVENTS_OPTIONS_HPP
#define PERSONALIZE_EVENTS_OPTIONS_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "personalize_events/credentials.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"
#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// AWS's retry modes. "legacy" is not offered.
enum class RetryMode : std::uint8_t {
  Standard,  ///< Backoff with jitter and a quota of retries shared by a client's calls.
  Adaptive,  ///< Standard, and requests are held back to the pace that the service accepts.
};

/// How a client retries. What is empty comes from the environment, the profile, then the default.
struct RetryOptions {
  /// AWS_RETRY_MODE, profile `retry_mode`, Standard.
  std::optional<RetryMode> mode{};
  /// AWS_MAX_ATTEMPTS, profile `max_attempts`, 3. The first attempt counts.
  std::optional<int> max_attempts{};
  /// Tokens that a client's retries draw from; successes give them back.
  int quota{500};
};

/// Settings of CurlTransport and CurlAsyncTransport. TLS 1.2 is the floor and verification has no
/// off switch. libcurl honours the variable SSLKEYLOGFILE, by which the secrets of TLS sessions get
/// into a file.
struct HttpOptions {
  /// DNS, TCP and TLS together, each attempt.
  std::chrono::milliseconds connect_timeout{3100};
  /// A proxy URL, with credentials if it requires some; NO_PROXY does not undo it. Empty: libcurl
  /// reads HTTPS_PROXY, ALL_PROXY, http_proxy and NO_PROXY by its own rules.
  std::string proxy{};
  /// PEM bundle of trusted authorities; empty: AWS_CA_BUNDLE, then libcurl's. On Windows, without
  /// this and `ca_path`, also the system's certificate store (libcurl 7.71).
  std::string ca_file{};
  /// Folder of hashed certificates; empty: libcurl's.
  std::string ca_path{};
  /// PEM file for mutual TLS.
  std::string client_certificate{};
  /// PEM file with the certificate's key, without a password.
  std::string client_key{};
  /// Most exchanges at once and most kept-alive connections.
  int max_connections{50};
};

/// How much of the model is enforced before sending.
enum class Validation : std::uint8_t {
  /// Every bound and pattern of the service model.
  Model,
  /// Only what makes the request well formed: required members, UTF-8, finite numbers, properties
  /// that are an object. For an account whose limits were raised.
  WellFormedOnly,
};

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
