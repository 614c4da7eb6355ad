// SPDX-License-Identifier: Apache-2.0
//
// A healthy disk is never reported as faulty, however fast segments are finished and removed.

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include "catch.hpp"
#include "recorder/trouble_world.hpp"
#include "support/local_endpoint.hpp"
#include "support/recorder_world.hpp"
#include "support/temporary_folder.hpp"

namespace pe = personalize_events;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

pe::RecorderOptions spool_options(test::Told& told, const test::TemporaryFolder& folder) {
  pe::RecorderOptions options = told.options();
  options.spool.emplace();
  options.spool->directory = folder / "spool";
  options.spool->min_free_bytes = 0;
  return options;
}

pe::testing::LocalEndpointOptions large_log() {
  pe::testing::LocalEndpointOptions options;
  options.max_records = 10'000'000;
  return options;
}

std::size_t disk_faults(const test::Told& told) {
  std::size_t count = 0;
  for (const pe::Fault& fault : told.faults()) {
    if (fault.cleared || fault.kind != pe::FaultKind::Disk) continue;
    UNSCOPED_INFO(pe::to_string(fault.error));
    ++count;
  }
  return count;
}

}  // namespace

TEST_CASE("twelve thousand events a second of ten sessions raise no fault of the disk") {
  const test::TemporaryFolder folder;
  const pe::testing::LocalEndpoint endpoint = test::local_endpoint(large_log());
  test::Told told;
  pe::RecorderOptions options = spool_options(told, folder);
  options.linger = pe::RecorderOptions{}.linger;
  auto recorder = pe::make_recorder(options, test::recorder_client(endpoint.url()));
  REQUIRE(recorder.has_value());
  const auto begin = std::chrono::steady_clock::now();
  const milliseconds duration{test::scaled(5'000)};
  std::uint64_t count = 0;
  for (auto now = begin; now - begin < duration; now = std::chrono::steady_clock::now()) {
    const auto due =
        static_cast<std::uint64_t>(std::chrono::duration<double>(now - begin).count() * 12'000);
    for (; count < due; ++count) {
      pe::Event event{"Watch"};
      event.item_id = "movie-42";
      static_cast<void>(
          recorder->record({"visit-" + std::to_string(count % 10)}, std::move(event)));
    }
    static_cast<void>(told.wait_for_fault(pe::FaultKind::Disk, false, milliseconds{1}));
  }
  const pe::RecorderStats stats = recorder->stats();
  WARN(count << " events in " << duration.count() << " ms, " << stats.delivered
             << " delivered meanwhile");
  CHECK(disk_faults(told) == 0);
  recorder->close(seconds{60});
  CHECK(disk_faults(told) == 0);
}

TEST_CASE("bursts that overflow to a healthy disk raise no fault, in virtual time") {
  std::size_t faults = 0;
  std::size_t refused = 0;
  for (std::uint64_t seed = 1; seed <= (test::kIsSanitized ? 4U : 20U); ++seed) {
    test::FaultyFiles disk;
    static_cast<void>(disk.make_folder("/"));
    trouble::Machine machine{disk};
    machine.seed = seed * 1'000;
    auto options = machine.options();
    options.max_pending_events = 100;
    trouble::Process process = machine.start(options);
    for (std::uint64_t burst = 0; burst < 3; ++burst) {
      for (std::uint64_t i = 0; i < 1'000; ++i) {
        REQUIRE(machine.record(process, i % 50).has_value());
      }
      machine.run(process, milliseconds{1'000 + static_cast<std::int64_t>(seed) * 40});
      const auto durable =
          process.recorder->record_durable({"visit-1"}, pe::Event{"Buy"}, milliseconds{0});
      refused += durable ? 0U : 1U;
    }
    faults += machine.faults_of(pe::FaultKind::Disk);
  }
  CHECK(faults == 0);
  CHECK(refused == 0);
}

TEST_CASE("record_durable succeeds after a burst that overflowed to the disk") {
  const test::TemporaryFolder folder;
  const pe::testing::LocalEndpoint endpoint = test::local_endpoint(large_log());
  test::Told told;
  pe::RecorderOptions options = spool_options(told, folder);
  options.max_pending_events = 100;
  auto recorder = pe::make_recorder(options, test::recorder_client(endpoint.url()));
  REQUIRE(recorder.has_value());
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 1'000; ++i) {
      REQUIRE(
          recorder->record({"visit-" + std::to_string(i % 50)}, pe::Event{"Watch"}).has_value());
    }
    // All of it leaves, and an idle second follows.
    static_cast<void>(recorder->flush(seconds{30}));
    CHECK_FALSE(told.wait_for_fault(pe::FaultKind::Disk, false, seconds{1}));
    const auto durable = recorder->record_durable({"visit-1"}, pe::Event{"Buy"}, seconds{10});
    INFO((durable ? std::string{} : pe::to_string(durable.error())));
    CHECK(durable.has_value());
  }
  CHECK(disk_faults(told) == 0);
  CHECK(recorder->close(seconds{60}).complete);
}
