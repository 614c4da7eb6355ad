// SPDX-License-Identifier: Apache-2.0
//
// What platform.hpp promises, asked of the fake disk and of the real one alike.

#include "personalize_events/platform.hpp"

#include <memory>
#include <string>
#include <vector>

#include "catch.hpp"
#include "personalize_events/detail/platform/system_files.hpp"
#include "support/faulty_files.hpp"
#include "support/temporary_folder.hpp"

namespace pe = personalize_events;
using pe::OpenFor;

namespace {

std::string content_of(pe::FileSystem& files, const std::string& path) {
  const auto file = files.open(path, OpenFor::Read);
  REQUIRE(file.has_value());
  std::string bytes(100, '?');
  const auto got = (*file)->read_at(0, bytes.data(), bytes.size());
  REQUIRE(got.has_value());
  bytes.resize(*got);
  return bytes;
}

/// Whether a path is the file that is open, through a rename, a removal and a new file. `folder`
/// has a file "b".
void check_status(pe::FileSystem& files, const std::string& folder) {
  const std::string path = folder + "/b";
  const auto file = files.open(path, OpenFor::Read);
  REQUIRE(file.has_value());
  const pe::FileStatus open = *(*file)->status();
  CHECK(open.inode != 0);
  const auto named = files.status(path);
  REQUIRE(named.has_value());
  CHECK(named->size == open.size);
  CHECK(named->links == 1);
  CHECK(named->is_same_file(open));
  CHECK_FALSE(files.status(folder + "/a")->is_same_file(open));
  CHECK(files.status(folder)->is_same_file(*files.status(folder)));
  CHECK_FALSE(files.status(folder)->is_same_file(open));
  CHECK(files.status(folder + "/absent").error().code == "NotFound");
  CHECK(files.status(folder + "/absent").error().where == folder + "/absent");

  REQUIRE(files.rename(path, folder + "/moved").has_value());
  CHECK(files.status(path).error().code == "NotFound");
  CHECK(files.status(folder + "/moved")->is_same_file(open));
  REQUIRE(files.open(path, OpenFor::AppendToNew).has_value());
  CHECK_FALSE(files.status(path)->is_same_file(open));
  REQUIRE(files.remove_file(path).has_value());
  REQUIRE(files.rename(folder + "/moved", path).has_value());
  CHECK(files.status(path)->is_same_file(*(*file)->status()));
}

/// Every implementation keeps this.
void check_contract(pe::FileSystem& files, const std::string& root) {
  const std::string folder = root + "/folder";
  REQUIRE(files.make_folder(folder).has_value());
  CHECK(files.make_folder(folder).has_value());
  CHECK(files.make_folder(root + "/absent/folder").error().code == "NotFound");
  CHECK(files.list_folder(folder)->empty());
  CHECK(files.list_folder(root + "/absent").error().code == "NotFound");

  const std::string path = folder + "/b";
  CHECK(files.open(path, OpenFor::Read).error().code == "NotFound");
  CHECK(files.open(path, OpenFor::Read).error().kind == pe::ErrorKind::Storage);
  CHECK(files.open(path, OpenFor::Read).error().where == path);
  CHECK(files.open(root + "/absent/b", OpenFor::Append).error().code == "NotFound");
  {
    const auto file = files.open(path, OpenFor::AppendToNew);
    REQUIRE(file.has_value());
    CHECK((*file)->append("hello").value_or(0) == 5);
    CHECK((*file)->append(" world").value_or(0) == 6);
    CHECK((*file)->status()->size == 11);
    CHECK((*file)->status()->links == 1);
    REQUIRE((*file)->truncate(4).has_value());
    // What is appended after a cut stands at the new end.
    CHECK((*file)->append("!").value_or(0) == 1);
    CHECK((*file)->sync().has_value());
    char two[2]{};
    CHECK((*file)->read_at(3, two, 2).value_or(0) == 2);
    CHECK(std::string(two, 2) == "l!");
    CHECK((*file)->read_at(4, two, 2).value_or(0) == 1);
    CHECK((*file)->read_at(99, two, 2).value_or(9) == 0);
  }
  CHECK(files.open(path, OpenFor::AppendToNew).error().code == "Exists");
  {
    const auto file = files.open(path, OpenFor::Append);
    REQUIRE(file.has_value());
    CHECK((*file)->append("?").has_value());
    CHECK_FALSE((*files.open(path, OpenFor::Read))->append("no").has_value());
  }
  CHECK(content_of(files, path) == "hell!?");
  REQUIRE(files.open(folder + "/a", OpenFor::Append).has_value());
  CHECK(*files.list_folder(folder) == std::vector<std::string>{"a", "b"});
  CHECK(files.sync_folder(folder).has_value());
  CHECK(files.sync_folder(root + "/absent").error().code == "NotFound");

  {
    const auto first = files.open(path, OpenFor::Append);
    auto second = files.open(path, OpenFor::Append);
    CHECK((*first)->try_lock().value_or(false));
    CHECK((*first)->try_lock().value_or(false));
    CHECK((*second)->try_lock().value_or(true) == false);
    second = files.open(path, OpenFor::Append);
    CHECK((*second)->try_lock().value_or(true) == false);
  }
  CHECK((*files.open(path, OpenFor::Append))->try_lock().value_or(false));

  check_status(files, folder);

  REQUIRE(files.rename(path, folder + "/c").has_value());
  CHECK(files.rename(path, folder + "/d").error().code == "NotFound");
  CHECK(content_of(files, folder + "/c") == "hell!?");
  CHECK_FALSE(files.remove_folder(folder).has_value());

  auto held = *files.open(folder + "/c", OpenFor::Append);
  REQUIRE(files.remove_file(folder + "/c").has_value());
#if !defined(_WIN32)  // Wine 8 removes an open file only once it is closed.
  CHECK(files.remove_file(folder + "/c").error().code == "NotFound");
  CHECK(held->status()->links == 0);
#endif
  CHECK(held->append("into the void").has_value());
  held.reset();
  REQUIRE(files.remove_file(folder + "/a").has_value());
  CHECK(files.list_folder(folder)->empty());
  const auto space = files.disk_space(folder);
  REQUIRE(space.has_value());
  CHECK(space->total > 0);
  CHECK(space->available <= space->total);
  REQUIRE(files.remove_folder(folder).has_value());
  CHECK(files.remove_folder(folder).error().code == "NotFound");
}

}  // namespace

TEST_CASE("a path is a folder and a name") {
  CHECK(pe::detail::path_in("/var/spool", "events") == "/var/spool/events");
  CHECK(pe::detail::path_in("", "events") == "/events");
}

TEST_CASE("files whose identity is unknown are not the same") {
  pe::FileStatus status;
  CHECK_FALSE(status.is_same_file(status));
  status.inode = 7;
  CHECK(status.is_same_file(status));
  pe::FileStatus other = status;
  other.device = 1;
  CHECK_FALSE(status.is_same_file(other));
}

namespace {

/// Implements what FileSystem leaves to it, and no more.
class FewFiles final : public pe::FileSystem {
 public:
  test::FaultyFiles disk{};
  pe::Result<std::unique_ptr<pe::File>> open(const std::string& path, OpenFor purpose) override {
    return disk.open(path, purpose);
  }
  pe::Result<void> make_folder(const std::string& path) override { return disk.make_folder(path); }
  pe::Result<std::vector<std::string>> list_folder(const std::string& path) override {
    return disk.list_folder(path);
  }
  pe::Result<void> sync_folder(const std::string& path) override { return disk.sync_folder(path); }
  pe::Result<void> rename(const std::string& from, const std::string& to) override {
    return disk.rename(from, to);
  }
  pe::Result<void> remove_file(const std::string& path) override { return disk.remove_file(path); }
  pe::Result<void> remove_folder(const std::string& path) override {
    return disk.remove_folder(path);
  }
  pe::Result<pe::DiskSpace> disk_space(const std::string& path) override {
    return disk.disk_space(path);
  }
};

}  // namespace

TEST_CASE("the status of a path is that of the file which it opens") {
  FewFiles files;
  REQUIRE(files.make_folder("/root").has_value());
  files.disk.put("/root/file", "text");
  const auto status = files.status("/root/file");
  REQUIRE(status.has_value());
  CHECK(status->size == 4);
  CHECK(status->is_same_file(*files.disk.status("/root/file")));
  CHECK(files.status("/root/absent").error().code == "NotFound");
  CHECK_FALSE(files.disk.exists("/root/absent"));
  files.disk.status_fails = true;
  CHECK(files.status("/root/file").error().kind == pe::ErrorKind::Storage);
}

TEST_CASE("the system's files keep the contract") {
  const test::TemporaryFolder folder;
  pe::detail::SystemFiles files;
  check_contract(files, folder / "");
}

TEST_CASE("the tests' files keep the contract") {
  test::FaultyFiles files;
  REQUIRE(files.make_folder("/root").has_value());
  check_contract(files, "/root");
}
