// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/platform/random.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <vector>

#include "catch.hpp"

namespace pe = personalize_events;

TEST_CASE("random bytes fill all that was asked for, and differ each time") {
  std::set<std::vector<unsigned char>> seen;
  for (int i = 0; i < 20; ++i) {
    std::vector<unsigned char> bytes(16, 0);
    pe::detail::fill_random(bytes.data(), bytes.size());
    seen.insert(bytes);
  }
  CHECK(seen.size() == 20);

  // More than one getrandom call gives at once; the chance of 32 zeros in a row is nil.
  std::vector<unsigned char> many(100'000, 0);
  pe::detail::fill_random(many.data(), many.size());
  for (std::size_t start : {std::size_t{0}, many.size() / 2, many.size() - 32}) {
    CAPTURE(start);
    const auto first = many.begin() + static_cast<std::ptrdiff_t>(start);
    CHECK(std::any_of(first, first + 32, [](unsigned char byte) { return byte != 0; }));
  }
}

TEST_CASE("no random byte is written beyond the end") {
  std::array<unsigned char, 8> bytes{};
  pe::detail::fill_random(bytes.data(), 0);
  CHECK(bytes == std::array<unsigned char, 8>{});
  for (int i = 0; i < 8; ++i) pe::detail::fill_random(bytes.data(), 4);
  CHECK(std::all_of(bytes.begin() + 4, bytes.end(), [](unsigned char byte) { return byte == 0; }));
}
