// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/recorder/spool/segmented_log.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/faulty_files.hpp"
#include "support/spool_entries.hpp"

namespace pe = personalize_events;
namespace spool = personalize_events::detail::spool;

namespace {

const char* const kName = "w-00000001-00000000";
const char* const kFolder = "/spool/w-00000001-00000000";

std::string log_of(std::uint64_t number, std::uint32_t generation = 0) {
  return spool::segment_path(kFolder, {number, generation});
}
std::string ack_of(std::uint64_t number) { return spool::acknowledgement_path(kFolder, number); }
std::string in_quarantine(const std::string& name) {
  return "/spool/quarantine/w-00000001-00000000-" + name;
}

std::string lock_bytes() {
  std::string bytes;
  REQUIRE(spool::append_header(bytes, test::segment_header(0)));
  return bytes;
}

struct World {
  World() {
    REQUIRE(files.make_folder("/spool").has_value());
    REQUIRE(files.make_folder(kFolder).has_value());
    files.put(lock_path, lock_bytes());
  }

  void put(std::uint64_t number, std::uint64_t first, const std::vector<std::string>& events) {
    files.put(log_of(number), test::segment_bytes(test::segment_header(first), events));
  }
  /// A generation of segment 1, with its end frame or without it.
  void put_generation(std::uint32_t generation, const std::vector<std::string>& events,
                      bool is_complete) {
    spool::SegmentHeader header = test::segment_header();
    header.generation = generation;
    std::string bytes = test::segment_bytes(header, events);
    if (is_complete) bytes += test::end_frame(100);
    files.put(log_of(1, generation), bytes);
  }
  pe::Result<void> adopt() { return log.adopt(kName, {}); }
  void open() { REQUIRE(adopt().has_value()); }
  bool is_drained() const { return !log.has_unread() && !log.has_pending(); }
  /// The next events, "a b", up to a number of them.
  std::string read(std::size_t most = 1'000'000) { return read(log, most); }
  static std::string read(spool::SegmentedLog& from, std::size_t most = 1'000'000) {
    std::string text;
    for (std::size_t i = 0; i < most; ++i) {
      const auto frame = from.next();
      if (!frame) return text.append("!");
      if (!*frame) break;
      text.append(text.empty() ? "" : " ").append((*frame)->entry.event);
    }
    return text;
  }
  /// What the next adopter finds.
  std::string left() {
    spool::SegmentedLog next{files, locks, "/spool"};
    const pe::Result<void> opened = next.adopt(kName, {});
    return opened ? read(next) : opened.error().code;
  }
  bool acknowledge(std::vector<std::uint64_t> sequences) {
    return log.acknowledge(std::move(sequences)).has_value();
  }
  std::string damage() {
    const auto found = log.take_damage();
    return found ? found->code : "";
  }

  const std::string lock_path = std::string{kFolder} + "/LOCK";
  test::FaultyFiles files{};
  spool::FolderLocks locks{};
  spool::SegmentedLog log{files, locks, "/spool"};
};

/// Fails at a path as long as it lives.
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

TEST_CASE("the pending events of a folder are read in order, and it is drained when they ended") {
  World world;
  world.put(2, 3, {"c"});
  world.put(1, 1, {"a", "b"});
  world.files.put(std::string{kFolder} + "/notes.txt", "x");
  world.open();
  CHECK(world.log.has_unread());
  CHECK(world.log.identity().header.scope == test::spool_scope());
  CHECK(world.log.identity().clock.identity == "boot-1");
  CHECK(world.log.has_unread());
  CHECK(world.read() == "a b c");
  CHECK_FALSE(world.log.has_unread());
  CHECK_FALSE(world.is_drained());
  CHECK(world.acknowledge({1, 2}));
  CHECK_FALSE(world.files.exists(log_of(1)));
  CHECK_FALSE(world.files.exists(ack_of(1)));
  CHECK(world.files.exists(log_of(2)));
  CHECK(world.acknowledge({3}));
  CHECK(world.is_drained());
  CHECK_FALSE(world.files.exists(log_of(2)));
  CHECK(world.damage().empty());
}

TEST_CASE("a folder without a segment is empty, and nobody's") {
  World world;
  world.open();
  CHECK_FALSE(world.log.has_unread());
  CHECK(world.is_drained());
  CHECK(world.read().empty());
  REQUIRE(world.files.remove_file(world.lock_path).has_value());
  spool::SegmentedLog bare{world.files, world.locks, "/spool"};
  CHECK(bare.adopt(kName, {}).has_value());
  CHECK_FALSE(bare.has_unread());
}

TEST_CASE("what was acknowledged is not read again, and a segment of it is removed at once") {
  World world;
  world.put(1, 1, {"a", "b", "c"});
  world.put(2, 4, {"d"});
  world.files.put(ack_of(1), test::acknowledgement_bytes(test::segment_header(1), 1, 3));
  world.files.put(ack_of(2), test::acknowledgement_bytes(test::segment_header(4), 9, 1));
  world.open();
  CHECK(world.read() == "d");
  CHECK_FALSE(world.files.exists(log_of(1)));
  CHECK_FALSE(world.files.exists(ack_of(1)));
}

TEST_CASE("a segment that is still read is not removed, whatever completed of it") {
  World world;
  world.put(1, 1, {"a", "b"});
  world.open();
  CHECK(world.read(1) == "a");
  CHECK(world.acknowledge({1}));
  CHECK(world.files.exists(log_of(1)));
  CHECK_FALSE(world.is_drained());
  CHECK(world.read() == "b");
  CHECK(world.acknowledge({2}));
  CHECK(world.is_drained());
  CHECK_FALSE(world.files.exists(log_of(1)));
}

TEST_CASE("what an adopter noted is left out by the next one") {
  World world;
  world.put(1, 1, {"a", "b", "c"});
  world.open();
  CHECK(world.read() == "a b c");
  CHECK(world.acknowledge({2}));
  CHECK(world.left() == "a c");
}

TEST_CASE("sequences with gaps, of any size, are read") {
  World world;
  std::string bytes = test::segment_bytes(test::segment_header(1), {"a"});
  for (const std::uint64_t sequence :
       {std::uint64_t{5}, std::uint64_t{1} << 40U, std::uint64_t{1} << 63U}) {
    REQUIRE(spool::append_frame(bytes, test::kSalt, sequence, test::entry_of("x")));
  }
  world.files.put(log_of(1), bytes);
  world.open();
  CHECK(world.read() == "a x x x");
  CHECK(world.acknowledge({1, 5, std::uint64_t{1} << 40U}));
  CHECK_FALSE(world.is_drained());
  CHECK(world.acknowledge({std::uint64_t{1} << 63U}));
  CHECK(world.is_drained());
}

TEST_CASE("two segments that have the same event give it once") {
  World world;
  world.put(1, 1, {"a", "b", "c"});
  world.put(2, 2, {"b", "c", "d"});
  world.open();
  CHECK(world.read() == "a b c d");
  CHECK(world.acknowledge({1, 2, 3, 4}));
  CHECK(world.is_drained());
  CHECK(world.left().empty());
}

// --- Damage ---

TEST_CASE("a bit flip at any byte of a segment's header costs no event") {
  World probe;
  probe.put(1, 1, {"a", "b"});
  const std::size_t header = spool::decode_header(probe.files.bytes(log_of(1))).size;
  for (std::size_t at = 0; at < header; ++at) {
    for (const char mask : {'\x01', '\x80'}) {
      CAPTURE(at);
      World world;
      world.put(1, 1, {"a", "b"});
      world.put(2, 3, {"c"});
      char& byte = world.files.bytes(log_of(1))[at];
      byte = static_cast<char>(byte ^ mask);
      world.open();
      CHECK(world.log.identity().header.scope == test::spool_scope());
      CHECK(world.read() == "a b c");
      CHECK(world.damage() == spool::kDamaged);
      CHECK(world.acknowledge({1, 2, 3}));
      CHECK(world.is_drained());
      CHECK_FALSE(world.files.exists(log_of(1)));
    }
  }
}

TEST_CASE("a bit flip at any byte of LOCK costs no event; a segment's header replaces it") {
  for (std::size_t at = 0; at < lock_bytes().size(); ++at) {
    CAPTURE(at);
    World world;
    world.put(1, 1, {"a"});
    world.put(2, 2, {"b"});
    char& byte = world.files.bytes(world.lock_path)[at];
    byte = static_cast<char>(byte ^ 1);
    world.open();
    CHECK(world.log.identity().header.scope == test::spool_scope());
    CHECK(world.log.identity().clock.identity == "boot-1");
    CHECK(world.read() == "a b");
  }
}

TEST_CASE("the header of one segment replaces those of LOCK and of the other segments") {
  World world;
  world.put(1, 1, {"a"});
  world.put(2, 2, {"b"});
  world.files.bytes(world.lock_path).clear();
  char& byte = world.files.bytes(log_of(1))[20];
  byte = static_cast<char>(byte ^ 1);
  world.open();
  CHECK(world.read() == "a b");
  CHECK(world.damage() == spool::kDamaged);
}

TEST_CASE("a log of which no header is left is not opened, and stays") {
  World world;
  world.put(1, 1, {"a"});
  REQUIRE(world.files.remove_file(world.lock_path).has_value());
  world.files.bytes(log_of(1))[3] = 'x';
  const auto opened = world.adopt();
  REQUIRE_FALSE(opened.has_value());
  CHECK(opened.error().kind == pe::ErrorKind::Storage);
  CHECK(opened.error().code == spool::kDamaged);
  CHECK(opened.error().where == kFolder);
  CHECK(world.files.exists(log_of(1)));
}

TEST_CASE("a bit flip at any byte of a frame costs this event only") {
  World probe;
  probe.put(1, 1, {"aaaa", "bbbb", "cccc"});
  const std::string whole = probe.files.bytes(log_of(1));
  const std::size_t header = spool::decode_header(whole).size;
  const std::size_t frame = (whole.size() - header) / 3;
  for (std::size_t at = header; at < whole.size(); ++at) {
    for (const char mask : {'\x01', '\x80'}) {
      CAPTURE(at);
      World world;
      world.put(1, 1, {"aaaa", "bbbb", "cccc"});
      char& byte = world.files.bytes(log_of(1))[at];
      byte = static_cast<char>(byte ^ mask);
      world.open();
      const std::size_t hit = (at - header) / frame;
      CHECK(world.read() == (hit == 0 ? "bbbb cccc" : hit == 1 ? "aaaa cccc" : "aaaa bbbb"));
      // A damaged length of the last one looks like a frame that was not written to its end.
      if (hit < 2) CHECK(world.damage() == spool::kDamaged);
      std::vector<std::uint64_t> read{1, 2, 3};
      read.erase(read.begin() + static_cast<std::ptrdiff_t>(hit));
      CHECK(world.acknowledge(read));
      CHECK(world.is_drained());
      CHECK_FALSE(world.files.exists(log_of(1)));
    }
  }
}

TEST_CASE("a segment cut at any byte gives its whole frames, and its torn tail is no damage") {
  World probe;
  probe.put(1, 1, {"aaaa", "bbbb", "cccc"});
  const std::string whole = probe.files.bytes(log_of(1));
  const std::size_t header = spool::decode_header(whole).size;
  const std::size_t frame = (whole.size() - header) / 3;
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    CAPTURE(size);
    World world;
    world.files.put(log_of(1), whole.substr(0, size));
    world.open();
    std::string expected;
    std::vector<std::uint64_t> sequences;
    for (std::size_t i = 0; i < 3 && size >= header + (i + 1) * frame; ++i) {
      expected.append(i == 0 ? "" : " ").append(4, static_cast<char>('a' + i));
      sequences.push_back(i + 1);
    }
    CHECK(world.read() == expected);
    CHECK(world.damage().empty());
    CHECK(world.acknowledge(sequences));
    CHECK(world.is_drained());
    CHECK_FALSE(world.files.exists(log_of(1)));
    CHECK(world.files.count("/spool") == 1);
  }
}

TEST_CASE("zeros in the place of any bytes cost the events that they were in") {
  World probe;
  probe.put(1, 1, {"aaaa", "bbbb", "cccc"});
  const std::string whole = probe.files.bytes(log_of(1));
  const std::size_t header = spool::decode_header(whole).size;
  const std::size_t frame = (whole.size() - header) / 3;
  for (std::size_t at = 0; at < whole.size(); at += 7) {
    CAPTURE(at);
    World world;
    std::string bytes = whole;
    const std::size_t count = std::min<std::size_t>(20, bytes.size() - at);
    bytes.replace(at, count, count, '\0');
    world.files.put(log_of(1), bytes);
    world.open();
    std::string expected;
    for (std::size_t i = 0; i < 3; ++i) {
      const std::size_t begin = header + i * frame;
      if (bytes.compare(begin, frame, whole, begin, frame) != 0) continue;
      expected.append(expected.empty() ? "" : " ").append(4, static_cast<char>('a' + i));
    }
    CHECK(world.read() == expected);
  }
}

TEST_CASE("a file of which no frame can be read goes into quarantine, and is reported") {
  World world;
  world.files.put(log_of(1), std::string(100, 'x'));
  world.files.put(ack_of(1), "acks");
  world.put(2, 2, {"b"});
  world.open();
  CHECK(world.read() == "b");
  CHECK_FALSE(world.files.exists(log_of(1)));
  CHECK(world.files.exists(in_quarantine("00000001.log")));
  CHECK(world.files.bytes(in_quarantine("00000001.ack")) == "acks");
  const auto found = world.log.take_damage();
  REQUIRE(found.has_value());
  CHECK(found->code == spool::kDamaged);
  CHECK(found->where == log_of(1));
  CHECK_FALSE(world.log.take_damage().has_value());
  CHECK(world.acknowledge({2}));
  CHECK(world.is_drained());
}

TEST_CASE("a file that cannot be moved into quarantine stays, and is skipped") {
  World world;
  world.files.put(log_of(1), std::string(100, 'x'));
  world.put(2, 2, {"b"});
  SECTION("because there is no folder") { world.files.make_folder_fails = true; }
  SECTION("because it keeps its name") { world.files.rename_fails = true; }
  world.open();
  CHECK(world.read() == "b");
  CHECK(world.files.exists(log_of(1)));
  CHECK(world.damage() == spool::kDamaged);
  CHECK(world.acknowledge({2}));
  CHECK(world.is_drained());
}

TEST_CASE("a damaged acknowledgement brings its events back, and no others") {
  World world;
  world.put(1, 1, {"a", "b", "c"});
  std::string bytes = test::acknowledgement_bytes(test::segment_header(1), 1, 1);
  bytes[bytes.size() - 1] = static_cast<char>(bytes[bytes.size() - 1] ^ 1);
  spool::SequenceSet third;
  third.add(3, 4);
  spool::append_acknowledgements(bytes, test::kSalt, 0, third);
  world.files.put(ack_of(1), bytes);
  world.open();
  CHECK(world.read() == "a b");
}

TEST_CASE("a segment of another version is left as it is, with all of its folder") {
  const bool is_older = GENERATE(true, false);
  World world;
  world.put(1, 1, {"a"});
  world.files.put(log_of(2), is_older ? test::segment_of_version(1) : test::newer_segment());
  const auto opened = world.adopt();
  REQUIRE_FALSE(opened.has_value());
  CHECK(opened.error().code == spool::kOtherVersion);
  CHECK(opened.error().where == log_of(2));
  CHECK(world.files.removed.empty());
  World lock;
  lock.put(1, 1, {"a"});
  lock.files.put(lock.lock_path, test::newer_segment());
  CHECK(lock.adopt().error().code == spool::kOtherVersion);
  CHECK(lock.files.removed.empty());
}

// --- Generations ---

TEST_CASE("a complete generation replaces the one before it") {
  World world;
  world.put(1, 1, {"a", "b", "c"});
  world.put_generation(1, {"a", "b"}, true);
  world.open();
  CHECK(world.read() == "a b");
  CHECK_FALSE(world.files.exists(log_of(1)));
  CHECK(world.files.exists(log_of(1, 1)));
  CHECK(world.acknowledge({1, 2}));
  CHECK_FALSE(world.files.exists(log_of(1, 1)));
  CHECK(world.is_drained());
}

TEST_CASE("a generation that was not written to its end is ignored, whatever is there of it") {
  spool::SegmentHeader header = test::segment_header();
  header.generation = 1;
  const std::string whole = test::segment_bytes(header, {"x", "y"}) + test::end_frame(3);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    World world;
    world.put(1, 1, {"a", "b"});
    world.files.put(log_of(1, 1), whole.substr(0, size));
    world.open();
    CHECK(world.read() == "a b");
    CHECK(world.files.exists(log_of(1)));
    CHECK_FALSE(world.files.exists(log_of(1, 1)));
    CHECK(world.damage().empty());
    CHECK(world.left() == "a b");
  }
}

TEST_CASE("of many generations the last that is complete counts") {
  World world;
  world.put(1, 1, {"a"});
  world.put_generation(1, {"b"}, true);
  world.put_generation(2, {"c"}, true);
  world.put_generation(3, {"d"}, false);
  world.open();
  CHECK(world.read() == "c");
  CHECK_FALSE(world.files.exists(log_of(1, 1)));
  CHECK_FALSE(world.files.exists(log_of(1, 3)));
  CHECK(world.left() == "c");
}

TEST_CASE("the only generation is read even without its end") {
  World world;
  world.put_generation(2, {"a", "b"}, false);
  world.open();
  CHECK(world.read() == "a b");
}

TEST_CASE("acknowledgements count for all generations of a segment") {
  World world;
  world.put(1, 1, {"a", "b", "c"});
  world.put_generation(1, {"a", "b", "c"}, true);
  world.files.put(ack_of(1), test::acknowledgement_bytes(test::segment_header(1), 2, 1));
  world.open();
  CHECK(world.read() == "a c");
}

TEST_CASE("a complete generation whose events completed is removed with the older ones") {
  World world;
  world.put(1, 1, {"a", "b"});
  world.put_generation(1, {}, true);
  world.open();
  CHECK(world.read().empty());
  CHECK(world.is_drained());
  CHECK_FALSE(world.files.exists(log_of(1)));
  CHECK_FALSE(world.files.exists(log_of(1, 1)));
}

// --- Failures ---

TEST_CASE("a log whose folder or headers cannot be read is not opened") {
  using Files = test::FaultyFiles;
  World world;
  world.put(1, 1, {"a"});
  {
    const Failing failing{world, &Files::list_fails, ""};
    CHECK_FALSE(world.adopt().has_value());
  }
  for (bool Files::*fault : {&Files::open_fails, &Files::read_fails}) {
    World unreadable;
    unreadable.put(1, 1, {"a"});
    const Failing failing{unreadable, fault, "LOCK"};
    const auto opened = unreadable.adopt();
    REQUIRE_FALSE(opened.has_value());
    CHECK(opened.error().code.empty());
  }
}

TEST_CASE("a segment that cannot be read makes the later ones wait, so that the order stays") {
  using Files = test::FaultyFiles;
  for (bool Files::*fault : {&Files::open_fails, &Files::read_fails, &Files::status_fails}) {
    World world;
    world.put(1, 1, {"a"});
    world.put(2, 2, {"b"});
    world.open();
    {
      const Failing failing{world, fault, "00000001.log"};
      for (int i = 0; i < 3; ++i) {
        CHECK(world.read() == "!");
        CHECK(world.log.has_unread());
        CHECK_FALSE(world.is_drained());
      }
    }
    CHECK(world.read() == "a b");
  }
}

TEST_CASE("a segment whose acknowledgements cannot be read is not sent as if it had none") {
  World world;
  world.put(1, 1, {"a", "b"});
  world.files.put(ack_of(1), test::acknowledgement_bytes(test::segment_header(1), 1, 1));
  world.open();
  {
    const Failing failing{world, &test::FaultyFiles::read_fails, ".ack"};
    CHECK(world.read() == "!");
  }
  CHECK(world.read() == "b");
}

TEST_CASE("a failure in the middle of a segment repeats no event and skips none") {
  const std::string text(50'000, 'x');
  World world;
  world.put(1, 1, std::vector<std::string>(20, text));
  world.open();
  std::uint64_t read = 0;
  int failures = 0;
  for (int tries = 0; tries < 1'000 && read < 20; ++tries) {
    world.files.read_fails = tries % 3 == 0;
    world.files.fails_at = ".log";
    const auto frame = world.log.next();
    failures += frame ? 0 : 1;
    if (!frame) continue;
    REQUIRE(frame->has_value());
    CHECK((*frame)->sequence == ++read);
    // All that was read of it so far has completed.
    CHECK(world.acknowledge({read}));
  }
  CHECK(read == 20);
  CHECK(failures > 1);
  world.files.read_fails = false;
  CHECK(world.read().empty());
  CHECK(world.is_drained());
  CHECK(world.left().empty());
}

TEST_CASE("a segment that somebody removed is skipped, and is no damage") {
  World world;
  world.put(1, 1, {"a"});
  world.put(2, 2, {"b"});
  world.open();
  REQUIRE(world.files.remove_file(log_of(1)).has_value());
  CHECK(world.read() == "b");
  CHECK(world.damage().empty());
}

TEST_CASE("a segment that cannot be removed brings none of its events back") {
  World world;
  world.put(1, 1, {"a", "b"});
  world.put(2, 3, {"c"});
  world.open();
  CHECK(world.read() == "a b c");
  world.files.remove_fails = true;
  CHECK(world.acknowledge({1, 2}));
  CHECK(world.acknowledge({3}));
  CHECK(world.is_drained());
  world.files.remove_fails = false;
  CHECK(world.left().empty());
}

TEST_CASE("an acknowledgement that cannot be written is an error") {
  World world;
  world.put(1, 1, {"a", "b"});
  world.open();
  CHECK(world.read() == "a b");
  world.files.space = 0;
  CHECK_FALSE(world.acknowledge({1}));
}

// --- Skipped and evicted ---

TEST_CASE("a log that is skipped keeps what was not read, and what was read and did not complete") {
  World world;
  world.put(1, 1, {"a", "b", "c"});
  world.put(2, 4, {"d"});
  world.open();
  CHECK(world.read(2) == "a b");
  world.log.skip();
  world.log.skip();
  CHECK_FALSE(world.log.has_unread());
  CHECK_FALSE(world.is_drained());
  CHECK(world.read().empty());
  CHECK(world.acknowledge({1}));
  CHECK_FALSE(world.is_drained());
  CHECK(world.left() == "b c d");
  CHECK(world.acknowledge({2}));
  CHECK(world.is_drained());
  CHECK(world.files.exists(log_of(1)));
  CHECK(world.left() == "c d");
}

TEST_CASE("the unread events of the oldest segments are evicted, one segment at a time") {
  World world;
  world.put(1, 1, {"a", "b"});
  world.put(2, 3, {"c", "d", "e"});
  world.put(3, 6, {"f"});
  world.files.put(ack_of(2), test::acknowledgement_bytes(test::segment_header(3), 4, 1));
  world.open();
  CHECK(world.read(1) == "a");
  std::string evicted;
  const auto take = [&](const spool::Frame& frame) { evicted.append(frame.entry.event); };
  CHECK(world.log.evict_oldest(take));
  CHECK(evicted == "b");
  CHECK(world.files.exists(log_of(1, 1)));  // "a" is pending, and nothing else is left
  CHECK(world.log.evict_oldest(take));
  CHECK(evicted == "bce");
  CHECK_FALSE(world.files.exists(log_of(2)));
  CHECK_FALSE(world.files.exists(ack_of(2)));
  CHECK(world.read() == "f");
  CHECK_FALSE(world.log.evict_oldest(take));
  CHECK(world.acknowledge({1, 6}));
  CHECK(world.is_drained());
  CHECK(world.left().empty());
}

TEST_CASE("a segment that cannot be read is evicted without its events, so that others follow") {
  World world;
  world.put(1, 1, {"a"});
  world.put(2, 2, {"b"});
  world.open();
  std::string evicted;
  const auto take = [&](const spool::Frame& frame) { evicted.append(frame.entry.event); };
  {
    const Failing failing{world, &test::FaultyFiles::read_fails, "00000001.log"};
    CHECK(world.log.evict_oldest(take));
  }
  CHECK(evicted.empty());
  CHECK(world.read() == "b");
}

TEST_CASE("what is damaged in an evicted segment is reported") {
  World world;
  world.put(1, 1, {"a", "b"});
  std::string& bytes = world.files.bytes(log_of(1));
  bytes[bytes.find("visita") + 5] = 'X';
  world.open();
  std::string evicted;
  CHECK(world.log.evict_oldest(
      [&](const spool::Frame& frame) { evicted.append(frame.entry.event); }));
  CHECK(evicted == "b");
  CHECK(world.damage() == spool::kDamaged);
}

// --- The clock of the writer ---

TEST_CASE("the last time of the service that the writer noted is read, past torn notes") {
  World world;
  world.put(1, 1, {"a"});
  std::string& bytes = world.files.bytes(world.lock_path);
  spool::Entry entry;
  entry.flags = spool::kServiceClock;
  entry.boot_ms = 1'000;
  entry.wall_ms = 51'000;
  REQUIRE(spool::append_frame(bytes, test::kSalt, 1, entry));
  const std::string first = bytes;
  entry.wall_ms = 71'000;
  REQUIRE(spool::append_frame(bytes, test::kSalt, 2, entry));
  const std::string both = bytes;
  for (std::size_t size = lock_bytes().size(); size <= both.size(); ++size) {
    CAPTURE(size);
    bytes = both.substr(0, size);
    const auto identity = spool::read_identity(world.files, kFolder);
    REQUIRE(identity.has_value());
    if (size < first.size()) {
      CHECK_FALSE(identity->clock.service_offset.has_value());
    } else {
      CHECK(identity->clock.service_offset == (size < both.size() ? 50'000 : 70'000));
    }
  }
  bytes = first + both.substr(first.size(), 9);
  REQUIRE(spool::append_frame(bytes, test::kSalt, 3, entry));
  CHECK(spool::read_identity(world.files, kFolder)->clock.service_offset == 70'000);
}

TEST_CASE("the notes of clocks in a log are no events") {
  World world;
  std::string bytes = test::segment_bytes(test::segment_header(1), {"a"});
  spool::Entry entry;
  entry.flags = spool::kServiceClock;
  REQUIRE(spool::append_frame(bytes, test::kSalt, 2, entry));
  REQUIRE(spool::append_frame(bytes, test::kSalt, 3, test::entry_of("b")));
  world.files.put(log_of(1), bytes + test::end_frame(4));
  world.open();
  CHECK(world.read() == "a b");
}
