// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/platform/system_files.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/temporary_folder.hpp"

namespace pe = personalize_events;
using pe::OpenFor;

namespace {

mode_t permissions_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 0777U;
}

/// A disk of 64 KiB, where the system lets us have one.
class TinyDisk {
 public:
  explicit TinyDisk(std::string path) : path_(std::move(path)) {
    REQUIRE(::mkdir(path_.c_str(), 0700) == 0);
#if defined(__linux__)
    mounted_ = ::mount("tmpfs", path_.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "size=64k") == 0;
#endif
  }
  TinyDisk(const TinyDisk&) = delete;
  TinyDisk& operator=(const TinyDisk&) = delete;
  ~TinyDisk() {
#if defined(__linux__)
    if (mounted_) static_cast<void>(::umount2(path_.c_str(), MNT_DETACH));
#endif
  }
  [[nodiscard]] bool mounted() const { return mounted_; }

 private:
  std::string path_;
  bool mounted_{false};
};

}  // namespace

TEST_CASE("files and folders are their owner's alone") {
  const test::TemporaryFolder folder;
  pe::detail::SystemFiles files;
  const mode_t former = ::umask(0);
  CHECK(files.make_folder(folder / "folder").has_value());
  CHECK(files.open(folder / "file", OpenFor::Append).has_value());
  ::umask(former);
  CHECK(permissions_of(folder / "folder") == 0700U);
  CHECK(permissions_of(folder / "file") == 0600U);
}

TEST_CASE("no link is followed, no pipe is waited for, and a file is no folder") {
  const test::TemporaryFolder folder;
  pe::detail::SystemFiles files;
  test::write_file(folder / "file", "text");
  REQUIRE(::symlink("file", (folder / "link").c_str()) == 0);
  CHECK_FALSE(files.open(folder / "link", OpenFor::Append).has_value());
  CHECK_FALSE(files.open(folder / "link", OpenFor::Read).has_value());
  REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
  const auto fifo = files.open(folder / "fifo", OpenFor::Read);
  if (fifo.has_value()) {
    char byte = 0;
    CHECK_FALSE((*fifo)->read_at(0, &byte, 1).has_value());
  }
  CHECK(files.make_folder(folder / "file").error().code == "Exists");
}

TEST_CASE("a path with a zero byte is refused by every call") {
  pe::detail::SystemFiles files;
  const std::string path{"/tmp\0/x", 7};
  CHECK_FALSE(files.open(path, OpenFor::Append).has_value());
  CHECK_FALSE(files.status(path).has_value());
  CHECK_FALSE(files.make_folder(path).has_value());
  CHECK_FALSE(files.list_folder(path).has_value());
  CHECK_FALSE(files.sync_folder(path).has_value());
  CHECK_FALSE(files.rename(path, "/tmp/y").has_value());
  CHECK_FALSE(files.remove_file(path).has_value());
  CHECK_FALSE(files.remove_folder(path).has_value());
  CHECK_FALSE(files.disk_space(path).has_value());
}

TEST_CASE("a full device has a code of its own") {
  pe::detail::SystemFiles files;
  const auto full = files.open("/dev/full", OpenFor::Append);
  REQUIRE(full.has_value());
  const auto written = (*full)->append("text");
  REQUIRE_FALSE(written.has_value());
  CHECK(written.error().code == "NoSpace");
  CHECK(written.error().where == "/dev/full");
  CHECK_FALSE((*full)->truncate(~std::uint64_t{0}).has_value());
}

TEST_CASE("a disk that fills up takes a part, and says how much") {
  const test::TemporaryFolder folder;
  const TinyDisk disk{folder / "disk"};
  if (!disk.mounted()) {
    WARN("no disk could be mounted here: tested with /dev/full and the tests' files alone");
    return;
  }
  pe::detail::SystemFiles files;
  const auto file = files.open((folder / "disk") + "/file", OpenFor::AppendToNew);
  REQUIRE(file.has_value());
  const std::string text(50'000, 'x');
  CHECK((*file)->append(text).value_or(0) == text.size());
  const auto part = (*file)->append(text);
  REQUIRE(part.has_value());
  CHECK(*part > 0);
  CHECK(*part < text.size());
  CHECK((*file)->append(text).error().code == "NoSpace");
  CHECK((*file)->status()->size == text.size() + *part);
  CHECK((*file)->truncate(text.size()).has_value());
  CHECK((*file)->append("more").value_or(0) == 4);
  CHECK(files.disk_space(folder / "disk")->total == 65'536);
}

TEST_CASE("a lock lives in the process, not in what it starts or forks") {
  const test::TemporaryFolder folder;
  pe::detail::SystemFiles files;
  const std::string path = folder / "LOCK";
  auto lock = files.open(path, OpenFor::Append);
  REQUIRE(lock.has_value());
  REQUIRE((*lock)->try_lock().value_or(false));

  // A child that closes what it inherited frees nothing of ours.
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    lock->reset();
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK((*files.open(path, OpenFor::Append))->try_lock().value_or(true) == false);

  lock->reset();
  CHECK((*files.open(path, OpenFor::Append))->try_lock().value_or(false));
}

namespace {

/// A child that lives until `end`, and does `work` first.
class ForkedChild {
 public:
  template <class Work>
  explicit ForkedChild(const Work& work) {
    int ready[2];
    int end[2];
    REQUIRE(::pipe2(ready, O_CLOEXEC) == 0);
    REQUIRE(::pipe2(end, O_CLOEXEC) == 0);
    id_ = ::fork();
    REQUIRE(id_ >= 0);
    char byte = 'x';
    if (id_ == 0) {
      const bool good = work();
      ::close(end[1]);
      static_cast<void>(::write(ready[1], &byte, 1));
      static_cast<void>(::read(end[0], &byte, 1));
      ::_exit(good ? 0 : 1);
    }
    CHECK(::close(ready[1]) == 0);
    CHECK(::close(end[0]) == 0);
    CHECK(::read(ready[0], &byte, 1) == 1);
    CHECK(::close(ready[0]) == 0);
    end_ = end[1];
  }
  ForkedChild(const ForkedChild&) = delete;
  ForkedChild& operator=(const ForkedChild&) = delete;
  ~ForkedChild() {
    if (id_ > 0) end();
  }
  /// Whether its work succeeded.
  bool end() {
    CHECK(::close(end_) == 0);
    int status = 1;
    CHECK(::waitpid(id_, &status, 0) == id_);
    id_ = -1;
    return status == 0;
  }

 private:
  pid_t id_{-1};
  int end_{-1};
};

}  // namespace

#if !defined(__APPLE__)
TEST_CASE("a forked child has no part in its parent's locks") {
  const test::TemporaryFolder folder;
  pe::detail::SystemFiles files;
  const std::string path = folder / "LOCK";
  auto lock = *files.open(path, OpenFor::Append);
  REQUIRE(lock->try_lock().value_or(false));
  const auto is_free = [&] {
    return (*files.open(path, OpenFor::Append))->try_lock().value_or(false);
  };

  // It cannot use the file, nor close what has the same number meanwhile.
  const auto work = [&] {
    if (lock->append("x").has_value() || lock->status().has_value()) return false;
    const auto other = files.open(folder / "other", OpenFor::Append);
    lock.reset();
    return other.has_value() && (*other)->append("x").has_value();
  };
  ForkedChild child{work};
  CHECK_FALSE(is_free());
  CHECK(child.end());
  CHECK_FALSE(is_free());

  ForkedChild idle{[] { return true; }};
  CHECK_FALSE(is_free());
  lock.reset();
  CHECK(is_free());
  CHECK(idle.end());
}
#endif

TEST_CASE("a lock that a child shares is free once its owner closes the file") {
  const test::TemporaryFolder folder;
  pe::detail::SystemFiles files;
  const std::string path = folder / "LOCK";
  auto lock = *files.open(path, OpenFor::Append);
  REQUIRE(lock->try_lock().value_or(false));
  // Copies of the descriptor, as those of a child without handlers, see _Fork.
  std::vector<int> copies;
  for (int number = 3; number < 1024; ++number) {
    struct stat status {};
    if (::fstat(number, &status) != 0 || status.st_ino != lock->status()->inode) continue;
    copies.push_back(::fcntl(number, F_DUPFD_CLOEXEC, 0));
    break;
  }
  REQUIRE(copies.size() == 1);
  REQUIRE(copies.front() >= 0);
  lock.reset();
  CHECK((*files.open(path, OpenFor::Append))->try_lock().value_or(false));
  CHECK(::close(copies.front()) == 0);
}

TEST_CASE("the status of a path follows links, and is a folder's, too") {
  const test::TemporaryFolder folder;
  pe::detail::SystemFiles files;
  REQUIRE(files.make_folder(folder / "spool").has_value());
  REQUIRE(::symlink("spool", (folder / "link").c_str()) == 0);
  const auto before = files.status(folder / "link");
  REQUIRE(before.has_value());
  CHECK(before->is_same_file(*files.status(folder / "spool")));
  REQUIRE(files.rename(folder / "spool", folder / "renamed").has_value());
  CHECK(files.status(folder / "link").error().code == "NotFound");
  CHECK(files.status(folder / "renamed")->is_same_file(*before));
}

TEST_CASE("a file is closed by a program that is started") {
  const test::TemporaryFolder folder;
  pe::detail::SystemFiles files;
  const int before = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  REQUIRE(before >= 0);
  ::close(before);
  const auto file = files.open(folder / "file", OpenFor::Append);
  REQUIRE(file.has_value());
  // The system gives the lowest free number.
  const int flags = ::fcntl(before, F_GETFD);
  REQUIRE(flags >= 0);
  CHECK((flags & FD_CLOEXEC) != 0);
}
