// SPDX-License-Identifier: Apache-2.0

#include "send_events/batches.hpp"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"

using send_events::Batch;
using send_events::Batcher;
using send_events::Row;

using Lines = std::vector<std::size_t>;

namespace {

Row row(std::size_t line, const char* user_id, const char* session_id) {
  Row made;
  made.origin.line = line;
  made.user_id = user_id;
  made.session_id = session_id;
  made.event.event_type = "Watch";
  made.event.item_id = std::to_string(line);
  return made;
}

Lines lines_of(const Batch& batch) {
  Lines lines;
  for (const auto& origin : batch.origins) lines.push_back(origin.line);
  return lines;
}

struct Sent {
  std::vector<Batch> batches{};
  Batcher batcher{"tracker", 3, [this](Batch&& batch) { batches.push_back(std::move(batch)); }};
};

}  // namespace

TEST_CASE("a batch holds ten events of one session, in order") {
  Sent sent;
  for (std::size_t line = 1; line <= 23; ++line) sent.batcher.add(row(line, "u", "s"));
  REQUIRE(sent.batches.size() == 2);
  sent.batcher.finish();
  REQUIRE(sent.batches.size() == 3);
  CHECK(lines_of(sent.batches[0]) == Lines{1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  CHECK(lines_of(sent.batches[2]) == Lines{21, 22, 23});
  const auto& request = sent.batches[2].request;
  CHECK(request.tracking_id == "tracker");
  CHECK(request.user_id == "u");
  CHECK(request.session_id == "s");
  REQUIRE(request.event_list.size() == 3);
  CHECK(request.event_list[1].item_id == "22");
}

TEST_CASE("sessions are told apart, and an anonymous one has no user") {
  Sent sent;
  sent.batcher.add(row(1, "", "s"));
  sent.batcher.add(row(2, "u", "t"));
  sent.batcher.add(row(3, "", "s"));
  sent.batcher.finish();
  REQUIRE(sent.batches.size() == 2);
  // Line 3 came last, so the other session has waited longer.
  CHECK(lines_of(sent.batches[0]) == Lines{2});
  CHECK(lines_of(sent.batches[1]) == Lines{1, 3});
  CHECK_FALSE(sent.batches[1].request.user_id.has_value());
}

TEST_CASE("a new user in a session ends its batch") {
  Sent sent;
  sent.batcher.add(row(1, "", "s"));
  sent.batcher.add(row(2, "u", "s"));
  REQUIRE(sent.batches.size() == 1);
  CHECK(lines_of(sent.batches[0]) == Lines{1});
  sent.batcher.finish();
  REQUIRE(sent.batches.size() == 2);
  CHECK(sent.batches[1].request.user_id == "u");
}

TEST_CASE("a row's own tracker wins, and another one in a session ends its batch") {
  Sent sent;
  sent.batcher.add(row(1, "u", "s"));
  Row other = row(2, "u", "s");
  other.tracking_id = "other";
  sent.batcher.add(std::move(other));
  sent.batcher.finish();
  REQUIRE(sent.batches.size() == 2);
  CHECK(sent.batches[0].request.tracking_id == "tracker");
  CHECK(sent.batches[1].request.tracking_id == "other");
}

TEST_CASE("when too many batches are open the one that waited longest leaves") {
  Sent sent;
  sent.batcher.add(row(1, "u", "a"));
  sent.batcher.add(row(2, "u", "b"));
  sent.batcher.add(row(3, "u", "c"));
  sent.batcher.add(row(4, "u", "a"));
  CHECK(sent.batches.empty());
  sent.batcher.add(row(5, "u", "d"));
  REQUIRE(sent.batches.size() == 1);
  CHECK(lines_of(sent.batches[0]) == Lines{2});
  sent.batcher.finish();
  CHECK(sent.batches.size() == 4);
}

TEST_CASE("a part of a batch is a batch") {
  Sent sent;
  for (std::size_t line = 1; line <= 5; ++line) sent.batcher.add(row(line, "u", "s"));
  sent.batcher.finish();
  const Batch part = sent.batches[0].part(2, 5);
  CHECK(lines_of(part) == Lines{3, 4, 5});
  CHECK(part.size() == 3);
  CHECK(part.request.event_list[0].item_id == "3");
  CHECK(part.request.user_id == "u");
  CHECK(part.request.session_id == "s");
  CHECK(part.request.tracking_id == "tracker");
}
