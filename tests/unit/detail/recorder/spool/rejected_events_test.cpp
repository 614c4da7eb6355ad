// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/recorder/spool/rejected_events.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include "catch.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "support/faulty_files.hpp"

namespace spool = personalize_events::detail::spool;

namespace {

struct World {
  explicit World(std::uint64_t limit = 100) : rejected(files, platform, "/spool", limit) {}

  /// The path of its file; "": there is none.
  std::string path() {
    const auto names = files.list_folder("/spool/rejected");
    for (const std::string& name : names.value_or(std::vector<std::string>{})) {
      if (name != "other.jsonl") return "/spool/rejected/" + name;
    }
    return {};
  }
  std::string content() { return files.bytes(path()); }

  test::FaultyFiles files{};
  personalize_events::testing::VirtualPlatform platform{};
  spool::RejectedEvents rejected;
};

}  // namespace

TEST_CASE("refused events are kept one a line, in a file that is made with the first") {
  World world;
  CHECK(world.path().empty());
  world.rejected.keep("{1}");
  world.rejected.keep("{2}");
  CHECK(world.content() == "{1}\n{2}\n");
}

TEST_CASE("the files of all writers have one limit, by which no line is cut") {
  World world{18};
  REQUIRE(world.files.make_folder("/spool").has_value());
  REQUIRE(world.files.make_folder("/spool/rejected").has_value());
  world.files.put("/spool/rejected/other.jsonl", std::string(10, 'x'));
  world.rejected.keep("12345678");
  CHECK(world.content().empty());
  world.rejected.keep("123");
  world.rejected.keep("456");
  world.rejected.keep("");
  CHECK(world.content() == "123\n456\n");
}

TEST_CASE("a line that the disk had no room for leaves no half of it") {
  World world;
  world.rejected.keep("one");
  world.files.short_write = 2;
  world.rejected.keep("two");
  world.rejected.keep("three");
  CHECK(world.content() == "one\nthree\n");
  world.files.space = 0;
  world.rejected.keep("four");
  world.files.space.reset();
  world.rejected.keep("five");
  CHECK(world.content() == "one\nthree\nfive\n");
}

TEST_CASE("half a line that cannot be cut is the last") {
  World world;
  world.files.short_write = 2;
  world.files.truncate_fails = true;
  world.rejected.keep("one");
  world.rejected.keep("two");
  CHECK(world.content() == "on");
}

TEST_CASE("a disk that refuses the file is asked again with the next event") {
  World world;
  world.files.make_folder_fails = true;
  world.rejected.keep("one");
  world.files.make_folder_fails = false;
  world.files.open_fails = true;
  world.rejected.keep("two");
  world.files.open_fails = false;
  world.files.status_fails = true;
  world.rejected.keep("three");
  world.files.status_fails = false;
  world.rejected.keep("four");
  CHECK(world.content() == "four\n");
}

TEST_CASE("a file of rejected events is locked while its recorder lives") {
  World world;
  const auto is_locked = [&world] {
    const auto file = world.files.open(world.path(), personalize_events::OpenFor::Read);
    REQUIRE(file.has_value());
    return !(*file)->try_lock().value_or(true);
  };
  world.rejected.keep("one");
  CHECK(is_locked());
  world.rejected = spool::RejectedEvents{world.files, world.platform, "/spool", 100};
  CHECK_FALSE(is_locked());
}
