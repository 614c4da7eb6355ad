// SPDX-License-Identifier: Apache-2.0

#include "send_events/lanes.hpp"

#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"

using send_events::Batch;
using send_events::Lanes;

TEST_CASE("each batch is sent once, a session's in order") {
  std::mutex mutex;
  std::map<std::string, std::vector<std::size_t>> sent;
  Lanes lanes(3, [&](Batch&& batch) {
    const std::lock_guard<std::mutex> lock(mutex);
    sent[batch.request.session_id].push_back(batch.origins.front().line);
  });
  constexpr std::size_t rounds = 200;
  for (std::size_t round = 0; round < rounds; ++round) {
    for (const char* session : {"a", "b", "c", "d", "e"}) {
      Batch batch;
      batch.request.session_id = session;
      batch.origins.emplace_back().line = round;
      lanes.push(std::move(batch));
    }
  }
  lanes.finish();
  REQUIRE(sent.size() == 5);
  for (const auto& [session, numbers] : sent) {
    CAPTURE(session);
    REQUIRE(numbers.size() == rounds);
    for (std::size_t round = 0; round < rounds; ++round) REQUIRE(numbers[round] == round);
  }
}

TEST_CASE("without a lane a batch is sent at once") {
  std::size_t sent = 0;
  Lanes lanes(0, [&sent](Batch&&) { ++sent; });
  lanes.push(Batch{});
  CHECK(sent == 1);
  lanes.finish();
}
