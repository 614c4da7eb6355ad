// SPDX-License-Identifier: Apache-2.0
//
// Whole numbers as bytes, the lowest first, whatever the machine's own order is. The files of the
// spool and crc32c.hpp are written and read with it.
#ifndef PERSONALIZE_EVENTS_DETAIL_BASE_LITTLE_ENDIAN_HPP
#define PERSONALIZE_EVENTS_DETAIL_BASE_LITTLE_ENDIAN_HPP

#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Appends the sizeof(Number) bytes of an unsigned number.
template <class Number>
void append_little_endian(std::string& out, Number number) {
  static_assert(std::is_unsigned_v<Number>, "say how a sign is written");
  for (std::size_t i = 0; i < sizeof(Number); ++i) {
    out.push_back(static_cast<char>(static_cast<unsigned char>(number >> (8U * i))));
  }
}

/// The number that begins at `bytes[offset]`. Precondition: all its bytes are there.
template <class Number>
[[nodiscard]] constexpr Number load_little_endian(std::string_view bytes,
                                                  std::size_t offset) noexcept {
  static_assert(std::is_unsigned_v<Number>, "say how a sign is written");
  Number number = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i) {
    const Number byte = static_cast<unsigned char>(bytes[offset + i]);
    number = static_cast<Number>(number | static_cast<Number>(byte << (8U * i)));
  }
  return number;
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
