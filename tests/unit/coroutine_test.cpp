// SPDX-License-Identifier: Apache-2.0
//
// Compiled as C++20, whatever the other files are; left out where the compiler has no coroutines.

#include "personalize_events/coroutine.hpp"

#include <coroutine>
#include <exception>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/core.hpp"
#include "personalize_events/detail/platform/system_platform.hpp"
#include "support/async_world.hpp"

namespace pe = personalize_events;
using test::AsyncWorld;

namespace {

using Result = pe::Result<pe::PutResult>;

struct Task {
  struct promise_type {
    std::promise<std::vector<Result>> done{};
    Task get_return_object() { return {done.get_future()}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_value(std::vector<Result> results) { done.set_value(std::move(results)); }
    [[noreturn]] void unhandled_exception() { std::terminate(); }
  };
  std::future<std::vector<Result>> done;
};

Task all_operations(pe::AsyncClient client) {
  std::vector<Result> results;
  results.push_back(co_await pe::co_put_events(client, test::put_events_request()));
  results.push_back(
      co_await pe::co_put_action_interactions(client, test::put_action_interactions_request()));
  results.push_back(co_await pe::co_put_users(client, test::put_users_request()));
  results.push_back(co_await pe::co_put_items(client, test::put_items_request()));
  results.push_back(co_await pe::co_put_actions(client, test::put_actions_request()));
  co_return results;
}

Task many(pe::AsyncClient client, int count) {
  std::vector<Result> results;
  for (int i = 0; i < count; ++i) {
    const pe::PutEventsRequest request = test::put_events_request();
    results.push_back(co_await pe::co_put_events(client, request));
  }
  co_return results;
}

}  // namespace

TEST_CASE("A coroutine awaits each operation in turn") {
  const AsyncWorld world;
  const auto results = all_operations(pe::AsyncClient{world.options}).done.get();
  REQUIRE(results.size() == 5);
  for (const Result& result : results) CHECK(result);
  CHECK(world.transport->requests().size() == 5);
}

TEST_CASE("Coroutines wait side by side, on the client's thread") {
  AsyncWorld world;
  world.options.platform = pe::system_platform();
  world.transport->hold();
  const pe::AsyncClient client{world.options};
  std::vector<Task> tasks;
  for (int i = 0; i < 50; ++i) tasks.push_back(many(client, 4));
  world.transport->release();
  for (Task& task : tasks) {
    for (const Result& result : task.done.get()) CHECK(result);
  }
  CHECK(world.transport->requests().size() == 200);
}

TEST_CASE("A coroutine whose client is destroyed goes on with Cancelled") {
  AsyncWorld world;
  world.options.platform = pe::system_platform();
  world.transport->hold();
  std::optional<pe::AsyncClient> client{world.options};
  // The coroutine must hold no copy, or the client lives as long as it waits.
  const auto wait = [](const pe::AsyncClient& its_client,
                       const pe::PutEventsRequest& request) -> Task {
    std::vector<Result> results;
    results.push_back(co_await pe::co_put_events(its_client, request));
    co_return results;
  };
  const pe::PutEventsRequest request = test::put_events_request();
  Task task = wait(*client, request);
  client.reset();
  const auto results = task.done.get();
  REQUIRE(results.size() == 1);
  REQUIRE_FALSE(results[0]);
  CHECK(results[0].error().kind == pe::ErrorKind::Cancelled);
}

TEST_CASE("A call that ends at once, thousands of times, needs no stack") {
  AsyncWorld world;
  world.options.async_transport = nullptr;
  const auto results = many(pe::AsyncClient{world.options}, 20'000).done.get();
  REQUIRE(results.size() == 20'000);
  CHECK(results.back().error().kind == pe::ErrorKind::Configuration);
}
