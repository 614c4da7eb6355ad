// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/spool/acknowledgement_file.hpp"

#include <cstdint>
#include <string>

#include "catch.hpp"
#include "support/faulty_files.hpp"
#include "support/spool_entries.hpp"

namespace pe = personalize_events;
namespace spool = personalize_events::spool;

namespace {

const char* const kPath = "/w/00000001.ack";

std::string record(std::uint64_t first, std::uint32_t count) {
  std::string bytes;
  spool::append_acknowledgement(bytes, first, count);
  return bytes;
}

struct World {
  World() { REQUIRE(files.make_folder("/w").has_value()); }
  test::FaultyFiles files{};

  pe::Result<spool::AcknowledgementFile> open() {
    return spool::AcknowledgementFile::open(files, kPath, test::segment_header());
  }
  void write(const std::string& records) {
    auto file = open();
    REQUIRE(file.has_value());
    REQUIRE(file->write(records).has_value());
  }
  spool::Acknowledged read() {
    const auto found = spool::read_acknowledgement_file(files, kPath);
    REQUIRE(found.has_value());
    return *found;
  }
};

}  // namespace

TEST_CASE("what was acknowledged is read back, over openings and many windows") {
  World world;
  world.write(record(1, 2));
  std::string many;
  for (std::uint64_t i = 0; i < 10'000; ++i) many += record(10 + 2 * i, 1);
  world.write(many);
  const spool::Acknowledged found = world.read();
  CHECK(found.records == 10'001);
  CHECK(found.broken == 0);
  CHECK(found.events.ranges().size() == 10'001);
  CHECK(found.events.contains(2));
  CHECK_FALSE(found.events.contains(3));
  CHECK(found.events.contains(10 + 2 * 9'999));
}

TEST_CASE("an absent file says nothing, nor does a damaged one") {
  World world;
  CHECK(world.read().events.ranges().empty());
  CHECK(world.read().broken == 0);
  world.files.put(kPath, "");
  CHECK(world.read().broken == 0);
  world.files.put(kPath, std::string(200, 'x'));
  CHECK(world.read().events.ranges().empty());
  CHECK(world.read().broken == 1);
}

TEST_CASE("a torn record is not read, and cut by who opens the file next") {
  const std::size_t header = test::acknowledgement_bytes(test::segment_header(), 1, 1).size() - 16;
  for (std::size_t torn = 1; torn < spool::kAcknowledgementSize; ++torn) {
    CAPTURE(torn);
    World world;
    world.write(record(1, 1));
    world.files.bytes(kPath).append(record(2, 1).substr(0, torn));
    CHECK(world.read().events.contains(1));
    CHECK_FALSE(world.read().events.contains(2));
    world.write(record(3, 1));
    CHECK(world.files.bytes(kPath).size() == header + 32);
    CHECK(world.read().broken == 0);
    CHECK(world.read().events.contains(3));
  }
}

TEST_CASE("a damaged record is counted, and hides none but its own") {
  World world;
  world.write(record(1, 1) + record(2, 1) + record(3, 1));
  std::string& bytes = world.files.bytes(kPath);
  bytes[bytes.size() - 20] ^= 1;
  const spool::Acknowledged found = world.read();
  CHECK(found.records == 2);
  CHECK(found.broken == 1);
  CHECK(found.events.contains(1));
  CHECK_FALSE(found.events.contains(2));
  CHECK(found.events.contains(3));
}

TEST_CASE("a file whose header is torn or damaged begins anew") {
  for (const std::size_t size : {std::size_t{0}, std::size_t{7}, std::size_t{20}}) {
    CAPTURE(size);
    World world;
    world.write(record(1, 1));
    world.files.bytes(kPath).resize(size);
    world.write(record(5, 1));
    CHECK(world.read().events.contains(5));
    CHECK(world.read().broken == 0);
  }
  World world;
  world.write(record(1, 1));
  world.files.bytes(kPath)[30] ^= 1;
  world.write(record(5, 1));
  CHECK_FALSE(world.read().events.contains(1));
  CHECK(world.read().events.contains(5));
}

TEST_CASE("records are written all or not at all, whatever part of them got in") {
  for (std::size_t part = 0; part < 32; ++part) {
    CAPTURE(part);
    World world;
    auto file = world.open();
    REQUIRE(file.has_value());
    REQUIRE(file->write(record(1, 1)).has_value());
    world.files.short_write = part;
    const auto refused = file->write(record(2, 1) + record(3, 1));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().kind == pe::ErrorKind::Storage);
    CHECK(refused.error().code == "NoSpace");
    CHECK(refused.error().where == kPath);
    CHECK_FALSE(world.read().events.contains(2));
    REQUIRE(file->write(record(4, 1)).has_value());
    CHECK(world.read().events.contains(4));
    CHECK(world.read().broken == 0);
  }
}

TEST_CASE("a full disk refuses records, and takes them when there is room again") {
  World world;
  auto file = world.open();
  REQUIRE(file.has_value());
  world.files.space = 0;
  CHECK(file->write(record(1, 1)).error().code == "NoSpace");
  world.files.space.reset();
  CHECK(file->write(record(1, 1)).has_value());
  CHECK(world.read().events.contains(1));
}

TEST_CASE("behind a torn record that cannot be cut nothing is written until it can") {
  World world;
  auto file = world.open();
  REQUIRE(file.has_value());
  world.files.short_write = 5;
  world.files.truncate_fails = true;
  CHECK_FALSE(file->write(record(1, 1)).has_value());
  CHECK_FALSE(file->write(record(2, 1)).has_value());
  world.files.truncate_fails = false;
  REQUIRE(file->write(record(3, 1)).has_value());
  CHECK(world.read().events.ranges().size() == 1);
  CHECK(world.read().events.contains(3));
  CHECK(world.read().broken == 0);
}

TEST_CASE("every failure of the disk at the opening is told") {
  World world;
  world.write(record(1, 1));
  world.files.open_fails = true;
  CHECK_FALSE(world.open().has_value());
  CHECK_FALSE(spool::read_acknowledgement_file(world.files, kPath).has_value());
  world.files.open_fails = false;
  world.files.read_fails = true;
  CHECK_FALSE(world.open().has_value());
  CHECK_FALSE(spool::read_acknowledgement_file(world.files, kPath).has_value());
  world.files.read_fails = false;
  world.files.status_fails = true;
  CHECK_FALSE(world.open().has_value());
  world.files.status_fails = false;
  world.files.bytes(kPath).append("x");
  world.files.truncate_fails = true;
  CHECK_FALSE(world.open().has_value());
  world.files.truncate_fails = false;
  CHECK(world.open().has_value());
  CHECK(world.read().events.contains(1));
  world.files.put(kPath, "");
  world.files.short_write = 3;
  CHECK(world.open().error().code == "NoSpace");
  world.write(record(7, 1));
  CHECK(world.read().events.contains(7));
}
