// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/model/event_id.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "catch.hpp"
#include "support/fork.hpp"

namespace pe = personalize_events;
using std::chrono::milliseconds;

namespace {

constexpr std::size_t kIdLength = 36;

std::vector<std::string> new_ids(std::size_t count) {
  std::vector<std::string> ids;
  ids.reserve(count);
  while (ids.size() < count) ids.push_back(pe::new_event_id());
  return ids;
}

bool is_uuid_v7(const std::string& id) {
  if (id.size() != kIdLength) return false;
  for (std::size_t i = 0; i < id.size(); ++i) {
    const bool is_bar = i == 8 || i == 13 || i == 18 || i == 23;
    const bool is_hex = std::string("0123456789abcdef").find(id[i]) != std::string::npos;
    if (is_bar ? id[i] != '-' : !is_hex) return false;
  }
  return id[14] == '7' && std::string("89ab").find(id[19]) != std::string::npos;
}

/// The milliseconds since the epoch that stand in front of an id.
std::int64_t milliseconds_of(const std::string& id) {
  return static_cast<std::int64_t>(std::stoull(id.substr(0, 8) + id.substr(9, 4), nullptr, 16));
}

std::int64_t now_in_milliseconds() {
  return std::chrono::floor<milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::chrono::system_clock::time_point at(std::chrono::microseconds since_epoch) {
  return std::chrono::system_clock::time_point{since_epoch};
}

}  // namespace

TEST_CASE("an event id is a UUID version 7 of now") {
  const std::int64_t before = now_in_milliseconds();
  const std::string id = pe::new_event_id();
  const std::int64_t after = now_in_milliseconds();
  CAPTURE(id);
  CHECK(is_uuid_v7(id));
  CHECK(milliseconds_of(id) >= before);
  CHECK(milliseconds_of(id) <= after);
}

TEST_CASE("the time in an id is floored to the millisecond") {
  const pe::detail::UuidBytes random{};
  CHECK(pe::detail::event_id(at(milliseconds{0x017F22E279B0}), random) ==
        "017f22e2-79b0-7000-8000-000000000000");
  CHECK(milliseconds_of(pe::detail::event_id(at(std::chrono::microseconds{1'999}), random)) == 1);
  CHECK(milliseconds_of(pe::detail::event_id(at(std::chrono::microseconds{2'000}), random)) == 2);
}

TEST_CASE("ids of later milliseconds sort after earlier ones, whatever the random bytes") {
  pe::detail::UuidBytes least{}, greatest{};
  greatest.fill(0xFF);
  for (std::int64_t now = 1'700'000'000'000; now < 1'700'000'000'300; ++now) {
    CHECK(pe::detail::event_id(at(milliseconds{now}), greatest) <
          pe::detail::event_id(at(milliseconds{now + 1}), least));
  }
  std::vector<std::string> ids;
  for (std::int64_t last = 0; ids.size() < 5;) {
    const std::string id = pe::new_event_id();
    if (milliseconds_of(id) <= last) continue;  // the same millisecond still
    last = milliseconds_of(id);
    ids.push_back(id);
  }
  CHECK(std::is_sorted(ids.begin(), ids.end()));
}

TEST_CASE("100 000 ids are all different") {
  const auto ids = new_ids(100'000);
  CHECK(std::unordered_set<std::string>(ids.begin(), ids.end()).size() == ids.size());
  CHECK(std::all_of(ids.begin(), ids.end(), is_uuid_v7));
}

TEST_CASE("ids of eight threads are all different") {
  constexpr std::size_t kThreads = 8, kIds = 5'000;
  std::vector<std::vector<std::string>> of_threads(kThreads);
  std::vector<std::thread> threads;
  for (auto& ids : of_threads) threads.emplace_back([&ids] { ids = new_ids(kIds); });
  for (std::thread& thread : threads) thread.join();
  std::unordered_set<std::string> all;
  for (const auto& ids : of_threads) all.insert(ids.begin(), ids.end());
  CHECK(all.size() == kThreads * kIds);
}

#if PERSONALIZE_EVENTS_TESTS_CAN_FORK

namespace {

/// Reads to the end of a pipe.
std::string read_all(int descriptor) {
  std::string text;
  std::array<char, 4096> buffer{};
  for (ssize_t got = 1; got > 0;) {
    got = ::read(descriptor, buffer.data(), buffer.size());
    if (got > 0) text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return text;
}

}  // namespace

TEST_CASE("ids of a process and its forked children are all different, in their random part too") {
  constexpr std::size_t kChildren = 4, kIds = 500;
  std::unordered_set<std::string> all, random_parts;
  const auto add = [&](const std::string& id) {
    all.insert(id);
    random_parts.insert(id.substr(14));
  };
  add(pe::new_event_id());  // so that a buffer of random bytes, if there were one, would be shared
  for (std::size_t i = 0; i < kChildren; ++i) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      std::string text;
      for (const std::string& id : new_ids(kIds)) text += id;
      const bool written =
          ::write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size());
      ::_exit(written ? 0 : 1);
    }
    ::close(ends[1]);
    for (const std::string& id : new_ids(kIds)) add(id);
    const std::string text = read_all(ends[0]);
    ::close(ends[0]);
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(status == 0);
    REQUIRE(text.size() == kIds * kIdLength);
    for (std::size_t at = 0; at < text.size(); at += kIdLength) add(text.substr(at, kIdLength));
  }
  CHECK(all.size() == 1 + 2 * kChildren * kIds);
  CHECK(random_parts.size() == all.size());
}

#endif
