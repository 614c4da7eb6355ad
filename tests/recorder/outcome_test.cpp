// SPDX-License-Identifier: Apache-2.0
//
// Every accepted event has exactly one outcome, also when the recorder ends early: closed with many
// events pending, destroyed within a callback.

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "catch.hpp"
#include "support/async_world.hpp"
#include "support/local_endpoint.hpp"
#include "support/recorder_world.hpp"
#include "support/temporary_folder.hpp"

namespace pe = personalize_events;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

void add_spool(pe::RecorderOptions& options, const test::TemporaryFolder& folder) {
  options.spool.emplace();
  options.spool->directory = folder / "spool";
  options.spool->min_free_bytes = 0;
}

}  // namespace

TEST_CASE("close returns in time however many events are pending") {
  const test::TemporaryFolder folder;
  test::Told told;
  pe::RecorderOptions options = told.options();
  options.shutdown_timeout = milliseconds{0};
  if (GENERATE(true, false)) add_spool(options, folder);
  // Nothing listens there.
  std::string url;
  {
    const pe::testing::LocalEndpoint endpoint = test::local_endpoint();
    url = endpoint.url();
  }
  auto recorder = pe::make_recorder(options, test::recorder_client(url));
  REQUIRE(recorder.has_value());
  constexpr std::size_t kEvents = 92'593;
  for (std::size_t i = 0; i < kEvents; ++i) {
    pe::Event event{"Watch"};
    event.item_id = "movie-42";
    REQUIRE(recorder->record({"visit-" + std::to_string(i / 10)}, std::move(event)).has_value());
  }
  const auto begin = std::chrono::steady_clock::now();
  recorder->close(milliseconds{500});
  const auto taken =
      std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begin);
  CAPTURE(taken.count(), options.spool.has_value());
  CHECK(taken <= milliseconds{500} + test::kSlack);
  CHECK(test::adds_up(recorder->stats()));
}

TEST_CASE("a recorder destroyed within a callback ends each accepted event once") {
  const test::TemporaryFolder folder;
  const pe::testing::LocalEndpoint endpoint = test::local_endpoint();
  const bool has_spool = GENERATE(false, true);
  std::map<std::string, int> outcomes;
  std::size_t kept = 0;
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<pe::EventRecorder> recorder;
  test::Signal may_destroy;
  test::Signal destroyed;
  pe::RecorderOptions options = pe::RecorderOptions::server("tracker");
  options.linger = milliseconds{0};
  options.max_in_flight = 1;
  options.shutdown_timeout = milliseconds{0};
  if (has_spool) {
    add_spool(options, folder);
    options.spool->write_after = seconds{60};
  }
  bool is_first = true;
  options.on_delivery = [&](const pe::Delivery& delivery) {
    if (is_first) static_cast<void>(may_destroy.wait());
    const std::lock_guard<std::mutex> lock{mutex};
    for (const std::string& id : delivery.event_ids) ++outcomes[id];
    changed.notify_all();
    if (delivery.outcome == pe::Outcome::Spooled) kept += delivery.event_ids.size();
    if (!std::exchange(is_first, false)) return;
    recorder.reset();
    destroyed.give();
  };
  constexpr std::size_t kEvents = 500;
  auto made = pe::make_recorder(options, test::recorder_client(endpoint.url()));
  REQUIRE(made.has_value());
  recorder.emplace(*std::move(made));
  for (std::size_t i = 0; i < kEvents; ++i) {
    pe::Event event{"Watch"};
    event.event_id = "e" + std::to_string(i);
    REQUIRE(recorder->record({"visit-" + std::to_string(i % 50)}, std::move(event)).has_value());
  }
  may_destroy.give();
  REQUIRE(destroyed.wait());
  // The rest follows once the callback has returned.
  std::unique_lock<std::mutex> lock{mutex};
  static_cast<void>(changed.wait_for(lock, seconds{3}, [&] { return outcomes.size() == kEvents; }));
  CHECK(outcomes.size() == kEvents);
  std::size_t twice = 0;
  for (const auto& [id, count] : outcomes) twice += count == 1 ? 0U : 1U;
  CHECK(twice == 0);
  if (!has_spool) return;

  // What was not delivered is on the disk.
  CHECK(kept + endpoint.events().size() >= kEvents);
  pe::RecorderOptions next_options = pe::RecorderOptions::server("tracker");
  add_spool(next_options, folder);
  auto next = pe::make_recorder(next_options, test::recorder_client(endpoint.url()));
  REQUIRE(next.has_value());
  CHECK(next->close(seconds{60}).complete);
  CHECK(next->stats().adopted >= kept);
  std::map<std::string, int> arrived;
  for (const auto& one : endpoint.events()) ++arrived[one.event.event_id.value()];
  CHECK(arrived.size() == kEvents);
}

TEST_CASE("a recorder destroyed within a callback of another one ends each accepted event once") {
  const test::TemporaryFolder folder;
  const pe::testing::LocalEndpoint endpoint = test::local_endpoint();
  const auto client = pe::make_async_client(test::recorder_client(endpoint.url()));
  REQUIRE(client.has_value());
  constexpr std::size_t kEvents = 500;
  std::map<std::string, int> outcomes;
  pe::RecorderOptions options = pe::RecorderOptions::server("tracker");
  options.linger = std::chrono::hours{1};
  options.shutdown_timeout = milliseconds{0};
  if (GENERATE(false, true)) {
    add_spool(options, folder);
    options.spool->write_after = seconds{60};
  }
  options.on_delivery = [&](const pe::Delivery& delivery) {
    for (const std::string& id : delivery.event_ids) ++outcomes[id];
  };
  auto made = pe::make_recorder(options, *client);
  REQUIRE(made.has_value());
  std::optional<pe::EventRecorder> destroyed{*std::move(made)};
  for (std::size_t i = 0; i < kEvents; ++i) {
    pe::Event event{"Watch"};
    event.event_id = "e" + std::to_string(i);
    REQUIRE(destroyed->record({"visit-" + std::to_string(i)}, std::move(event)).has_value());
  }

  pe::RecorderOptions other = pe::RecorderOptions::server("tracker");
  other.linger = milliseconds{0};
  test::Signal is_destroyed;
  other.on_delivery = [&](const pe::Delivery&) {
    destroyed.reset();
    is_destroyed.give();
  };
  auto destroyer = pe::make_recorder(other, *client);
  REQUIRE(destroyer.has_value());
  REQUIRE(destroyer->record({"visit", {}}, pe::Event{"Watch"}).has_value());
  REQUIRE(is_destroyed.wait());
  CHECK(outcomes.size() == kEvents);
  for (const auto& [id, count] : outcomes) CHECK(count == 1);
}

TEST_CASE("a renamed spool directory is noticed, and nothing is lost") {
  const test::TemporaryFolder folder;
  pe::testing::LocalEndpointOptions endpoint_options;
  endpoint_options.faults.push_back([] {
    pe::testing::FaultRule rule;
    rule.status = 503;
    return rule;
  }());
  pe::testing::LocalEndpoint endpoint = test::local_endpoint(endpoint_options);
  test::Told told;
  pe::RecorderOptions options = told.options();
  add_spool(options, folder);
  auto recorder = pe::make_recorder(options, test::recorder_client(endpoint.url()));
  REQUIRE(recorder.has_value());
  std::size_t count = 0;
  const auto record = [&] {
    pe::Event event{"Watch"};
    event.event_id = "e" + std::to_string(count++);
    REQUIRE(recorder->record({"visit-1"}, std::move(event)).has_value());
  };
  for (int i = 0; i < 50; ++i) record();
  std::filesystem::rename(folder / "spool", folder / "elsewhere");
  const auto is_there = [&] {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder / "spool", error)) {
      if (entry.path().filename().string().rfind("w-", 0) == 0) return true;
    }
    return false;
  };
  const auto has_fault = [&] {
    for (const pe::Fault& fault : told.faults()) {
      if (fault.kind == pe::FaultKind::Disk) return true;
    }
    return false;
  };
  const auto until = std::chrono::steady_clock::now() + seconds{5};
  while (!is_there() && !has_fault() && std::chrono::steady_clock::now() < until) {
    record();
    static_cast<void>(told.wait_for_fault(pe::FaultKind::Disk, false, milliseconds{20}));
  }
  CHECK((is_there() || has_fault()));
  endpoint.clear_faults();
  CHECK(recorder->close(seconds{60}).complete);
  std::map<std::string, int> arrived;
  for (const auto& one : endpoint.events()) ++arrived[one.event.event_id.value()];
  CHECK(arrived.size() == count);
}
