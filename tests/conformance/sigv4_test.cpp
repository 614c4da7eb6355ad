// SPDX-License-Identifier: Apache-2.0
//
// AWS's signing test suite, header signing: each case's canonical request, string to sign,
// signature and signed request. Both HMAC backends sign; OpenSSL 3 calls that of 1.1.1 deprecated.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "personalize_events/detail/signing/sigv4.hpp"

#include <filesystem>
#include <set>
#include <string>
#include <string_view>

#include "catch.hpp"
#include "personalize_events/detail/json/reader.hpp"
#include "personalize_events/detail/signing/hmac_context.hpp"
#include "support/conformance.hpp"

namespace pe = personalize_events;
using test::member;
namespace sigv4 = personalize_events::detail::sigv4;

namespace {

const char* const kEmptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::string text_of(const pe::detail::json::Value& object, const char* name) {
  const std::string* found = object.find_string(name);
  REQUIRE(found != nullptr);
  return *found;
}

// The text up to `separator`, cut off `rest` with it.
std::string_view take_until(std::string_view& rest, std::string_view separator) {
  const std::size_t at = rest.find(separator);
  const std::string_view head = rest.substr(0, at);
  rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + separator.size());
  return head;
}

// A raw request of the suite: LF line ends, "Name:value", folded headers, anything in the target.
pe::HttpRequest parse_request(std::string_view text) {
  pe::HttpRequest request;
  std::string_view first = take_until(text, "\n");
  request.method = take_until(first, " ");
  const std::size_t version = first.rfind(" HTTP/1.1");
  REQUIRE(version != std::string_view::npos);
  request.url = "https://example.amazonaws.com";
  request.url.append(first.substr(0, version));
  while (!text.empty()) {
    std::string_view line = take_until(text, "\n");
    if (line.empty()) break;
    if (line.front() == ' ') {
      request.headers.back().second.append("\n").append(line);
      continue;
    }
    const std::string_view name = take_until(line, ":");
    request.headers.emplace_back(name, line);
  }
  request.body = text;
  return request;
}

std::multiset<std::string> header_lines(const pe::HttpRequest& request) {
  std::multiset<std::string> lines;
  for (const auto& [name, value] : request.headers) lines.insert(name + ":" + value);
  return lines;
}

template <class Hmac>
std::string signature_by(std::string_view secret, std::string_view scope, std::string_view text) {
  Hmac hmac;
  REQUIRE(sigv4::derive_signing_key(hmac, secret, scope).has_value());
  const auto signature = hmac.mac(text);
  REQUIRE(signature.has_value());
  return pe::detail::crypto::to_hex(*signature);
}

std::string sha256_hex(std::string_view data) {
  pe::detail::crypto::Sha256 sha256;
  const auto digest = sha256.digest(data);
  REQUIRE(digest.has_value());
  return pe::detail::crypto::to_hex(*digest);
}

void check_case(const std::filesystem::path& folder) {
  const pe::detail::json::Value context = test::read_vectors(folder / "context.json");
  const auto expected = [&folder](const char* file) {
    return test::read_conformance(folder / file);
  };

  const pe::detail::json::Value& keys = member(context, "credentials");
  pe::Credentials credentials{text_of(keys, "access_key_id"), text_of(keys, "secret_access_key")};
  if (const std::string* token = keys.find_string("token")) credentials.session_token = *token;
  const std::string region = text_of(context, "region");
  const std::string service = text_of(context, "service");
  const auto now = pe::detail::parse_rfc3339(text_of(context, "timestamp"));
  REQUIRE(now.has_value());
  const pe::detail::json::Value* omits_token = context.find("omit_session_token");

  pe::HttpRequest request = parse_request(expected("request.txt"));
  const bool signs_body = member(context, "sign_body").boolean;
  const std::string payload_hash = signs_body ? sha256_hex(request.body) : kEmptyHash;
  if (signs_body) request.headers.emplace_back("x-amz-content-sha256", payload_hash);
  sigv4::SigningOptions options{region, service};
  options.normalize_path = member(context, "normalize").boolean;
  options.sign_session_token = omits_token == nullptr || !omits_token->boolean;
  if (!signs_body) options.payload_hash = payload_hash;

  // Each intermediate by its own function.
  pe::HttpRequest dated = request;
  const std::string date = pe::detail::format_amz_date(*now);
  dated.headers.emplace_back("X-Amz-Date", date);
  if (!credentials.session_token.empty() && options.sign_session_token) {
    dated.headers.emplace_back("X-Amz-Security-Token", credentials.session_token);
  }
  const sigv4::CanonicalHeaders headers = sigv4::canonical_headers(dated.headers);
  const std::string canonical =
      sigv4::canonical_request(dated, headers, payload_hash, options.normalize_path);
  CHECK(canonical == expected("header-canonical-request.txt"));
  const std::string scope = sigv4::credential_scope(date, options);
  const std::string text = sigv4::string_to_sign(date, scope, sha256_hex(canonical));
  CHECK(text == expected("header-string-to-sign.txt"));
  const std::string signature = expected("header-signature.txt");
  CHECK(signature_by<pe::detail::crypto::Hmac>(credentials.secret_access_key, scope, text) ==
        signature);
  CHECK(signature_by<pe::detail::crypto::HmacContext>(credentials.secret_access_key, scope, text) ==
        signature);

  // The whole by the signer.
  sigv4::Signer signer;
  REQUIRE(signer.sign(request, credentials, *now, options).has_value());
  const pe::HttpRequest expected_request = parse_request(expected("header-signed-request.txt"));
  CHECK(request.method == expected_request.method);
  CHECK(request.url == expected_request.url);
  CHECK(header_lines(request) == header_lines(expected_request));
  CHECK(request.body == expected_request.body);
}

}  // namespace

TEST_CASE("requests are signed as in AWS's signing test suite") {
  const auto folders = test::conformance_cases("sigv4");
  for (const std::filesystem::path& folder : folders) {
    CAPTURE(folder.string());
    check_case(folder);
  }
  test::report_conformance_cases(folders.size(), "sigv4, by two HMAC backends each");
  CHECK(folders.size() == 38);
}
