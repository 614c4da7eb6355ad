// SPDX-License-Identifier: Apache-2.0
//
// Many folders of killed processes: the work to take them over is linear in their number, and those
// that cannot be read stop neither the others nor close.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/detail/platform/system_files.hpp"
#include "recorder/trouble_world.hpp"
#include "support/passing_files.hpp"
#include "support/temporary_folder.hpp"

namespace pe = personalize_events;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

// Passes everything on, counts opened files, and refuses to open some.
class WatchedFiles final : public test::PassingFiles {
 public:
  using PassingFiles::PassingFiles;

  std::uint64_t opens{0};
  std::set<std::string> unreadable{};

  pe::Result<std::unique_ptr<pe::File>> open(const std::string& path,
                                             pe::OpenFor purpose) override {
    ++opens;
    if (unreadable.count(path) != 0) {
      return pe::detail::make_error(pe::ErrorKind::Storage, path, "Input/output error");
    }
    return PassingFiles::open(path, purpose);
  }
  pe::Result<void> rename(const std::string& from, const std::string& to) override {
    if (unreadable.count(from) != 0) {
      return pe::detail::make_error(pe::ErrorKind::Storage, from, "Input/output error");
    }
    return PassingFiles::rename(from, to);
  }
};

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// Processes that record two events each and are killed.
void leave_folders(trouble::Machine& machine, const pe::RecorderOptions& options,
                   std::size_t count) {
  machine.service->is_up = false;
  for (std::size_t i = 0; i < count; ++i) {
    trouble::Process process = machine.start(options);
    for (int event = 0; event < 2; ++event) {
      REQUIRE(machine.record(process, i).has_value());
    }
    process.kill();
  }
  machine.service->is_up = true;
}

// Runs until all has arrived, or for so many seconds of real time.
double deliver_all(trouble::Machine& machine, trouble::Process& process, std::uint64_t events,
                   double most_seconds) {
  const auto begin = std::chrono::steady_clock::now();
  while (machine.service->arrived.size() < events && seconds_since(begin) < most_seconds) {
    machine.run(process, milliseconds{100});
  }
  return seconds_since(begin);
}

}  // namespace

TEST_CASE("each folder of a killed process is opened a small number of times") {
  const std::size_t folders = test::scaled(1'000);
  test::FaultyFiles disk;
  static_cast<void>(disk.make_folder("/"));
  WatchedFiles watched{disk};
  trouble::Machine machine{watched};
  leave_folders(machine, machine.options(), folders);
  watched.opens = 0;
  trouble::Process last = machine.start(machine.options());
  const double taken = deliver_all(machine, last, folders * 2, 30);
  WARN(folders << " folders: " << watched.opens << " files opened, "
               << machine.service->arrived.size() << " events arrived in " << taken << " s");
  CHECK(machine.service->arrived.size() == folders * 2);
  CHECK(watched.opens <= folders * 12 + 100);
}

TEST_CASE("the folders of thousands of killed processes are delivered") {
  // PERSONALIZE_EVENTS_SCALE=5 makes it ten thousand. The time is reported and not checked, because
  // it is the machine's; the test above checks what it depends on.
  const std::size_t folders = test::scaled(2'000);
  const test::TemporaryFolder folder;
  pe::detail::SystemFiles files;
  trouble::Machine machine{files};
  auto options = machine.options();
  options.spool->directory = folder / "spool";
  options.spool->sync_interval.reset();
  leave_folders(machine, options, folders);
  trouble::Process last = machine.start(options);
  const double taken = deliver_all(machine, last, folders * 2, 300);
  WARN(folders << " folders: " << machine.service->arrived.size() << " events arrived in " << taken
               << " s");
  CHECK(machine.service->arrived.size() == folders * 2);
}

TEST_CASE("folders with an unreadable segment stop neither the adoption of others nor close") {
  test::FaultyFiles disk;
  static_cast<void>(disk.make_folder("/"));
  WatchedFiles watched{disk};
  trouble::Machine machine{watched};
  machine.service->is_up = false;
  auto options = machine.options();
  // Each process leaves two segments, of at most 512 KiB.
  options.spool->max_bytes = 8U << 20U;
  constexpr std::uint64_t kFolders = 8;
  constexpr std::uint64_t kUnreadable = 3;
  constexpr int kEvents = 100;
  std::set<std::string> known;
  std::vector<std::uint64_t> good;
  for (std::uint64_t i = 0; i < kFolders; ++i) {
    trouble::Process process = machine.start(options);
    for (int event = 0; event < kEvents; ++event) {
      REQUIRE(machine.record(process, i, 6'000).has_value());
    }
    process.kill();
    const auto names = disk.list_folder("/spool");
    REQUIRE(names.has_value());
    std::string folder;
    for (const std::string& name : *names) {
      if (name.compare(0, 2, "w-") == 0 && known.insert(name).second) folder = "/spool/" + name;
    }
    REQUIRE_FALSE(folder.empty());
    const auto files = disk.list_folder(folder);
    std::vector<std::string> segments;
    for (const std::string& name : *files) {
      if (name.size() > 4 && name.substr(name.size() - 4) == ".log") segments.push_back(name);
    }
    REQUIRE(segments.size() >= 2);
    // The first ones, which are adopted first if the order is that of time.
    if (i < kUnreadable) {
      watched.unreadable.insert(folder + "/" + segments[1]);
    } else {
      good.push_back(i);
    }
  }
  machine.service->is_up = true;
  trouble::Process last = machine.start(options);
  const auto good_missing = [&] {
    std::uint64_t count = 0;
    for (const std::uint64_t session : good) {
      for (int order = 1; order <= kEvents; ++order) {
        const auto key = std::make_pair(session, static_cast<std::uint64_t>(order));
        count += machine.service->arrived.count(key) == 0 ? 1U : 0U;
      }
    }
    return count;
  };
  // In the machine's time: a slow build is no failure.
  for (int second = 0; second < 300 && good_missing() > 0; ++second) {
    machine.run(last, seconds{1});
  }
  CHECK(good_missing() == 0);
  CHECK(machine.faults_of(pe::FaultKind::SpoolDamaged) >= 1);
  const milliseconds taken = machine.close(last, seconds{10});
  CHECK(taken < seconds{2});
}
