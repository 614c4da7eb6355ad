// SPDX-License-Identifier: Apache-2.0
//
// wipe for requests, responses, headers and JSON, and WipedAtEnd: for what holds a secret for a
// while, such as the text of a credentials file or the response of a credentials provider's
// service.
#ifndef PERSONALIZE_EVENTS_DETAIL_HTTP_SECRET_HPP
#define PERSONALIZE_EVENTS_DETAIL_HTTP_SECRET_HPP

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <utility>

#include "personalize_events/detail/base/wipe.hpp"
#include "personalize_events/detail/json/value.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Overwrites every text of a tree.
inline void wipe(json::Value& value) noexcept {
  wipe(value.text);
  for (json::Value& item : value.items) wipe(item);
  for (auto& [name, member] : value.members) wipe(member);
}

inline void wipe(Headers& headers) noexcept {
  for (auto& [name, value] : headers) wipe(value);
}

/// Overwrites the values, not the names.
inline void wipe(std::map<std::string, std::string>& secrets) noexcept {
  for (auto& [name, value] : secrets) wipe(value);
}

/// Takes the headers after the first `count` away, and overwrites them.
inline void drop_headers(Headers& headers, std::size_t count) {
  for (std::size_t i = count; i < headers.size(); ++i) wipe(headers[i].second);
  headers.resize((std::min)(count, headers.size()));
}

/// Overwrites all of a request that may be secret: its URL too has tokens in some protocols.
inline void wipe(HttpRequest& request) noexcept {
  wipe(request.url);
  wipe(request.headers);
  wipe(request.body);
}

inline void wipe(HttpResponse& response) noexcept {
  wipe(response.headers);
  wipe(response.body);
}

/// Overwrites a variable at the end of the scope, whichever way it is left.
template <class Secret>
class WipedAtEnd {
 public:
  explicit WipedAtEnd(Secret& secret) noexcept : secret_(secret) {}
  WipedAtEnd(const WipedAtEnd&) = delete;
  WipedAtEnd& operator=(const WipedAtEnd&) = delete;
  ~WipedAtEnd() { wipe(secret_); }

 private:
  Secret& secret_;
};

template <class Secret>
WipedAtEnd(Secret&) -> WipedAtEnd<Secret>;

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
