// SPDX-License-Identifier: Apache-2.0
//
// The backend for OpenSSL 1.1.1, compiled and run on any version. OpenSSL 3 calls it deprecated.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "personalize_events/detail/signing/hmac_context.hpp"

#include "catch.hpp"
#include "unit/detail/signing/hmac_cases.hpp"

using personalize_events::detail::crypto::HmacContext;

TEST_CASE("HmacContext gives the known answers, key after key") {
  test::check_known_answers<HmacContext>();
}

TEST_CASE("HmacContext keeps its key over ten thousand uses") {
  test::check_many_uses<HmacContext>();
}

TEST_CASE("HmacContext takes a long input") { test::check_long_input<HmacContext>(); }

TEST_CASE("HmacContext without a key fails, and can be given one then") {
  test::check_missing_key<HmacContext>();
}
