// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/platform/posix/boot_clock.hpp"

#if defined(__linux__)

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <string>

#include "catch.hpp"
#include "personalize_events/detail/platform/system_platform.hpp"

namespace pe = personalize_events;
using std::chrono::nanoseconds;
using std::chrono::seconds;

TEST_CASE("the boot-time clock is CLOCK_BOOTTIME") {
  struct timespec now {};
  REQUIRE(::clock_gettime(CLOCK_BOOTTIME, &now) == 0);
  const nanoseconds expected = seconds{now.tv_sec} + nanoseconds{now.tv_nsec};
  const auto clock = pe::detail::boot_time();
  REQUIRE(clock.has_value());
  CHECK(*clock >= expected);
  CHECK(*clock - expected < seconds{10});
}

TEST_CASE("the offset of the boot-time clock is read from the system's text") {
  using pe::detail::boot_offset_in;
  CHECK(boot_offset_in("monotonic           0         0\nboottime            0         0\n") ==
        "0.0");
  CHECK(boot_offset_in("monotonic  -1  5\nboottime  -100000   999\n") == "-100000.999");
  CHECK(boot_offset_in("boottime\t7\t8") == "7.8");
  for (const char* text :
       {"", "monotonic 1 2\n", "boottime", "boottime 1", "boottime 1 ", "boottime   \n1 2\n"}) {
    CHECK(boot_offset_in(text).empty());
  }
}

TEST_CASE("the identity names the boot and the offset of its clock") {
  const std::string identity = pe::detail::read_boot_identity();
  if (pe::detail::boot_offset().empty()) {
    CHECK(identity.empty());
    return;
  }
  CHECK(identity == pe::detail::read_boot_identity());
  CHECK(identity.size() == 36 + 1 + pe::detail::boot_offset().size());
}

namespace {

struct SeenInChild {
  std::string identity{};
  seconds boot{};
};

/// The identity and the clock of a child that is forked in a new time namespace, whose boot-time
/// clock is this much ahead. `unshared` is what its parent, itself in the old one, has.
bool see_in_new_namespace(seconds ahead, SeenInChild& seen, std::string& unshared) {
  int output[2];
  REQUIRE(::pipe2(output, O_CLOEXEC) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    constexpr int new_time = 0x80;  // CLONE_NEWTIME, which older headers lack
    pe::detail::SystemPlatform platform;
    // Before, so that the grandchild would inherit what is kept.
    static_cast<void>(platform.boot_identity());
    if (::unshare(new_time) != 0) ::_exit(1);
    const int offsets = ::open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
    const std::string text = "boottime " + std::to_string(ahead.count()) + " 0\n";
    if (offsets < 0 || ::write(offsets, text.data(), text.size()) < 0) ::_exit(1);
    const std::string between = pe::detail::read_boot_identity();
    const pid_t grandchild = ::fork();
    if (grandchild < 0) ::_exit(1);
    if (grandchild == 0) {
      const auto boot = std::chrono::duration_cast<seconds>(platform.boot_now());
      const std::string line =
          platform.boot_identity() + "\n" + std::to_string(boot.count()) + "\n" + between + "\n";
      ::_exit(::write(output[1], line.data(), line.size()) < 0 ? 1 : 0);
    }
    int status = 1;
    const bool ended = ::waitpid(grandchild, &status, 0) == grandchild;
    ::_exit(ended && status == 0 ? 0 : 1);
  }
  REQUIRE(::close(output[1]) == 0);
  std::string text(1000, '\0');
  const ssize_t got = ::read(output[0], text.data(), text.size());
  REQUIRE(::close(output[0]) == 0);
  int status = 1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  if (status != 0 || got <= 0) return false;
  text.resize(static_cast<std::size_t>(got));
  const std::size_t first = text.find('\n');
  const std::size_t second = text.find('\n', first + 1);
  seen.identity = text.substr(0, first);
  seen.boot = seconds{std::stoll(text.substr(first + 1, second - first - 1))};
  unshared = text.substr(second + 1, text.size() - second - 2);
  return true;
}

}  // namespace

TEST_CASE("a time namespace has a boot-time clock and an identity of its own") {
  constexpr seconds ahead{100'000};
  SeenInChild seen;
  SeenInChild again;
  SeenInChild without_offset;
  std::string unshared;
  if (!see_in_new_namespace(ahead, seen, unshared)) {
    WARN("not run: this process may not make a time namespace");
    return;
  }
  const std::string own = pe::detail::read_boot_identity();
  CHECK(unshared == own);
  CHECK(seen.identity.substr(0, 36) == own.substr(0, 36));
  CHECK(seen.identity.substr(36) == "+100000.0");
  const auto difference = seen.boot - std::chrono::duration_cast<seconds>(*pe::detail::boot_time());
  CHECK(difference >= ahead - seconds{60});
  CHECK(difference <= ahead + seconds{60});
  // The same clock in another namespace is the same clock.
  REQUIRE(see_in_new_namespace(ahead, again, unshared));
  CHECK(again.identity == seen.identity);
  REQUIRE(see_in_new_namespace(seconds{0}, without_offset, unshared));
  CHECK(without_offset.identity == own);
}

#endif
