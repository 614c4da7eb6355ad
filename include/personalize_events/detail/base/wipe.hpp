// SPDX-License-Identifier: Apache-2.0
//
// wipe: overwrites what held a secret. detail/http/secret.hpp has it for requests, responses and
// JSON.
#ifndef PERSONALIZE_EVENTS_DETAIL_BASE_WIPE_HPP
#define PERSONALIZE_EVENTS_DETAIL_BASE_WIPE_HPP

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Overwrites memory. A compiler leaves no access to a volatile object out.
inline void wipe(void* memory, std::size_t size) noexcept {
  volatile char* bytes = static_cast<volatile char*>(memory);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = '\0';
}

/// Overwrites all that a string holds, spare capacity included, and empties it.
inline void wipe(std::string& secret) noexcept {
  secret.resize(secret.capacity());  // within the capacity, so it never allocates
  wipe(secret.data(), secret.size());
  secret.clear();
}

/// Appends to a string that may be a secret: growing leaves no copy behind.
inline void append_wiping(std::string& secret, std::string_view more) {
  if (secret.capacity() - secret.size() < more.size()) {
    std::string larger;
    larger.reserve((std::max)(2 * secret.capacity(), secret.size() + more.size()));
    larger.append(secret);
    secret.swap(larger);
    wipe(larger);
  }
  secret.append(more);
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
