// SPDX-License-Identifier: Apache-2.0
//
// check_signature: whether a request that arrived was signed with the right key, for the right
// place and time, judged over the headers that its signer chose. Pure; the local endpoint
// (endpoint_service.hpp) asks it, and answers what it says.
// Source:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
#ifndef PERSONALIZE_EVENTS_DETAIL_TESTING_SIGNATURE_CHECK_HPP
#define PERSONALIZE_EVENTS_DETAIL_TESTING_SIGNATURE_CHECK_HPP

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "personalize_events/credentials.hpp"
#include "personalize_events/detail/base/time.hpp"
#include "personalize_events/detail/signing/crypto.hpp"
#include "personalize_events/detail/signing/sigv4.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace testing {

/// How far a signature's time may be from the service's.
inline constexpr std::chrono::minutes kSignatureLifetime{5};

/// What a request must be signed for.
struct ExpectedSignature {
  const Credentials& credentials;  ///< Outlive this.
  std::string_view region;         ///< "us-east-1"
  std::string_view service;        ///< "personalize"
};

/// A service's refusal as an Error: the code and the status that it is answered with.
[[nodiscard]] inline Error refusal(int status, std::string code, std::string message) {
  Error error = detail::make_error(ErrorKind::Service, {}, std::move(message));
  error.http_status = status;
  error.code = std::move(code);
  return error;
}

/// The parts of an Authorization header. They refer to its text.
struct Authorization {
  std::string_view access_key_id{};   ///< before the scope
  std::string_view scope{};           ///< "20150830/us-east-1/personalize/aws4_request"
  std::string_view signed_headers{};  ///< names, parted by semicolons
  std::string_view signature{};       ///< 64 hexadecimal digits
};

/// The text between separators, an empty one for each pair of neighbours.
[[nodiscard]] inline std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

/// Takes an Authorization header apart. Errors: Service, IncompleteSignature with the part that is
/// missing.
[[nodiscard]] inline Result<Authorization> parse_authorization(std::string_view header) {
  const auto refuse = [](std::string message) {
    return refusal(403, "IncompleteSignature", std::move(message));
  };
  const std::size_t space = header.find(' ');
  if (space == std::string_view::npos || header.substr(0, space) != detail::sigv4::kAlgorithm) {
    return refuse("The Authorization header does not begin with AWS4-HMAC-SHA256.");
  }
  Authorization authorization;
  for (std::string_view part : split(header.substr(space + 1), ',')) {
    part.remove_prefix((std::min)(part.size(), part.find_first_not_of(' ')));
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) {
      return refuse("The Authorization header has a part without an equal sign.");
    }
    const std::string_view name = part.substr(0, equals);
    const std::string_view value = part.substr(equals + 1);
    if (name == "Credential") {
      const std::size_t slash = value.find('/');
      authorization.access_key_id = value.substr(0, slash);
      if (slash != std::string_view::npos) authorization.scope = value.substr(slash + 1);
    } else if (name == "SignedHeaders") {
      authorization.signed_headers = value;
    } else if (name == "Signature") {
      authorization.signature = value;
    }
  }
  const auto missing = [&refuse](const char* name) {
    return refuse("Authorization header requires '" + std::string(name) + "' parameter.");
  };
  if (authorization.access_key_id.empty()) return missing("Credential");
  if (authorization.signed_headers.empty()) return missing("SignedHeaders");
  if (authorization.signature.empty()) return missing("Signature");
  return authorization;
}

/// The headers that a signer named, in canonical form; nothing when the request lacks one of them.
/// Unlike sigv4::canonical_headers it leaves none out: which to sign is the signer's choice.
[[nodiscard]] inline std::optional<detail::sigv4::CanonicalHeaders> named_headers(
    const Headers& headers, std::string_view signed_headers) {
  detail::sigv4::CanonicalHeaders canonical;
  canonical.names = signed_headers;
  for (const std::string_view wanted : split(signed_headers, ';')) {
    bool is_present = false;
    for (const auto& [name, value] : headers) {
      if (!equal_header_names(name, wanted)) continue;
      canonical.lines.append(is_present ? "," : std::string(wanted) + ":");
      canonical.lines.append(detail::sigv4::canonical_header_value(value));
      is_present = true;
    }
    if (!is_present) return std::nullopt;
    canonical.lines.push_back('\n');
  }
  return canonical;
}

/// Checks that the credentials are the expected ones, and still good.
[[nodiscard]] inline Result<void> check_identity(const HttpRequest& request,
                                                 const Authorization& authorization,
                                                 const Credentials& expected,
                                                 std::chrono::system_clock::time_point now) {
  const std::string* token = find_header(request.headers, "x-amz-security-token");
  const std::string_view sent_token = token == nullptr ? std::string_view{} : *token;
  if (authorization.access_key_id != expected.access_key_id ||
      sent_token != expected.session_token) {
    return refusal(403, "UnrecognizedClientException",
                   "The security token included in the request is invalid.");
  }
  if (expected.expiration && *expected.expiration <= now) {
    return refusal(403, "ExpiredTokenException",
                   "The security token included in the request is expired.");
  }
  return {};
}

/// Checks the scope, which has the form "day/region/service/aws4_request".
[[nodiscard]] inline Result<void> check_scope(std::string_view scope, std::string_view amz_date,
                                              const ExpectedSignature& expected) {
  const auto refuse = [](std::string message) {
    return refusal(403, "InvalidSignatureException", std::move(message));
  };
  const std::vector<std::string_view> parts = split(scope, '/');
  if (parts.size() != 4 || parts[3] != "aws4_request") {
    return refuse("Credential should have the form KEY/DAY/REGION/SERVICE/aws4_request.");
  }
  if (parts[0] != amz_date.substr(0, 8)) {
    return refuse("Credential should be scoped to the day of X-Amz-Date.");
  }
  if (parts[1] != expected.region) {
    return refuse("Credential should be scoped to the region '" + std::string(expected.region) +
                  "'.");
  }
  if (parts[2] != expected.service) {
    return refuse("Credential should be scoped to correct service: '" +
                  std::string(expected.service) + "'.");
  }
  return {};
}

/// Checks that a signature was made within kSignatureLifetime.
[[nodiscard]] inline Result<void> check_time(std::chrono::system_clock::time_point signed_at,
                                             std::chrono::system_clock::time_point now) {
  const std::string date = detail::format_amz_date(signed_at);
  const std::string service_date = detail::format_amz_date(now);
  if (signed_at < now - kSignatureLifetime) {
    return refusal(
        403, "InvalidSignatureException",
        "Signature expired: " + date + " is more than 5 min. earlier than " + service_date + ".");
  }
  if (signed_at > now + kSignatureLifetime) {
    return refusal(403, "InvalidSignatureException",
                   "Signature not yet current: " + date + " is more than 5 min. later than " +
                       service_date + ".");
  }
  return {};
}

/// The signature that the request should have. Errors: Signing, when libcrypto fails.
[[nodiscard]] inline Result<std::string> expected_signature(
    const HttpRequest& request, const detail::sigv4::CanonicalHeaders& headers,
    std::string_view amz_date, std::string_view scope, const Credentials& credentials) {
  detail::crypto::Sha256 sha256;
  auto body_hash = sha256.digest(request.body);
  if (!body_hash) return std::move(body_hash).error();
  auto request_hash = sha256.digest(
      detail::sigv4::canonical_request(request, headers, detail::crypto::to_hex(*body_hash), true));
  if (!request_hash) return std::move(request_hash).error();

  detail::crypto::Hmac hmac;
  auto keyed = detail::sigv4::derive_signing_key(hmac, credentials.secret_access_key, scope);
  if (!keyed) return std::move(keyed).error();
  return hmac
      .mac(detail::sigv4::string_to_sign(amz_date, scope, detail::crypto::to_hex(*request_hash)))
      .transform([](const detail::crypto::Digest& signature) {
        return detail::crypto::to_hex(signature);
      });
}

/// Checks the signature of a request as it arrived; `url` may be its target alone.
///
/// @par Error Handling
/// Service, with the code and the status that AWS answers: MissingAuthenticationTokenException,
/// IncompleteSignature, UnrecognizedClientException (another key or session token),
/// ExpiredTokenException, InvalidSignatureException (the scope, a time more than five minutes off,
/// a header that must be signed and is not, the signature itself), all 403. Signing, when libcrypto
/// fails.
[[nodiscard]] inline Result<void> check_signature(const HttpRequest& request,
                                                  const ExpectedSignature& expected,
                                                  std::chrono::system_clock::time_point now) {
  const std::string* header = find_header(request.headers, "authorization");
  if (header == nullptr) {
    return refusal(403, "MissingAuthenticationTokenException", "Missing Authentication Token");
  }
  auto authorization = parse_authorization(*header);
  if (!authorization) return std::move(authorization).error();
  const std::string* amz_date = find_header(request.headers, "x-amz-date");
  if (amz_date == nullptr) {
    return refusal(403, "IncompleteSignature",
                   "Authorization header requires existence of an 'X-Amz-Date' header.");
  }
  const auto signed_at = detail::parse_amz_date(*amz_date);
  if (!signed_at) {
    return refusal(403, "IncompleteSignature",
                   "X-Amz-Date must be in the form '20150830T123600Z'.");
  }

  auto known = check_identity(request, *authorization, expected.credentials, now);
  if (!known) return known;
  if (auto scoped = check_scope(authorization->scope, *amz_date, expected); !scoped) return scoped;
  if (auto timely = check_time(*signed_at, now); !timely) return timely;

  const auto invalid = [](std::string message) {
    return refusal(403, "InvalidSignatureException", std::move(message));
  };
  const std::vector<std::string_view> names = split(authorization->signed_headers, ';');
  for (const std::string_view required : {"host", "x-amz-date", "x-amz-security-token"}) {
    if (find_header(request.headers, required) == nullptr) continue;
    if (std::find(names.begin(), names.end(), required) == names.end()) {
      return invalid("'" + std::string(required) +
                     "' must be a 'SignedHeader' in the AWS Authorization.");
    }
  }
  const auto headers = named_headers(request.headers, authorization->signed_headers);
  if (!headers) return invalid("The request lacks a header that SignedHeaders names.");

  const Result<std::string> signature =
      expected_signature(request, *headers, *amz_date, authorization->scope, expected.credentials);
  if (!signature) return signature.error();
  if (authorization->signature == *signature) return {};
  return invalid(
      "The request signature we calculated does not match the signature you provided. Check your "
      "AWS Secret Access Key and signing method. Consult the service documentation for details.");
}

}  // namespace testing

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
