// SPDX-License-Identifier: Apache-2.0
//
// Shared by the tests of tools/spool: folders as writers leave them, on any FileSystem.
#ifndef PERSONALIZE_EVENTS_TESTS_UNIT_TOOLS_SPOOL_WORLD_HPP
#define PERSONALIZE_EVENTS_TESTS_UNIT_TOOLS_SPOOL_WORLD_HPP

#include <cstdint>
#include <string>
#include <vector>

#include "catch.hpp"
#include "personalize_events/detail/recorder/spool/acknowledgement.hpp"
#include "personalize_events/detail/recorder/spool/log.hpp"
#include "personalize_events/detail/recorder/spool/writer_folder.hpp"
#include "personalize_events/platform.hpp"
#include "support/spool_entries.hpp"

namespace test {

/// The header of the folders that these tests make. `boot` is a Platform::boot_identity.
inline personalize_events::detail::spool::SegmentHeader spool_header(
    const std::string& tracking_id = "tracker", const std::string& boot = "boot") {
  return {1, 0, kSalt, "writer", boot, {"us-east-1", "http://127.0.0.1:9", "", tracking_id}};
}

/// Writes a new file.
inline void put_file(personalize_events::FileSystem& files, const std::string& path,
                     const std::string& bytes) {
  auto file = files.open(path, personalize_events::OpenFor::AppendToNew);
  REQUIRE(file);
  const auto written = (*file)->append(bytes);
  REQUIRE(written);
  REQUIRE(*written == bytes.size());
}

/// The bytes of a segment whose events were recorded at these times, on both clocks.
inline std::string events_at(const personalize_events::detail::spool::SegmentHeader& header,
                             const std::vector<std::int64_t>& times) {
  namespace spool = personalize_events::detail::spool;
  std::string bytes;
  REQUIRE(spool::append_header(bytes, header));
  spool::FrameChunk chunk;
  chunk.salt = header.salt;
  std::uint64_t sequence = header.first_sequence;
  for (const std::int64_t time : times) {
    const std::string event =
        R"({"eventId":"id-)" + std::to_string(time) + R"(","eventType":"Watch","sentAt":1})";
    spool::Entry entry;
    entry.boot_ms = time;
    entry.wall_ms = time;
    entry.tracking_id = header.scope.tracking_id;
    entry.session_id = "session-1";
    entry.user_id = "user-7";
    entry.event = event;
    REQUIRE(chunk.add(sequence++, entry));
  }
  return bytes.append(chunk.bytes);
}

/// Makes a folder with one segment, whose events were recorded at these times.
inline void leave_events(
    personalize_events::FileSystem& files, const std::string& folder,
    const std::vector<std::int64_t>& times,
    const personalize_events::detail::spool::SegmentHeader& header = spool_header()) {
  REQUIRE(files.make_folder(folder.substr(0, folder.rfind('/'))));
  REQUIRE(files.make_folder(folder));
  put_file(files, folder + "/LOCK", lock_bytes(header));
  put_file(files, personalize_events::detail::spool::segment_path(folder, {1, 0}),
           events_at(header, times));
}

/// Notes that so many events of the folder's segment, from this sequence on, completed.
inline void acknowledge(personalize_events::FileSystem& files, const std::string& folder,
                        std::uint64_t first, std::uint32_t count) {
  namespace spool = personalize_events::detail::spool;
  spool::SequenceSet completed;
  completed.add(first, first + count);
  spool::AcknowledgementFile file;
  REQUIRE(file.write(files, spool::acknowledgement_path(folder, 1), spool_header(), completed));
}

}  // namespace test

#endif
