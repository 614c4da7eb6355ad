// SPDX-License-Identifier: Apache-2.0
//
// AsyncWorld: an AsyncClient in a virtual world, on a loop that the test itself runs. Time passes
// only from one wish of the loop's members to the next, so that an hour of retries takes no time.
#ifndef PERSONALIZE_EVENTS_TESTS_SUPPORT_ASYNC_WORLD_HPP
#define PERSONALIZE_EVENTS_TESTS_SUPPORT_ASYNC_WORLD_HPP

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/async_client.hpp"
#include "personalize_events/core.hpp"
#include "personalize_events/detail/client/async_core.hpp"
#include "support/client_world.hpp"

namespace test {

/// A wait of a test for what another thread does: long, because only a failure needs it.
inline constexpr std::chrono::seconds kPatience{20};

/// Results that callbacks were given, in order. Any thread adds, the test waits.
class Results {
 public:
  using Result = personalize_events::Result<personalize_events::PutResult>;

  personalize_events::AsyncClient::Callback callback() {
    return [this](Result result) { add(std::move(result)); };
  }
  void add(Result result) {
    const std::lock_guard<std::mutex> lock{mutex_};
    results_.push_back(std::move(result));
    changed_.notify_all();
  }
  [[nodiscard]] bool wait_for(std::size_t count) {
    std::unique_lock<std::mutex> lock{mutex_};
    return changed_.wait_for(lock, kPatience, [&] { return results_.size() >= count; });
  }
  [[nodiscard]] std::vector<Result> all() const {
    const std::lock_guard<std::mutex> lock{mutex_};
    return results_;
  }
  [[nodiscard]] std::size_t count() const { return all().size(); }

 private:
  mutable std::mutex mutex_{};
  std::condition_variable changed_{};
  std::vector<Result> results_{};
};

/// Something that happens once, on another thread.
class Signal {
 public:
  void give() {
    const std::lock_guard<std::mutex> lock{mutex_};
    is_given_ = true;
    changed_.notify_all();
  }
  [[nodiscard]] bool wait() { return wait_for(kPatience); }
  [[nodiscard]] bool wait_for(std::chrono::milliseconds at_most) {
    std::unique_lock<std::mutex> lock{mutex_};
    return changed_.wait_for(lock, at_most, [this] { return is_given_; });
  }

 private:
  std::mutex mutex_{};
  std::condition_variable changed_{};
  bool is_given_{false};
};

/// A ClientWorld whose requests go over the transport's asynchronous side.
struct AsyncWorld : ClientWorld {
  AsyncWorld() {
    options.async_transport = transport;
    options.transport = nullptr;
  }

  /// A client whose loop is run by `run` only.
  personalize_events::AsyncClient manual_client() {
    using personalize_events::detail::AsyncCore;
    using personalize_events::detail::LoopDriver;
    core = std::make_shared<AsyncCore>(options, LoopDriver::Manual);
    return personalize_events::detail::AsyncClientAccess::client(core);
  }

  personalize_events::detail::AsyncParts& parts() const {
    auto own = core->parts();
    REQUIRE(own.has_value());
    return **own;
  }

  /// One turn without a wait; answers when a member of the client wants the next.
  std::chrono::steady_clock::time_point turn() const {
    parts().loop->run_once(std::chrono::milliseconds{0});
    const auto now = platform->steady_now();
    return std::min(parts().calls->step(now), parts().sender->step(now));
  }

  /// Runs the loop until `is_over`; lets time pass to the next wish when nothing else happens.
  void run(const std::function<bool()>& is_over) const {
    for (int i = 0; i < 100'000; ++i) {
      if (is_over()) return;
      const auto wish = turn();
      if (is_over()) return;
      const auto now = platform->steady_now();
      const bool has_work = parts().loop->run_once(std::chrono::milliseconds{0});
      if (!has_work && wish > now && wish != std::chrono::steady_clock::time_point::max()) {
        platform->advance(wish - now);
      }
    }
    FAIL("the loop's work does not end");
  }

  /// The result of one call on the manual loop.
  personalize_events::Result<personalize_events::PutResult> put(
      const personalize_events::AsyncClient& client,
      const personalize_events::PutEventsRequest& request) const {
    Results results;
    client.put_events(request, results.callback());
    run([&] { return results.count() == 1; });
    return results.all().front();
  }

  std::shared_ptr<personalize_events::detail::AsyncCore> core{};
};

}  // namespace test

#endif
