// SPDX-License-Identifier: Apache-2.0

#include "send/pending_rows.hpp"

#include <cstddef>
#include <string>
#include <vector>

#include "catch.hpp"

using tools::send::Origin;
using tools::send::PendingRows;

namespace {

std::vector<std::size_t> lines_of(const std::vector<Origin>& rows) {
  std::vector<std::size_t> lines;
  for (const Origin& row : rows) lines.push_back(row.line);
  return lines;
}

}  // namespace

TEST_CASE("rows are found by the ids of their events, in that order") {
  PendingRows rows;
  rows.add("s", "a", {2, 0, 5, "row a"});
  rows.add("s", "b", {3, 1, 5, "row b"});
  rows.add("s", "c", {4, 2, 5, "row c"});
  const std::vector<Origin> taken = rows.take("s", {"c", "a"});
  CHECK(lines_of(taken) == std::vector<std::size_t>{4, 2});
  CHECK(taken.front().text == "row c");
  CHECK(taken.front().number == 2);
  CHECK(lines_of(rows.take("s", {"a", "b", "c"})) == std::vector<std::size_t>{3});
}

TEST_CASE("rows with one id are as many rows, which end in their order") {
  PendingRows rows;
  rows.add("s", "id", {2, 0, 5, "row"});
  rows.add("s", "id", {3, 1, 5, "row"});
  rows.add("s", "id", {4, 2, 5, "row"});
  CHECK(lines_of(rows.take("s", {"id", "id"})) == std::vector<std::size_t>{2, 3});
  CHECK(lines_of(rows.take("s", {"id"})) == std::vector<std::size_t>{4});
  CHECK(rows.take("s", {"id"}).empty());
}

TEST_CASE("one id in two sessions is two events") {
  PendingRows rows;
  rows.add("s", "id", {2, 0, 5, "row"});
  rows.add("t", "id", {3, 1, 5, "row"});
  CHECK(lines_of(rows.take("t", {"id"})) == std::vector<std::size_t>{3});
  CHECK(rows.take("t", {"id"}).empty());
  CHECK(lines_of(rows.take("s", {"id"})) == std::vector<std::size_t>{2});
}

TEST_CASE("a row that was not recorded is taken back, and no other") {
  PendingRows rows;
  rows.add("s", "id", {2, 0, 5, "row"});
  const auto place = rows.add("s", "id", {3, 1, 5, "row"});
  CHECK(rows.remove(place).line == 3);
  CHECK(lines_of(rows.take("s", {"id", "id"})) == std::vector<std::size_t>{2});
}
