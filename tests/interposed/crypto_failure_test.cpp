// SPDX-License-Identifier: Apache-2.0
//
// Failures of libcrypto at its first, second, third ... call, until signing passes. This executable
// has functions of libcrypto's names of its own, which either fail or call libcrypto's, so it holds
// no other test.
#define OPENSSL_SUPPRESS_DEPRECATED

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <dlfcn.h>

#include <chrono>
#include <set>
#include <string>

#include "catch.hpp"
#include "personalize_events/client.hpp"
#include "personalize_events/core.hpp"
#include "personalize_events/detail/signing/sigv4.hpp"
#include "support/client_world.hpp"

namespace pe = personalize_events;

namespace {

// Which call is to fail. Catch2 runs one test at a time, in one thread.
struct Injector {
  int calls_before_failure{-1};  // negative: none fails
  int depth{0};                  // a call that libcrypto makes of itself is a part of ours
  int calls{0};
  std::string failed{};

  void arm(int calls_before) {
    calls_before_failure = calls_before;
    failed.clear();
  }
  void disarm() { calls_before_failure = -1; }

  bool fails(const char* function) {
    if (depth > 0) return false;
    ++calls;
    if (calls_before_failure < 0 || calls_before_failure-- > 0) return false;
    failed = function;
    return true;
  }
};

Injector& injector() {
  static Injector only;
  return only;
}

// Calls libcrypto's function of this name, or answers as a failed one does.
template <class Answer, class... Arguments>
Answer forward(const char* name, Answer (*)(Arguments...), Arguments... arguments) {
  if (injector().fails(name)) return Answer{};
  void* found = dlsym(RTLD_NEXT, name);
  REQUIRE(found != nullptr);
  ++injector().depth;
  const Answer answer = reinterpret_cast<Answer (*)(Arguments...)>(found)(arguments...);
  --injector().depth;
  return answer;
}

}  // namespace

// The parameters' names are those of the manual pages.
extern "C" {

int EVP_DigestInit_ex(EVP_MD_CTX* ctx, const EVP_MD* type, ENGINE* impl) {
  return forward("EVP_DigestInit_ex", EVP_DigestInit_ex, ctx, type, impl);
}
int EVP_DigestUpdate(EVP_MD_CTX* ctx, const void* d, size_t cnt) {
  return forward("EVP_DigestUpdate", EVP_DigestUpdate, ctx, d, cnt);
}
int EVP_DigestFinal_ex(EVP_MD_CTX* ctx, unsigned char* md, unsigned int* s) {
  return forward("EVP_DigestFinal_ex", EVP_DigestFinal_ex, ctx, md, s);
}
EVP_MD_CTX* EVP_MD_CTX_new(void) { return forward("EVP_MD_CTX_new", EVP_MD_CTX_new); }

#if OPENSSL_VERSION_NUMBER >= 0x30000000L

EVP_MD* EVP_MD_fetch(OSSL_LIB_CTX* ctx, const char* algorithm, const char* properties) {
  return forward("EVP_MD_fetch", EVP_MD_fetch, ctx, algorithm, properties);
}
EVP_MAC* EVP_MAC_fetch(OSSL_LIB_CTX* ctx, const char* algorithm, const char* properties) {
  return forward("EVP_MAC_fetch", EVP_MAC_fetch, ctx, algorithm, properties);
}
EVP_MAC_CTX* EVP_MAC_CTX_new(EVP_MAC* mac) {
  return forward("EVP_MAC_CTX_new", EVP_MAC_CTX_new, mac);
}
int EVP_MAC_init(EVP_MAC_CTX* ctx, const unsigned char* key, size_t keylen,
                 const OSSL_PARAM params[]) {
  return forward("EVP_MAC_init", EVP_MAC_init, ctx, key, keylen, params);
}
int EVP_MAC_update(EVP_MAC_CTX* ctx, const unsigned char* data, size_t datalen) {
  return forward("EVP_MAC_update", EVP_MAC_update, ctx, data, datalen);
}
int EVP_MAC_final(EVP_MAC_CTX* ctx, unsigned char* out, size_t* outl, size_t outsize) {
  return forward("EVP_MAC_final", EVP_MAC_final, ctx, out, outl, outsize);
}

#else

HMAC_CTX* HMAC_CTX_new(void) { return forward("HMAC_CTX_new", HMAC_CTX_new); }
int HMAC_Init_ex(HMAC_CTX* ctx, const void* key, int len, const EVP_MD* md, ENGINE* impl) {
  return forward("HMAC_Init_ex", HMAC_Init_ex, ctx, key, len, md, impl);
}
int HMAC_Update(HMAC_CTX* ctx, const unsigned char* data, size_t len) {
  return forward("HMAC_Update", HMAC_Update, ctx, data, len);
}
int HMAC_Final(HMAC_CTX* ctx, unsigned char* md, unsigned int* len) {
  return forward("HMAC_Final", HMAC_Final, ctx, md, len);
}

#endif
}

namespace {

std::set<std::string> interposed_functions() {
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
  return {"EVP_MD_fetch",       "EVP_MD_CTX_new", "EVP_DigestInit_ex", "EVP_DigestUpdate",
          "EVP_DigestFinal_ex", "EVP_MAC_fetch",  "EVP_MAC_CTX_new",   "EVP_MAC_init",
          "EVP_MAC_update",     "EVP_MAC_final"};
#else
  return {"EVP_MD_CTX_new", "EVP_DigestInit_ex", "EVP_DigestUpdate", "EVP_DigestFinal_ex",
          "HMAC_CTX_new",   "HMAC_Init_ex",      "HMAC_Update",      "HMAC_Final"};
#endif
}

// The Authorization that a new client in the same world sends, without any failure.
std::string undisturbed_authorization() {
  test::ClientWorld world;
  REQUIRE(world.client().put_users(test::put_users_request()).has_value());
  return test::header(world.transport->requests().at(0), "Authorization");
}

void check_failure(const pe::Error& error) {
  CHECK(error.kind == pe::ErrorKind::Signing);
  CHECK(error.where == injector().failed);
  CHECK_THAT(error.message, test::ContainsSubstring("libcrypto failed"));
  CHECK_FALSE(error.may_have_been_delivered);
  CHECK(error.attempts == 0);
  CHECK(test::all_texts(error).find(test::kMarker) == std::string::npos);
}

}  // namespace

TEST_CASE("Whichever call of libcrypto fails, nothing is sent, and the next call works") {
  const std::string expected = undisturbed_authorization();
  std::set<std::string> failed;
  int step = 0;
  for (;; ++step) {
    REQUIRE(step < 1000);
    CAPTURE(step);
    test::ClientWorld world;
    const pe::Client client = world.client();
    injector().arm(step);
    const auto result = client.put_users(test::put_users_request());
    injector().disarm();
    if (injector().failed.empty()) {
      CHECK(result.has_value());
      break;
    }
    failed.insert(injector().failed);
    REQUIRE_FALSE(result.has_value());
    check_failure(result.error());
    CHECK(world.transport->requests().empty());

    REQUIRE(client.put_users(test::put_users_request()).has_value());
    const auto requests = world.transport->requests();
    REQUIRE(requests.size() == 1);
    CHECK(test::header(requests[0], "Authorization") == expected);
  }
  CHECK(failed == interposed_functions());
  CHECK(step > 20);
}

TEST_CASE("A signer that has signed before fails and recovers as well, for a new secret too") {
  const auto now = std::chrono::system_clock::time_point{std::chrono::seconds{1'767'225'600}};
  const pe::Credentials old_keys{"AKID", "old-MARKER"};
  const pe::Credentials new_keys{"AKID", "new-MARKER", "token-MARKER"};
  const pe::detail::sigv4::SigningOptions options{"us-east-1", "personalize"};
  const auto new_request = [] {
    pe::HttpRequest request;
    request.method = "POST";
    request.url = "https://host/events";
    request.headers = {{"Host", "host"}, {"Content-Type", "application/json"}};
    request.body = "{}";
    return request;
  };
  const auto authorization_of = [&](pe::detail::sigv4::Signer& signer,
                                    const pe::Credentials& keys) {
    pe::HttpRequest request = new_request();
    REQUIRE(signer.sign(request, keys, now, options).has_value());
    return test::header(request, "Authorization");
  };
  for (const pe::Credentials* keys : {&old_keys, &new_keys}) {
    pe::detail::sigv4::Signer fresh;
    const std::string expected = authorization_of(fresh, *keys);
    for (int step = 0;; ++step) {
      REQUIRE(step < 1000);
      CAPTURE(step);
      pe::detail::sigv4::Signer signer;
      const std::string before = authorization_of(signer, old_keys);
      pe::HttpRequest request = new_request();
      injector().arm(step);
      const auto result = signer.sign(request, *keys, now, options);
      injector().disarm();
      if (injector().failed.empty()) {
        CHECK(result.has_value());
        CHECK(test::header(request, "Authorization") == expected);
        break;
      }
      REQUIRE_FALSE(result.has_value());
      check_failure(result.error());
      CHECK(request.headers == new_request().headers);
      CHECK(request.body == "{}");
      CHECK(authorization_of(signer, *keys) == expected);
      CHECK(authorization_of(signer, old_keys) == before);
    }
  }
}

TEST_CASE("A signing key is derived once for the same day, region and secret") {
  pe::detail::sigv4::Signer signer;
  const auto calls_of = [&signer](const char* secret, std::chrono::hours later) {
    pe::HttpRequest request{"POST", "https://host/events", {{"Host", "host"}}, "{}"};
    const int before = injector().calls;
    const auto now = std::chrono::system_clock::time_point{std::chrono::hours{490'896}} + later;
    REQUIRE(signer.sign(request, {"AKID", secret}, now, {"us-east-1", "personalize"}).has_value());
    return injector().calls - before;
  };
  using std::chrono::hours;
  const int first = calls_of("one", hours{0});
  const int again = calls_of("one", hours{1});
  const int next_day = calls_of("one", hours{24});
  const int other_secret = calls_of("two", hours{24});
  CHECK(again == 9);  // two digests and one HMAC, three calls each
  CHECK(first > again);
  CHECK(next_day > again);
  CHECK(other_secret == next_day);
  CHECK(calls_of("two", hours{24}) == again);
}

TEST_CASE("An HMAC whose new key failed does not go on with the old one") {
  const unsigned char key[] = {'k', 'e', 'y'};
  for (int step = 0;; ++step) {
    REQUIRE(step < 10);
    CAPTURE(step);
    pe::detail::crypto::Hmac hmac;
    REQUIRE(hmac.set_key(key, 2).has_value());
    injector().arm(step);
    const auto keyed = hmac.set_key(key, 3);
    injector().disarm();
    if (keyed) break;
    CHECK_FALSE(hmac.mac("data").has_value());
    REQUIRE(hmac.set_key(key, 3).has_value());
    CHECK(hmac.mac("data").has_value());
  }
}
