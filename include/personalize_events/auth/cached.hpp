// SPDX-License-Identifier: Apache-2.0
//
// CredentialsCache and cached(): credentials are asked for once and kept until shortly before they
// expire. The client wraps every provider in it. When to refresh is a pure function of the times;
// the cache adds that at most one thread asks at a time.
#ifndef PERSONALIZE_EVENTS_AUTH_CACHED_HPP
#define PERSONALIZE_EVENTS_AUTH_CACHED_HPP

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "personalize_events/auth/credentials.hpp"
#include "personalize_events/platform/platform.hpp"
#include "personalize_events/platform/system_platform.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// How urgently credentials want to be refreshed.
enum class Freshness : std::uint8_t {
  Fresh,
  Advisory,   ///< good, but near expiry: one thread refreshes while others go on with them
  Mandatory,  ///< too near expiry to sign with: everybody waits for new ones
};

inline constexpr std::chrono::seconds kAdvisoryWindow{300};
inline constexpr std::chrono::seconds kAdvisoryJitter{60};
inline constexpr std::chrono::seconds kMandatoryWindow{60};
inline constexpr std::chrono::seconds kFailedRefreshPause{30};

/// `jitter`, from 0 to 1, widens the advisory window, so that a fleet does not refresh at once.
[[nodiscard]] inline Freshness freshness(
    std::optional<std::chrono::system_clock::time_point> expiration,
    std::chrono::system_clock::time_point now, double jitter) {
  if (!expiration) return Freshness::Fresh;
  const auto left = *expiration - now;
  if (left <= kMandatoryWindow) return Freshness::Mandatory;
  const auto window = kAdvisoryWindow + std::chrono::duration_cast<std::chrono::milliseconds>(
                                            kAdvisoryJitter * jitter);
  return left <= window ? Freshness::Advisory : Freshness::Fresh;
}

}  // namespace detail

/// Keeps the credentials of one provider.
///
/// @par Thread Safety
/// Any thread. The provider is never called twice at the same time.
class CredentialsCache {
 public:
  using Shared = std::shared_ptr<const Credentials>;

  CredentialsCache(CredentialsProvider provider, std::shared_ptr<Platform> platform)
      : provider_(std::move(provider)), platform_(std::move(platform)) {
    if (platform_ == nullptr) platform_ = system_platform();
  }

  /// Credentials that are good to sign with now. Blocks while the provider does, if there are none
  /// to go on with; a caller that waits for another's refresh waits no longer than `at_most`.
  ///
  /// @par Error Handling
  /// What the provider answers, or Credentials when that has expired already. While credentials
  /// are still valid a failed refresh is no error. Timeout after `at_most`.
  [[nodiscard]] Result<Shared> get(std::chrono::milliseconds at_most) {
    std::unique_lock<std::mutex> lock(mutex_);
    const auto usable = [this] { return !refreshing_ || can_go_on(); };
    const bool must_wait = !usable();
    if (must_wait && !changed_.wait_for(lock, at_most, usable)) {
      Error error = detail::make_error(ErrorKind::Timeout, "credentials",
                                       "another call is still waiting for the source");
      error.retryable = true;
      return error;
    }
    if (must_wait && failure_) return *failure_;  // of the refresh that this call waited for
    if (current_ != nullptr && (refreshing_ || !wants_refresh())) return current_;
    return refresh(lock);
  }

  /// Tells that the service refused these credentials: the next `get` asks the provider again.
  /// Nothing happens if they have been replaced meanwhile.
  void invalidate(const Shared& rejected) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (current_ == rejected) rejected_ = true;
  }

 private:
  [[nodiscard]] detail::Freshness current_freshness() const {
    return detail::freshness(current_->expiration, platform_->now(), jitter_);
  }
  [[nodiscard]] bool has_expired() const {
    return current_->expiration && platform_->now() >= *current_->expiration;
  }
  [[nodiscard]] bool can_go_on() const {
    return current_ != nullptr && !rejected_ && current_freshness() != detail::Freshness::Mandatory;
  }
  [[nodiscard]] bool wants_refresh() const {
    if (rejected_) return true;
    if (current_freshness() == detail::Freshness::Fresh) return false;
    return has_expired() || platform_->steady_now() >= paused_until_;
  }

  Result<Shared> refresh(std::unique_lock<std::mutex>& lock) {
    refreshing_ = true;
    failure_.reset();
    // Also when the provider throws, the next caller must not wait for ever.
    const EndOfRefresh end{*this, lock};
    lock.unlock();
    Result<Credentials> supplied = provider_();
    lock.lock();
    if (supplied && supplied->expiration && platform_->now() >= *supplied->expiration) {
      supplied = credentials_error("the source gave credentials that have expired already");
    }

    if (supplied) {
      current_ = std::make_shared<const Credentials>(*std::move(supplied));
      rejected_ = false;
      jitter_ = random_fraction();
      return current_;
    }
    paused_until_ = platform_->steady_now() + detail::kFailedRefreshPause;
    if (current_ != nullptr && !rejected_ && !has_expired()) return current_;
    failure_ = std::move(supplied).error();
    return *failure_;
  }

  struct EndOfRefresh {
    CredentialsCache& cache;
    std::unique_lock<std::mutex>& lock;
    ~EndOfRefresh() {
      if (!lock.owns_lock()) lock.lock();
      cache.refreshing_ = false;
      cache.changed_.notify_all();
    }
  };

  [[nodiscard]] double random_fraction() const {
    unsigned char byte = 0;
    platform_->random_bytes(&byte, 1);
    return byte / 255.0;
  }

  CredentialsProvider provider_;
  std::shared_ptr<Platform> platform_;
  std::mutex mutex_{};
  std::condition_variable changed_{};
  Shared current_{};
  std::optional<Error> failure_{};
  double jitter_{0};
  bool rejected_{false};
  bool refreshing_{false};
  std::chrono::steady_clock::time_point paused_until_{};
};

/// A provider that asks `provider` once and keeps the answer until shortly before it expires: five
/// minutes, with jitter, one thread refreshes while others go on; one minute before, all wait for
/// the one that refreshes. A refresh that fails keeps credentials that are still valid.
///
/// @par Thread Safety
/// Any thread; `provider` is never called twice at the same time.
///
/// The client does this to every provider by itself; use it to share one source between clients.
/// What the service rejects is then kept until it expires: a client can tell its own cache only.
[[nodiscard]] inline CredentialsProvider cached(CredentialsProvider provider,
                                                std::shared_ptr<Platform> platform = {}) {
  auto cache = std::make_shared<CredentialsCache>(std::move(provider), std::move(platform));
  return [cache]() -> Result<Credentials> {
    constexpr std::chrono::minutes longest_wait{1};
    return cache->get(longest_wait).transform([](const CredentialsCache::Shared& shared) {
      return *shared;
    });
  };
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
