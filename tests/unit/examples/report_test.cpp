// SPDX-License-Identifier: Apache-2.0

#include "send_events/report.hpp"

#include <chrono>
#include <string>

#include "catch.hpp"

using send_events::Report;
using send_events::Summary;

TEST_CASE("times are written as people say them") {
  CHECK(send_events::to_text(std::chrono::seconds{0}) == "0s");
  CHECK(send_events::to_text(std::chrono::seconds{59}) == "59s");
  CHECK(send_events::to_text(std::chrono::seconds{75}) == "1m15s");
  CHECK(send_events::to_text(std::chrono::seconds{7530}) == "2h5m");
}

TEST_CASE("progress tells the rate so far and the time that is left at that rate") {
  CHECK(send_events::progress_text(0, 4792, 1) == "0 of 4792 rows (0 %)");
  CHECK(send_events::progress_text(1200, 4800, 3) ==
        "1200 of 4800 rows (25 %), 400 rows/s, 9s left");
  CHECK(send_events::progress_text(10, 10, 2) == "10 of 10 rows (100 %), 5 rows/s, 0s left");
}

TEST_CASE("the bar fills from left to right") {
  CHECK(send_events::progress_bar(0, 10) == "[                        ]");
  CHECK(send_events::progress_bar(5, 10) == "[############            ]");
  CHECK(send_events::progress_bar(10, 10) == "[########################]");
  CHECK(send_events::progress_bar(0, 0) == "[########################]");
}

TEST_CASE("the summary counts every row once") {
  Report report(20, false);
  report.sent(10);
  report.rejected(12, "TIMESTAMP: empty", "u,s,,Watch");
  report.request();
  report.request();
  const Summary summary = report.finish();
  CHECK(summary.sent == 10);
  CHECK(summary.rejected == 1);
  CHECK(summary.not_sent == 9);
  CHECK(summary.requests == 2);
}
