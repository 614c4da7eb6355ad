// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/platform/posix/random.hpp"

#include <sys/types.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <vector>

#include "catch.hpp"

namespace pe = personalize_events;

TEST_CASE("short and interrupted reads go on") {
  std::array<unsigned char, 10> bytes{};
  int calls = 0;
  const auto two_at_a_time = [&calls](unsigned char* out, std::size_t count) -> ssize_t {
    if (++calls % 2 == 1) {
      errno = EINTR;
      return -1;
    }
    const std::size_t some = std::min<std::size_t>(count, 3);
    std::fill(out, out + some, static_cast<unsigned char>(7));
    return static_cast<ssize_t>(some);
  };
  CHECK(pe::detail::read_exactly(two_at_a_time, bytes.data(), bytes.size()));
  CHECK(calls == 8);
  CHECK(std::count(bytes.begin(), bytes.end(), 7) == 10);
}

TEST_CASE("a failing or ending source is reported") {
  std::array<unsigned char, 4> bytes{};
  const auto failing = [](unsigned char*, std::size_t) -> ssize_t {
    errno = ENOSYS;
    return -1;
  };
  const auto ending = [](unsigned char*, std::size_t) -> ssize_t { return 0; };
  CHECK_FALSE(pe::detail::read_exactly(failing, bytes.data(), bytes.size()));
  CHECK_FALSE(pe::detail::read_exactly(ending, bytes.data(), bytes.size()));
}

TEST_CASE("the device stands in for the system call") {
  std::vector<unsigned char> bytes(64, 0);
  CHECK(pe::detail::fill_random_from_device("/dev/urandom", bytes.data(), bytes.size()));
  CHECK(std::any_of(bytes.begin() + 32, bytes.end(), [](unsigned char byte) { return byte != 0; }));
  CHECK_FALSE(pe::detail::fill_random_from_device("/dev/null", bytes.data(), bytes.size()));
  CHECK_FALSE(pe::detail::fill_random_from_device("/nowhere/urandom", bytes.data(), bytes.size()));
}
