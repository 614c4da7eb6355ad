// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/spool/backlog_folder.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/faulty_files.hpp"
#include "support/spool_entries.hpp"

namespace pe = personalize_events;
namespace spool = personalize_events::spool;

namespace {

const char* const kFolder = "/spool/w-dead";

std::string log_of(std::uint64_t number) { return spool::segment_path(kFolder, number); }
std::string ack_of(std::uint64_t number) { return spool::acknowledgement_path(kFolder, number); }

struct World {
  World() {
    REQUIRE(files.make_folder("/spool").has_value());
    REQUIRE(files.make_folder(kFolder).has_value());
    files.put(std::string{kFolder} + "/LOCK", "");
  }
  test::FaultyFiles files{};
  spool::BacklogFolder backlog{files, kFolder, "/spool/quarantine"};

  void put(std::uint64_t number, std::uint64_t first, const std::vector<std::string>& events) {
    files.put(log_of(number), test::segment_bytes(test::segment_header(first), events));
  }
  void find() { REQUIRE(backlog.find_segments().has_value()); }
  /// The next events, "a b", up to a number of them.
  std::string read(std::size_t most = 1'000'000) {
    std::string text;
    for (std::size_t i = 0; i < most; ++i) {
      const auto frame = backlog.next();
      if (!frame) break;
      text.append(text.empty() ? "" : " ").append(frame->entry.event);
    }
    return text;
  }
  bool acknowledge(std::vector<std::uint64_t> sequences) {
    return backlog.acknowledge(std::move(sequences)).has_value();
  }
};

}  // namespace

TEST_CASE("a segment's number is told by its name, and by no other file's") {
  CHECK(spool::segment_number("00000001.log") == 1);
  CHECK(spool::segment_number("123456789.log") == 123'456'789);
  CHECK(spool::segment_number("999999999999999999.log") == 999'999'999'999'999'999);
  for (const char* name :
       {"", "LOCK", "00000000.log", "00000001.ack", "00000001.log2", "0000001.log", "000000001.log",
        "0000000x.log", "-0000001.log", "00000001", ".log", "1000000000000000000.log"}) {
    CAPTURE(name);
    CHECK_FALSE(spool::segment_number(name).has_value());
  }
}

TEST_CASE("the open events of a folder are read in order, and it is drained when they ended") {
  World world;
  world.put(2, 3, {"c"});
  world.put(1, 1, {"a", "b"});
  world.files.put(std::string{kFolder} + "/notes.txt", "x");
  world.find();
  CHECK(world.backlog.has_unread());
  CHECK(world.backlog.oldest_unread() == 1);
  CHECK(world.read() == "a b c");
  CHECK_FALSE(world.backlog.has_unread());
  CHECK_FALSE(world.backlog.oldest_unread().has_value());
  CHECK_FALSE(world.backlog.is_drained());
  CHECK(world.acknowledge({1, 2}));
  CHECK_FALSE(world.files.exists(log_of(1)));
  CHECK_FALSE(world.files.exists(ack_of(1)));
  CHECK(world.files.exists(log_of(2)));
  CHECK(world.acknowledge({3}));
  CHECK(world.backlog.is_drained());
  CHECK_FALSE(world.files.exists(log_of(2)));
  CHECK_FALSE(world.backlog.take_damage().error.has_value());
}

TEST_CASE("what was acknowledged is not read again, and a segment of it is removed at once") {
  World world;
  world.put(1, 1, {"a", "b", "c"});
  world.put(2, 4, {"d"});
  world.files.put(ack_of(1), test::acknowledgement_bytes(test::segment_header(1), 1, 3));
  world.files.put(ack_of(2), test::acknowledgement_bytes(test::segment_header(4), 9, 1));
  world.find();
  CHECK(world.read() == "d");
  CHECK_FALSE(world.files.exists(log_of(1)));
  CHECK_FALSE(world.files.exists(ack_of(1)));
}

TEST_CASE("a segment that is still read is not removed, whatever ended of it") {
  World world;
  world.put(1, 1, {"a", "b"});
  world.find();
  CHECK(world.read(1) == "a");
  CHECK(world.acknowledge({1}));
  CHECK(world.files.exists(log_of(1)));
  CHECK_FALSE(world.backlog.is_drained());
  CHECK(world.read() == "b");
  CHECK(world.acknowledge({2}));
  CHECK(world.backlog.is_drained());
}

TEST_CASE("what a reader wrote down is left out by the next one") {
  World world;
  world.put(1, 1, {"a", "b", "c"});
  world.find();
  CHECK(world.read() == "a b c");
  CHECK(world.acknowledge({2}));
  spool::BacklogFolder next{world.files, kFolder, "/spool/quarantine"};
  REQUIRE(next.find_segments().has_value());
  CHECK(next.next()->sequence == 1);
  CHECK(next.next()->sequence == 3);
  CHECK_FALSE(next.next().has_value());
}

TEST_CASE("a torn tail is no damage; a frame that was damaged is counted and skipped") {
  World world;
  world.put(1, 1, {"a", "b", "c"});
  std::string& bytes = world.files.bytes(log_of(1));
  bytes.append(std::string{spool::kFrameMagic}.append("\x20"));
  world.find();
  CHECK(world.read() == "a b c");
  CHECK(world.backlog.take_damage().broken_frames == 0);

  World damaged;
  damaged.put(1, 1, {"a", "b", "c"});
  std::string& text = damaged.files.bytes(log_of(1));
  text[text.find("visitb") + 5] = 'X';
  damaged.find();
  CHECK(damaged.read() == "a c");
  const spool::Damage found = damaged.backlog.take_damage();
  CHECK(found.broken_frames == 1);
  REQUIRE(found.error.has_value());
  CHECK(found.error->code == "Damaged");
  CHECK(found.error->where == log_of(1));
  CHECK(damaged.backlog.take_damage().broken_frames == 0);
  CHECK(damaged.acknowledge({1, 3}));
  CHECK(damaged.backlog.is_drained());
}

TEST_CASE("a file without a good header goes into quarantine, with what was acknowledged of it") {
  World world;
  world.put(1, 1, {"a"});
  world.files.bytes(log_of(1))[20] ^= 1;
  world.files.put(ack_of(1), "acks");
  world.put(2, 2, {"b"});
  world.find();
  CHECK(world.backlog.first_header()->value().first_sequence == 2);
  CHECK(world.backlog.first_tracking_id()->value() == "tracker");
  CHECK(world.read() == "b");
  CHECK_FALSE(world.files.exists(log_of(1)));
  CHECK(world.files.exists("/spool/quarantine/w-dead-00000001.log"));
  CHECK(world.files.bytes("/spool/quarantine/w-dead-00000001.ack") == "acks");
  const spool::Damage found = world.backlog.take_damage();
  CHECK(found.unreadable_files == 1);
  CHECK(found.error->code == "Damaged");
}

TEST_CASE("a file that cannot be moved into quarantine stays, and is skipped") {
  World world;
  world.files.put(log_of(1), std::string(100, 'x'));
  world.put(2, 2, {"b"});
  SECTION("because there is no folder") { world.files.make_folder_fails = true; }
  SECTION("because it keeps its name") { world.files.rename_fails = true; }
  world.find();
  CHECK(world.read() == "b");
  CHECK(world.files.exists(log_of(1)));
  CHECK(world.backlog.take_damage().unreadable_files == 1);
  CHECK(world.acknowledge({2}));
  CHECK(world.backlog.is_drained());
}

TEST_CASE("a newer version's segment is left and told; a torn one is removed") {
  World world;
  world.files.put(log_of(1), test::newer_segment());
  world.files.put(log_of(2), "");
  world.put(3, 1, {"a"});
  world.find();
  CHECK(world.read() == "a");
  CHECK(world.files.exists(log_of(1)));
  CHECK_FALSE(world.files.exists(log_of(2)));
  const spool::Damage found = world.backlog.take_damage();
  CHECK(found.newer_files == 1);
  CHECK(found.unreadable_files == 0);
  CHECK(found.error->code == "Newer");
  CHECK(world.acknowledge({1}));
  CHECK(world.backlog.is_drained());
  // The folder stays with it.
  CHECK(world.backlog.remove().has_value());
  CHECK(world.files.exists(log_of(1)));
  CHECK(world.files.exists(std::string{kFolder} + "/LOCK"));
}

TEST_CASE("a folder without a good segment has no header and no event") {
  World world;
  world.files.put(log_of(1), test::newer_segment());
  world.files.put(log_of(2), "");
  world.find();
  CHECK_FALSE(world.backlog.first_header()->has_value());
  CHECK_FALSE(world.backlog.first_tracking_id()->has_value());
  CHECK(world.read().empty());
}

TEST_CASE("whose a folder is, is not known while its only segments cannot be read") {
  World world;
  world.put(1, 1, {"a"});
  world.put(2, 2, {"b"});
  world.find();
  world.files.read_fails = true;
  world.files.fails_at = "00000001.log";
  CHECK(world.backlog.first_header()->has_value());
  CHECK(world.backlog.first_tracking_id()->has_value());
  world.files.fails_at = ".log";
  CHECK(world.backlog.first_header().error().kind == pe::ErrorKind::Storage);
  CHECK(world.backlog.first_tracking_id().error().kind == pe::ErrorKind::Storage);
  world.files.read_fails = false;
  CHECK(world.read() == "a b");
}

namespace {

/// Lets something fail at a path as long as it lives.
struct Failing {
  Failing(World& world, bool test::FaultyFiles::*fault, const std::string& path)
      : world_(world), fault_(fault) {
    world.files.*fault = true;
    world.files.fails_at = path;
  }
  ~Failing() { world_.files.*fault_ = false; }
  Failing(const Failing&) = delete;
  Failing& operator=(const Failing&) = delete;
  World& world_;
  bool test::FaultyFiles::*fault_;
};

}  // namespace

TEST_CASE("a segment that cannot be opened makes all wait, so that the order stays") {
  for (bool test::FaultyFiles::*fault :
       {&test::FaultyFiles::open_fails, &test::FaultyFiles::read_fails,
        &test::FaultyFiles::status_fails}) {
    World world;
    world.put(1, 1, {"a"});
    world.put(2, 2, {"b"});
    world.find();
    {
      const Failing failing{world, fault, "00000001.log"};
      for (int i = 0; i < 3; ++i) {
        CHECK(world.read().empty());
        CHECK_FALSE(world.backlog.has_unread());
        CHECK_FALSE(world.backlog.is_read());
        CHECK_FALSE(world.backlog.is_drained());
        const spool::Damage found = world.backlog.take_damage();
        CHECK(found.unreadable_files == 0);
        CHECK(found.error.has_value());
        world.backlog.try_again();
        CHECK(world.backlog.has_unread());
      }
      CHECK(world.read().empty());
    }
    CHECK(world.read().empty());
    world.backlog.try_again();
    CHECK(world.read() == "a b");
  }
}

TEST_CASE("a segment whose acknowledgements cannot be read is not sent as if it had none") {
  World world;
  world.put(1, 1, {"a", "b"});
  world.files.put(ack_of(1), test::acknowledgement_bytes(test::segment_header(1), 1, 1));
  world.find();
  {
    const Failing failing{world, &test::FaultyFiles::read_fails, ".ack"};
    CHECK(world.read().empty());
  }
  world.backlog.try_again();
  CHECK(world.read() == "b");
}

namespace {

/// Reads as far as the window goes that is in memory, and answers how many events that were.
std::size_t read_until_failure(World& world) {
  const std::string text(50'000, 'x');
  world.put(1, 1, std::vector<std::string>(12, text));
  world.find();
  REQUIRE(world.backlog.next().has_value());
  std::size_t read = 1;
  const Failing failing{world, &test::FaultyFiles::read_fails, ".log"};
  while (world.backlog.next()) ++read;
  CHECK(read < 12);
  CHECK_FALSE(world.backlog.has_unread());
  CHECK(world.backlog.take_damage().unreadable_files == 0);
  return read;
}

}  // namespace

TEST_CASE("after one failure a segment is read on, though all that was read of it has ended") {
  World world;
  std::size_t read = read_until_failure(world);
  for (std::uint64_t i = 1; i <= read; ++i) CHECK(world.acknowledge({i}));
  CHECK(world.files.exists(log_of(1)));
  CHECK_FALSE(world.backlog.is_drained());
  world.backlog.try_again();
  while (const auto frame = world.backlog.next()) {
    CHECK(frame->sequence == ++read);
    CHECK(world.acknowledge({frame->sequence}));
  }
  CHECK(read == 12);
  CHECK(world.backlog.is_drained());
  CHECK_FALSE(world.files.exists(log_of(1)));
}

TEST_CASE("after a second failure a segment goes into quarantine; what was read of it counts") {
  World world;
  const std::size_t read = read_until_failure(world);
  world.backlog.try_again();
  {
    const Failing failing{world, &test::FaultyFiles::read_fails, ".log"};
    // It cannot even be opened, which says nothing of the file.
    CHECK_FALSE(world.backlog.next().has_value());
  }
  CHECK(world.files.exists(log_of(1)));
  world.backlog.try_again();
  const auto next = world.backlog.next();
  REQUIRE(next.has_value());
  CHECK(next->sequence == read + 1);
  std::uint64_t last = next->sequence;
  {
    const Failing failing{world, &test::FaultyFiles::read_fails, ".log"};
    while (const auto frame = world.backlog.next()) last = frame->sequence;
  }
  CHECK(last < 12);
  CHECK(world.files.exists("/spool/quarantine/w-dead-00000001.log"));
  const spool::Damage found = world.backlog.take_damage();
  CHECK(found.unreadable_files == 1);
  CHECK(found.error.has_value());
  CHECK_FALSE(world.backlog.is_drained());
  for (std::uint64_t i = 1; i <= last; ++i) CHECK(world.acknowledge({i}));
  CHECK(world.backlog.is_drained());
  CHECK(world.backlog.remove().has_value());
  CHECK(world.files.list_folder(kFolder).error().code == "NotFound");
}

TEST_CASE("a segment that somebody removed is skipped without a word") {
  World world;
  world.put(1, 1, {"a"});
  world.put(2, 2, {"b"});
  world.find();
  REQUIRE(world.files.remove_file(log_of(1)).has_value());
  CHECK(world.read() == "b");
  CHECK(world.backlog.take_damage().unreadable_files == 0);
}

TEST_CASE("the oldest segment that was not read is dropped with its open events") {
  World world;
  world.put(1, 1, {"a", "b"});
  world.put(2, 3, {"c", "d", "e"});
  world.put(3, 6, {"f"});
  world.files.put(ack_of(2), test::acknowledgement_bytes(test::segment_header(3), 4, 1));
  world.find();
  CHECK(world.read(1) == "a");
  std::string dropped;
  world.backlog.drop_oldest_unread(
      [&](const spool::Frame& frame) { dropped.append(frame.entry.event); });
  CHECK(dropped == "ce");
  CHECK_FALSE(world.files.exists(log_of(2)));
  CHECK_FALSE(world.files.exists(ack_of(2)));
  CHECK(world.read() == "b f");
  world.backlog.drop_oldest_unread([&](const spool::Frame&) { FAIL("there is none"); });
  CHECK(world.acknowledge({1, 2, 6}));
  CHECK(world.backlog.is_drained());
}

TEST_CASE("what is damaged in a dropped segment is told") {
  World world;
  world.put(1, 1, {"a", "b"});
  std::string& bytes = world.files.bytes(log_of(1));
  bytes[bytes.find("visita") + 5] = 'X';
  world.files.put(log_of(2), std::string(100, 'x'));
  world.files.put(log_of(3), test::newer_segment());
  world.find();
  const auto ignore = [](const spool::Frame&) {};
  for (int i = 0; i < 3; ++i) world.backlog.drop_oldest_unread(ignore);
  const spool::Damage found = world.backlog.take_damage();
  CHECK(found.broken_frames == 1);
  CHECK(found.unreadable_files == 1);
  CHECK(found.newer_files == 1);
  CHECK(found.error->code == "Newer");
  CHECK(world.files.exists(log_of(3)));
}

TEST_CASE("a folder is removed when it is empty, and what a crash left of it is cleaned up") {
  World world;
  world.files.put(ack_of(1), "");
  REQUIRE(world.backlog.remove().has_value());
  CHECK(world.files.list_folder(kFolder).error().code == "NotFound");
  CHECK_FALSE(world.backlog.remove().has_value());
  CHECK_FALSE(world.backlog.find_segments().has_value());
}

TEST_CASE("a folder with a file of its own or of somebody's stays") {
  World world;
  world.put(1, 1, {"a"});
  world.files.put(ack_of(1), "");
  CHECK(world.backlog.remove().has_value());
  CHECK(world.files.exists(log_of(1)));
  CHECK(world.files.exists(ack_of(1)));
  REQUIRE(world.files.remove_file(log_of(1)).has_value());
  world.files.put(std::string{kFolder} + "/notes.txt", "");
  CHECK(world.backlog.remove().has_value());
  CHECK(world.files.exists(std::string{kFolder} + "/LOCK"));
}

TEST_CASE("a folder that cannot be listed or removed is told") {
  World world;
  world.files.remove_fails = true;
  CHECK_FALSE(world.backlog.remove().has_value());
  world.files.remove_fails = false;
  world.files.list_fails = true;
  CHECK_FALSE(world.backlog.remove().has_value());
  CHECK_FALSE(world.backlog.find_segments().has_value());
}

TEST_CASE("a segment that cannot be removed brings none of its events back") {
  World world;
  world.put(1, 1, {"a", "b"});
  world.put(2, 3, {"c"});
  world.find();
  CHECK(world.read() == "a b c");
  world.files.remove_fails = true;
  CHECK(world.acknowledge({1, 2}));
  CHECK(world.acknowledge({3}));
  CHECK(world.backlog.is_drained());
  world.files.remove_fails = false;
  spool::BacklogFolder next{world.files, kFolder, "/spool/quarantine"};
  REQUIRE(next.find_segments().has_value());
  CHECK_FALSE(next.next().has_value());
  CHECK(next.is_drained());
  CHECK(next.remove().has_value());
}

TEST_CASE("an acknowledgement that cannot be written is told") {
  World world;
  world.put(1, 1, {"a", "b"});
  world.find();
  CHECK(world.read() == "a b");
  world.files.space = 0;
  CHECK_FALSE(world.acknowledge({1}));
}
