// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/base/little_endian.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "catch.hpp"

namespace pe = personalize_events;

TEST_CASE("a number is written with its lowest byte first, after what is there") {
  std::string bytes = "x";
  pe::detail::append_little_endian(bytes, std::uint32_t{0x01020380});
  CHECK(bytes == "x\x80\x03\x02\x01");
  pe::detail::append_little_endian(bytes, std::uint16_t{0xfffe});
  CHECK(bytes.substr(5) == "\xfe\xff");
  pe::detail::append_little_endian(bytes, std::uint8_t{7});
  CHECK(bytes.size() == 8);
}

TEST_CASE("a number is read where it stands") {
  static_assert(pe::detail::load_little_endian<std::uint16_t>(std::string_view{"\x34\x12"}, 0) ==
                0x1234);
  const std::string text{"\x00\x01\x02\x03\x84\x05\x06\x07\x88", 9};
  CHECK(pe::detail::load_little_endian<std::uint8_t>(text, 4) == 0x84);
  CHECK(pe::detail::load_little_endian<std::uint32_t>(text, 1) == 0x84030201U);
  CHECK(pe::detail::load_little_endian<std::uint64_t>(text, 1) == 0x8807060584030201ULL);
}

TEST_CASE("what is written reads back, at the ends of each type") {
  const auto both_ways = [](auto number) {
    std::string bytes;
    pe::detail::append_little_endian(bytes, number);
    CHECK(bytes.size() == sizeof number);
    CHECK(pe::detail::load_little_endian<decltype(number)>(bytes, 0) == number);
  };
  both_ways(std::uint16_t{0});
  both_ways(std::numeric_limits<std::uint16_t>::max());
  both_ways(std::numeric_limits<std::uint32_t>::max());
  both_ways(std::numeric_limits<std::uint64_t>::max());
  both_ways(std::uint64_t{1} << 63U);
}
