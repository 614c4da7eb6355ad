// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/base/crc32c.hpp"

#include <cstdint>
#include <string>
#include <string_view>

#include "catch.hpp"

namespace pe = personalize_events;
using pe::detail::crc32c;

namespace {

/// Bit by bit, as the polynomial says.
std::uint32_t slow_crc32c(std::string_view bytes) {
  std::uint32_t crc = 0xffffffffU;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0x82f63b78U : 0U);
  }
  return ~crc;
}

}  // namespace

TEST_CASE("the vectors of RFC 3720, appendix B.4, hold") {
  CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aaU);
  CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43U);
  std::string up;
  std::string down;
  for (int i = 0; i < 32; ++i) {
    up.push_back(static_cast<char>(i));
    down.push_back(static_cast<char>(31 - i));
  }
  CHECK(crc32c(up) == 0x46dd794eU);
  CHECK(crc32c(down) == 0x113fdb5cU);
  // An iSCSI SCSI Read (10) command PDU.
  const std::string command{
      "\x01\xc0\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x14\x00\x00\x00\x00\x00\x04"
      "\x00\x00\x00\x00\x14\x00\x00\x00\x18\x28\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00"
      "\x00\x00",
      48};
  CHECK(crc32c(command) == 0xd9963a56U);
}

TEST_CASE("the check value of the CRC catalogue holds, at compile time too") {
  static_assert(crc32c("123456789") == 0xe3069283U);
  static_assert(crc32c("") == 0);
  CHECK(crc32c(std::string{"123456789"}) == 0xe3069283U);
}

TEST_CASE("every length and every cut gives what bit by bit gives") {
  std::string bytes;
  std::uint32_t state = 1;
  for (int i = 0; i < 67; ++i) {
    state = state * 1'664'525U + 1'013'904'223U;
    bytes.push_back(static_cast<char>(state >> 24U));
  }
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    CAPTURE(size);
    const std::string_view part = std::string_view{bytes}.substr(0, size);
    const std::uint32_t expected = slow_crc32c(part);
    CHECK(crc32c(part) == expected);
    for (std::size_t cut = 0; cut <= size; ++cut) {
      CHECK(crc32c(part.substr(cut), crc32c(part.substr(0, cut))) == expected);
    }
  }
}

TEST_CASE("one flipped bit changes the checksum") {
  std::string bytes(100, 'e');
  const std::uint32_t good = crc32c(bytes);
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    const char mask = static_cast<char>(1U << (bit % 8));
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ mask);
    CHECK(crc32c(bytes) != good);
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ mask);
  }
}
