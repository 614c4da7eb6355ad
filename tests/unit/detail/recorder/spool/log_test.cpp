// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/recorder/spool/log.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <list>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/detail/recorder/spool/segmented_log.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "support/faulty_files.hpp"
#include "support/mortal_files.hpp"
#include "support/spool_entries.hpp"

namespace pe = personalize_events;
namespace spool = personalize_events::detail::spool;

namespace {

/// Three events fill a segment of this size.
constexpr std::uint64_t kThreeEvents = 300;

std::string text_of(std::uint64_t sequence) { return "e" + std::to_string(sequence); }

void add_number(std::string& text, std::uint64_t number) {
  text.append(text.empty() ? "" : " ").append(std::to_string(number));
}

/// The names of the writers' folders, sorted.
std::vector<std::string> writers_in(pe::FileSystem& files, const std::string& directory) {
  std::vector<std::string> writers;
  const auto names = files.list_folder(directory);
  if (!names) return writers;
  std::copy_if(names->begin(), names->end(), std::back_inserter(writers), spool::is_writer_name);
  return writers;
}

/// Whether a sync brought all that was written to the disk.
bool is_synced(spool::Log& log) { return log.sync() && !log.has_unsynced(); }

/// The pending events that an adopter finds in a folder, "1 2". Their texts must be right.
std::string pending_in(pe::FileSystem& files, const std::string& folder) {
  spool::FolderLocks locks;
  spool::SegmentedLog log{files, locks, "/spool"};
  std::string text;
  if (!log.adopt(folder.substr(std::string{"/spool/"}.size()), {})) return "not readable";
  for (;;) {
    const auto frame = log.next();
    REQUIRE(frame.has_value());
    if (!*frame) return text;
    CHECK((*frame)->entry.event == text_of((*frame)->sequence));
    add_number(text, (*frame)->sequence);
  }
}

struct World {
  explicit World(std::uint64_t segment_bytes = kThreeEvents, bool keeps_files = true)
      : log(files, locks, platform, "/spool", test::spool_scope(), segment_bytes, keeps_files) {}

  pe::Result<void> try_append(std::uint64_t first, std::uint64_t last, std::uint32_t flags = 0) {
    spool::FrameChunk chunk;
    chunk.salt = log.salt();
    for (std::uint64_t i = first; i <= last; ++i) CHECK(add(chunk, i, flags));
    return log.append(chunk);
  }
  static bool add(spool::FrameChunk& chunk, std::uint64_t sequence, std::uint32_t flags) {
    const std::string text = text_of(sequence);
    spool::Entry entry = test::entry_of(text);
    entry.flags = flags;
    return chunk.add(sequence, entry);
  }
  /// Appends events, each by itself.
  void append(std::uint64_t first, std::uint64_t last, std::uint32_t flags = 0) {
    for (std::uint64_t i = first; i <= last; ++i) REQUIRE(try_append(i, i, flags).has_value());
  }
  void append_disk_only(std::uint64_t first, std::uint64_t last) {
    append(first, last, spool::kDiskOnly);
  }
  /// The events that are read back, "1 2", up to a number of them.
  std::string read(std::size_t most = 1'000) {
    std::string text;
    for (std::size_t i = 0; i < most; ++i) {
      const auto frame = log.next();
      if (!frame) return text.append(" failed");
      if (!*frame) break;
      CHECK((*frame)->entry.event == text_of((*frame)->sequence));
      add_number(text, (*frame)->sequence);
    }
    return text;
  }
  bool acknowledge(std::vector<std::uint64_t> sequences) {
    return log.acknowledge(std::move(sequences)).has_value();
  }
  /// Rewrites what a failed sync may have lost; `in_memory` are the events that memory has.
  pe::Result<void> rewrite(const std::set<std::uint64_t>& in_memory = {}) {
    CHECK(log.seal_failed());
    return log.rewrite([&](std::uint64_t first, std::uint64_t end) {
      spool::Log::Frames frames;
      for (const std::uint64_t i : in_memory) {
        if (i < first || i >= end) continue;
        const std::string text = text_of(i);
        CHECK(spool::append_frame(frames[i], log.salt(), i, test::entry_of(text)));
      }
      return frames;
    });
  }
  /// Events that were found lost so far.
  std::uint64_t lost() { return lost_ += log.take_lost(); }
  void fail_sync() {
    files.sync_fails = true;
    CHECK_FALSE(log.sync().has_value());
    files.sync_fails = false;
  }
  std::string folder() { return "/spool/" + log.name(); }
  std::string path(std::uint64_t number, std::uint32_t generation = 0) {
    return spool::segment_path(folder(), {number, generation});
  }
  /// The names of the segments, "00000001.log 00000002.log".
  std::string segments() {
    std::string text;
    for (const std::string& name :
         files.list_folder(folder()).value_or(std::vector<std::string>{})) {
      if (spool::segment_name(name)) text.append(text.empty() ? "" : " ").append(name);
    }
    return text;
  }
  /// The pending events that the next process would find if this one were killed now.
  std::string left() {
    std::string text;
    for (const std::string& name : writers_in(files, "/spool")) {
      const std::string pending = pending_in(files, "/spool/" + name);
      if (!pending.empty()) text.append(text.empty() ? "" : " ").append(pending);
    }
    return text;
  }
  /// "1-2 5-5": what a segment's file acknowledges.
  std::string acknowledged(std::uint64_t segment) {
    const auto found =
        spool::read_acknowledgements(files, spool::acknowledgement_path(folder(), segment));
    REQUIRE(found.has_value());
    CHECK(found->broken == 0);
    std::string text;
    for (const auto& [first, end] : found->events.ranges()) {
      text.append(text.empty() ? "" : " ").append(std::to_string(first)).append("-");
      text.append(std::to_string(end - 1));
    }
    return text;
  }

  test::FaultyFiles files{};
  spool::FolderLocks locks{};
  pe::testing::VirtualPlatform platform{};
  spool::Log log;
  std::uint64_t lost_{0};
};

}  // namespace

// --- The folder ---

TEST_CASE("segments have a sixteenth of the spool, within limits") {
  CHECK(spool::segment_size(256U << 20U) == 8U << 20U);
  CHECK(spool::segment_size(16U << 20U) == 1U << 20U);
  CHECK(spool::segment_size(1U << 20U) == 64U << 10U);
  CHECK(spool::segment_size(0) == 64U << 10U);
}

TEST_CASE("a log makes nothing before its first event, and leaves nothing without a pending one") {
  World world;
  CHECK(world.log.name().empty());
  CHECK(world.log.bytes() == 0);
  CHECK_FALSE(world.log.has_pending());
  CHECK_FALSE(world.log.is_gone());
  CHECK(is_synced(world.log));
  CHECK(world.acknowledge({1}));
  world.log.note_clock(1, 2);
  world.log.close();
  CHECK_FALSE(world.files.list_folder("/spool").has_value());
  world.append(2, 2);
  CHECK(world.log.has_pending());
  CHECK(world.acknowledge({2}));
  CHECK_FALSE(world.log.has_pending());
  world.log.close();
  CHECK(world.files.count("/spool") == 0);
  CHECK(world.log.bytes() == 0);
}

TEST_CASE("the folder is locked, and says whose it is, before the first event is in it") {
  World world;
  world.append(1, 1);
  CHECK(world.log.name().substr(0, 11) == "w-00000001-");
  CHECK(world.log.name().size() == 19);
  spool::FolderLocks other;
  CHECK_FALSE(other.take(world.files, world.folder())->has_value());
  const auto identity = spool::read_identity(world.files, world.folder());
  REQUIRE(identity.has_value());
  CHECK(identity->header.writer == world.log.name());
  CHECK(identity->header.boot == "boot-1");
  CHECK(identity->header.salt == world.log.salt());
  CHECK(identity->header.scope == test::spool_scope());
  CHECK_FALSE(identity->clock.service_offset.has_value());
  world.log.close();
  CHECK(
      other.take(world.files, "/spool/" + writers_in(world.files, "/spool").front())->has_value());
}

TEST_CASE("a new folder is numbered after all that are there") {
  World world;
  REQUIRE(spool::make_folders(world.files, "/spool/w-00000041-00000000").has_value());
  REQUIRE(spool::make_folders(world.files, "/spool/w-00000007-ffffffff").has_value());
  REQUIRE(spool::make_folders(world.files, "/spool/quarantine").has_value());
  world.append(1, 1);
  CHECK(world.log.name().substr(0, 11) == "w-00000042-");
}

TEST_CASE("a folder that another process took or removed costs another name, and no event") {
  World world;
  spool::FolderLocks other;
  int taken = 0;
  world.files.after_new_folder = [&](const std::string& path) {
    if (path == "/spool" || taken == 3) return;
    // One is locked, and others are removed already.
    if (++taken > 1) return static_cast<void>(world.files.remove_folder(path));
    CHECK(other.take(world.files, path)->has_value());
  };
  world.append(1, 1);
  CHECK(taken == 3);
  CHECK(writers_in(world.files, "/spool").size() == 2);
  other.close_all();
  CHECK(world.left() == "1");
}

TEST_CASE("if every name is taken, the log gives up after a while and tries again later") {
  World world;
  std::list<spool::FolderLocks> others;
  world.files.after_new_folder = [&](const std::string& path) {
    if (path != "/spool") CHECK(others.emplace_back().take(world.files, path)->has_value());
  };
  const auto refused = world.try_append(1, 1);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == pe::ErrorKind::Storage);
  CHECK(others.size() == 100);
  world.files.after_new_folder = nullptr;
  CHECK(world.try_append(1, 1).has_value());
  CHECK(world.left() == "1");
}

TEST_CASE("what the disk refuses of a folder is an error, and the next append tries again") {
  using Files = test::FaultyFiles;
  for (bool Files::*fault : {&Files::make_folder_fails, &Files::open_fails, &Files::list_fails,
                             &Files::lock_fails, &Files::status_fails}) {
    World world;
    world.files.*fault = true;
    const auto refused = world.try_append(1, 2);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().kind == pe::ErrorKind::Storage);
    CHECK(world.log.written() == 0);
    CHECK(world.log.name().empty());
    world.files.*fault = false;
    CHECK(world.try_append(1, 2).has_value());
    CHECK(world.left() == "1 2");
  }
}

TEST_CASE("on a disk without space nothing is left of a folder or a segment that cannot begin") {
  for (std::size_t space = 0; space < 320; ++space) {
    CAPTURE(space);
    World world;
    world.files.space = space;
    const auto refused = world.try_append(1, 2);
    if (!refused) {
      CHECK(refused.error().code == "NoSpace");
      CHECK(world.log.written() == 0);
      CHECK_FALSE(world.log.has_pending());
      if (!world.log.name().empty()) CHECK(world.files.count(world.folder()) <= 2);
      if (world.log.name().empty()) CHECK(world.files.count("/spool") == 0);
      world.files.space.reset();
      CHECK(world.try_append(1, 2).has_value());
    }
    CHECK(world.left() == "1 2");
  }
}

TEST_CASE("a scope that is too long for a header is refused, and nothing is left") {
  World world;
  spool::Scope scope = test::spool_scope();
  scope.account.assign(spool::kMaxHeaderBodySize, 'x');
  spool::Log log{world.files, world.locks, world.platform, "/other", scope, 1'000, true};
  spool::FrameChunk chunk;
  chunk.salt = log.salt();
  CHECK(World::add(chunk, 1, 0));
  CHECK(log.append(chunk).error().kind == pe::ErrorKind::Configuration);
  CHECK(world.files.count("/other") == 0);
}

// --- Appending ---

TEST_CASE("what was appended is in the file at once, in its order, and gaps are allowed") {
  World world{10'000};
  REQUIRE(world.try_append(1, 3).has_value());
  CHECK(world.log.written() == 3);
  CHECK(world.log.durable() == 0);
  world.append(7, 7);
  world.log.skip_to(9);
  CHECK(world.log.written() == 9);
  world.log.skip_to(2);
  CHECK(world.log.written() == 9);
  world.append(12, 12);
  CHECK(world.log.bytes() == world.files.bytes(world.path(1)).size());
  CHECK(world.left() == "1 2 3 7 12");
}

TEST_CASE("a full segment is sealed, and the next one begins") {
  World world;
  world.append(1, 7);
  CHECK(world.segments() == "00000001.log 00000002.log 00000003.log");
  for (std::uint64_t number = 1; number <= 3; ++number) {
    const auto reader = spool::SegmentReader::open(world.files, world.path(number));
    REQUIRE(reader.has_value());
    CHECK(reader->header().first_sequence == 1 + 3 * (number - 1));
    CHECK(reader->header().generation == 0);
    CHECK(reader->header().writer == world.log.name());
  }
  // A chunk that is larger than a segment is not divided.
  REQUIRE(world.try_append(8, 30).has_value());
  CHECK(world.segments() == "00000001.log 00000002.log 00000003.log 00000004.log");
  CHECK(world.left().substr(0, 11) == "1 2 3 4 5 6");
}

TEST_CASE("the sequences of a segment may have gaps of any size") {
  World world{10'000};
  constexpr std::uint64_t distant = std::uint64_t{1} << 60U;
  for (const std::uint64_t sequence : {std::uint64_t{1}, std::uint64_t{1'048'577}, distant}) {
    world.append(sequence, sequence);
  }
  CHECK(world.segments() == "00000001.log");
  CHECK(world.left() == "1 1048577 " + std::to_string(distant));
  CHECK(world.acknowledge({1, 1'048'577}));
  CHECK(world.left() == std::to_string(distant));
}

TEST_CASE("of a chunk that is written in part nothing stays, whatever the part") {
  World probe;
  spool::FrameChunk chunk;
  CHECK((World::add(chunk, 2, 0) && World::add(chunk, 3, 0)));
  for (std::size_t part = 0; part < chunk.bytes.size(); ++part) {
    CAPTURE(part);
    World world{10'000};
    world.append(1, 1);
    const std::uint64_t bytes = world.log.bytes();
    world.files.short_write = part;
    const auto refused = world.try_append(2, 3);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().kind == pe::ErrorKind::Storage);
    CHECK(refused.error().code == "NoSpace");
    CHECK(world.log.written() == 1);
    CHECK(world.log.bytes() == bytes);
    CHECK(world.files.bytes(world.path(1)).size() == bytes);
    REQUIRE(world.try_append(2, 3).has_value());
    CHECK(world.segments() == "00000001.log");
    CHECK(world.left() == "1 2 3");
  }
}

TEST_CASE("a segment that cannot be cut back is rewritten, so that each event is found once") {
  spool::FrameChunk chunk;
  CHECK((World::add(chunk, 2, 0) && World::add(chunk, 3, 0)));
  for (std::size_t part = 0; part < chunk.bytes.size(); ++part) {
    CAPTURE(part);
    World world{10'000};
    world.append(1, 1);
    world.files.short_write = part;
    world.files.truncate_fails = true;
    CHECK_FALSE(world.try_append(2, 3).has_value());
    REQUIRE(world.try_append(2, 3).has_value());
    CHECK(world.segments() == "00000001.log 00000002.log");
    CHECK(world.left() == "1 2 3");
    REQUIRE(world.rewrite().has_value());
    CHECK(is_synced(world.log));
    CHECK(world.left() == "1 2 3");
    // The frames that were not accepted are gone: nobody sends these events again.
    CHECK(world.acknowledge({2, 3}));
    CHECK(world.left() == "1");
  }
}

TEST_CASE("an event that is too large for a frame is left out of a chunk") {
  spool::FrameChunk chunk;
  const std::string text(spool::kMaxPayloadSize, 'x');
  CHECK_FALSE(chunk.add(1, test::entry_of(text)));
  CHECK(chunk.bytes.empty());
  CHECK(chunk.notes.empty());
}

TEST_CASE("appending to a folder that was removed is an error when a segment begins") {
  World world;
  world.append(1, 3);
  world.files.delete_tree("/spool");
  CHECK(world.try_append(4, 4).error().code == "NotFound");
}

// --- Completed events ---

TEST_CASE("completed events are written as ranges, in whatever order they are reported") {
  World world{10'000};
  world.append(1, 6);
  CHECK(world.acknowledge({5, 2, 1}));
  CHECK(world.acknowledged(1) == "1-2 5-5");
  CHECK(world.acknowledge({3, 4, 4, 99}));
  CHECK(world.acknowledged(1) == "1-5");
  CHECK(world.left() == "6");
  const auto header =
      spool::decode_header(world.files.bytes(spool::acknowledgement_path(world.folder(), 1)));
  CHECK(header.state == spool::HeaderState::Good);
  CHECK(header.header.first_sequence == 0);
  CHECK(header.header.writer == world.log.name());
}

TEST_CASE("a segment is removed when each of its events completed, except the open one") {
  World world;
  world.append(1, 8);
  CHECK(world.acknowledge({3, 4, 5, 6, 7}));
  CHECK(world.segments() == "00000001.log 00000003.log");
  CHECK(world.acknowledged(1) == "3-3");
  CHECK_FALSE(world.files.exists(spool::acknowledgement_path(world.folder(), 2)));
  CHECK(world.acknowledge({1, 2}));
  CHECK(world.segments() == "00000003.log");
  CHECK(world.acknowledge({8}));
  CHECK(world.segments() == "00000003.log");
  CHECK_FALSE(world.log.has_pending());
  CHECK(world.left().empty());
  CHECK(world.log.bytes() > 0);
  world.log.close();
  CHECK(world.files.count("/spool") == 0);
}

TEST_CASE("a segment that is sealed after its last event completed is removed, too") {
  World world;
  world.append(1, 3);
  CHECK(world.acknowledge({1, 2, 3}));
  CHECK(world.segments() == "00000001.log");
  world.append(4, 4);
  CHECK(world.acknowledge({}));
  CHECK(world.segments() == "00000002.log");
}

TEST_CASE("what cannot be written down is an error, and the segment is finished all the same") {
  World world;
  world.append(1, 6);
  world.files.open_fails = true;
  CHECK_FALSE(world.acknowledge({1}));
  world.files.open_fails = false;
  world.files.space = 0;
  CHECK_FALSE(world.acknowledge({4}));
  world.files.space.reset();
  CHECK(world.acknowledge({2, 5}));
  CHECK(world.acknowledged(1) == "2-2");
  CHECK(world.acknowledge({3}));
  CHECK(world.segments() == "00000002.log");
  CHECK(world.left() == "4 6");
}

TEST_CASE("a finished segment that cannot be removed brings none of its events back") {
  World world;
  world.append(1, 4);
  world.files.remove_fails = true;
  CHECK(world.acknowledge({1}));
  CHECK(world.acknowledge({2, 3}));
  CHECK(world.segments() == "00000001.log 00000002.log");
  CHECK(world.left() == "4");
}

TEST_CASE("events that completed while they were written are noted when they are in the log") {
  World world{10'000};
  world.append(1, 1);
  CHECK(world.acknowledge({2, 4}));
  CHECK(world.acknowledge({}));
  REQUIRE(world.try_append(2, 4).has_value());
  CHECK(world.acknowledge({}));
  CHECK(world.acknowledged(1) == "2-2 4-4");
  CHECK(world.left() == "1 3");
  // And they are noted once.
  const std::uint64_t bytes = world.log.bytes();
  CHECK(world.acknowledge({}));
  CHECK(world.log.bytes() == bytes);
}

TEST_CASE("an event that completed before it was written, and never is, is forgotten") {
  World world{10'000};
  world.append(1, 1);
  CHECK(world.acknowledge({2}));
  world.append(3, 3);
  CHECK(world.acknowledge({}));
  CHECK_FALSE(world.files.exists(spool::acknowledgement_path(world.folder(), 1)));
  CHECK(world.left() == "1 3");
}

// --- Reading back ---

TEST_CASE("events that are on the disk only are read in order, and while the log grows") {
  World world;
  CHECK(world.read().empty());
  world.append_disk_only(1, 2);
  world.append(3, 3);
  CHECK(world.log.unread() == 2);
  CHECK(world.read(1) == "1");
  world.append_disk_only(4, 4);
  CHECK(world.read() == "2 4");
  CHECK(world.read().empty());
  world.append_disk_only(5, 5);
  CHECK(world.read() == "5");
  CHECK(world.log.unread() == 0);
  world.append(6, 9);
  world.append_disk_only(10, 14);
  CHECK(world.read() == "10 11 12 13 14");
  CHECK(world.lost() == 0);
  CHECK(world.left() == "1 2 3 4 5 6 7 8 9 10 11 12 13 14");
}

TEST_CASE("an event that completed before it was read back is not read") {
  World world;
  world.append_disk_only(1, 4);
  CHECK(world.acknowledge({2}));
  CHECK(world.log.unread() == 3);
  CHECK(world.read() == "1 3 4");
}

TEST_CASE("a segment that is finished while it is read is left, and the next one follows") {
  World world;
  world.append_disk_only(1, 9);
  CHECK(world.read(1) == "1");
  CHECK(world.acknowledge({1, 2, 3}));
  CHECK(world.read(2) == "4 5");
  CHECK(world.acknowledge({4, 5, 6, 7, 8}));
  CHECK(world.read() == "9");
  CHECK(world.lost() == 0);
}

TEST_CASE("an event that was damaged on the disk is lost, and no other") {
  World probe;
  probe.append_disk_only(1, 3);
  const std::string whole = probe.files.bytes(probe.path(1));
  const std::size_t header = spool::decode_header(whole).size;
  const std::size_t frame = (whole.size() - header) / 3;
  for (std::size_t at = header; at < whole.size(); ++at) {
    CAPTURE(at);
    World world;
    world.append_disk_only(1, 4);
    std::string& bytes = world.files.bytes(world.path(1));
    bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
    std::string expected;
    for (std::uint64_t i = 1; i <= 4; ++i) {
      if (i != 1 + (at - header) / frame) add_number(expected, i);
    }
    CHECK(world.read() == expected);
    CHECK(world.lost() == 1);
    CHECK(world.log.unread() == 0);
  }
}

TEST_CASE("a segment that cannot be read is an error, and a later call goes on") {
  using Files = test::FaultyFiles;
  for (bool Files::*fault : {&Files::open_fails, &Files::read_fails, &Files::status_fails}) {
    World world;
    world.append_disk_only(1, 4);
    world.files.*fault = true;
    CHECK(world.read() == " failed");
    CHECK(world.read() == " failed");
    world.files.*fault = false;
    CHECK(world.read() == "1 2 3 4");
    CHECK(world.lost() == 0);
  }
}

TEST_CASE("a failure in the middle of an own segment repeats no event and skips none") {
  World world{10U << 20U};
  const std::string padding(40'000, ' ');
  for (std::uint64_t i = 1; i <= 20; ++i) {
    spool::FrameChunk chunk;
    chunk.salt = world.log.salt();
    spool::Entry entry = test::entry_of(padding);
    entry.flags = spool::kDiskOnly;
    CHECK(chunk.add(i, entry));
    REQUIRE(world.log.append(chunk).has_value());
  }
  std::uint64_t read = 0;
  for (int tries = 0; tries < 1'000 && read < 20; ++tries) {
    world.files.read_fails = tries % 2 == 0;
    const auto frame = world.log.next();
    if (!frame) continue;
    REQUIRE(frame->has_value());
    CHECK((*frame)->sequence == ++read);
  }
  CHECK(read == 20);
  CHECK(world.lost() == 0);
}

TEST_CASE("a segment that stays unreadable is skipped, and the next one follows") {
  World world;
  world.append_disk_only(1, 8);
  world.files.open_fails = true;
  CHECK(world.read() == " failed");
  world.log.skip();
  world.files.open_fails = false;
  CHECK(world.log.unread() == 5);
  CHECK(world.read() == "4 5 6 7 8");
  CHECK(world.lost() == 0);
  // Nothing that was skipped counts as readable, and nothing of it is given up.
  CHECK(world.log.unread() == 0);
  CHECK(world.read().empty());
  world.log.skip();
  CHECK(world.acknowledge({2}));
  CHECK(world.log.unread() == 0);
  world.log.unskip();
  world.log.unskip();
  CHECK(world.log.unread() == 2);
  CHECK(world.read() == "1 3");
  CHECK(world.log.unread() == 0);
  CHECK(world.left() == "1 3 4 5 6 7 8");
}

TEST_CASE("a segment that was skipped is evicted and rewritten as others are") {
  World world;
  world.append_disk_only(1, 4);
  world.log.skip();
  CHECK(world.log.unread() == 1);
  SECTION("evicted") {
    std::string evicted;
    CHECK(world.log.evict_oldest(
        [&](const spool::Frame& frame) { add_number(evicted, frame.sequence); }));
    CHECK(evicted == "1 2 3");
    CHECK(world.log.unread() == 1);
    CHECK(world.read() == "4");
  }
  SECTION("rewritten") {
    world.files.fails_at = "00000001.log";
    world.fail_sync();
    REQUIRE(world.rewrite().has_value());
    world.log.unskip();
    CHECK(world.log.unread() == 4);
    CHECK(world.read() == "1 2 3 4");
  }
  CHECK(world.lost() == 0);
}

// --- Bringing to the disk ---

TEST_CASE("a sync brings what was written before it to the disk, and its names") {
  World world;
  CHECK_FALSE(world.log.has_unsynced());
  world.append(1, 4);
  CHECK(world.log.has_unsynced());
  CHECK(is_synced(world.log));
  CHECK(world.log.durable() == 4);
  CHECK(world.files.syncs == 2);
  CHECK(world.files.folder_syncs == 2);
  CHECK(is_synced(world.log));
  CHECK(world.files.syncs == 2);
  world.append(5, 5);
  CHECK(is_synced(world.log));
  CHECK(world.files.syncs == 3);
  // The names are on the disk already.
  CHECK(world.files.folder_syncs == 2);
}

TEST_CASE("after a sync, a cut of the power takes nothing") {
  for (std::uint32_t seed = 1; seed <= 50; ++seed) {
    CAPTURE(seed);
    std::mt19937 random{seed};
    World world;
    world.append(1, 5);
    REQUIRE(is_synced(world.log));
    world.append(6, 8);
    std::string folder = world.folder();
    world.files.cut_power([&](std::size_t below) { return random() % below; });
    CHECK(pending_in(world.files, folder).substr(0, 9) == "1 2 3 4 5");
  }
}

TEST_CASE("what is appended during a sync waits for the next one") {
  World world;
  world.append(1, 1);
  world.files.during_sync = [&] { world.append(2, 5); };
  CHECK(world.log.sync().has_value());
  CHECK(world.log.durable() == 1);
  CHECK(world.log.has_unsynced());
  CHECK(is_synced(world.log));
  CHECK(world.log.durable() == 5);
}

TEST_CASE("segments that the log removes, because nothing in them is pending, are no fault") {
  for (const bool keeps_files : {true, false}) {
    CAPTURE(keeps_files);
    SECTION(keeps_files ? "with their files open" : "with their files closed") {
      World world{kThreeEvents, keeps_files};
      world.append(1, 10);
      SECTION("removed before a sync") {
        CHECK(world.acknowledge({1, 2, 3, 4, 5, 6}));
        CHECK(world.segments() == "00000003.log 00000004.log");
      }
      SECTION("read and removed before a sync") {
        world.append_disk_only(11, 40);
        CHECK(world.read(20).substr(0, 5) == "11 12");
        std::vector<std::uint64_t> all(30);
        for (std::uint64_t i = 0; i < 30; ++i) all[i] = i + 1;
        CHECK(world.acknowledge(all));
      }
      CHECK(is_synced(world.log));
      CHECK(world.log.durable() >= 10);
      CHECK(is_synced(world.log));
      CHECK_FALSE(world.log.has_unsynced());
      CHECK_FALSE(world.log.seal_failed());
    }
  }
}

TEST_CASE("after a failed sync the file is never synced again, and nothing is durable") {
  World world;
  world.append(1, 2);
  world.fail_sync();
  CHECK(world.files.syncs == 0);
  for (int i = 0; i < 3; ++i) {
    CHECK_FALSE(is_synced(world.log));
    CHECK(world.log.durable() == 0);
  }
  CHECK(world.files.syncs == 0);
  // Nothing is appended to it any more.
  world.append(3, 3);
  CHECK(world.segments() == "00000001.log 00000002.log");
  CHECK_FALSE(is_synced(world.log));
  CHECK(world.log.durable() == 0);
  CHECK(world.log.seal_failed());
}

TEST_CASE("a rewrite replaces a segment by its next generation, of the same sequences") {
  World world;
  world.append(1, 1);
  world.append_disk_only(2, 3);
  world.append(4, 4);
  CHECK(world.acknowledge({1}));
  CHECK(world.read(1) == "2");
  world.files.fails_at = "00000001.log";
  world.fail_sync();
  // The old one stays until the disk has the new one.
  bool has_both = false;
  const std::string old = world.path(1);
  const std::string fresh = world.path(1, 1);
  world.files.during_sync = [&] {
    has_both = world.files.exists(old) && world.files.exists(fresh);
  };
  REQUIRE(world.rewrite().has_value());
  CHECK(has_both);
  CHECK(world.segments() == "00000001.1.log 00000002.log");
  CHECK(world.lost() == 0);
  auto reader = spool::SegmentReader::open(world.files, fresh);
  REQUIRE(reader.has_value());
  CHECK(reader->header().generation == 1);
  CHECK(reader->header().first_sequence == 1);
  std::string found;
  for (;;) {
    const auto frame = reader->next();
    REQUIRE(frame.has_value());
    if (!*frame) break;
    const bool is_end = ((*frame)->entry.flags & spool::kEndOfSegment) != 0;
    add_number(found, (*frame)->sequence);
    if (is_end) found.append("end");
  }
  CHECK(found == "2 3 4end");
  CHECK(is_synced(world.log));
  CHECK(world.log.durable() == 4);
  CHECK(world.log.bytes() ==
        world.files.bytes(fresh).size() + world.files.bytes(world.path(2)).size() +
            world.files.bytes(spool::acknowledgement_path(world.folder(), 1)).size());
  // Reading goes on where it was.
  CHECK(world.read() == "3");
  CHECK(world.acknowledge({2, 3}));
  CHECK(world.segments() == "00000002.log");
  CHECK(world.left() == "4");
}

TEST_CASE("what a failed sync lost of a file is written from memory, if memory has it") {
  World world{10'000};
  world.append(1, 2);
  world.append_disk_only(3, 4);
  world.files.sync_fails = true;
  CHECK_FALSE(world.log.sync().has_value());
  world.files.sync_fails = false;
  std::string& bytes = world.files.bytes(world.path(1));
  for (const char* text : {"visite1", "visite3"}) bytes[bytes.find(text)] = 'X';
  REQUIRE(world.rewrite({1, 2}).has_value());
  CHECK(world.lost() == 1);
  CHECK(world.log.unread() == 1);
  CHECK(world.read() == "4");
  CHECK(is_synced(world.log));
  CHECK(world.left() == "1 2 4");
}

TEST_CASE("a segment that cannot be read now is not rewritten, so that nothing is lost") {
  using Files = test::FaultyFiles;
  for (bool Files::*fault : {&Files::read_fails, &Files::status_fails}) {
    World world{10'000};
    world.append(1, 2);
    world.append_disk_only(3, 4);
    world.fail_sync();
    world.files.*fault = true;
    CHECK_FALSE(world.rewrite({1, 2}).has_value());
    world.files.*fault = false;
    CHECK(world.segments() == "00000001.log");
    CHECK(world.lost() == 0);
    REQUIRE(world.rewrite({1, 2}).has_value());
    CHECK(world.read() == "3 4");
    CHECK(world.left() == "1 2 3 4");
  }
}

TEST_CASE("events that completed are not rewritten, and a segment of them only is removed") {
  World world;
  world.append(1, 4);
  world.fail_sync();
  CHECK(world.acknowledge({1, 3}));
  REQUIRE(world.rewrite({1, 2, 3, 4}).has_value());
  CHECK(world.left() == "2 4");
  CHECK(world.acknowledge({2, 4}));
  CHECK(world.left().empty());
}

TEST_CASE("a rewrite that fails changes nothing, and is tried again") {
  World world{10'000};
  world.append_disk_only(1, 3);
  world.fail_sync();
  for (std::size_t space = 0; space < 300; ++space) {
    CAPTURE(space);
    world.files.space = space;
    CHECK_FALSE(world.rewrite().has_value());
    world.files.space.reset();
    CHECK(world.segments() == "00000001.log");
    CHECK_FALSE(is_synced(world.log));
  }
  using Files = test::FaultyFiles;
  for (bool Files::*fault : {&Files::sync_fails, &Files::open_fails}) {
    world.files.*fault = true;
    CHECK_FALSE(world.rewrite().has_value());
    world.files.*fault = false;
    CHECK(world.segments() == "00000001.log");
  }
  CHECK(world.log.durable() == 0);
  CHECK(world.lost() == 0);
  REQUIRE(world.rewrite().has_value());
  CHECK(is_synced(world.log));
  CHECK(world.log.durable() == 3);
  CHECK(world.read() == "1 2 3");
  CHECK(world.left() == "1 2 3");
}

TEST_CASE("a segment may be rewritten again and again") {
  World world{10'000};
  world.append_disk_only(1, 2);
  world.fail_sync();
  REQUIRE(world.rewrite().has_value());
  CHECK(world.segments() == "00000001.1.log");
  world.append(3, 6);
  CHECK(world.acknowledge({1, 3, 4, 5}));
  world.fail_sync();
  REQUIRE(world.rewrite({6}).has_value());
  CHECK(is_synced(world.log));
  CHECK(world.left() == "2 6");
}

TEST_CASE("an event that is pending in memory is durable only after the rewrite and a sync") {
  World world;
  world.append(1, 1);
  world.fail_sync();
  world.append(2, 2);
  CHECK_FALSE(is_synced(world.log));
  CHECK(world.log.durable() == 0);
  REQUIRE(world.rewrite({1, 2}).has_value());
  CHECK(world.log.durable() == 0);
  CHECK(is_synced(world.log));
  CHECK(world.log.durable() == 2);
}

namespace {

/// A process that rewrites a segment after a failed sync, and dies at a point of it. Pending are 2
/// (in memory), 3 (on the disk only) and 5 (in another segment).
struct DyingProcess {
  DyingProcess() : mortal(files) {
    log = std::make_unique<spool::Log>(mortal, locks, platform, "/spool", test::spool_scope(),
                                       kThreeEvents, true);
    for (std::uint64_t i = 1; i <= 5; ++i) {
      spool::FrameChunk chunk;
      chunk.salt = log->salt();
      CHECK(World::add(chunk, i, i == 3 ? spool::kDiskOnly : 0U));
      REQUIRE(log->append(chunk).has_value());
    }
    REQUIRE(is_synced(*log));
    REQUIRE(log->acknowledge({1, 4}).has_value());
    folder = "/spool/" + log->name();
  }
  void kill() {
    mortal.life().is_over = true;
    log = nullptr;
    locks.close_all();
  }

  test::FaultyFiles files{};
  test::MortalFiles mortal;
  spool::FolderLocks locks{};
  pe::testing::VirtualPlatform platform{};
  std::unique_ptr<spool::Log> log{};
  std::string folder{};
};

/// The same, of which the sync failed.
struct FailedProcess {
  FailedProcess() : mortal(files) {
    log = std::make_unique<spool::Log>(mortal, locks, platform, "/spool", test::spool_scope(),
                                       kThreeEvents, true);
    append(1, 1);
    REQUIRE(is_synced(*log));
    append(2, 5);
    files.sync_fails = true;
    files.fails_at = "00000001.log";
    REQUIRE_FALSE(log->sync().has_value());
    files.sync_fails = false;
    REQUIRE(log->acknowledge({1, 4}).has_value());
    REQUIRE(log->seal_failed());
    folder = "/spool/" + log->name();
  }
  void append(std::uint64_t first, std::uint64_t last) {
    for (std::uint64_t i = first; i <= last; ++i) {
      spool::FrameChunk chunk;
      chunk.salt = log->salt();
      CHECK(World::add(chunk, i, i == 3 ? spool::kDiskOnly : 0U));
      REQUIRE(log->append(chunk).has_value());
    }
  }
  bool rewrite() {
    return log
        ->rewrite([&](std::uint64_t, std::uint64_t) {
          spool::Log::Frames frames;
          CHECK(spool::append_frame(frames[2], log->salt(), 2, test::entry_of("e2")));
          return frames;
        })
        .has_value();
  }
  void kill() {
    mortal.life().is_over = true;
    log = nullptr;
    locks.close_all();
  }

  test::FaultyFiles files{};
  test::MortalFiles mortal;
  spool::FolderLocks locks{};
  pe::testing::VirtualPlatform platform{};
  std::unique_ptr<spool::Log> log{};
  std::string folder{};
};

}  // namespace

TEST_CASE("a process killed at any byte of a rewrite leaves each pending event once") {
  bool was_rewritten = false;
  for (std::size_t bytes = 0; !was_rewritten; ++bytes) {
    CAPTURE(bytes);
    REQUIRE(bytes < 1'000);
    FailedProcess process;
    process.mortal.life().bytes_left = bytes;
    was_rewritten = process.rewrite();
    process.kill();
    CHECK(pending_in(process.files, process.folder) == "2 3 5");
    // And for the adopter after that one, too.
    CHECK(pending_in(process.files, process.folder) == "2 3 5");
  }
}

TEST_CASE("a process killed before any call of a rewrite leaves each pending event once") {
  bool was_rewritten = false;
  for (std::size_t calls = 0; !was_rewritten; ++calls) {
    CAPTURE(calls);
    REQUIRE(calls < 100);
    FailedProcess process;
    process.mortal.life().calls_left = calls;
    was_rewritten = process.rewrite() && !process.mortal.life().is_over;
    process.kill();
    CHECK(pending_in(process.files, process.folder) == "2 3 5");
    CHECK(pending_in(process.files, process.folder) == "2 3 5");
  }
}

TEST_CASE("a cut of the power at any call of a rewrite takes no event that the disk had") {
  for (std::uint32_t seed = 1; seed <= 40; ++seed) {
    for (std::size_t calls = 0; calls < 24; ++calls) {
      CAPTURE(seed, calls);
      std::mt19937 random{seed};
      DyingProcess process;
      process.mortal.life().calls_left = calls;
      // A compaction writes the same way, of a segment that the disk has.
      static_cast<void>(process.log->compact());
      process.kill();
      process.files.cut_power([&](std::size_t below) { return random() % below; });
      // Acknowledgements are not synced: what completed may be found again.
      const std::string found = " " + pending_in(process.files, process.folder) + " ";
      for (const char* pending : {" 2 ", " 3 ", " 5 "}) {
        const std::size_t at = found.find(pending);
        CHECK(at != std::string::npos);
        CHECK(found.find(pending, at + 1) == std::string::npos);
      }
    }
  }
}

// --- Freeing bytes ---

TEST_CASE("a sealed segment of which less than half is pending is compacted, and nothing is lost") {
  World world{600};
  world.append_disk_only(1, 8);
  world.append(9, 9);
  CHECK(world.segments() == "00000001.log 00000002.log");
  CHECK_FALSE(world.log.compact());
  CHECK(world.acknowledge({1, 2, 3, 4, 5}));
  const std::uint64_t before = world.log.bytes();
  CHECK(world.log.compact());
  CHECK(world.log.bytes() < before);
  CHECK(world.segments() == "00000001.1.log 00000002.log");
  CHECK_FALSE(world.log.compact());
  CHECK(world.read() == "6 7 8");
  CHECK(world.lost() == 0);
  CHECK(is_synced(world.log));
  CHECK(world.log.durable() == 9);
  CHECK(world.left() == "6 7 8 9");
}

TEST_CASE("a compaction that fails changes nothing") {
  using Files = test::FaultyFiles;
  for (bool Files::*fault : {&Files::read_fails, &Files::open_fails, &Files::sync_fails}) {
    World world{600};
    world.append_disk_only(1, 9);
    CHECK(world.acknowledge({1, 2, 3, 4, 5, 6}));
    world.files.*fault = true;
    CHECK_FALSE(world.log.compact());
    world.files.*fault = false;
    CHECK(world.segments() == "00000001.log 00000002.log");
    CHECK(world.read() == "7 8 9");
    CHECK(world.left() == "7 8 9");
  }
}

TEST_CASE("the open segment is neither compacted nor evicted") {
  World world{10'000};
  world.append_disk_only(1, 9);
  CHECK(world.acknowledge({1, 2, 3, 4, 5, 6, 7, 8}));
  CHECK_FALSE(world.log.compact());
  CHECK_FALSE(world.log.evict_oldest([](const spool::Frame&) { FAIL("none"); }));
  CHECK(world.read() == "9");
}

TEST_CASE("the unread events of the oldest sealed segment are evicted, and no others") {
  World world;
  world.append(1, 1);
  world.append_disk_only(2, 7);
  CHECK(world.read(1) == "2");
  const std::uint64_t before = world.log.bytes();
  std::string evicted;
  const auto take = [&](const spool::Frame& frame) { add_number(evicted, frame.sequence); };
  CHECK(world.log.evict_oldest(take));
  CHECK(evicted == "3");
  CHECK(world.log.bytes() < before);
  CHECK(world.log.unread() == 4);
  CHECK(world.log.evict_oldest(take));
  CHECK(evicted == "3 4 5 6");
  // A segment of which nothing is pending is gone with its bytes.
  CHECK(world.segments() == "00000001.1.log 00000003.log");
  CHECK_FALSE(world.log.evict_oldest(take));
  CHECK(world.read() == "7");
  CHECK(world.lost() == 0);
  CHECK(world.left() == "1 2 7");
}

TEST_CASE("events that cannot be read when they are evicted are counted as lost") {
  World world;
  world.append_disk_only(1, 4);
  std::string& bytes = world.files.bytes(world.path(1));
  bytes[bytes.find("visite2")] = 'X';
  std::string evicted;
  const auto take = [&](const spool::Frame& frame) { add_number(evicted, frame.sequence); };
  CHECK(world.log.evict_oldest(take));
  CHECK(evicted == "1 3");
  CHECK(world.lost() == 1);
  CHECK(world.left() == "4");

  World unreadable;
  unreadable.append_disk_only(1, 4);
  unreadable.files.read_fails = true;
  CHECK(unreadable.log.evict_oldest(take));
  CHECK(unreadable.lost() == 3);
  unreadable.files.read_fails = false;
  CHECK(unreadable.left() == "4");
}

// --- The service's clock ---

TEST_CASE("the service's clock is noted once, and again when it moved") {
  World world;
  world.append(1, 1);
  const auto offset = [&] {
    const auto identity = spool::read_identity(world.files, world.folder());
    REQUIRE(identity.has_value());
    CHECK(identity->clock.identity == "boot-1");
    return identity->clock.service_offset;
  };
  const std::string path = world.folder() + "/LOCK";
  world.log.note_clock(1'000, 5'000'000);
  CHECK(offset() == 4'999'000);
  const std::size_t size = world.files.bytes(path).size();
  world.log.note_clock(2'000, 5'001'999);
  world.log.note_clock(2'000, 5'000'001);
  CHECK(world.files.bytes(path).size() == size);
  world.log.note_clock(2'000, 5'002'000);
  CHECK(offset() == 5'000'000);
  world.log.note_clock(2'000, 1'000);
  CHECK(offset() == -1'000);
  CHECK(world.left() == "1");
}

TEST_CASE("a note of the clock that was written in part is written again") {
  for (std::size_t part = 0; part < spool::kMinFrameSize; ++part) {
    CAPTURE(part);
    World world;
    world.append(1, 1);
    world.files.short_write = part;
    world.log.note_clock(1'000, 2'000);
    CHECK_FALSE(spool::read_identity(world.files, world.folder())->clock.service_offset);
    world.log.note_clock(1'000, 2'000);
    CHECK(spool::read_identity(world.files, world.folder())->clock.service_offset == 1'000);
  }
}

TEST_CASE("a clock that cannot be noted now is noted later") {
  World world;
  world.append(1, 1);
  world.files.open_fails = true;
  world.log.note_clock(1'000, 2'000);
  world.files.open_fails = false;
  world.log.note_clock(1'000, 2'000);
  CHECK(spool::read_identity(world.files, world.folder())->clock.service_offset == 1'000);
}

// --- The end ---

TEST_CASE("a log whose folder was removed is abandoned, and begins again in another") {
  World world;
  world.append(1, 2);
  world.append_disk_only(3, 5);
  CHECK(world.read(1) == "3");
  REQUIRE(is_synced(world.log));
  CHECK_FALSE(world.log.is_gone());
  world.files.delete_tree("/spool");
  CHECK(world.log.is_gone());
  CHECK_FALSE(world.log.is_lost(5));
  world.log.abandon();
  CHECK(world.lost() == 2);
  CHECK(world.log.is_lost(5));
  CHECK_FALSE(world.log.is_lost(6));
  CHECK(world.log.name().empty());
  CHECK(world.log.written() == 0);
  CHECK(world.log.durable() == 0);
  CHECK(world.log.unread() == 0);
  CHECK(world.log.bytes() == 0);
  CHECK_FALSE(world.log.has_pending());
  CHECK_FALSE(world.log.is_gone());
  // What memory has is written again, under the same sequences.
  world.append(1, 3);
  world.append(6, 6);
  CHECK(is_synced(world.log));
  CHECK(world.log.durable() == 6);
  CHECK(world.acknowledge({2}));
  CHECK(world.left() == "1 3 6");
}

TEST_CASE("a log that is abandoned with nothing on the disk only loses nothing") {
  World world;
  world.append(1, 2);
  world.files.delete_tree("/spool");
  world.log.abandon();
  CHECK(world.lost() == 0);
  CHECK_FALSE(world.log.is_lost(2));
}

TEST_CASE("a folder that is removed while a sync runs is not taken for one that was synced") {
  World world;
  world.append(1, 4);
  world.files.during_sync = [&] { world.files.delete_tree("/spool"); };
  const pe::Result<void> synced = world.log.sync();
  REQUIRE_FALSE(synced.has_value());
  CHECK(synced.error().code == "NotFound");
  CHECK(world.log.durable() == 0);
  world.files.during_sync = nullptr;
  world.log.abandon();
  world.append(1, 4);
  CHECK(world.log.durable() == 0);
  CHECK(is_synced(world.log));
  CHECK(world.log.durable() == 4);
}

TEST_CASE("a log that is closed leaves what is pending, unlocked, to the next process") {
  World world;
  world.append(1, 5);
  CHECK(world.acknowledge({1, 4}));
  const std::string folder = world.folder();
  world.log.close();
  world.log.close();
  CHECK(world.log.name().empty());
  spool::FolderLocks other;
  CHECK(other.take(world.files, folder)->has_value());
  CHECK(world.left() == "2 3 5");
}

TEST_CASE("logs in one directory have folders of their own, in the order of their beginning") {
  World world;
  spool::Log second{world.files,  world.locks, world.platform, "/spool", test::spool_scope(),
                    kThreeEvents, true};
  world.append(1, 1);
  spool::FrameChunk chunk;
  chunk.salt = second.salt();
  CHECK(World::add(chunk, 2, 0));
  REQUIRE(second.append(chunk).has_value());
  CHECK(spool::writer_number(world.log.name()) == 1);
  CHECK(spool::writer_number(second.name()) == 2);
  CHECK(second.salt() != world.log.salt());
  CHECK(world.left() == "1 2");
}

TEST_CASE("an event that is being appended while the log is read is read when it is there") {
  for (std::size_t part = 1; part <= 59; ++part) {
    CAPTURE(part);
    World world{10'000};
    world.append_disk_only(1, 2);
    // Another thread is in the middle of an append.
    spool::FrameChunk chunk;
    chunk.salt = world.log.salt();
    CHECK(World::add(chunk, 3, spool::kDiskOnly));
    std::string& bytes = world.files.bytes(world.path(1));
    const std::size_t size = bytes.size();
    bytes.append(chunk.bytes.substr(0, part));
    CHECK(world.read() == "1 2");
    bytes.resize(size);
    world.append_disk_only(3, 4);
    CHECK(world.read() == "3 4");
    CHECK(world.lost() == 0);
  }
}

TEST_CASE("events that were skipped are lost with their folder, too") {
  World world;
  world.append_disk_only(1, 4);
  world.log.skip();
  world.files.delete_tree("/spool");
  world.log.abandon();
  CHECK(world.lost() == 4);
  CHECK(world.log.is_lost(1));
}

TEST_CASE("a segment of which somebody removed the file must be rewritten") {
  World world;
  world.append(1, 2);
  REQUIRE(world.files.remove_file(world.path(1)).has_value());
  const pe::Result<void> synced = world.log.sync();
  REQUIRE_FALSE(synced.has_value());
  CHECK(synced.error().code == "NotFound");
  CHECK(world.log.durable() == 0);
  REQUIRE(world.rewrite({1, 2}).has_value());
  CHECK(is_synced(world.log));
  CHECK(world.lost() == 0);
  CHECK(world.left() == "1 2");
}
