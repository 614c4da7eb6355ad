// SPDX-License-Identifier: Apache-2.0
//
// CredentialsRefresher: credentials for a thread that must not wait for them. Near expiry a helper
// thread asks the source while calls go on with the old ones. AttemptSender takes them from here.
#ifndef PERSONALIZE_EVENTS_CLIENT_CREDENTIALS_REFRESHER_HPP
#define PERSONALIZE_EVENTS_CLIENT_CREDENTIALS_REFRESHER_HPP

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "personalize_events/auth/cached.hpp"
#include "personalize_events/client/loop.hpp"
#include "personalize_events/platform/thread.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Which thread may wait for a source of credentials.
enum class AskSource : std::uint8_t {
  OnHelperThread,  ///< one that is started when it is needed, and joined when it is done
  WhenTaken,       ///< the one that takes: a loop without threads
};

/// A CredentialsCache without the waiting. When to refresh is decided by the cache.
///
/// The destructor waits for a source that is being asked, at most as long as it was told. What the
/// sources of the library do ends within that. One of an application's own that hangs for longer
/// cannot be ended by anybody: its thread is then let go, with all that it uses, and never comes
/// back into the library; a plug-in must not be unloaded meanwhile.
///
/// @par Thread Safety
/// One thread at a time.
class CredentialsRefresher {
 public:
  using Shared = CredentialsCache::Shared;

  /// `wake` is called by the helper thread when there is news, also after the destructor, and must
  /// then do nothing. `longest_end` bounds the destructor's wait; `timeout` is the provider's.
  CredentialsRefresher(std::shared_ptr<CredentialsCache> cache, AskSource ask,
                       std::function<void()> wake, std::chrono::milliseconds longest_end,
                       std::chrono::milliseconds timeout = kRefreshTimeout)
      : cache_(std::move(cache)),
        ask_(ask),
        wake_(std::move(wake)),
        longest_end_(longest_end),
        timeout_(timeout) {}
  CredentialsRefresher(const CredentialsRefresher&) = delete;
  CredentialsRefresher& operator=(const CredentialsRefresher&) = delete;
  ~CredentialsRefresher() {
    if (!thread_) return;
    std::unique_lock<std::mutex> lock(refresh_->mutex);
    const auto is_over = [this] { return refresh_->result.has_value(); };
    if (!refresh_->over.wait_for(lock, longest_end_, is_over)) thread_->detach();
  }

  /// Credentials that are good to sign with now; why there are none; or nothing yet, until
  /// `has_news`. A failed refresh is no error while credentials are still valid.
  [[nodiscard]] std::optional<Result<Shared>> take() {
    if (has_news()) return finish();
    CredentialsCache::Look look = cache_->look();
    if (look.wants_refresh && thread_ == std::nullopt) {
      if (ask_ == AskSource::WhenTaken) return cache_->get(timeout_);
      Result<void> started = start();
      if (!started && look.usable == nullptr) return std::move(started).error();
    }
    if (look.failure) return *std::move(look.failure);
    if (look.usable == nullptr) return std::nullopt;
    return std::move(look.usable);
  }

  /// Whether the source that was asked has answered, and nobody has taken that.
  [[nodiscard]] bool has_news() const {
    if (!thread_) return false;
    const std::lock_guard<std::mutex> lock(refresh_->mutex);
    return refresh_->result.has_value();
  }

 private:
  /// One question to the source. The helper thread and this share it.
  struct Refresh {
    std::mutex mutex{};
    std::condition_variable over{};
    std::optional<Result<Shared>> result{};
  };

  Result<void> start() {
    auto refresh = std::make_shared<Refresh>();
    const auto ask = [refresh, cache = cache_, wake = wake_, timeout = timeout_] {
      Result<Shared> answer = cache->get(timeout);
      {
        const std::lock_guard<std::mutex> lock(refresh->mutex);
        refresh->result.emplace(std::move(answer));
        refresh->over.notify_all();
      }
      wake();
    };
    Result<Thread> thread = Thread::start("pe-credentials", ask, kCallbackStack);
    if (!thread) return std::move(thread).error();
    refresh_ = std::move(refresh);
    thread_.emplace(*std::move(thread));
    return {};
  }

  [[nodiscard]] Result<Shared> finish() {
    thread_.reset();  // joins it, at its end
    return *std::move(refresh_->result);
  }

  const std::shared_ptr<CredentialsCache> cache_;
  const AskSource ask_;
  const std::function<void()> wake_;
  const std::chrono::milliseconds longest_end_;
  const std::chrono::milliseconds timeout_;
  std::shared_ptr<Refresh> refresh_{};
  std::optional<Thread> thread_{};
};

}  // namespace detail
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
