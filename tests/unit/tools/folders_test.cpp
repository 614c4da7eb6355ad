// SPDX-License-Identifier: Apache-2.0

#include "spool/folders.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "catch.hpp"
#include "spool_world.hpp"
#include "support/faulty_files.hpp"

namespace pe = personalize_events;
using tools::spool::Folder;

namespace {

const std::string kFolder = "/spool/w-00000001-0a";
const std::string kSegment = kFolder + "/00000001.log";

Folder only_folder(pe::FileSystem& files) {
  const auto spool = tools::spool::read_spool(files, "/spool");
  REQUIRE(spool);
  REQUIRE(spool->folders.size() == 1);
  CHECK(spool->is_damaged() == spool->folders.front().is_damaged());
  return spool->folders.front();
}

}  // namespace

TEST_CASE("an event is open unless a record acknowledges it") {
  test::FaultyFiles files;
  test::leave_events(files, kFolder, {3000, 2000, 7000, 5000});
  test::acknowledge(files, kFolder, 3, 1);
  std::vector<std::int64_t> taken;
  const auto spool =
      tools::spool::read_spool(files, "/spool", [&](const pe::detail::spool::Entry& entry) {
        CHECK(entry.session_id == "session-1");
        taken.push_back(entry.wall_ms);
      });
  REQUIRE(spool);
  CHECK(taken == std::vector<std::int64_t>{3000, 2000, 5000});
  REQUIRE(spool->folders.size() == 1);
  const Folder& folder = spool->folders.front();
  CHECK(folder.name == "w-00000001-0a");
  CHECK(folder.scope == test::spool_header().scope);
  CHECK_FALSE(folder.is_other_version);
  CHECK(folder.segments == 1);
  CHECK(folder.bytes == files.bytes(kSegment).size() +
                            files.bytes(kFolder + "/00000001.ack").size() +
                            files.bytes(kFolder + "/LOCK").size());
  CHECK(folder.open_events == 3);
  CHECK(folder.oldest_ms == 2000);
  CHECK(folder.youngest_ms == 5000);
  CHECK(folder.whole_frames == 4);
  CHECK(folder.acknowledgements == 1);
  CHECK_FALSE(spool->is_damaged());
}

TEST_CASE("a folder is live while a process has its lock, and none is made to find out") {
  test::FaultyFiles files;
  test::leave_events(files, kFolder, {1000});
  CHECK_FALSE(only_folder(files).is_live);
  {
    auto lock = files.open(kFolder + "/LOCK", pe::OpenFor::Append);
    REQUIRE(lock);
    REQUIRE(*(*lock)->try_lock());
    CHECK(only_folder(files).is_live);
    CHECK(only_folder(files).open_events == 1);
  }
  CHECK_FALSE(only_folder(files).is_live);
  REQUIRE(files.remove_file(kFolder + "/LOCK"));
  CHECK_FALSE(only_folder(files).is_live);
  CHECK_FALSE(files.exists(kFolder + "/LOCK"));
}

TEST_CASE("each kind of damage is distinguished from what a killed writer leaves") {
  test::FaultyFiles files;
  test::leave_events(files, kFolder, {1000, 2000, 3000});
  std::string& bytes = files.bytes(kSegment);
  SECTION("a torn frame is no damage") {
    bytes.resize(bytes.size() - 1);
    const Folder folder = only_folder(files);
    CHECK(folder.whole_frames == 2);
    CHECK(folder.torn_frames == 1);
    CHECK_FALSE(folder.is_damaged());
  }
  SECTION("nor is a torn header") {
    bytes.resize(20);
    const Folder folder = only_folder(files);
    CHECK(folder.segments == 1);
    CHECK(folder.torn_frames == 1);
    CHECK_FALSE(folder.is_damaged());
  }
  SECTION("a broken frame is") {
    bytes[bytes.size() / 2] ^= 1;
    const Folder folder = only_folder(files);
    CHECK(folder.whole_frames == 2);
    CHECK(folder.broken_frames == 1);
    CHECK(folder.is_damaged());
  }
  SECTION("a broken header is, and its frames are read") {
    bytes[0] ^= 1;
    const Folder folder = only_folder(files);
    CHECK(folder.whole_frames == 3);
    CHECK(folder.open_events == 3);
    CHECK(folder.broken_headers == 1);
    CHECK(folder.broken_frames == 0);
    CHECK(folder.unreadable_files == 0);
    CHECK(folder.scope == test::spool_header().scope);
    CHECK(folder.is_damaged());
  }
  SECTION("a broken header without the one of the LOCK file is, and nothing is read") {
    bytes[0] ^= 1;
    REQUIRE(files.remove_file(kFolder + "/LOCK"));
    const Folder folder = only_folder(files);
    CHECK(folder.unreadable_files == 1);
    CHECK(folder.scope == pe::detail::spool::Scope{});
    CHECK(folder.is_damaged());
  }
  SECTION("a broken LOCK file is, and the segment's header takes its place") {
    files.bytes(kFolder + "/LOCK")[20] ^= 1;
    const Folder folder = only_folder(files);
    CHECK(folder.open_events == 3);
    CHECK(folder.broken_headers == 1);
    CHECK(folder.scope == test::spool_header().scope);
    CHECK(folder.is_damaged());
  }
  SECTION("a torn LOCK file is none") {
    files.bytes(kFolder + "/LOCK").resize(20);
    const Folder folder = only_folder(files);
    CHECK(folder.open_events == 3);
    CHECK_FALSE(folder.is_damaged());
  }
  SECTION("a broken record is") {
    test::acknowledge(files, kFolder, 1, 1);
    files.bytes(kFolder + "/00000001.ack").back() ^= 1;
    const Folder folder = only_folder(files);
    CHECK(folder.acknowledgements == 0);
    CHECK(folder.broken_acknowledgements == 1);
    CHECK(folder.open_events == 3);
    CHECK(folder.is_damaged());
  }
  SECTION("a disk that cannot be read is") {
    files.read_fails = true;
    CHECK(only_folder(files).is_damaged());
  }
}

TEST_CASE("of a segment that was rewritten the highest complete generation counts") {
  test::FaultyFiles files;
  test::leave_events(files, kFolder, {1000, 2000, 3000});
  pe::detail::spool::SegmentHeader header = test::spool_header();
  header.generation = 1;
  std::string rewritten = test::events_at(header, {1000, 2000});
  const std::string path = kFolder + "/00000001.1.log";
  SECTION("a complete one") {
    test::append_end(rewritten, header, 4);
    files.put(path, rewritten);
    const Folder folder = only_folder(files);
    CHECK(folder.segments == 1);
    CHECK(folder.whole_frames == 2);
    CHECK(folder.open_events == 2);
    CHECK(folder.youngest_ms == 2000);
    CHECK_FALSE(folder.is_damaged());
  }
  SECTION("an incomplete one is no damage, and the one before it counts") {
    files.put(path, rewritten);
    const Folder folder = only_folder(files);
    CHECK(folder.segments == 1);
    CHECK(folder.whole_frames == 3);
    CHECK(folder.torn_frames == 0);
    CHECK_FALSE(folder.is_damaged());
  }
  SECTION("so is one whose header is torn") {
    files.put(path, rewritten.substr(0, 20));
    CHECK(only_folder(files).open_events == 3);
    CHECK_FALSE(only_folder(files).is_damaged());
  }
  SECTION("the newest of several") {
    test::append_end(rewritten, header, 4);
    files.put(path, rewritten);
    header.generation = 2;
    std::string again = test::events_at(header, {1000});
    test::append_end(again, header, 4);
    files.put(kFolder + "/00000001.2.log", again);
    CHECK(only_folder(files).open_events == 1);
  }
  SECTION("the only one that is left") {
    test::append_end(rewritten, header, 4);
    files.put(path, rewritten);
    REQUIRE(files.remove_file(kSegment));
    CHECK(only_folder(files).open_events == 2);
  }
}

TEST_CASE("equal sequences of one writer are one event, and clock frames are none") {
  test::FaultyFiles files;
  test::leave_events(files, kFolder, {1000, 2000});
  pe::detail::spool::SegmentHeader header = test::spool_header();
  header.first_sequence = 2;
  std::string second = test::events_at(header, {2000, 3000});
  pe::detail::spool::Entry clock;
  clock.flags = pe::detail::spool::kServiceClock;
  test::append_event(second, header, 9, clock);
  files.put(kFolder + "/00000002.log", second);
  const Folder folder = only_folder(files);
  CHECK(folder.segments == 2);
  CHECK(folder.whole_frames == 3);
  CHECK(folder.open_events == 3);
  CHECK_FALSE(folder.is_damaged());
}

TEST_CASE("a folder of another format version is reported and not read") {
  test::FaultyFiles files;
  test::leave_events(files, kFolder, {1000});
  SECTION("by its LOCK file") { files.bytes(kFolder + "/LOCK") = test::newer_segment(); }
  SECTION("by a segment") { files.put(kFolder + "/00000002.log", test::newer_segment()); }
  const Folder folder = only_folder(files);
  CHECK(folder.is_other_version);
  CHECK(folder.open_events == 0);
  CHECK(folder.bytes > 0);
  CHECK_FALSE(folder.is_damaged());
}

TEST_CASE("folders are listed in the order of their numbers") {
  test::FaultyFiles files;
  for (const char* name : {"w-100000000-0a", "w-00000002-0b", "w-00000002-0a", "w-99999999-0a"}) {
    test::leave_events(files, std::string{"/spool/"} + name, {1000});
  }
  CHECK(*tools::spool::writers(files, "/spool") ==
        std::vector<std::string>{"w-00000002-0a", "w-00000002-0b", "w-99999999-0a",
                                 "w-100000000-0a"});
}

TEST_CASE("other files and folders are reported or skipped") {
  test::FaultyFiles files;
  test::leave_events(files, kFolder, {1000});
  files.put(kFolder + "/note", "not a segment");
  files.put("/spool/w-file", "no folder");
  REQUIRE(files.make_folder("/spool/rejected"));
  files.put("/spool/rejected/1.jsonl", "12345");
  CHECK_FALSE(tools::spool::read_spool(files, "/spool")->is_damaged());
  REQUIRE(files.make_folder("/spool/quarantine"));
  files.put("/spool/quarantine/w-00000001-0a-00000001.log", "damaged");
  const auto spool = tools::spool::read_spool(files, "/spool");
  REQUIRE(spool);
  CHECK(spool->folders.size() == 1);
  CHECK(spool->folders.front().segments == 1);
  CHECK(spool->rejected_bytes == 5);
  CHECK(spool->quarantined_files == 1);
  CHECK(spool->is_damaged());
}

TEST_CASE("a directory that is not there is an error") {
  test::FaultyFiles files;
  CHECK_FALSE(tools::spool::read_spool(files, "/spool"));
}
