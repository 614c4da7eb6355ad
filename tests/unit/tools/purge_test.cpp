// SPDX-License-Identifier: Apache-2.0

#include "spool/purge.hpp"

#include <string>
#include <vector>

#include "catch.hpp"
#include "spool_world.hpp"
#include "support/faulty_files.hpp"

namespace pe = personalize_events;

TEST_CASE("a purge removes orphaned folders and no live ones") {
  test::FaultyFiles files;
  test::leave_events(files, "/spool/w-00000001-0a", {1000, 2000});
  test::acknowledge(files, "/spool/w-00000001-0a", 1, 1);
  test::leave_events(files, "/spool/w-00000002-0a", {1000});
  auto lock = files.open("/spool/w-00000002-0a/LOCK", pe::OpenFor::Append);
  REQUIRE(lock);
  REQUIRE(*(*lock)->try_lock());

  const auto spool = tools::spool::read_spool(files, "/spool");
  REQUIRE(spool);
  const tools::spool::Purge preview = tools::spool::purge_preview(*spool, {});
  const auto purged = tools::spool::purge(files, "/spool", {});
  REQUIRE(purged);
  CHECK(purged->folders == 1);
  CHECK(purged->open_events == 1);
  CHECK(purged->left.empty());
  CHECK(tools::spool::purge_text(preview) == tools::spool::purge_text(*purged));
  CHECK(*files.list_folder("/spool") == std::vector<std::string>{"w-00000002-0a"});
  // Its acknowledgements last, or its events would come back if it ended in between.
  CHECK(files.removed == std::vector<std::string>{"/spool/w-00000001-0a/00000001.log",
                                                  "/spool/w-00000001-0a/00000001.ack",
                                                  "/spool/w-00000001-0a/LOCK"});
}

TEST_CASE("a purge of old folders looks at the youngest open event") {
  test::FaultyFiles files;
  test::leave_events(files, "/spool/w-00000001-0a", {1000, 2000});
  test::leave_events(files, "/spool/w-00000002-0a", {1000, 5000});
  test::leave_events(files, "/spool/w-00000003-0a", {9000});
  test::acknowledge(files, "/spool/w-00000003-0a", 1, 1);
  test::leave_events(files, "/spool/w-00000004-0a", {1000});
  REQUIRE(files.remove_file("/spool/w-00000004-0a/LOCK"));
  files.bytes("/spool/w-00000004-0a/00000001.log")[0] ^= 1;
  const auto spool = tools::spool::read_spool(files, "/spool");
  REQUIRE(spool);
  CHECK(tools::spool::purge_preview(*spool, 5000).folders == 2);
  const auto purged = tools::spool::purge(files, "/spool", 5000);
  REQUIRE(purged);
  CHECK(purged->folders == 2);
  CHECK(*files.list_folder("/spool") == std::vector<std::string>{"w-00000002-0a", "w-00000004-0a"});
}

TEST_CASE("a purge reports what it could not remove") {
  test::FaultyFiles files;
  test::leave_events(files, "/spool/w-00000001-0a", {1000});
  SECTION("a file that is not the spool's") {
    files.put("/spool/w-00000001-0a/note", "mine");
    const auto purged = tools::spool::purge(files, "/spool", {});
    REQUIRE(purged);
    CHECK(purged->folders == 0);
    REQUIRE(purged->left.size() == 1);
    CHECK(files.exists("/spool/w-00000001-0a/note"));
    CHECK_FALSE(files.exists("/spool/w-00000001-0a/00000001.log"));
  }
  SECTION("a disk that refuses") {
    files.remove_fails = true;
    const auto purged = tools::spool::purge(files, "/spool", {});
    REQUIRE(purged);
    CHECK(purged->folders == 0);
    CHECK(purged->left.size() == 1);
    CHECK(tools::spool::purge_json(*purged, true) ==
          "{\"removed\":true,\"folders\":0,\"openEvents\":0,\"bytes\":0,\"left\":1}\n");
  }
}

TEST_CASE("a purge removes every generation of a segment before its acknowledgements") {
  test::FaultyFiles files;
  const std::string folder = "/spool/w-00000001-0a";
  test::leave_events(files, folder, {1000, 2000});
  test::acknowledge(files, folder, 1, 1);
  files.put(folder + "/00000001.1.log", "cut off");
  const auto purged = tools::spool::purge(files, "/spool", {});
  REQUIRE(purged);
  CHECK(purged->folders == 1);
  CHECK(purged->open_events == 1);
  REQUIRE(files.removed.size() == 4);
  CHECK(files.removed[2] == folder + "/00000001.ack");
  CHECK(files.list_folder("/spool")->empty());
}

TEST_CASE("a purge leaves a folder of another format version as it is") {
  test::FaultyFiles files;
  const std::string folder = "/spool/w-00000001-0a";
  test::leave_events(files, folder, {1000});
  files.bytes(folder + "/00000001.log") = test::newer_segment();
  const auto spool = tools::spool::read_spool(files, "/spool");
  REQUIRE(spool);
  CHECK(tools::spool::purge_preview(*spool, {}).folders == 0);
  const auto purged = tools::spool::purge(files, "/spool", {});
  REQUIRE(purged);
  CHECK(purged->folders == 0);
  REQUIRE(purged->left.size() == 1);
  CHECK(purged->left[0].find("another format version") != std::string::npos);
  CHECK(files.removed.empty());
}
