// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/recorder/spool/acknowledgement.hpp"

#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/faulty_files.hpp"
#include "support/spool_entries.hpp"

namespace pe = personalize_events;
namespace spool = personalize_events::detail::spool;

namespace {

const char* const kPath = "/w/00000001.ack";
constexpr std::uint64_t kLast = std::numeric_limits<std::uint64_t>::max();

spool::SequenceSet set_of(const std::vector<std::uint64_t>& sequences) {
  spool::SequenceSet set;
  for (const std::uint64_t one : sequences) set.add(one, one + 1);
  return set;
}

struct World {
  World() { REQUIRE(files.make_folder("/w").has_value()); }

  pe::Result<std::size_t> write(const std::vector<std::uint64_t>& sequences) {
    return file.write(files, kPath, test::segment_header(), set_of(sequences));
  }
  /// As a process that opens the file.
  pe::Result<std::size_t> write_again(const std::vector<std::uint64_t>& sequences) {
    file = spool::AcknowledgementFile{};
    return write(sequences);
  }
  spool::Acknowledged read() {
    const spool::SegmentHeader header = test::segment_header();
    auto found = spool::read_acknowledgements(files, kPath, &header);
    REQUIRE(found.has_value());
    return *std::move(found);
  }

  test::FaultyFiles files{};
  spool::AcknowledgementFile file{};
};

}  // namespace

// --- SequenceSet ---

TEST_CASE("a set of ranges has what a plain set has, whatever is added and removed") {
  for (std::uint32_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    std::uint32_t state = seed;
    const auto draw = [&state](std::uint32_t below) {
      state = state * 1'664'525U + 1'013'904'223U;
      return (state >> 16U) % below;
    };
    spool::SequenceSet ranges;
    std::set<std::uint64_t> plain;
    for (int i = 0; i < 40; ++i) {
      const std::uint64_t first = draw(60);
      const std::uint64_t end = first + draw(8);
      if (draw(3) == 0) {
        CHECK(ranges.remove(first) == (plain.erase(first) != 0));
      } else {
        ranges.add(first, end);
        for (std::uint64_t n = first; n < end; ++n) plain.insert(n);
      }
    }
    const std::uint64_t third = draw(3);
    if (draw(2) == 0) {
      const auto keep = [third](std::uint64_t n) { return n % 3 != third; };
      std::uint64_t removed = 0;
      for (auto one = plain.begin(); one != plain.end();) {
        removed += keep(*one) ? 0U : 1U;
        one = keep(*one) ? std::next(one) : plain.erase(one);
      }
      CHECK(ranges.retain(keep) == removed);
    }
    CHECK(ranges.count() == plain.size());
    for (std::uint64_t n = 0; n < 80; ++n) CHECK(ranges.contains(n) == (plain.count(n) != 0));
    std::uint64_t last_end = 0;
    for (const auto& [first, end] : ranges.ranges()) {
      CHECK(first < end);
      CHECK((last_end == 0 || last_end < first));
      last_end = end;
    }
  }
}

TEST_CASE("ranges reach to the last sequence, and an empty or reversed range adds nothing") {
  spool::SequenceSet set;
  set.add(5, 5);
  set.add(9, 3);
  CHECK(set.count() == 0);
  set.add(0, kLast);
  CHECK(set.count() == kLast);
  CHECK(set.contains(0));
  CHECK(set.contains(kLast - 1));
  CHECK_FALSE(set.contains(kLast));
  CHECK(set.remove(kLast - 1));
  CHECK_FALSE(set.contains(kLast - 1));
  CHECK_FALSE(set.remove(kLast));
}

// --- The file ---

TEST_CASE("the file is laid out as documented") {
  World world;
  REQUIRE(world.write({258, 259, 260, 300}).has_value());
  const std::string& bytes = world.files.bytes(kPath);
  const spool::DecodedHeader header = spool::decode_header(bytes);
  REQUIRE(header.state == spool::HeaderState::Good);
  CHECK(header.header.scope == test::spool_scope());
  const spool::Frame frame =
      spool::decode_frame(std::string_view{bytes}.substr(header.size), test::kSalt);
  REQUIRE(frame.state == spool::FrameState::Whole);
  CHECK(frame.entry.flags == spool::kCompleted);
  CHECK(frame.sequence == header.size + 1);
  CHECK(header.size + frame.size == bytes.size());
  using namespace std::string_literals;
  CHECK(frame.entry.event ==
        "\x02\x01\0\0\0\0\0\0\x05\x01\0\0\0\0\0\0"s
        "\x2c\x01\0\0\0\0\0\0\x2d\x01\0\0\0\0\0\0"s);
}

TEST_CASE("what was acknowledged is read back, over openings and many frames") {
  World world;
  REQUIRE(world.write({1, 2}).has_value());
  std::vector<std::uint64_t> many;
  for (std::uint64_t i = 0; i < 10'000; ++i) many.push_back(10 + 2 * i);
  const std::size_t before = world.files.bytes(kPath).size();
  const auto grown = world.write_again(many);
  REQUIRE(grown.has_value());
  CHECK(world.files.bytes(kPath).size() == before + *grown);
  const spool::Acknowledged found = world.read();
  CHECK(found.frames == 4);
  CHECK(found.broken == 0);
  CHECK(found.events.count() == 10'002);
  CHECK(found.events.contains(2));
  CHECK_FALSE(found.events.contains(3));
  CHECK(found.events.contains(many.back()));
}

TEST_CASE("an absent or empty file has no acknowledgement, nor has a damaged one") {
  World world;
  CHECK(world.read().events.count() == 0);
  world.files.put(kPath, "");
  CHECK(world.read().events.count() == 0);
  CHECK(world.read().broken == 0);
  world.files.put(kPath, std::string(200, 'x'));
  CHECK(world.read().events.count() == 0);
  CHECK(world.read().broken == 1);
  CHECK(spool::read_acknowledgements(world.files, kPath)->broken == 1);
}

TEST_CASE("a torn frame is not read and hides no later one") {
  World probe;
  REQUIRE(probe.write({1}).has_value());
  const std::size_t before = probe.files.bytes(kPath).size();
  REQUIRE(probe.write({2}).has_value());
  const std::string whole = probe.files.bytes(kPath);
  for (std::size_t size = before; size < whole.size(); ++size) {
    CAPTURE(size);
    World world;
    world.files.put(kPath, whole.substr(0, size));
    CHECK(world.read().events.contains(1));
    CHECK_FALSE(world.read().events.contains(2));
    CHECK(world.read().broken == 0);
    REQUIRE(world.write({3}).has_value());
    CHECK(world.read().events.contains(1));
    CHECK_FALSE(world.read().events.contains(2));
    CHECK(world.read().events.contains(3));
  }
}

TEST_CASE("a bit flip anywhere acknowledges nothing else, and hides only its own frame") {
  World probe;
  REQUIRE(probe.write({1}).has_value());
  REQUIRE(probe.write({3, 4}).has_value());
  const std::string whole = probe.files.bytes(kPath);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    CAPTURE(at);
    World world;
    world.files.put(kPath, whole);
    world.files.bytes(kPath)[at] ^= 1;
    const spool::Acknowledged found = world.read();
    for (std::uint64_t one = 0; one < 100; ++one) {
      if (one != 1 && one != 3 && one != 4) CHECK_FALSE(found.events.contains(one));
    }
    CHECK(found.events.count() >= 1);
    REQUIRE(world.write({9}).has_value());
    CHECK(world.read().events.contains(9));
  }
}

TEST_CASE("acknowledgements are found behind a header that was cut or is damaged") {
  for (const std::size_t size : {std::size_t{0}, std::size_t{7}, std::size_t{20}}) {
    CAPTURE(size);
    World world;
    REQUIRE(world.write({1}).has_value());
    world.files.bytes(kPath).resize(size);
    REQUIRE(world.write_again({5}).has_value());
    CHECK(world.read().events.contains(5));
  }
}

TEST_CASE("a range without an end is ignored") {
  std::string bytes;
  spool::SegmentHeader header = test::segment_header(0);
  REQUIRE(spool::append_header(bytes, header));
  spool::Entry entry;
  entry.flags = spool::kCompleted;
  std::string ranges;
  for (const std::uint64_t one : {kLast, std::uint64_t{7}, std::uint64_t{2}, std::uint64_t{4}}) {
    pe::detail::append_little_endian(ranges, one);
  }
  entry.event = ranges.append("half a range");
  REQUIRE(spool::append_frame(bytes, header.salt, 1, entry));
  World world;
  world.files.put(kPath, bytes);
  CHECK(world.read().events.count() == 2);
  CHECK(world.read().events.contains(3));
}

// --- Failures ---

TEST_CASE("a write that the disk took only in part acknowledges all or nothing of itself") {
  World probe;
  REQUIRE(probe.write({1}).has_value());
  const std::size_t frame = *probe.write({2, 4});
  for (std::size_t part = 0; part < frame; ++part) {
    CAPTURE(part);
    World world;
    REQUIRE(world.write({1}).has_value());
    world.files.short_write = part;
    const auto refused = world.write({2, 4});
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().kind == pe::ErrorKind::Storage);
    CHECK(refused.error().code == "NoSpace");
    CHECK(refused.error().where == kPath);
    CHECK_FALSE(world.read().events.contains(2));
    REQUIRE(world.write({6}).has_value());
    CHECK(world.read().events.contains(1));
    CHECK_FALSE(world.read().events.contains(4));
    CHECK(world.read().events.contains(6));
  }
}

TEST_CASE("a full disk refuses acknowledgements, and takes them when there is space again") {
  World world;
  world.files.space = 0;
  CHECK(world.write({1}).error().code == "NoSpace");
  world.files.space.reset();
  CHECK(world.write({1}).has_value());
  CHECK(world.read().events.contains(1));
}

TEST_CASE("every failure of the disk is an error") {
  World world;
  REQUIRE(world.write({1}).has_value());
  for (bool test::FaultyFiles::*fault :
       {&test::FaultyFiles::open_fails, &test::FaultyFiles::status_fails}) {
    world.files.*fault = true;
    CHECK_FALSE(world.write_again({2}).has_value());
    CHECK_FALSE(spool::read_acknowledgements(world.files, kPath).has_value());
    world.files.*fault = false;
  }
  world.files.read_fails = true;
  CHECK_FALSE(spool::read_acknowledgements(world.files, kPath).has_value());
  world.files.read_fails = false;
  REQUIRE(world.write_again({7}).has_value());
  CHECK(world.read().events.count() == 2);
}
