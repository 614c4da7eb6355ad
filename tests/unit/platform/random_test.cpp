// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/platform/random.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>
#include <vector>

#include "catch.hpp"

namespace pe = personalize_events;

TEST_CASE("random bytes fill all that was asked for, and differ each time") {
  std::set<std::vector<unsigned char>> seen;
  for (int i = 0; i < 20; ++i) {
    std::vector<unsigned char> bytes(16, 0);
    pe::fill_random(bytes.data(), bytes.size());
    seen.insert(bytes);
  }
  CHECK(seen.size() == 20);

  // More than one getrandom call gives at once; the chance of 32 zeros in a row is nil.
  std::vector<unsigned char> many(100'000, 0);
  pe::fill_random(many.data(), many.size());
  for (std::size_t start : {std::size_t{0}, many.size() / 2, many.size() - 32}) {
    CAPTURE(start);
    const auto first = many.begin() + static_cast<std::ptrdiff_t>(start);
    CHECK(std::any_of(first, first + 32, [](unsigned char byte) { return byte != 0; }));
  }
}

TEST_CASE("no random byte is written beyond the end") {
  std::array<unsigned char, 8> bytes{};
  pe::fill_random(bytes.data(), 0);
  CHECK(bytes == std::array<unsigned char, 8>{});
  for (int i = 0; i < 8; ++i) pe::fill_random(bytes.data(), 4);
  CHECK(std::all_of(bytes.begin() + 4, bytes.end(), [](unsigned char byte) { return byte == 0; }));
}

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
