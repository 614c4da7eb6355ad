// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/async_client.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/core.hpp"
#include "personalize_events/detail/platform/system_platform.hpp"
#include "support/async_world.hpp"
#include "support/sanitizers.hpp"

namespace pe = personalize_events;
using namespace std::chrono_literals;
using test::AsyncWorld;

namespace {

using Future = std::future<pe::Result<pe::PutResult>>;

/// Both forms of each operation.
struct Operation {
  std::string path;
  std::function<Future(const pe::AsyncClient&)> with_future;
  std::function<void(const pe::AsyncClient&, pe::AsyncClient::Callback)> with_callback;
};

std::vector<Operation> operations() {
  using pe::AsyncClient;
  using Callback = AsyncClient::Callback;
  return {
      {"/events", [](const AsyncClient& c) { return c.put_events(test::put_events_request()); },
       [](const AsyncClient& c, Callback done) {
         c.put_events(test::put_events_request(), std::move(done));
       }},
      {"/action-interactions",
       [](const AsyncClient& c) {
         return c.put_action_interactions(test::put_action_interactions_request());
       },
       [](const AsyncClient& c, Callback done) {
         c.put_action_interactions(test::put_action_interactions_request(), std::move(done));
       }},
      {"/users", [](const AsyncClient& c) { return c.put_users(test::put_users_request()); },
       [](const AsyncClient& c, Callback done) {
         c.put_users(test::put_users_request(), std::move(done));
       }},
      {"/items", [](const AsyncClient& c) { return c.put_items(test::put_items_request()); },
       [](const AsyncClient& c, Callback done) {
         c.put_items(test::put_items_request(), std::move(done));
       }},
      {"/actions", [](const AsyncClient& c) { return c.put_actions(test::put_actions_request()); },
       [](const AsyncClient& c, Callback done) {
         c.put_actions(test::put_actions_request(), std::move(done));
       }},
  };
}

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

}  // namespace

TEST_CASE("Each operation goes to its path, with a callback and with a future") {
  for (const Operation& operation : operations()) {
    CAPTURE(operation.path);
    const AsyncWorld world;
    world.transport->reply(pe::HttpResponse{200, {{"x-amzn-RequestId", "id"}}});
    const pe::AsyncClient client{world.options};
    const auto result = operation.with_future(client).get();
    REQUIRE(result);
    CHECK(result->request_id == "id");
    CHECK(result->attempts == 1);
    test::Results results;
    operation.with_callback(client, results.callback());
    REQUIRE(results.wait_for(1));
    CHECK(results.all().front());
    operation.with_callback(client, {});  // nobody listens
    REQUIRE(operation.with_future(client).get());
    const auto requests = world.transport->requests();
    REQUIRE(requests.size() == 4);
    for (const pe::HttpRequest& request : requests) CHECK(ends_with(request.url, operation.path));
  }
}

TEST_CASE("A request that breaks the model is told, with the member") {
  const AsyncWorld world;
  const pe::AsyncClient client{world.options};
  const auto result = client.put_events({"tracking", "session", {pe::Event{""}}}).get();
  REQUIRE_FALSE(result);
  CHECK(result.error().kind == pe::ErrorKind::InvalidArgument);
  CHECK(result.error().where == "eventList[0].eventType");
}

TEST_CASE("Without a transport every call answers Configuration, and no thread is started") {
  for (const Operation& operation : operations()) {
    const AsyncWorld world;
    pe::ClientOptions options = world.options;
    options.async_transport = nullptr;
    const pe::AsyncClient client{options};
    const auto result = operation.with_future(client).get();
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == pe::ErrorKind::Configuration);
    test::Results results;
    operation.with_callback(client, results.callback());
    CHECK(results.count() == 1);  // told at once, there is no loop to do it
    operation.with_callback(client, {});
  }
}

TEST_CASE("A Transport serves too, on a few threads") {
  test::ClientWorld world;
  std::atomic<int> flying{0};
  std::atomic<int> most{0};
  world.transport->on_send([&](const pe::HttpRequest&) {
    const int now = ++flying;
    int seen = most;
    while (seen < now && !most.compare_exchange_weak(seen, now)) {
    }
    const auto until = std::chrono::steady_clock::now() + test::kPatience;
    while (most < 2 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    --flying;
  });
  const pe::AsyncClient client{world.options};
  std::vector<Future> futures;
  for (int i = 0; i < 40; ++i) futures.push_back(client.put_events(test::put_events_request()));
  for (Future& future : futures) CHECK(future.get());
  CHECK(most >= 2);
  CHECK(most <= pe::detail::kMaxTransportWorkers);
}

TEST_CASE("Any number of calls is in flight at once, and each callback is called once") {
  AsyncWorld world;
  world.options.platform = pe::system_platform();
  world.transport->hold();
  const pe::AsyncClient client{world.options};
  test::Results results;
  std::atomic<int> sent{0};
  test::Signal all_sent;
  world.transport->on_send([&](const pe::HttpRequest&) {
    if (++sent == 500) all_sent.give();
  });
  for (int i = 0; i < 500; ++i) client.put_events(test::put_events_request(), results.callback());
  REQUIRE(all_sent.wait());
  CHECK(results.count() == 0);
  world.transport->release();
  REQUIRE(results.wait_for(500));
  for (const auto& result : results.all()) CHECK(result);
  CHECK(results.count() == 500);
}

TEST_CASE("Callbacks come on one thread, which is not the caller's, and may begin calls") {
  const AsyncWorld world;
  const pe::AsyncClient client{world.options};
  std::promise<std::vector<std::thread::id>> done;
  std::vector<std::thread::id> threads;
  std::function<void(pe::Result<pe::PutResult>)> again = [&](const auto& result) {
    CHECK(result.has_value());
    threads.push_back(std::this_thread::get_id());
    if (threads.size() == 10) return done.set_value(threads);
    client.put_events(test::put_events_request(), again);
  };
  client.put_events(test::put_events_request(), again);
  const auto seen = done.get_future().get();
  for (const auto& thread : seen) CHECK(thread == seen.front());
  CHECK(seen.front() != std::this_thread::get_id());
}

TEST_CASE("Copies are one client: its thread ends with the last") {
  const AsyncWorld world;
  std::optional<pe::AsyncClient> first{world.options};
  REQUIRE(first->put_events(test::put_events_request()).get());
  const pe::AsyncClient second = *first;  // NOLINT(performance-unnecessary-copy-initialization)
  first.reset();
  CHECK(second.put_events(test::put_events_request()).get());
}

TEST_CASE("The last copy's destruction ends calls in flight with Cancelled, and does not wait") {
  AsyncWorld world;
  world.options.platform = pe::system_platform();
  world.transport->hold();
  std::vector<Future> futures;
  test::Results results;
  const auto before = std::chrono::steady_clock::now();
  {
    const pe::AsyncClient client{world.options};
    for (int i = 0; i < 50; ++i) {
      futures.push_back(client.put_events(test::put_events_request()));
      client.put_events(test::put_events_request(), results.callback());
    }
  }
  CHECK(std::chrono::steady_clock::now() - before < 4s);  // of a timeout of 5 s
  CHECK(results.count() == 100 - 50);                     // all told by then
  for (Future& future : futures) {
    const auto result = future.get();
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == pe::ErrorKind::Cancelled);
    CHECK(result.error().may_have_been_delivered == (result.error().attempts == 1));
  }
  for (const auto& result : results.all()) CHECK(result.error().kind == pe::ErrorKind::Cancelled);
}

TEST_CASE("A client may be destroyed by its own callback") {
  AsyncWorld world;
  world.options.platform = pe::system_platform();
  world.transport->hold();
  auto client = std::make_unique<pe::AsyncClient>(world.options);
  test::Results others;
  test::Signal destroyed;
  test::Signal may_destroy;
  client->put_events(test::put_events_request(), [&](const auto& result) {
    CHECK(result.has_value());
    static_cast<void>(may_destroy.wait());
    client.reset();
    CHECK(others.count() == 0);  // what is in flight ends after the callback
    destroyed.give();
  });
  for (int i = 0; i < 10; ++i) client->put_events(test::put_events_request(), others.callback());
  world.transport->release(1);
  may_destroy.give();
  REQUIRE(destroyed.wait());
  REQUIRE(others.wait_for(10));
  for (const auto& result : others.all()) {
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == pe::ErrorKind::Cancelled);
  }
}

TEST_CASE("A callback that holds the last copy ends the client with itself") {
  AsyncWorld world;
  world.options.platform = pe::system_platform();
  for (int i = 0; i < 50; ++i) {
    test::Results results;
    auto client = std::make_shared<pe::AsyncClient>(world.options);
    const pe::AsyncClient& by_reference = *client;
    by_reference.put_events(test::put_events_request(),
                            [kept = std::move(client), &results](pe::Result<pe::PutResult> result) {
                              results.add(std::move(result));
                            });
    REQUIRE(results.wait_for(1));
    CHECK(results.all().front());
  }
}

TEST_CASE("Destruction does not wait for a credentials provider") {
  AsyncWorld world;
  world.options.platform = pe::system_platform();
  world.options.attempt_timeout = 60s;
  world.options.call_timeout = 60s;
  struct Hang {
    test::Signal asked{};
    test::Signal may_go{};
    test::Signal gone{};
  };
  const auto hang = std::make_shared<Hang>();
  world.options.credentials = [hang]() -> pe::Result<pe::Credentials> {
    hang->asked.give();
    static_cast<void>(hang->may_go.wait());
    hang->gone.give();
    return pe::credentials_error("too late");
  };
  Future future;
  auto client = std::make_unique<pe::AsyncClient>(world.options);
  future = client->put_events(test::put_events_request());
  REQUIRE(hang->asked.wait());
  const auto before = std::chrono::steady_clock::now();
  client.reset();
  CHECK(std::chrono::steady_clock::now() - before <= test::kSlack);
  const auto result = future.get();
  REQUIRE_FALSE(result);
  CHECK_FALSE(result.error().may_have_been_delivered);
  hang->may_go.give();
  CHECK(hang->gone.wait());
}

TEST_CASE(
    "A provider that does not return in time is a Timeout of the call, which others do not feel") {
  AsyncWorld world;
  world.options.platform = pe::system_platform();
  world.options.attempt_timeout = 40ms;
  world.options.call_timeout = 150ms;
  const auto may_go = std::make_shared<test::Signal>();
  world.options.credentials = [may_go]() -> pe::Result<pe::Credentials> {
    static_cast<void>(may_go->wait());
    return test::temporary_credentials();
  };
  const pe::AsyncClient client{world.options};
  const auto result = client.put_events(test::put_events_request()).get();
  REQUIRE_FALSE(result);
  CHECK(result.error().kind == pe::ErrorKind::Timeout);
  CHECK(result.error().where == "credentials");
  CHECK(result.error().retryable);
  CHECK(result.error().attempts == 0);
  may_go->give();
  const auto until = std::chrono::steady_clock::now() + test::kPatience;
  while (!client.put_events(test::put_events_request()).get()) {
    REQUIRE(std::chrono::steady_clock::now() < until);
  }
}

TEST_CASE("Many threads share a client while it retries") {
  AsyncWorld world;
  world.options.platform = pe::system_platform();
  world.options.retry.max_attempts = 4;
  world.options.retry.quota = 1'000'000;
  for (int i = 0; i < 400; ++i) {
    world.transport->reply(i % 3 == 0 ? pe::HttpResponse{503} : pe::HttpResponse{200});
  }
  world.transport->reply(pe::HttpResponse{200});
  const pe::AsyncClient client{world.options};
  test::Results results;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&results, client] {
      for (int i = 0; i < 50; ++i) {
        client.put_events(test::put_events_request(), results.callback());
      }
      static_cast<void>(client.put_events(test::put_events_request()).get());
    });
  }
  for (std::thread& thread : threads) thread.join();
  REQUIRE(results.wait_for(400));
  int delivered = 0;
  for (const auto& result : results.all()) delivered += result ? 1 : 0;
  CHECK(delivered >= 390);  // four unlucky answers in a row end a call
}

TEST_CASE("A forked child may use the client, and the parent goes on") {
  if (!test::kChildMayGoOn) return;
  test::ClientWorld world;  // the asynchronous side of its transport does not know of forks
  world.options.platform = pe::system_platform();
  auto client = std::make_unique<pe::AsyncClient>(world.options);
  REQUIRE(client->put_events(test::put_events_request()).get());
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    alarm(20);  // a deadlock ends in a signal
    const bool good = client->put_events(test::put_events_request()).get().has_value();
    client.reset();
    _exit(good ? 0 : 1);
  }
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(client->put_events(test::put_events_request()).get());
}
