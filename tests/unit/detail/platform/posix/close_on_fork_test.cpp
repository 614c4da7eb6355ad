// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/platform/posix/close_on_fork.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

#include "catch.hpp"

namespace pe = personalize_events;
using pe::detail::CloseOnFork;

namespace {

int open_null() {
  const int number = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  REQUIRE(number >= 0);
  return number;
}

bool is_open(int number) { return ::fcntl(number, F_GETFD) >= 0; }

/// Runs `check` in a forked child and returns its result.
template <class Check>
bool in_child(const Check& check) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) ::_exit(check() ? 0 : 1);
  int status = 1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

#if !defined(__APPLE__)

TEST_CASE("a forked child closes what is registered, and its parent keeps it") {
  const int number = open_null();
  const int other = open_null();
  CloseOnFork::Slot* slot = CloseOnFork::add(number);
  REQUIRE(slot != nullptr);
  CHECK(CloseOnFork::number(*slot) == number);
  CHECK(in_child(
      [&] { return !is_open(number) && is_open(other) && CloseOnFork::number(*slot) < 0; }));
  CHECK(is_open(number));
  CHECK(CloseOnFork::remove(*slot) == number);
  CHECK(in_child([&] { return is_open(number); }));
  CHECK(::close(number) == 0);
  CHECK(::close(other) == 0);
}

TEST_CASE("an owner that a child inherited does not close the descriptor of another") {
  const int number = open_null();
  CloseOnFork::Slot* inherited = CloseOnFork::add(number);
  REQUIRE(inherited != nullptr);
  CHECK(in_child([&] {
    const int again = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (again != number) return false;  // the system reuses the number that the child closed
    CloseOnFork::Slot* own = CloseOnFork::add(again);
    if (own == nullptr || own == inherited) return false;
    if (CloseOnFork::remove(*inherited) >= 0) return false;
    // A child of the child closes the own one, and the freed slot is used again.
    return CloseOnFork::number(*own) == again && in_child([&] { return !is_open(again); }) &&
           CloseOnFork::add(again) == inherited;
  }));
  CHECK(CloseOnFork::remove(*inherited) == number);
  CHECK(::close(number) == 0);
}

TEST_CASE("a full registry refuses another descriptor, until one is removed") {
  const int number = open_null();
  std::vector<CloseOnFork::Slot*> slots;
  // The number is the same in each: only the child closes it, and more than once is no fault.
  while (CloseOnFork::Slot* slot = CloseOnFork::add(number)) slots.push_back(slot);
  CHECK(slots.size() == CloseOnFork::kSlots);
  CHECK(in_child([&] { return !is_open(number); }));
  CHECK(CloseOnFork::remove(*slots.back()) == number);
  CHECK(CloseOnFork::add(number) == slots.back());
  for (CloseOnFork::Slot* slot : slots) CHECK(CloseOnFork::remove(*slot) == number);
  CHECK(in_child([&] { return is_open(number); }));
  CHECK(::close(number) == 0);
}

#endif
