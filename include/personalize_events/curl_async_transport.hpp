// SPDX-License-Identifier: Apache-2.0
//
// CurlAsyncTransport: the default AsyncTransport, on libcurl's multi interface. What has many
// requests in flight on one thread, such as a recorder, drives one.
#ifndef PERSONALIZE_EVENTS_CURL_ASYNC_TRANSPORT_HPP
#define PERSONALIZE_EVENTS_CURL_ASYNC_TRANSPORT_HPP

#include <curl/curl.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "personalize_events/detail/http/curl_exchange.hpp"
#include "personalize_events/detail/http/curl_setup.hpp"
#include "personalize_events/detail/http/deadline.hpp"
#include "personalize_events/detail/http/kept_connections.hpp"
#include "personalize_events/detail/http/request_check.hpp"
#include "personalize_events/detail/http/request_queue.hpp"
#include "personalize_events/detail/platform/per_process.hpp"
#include "personalize_events/detail/platform/shortage.hpp"
#include "personalize_events/detail/platform/signal.hpp"
#include "personalize_events/options.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// No single wait is longer, so that a wake-up that libcurl lost delays nothing for long.
inline constexpr std::chrono::milliseconds kLongestPoll{1000};
/// How long after its deadline a request is ended here, should libcurl not have done so.
inline constexpr std::chrono::milliseconds kDeadlineGrace{1000};

/// One multi handle of libcurl, the requests that it carries, and those that wait for their turn.
///
/// @par Thread Safety
/// None: one thread at a time, but for `wake`.
class CurlLoop {
 public:
  /// `options` stay where they are.
  explicit CurlLoop(const HttpOptions& options)
      : options_(options),
        limit_(static_cast<std::size_t>((std::max)(options.max_connections, 1))) {
    set_up();
  }
  CurlLoop(const CurlLoop&) = delete;
  CurlLoop& operator=(const CurlLoop&) = delete;
  ~CurlLoop() {
    close();
    const SigpipeGuard guard;
    for (CURL* handle : idle_) curl_easy_cleanup(handle);
    // Fails only for a handle that is none, or is in use by the caller of this.
    if (multi_ != nullptr) static_cast<void>(curl_multi_cleanup(multi_));
  }

  void start(QueuedRequest queued) {
    if (closed_) return end(std::move(queued.done), cancelled_error("CurlAsyncTransport", false));
    if (Result<void> sound = check_request(queued.request, options_); !sound) {
      return end(std::move(queued.done), std::move(sound).error());
    }
    if (Result<void> ready = initialise_curl(); !ready) {
      return end(std::move(queued.done), std::move(ready).error());
    }
    // Resources that were missing may be there now.
    if (!is_set_up_) set_up();
    if (!is_set_up_) return end(std::move(queued.done), no_resources("CurlAsyncTransport"));
    waiting_.push(std::move(queued));
  }

  void cancel(std::uint64_t id) {
    if (std::optional<QueuedRequest> queued = waiting_.take(id)) {
      return end(std::move(queued->done), cancelled_error("CurlAsyncTransport", false));
    }
    const auto found = std::find_if(transfers_.begin(), transfers_.end(), [id](const auto& item) {
      return item.second->queued.id == id;
    });
    if (found == transfers_.end()) return;
    const SigpipeGuard guard;
    end(found, found->second->exchange.cancelled(found->first));
  }

  /// Gives all requests up, and those that are started from now on.
  void close() {
    closed_ = true;
    while (std::optional<QueuedRequest> queued = waiting_.take_first()) {
      end(std::move(queued->done), cancelled_error("CurlAsyncTransport", false));
    }
    const SigpipeGuard guard;
    while (!transfers_.empty()) {
      const auto first = transfers_.begin();
      end(first, first->second->exchange.cancelled(first->first));
    }
  }

  /// Does what can be done without waiting.
  void drive() {
    const SigpipeGuard guard;
    end_overdue();
    while (transfers_.size() < limit_) {
      std::optional<QueuedRequest> queued = waiting_.take_first();
      if (!queued) break;
      begin(*std::move(queued));
    }
    perform();
  }

  /// Waits until there may be something to do.
  void wait(std::chrono::milliseconds at_most) {
    const auto now = std::chrono::steady_clock::now();
    const auto longest =
        (std::min)({at_most, kLongestPoll, time_left(waiting_.next_deadline(), now)});
    if (longest <= std::chrono::milliseconds{0}) return;
    const int count = static_cast<int>(longest.count());
    if (is_set_up_ && curl_multi_poll(multi_, nullptr, 0, count, nullptr) == CURLM_OK) return;
    // Where libcurl cannot wait, the caller must still not spin.
    std::unique_lock<std::mutex> lock{mutex_};
    woken_.wait_for(lock, longest);
  }

  /// Ends a wait. Any thread.
  void wake() {
    // What libcurl fails to pass on is noticed within kLongestPoll.
    if (is_set_up_) static_cast<void>(curl_multi_wakeup(multi_));
    woken_.notify_all();
  }

  [[nodiscard]] bool has_ended() const noexcept { return !ended_.empty(); }
  /// The requests that have ended since this was last asked.
  [[nodiscard]] std::vector<EndedRequest> take_ended() { return std::exchange(ended_, {}); }

 private:
  /// A request that libcurl carries. It stays where it is, because libcurl points into it.
  struct Transfer {
    Transfer(QueuedRequest request, const HttpOptions& options, KeptConnections& kept)
        : queued(std::move(request)), exchange(queued.request, options, kept) {}
    QueuedRequest queued;
    CurlExchange exchange;
  };
  using Transfers = std::map<CURL*, std::unique_ptr<Transfer>>;

  /// Makes the multi handle, unless resources are missing. Once made, it stays.
  void set_up() {
    if (!initialise_curl()) return;
    if (multi_ == nullptr) multi_ = curl_multi_init();
    if (multi_ == nullptr) return;
    const long most = static_cast<long>(limit_);
    bool is_good = curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, most) == CURLM_OK &&
                   curl_multi_setopt(multi_, CURLMOPT_MAX_TOTAL_CONNECTIONS, most) == CURLM_OK;
#if LIBCURL_VERSION_NUM >= 0x081400
    is_good = is_good && curl_multi_setopt(multi_, CURLMOPT_QUICK_EXIT, 1L) == CURLM_OK;
#endif
    // Without descriptors libcurl makes a handle that nothing can wake.
    const bool can_wake = curl_multi_wakeup(multi_) == CURLM_OK;
    is_set_up_ = is_good && (can_wake || !lacks_descriptors());
    // Takes the wake-up back; if that fails, the next poll only returns early.
    if (is_set_up_) return static_cast<void>(curl_multi_poll(multi_, nullptr, 0, 0, nullptr));
    // Fails only for a handle that is none, or is in use by the caller of this.
    static_cast<void>(curl_multi_cleanup(std::exchange(multi_, nullptr)));
  }

  void begin(QueuedRequest queued) {
    CURL* handle = idle_.empty() ? curl_easy_init() : idle_.back();
    if (handle == nullptr) {
      return end(std::move(queued.done), no_resources("CurlAsyncTransport"));
    }
    if (!idle_.empty()) idle_.pop_back();

    const auto left = time_left(queued.deadline, std::chrono::steady_clock::now());
    const auto at =
        transfers_.emplace(handle, std::make_unique<Transfer>(std::move(queued), options_, kept_))
            .first;
    Result<void> prepared = at->second->exchange.prepare(handle, left);
    if (prepared) prepared = let_go_of_resolver(handle);
    if (!prepared) return end(at, std::move(prepared).error());
    if (curl_multi_add_handle(multi_, handle) != CURLM_OK) {
      end(at, no_resources("CurlAsyncTransport"));
    }
  }

  /// Lets a request end while its name is still being resolved. Before 8.14 libcurl must wait for
  /// the resolver's thread instead, because it might free what that thread still uses.
  static Result<void> let_go_of_resolver(CURL* handle) {
    CurlSetup setup{handle};
#if LIBCURL_VERSION_NUM >= 0x080e00
    setup.set_if_built_in(CURLOPT_QUICK_EXIT, "CURLOPT_QUICK_EXIT", 1L);
#endif
    return setup.result();
  }

  void perform() {
    if (!is_set_up_) return;
    int running = 0;
    const CURLMcode code = curl_multi_perform(multi_, &running);
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      const auto at = transfers_.find(message->easy_handle);
      if (message->msg != CURLMSG_DONE || at == transfers_.end()) continue;
      end(at, at->second->exchange.finish(at->first, message->data.result));
    }
    // libcurl has no memory, or is broken: the requests that it holds would never end.
    if (code == CURLM_OK) return;
    while (!transfers_.empty()) {
      const auto first = transfers_.begin();
      end(first, first->second->exchange.abandoned(first->first, code));
    }
  }

  void end_overdue() {
    const auto now = std::chrono::steady_clock::now();
    while (std::optional<QueuedRequest> queued = waiting_.take_expired(now)) {
      end(std::move(queued->done), no_free_connection("CurlAsyncTransport"));
    }
    for (auto at = transfers_.begin(); at != transfers_.end();) {
      const auto here = at++;
      if (here->second->queued.deadline + kDeadlineGrace >= now) continue;
      end(here, here->second->exchange.finish(here->first, CURLE_OPERATION_TIMEDOUT));
    }
  }

  void end(AsyncTransport::Done done, Result<HttpResponse> result) {
    ended_.push_back({std::move(done), std::move(result)});
  }

  /// Ends a transfer; its handle is kept for the next one, and a connection that is in order too.
  void end(Transfers::iterator at, Result<HttpResponse> result) {
    CURL* handle = at->first;
    end(std::move(at->second->queued.done), std::move(result));
    // To remove a handle that was not added yet is no error.
    if (curl_multi_remove_handle(multi_, handle) == CURLM_OK) {
      curl_easy_reset(handle);
      idle_.push_back(handle);
    } else {
      curl_easy_cleanup(handle);
    }
    transfers_.erase(at);
  }

  const HttpOptions& options_;
  const std::size_t limit_;
  CURLM* multi_{nullptr};
  std::atomic<bool> is_set_up_{false};  // `wake` reads it before it uses the handle
  bool closed_{false};
  KeptConnections kept_{};
  RequestQueue waiting_{};
  Transfers transfers_{};
  std::vector<CURL*> idle_{};
  std::vector<EndedRequest> ended_{};
  std::mutex mutex_;
  std::condition_variable woken_;
};

}  // namespace detail

/// Carries requests over libcurl as CurlTransport does, side by side: on HTTP/1.1 connections that
/// are kept open, never more than `HttpOptions::max_connections`. Further requests wait for their
/// turn in order of start, within their own timeout.
///
/// @par Thread Safety
/// As AsyncTransport says. Signals are left alone, and no SIGPIPE comes of it. No wait within
/// `poll` is longer than a second.
///
/// @par Error Handling
/// As CurlTransport. What is wrong with a request or the options is told by its Done too.
///
/// A libcurl before 7.80 may send a request whose kept-alive connection is lost again by itself, on
/// other kept-alive connections and a new one.
///
/// A cancelled request's connection is closed at once. `cancel`, the destructor, and the end of a
/// timeout wait for the network in one case only: with a libcurl before 8.14 that resolves names in
/// a thread, until the name server answers or the system gives it up. Later ones leave such a
/// thread to end by itself; a plug-in must not unload libcurl meanwhile.
class CurlAsyncTransport : public AsyncTransport {
 public:
  /// Opens nothing; connections come with the first requests, and are kept.
  explicit CurlAsyncTransport(HttpOptions options = {}) : options_(std::move(options)) {}
  CurlAsyncTransport(const CurlAsyncTransport&) = delete;
  CurlAsyncTransport& operator=(const CurlAsyncTransport&) = delete;
  ~CurlAsyncTransport() override {
    detail::CurlLoop* loop = loop_.find();
    if (loop == nullptr) return;
    loop->close();
    while (loop->has_ended()) detail::tell(loop->take_ended());
  }

  std::uint64_t start(HttpRequest request, Done done) override {
    const auto deadline = detail::deadline_of(request, std::chrono::steady_clock::now());
    own_loop().start({++last_id_, std::move(request), std::move(done), deadline});
    return last_id_;
  }

  void cancel(std::uint64_t request) override { own_loop().cancel(request); }

  void poll(std::chrono::milliseconds at_most) override {
    detail::CurlLoop& loop = own_loop();
    loop.drive();
    // libcurl 8.21 may swallow a wake-up while it performs, so the flag is looked at after that.
    if (!loop.has_ended() && !woken_.load()) {
      loop.wait(at_most);
      loop.drive();
    }
    woken_.store(false);
    detail::tell(loop.take_ended());
  }

  void wake() override {
    if (woken_.exchange(true)) return;
    // Without a loop there is none that waits, and the next poll sees the flag.
    if (detail::CurlLoop* loop = loop_.find()) loop->wake();
  }

 private:
  detail::CurlLoop& own_loop() {
    return loop_.own([this] { return std::make_unique<detail::CurlLoop>(options_); });
  }

  const HttpOptions options_;
  detail::PerProcess<detail::CurlLoop> loop_{};
  std::atomic<bool> woken_{false};
  std::uint64_t last_id_{0};
};

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
