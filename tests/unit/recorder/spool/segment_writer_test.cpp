// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/spool/segment_writer.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include "catch.hpp"
#include "personalize_events/recorder/spool/segment_reader.hpp"
#include "support/faulty_files.hpp"

namespace pe = personalize_events;
namespace spool = personalize_events::spool;

namespace {

spool::Entry entry_of(const std::string& event) {
  spool::Entry entry;
  entry.tracking_id = "t";
  entry.session_id = "s";
  entry.event = event;
  return entry;
}

struct World {
  World() { REQUIRE(files.make_folder("/w").has_value()); }
  test::FaultyFiles files{};

  spool::SegmentWriter writer(std::uint64_t size = 1'000) {
    return spool::SegmentWriter{files, "/w", {1, "uuid", "r", "e", "a"}, size, true};
  }
  std::vector<std::string> events(const std::string& name) {
    std::vector<std::string> found;
    auto reader = spool::SegmentReader::open(files, "/w/" + name);
    REQUIRE(reader.has_value());
    for (;;) {
      const auto frame = reader->next();
      REQUIRE(frame.has_value());
      if (!frame->has_value()) return found;
      found.emplace_back((*frame)->entry.event);
    }
  }
};

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("segments have a sixteenth of the spool, within bounds, and names in order") {
  CHECK(spool::segment_size(256U << 20U) == 8U << 20U);
  CHECK(spool::segment_size(16U << 20U) == 1U << 20U);
  CHECK(spool::segment_size(0) == 256U << 10U);
  CHECK(spool::segment_name(1) == "00000001.log");
  CHECK(spool::segment_name(123'456'789) == "123456789.log");
}

TEST_CASE("what was appended is in the file at once, and a full segment gives way to the next") {
  World world;
  auto writer = world.writer(300);
  const std::string text(100, 'x');
  for (std::uint64_t i = 1; i <= 3; ++i) {
    const auto appended = writer.append(entry_of(text));
    REQUIRE(appended.has_value());
    CHECK(appended->sequence == i);
    CHECK(appended->segment == i);
  }
  CHECK(world.events("00000001.log") == Texts{text});
  CHECK(world.events("00000003.log") == Texts{text});
  CHECK(writer.sync().given_up.empty());
  CHECK(world.files.syncs == 3);
  CHECK(world.files.folder_syncs == 1);
  CHECK(writer.sync().given_up.empty());
  CHECK(world.files.folder_syncs == 1);
}

TEST_CASE("a short write is cut back to the last whole frame, whatever its length") {
  const std::size_t frame = spool::frame_size(entry_of("bad"));
  for (std::size_t part = 0; part < frame; ++part) {
    CAPTURE(part);
    World world;
    auto writer = world.writer();
    REQUIRE(writer.append(entry_of("one")).has_value());
    world.files.short_write = part;
    const auto refused = writer.append(entry_of("bad"));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().kind == pe::ErrorKind::Storage);
    CHECK(refused.error().code == "NoSpace");
    CHECK(writer.append(entry_of("two"))->sequence == 2);
    CHECK(world.events("00000001.log") == Texts{"one", "two"});
  }
}

TEST_CASE("a segment that cannot be cut back is sealed") {
  World world;
  auto writer = world.writer();
  REQUIRE(writer.append(entry_of("one")).has_value());
  world.files.short_write = 9;
  world.files.truncate_fails = true;
  CHECK_FALSE(writer.append(entry_of("bad")).has_value());
  CHECK_FALSE(writer.open_segment().has_value());
  const auto next = writer.append(entry_of("two"));
  REQUIRE(next.has_value());
  CHECK(next->segment == 2);
  CHECK(next->sequence == 2);
  CHECK(world.events("00000001.log") == Texts{"one"});
  CHECK(world.events("00000002.log") == Texts{"two"});
}

TEST_CASE("a full disk refuses, and when there is room again, writing goes on") {
  World world;
  auto writer = world.writer();
  world.files.space = 20;
  CHECK(writer.append(entry_of("early")).error().code == "NoSpace");
  CHECK(world.files.list_folder("/w")->empty());
  world.files.space = 200;
  std::size_t accepted = 0;
  while (writer.append(entry_of("event")).has_value()) ++accepted;
  CHECK(accepted > 0);
  world.files.space.reset();
  CHECK(writer.append(entry_of("later")).has_value());
  Texts expected(accepted, "event");
  expected.emplace_back("later");
  CHECK(world.events("00000002.log") == expected);
}

TEST_CASE("after a failed sync the segments are given up and never synced again") {
  World world;
  auto writer = world.writer();
  REQUIRE(writer.append(entry_of("one")).has_value());
  writer.seal();
  REQUIRE(writer.append(entry_of("two")).has_value());
  world.files.sync_fails = true;
  const spool::SyncReport failed = writer.sync();
  REQUIRE(failed.given_up.size() == 2);
  CHECK(failed.error.has_value());
  CHECK(failed.given_up[0].number == 1);
  CHECK(failed.given_up[1].first_sequence == 2);
  CHECK(failed.given_up[1].end_sequence == 3);
  world.files.sync_fails = false;
  CHECK(writer.sync().given_up.empty());
  CHECK(world.files.syncs == 0);
  CHECK(writer.append(entry_of("again"))->segment == 3);
  CHECK(writer.sync().given_up.empty());
}

TEST_CASE("a folder that was deleted underneath is noticed") {
  World world;
  auto writer = world.writer();
  REQUIRE(writer.append(entry_of("one")).has_value());
  REQUIRE(writer.sync().given_up.empty());
  world.files.delete_folder("/w");
  REQUIRE(writer.append(entry_of("two")).has_value());
  const spool::SyncReport report = writer.sync();
  REQUIRE(report.given_up.size() == 1);
  CHECK(report.given_up[0].end_sequence == 3);
  CHECK(report.error->code == "NotFound");
  CHECK(writer.append(entry_of("three")).error().code == "NotFound");
}

TEST_CASE("what is too large for a frame or a header is refused") {
  World world;
  auto writer = world.writer();
  const std::string text(spool::kMaxPayloadSize, 'x');
  CHECK(writer.append(entry_of(text)).error().kind == pe::ErrorKind::InvalidArgument);
  spool::SegmentWriter other{world.files, "/w", {1, text, "", "", ""}, 1'000, false};
  CHECK(other.append(entry_of("x")).error().kind == pe::ErrorKind::Configuration);
  CHECK(world.files.list_folder("/w")->empty());
}
