// SPDX-License-Identifier: Apache-2.0
//
// What tests of spool_tool share: folders that writers left, on any FileSystem.
#ifndef PERSONALIZE_EVENTS_TESTS_UNIT_EXAMPLES_SPOOL_WORLD_HPP
#define PERSONALIZE_EVENTS_TESTS_UNIT_EXAMPLES_SPOOL_WORLD_HPP

#include <cstdint>
#include <string>
#include <vector>

#include "catch.hpp"
#include "personalize_events/recorder/spool/acknowledgement_file.hpp"
#include "personalize_events/recorder/spool/segment_ledger.hpp"
#include "personalize_events/recorder/spool/segment_writer.hpp"

namespace test {

inline personalize_events::spool::SegmentHeader spool_header() {
  return {1, "writer", "us-east-1", "http://127.0.0.1:9", ""};
}

/// Makes a folder with one segment, whose events were recorded at these times.
inline void leave_events(personalize_events::FileSystem& files, const std::string& folder,
                         const std::vector<std::int64_t>& times,
                         const std::string& tracking_id = "tracker") {
  namespace spool = personalize_events::spool;
  REQUIRE(files.make_folder(folder.substr(0, folder.rfind('/'))));
  REQUIRE(files.make_folder(folder));
  REQUIRE(files.open(folder + "/LOCK", personalize_events::OpenFor::Append));
  spool::SegmentWriter writer{files, folder, spool_header(), 1U << 20U, false};
  for (const std::int64_t time : times) {
    const std::string event =
        R"({"eventId":"id-)" + std::to_string(time) + R"(","eventType":"Watch","sentAt":1})";
    spool::Entry entry;
    entry.recorded_at_ms = time;
    entry.tracking_id = tracking_id;
    entry.session_id = "session-1";
    entry.user_id = "user-7";
    entry.event = event;
    REQUIRE(writer.append(entry));
  }
}

/// Says that so many events of the folder's segment, from this sequence on, reached their end.
inline void acknowledge(personalize_events::FileSystem& files, const std::string& folder,
                        std::uint64_t first, std::uint32_t count) {
  namespace spool = personalize_events::spool;
  auto file = spool::AcknowledgementFile::open(files, spool::acknowledgement_path(folder, 1),
                                               spool_header());
  REQUIRE(file);
  std::string record;
  spool::append_acknowledgement(record, first, count);
  REQUIRE(file->write(record));
}

}  // namespace test

#endif
