// SPDX-License-Identifier: Apache-2.0
//
// The library's face of libcrypto: SHA-256, HMAC-SHA-256 and wiping. sigv4.hpp signs with it,
// credentials.hpp wipes with it.
#ifndef PERSONALIZE_EVENTS_DETAIL_SIGNING_CRYPTO_HPP
#define PERSONALIZE_EVENTS_DETAIL_SIGNING_CRYPTO_HPP

#include <openssl/opensslv.h>

#include "personalize_events/detail/signing/digest.hpp"

#if OPENSSL_VERSION_NUMBER >= 0x30000000L
#include "personalize_events/detail/signing/hmac_evp_mac.hpp"
#else
#include "personalize_events/detail/signing/hmac_context.hpp"
#endif

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail::crypto {

#if OPENSSL_VERSION_NUMBER >= 0x30000000L
using Hmac = EvpMacHmac;
#else
using Hmac = HmacContext;
#endif

}  // namespace detail::crypto

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
