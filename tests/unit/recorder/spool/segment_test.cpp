// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/spool/segment.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"

namespace pe = personalize_events;
namespace spool = personalize_events::spool;
using spool::HeaderState;

namespace {

spool::SegmentHeader example_header() {
  return {7, "0190b6a0-0000-7000-8000-000000000001", "eu-west-1", "https://example", "shop"};
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
    REQUIRE(spool::append_frame(example.bytes, sequence++, entry));
    example.ends.push_back(example.bytes.size());
  }
  return example;
}

struct Found {
  HeaderState header{};
  std::vector<std::uint64_t> sequences{};
  std::vector<std::string> events{};
  std::uint64_t broken_frames{0};
  std::uint64_t broken_bytes{0};
  std::optional<std::uint64_t> torn_at{};
};

/// Reads windows that end where their memory does, so that a sanitizer sees a read beyond them.
Found scan(std::string_view file, std::size_t window_size = spool::kMaxFrameSize) {
  Found found;
  const spool::DecodedHeader head = spool::decode_header(file.substr(0, spool::kMaxHeaderSize));
  found.header = head.state;
  if (head.state != HeaderState::Good) return found;
  spool::SegmentScanner scanner{head.header.first_sequence, head.size};
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
  found.broken_frames = scanner.broken_frames();
  found.broken_bytes = scanner.broken_bytes();
  found.torn_at = scanner.torn_at();
  return found;
}

}  // namespace

TEST_CASE("a header reads back, and what follows is not looked at") {
  std::string bytes;
  REQUIRE(spool::append_header(bytes, example_header()));
  const auto decoded = spool::decode_header(bytes + "frames");
  REQUIRE(decoded.state == HeaderState::Good);
  CHECK(decoded.size == bytes.size());
  CHECK(decoded.header.first_sequence == 7);
  CHECK(decoded.header.writer == example_header().writer);
  CHECK(decoded.header.region == "eu-west-1");
  CHECK(decoded.header.endpoint == "https://example");
  CHECK(decoded.header.account == "shop");
}

TEST_CASE("texts that are too long for a header are refused") {
  spool::SegmentHeader header = example_header();
  header.account.assign(spool::kMaxHeaderBodySize, 'x');
  std::string bytes = "kept";
  CHECK_FALSE(spool::append_header(bytes, header));
  CHECK(bytes == "kept");
}

TEST_CASE("a whole header of a newer version is told from a damaged one") {
  std::string bytes{spool::kSegmentMagic};
  pe::detail::append_little_endian(bytes, std::uint32_t{2});
  pe::detail::append_little_endian(bytes, std::uint32_t{5});
  bytes += "later";
  pe::detail::append_little_endian(bytes, pe::detail::crc32c(bytes));
  CHECK(spool::decode_header(bytes).state == HeaderState::Newer);
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
    CHECK(found.broken_frames == 0);
    CHECK(found.broken_bytes == 0);
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
      CHECK(found.broken_frames == 1);
      CHECK(found.broken_bytes == example.ends[hit + 1] - example.ends[hit]);
    }
  }
}

TEST_CASE("lost frames are counted by the sequences around them") {
  const Example example = three_frames();
  std::string bytes = example.bytes;
  bytes.replace(example.ends[0], example.ends[2] - example.ends[0],
                example.ends[2] - example.ends[0], '\0');
  const Found found = scan(bytes);
  CHECK(found.sequences == std::vector<std::uint64_t>{9});
  CHECK(found.broken_frames == 2);
  CHECK_FALSE(found.torn_at.has_value());
}

TEST_CASE("a whole frame that cannot stand where it does is not believed") {
  const Example example = three_frames();
  std::string bytes = example.bytes;
  spool::Entry entry;
  REQUIRE(spool::append_frame(bytes, 9, entry));      // came already
  REQUIRE(spool::append_frame(bytes, 4'000, entry));  // of another file
  const std::size_t foreign = bytes.size() - example.bytes.size();
  REQUIRE(spool::append_frame(bytes, 10, entry));
  const Found found = scan(bytes);
  CHECK(found.sequences == std::vector<std::uint64_t>{7, 8, 9, 10});
  CHECK(found.broken_frames == 0);
  CHECK(found.broken_bytes == foreign);
}

TEST_CASE("windows do not change what is found") {
  std::string bytes;
  REQUIRE(spool::append_header(bytes, example_header()));
  const std::string text(60'000, 'x');
  spool::Entry entry;
  entry.event = text;
  for (std::uint64_t i = 0; i < 12; ++i) {
    REQUIRE(spool::append_frame(bytes, 7 + i, entry));
    // Garbage with many beginnings of frames in it.
    if (i == 5) bytes.append(spool::kFrameMagic).append(300'000, '\xfa');
  }
  const Found whole = scan(bytes, bytes.size());
  CHECK(whole.sequences.size() == 12);
  CHECK(whole.broken_bytes == 300'004);
  for (const std::size_t window :
       {spool::kMaxFrameSize, spool::kMaxFrameSize + 1, std::size_t{262'144}}) {
    const Found found = scan(bytes, window);
    CHECK(found.sequences == whole.sequences);
    CHECK(found.broken_bytes == whole.broken_bytes);
    CHECK(found.broken_frames == whole.broken_frames);
  }
}
