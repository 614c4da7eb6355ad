// SPDX-License-Identifier: Apache-2.0
//
// What a recorded event costs: how many allocations, and how much memory while it waits. This
// executable has a malloc of its own, which counts and asks the system's, so it holds no other
// test. Where there is no such system, or a sanitizer has its own malloc, nothing is measured.
#include <malloc.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/core.hpp"
#include "personalize_events/event_recorder.hpp"
#include "personalize_events/testing/fake_transport.hpp"
#include "support/recorder_world.hpp"

namespace pe = personalize_events;
using namespace std::chrono_literals;

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define TEST_SANITIZERS_MALLOC
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define TEST_SANITIZERS_MALLOC
#endif
#endif

#if defined(__GLIBC__) && !defined(TEST_SANITIZERS_MALLOC)
#define TEST_OWN_MALLOC
inline constexpr bool kCanMeasure = true;
#else
inline constexpr bool kCanMeasure = false;
#endif

namespace {

// Of the calling thread.
struct Heap {
  std::size_t allocations{0};
  std::size_t bytes{0};  // in use, with what the system needs for each block
};
thread_local Heap heap{};

#ifdef TEST_OWN_MALLOC
constexpr std::size_t kBlockHead = sizeof(std::size_t);

void* counted(void* block) {
  if (block == nullptr) return block;
  ++heap.allocations;
  heap.bytes += ::malloc_usable_size(block) + kBlockHead;
  return block;
}

void discount(void* block) {
  if (block != nullptr) heap.bytes -= ::malloc_usable_size(block) + kBlockHead;
}
#endif

// A recorder that nobody runs: what it accepts stays.
pe::Result<pe::EventRecorder> recorder_at_rest() {
  pe::ClientOptions client = test::recorder_client("http://127.0.0.1:1");
  client.async_transport = std::make_shared<pe::testing::FakeTransport>();
  pe::RecorderOptions options = pe::RecorderOptions::server("tracker");
  options.driver = pe::Driver::Manual;
  options.linger = 1h;
  options.shutdown_timeout = 0ms;
  options.max_pending_events = 2'000'000;
  options.max_pending_bytes = std::size_t{1} << 30U;
  return pe::make_recorder(options, client);
}

pe::Event watch() {
  pe::Event event{"Watch"};
  event.item_id = "movie-42";
  return event;
}

// As long as a UUID, with a number of its own.
pe::Session visit(int number) {
  std::string id = "f81d4fae-7dec-11d0-a765-00a000000000";
  const std::string digits = std::to_string(number);
  id.replace(id.size() - digits.size(), digits.size(), digits);
  return {id, "user-7654321"};
}

}  // namespace

#ifdef TEST_OWN_MALLOC
extern "C" {
void* __libc_malloc(std::size_t);               // NOLINT(bugprone-reserved-identifier)
void* __libc_calloc(std::size_t, std::size_t);  // NOLINT(bugprone-reserved-identifier)
void* __libc_realloc(void*, std::size_t);       // NOLINT(bugprone-reserved-identifier)
void __libc_free(void*);                        // NOLINT(bugprone-reserved-identifier)

void* malloc(std::size_t size) { return counted(__libc_malloc(size)); }
void* calloc(std::size_t count, std::size_t size) { return counted(__libc_calloc(count, size)); }
void* realloc(void* block, std::size_t size) {
  discount(block);
  return counted(__libc_realloc(block, size));
}
void free(void* block) {
  discount(block);
  __libc_free(block);
}
}
#endif

TEST_CASE("The counting malloc counts") {
  if (!kCanMeasure) return;
  const Heap before = heap;
  auto text = std::make_unique<std::string>(100, 'x');
  CHECK(heap.allocations - before.allocations == 2);
  CHECK(heap.bytes - before.bytes >= 132);
  text.reset();
  CHECK(heap.bytes == before.bytes);
}

TEST_CASE("To record an event takes two allocations") {
  if (!kCanMeasure) return;
  auto recorder = recorder_at_rest();
  REQUIRE(recorder.has_value());
  const pe::Session session = visit(1);
  const pe::Event prepared = watch();
  constexpr std::size_t kEvents = 1'000;
  for (std::size_t i = 0; i < kEvents; ++i) REQUIRE(recorder->record(session, watch()).has_value());

  std::vector<pe::Event> events(kEvents, prepared);
  const std::size_t before = heap.allocations;
  std::size_t accepted = 0;
  for (pe::Event& event : events) accepted += recorder->record(session, std::move(event)) ? 1U : 0U;
  const std::size_t allocations = heap.allocations - before;
  CHECK(accepted == kEvents);
  CHECK(allocations <= 2 * kEvents);
}

TEST_CASE("A million sessions with one waiting event each take less than 600 bytes each") {
  if (!kCanMeasure) return;
  auto recorder = recorder_at_rest();
  REQUIRE(recorder.has_value());
  REQUIRE(recorder->record(visit(0), watch()).has_value());  // what is kept to encode others with
  constexpr std::size_t kSessions = 1'000'000;
  const std::size_t before = heap.bytes;
  std::size_t accepted = 0;
  for (std::size_t i = 1; i <= kSessions; ++i) {
    accepted += recorder->record(visit(static_cast<int>(i)), watch()) ? 1U : 0U;
  }
  const std::size_t each = (heap.bytes - before) / kSessions;
  REQUIRE(accepted == kSessions);
  INFO(each << " bytes each");
  CHECK(each < 600);
  CHECK(each > 150);  // the text alone: else nothing was measured
}
