// SPDX-License-Identifier: Apache-2.0
//
// HMAC-SHA-256 by EVP_MAC, for OpenSSL 3. crypto.hpp chooses between it and hmac_context.hpp.
#ifndef PERSONALIZE_EVENTS_DETAIL_SIGNING_HMAC_EVP_MAC_HPP
#define PERSONALIZE_EVENTS_DETAIL_SIGNING_HMAC_EVP_MAC_HPP

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <array>
#include <cstddef>
#include <memory>
#include <string_view>

#include "personalize_events/detail/signing/digest.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail::crypto {

/// HMAC-SHA-256 on a context that keeps its key: starting again with a null key costs a fifth of a
/// one-shot HMAC on OpenSSL 3.0. One thread at a time; libcrypto wipes the key when it frees it.
class EvpMacHmac {
 public:
  /// Takes a key for the calls of `mac` that follow. Errors: Signing, when libcrypto fails.
  [[nodiscard]] Result<void> set_key(const unsigned char* key, std::size_t size) {
    has_key_ = false;
    if (!context_) {
      const std::unique_ptr<EVP_MAC, FreeFunction> function{
          EVP_MAC_fetch(nullptr, "HMAC", nullptr)};
      if (!function) return failure("EVP_MAC_fetch");
      context_.reset(EVP_MAC_CTX_new(function.get()));
      if (!context_) return failure("EVP_MAC_CTX_new");
    }
    std::array<char, 7> digest_name{
        "SHA256"};  // OSSL_PARAM takes a pointer to what it may not change
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest_name.data(), 0),
        OSSL_PARAM_construct_end()};
    has_key_ = EVP_MAC_init(context_.get(), key, size, parameters) == 1;
    if (!has_key_) return failure("EVP_MAC_init");
    return {};
  }

  /// The HMAC of `data` with the key set last. Errors: Signing, when libcrypto fails or no key is
  /// set.
  [[nodiscard]] Result<Digest> mac(std::string_view data) {
    if (!has_key_ || EVP_MAC_init(context_.get(), nullptr, 0, nullptr) != 1)
      return failure("EVP_MAC_init");
    const auto* bytes = reinterpret_cast<const unsigned char*>(data.data());
    if (EVP_MAC_update(context_.get(), bytes, data.size()) != 1) return failure("EVP_MAC_update");
    Digest digest{};
    std::size_t size = 0;
    if (EVP_MAC_final(context_.get(), digest.data(), &size, digest.size()) != 1 ||
        size != digest.size()) {
      return failure("EVP_MAC_final");
    }
    return digest;
  }

 private:
  struct FreeFunction {
    void operator()(EVP_MAC* function) const noexcept { EVP_MAC_free(function); }
  };
  struct FreeContext {
    void operator()(EVP_MAC_CTX* context) const noexcept { EVP_MAC_CTX_free(context); }
  };
  std::unique_ptr<EVP_MAC_CTX, FreeContext> context_{};
  bool has_key_{false};
};

}  // namespace detail::crypto

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
