// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/spool/folder_locks.hpp"

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "catch.hpp"
#include "personalize_events/platform/system_files.hpp"
#include "support/faulty_files.hpp"
#include "support/temporary_folder.hpp"

namespace pe = personalize_events;
using pe::spool::FolderLocks;

namespace {

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
class Remover final : public pe::FileSystem {
 public:
  explicit Remover(test::FaultyFiles& files) : files_(files) {}
  pe::Result<std::unique_ptr<pe::File>> open(const std::string& path,
                                             pe::OpenFor purpose) override {
    auto file = files_.open(path, purpose);
    CHECK(files_.remove_file(path).has_value());
    return file;
  }
  pe::Result<void> make_folder(const std::string& path) override {
    return files_.make_folder(path);
  }
  pe::Result<std::vector<std::string>> list_folder(const std::string& path) override {
    return files_.list_folder(path);
  }
  pe::Result<void> sync_folder(const std::string& path) override {
    return files_.sync_folder(path);
  }
  pe::Result<void> rename(const std::string& from, const std::string& to) override {
    return files_.rename(from, to);
  }
  pe::Result<void> remove_file(const std::string& path) override {
    return files_.remove_file(path);
  }
  pe::Result<void> remove_folder(const std::string& path) override {
    return files_.remove_folder(path);
  }
  pe::Result<pe::DiskSpace> disk_space(const std::string& path) override {
    return files_.disk_space(path);
  }

 private:
  test::FaultyFiles& files_;
};

}  // namespace

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

TEST_CASE(
    "a forked child that closes its locks frees nothing of its parent's, then its death all") {
  const test::TemporaryFolder folder;
  pe::SystemFiles files;
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
