// SPDX-License-Identifier: Apache-2.0
//
// Segments for the tests of the spool: made as a writer leaves them, and read back.
#ifndef PERSONALIZE_EVENTS_TESTS_SUPPORT_SPOOL_ENTRIES_HPP
#define PERSONALIZE_EVENTS_TESTS_SUPPORT_SPOOL_ENTRIES_HPP

#include <cstdint>
#include <string>
#include <vector>

#include "catch.hpp"
#include "personalize_events/detail/crc32c.hpp"
#include "personalize_events/detail/little_endian.hpp"
#include "personalize_events/recorder/spool/acknowledgement.hpp"
#include "personalize_events/recorder/spool/frame.hpp"
#include "personalize_events/recorder/spool/segment.hpp"

namespace test {

/// The header of the segments that these tests make.
inline personalize_events::spool::SegmentHeader segment_header(std::uint64_t first_sequence = 1) {
  return {first_sequence, "writer", "region", "endpoint", "account"};
}

inline personalize_events::spool::Entry entry_of(const std::string& event,
                                                 const std::string& tracking_id = "tracker") {
  personalize_events::spool::Entry entry;
  entry.tracking_id = tracking_id;
  entry.session_id = "visit";
  entry.event = event;
  return entry;
}

/// The bytes of a segment with these events.
inline std::string segment_bytes(const personalize_events::spool::SegmentHeader& header,
                                 const std::vector<std::string>& events,
                                 const std::string& tracking_id = "tracker") {
  std::string bytes;
  REQUIRE(personalize_events::spool::append_header(bytes, header));
  std::uint64_t sequence = header.first_sequence;
  for (const std::string& event : events) {
    REQUIRE(
        personalize_events::spool::append_frame(bytes, sequence++, entry_of(event, tracking_id)));
  }
  return bytes;
}

/// The bytes of an ".ack" file that acknowledges some events.
inline std::string acknowledgement_bytes(const personalize_events::spool::SegmentHeader& header,
                                         std::uint64_t first, std::uint32_t count) {
  std::string bytes;
  REQUIRE(personalize_events::spool::append_header(bytes, header));
  personalize_events::spool::append_acknowledgement(bytes, first, count);
  return bytes;
}

/// A segment of a version that is not known yet.
inline std::string newer_segment() {
  std::string bytes{personalize_events::spool::kSegmentMagic};
  personalize_events::detail::append_little_endian(bytes,
                                                   personalize_events::spool::kFormatVersion + 1);
  personalize_events::detail::append_little_endian(bytes, std::uint32_t{0});
  personalize_events::detail::append_little_endian(bytes,
                                                   personalize_events::detail::crc32c(bytes));
  return bytes;
}

}  // namespace test

#endif
