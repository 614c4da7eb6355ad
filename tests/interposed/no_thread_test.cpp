// SPDX-License-Identifier: Apache-2.0
//
// A system that gives no thread for a credentials provider: this executable has a pthread_create of
// its own, which fails when the test says so.

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <string>
#include <thread>

#include "catch.hpp"
#include "personalize_events/client.hpp"
#include "personalize_events/core.hpp"
#include "support/client_world.hpp"
#include "support/sanitizers.hpp"

namespace pe = personalize_events;
using namespace std::chrono_literals;

// A sanitizer replaces it itself.
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
#if !defined(__has_feature)
#define PERSONALIZE_EVENTS_TESTS_REPLACES_THREADS
#elif !__has_feature(thread_sanitizer) && !__has_feature(address_sanitizer)
#define PERSONALIZE_EVENTS_TESTS_REPLACES_THREADS
#endif
#endif

#if defined(PERSONALIZE_EVENTS_TESTS_REPLACES_THREADS)
namespace {

std::atomic<bool> has_threads{true};
std::atomic<int> refused_threads{0};

}  // namespace

extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                              void* (*start)(void*), void* argument) {
  if (!has_threads) {
    ++refused_threads;
    return EAGAIN;
  }
  using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto create = reinterpret_cast<Create>(::dlsym(RTLD_NEXT, "pthread_create"));
  return create(thread, attributes, start, argument);
}

TEST_CASE("Without a thread the provider is called by the call that needs credentials") {
  test::ClientWorld world;
  int calls = 0;
  std::thread::id thread{};
  world.options.credentials = [&]() -> pe::Result<pe::Credentials> {
    ++calls;
    thread = std::this_thread::get_id();
    return pe::Credentials{"KEY", "secret", "token", world.platform->now() + 1h};
  };
  std::string credentials_error;
  world.options.on_attempt = [&](const pe::Attempt& attempt) {
    credentials_error =
        attempt.credentials_error == nullptr ? "" : attempt.credentials_error->message;
  };
  const pe::Client client = world.client();
  has_threads = false;
  CHECK(client.put_events(test::put_events_request()));
  CHECK(refused_threads == 1);
  CHECK(calls == 1);
  CHECK(thread == std::this_thread::get_id());
  CHECK(credentials_error.empty());

  // Those at hand are used, and the next refresh is after a pause.
  world.platform->advance(2h);
  for (int call = 0; call < 10; ++call) CHECK(client.put_events(test::put_events_request()));
  CHECK(refused_threads == 2);
  CHECK(calls == 1);
  CHECK_THAT(credentials_error, test::ContainsSubstring("thread"));

  has_threads = true;
  world.platform->advance(40s);
  while (!credentials_error.empty()) REQUIRE(client.put_events(test::put_events_request()));
  CHECK(calls == 2);
  CHECK(thread != std::this_thread::get_id());
}
#else
TEST_CASE("Without a thread the provider is called by the call that needs credentials") {
  WARN("not run: a sanitizer has a pthread_create of its own");
}
#endif
