// SPDX-License-Identifier: Apache-2.0

#include "send/done_rows.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <numeric>
#include <random>
#include <vector>

#include "catch.hpp"

using tools::send::DoneRows;

using Ranges = std::map<std::uint64_t, std::uint64_t>;

TEST_CASE("rows in order raise the low-water mark only") {
  DoneRows done;
  for (std::uint64_t row = 0; row < 100; ++row) done.add(row);
  CHECK(done.low_water() == 100);
  CHECK(done.ranges().empty());
  CHECK(done.count() == 100);
}

TEST_CASE("rows beyond a gap are ranges, which grow together") {
  DoneRows done;
  done.add(5);
  done.add(7);
  CHECK(done.ranges() == Ranges{{5, 6}, {7, 8}});
  done.add(6);
  CHECK(done.ranges() == Ranges{{5, 8}});
  done.add(4);
  done.add(10, 20);
  CHECK(done.ranges() == Ranges{{4, 8}, {10, 20}});
  CHECK(done.count() == 14);
  CHECK(done.low_water() == 0);
  done.add(0, 4);
  CHECK(done.low_water() == 8);
  CHECK(done.ranges() == Ranges{{10, 20}});
  for (const std::uint64_t row : {0U, 3U, 7U, 10U, 19U}) CHECK(done.has(row));
  for (const std::uint64_t row : {8U, 9U, 20U, 1000U}) CHECK_FALSE(done.has(row));
}

TEST_CASE("in whatever order rows come, they are there and no others") {
  std::mt19937 random{5};
  std::vector<std::uint64_t> rows(300);
  std::iota(rows.begin(), rows.end(), 0);
  std::shuffle(rows.begin(), rows.end(), random);
  DoneRows done;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CHECK_FALSE(done.has(rows[i]));
    done.add(rows[i]);
    REQUIRE(done.count() == i + 1);
    for (std::size_t j = 0; j < rows.size(); ++j) REQUIRE(done.has(rows[j]) == (j <= i));
  }
  CHECK(done.low_water() == 300);
  CHECK(done.ranges().empty());
}
