// SPDX-License-Identifier: Apache-2.0
#include "personalize_events/detail/platform/thread.hpp"

#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <limits>
#include <string>
#include <utility>

#include "catch.hpp"

namespace pe = personalize_events;
using pe::detail::Thread;

namespace {

Thread started(std::function<void()> work, const char* name = "pe-test") {
  auto thread = Thread::start(name, std::move(work));
  if (!thread) FAIL(pe::to_string(thread.error()));
  return *std::move(thread);
}

sigset_t current_mask() {
  sigset_t mask;
  REQUIRE(::pthread_sigmask(SIG_BLOCK, nullptr, &mask) == 0);
  return mask;
}

}  // namespace

TEST_CASE("A thread runs its work, and the end of its scope waits for it") {
  std::atomic<int> done{0};
  {
    const Thread one = started([&done] { ++done; });
    const Thread other = started([&done] { ++done; });
  }
  CHECK(done == 2);
}

TEST_CASE("A thread is joined once, and what was moved from not at all") {
  std::atomic<int> done{0};
  Thread one = started([&done] { ++done; });
  one.join();
  CHECK(done == 1);
  one.join();
  Thread other = std::move(one);
  other.join();
  other = started([&done] { ++done; });
  other = started([&done] { ++done; });  // waits for the one before
  CHECK(done >= 2);
  other.join();
  CHECK(done == 3);
}

TEST_CASE("A thread has the signals of others blocked, and its starter keeps its own mask") {
  const sigset_t before = current_mask();
  sigset_t seen{};
  started([&seen] { static_cast<void>(::pthread_sigmask(SIG_BLOCK, nullptr, &seen)); }).join();
  for (const int number : {SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGALRM, SIGCHLD, SIGUSR1, SIGPROF}) {
    CAPTURE(number);
    CHECK(::sigismember(&seen, number) == 1);
  }
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
    CAPTURE(number);
    CHECK(::sigismember(&seen, number) == 0);
  }
  const sigset_t after = current_mask();
  for (const int number : {SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGUSR1}) {
    CAPTURE(number);
    CHECK(::sigismember(&after, number) == ::sigismember(&before, number));
  }
}

TEST_CASE("A thread has a small stack of the size that was asked for") {
  std::size_t size = 0;
  started([&size] {
    // Really there, and not just promised.
    volatile char used[100'000];
    for (std::size_t i = 0; i < sizeof used; i += 512) used[i] = 1;
#if defined(__linux__)
    pthread_attr_t attributes;
    if (::pthread_getattr_np(::pthread_self(), &attributes) != 0) return;
    void* lowest = nullptr;
    static_cast<void>(::pthread_attr_getstack(&attributes, &lowest, &size));
    static_cast<void>(::pthread_attr_destroy(&attributes));
#endif
  }).join();
#if defined(__linux__)
  CHECK(size >= pe::detail::kThreadStack);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  CHECK(size <= 4 * pe::detail::kThreadStack);
#endif
#endif
}

TEST_CASE("A thread bears its name, cut where the system cuts it") {
#if defined(__linux__)
  std::string seen(64, '\0');
  started([&seen] { static_cast<void>(::pthread_getname_np(::pthread_self(), &seen[0], 64)); },
          "a name that is too long")
      .join();
  CHECK(seen.substr(0, seen.find('\0')) == "a name that is ");
#endif
}

TEST_CASE("A stack that the system cannot give is told, and the work is not run") {
  bool ran = false;
  const auto thread = Thread::start(
      "pe-test", [&ran] { ran = true; }, std::numeric_limits<std::size_t>::max() / 8 * 7);
  REQUIRE_FALSE(thread.has_value());
  CHECK(thread.error().kind == pe::ErrorKind::Configuration);
  CHECK(thread.error().where == "pe-test");
  CHECK_FALSE(ran);
}
