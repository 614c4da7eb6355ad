// SPDX-License-Identifier: Apache-2.0
//
// ES256 (RFC 7518, section 3.4): signatures with a P-256 key, as JSON Web Tokens carry them.
// providers/login.hpp proves with it that it holds the key of a login.
#ifndef PERSONALIZE_EVENTS_DETAIL_SIGNING_ES256_HPP
#define PERSONALIZE_EVENTS_DETAIL_SIGNING_ES256_HPP

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/opensslv.h>
#include <openssl/pem.h>

#if OPENSSL_VERSION_NUMBER >= 0x30000000L
#include <openssl/core_names.h>
#endif

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "personalize_events/detail/signing/digest.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail::crypto {

/// A point of P-256: two big-endian numbers.
struct P256Point {
  std::array<unsigned char, 32> x{};
  std::array<unsigned char, 32> y{};
};

/// r, then s, each a big-endian number of 32 bytes.
using Es256Signature = std::array<unsigned char, 64>;

namespace es256 {

struct Free {
  void operator()(BIO* bio) const noexcept { BIO_free(bio); }
  void operator()(BIGNUM* number) const noexcept { BN_free(number); }
  void operator()(ECDSA_SIG* signature) const noexcept { ECDSA_SIG_free(signature); }
  void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};
template <class Type>
using Owned = std::unique_ptr<Type, Free>;

/// Refuses: libcrypto would otherwise ask on the terminal for the passphrase of an encrypted key.
inline int no_passphrase(char*, int, int, void*) { return -1; }

/// A number of at most 32 bytes, with leading zeros.
[[nodiscard]] inline bool write_number(const BIGNUM* number, unsigned char* out) {
  return number != nullptr && BN_bn2binpad(number, out, 32) == 32;
}

/// The public half of a key; an Error when the key is of no P-256 curve.
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
[[nodiscard]] inline Result<P256Point> public_point_of(const EVP_PKEY* key) {
  std::array<char, 32> group{};
  if (EVP_PKEY_is_a(key, "EC") != 1 ||
      EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) != 1 ||
      std::string_view{group.data()} != SN_X9_62_prime256v1) {
    return failure("EVP_PKEY_get_group_name");
  }
  P256Point point;
  const auto read = [key](const char* name, unsigned char* out) {
    BIGNUM* number = nullptr;
    const bool got = EVP_PKEY_get_bn_param(key, name, &number) == 1;
    const Owned<BIGNUM> owned{number};
    return got && write_number(number, out);
  };
  if (!read(OSSL_PKEY_PARAM_EC_PUB_X, point.x.data()) ||
      !read(OSSL_PKEY_PARAM_EC_PUB_Y, point.y.data())) {
    return failure("EVP_PKEY_get_bn_param");
  }
  return point;
}
#else
[[nodiscard]] inline Result<P256Point> public_point_of(EVP_PKEY* key) {
  const EC_KEY* ec_key = EVP_PKEY_get0_EC_KEY(key);
  const EC_GROUP* group = ec_key == nullptr ? nullptr : EC_KEY_get0_group(ec_key);
  const EC_POINT* public_key = ec_key == nullptr ? nullptr : EC_KEY_get0_public_key(ec_key);
  if (group == nullptr || public_key == nullptr ||
      EC_GROUP_get_curve_name(group) != NID_X9_62_prime256v1) {
    return failure("EVP_PKEY_get0_EC_KEY");
  }
  const Owned<BIGNUM> x{BN_new()};
  const Owned<BIGNUM> y{BN_new()};
  P256Point point;
  if (!x || !y ||
      EC_POINT_get_affine_coordinates(group, public_key, x.get(), y.get(), nullptr) != 1 ||
      !write_number(x.get(), point.x.data()) || !write_number(y.get(), point.y.data())) {
    return failure("EC_POINT_get_affine_coordinates");
  }
  return point;
}
#endif

/// The two numbers of a signature in DER, as libcrypto makes them.
[[nodiscard]] inline Result<Es256Signature> from_der(const unsigned char* der, std::size_t size) {
  const Owned<ECDSA_SIG> numbers{d2i_ECDSA_SIG(nullptr, &der, static_cast<long>(size))};
  if (!numbers) return failure("d2i_ECDSA_SIG");
  Es256Signature signature{};
  if (!write_number(ECDSA_SIG_get0_r(numbers.get()), signature.data()) ||
      !write_number(ECDSA_SIG_get0_s(numbers.get()), signature.data() + 32)) {
    return failure("BN_bn2binpad");
  }
  return signature;
}

}  // namespace es256

/// A private key of P-256. libcrypto wipes the key when it frees it, but not all that its PEM
/// reader copies on the way.
class Es256Key {
 public:
  /// Reads a key that is not encrypted, in PEM: SEC 1 ("EC PRIVATE KEY") or PKCS #8 ("PRIVATE
  /// KEY"). Errors: Signing, for any other text, kind of key or curve; the text is not shown.
  [[nodiscard]] static Result<Es256Key> from_pem(std::string_view pem) {
    constexpr std::size_t longest = 4096;  // one of P-256 has some 230 bytes
    if (pem.size() > longest) {
      return detail::make_error(ErrorKind::Signing, "PEM", "too long for a key of P-256");
    }
    const es256::Owned<BIO> bio{BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))};
    if (!bio) return failure("BIO_new_mem_buf");
    es256::Owned<EVP_PKEY> key{
        PEM_read_bio_PrivateKey(bio.get(), nullptr, es256::no_passphrase, nullptr)};
    if (!key) return failure("PEM_read_bio_PrivateKey");
    Result<P256Point> point = es256::public_point_of(key.get());
    if (!point) return std::move(point).error();
    return Es256Key{std::move(key), *point};
  }

  [[nodiscard]] const P256Point& public_point() const noexcept { return public_point_; }

  /// Signs the SHA-256 digest of `data`. Errors: Signing, when libcrypto fails.
  [[nodiscard]] Result<Es256Signature> sign(std::string_view data) const {
    const es256::Owned<EVP_MD_CTX> context{EVP_MD_CTX_new()};
    if (!context) return failure("EVP_MD_CTX_new");
    if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) != 1)
      return failure("EVP_DigestSignInit");
    std::array<unsigned char, 72> der{};  // two numbers of 33 bytes at the most, and their heads
    std::size_t size = der.size();
    const auto* bytes = reinterpret_cast<const unsigned char*>(data.data());
    if (EVP_DigestSign(context.get(), der.data(), &size, bytes, data.size()) != 1)
      return failure("EVP_DigestSign");
    return es256::from_der(der.data(), size);
  }

 private:
  Es256Key(es256::Owned<EVP_PKEY> key, const P256Point& public_point)
      : key_(std::move(key)), public_point_(public_point) {}

  es256::Owned<EVP_PKEY> key_;
  P256Point public_point_;
};

}  // namespace detail::crypto

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
