// SPDX-License-Identifier: Apache-2.0

#include "send/survey.hpp"

#include <chrono>
#include <string>

#include "catch.hpp"
#include "send/csv_rows.hpp"
#include "support/temporary_folder.hpp"
#include "unit/tools/bytes.hpp"
#include "unit/tools/temp_world.hpp"

namespace pe = personalize_events;
using tools::send::CsvRows;
using tools::send::FileIds;
using tools::send::Report;

namespace {

pe::Result<std::uint64_t> survey(const std::string& text, FileIds& ids) {
  CsvRows rows;
  REQUIRE(rows.begin(test::bytes_of(text)).empty());
  Report report(false, "rows");
  return tools::send::survey(rows, ids, report);
}

}  // namespace

TEST_CASE("a survey counts good and bad rows") {
  FileIds ids(std::chrono::minutes{30});
  const auto rows =
      survey("USER_ID,TIMESTAMP,EVENT_TYPE\nu,1,Watch\nu\nu,,Watch\nu,1,Watch\n", ids);
  REQUIRE(rows.has_value());
  CHECK(*rows == 4);
  tools::send::Row row;
  row.origin.number = 3;
  row.user_id = "u";
  row.event.sent_at = tools::send::Time{std::chrono::seconds{1}};
  REQUIRE(ids.fill(row, {"u", "1", "Watch"}).has_value());
  CHECK(row.event.event_id == *tools::send::Names().event_id({"u", "1", "Watch"}, 2));
}

TEST_CASE("a survey without room in TMPDIR is an error") {
  const test::TempFolder folder("/nonexistent/folder");
  FileIds ids(std::chrono::minutes{30}, {64, 64, 4});
  const auto rows =
      survey("USER_ID,TIMESTAMP,EVENT_TYPE\nu,1,Watch\nu,2,Watch\nu,3,Watch\nu,4,Watch\n", ids);
  REQUIRE_FALSE(rows.has_value());
  CHECK(rows.error().where == "TMPDIR");
}

TEST_CASE("a file is known by its content, its time and the options that matter") {
  const test::TemporaryFolder folder;
  test::write_file(folder / "rows", "USER_ID\n");
  tools::send::Input input(folder / "rows");
  REQUIRE(input.open().has_value());
  tools::send::Options options;
  options.tracking_id = "tracker";
  const auto identity = tools::send::identity_of(input, "USER_ID", "csv", options);
  REQUIRE(identity.has_value());
  CHECK(identity->size == 8);
  CHECK(identity->changed == input.changed());
  CHECK(identity->head == *tools::send::Names().digest("USER_ID\n"));
  CHECK(identity->columns == *tools::send::Names().digest("USER_ID"));
  CHECK(identity->tracking_id == *tools::send::Names().digest("tracker"));
  CHECK(identity->session_gap == 30);
  options.concurrency = 1;
  options.rate = 5;
  CHECK(tools::send::identity_of(input, "USER_ID", "csv", options)->difference(*identity).empty());
  options.columns.texts = {"CODE"};
  CHECK_THAT(tools::send::identity_of(input, "USER_ID", "csv", options)->difference(*identity),
             test::ContainsSubstring("option for columns"));
}
