// SPDX-License-Identifier: Apache-2.0

#include "spool/exported_event.hpp"

#include "catch.hpp"

TEST_CASE("an exported event is one line with who, when and what") {
  personalize_events::detail::spool::Entry entry;
  entry.boot_ms = 7;
  entry.wall_ms = 1'440'938'160'250;
  entry.tracking_id = "tracker";
  entry.session_id = "session \"1\"";
  entry.event = R"({"eventType":"Watch"})";
  CHECK(tools::spool::exported_event(entry) ==
        R"({"trackingId":"tracker","sessionId":"session \"1\"",)"
        R"("recordedAt":"2015-08-30T12:36:00.250Z","event":{"eventType":"Watch"}})"
        "\n");
  entry.user_id = "user-7";
  CHECK(tools::spool::exported_event(entry) ==
        R"({"trackingId":"tracker","sessionId":"session \"1\"","userId":"user-7",)"
        R"("recordedAt":"2015-08-30T12:36:00.250Z","event":{"eventType":"Watch"}})"
        "\n");
  entry.user_id = "\xff";
  CHECK(tools::spool::exported_event(entry).empty());
}

TEST_CASE("a time is written to the millisecond, also before 1970") {
  CHECK(tools::spool::time_text(0) == "1970-01-01T00:00:00.000Z");
  CHECK(tools::spool::time_text(1'001) == "1970-01-01T00:00:01.001Z");
  CHECK(tools::spool::time_text(-1) == "1969-12-31T23:59:59.999Z");
  CHECK(tools::spool::time_text(-1'000) == "1969-12-31T23:59:59.000Z");
}
