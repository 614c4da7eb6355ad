// SPDX-License-Identifier: Apache-2.0
//
// judge: the Error that a failure of libcurl becomes (Transport, Timeout, Response or
// Configuration), and whether another attempt can help. CurlExchange calls it. Pure.
#ifndef PERSONALIZE_EVENTS_DETAIL_HTTP_CURL_FAILURE_HPP
#define PERSONALIZE_EVENTS_DETAIL_HTTP_CURL_FAILURE_HPP

#include <curl/curl.h>

#include <optional>
#include <string>
#include <string_view>

#include "personalize_events/detail/http/tls_alert.hpp"
#include "personalize_events/detail/platform/shortage.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// What is known of an exchange that did not give a whole response.
struct CurlFailure {
  CURLcode code{CURLE_OK};
  bool connected{false};               ///< A connection, for https with TLS, stood.
  int status{0};                       ///< From the status line; 0 if none came.
  bool too_large{false};               ///< Ended by us: more than ResponseCollector takes.
  long proxy_status{0};                ///< The proxy's response to CONNECT; 0 if there was none.
  bool lacks_descriptors{false};       ///< Only asked if may_lack_descriptors.
  long verify_result{0};               ///< X509_V_ERR_... of the server's certificate.
  long proxy_verify_result{0};         ///< The same of an HTTPS proxy's certificate.
  bool uses_proxy{false};              ///< A proxy was to carry it.
  bool is_plain_http{false};           ///< The URL's scheme is http.
  bool lost_kept_connection{false};    ///< See kLostKeptConnection.
  bool has_client_certificate{false};  ///< HttpOptions::client_certificate is given.
  bool has_trust{false};               ///< HttpOptions::ca_file or ca_path is given.
  std::string_view text{};             ///< libcurl's error text: it is only searched, never shown.
};

/// What such a failure is to the caller.
struct CurlVerdict {
  ErrorKind kind;
  bool retryable;
  const char* message;  ///< What is wrong and how to fix it.
  const char* code{""};
};

/// X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED, as libcurl reports them.
inline constexpr long kNotYetValid = 9;
inline constexpr long kHasExpired = 10;
/// Error::code of a server's certificate that the clock makes invalid.
inline constexpr const char* kClockSkew = "ClockSkew";

inline constexpr const char* kNoDescriptorsMessage =
    "no file descriptor is left; raise the limit (ulimit -n), or share one AsyncClient among "
    "recorders";
inline constexpr const char* kNoMemoryMessage = "no memory is left for the request; try again";

/// The Error of a request that this process had no resources for. `where` names the transport.
[[nodiscard]] inline Error no_resources(const char* where) {
  const bool are_descriptors = lacks_descriptors();
  Error error = make_error(ErrorKind::Transport, where,
                           are_descriptors ? kNoDescriptorsMessage : kNoMemoryMessage);
  error.code = are_descriptors ? kNoDescriptors : kNoMemory;
  error.retryable = true;
  return error;
}

/// Whether a lack of descriptors can be the cause of a code. libcurl has no code for it: it reports
/// that it cannot connect, look up a name, or open a PEM file, and no errno (7.88), or that of an
/// earlier exchange.
[[nodiscard]] constexpr bool may_lack_descriptors(CURLcode code) noexcept {
  switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_FAILED_INIT:
    case CURLE_OUT_OF_MEMORY:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CONNECT_ERROR: return true;
    default: return false;
  }
}

/// Whether libcurl's error text has this word.
[[nodiscard]] constexpr bool says(const CurlFailure& failure, std::string_view word) noexcept {
  return failure.text.find(word) != std::string_view::npos;
}

/// Whether it is the key of the client certificate that libcurl could not use.
[[nodiscard]] constexpr bool has_bad_key(const CurlFailure& failure) noexcept {
  return failure.has_client_certificate && says(failure, "private key");
}

/// The TLS alert with which the server refused the connection; 0 if it sent none. Under TLS 1.3 one
/// about the client's certificate comes after the handshake, in place of the response.
[[nodiscard]] inline int alert_of(const CurlFailure& failure) noexcept {
  if (failure.status != 0) return 0;
#if LIBCURL_VERSION_NUM >= 0x074d00
  if (failure.code == CURLE_SSL_CLIENTCERT) return alert::kCertificateRequired;
#endif
  if (failure.code == CURLE_PEER_FAILED_VERIFICATION) {
    // libcurl takes the server's certificate_expired for a verdict of OpenSSL on the server's own
    // certificate. Such a verdict would be quoted ("SSL certificate problem: ...").
    return says(failure, "SSL certificate verification failed") ? alert::kCertificateExpired : 0;
  }
  return tls_alert(failure.text);
}

/// The verdict on an alert of the server; empty if it says nothing that the code does not.
[[nodiscard]] inline std::optional<CurlVerdict> judge_alert(const CurlFailure& failure) noexcept {
  const auto refused = [](const char* message) {
    return CurlVerdict{ErrorKind::Transport, false, message};
  };
  const int number = alert_of(failure);
  if (is_about_client_certificate(number) && !failure.has_client_certificate) {
    return refused(
        "the server requires a client certificate; set HttpOptions::client_certificate and "
        "client_key");
  }
  if (number == alert::kCertificateExpired) {
    return refused(
        "the client certificate has expired by the server's clock; renew "
        "HttpOptions::client_certificate");
  }
  if (is_about_client_certificate(number)) {
    return refused(
        "the server rejected the client certificate; check HttpOptions::client_certificate, and "
        "that the server trusts its authority");
  }
  switch (number) {
    case alert::kHandshakeFailure:
      return refused(
          "the server refused the TLS handshake; check that it speaks TLS 1.2 or newer with a "
          "common cipher, and whether it requires (another) HttpOptions::client_certificate");
    case alert::kProtocolVersion:
    case alert::kInsufficientSecurity:
    case alert::kInappropriateFallback:
      return refused("TLS 1.2 or newer could not be negotiated; check that the endpoint speaks it");
    case alert::kUnrecognizedName:
      return refused("the server does not know the host name of the URL; check the endpoint URL");
    default: return std::nullopt;
  }
}

/// The verdict on a TLS handshake that failed without an alert that explains it.
[[nodiscard]] inline CurlVerdict judge_handshake(const CurlFailure& failure) noexcept {
  switch (tls_reason(failure.text)) {
    case kWrongVersionNumber:
      return {ErrorKind::Transport, false,
              "the endpoint does not speak TLS on this port; check the scheme and the port of the "
              "endpoint URL"};
    case kUnsupportedProtocol:
      return {ErrorKind::Transport, false,
              "TLS 1.2 or newer could not be negotiated; check that the endpoint speaks it"};
    default: break;
  }
  if (says(failure, "SSL_ERROR_SYSCALL") || says(failure, "reset by peer") ||
      tls_reason(failure.text) == kUnexpectedEnd) {
    return {ErrorKind::Transport, true,
            "the connection was closed during the TLS handshake; try again, and check the network "
            "and the endpoint URL"};
  }
  return {ErrorKind::Transport, true,
          "the TLS handshake failed; check that the endpoint speaks TLS 1.2 or newer"};
}

/// The verdict on a certificate of the server, or of an HTTPS proxy, that did not pass.
[[nodiscard]] constexpr CurlVerdict judge_certificate(const CurlFailure& failure) noexcept {
  if (failure.verify_result == kNotYetValid || failure.verify_result == kHasExpired) {
    return {ErrorKind::Transport, true,
            "the server's certificate is not valid at the time that this machine's clock shows; "
            "set the clock, or renew the certificate if the clock is right",
            kClockSkew};
  }
  // "no alternative certificate subject name matches target host name", which no authority helps.
  if (says(failure, "subject name")) {
    return {ErrorKind::Transport, false,
            "the server's certificate is for another host; check the endpoint URL"};
  }
  if (says(failure, "too weak")) {
    return {ErrorKind::Transport, false,
            "the server's certificate, or its authority's, has too weak a key or digest for the "
            "TLS library; renew it"};
  }
  if (failure.proxy_verify_result != 0 && failure.verify_result == 0) {
    return {ErrorKind::Transport, false,
            "the HTTPS proxy's certificate is not trusted; name its authority's PEM file in "
            "HttpOptions::ca_file or AWS_CA_BUNDLE"};
  }
  if (failure.has_trust) {
    return {ErrorKind::Transport, false,
            "the server's certificate is not of a trusted authority; HttpOptions::ca_file or "
            "AWS_CA_BUNDLE must name that authority's PEM file"};
  }
  return {ErrorKind::Transport, false,
          "the server's certificate is not of a trusted authority; install ca-certificates, or "
          "name the authority's PEM file in HttpOptions::ca_file or AWS_CA_BUNDLE"};
}

/// CURLE_TOO_LARGE of libcurl 8.6, which may be newer than its headers.
inline constexpr int kTooLarge = 100;

/// Whether a header line or the status line passed the limit of libcurl: 100 kB until its line end
/// (300 kB for all of them comes after the limit of ResponseCollector). Releases before 8.6 report
/// it as a lack of memory, which is hardly ever the cause once there is a connection.
[[nodiscard]] constexpr bool has_too_long_line(const CurlFailure& failure) noexcept {
  const bool is_too_large = static_cast<int>(failure.code) == kTooLarge;
  return failure.connected && (is_too_large || failure.code == CURLE_OUT_OF_MEMORY);
}

/// Whether the URL of the proxy has a scheme or a form that libcurl does not know.
[[nodiscard]] constexpr bool has_unknown_proxy(const CurlFailure& failure) noexcept {
  return says(failure, "Unsupported proxy");
}

/// The verdict on an exchange that got no connection.
[[nodiscard]] constexpr CurlVerdict judge_unconnected(const CurlFailure& failure) noexcept {
  if (has_unknown_proxy(failure)) {
    return {ErrorKind::Configuration, false,
            "libcurl does not support the proxy's URL; write HttpOptions::proxy or HTTPS_PROXY as "
            "http://host:port"};
  }
  if (failure.proxy_status == 407) {
    return {ErrorKind::Transport, false,
            "the proxy requires credentials; put them into the URL of HttpOptions::proxy or "
            "HTTPS_PROXY"};
  }
  if (failure.proxy_status >= 300) {
    return {ErrorKind::Transport, true,
            "the proxy refused the connection; check HttpOptions::proxy or HTTPS_PROXY"};
  }
  // "Proxy CONNECT aborted", "CONNECT tunnel failed", "CONNECT response too large"; a newer libcurl
  // says only what is wrong with the response.
  if (says(failure, "CONNECT") || (failure.uses_proxy && failure.code != CURLE_COULDNT_CONNECT)) {
    return {ErrorKind::Transport, true,
            "the proxy did not respond as an HTTP proxy does; check HttpOptions::proxy or "
            "HTTPS_PROXY"};
  }
  if (failure.uses_proxy) {
    return {ErrorKind::Transport, true,
            "could not connect to the proxy; check HttpOptions::proxy or HTTPS_PROXY"};
  }
  return {ErrorKind::Transport, true, "could not connect; check the network and the endpoint URL"};
}

/// The verdict on an exchange whose connection broke, or brought what is not HTTP.
[[nodiscard]] constexpr CurlVerdict judge_broken(const CurlFailure& failure) noexcept {
  if (failure.too_large) {
    return {ErrorKind::Response, true,
            "the response has more than 64 KiB or 256 header fields; check the endpoint URL and "
            "the proxy"};
  }
  if (has_too_long_line(failure)) {
    return {ErrorKind::Response, true,
            "a header line or trailer of the response is too large (100 kB or more); check the "
            "endpoint URL and the proxy"};
  }
  if (failure.status != 0 && says(failure, "chunk")) {
    return {ErrorKind::Response, true,
            "the response has a malformed chunk or too large a trailer; check the endpoint URL "
            "and the proxy"};
  }
  if (failure.status != 0 && failure.code == CURLE_WEIRD_SERVER_REPLY) {
    return {ErrorKind::Response, true,
            "the response has a malformed header field; check the endpoint URL and the proxy"};
  }
  if (failure.status != 0) {
    return {ErrorKind::Response, true, "the response was cut short or cannot be read; try again"};
  }
  if (failure.connected && failure.code == CURLE_GOT_NOTHING && failure.is_plain_http) {
    return {ErrorKind::Transport, true,
            "the server closed the connection without a response; try again, and check whether "
            "the endpoint URL should begin with https://"};
  }
  if (failure.connected) {
    return {ErrorKind::Transport, true,
            "the connection was lost before a response came; try again"};
  }
  return judge_unconnected(failure);
}

/// The verdict on a failure. A code without a case of its own is judged by how far the exchange
/// came, so that the codes of a newer libcurl are judged too.
[[nodiscard]] inline CurlVerdict judge(const CurlFailure& failure) {
  if (!failure.connected && failure.lacks_descriptors) {
    return {ErrorKind::Transport, true, kNoDescriptorsMessage, kNoDescriptors};
  }
  if (!failure.connected && failure.code == CURLE_OUT_OF_MEMORY) {
    return {ErrorKind::Transport, true, kNoMemoryMessage, kNoMemory};
  }
  if (const auto refused = judge_alert(failure)) return *refused;
  if (failure.lost_kept_connection) {
    return {ErrorKind::Transport, true,
            "the server closed a kept-alive connection before it responded; try again",
            kLostKeptConnection};
  }
  switch (failure.code) {
    case CURLE_OPERATION_TIMEDOUT:
      if (failure.connected) {
        return {ErrorKind::Timeout, true, "no complete response came in time; try again"};
      }
      if (failure.uses_proxy) {
        return {ErrorKind::Timeout, true,
                "connect timed out; check the network, the endpoint URL, and HttpOptions::proxy or "
                "HTTPS_PROXY"};
      }
      return {ErrorKind::Timeout, true,
              "connect timed out; check the network and the endpoint URL"};
    case CURLE_COULDNT_RESOLVE_HOST:
      return {ErrorKind::Transport, true,
              "could not resolve the host name; check the network and the endpoint URL"};
    case CURLE_COULDNT_CONNECT:
      if (!failure.connected) break;
      return {
          ErrorKind::Transport, true,
          "the connection was lost before a response came, and no other could be made; try again"};
    case CURLE_COULDNT_RESOLVE_PROXY:
      if (has_unknown_proxy(failure)) break;
      return {ErrorKind::Transport, true,
              "could not resolve the proxy's name; check HttpOptions::proxy or HTTPS_PROXY"};
#if LIBCURL_VERSION_NUM >= 0x074900
    case CURLE_PROXY:
      return {ErrorKind::Transport, true,
              "the SOCKS proxy refused the connection; check HttpOptions::proxy or HTTPS_PROXY, "
              "and the endpoint URL"};
#endif
    case CURLE_SSL_CONNECT_ERROR: return judge_handshake(failure);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS: return judge_certificate(failure);
    case CURLE_SSL_CACERT_BADFILE:
      if (failure.has_trust) {
        return {ErrorKind::Configuration, false,
                "the trusted authorities cannot be read; HttpOptions::ca_file or AWS_CA_BUNDLE "
                "must name a readable PEM file"};
      }
      return {ErrorKind::Configuration, false,
              "libcurl's trusted authorities cannot be read; install ca-certificates, or name a "
              "PEM file in HttpOptions::ca_file or AWS_CA_BUNDLE"};
    case CURLE_BAD_FUNCTION_ARGUMENT:  // of a key, libcurl 8.23
    case CURLE_SSL_CERTPROBLEM:
      if (has_bad_key(failure)) {
        return {ErrorKind::Configuration, false,
                "the client certificate's key cannot be used; HttpOptions::client_key must name a "
                "readable PEM file without a password, with the key of "
                "HttpOptions::client_certificate"};
      }
      if (failure.code != CURLE_SSL_CERTPROBLEM) break;
      return {ErrorKind::Configuration, false,
              "the client certificate cannot be used; HttpOptions::client_certificate must name a "
              "readable PEM file"};
    case CURLE_URL_MALFORMAT:
      return {ErrorKind::Configuration, false,
              "the URL is malformed; write it as https://host or https://host:port"};
    case CURLE_LOGIN_DENIED:
      return {ErrorKind::Configuration, false, "the URL holds a user name; remove it"};
    case CURLE_FAILED_INIT:
    case CURLE_NOT_BUILT_IN:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_ENGINE_INITFAILED:
      return {ErrorKind::Configuration, false,
              "libcurl cannot be used; install one built with TLS"};
    case CURLE_UNSUPPORTED_PROTOCOL:
      if (failure.connected) break;
      return {ErrorKind::Configuration, false,
              "libcurl does not know the URL's scheme; install one built with TLS"};
    case CURLE_OUT_OF_MEMORY:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE: return judge_broken(failure);
    default: break;
  }
  if (failure.connected && failure.status == 0 && !failure.too_large &&
      !has_too_long_line(failure)) {
    return {ErrorKind::Response, true,
            "the response is not HTTP; check the scheme and the port of the endpoint URL"};
  }
  return judge_broken(failure);
}

/// The cause that an Error's message ends with: the TLS alert, or libcurl's text of the code unless
/// that misleads.
[[nodiscard]] inline std::string cause_of(const CurlFailure& failure) {
  if (const int number = alert_of(failure); number != 0) {
    std::string cause = "TLS alert " + std::to_string(number);
    if (!alert_name(number).empty()) cause.append(", ").append(alert_name(number));
    return cause;
  }
  // Of a lost kept connection the code says how libcurl was kept from sending again.
  if (failure.lost_kept_connection || failure.too_large || has_too_long_line(failure)) return {};
  return curl_easy_strerror(failure.code);
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
