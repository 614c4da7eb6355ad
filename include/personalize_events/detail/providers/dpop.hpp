// SPDX-License-Identifier: Apache-2.0
//
// dpop_proof: a signed statement that the sender of a request holds a key (RFC 9449, Demonstrating
// Proof of Possession). login.hpp puts one into each request for new keys.
#ifndef PERSONALIZE_EVENTS_DETAIL_PROVIDERS_DPOP_HPP
#define PERSONALIZE_EVENTS_DETAIL_PROVIDERS_DPOP_HPP

#include <cstddef>
#include <string>
#include <string_view>

#include "personalize_events/detail/base/base64.hpp"
#include "personalize_events/detail/base/time.hpp"
#include "personalize_events/detail/json/writer.hpp"
#include "personalize_events/detail/signing/es256.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// A proof for one request that its sender holds the key (RFC 9449, section 4.2): a JSON Web Token.
/// `id` must be new for each. Errors: Signing, when libcrypto fails.
[[nodiscard]] inline Result<std::string> dpop_proof(const detail::crypto::Es256Key& key,
                                                    std::string_view method, std::string_view url,
                                                    TimePoint now, std::string_view id) {
  const auto base64url = [](const unsigned char* bytes, std::size_t count) {
    std::string text;
    append_base64url(text, bytes, count);
    return text;
  };
  const detail::crypto::P256Point& point = key.public_point();
  std::string header;
  detail::json::Writer head(header);
  head.begin_object();
  head.key("typ");
  head.string("dpop+jwt");
  head.key("alg");
  head.string("ES256");
  head.key("jwk");
  head.begin_object();
  head.key("kty");
  head.string("EC");
  head.key("crv");
  head.string("P-256");
  head.key("x");
  head.string(base64url(point.x.data(), point.x.size()));
  head.key("y");
  head.string(base64url(point.y.data(), point.y.size()));
  head.end_object();
  head.end_object();

  std::string payload;
  detail::json::Writer claims(payload);
  claims.begin_object();
  claims.key("jti");
  claims.string(id);
  claims.key("htm");
  claims.string(method);
  claims.key("htu");
  claims.string(url);
  claims.key("iat");
  claims.number(epoch_seconds(now));
  claims.end_object();
  if (!head.good() || !claims.good()) {
    return make_error(ErrorKind::Signing, "DPoP", "the proof cannot be written as JSON");
  }

  std::string proof = to_base64url(header) + "." + to_base64url(payload);
  const Result<detail::crypto::Es256Signature> signature = key.sign(proof);
  if (!signature) return signature.error();
  proof.push_back('.');
  append_base64url(proof, signature->data(), signature->size());
  return proof;
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
