// SPDX-License-Identifier: Apache-2.0
//
// HttpOptions: how the library's own transports connect. Part of ClientOptions; a transport of the
// application's own does as it sees fit.
#ifndef PERSONALIZE_EVENTS_HTTP_OPTIONS_HPP
#define PERSONALIZE_EVENTS_HTTP_OPTIONS_HPP

#include <chrono>
#include <string>

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

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

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
