// SPDX-License-Identifier: Apache-2.0

#include "send/report.hpp"

#include "catch.hpp"

using tools::send::Report;
using tools::send::Summary;

TEST_CASE("the summary counts every row once") {
  Report report(false, "rows");
  report.begin_reading(100);
  report.read(20, 100);
  tools::send::RunState before;
  before.rejected = 2;
  report.begin_sending({before, tools::send::StateFile()}, 20, 100);
  report.skipped({2, 0, 5, "row"});
  report.sent({{3, 1, 5, "row"}, {4, 2, 5, "row"}});
  report.rejected({12, 10, 5, "u,s,,Watch"}, "TIMESTAMP: empty");
  report.request();
  report.request();
  const Summary summary = report.finish();
  CHECK(summary.rows == 20);
  CHECK(summary.sent == 2);
  CHECK(summary.rejected == 1);
  CHECK(summary.done_before == 1);
  CHECK(summary.not_sent == 16);
  CHECK(summary.requests == 2);
  CHECK(summary.rejected_in_all == 3);
}

TEST_CASE("rows of a stream are counted as they come") {
  Report report(false, "rows");
  report.begin_sending({}, 0, 0);
  report.found();
  report.found();
  report.sent({{2, 0, 5, "row"}});
  const Summary summary = report.finish();
  CHECK(summary.rows == 2);
  CHECK(summary.not_sent == 1);
}

TEST_CASE("a ledger that cannot be written is a failure") {
  Report report(false, "rows");
  report.begin_sending({{}, tools::send::StateFile("/nonexistent/folder/state")}, 1, 5);
  CHECK_FALSE(report.failure().has_value());
  report.sent({{2, 0, 5, "row"}});
  CHECK(report.failure().has_value());
}
