// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/client/async_core.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "catch.hpp"
#include "support/async_world.hpp"
#include "support/sanitizers.hpp"

namespace pe = personalize_events;
using namespace std::chrono_literals;
using pe::detail::AsyncCore;
using pe::detail::LoopDriver;

TEST_CASE("A core has one set of parts, with the options it was made of") {
  test::AsyncWorld world;
  AsyncCore core{world.options, LoopDriver::Manual};
  CHECK(core.options().region == "us-east-1");
  CHECK(core.driver() == LoopDriver::Manual);
  const auto first = core.parts();
  REQUIRE(first);
  CHECK(*core.parts() == *first);
  CHECK((*first)->loop->run_once(0ms) == false);
}

TEST_CASE("A core without a platform takes the system's, and with a Transport carries by threads") {
  test::ClientWorld world;
  world.options.platform = nullptr;
  AsyncCore core{world.options, LoopDriver::Manual};
  CHECK(core.options().platform != nullptr);
  CHECK(core.options().async_transport != nullptr);
  CHECK(core.parts());
}

TEST_CASE("A core over a Transport knows how many requests that carries at once") {
  test::ClientWorld world;
  CHECK(AsyncCore{world.options, LoopDriver::Manual}.options().http.max_connections == 1);
  CHECK(AsyncCore{world.options, LoopDriver::OwnThread}.options().http.max_connections ==
        pe::detail::kMaxTransportWorkers);
}

TEST_CASE("An AsyncTransport goes before a Transport") {
  test::ClientWorld world;
  const auto async = std::make_shared<pe::testing::FakeTransport>();
  world.options.async_transport = async;
  const AsyncCore core{world.options, LoopDriver::Manual};
  CHECK(core.options().async_transport == async);
}

TEST_CASE("Without a transport there are no parts, and the error says how to give one") {
  test::ClientWorld world;
  world.options.transport = nullptr;
  AsyncCore core{world.options, LoopDriver::OwnThread};
  const auto parts = core.parts();
  REQUIRE_FALSE(parts);
  CHECK(parts.error().kind == pe::ErrorKind::Configuration);
  CHECK(parts.error().where == "async_transport");
}

TEST_CASE("The loop's thread runs as soon as somebody wants the parts, unless it is Manual") {
  test::AsyncWorld world;
  AsyncCore own{world.options, LoopDriver::OwnThread};
  REQUIRE(own.parts());
  CHECK_FALSE((*own.parts())->loop->run_once(0ms));
  AsyncCore manual{world.options, LoopDriver::Manual};
  REQUIRE(manual.parts());
  (*manual.parts())->loop->note_work();
  CHECK((*manual.parts())->loop->run_once(0ms));
}

TEST_CASE("A slow source of credentials delays nothing while valid ones are there") {
  test::AsyncWorld world;
  test::Signal is_asked;
  test::Signal may_answer;
  std::atomic<int> asked{0};
  world.options.credentials = [&]() -> pe::Result<pe::Credentials> {
    if (++asked == 2) {
      is_asked.give();
      static_cast<void>(may_answer.wait());
    }
    pe::Credentials given = test::temporary_credentials();
    given.access_key_id = "KEY" + std::to_string(asked);
    given.expiration = world.platform->now() + 1h;
    return given;
  };
  const auto client = pe::AsyncClient{world.options};
  REQUIRE(client.put_events(test::put_events_request()).get());
  world.platform->advance(56min);
  for (int i = 0; i < 20; ++i) REQUIRE(client.put_events(test::put_events_request()).get());
  REQUIRE(is_asked.wait());
  REQUIRE(client.put_events(test::put_events_request()).get());
  CHECK(asked == 2);
  for (const pe::HttpRequest& request : world.transport->requests()) {
    CHECK_THAT(test::header(request, "Authorization"), test::ContainsSubstring("KEY1/"));
  }
  may_answer.give();
  const auto until = std::chrono::steady_clock::now() + test::kPatience;
  while (std::chrono::steady_clock::now() < until) {
    REQUIRE(client.put_events(test::put_events_request()).get());
    const auto last = world.transport->requests().back();
    if (test::header(last, "Authorization").find("KEY2/") != std::string::npos) return;
  }
  FAIL("the new credentials are never used");
}

TEST_CASE("A manual loop starts no thread for the credentials provider") {
  test::AsyncWorld world;
  int calls = 0;
  std::thread::id thread{};
  bool fails = false;
  world.options.credentials = [&]() -> pe::Result<pe::Credentials> {
    ++calls;
    thread = std::this_thread::get_id();
    if (fails) return pe::credentials_error("the vault is sealed");
    pe::Credentials given = test::temporary_credentials();
    given.expiration = world.platform->now() + 1h;
    return given;
  };
  const pe::AsyncClient client = world.manual_client();
  REQUIRE(world.put(client, test::put_events_request()));
  CHECK(calls == 1);
  CHECK(thread == std::this_thread::get_id());
  world.platform->advance(2h);
  fails = true;
  CHECK(world.put(client, test::put_events_request()));  // no service has rejected the keys
  CHECK(calls == 2);
  world.transport->reply(test::service_error(403, "ExpiredTokenException"));
  world.platform->advance(40s);
  CHECK_FALSE(world.put(client, test::put_events_request()));
  CHECK(calls >= 3);
}

TEST_CASE("A child of fork has parts of its own, and the parent keeps its own") {
  if (!test::kChildMayGoOn) return;
  test::ClientWorld world;
  auto core = std::make_unique<AsyncCore>(world.options, LoopDriver::OwnThread);
  REQUIRE(core->parts());
  const pe::detail::AsyncParts* const inherited = *core->parts();
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    alarm(20);  // a deadlock ends in a signal
    const auto own = core->parts();
    const bool good = own.has_value() && *own != inherited;
    core.reset();
    _exit(good ? 0 : 1);
  }
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(*core->parts() == inherited);
}

TEST_CASE("A child of fork that never uses the core destroys it cleanly") {
  test::ClientWorld world;
  auto core = std::make_unique<AsyncCore>(world.options, LoopDriver::OwnThread);
  REQUIRE(core->parts());
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    alarm(20);
    core.reset();
    _exit(0);
  }
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}
