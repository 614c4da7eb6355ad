// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/spool/segment_ledger.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/faulty_files.hpp"
#include "support/spool_entries.hpp"

namespace pe = personalize_events;
namespace spool = personalize_events::spool;

namespace {

using Numbers = std::vector<std::uint64_t>;

struct World {
  World() { REQUIRE(files.make_folder("/w").has_value()); }
  test::FaultyFiles files{};
  spool::SegmentLedger ledger{files, "/w", test::segment_header()};

  void append(std::uint64_t segment, std::uint64_t first, std::uint64_t last) {
    for (std::uint64_t i = first; i <= last; ++i) ledger.appended({segment, i});
  }
  /// "1-2 5-5": what a segment's file acknowledges.
  std::string acknowledged(std::uint64_t segment) {
    const auto found =
        spool::read_acknowledgement_file(files, spool::acknowledgement_path("/w", segment));
    REQUIRE(found.has_value());
    CHECK(found->broken == 0);
    std::string text;
    for (const spool::SequenceRange& range : found->events.ranges()) {
      text.append(text.empty() ? "" : " ").append(std::to_string(range.first)).append("-");
      text.append(std::to_string(range.end - 1));
    }
    return text;
  }
};

}  // namespace

TEST_CASE("a segment and its acknowledgements stand beside each other") {
  CHECK(spool::segment_path("/w", 12) == "/w/00000012.log");
  CHECK(spool::acknowledgement_path("/w", 12) == "/w/00000012.ack");
}

TEST_CASE("the log is removed before what says that it is done") {
  World world;
  world.files.put("/w/00000001.log", "");
  world.files.put("/w/00000001.ack", "");
  REQUIRE(spool::remove_segment(world.files, "/w", 1).has_value());
  CHECK(world.files.removed == std::vector<std::string>{"/w/00000001.log", "/w/00000001.ack"});
  CHECK(spool::remove_segment(world.files, "/w", 1).has_value());

  world.files.put("/w/00000002.log", "");
  world.files.put("/w/00000002.ack", "");
  world.files.remove_fails = true;
  world.files.fails_at = ".log";
  CHECK_FALSE(spool::remove_segment(world.files, "/w", 2).has_value());
  CHECK(world.files.exists("/w/00000002.ack"));
}

TEST_CASE("what ended is written as ranges, in whatever order it is told") {
  World world;
  world.append(1, 1, 6);
  REQUIRE(world.ledger.acknowledge({5, 2, 1}).has_value());
  CHECK(world.acknowledged(1) == "1-2 5-5");
  CHECK(world.ledger.take_finished().empty());
  REQUIRE(world.ledger.acknowledge({3, 4}).has_value());
  CHECK(world.acknowledged(1) == "1-5");
  CHECK(world.ledger.take_finished().empty());
}

TEST_CASE("a segment is done when each of its events ended, the one in use excepted") {
  World world;
  world.append(1, 1, 3);
  world.append(2, 4, 5);
  world.append(4, 6, 6);
  CHECK(world.ledger.oldest()->number == 1);
  CHECK(world.ledger.oldest()->first_sequence == 1);
  CHECK(world.ledger.oldest()->end_sequence == 4);
  // A record of one segment holds nothing of the next.
  REQUIRE(world.ledger.acknowledge({3, 4, 5, 6}).has_value());
  CHECK(world.acknowledged(1) == "3-3");
  CHECK(world.ledger.take_finished(4) == Numbers{2});
  CHECK(world.ledger.take_finished() == Numbers{4});
  CHECK_FALSE(world.ledger.empty());
  REQUIRE(world.ledger.acknowledge({1, 2}).has_value());
  CHECK(world.ledger.take_finished() == Numbers{1});
  CHECK(world.ledger.take_finished().empty());
  CHECK(world.ledger.empty());
  CHECK_FALSE(world.ledger.oldest().has_value());
}

TEST_CASE("a segment that is done and stays brings nothing back") {
  World world;
  world.append(1, 1, 2);
  world.append(2, 3, 3);
  REQUIRE(world.ledger.acknowledge({1, 2}).has_value());
  CHECK(world.acknowledged(1) == "1-2");
  CHECK(world.ledger.take_finished() == Numbers{1});
}

TEST_CASE("events of no segment that is known are left out") {
  World world;
  REQUIRE(world.ledger.acknowledge({1}).has_value());
  world.append(3, 10, 11);
  world.append(5, 20, 21);
  REQUIRE(world.ledger.acknowledge({9, 12, 15, 22}).has_value());
  CHECK(world.files.count("/w") == 0);
  CHECK(world.ledger.take_finished().empty());
  CHECK(world.ledger.end_of(3) == 12);
  CHECK(world.ledger.end_of(5) == 22);
  CHECK(world.ledger.end_of(4) == 0);
}

TEST_CASE("a segment that could not be read in its turn finds its place among the others") {
  World world;
  world.append(1, 1, 2);
  world.append(3, 5, 5);
  world.append(2, 3, 4);
  REQUIRE(world.ledger.acknowledge({2, 3, 4, 5}).has_value());
  CHECK(world.acknowledged(2) == "3-4");
  CHECK(world.ledger.take_finished() == Numbers{2, 3});
  world.append(1, 3, 3);
  CHECK(world.ledger.oldest()->end_sequence == 4);
}

TEST_CASE("a segment with a gap is done by the events that it has") {
  World world;
  world.append(1, 1, 2);
  world.append(1, 5, 5);
  REQUIRE(world.ledger.acknowledge({1, 2, 5}).has_value());
  CHECK(world.ledger.take_finished() == Numbers{1});
  CHECK(world.acknowledged(1) == "1-2 5-5");
}

TEST_CASE("what cannot be written down is told, and the segment is done all the same") {
  World world;
  world.append(1, 1, 1);
  world.append(2, 2, 3);
  world.files.open_fails = true;
  CHECK(world.ledger.acknowledge({1}).error().kind == pe::ErrorKind::Storage);
  world.files.open_fails = false;
  CHECK(world.ledger.take_finished() == Numbers{1});
  world.files.space = 0;
  CHECK(world.ledger.acknowledge({2}).error().code == "NoSpace");
  world.files.space.reset();
  REQUIRE(world.ledger.acknowledge({3}).has_value());
  CHECK(world.acknowledged(2) == "3-3");
  CHECK(world.ledger.take_finished() == Numbers{2});
}

TEST_CASE("the header of the acknowledgements is that of their segment") {
  World world;
  world.append(1, 1, 1);
  world.append(2, 2, 3);
  REQUIRE(world.ledger.acknowledge({2}).has_value());
  const auto header = spool::decode_header(world.files.bytes("/w/00000002.ack"));
  CHECK(header.state == spool::HeaderState::Good);
  CHECK(header.header.first_sequence == 2);
  CHECK(header.header.writer == "writer");
}
