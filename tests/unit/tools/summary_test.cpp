// SPDX-License-Identifier: Apache-2.0

#include "send/summary.hpp"

#include "catch.hpp"

using tools::send::Summary;

namespace {

Summary some_summary() {
  Summary summary;
  summary.rows = 20;
  summary.sent = 10;
  summary.rejected = 1;
  summary.requests = 3;
  summary.seconds = 1.25;
  return summary;
}

}  // namespace

TEST_CASE("people read what tells something") {
  Summary summary = some_summary();
  CHECK(tools::send::summary_text(summary, false) ==
        "rows         20\nsent         10\nrejected     1\nrequests     3\nseconds      1.2\n");
  summary.done_before = 4;
  summary.not_sent = 5;
  CHECK(tools::send::summary_text(summary, true) ==
        "rows         20\nvalid        10\nrejected     1\ndone before  4\nnot sent     5\n"
        "seconds      1.2\n");
}

TEST_CASE("programs read all of it") {
  CHECK(tools::send::summary_json(some_summary(), false) ==
        "{\"rows\":20,\"sent\":10,\"rejected\":1,\"doneBefore\":0,\"notSent\":0,\"requests\":3,"
        "\"seconds\":1.250}\n");
  CHECK_THAT(tools::send::summary_json(some_summary(), true),
             test::ContainsSubstring("\"valid\":10"));
}
