// SPDX-License-Identifier: Apache-2.0
//
// Both HMAC backends in one file: HMAC_CTX is called deprecated by OpenSSL 3.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "personalize_events/detail/signing/crypto.hpp"

#include <cstddef>
#include <string>
#include <type_traits>

#include "catch.hpp"
#include "personalize_events/detail/signing/hmac_context.hpp"
#include "unit/detail/signing/hmac_cases.hpp"

namespace pe = personalize_events;

TEST_CASE("The backend is that of the OpenSSL at hand") {
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
  CHECK(std::is_same_v<pe::detail::crypto::Hmac, pe::detail::crypto::EvpMacHmac>);
#else
  CHECK(std::is_same_v<pe::detail::crypto::Hmac, pe::detail::crypto::HmacContext>);
#endif
}

TEST_CASE("Both backends agree for keys and data of every length around a block") {
  pe::detail::crypto::Hmac chosen;
  pe::detail::crypto::HmacContext other;
  for (std::size_t size = 1; size <= 130; ++size) {
    const std::string text(size, static_cast<char>('a' + size % 26));
    test::set_key(chosen, text);
    test::set_key(other, text);
    CHECK(test::hex_mac(chosen, text) == test::hex_mac(other, text));
    CHECK(test::hex_mac(chosen, "") == test::hex_mac(other, ""));
  }
}
