// SPDX-License-Identifier: Apache-2.0

#include "spool_tool/folders.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "catch.hpp"
#include "spool_world.hpp"
#include "support/faulty_files.hpp"

namespace pe = personalize_events;
using spool_tool::Folder;

namespace {

const std::string kFolder = "/spool/w-1";
const std::string kSegment = kFolder + "/00000001.log";

Folder only_folder(pe::FileSystem& files) {
  const auto spool = spool_tool::read_spool(files, "/spool");
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
  const auto spool = spool_tool::read_spool(files, "/spool", [&](const pe::spool::Entry& entry) {
    CHECK(entry.session_id == "session-1");
    taken.push_back(entry.recorded_at_ms);
  });
  REQUIRE(spool);
  CHECK(taken == std::vector<std::int64_t>{3000, 2000, 5000});
  REQUIRE(spool->folders.size() == 1);
  const Folder& folder = spool->folders.front();
  CHECK(folder.name == "w-1");
  CHECK(folder.region == "us-east-1");
  CHECK(folder.endpoint == "http://127.0.0.1:9");
  CHECK(folder.tracking_id == "tracker");
  CHECK(folder.segments == 1);
  CHECK(folder.bytes ==
        files.bytes(kSegment).size() + files.bytes(kFolder + "/00000001.ack").size());
  CHECK(folder.open_events == 3);
  CHECK(folder.oldest_ms == 2000);
  CHECK(folder.youngest_ms == 5000);
  CHECK(folder.whole_frames == 4);
  CHECK(folder.acknowledgements == 1);
  CHECK_FALSE(spool->is_damaged());
}

TEST_CASE("a folder is live while somebody has its lock, and none is made to find out") {
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

TEST_CASE("each kind of damage is told from what a killed writer leaves") {
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
  SECTION("a broken header is") {
    bytes[0] ^= 1;
    const Folder folder = only_folder(files);
    CHECK(folder.unreadable_files == 1);
    CHECK(folder.region.empty());
    CHECK(folder.is_damaged());
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

TEST_CASE("what is beside the writers' folders is told or passed over") {
  test::FaultyFiles files;
  test::leave_events(files, kFolder, {1000});
  files.put(kFolder + "/note", "not a segment");
  files.put("/spool/w-file", "no folder");
  REQUIRE(files.make_folder("/spool/rejected"));
  files.put("/spool/rejected/1.jsonl", "12345");
  CHECK_FALSE(spool_tool::read_spool(files, "/spool")->is_damaged());
  REQUIRE(files.make_folder("/spool/quarantine"));
  files.put("/spool/quarantine/w-1-00000001.log", "damaged");
  const auto spool = spool_tool::read_spool(files, "/spool");
  REQUIRE(spool);
  CHECK(spool->folders.size() == 1);
  CHECK(spool->folders.front().segments == 1);
  CHECK(spool->rejected_bytes == 5);
  CHECK(spool->quarantined_files == 1);
  CHECK(spool->is_damaged());
}

TEST_CASE("a directory that is not there is an error") {
  test::FaultyFiles files;
  CHECK_FALSE(spool_tool::read_spool(files, "/spool"));
}
