// SPDX-License-Identifier: Apache-2.0

#include "spool_tool/purge.hpp"

#include <string>
#include <vector>

#include "catch.hpp"
#include "spool_world.hpp"
#include "support/faulty_files.hpp"

namespace pe = personalize_events;

TEST_CASE("a purge removes what the dead left, and nothing of the living") {
  test::FaultyFiles files;
  test::leave_events(files, "/spool/w-dead", {1000, 2000});
  test::acknowledge(files, "/spool/w-dead", 1, 1);
  test::leave_events(files, "/spool/w-live", {1000});
  auto lock = files.open("/spool/w-live/LOCK", pe::OpenFor::Append);
  REQUIRE(lock);
  REQUIRE(*(*lock)->try_lock());

  const auto spool = spool_tool::read_spool(files, "/spool");
  REQUIRE(spool);
  const spool_tool::Purge preview = spool_tool::purge_preview(*spool, {});
  const auto purged = spool_tool::purge(files, "/spool", {});
  REQUIRE(purged);
  CHECK(purged->folders == 1);
  CHECK(purged->open_events == 1);
  CHECK(purged->left.empty());
  CHECK(spool_tool::purge_text(preview) == spool_tool::purge_text(*purged));
  CHECK(*files.list_folder("/spool") == std::vector<std::string>{"w-live"});
  // Its acknowledgements last, or its events would come back if it ended in between.
  CHECK(files.removed == std::vector<std::string>{"/spool/w-dead/00000001.log",
                                                  "/spool/w-dead/00000001.ack",
                                                  "/spool/w-dead/LOCK"});
}

TEST_CASE("a purge of old folders looks at the youngest open event") {
  test::FaultyFiles files;
  test::leave_events(files, "/spool/w-old", {1000, 2000});
  test::leave_events(files, "/spool/w-mixed", {1000, 5000});
  test::leave_events(files, "/spool/w-done", {9000});
  test::acknowledge(files, "/spool/w-done", 1, 1);
  test::leave_events(files, "/spool/w-unknown", {1000});
  files.bytes("/spool/w-unknown/00000001.log")[0] ^= 1;
  const auto spool = spool_tool::read_spool(files, "/spool");
  REQUIRE(spool);
  CHECK(spool_tool::purge_preview(*spool, 5000).folders == 2);
  const auto purged = spool_tool::purge(files, "/spool", 5000);
  REQUIRE(purged);
  CHECK(purged->folders == 2);
  CHECK(*files.list_folder("/spool") == std::vector<std::string>{"w-mixed", "w-unknown"});
}

TEST_CASE("a purge tells what it could not remove") {
  test::FaultyFiles files;
  test::leave_events(files, "/spool/w-1", {1000});
  SECTION("a file that is not the spool's") {
    files.put("/spool/w-1/note", "mine");
    const auto purged = spool_tool::purge(files, "/spool", {});
    REQUIRE(purged);
    CHECK(purged->folders == 0);
    REQUIRE(purged->left.size() == 1);
    CHECK(files.exists("/spool/w-1/note"));
    CHECK_FALSE(files.exists("/spool/w-1/00000001.log"));
  }
  SECTION("a disk that refuses") {
    files.remove_fails = true;
    const auto purged = spool_tool::purge(files, "/spool", {});
    REQUIRE(purged);
    CHECK(purged->folders == 0);
    CHECK(purged->left.size() == 1);
    CHECK(spool_tool::purge_json(*purged, true) ==
          "{\"removed\":true,\"folders\":0,\"openEvents\":0,\"bytes\":0,\"left\":1}\n");
  }
}
