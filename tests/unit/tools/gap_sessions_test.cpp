// SPDX-License-Identifier: Apache-2.0

#include "send/gap_sessions.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "catch.hpp"

using tools::send::Fingerprint;
using tools::send::GapSessions;
using tools::send::RunningGapSessions;
using tools::send::SortMemory;
using tools::send::Time;

namespace {

constexpr std::chrono::minutes kGap{30};

struct UserTime {
  std::uint64_t user;
  int minute;
};

Time minute(int minutes) { return Time{std::chrono::minutes{minutes}}; }

/// The minute in which each row's session began.
std::vector<int> beginnings_of(const std::vector<UserTime>& rows) {
  GapSessions sessions(kGap, SortMemory{80, 48, 3});  // spills and merges at once
  for (std::size_t row = 0; row < rows.size(); ++row) {
    REQUIRE(sessions.add({rows[row].user, 7}, minute(rows[row].minute), row).has_value());
  }
  REQUIRE(sessions.finish().has_value());
  std::vector<int> beginnings;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const Time beginning = *sessions.beginning_of(row, minute(rows[row].minute));
    beginnings.push_back(static_cast<int>(
        std::chrono::duration_cast<std::chrono::minutes>(beginning.time_since_epoch()).count()));
  }
  return beginnings;
}

std::vector<int> running_beginnings_of(const std::vector<UserTime>& rows) {
  RunningGapSessions sessions(kGap);
  std::vector<int> beginnings;
  for (const UserTime& row : rows) {
    const Time beginning = sessions.beginning_of({row.user, 7}, minute(row.minute));
    beginnings.push_back(static_cast<int>(
        std::chrono::duration_cast<std::chrono::minutes>(beginning.time_since_epoch()).count()));
  }
  return beginnings;
}

}  // namespace

TEST_CASE("events of a user less than a gap apart are one session, in whatever order they stand") {
  const std::vector<UserTime> rows{{1, 100}, {1, 0},   {2, 29}, {1, 29},
                                   {1, 58},  {1, 200}, {1, 88}, {2, 29}};
  // 88 stands exactly a gap after 58.
  CHECK(beginnings_of(rows) == std::vector<int>{88, 0, 29, 0, 0, 200, 88, 29});
  CHECK(beginnings_of({}).empty());
}

TEST_CASE("a stream in the order of time has the same sessions as a file") {
  std::mt19937_64 random{3};
  std::vector<UserTime> rows;
  for (int at = 0; at < 3000; at += static_cast<int>(random() % 9)) {
    rows.push_back({random() % 10, at});
  }
  CHECK(beginnings_of(rows) == running_beginnings_of(rows));
}

TEST_CASE("a stream out of order keeps to the user's last session") {
  const std::vector<UserTime> rows{{1, 100}, {1, 90}, {1, 61}, {1, 129}, {1, 31}, {1, 159}};
  // 31 is exactly a gap before 61, so it begins another, which 159 is far from.
  CHECK(running_beginnings_of(rows) == std::vector<int>{100, 100, 100, 100, 31, 159});
}
