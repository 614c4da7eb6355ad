// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/spool/writer_folder.hpp"

#include <string>
#include <vector>

#include "catch.hpp"
#include "support/faulty_files.hpp"
#include "support/spool_entries.hpp"

namespace pe = personalize_events;
namespace spool = personalize_events::spool;

namespace {

pe::Result<spool::WriterFolder> made_in(test::FaultyFiles& files, spool::FolderLocks& locks,
                                        const std::string& directory) {
  return spool::WriterFolder::make(files, locks, directory, test::segment_header(7), 1'000, true);
}

}  // namespace

TEST_CASE("folders are made with all that they stand in") {
  test::FaultyFiles files;
  REQUIRE(spool::make_folders(files, "/a/b/c").has_value());
  CHECK(files.list_folder("/a/b/c").has_value());
  CHECK(spool::make_folders(files, "/a/b/c").has_value());
  CHECK(spool::make_folders(files, "/a/d").has_value());
  CHECK(files.count("/a") == 2);
}

TEST_CASE("a folder that cannot be made is told, at whatever depth") {
  test::FaultyFiles files;
  files.make_folder_fails = true;
  CHECK_FALSE(spool::make_folders(files, "/a").has_value());
  files.fails_at = "/a/b";
  CHECK_FALSE(spool::make_folders(files, "/a/b/c").has_value());
  CHECK(files.list_folder("/a/b").error().code == "NotFound");
  files.make_folder_fails = false;
  files.put("/file", "");
  CHECK(spool::make_folders(files, "/file").error().code == "Exists");
  CHECK(spool::make_folders(files, "/file/b").error().code == "Exists");
}

TEST_CASE("a writer's folder is locked before its first event") {
  test::FaultyFiles files;
  spool::FolderLocks locks;
  auto made = made_in(files, locks, "/var/spool");
  REQUIRE(made.has_value());
  CHECK(made->log.folder() == "/var/spool/w-writer");
  CHECK(files.exists("/var/spool/w-writer/LOCK"));
  spool::FolderLocks other;
  CHECK_FALSE(other.take(files, "/var/spool/w-writer")->has_value());
  const auto appended = made->log.append(test::entry_of("event"));
  REQUIRE(appended.has_value());
  CHECK(appended->sequence == 7);
  CHECK(appended->segment == 1);
  locks.release(made->lock);
  CHECK(other.take(files, "/var/spool/w-writer")->has_value());
}

TEST_CASE("a folder that somebody took for a dead writer's is not written to") {
  test::FaultyFiles files;
  spool::FolderLocks adopter;
  REQUIRE(spool::make_folders(files, "/spool/w-writer").has_value());
  REQUIRE(adopter.take(files, "/spool/w-writer")->has_value());
  spool::FolderLocks locks;
  const auto made = made_in(files, locks, "/spool");
  REQUIRE_FALSE(made.has_value());
  CHECK(made.error().kind == pe::ErrorKind::Storage);
  CHECK(made.error().where == "/spool/w-writer");
  CHECK(made.error().code == spool::kTaken);
}

TEST_CASE("a folder that somebody removed before it was locked is told as one that was taken") {
  test::FaultyFiles files;
  spool::FolderLocks locks;
  files.after_new_folder = [&](const std::string& path) {
    if (path != "/spool") CHECK(files.remove_folder(path).has_value());
  };
  const auto made = made_in(files, locks, "/spool");
  REQUIRE_FALSE(made.has_value());
  CHECK(made.error().code == spool::kTaken);
}

TEST_CASE("what the disk refuses of a folder is told") {
  test::FaultyFiles files;
  spool::FolderLocks locks;
  files.make_folder_fails = true;
  CHECK_FALSE(made_in(files, locks, "/spool").has_value());
  files.fails_at = "w-writer";
  CHECK_FALSE(made_in(files, locks, "/spool").has_value());
  files.make_folder_fails = false;
  files.open_fails = true;
  CHECK_FALSE(made_in(files, locks, "/spool").has_value());
  files.open_fails = false;
  CHECK(made_in(files, locks, "/spool").has_value());
}
