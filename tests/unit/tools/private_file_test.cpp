// SPDX-License-Identifier: Apache-2.0
#include "private_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

#include "catch.hpp"
#include "support/temporary_folder.hpp"
#include "temp_world.hpp"

using tools::PrivateFile;

namespace {

std::string content_of(const std::string& path) {
  std::ostringstream content;
  content << std::ifstream(path, std::ios::binary).rdbuf();
  return content.str();
}

}  // namespace

TEST_CASE("a new file is the owner's alone") {
  const test::TemporaryFolder folder;
  const std::string path = folder / "rejects";
  PrivateFile file;
  CHECK_FALSE(file.is_open());
  REQUIRE(file.open(path));
  REQUIRE(file.write("one\n"));
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0600U);
}

TEST_CASE("text is appended to what is there, and the end can be removed") {
  const test::TemporaryFolder folder;
  const std::string path = folder / "log";
  std::ofstream(path) << "before\n";
  PrivateFile file;
  REQUIRE(file.open(path));
  CHECK(*file.size() == 7);
  REQUIRE(file.write("after\n"));
  CHECK(content_of(path) == "before\nafter\n");
  REQUIRE(file.truncate(7));
  CHECK(content_of(path) == "before\n");
}

TEST_CASE("a symbolic link is not followed") {
  const test::TemporaryFolder folder;
  const std::string target = folder / "other";
  const std::string path = folder / "link";
  REQUIRE(::symlink(target.c_str(), path.c_str()) == 0);
  PrivateFile file;
  const auto opened = file.open(path);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().where == path);
  CHECK(opened.error().message == "is a symbolic link; name the file");
  CHECK(::access(target.c_str(), F_OK) != 0);
}

TEST_CASE("a FIFO, a folder and a device are refused at once") {
  const test::TemporaryFolder folder;
  const std::string fifo = folder / "fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  for (const std::string& path : {fifo, std::string(folder / "."), std::string("/dev/null")}) {
    CAPTURE(path);
    PrivateFile file;
    CHECK_FALSE(file.open(path));
  }
}

TEST_CASE("what cannot be written is reported with the path") {
  const test::TemporaryFolder folder;
  const std::string path = folder / "log";
  PrivateFile file;
  REQUIRE(file.open(path));
  const test::FullDisk full(10);
  REQUIRE(file.write("0123456789"));
  const auto written = file.write("more");
  REQUIRE_FALSE(written);
  CHECK(written.error().where == path);
}
