// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/spool/acknowledgement.hpp"

#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"

namespace pe = personalize_events;
namespace spool = personalize_events::spool;

TEST_CASE("ranges in any order become the same set as one number at a time") {
  for (std::uint32_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    std::uint32_t state = seed;
    const auto draw = [&state](std::uint32_t below) {
      state = state * 1'664'525U + 1'013'904'223U;
      return (state >> 16U) % below;
    };
    spool::SequenceSet ranges;
    std::set<std::uint64_t> plain;
    for (int i = 0; i < 15; ++i) {
      const std::uint64_t first = draw(60);
      const std::uint64_t end = first + draw(8);
      ranges.add({first, end});
      for (std::uint64_t n = first; n < end; ++n) plain.insert(n);
    }
    for (std::uint64_t n = 0; n < 80; ++n) CHECK(ranges.contains(n) == (plain.count(n) != 0));
    for (std::size_t i = 1; i < ranges.ranges().size(); ++i) {
      CHECK(ranges.ranges()[i - 1].end < ranges.ranges()[i].first);
    }
    std::set<std::uint64_t> open;
    for (const auto& range : spool::open_events({10, 50}, ranges)) {
      CHECK(range.first < range.end);
      for (std::uint64_t n = range.first; n < range.end; ++n) open.insert(n);
    }
    for (std::uint64_t n = 0; n < 80; ++n) {
      const bool is_open = n >= 10 && n < 50 && plain.count(n) == 0;
      CHECK((open.count(n) != 0) == is_open);
    }
  }
}

TEST_CASE("records are laid out as documented, and read back") {
  std::string bytes;
  spool::append_acknowledgement(bytes, 258, 3);
  CHECK(bytes.substr(0, 12) == std::string("\x02\x01\0\0\0\0\0\0\x03\0\0\0", 12));
  spool::append_acknowledgement(bytes, 300, 1);
  spool::SequenceSet set;
  CHECK(spool::read_acknowledgements(bytes + "torn", set) == 0);
  REQUIRE(set.ranges().size() == 2);
  CHECK(set.ranges()[0].first == 258);
  CHECK(set.ranges()[0].end == 261);
  CHECK(set.contains(300));
}

TEST_CASE("a record that was cut or has any bit flipped acknowledges nothing") {
  std::string bytes;
  spool::append_acknowledgement(bytes, 7, 2);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    spool::SequenceSet set;
    CHECK(spool::read_acknowledgements(std::string_view{bytes}.substr(0, size), set) == 0);
    CHECK(set.ranges().empty());
  }
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ static_cast<char>(1U << (bit % 8)));
    spool::append_acknowledgement(flipped, 40, 1);
    spool::SequenceSet set;
    CHECK(spool::read_acknowledgements(flipped, set) == 1);
    REQUIRE(set.ranges().size() == 1);
    CHECK(set.contains(40));
  }
}

TEST_CASE("a record of no events, or beyond the last sequence, is broken") {
  std::string bytes(16, '\0');
  spool::append_acknowledgement(bytes, 1, 0);
  spool::append_acknowledgement(bytes, std::numeric_limits<std::uint64_t>::max(), 1);
  spool::SequenceSet set;
  CHECK(spool::read_acknowledgements(bytes, set) == 3);
  CHECK(set.ranges().empty());
}

TEST_CASE("sorted sequences become one record for each run") {
  const auto records_of = [](const std::vector<std::uint64_t>& sequences) {
    std::string bytes;
    spool::append_acknowledgements(bytes, sequences);
    CHECK(bytes.size() % spool::kAcknowledgementSize == 0);
    spool::SequenceSet set;
    CHECK(spool::read_acknowledgements(bytes, set) == 0);
    std::uint64_t count = 0;
    for (const auto& range : set.ranges()) count += range.end - range.first;
    CHECK(count == sequences.size());
    for (const std::uint64_t sequence : sequences) CHECK(set.contains(sequence));
    return bytes.size() / spool::kAcknowledgementSize;
  };
  CHECK(records_of({}) == 0);
  CHECK(records_of({7}) == 1);
  CHECK(records_of({1, 2, 3}) == 1);
  CHECK(records_of({1, 3, 5}) == 3);
  CHECK(records_of({1, 2, 4, 5, 6, 9}) == 3);
}
