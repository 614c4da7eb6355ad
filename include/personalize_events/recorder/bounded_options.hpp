// SPDX-License-Identifier: Apache-2.0
//
// The options of a recorder as it can follow them. RecorderCore takes them so; what cannot be
// followed at all, make_recorder has refused.
#ifndef PERSONALIZE_EVENTS_RECORDER_BOUNDED_OPTIONS_HPP
#define PERSONALIZE_EVENTS_RECORDER_BOUNDED_OPTIONS_HPP

#include <algorithm>
#include <chrono>

#include "personalize_events/http/options.hpp"
#include "personalize_events/recorder/options.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// No wait is longer, so that it can be added to any time.
inline constexpr std::chrono::milliseconds kLongestWait{std::chrono::hours{24 * 365}};

/// The options as a recorder can follow them: waits that end, and no more requests in flight than
/// its transport carries at once, because those that wait there use up their timeout.
[[nodiscard]] inline RecorderOptions bounded(RecorderOptions options, const HttpOptions& http) {
  if (options.spool) {
    options.spool->max_age = std::min<std::chrono::hours>(
        options.spool->max_age, std::chrono::duration_cast<std::chrono::hours>(kLongestWait));
    options.delivery_timeout = options.spool->max_age;
  }
  for (std::chrono::milliseconds* wait : {&options.linger, &options.block_timeout,
                                          &options.delivery_timeout, &options.shutdown_timeout}) {
    *wait = std::clamp(*wait, std::chrono::milliseconds{0}, kLongestWait);
  }
  options.max_in_flight = std::min(options.max_in_flight, std::max(http.max_connections, 1));
  return options;
}

}  // namespace detail
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
