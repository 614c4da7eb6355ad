// SPDX-License-Identifier: Apache-2.0

#include "send/progress.hpp"

#include <chrono>
#include <string>

#include "catch.hpp"

using tools::send::Phase;
using tools::send::SmoothedRate;

TEST_CASE("times are written as people say them") {
  CHECK(tools::send::to_text(std::chrono::seconds{0}) == "0s");
  CHECK(tools::send::to_text(std::chrono::seconds{59}) == "59s");
  CHECK(tools::send::to_text(std::chrono::seconds{75}) == "1m15s");
  CHECK(tools::send::to_text(std::chrono::seconds{7530}) == "2h5m");
}

TEST_CASE("a steady rate is told as it is") {
  SmoothedRate rate(5, 0);
  CHECK(rate.per_second() == 0);
  for (int i = 1; i <= 20; ++i) rate.update(5 + i, i * 100.0);
  CHECK(rate.per_second() > 99.9);
  CHECK(rate.per_second() < 100.1);
}

TEST_CASE("a rate that changes is followed in some seconds") {
  SmoothedRate rate(0, 0);
  for (int i = 1; i <= 20; ++i) rate.update(i, i * 100.0);
  rate.update(21, 2000);  // a second of nothing
  CHECK(rate.per_second() > 85);
  CHECK(rate.per_second() < 95);
  for (int i = 22; i <= 80; ++i) rate.update(i, 2000 + (i - 21) * 10.0);
  CHECK(rate.per_second() > 9.9);
  CHECK(rate.per_second() < 11);
}

TEST_CASE("no time passing teaches nothing") {
  SmoothedRate rate(0, 0);
  rate.update(0, 100);
  CHECK(rate.per_second() == 0);
}

TEST_CASE("progress is the share of bytes, and the time left at the rate of this phase") {
  Phase phase("sending", 4800, 48'000, 100);
  CHECK(phase.text() == "sending 0 of 4800 rows (0 %)");
  CHECK(phase.bar() == "[                        ] ");
  phase.add(1200, 12'000);
  phase.look(103);
  CHECK(phase.text() == "sending 1200 of 4800 rows (25 %), 400 rows/s, 9s left");
  CHECK(phase.bar() == "[######                  ] ");
  phase.add(3600, 36'000);
  phase.look(112);
  CHECK(phase.text() == "sending 4800 of 4800 rows (100 %), 400 rows/s, 0s left");
  CHECK(phase.bar() == "[########################] ");
}

TEST_CASE("rows that a run before has done count, but not for the rate") {
  Phase phase("sending", 100, 1000, 0);
  phase.skip(50, 500);
  phase.add(10, 100);
  phase.look(10);
  CHECK(phase.text() == "sending 60 of 100 rows (60 %), 1 rows/s, 40s left");
}

TEST_CASE("what came before the first row does not count for the rate") {
  Phase phase("sending", 100, 1000, 0);
  CHECK_FALSE(phase.has_rows());
  phase.look(10);
  phase.add(10, 100);
  CHECK(phase.has_rows());
  phase.start(10);
  phase.add(20, 200);
  phase.look(11);
  CHECK(phase.text() == "sending 30 of 100 rows (30 %), 20 rows/s, 4s left");
}

TEST_CASE("rows of unlike length do not mislead") {
  Phase phase("reading", 0, 1000, 0);
  phase.add(90, 100);  // many short rows, then few long ones
  phase.look(1);
  CHECK(phase.text() == "reading 90 rows (10 %), 90 rows/s, 9s left");
}

TEST_CASE("of a stream neither the end nor a bar is known") {
  Phase phase("sending", 0, 0, 0);
  phase.add(400, 4000);
  phase.look(2);
  CHECK(phase.text() == "sending 400 rows, 200 rows/s");
  CHECK(phase.bar().empty());
  CHECK(phase.share() == 0);
}

TEST_CASE("a line is no wider than the terminal") {
  Phase phase("sending", 4800, 100, 0);
  phase.add(1200, 25);
  CHECK(phase.line(79) == phase.bar() + phase.text());
  CHECK(phase.line(50) == phase.text());
  CHECK(phase.line(10) == "sending 12");
}
