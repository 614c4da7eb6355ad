// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/providers/dpop.hpp"

#include <chrono>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/es256_key.hpp"

namespace pe = personalize_events;

TEST_CASE("A proof names its key and its request, and is signed with the key") {
  const auto key = pe::detail::crypto::Es256Key::from_pem(test::kEs256PrivateKey);
  REQUIRE(key.has_value());
  const pe::detail::TimePoint now{std::chrono::milliseconds{1'767'225'600'999}};
  const auto proof = pe::detail::dpop_proof(*key, "POST", "https://host/v1/token", now, "id \"1\"");
  REQUIRE(proof.has_value());
  const std::vector<std::string> parts = test::parts_of_token(*proof);
  CHECK(test::from_base64url(parts[0]) ==
        std::string{R"({"typ":"dpop+jwt","alg":"ES256","jwk":{"kty":"EC","crv":"P-256","x":")"} +
            test::kEs256X + R"(","y":")" + test::kEs256Y + R"("}})");
  CHECK(test::from_base64url(parts[1]) ==
        R"({"jti":"id \"1\"","htm":"POST","htu":"https://host/v1/token","iat":1767225600})");
  CHECK(test::is_es256_signature(parts[0] + "." + parts[1], test::from_base64url(parts[2])));
  CHECK_FALSE(test::is_es256_signature(parts[0] + "." + parts[0], test::from_base64url(parts[2])));
}
