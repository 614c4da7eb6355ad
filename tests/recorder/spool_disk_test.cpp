// SPDX-License-Identifier: Apache-2.0
//
// Real disks that fill up, turn read-only, lose the folder under a running recorder or are shared
// by many. Those that need a disk of their own need the right to mount one; elsewhere they say so.

#include <sys/mount.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/detail/platform/system_files.hpp"
#include "personalize_events/detail/platform/system_platform.hpp"
#include "personalize_events/detail/recorder/spool/spool.hpp"
#include "personalize_events/testing/fake_transport.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "support/local_endpoint.hpp"
#include "support/recorder_events.hpp"
#include "support/recorder_world.hpp"
#include "support/temporary_folder.hpp"

namespace pe = personalize_events;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

// A small disk in memory, unmounted at the end of the test.
class SmallDisk {
 public:
  explicit SmallDisk(const std::string& path) : path_(path) {
    std::filesystem::create_directory(path_);
    is_mounted_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=3m") == 0;
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (is_mounted_) static_cast<void>(::umount2(path_.c_str(), MNT_DETACH));
  }

  [[nodiscard]] bool is_mounted() const { return is_mounted_; }
  // Takes all the room there is.
  void fill() const {
    std::ofstream file{path_ + "/filler", std::ios::binary};
    const std::string block(4096, 'x');
    while (file.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
  }
  void make_room() const { std::filesystem::remove(path_ + "/filler"); }
  [[nodiscard]] bool make_read_only(bool read_only) const {
    unsigned long flags = MS_REMOUNT;
    if (read_only) flags |= MS_RDONLY;
    return ::mount(nullptr, path_.c_str(), nullptr, flags, nullptr) == 0;
  }

 private:
  std::string path_;
  bool is_mounted_{false};
};

pe::RecorderOptions spooling(test::Told& told, const std::string& directory) {
  pe::RecorderOptions options = told.options();
  options.spool.emplace();
  options.spool->directory = directory;
  options.spool->min_free_bytes = 0;
  options.spool->max_bytes = 64U << 20U;
  options.spool->sync_interval = milliseconds{50};
  return options;
}

pe::Event event_of(int number) {
  pe::Event event{"Watch"};
  event.event_id = "e" + std::to_string(number);
  return event;
}

// Records until a fault of the disk is told, or is over.
bool record_until(pe::EventRecorder& recorder, const test::Told& told, bool cleared, int& number) {
  const auto deadline = std::chrono::steady_clock::now() + seconds{60};
  while (std::chrono::steady_clock::now() < deadline) {
    for (int i = 0; i < 20; ++i, ++number) {
      const std::string session = "visit-" + std::to_string(number % 5);
      const auto recorded = recorder.record({session}, event_of(number));
      CAPTURE(number, recorder.stats().pending, told.faults().size());
      if (!recorded) FAIL(pe::to_string(recorded.error()));
    }
    if (told.wait_for_fault(pe::FaultKind::Disk, cleared, milliseconds{20})) return true;
  }
  for (const pe::Fault& fault : told.faults()) {
    UNSCOPED_INFO(to_string(fault.kind) << " " << fault.cleared << ": " << fault.error.message);
  }
  UNSCOPED_INFO(number << " recorded, pending " << recorder.stats().pending);
  return false;
}

std::size_t disk_faults(const test::Told& told, bool cleared) {
  std::size_t count = 0;
  for (const pe::Fault& fault : told.faults()) {
    if (fault.kind == pe::FaultKind::Disk && fault.cleared == cleared) ++count;
  }
  return count;
}

}  // namespace

TEST_CASE("a full disk stops no recording, is told once, and spooling resumes when it can") {
  const test::TemporaryFolder folder;
  const SmallDisk disk{folder / "disk"};
  if (!disk.is_mounted()) {
    WARN("skipped: no right to mount a disk");
    return;
  }
  const pe::testing::LocalEndpoint endpoint = test::local_endpoint();
  test::Told told;
  auto recorder = pe::make_recorder(spooling(told, folder / "disk/spool"),
                                    test::recorder_client(endpoint.url()));
  REQUIRE(recorder.has_value());
  int number = 0;
  REQUIRE(recorder->record({"visit"}, event_of(number++)).has_value());
  disk.fill();
  REQUIRE(record_until(*recorder, told, false, number));
  CHECK(told.faults().back().error.kind == pe::ErrorKind::Storage);
  disk.make_room();
  REQUIRE(record_until(*recorder, told, true, number));
  CHECK(recorder->close(seconds{60}).complete);
  CHECK(disk_faults(told, false) == disk_faults(told, true));
  CHECK(endpoint.summary().events == static_cast<std::size_t>(number));
  CHECK(endpoint.summary().duplicate_events == 0);
  CHECK(recorder->stats().delivered == static_cast<std::size_t>(number));
  CHECK(test::adds_up(recorder->stats()));
}

TEST_CASE("on a read-only disk a recorder works in memory, and spools when it can") {
  const test::TemporaryFolder folder;
  const SmallDisk disk{folder / "disk"};
  if (!disk.is_mounted() || !disk.make_read_only(true)) {
    WARN("skipped: no right to mount a disk");
    return;
  }
  const pe::testing::LocalEndpoint endpoint = test::local_endpoint();
  test::Told told;
  auto recorder = pe::make_recorder(spooling(told, folder / "disk/spool"),
                                    test::recorder_client(endpoint.url()));
  REQUIRE(recorder.has_value());
  const auto refused = recorder->record_durable({"visit"}, event_of(-1), seconds{1});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == pe::ErrorKind::Storage);
  int number = 0;
  REQUIRE(record_until(*recorder, told, false, number));
  REQUIRE(disk.make_read_only(false));
  REQUIRE(record_until(*recorder, told, true, number));
  CHECK(recorder->close(seconds{60}).complete);
  CHECK(endpoint.summary().events == static_cast<std::size_t>(number));
}

TEST_CASE("a folder that is removed while it is used is made again") {
  const test::TemporaryFolder folder;
  const std::string directory = folder / "spool";
  pe::testing::LocalEndpoint endpoint = test::local_endpoint();
  test::Told told;
  auto recorder =
      pe::make_recorder(spooling(told, directory), test::recorder_client(endpoint.url()));
  REQUIRE(recorder.has_value());
  int number = 0;
  REQUIRE(recorder->record({"visit"}, event_of(number++)).has_value());
  // It fails if the recorder removes one of its files at the same moment.
  std::error_code failure;
  for (int attempt = 0; attempt == 0 || (failure && attempt < 100); ++attempt) {
    std::filesystem::remove_all(directory, failure);
  }
  REQUIRE_FALSE(failure);
  // The next sync notices.
  REQUIRE(record_until(*recorder, told, false, number));
  REQUIRE(record_until(*recorder, told, true, number));
  CHECK(std::filesystem::exists(directory));
  CHECK(recorder->close(seconds{60}).complete);
  CHECK(endpoint.summary().events == static_cast<std::size_t>(number));
}

TEST_CASE("the wall clock makes no event older or younger, the boot-time clock does") {
  const test::TemporaryFolder folder;
  const auto run = [&](std::chrono::hours clock, int status, std::chrono::milliseconds timeout,
                       std::chrono::hours since_boot = std::chrono::hours{1}) {
    auto platform = std::make_shared<pe::testing::VirtualPlatform>();
    platform->seed(static_cast<std::uint64_t>(status));
    platform->set_now(std::chrono::system_clock::time_point{} + clock);
    platform->set_boot("boot-1", since_boot);
    auto transport = std::make_shared<pe::testing::FakeTransport>();
    transport->reply(pe::HttpResponse{status});
    pe::ClientOptions client;
    client.region = "us-east-1";
    client.credentials = pe::static_credentials({"AKID", "SECRET"});
    client.async_transport = transport;
    client.platform = platform;
    test::Told told;
    pe::RecorderOptions options = spooling(told, folder / "spool");
    options.driver = pe::Driver::Manual;
    options.linger = milliseconds{0};
    auto recorder = pe::make_recorder(options, client);
    REQUIRE(recorder.has_value());
    if (status != 200) {
      REQUIRE(recorder->record({"visit"}, event_of(1)).has_value());
    }
    for (int turn = 0; turn < 20; ++turn) {
      recorder->run_once(milliseconds{0});
      platform->advance(milliseconds{100});
    }
    static_cast<void>(recorder->close(timeout));
    return recorder->stats();
  };
  constexpr std::chrono::hours today{500'000};
  CHECK(run(today, 503, milliseconds{0}).spooled == 1);
  // A year before it was recorded, and a year after it.
  CHECK(run(today - std::chrono::hours{24 * 365}, 200, milliseconds{0}).delivered == 1);
  CHECK(run(today, 503, milliseconds{0}).spooled == 1);
  CHECK(run(today + std::chrono::hours{24 * 365}, 200, milliseconds{0}).delivered == 1);
  CHECK(run(today, 503, milliseconds{0}).spooled == 1);
  // Eight days later it is too old.
  const std::chrono::hours eight_days{24 * 8};
  CHECK(run(today, 200, milliseconds{0}, std::chrono::hours{1} + eight_days).expired == 1);
}

TEST_CASE("spools that begin side by side on one directory write each event at once") {
  // Each looks for orphaned logs while the others make their folders, and may be faster to lock
  // one.
  class OneEvent final : public pe::detail::spool::PendingSource {
   public:
    OneEvent() { event_.front().place = 1; }
    std::uint64_t visit_unwritten(std::uint64_t written, const Visit& visit) override {
      if (written == 0) static_cast<void>(visit(event_.front()));
      return 1;
    }
    void visit(const Visit&) override {}

   private:
    test::PendingEvents event_ = test::pending("visit", "", "a");
  };
  const test::TemporaryFolder folder;
  pe::SpoolOptions options;
  options.directory = folder / "spool";
  options.min_free_bytes = 0;
  const auto files = std::make_shared<pe::detail::SystemFiles>();
  const auto platform = std::make_shared<pe::detail::SystemPlatform>();
  std::atomic<std::size_t> refused{0};
  const auto begin_and_end = [&] {
    pe::detail::spool::Spool spool(files, options, {"region", "endpoint", "", "tracker"}, 1U << 20U,
                                   platform);
    const auto source = std::make_shared<OneEvent>();
    spool.connect(source, [] {});
    if (!spool.write_up_to(*source, 1, seconds{1})) ++refused;
    static_cast<void>(spool.work());
    pe::detail::spool::SpoolOrders orders;
    orders.completed[pe::detail::kOwnLog].push_back(1);
    spool.post(std::move(orders));
    static_cast<void>(spool.work());
    spool.close();
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] {
      for (std::size_t round = 0; round < test::scaled(500); ++round) begin_and_end();
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(refused == 0);
}
