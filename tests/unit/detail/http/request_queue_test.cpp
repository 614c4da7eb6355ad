// SPDX-License-Identifier: Apache-2.0
#include "personalize_events/detail/http/request_queue.hpp"

#include <chrono>
#include <cstdint>
#include <utility>

#include "catch.hpp"

namespace pe = personalize_events;
using pe::detail::QueuedRequest;
using pe::detail::RequestQueue;
using Time = std::chrono::steady_clock::time_point;

namespace {

constexpr Time at(int second) { return Time{std::chrono::seconds{second}}; }

void push(RequestQueue& queue, std::uint64_t id, int deadline) {
  queue.push({id, pe::HttpRequest{"GET"}, {}, at(deadline)});
}

}  // namespace

TEST_CASE("An empty queue has no request and no deadline") {
  RequestQueue queue;
  CHECK(queue.empty());
  CHECK(queue.size() == 0);
  CHECK(queue.next_deadline() == Time::max());
  CHECK_FALSE(queue.take_first().has_value());
  CHECK_FALSE(queue.take(1).has_value());
  CHECK_FALSE(queue.take_expired(at(1'000'000)).has_value());
}

TEST_CASE("Requests leave in order of start") {
  RequestQueue queue;
  push(queue, 1, 30);
  push(queue, 2, 10);
  push(queue, 3, 20);
  CHECK(queue.size() == 3);
  for (const std::uint64_t id : {1U, 2U, 3U}) {
    const auto taken = queue.take_first();
    REQUIRE(taken.has_value());
    CHECK(taken->id == id);
    CHECK(taken->request.method == "GET");
  }
  CHECK(queue.empty());
  CHECK(queue.next_deadline() == Time::max());
}

TEST_CASE("Requests leave at their deadline, the earliest first, and not before") {
  RequestQueue queue;
  push(queue, 1, 30);
  push(queue, 2, 10);
  push(queue, 3, 10);
  CHECK(queue.next_deadline() == at(10));
  CHECK_FALSE(queue.take_expired(at(9)).has_value());
  CHECK(queue.take_expired(at(10))->id == 2);
  CHECK(queue.take_expired(at(10))->id == 3);
  CHECK_FALSE(queue.take_expired(at(10)).has_value());
  CHECK(queue.next_deadline() == at(30));
  CHECK(queue.take_first()->id == 1);
}

TEST_CASE("A request is taken out by its id, with its Done and its deadline") {
  RequestQueue queue;
  int told = 0;
  queue.push({7, pe::HttpRequest{"PUT"}, [&told](const auto&) { ++told; }, at(5)});
  push(queue, 8, 6);
  auto taken = queue.take(7);
  REQUIRE(taken.has_value());
  CHECK(taken->request.method == "PUT");
  taken->done(pe::HttpResponse{200});
  CHECK(told == 1);
  CHECK_FALSE(queue.take(7).has_value());
  CHECK(queue.next_deadline() == at(6));
  CHECK(queue.size() == 1);
}
