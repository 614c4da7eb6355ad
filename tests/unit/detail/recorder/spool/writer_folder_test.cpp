// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/recorder/spool/writer_folder.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/detail/platform/system_files.hpp"
#include "support/faulty_files.hpp"
#include "support/fork.hpp"
#include "support/passing_files.hpp"
#include "support/temporary_folder.hpp"

namespace pe = personalize_events;
namespace spool = personalize_events::detail::spool;
using pe::detail::spool::FolderLocks;

namespace {

/// The generation and number of a segment's name, "12.1"; "": no segment.
std::string name_of(std::string_view name) {
  const auto found = spool::segment_name(name);
  if (!found) return {};
  return std::to_string(found->number) + "." + std::to_string(found->generation);
}

struct World {
  World() { REQUIRE(files.make_folder("/w").has_value()); }
  test::FaultyFiles files{};
};

bool can_take(FolderLocks& locks, pe::FileSystem& files, const std::string& folder) {
  const auto taken = locks.take(files, folder);
  REQUIRE(taken.has_value());
  return taken->has_value();
}

/// Says who has the lock when it is asked for: one that another removes just then.
class Remover final : public test::PassingFiles {
 public:
  using PassingFiles::PassingFiles;
  pe::Result<std::unique_ptr<pe::File>> open(const std::string& path,
                                             pe::OpenFor purpose) override {
    auto file = PassingFiles::open(path, purpose);
    CHECK(remove_file(path).has_value());
    return file;
  }
};

}  // namespace

TEST_CASE("numbers are padded, so that names sort as numbers do") {
  CHECK(spool::padded(0) == "00000000");
  CHECK(spool::padded(12) == "00000012");
  CHECK(spool::padded(123'456'789) == "123456789");
}

TEST_CASE("a writer's folder has its number in its name; other forms have none") {
  CHECK(spool::writer_number("w-00000012-1f2e3d4c") == 12);
  CHECK(spool::writer_number("w-123456789-1f2e3d4c") == 123'456'789);
  for (const char* name :
       {"w-00000012", "w-", "w-x", "w--1", "00000012-1f2e3d4c", "",
        "w-0190b6a0-0000-7000-8000-000000000001", "w-1000000000000000000-1f2e3d4c"}) {
    CAPTURE(name);
    CHECK(spool::writer_number(name) == 0);
  }
  CHECK(spool::is_writer_name("w-anything"));
  CHECK_FALSE(spool::is_writer_name("w"));
  CHECK_FALSE(spool::is_writer_name("quarantine"));
}

TEST_CASE("a segment's path says its number and its generation") {
  CHECK(spool::segment_path("/w", {12, 0}) == "/w/00000012.log");
  CHECK(spool::segment_path("/w", {12, 3}) == "/w/00000012.3.log");
  CHECK(spool::segment_path("/w", {123'456'789, 0}) == "/w/123456789.log");
  CHECK(spool::acknowledgement_path("/w", 12) == "/w/00000012.ack");
}

TEST_CASE("a segment is known by its name, and no other file is taken for one") {
  CHECK(name_of("00000001.log") == "1.0");
  CHECK(name_of("00000001.2.log") == "1.2");
  CHECK(name_of("123456789.log") == "123456789.0");
  CHECK(name_of("999999999999999999.4294967295.log") == "999999999999999999.4294967295");
  for (const char* name : {"",
                           "LOCK",
                           "00000000.log",
                           "00000001.ack",
                           "00000001.log2",
                           "0000001.log",
                           "000000001.log",
                           "0000000x.log",
                           "-0000001.log",
                           "00000001",
                           ".log",
                           "1000000000000000000000.log",
                           "00000001.0.log",
                           "00000001.02.log",
                           "00000001..log",
                           "00000001.x.log",
                           "00000001-2.log",
                           "00000001.2",
                           "00000001.2.log.log",
                           "00000001.4294967296.log",
                           "00000001.2.3.log"}) {
    CAPTURE(name);
    CHECK(name_of(name).empty());
  }
}

TEST_CASE("the log is removed before what says that it is completed") {
  test::FaultyFiles files;
  REQUIRE(files.make_folder("/w").has_value());
  files.put("/w/00000001.2.log", "");
  files.put("/w/00000001.ack", "");
  REQUIRE(spool::remove_segment(files, "/w", {1, 2}).has_value());
  CHECK(files.removed == std::vector<std::string>{"/w/00000001.2.log", "/w/00000001.ack"});
  CHECK(spool::remove_segment(files, "/w", {1, 2}).has_value());

  files.put("/w/00000002.log", "");
  files.put("/w/00000002.ack", "");
  files.remove_fails = true;
  files.fails_at = ".log";
  CHECK_FALSE(spool::remove_segment(files, "/w", {2, 0}).has_value());
  CHECK(files.exists("/w/00000002.ack"));
  files.fails_at = ".ack";
  CHECK_FALSE(spool::remove_segment(files, "/w", {2, 0}).has_value());
  CHECK_FALSE(files.exists("/w/00000002.log"));
}

TEST_CASE("folders are made with all that they are in") {
  test::FaultyFiles files;
  REQUIRE(spool::make_folders(files, "/a/b/c").has_value());
  CHECK(files.list_folder("/a/b/c").has_value());
  CHECK(spool::make_folders(files, "/a/b/c").has_value());
  CHECK(spool::make_folders(files, "/a/d").has_value());
  CHECK(files.count("/a") == 2);
}

TEST_CASE("a folder that cannot be made is an error, at whatever depth") {
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

namespace {

struct Writer {
  Writer() {
    REQUIRE(files.make_folder("/spool").has_value());
    REQUIRE(files.make_folder(folder).has_value());
    files.put(folder + "/LOCK", "");
  }
  bool remove() {
    const auto lock = locks.take(files, folder);
    const bool is_locked = lock.has_value() && lock->has_value();
    return is_locked && spool::remove_writer_folder(files, locks, **lock, folder).has_value();
  }
  bool exists() { return files.list_folder(folder).has_value(); }

  const std::string folder = "/spool/w-1";
  test::FaultyFiles files{};
  FolderLocks locks{};
};

/// A file that counts itself while it is open.
class CountedFile final : public test::PassingFile {
 public:
  CountedFile(std::unique_ptr<pe::File> file, int& open_files)
      : PassingFile(std::move(file)), open_files_(open_files) {
    ++open_files_;
  }
  CountedFile(const CountedFile&) = delete;
  CountedFile& operator=(const CountedFile&) = delete;
  ~CountedFile() override { --open_files_; }

 private:
  int& open_files_;
};

/// As Windows: a folder stays while a file of it is open, whether the file was removed or not.
class WindowsLikeFiles final : public test::PassingFiles {
 public:
  using PassingFiles::PassingFiles;
  pe::Result<std::unique_ptr<pe::File>> open(const std::string& path,
                                             pe::OpenFor purpose) override {
    auto file = PassingFiles::open(path, purpose);
    if (!file) return file;
    return std::unique_ptr<pe::File>{std::make_unique<CountedFile>(*std::move(file), open_files)};
  }
  pe::Result<void> remove_folder(const std::string& path) override {
    if (open_files == 0) return PassingFiles::remove_folder(path);
    return pe::detail::make_error(pe::ErrorKind::Storage, path, "is not empty");
  }

  int open_files{0};
};

}  // namespace

TEST_CASE("a writer's folder is removed where an open file keeps its folder") {
  Writer writer;
  WindowsLikeFiles files{writer.files};
  const auto lock = writer.locks.take(files, writer.folder);
  REQUIRE(lock.has_value());
  REQUIRE(lock->has_value());
  CHECK(files.open_files == 1);
  CHECK(spool::remove_writer_folder(files, writer.locks, **lock, writer.folder).has_value());
  CHECK(files.open_files == 0);
  CHECK_FALSE(writer.exists());
}

TEST_CASE("a folder that another process locks before it is removed stays") {
  Writer writer;
  const auto lock = writer.locks.take(writer.files, writer.folder);
  REQUIRE(lock.has_value());
  REQUIRE(lock->has_value());
  // Locks the folder right before it is removed.
  class Intruder final : public test::PassingFiles {
   public:
    Intruder(pe::FileSystem& files, FolderLocks& locks) : PassingFiles(files), locks_(locks) {}
    pe::Result<void> remove_folder(const std::string& path) override {
      CHECK(can_take(locks_, *this, path));
      return PassingFiles::remove_folder(path);
    }

   private:
    FolderLocks& locks_;
  };
  FolderLocks other;
  Intruder files{writer.files, other};
  CHECK_FALSE(spool::remove_writer_folder(files, writer.locks, **lock, writer.folder).has_value());
  CHECK(writer.exists());
  CHECK_FALSE(can_take(writer.locks, writer.files, writer.folder));
}

TEST_CASE("a writer's folder is removed with what a crash left in it, its lock last") {
  Writer writer;
  writer.files.put(writer.folder + "/00000001.ack", "");
  writer.files.put(writer.folder + "/00000002.ack", "");
  CHECK(writer.remove());
  CHECK_FALSE(writer.exists());
  CHECK(writer.files.removed.back() == "/spool/w-1/LOCK");
  CHECK_FALSE(writer.remove());
}

TEST_CASE("a writer's folder with a segment or an unknown file keeps all of it") {
  for (const char* name : {"00000001.log", "00000001.2.log", "notes.txt"}) {
    CAPTURE(name);
    Writer writer;
    writer.files.put(writer.folder + "/" + name, "");
    CHECK(writer.remove());
    CHECK(writer.files.exists(writer.folder + "/" + name));
    CHECK(writer.files.exists(writer.folder + "/LOCK"));
  }
  Writer writer;
  writer.files.put(writer.folder + "/00000001.log", "");
  writer.files.put(writer.folder + "/00000001.ack", "");
  CHECK(writer.remove());
  CHECK(writer.files.exists(writer.folder + "/00000001.ack"));
}

TEST_CASE("a writer's folder that cannot be listed or removed is an error") {
  Writer writer;
  writer.files.remove_fails = true;
  CHECK_FALSE(writer.remove());
  CHECK(writer.exists());
  writer.files.remove_fails = false;
  writer.files.list_fails = true;
  CHECK_FALSE(writer.remove());
}

TEST_CASE("a folder is held by one, until it is released") {
  World world;
  FolderLocks one;
  FolderLocks other;
  const auto taken = one.take(world.files, "/w");
  REQUIRE(taken.has_value());
  REQUIRE(taken->has_value());
  CHECK(world.files.exists("/w/LOCK"));
  CHECK_FALSE(can_take(other, world.files, "/w"));
  CHECK_FALSE(can_take(one, world.files, "/w"));
  one.release(**taken);
  CHECK(can_take(other, world.files, "/w"));
  CHECK_FALSE(can_take(one, world.files, "/w"));
}

TEST_CASE("the end of the locks frees their folders") {
  World world;
  FolderLocks other;
  {
    FolderLocks one;
    REQUIRE(can_take(one, world.files, "/w"));
    CHECK_FALSE(can_take(other, world.files, "/w"));
  }
  CHECK(can_take(other, world.files, "/w"));
}

TEST_CASE("a lock whose file was removed meanwhile holds nothing") {
  World world;
  Remover racing{world.files};
  FolderLocks locks;
  CHECK_FALSE(can_take(locks, racing, "/w"));
  // Its former holder may have failed to remove the folder, because the file was open here.
  CHECK(locks.take(world.files, "/w").error().code == "NotFound");
  REQUIRE(world.files.make_folder("/w").has_value());
  CHECK(can_take(locks, world.files, "/w"));
}

TEST_CASE("no more than kMost folders are held, and a slot is used again") {
  CHECK(FolderLocks::kMost >= 17);
  test::FaultyFiles files;
  FolderLocks locks;
  std::vector<FolderLocks::Slot> slots;
  for (std::size_t i = 0; i <= FolderLocks::kMost; ++i) {
    const std::string folder = "/" + std::to_string(i);
    REQUIRE(files.make_folder(folder).has_value());
    const auto taken = locks.take(files, folder);
    REQUIRE(taken.has_value());
    CHECK(taken->has_value() == (i < FolderLocks::kMost));
    if (*taken) slots.push_back(**taken);
  }
  FolderLocks other;
  const std::string last = "/" + std::to_string(FolderLocks::kMost);
  CHECK(can_take(other, files, last));
  REQUIRE(slots.size() == FolderLocks::kMost);
  other.close_all();
  locks.release(slots[3]);
  CHECK(can_take(locks, files, last));
  CHECK(can_take(other, files, "/3"));
}

TEST_CASE("a disk error is returned, and nothing is held") {
  World world;
  FolderLocks locks;
  CHECK(locks.take(world.files, "/absent").error().code == "NotFound");
  for (bool test::FaultyFiles::*fault :
       {&test::FaultyFiles::open_fails, &test::FaultyFiles::lock_fails,
        &test::FaultyFiles::status_fails}) {
    world.files.*fault = true;
    CHECK(locks.take(world.files, "/w").error().kind == pe::ErrorKind::Storage);
    world.files.*fault = false;
  }
  CHECK(can_take(locks, world.files, "/w"));
}

#if PERSONALIZE_EVENTS_TESTS_CAN_FORK

TEST_CASE(
    "a forked child that closes its locks frees nothing of its parent's, then its death all") {
  const test::TemporaryFolder folder;
  pe::detail::SystemFiles files;
  const std::string path = folder / "w";
  REQUIRE(files.make_folder(path).has_value());
  FolderLocks locks;
  REQUIRE(can_take(locks, files, path));
  FolderLocks other;

  int closed[2];
  int may_end[2];
  REQUIRE(::pipe(closed) == 0);
  REQUIRE(::pipe(may_end) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    char byte = 'x';
    locks.close_all();
    const bool reported = ::write(closed[1], &byte, 1) == 1;
    static_cast<void>(::close(may_end[1]));
    // Lives on until its parent closes the pipe.
    static_cast<void>(::read(may_end[0], &byte, 1));
    ::_exit(reported ? 0 : 1);
  }
  char byte = 0;
  CHECK(::read(closed[0], &byte, 1) == 1);
  CHECK_FALSE(can_take(other, files, path));
  // While the child lives, the parent's end is enough to free the folder.
  locks.close_all();
  CHECK(can_take(other, files, path));
  for (const int descriptor : {closed[0], closed[1], may_end[0], may_end[1]}) {
    CHECK(::close(descriptor) == 0);
  }
  int status = 1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

#endif
