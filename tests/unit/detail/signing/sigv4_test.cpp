// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/signing/sigv4.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"

namespace pe = personalize_events;
namespace sigv4 = personalize_events::detail::sigv4;
using namespace std::chrono_literals;

namespace {

const std::chrono::system_clock::time_point kNow{1'440'938'160s};  // 2015-08-30T12:36:00Z
constexpr sigv4::SigningOptions kPersonalize{"us-east-1", "personalize"};
const char* const kSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

pe::HttpRequest new_request(std::string body = "{}") {
  pe::HttpRequest request;
  request.method = "POST";
  request.url = "https://personalize-events.us-east-1.amazonaws.com/events";
  request.headers = {{"Host", "personalize-events.us-east-1.amazonaws.com"},
                     {"Content-Type", "application/json"}};
  request.body = std::move(body);
  return request;
}

std::string header(const pe::HttpRequest& request, std::string_view name) {
  const std::string* value = pe::find_header(request.headers, name);
  return value == nullptr ? std::string{} : *value;
}

std::string authorization(sigv4::Signer& signer, const pe::Credentials& credentials,
                          std::chrono::system_clock::time_point now = kNow,
                          const sigv4::SigningOptions& options = kPersonalize,
                          std::string body = "{}") {
  pe::HttpRequest request = new_request(std::move(body));
  REQUIRE(signer.sign(request, credentials, now, options).has_value());
  return header(request, "Authorization");
}

// The same by a signer that has never signed before.
std::string fresh_authorization(const pe::Credentials& credentials,
                                std::chrono::system_clock::time_point now = kNow,
                                const sigv4::SigningOptions& options = kPersonalize,
                                std::string body = "{}") {
  sigv4::Signer signer;
  return authorization(signer, credentials, now, options, std::move(body));
}

}  // namespace

TEST_CASE("The path and the query of a URL are taken as they are sent") {
  struct Case {
    const char* url;
    const char* path;
    const char* query;
  };
  for (const Case& url : {Case{"https://host", "", ""}, Case{"https://host/", "/", ""},
                          Case{"https://host:8080/a/b", "/a/b", ""}, Case{"http://h/a?", "/a", ""},
                          Case{"http://h/a?b=c", "/a", "b=c"}, Case{"http://h?b=c", "", "b=c"},
                          Case{"http://h/a?b=/c?d", "/a", "b=/c?d"},
                          Case{"http://h/a#b?c", "/a", ""}, Case{"http://h/a?b#c", "/a", "b"},
                          Case{"http://[::1]:80/a", "/a", ""}, Case{"/a?b", "/a", "b"}}) {
    CAPTURE(url.url);
    const sigv4::Target target = sigv4::target_of(url.url);
    CHECK(target.path == url.path);
    CHECK(target.query == url.query);
  }
}

TEST_CASE("A path is normalized, and encoded once more than it is sent") {
  CHECK(sigv4::canonical_uri("", true) == "/");
  CHECK(sigv4::canonical_uri("/events", true) == "/events");
  CHECK(sigv4::canonical_uri("/a%20b/@c/events", true) == "/a%2520b/%40c/events");
  CHECK(sigv4::canonical_uri("/a//b/../c/", true) == "/a/c/");
  CHECK(sigv4::canonical_uri("/a//b/../c/", false) == "/a//b/../c/");
  CHECK(sigv4::canonical_uri("/../..", true) == "/");
}

TEST_CASE("A query is sorted by its encoded pairs") {
  CHECK(sigv4::canonical_query("").empty());
  CHECK(sigv4::canonical_query("b=2&a=1") == "a=1&b=2");
  CHECK(sigv4::canonical_query("a") == "a=");
  CHECK(sigv4::canonical_query("a=&&b") == "a=&b=");
  CHECK(sigv4::canonical_query("a=2&a=1") == "a=1&a=2");
  CHECK(sigv4::canonical_query("P-3=1&P=2") == "P=2&P-3=1");
  CHECK(sigv4::canonical_query("a=b=c") == "a=b%3Dc");
  CHECK(sigv4::canonical_query("a=%20&b=%7E") == "a=%20&b=~");
}

TEST_CASE("Header values are trimmed, folded and joined in the order in which they are sent") {
  CHECK(sigv4::canonical_header_value("  a  b\t\tc ") == "a b c");
  CHECK(sigv4::canonical_header_value("a\n  b") == "a b");
  CHECK(sigv4::canonical_header_value(" \t").empty());
  const sigv4::CanonicalHeaders headers =
      sigv4::canonical_headers({{"X-B", "2"}, {"x-a", "z"}, {"X-b", "1"}, {"User-Agent", "me"}});
  CHECK(headers.lines == "x-a:z\nx-b:2,1\n");
  CHECK(headers.names == "x-a;x-b");
}

TEST_CASE("Headers that are changed on the way are not signed, in any letter case") {
  for (const char* name : {"Authorization", "connection", "EXPECT", "Keep-Alive",
                           "Proxy-Authenticate", "Proxy-Authorization", "TE", "Trailer",
                           "Transfer-Encoding", "Upgrade", "User-Agent", "X-Amzn-Trace-Id"}) {
    CAPTURE(name);
    CHECK_FALSE(sigv4::is_signed_header(name));
  }
  for (const char* name : {"Host", "Content-Type", "X-Amz-Date", "X-Amz-Security-Token", "Range"}) {
    CAPTURE(name);
    CHECK(sigv4::is_signed_header(name));
  }
}

TEST_CASE("The signing key is that of AWS's example") {
  // "Examples of how to derive a signing key for Signature Version 4".
  pe::detail::crypto::Hmac hmac;
  REQUIRE(
      sigv4::derive_signing_key(hmac, kSecret, "20120215/us-east-1/iam/aws4_request").has_value());
  pe::detail::crypto::Hmac expected;
  const unsigned char key[] = {0xf4, 0x78, 0x0e, 0x2d, 0x9f, 0x65, 0xfa, 0x89, 0x5f, 0x9c, 0x67,
                               0xb3, 0x2c, 0xe1, 0xba, 0xf0, 0xb0, 0xd8, 0xa4, 0x35, 0x05, 0xa0,
                               0x00, 0xa1, 0xa9, 0xe0, 0x90, 0xd4, 0x14, 0xdb, 0x40, 0x4d};
  REQUIRE(expected.set_key(key, sizeof key).has_value());
  CHECK(*hmac.mac("text") == *expected.mac("text"));
}

TEST_CASE("A signed request has the date, the token and the authorization, in this order") {
  sigv4::Signer signer;
  pe::HttpRequest request = new_request();
  REQUIRE(signer.sign(request, {"AKID", kSecret, "token"}, kNow, kPersonalize).has_value());
  REQUIRE(request.headers.size() == 5);
  CHECK(request.headers[2] ==
        std::pair<std::string, std::string>{"X-Amz-Date", "20150830T123600Z"});
  CHECK(request.headers[3] == std::pair<std::string, std::string>{"X-Amz-Security-Token", "token"});
  CHECK(request.headers[4].first == "Authorization");
  CHECK_THAT(request.headers[4].second,
             test::ContainsSubstring(
                 "AWS4-HMAC-SHA256 Credential=AKID/20150830/us-east-1/personalize/aws4_request, "
                 "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature="));
  CHECK(request.body == "{}");
  CHECK(request.method == "POST");

  pe::HttpRequest without = new_request();
  REQUIRE(signer.sign(without, {"AKID", kSecret}, kNow, kPersonalize).has_value());
  REQUIRE(without.headers.size() == 4);
  CHECK_THAT(header(without, "Authorization"),
             test::ContainsSubstring("SignedHeaders=content-type;host;x-amz-date, "));
}

TEST_CASE("A signer that has signed before signs as a new one does") {
  const pe::Credentials one{"AKID", "one secret"};
  const pe::Credentials other{"AKID", "another secret"};
  const sigv4::SigningOptions elsewhere{"eu-west-1", "personalize"};
  const sigv4::SigningOptions service{"us-east-1", "sts"};
  sigv4::Signer signer;
  const std::string first = authorization(signer, one);
  CHECK(first == fresh_authorization(one));
  CHECK(authorization(signer, one) == first);

  SECTION("for another body") {
    CHECK(authorization(signer, one, kNow, kPersonalize, "{\"a\":1}") ==
          fresh_authorization(one, kNow, kPersonalize, "{\"a\":1}"));
    CHECK(fresh_authorization(one, kNow, kPersonalize, "{\"a\":1}") != first);
  }
  SECTION("on another day") {
    CHECK(authorization(signer, one, kNow + 24h) == fresh_authorization(one, kNow + 24h));
    CHECK(fresh_authorization(one, kNow + 24h) != first);
  }
  SECTION("at midnight") {
    const auto before = kNow + 11h + 23min + 59s;
    CHECK(authorization(signer, one, before) == fresh_authorization(one, before));
    CHECK(authorization(signer, one, before + 1s) == fresh_authorization(one, before + 1s));
  }
  SECTION("with another secret") {
    CHECK(authorization(signer, other) == fresh_authorization(other));
    CHECK(fresh_authorization(other) != first);
  }
  SECTION("for another region") {
    CHECK(authorization(signer, one, kNow, elsewhere) == fresh_authorization(one, kNow, elsewhere));
    CHECK(fresh_authorization(one, kNow, elsewhere) != first);
  }
  SECTION("for another service") {
    CHECK(authorization(signer, one, kNow, service) == fresh_authorization(one, kNow, service));
  }
  CHECK(authorization(signer, one) == first);
}

TEST_CASE("A payload hash that is given is used in place of the body's") {
  sigv4::Signer signer;
  const pe::Credentials credentials{"AKID", kSecret};
  sigv4::SigningOptions options = kPersonalize;
  options.payload_hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  CHECK(authorization(signer, credentials, kNow, options, "any body") ==
        fresh_authorization(credentials, kNow, kPersonalize, ""));
}

TEST_CASE("A token that is not to be signed is sent unsigned") {
  sigv4::Signer signer;
  sigv4::SigningOptions options = kPersonalize;
  options.sign_session_token = false;
  pe::HttpRequest request = new_request();
  REQUIRE(signer.sign(request, {"AKID", kSecret, "token"}, kNow, options).has_value());
  CHECK(header(request, "X-Amz-Security-Token") == "token");
  CHECK(header(request, "Authorization") == fresh_authorization({"AKID", kSecret}));
}

TEST_CASE("Eight threads sign with one signer, each with credentials of its own") {
  constexpr int kThreads = 8;
  constexpr int kCalls = 200;
  sigv4::Signer signer;
  std::vector<int> wrong(kThreads, 0);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&signer, &wrong, thread] {
      // Two of four secrets at a time, so that contexts change hands between them.
      const pe::Credentials credentials[] = {
          {"AKID", "secret " + std::to_string(thread % 4)},
          {"AKID", "secret " + std::to_string((thread + 1) % 4)}};
      std::string expected[2];
      for (int which = 0; which < 2; ++which) {
        sigv4::Signer alone;
        pe::HttpRequest request = new_request();
        if (alone.sign(request, credentials[which], kNow, kPersonalize)) {
          expected[which] = header(request, "Authorization");
        }
      }
      for (int call = 0; call < kCalls; ++call) {
        const int which = call % 2;
        pe::HttpRequest request = new_request();
        const bool signed_well =
            signer.sign(request, credentials[which], kNow, kPersonalize).has_value() &&
            header(request, "Authorization") == expected[which];
        if (!signed_well) ++wrong[static_cast<std::size_t>(thread)];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == std::vector<int>(kThreads, 0));
}
