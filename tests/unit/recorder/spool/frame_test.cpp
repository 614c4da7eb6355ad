// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/spool/frame.hpp"

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"
#include "personalize_events/detail/hex.hpp"

namespace pe = personalize_events;
namespace spool = personalize_events::spool;
using spool::FrameState;

namespace {

constexpr std::uint32_t kSalt = 0x1234'5678;

spool::Entry example() {
  spool::Entry entry;
  entry.flags = spool::kMayHaveBeenDelivered;
  entry.boot_ms = 86'400'123;
  entry.wall_ms = 1'700'000'000'123;
  entry.tracking_id = "track";
  entry.session_id = "s-1";
  entry.user_id = "u7";
  entry.event = R"({"eventId":"e"})";
  return entry;
}

std::string encoded(const spool::Entry& entry, std::uint64_t sequence = 258) {
  std::string bytes;
  REQUIRE(spool::append_frame(bytes, kSalt, sequence, entry));
  return bytes;
}

/// Decodes a copy that ends where its memory does, so that a sanitizer sees a read beyond it.
FrameState state_of(std::string_view bytes) {
  const std::unique_ptr<char[]> exact{new char[bytes.size()]};
  bytes.copy(exact.get(), bytes.size());
  return spool::decode_frame({exact.get(), bytes.size()}, kSalt).state;
}

/// The frame with a checksum that is right again.
std::string repaired(std::string frame) {
  frame.resize(frame.size() - spool::kFrameCrcSize);
  pe::detail::append_little_endian(frame, pe::detail::crc32c(frame, kSalt));
  return frame;
}

}  // namespace

TEST_CASE("a frame is laid out as documented, byte by byte") {
  const std::string bytes = encoded(example());
  CHECK(bytes.size() == spool::frame_size(example()));
  const std::string head = bytes.substr(0, 42);
  CHECK(pe::detail::to_hex(reinterpret_cast<const unsigned char*>(head.data()), head.size()) ==
        "fa7065fb"
        "1f000000"
        "0201000000000000"
        "01000000"
        "7b5c260500000000"
        "7b68e5cf8b010000"
        "050003000200");
  CHECK(bytes.substr(42, bytes.size() - 46) == R"(tracks-1u7{"eventId":"e"})");
  CHECK(bytes == repaired(bytes));
}

TEST_CASE("what is encoded reads back") {
  const std::string bytes = encoded(example()) + "what follows";
  const spool::Frame frame = spool::decode_frame(bytes, kSalt);
  REQUIRE(frame.state == FrameState::Whole);
  CHECK(frame.size == bytes.size() - 12);
  CHECK(frame.sequence == 258);
  CHECK(frame.entry.flags == spool::kMayHaveBeenDelivered);
  CHECK(frame.entry.boot_ms == 86'400'123);
  CHECK(frame.entry.wall_ms == 1'700'000'000'123);
  CHECK(frame.entry.tracking_id == "track");
  CHECK(frame.entry.session_id == "s-1");
  CHECK(frame.entry.user_id == "u7");
  CHECK(frame.entry.event == R"({"eventId":"e"})");
}

TEST_CASE("the ends of every range read back") {
  spool::Entry entry;
  entry.flags = std::numeric_limits<std::uint32_t>::max();
  entry.boot_ms = std::numeric_limits<std::int64_t>::min();
  entry.wall_ms = std::numeric_limits<std::int64_t>::max();
  const std::string least = encoded(entry, std::numeric_limits<std::uint64_t>::max());
  CHECK(least.size() == spool::kMinFrameSize);
  const spool::Frame small = spool::decode_frame(least, kSalt);
  REQUIRE(small.state == FrameState::Whole);
  CHECK(small.sequence == std::numeric_limits<std::uint64_t>::max());
  CHECK(small.entry.flags == entry.flags);
  CHECK(small.entry.boot_ms == entry.boot_ms);
  CHECK(small.entry.wall_ms == entry.wall_ms);
  CHECK(small.entry.event.empty());

  const std::string id(spool::kMaxIdSize, 'i');
  entry.session_id = id;
  const std::string text(spool::kMaxPayloadSize - spool::kPayloadHeadSize - id.size(), 'x');
  entry.event = text;
  const std::string most = encoded(entry);
  CHECK(most.size() == spool::kMaxFrameSize);
  const spool::Frame large = spool::decode_frame(most, kSalt);
  REQUIRE(large.state == FrameState::Whole);
  CHECK((large.entry.session_id == id));
  CHECK((large.entry.event == text));
}

TEST_CASE("what is too large for a frame is refused, and nothing is appended") {
  std::string out = "kept";
  spool::Entry entry;
  const std::string text(spool::kMaxPayloadSize - spool::kPayloadHeadSize + 1, 'x');
  entry.event = text;
  CHECK(spool::frame_size(entry) == 0);
  CHECK_FALSE(spool::append_frame(out, kSalt, 1, entry));
  const std::string id(spool::kMaxIdSize + 1, 'i');
  for (std::string_view spool::Entry::*member :
       {&spool::Entry::tracking_id, &spool::Entry::session_id, &spool::Entry::user_id}) {
    spool::Entry with_long_id;
    with_long_id.*member = id;
    CHECK_FALSE(spool::append_frame(out, kSalt, 1, with_long_id));
  }
  const std::string ids(spool::kMaxIdSize, 'i');
  spool::Entry three;
  three.tracking_id = three.session_id = three.user_id = ids;
  CHECK_FALSE(spool::append_frame(out, kSalt, 1, three));
  CHECK(out == "kept");
}

TEST_CASE("a frame cut at any byte is torn, never broken and never whole") {
  const std::string bytes = encoded(example());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CAPTURE(size);
    CHECK(state_of(std::string_view{bytes}.substr(0, size)) == FrameState::Torn);
  }
  CHECK(state_of(bytes) == FrameState::Whole);
}

TEST_CASE("a frame with any one bit flipped is not whole") {
  std::string bytes = encoded(example());
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    CAPTURE(bit);
    const char mask = static_cast<char>(1U << (bit % 8));
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ mask);
    CHECK(state_of(bytes) != FrameState::Whole);
    // Only a length that grew can look like a frame that goes on.
    if (bit / 8 < 4 || bit / 8 >= 8) CHECK(state_of(bytes) == FrameState::Broken);
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ mask);
  }
}

TEST_CASE("lengths that do not fit are broken, even under a good checksum") {
  const std::string good = encoded(example());
  for (const std::size_t at : {std::size_t{36}, std::size_t{38}, std::size_t{40}}) {
    CAPTURE(at);
    std::string bytes = good;
    bytes[at] = '\xff';
    CHECK(state_of(repaired(bytes)) == FrameState::Broken);
    bytes[at + 1] = '\xff';
    CHECK(state_of(repaired(bytes)) == FrameState::Broken);
  }
  for (const std::uint32_t length : {0U, 5U, 131'073U, 0x7fffffffU, 0xffffffffU}) {
    CAPTURE(length);
    std::string bytes{spool::kFrameMagic};
    pe::detail::append_little_endian(bytes, length);
    CHECK(state_of(bytes) == FrameState::Broken);
    bytes.append(200, '\0');
    CHECK(state_of(bytes) == FrameState::Broken);
  }
}

TEST_CASE("what is no frame is broken at its first byte") {
  CHECK(state_of("x") == FrameState::Broken);
  CHECK(state_of("\xfapx") == FrameState::Broken);
  CHECK(state_of(std::string(100, '\0')) == FrameState::Broken);
  CHECK(state_of("") == FrameState::Torn);
}

TEST_CASE("a frame of another writer is broken, however whole it is") {
  const std::string bytes = encoded(example());
  CHECK(spool::decode_frame(bytes, kSalt).state == FrameState::Whole);
  for (const std::uint32_t salt : {std::uint32_t{0}, kSalt + 1, ~kSalt}) {
    CHECK(spool::decode_frame(bytes, salt).state == FrameState::Broken);
  }
}

TEST_CASE("the magic never occurs in UTF-8, so that no text looks like the start of a frame") {
  for (const char byte : {spool::kFrameMagic.front(), spool::kFrameMagic.back()}) {
    CHECK(static_cast<unsigned char>(byte) > 0xf4);
  }
}
