// SPDX-License-Identifier: Apache-2.0

#include "send/ids.hpp"

#include <chrono>
#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "catch.hpp"

using tools::send::Content;
using tools::send::FileIds;
using tools::send::Row;
using tools::send::StreamIds;

namespace {

constexpr std::chrono::minutes kGap{30};

Row row(std::uint64_t number, const char* user, int minute) {
  Row made;
  made.origin.number = number;
  made.user_id = user;
  made.event.sent_at = tools::send::Time{std::chrono::minutes{minute}};
  return made;
}

Content content_of(const Row& row) {
  return {row.user_id, std::to_string(row.event.sent_at->time_since_epoch().count())};
}

std::vector<Row> some_rows() {
  return {row(0, "u", 0), row(1, "v", 0), row(2, "u", 10), row(3, "u", 10), row(4, "u", 60)};
}

std::vector<Row> filled_by_file(std::vector<Row> rows) {
  FileIds ids(kGap);
  for (const Row& each : rows) REQUIRE(ids.add(each, content_of(each)).has_value());
  REQUIRE(ids.finish().has_value());
  for (Row& each : rows) REQUIRE(ids.fill(each, content_of(each)).has_value());
  return rows;
}

std::vector<Row> filled_by_stream(std::vector<Row> rows) {
  StreamIds ids(kGap);
  for (Row& each : rows) REQUIRE(ids.fill(each, content_of(each)).has_value());
  return rows;
}

}  // namespace

TEST_CASE("rows get the session and the event id that they lack") {
  const auto rows = filled_by_file(some_rows());
  std::set<std::string> event_ids;
  for (const Row& each : rows) event_ids.insert(each.event.event_id.value());
  CHECK(event_ids.size() == 5);
  CHECK(rows[0].session_id == rows[2].session_id);
  CHECK(rows[0].session_id == rows[3].session_id);
  CHECK(rows[0].session_id != rows[1].session_id);
  CHECK(rows[0].session_id != rows[4].session_id);
}

TEST_CASE("a file and a stream in order have the same ids") {
  const auto file = filled_by_file(some_rows());
  const auto stream = filled_by_stream(some_rows());
  for (std::size_t i = 0; i < file.size(); ++i) {
    CHECK(file[i].session_id == stream[i].session_id);
    CHECK(file[i].event.event_id == stream[i].event.event_id);
  }
}

TEST_CASE("ids that are there stay") {
  auto rows = some_rows();
  for (Row& each : rows) {
    each.session_id = "session";
    each.event.event_id = "event";
  }
  for (const auto& filled : {filled_by_file(rows), filled_by_stream(rows)}) {
    for (const Row& each : filled) {
      CHECK(each.session_id == "session");
      CHECK(each.event.event_id == "event");
    }
  }
}

TEST_CASE("rows that are skipped change nobody's ids") {
  const auto all = filled_by_file(some_rows());
  auto rows = some_rows();
  FileIds ids(kGap);
  for (const Row& each : rows) REQUIRE(ids.add(each, content_of(each)).has_value());
  REQUIRE(ids.finish().has_value());
  for (const std::size_t i : {3U, 4U}) {
    REQUIRE(ids.fill(rows[i], content_of(rows[i])).has_value());
    CHECK(rows[i].session_id == all[i].session_id);
    CHECK(rows[i].event.event_id == all[i].event.event_id);
  }
}
