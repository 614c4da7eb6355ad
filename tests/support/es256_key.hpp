// SPDX-License-Identifier: Apache-2.0
//
// The P-256 key of RFC 7515, appendix A.3, and a check of signatures with its public half alone.
#ifndef PERSONALIZE_EVENTS_TESTS_SUPPORT_ES256_KEY_HPP
#define PERSONALIZE_EVENTS_TESTS_SUPPORT_ES256_KEY_HPP

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "catch.hpp"

namespace test {

inline constexpr const char* kEs256PrivateKey =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MHcCAQEEII6bEJ5xkJi/mASH3x9dd+nLKWBuvtImO19XwhPfhPSyoAoGCCqGSM49\n"
    "AwEHoUQDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEXH8UTNG72b\n"
    "focs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
    "-----END EC PRIVATE KEY-----\n";

inline constexpr const char* kEs256PublicKey =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"
    "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
    "-----END PUBLIC KEY-----\n";

/// Its coordinates, as RFC 7515 writes them.
inline constexpr const char* kEs256X = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
inline constexpr const char* kEs256Y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

/// Whether 64 bytes, r and s, are a signature of `message` by that key.
inline bool is_es256_signature(const std::string& message, const std::string& signature) {
  if (signature.size() != 64) return false;
  const auto* bytes = reinterpret_cast<const unsigned char*>(signature.data());
  const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> numbers{ECDSA_SIG_new(),
                                                                      ECDSA_SIG_free};
  REQUIRE(ECDSA_SIG_set0(numbers.get(), BN_bin2bn(bytes, 32, nullptr),
                         BN_bin2bn(bytes + 32, 32, nullptr)) == 1);
  std::string der(128, '\0');
  auto* out = reinterpret_cast<unsigned char*>(&der[0]);
  const int size = i2d_ECDSA_SIG(numbers.get(), &out);
  REQUIRE(size > 0);

  const std::unique_ptr<BIO, decltype(&BIO_free)> pem{BIO_new_mem_buf(kEs256PublicKey, -1),
                                                      BIO_free};
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key{
      PEM_read_bio_PUBKEY(pem.get(), nullptr, nullptr, nullptr), EVP_PKEY_free};
  REQUIRE(key != nullptr);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free};
  REQUIRE(EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1);
  return EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(der.data()),
                          static_cast<std::size_t>(size),
                          reinterpret_cast<const unsigned char*>(message.data()),
                          message.size()) == 1;
}

/// The bytes of base64url text without padding; fails the test when it is none.
inline std::string from_base64url(const std::string& text) {
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string bytes;
  unsigned bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const std::size_t digit = digits.find(c);
    REQUIRE(digit != std::string::npos);
    bits = (bits << 6U | static_cast<unsigned>(digit)) & 0xffffU;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<char>(bits >> count & 0xffU));
  }
  return bytes;
}

/// The three parts of a JSON Web Token; fails the test when it has another number of them.
inline std::vector<std::string> parts_of_token(const std::string& token) {
  std::vector<std::string> parts(1);
  for (const char c : token) {
    if (c == '.') {
      parts.emplace_back();
    } else {
      parts.back().push_back(c);
    }
  }
  REQUIRE(parts.size() == 3);
  return parts;
}

}  // namespace test

#endif
