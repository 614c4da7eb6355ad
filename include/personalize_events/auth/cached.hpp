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
#include "personalize_events/platform/per_process.hpp"
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

/// Keeps the credentials of one provider. A forked child keeps its own and asks again: a refresh
/// that was on its way in the parent never ends there.
///
/// @par Thread Safety
/// Any thread. The provider is never called twice at the same time. It has no thread of its own, so
/// its destructor waits for nothing; no thread is in `get` by then.
class CredentialsCache {
 public:
  /// Credentials that several calls read and none copies.
  using Shared = std::shared_ptr<const Credentials>;

  /// Keeps what `provider` answers; it is not called before the first `get`.
  CredentialsCache(CredentialsProvider provider, std::shared_ptr<Platform> platform)
      : provider_(std::move(provider)), platform_(std::move(platform)) {
    if (platform_ == nullptr) platform_ = system_platform();
  }

  /// Credentials that are good to sign with now. Blocks while the provider does, if there are none
  /// to go on with; a caller that waits for another's refresh waits no longer than `at_most`.
  ///
  /// @par Error Handling
  /// The provider's; Credentials if its credentials have expired or have characters that no header
  /// may have. While credentials are still valid a failed refresh is no error. Timeout after
  /// `at_most`.
  [[nodiscard]] Result<Shared> get(std::chrono::milliseconds at_most) {
    State& state = own_state();
    std::unique_lock<std::mutex> lock(state.mutex);
    const auto usable = [&] { return !state.refreshing || can_go_on(state); };
    const bool must_wait = !usable();
    if (must_wait && !state.changed.wait_for(lock, at_most, usable)) {
      Error error = detail::make_error(ErrorKind::Timeout, "credentials",
                                       "another call is still waiting for the source");
      error.retryable = true;
      return error;
    }
    if (must_wait && state.failure) return *state.failure;  // of the refresh that it waited for
    if (state.current != nullptr && (state.refreshing || !wants_refresh(state))) {
      return state.current;
    }
    return refresh(state, lock);
  }

  /// What can be said without asking the provider.
  struct Look {
    Shared usable{};            ///< What `get` would answer without a wait; null when it would ask.
    bool wants_refresh{false};  ///< Whether somebody should call `get` on a thread that may wait.
  };

  /// Never blocks, so that a thread with other work can go on while another refreshes.
  [[nodiscard]] Look look() {
    State& state = own_state();
    const std::lock_guard<std::mutex> lock(state.mutex);
    const bool wants = !state.refreshing && (state.current == nullptr || wants_refresh(state));
    const bool usable = can_go_on(state) || (!state.refreshing && !wants);
    return {usable ? state.current : nullptr, wants};
  }

  /// Takes credentials as if the provider had given them. Credentials that no request can be signed
  /// with change nothing, but `get` reports them in place of the provider's next failure.
  void keep(const Credentials& credentials) {
    State& state = own_state();
    const std::lock_guard<std::mutex> lock(state.mutex);
    state.kept_flaw = detail::find_flaw(credentials, "credentials");
    if (!state.kept_flaw) take(state, credentials);
  }

  /// Tells that the service refused these credentials, which `get` answered: the next `get` asks
  /// the provider again, and so does whoever keeps them behind it. Nothing happens if they have
  /// been replaced meanwhile.
  void invalidate(const Shared& rejected) {
    if (rejected == nullptr || !reject(rejected)) return;
    if (const auto keeper = rejected->keeper.lock()) keeper->invalidate(*rejected);
  }

  /// The same, of credentials that were copied on the way.
  void invalidate(const Credentials& rejected) {
    State& state = own_state();
    Shared current;
    {
      const std::lock_guard<std::mutex> lock(state.mutex);
      current = state.current;
    }
    if (current != nullptr && current->access_key_id == rejected.access_key_id &&
        current->secret_access_key == rejected.secret_access_key &&
        current->session_token == rejected.session_token) {
      invalidate(current);
    }
  }

 private:
  struct State {
    std::mutex mutex{};
    std::condition_variable changed{};
    Shared current{};
    std::optional<Error> failure{};
    std::optional<Error> kept_flaw{};
    double jitter{0};
    bool rejected{false};
    bool refreshing{false};
    std::chrono::steady_clock::time_point paused_until{};
  };

  [[nodiscard]] State& own_state() {
    return state_.own([] { return std::make_unique<State>(); });
  }

  [[nodiscard]] detail::Freshness current_freshness(const State& state) const {
    return detail::freshness(state.current->expiration, platform_->now(), state.jitter);
  }
  [[nodiscard]] bool has_expired(const State& state) const {
    return state.current->expiration && platform_->now() >= *state.current->expiration;
  }
  [[nodiscard]] bool can_go_on(const State& state) const {
    return state.current != nullptr && !state.rejected &&
           current_freshness(state) != detail::Freshness::Mandatory;
  }
  [[nodiscard]] bool wants_refresh(const State& state) const {
    if (state.rejected) return true;
    if (current_freshness(state) == detail::Freshness::Fresh) return false;
    return has_expired(state) || platform_->steady_now() >= state.paused_until;
  }

  [[nodiscard]] bool reject(const Shared& rejected) {
    State& state = own_state();
    const std::lock_guard<std::mutex> lock(state.mutex);
    if (state.current != rejected) return false;
    state.rejected = true;
    return true;
  }

  // Not moved: what wipes itself at its end is copied.
  void take(State& state, const Credentials& credentials) const {
    state.current = std::make_shared<const Credentials>(credentials);
    state.rejected = false;
    state.jitter = random_fraction();
  }

  Result<Shared> refresh(State& state, std::unique_lock<std::mutex>& lock) {
    state.refreshing = true;
    state.failure.reset();
    // Also when the provider throws, the next caller must not wait for ever.
    const EndOfRefresh end{state, lock};
    lock.unlock();
    Result<Credentials> supplied = provider_();
    lock.lock();
    if (supplied && supplied->expiration && platform_->now() >= *supplied->expiration) {
      supplied = credentials_error("the source gave credentials that have expired already");
    }
    if (supplied) {
      if (auto flaw = detail::find_flaw(*supplied, "credentials")) supplied = *std::move(flaw);
    }

    if (supplied) {
      state.kept_flaw.reset();
      take(state, *supplied);
      return state.current;
    }
    state.paused_until = platform_->steady_now() + detail::kFailedRefreshPause;
    if (state.current != nullptr && !state.rejected && !has_expired(state)) return state.current;
    state.failure = state.kept_flaw ? *state.kept_flaw : std::move(supplied).error();
    return *state.failure;
  }

  struct EndOfRefresh {
    State& state;
    std::unique_lock<std::mutex>& lock;
    ~EndOfRefresh() {
      if (!lock.owns_lock()) lock.lock();
      state.refreshing = false;
      state.changed.notify_all();
    }
  };

  [[nodiscard]] double random_fraction() const {
    unsigned char byte = 0;
    platform_->random_bytes(&byte, 1);
    return byte / 255.0;
  }

  CredentialsProvider provider_;
  std::shared_ptr<Platform> platform_;
  detail::PerProcess<State> state_{};
};

namespace detail {

/// The cache that a cached() provider and its copies share.
class SharedCredentialsCache final : public CredentialsKeeper,
                                     public std::enable_shared_from_this<SharedCredentialsCache> {
 public:
  SharedCredentialsCache(CredentialsProvider provider, std::shared_ptr<Platform> platform)
      : cache_(std::move(provider), std::move(platform)) {}

  [[nodiscard]] Result<Credentials> get() {
    constexpr std::chrono::minutes longest_wait{1};
    Result<CredentialsCache::Shared> kept = cache_.get(longest_wait);
    if (!kept) return std::move(kept).error();
    Result<Credentials> given{**kept};
    given->keeper = weak_from_this();
    return given;
  }

  void invalidate(const Credentials& rejected) override { cache_.invalidate(rejected); }

 private:
  CredentialsCache cache_;
};

}  // namespace detail

/// A provider that asks `provider` once and keeps the answer until shortly before it expires: five
/// minutes, with jitter, one thread refreshes while others go on; one minute before, all wait for
/// the one that refreshes. A refresh that fails keeps credentials that are still valid. What a
/// service refuses is not kept: the client that was refused tells it (Credentials::keeper).
///
/// @par Thread Safety
/// Any thread; `provider` is never called twice at the same time.
///
/// The client does this to every provider by itself; use it to share one source between clients.
[[nodiscard]] inline CredentialsProvider cached(CredentialsProvider provider,
                                                std::shared_ptr<Platform> platform = {}) {
  return [cache = std::make_shared<detail::SharedCredentialsCache>(
              std::move(provider), std::move(platform))] { return cache->get(); };
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
