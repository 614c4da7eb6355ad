// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/signing/hmac_evp_mac.hpp"

#include "catch.hpp"
#include "unit/detail/signing/hmac_cases.hpp"

using personalize_events::detail::crypto::EvpMacHmac;

TEST_CASE("EvpMacHmac gives the known answers, key after key") {
  test::check_known_answers<EvpMacHmac>();
}

TEST_CASE("EvpMacHmac keeps its key over ten thousand uses") {
  test::check_many_uses<EvpMacHmac>();
}

TEST_CASE("EvpMacHmac takes a long input") { test::check_long_input<EvpMacHmac>(); }

TEST_CASE("EvpMacHmac without a key fails, and can be given one then") {
  test::check_missing_key<EvpMacHmac>();
}
