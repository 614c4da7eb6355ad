// SPDX-License-Identifier: Apache-2.0
//
// CredentialsCache and cached(): credentials are requested once and kept until shortly before they
// expire. Every client wraps its provider in a cache. When to refresh is a pure function of the
// times; the cache adds that the provider is called once at a time, and on which thread.
#ifndef PERSONALIZE_EVENTS_DETAIL_PROVIDERS_CACHED_HPP
#define PERSONALIZE_EVENTS_DETAIL_PROVIDERS_CACHED_HPP

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "personalize_events/credentials.hpp"
#include "personalize_events/detail/platform/per_process.hpp"
#include "personalize_events/detail/platform/system_platform.hpp"
#include "personalize_events/detail/platform/thread.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// How urgently credentials want to be refreshed.
enum class Freshness : std::uint8_t {
  Fresh,
  Advisory,   ///< good, but near expiry: calls use them while they are refreshed
  Mandatory,  ///< too near expiry to sign with, or expired: a refresh is waited for
};

inline constexpr std::chrono::seconds kAdvisoryWindow{300};
inline constexpr std::chrono::seconds kAdvisoryJitter{60};
inline constexpr std::chrono::seconds kMandatoryWindow{60};
/// Between two refreshes of credentials that can be used, if the first brought nothing better: at
/// least this, and up to the jitter more.
inline constexpr std::chrono::seconds kRefreshPause{30};
inline constexpr std::chrono::seconds kRefreshPauseJitter{10};
/// Between two calls of a provider that fails while there are no credentials: none after the first
/// failure, at most this after the second, then twice as long each time, up to kRefreshPause.
inline constexpr std::chrono::seconds kFailurePause{1};
/// So many more failures that are retryable begin no pause: a call tries three times.
inline constexpr int kFreeRetries{2};
/// The same of credentials that the service rejects soon after they came.
inline constexpr int kFreeRejections{2};
/// The provider's timeout in a refresh that no call waits for.
inline constexpr std::chrono::seconds kRefreshTimeout{60};

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

/// How long to leave a provider alone whose credentials are good for now. `random` is from 0 to 1.
[[nodiscard]] inline std::chrono::milliseconds refresh_pause(double random) {
  return kRefreshPause +
         std::chrono::duration_cast<std::chrono::milliseconds>(kRefreshPauseJitter * random);
}

/// How long to leave a provider alone that has failed so many times in a row, at least once, while
/// there are no credentials: from half of the longest pause on.
[[nodiscard]] inline std::chrono::milliseconds failure_pause(int failures, double random) {
  if (failures <= 1) return std::chrono::milliseconds{0};
  const int doublings = (std::min)(failures - 2, 5);
  const std::chrono::milliseconds longest =
      std::min<std::chrono::milliseconds>(kFailurePause * (1 << doublings), kRefreshPause);
  return std::chrono::duration_cast<std::chrono::milliseconds>(longest * (0.5 + random / 2));
}

[[nodiscard]] inline bool is_same_key(const Credentials& left, const Credentials& right) {
  return left.access_key_id == right.access_key_id &&
         left.secret_access_key == right.secret_access_key &&
         left.session_token == right.session_token;
}

/// Keeps the credentials of one provider and refreshes them in time. A forked child has a separate
/// state and calls the provider again: a refresh in flight in the parent never ends there.
///
/// Credentials are judged by the service, not by this machine's clock: those that have expired by
/// it are used while the provider has no others. A refresh that fails, or brings nothing that lives
/// longer, is repeated after a pause.
///
/// With Refresh::OnThread the provider is called on a thread of the cache, which is started for a
/// refresh and ends with it. A provider that hangs delays no call beyond its timeout, and is never
/// waited for: not by the destructor, and not at the exit of the process. Its thread shares what it
/// uses. A provider that throws on it ends the program.
///
/// @par Thread Safety
/// Any thread. The provider is never called twice at the same time. No thread is in a member when
/// the cache is destroyed. A library that is unloaded (dlclose) must wait for its provider to
/// return before.
class CredentialsCache {
 public:
  /// Credentials that several calls read and none copies.
  using Shared = std::shared_ptr<const Credentials>;

  /// Which thread calls the provider.
  enum class Refresh : std::uint8_t {
    OnCaller,  ///< the one that needs the credentials
    OnThread,  ///< one of the cache; the caller's if the system gives none and a call must wait
  };

  /// Keeps what `provider` returns; it is not called before the first `get`.
  CredentialsCache(CredentialsProvider provider, std::shared_ptr<Platform> platform)
      : source_(std::make_shared<Source>()) {
    source_->provider = std::move(provider);
    source_->platform = platform != nullptr ? std::move(platform) : system_platform();
  }
  CredentialsCache(const CredentialsCache&) = delete;
  CredentialsCache& operator=(const CredentialsCache&) = delete;
  ~CredentialsCache() {
    if (std::shared_ptr<State>* state = states_.find()) (*state)->close();
  }

  /// Credentials to sign with now, within `timeout`, which is also the provider's. With
  /// Refresh::OnThread credentials near expiry are returned at once, and those that are nearer
  /// after half of the timeout at the latest.
  ///
  /// @par Error Handling
  /// The provider's; Credentials if its credentials have characters that no header may have; both
  /// again, without a call, during the pause. While there are credentials that no service has
  /// rejected a failed refresh is no error. Timeout, if the provider has not returned.
  [[nodiscard]] Result<Shared> get(std::chrono::milliseconds timeout,
                                   Refresh refresh = Refresh::OnCaller) {
    return State::get(own_state(), timeout, refresh);
  }

  /// The wait of a caller of `try_get`.
  enum class Wait : std::uint8_t {
    Begins,  ///< the first call
    GoesOn,  ///< a later call: the result of the refresh in flight serves
    Ends,    ///< it was long: credentials near expiry serve, expired ones too
  };

  /// As `get` with Refresh::OnThread, for a thread that must not wait. Returns nothing while it
  /// would; `on_refreshed` is called at the end of the refresh, on the cache's thread, maybe after
  /// the cache is destroyed. `timeout` is the provider's.
  [[nodiscard]] std::optional<Result<Shared>> try_get(std::chrono::milliseconds timeout, Wait wait,
                                                      const std::function<void()>& on_refreshed) {
    return State::try_get(own_state(), timeout, wait, on_refreshed);
  }

  /// What can be said without a call of the provider.
  struct Look {
    Shared usable{};                 ///< What `get` would return without a wait.
    std::optional<Error> failure{};  ///< What `get` would return without a wait, else.
    bool wants_refresh{false};       ///< Whether `get` would call the provider.
  };

  /// Never blocks, and never calls the provider.
  [[nodiscard]] Look look() { return own_state()->look(); }

  /// Takes credentials as if the provider had given them. Credentials that no request can be signed
  /// with change nothing, but `get` reports them in place of the provider's next failure.
  void keep(const Credentials& credentials) { own_state()->keep(credentials); }

  /// Why the credentials in use could not be refreshed; none if they could, or need not be.
  [[nodiscard]] std::optional<Error> refresh_failure() { return own_state()->refresh_failure(); }

  /// Judges expiry by a clock that is so far ahead of the platform's from now on.
  void correct_clock(std::chrono::milliseconds offset) {
    source_->clock_offset.store(offset.count(), std::memory_order_relaxed);
  }

  /// Reports that the service rejected these credentials, which `get` returned: the next `get`
  /// calls the provider again, and so does their keeper. Nothing happens if they have been replaced
  /// meanwhile.
  void invalidate(const Shared& rejected) {
    if (rejected == nullptr || !own_state()->reject(rejected)) return;
    if (const auto keeper = rejected->keeper.lock()) keeper->invalidate(*rejected);
  }

  /// The same, of credentials that were copied on the way.
  void invalidate(const Credentials& rejected) {
    const Shared current = own_state()->current_credentials();
    if (current != nullptr && detail::is_same_key(*current, rejected)) invalidate(current);
  }

 private:
  struct Source {
    CredentialsProvider provider{};
    std::shared_ptr<Platform> platform{};
    std::atomic<std::int64_t> clock_offset{0};  // milliseconds to add to the platform's time
  };

  /// What one process keeps. The thread of a refresh shares it, so that it may outlive the cache.
  class State {
   public:
    explicit State(std::shared_ptr<Source> source) : source_(std::move(source)) {}

    [[nodiscard]] static Result<Shared> get(const std::shared_ptr<State>& self,
                                            std::chrono::milliseconds timeout, Refresh refresh) {
      std::unique_lock<std::mutex> lock(self->mutex_);
      return self->get_locked(self, lock, timeout, refresh);
    }

    [[nodiscard]] static std::optional<Result<Shared>> try_get(
        const std::shared_ptr<State>& self, std::chrono::milliseconds timeout, Wait wait,
        const std::function<void()>& on_refreshed) {
      const std::lock_guard<std::mutex> lock(self->mutex_);
      return self->try_get_locked(self, timeout, wait, on_refreshed);
    }

    [[nodiscard]] Look look() {
      const std::lock_guard<std::mutex> lock(mutex_);
      Look seen;
      seen.wants_refresh = !refreshing_ && wants_refresh();
      if (can_go_on() || (is_paused() && !must_fail())) {
        seen.usable = current_;
      } else if (is_paused()) {
        seen.failure = failure_;
      }
      return seen;
    }

    void keep(const Credentials& credentials) {
      const std::lock_guard<std::mutex> lock(mutex_);
      kept_flaw_ = detail::find_flaw(credentials, "credentials");
      if (!kept_flaw_) return take(credentials);
      if (failure_) failure_ = kept_flaw_;
    }

    [[nodiscard]] std::optional<Error> refresh_failure() {
      const std::lock_guard<std::mutex> lock(mutex_);
      return current_ == nullptr || !needs_refresh() ? std::nullopt : failure_;
    }

    [[nodiscard]] Shared current_credentials() {
      const std::lock_guard<std::mutex> lock(mutex_);
      return current_;
    }

    [[nodiscard]] bool reject(const Shared& rejected) {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (current_ != rejected) return false;
      rejected_ = true;
      const bool were_good = source_->platform->steady_now() - taken_at_ >= detail::kRefreshPause;
      rejections_ = were_good ? 1 : rejections_ + 1;
      // A pause because of their expiry ends. One because of rejections does not.
      if (!came_rejected_ && rejections_ <= detail::kFreeRejections) paused_until_ = {};
      return true;
    }

    /// The cache ends. A thread that is not in the provider ends at once; another one is left
    /// alone.
    void close() {
      std::optional<detail::Thread> ended;  // joined after the lock
      const std::lock_guard<std::mutex> lock(mutex_);
      is_closed_ = true;
      if (thread_ && is_in_provider_) thread_->detach();
      ended.swap(thread_);
    }

   private:
    /// Joins a thread that has left the provider: its stack is memory until then.
    void join_ended() {
      if (!refreshing_) thread_.reset();
    }

    [[nodiscard]] Result<Shared> get_locked(const std::shared_ptr<State>& self,
                                            std::unique_lock<std::mutex>& lock,
                                            std::chrono::milliseconds timeout, Refresh refresh) {
      join_ended();
      if (!refreshing_ && wants_refresh()) {
        const bool is_on_thread =
            refresh == Refresh::OnThread && start_refresh(self, timeout, nullptr);
        if (refresh == Refresh::OnCaller || (!is_on_thread && !has_any())) {
          return refresh_here(lock, timeout);
        }
      }
      if (refreshing_ && !can_go_on()) return wait_for_refresh(self, lock, timeout, refresh);
      return current();
    }

    [[nodiscard]] std::optional<Result<Shared>> try_get_locked(
        const std::shared_ptr<State>& self, std::chrono::milliseconds timeout, Wait wait,
        const std::function<void()>& on_refreshed) {
      join_ended();
      // A failed refresh is the result of all that waited for it.
      const bool has_result = wait != Wait::Begins && must_fail();
      if (!refreshing_ && !has_result && wants_refresh()) {
        static_cast<void>(start_refresh(self, timeout, on_refreshed));
      }
      if (refreshing_ && !can_go_on()) {
        if (wait != Wait::Ends || !has_any()) return std::nullopt;
        is_last_resort_ = true;
      }
      return current();
    }

    /// Waits for the refresh in flight. Credentials that no service has rejected are used after
    /// half of the time, by this call and by those that come while it lasts.
    [[nodiscard]] Result<Shared> wait_for_refresh(const std::shared_ptr<State>& self,
                                                  std::unique_lock<std::mutex>& lock,
                                                  std::chrono::milliseconds timeout,
                                                  Refresh refresh) {
      using std::chrono::milliseconds;
      const auto begin = source_->platform->steady_now();
      const std::uint64_t ended_before = ended_refreshes_;
      const auto is_over = [&] { return ended_refreshes_ != ended_before || can_go_on(); };
      if (!changed_.wait_for(lock, has_any() ? timeout / 2 : timeout, is_over)) {
        if (!has_any()) return timed_out();
        is_last_resort_ = true;
      }
      if (must_fail() || can_go_on() || !wants_refresh()) return current();
      // The provider threw on the thread of another call.
      const auto waited = source_->platform->steady_now() - begin;
      const auto left = timeout - std::chrono::duration_cast<milliseconds>(waited);
      return get_locked(self, lock, (std::max)(left, milliseconds{0}), refresh);
    }

    [[nodiscard]] static Error timed_out() {
      Error error = detail::make_error(
          ErrorKind::Timeout, "credentials",
          "the credentials provider did not return within the call's timeout; check the service "
          "that it asks");
      error.retryable = true;
      return error;
    }

    [[nodiscard]] std::chrono::milliseconds clock_offset() const {
      return std::chrono::milliseconds{source_->clock_offset.load(std::memory_order_relaxed)};
    }
    /// The clock of the service, as far as it is known.
    [[nodiscard]] std::chrono::system_clock::time_point now() const {
      return source_->platform->now() + clock_offset();
    }
    [[nodiscard]] detail::Freshness current_freshness() const {
      return detail::freshness(current_->expiration, now(), jitter_);
    }
    /// Whether there are credentials that no service has rejected.
    [[nodiscard]] bool has_any() const { return current_ != nullptr && !rejected_; }
    [[nodiscard]] bool can_go_on() const {
      return has_any() && (is_last_resort_ || current_freshness() != detail::Freshness::Mandatory);
    }
    [[nodiscard]] bool needs_refresh() const {
      return !has_any() || current_freshness() != detail::Freshness::Fresh;
    }
    [[nodiscard]] bool wants_refresh() const {
      return needs_refresh() && source_->platform->steady_now() >= paused_until_;
    }
    /// Whether the provider is to be left alone, so that what is here must do.
    [[nodiscard]] bool is_paused() const { return !refreshing_ && !wants_refresh(); }
    /// Whether there is nothing to sign with.
    [[nodiscard]] bool must_fail() const { return failure_.has_value() && !has_any(); }
    /// What serves without a wait.
    [[nodiscard]] Result<Shared> current() const {
      if (must_fail()) return *failure_;
      return current_;
    }

    // Not moved: what wipes itself at its end is copied.
    void take(const Credentials& credentials) {
      came_rejected_ =
          rejected_ && current_ != nullptr && detail::is_same_key(*current_, credentials);
      const int rejections = rejected_ ? rejections_ : 0;
      current_ = std::make_shared<const Credentials>(credentials);
      rejected_ = false;
      failure_.reset();
      failures_ = 0;
      jitter_ = random_fraction();
      const detail::Freshness freshness = current_freshness();
      is_last_resort_ = freshness == detail::Freshness::Mandatory;
      taken_at_ = source_->platform->steady_now();
      if (came_rejected_ || freshness != detail::Freshness::Fresh) {
        pause(detail::refresh_pause(jitter_));
      } else {
        pause(detail::failure_pause(rejections - detail::kFreeRejections, jitter_));
      }
    }

    void fail(Error error) {
      ++failures_;
      // A provider of the library has tried again by itself.
      const bool is_free = error.retryable && !detail::is_of_meant_source(error);
      const int counted = is_free ? failures_ - detail::kFreeRetries : failures_;
      failure_ = kept_flaw_ ? *kept_flaw_ : std::move(error);
      if (has_any()) {
        is_last_resort_ = true;
        pause(detail::refresh_pause(random_fraction()));
      } else {
        pause(detail::failure_pause(counted, random_fraction()));
      }
    }

    void pause(std::chrono::milliseconds time) {
      paused_until_ = source_->platform->steady_now() + time;
    }

    /// Calls the provider on this thread.
    Result<Shared> refresh_here(std::unique_lock<std::mutex>& lock,
                                std::chrono::milliseconds timeout) {
      refreshing_ = true;
      // Also if the provider throws, the next caller must not wait without end.
      EndOfRefresh end{*this, lock};
      is_in_provider_ = true;
      lock.unlock();
      Result<Credentials> supplied = source_->provider(CredentialsRequest{timeout, clock_offset()});
      lock.lock();
      end.has_result = true;
      if (supplied) {
        if (auto flaw = detail::find_flaw(*supplied, "credentials")) supplied = *std::move(flaw);
      }
      if (supplied) {
        kept_flaw_.reset();
        take(*supplied);
      } else {
        fail(std::move(supplied).error());
      }
      return current();
    }

    /// Calls the provider on a new thread, and `on_refreshed` after it. Returns false if there is
    /// no thread; the next call then tries again after a pause.
    [[nodiscard]] bool start_refresh(const std::shared_ptr<State>& self,
                                     std::chrono::milliseconds timeout,
                                     const std::function<void()>& on_refreshed) {
      refreshing_ = true;
      if (can_go_on()) timeout = detail::kRefreshTimeout;
      Result<detail::Thread> thread = detail::Thread::start(
          "pe-credentials",
          [self, timeout, on_refreshed] {
            {
              std::unique_lock<std::mutex> lock(self->mutex_);
              if (self->is_closed_) return;
              static_cast<void>(self->refresh_here(lock, timeout));
            }
            if (on_refreshed) on_refreshed();
          },
          detail::kCallbackStack);
      if (thread) {
        thread_.emplace(*std::move(thread));
        return true;
      }
      refreshing_ = false;
      fail(std::move(thread).error());
      return false;
    }

    struct EndOfRefresh {
      State& state;
      std::unique_lock<std::mutex>& lock;
      bool has_result{false};
      ~EndOfRefresh() {
        if (!lock.owns_lock()) lock.lock();
        if (!has_result) state.failure_.reset();
        state.refreshing_ = false;
        state.is_in_provider_ = false;
        ++state.ended_refreshes_;
        state.changed_.notify_all();
      }
    };

    [[nodiscard]] double random_fraction() const {
      unsigned char byte = 0;
      source_->platform->random_bytes(&byte, 1);
      return byte / 255.0;
    }

    const std::shared_ptr<Source> source_;
    std::mutex mutex_{};
    std::condition_variable changed_{};
    Shared current_{};
    std::optional<Error> failure_{};  // of the last refresh
    std::optional<Error> kept_flaw_{};
    int failures_{0};    // in a row
    int rejections_{0};  // in a row, each soon after the credentials came
    double jitter_{0};
    bool rejected_{false};
    bool came_rejected_{false};   // current_ was rejected before the provider returned it again
    bool is_last_resort_{false};  // current_ is used although it is about to expire, or has
    bool refreshing_{false};
    bool is_in_provider_{false};
    bool is_closed_{false};
    std::uint64_t ended_refreshes_{0};
    std::chrono::steady_clock::time_point paused_until_{};
    std::chrono::steady_clock::time_point taken_at_{};
    std::optional<detail::Thread> thread_{};  // of the last refresh
  };

  [[nodiscard]] const std::shared_ptr<State>& own_state() {
    return states_.own([this] {
      return std::make_unique<std::shared_ptr<State>>(std::make_shared<State>(source_));
    });
  }

  std::shared_ptr<Source> source_;
  detail::PerProcess<std::shared_ptr<State>> states_{};
};

/// The cache that a cached() provider and its copies share.
class SharedCredentialsCache final : public CredentialsKeeper,
                                     public std::enable_shared_from_this<SharedCredentialsCache> {
 public:
  SharedCredentialsCache(CredentialsProvider provider, std::shared_ptr<Platform> platform)
      : cache_(std::move(provider), std::move(platform)) {}

  [[nodiscard]] Result<Credentials> get(const CredentialsRequest& request) {
    constexpr std::chrono::milliseconds longest = std::chrono::minutes{1};
    if (request.clock_offset.count() != 0) cache_.correct_clock(request.clock_offset);
    Result<CredentialsCache::Shared> kept = cache_.get((std::min)(request.timeout, longest));
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

/// A provider that calls `provider` once and keeps its result until shortly before it expires: five
/// minutes, with jitter, one thread refreshes while others go on; one minute before, all wait for
/// the one that refreshes. A refresh that fails keeps credentials, also expired ones, and is not
/// repeated for half a minute. What a service rejects is not kept: the client that got the
/// rejection reports it (Credentials::keeper).
///
/// Every client caches its provider. Use this to share one provider between clients.
///
/// @par Thread Safety
/// Any thread; `provider` is never called twice at the same time, and on a thread of the caller.
[[nodiscard]] inline CredentialsProvider cached(CredentialsProvider provider,
                                                std::shared_ptr<Platform> platform = {}) {
  return [cache = std::make_shared<detail::SharedCredentialsCache>(
              std::move(provider), std::move(platform))](const CredentialsRequest& request) {
    return cache->get(request);
  };
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
