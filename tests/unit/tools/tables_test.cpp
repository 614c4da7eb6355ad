// SPDX-License-Identifier: Apache-2.0

#include "spool/tables.hpp"

#include <cstdint>
#include <limits>
#include <string>

#include "catch.hpp"

using tools::spool::Folder;
using tools::spool::Spool;

namespace {

Spool two_folders() {
  Folder living;
  living.name = "w-1";
  living.is_live = true;
  Folder orphaned;
  orphaned.name = "w-22";
  orphaned.scope = {"us-east-1", "https://example.com", "shop", "tracker"};
  orphaned.segments = 2;
  orphaned.bytes = 4096;
  orphaned.open_events = 12;
  orphaned.oldest_ms = 1'000'000;
  orphaned.whole_frames = 20;
  orphaned.torn_frames = 1;
  orphaned.acknowledgements = 3;
  return {{living, orphaned}, 0, 0};
}

constexpr std::int64_t kNow = 1'000'000 + 3'600'000;

}  // namespace

TEST_CASE("an age is written in its largest unit") {
  CHECK(tools::spool::age_text(-5000) == "0s");
  CHECK(tools::spool::age_text(59'999) == "59s");
  CHECK(tools::spool::age_text(60'000) == "1m");
  CHECK(tools::spool::age_text(3'600'000 - 1) == "59m");
  CHECK(tools::spool::age_text(47 * 3'600'000) == "47h");
  CHECK(tools::spool::age_text(48 * 3'600'000) == "2d");
}

TEST_CASE("the listing is a table for people and a line for programs") {
  Spool spool = two_folders();
  CHECK(tools::spool::listing_text(spool, kNow) ==
        "WRITER  STATE     OPEN EVENTS  OLDEST  SEGMENTS  BYTES  SCOPE\n"
        "w-1     live      0            -       0         0      -\n"
        "w-22    orphaned  12           1h      2         4096   "
        "tracker us-east-1 https://example.com shop\n");
  spool.rejected_bytes = 70;
  spool.quarantined_files = 1;
  const std::string text = tools::spool::listing_text(spool, kNow);
  CHECK(text.find("rejected/: 70 bytes of rejected events\nquarantine/: 1 file\n") !=
        std::string::npos);
  CHECK(
      tools::spool::listing_json(spool, kNow) ==
      R"({"folders":[{"writer":"w-1","live":true,"otherVersion":false,"trackingId":"","region":"","endpoint":"",)"
      R"("account":"","segments":0,"bytes":0,"openEvents":0,"oldestAgeSeconds":null},)"
      R"({"writer":"w-22","live":false,"otherVersion":false,"trackingId":"tracker","region":"us-east-1",)"
      R"("endpoint":"https://example.com","account":"shop","segments":2,"bytes":4096,)"
      R"("openEvents":12,"oldestAgeSeconds":3600}],"rejectedBytes":70,"quarantinedFiles":1})"
      "\n");
}

TEST_CASE("the check reports what was read and whether it was damaged") {
  Spool spool = two_folders();
  spool.folders.erase(spool.folders.begin());
  CHECK(tools::spool::check_text(spool) ==
        "w-22: frames 20 whole, 0 broken, 1 torn; acknowledgement records 3, 0 broken\n"
        "no damage\n");
  spool.folders.front().broken_frames = 4;
  spool.folders.front().unreadable_files = 1;
  spool.folders.front().broken_headers = 2;
  Folder other;
  other.name = "w-23";
  other.is_other_version = true;
  spool.folders.push_back(other);
  spool.quarantined_files = 1;
  CHECK(tools::spool::check_text(spool) ==
        "w-22: frames 20 whole, 4 broken, 1 torn; acknowledgement records 3, 0 broken; 1 file "
        "unreadable; 2 headers broken\n"
        "w-23: another format version, not read\n"
        "quarantine/: 1 file in quarantine\n"
        "damage was found\n");
  CHECK(
      tools::spool::check_json(spool) ==
      R"({"folders":[{"writer":"w-22","live":false,"otherVersion":false,"wholeFrames":20,"brokenFrames":4,)"
      R"("tornFrames":1,"acknowledgements":3,"brokenAcknowledgements":0,"unreadableFiles":1,)"
      R"("brokenHeaders":2},{"writer":"w-23","live":false,"otherVersion":true,"wholeFrames":0,)"
      R"("brokenFrames":0,"tornFrames":0,"acknowledgements":0,"brokenAcknowledgements":0,)"
      R"("unreadableFiles":0,"brokenHeaders":0}],"quarantinedFiles":1,"damaged":true})"
      "\n");
}

TEST_CASE("a time that a file made up does not overflow") {
  using Limits = std::numeric_limits<std::int64_t>;
  CHECK(tools::spool::age_ms(5, 3) == 2);
  CHECK(tools::spool::age_ms(kNow, (Limits::min)()) == (Limits::max)());
  CHECK(tools::spool::age_ms((Limits::min)(), kNow) == (Limits::min)());
  Spool spool;
  spool.folders.emplace_back();
  spool.folders.back().oldest_ms = (Limits::min)();
  CHECK_FALSE(tools::spool::listing_text(spool, kNow).empty());
  CHECK_FALSE(tools::spool::listing_json(spool, kNow).empty());
}

TEST_CASE("names of folders and scopes cannot change the terminal") {
  Spool spool;
  Folder folder;
  folder.name = "w-1-\033]0;title\007";
  folder.scope.tracking_id = "\033[2J";
  spool.folders.push_back(folder);
  for (const std::string& text :
       {tools::spool::listing_text(spool, kNow), tools::spool::check_text(spool),
        tools::spool::listing_json(spool, kNow)}) {
    CHECK(text.find('\033') == std::string::npos);
    CHECK(text.find('\007') == std::string::npos);
  }
}
