// SPDX-License-Identifier: Apache-2.0

#include "send/odd_ids.hpp"

#include <string>

#include "catch.hpp"

TEST_CASE("an ID that is a word for a missing value is reported once for each kind of ID") {
  tools::send::OddIds ids;
  tools::send::Row row;
  row.user_id = "ann";
  row.session_id = "nullable";
  CHECK(ids.check(row).empty());
  row.session_id = GENERATE("null", "undefined", "NaN", "None", "NULL");
  CHECK_THAT(ids.check(row), test::ContainsSubstring("the sessionId is \"" + row.session_id));
  CHECK(ids.check(row).empty());
  row.user_id = "undefined";
  CHECK_THAT(ids.check(row), test::ContainsSubstring("the userId is \"undefined\""));
  CHECK(ids.check(row).empty());
}
