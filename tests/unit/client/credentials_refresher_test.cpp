// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/client/credentials_refresher.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "catch.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "support/async_world.hpp"

namespace pe = personalize_events;
using namespace std::chrono_literals;
using pe::detail::AskSource;
using pe::detail::CredentialsRefresher;

namespace {

/// A source that answers when the test lets it.
struct Source {
  std::mutex mutex{};
  std::condition_variable changed{};
  std::deque<pe::Result<pe::Credentials>> answers{};
  std::atomic<int> asked{0};
  std::thread::id thread{};

  void answer(pe::Result<pe::Credentials> next) {
    const std::lock_guard<std::mutex> lock{mutex};
    answers.push_back(std::move(next));
    changed.notify_all();
  }
  pe::Result<pe::Credentials> ask() {
    std::unique_lock<std::mutex> lock{mutex};
    ++asked;
    thread = std::this_thread::get_id();
    changed.wait(lock, [this] { return !answers.empty(); });
    pe::Result<pe::Credentials> next = std::move(answers.front());
    answers.pop_front();
    return next;
  }
};

struct World {
  std::shared_ptr<Source> source = std::make_shared<Source>();
  std::shared_ptr<pe::testing::VirtualPlatform> platform =
      std::make_shared<pe::testing::VirtualPlatform>();
  std::shared_ptr<pe::CredentialsCache> cache =
      std::make_shared<pe::CredentialsCache>([source = source] { return source->ask(); }, platform);
  std::shared_ptr<test::Signal> woken = std::make_shared<test::Signal>();

  std::unique_ptr<CredentialsRefresher> refresher(
      AskSource ask = AskSource::OnHelperThread,
      std::chrono::milliseconds longest_end = test::kPatience) {
    return std::make_unique<CredentialsRefresher>(
        cache, ask, [woken = woken] { woken->give(); }, longest_end);
  }

  pe::Credentials credentials(const std::string& key, std::chrono::seconds left) const {
    return {key, "secret", "token", platform->now() + left};
  }
};

std::string key_of(const std::optional<pe::Result<pe::CredentialsCache::Shared>>& taken) {
  if (!taken) return "not yet";
  return *taken ? (**taken)->access_key_id : taken->error().message;
}

/// What the refresher says once the source has answered.
std::string key_after_news(CredentialsRefresher& refresher) {
  const auto until = std::chrono::steady_clock::now() + test::kPatience;
  while (!refresher.has_news() && std::chrono::steady_clock::now() < until) {
    std::this_thread::yield();
  }
  return key_of(refresher.take());
}

}  // namespace

TEST_CASE("The first credentials come from a helper thread, and nobody waits for it") {
  World world;
  const auto refresher = world.refresher();
  CHECK(world.source->asked == 0);  // not before they are wanted
  CHECK(key_of(refresher->take()) == "not yet");
  CHECK(key_of(refresher->take()) == "not yet");
  CHECK_FALSE(refresher->has_news());
  world.source->answer(world.credentials("first", 1h));
  REQUIRE(world.woken->wait());
  CHECK(key_after_news(*refresher) == "first");
  CHECK_FALSE(refresher->has_news());
  CHECK(key_of(refresher->take()) == "first");
  CHECK(world.source->asked == 1);
  CHECK(world.source->thread != std::this_thread::get_id());
}

TEST_CASE("Near expiry the source is asked while the old credentials serve") {
  World world;
  const auto refresher = world.refresher();
  world.source->answer(world.credentials("old", 1h));
  static_cast<void>(refresher->take());
  REQUIRE(key_after_news(*refresher) == "old");

  world.platform->advance(1h - 4min);  // within the five minutes
  CHECK(key_of(refresher->take()) == "old");
  CHECK(key_of(refresher->take()) == "old");
  world.platform->advance(3min - 1s);  // still more than one minute left
  CHECK(key_of(refresher->take()) == "old");
  world.platform->advance(2s);  // too near: now they do not serve
  CHECK(key_of(refresher->take()) == "not yet");
  world.source->answer(world.credentials("new", 1h));
  CHECK(key_after_news(*refresher) == "new");
  CHECK(world.source->asked == 2);
}

TEST_CASE("A refresh that fails keeps credentials that are still valid, and pauses") {
  World world;
  const auto refresher = world.refresher();
  world.source->answer(world.credentials("old", 1h));
  static_cast<void>(refresher->take());
  REQUIRE(key_after_news(*refresher) == "old");
  world.platform->advance(1h - 4min);
  world.source->answer(pe::credentials_error("vault sealed"));
  static_cast<void>(refresher->take());
  CHECK(key_after_news(*refresher) == "old");
  CHECK(key_of(refresher->take()) == "old");
  CHECK(world.source->asked == 2);  // it is left alone for half a minute
  world.platform->advance(40s);
  world.source->answer(world.credentials("new", 1h));
  static_cast<void>(refresher->take());
  CHECK(key_after_news(*refresher) == "new");
}

TEST_CASE("Without any credentials the source's failure is told once, then it is asked again") {
  World world;
  const auto refresher = world.refresher();
  world.source->answer(pe::credentials_error("vault sealed"));
  static_cast<void>(refresher->take());
  CHECK(key_after_news(*refresher) == "vault sealed");
  world.source->answer(world.credentials("new", 1h));
  CHECK(key_of(refresher->take()) == "not yet");
  CHECK(key_after_news(*refresher) == "new");
}

TEST_CASE("Credentials that were refused are not given again; those that were set are") {
  World world;
  const auto refresher = world.refresher();
  world.source->answer(world.credentials("old", 1h));
  static_cast<void>(refresher->take());
  REQUIRE(key_after_news(*refresher) == "old");
  const auto old = refresher->take();
  world.cache->invalidate(**old);
  CHECK(key_of(refresher->take()) == "not yet");
  world.source->answer(world.credentials("new", 1h));
  CHECK(key_after_news(*refresher) == "new");
  world.cache->keep(world.credentials("set", 1h));
  CHECK(key_of(refresher->take()) == "set");
  CHECK(world.source->asked == 2);
}

TEST_CASE("Without threads the source is asked by whoever takes") {
  World world;
  const auto refresher = world.refresher(AskSource::WhenTaken);
  world.source->answer(world.credentials("first", 1h));
  CHECK(key_of(refresher->take()) == "first");
  CHECK(world.source->thread == std::this_thread::get_id());
  CHECK_FALSE(refresher->has_news());
  world.platform->advance(1h);
  world.cache->keep(world.credentials("set", 1h));
  CHECK(key_of(refresher->take()) == "set");
  CHECK(world.source->asked == 1);
  world.platform->advance(1h);
  world.source->answer(pe::credentials_error("vault sealed"));
  CHECK(key_of(refresher->take()) == "set");  // no service has rejected them
  CHECK(world.source->asked == 2);
  world.cache->invalidate(world.cache->look().usable);
  CHECK(key_of(refresher->take()) == "vault sealed");
}

TEST_CASE("The destructor waits for a source that is being asked") {
  World world;
  auto refresher = world.refresher();
  static_cast<void>(refresher->take());
  world.source->answer(world.credentials("late", 1h));
  refresher.reset();
  CHECK(world.source->asked == 1);
  CHECK(world.woken->wait_for(0ms));  // its thread is over
}

TEST_CASE("A source that hangs is let go after the time that the destructor was given") {
  World world;
  auto refresher = world.refresher(AskSource::OnHelperThread, 50ms);
  static_cast<void>(refresher->take());
  const auto before = std::chrono::steady_clock::now();
  refresher.reset();
  const auto took = std::chrono::steady_clock::now() - before;
  CHECK(took >= 50ms);
  CHECK(took < 10s);
  // Its thread has all that it uses, and ends with its source.
  const auto cache = std::weak_ptr<pe::CredentialsCache>{world.cache};
  world.cache.reset();
  CHECK_FALSE(cache.expired());
  world.source->answer(world.credentials("late", 1h));
  REQUIRE(world.woken->wait());
  const auto until = std::chrono::steady_clock::now() + test::kPatience;
  while (!cache.expired() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  CHECK(cache.expired());
}
