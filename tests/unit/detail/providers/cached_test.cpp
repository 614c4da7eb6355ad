// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/providers/cached.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/detail/providers/chain.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "support/sanitizers.hpp"

namespace pe = personalize_events;
using pe::detail::Freshness;
using namespace std::chrono_literals;

namespace {

using Shared = pe::detail::CredentialsCache::Shared;

// Waits of the cache are in real time; none of these tests lets one run out but where it says so.
constexpr std::chrono::minutes kLong{2};

// A virtual platform that tells when so many threads have asked for the time. The cache asks in a
// caller's thread, under its lock, before it lets the caller wait, so that a test can know that all
// of them wait.
class WatchedPlatform : public pe::Platform {
 public:
  std::optional<std::string> environment(const std::string& name) override {
    return inner_.environment(name);
  }
  pe::Result<std::string> read_file(const std::string& path) override {
    return inner_.read_file(path);
  }
  std::chrono::system_clock::time_point now() override {
    {
      const std::lock_guard<std::mutex> lock{mutex_};
      threads_.insert(std::this_thread::get_id());
    }
    changed_.notify_all();
    return inner_.now();
  }
  std::chrono::steady_clock::time_point steady_now() override { return inner_.steady_now(); }
  void sleep_for(std::chrono::nanoseconds duration) override { inner_.sleep_for(duration); }
  void random_bytes(unsigned char* out, std::size_t count) override {
    inner_.random_bytes(out, count);
  }
  pe::Result<std::string> run_process(const std::string& command,
                                      std::chrono::milliseconds timeout) override {
    return inner_.run_process(command, timeout);
  }

  void advance(std::chrono::nanoseconds duration) { inner_.advance(duration); }
  void forget_threads() {
    const std::lock_guard<std::mutex> lock{mutex_};
    threads_.clear();
  }
  void wait_for_threads(std::size_t count) {
    std::unique_lock<std::mutex> lock{mutex_};
    changed_.wait(lock, [&] { return threads_.size() >= count; });
  }

 private:
  pe::testing::VirtualPlatform inner_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::thread::id> threads_;
};

// A provider of credentials "1", "2", ... that live for `lifetime`, or of an error. It can be made
// to hold its caller.
class Source {
 public:
  explicit Source(std::shared_ptr<WatchedPlatform> platform) : platform_(std::move(platform)) {}

  std::optional<std::chrono::seconds> lifetime{};
  bool fails{false};
  std::function<void()> when_asked{};

  [[nodiscard]] pe::CredentialsProvider provider() {
    return [this]() -> pe::Result<pe::Credentials> {
      const int call = ++calls_;
      if (when_asked) when_asked();
      if (fails) return pe::credentials_error("the source is closed");
      pe::Credentials credentials{std::to_string(call), "secret"};
      if (lifetime) credentials.expiration = platform_->now() + *lifetime;
      return credentials;
    };
  }
  [[nodiscard]] int calls() const { return calls_; }

 private:
  std::shared_ptr<WatchedPlatform> platform_;
  int calls_{0};  // plain: TSan tells if the provider is ever called twice at the same time
};

// Something that one thread waits for and another one lets go.
class Gate {
 public:
  void open() {
    {
      const std::lock_guard<std::mutex> lock{mutex_};
      open_ = true;
    }
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock<std::mutex> lock{mutex_};
    changed_.wait(lock, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_{false};
};

struct World {
  std::shared_ptr<WatchedPlatform> platform = std::make_shared<WatchedPlatform>();
  Source source{platform};
  pe::detail::CredentialsCache cache{source.provider(), platform};

  std::string id() {
    const auto credentials = cache.get(kLong);
    REQUIRE(credentials.has_value());
    return (*credentials)->access_key_id;
  }
};

}  // namespace

TEST_CASE("Freshness follows from what is left of the lifetime") {
  const std::chrono::system_clock::time_point now{1'800'000'000s};
  const auto of = [now](std::chrono::milliseconds left, double jitter) {
    return pe::detail::freshness(now + left, now, jitter);
  };
  CHECK(pe::detail::freshness(std::nullopt, now, 0) == Freshness::Fresh);
  CHECK(pe::detail::freshness(std::nullopt, now, 1) == Freshness::Fresh);
  CHECK(of(1h, 0) == Freshness::Fresh);
  CHECK(of(300'001ms, 0) == Freshness::Fresh);
  CHECK(of(300s, 0) == Freshness::Advisory);
  CHECK(of(330s, 0.5) == Freshness::Advisory);
  CHECK(of(330'001ms, 0.5) == Freshness::Fresh);
  CHECK(of(360s, 1) == Freshness::Advisory);
  CHECK(of(360'001ms, 1) == Freshness::Fresh);
  CHECK(of(60'001ms, 0) == Freshness::Advisory);
  CHECK(of(60s, 0) == Freshness::Mandatory);
  CHECK(of(60s, 1) == Freshness::Mandatory);
  CHECK(of(0s, 0) == Freshness::Mandatory);
  CHECK(of(-1h, 0) == Freshness::Mandatory);
}

TEST_CASE("Credentials that do not expire are asked for once") {
  World world;
  CHECK(world.id() == "1");
  world.platform->advance(std::chrono::hours{24 * 365});
  CHECK(world.id() == "1");
  CHECK(world.source.calls() == 1);
}

TEST_CASE("Nothing is asked before the first get") {
  World world;
  CHECK(world.source.calls() == 0);
}

TEST_CASE("Credentials are asked for again within the window before they expire") {
  World world;
  world.source.lifetime = 3600s;
  CHECK(world.id() == "1");
  world.platform->advance(3600s - 361s);
  CHECK(world.id() == "1");
  world.platform->advance(61s);  // 300 s are left
  CHECK(world.id() == "2");
  CHECK(world.id() == "2");
  CHECK(world.source.calls() == 2);
}

TEST_CASE("The window begins a random time earlier, at most a minute") {
  std::set<int> begins;
  for (int seed = 0; seed < 20; ++seed) {
    const auto platform = std::make_shared<pe::testing::VirtualPlatform>();
    platform->seed(static_cast<std::uint64_t>(seed));
    int calls = 0;
    pe::detail::CredentialsCache cache{
        [&]() -> pe::Result<pe::Credentials> {
          ++calls;
          return pe::Credentials{"id", "secret", "", platform->now() + 3600s};
        },
        platform};
    REQUIRE(cache.get(kLong).has_value());
    platform->advance(3600s - 362s);
    int left = 362;
    while (calls == 1) {
      platform->advance(1s);
      --left;
      REQUIRE(cache.get(kLong).has_value());
    }
    CHECK(left >= 300);
    CHECK(left <= 360);
    begins.insert(left);
  }
  CHECK(begins.size() > 5);
}

TEST_CASE("A refresh that fails keeps credentials that are still valid, and pauses") {
  World world;
  world.source.lifetime = 3600s;
  CHECK(world.id() == "1");
  world.source.fails = true;
  world.platform->advance(3600s - 250s);
  CHECK(world.id() == "1");
  CHECK(world.source.calls() == 2);
  world.platform->advance(29s);
  CHECK(world.id() == "1");
  CHECK(world.source.calls() == 2);
  world.platform->advance(11s);
  CHECK(world.id() == "1");
  CHECK(world.source.calls() == 3);
  CHECK(world.cache.refresh_failure()->message == "the source is closed");

  SECTION("also in the last minute, when all would wait") {
    world.platform->advance(190s);  // 20 s are left
    CHECK(world.id() == "1");
    CHECK(world.source.calls() == 4);
  }
  SECTION("and takes new ones as soon as there are some") {
    world.source.fails = false;
    world.platform->advance(40s);
    CHECK(world.id() == "4");
    CHECK_FALSE(world.cache.refresh_failure());
  }
  SECTION("and goes on with them when they have expired, as no service has rejected them") {
    world.platform->advance(24h);
    for (int call = 0; call < 100; ++call) CHECK(world.id() == "1");
    CHECK(world.source.calls() == 4);
    CHECK(world.cache.refresh_failure()->message == "the source is closed");
    world.platform->advance(40s);
    world.source.fails = false;
    CHECK(world.id() == "5");
  }
}

TEST_CASE("A provider that fails while there is nothing is not called for each call") {
  World world;
  world.source.fails = true;
  const auto fails = [&world] { return !world.cache.get(kLong).has_value(); };
  for (int call = 0; call < 100; ++call) REQUIRE(fails());
  CHECK(world.source.calls() == 2);
  const auto look = world.cache.look();
  REQUIRE(look.failure);
  CHECK(look.failure->message == "the source is closed");
  CHECK_FALSE(look.wants_refresh);
  // A call each 100 ms for an hour: at most one call of the provider each 15 s on average.
  for (int call = 0; call < 36'000; ++call) {
    world.platform->advance(100ms);
    REQUIRE(fails());
  }
  CHECK(world.source.calls() >= 120);
  CHECK(world.source.calls() <= 250);
  world.platform->advance(30s);
  world.source.fails = false;
  CHECK(world.cache.get(kLong).has_value());
}

TEST_CASE("A provider whose failure may pass is tried three times at once, then with pauses") {
  const auto platform = std::make_shared<pe::testing::VirtualPlatform>();
  int calls = 0;
  pe::detail::CredentialsCache cache{[&calls]() -> pe::Result<pe::Credentials> {
                                       ++calls;
                                       pe::Error error = pe::credentials_error("busy");
                                       error.retryable = true;
                                       return error;
                                     },
                                     platform};
  for (int call = 0; call < 100; ++call) CHECK(cache.get(kLong).error().message == "busy");
  CHECK(calls == 4);
  for (int call = 0; call < 36'000; ++call) {
    platform->advance(100ms);
    REQUIRE_FALSE(cache.get(kLong));
  }
  CHECK(calls >= 120);
  CHECK(calls <= 250);
}

TEST_CASE("A provider whose keys are all rejected is not called for each call") {
  World world;
  const auto reject = [&world] {
    const auto credentials = world.cache.get(kLong);
    REQUIRE(credentials.has_value());
    world.cache.invalidate(*credentials);
  };
  for (int call = 0; call < 100; ++call) reject();
  CHECK(world.source.calls() <= 6);
  for (int call = 0; call < 36'000; ++call) {
    world.platform->advance(100ms);
    reject();
  }
  CHECK(world.source.calls() >= 100);
  CHECK(world.source.calls() <= 250);
  // Once some were good for a while the next rejection calls it at once.
  world.platform->advance(40s);
  const std::string good = world.id();
  world.platform->advance(1h);
  CHECK(world.id() == good);
  reject();
  CHECK(world.id() != good);
}

TEST_CASE("Pauses grow with failures, and are spread") {
  using pe::detail::failure_pause;
  CHECK(failure_pause(1, 1) == 0ms);
  CHECK(failure_pause(2, 0) == 500ms);
  CHECK(failure_pause(2, 1) == 1s);
  CHECK(failure_pause(3, 1) == 2s);
  CHECK(failure_pause(6, 1) == 16s);
  CHECK(failure_pause(7, 0) == 15s);
  CHECK(failure_pause(1'000'000, 1) == 30s);
  CHECK(pe::detail::refresh_pause(0) == 30s);
  CHECK(pe::detail::refresh_pause(1) == 40s);
}

TEST_CASE("A refresh that brings nothing better is not repeated at once") {
  const auto platform = std::make_shared<pe::testing::VirtualPlatform>();
  const auto expiration = platform->now() + 290s;
  int calls = 0;
  std::string key = "same";
  pe::detail::CredentialsCache cache{[&]() -> pe::Result<pe::Credentials> {
                                       ++calls;
                                       return pe::Credentials{key, "secret", "token", expiration};
                                     },
                                     platform};
  for (int call = 0; call < 100; ++call) REQUIRE(cache.get(kLong).has_value());
  CHECK(calls == 1);
  SECTION("near expiry") {
    // A call each second until they expire.
    for (int second = 0; second < 290; ++second) {
      platform->advance(1s);
      REQUIRE(cache.get(kLong).has_value());
    }
    CHECK(calls >= 7);
    CHECK(calls <= 10);
  }
  SECTION("when they have expired") {
    platform->advance(1h);
    const int before = calls;
    for (int call = 0; call < 100; ++call) REQUIRE(cache.get(kLong).has_value());
    CHECK(calls == before + 1);
  }
  SECTION("when the service has rejected them") {
    for (int call = 0; call < 100; ++call) {
      const auto credentials = cache.get(kLong);
      REQUIRE(credentials.has_value());  // the service is to judge them once more
      cache.invalidate(*credentials);
    }
    CHECK(calls == 2);  // once more, although they are near expiry
    platform->advance(40s);
    key = "other";
    CHECK((*cache.get(kLong))->access_key_id == "other");
  }
}

TEST_CASE("Credentials that have expired by this machine's clock are judged by the service's") {
  // Two hours fast, with keys for an hour.
  const auto platform = std::make_shared<pe::testing::VirtualPlatform>();
  int calls = 0;
  pe::detail::CredentialsCache cache{
      [&]() -> pe::Result<pe::Credentials> {
        ++calls;
        return pe::Credentials{"id", "secret", "token", platform->now() - 2h + 1h};
      },
      platform};
  REQUIRE(cache.get(kLong).has_value());
  REQUIRE(cache.get(kLong).has_value());
  CHECK(calls == 1);
  cache.correct_clock(-2h);
  platform->advance(50min);
  REQUIRE(cache.get(kLong).has_value());
  CHECK(calls == 1);
  CHECK_FALSE(cache.look().wants_refresh);
  platform->advance(7min);
  REQUIRE(cache.get(kLong).has_value());
  CHECK(calls == 2);
}

namespace {

// A provider that hangs from its second call on, until it is released.
struct HangingWorld {
  std::shared_ptr<pe::testing::VirtualPlatform> platform =
      std::make_shared<pe::testing::VirtualPlatform>();
  std::shared_ptr<Gate> asked = std::make_shared<Gate>();
  std::shared_ptr<Gate> may_answer = std::make_shared<Gate>();
  std::shared_ptr<std::atomic<int>> calls = std::make_shared<std::atomic<int>>(0);

  // Holds nothing of the world, which may be gone before it.
  [[nodiscard]] pe::CredentialsProvider provider() const {
    return [=, platform = platform, asked = asked, may_answer = may_answer,
            calls = calls]() -> pe::Result<pe::Credentials> {
      const int call = ++*calls;
      if (call > 1) {
        asked->open();
        may_answer->wait();
      }
      return pe::Credentials{std::to_string(call), "secret", "token", platform->now() + 3600s};
    };
  }
};

}  // namespace

TEST_CASE("Beside the calls a refresh runs on a thread, and no call waits for it") {
  const HangingWorld world;
  pe::detail::CredentialsCache cache{world.provider(), world.platform};
  const auto id = [&cache](std::chrono::milliseconds timeout) {
    const auto credentials = cache.get(timeout, pe::detail::CredentialsCache::Refresh::OnThread);
    return credentials ? (*credentials)->access_key_id : credentials.error().message;
  };
  CHECK(id(kLong) == "1");
  world.platform->advance(3600s - 290s);
  for (int call = 0; call < 100; ++call) CHECK(id(kLong) == "1");
  world.asked->wait();
  CHECK(*world.calls == 2);

  SECTION("in the last minute the first call waits for half of its time") {
    world.platform->advance(280s);
    const auto begin = std::chrono::steady_clock::now();
    CHECK(id(200ms) == "1");
    CHECK(std::chrono::steady_clock::now() - begin >= 100ms);
    for (int call = 0; call < 100; ++call) CHECK(id(kLong) == "1");
    world.platform->advance(1h);  // also when they have expired
    CHECK(id(kLong) == "1");
    CHECK(*world.calls == 2);
  }
  SECTION("new ones are used as soon as they are there") {
    world.may_answer->open();
    while (cache.look().usable->access_key_id != "2") std::this_thread::yield();
    CHECK(id(kLong) == "2");
    CHECK(*world.calls == 2);
  }
  world.may_answer->open();
}

TEST_CASE("The end of a cache does not wait for a provider that hangs") {
  const HangingWorld world;
  std::chrono::steady_clock::time_point begin{};
  {
    pe::detail::CredentialsCache cache{world.provider(), world.platform};
    const auto get = [&cache] {
      return cache.get(kLong, pe::detail::CredentialsCache::Refresh::OnThread).has_value();
    };
    CHECK(get());
    world.platform->advance(3600s - 200s);
    CHECK(get());
    world.asked->wait();
    begin = std::chrono::steady_clock::now();
  }
  CHECK(std::chrono::steady_clock::now() - begin <= test::kSlack);
  world.may_answer->open();
}

namespace {

// The provider of a cache that another thread must not wait for, and what the cache reports.
struct TryWorld {
  std::shared_ptr<pe::testing::VirtualPlatform> platform =
      std::make_shared<pe::testing::VirtualPlatform>();
  std::mutex mutex{};
  std::condition_variable changed{};
  std::deque<pe::Result<pe::Credentials>> results{};
  int calls{0};
  int refreshed{0};
  std::thread::id thread{};
  std::chrono::milliseconds timeout{};
  std::optional<pe::detail::CredentialsCache> cache{};

  TryWorld() {
    cache.emplace(
        [this](const pe::CredentialsRequest& request) {
          std::unique_lock<std::mutex> lock{mutex};
          ++calls;
          thread = std::this_thread::get_id();
          timeout = request.timeout;
          changed.notify_all();
          changed.wait(lock, [this] { return !results.empty(); });
          auto result = std::move(results.front());
          results.pop_front();
          return result;
        },
        platform);
  }
  // What try_get returns: a key, the message of an error, or "nothing".
  std::string take(
      pe::detail::CredentialsCache::Wait wait = pe::detail::CredentialsCache::Wait::Begins) {
    const auto taken = cache->try_get(3s, wait, [this] {
      const std::lock_guard<std::mutex> lock{mutex};
      ++refreshed;
      changed.notify_all();
    });
    if (!taken) return "nothing";
    return *taken ? (**taken)->access_key_id : taken->error().message;
  }
  // Lets the provider return this.
  void give(pe::Result<pe::Credentials> result) {
    const std::lock_guard<std::mutex> lock{mutex};
    results.push_back(std::move(result));
    changed.notify_all();
  }
  void give(const std::string& key) {
    give(pe::Credentials{key, "secret", "token", platform->now() + 3600s});
  }
  bool wait_for_refreshed(int count) {
    std::unique_lock<std::mutex> lock{mutex};
    return changed.wait_for(lock, kLong, [&] { return refreshed >= count; });
  }
  // The wait of a caller that came before, to its end.
  std::string take_when_refreshed(int count) {
    REQUIRE(wait_for_refreshed(count));
    return take(pe::detail::CredentialsCache::Wait::GoesOn);
  }
};

using Wait = pe::detail::CredentialsCache::Wait;

}  // namespace

TEST_CASE("try_get returns nothing until the first call of the provider has returned") {
  TryWorld world;
  CHECK(world.calls == 0);
  CHECK(world.take() == "nothing");
  CHECK(world.take() == "nothing");
  CHECK(world.take(Wait::Ends) == "nothing");
  world.give("first");
  CHECK(world.take_when_refreshed(1) == "first");
  CHECK(world.take() == "first");
  CHECK(world.calls == 1);
  CHECK(world.timeout == 3s);
  CHECK(world.thread != std::this_thread::get_id());
}

TEST_CASE("try_get returns what there is while the provider is called") {
  TryWorld world;
  world.give("old");
  CHECK(world.take() == "nothing");
  REQUIRE(world.take_when_refreshed(1) == "old");
  const Shared old = world.cache->look().usable;
  world.platform->advance(1h - 4min);
  CHECK(world.take() == "old");
  CHECK(world.take() == "old");
  world.platform->advance(3min - 1s);  // still more than a minute left
  CHECK(world.take() == "old");
  world.platform->advance(2s);
  CHECK(world.take() == "nothing");
  SECTION("new ones as soon as they are there") {
    world.give("new");
    CHECK(world.take_when_refreshed(2) == "new");
    CHECK(world.timeout == pe::detail::kRefreshTimeout);
  }
  SECTION("the old ones when the wait was long, to all") {
    CHECK(world.take(Wait::GoesOn) == "nothing");
    CHECK(world.take(Wait::Ends) == "old");
    CHECK(world.take() == "old");
    world.give("new");
    REQUIRE(world.wait_for_refreshed(2));
    CHECK(world.take() == "new");
  }
  SECTION("the old ones when the refresh has failed, and a pause begins") {
    world.give(pe::credentials_error("the vault is sealed"));
    CHECK(world.take_when_refreshed(2) == "old");
    CHECK(world.take() == "old");
    CHECK(world.cache->refresh_failure()->message == "the vault is sealed");
  }
  SECTION("nothing if the service has rejected them") {
    world.cache->invalidate(old);
    CHECK(world.take(Wait::Ends) == "nothing");
    world.give("new");
    CHECK(world.take_when_refreshed(2) == "new");
  }
  CHECK(world.calls == 2);
}

TEST_CASE("try_get reports a failure to all that waited, and calls the provider for those after") {
  TryWorld world;
  const bool is_retryable = GENERATE(false, true);
  pe::Error error = pe::credentials_error("the vault is sealed");
  error.retryable = is_retryable;
  world.give(error);
  CHECK(world.take() == "nothing");
  CHECK(world.take_when_refreshed(1) == "the vault is sealed");
  for (int waiter = 0; waiter < 10; ++waiter) {
    CHECK(world.take(Wait::GoesOn) == "the vault is sealed");
    CHECK(world.take(Wait::Ends) == "the vault is sealed");
  }
  CHECK(world.take() == "nothing");
  world.give("new");
  CHECK(world.take_when_refreshed(2) == "new");
  CHECK(world.calls == 2);
}

TEST_CASE("A hundred calls near expiry call the provider once") {
  TryWorld world;
  world.give("old");
  CHECK(world.take() == "nothing");
  REQUIRE(world.take_when_refreshed(1) == "old");
  world.platform->advance(1h - 200s);
  for (int call = 0; call < 100; ++call) CHECK(world.take() == "old");
  const auto expiration = world.platform->now() + 200s;
  world.give(pe::Credentials{"same", "secret", "token", expiration});
  REQUIRE(world.wait_for_refreshed(2));
  for (int call = 0; call < 100; ++call) CHECK(world.take() == "same");
  CHECK(world.calls == 2);
}

TEST_CASE("A failure to refresh is reported until a refresh succeeds, or none is needed") {
  TryWorld world;
  world.give("old");
  CHECK(world.take() == "nothing");
  REQUIRE(world.take_when_refreshed(1) == "old");
  world.platform->advance(2h);
  world.give(pe::credentials_error("the vault is sealed"));
  CHECK(world.take() == "nothing");
  REQUIRE(world.take_when_refreshed(2) == "old");
  REQUIRE(world.cache->refresh_failure());
  world.platform->advance(40s);
  CHECK(world.take() == "old");  // and the provider is called again
  CHECK(world.cache->refresh_failure());
  SECTION("by the next refresh") {
    world.give("new");
    REQUIRE(world.wait_for_refreshed(3));
    CHECK_FALSE(world.cache->refresh_failure());
  }
  SECTION("given credentials need none, also if the one in flight fails") {
    world.cache->keep({"set", "secret", "token", world.platform->now() + 1h});
    world.give(pe::credentials_error("the vault is sealed"));
    REQUIRE(world.wait_for_refreshed(3));
    CHECK_FALSE(world.cache->refresh_failure());
    CHECK(world.take() == "set");
  }
}

#if defined(__linux__)
namespace {

// The threads of this process that call providers.
std::size_t credentials_threads() {
  std::size_t count = 0;
  for (const auto& task : std::filesystem::directory_iterator{"/proc/self/task"}) {
    std::string name;
    std::getline(std::ifstream{task.path() / "comm"}, name);
    if (name == "pe-credentials") ++count;
  }
  return count;
}

}  // namespace

TEST_CASE("A cache has a thread while its provider is called, and none after its end") {
  const HangingWorld world;
  const std::size_t before = credentials_threads();
  {
    pe::detail::CredentialsCache cache{world.provider(), world.platform};
    REQUIRE(cache.get(kLong, pe::detail::CredentialsCache::Refresh::OnThread));
  }
  CHECK(credentials_threads() == before);
  {
    pe::detail::CredentialsCache cache{world.provider(), world.platform};
    const auto credentials = cache.get(50ms, pe::detail::CredentialsCache::Refresh::OnThread);
    REQUIRE_FALSE(credentials);
    CHECK(credentials.error().kind == pe::ErrorKind::Timeout);
    world.asked->wait();
    CHECK(credentials_threads() == before + 1);
  }
  // It is left alone, with all that it uses.
  CHECK(credentials_threads() == before + 1);
  world.may_answer->open();
  while (credentials_threads() > before) std::this_thread::yield();
}
#endif

TEST_CASE("Rejected credentials are asked for again, once, and only if they are still in use") {
  World world;
  const Shared first = *world.cache.get(kLong);
  world.cache.invalidate(first);
  CHECK(world.id() == "2");
  CHECK(world.id() == "2");
  world.cache.invalidate(first);  // replaced long ago
  CHECK(world.id() == "2");
  world.cache.invalidate(nullptr);
  CHECK(world.id() == "2");
  CHECK(world.source.calls() == 2);
  CHECK(first->access_key_id == "1");
}

TEST_CASE("Rejected credentials are not gone on with when the refresh fails") {
  World world;
  world.source.lifetime = 3600s;
  world.cache.invalidate(*world.cache.get(kLong));
  world.source.fails = true;
  CHECK_FALSE(world.cache.get(kLong).has_value());
  world.source.fails = false;
  CHECK(world.id() == "3");
}

TEST_CASE("Eight threads that all need credentials ask for them once") {
  World world;
  world.source.lifetime = 3600s;
  CHECK(world.id() == "1");
  world.platform->advance(2h);  // expired
  world.platform->forget_threads();
  world.source.when_asked = [&] { world.platform->wait_for_threads(8); };

  std::vector<std::string> ids(8);
  std::vector<std::thread> threads;
  for (std::string& id : ids) {
    threads.emplace_back([&world, &id] {
      const auto credentials = world.cache.get(kLong);
      id = credentials ? (*credentials)->access_key_id : "none";
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(ids == std::vector<std::string>(8, "2"));
  CHECK(world.source.calls() == 2);
}

TEST_CASE("Eight threads share the error of one failed refresh") {
  World world;
  world.cache.invalidate(*world.cache.get(kLong));
  world.source.fails = true;

  std::vector<std::string> messages(8);
  std::vector<std::thread> threads;
  for (std::string& message : messages) {
    threads.emplace_back([&world, &message] {
      const auto credentials = world.cache.get(kLong);
      message = credentials ? "none" : credentials.error().message;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(messages == std::vector<std::string>(8, "the source is closed"));
  CHECK(world.source.calls() <= 3);  // the second failure begins a pause
}

TEST_CASE("While one thread refreshes early, others go on with what they have") {
  World world;
  world.source.lifetime = 3600s;
  CHECK(world.id() == "1");
  world.platform->advance(3600s - 200s);
  Gate asked;
  Gate may_answer;
  world.source.when_asked = [&] {
    asked.open();
    may_answer.wait();
  };
  std::string refreshed;
  std::thread thread{[&] {
    const auto credentials = world.cache.get(kLong);
    if (credentials) refreshed = (*credentials)->access_key_id;
  }};
  asked.wait();
  for (int call = 0; call < 3; ++call) CHECK(world.id() == "1");
  may_answer.open();
  thread.join();
  CHECK(refreshed == "2");
  CHECK(world.id() == "2");
  CHECK(world.source.calls() == 2);
}

TEST_CASE("Nobody waits longer for another thread's refresh than it says") {
  World world;
  Gate asked;
  Gate may_answer;
  world.source.when_asked = [&] {
    asked.open();
    may_answer.wait();
  };
  std::thread thread{[&] { static_cast<void>(world.cache.get(kLong)); }};
  asked.wait();
  for (const std::chrono::milliseconds at_most : {0ms, 1ms, 20ms}) {
    const auto credentials = world.cache.get(at_most);  // this one runs out
    REQUIRE_FALSE(credentials.has_value());
    CHECK(credentials.error().kind == pe::ErrorKind::Timeout);
  }
  may_answer.open();
  thread.join();
  CHECK(world.id() == "1");
  CHECK(world.source.calls() == 1);
}

TEST_CASE("A provider that throws blocks no later call") {
  World world;
  world.source.lifetime = 3600s;
  CHECK(world.id() == "1");
  world.platform->advance(2h);
  world.platform->forget_threads();
  Gate asked;
  world.source.when_asked = [&] {
    world.source.when_asked = nullptr;
    asked.open();
    world.platform->wait_for_threads(2);
    throw std::runtime_error{"thrown by the test"};
  };
  bool caught = false;
  std::thread thread{[&] {
    try {
      static_cast<void>(world.cache.get(kLong));
    } catch (const std::runtime_error&) {
      caught = true;
    }
  }};
  asked.wait();
  CHECK(world.id() == "3");  // waits for the other thread, then asks by itself
  thread.join();
  CHECK(caught);
}

TEST_CASE("cached() shares one answer between all copies of the provider") {
  const auto platform = std::make_shared<WatchedPlatform>();
  Source source{platform};
  source.lifetime = 3600s;
  const pe::CredentialsProvider provider = pe::cached(source.provider(), platform);
  const pe::CredentialsProvider copy = provider;
  CHECK(provider()->access_key_id == "1");
  CHECK(copy()->access_key_id == "1");
  platform->advance(3600s);
  CHECK(copy()->access_key_id == "2");
  CHECK(provider()->access_key_id == "2");
  CHECK(source.calls() == 2);
}

TEST_CASE("cached() hands on the provider's error, and works without a platform") {
  int calls = 0;
  const pe::CredentialsProvider provider = pe::cached([&calls]() -> pe::Result<pe::Credentials> {
    ++calls;
    pe::Error error = pe::credentials_error("busy");
    error.retryable = true;
    return error;
  });
  const auto credentials = provider();
  REQUIRE_FALSE(credentials.has_value());
  CHECK(credentials.error().message == "busy");
  CHECK(credentials.error().retryable);
  CHECK_FALSE(provider().has_value());
  CHECK(calls == 2);
}

TEST_CASE("What is refused is not kept by a cached() provider either") {
  World world;
  const pe::CredentialsProvider shared = pe::cached(world.source.provider(), world.platform);
  pe::detail::CredentialsCache cache{shared, world.platform};
  pe::detail::CredentialsCache other{pe::chain({shared}), world.platform};
  const auto id = [](pe::detail::CredentialsCache& of) { return (*of.get(kLong))->access_key_id; };
  const Shared first = *cache.get(kLong);
  const Shared same = *other.get(kLong);
  CHECK(first->access_key_id == "1");
  CHECK(same->access_key_id == "1");

  cache.invalidate(first);
  CHECK(id(cache) == "2");
  CHECK(id(other) == "1");  // nobody has told this one yet
  other.invalidate(same);   // what is shared has been replaced meanwhile, and serves
  CHECK(id(other) == "2");
  CHECK(world.source.calls() == 2);

  other.invalidate(*other.get(kLong));
  CHECK(id(other) == "3");
  CHECK(shared()->access_key_id == "3");
  CHECK(world.source.calls() == 3);
}

TEST_CASE("A refusal goes through every cache, and to a keeper of the application's own") {
  class Vault final : public pe::CredentialsKeeper {
   public:
    void invalidate(const pe::Credentials& rejected) override { refused = rejected.access_key_id; }
    std::string refused;
  };
  auto vault = std::make_shared<Vault>();
  const auto platform = std::make_shared<pe::testing::VirtualPlatform>();
  int calls = 0;
  const pe::CredentialsProvider source = [&]() -> pe::Result<pe::Credentials> {
    pe::Credentials credentials{std::to_string(++calls), "secret"};
    credentials.keeper = vault;
    return credentials;
  };
  pe::detail::CredentialsCache cache{pe::cached(pe::cached(source, platform), platform), platform};
  cache.invalidate(*cache.get(kLong));
  CHECK(vault->refused == "1");
  const Shared second = *cache.get(kLong);
  CHECK(second->access_key_id == "2");
  vault.reset();
  cache.invalidate(second);  // nobody is left to be told
  CHECK((*cache.get(kLong))->access_key_id == "3");
}

TEST_CASE("A forked child does not wait for a refresh that was on its way in the parent") {
  using Refresh = pe::detail::CredentialsCache::Refresh;
  const Refresh refresh = GENERATE(Refresh::OnCaller, Refresh::OnThread);
  if (refresh == Refresh::OnThread && !test::kChildMayGoOn) return;
  World world;
  const pid_t parent = ::getpid();
  Gate asked;
  Gate may_answer;
  world.source.when_asked = [&] {
    if (::getpid() != parent) return;
    asked.open();
    may_answer.wait();
  };
  std::thread thread{[&] { static_cast<void>(world.cache.get(kLong, refresh)); }};
  asked.wait();
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(60);  // ends a child that waits after all
    bool well = true;
    for (int call = 0; call < 3; ++call) {
      const auto credentials = world.cache.get(kLong, refresh);
      well = well && credentials && (*credentials)->access_key_id == "2";
    }
    ::_exit(well ? 0 : 1);
  }
  may_answer.open();
  thread.join();
  REQUIRE(child > 0);
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(world.id() == "1");
}

namespace {

// Threads that meet: the last one to come runs `action` before all go on.
class Meeting {
 public:
  explicit Meeting(std::size_t count) : count_(count) {}

  void meet(const std::function<void()>& action) {
    std::unique_lock<std::mutex> lock{mutex_};
    const std::size_t round = round_;
    if (++came_ < count_) {
      changed_.wait(lock, [&] { return round_ != round; });
      return;
    }
    action();
    came_ = 0;
    ++round_;
    changed_.notify_all();
  }

 private:
  const std::size_t count_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t came_{0};
  std::size_t round_{0};
};

}  // namespace

TEST_CASE("Eight threads call through a thousand expiries with one refresh each") {
  constexpr std::size_t kThreads = 8;
  constexpr int kExpiries = 1000;
  const auto platform = std::make_shared<pe::testing::VirtualPlatform>();
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t went_on = 0;  // how many threads were served in this round
  bool is_early = false;
  bool somebody_waited = false;
  int calls = 0;  // plain: TSan tells if two threads ask at the same time

  pe::detail::CredentialsCache cache{
      [&]() -> pe::Result<pe::Credentials> {
        ++calls;
        std::unique_lock<std::mutex> lock{mutex};
        // An early refresh ends only when all others have been served; they must not wait for it.
        const auto others_went_on = [&] { return went_on == kThreads - 1; };
        if (is_early && !somebody_waited && !changed.wait_for(lock, 20s, others_went_on)) {
          somebody_waited = true;
        }
        return pe::Credentials{"id", "secret", std::to_string(calls), platform->now() + 3600s};
      },
      platform};
  REQUIRE(cache.get(kLong).has_value());

  std::array<int, kExpiries> calls_after{};
  Meeting begin{kThreads};
  Meeting end{kThreads};
  std::atomic<int> unusable{0};
  std::vector<std::thread> threads;
  for (std::size_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&] {
      for (std::size_t round = 0; round < kExpiries; ++round) {
        begin.meet([&] {
          const std::lock_guard<std::mutex> lock{mutex};
          is_early = round % 2 == 0;
          went_on = 0;
          platform->advance(is_early ? 3600s - 200s : 3600s + 200s);
        });
        for (int call = 0; call < 3; ++call) {
          const auto credentials = cache.get(kLong);
          if (!credentials || *(*credentials)->expiration <= platform->now()) ++unusable;
        }
        {
          const std::lock_guard<std::mutex> lock{mutex};
          ++went_on;
        }
        changed.notify_all();
        end.meet([&] { calls_after[round] = calls; });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  CHECK(unusable == 0);
  CHECK_FALSE(somebody_waited);
  for (int round = 0; round < kExpiries; ++round) {
    REQUIRE(calls_after[static_cast<std::size_t>(round)] == round + 2);
  }
}

TEST_CASE("A look at the cache asks nobody, and says who should be asked when") {
  const auto platform = std::make_shared<pe::testing::VirtualPlatform>();
  int calls = 0;
  pe::detail::CredentialsCache cache{
      [&]() -> pe::Result<pe::Credentials> {
        if (++calls == 2) return pe::credentials_error("the vault is sealed");
        return pe::Credentials{"id", "secret", "token", platform->now() + 3600s};
      },
      platform};
  const auto check = [&](bool is_usable, bool wants_refresh) {
    const auto look = cache.look();
    CHECK((look.usable != nullptr) == is_usable);
    CHECK(look.wants_refresh == wants_refresh);
  };
  check(false, true);
  CHECK(calls == 0);
  REQUIRE(cache.get(kLong));
  check(true, false);
  platform->advance(3600s - 200s);  // near expiry: a refresh is wanted, the old ones serve
  check(true, true);
  CHECK(calls == 1);
  REQUIRE(cache.get(kLong));  // which fails, and is left alone for a while
  check(true, false);
  platform->advance(40s);
  check(true, true);
  platform->advance(110s);  // less than a minute left, and the last refresh failed
  check(true, true);
  REQUIRE(cache.get(kLong));
  check(true, false);
  cache.invalidate(cache.look().usable);
  check(false, true);
}

TEST_CASE("While another thread asks, a look says what can be gone on with") {
  const auto platform = std::make_shared<pe::testing::VirtualPlatform>();
  std::optional<bool> was_usable;
  bool wanted = true;
  pe::detail::CredentialsCache* looked_at = nullptr;
  pe::detail::CredentialsCache cache{
      [&]() -> pe::Result<pe::Credentials> {
        const auto look = looked_at->look();
        was_usable = look.usable != nullptr;
        wanted = look.wants_refresh;
        return pe::Credentials{"id", "secret", {}, platform->now() + 3600s};
      },
      platform};
  looked_at = &cache;
  REQUIRE(cache.get(kLong));
  CHECK(was_usable == false);
  CHECK_FALSE(wanted);
  platform->advance(3600s - 200s);
  REQUIRE(cache.get(kLong));
  CHECK(was_usable == true);
  CHECK_FALSE(wanted);
}

TEST_CASE("Credentials that are set serve as if the provider had given them") {
  const auto platform = std::make_shared<pe::testing::VirtualPlatform>();
  int calls = 0;
  pe::detail::CredentialsCache cache{[&]() -> pe::Result<pe::Credentials> {
                                       ++calls;
                                       return pe::credentials_error("the vault is sealed");
                                     },
                                     platform};
  cache.keep({"set", "secret", "token", platform->now() + 3600s});
  const auto kept = cache.get(kLong);
  REQUIRE(kept);
  CHECK((*kept)->access_key_id == "set");
  CHECK(calls == 0);
  cache.invalidate(*kept);
  CHECK_FALSE(cache.get(kLong));
  CHECK(calls == 1);
  cache.keep({"again", "secret"});
  REQUIRE(cache.get(kLong));
  CHECK(cache.look().usable->access_key_id == "again");
  CHECK_FALSE(cache.look().wants_refresh);
}

TEST_CASE("Credentials that no header can carry are refused once, and the last good ones kept") {
  const auto platform = std::make_shared<pe::testing::VirtualPlatform>();
  std::string token = "TOKEN\n";
  int calls = 0;
  pe::detail::CredentialsCache cache{[&]() -> pe::Result<pe::Credentials> {
                                       ++calls;
                                       pe::Credentials given{"id", "secret", token};
                                       given.expiration = platform->now() + 10min;
                                       return given;
                                     },
                                     platform};
  const auto refused = cache.get(kLong);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == pe::ErrorKind::Credentials);
  CHECK(refused.error().where == "credentials");
  CHECK_THAT(refused.error().message, test::ContainsSubstring("session_token ends with a line"));
  CHECK(pe::to_string(refused.error()).find("TOKEN") == std::string::npos);

  token = "good";
  REQUIRE(cache.get(kLong).has_value());
  const int before = calls;
  CHECK(cache.get(kLong).has_value());
  CHECK(calls == before);

  token = "TOKEN\n";
  platform->advance(7min);
  const auto kept = cache.get(kLong);
  REQUIRE(kept.has_value());
  CHECK((*kept)->session_token == "good");
  CHECK(calls == before + 1);
}

TEST_CASE("Given credentials that no header can carry are reported, and change nothing") {
  const auto platform = std::make_shared<pe::testing::VirtualPlatform>();
  pe::detail::CredentialsCache cache{
      []() -> pe::Result<pe::Credentials> { return pe::credentials_error("none were given yet"); },
      platform};
  CHECK(cache.get(kLong).error().message == "none were given yet");
  cache.keep({"id", "secret", "TOKEN\n"});
  const auto refused = cache.get(kLong);
  REQUIRE_FALSE(refused.has_value());
  CHECK_THAT(refused.error().message, test::ContainsSubstring("session_token"));

  cache.keep({"id", "secret", "good"});
  REQUIRE(cache.get(kLong).has_value());
  cache.keep({"other", "secret", "TOKEN\n"});
  CHECK((*cache.get(kLong))->access_key_id == "id");
}
