// SPDX-License-Identifier: Apache-2.0

#include "send/external_sort.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "catch.hpp"
#include "unit/tools/temp_world.hpp"

namespace pe = personalize_events;
using tools::send::ExternalSort;
using tools::send::SortMemory;

using Numbers = std::vector<std::uint64_t>;

namespace {

Numbers random_numbers(std::size_t count, std::uint64_t most) {
  std::mt19937_64 random{42};
  Numbers numbers;
  for (std::size_t i = 0; i < count; ++i) numbers.push_back(random() % most);
  return numbers;
}

Numbers sorted_by(SortMemory memory, const Numbers& numbers) {
  ExternalSort<std::uint64_t> sort(memory);
  for (const std::uint64_t number : numbers) REQUIRE(sort.add(number).has_value());
  REQUIRE(sort.finish().has_value());
  Numbers sorted;
  std::uint64_t number = 0;
  while (*sort.next(number)) sorted.push_back(number);
  CHECK_FALSE(*sort.next(number));  // and stays at its end
  return sorted;
}

}  // namespace

TEST_CASE("records come in order, from memory and from any number of levels on the disk") {
  const auto count = GENERATE(std::size_t{0}, 1U, 3U, 4U, 5U, 8U, 100U, 1000U, 5000U);
  // A run of 4 numbers, 3 runs a level: 5000 numbers go through 7 levels.
  const SortMemory memory{4 * sizeof(std::uint64_t), 2 * sizeof(std::uint64_t), 3};
  Numbers numbers = random_numbers(count, GENERATE(std::uint64_t{1}, 10U, 1'000'000U));
  const Numbers sorted = sorted_by(memory, numbers);
  std::sort(numbers.begin(), numbers.end());
  CHECK(sorted == numbers);
}

TEST_CASE("memory smaller than a record still sorts") {
  Numbers numbers = random_numbers(50, 100);
  const Numbers sorted = sorted_by({1, 1, 2}, numbers);
  std::sort(numbers.begin(), numbers.end());
  CHECK(sorted == numbers);
}

TEST_CASE("what fits into memory needs no disk") {
  const test::TempFolder folder("/nonexistent/folder");
  CHECK(sorted_by({}, {3, 1, 2}) == Numbers{1, 2, 3});
}

TEST_CASE("a folder that is not there is an error once the disk is needed") {
  const test::TempFolder folder("/nonexistent/folder");
  ExternalSort<std::uint64_t> sort({2 * sizeof(std::uint64_t), 64, 4});
  REQUIRE(sort.add(1).has_value());
  const auto added = sort.add(2);
  REQUIRE_FALSE(added.has_value());
  CHECK(added.error().where == "TMPDIR");
}

TEST_CASE("a disk that fills while runs are merged is an error") {
  ExternalSort<std::uint64_t> sort({2 * sizeof(std::uint64_t), 64, 4});
  for (std::uint64_t i = 0; i < 7; ++i) REQUIRE(sort.add(i).has_value());
  const test::FullDisk full(32);
  const auto added = sort.add(8);
  REQUIRE_FALSE(added.has_value());
  CHECK(added.error().kind == pe::ErrorKind::Storage);
}
