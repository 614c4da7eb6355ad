// SPDX-License-Identifier: Apache-2.0
//
// Every call of a recorder that waits ends in time, whatever the endpoint does.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/local_endpoint.hpp"
#include "support/recorder_world.hpp"

namespace pe = personalize_events;
using namespace std::chrono_literals;
using pe::testing::FaultRule;
using pe::testing::LocalEndpoint;
using pe::testing::LocalEndpointOptions;

namespace {

// Takes requests and answers them so late.
LocalEndpoint slow_endpoint(std::chrono::milliseconds delay) {
  FaultRule slow;
  slow.delay = delay;
  LocalEndpointOptions options;
  options.faults = {slow};
  return test::local_endpoint(options);
}

template <class Work>
std::chrono::steady_clock::duration time_of(const Work& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::steady_clock::now() - begin;
}

}  // namespace

TEST_CASE("close and flush end in time at an endpoint that never answers") {
  const LocalEndpoint endpoint = slow_endpoint(1h);
  test::Told told;
  pe::RecorderOptions options = told.options();
  options.max_in_flight = 4;
  auto recorder = pe::make_recorder(options, test::recorder_client(endpoint.url()));
  REQUIRE(recorder.has_value());
  for (int i = 0; i < 100; ++i) {
    const std::string session = "visit-" + std::to_string(i);
    REQUIRE(recorder->record({session}, pe::Event{"Watch"}).has_value());
  }
  REQUIRE(endpoint.wait_for(4, 60s));

  pe::FlushReport flushed;
  const auto flushing = time_of([&] { flushed = recorder->flush(300ms); });
  CHECK(flushing >= 300ms);
  CHECK(flushing <= 300ms + test::kSlack);
  CHECK(flushed.pending == 100);
  CHECK_FALSE(flushed.complete);
  CHECK(recorder->stats().pending == 100);
  CHECK(told.deliveries().empty());

  pe::CloseReport closed;
  const auto closing = time_of([&] { closed = recorder->close(500ms); });
  CHECK(closing >= 500ms);
  CHECK(closing <= 500ms + test::kSlack);
  CHECK(closed.complete);
  CHECK(closed.dropped == 100);
  CHECK(told.events(pe::Outcome::Dropped) == 100);
  std::size_t uncertain = 0;
  for (const pe::Delivery& delivery : told.deliveries()) {
    if (delivery.may_have_been_delivered) uncertain += delivery.event_ids.size();
    CHECK(delivery.events.size() == delivery.event_ids.size());
    CHECK(delivery.error->kind == pe::ErrorKind::Cancelled);
  }
  CHECK(uncertain == 4);
  CHECK(time_of([&] { CHECK(recorder->close(10s).complete); }) <= test::kSlack);
  CHECK(recorder->record({"visit"}, pe::Event{"Watch"}).error().kind == pe::ErrorKind::Cancelled);
}

TEST_CASE("The destructor ends within the shutdown timeout") {
  const LocalEndpoint endpoint = slow_endpoint(1h);
  test::Told told;
  const auto lasted = time_of([&] {
    pe::RecorderOptions options = told.options();
    options.shutdown_timeout = 200ms;
    auto recorder = pe::make_recorder(options, test::recorder_client(endpoint.url()));
    REQUIRE(recorder.has_value());
    REQUIRE(recorder->record({"visit"}, pe::Event{"Watch"}).has_value());
  });
  CHECK(lasted <= 200ms + test::kSlack);
  CHECK(told.events(pe::Outcome::Dropped) == 1);
}

TEST_CASE("Waits and settings without an end are none that overflow") {
  const LocalEndpoint endpoint = test::local_endpoint();
  test::Told told;
  pe::RecorderOptions options = told.options();
  options.delivery_timeout = std::chrono::milliseconds::max();
  options.shutdown_timeout = std::chrono::milliseconds::max();
  options.block_timeout = std::chrono::milliseconds::max();
  options.linger = std::chrono::milliseconds::max();
  options.when_full = pe::WhenFull::Block;
  options.max_pending_events = 1;
  auto recorder = pe::make_recorder(options, test::recorder_client(endpoint.url()));
  REQUIRE(recorder.has_value());
  REQUIRE(recorder->record({"visit"}, pe::Event{"Watch"}).has_value());
  CHECK(recorder->stats().pending == 1);
  bool was_accepted = false;
  std::thread blocked{
      [&] { was_accepted = recorder->record({"visit"}, pe::Event{"Watch"}).has_value(); }};
  CHECK(recorder->flush(std::chrono::milliseconds::max()).delivered == 1);
  blocked.join();
  CHECK(was_accepted);
  CHECK(recorder->close(std::chrono::milliseconds::max()).complete);
  CHECK(recorder->stats().delivered == 2);
}

TEST_CASE("A blocked record goes on when there is room, and gives up when there is none") {
  const LocalEndpoint endpoint = slow_endpoint(50ms);
  test::Told told;
  pe::RecorderOptions options = told.options();
  options.linger = 0ms;
  options.when_full = pe::WhenFull::Block;
  options.block_timeout = 60s;
  options.max_pending_events = 8;
  options.max_in_flight = 4;
  auto recorder = pe::make_recorder(options, test::recorder_client(endpoint.url()));
  REQUIRE(recorder.has_value());
  constexpr std::size_t kThreads = 4;
  constexpr std::size_t kEach = 50;
  std::vector<std::thread> threads;
  std::atomic<std::size_t> accepted{0};
  std::atomic<std::size_t> too_many{0};
  for (std::size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < kEach; ++i) {
        const std::string session = "visit-" + std::to_string(t) + "-" + std::to_string(i);
        if (recorder->record({session}, pe::Event{"Watch"})) ++accepted;
        if (recorder->stats().pending > 8) ++too_many;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(accepted == kThreads * kEach);
  CHECK(too_many == 0);
  CHECK(recorder->close(60s).complete);
  CHECK(told.events(pe::Outcome::Delivered) == kThreads * kEach);
}

TEST_CASE("A record that finds no room in its time says so, and at once in a callback") {
  const LocalEndpoint endpoint = slow_endpoint(1h);
  test::Told told;
  pe::RecorderOptions options = told.options();
  options.linger = 0ms;
  options.when_full = pe::WhenFull::Block;
  options.block_timeout = 200ms;
  options.max_pending_events = 2;
  std::atomic<bool> was_called{false};
  pe::EventRecorder* inside = nullptr;
  std::chrono::steady_clock::duration in_callback{1h};
  pe::ErrorKind kind_in_callback{};
  options.on_fault = [&](const pe::Fault&) {
    if (was_called) return;
    in_callback =
        time_of([&] { kind_in_callback = inside->record({"c"}, pe::Event{"Watch"}).error().kind; });
    was_called = true;
  };
  auto recorder = pe::make_recorder(options, test::recorder_client(endpoint.url()));
  REQUIRE(recorder.has_value());
  inside = &*recorder;
  REQUIRE(recorder->record({"a"}, pe::Event{"Watch"}).has_value());
  REQUIRE(recorder->record({"b"}, pe::Event{"Watch"}).has_value());
  std::vector<std::thread> threads;
  std::atomic<int> in_time{0};
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      const auto waited = time_of([&] {
        const auto refused = recorder->record({"c"}, pe::Event{"Watch"});
        if (refused || refused.error().kind != pe::ErrorKind::QueueFull) in_time = -100;
      });
      if (waited >= 200ms && waited <= 200ms + test::kSlack) ++in_time;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(in_time == 3);
  CHECK(recorder->stats().refused == 3);

  // A close lets those go that wait for room.
  options.block_timeout = 60s;
  recorder = pe::make_recorder(options, test::recorder_client(endpoint.url()));
  inside = &*recorder;
  REQUIRE(recorder->record({"a"}, pe::Event{"Watch"}).has_value());
  REQUIRE(recorder->record({"b"}, pe::Event{"Watch"}).has_value());
  pe::ErrorKind kind_at_close{};
  std::thread waiting{
      [&] { kind_at_close = recorder->record({"c"}, pe::Event{"Watch"}).error().kind; }};
  CHECK(recorder->close(100ms).dropped == 2);
  waiting.join();
  CHECK(kind_at_close == pe::ErrorKind::Cancelled);
  CHECK_FALSE(was_called);

  // Nothing listens there any more: the callback is told so, while the queue is full.
  LocalEndpoint gone = test::local_endpoint();
  gone.stop();
  recorder = pe::make_recorder(options, test::recorder_client(gone.url()));
  inside = &*recorder;
  REQUIRE(recorder->record({"a"}, pe::Event{"Watch"}).has_value());
  REQUIRE(recorder->record({"b"}, pe::Event{"Watch"}).has_value());
  const auto until = std::chrono::steady_clock::now() + test::Told::kPatience;
  while (!was_called && std::chrono::steady_clock::now() < until) recorder->flush(10ms);
  REQUIRE(was_called);
  CHECK(in_callback <= test::kSlack);
  CHECK(kind_in_callback == pe::ErrorKind::QueueFull);
  CHECK(recorder->close(0ms).dropped == 2);
}
