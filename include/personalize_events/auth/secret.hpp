// SPDX-License-Identifier: Apache-2.0
//
// Wiping of what held a secret for a while: the text of a credentials file, a request that carries
// a token, the answer of a credential source. The providers use it.
#ifndef PERSONALIZE_EVENTS_AUTH_SECRET_HPP
#define PERSONALIZE_EVENTS_AUTH_SECRET_HPP

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <utility>

#include "personalize_events/auth/crypto.hpp"
#include "personalize_events/http/message.hpp"
#include "personalize_events/json/value.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace crypto {

/// Overwrites every text of a tree.
inline void cleanse(json::Value& value) noexcept {
  cleanse(value.text);
  for (json::Value& item : value.items) cleanse(item);
  for (auto& [name, member] : value.members) cleanse(member);
}

inline void cleanse(Headers& headers) noexcept {
  for (auto& [name, value] : headers) cleanse(value);
}

/// Overwrites the values, not the names.
inline void cleanse(std::map<std::string, std::string>& secrets) noexcept {
  for (auto& [name, value] : secrets) cleanse(value);
}

/// Takes the headers after the first `count` away, and overwrites them.
inline void drop_headers(Headers& headers, std::size_t count) {
  for (std::size_t i = count; i < headers.size(); ++i) cleanse(headers[i].second);
  headers.resize((std::min)(count, headers.size()));
}

/// Overwrites all of a request that may be secret: its URL too has tokens in some protocols.
inline void cleanse(HttpRequest& request) noexcept {
  cleanse(request.url);
  cleanse(request.headers);
  cleanse(request.body);
}

inline void cleanse(HttpResponse& response) noexcept {
  cleanse(response.headers);
  cleanse(response.body);
}

/// Overwrites a variable at the end of the scope, whichever way it is left.
template <class Secret>
class WipeAtEnd {
 public:
  explicit WipeAtEnd(Secret& secret) noexcept : secret_(secret) {}
  WipeAtEnd(const WipeAtEnd&) = delete;
  WipeAtEnd& operator=(const WipeAtEnd&) = delete;
  ~WipeAtEnd() { cleanse(secret_); }

 private:
  Secret& secret_;
};

template <class Secret>
WipeAtEnd(Secret&) -> WipeAtEnd<Secret>;

}  // namespace crypto
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
