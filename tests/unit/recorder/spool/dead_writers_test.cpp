// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/spool/dead_writers.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/faulty_files.hpp"
#include "support/recorder_events.hpp"
#include "support/spool_entries.hpp"

namespace pe = personalize_events;
namespace spool = personalize_events::spool;
using std::chrono::seconds;
using test::at;

namespace {

std::string log_of(const std::string& name) { return "/spool/" + name + "/00000001.log"; }

struct World {
  World() { REQUIRE(files.make_folder("/spool").has_value()); }
  test::FaultyFiles files{};
  spool::FolderLocks locks{};
  spool::DeadWriters dead{files, locks, "/spool", {"tracker", "region", "endpoint", "account"}};

  void put(const std::string& name, const std::vector<std::string>& events,
           const spool::SegmentHeader& header = test::segment_header(),
           const std::string& tracking_id = "tracker") {
    REQUIRE(files.make_folder("/spool/" + name).has_value());
    files.put(log_of(name), test::segment_bytes(header, events, tracking_id));
  }
  bool look(std::int64_t time = 0, unsigned char random = 0) {
    return dead.look(at(time), random, [](const std::string&) { return false; });
  }
  /// Looks until there is nothing more to be had, and answers how many folders there were.
  int look_round(std::int64_t time = 0) {
    int found = 0;
    while (look(time)) ++found;
    return found;
  }
  std::string read() {
    std::string text;
    while (const auto next = dead.next()) {
      text.append(text.empty() ? "" : " ").append(std::to_string(next->first)).append(":");
      text.append(next->second.entry.event);
    }
    return text;
  }
  bool exists(const std::string& name) { return files.list_folder("/spool/" + name).has_value(); }
};

}  // namespace

TEST_CASE("a dead writer's folder is taken over, drained and removed") {
  World world;
  world.put("w-dead", {"a", "b"});
  CHECK_FALSE(world.dead.is_drained());
  CHECK(world.look());
  CHECK(world.dead.next_look() == at(0));
  CHECK_FALSE(world.dead.is_drained());
  CHECK_FALSE(world.look());
  CHECK(world.dead.has_unread());
  CHECK(world.read() == "3:a 3:b");
  CHECK_FALSE(world.dead.has_unread());
  CHECK(world.dead.acknowledge(3, {1}).has_value());
  world.dead.release_drained();
  CHECK(world.exists("w-dead"));
  CHECK(world.dead.acknowledge(3, {2}).has_value());
  CHECK(world.dead.acknowledge(9, {2}).has_value());
  world.dead.release_drained();
  CHECK_FALSE(world.exists("w-dead"));
  CHECK(world.dead.is_drained());
}

TEST_CASE("folders are numbered as they are taken, one at a time") {
  World world;
  world.put("w-a", {"a"});
  world.put("w-b", {"b"});
  CHECK(world.look());
  CHECK(world.read() == "3:a");
  CHECK(world.look());
  CHECK(world.read() == "4:b");
  CHECK_FALSE(world.look());
}

TEST_CASE("the next look is in 45 to 75 seconds, as chance says") {
  World world;
  CHECK_FALSE(world.look(0, 0));
  CHECK(world.dead.next_look() == at(45'000));
  CHECK_FALSE(world.look(0, 255));
  CHECK(world.dead.next_look() >= at(74'000));
  CHECK(world.dead.next_look() <= at(75'000));
  World empty;
  CHECK(empty.dead.next_look() <= at(0));
}

TEST_CASE("only folders of writers are looked at, and those of others are left") {
  World world;
  world.put("quarantine", {"a"});
  world.put("w", {"a"});
  world.put("w-living", {"a"});
  world.put("w-own", {"a"});
  spool::FolderLocks living;
  REQUIRE(living.take(world.files, "/spool/w-living")->has_value());
  const auto is_own = [](const std::string& path) { return path == "/spool/w-own"; };
  CHECK_FALSE(world.dead.look(at(0), 0, is_own));
  CHECK(world.dead.is_drained());
  living.close_all();
  CHECK(world.dead.look(at(0), 0, is_own));
  CHECK_FALSE(world.dead.look(at(0), 0, is_own));
}

TEST_CASE("events of another scope are nobody's to send, and their folder is let go") {
  const auto with = [](auto change) {
    auto header = test::segment_header();
    change(header);
    return header;
  };
  using Header = spool::SegmentHeader;
  World world;
  world.put("w-1", {"a"}, with([](Header& header) { header.region = "other"; }));
  world.put("w-2", {"a"}, with([](Header& header) { header.endpoint = "other"; }));
  world.put("w-3", {"a"}, with([](Header& header) { header.account = ""; }));
  world.put("w-4", {"a"}, test::segment_header(), "other-tracker");
  CHECK(world.look_round() == 0);
  CHECK(world.dead.is_drained());
  spool::FolderLocks others;
  for (const char* name : {"w-1", "w-2", "w-3", "w-4"}) {
    CAPTURE(name);
    CHECK(world.files.exists(log_of(name)));
    CHECK(others.take(world.files, std::string{"/spool/"} + name)->has_value());
  }
}

TEST_CASE("a folder without an event is anybody's to clean up") {
  World world;
  REQUIRE(world.files.make_folder("/spool/w-empty").has_value());
  REQUIRE(world.files.make_folder("/spool/w-torn").has_value());
  world.files.put(log_of("w-torn"), "");
  world.put("w-header", {});
  CHECK(world.look_round() == 3);
  CHECK(world.read().empty());
  world.dead.release_drained();
  CHECK(world.files.count("/spool") == 0);
}

TEST_CASE("a newer version's folder stays and is told, and no look is kept busy by it") {
  World world;
  REQUIRE(world.files.make_folder("/spool/w-newer").has_value());
  world.files.put(log_of("w-newer"), test::newer_segment());
  for (int round = 0; round < 3; ++round) {
    CHECK(world.look());
    CHECK(world.read().empty());
    const auto damage = world.dead.take_damage();
    REQUIRE(damage.has_value());
    CHECK(damage->code == "Newer");
    CHECK_FALSE(world.dead.take_damage().has_value());
    world.dead.release_drained();
    CHECK_FALSE(world.look());
    CHECK(world.dead.next_look() > at(0));
  }
  CHECK(world.files.exists(log_of("w-newer")));
}

TEST_CASE("of many dead folders four are held at a time, and the others follow") {
  World world;
  for (const char* name : {"w-1", "w-2", "w-3", "w-4", "w-5", "w-6"}) world.put(name, {name});
  CHECK(world.look_round() == 4);
  CHECK_FALSE(world.dead.is_drained());
  CHECK(world.dead.next_look() > at(0));
  spool::FolderLocks others;
  CHECK(others.take(world.files, "/spool/w-5")->has_value());
  others.close_all();
  CHECK(world.read() == "3:w-1 4:w-2 5:w-3 6:w-4");
  CHECK(world.dead.acknowledge(4, {1}).has_value());
  world.dead.release_drained();
  CHECK_FALSE(world.exists("w-2"));
  CHECK(world.dead.next_look() <= at(0));
  CHECK(world.look_round() == 1);
  CHECK(world.read() == "7:w-5");
  for (const std::uint32_t number : {3U, 5U, 6U, 7U}) {
    CHECK(world.dead.acknowledge(number, {1}).has_value());
  }
  world.dead.release_drained();
  CHECK_FALSE(world.dead.is_drained());
  CHECK(world.look_round() == 1);
  CHECK(world.read() == "8:w-6");
  CHECK(world.dead.acknowledge(8, {1}).has_value());
  world.dead.release_drained();
  CHECK(world.dead.is_drained());
}

TEST_CASE("the oldest segments are given up folder by folder, read ones excepted") {
  World world;
  world.put("w-1", {"a"});
  world.files.put("/spool/w-1/00000002.log", test::segment_bytes(test::segment_header(2), {"b"}));
  world.put("w-2", {"c"});
  CHECK(world.look_round() == 2);
  CHECK(world.dead.next()->second.entry.event == "a");
  std::string dropped;
  const auto take = [&dropped](std::uint32_t number, const spool::Frame& frame) {
    dropped.append(std::to_string(number)).append(frame.entry.event);
  };
  CHECK(world.dead.drop_oldest(take));
  CHECK(world.dead.drop_oldest(take));
  CHECK_FALSE(world.dead.drop_oldest(take));
  CHECK(dropped == "3b4c");
  CHECK(world.read().empty());
}

TEST_CASE("who closes leaves the rest to the next, and takes empty folders along") {
  World world;
  world.put("w-1", {"a", "b"});
  world.put("w-2", {"c"});
  CHECK(world.look_round() == 2);
  CHECK(world.read() == "3:a 3:b 4:c");
  CHECK(world.dead.acknowledge(3, {1}).has_value());
  CHECK(world.dead.acknowledge(4, {1}).has_value());
  world.dead.close();
  CHECK_FALSE(world.exists("w-2"));

  spool::FolderLocks locks;
  spool::DeadWriters next{
      world.files, locks, "/spool", {"tracker", "region", "endpoint", "account"}};
  CHECK(next.look(at(0), 0, [](const std::string&) { return false; }));
  CHECK(next.next()->second.entry.event == "b");
  CHECK_FALSE(next.next().has_value());
}

TEST_CASE("a directory that is absent has no dead writers; a folder that cannot be read is left") {
  test::FaultyFiles files;
  spool::FolderLocks locks;
  spool::DeadWriters dead{files, locks, "/absent", {"tracker", "", "", ""}};
  CHECK_FALSE(dead.look(at(0), 0, [](const std::string&) { return false; }));
  CHECK(dead.is_drained());

  World world;
  world.put("w-1", {"a"});
  world.files.fails_at = "w-1";
  for (bool test::FaultyFiles::*fault :
       {&test::FaultyFiles::open_fails, &test::FaultyFiles::lock_fails,
        &test::FaultyFiles::list_fails}) {
    world.files.*fault = true;
    CHECK_FALSE(world.look());
    world.files.*fault = false;
  }
  CHECK(world.look());
}

TEST_CASE("an unreadable folder, of whomever it is, is not taken for an empty one") {
  World world;
  auto other = test::segment_header();
  other.account = "other";
  world.put("w-other", {"a"}, other);
  world.files.open_fails = true;
  world.files.fails_at = ".log";
  CHECK_FALSE(world.look());
  CHECK(world.files.exists(log_of("w-other")));
  CHECK(world.dead.take_damage().has_value());
  CHECK_FALSE(world.dead.take_damage().has_value());
  world.files.open_fails = false;
  CHECK_FALSE(world.look());
  CHECK(world.files.exists(log_of("w-other")));
}
