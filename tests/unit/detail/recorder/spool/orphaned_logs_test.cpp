// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/recorder/spool/orphaned_logs.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/faulty_files.hpp"
#include "support/passing_files.hpp"
#include "support/recorder_events.hpp"
#include "support/spool_entries.hpp"

namespace pe = personalize_events;
namespace spool = personalize_events::detail::spool;
using test::at;

namespace {

/// The name of a writer's folder.
std::string writer(std::uint64_t number) { return "w-" + spool::padded(number) + "-00000000"; }

std::string log_of(const std::string& name, std::uint64_t number = 1) {
  return spool::segment_path("/spool/" + name, {number, 0});
}

/// Counts how often each path is opened.
class CountedFiles final : public test::PassingFiles {
 public:
  using PassingFiles::PassingFiles;
  std::map<std::string, std::size_t> opened{};
  std::size_t listed{0};

  pe::Result<std::unique_ptr<pe::File>> open(const std::string& path,
                                             pe::OpenFor purpose) override {
    ++opened[path];
    return PassingFiles::open(path, purpose);
  }
  pe::Result<std::vector<std::string>> list_folder(const std::string& path) override {
    ++listed;
    return PassingFiles::list_folder(path);
  }
};

struct World {
  World() { REQUIRE(files.make_folder("/spool").has_value()); }

  void put(const std::string& name, const std::vector<std::string>& events,
           spool::SegmentHeader header = test::segment_header()) {
    REQUIRE(files.make_folder("/spool/" + name).has_value());
    header.writer = name;
    std::string lock;
    REQUIRE(spool::append_header(lock, header));
    files.put("/spool/" + name + "/LOCK", lock);
    files.put(log_of(name), test::segment_bytes(header, events));
  }
  void look(std::int64_t time = 0) { logs.look(at(time), 0); }
  /// Looks, adopts and reads until there is nothing more; "1:a 1:b".
  std::string read(std::int64_t time = 0) {
    std::string text;
    for (;;) {
      logs.adopt();
      const auto found = logs.next(at(time));
      if (!found) return text;
      text.append(text.empty() ? "" : " ").append(std::to_string(found->log)).append(":");
      text.append(found->frame.entry.event);
    }
  }
  bool acknowledge(std::uint32_t log, std::vector<std::uint64_t> sequences) {
    return logs.acknowledge(log, std::move(sequences)).has_value();
  }
  bool exists(const std::string& name) { return files.list_folder("/spool/" + name).has_value(); }
  bool is_locked(const std::string& name) {
    spool::FolderLocks others;
    return !others.take(files, "/spool/" + name)->has_value();
  }
  /// Completes an event of each log that was adopted so far.
  void complete_all(std::uint32_t logs_so_far, std::vector<std::uint64_t> sequences) {
    for (std::uint32_t i = 1; i <= logs_so_far; ++i) CHECK(acknowledge(i, sequences));
  }

  test::FaultyFiles files{};
  CountedFiles counted{files};
  spool::FolderLocks locks{};
  spool::OrphanedLogs logs{counted, locks, "/spool", test::spool_scope()};
};

}  // namespace

TEST_CASE("an orphaned log is adopted, drained and removed") {
  World world;
  world.put(writer(1), {"a", "b"});
  CHECK_FALSE(world.logs.is_drained());
  CHECK_FALSE(world.logs.is_first_round_read());
  world.look();
  CHECK(world.logs.has_unread(at(0)));
  CHECK_FALSE(world.logs.is_first_round_read());
  CHECK(world.read() == "1:a 1:b");
  CHECK_FALSE(world.logs.has_unread(at(0)));
  CHECK(world.logs.is_first_round_read());
  CHECK(world.acknowledge(1, {1}));
  world.logs.adopt();
  CHECK(world.exists(writer(1)));
  CHECK_FALSE(world.logs.is_drained());
  CHECK(world.acknowledge(1, {2}));
  CHECK(world.acknowledge(9, {2}));
  world.logs.adopt();
  CHECK_FALSE(world.exists(writer(1)));
  CHECK(world.logs.is_drained());
  CHECK_FALSE(world.logs.damage().has_value());
}

TEST_CASE("a frame of an adopted log comes with the clock of its writer") {
  World world;
  world.put(writer(1), {"a"});
  spool::Entry clock;
  clock.flags = spool::kServiceClock;
  clock.wall_ms = 5'000;
  REQUIRE(spool::append_frame(world.files.bytes("/spool/" + writer(1) + "/LOCK"), test::kSalt, 1,
                              clock));
  world.look();
  world.logs.adopt();
  const auto found = world.logs.next(at(0));
  REQUIRE(found.has_value());
  CHECK(found->writer->identity == "boot-1");
  CHECK(found->writer->service_offset == 5'000);
  CHECK(found->frame.sequence == 1);
}

TEST_CASE("folders are adopted in the order of their numbers, and names without one come first") {
  World world;
  world.put(writer(10), {"d"});
  world.put("w-100000000-00000000", {"e"});
  world.put(writer(9), {"c"});
  world.put("w-one", {"b"});
  world.put("w-0190b6a0-0000-7000-8000-000000000001", {"a"});
  world.look();
  CHECK(world.read() == "1:a 2:b 3:c 4:d 5:e");
}

TEST_CASE("the next look is in 45 to 75 seconds, as chance says") {
  World world;
  CHECK(world.logs.next_look(at(0)) <= at(0));
  world.logs.look(at(0), 0);
  CHECK(world.logs.next_look(at(0)) == at(45'000));
  world.put(writer(1), {"a"});
  world.logs.look(at(44'999), 0);
  CHECK(world.read().empty());
  world.logs.look(at(45'000), 255);
  CHECK(world.logs.next_look(at(45'000)) >= at(45'000 + 74'000));
  CHECK(world.logs.next_look(at(45'000)) <= at(45'000 + 75'000));
  CHECK(world.read() == "1:a");
}

TEST_CASE("folders of living writers, the own one and those of nobody are left alone") {
  World world;
  world.put("quarantine", {"a"});
  world.put("w", {"a"});
  world.put(writer(1), {"living"});
  world.put(writer(2), {"own"});
  spool::FolderLocks living;
  REQUIRE(living.take(world.files, "/spool/" + writer(1))->has_value());
  // The own folder is locked as those of others are.
  REQUIRE(world.locks.take(world.files, "/spool/" + writer(2))->has_value());
  world.look();
  CHECK(world.read().empty());
  CHECK(world.logs.is_drained());
  CHECK(world.logs.is_first_round_read());
  CHECK_FALSE(world.logs.damage().has_value());
  living.close_all();
  world.look(60'000);
  CHECK(world.read(60'000) == "1:living");
}

TEST_CASE("events of another scope are not this spool's to send, and their folder is released") {
  const auto with = [](auto change) {
    auto header = test::segment_header();
    change(header.scope);
    return header;
  };
  World world;
  world.put(writer(1), {"a"}, with([](spool::Scope& scope) { scope.region = "other"; }));
  world.put(writer(2), {"a"}, with([](spool::Scope& scope) { scope.endpoint = "other"; }));
  world.put(writer(3), {"a"}, with([](spool::Scope& scope) { scope.account = ""; }));
  world.put(writer(4), {"a"}, with([](spool::Scope& scope) { scope.tracking_id = "other"; }));
  world.look();
  CHECK(world.read().empty());
  CHECK(world.logs.is_drained());
  CHECK_FALSE(world.logs.damage().has_value());
  for (std::uint64_t number = 1; number <= 4; ++number) {
    CHECK(world.files.exists(log_of(writer(number))));
    CHECK_FALSE(world.is_locked(writer(number)));
  }
}

TEST_CASE("a folder without an event is anybody's to remove") {
  World world;
  REQUIRE(world.files.make_folder("/spool/" + writer(1)).has_value());
  REQUIRE(world.files.make_folder("/spool/" + writer(2)).has_value());
  world.files.put("/spool/" + writer(2) + "/00000001.ack", "");
  world.put(writer(3), {});
  world.put(writer(4), {});
  world.files.bytes(log_of(writer(4))).clear();
  auto other = test::segment_header();
  other.scope.account = "other";
  world.put(writer(5), {}, other);
  REQUIRE(world.files.remove_file(log_of(writer(5))).has_value());
  world.look();
  CHECK(world.read().empty());
  world.logs.adopt();
  CHECK(world.files.count("/spool") == 0);
  CHECK(world.logs.is_drained());
}

TEST_CASE("a folder of another version stays, unlocked, and is reported each round") {
  World world;
  world.put(writer(1), {"a"});
  world.files.put(log_of(writer(1)), test::newer_segment());
  world.put(writer(2), {"b"});
  for (std::int64_t time = 0; time < 300'000; time += 60'000) {
    world.look(time);
    world.read(time);
    REQUIRE(world.logs.damage().has_value());
    CHECK(world.logs.damage()->code == spool::kOtherVersion);
    CHECK_FALSE(world.is_locked(writer(1)));
    CHECK(world.acknowledge(1, {1}));
    world.logs.adopt();
  }
  CHECK(world.files.exists(log_of(writer(1))));
  CHECK_FALSE(world.exists(writer(2)));
}

TEST_CASE("damage is reported until a whole round found none") {
  World world;
  world.put(writer(1), {"a", "b"});
  std::string& bytes = world.files.bytes(log_of(writer(1)));
  bytes[bytes.find("visita") + 5] = 'X';
  world.look();
  CHECK(world.read() == "1:b");
  CHECK(world.logs.damage().has_value());
  CHECK(world.acknowledge(1, {2}));
  world.logs.adopt();
  world.look(60'000);
  world.logs.adopt();
  CHECK(world.logs.damage().has_value());
  world.look(120'000);
  CHECK_FALSE(world.logs.damage().has_value());
}

TEST_CASE("at most 16 folders are held at a time, and the others follow in their order") {
  World world;
  constexpr std::uint64_t all = 40;
  for (std::uint64_t i = 1; i <= all; ++i) world.put(writer(i), {std::to_string(i)});
  world.look();
  std::string expected;
  for (std::uint64_t i = 1; i <= spool::kMostAdopted; ++i) {
    expected.append(i == 1 ? "" : " ").append(std::to_string(i) + ":" + std::to_string(i));
  }
  CHECK(world.read() == expected);
  CHECK(world.is_locked(writer(16)));
  CHECK_FALSE(world.is_locked(writer(17)));
  CHECK_FALSE(world.logs.has_unread(at(0)));
  CHECK_FALSE(world.logs.is_first_round_read());
  CHECK(world.acknowledge(4, {1}));
  CHECK(world.read() == "17:17");
  CHECK_FALSE(world.exists(writer(4)));
  std::uint32_t read = 17;
  for (std::uint64_t i = 1; i <= all; ++i) {
    CHECK(world.acknowledge(static_cast<std::uint32_t>(i), {1}));
    const std::string found = world.read();
    if (!found.empty()) {
      ++read;
      CHECK(found == std::to_string(read) + ":" + std::to_string(read));
    }
  }
  CHECK(read == all);
  CHECK(world.logs.is_first_round_read());
  CHECK(world.logs.is_drained());
  CHECK(world.files.count("/spool") == 0);
}

TEST_CASE("each folder is opened as often as it has files, however many folders there are") {
  const auto opens = [](std::uint64_t folders) {
    World world;
    for (std::uint64_t i = 1; i <= folders; ++i) world.put(writer(i), {"a"});
    world.look();
    std::uint32_t adopted = 0;
    while (!world.read().empty()) {
      adopted += static_cast<std::uint32_t>(spool::kMostAdopted);
      for (std::uint32_t i = 1; i <= adopted; ++i) CHECK(world.acknowledge(i, {1}));
    }
    CHECK(world.files.count("/spool") == 0);
    std::size_t all = world.counted.listed;
    std::size_t most = 0;
    for (const auto& [path, count] : world.counted.opened) {
      all += count;
      most = std::max(most, count);
    }
    CHECK(most <= 3);
    return all;
  };
  const std::size_t few = opens(50);
  const std::size_t many = opens(500);
  CAPTURE(few, many);
  CHECK(many <= 11 * few);
}

TEST_CASE("a folder that cannot be read never blocks the others, and is given up after its tries") {
  World world;
  world.put(writer(1), {"a", "b"});
  world.put(writer(2), {"c"});
  world.look();
  world.logs.adopt();
  world.files.read_fails = true;
  world.files.fails_at = log_of(writer(1));
  CHECK(world.read(0) == "2:c");
  REQUIRE(world.logs.damage().has_value());
  CHECK_FALSE(world.logs.has_unread(at(0)));
  CHECK_FALSE(world.logs.is_first_round_read());
  // It is tried again after a while, and then no more.
  CHECK(world.logs.next_look(at(0)) == at(1'000));
  // One that may be tried now waits for its reader, and not for the time.
  CHECK(world.logs.next_look(at(1'000)) == at(45'000));
  CHECK(world.read(999).empty());
  CHECK(world.logs.has_unread(at(1'000)));
  CHECK(world.read(1'000).empty());
  CHECK_FALSE(world.logs.is_first_round_read());
  CHECK(world.read(2'000).empty());
  CHECK(world.logs.is_first_round_read());
  CHECK_FALSE(world.logs.has_unread(at(10'000)));
  world.logs.adopt();
  CHECK(world.exists(writer(1)));
  CHECK_FALSE(world.is_locked(writer(1)));
  CHECK(world.acknowledge(2, {1}));
  world.logs.adopt();
  CHECK(world.logs.is_drained());
  // The next round tries it from the start.
  world.files.read_fails = false;
  world.look(60'000);
  CHECK(world.read(60'000) == "3:a 3:b");
}

TEST_CASE("a folder that can be read again in time loses nothing") {
  World world;
  world.put(writer(1), {"a", "b"});
  world.look();
  world.logs.adopt();
  for (std::int64_t time = 0; time < 2'000; time += 1'000) {
    world.files.read_fails = true;
    CHECK(world.read(time).empty());
    world.files.read_fails = false;
  }
  CHECK(world.read(1'500).empty());
  CHECK(world.read(2'000) == "1:a 1:b");
}

TEST_CASE("a folder that cannot be locked or opened now is tried in the next round") {
  using Files = test::FaultyFiles;
  for (bool Files::*fault : {&Files::open_fails, &Files::lock_fails, &Files::list_fails}) {
    World world;
    world.put(writer(1), {"a"});
    world.put(writer(2), {"b"});
    world.files.fails_at = writer(1);
    world.files.*fault = true;
    world.look();
    CHECK(world.read() == "1:b");
    CHECK(world.logs.damage().has_value());
    CHECK(world.files.exists(log_of(writer(1))));
    world.files.*fault = false;
    CHECK_FALSE(world.is_locked(writer(1)));
    world.look(60'000);
    CHECK(world.read(60'000) == "2:a");
  }
}

TEST_CASE("an unreadable folder, of whatever scope, is not taken for an empty one") {
  auto other = test::segment_header();
  other.scope.account = "other";
  World world;
  world.put(writer(1), {"a"}, other);
  world.files.open_fails = true;
  world.files.fails_at = ".log";
  world.look();
  CHECK(world.read().empty());
  world.logs.adopt();
  CHECK(world.files.exists(log_of(writer(1))));
  world.files.open_fails = false;
  world.look(60'000);
  CHECK(world.read(60'000).empty());
  CHECK(world.files.exists(log_of(writer(1))));
}

TEST_CASE("a directory that is absent or cannot be listed has no orphaned logs now") {
  World world;
  spool::OrphanedLogs absent{world.files, world.locks, "/absent", test::spool_scope()};
  absent.look(at(0), 0);
  absent.adopt();
  CHECK_FALSE(absent.next(at(0)).has_value());
  CHECK(absent.is_drained());
  CHECK(absent.is_first_round_read());
}

TEST_CASE("a folder that another process drained meanwhile is no damage") {
  World world;
  world.put(writer(1), {"a"});
  world.look();
  world.files.delete_folder("/spool/" + writer(1));
  CHECK(world.read().empty());
  CHECK_FALSE(world.logs.damage().has_value());
  CHECK(world.logs.is_drained());
}

TEST_CASE("a scan visits what is pending in its scope, and adopts nothing") {
  auto other = test::segment_header();
  other.scope.account = "other";
  World world;
  world.put(writer(1), {"a", "b"});
  world.put(writer(2), {"other"}, other);
  world.put(writer(3), {"c"});
  world.files.put(spool::acknowledgement_path("/spool/" + writer(1), 1),
                  test::acknowledgement_bytes(test::segment_header(), 1, 1));
  world.look();
  std::string seen;
  const auto visit = [&](const spool::Entry& entry) { seen.append(entry.event); };
  CHECK(world.logs.scan(visit, [] { return false; }));
  CHECK(seen == "bc");
  CHECK_FALSE(world.is_locked(writer(1)));
  CHECK(world.read() == "3:b 4:c");
}

TEST_CASE("a scan that is over in the middle has seen a part, and says that it could read it") {
  World world;
  world.put(writer(1), {"a", "b"});
  world.put(writer(2), {"c"});
  world.look();
  std::string seen;
  CHECK(world.logs.scan([&](const spool::Entry& entry) { seen.append(entry.event); },
                        [&] { return !seen.empty(); }));
  CHECK(seen == "a");
  CHECK(world.read() == "2:a 2:b 3:c");
}

TEST_CASE("a scan that could not read something says so") {
  World world;
  world.put(writer(1), {"a"});
  world.put(writer(2), {"b"});
  world.look();
  std::string seen;
  const auto visit = [&](const spool::Entry& entry) { seen.append(entry.event); };
  const auto never = [] { return false; };
  world.files.read_fails = true;
  world.files.fails_at = log_of(writer(1));
  CHECK_FALSE(world.logs.scan(visit, never));
  CHECK(seen == "b");
}

TEST_CASE("the oldest unread segments are evicted folder by folder") {
  World world;
  world.put(writer(1), {"a"});
  world.files.put(log_of(writer(1), 2), test::segment_bytes(test::segment_header(2), {"b"}));
  world.put(writer(2), {"c"});
  world.look();
  world.logs.adopt();
  REQUIRE(world.logs.next(at(0)).has_value());
  std::string evicted;
  const auto take = [&](const spool::OrphanedLogs::Found& found) {
    evicted.append(std::to_string(found.log)).append(found.frame.entry.event);
    CHECK(found.writer->identity == "boot-1");
  };
  while (world.logs.evict_oldest(take)) continue;
  CHECK(evicted == "1b2c");
  CHECK(world.read().empty());
  CHECK(world.acknowledge(1, {1}));
  world.logs.adopt();
  CHECK(world.files.count("/spool") == 0);
}

TEST_CASE("what is closed is left to the next process, and drained folders are removed") {
  World world;
  world.put(writer(1), {"a", "b"});
  world.put(writer(2), {"c"});
  world.put(writer(3), {"d"});
  world.look();
  CHECK(world.read() == "1:a 1:b 2:c 3:d");
  CHECK(world.acknowledge(1, {1}));
  CHECK(world.acknowledge(2, {1}));
  world.logs.close();
  CHECK_FALSE(world.exists(writer(2)));
  spool::FolderLocks locks;
  spool::OrphanedLogs next{world.files, locks, "/spool", test::spool_scope()};
  next.look(at(0), 0);
  next.adopt();
  CHECK(next.next(at(0))->frame.entry.event == "b");
  CHECK(next.next(at(0))->frame.entry.event == "d");
  CHECK_FALSE(next.next(at(0)).has_value());
}

TEST_CASE("a folder that is held is not listed again by the next round") {
  World world;
  world.put(writer(1), {"a"});
  world.look();
  CHECK(world.read() == "1:a");
  world.put(writer(2), {"b"});
  world.look(60'000);
  CHECK(world.read(60'000) == "2:b");
  CHECK_FALSE(world.logs.is_drained());
}
