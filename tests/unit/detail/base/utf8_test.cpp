// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/base/utf8.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "catch.hpp"

namespace pe = personalize_events;
using pe::detail::count_utf8;
using pe::detail::utf8_sequence_length;

namespace {

/// The definition, slowly: decode the bits that the lead byte promises, then ask whether the number
/// is a scalar value and could not have been written shorter.
std::size_t reference_sequence_length(std::string_view text) {
  if (text.empty()) return 0;
  const auto lead = static_cast<unsigned char>(text[0]);
  std::size_t ones = 0;
  while (ones < 8 && (lead & (0x80U >> ones)) != 0) ++ones;
  if (ones == 0) return 1;
  if (ones == 1 || ones > 4 || text.size() < ones) return 0;
  std::uint32_t scalar = lead & (0x7FU >> ones);
  for (std::size_t i = 1; i < ones; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte / 64 != 2) return 0;
    scalar = scalar * 64 + byte % 64;
  }
  const std::size_t shortest = scalar < 0x80 ? 1 : scalar < 0x800 ? 2 : scalar < 0x10000 ? 3 : 4;
  const bool is_surrogate = scalar >= 0xD800 && scalar <= 0xDFFF;
  return shortest == ones && !is_surrogate && scalar <= 0x10FFFF ? ones : 0;
}

std::optional<std::size_t> reference_count(std::string_view text) {
  std::size_t scalars = 0;
  for (; !text.empty(); ++scalars) {
    const std::size_t length = reference_sequence_length(text);
    if (length == 0) return std::nullopt;
    text = text.substr(length);
  }
  return scalars;
}

/// What was seen over many byte strings.
struct Tally {
  std::size_t strings{0}, wrong{0}, well_formed{0};
  std::size_t by_scalars[5]{};  // the well-formed ones, by the number of scalar values

  void look_at(std::string_view text) {
    const auto counted = count_utf8(text);
    ++strings;
    wrong += counted != reference_count(text);
    wrong += utf8_sequence_length(text) != reference_sequence_length(text);
    wrong += pe::detail::is_utf8(text) != counted.has_value();
    if (!counted) return;
    ++well_formed;
    ++by_scalars[*counted];
  }
};

/// All strings of `first`, then every pair of bytes.
void look_at_all_after(char first, Tally& tally) {
  std::string text(3, first);
  for (unsigned pair = 0; pair < 65536; ++pair) {
    text[1] = static_cast<char>(pair / 256);
    text[2] = static_cast<char>(pair % 256);
    tally.look_at(text);
  }
}

}  // namespace

TEST_CASE("all strings of one and two bytes are judged as the definition says") {
  Tally one, two;
  for (unsigned first = 0; first < 256; ++first) {
    std::string text(1, static_cast<char>(first));
    one.look_at(text);
    text.push_back(0);
    for (unsigned second = 0; second < 256; ++second) {
      text[1] = static_cast<char>(second);
      two.look_at(text);
    }
  }
  CHECK(one.strings == 256);
  CHECK(one.wrong == 0);
  CHECK(one.by_scalars[1] == 128);
  CHECK(two.strings == 65536);
  CHECK(two.wrong == 0);
  CHECK(two.by_scalars[1] == 0x800 - 0x80);
  CHECK(two.by_scalars[2] == 128 * 128);
}

TEST_CASE(
    "all strings of three bytes that begin a long sequence are judged as the definition says") {
  Tally tally;
  for (unsigned lead = 0xC0; lead < 256; ++lead) look_at_all_after(static_cast<char>(lead), tally);
  CHECK(tally.strings == 64 * 65536);
  CHECK(tally.wrong == 0);
  CHECK(tally.by_scalars[1] == 0x10000 - 0x800 - 0x800);  // less the surrogates
  CHECK(tally.by_scalars[2] == (0x800 - 0x80) * 128);
  CHECK(tally.by_scalars[3] == 0);
}

TEST_CASE("all pairs of bytes after the least and greatest ASCII and continuation byte") {
  Tally ascii, continuation;
  for (const char first : {'\x00', '\x7F'}) look_at_all_after(first, ascii);
  for (const char first : {'\x80', '\xBF'}) look_at_all_after(first, continuation);
  CHECK(ascii.wrong == 0);
  CHECK(ascii.by_scalars[2] == 2 * (0x800 - 0x80));
  CHECK(ascii.by_scalars[3] == 2 * 128 * 128);
  CHECK(continuation.wrong == 0);
  CHECK(continuation.well_formed == 0);
}

TEST_CASE("strings of four bytes with each lead, second and third byte") {
  Tally tally;
  std::string text(4, '\0');
  for (unsigned lead = 0xF0; lead < 0xF8; ++lead) {
    text[0] = static_cast<char>(lead);
    for (unsigned pair = 0; pair < 65536; ++pair) {
      text[1] = static_cast<char>(pair / 256);
      text[2] = static_cast<char>(pair % 256);
      for (const char last : {'\x7F', '\x80', '\xBF', '\xC0'}) {
        text[3] = last;
        tally.look_at(text);
      }
    }
  }
  CHECK(tally.strings == 8 * 65536 * 4);
  CHECK(tally.wrong == 0);
  // 0x100000 scalar values, of whose 64 last bytes two were tried.
  CHECK(tally.by_scalars[1] == 0x100000 / 64 * 2);
  CHECK(tally.well_formed == tally.by_scalars[1]);
}

TEST_CASE("scalar values are counted, not bytes or UTF-16 units") {
  CHECK(count_utf8("") == 0U);
  CHECK(count_utf8("movie-42") == 8U);
  CHECK(count_utf8("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x8E\xAC") == 3U);
  CHECK(count_utf8("e\xCC\x81") == 2U);  // a letter and a combining accent are two
  CHECK(count_utf8(std::string_view("a\0b", 3)) == 3U);
  CHECK_FALSE(count_utf8("abc\xF0\x9F\x8E"));  // cut
  CHECK_FALSE(count_utf8("\xED\xA0\x80"));     // a surrogate
  CHECK_FALSE(count_utf8("\xC0\x80"));         // an overlong NUL
  CHECK_FALSE(count_utf8("\xF4\x90\x80\x80"));
  static_assert(count_utf8("\xF0\x9F\x8E\xAC") == 1U);
  static_assert(!pe::detail::is_utf8("\xFF"));
}

TEST_CASE("a sequence cut at the end of the buffer is not read past it") {
  // The view ends inside the sequence, the bytes after it would complete it.
  const std::string text = "\xF0\x9F\x8E\xAC";
  for (std::size_t size = 1; size < 4; ++size) {
    CHECK(utf8_sequence_length(std::string_view(text).substr(0, size)) == 0);
  }
  CHECK(utf8_sequence_length(text) == 4);
  CHECK(utf8_sequence_length({}) == 0);
}
