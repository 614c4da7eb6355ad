// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/recorder/spool/segment_reader.hpp"

#include <cstdint>
#include <string>

#include "catch.hpp"
#include "support/faulty_files.hpp"
#include "support/spool_entries.hpp"

namespace pe = personalize_events;
namespace spool = personalize_events::detail::spool;

namespace {

/// A segment of more than one window.
std::string segment_of(std::uint64_t frames) {
  std::string bytes;
  REQUIRE(spool::append_header(bytes, test::segment_header(5)));
  const std::string text(50'000, 'x');
  spool::Entry entry;
  entry.event = text;
  for (std::uint64_t i = 0; i < frames; ++i)
    REQUIRE(spool::append_frame(bytes, test::kSalt, 5 + i, entry));
  return bytes;
}

std::string code_of(test::FaultyFiles& files) {
  const auto reader = spool::SegmentReader::open(files, "/w/1");
  REQUIRE_FALSE(reader.has_value());
  CHECK(reader.error().kind == pe::ErrorKind::Storage);
  CHECK(reader.error().where == "/w/1");
  return reader.error().code;
}

}  // namespace

TEST_CASE("a segment of many windows is read to its torn tail") {
  test::FaultyFiles files;
  REQUIRE(files.make_folder("/w").has_value());
  const std::string bytes = segment_of(40);
  files.put("/w/1", bytes + bytes.substr(bytes.size() - 50'046, 100));
  auto reader = spool::SegmentReader::open(files, "/w/1");
  REQUIRE(reader.has_value());
  CHECK(reader->header().writer == test::segment_header().writer);
  for (std::uint64_t i = 0; i < 40; ++i) {
    const auto frame = reader->next();
    REQUIRE(frame.has_value());
    REQUIRE(frame->has_value());
    CHECK((*frame)->sequence == 5 + i);
    CHECK((*frame)->entry.event.size() == 50'000);
  }
  CHECK_FALSE(reader->next()->has_value());
  CHECK_FALSE(reader->next()->has_value());
  CHECK(reader->scanner().torn_at() == bytes.size());
  CHECK(reader->scanner().damaged_stretches() == 0);
}

TEST_CASE("an error of the disk is told, and the next call goes on") {
  test::FaultyFiles files;
  REQUIRE(files.make_folder("/w").has_value());
  files.put("/w/1", segment_of(20));
  auto reader = spool::SegmentReader::open(files, "/w/1");
  REQUIRE(reader.has_value());
  std::uint64_t frames = 0;
  std::uint64_t errors = 0;
  for (;;) {
    files.read_fails = !files.read_fails;
    const auto frame = reader->next();
    if (!frame) {
      ++errors;
      continue;
    }
    if (!frame->has_value()) break;
    ++frames;
  }
  CHECK(frames == 20);
  CHECK(errors > 0);
}

TEST_CASE("a file that shrinks while it is read ends earlier") {
  test::FaultyFiles files;
  REQUIRE(files.make_folder("/w").has_value());
  files.put("/w/1", segment_of(40));
  auto reader = spool::SegmentReader::open(files, "/w/1");
  REQUIRE(reader.has_value());
  REQUIRE(reader->next()->has_value());
  files.bytes("/w/1").resize(60'000);
  std::uint64_t frames = 1;
  while (reader->next()->has_value()) ++frames;
  CHECK(frames < 40);
}

TEST_CASE("a file without a good header says what to do with it") {
  test::FaultyFiles files;
  REQUIRE(files.make_folder("/w").has_value());
  CHECK(code_of(files) == "NotFound");
  files.put("/w/1", "");
  CHECK(code_of(files) == "Torn");
  files.put("/w/1", std::string(100, '\0'));
  CHECK(code_of(files) == "Damaged");
  files.put("/w/1", test::newer_segment());
  CHECK(code_of(files) == spool::kOtherVersion);
  files.put("/w/1", test::segment_of_version(1));
  CHECK(code_of(files) == spool::kOtherVersion);
}

namespace {

/// The sequences that a reader finds, "1 2".
std::string sequences_of(pe::Result<spool::SegmentReader>& reader) {
  REQUIRE(reader.has_value());
  std::string text;
  for (;;) {
    const auto frame = reader->next();
    REQUIRE(frame.has_value());
    if (!frame->has_value()) return text;
    text.append(text.empty() ? "" : " ").append(std::to_string((*frame)->sequence));
  }
}

}  // namespace

TEST_CASE("the header of the writer replaces one that is damaged, bit by bit") {
  test::FaultyFiles files;
  REQUIRE(files.make_folder("/w").has_value());
  const spool::SegmentHeader writer = test::segment_header(0);
  const std::string good = test::segment_bytes(test::segment_header(5), {"a", "b"});
  const std::size_t header = spool::decode_header(good).size;
  for (std::size_t bit = 0; bit < 8 * header; ++bit) {
    CAPTURE(bit);
    std::string bytes = good;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ static_cast<char>(1U << (bit % 8)));
    files.put("/w/1", bytes);
    CHECK_FALSE(spool::SegmentReader::open(files, "/w/1").has_value());
    auto reader = spool::SegmentReader::open(files, "/w/1", &writer);
    CHECK(sequences_of(reader) == "5 6");
    CHECK(reader->header_state() != spool::HeaderState::Good);
    CHECK(reader->header().scope == test::spool_scope());
  }
}

TEST_CASE("the header of the writer opens no file of another version, and no absent one") {
  test::FaultyFiles files;
  REQUIRE(files.make_folder("/w").has_value());
  const spool::SegmentHeader writer = test::segment_header(0);
  CHECK(spool::SegmentReader::open(files, "/w/1", &writer).error().code == "NotFound");
  files.put("/w/1", test::newer_segment());
  CHECK(spool::SegmentReader::open(files, "/w/1", &writer).error().code == spool::kOtherVersion);
  files.read_fails = true;
  CHECK(spool::SegmentReader::open(files, "/w/1", &writer).error().code.empty());
  files.read_fails = false;
  files.put("/w/1", "");
  auto reader = spool::SegmentReader::open(files, "/w/1", &writer);
  CHECK(sequences_of(reader).empty());
  CHECK(reader->header_state() == spool::HeaderState::Torn);
}

TEST_CASE("a reader goes on with what was appended since, and not before it is told") {
  test::FaultyFiles files;
  REQUIRE(files.make_folder("/w").has_value());
  files.put("/w/1", test::segment_bytes(test::segment_header(), {"a"}));
  auto reader = spool::SegmentReader::open(files, "/w/1");
  CHECK(sequences_of(reader) == "1");
  for (std::uint64_t sequence = 2; sequence < 5; ++sequence) {
    const std::string event(100'000, 'x');
    REQUIRE(spool::append_frame(files.bytes("/w/1"), test::kSalt, sequence, test::entry_of(event)));
    CHECK(sequences_of(reader).empty());
    reader->read_up_to(files.bytes("/w/1").size());
    CHECK(sequences_of(reader) == std::to_string(sequence));
  }
  // What is behind that size is not whole yet.
  auto other = spool::SegmentReader::open(files, "/w/1");
  REQUIRE(other.has_value());
  const std::size_t whole = files.bytes("/w/1").size();
  files.bytes("/w/1").append(files.bytes("/w/1").substr(0, 20));
  other->read_up_to(whole);
  CHECK(sequences_of(other) == "1 2 3 4");
  CHECK_FALSE(other->scanner().torn_at().has_value());
  CHECK(reader->scanner().damaged_stretches() == 0);
}
