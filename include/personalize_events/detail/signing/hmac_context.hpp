// SPDX-License-Identifier: Apache-2.0
//
// HMAC-SHA-256 by HMAC_CTX, for OpenSSL 1.1.1, where EVP_MAC does not exist yet. crypto.hpp chooses
// between it and hmac_evp_mac.hpp.
#ifndef PERSONALIZE_EVENTS_DETAIL_SIGNING_HMAC_CONTEXT_HPP
#define PERSONALIZE_EVENTS_DETAIL_SIGNING_HMAC_CONTEXT_HPP

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstddef>
#include <memory>
#include <string_view>

#include "personalize_events/detail/signing/digest.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail::crypto {

/// HMAC-SHA-256 on a context that keeps its key. One thread at a time; libcrypto wipes the key when
/// it frees it.
class HmacContext {
 public:
  /// Takes a key for the calls of `mac` that follow. Errors: Signing, when libcrypto fails.
  [[nodiscard]] Result<void> set_key(const unsigned char* key, std::size_t size) {
    if (!context_) context_.reset(HMAC_CTX_new());
    if (!context_) return failure("HMAC_CTX_new");
    has_key_ =
        HMAC_Init_ex(context_.get(), key, static_cast<int>(size), EVP_sha256(), nullptr) == 1;
    if (!has_key_) return failure("HMAC_Init_ex");
    return {};
  }

  /// The HMAC of `data` with the key set last. Errors: Signing, when libcrypto fails or no key is
  /// set.
  [[nodiscard]] Result<Digest> mac(std::string_view data) {
    if (!has_key_ || HMAC_Init_ex(context_.get(), nullptr, 0, nullptr, nullptr) != 1)
      return failure("HMAC_Init_ex");
    const auto* bytes = reinterpret_cast<const unsigned char*>(data.data());
    if (HMAC_Update(context_.get(), bytes, data.size()) != 1) return failure("HMAC_Update");
    Digest digest{};
    unsigned size = 0;
    if (HMAC_Final(context_.get(), digest.data(), &size) != 1 || size != digest.size())
      return failure("HMAC_Final");
    return digest;
  }

 private:
  struct Free {
    void operator()(HMAC_CTX* context) const noexcept { HMAC_CTX_free(context); }
  };
  std::unique_ptr<HMAC_CTX, Free> context_{};
  bool has_key_{false};
};

}  // namespace detail::crypto

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
