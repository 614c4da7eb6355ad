// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/recorder/spool/disk_health.hpp"

#include <chrono>
#include <string>

#include "catch.hpp"
#include "support/faulty_files.hpp"

namespace pe = personalize_events;
namespace spool = personalize_events::detail::spool;
using spool::DiskHealth;
using spool::kDiskPause;
using namespace std::chrono_literals;

namespace {

constexpr DiskHealth::Time kStart{1h};
constexpr const char* kDirectory = "/var/spool/events";

pe::Error storage(const char* message) {
  return pe::detail::make_error(pe::ErrorKind::Storage, kDirectory, message);
}

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

TEST_CASE("a disk that refused is left alone for a pause") {
  DiskHealth health{kDirectory};
  CHECK_FALSE(health.refusal(kStart).has_value());
  CHECK(health.failed(storage("refused"), kStart).message == "refused");

  const auto refusal = health.refusal(kStart + kDiskPause - 1ms);
  REQUIRE(refusal.has_value());
  CHECK(refusal->message == "refused");
  CHECK_FALSE(health.refusal(kStart + kDiskPause).has_value());
  CHECK(health.fault().has_value());  // until something was written
  health.wrote();
  CHECK_FALSE(health.fault().has_value());
}

TEST_CASE("a failed sync does not put off a write that waits already") {
  DiskHealth health{kDirectory};
  health.failed(storage("refused"), kStart);
  health.sync_failed(storage("not synced"), kStart + kDiskPause / 2);
  REQUIRE(health.fault().has_value());
  CHECK(health.fault()->message == "not synced");
  CHECK_FALSE(health.refusal(kStart + kDiskPause).has_value());

  health.wrote();
  health.sync_failed(storage("not synced"), kStart);
  CHECK(health.refusal(kStart).has_value());
  CHECK_FALSE(health.refusal(kStart + kDiskPause).has_value());
}

TEST_CASE("without room nothing is written until some was found") {
  DiskHealth health{kDirectory};
  CHECK(health.should_look_for_room(kStart));  // nobody knows yet
  health.found_room(true, kStart);
  CHECK_FALSE(health.should_look_for_room(kStart));
  CHECK_FALSE(health.refusal(kStart).has_value());

  health.grew();
  CHECK(health.should_look_for_room(kStart));
  health.found_room(false, kStart);
  const auto refusal = health.refusal(kStart);
  REQUIRE(refusal.has_value());
  CHECK(refusal->kind == pe::ErrorKind::Storage);
  CHECK(refusal->code == "NoSpace");
  CHECK(refusal->where == kDirectory);
  CHECK(health.refusal(kStart + 1h).has_value());

  CHECK_FALSE(health.should_look_for_room(kStart + kDiskPause - 1ms));
  CHECK(health.should_look_for_room(kStart + kDiskPause));
  health.found_room(true, kStart);
  CHECK_FALSE(health.refusal(kStart + 2h).has_value());
}

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
