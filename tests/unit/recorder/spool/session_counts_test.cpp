// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/spool/session_counts.hpp"

#include <string>

#include "catch.hpp"

using personalize_events::spool::SessionCounts;

TEST_CASE("a session is there until each of its events was removed") {
  SessionCounts counts{1U << 20U};
  CHECK_FALSE(counts.contains("visit"));
  counts.add("visit");
  counts.add("visit");
  counts.remove("visit");
  CHECK(counts.contains("visit"));
  counts.remove("visit");
  CHECK_FALSE(counts.contains("visit"));
}

TEST_CASE("what was never added is removed without harm") {
  SessionCounts counts{0};
  counts.remove("visit");
  CHECK_FALSE(counts.contains("visit"));
  counts.add("other");
  counts.add("visit");
  counts.remove("visit");
  counts.remove("visit");
  counts.add("visit");
  CHECK(counts.contains("visit"));
}

TEST_CASE("counts that are cleared know no session, and count again") {
  SessionCounts counts{0};
  counts.clear();
  counts.add("visit");
  counts.clear();
  CHECK_FALSE(counts.contains("visit"));
  counts.add("visit");
  CHECK(counts.contains("visit"));
}

TEST_CASE("more sessions than counts are all found") {
  SessionCounts counts{0};
  for (int i = 0; i < 5'000; ++i) counts.add("visit-" + std::to_string(i));
  bool all = true;
  for (int i = 0; i < 5'000; ++i) all = all && counts.contains("visit-" + std::to_string(i));
  CHECK(all);
  for (int i = 0; i < 5'000; ++i) counts.remove("visit-" + std::to_string(i));
  bool any = false;
  for (int i = 0; i < 5'000; ++i) any = any || counts.contains("visit-" + std::to_string(i));
  CHECK_FALSE(any);
}
