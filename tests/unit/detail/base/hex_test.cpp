// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/base/hex.hpp"

#include <cstdio>
#include <string>

#include "catch.hpp"

namespace pe = personalize_events;

TEST_CASE("every byte is two lowercase hexadecimal digits") {
  for (unsigned value = 0; value < 256; ++value) {
    char expected[3];
    std::snprintf(expected, sizeof expected, "%02x", value);
    const auto byte = static_cast<unsigned char>(value);
    CHECK(pe::detail::to_hex(&byte, 1) == expected);
  }
}

TEST_CASE("hexadecimal text keeps the order of bytes, and appending keeps what is there") {
  const unsigned char bytes[] = {0xDE, 0xAD, 0x00, 0xBE, 0xEF};
  CHECK(pe::detail::to_hex(bytes, sizeof bytes) == "dead00beef");
  CHECK(pe::detail::to_hex(bytes, 0).empty());
  CHECK(pe::detail::to_hex(nullptr, 0).empty());
  std::string text = "0x";
  pe::detail::append_hex(text, bytes, 2);
  CHECK(text == "0xdead");
}
