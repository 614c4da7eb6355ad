// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/spool/event_bits.hpp"

#include <cstdint>
#include <limits>
#include <set>
#include <vector>

#include "catch.hpp"

using personalize_events::spool::EventBits;
using Sequences = std::vector<std::uint64_t>;

TEST_CASE("an empty set has no sequence, and takes any as its first") {
  EventBits bits;
  CHECK(bits.count() == 0);
  CHECK_FALSE(bits.contains(0));
  CHECK_FALSE(bits.remove(0));
  CHECK(bits.take_up_to(std::numeric_limits<std::uint64_t>::max()).empty());
  CHECK(bits.fits(0));
  CHECK(bits.fits(std::numeric_limits<std::uint64_t>::max()));
}

TEST_CASE("a sequence is counted once, however often it is added or removed") {
  EventBits bits;
  bits.add(10);
  bits.add(10);
  CHECK(bits.count() == 1);
  CHECK(bits.remove(10));
  CHECK_FALSE(bits.remove(10));
  CHECK(bits.count() == 0);
  bits.add(10);
  CHECK(bits.contains(10));
}

TEST_CASE("the span of a set is limited, and sequences below its first are not in it") {
  EventBits bits;
  bits.add(1'000);
  CHECK(bits.fits(1'000 + EventBits::kMostSpan - 1));
  CHECK_FALSE(bits.fits(1'000 + EventBits::kMostSpan));
  CHECK_FALSE(bits.fits(999));
  CHECK_FALSE(bits.contains(999));
  CHECK_FALSE(bits.contains(std::numeric_limits<std::uint64_t>::max()));
  bits.add(1'000 + EventBits::kMostSpan - 1);
  CHECK(bits.count() == 2);
  CHECK(bits.take_up_to(std::numeric_limits<std::uint64_t>::max()) ==
        Sequences{1'000, 1'000 + EventBits::kMostSpan - 1});
}

TEST_CASE("the last sequence that there is can be in a set") {
  constexpr std::uint64_t last = std::numeric_limits<std::uint64_t>::max();
  EventBits bits;
  bits.add(last);
  CHECK(bits.contains(last));
  CHECK_FALSE(bits.contains(last - 1));
  CHECK(bits.take_up_to(last) == Sequences{last});
}

TEST_CASE("a set does as a sorted one does, whatever is added, removed and taken") {
  for (std::uint32_t seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    std::uint32_t state = seed;
    const auto draw = [&state](std::uint32_t below) {
      state = state * 1'664'525U + 1'013'904'223U;
      return (state >> 16U) % below;
    };
    const std::uint64_t first = draw(1'000);
    EventBits bits;
    std::set<std::uint64_t> model{first};
    bits.add(first);
    for (int step = 0; step < 300; ++step) {
      const std::uint64_t sequence = first + draw(200);
      switch (draw(8)) {
        case 0: {
          const auto end = model.upper_bound(sequence);
          const Sequences expected(model.begin(), end);
          model.erase(model.begin(), end);
          CHECK(bits.take_up_to(sequence) == expected);
          break;
        }
        case 1:
        case 2: CHECK(bits.remove(sequence) == (model.erase(sequence) != 0)); break;
        default: bits.add(sequence); model.insert(sequence);
      }
      CHECK(bits.count() == model.size());
      CHECK(bits.contains(sequence) == (model.count(sequence) != 0));
    }
  }
}
