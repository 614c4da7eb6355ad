// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/spool/disk_room.hpp"

#include <string>

#include "catch.hpp"
#include "support/faulty_files.hpp"

namespace pe = personalize_events;
namespace spool = personalize_events::spool;

namespace {

struct World {
  World() {
    REQUIRE(files.make_folder("/spool").has_value());
    REQUIRE(files.make_folder("/spool/w-one").has_value());
    REQUIRE(files.make_folder("/spool/rejected").has_value());
    files.put("/spool/w-one/00000001.log", std::string(1'000, 'x'));
    files.put("/spool/w-one/00000001.ack", std::string(100, 'x'));
    files.put("/spool/rejected/r.jsonl", std::string(10, 'x'));
    options.directory = "/spool";
    options.min_free_bytes = 0;
  }
  test::FaultyFiles files{};
  pe::SpoolOptions options{};
};

}  // namespace

TEST_CASE("the bytes of a spool are those of all files in its folders") {
  World world;
  CHECK(spool::folder_bytes(world.files, "/spool/w-one") == 1'100);
  CHECK(spool::spool_bytes(world.files, "/spool") == 1'110);
  CHECK(spool::folder_bytes(world.files, "/spool/absent") == 0);
  CHECK(spool::spool_bytes(world.files, "/absent") == 0);
  world.files.open_fails = true;
  world.files.fails_at = ".ack";
  CHECK(spool::spool_bytes(world.files, "/spool") == 1'010);
  world.files.open_fails = false;
  world.files.status_fails = true;
  CHECK(spool::spool_bytes(world.files, "/spool") == 1'010);
}

TEST_CASE("what must stay free is a number of bytes, or five percent if that is less") {
  CHECK(spool::least_free(1'000, {0, 100'000}) == 1'000);
  CHECK(spool::least_free(1'000, {0, 10'000}) == 500);
  CHECK(spool::least_free(1'000, {0, 0}) == 0);
}

TEST_CASE("refused events have a sixteenth of the spool, within limits") {
  CHECK(spool::rejected_limit(0) == 64U << 10U);
  CHECK(spool::rejected_limit(16U << 20U) == 1U << 20U);
  CHECK(spool::rejected_limit(256U << 20U) == 4U << 20U);
}

TEST_CASE("a disk lacks free space by one byte") {
  World world;
  world.options.min_free_bytes = 1'000;
  world.files.space = 1'000;
  CHECK_FALSE(spool::lacks_free_space(world.files, world.options));
  world.files.space = 999;
  CHECK(spool::lacks_free_space(world.files, world.options));
  world.options.min_free_bytes = 1U << 30U;  // of which 5 % count
  world.files.space = (1U << 30U) / 20;
  CHECK_FALSE(spool::lacks_free_space(world.files, world.options));
  world.files.space = (1U << 30U) / 20 - 1;
  CHECK(spool::lacks_free_space(world.files, world.options));
}

TEST_CASE("a disk that does not report its space lacks none") {
  World world;
  world.options.directory = "/absent";
  world.options.min_free_bytes = 1U << 30U;
  world.files.space = 0;
  CHECK_FALSE(spool::lacks_free_space(world.files, world.options));
}

TEST_CASE("the size of a file that cannot be examined is 0") {
  World world;
  CHECK(spool::file_bytes(world.files, "/spool/w-one/00000001.log") == 1'000);
  CHECK(spool::file_bytes(world.files, "/spool/w-one/absent") == 0);
  world.files.status_fails = true;
  CHECK(spool::file_bytes(world.files, "/spool/w-one/00000001.log") == 0);
}
