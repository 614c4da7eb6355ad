// SPDX-License-Identifier: Apache-2.0
//
// Deadlines of requests, as the transports reckon them. Pure: each function is given the time.
#ifndef PERSONALIZE_EVENTS_DETAIL_HTTP_DEADLINE_HPP
#define PERSONALIZE_EVENTS_DETAIL_HTTP_DEADLINE_HPP

#include <algorithm>
#include <chrono>

#include "personalize_events/transport.hpp"
#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// No request and no wait takes longer, whatever was asked for.
inline constexpr std::chrono::milliseconds kLongestTimeout{std::chrono::hours{24}};

/// When a request that is handed over at `now` has to be answered.
[[nodiscard]] inline std::chrono::steady_clock::time_point deadline_of(
    const HttpRequest& request, std::chrono::steady_clock::time_point now) {
  return now + std::clamp(request.timeout, std::chrono::milliseconds{0}, kLongestTimeout);
}

/// What is left until then, in milliseconds begun; 0 when it has passed.
[[nodiscard]] constexpr std::chrono::milliseconds time_left(
    std::chrono::steady_clock::time_point deadline,
    std::chrono::steady_clock::time_point now) noexcept {
  if (deadline <= now) return std::chrono::milliseconds{0};
  return std::chrono::ceil<std::chrono::milliseconds>(deadline - now);
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
