// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/spool/segment_reader.hpp"

#include <cstdint>
#include <string>

#include "catch.hpp"
#include "support/faulty_files.hpp"

namespace pe = personalize_events;
namespace spool = personalize_events::spool;

namespace {

/// A segment of more than one window.
std::string segment_of(std::uint64_t frames) {
  std::string bytes;
  REQUIRE(spool::append_header(bytes, {5, "uuid", "r", "e", "a"}));
  const std::string text(50'000, 'x');
  spool::Entry entry;
  entry.event = text;
  for (std::uint64_t i = 0; i < frames; ++i) REQUIRE(spool::append_frame(bytes, 5 + i, entry));
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
  files.put("/w/1", bytes + bytes.substr(bytes.size() - 50'038, 100));
  auto reader = spool::SegmentReader::open(files, "/w/1");
  REQUIRE(reader.has_value());
  CHECK(reader->header().writer == "uuid");
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
  CHECK(reader->scanner().broken_frames() == 0);
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
  std::string newer{spool::kSegmentMagic};
  pe::detail::append_little_endian(newer, std::uint32_t{2});
  pe::detail::append_little_endian(newer, std::uint32_t{0});
  pe::detail::append_little_endian(newer, pe::detail::crc32c(newer));
  files.put("/w/1", newer);
  CHECK(code_of(files) == "Newer");
}
