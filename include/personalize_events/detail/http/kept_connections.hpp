// SPDX-License-Identifier: Apache-2.0
//
// KeptConnections: which kept-alive connections may carry a request. Both curl transports have one,
// and CurlExchange asks it and reports lost connections to it.
#ifndef PERSONALIZE_EVENTS_DETAIL_HTTP_KEPT_CONNECTIONS_HPP
#define PERSONALIZE_EVENTS_DETAIL_HTTP_KEPT_CONNECTIONS_HPP

#include <algorithm>
#include <atomic>
#include <chrono>

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// How long a connection may have been idle to be used again. libcurl's own default.
inline constexpr std::chrono::seconds kLongestIdle{118};

/// What ends one kept-alive connection without notice (a network that forgot it, a machine that
/// slept, a server that restarted) has often ended the others too. After a loss the next request
/// gets a fresh connection, and none is used again that has been idle since before the loss, but
/// for the last two seconds: libcurl counts whole seconds.
///
/// @par Thread Safety
/// Every member may be called from any thread at the same time.
class KeptConnections {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// How a request gets its connection.
  struct Use {
    bool is_fresh{false};  ///< No kept one.
    std::chrono::seconds longest_idle{kLongestIdle};
  };

  /// A kept connection ended before a byte of the response came.
  void note_lost(Time now) {
    lost_at_.store(now.time_since_epoch().count());
    has_lost_.store(true);
    fresh_.fetch_add(1);
  }

  /// The connection of the next request.
  [[nodiscard]] Use next(Time now) {
    if (!has_lost_.load()) return {};
    const Time lost_at{Time::duration{lost_at_.load()}};
    const auto since = std::chrono::duration_cast<std::chrono::seconds>(now - lost_at);
    Use use;
    // libcurl takes 0 for no limit.
    use.longest_idle = std::clamp<std::chrono::seconds>(since - std::chrono::seconds{1},
                                                        std::chrono::seconds{1}, kLongestIdle);
    int left = fresh_.load();
    while (left > 0 && !use.is_fresh) use.is_fresh = fresh_.compare_exchange_weak(left, left - 1);
    return use;
  }

 private:
  std::atomic<bool> has_lost_{false};
  std::atomic<Time::rep> lost_at_{0};
  std::atomic<int> fresh_{0};  // requests that are still to get a fresh connection
};

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
