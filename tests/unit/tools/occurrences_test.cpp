// SPDX-License-Identifier: Apache-2.0

#include "send/occurrences.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <vector>

#include "catch.hpp"

using tools::send::Fingerprint;
using tools::send::Occurrences;
using tools::send::RunningOccurrences;
using tools::send::SortMemory;

namespace {

/// Spills and merges at once.
constexpr SortMemory kSmall{64, 32, 3};

std::vector<std::uint64_t> occurrences_of(const std::vector<std::uint64_t>& contents) {
  Occurrences occurrences(kSmall);
  for (std::size_t row = 0; row < contents.size(); ++row) {
    REQUIRE(occurrences.add({contents[row], 7}, row).has_value());
  }
  REQUIRE(occurrences.finish().has_value());
  std::vector<std::uint64_t> found;
  for (std::size_t row = 0; row < contents.size(); ++row) found.push_back(*occurrences.of(row));
  return found;
}

}  // namespace

TEST_CASE("of identical rows each has its number") {
  CHECK(occurrences_of({}).empty());
  CHECK(occurrences_of({5, 6, 5, 5, 6, 7}) == std::vector<std::uint64_t>{1, 1, 2, 3, 2, 1});
  CHECK(occurrences_of({1, 1, 1, 1}) == std::vector<std::uint64_t>{1, 2, 3, 4});
}

TEST_CASE("sorting and counting agree") {
  std::mt19937_64 random{1};
  std::vector<std::uint64_t> contents;
  for (int i = 0; i < 2000; ++i) contents.push_back(random() % 300);
  std::vector<std::uint64_t> counted;
  RunningOccurrences running;
  for (const std::uint64_t content : contents) counted.push_back(running.next({content, 7}));
  CHECK(occurrences_of(contents) == counted);
}

TEST_CASE("rows that are not asked for are passed over") {
  Occurrences occurrences(kSmall);
  for (std::uint64_t row = 0; row < 100; ++row) REQUIRE(occurrences.add({1, 1}, row).has_value());
  REQUIRE(occurrences.finish().has_value());
  CHECK(*occurrences.of(10) == 11);
  CHECK(*occurrences.of(99) == 100);
  CHECK(*occurrences.of(100) == 1);  // was not added
}
