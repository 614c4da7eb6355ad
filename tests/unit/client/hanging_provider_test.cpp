// SPDX-License-Identifier: Apache-2.0
//
// Providers of an application that ignore their timeout: calls end at call_timeout, usable keys are
// used, and no destructor waits for the provider.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/async_client.hpp"
#include "personalize_events/client.hpp"
#include "personalize_events/core.hpp"
#include "personalize_events/event_recorder.hpp"
#include "support/async_world.hpp"
#include "support/sanitizers.hpp"

namespace pe = personalize_events;
using namespace std::chrono_literals;

namespace {

using SteadyClock = std::chrono::steady_clock;

/// A provider of keys "KEY1", "KEY2", ... for an hour, which can be made to hang. Its copies share
/// their state, so that it may outlive the client. The destructor lets it return.
class Provider {
 public:
  explicit Provider(std::shared_ptr<pe::Platform> platform)
      : state_(std::make_shared<State>()), platform_(std::move(platform)) {}
  Provider(const Provider&) = delete;
  Provider& operator=(const Provider&) = delete;
  ~Provider() { set_hanging(false); }

  [[nodiscard]] pe::CredentialsProvider function() const {
    return [state = state_, platform = platform_]() -> pe::Result<pe::Credentials> {
      std::unique_lock<std::mutex> lock{state->mutex};
      const int call = ++state->calls;
      state->changed.notify_all();
      state->changed.wait(lock, [&] { return !state->is_hanging; });
      return pe::Credentials{"KEY" + std::to_string(call), "secret", "token", platform->now() + 1h};
    };
  }

  void set_hanging(bool is_hanging) const {
    const std::lock_guard<std::mutex> lock{state_->mutex};
    state_->is_hanging = is_hanging;
    state_->changed.notify_all();
  }
  [[nodiscard]] int calls() const {
    const std::lock_guard<std::mutex> lock{state_->mutex};
    return state_->calls;
  }
  [[nodiscard]] bool wait_for_call(int number) const {
    std::unique_lock<std::mutex> lock{state_->mutex};
    return state_->changed.wait_for(lock, test::kPatience, [&] { return state_->calls >= number; });
  }

 private:
  struct State {
    std::mutex mutex{};
    std::condition_variable changed{};
    bool is_hanging{false};
    int calls{0};
  };
  std::shared_ptr<State> state_;
  std::shared_ptr<pe::Platform> platform_;
};

template <class Function>
std::chrono::milliseconds time_of(const Function& function) {
  const auto begin = SteadyClock::now();
  function();
  return std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now() - begin);
}

bool is_timeout_of_credentials(const pe::Result<pe::PutResult>& result) {
  return !result && result.error().kind == pe::ErrorKind::Timeout &&
         result.error().where == "credentials" && result.error().attempts <= 1;
}

/// A world in the system's time.
template <class Base>
struct World : Base {
  World() {
    this->options.credentials = provider.function();
    this->options.platform = pe::system_platform();
    this->options.call_timeout = 300ms;
    this->options.attempt_timeout = 300ms;
  }
  Provider provider{pe::system_platform()};
};

}  // namespace

TEST_CASE("A call ends at its timeout although the first call of the provider does not return") {
  World<test::ClientWorld> world;
  world.provider.set_hanging(true);
  const pe::Client client = world.client();
  for (int call = 0; call < 2; ++call) {
    std::optional<pe::Result<pe::PutResult>> result;
    const auto time =
        time_of([&] { result.emplace(client.put_events(test::put_events_request())); });
    CHECK(is_timeout_of_credentials(*result));
    CHECK(time >= 290ms);
    CHECK(time <= 300ms + test::kSlack);
  }
  CHECK(world.provider.calls() == 1);
  world.provider.set_hanging(false);
  world.transport->reply(pe::HttpResponse{200});
  CHECK(client.put_events(test::put_events_request()));
}

TEST_CASE("A call ends at its timeout although keys were rejected and no others come") {
  World<test::ClientWorld> world;
  const pe::Client client = world.client();
  world.transport->reply(pe::HttpResponse{200});
  REQUIRE(client.put_events(test::put_events_request()));
  world.provider.set_hanging(true);
  world.transport->reply(test::service_error(403, "ExpiredTokenException"));
  std::optional<pe::Result<pe::PutResult>> result;
  const auto time = time_of([&] { result.emplace(client.put_events(test::put_events_request())); });
  CHECK(is_timeout_of_credentials(*result));
  CHECK(time <= 300ms + test::kSlack);
  CHECK(world.provider.calls() == 2);
  world.provider.set_hanging(false);
  world.transport->reply(pe::HttpResponse{200});
  REQUIRE(client.put_events(test::put_events_request()));
  CHECK_THAT(test::header(world.transport->requests().back(), "Authorization"),
             test::ContainsSubstring("KEY2/"));
}

TEST_CASE("Calls of many threads share one call of a provider that hangs") {
  World<test::ClientWorld> world;
  world.provider.set_hanging(true);
  const pe::Client client = world.client();
  std::vector<std::thread> threads;
  std::atomic<int> timeouts{0};
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&] {
      timeouts += is_timeout_of_credentials(client.put_events(test::put_events_request())) ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(timeouts == 8);
  CHECK(world.provider.calls() == 1);
}

TEST_CASE("A call of an AsyncClient ends at its timeout although the provider does not return") {
  World<test::AsyncWorld> world;
  world.options.attempt_timeout = GENERATE(100ms, 300ms);
  world.provider.set_hanging(true);
  const pe::AsyncClient client{world.options};
  std::optional<pe::Result<pe::PutResult>> result;
  const auto time =
      time_of([&] { result.emplace(client.put_events(test::put_events_request()).get()); });
  CHECK(is_timeout_of_credentials(*result));
  CHECK(time <= 300ms + test::kSlack);
  CHECK(world.provider.calls() == 1);
}

TEST_CASE("No client waits at its end for the first call of a provider that hangs") {
  World<test::ClientWorld> world;
  world.options.call_timeout = 50ms;
  world.provider.set_hanging(true);
  std::optional<pe::Client> client{world.client()};
  CHECK(is_timeout_of_credentials(client->put_events(test::put_events_request())));
  CHECK(time_of([&] { client.reset(); }) <= test::kSlack);
}

TEST_CASE("No client waits at its end for a provider that hangs in a refresh") {
  test::ClientWorld world;
  const Provider provider{world.platform};
  world.options.credentials = provider.function();
  std::optional<pe::Client> client{world.client()};
  REQUIRE(client->put_events(test::put_events_request()));
  provider.set_hanging(true);
  world.platform->advance(1h - 200s);
  CHECK(client->put_events(test::put_events_request()));
  REQUIRE(provider.wait_for_call(2));
  CHECK(time_of([&] { client.reset(); }) <= test::kSlack);
}

TEST_CASE("No AsyncClient waits at its end for a provider that hangs") {
  World<test::AsyncWorld> world;
  world.options.call_timeout = 60s;
  world.options.attempt_timeout = 60s;
  world.provider.set_hanging(true);
  auto client = std::make_unique<pe::AsyncClient>(world.options);
  auto call = client->put_events(test::put_events_request());
  REQUIRE(world.provider.wait_for_call(1));
  CHECK(time_of([&] { client.reset(); }) <= test::kSlack);
  const auto result = call.get();
  REQUIRE_FALSE(result);
  CHECK(result.error().kind == pe::ErrorKind::Cancelled);
  CHECK_FALSE(result.error().may_have_been_delivered);
}

TEST_CASE("No recorder waits at its end for a provider that hangs") {
  World<test::AsyncWorld> world;
  world.options.attempt_timeout = 60s;
  world.provider.set_hanging(true);
  auto recorder_options = pe::RecorderOptions::server("tracker");
  recorder_options.linger = 0ms;
  recorder_options.shutdown_timeout = 0ms;
  auto made = pe::make_recorder(recorder_options, pe::AsyncClient{world.options});
  REQUIRE(made);
  std::optional<pe::EventRecorder> recorder{*std::move(made)};
  REQUIRE(recorder->record({"visit"}, pe::Event{"Watch"}));
  REQUIRE(world.provider.wait_for_call(1));
  // Closing has a grace of 50 ms twice.
  CHECK(time_of([&] { recorder.reset(); }) <= 100ms + test::kSlack);
}

TEST_CASE("Keys that have expired are used by an AsyncClient while the provider hangs") {
  test::AsyncWorld world;
  const Provider provider{world.platform};
  world.options.credentials = provider.function();
  const pe::AsyncClient client{world.options};
  const auto put = [&] {
    world.transport->reply(pe::HttpResponse{200});
    return client.put_events(test::put_events_request());
  };
  REQUIRE(put().get());
  provider.set_hanging(true);
  world.platform->advance(2h);
  auto waiting = put();
  REQUIRE(provider.wait_for_call(2));
  CHECK(waiting.wait_for(50ms) == std::future_status::timeout);
  world.platform->advance(world.options.attempt_timeout / 2);
  CHECK(waiting.get());
  for (int call = 0; call < 10; ++call) CHECK(put().get());
  CHECK(provider.calls() == 2);
  CHECK_THAT(test::header(world.transport->requests().back(), "Authorization"),
             test::ContainsSubstring("KEY1/"));
}
