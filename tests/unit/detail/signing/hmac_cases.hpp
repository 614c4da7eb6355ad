// SPDX-License-Identifier: Apache-2.0
//
// What every HMAC backend must do, for hmac_evp_mac_test.cpp and hmac_context_test.cpp.
#ifndef PERSONALIZE_EVENTS_TESTS_UNIT_AUTH_HMAC_CASES_HPP
#define PERSONALIZE_EVENTS_TESTS_UNIT_AUTH_HMAC_CASES_HPP

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"
#include "personalize_events/detail/signing/digest.hpp"

namespace test {

/// RFC 4231, section 4. The fifth answer is truncated there.
struct HmacCase {
  std::string key;
  std::string data;
  std::string answer;
};

inline std::vector<HmacCase> hmac_cases() {
  std::string counting;
  for (char c = 1; c <= 25; ++c) counting.push_back(c);
  return {
      {std::string(20, '\x0b'), "Hi There",
       "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {"Jefe", "what do ya want for nothing?",
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {std::string(20, '\xaa'), std::string(50, '\xdd'),
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {counting, std::string(50, '\xcd'),
       "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
      {std::string(20, '\x0c'), "Test With Truncation", "a3b6167473100ee06e0c796c2955552b"},
      {std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First",
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
      {std::string(131, '\xaa'),
       "This is a test using a larger than block-size key and a larger than block-size data. The "
       "key needs to be hashed before being used by the HMAC algorithm.",
       "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
  };
}

template <class Hmac>
void set_key(Hmac& hmac, std::string_view key) {
  REQUIRE(hmac.set_key(reinterpret_cast<const unsigned char*>(key.data()), key.size()).has_value());
}

template <class Hmac>
std::string hex_mac(Hmac& hmac, std::string_view data) {
  const auto digest = hmac.mac(data);
  REQUIRE(digest.has_value());
  return personalize_events::detail::crypto::to_hex(*digest);
}

/// Known answers on one context that is given key after key, twice over.
template <class Hmac>
void check_known_answers() {
  Hmac hmac;
  for (int round = 0; round < 2; ++round) {
    for (const HmacCase& known : hmac_cases()) {
      INFO("round " << round << ", " << known.data.substr(0, 24));
      set_key(hmac, known.key);
      CHECK(hex_mac(hmac, known.data).substr(0, known.answer.size()) == known.answer);
      CHECK(hex_mac(hmac, known.data).substr(0, known.answer.size()) == known.answer);
    }
  }
}

/// The exclusive or of 10 000 answers of one key, as Python's hmac computes it.
template <class Hmac>
void check_many_uses() {
  Hmac hmac;
  set_key(hmac, "key of many uses");
  personalize_events::detail::crypto::Digest sum{};
  for (int i = 0; i < 10'000; ++i) {
    const auto digest = hmac.mac(std::to_string(i));
    REQUIRE(digest.has_value());
    for (std::size_t byte = 0; byte < sum.size(); ++byte) {
      sum[byte] = static_cast<unsigned char>(sum[byte] ^ (*digest)[byte]);
    }
  }
  CHECK(personalize_events::detail::crypto::to_hex(sum) ==
        "eb691257bf5238c0e2e554d77a7c7a3b6edb7c0033771837f964bd28a34e3bc5");
}

/// A million bytes, as Python's hmac computes it.
template <class Hmac>
void check_long_input() {
  Hmac hmac;
  set_key(hmac, "key");
  CHECK(hex_mac(hmac, std::string(1'000'000, 'a')) ==
        "6e7005164aec3b1035635787fbdd6b729031b2eb39915ec3bd249d52731cc7a5");
}

/// Without a key there is nothing to answer.
template <class Hmac>
void check_missing_key() {
  Hmac hmac;
  const auto digest = hmac.mac("data");
  REQUIRE_FALSE(digest.has_value());
  CHECK(digest.error().kind == personalize_events::ErrorKind::Signing);
  CHECK_FALSE(digest.error().where.empty());
  set_key(hmac, "Jefe");
  CHECK(hex_mac(hmac, "what do ya want for nothing?").substr(0, 8) == "5bdcc146");
}

}  // namespace test

#endif
