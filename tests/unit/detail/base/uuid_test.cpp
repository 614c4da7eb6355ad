// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/base/uuid.hpp"

#include <cctype>
#include <set>
#include <string>

#include "catch.hpp"

namespace pe = personalize_events;
using pe::detail::format_uuid_v4;

namespace {
std::string format_uuid_v7(std::uint64_t milliseconds, const pe::detail::UuidBytes& random) {
  return std::string{pe::detail::view_of(pe::detail::format_uuid_v7(milliseconds, random))};
}
}  // namespace
using pe::detail::UuidBytes;

namespace {

UuidBytes all(unsigned char byte) {
  UuidBytes bytes;
  bytes.fill(byte);
  return bytes;
}

}  // namespace

TEST_CASE("the example of RFC 9562, appendix A.6, comes out of its fields") {
  // unix_ts_ms 0x017F22E279B0, rand_a 0xCC3, rand_b 0x18C4DC0C0C07398F.
  const UuidBytes random{0,    0,    0,    0,    0,    0,    0x0C, 0xC3,
                         0x18, 0xC4, 0xDC, 0x0C, 0x0C, 0x07, 0x39, 0x8F};
  CHECK(format_uuid_v7(0x017F22E279B0, random) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}

TEST_CASE("the version and variant bits are put in whatever the random bytes are") {
  CHECK(format_uuid_v7(0, all(0x00)) == "00000000-0000-7000-8000-000000000000");
  CHECK(format_uuid_v7(0xFFFFFFFFFFFF, all(0xFF)) == "ffffffff-ffff-7fff-bfff-ffffffffffff");
  CHECK(format_uuid_v4(all(0x00)) == "00000000-0000-4000-8000-000000000000");
  CHECK(format_uuid_v4(all(0xFF)) == "ffffffff-ffff-4fff-bfff-ffffffffffff");
}

TEST_CASE("each of the random bits that a version leaves free reaches the text") {
  std::set<std::string> of_seven{format_uuid_v7(1, {})}, of_four{format_uuid_v4({})};
  for (std::size_t bit = 0; bit < 128; ++bit) {
    UuidBytes random{};
    random[bit / 8] = static_cast<unsigned char>(1U << (bit % 8));
    of_seven.insert(format_uuid_v7(1, random));
    of_four.insert(format_uuid_v4(random));
  }
  CHECK(of_seven.size() == 1 + 74);
  CHECK(of_four.size() == 1 + 122);
}

TEST_CASE("the 48 bits of the time stand in front, the greatest first") {
  CHECK(format_uuid_v7(0x0102030405, {}).substr(0, 13) == "00010203-0405");
  std::string before;
  for (std::uint64_t milliseconds = 1; milliseconds < (1ULL << 48U); milliseconds *= 2) {
    const std::string id = format_uuid_v7(milliseconds, all(0xFF));
    CHECK(before < id);
    CHECK(id < format_uuid_v7(milliseconds + 1, all(0x00)));
    before = id;
  }
}
