// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/signing/es256.hpp"

#include <openssl/err.h>

#include <string>
#include <vector>

#include "catch.hpp"
#include "personalize_events/detail/base/base64.hpp"
#include "personalize_events/detail/base/hex.hpp"
#include "support/es256_key.hpp"

namespace pe = personalize_events;
using pe::detail::crypto::Es256Key;

namespace {

// The same key as test::kEs256PrivateKey.
constexpr const char* kPkcs8 =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjpsQnnGQmL+YBIff\n"
    "H1136cspYG6+0iY7X1fCE9+E9LKhRANCAAR/zc4ncPbEXUGDy+5v20t7WAczNXvp\n"
    "7xO6z248e9FURcfxRM0bvZt+hyzf7bnuufSzaV1uqQskrYpGIyiFiOWt\n"
    "-----END PRIVATE KEY-----\n";
constexpr const char* kEncrypted =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "Proc-Type: 4,ENCRYPTED\n"
    "DEK-Info: AES-256-CBC,296DE30C4649B8237F7BCC685068FCDA\n"
    "\n"
    "64AhNN6rX3okrc1Yd//Qk5nslzTZLV4LO41CJndN/uZf+xPngO9ivdu1vcOrGyTK\n"
    "v+au8ymhSkGkLVTF4ESQJYGL0DF70rxSjNIeG/SXQe8sPAjjN5vh0Xlb+YemSG23\n"
    "8Zohi1LMMexPRbcCrUYRJxYofV0tgd5dw6HEqOgkY/c=\n"
    "-----END EC PRIVATE KEY-----\n";
constexpr const char* kP384 =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDDnUf3/t6QpKLkPiQiz\n"
    "kPCr82HuV8JEokvhGkk/X0V0xE/Y34ygVeIavipA6p3y3SuhZANiAARZT+WsCGJQ\n"
    "15PYq67gm52fcFfxCJnaZ+WDhRSbXWnuF+Wohu7b/T7Fx3YNUtY4ab3cbji+gGP7\n"
    "scQCeJdX/C+IcWIg2zRNlkVdUXmI8Q2uAgYOjGErfI2uGIByUt7SPlw=\n"
    "-----END PRIVATE KEY-----\n";
constexpr const char* kSecp256k1 =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MHQCAQEEIDIULwGfGIFqZHk93pxul49jwHJdnnpq3eUmJnyxjhQ9oAcGBSuBBAAK\n"
    "oUQDQgAEe8VNz9U0vDo/hWvvlTKmcU+L8d/5EHsyQoAV5CSJVhgA9dQeBm/0+6wC\n"
    "C2sGeQqKaIm5TpZ93FVQ8ApreRNwwA==\n"
    "-----END EC PRIVATE KEY-----\n";

std::string bytes_of(const pe::detail::crypto::Es256Signature& signature) {
  return {reinterpret_cast<const char*>(signature.data()), signature.size()};
}

pe::Result<pe::detail::crypto::Es256Signature> from_der(const std::vector<unsigned char>& der) {
  return pe::detail::crypto::es256::from_der(der.data(), der.size());
}

std::string hex_of(const pe::Result<pe::detail::crypto::Es256Signature>& signature) {
  return signature ? pe::detail::crypto::to_hex(*signature) : pe::to_string(signature.error());
}

}  // namespace

TEST_CASE("A key of P-256 is read from both forms of PEM, with the public point of RFC 7515") {
  for (const char* pem : {test::kEs256PrivateKey, kPkcs8}) {
    const auto key = Es256Key::from_pem(pem);
    REQUIRE(key.has_value());
    std::string x;
    std::string y;
    pe::detail::append_base64url(x, key->public_point().x.data(), 32);
    pe::detail::append_base64url(y, key->public_point().y.data(), 32);
    CHECK(x == test::kEs256X);
    CHECK(y == test::kEs256Y);
  }
}

TEST_CASE("Signatures are checked by the public key, and are of this text alone") {
  const auto key = Es256Key::from_pem(test::kEs256PrivateKey);
  REQUIRE(key.has_value());
  // Numbers with leading zero bytes, one in 128 signatures, must come too.
  for (int i = 0; i < 600; ++i) {
    const std::string text(static_cast<std::size_t>(i), 'a');
    const auto signature = key->sign(text);
    REQUIRE(signature.has_value());
    REQUIRE(test::is_es256_signature(text, bytes_of(*signature)));
    if (i % 100 == 0) CHECK_FALSE(test::is_es256_signature(text + "b", bytes_of(*signature)));
  }
}

TEST_CASE("The signature of RFC 7515, appendix A.3, goes from DER to two numbers") {
  std::vector<unsigned char> der{0x30, 0x45, 0x02, 0x20, 0x0e, 0xd1, 0x21, 0x53, 0x79};
  const char* rest =
      "636c483c2f7f155807d402a3b228033af97c7e17819ac3169ea665022100c50a07d38c3c70e5d8f12daf084a5480"
      "a66590c5f293509a8f3f7f8a83a354d5";
  for (const char* at = rest; *at != '\0'; at += 2) {
    der.push_back(static_cast<unsigned char>(std::stoi(std::string(at, 2), nullptr, 16)));
  }
  CHECK(hex_of(from_der(der)) ==
        "0ed1215379636c483c2f7f155807d402a3b228033af97c7e17819ac3169ea665"
        "c50a07d38c3c70e5d8f12daf084a5480a66590c5f293509a8f3f7f8a83a354d5");
  const auto signature = from_der(der);
  REQUIRE(signature.has_value());
  CHECK(test::is_es256_signature(
      "eyJhbGciOiJFUzI1NiJ9."
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl"
      "fQ",
      bytes_of(*signature)));
  for (std::size_t size = 0; size < der.size(); ++size) {
    CHECK_FALSE(pe::detail::crypto::es256::from_der(der.data(), size).has_value());
  }
}

TEST_CASE("Short numbers of a signature get their leading zeros, and long ones are refused") {
  CHECK(hex_of(from_der({0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x7f})) ==
        std::string(63, '0') + "1" + std::string(62, '0') + "7f");
  std::vector<unsigned char> wide{0x30, 0x26, 0x02, 0x21};
  wide.insert(wide.end(), 33, 0x11);
  wide.insert(wide.end(), {0x02, 0x01, 0x01});
  CHECK_FALSE(from_der(wide).has_value());
  CHECK_FALSE(from_der({}).has_value());
}

TEST_CASE("Other keys and other texts are refused without being shown, and without a question") {
  const std::string pem = test::kEs256PrivateKey;
  const std::vector<std::string> others{"",
                                        "MARKER",
                                        test::kEs256PublicKey,
                                        kEncrypted,
                                        kP384,
                                        kSecp256k1,
                                        std::string(100'000, '-'),
                                        std::string("\0\0\0", 3),
                                        "\xff\xfe",
                                        "-----BEGIN EC PRIVATE KEY-----\nMARKER\n"
                                        "-----END EC PRIVATE KEY-----\n"};
  for (const std::string& other : others) {
    CAPTURE(other.substr(0, 40));
    const auto key = Es256Key::from_pem(other);
    REQUIRE_FALSE(key.has_value());
    CHECK(key.error().kind == pe::ErrorKind::Signing);
    CHECK(pe::to_string(key.error()).find("MARKER") == std::string::npos);
    CHECK(ERR_peek_error() == 0);
  }
  // A truncation gives an error, or the same key when only the last line break is missing.
  for (std::size_t size = 0; size < pem.size(); ++size) {
    const auto key = Es256Key::from_pem(pem.substr(0, size));
    CHECK(key.has_value() == (size == pem.size() - 1));
  }
}

TEST_CASE("A key moves") {
  auto key = Es256Key::from_pem(test::kEs256PrivateKey);
  REQUIRE(key.has_value());
  const Es256Key moved = *std::move(key);
  const auto signature = moved.sign("text");
  REQUIRE(signature.has_value());
  CHECK(test::is_es256_signature("text", bytes_of(*signature)));
}
