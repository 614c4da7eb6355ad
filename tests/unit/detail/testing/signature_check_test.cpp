// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/testing/signature_check.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"

namespace pe = personalize_events;
using namespace std::chrono_literals;
using pe::testing::check_signature;

namespace {

const std::chrono::system_clock::time_point kNow{1'767'225'600s};
const std::string kRegion = "eu-west-1";
const std::string kService = "personalize";

pe::Credentials long_term() { return {"AKIDEXAMPLE", "example-secret"}; }
pe::Credentials temporary() { return {"ASIAEXAMPLE", "example-secret", "example-token"}; }

void sign(pe::HttpRequest& request, const pe::Credentials& credentials,
          std::chrono::system_clock::time_point at = kNow, const std::string& region = kRegion,
          const std::string& service = kService) {
  pe::detail::sigv4::Signer signer;
  REQUIRE(signer.sign(request, credentials, at, {region, service}).has_value());
}

pe::HttpRequest plain() {
  return {"POST",
          "/events?b=2&a=1",
          {{"Host", "127.0.0.1:8080"}, {"Content-Type", "application/json"}},
          R"({"body":"text"})"};
}

pe::HttpRequest signed_by(const pe::Credentials& credentials) {
  pe::HttpRequest request = plain();
  sign(request, credentials);
  return request;
}

std::string& header(pe::HttpRequest& request, const std::string& name) {
  for (auto& [key, value] : request.headers) {
    if (pe::equal_header_names(key, name)) return value;
  }
  FAIL("no header " << name);
  return request.body;
}

void replace(std::string& text, const std::string& old, const std::string& fresh) {
  const std::size_t at = text.find(old);
  REQUIRE(at != std::string::npos);
  text.replace(at, old.size(), fresh);
}

/// The code that the request is refused with, or nothing.
std::string code_of(const pe::HttpRequest& request, const pe::Credentials& expected,
                    std::chrono::system_clock::time_point now = kNow) {
  const auto checked = check_signature(request, {expected, kRegion, kService}, now);
  if (checked) return {};
  CHECK(checked.error().kind == pe::ErrorKind::Service);
  CHECK(checked.error().http_status == 403);
  CHECK_FALSE(checked.error().message.empty());
  CHECK_THAT(checked.error().message, !test::ContainsSubstring("example-secret"));
  CHECK_THAT(checked.error().message, !test::ContainsSubstring("example-token"));
  return checked.error().code;
}

}  // namespace

TEST_CASE("What was signed with the right key passes") {
  CHECK(code_of(signed_by(long_term()), long_term()).empty());
  CHECK(code_of(signed_by(temporary()), temporary()).empty());
}

TEST_CASE("Headers that were not signed may come and go") {
  pe::HttpRequest request = signed_by(long_term());
  request.headers.insert(request.headers.begin(), {"User-Agent", "any"});
  request.headers.emplace_back("amz-sdk-request", "attempt=1; max=3");
  CHECK(code_of(request, long_term()).empty());
}

TEST_CASE("A signer may sign headers that ours leaves out") {
  pe::HttpRequest request = plain();
  request.headers.emplace_back("User-Agent", "  some   agent ");
  request.headers.emplace_back("X-Amz-Date", pe::detail::format_amz_date(kNow));
  const std::string scope = "20260101/" + kRegion + "/" + kService + "/aws4_request";
  // As the specification has it, without the functions under test.
  const std::string lines =
      "content-type:application/json\nhost:127.0.0.1:8080\nuser-agent:some agent\n"
      "x-amz-date:20260101T000000Z\n";
  const std::string names = "content-type;host;user-agent;x-amz-date";
  pe::detail::crypto::Sha256 sha256;
  const std::string canonical = "POST\n/events\na=1&b=2\n" + lines + "\n" + names + "\n" +
                                pe::detail::crypto::to_hex(*sha256.digest(request.body));
  pe::detail::crypto::Hmac hmac;
  REQUIRE(pe::detail::sigv4::derive_signing_key(hmac, long_term().secret_access_key, scope)
              .has_value());
  const auto signature = hmac.mac("AWS4-HMAC-SHA256\n20260101T000000Z\n" + scope + "\n" +
                                  pe::detail::crypto::to_hex(*sha256.digest(canonical)));
  REQUIRE(signature.has_value());
  request.headers.emplace_back("authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/" + scope +
                                                    ",SignedHeaders=" + names + ",Signature=" +
                                                    pe::detail::crypto::to_hex(*signature));
  CHECK(code_of(request, long_term()).empty());
  header(request, "User-Agent") = "another";
  CHECK(code_of(request, long_term()) == "InvalidSignatureException");
}

TEST_CASE("Whatever was signed cannot be changed") {
  const std::vector<std::function<void(pe::HttpRequest&)>> changes{
      [](pe::HttpRequest& request) { request.method = "PUT"; },
      [](pe::HttpRequest& request) { request.url = "/users?b=2&a=1"; },
      [](pe::HttpRequest& request) { request.url = "/events?b=2"; },
      [](pe::HttpRequest& request) { request.body += " "; },
      [](pe::HttpRequest& request) { header(request, "Host") = "127.0.0.1:8081"; },
      [](pe::HttpRequest& request) { header(request, "Content-Type") += ";"; },
      [](pe::HttpRequest& request) { request.headers.emplace_back("Content-Type", "again"); },
      [](pe::HttpRequest& request) {
        replace(header(request, "X-Amz-Date"), "000000Z", "000001Z");
      },
      [](pe::HttpRequest& request) { request.headers.erase(request.headers.begin()); },
      [](pe::HttpRequest& request) {
        std::string& last = header(request, "Authorization");
        last.back() = last.back() == '0' ? '1' : '0';
      },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    CAPTURE(i);
    pe::HttpRequest request = signed_by(long_term());
    changes[i](request);
    CHECK(code_of(request, long_term()) == "InvalidSignatureException");
  }
}

TEST_CASE("Another secret gives another signature") {
  pe::Credentials other = long_term();
  other.secret_access_key = "another";
  CHECK(code_of(signed_by(other), long_term()) == "InvalidSignatureException");
}

TEST_CASE("An unknown key or session token is unrecognized") {
  CHECK(code_of(signed_by({"AKIDOTHER", "example-secret"}), long_term()) ==
        "UnrecognizedClientException");
  CHECK(code_of(signed_by({"ASIAEXAMPLE", "example-secret"}), temporary()) ==
        "UnrecognizedClientException");
  CHECK(code_of(signed_by({"ASIAEXAMPLE", "example-secret", "other"}), temporary()) ==
        "UnrecognizedClientException");
  CHECK(code_of(signed_by({"AKIDEXAMPLE", "example-secret", "uncalled-for"}), long_term()) ==
        "UnrecognizedClientException");
}

TEST_CASE("Credentials expire at their moment") {
  pe::Credentials expected = temporary();
  expected.expiration = kNow + 1s;
  CHECK(code_of(signed_by(temporary()), expected).empty());
  expected.expiration = kNow;
  CHECK(code_of(signed_by(temporary()), expected) == "ExpiredTokenException");
}

TEST_CASE("A signature is good for five minutes either way") {
  const pe::HttpRequest request = signed_by(long_term());
  CHECK(code_of(request, long_term(), kNow + 5min).empty());
  CHECK(code_of(request, long_term(), kNow - 5min).empty());
  CHECK(code_of(request, long_term(), kNow + 5min + 1s) == "InvalidSignatureException");
  CHECK(code_of(request, long_term(), kNow - 5min - 1s) == "InvalidSignatureException");

  const pe::Credentials expected = long_term();
  const auto late = check_signature(request, {expected, kRegion, kService}, kNow + 1h);
  CHECK(late.error().message ==
        "Signature expired: 20260101T000000Z is more than 5 min. earlier than 20260101T010000Z.");
  const auto early = check_signature(request, {expected, kRegion, kService}, kNow - 1h);
  CHECK_THAT(early.error().message, test::ContainsSubstring("Signature not yet current"));
}

TEST_CASE("The scope names the region, the service and the day") {
  const auto message_of = [](const pe::HttpRequest& request) {
    const pe::Credentials expected = long_term();
    const auto checked = check_signature(request, {expected, kRegion, kService}, kNow);
    REQUIRE_FALSE(checked.has_value());
    CHECK(checked.error().code == "InvalidSignatureException");
    return checked.error().message;
  };
  pe::HttpRequest region = plain();
  sign(region, long_term(), kNow, "us-east-1");
  CHECK_THAT(message_of(region), test::ContainsSubstring("region 'eu-west-1'"));
  pe::HttpRequest service = plain();
  sign(service, long_term(), kNow, kRegion, "personalize-events");
  CHECK_THAT(message_of(service), test::ContainsSubstring("correct service: 'personalize'"));
  pe::HttpRequest day = signed_by(long_term());
  replace(header(day, "Authorization"), "/20260101/", "/20251231/");
  CHECK_THAT(message_of(day), test::ContainsSubstring("the day of X-Amz-Date"));
  pe::HttpRequest form = signed_by(long_term());
  replace(header(form, "Authorization"), "/aws4_request", "/aws5_request");
  CHECK_THAT(message_of(form), test::ContainsSubstring("KEY/DAY/REGION/SERVICE"));
}

TEST_CASE("The host, the date and the token must be signed") {
  for (const std::string name : {"host", "x-amz-date", "x-amz-security-token"}) {
    CAPTURE(name);
    pe::HttpRequest request = signed_by(temporary());
    std::string& authorization = header(request, "Authorization");
    // The last name has no semicolon behind it.
    replace(authorization, name == "x-amz-security-token" ? ";" + name : name + ";", "");
    const pe::Credentials expected = temporary();
    const auto checked = check_signature(request, {expected, kRegion, kService}, kNow);
    REQUIRE_FALSE(checked.has_value());
    CHECK(checked.error().code == "InvalidSignatureException");
    CHECK(checked.error().message ==
          "'" + name + "' must be a 'SignedHeader' in the AWS Authorization.");
  }
}

TEST_CASE("A request without a signature, or with half of one, is told so") {
  CHECK(code_of(plain(), long_term()) == "MissingAuthenticationTokenException");
  for (const std::string authorization :
       {"", "Bearer token", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 ",
        "AWS4-HMAC-SHA512 Credential=a/b", "AWS4-HMAC-SHA256 Credential",
        "AWS4-HMAC-SHA256 Credential=a/b", "AWS4-HMAC-SHA256 SignedHeaders=host, Signature=00",
        "AWS4-HMAC-SHA256 Credential=a/b, Signature=00",
        "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host",
        "AWS4-HMAC-SHA256 Credential=/b, SignedHeaders=host, Signature=00"}) {
    CAPTURE(authorization);
    pe::HttpRequest request = signed_by(long_term());
    header(request, "Authorization") = authorization;
    CHECK(code_of(request, long_term()) == "IncompleteSignature");
  }
  pe::HttpRequest dateless = signed_by(long_term());
  header(dateless, "X-Amz-Date") = "yesterday";
  CHECK(code_of(dateless, long_term()) == "IncompleteSignature");
  dateless.headers.erase(dateless.headers.begin() + 2);
  REQUIRE(pe::find_header(dateless.headers, "X-Amz-Date") == nullptr);
  CHECK(code_of(dateless, long_term()) == "IncompleteSignature");
}
