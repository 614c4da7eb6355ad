// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/spool/rejected_events.hpp"

#include <string>

#include "catch.hpp"
#include "support/faulty_files.hpp"

namespace spool = personalize_events::spool;

namespace {

const char* const kPath = "/spool/rejected/name.jsonl";

}  // namespace

TEST_CASE("refused events are kept one a line, in a file that is made with the first") {
  test::FaultyFiles files;
  spool::RejectedEvents rejected{files, "/spool", 100};
  CHECK_FALSE(files.exists(kPath));
  rejected.keep("{1}", "name");
  rejected.keep("{2}", "name");
  CHECK(files.bytes(kPath) == "{1}\n{2}\n");
}

TEST_CASE("the files of all writers have one limit, by which no line is cut") {
  test::FaultyFiles files;
  REQUIRE(files.make_folder("/spool").has_value());
  REQUIRE(files.make_folder("/spool/rejected").has_value());
  files.put("/spool/rejected/other.jsonl", std::string(10, 'x'));
  spool::RejectedEvents rejected{files, "/spool", 18};
  rejected.keep("12345678", "name");
  CHECK(files.bytes(kPath).empty());
  rejected.keep("123", "name");
  rejected.keep("456", "name");
  rejected.keep("", "name");
  CHECK(files.bytes(kPath) == "123\n456\n");
}

TEST_CASE("a line that the disk had no room for leaves no half of it") {
  test::FaultyFiles files;
  spool::RejectedEvents rejected{files, "/spool", 100};
  rejected.keep("one", "name");
  files.short_write = 2;
  rejected.keep("two", "name");
  rejected.keep("three", "name");
  CHECK(files.bytes(kPath) == "one\nthree\n");
  files.space = 0;
  rejected.keep("four", "name");
  files.space.reset();
  rejected.keep("five", "name");
  CHECK(files.bytes(kPath) == "one\nthree\nfive\n");
}

TEST_CASE("half a line that cannot be cut is the last") {
  test::FaultyFiles files;
  spool::RejectedEvents rejected{files, "/spool", 100};
  files.short_write = 2;
  files.truncate_fails = true;
  rejected.keep("one", "name");
  rejected.keep("two", "name");
  CHECK(files.bytes(kPath) == "on");
}

TEST_CASE("a disk that refuses the file is asked again with the next event") {
  test::FaultyFiles files;
  spool::RejectedEvents rejected{files, "/spool", 100};
  files.make_folder_fails = true;
  rejected.keep("one", "name");
  files.make_folder_fails = false;
  files.open_fails = true;
  rejected.keep("two", "name");
  files.open_fails = false;
  files.status_fails = true;
  rejected.keep("three", "name");
  files.status_fails = false;
  rejected.keep("four", "name");
  CHECK(files.bytes(kPath) == "four\n");
}

TEST_CASE("a file of rejected events is locked while its recorder lives") {
  test::FaultyFiles files;
  const auto is_locked = [&files] {
    const auto file = files.open(kPath, personalize_events::OpenFor::Read);
    REQUIRE(file.has_value());
    return !(*file)->try_lock().value_or(true);
  };
  {
    spool::RejectedEvents rejected{files, "/spool", 100};
    rejected.keep("one", "name");
    CHECK(is_locked());
  }
  CHECK_FALSE(is_locked());
}

TEST_CASE("a file that another process holds is not written to") {
  test::FaultyFiles files;
  REQUIRE(files.make_folder("/spool").has_value());
  REQUIRE(files.make_folder("/spool/rejected").has_value());
  spool::RejectedEvents rejected{files, "/spool", 100};
  {
    const auto other = files.open(kPath, personalize_events::OpenFor::Append);
    REQUIRE((*other)->try_lock().value_or(false));
    rejected.keep("one", "name");
  }
  rejected.keep("two", "name");
  CHECK(files.bytes(kPath) == "two\n");
}
