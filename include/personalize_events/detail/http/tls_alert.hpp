// SPDX-License-Identifier: Apache-2.0
//
// tls_reason and tls_alert: the cause of a TLS failure, read from libcurl's error text. The code
// alone does not tell a rejected client certificate from a lost connection. Pure.
#ifndef PERSONALIZE_EVENTS_DETAIL_HTTP_TLS_ALERT_HPP
#define PERSONALIZE_EVENTS_DETAIL_HTTP_TLS_ALERT_HPP

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Alerts of RFC 8446, section 6.
namespace alert {
inline constexpr int kHandshakeFailure = 40;
inline constexpr int kBadCertificate = 42;
inline constexpr int kUnsupportedCertificate = 43;
inline constexpr int kCertificateRevoked = 44;
inline constexpr int kCertificateExpired = 45;
inline constexpr int kCertificateUnknown = 46;
inline constexpr int kUnknownCa = 48;
inline constexpr int kAccessDenied = 49;
inline constexpr int kProtocolVersion = 70;
inline constexpr int kInsufficientSecurity = 71;
inline constexpr int kInappropriateFallback = 86;
inline constexpr int kUnrecognizedName = 112;
inline constexpr int kCertificateRequired = 116;
}  // namespace alert

/// The name of an alert that `judge` explains; empty for another.
[[nodiscard]] constexpr std::string_view alert_name(int number) noexcept {
  switch (number) {
    case alert::kHandshakeFailure: return "handshake_failure";
    case alert::kBadCertificate: return "bad_certificate";
    case alert::kUnsupportedCertificate: return "unsupported_certificate";
    case alert::kCertificateRevoked: return "certificate_revoked";
    case alert::kCertificateExpired: return "certificate_expired";
    case alert::kCertificateUnknown: return "certificate_unknown";
    case alert::kUnknownCa: return "unknown_ca";
    case alert::kAccessDenied: return "access_denied";
    case alert::kProtocolVersion: return "protocol_version";
    case alert::kInsufficientSecurity: return "insufficient_security";
    case alert::kInappropriateFallback: return "inappropriate_fallback";
    case alert::kUnrecognizedName: return "unrecognized_name";
    case alert::kCertificateRequired: return "certificate_required";
    default: return {};
  }
}

/// SSL_R_UNEXPECTED_EOF_WHILE_READING of OpenSSL: the connection ended without a close_notify.
inline constexpr int kUnexpectedEnd = 294;
/// SSL_R_UNSUPPORTED_PROTOCOL of OpenSSL: the server chose a version below the floor.
inline constexpr int kUnsupportedProtocol = 258;
/// SSL_R_WRONG_VERSION_NUMBER of OpenSSL: what came is no TLS record.
inline constexpr int kWrongVersionNumber = 267;
/// OpenSSL's reason of an alert of the other end is this and the alert.
inline constexpr int kAlertReason = 1000;

/// The reason (SSL_R_...) of the error of OpenSSL, LibreSSL or BoringSSL that a text quotes as
/// "error:0A00045C:SSL routines:..."; 0 without an error of their SSL module.
[[nodiscard]] inline int tls_reason(std::string_view text) noexcept {
  constexpr std::string_view kMark = "error:";
  constexpr std::size_t kDigits = 8;
  for (std::size_t at = text.find(kMark); at != std::string_view::npos;
       at = text.find(kMark, at + 1)) {
    const std::string_view digits = text.substr(at + kMark.size(), kDigits);
    std::uint32_t packed = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), packed, 16);
    if (digits.size() < kDigits || read.ptr != digits.data() + kDigits) continue;
    // The module is 20 in OpenSSL 3 (from bit 23 on), 20 in OpenSSL 1.1 and LibreSSL, and 16 in
    // BoringSSL (from bit 24 on). In all of them the low 12 bits hold the reason.
    const bool is_ssl = packed >> 23 == 20 || packed >> 24 == 20 || packed >> 24 == 16;
    if (is_ssl) return static_cast<int>(packed & 0xFFF);
  }
  return 0;
}

/// The alert with which the other end closed the connection; 0 (close_notify, which is no error)
/// if the text names none.
[[nodiscard]] inline int tls_alert(std::string_view text) noexcept {
  const int reason = tls_reason(text);
  return reason > kAlertReason && reason < kAlertReason + 256 ? reason - kAlertReason : 0;
}

/// Whether a server sends this alert about the client's certificate, or for want of one.
[[nodiscard]] constexpr bool is_about_client_certificate(int number) noexcept {
  switch (number) {
    case alert::kBadCertificate:
    case alert::kUnsupportedCertificate:
    case alert::kCertificateRevoked:
    case alert::kCertificateExpired:
    case alert::kCertificateUnknown:
    case alert::kUnknownCa:
    case alert::kAccessDenied:
    case alert::kCertificateRequired: return true;
    default: return false;
  }
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
