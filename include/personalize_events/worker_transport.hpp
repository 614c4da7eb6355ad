// SPDX-License-Identifier: Apache-2.0
//
// WorkerTransport: an AsyncTransport made of a Transport and a few threads. An application that
// gave the client a Transport of its own gets its AsyncTransport this way.
#ifndef PERSONALIZE_EVENTS_WORKER_TRANSPORT_HPP
#define PERSONALIZE_EVENTS_WORKER_TRANSPORT_HPP

#include <algorithm>
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

#include "personalize_events/detail/http/deadline.hpp"
#include "personalize_events/detail/http/request_queue.hpp"
#include "personalize_events/detail/platform/per_process.hpp"
#include "personalize_events/detail/platform/thread.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// The threads of one process, the requests that they carry, and those that wait for one.
///
/// @par Thread Safety
/// Every member may be called from any thread at the same time, the destructor excepted.
class WorkerPool {
 public:
  WorkerPool(std::shared_ptr<Transport> transport, int limit)
      : transport_(std::move(transport)), limit_(limit) {}
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;
  ~WorkerPool() { close(); }

  void start(QueuedRequest queued) {
    const std::lock_guard<std::mutex> lock{mutex_};
    if (Result<void> ready = make_room(); !ready) {
      ended_.push_back({std::move(queued.done), std::move(ready).error()});
      return;
    }
    waiting_.push(std::move(queued));
    work_.notify_one();
  }

  void cancel(std::uint64_t id) {
    const std::lock_guard<std::mutex> lock{mutex_};
    if (std::optional<QueuedRequest> queued = waiting_.take(id)) {
      ended_.push_back({std::move(queued->done), cancelled_error("WorkerTransport", false)});
    } else {
      end(id, cancelled_error("WorkerTransport", true));
    }
  }

  /// Gives up the requests that wait, and those that are started from now on; lets the others end.
  void close() {
    {
      const std::lock_guard<std::mutex> lock{mutex_};
      closed_ = true;
      while (std::optional<QueuedRequest> queued = waiting_.take_first()) {
        ended_.push_back({std::move(queued->done), cancelled_error("WorkerTransport", false)});
      }
    }
    work_.notify_all();
    for (Thread& thread : threads_) thread.join();
  }

  /// The requests that have ended; waits for one, or for `wake`, no longer than `at_most`.
  [[nodiscard]] std::vector<EndedRequest> wait(std::chrono::milliseconds at_most) {
    std::unique_lock<std::mutex> lock{mutex_};
    const auto now = std::chrono::steady_clock::now();
    const auto until =
        (std::min)(now + std::clamp(at_most, {}, kLongestTimeout), waiting_.next_deadline());
    news_.wait_until(lock, until, [this] { return woken_ || !ended_.empty(); });
    woken_ = false;
    end_overdue();
    return std::exchange(ended_, {});
  }

  void wake() {
    {
      const std::lock_guard<std::mutex> lock{mutex_};
      woken_ = true;
    }
    news_.notify_all();
  }

 private:
  /// Starts a thread when none is free for another request. Without a new one the others do, if
  /// there are any.
  Result<void> make_room() {
    if (closed_) return cancelled_error("WorkerTransport", false);
    if (transport_ == nullptr) {
      return make_error(ErrorKind::Configuration, "WorkerTransport", "the transport is null");
    }
    if (limit_ < 1) {
      return make_error(ErrorKind::Configuration, "WorkerTransport",
                        "the number of workers must be at least 1");
    }
    // A worker that is free may have been called already, for what waits.
    if (free_ > waiting_.size() || threads_.size() == static_cast<std::size_t>(limit_)) return {};
    Result<Thread> thread = Thread::start("pe-transport", [this] { work(); });
    if (thread) {
      threads_.push_back(*std::move(thread));
    } else if (threads_.empty()) {
      return std::move(thread).error();
    }
    return {};
  }

  void work() {
    std::unique_lock<std::mutex> lock{mutex_};
    for (;;) {
      ++free_;
      work_.wait(lock, [this] { return closed_ || !waiting_.empty(); });
      --free_;
      end_overdue();
      std::optional<QueuedRequest> queued = waiting_.take_first();
      if (!queued && closed_) return;
      if (!queued) continue;

      HeldRequest request = std::move(queued->request);
      request.timeout = time_left(queued->deadline, std::chrono::steady_clock::now());
      in_flight_.emplace(queued->id, std::move(queued->done));
      lock.unlock();
      Result<HttpResponse> result = transport_->send(request);
      lock.lock();
      end(queued->id, std::move(result));
    }
  }

  void end_overdue() {
    const auto now = std::chrono::steady_clock::now();
    while (std::optional<QueuedRequest> queued = waiting_.take_expired(now)) {
      Error error = make_error(ErrorKind::Timeout, "WorkerTransport",
                               "no free worker in time; use more workers or send less at once");
      error.retryable = true;
      ended_.push_back({std::move(queued->done), std::move(error)});
    }
  }

  /// Ends a request in flight. One that was cancelled has ended already.
  void end(std::uint64_t id, Result<HttpResponse> result) {
    const auto found = in_flight_.find(id);
    if (found == in_flight_.end()) return;
    ended_.push_back({std::move(found->second), std::move(result)});
    in_flight_.erase(found);
    news_.notify_all();
  }

  const std::shared_ptr<Transport> transport_;
  const int limit_;
  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable news_;
  RequestQueue waiting_{};
  std::map<std::uint64_t, AsyncTransport::Done> in_flight_{};
  std::vector<EndedRequest> ended_{};
  std::vector<Thread> threads_{};
  std::size_t free_{0};
  bool woken_{false};
  bool closed_{false};
};

}  // namespace detail

/// Carries requests with a Transport, as many at once as there are workers. Further ones wait for
/// their turn in order of start, within their own timeout. A worker is a thread with a small stack
/// (128 KiB) and the signals of others blocked; none is started before it is needed.
///
/// A cancelled request that is in flight goes on, and its answer is discarded. The destructor waits
/// for what is in flight, as long as `HttpRequest::timeout` at most if the Transport keeps it, and
/// tells its answer.
///
/// @par Thread Safety
/// As AsyncTransport says. The Transport may be used by others at the same time.
///
/// @par Error Handling
/// As the Transport. Timeout: no worker was free in time. Configuration: no Transport, less than
/// one worker, or no thread could be started.
class WorkerTransport : public AsyncTransport {
 public:
  /// Carries requests by `transport`, on up to `workers` threads that start when they are needed.
  explicit WorkerTransport(std::shared_ptr<Transport> transport, int workers = 4)
      : transport_(std::move(transport)), workers_(workers) {}
  WorkerTransport(const WorkerTransport&) = delete;
  WorkerTransport& operator=(const WorkerTransport&) = delete;
  ~WorkerTransport() override {
    detail::WorkerPool* pool = pool_.find();
    if (pool == nullptr) return;
    pool->close();
    for (auto ended = pool->wait({}); !ended.empty(); ended = pool->wait({})) {
      detail::tell(std::move(ended));
    }
  }

  std::uint64_t start(HttpRequest request, Done done) override {
    const auto deadline = detail::deadline_of(request, std::chrono::steady_clock::now());
    own_pool().start({++last_id_, std::move(request), std::move(done), deadline});
    return last_id_;
  }

  void cancel(std::uint64_t request) override { own_pool().cancel(request); }

  void poll(std::chrono::milliseconds at_most) override { detail::tell(own_pool().wait(at_most)); }

  void wake() override { own_pool().wake(); }

 private:
  detail::WorkerPool& own_pool() {
    return pool_.own([this] { return std::make_unique<detail::WorkerPool>(transport_, workers_); });
  }

  const std::shared_ptr<Transport> transport_;
  const int workers_;
  detail::PerProcess<detail::WorkerPool> pool_{};
  std::uint64_t last_id_{0};
};

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
