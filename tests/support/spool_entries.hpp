// SPDX-License-Identifier: Apache-2.0
//
// Segments for the tests of the spool: made as a writer leaves them, and read back.
#ifndef PERSONALIZE_EVENTS_TESTS_SUPPORT_SPOOL_ENTRIES_HPP
#define PERSONALIZE_EVENTS_TESTS_SUPPORT_SPOOL_ENTRIES_HPP

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"
#include "personalize_events/detail/base/crc32c.hpp"
#include "personalize_events/detail/base/little_endian.hpp"
#include "personalize_events/detail/recorder/spool/acknowledgement.hpp"
#include "personalize_events/detail/recorder/spool/segment.hpp"

namespace test {

/// The salt of the frames that these tests make.
inline constexpr std::uint32_t kSalt = 0x5a17'0001U;

inline personalize_events::detail::spool::Scope spool_scope() {
  return {"region", "endpoint", "account", "tracker"};
}

/// The header of the segments that these tests make.
inline personalize_events::detail::spool::SegmentHeader segment_header(
    std::uint64_t first_sequence = 1, std::uint32_t generation = 0) {
  return {first_sequence, generation, kSalt, "w-00000001-0a0b0c0d", "boot-1", spool_scope()};
}

inline personalize_events::detail::spool::Entry entry_of(std::string_view event,
                                                         std::string_view tracking_id = "tracker") {
  personalize_events::detail::spool::Entry entry;
  entry.tracking_id = tracking_id;
  entry.session_id = "visit";
  entry.event = event;
  return entry;
}

/// Appends a frame with the salt of a header.
inline void append_event(std::string& bytes,
                         const personalize_events::detail::spool::SegmentHeader& header,
                         std::uint64_t sequence,
                         const personalize_events::detail::spool::Entry& entry) {
  REQUIRE(personalize_events::detail::spool::append_frame(bytes, header.salt, sequence, entry));
}

/// Appends the end frame of a rewritten segment, whose sequences are below `end_sequence`.
inline void append_end(std::string& bytes,
                       const personalize_events::detail::spool::SegmentHeader& header,
                       std::uint64_t end_sequence) {
  personalize_events::detail::spool::Entry entry;
  entry.flags = personalize_events::detail::spool::kEndOfSegment;
  append_event(bytes, header, end_sequence, entry);
}

/// The bytes of a segment with these events.
inline std::string segment_bytes(const personalize_events::detail::spool::SegmentHeader& header,
                                 const std::vector<std::string>& events,
                                 const std::string& tracking_id = "tracker") {
  std::string bytes;
  REQUIRE(personalize_events::detail::spool::append_header(bytes, header));
  std::uint64_t sequence = header.first_sequence;
  for (const std::string& event : events) {
    append_event(bytes, header, sequence++, entry_of(event, tracking_id));
  }
  return bytes;
}

/// The bytes of a LOCK file: a header and, with `service_offset_ms`, one clock frame.
inline std::string lock_bytes(personalize_events::detail::spool::SegmentHeader header,
                              std::optional<std::int64_t> service_offset_ms = {}) {
  header.first_sequence = 0;
  std::string bytes;
  REQUIRE(personalize_events::detail::spool::append_header(bytes, header));
  if (!service_offset_ms) return bytes;
  personalize_events::detail::spool::Entry entry;
  entry.flags = personalize_events::detail::spool::kServiceClock;
  entry.boot_ms = 1000;
  entry.wall_ms = 1000 + *service_offset_ms;
  append_event(bytes, header, 1, entry);
  return bytes;
}

/// The bytes of an ".ack" file that acknowledges some events.
inline std::string acknowledgement_bytes(personalize_events::detail::spool::SegmentHeader header,
                                         std::uint64_t first, std::uint32_t count) {
  header.first_sequence = 0;
  std::string bytes;
  REQUIRE(personalize_events::detail::spool::append_header(bytes, header));
  personalize_events::detail::spool::SequenceSet completed;
  completed.add(first, first + count);
  personalize_events::detail::spool::append_acknowledgements(bytes, header.salt, 0, completed);
  return bytes;
}

/// The bytes of a frame that ends a rewritten segment.
inline std::string end_frame(std::uint64_t sequence, std::uint32_t salt = kSalt) {
  personalize_events::detail::spool::Entry end;
  end.flags = personalize_events::detail::spool::kEndOfSegment;
  std::string bytes;
  REQUIRE(personalize_events::detail::spool::append_frame(bytes, salt, sequence, end));
  return bytes;
}

/// A whole header of a version that this library does not know.
inline std::string segment_of_version(std::uint32_t version) {
  std::string bytes{personalize_events::detail::spool::kSegmentMagic};
  personalize_events::detail::append_little_endian(bytes, version);
  personalize_events::detail::append_little_endian(bytes, std::uint32_t{0});
  personalize_events::detail::append_little_endian(bytes,
                                                   personalize_events::detail::crc32c(bytes));
  return bytes;
}
inline std::string newer_segment() {
  return segment_of_version(personalize_events::detail::spool::kFormatVersion + 1);
}

}  // namespace test

#endif
