// SPDX-License-Identifier: Apache-2.0
//
// CRC-32C (Castagnoli): the checksum of iSCSI, which finds every burst of up to 32 wrong bits. Each
// frame and each header of the spool ends with one.
// Source: RFC 3720, section 12.1 and appendix B.4 (vectors); slicing by 8: Kounavis and Berry,
// 2005.
#ifndef PERSONALIZE_EVENTS_DETAIL_BASE_CRC32C_HPP
#define PERSONALIZE_EVENTS_DETAIL_BASE_CRC32C_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "personalize_events/detail/base/little_endian.hpp"
#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

using Crc32cTables = std::array<std::array<std::uint32_t, 256>, 8>;

/// Table k says what a byte does to the checksum when k bytes follow it.
[[nodiscard]] constexpr Crc32cTables make_crc32c_tables() noexcept {
  constexpr std::uint32_t polynomial = 0x82f63b78U;  // 0x1edc6f41 with its bits reversed
  Crc32cTables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1U) ^ ((value & 1U) * polynomial);
    tables[0][byte] = value;
  }
  for (std::size_t k = 1; k < tables.size(); ++k) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[k - 1][byte];
      tables[k][byte] = (before >> 8U) ^ tables[0][before & 0xffU];
    }
  }
  return tables;
}

inline constexpr Crc32cTables kCrc32cTables = make_crc32c_tables();

/// The CRC-32C of some bytes. With `previous`, that of the bytes before them and of them.
[[nodiscard]] constexpr std::uint32_t crc32c(std::string_view bytes,
                                             std::uint32_t previous = 0) noexcept {
  const Crc32cTables& tables = kCrc32cTables;
  std::uint32_t crc = ~previous;
  std::size_t at = 0;
  for (; bytes.size() - at >= 8; at += 8) {
    const std::uint32_t low = crc ^ load_little_endian<std::uint32_t>(bytes, at);
    const std::uint32_t high = load_little_endian<std::uint32_t>(bytes, at + 4);
    crc = tables[7][low & 0xffU] ^ tables[6][(low >> 8U) & 0xffU] ^
          tables[5][(low >> 16U) & 0xffU] ^ tables[4][low >> 24U] ^ tables[3][high & 0xffU] ^
          tables[2][(high >> 8U) & 0xffU] ^ tables[1][(high >> 16U) & 0xffU] ^
          tables[0][high >> 24U];
  }
  for (; at < bytes.size(); ++at) {
    crc = (crc >> 8U) ^ tables[0][(crc ^ static_cast<unsigned char>(bytes[at])) & 0xffU];
  }
  return ~crc;
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
