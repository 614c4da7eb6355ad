// SPDX-License-Identifier: Apache-2.0
#include "personalize_events/detail/platform/signal.hpp"

#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include "catch.hpp"

namespace pe = personalize_events;

namespace {

volatile sig_atomic_t g_handled = 0;

/// Counts SIGPIPE for its lifetime instead of ending the program.
class CountSigpipe {
 public:
  CountSigpipe() {
    g_handled = 0;
    struct sigaction count {};
    count.sa_handler = [](int) { g_handled = g_handled + 1; };
    REQUIRE(::sigaction(SIGPIPE, &count, &former_) == 0);
  }
  CountSigpipe(const CountSigpipe&) = delete;
  CountSigpipe& operator=(const CountSigpipe&) = delete;
  ~CountSigpipe() { static_cast<void>(::sigaction(SIGPIPE, &former_, nullptr)); }

 private:
  struct sigaction former_ {};
};

void write_to_closed_pipe() {
  int ends[2] = {-1, -1};
  REQUIRE(::pipe(ends) == 0);
  REQUIRE(::close(ends[0]) == 0);
  CHECK(::write(ends[1], "x", 1) == -1);
  CHECK(errno == EPIPE);
  REQUIRE(::close(ends[1]) == 0);
}

sigset_t only_sigpipe() {
  sigset_t set;
  REQUIRE(::sigemptyset(&set) == 0);
  REQUIRE(::sigaddset(&set, SIGPIPE) == 0);
  return set;
}

bool is_blocked() {
  sigset_t mask;
  REQUIRE(::pthread_sigmask(SIG_BLOCK, nullptr, &mask) == 0);
  return ::sigismember(&mask, SIGPIPE) == 1;
}

bool is_pending() {
  sigset_t pending;
  REQUIRE(::sigpending(&pending) == 0);
  return ::sigismember(&pending, SIGPIPE) == 1;
}

}  // namespace

TEST_CASE("A SIGPIPE raised under the guard never arrives") {
  const CountSigpipe count;
  {
    const pe::detail::SigpipeGuard guard;
    write_to_closed_pipe();
    CHECK(is_pending());
  }
  CHECK(g_handled == 0);
  CHECK_FALSE(is_pending());
  CHECK_FALSE(is_blocked());
  // The same write outside the guard shows that the handler works.
  write_to_closed_pipe();
  CHECK(g_handled == 1);
}

TEST_CASE("Guards nest") {
  const CountSigpipe count;
  {
    const pe::detail::SigpipeGuard outer;
    {
      const pe::detail::SigpipeGuard inner;
      write_to_closed_pipe();
    }
    CHECK(is_blocked());
    write_to_closed_pipe();
  }
  CHECK(g_handled == 0);
  CHECK_FALSE(is_blocked());
}

TEST_CASE("A SIGPIPE that was pending before the guard stays the program's") {
  const CountSigpipe count;
  const sigset_t sigpipe = only_sigpipe();
  REQUIRE(::pthread_sigmask(SIG_BLOCK, &sigpipe, nullptr) == 0);
  write_to_closed_pipe();
  REQUIRE(is_pending());
  {
    const pe::detail::SigpipeGuard guard;
    write_to_closed_pipe();
  }
  CHECK(is_pending());
  CHECK(is_blocked());
  REQUIRE(::pthread_sigmask(SIG_UNBLOCK, &sigpipe, nullptr) == 0);
  CHECK(g_handled == 1);
}

TEST_CASE("A SIGPIPE that the program blocks itself is taken away when raised under the guard") {
  const CountSigpipe count;
  const sigset_t sigpipe = only_sigpipe();
  REQUIRE(::pthread_sigmask(SIG_BLOCK, &sigpipe, nullptr) == 0);
  {
    const pe::detail::SigpipeGuard guard;
    write_to_closed_pipe();
  }
  CHECK_FALSE(is_pending());
  CHECK(is_blocked());
  REQUIRE(::pthread_sigmask(SIG_UNBLOCK, &sigpipe, nullptr) == 0);
  CHECK(g_handled == 0);
}
