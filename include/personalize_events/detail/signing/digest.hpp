// SPDX-License-Identifier: Apache-2.0
//
// What the rest of signing/ needs of libcrypto besides HMAC: SHA-256 (and SHA-1, for file names) on
// a reused context, wiping, and libcrypto's failures as Errors. crypto.hpp includes it.
#ifndef PERSONALIZE_EVENTS_DETAIL_SIGNING_DIGEST_HPP
#define PERSONALIZE_EVENTS_DETAIL_SIGNING_DIGEST_HPP

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/opensslv.h>

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "personalize_events/detail/base/hex.hpp"
#include "personalize_events/result.hpp"

#if OPENSSL_VERSION_NUMBER < 0x10101000L
#error "personalize-events needs OpenSSL 1.1.1 or newer"
#endif

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail::crypto {

/// The bytes of a SHA-256 digest or of an HMAC with it.
using Digest = std::array<unsigned char, 32>;

template <std::size_t Size>
[[nodiscard]] std::string to_hex(const std::array<unsigned char, Size>& digest) {
  return detail::to_hex(digest.data(), digest.size());
}

/// Readies libcrypto, which then never ends itself: not at the exit of the program, where threads
/// and static objects still use it, nor at that of a forked child, which would wait for locks that
/// threads of its parent held. A program that readied libcrypto earlier keeps the end it chose.
/// Source: https://docs.openssl.org/3.0/man3/OPENSSL_init_crypto/ (OPENSSL_INIT_NO_ATEXIT)
inline void initialise() noexcept {
  // Whoever uses libcrypto hears of a failure then.
  static_cast<void>(
      OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT | OPENSSL_INIT_LOAD_CONFIG, nullptr));
}

/// What libcrypto said of the failure of `function`, taken off its queue. A reason of libcrypto's
/// is a fixed text and holds no data.
[[nodiscard]] inline Error failure(const char* function) {
  const char* reason = ERR_reason_error_string(ERR_get_error());
  ERR_clear_error();
  std::string message = "libcrypto failed";
  if (reason != nullptr) message.append(": ").append(reason);
  return detail::make_error(ErrorKind::Signing, function, std::move(message));
}

/// What Hash computes: SHA-256.
struct Sha256Algorithm {
  static constexpr const char* kName = "SHA256";
  static constexpr std::size_t kSize = 32;
};

/// What Hash computes: SHA-1, which AWS's tools name files by. It protects nothing here.
struct Sha1Algorithm {
  static constexpr const char* kName = "SHA1";
  static constexpr std::size_t kSize = 20;
};

/// libcrypto's function of an algorithm. OpenSSL 3 looks one up at each use unless it is fetched
/// once.
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
template <class Algorithm>
class HashFunction {
 public:
  [[nodiscard]] const EVP_MD* get() {
    if (!fetched_) fetched_.reset(EVP_MD_fetch(nullptr, Algorithm::kName, nullptr));
    return fetched_.get();
  }

 private:
  struct Free {
    void operator()(EVP_MD* function) const noexcept { EVP_MD_free(function); }
  };
  std::unique_ptr<EVP_MD, Free> fetched_{};
};
#else
template <class Algorithm>
class HashFunction {
 public:
  [[nodiscard]] const EVP_MD* get() const { return EVP_get_digestbyname(Algorithm::kName); }
};
#endif

/// A hash on a context that is made once and reused. One thread at a time.
template <class Algorithm>
class Hash {
 public:
  using Digest = std::array<unsigned char, Algorithm::kSize>;

  /// The digest of `data`. Errors: Signing, when libcrypto fails.
  [[nodiscard]] Result<Digest> digest(std::string_view data) {
    const EVP_MD* function = function_.get();
    if (function == nullptr) return failure("EVP_MD_fetch");
    if (!context_) context_.reset(EVP_MD_CTX_new());
    if (!context_) return failure("EVP_MD_CTX_new");
    if (EVP_DigestInit_ex(context_.get(), function, nullptr) != 1)
      return failure("EVP_DigestInit_ex");
    if (EVP_DigestUpdate(context_.get(), data.data(), data.size()) != 1)
      return failure("EVP_DigestUpdate");
    Digest digest{};
    unsigned size = 0;
    if (EVP_DigestFinal_ex(context_.get(), digest.data(), &size) != 1 || size != digest.size()) {
      return failure("EVP_DigestFinal_ex");
    }
    return digest;
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
  };
  HashFunction<Algorithm> function_{};
  std::unique_ptr<EVP_MD_CTX, Free> context_{};
};

using Sha256 = Hash<Sha256Algorithm>;
using Sha1 = Hash<Sha1Algorithm>;

}  // namespace detail::crypto

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
