// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/signing/digest.hpp"

#include <openssl/err.h>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"

namespace pe = personalize_events;

namespace {

// FIPS 180-4 and NIST's examples.
const std::vector<std::pair<std::string, std::string>>& known_digests() {
  static const std::vector<std::pair<std::string, std::string>> digests{
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
      {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmn"
       "opqrsmnopqrstnopqrstu",
       "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
      {std::string(1'000'000, 'a'),
       "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
  };
  return digests;
}

}  // namespace

TEST_CASE("SHA-256 gives the known answers on one reused context") {
  pe::detail::crypto::Sha256 sha256;
  for (int round = 0; round < 2; ++round) {
    for (const auto& [data, expected] : known_digests()) {
      const auto digest = sha256.digest(data);
      REQUIRE(digest.has_value());
      CHECK(pe::detail::crypto::to_hex(*digest) == expected);
    }
  }
}

TEST_CASE("libcrypto may be readied any number of times") {
  pe::detail::crypto::initialise();
  pe::detail::crypto::initialise();
  CHECK(OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr) == 1);
}

TEST_CASE("SHA-256 gives the same on a context of its own") {
  for (const auto& [data, expected] : known_digests()) {
    pe::detail::crypto::Sha256 sha256;
    const auto digest = sha256.digest(data);
    REQUIRE(digest.has_value());
    CHECK(pe::detail::crypto::to_hex(*digest) == expected);
  }
}

TEST_CASE("SHA-1 gives the known answers, and the names of token caches") {
  // FIPS 180-4's examples, and what sha1sum says of a session's name and of a start URL.
  const std::vector<std::pair<std::string, std::string>> digests{
      {"", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
      {"abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
       "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
      {"dev", "34c6fceca75e456f25e7e99531e2425c6c1de443"},
      {"https://ssotest.awsapps.com/start", "dace00cba5f8355ec9d274ceb2bcebdfbeed0e12"},
  };
  pe::detail::crypto::Sha1 sha1;
  for (int round = 0; round < 2; ++round) {
    for (const auto& [data, expected] : digests) {
      const auto digest = sha1.digest(data);
      REQUIRE(digest.has_value());
      CHECK(pe::detail::crypto::to_hex(*digest) == expected);
    }
  }
}

TEST_CASE("Ten thousand digests of one context are right") {
  // The exclusive or of all, as Python's hashlib computes it.
  pe::detail::crypto::Sha256 sha256;
  pe::detail::crypto::Digest sum{};
  for (int i = 0; i < 10'000; ++i) {
    const auto digest = sha256.digest(std::to_string(i));
    REQUIRE(digest.has_value());
    for (std::size_t byte = 0; byte < sum.size(); ++byte) {
      sum[byte] = static_cast<unsigned char>(sum[byte] ^ (*digest)[byte]);
    }
  }
  CHECK(pe::detail::crypto::to_hex(sum) ==
        "3fb6bc66fc8842c78df794b944869e5362f99760c05118f70d3252cfdfc33d01");
}

TEST_CASE("A failure names the function and libcrypto's reason, and leaves its queue empty") {
  ERR_put_error(ERR_LIB_EVP, 0, EVP_R_UNSUPPORTED_ALGORITHM, "file", 1);
  const pe::Error error = pe::detail::crypto::failure("EVP_MD_fetch");
  CHECK(error.kind == pe::ErrorKind::Signing);
  CHECK(error.where == "EVP_MD_fetch");
  CHECK_THAT(error.message, test::ContainsSubstring("libcrypto failed: unsupported algorithm"));
  CHECK(ERR_peek_error() == 0);

  const pe::Error silent = pe::detail::crypto::failure("EVP_MD_CTX_new");
  CHECK(silent.where == "EVP_MD_CTX_new");
  CHECK(silent.message == "libcrypto failed");
}
