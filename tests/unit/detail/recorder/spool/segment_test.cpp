// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/recorder/spool/segment.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"
#include "personalize_events/detail/base/hex.hpp"

namespace pe = personalize_events;
namespace spool = personalize_events::detail::spool;
using spool::FrameState;
using spool::HeaderState;

namespace {

constexpr std::uint32_t kFrameSalt = 0x1234'5678;

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
  REQUIRE(spool::append_frame(bytes, kFrameSalt, sequence, entry));
  return bytes;
}

/// Decodes a copy that ends where its memory does, so that a sanitizer sees a read beyond it.
FrameState state_of(std::string_view bytes) {
  const std::unique_ptr<char[]> exact{new char[bytes.size()]};
  bytes.copy(exact.get(), bytes.size());
  return spool::decode_frame({exact.get(), bytes.size()}, kFrameSalt).state;
}

/// The frame with a checksum that is right again.
std::string repaired(std::string frame) {
  frame.resize(frame.size() - spool::kFrameCrcSize);
  pe::detail::append_little_endian(frame, pe::detail::crc32c(frame, kFrameSalt));
  return frame;
}

constexpr std::uint32_t kSalt = 0x89ab'cdef;

spool::SegmentHeader example_header() {
  return {7,         3,
          kSalt,     "w-00000012-1f2e3d4c",
          "boot-id", {"eu-west-1", "https://example", "shop", "tracker"}};
}

struct Example {
  std::string bytes{};
  /// Where the header and each frame end.
  std::vector<std::size_t> ends{};
};

Example three_frames() {
  Example example;
  REQUIRE(spool::append_header(example.bytes, example_header()));
  example.ends.push_back(example.bytes.size());
  std::uint64_t sequence = 7;
  for (const char* event : {"{\"a\":1}", "{\"b\":22}", "{\"c\":333}"}) {
    spool::Entry entry;
    entry.tracking_id = "t";
    entry.session_id = "s";
    entry.event = event;
    REQUIRE(spool::append_frame(example.bytes, kSalt, sequence++, entry));
    example.ends.push_back(example.bytes.size());
  }
  return example;
}

struct Found {
  HeaderState header{};
  std::vector<std::uint64_t> sequences{};
  std::vector<std::string> events{};
  std::uint64_t damaged_stretches{0};
  std::optional<std::uint64_t> torn_at{};
};

/// Reads windows that end where their memory does, so that a sanitizer sees a read beyond them.
Found scan(std::string_view file, std::size_t window_size = spool::kMaxFrameSize) {
  Found found;
  const spool::DecodedHeader head = spool::decode_header(file.substr(0, spool::kMaxHeaderSize));
  found.header = head.state;
  if (head.state != HeaderState::Good) return found;
  spool::SegmentScanner scanner{head.header.salt, head.header.first_sequence, head.size};
  for (;;) {
    const std::string_view part =
        file.substr(static_cast<std::size_t>(scanner.position()), window_size);
    const std::unique_ptr<char[]> window{new char[part.size()]};
    part.copy(window.get(), part.size());
    const bool is_last = scanner.position() + part.size() == file.size();
    const std::uint64_t before = scanner.position();
    spool::Frame frame;
    const auto step = scanner.next({window.get(), part.size()}, is_last, frame);
    if (step == spool::ScanStep::End) break;
    REQUIRE(scanner.position() > before);
    if (step == spool::ScanStep::NeedMore) continue;
    found.sequences.push_back(frame.sequence);
    found.events.emplace_back(frame.entry.event);
  }
  found.damaged_stretches = scanner.damaged_stretches();
  found.torn_at = scanner.torn_at();
  return found;
}

}  // namespace

// --- Frames ---

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
  const spool::Frame frame = spool::decode_frame(bytes, kFrameSalt);
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
  const spool::Frame small = spool::decode_frame(least, kFrameSalt);
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
  const spool::Frame large = spool::decode_frame(most, kFrameSalt);
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
  CHECK_FALSE(spool::append_frame(out, kFrameSalt, 1, entry));
  const std::string id(spool::kMaxIdSize + 1, 'i');
  for (std::string_view spool::Entry::*member :
       {&spool::Entry::tracking_id, &spool::Entry::session_id, &spool::Entry::user_id}) {
    spool::Entry with_long_id;
    with_long_id.*member = id;
    CHECK_FALSE(spool::append_frame(out, kFrameSalt, 1, with_long_id));
  }
  const std::string ids(spool::kMaxIdSize, 'i');
  spool::Entry three;
  three.tracking_id = three.session_id = three.user_id = ids;
  CHECK_FALSE(spool::append_frame(out, kFrameSalt, 1, three));
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
  CHECK(spool::decode_frame(bytes, kFrameSalt).state == FrameState::Whole);
  for (const std::uint32_t salt : {std::uint32_t{0}, kFrameSalt + 1, ~kFrameSalt}) {
    CHECK(spool::decode_frame(bytes, salt).state == FrameState::Broken);
  }
}

TEST_CASE("the magic never occurs in UTF-8, so that no text looks like the start of a frame") {
  for (const char byte : {spool::kFrameMagic.front(), spool::kFrameMagic.back()}) {
    CHECK(static_cast<unsigned char>(byte) > 0xf4);
  }
}

// --- The header and the scanner ---

TEST_CASE("a header reads back, and what follows is not looked at") {
  std::string bytes;
  REQUIRE(spool::append_header(bytes, example_header()));
  const auto decoded = spool::decode_header(bytes + "frames");
  REQUIRE(decoded.state == HeaderState::Good);
  CHECK(decoded.size == bytes.size());
  CHECK(decoded.header.first_sequence == 7);
  CHECK(decoded.header.writer == example_header().writer);
  CHECK(decoded.header.generation == 3);
  CHECK(decoded.header.salt == kSalt);
  CHECK(decoded.header.boot == "boot-id");
  CHECK(decoded.header.scope == example_header().scope);
}

TEST_CASE("texts that are too long for a header are refused") {
  spool::SegmentHeader header = example_header();
  header.scope.account.assign(spool::kMaxHeaderBodySize, 'x');
  std::string bytes = "kept";
  CHECK_FALSE(spool::append_header(bytes, header));
  CHECK(bytes == "kept");
}

TEST_CASE("a whole header of another version is not taken for a damaged one") {
  const std::uint32_t version = GENERATE(0U, 1U, 3U, 0xffff'ffffU);
  std::string bytes{spool::kSegmentMagic};
  pe::detail::append_little_endian(bytes, version);
  pe::detail::append_little_endian(bytes, std::uint32_t{5});
  bytes += "later";
  pe::detail::append_little_endian(bytes, pe::detail::crc32c(bytes));
  CHECK(spool::decode_header(bytes).state == HeaderState::OtherVersion);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  CHECK(spool::decode_header(bytes).state == HeaderState::Damaged);
}

TEST_CASE("a segment cut at any byte gives every frame that is whole") {
  const Example example = three_frames();
  for (std::size_t size = 0; size <= example.bytes.size(); ++size) {
    CAPTURE(size);
    const Found found = scan(std::string_view{example.bytes}.substr(0, size));
    if (size < example.ends[0]) {
      CHECK(found.header == HeaderState::Torn);
      continue;
    }
    std::size_t whole = 0;
    while (whole < 3 && example.ends[whole + 1] <= size) ++whole;
    CHECK(found.sequences.size() == whole);
    CHECK(found.damaged_stretches == 0);
    CHECK(found.torn_at.has_value() == (size != example.ends[whole]));
    if (found.torn_at) CHECK(*found.torn_at == example.ends[whole]);
  }
}

TEST_CASE("a segment with any one bit flipped gives every frame that is whole") {
  const Example example = three_frames();
  const Found good = scan(example.bytes);
  for (std::size_t bit = 0; bit < 8 * example.bytes.size(); ++bit) {
    CAPTURE(bit);
    std::string bytes = example.bytes;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ static_cast<char>(1U << (bit % 8)));
    const Found found = scan(bytes);
    if (bit / 8 < example.ends[0]) {
      CHECK(found.header != HeaderState::Good);
      continue;
    }
    std::size_t hit = 0;
    while (example.ends[hit + 1] <= bit / 8) ++hit;
    auto sequences = good.sequences;
    auto events = good.events;
    sequences.erase(sequences.begin() + static_cast<std::ptrdiff_t>(hit));
    events.erase(events.begin() + static_cast<std::ptrdiff_t>(hit));
    CHECK(found.sequences == sequences);
    CHECK(found.events == events);
    if (found.torn_at) {
      CHECK(hit == 2);
      CHECK(*found.torn_at == example.ends[2]);
    } else {
      CHECK(found.damaged_stretches == 1);
    }
  }
}

TEST_CASE("frames that are lost side by side are one damaged stretch") {
  const Example example = three_frames();
  std::string bytes = example.bytes;
  bytes.replace(example.ends[0], example.ends[2] - example.ends[0],
                example.ends[2] - example.ends[0], '\0');
  const Found found = scan(bytes);
  CHECK(found.sequences == std::vector<std::uint64_t>{9});
  CHECK(found.damaged_stretches == 1);
  CHECK_FALSE(found.torn_at.has_value());
}

TEST_CASE("a frame that came already, or of another writer, is skipped; gaps are not damage") {
  const Example example = three_frames();
  std::string bytes = example.bytes;
  spool::Entry entry;
  REQUIRE(spool::append_frame(bytes, kSalt, 9, entry));       // came already
  REQUIRE(spool::append_frame(bytes, kSalt + 1, 11, entry));  // of another writer
  REQUIRE(spool::append_frame(bytes, kSalt, 10, entry));
  REQUIRE(spool::append_frame(bytes, kSalt, 4'000, entry));
  const Found found = scan(bytes);
  CHECK(found.sequences == std::vector<std::uint64_t>{7, 8, 9, 10, 4'000});
  CHECK(found.damaged_stretches == 1);
}

TEST_CASE("windows do not change what is found") {
  std::string bytes;
  REQUIRE(spool::append_header(bytes, example_header()));
  const std::string text(60'000, 'x');
  spool::Entry entry;
  entry.event = text;
  for (std::uint64_t i = 0; i < 12; ++i) {
    REQUIRE(spool::append_frame(bytes, kSalt, 7 + i, entry));
    // Garbage with many beginnings of frames in it.
    if (i == 5) bytes.append(spool::kFrameMagic).append(300'000, '\xfa');
  }
  const Found whole = scan(bytes, bytes.size());
  CHECK(whole.sequences.size() == 12);
  for (const std::size_t window :
       {spool::kMaxFrameSize, spool::kMaxFrameSize + 1, std::size_t{262'144}}) {
    const Found found = scan(bytes, window);
    CHECK(found.sequences == whole.sequences);
    CHECK(found.damaged_stretches == whole.damaged_stretches);
  }
}

TEST_CASE("a header is laid out as documented, byte by byte") {
  std::string bytes;
  REQUIRE(spool::append_header(bytes, {258, 2, 0x0403'0201, "w", "b", {"r", "e", "a", "t"}}));
  CHECK(
      pe::detail::to_hex(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size() - 4) ==
      "fa70657365670afb"
      "02000000"
      "22000000"
      "0201000000000000"
      "02000000"
      "01020304"
      "010001000100010001000100"
      "776272656174");
  const std::string_view summed = std::string_view{bytes}.substr(0, bytes.size() - 4);
  CHECK(pe::detail::load_little_endian<std::uint32_t>(bytes, summed.size()) ==
        pe::detail::crc32c(summed));
}

TEST_CASE("a header whose sizes do not fit is damaged, even under a good checksum") {
  std::string good;
  REQUIRE(spool::append_header(good, example_header()));
  const auto state_of = [](std::string bytes) {
    bytes.resize(bytes.size() - 4);
    pe::detail::append_little_endian(bytes, pe::detail::crc32c(bytes));
    return spool::decode_header(bytes).state;
  };
  CHECK(state_of(good) == HeaderState::Good);
  for (std::size_t at = 32; at < 44; ++at) {
    CAPTURE(at);
    std::string bytes = good;
    bytes[at] = static_cast<char>(bytes[at] + 1);
    CHECK(state_of(bytes) == HeaderState::Damaged);
  }
  // Too short for the sizes of its texts.
  std::string bytes = good.substr(0, 16 + spool::kHeaderBodyHeadSize - 1);
  bytes[12] = static_cast<char>(spool::kHeaderBodyHeadSize - 1);
  bytes[13] = '\0';
  CHECK(state_of(bytes + "csum") == HeaderState::Damaged);
}
