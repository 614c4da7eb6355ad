// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/platform/whole_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <filesystem>
#include <string>

#include "catch.hpp"
#include "support/temporary_folder.hpp"

namespace pe = personalize_events;

namespace {

pe::Error read_error(const std::string& path) {
  const auto text = pe::detail::read_whole_file(path);
  REQUIRE_FALSE(text.has_value());
  CHECK(text.error().kind == pe::ErrorKind::Configuration);
  CHECK(text.error().where == path);
  return text.error();
}

std::size_t files_in(const test::TemporaryFolder& folder) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder / "")) {
    ++count;
  }
  return count;
}

mode_t permissions_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 0777U;
}

}  // namespace

TEST_CASE("a file is read whole, byte by byte") {
  const test::TemporaryFolder folder;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{4095},
                                 std::size_t{4096}, std::size_t{1048576}}) {
    CAPTURE(size);
    std::string text(size, 'x');
    if (size > 1) text[1] = '\0';
    test::write_file(folder / "file", text);
    const auto read = pe::detail::read_whole_file(folder / "file");
    REQUIRE(read.has_value());
    CHECK((*read == text));
  }
}

TEST_CASE("a file whose length the system does not tell is read") {
  const auto status = pe::detail::read_whole_file("/proc/self/status");
  REQUIRE(status.has_value());
  CHECK_THAT(*status, test::ContainsSubstring("Pid:"));
}

TEST_CASE("/dev/null reads as empty, so that it can stand for no file") {
  const auto text = pe::detail::read_whole_file("/dev/null");
  REQUIRE(text.has_value());
  CHECK(text->empty());
}

TEST_CASE("a file that does not exist has a code of its own") {
  const test::TemporaryFolder folder;
  CHECK(read_error(folder / "missing").code == "NotFound");
  test::write_file(folder / "file", "text");
  CHECK(read_error((folder / "file") + "/below").code == "NotFound");
}

TEST_CASE("what is no readable regular file of at most 1 MiB is refused at once") {
  const test::TemporaryFolder folder;
  test::write_file(folder / "large", std::string(1'048'577, 'x'));
  CHECK_THAT(read_error(folder / "large").message, test::ContainsSubstring("1 MiB"));
  CHECK_THAT(read_error(folder / "").message, test::ContainsSubstring("directory"));
  REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
  CHECK_THAT(read_error(folder / "fifo").message, test::ContainsSubstring("pipe or a device"));
  CHECK_THAT(read_error("/dev/zero").message, test::ContainsSubstring("pipe or a device"));
  CHECK_THAT(read_error("").message, test::ContainsSubstring("empty"));

  const auto with_zero = pe::detail::read_whole_file(std::string{"a\0b", 3});
  REQUIRE_FALSE(with_zero.has_value());
  CHECK_THAT(with_zero.error().message, test::ContainsSubstring("zero byte"));

  REQUIRE(::symlink("loop", (folder / "loop").c_str()) == 0);
  const pe::Error loop = read_error(folder / "loop");
  CHECK(loop.code.empty());
  CHECK_THAT(loop.message, test::ContainsSubstring("cannot be opened"));
}

TEST_CASE("a file that this user may not read is an error with a code of its own") {
  const test::TemporaryFolder folder;
  test::write_file(folder / "closed", "text");
  REQUIRE(::chmod((folder / "closed").c_str(), 0) == 0);
  // Root reads every file, so it puts that right away for a moment.
  const uid_t user = ::geteuid();
  if (user == 0) REQUIRE(::seteuid(65'534) == 0);
  const auto text = pe::detail::read_whole_file(folder / "closed");
  if (user == 0) REQUIRE(::seteuid(user) == 0);
  REQUIRE_FALSE(text.has_value());
  CHECK(text.error().code == "AccessDenied");
  CHECK_THAT(text.error().message, test::ContainsSubstring("cannot be opened"));
}

TEST_CASE("a private file that everybody may read or write is refused") {
  const test::TemporaryFolder folder;
  const std::string path = folder / "cache";
  test::write_file(path, "TOKEN-OF-SOMEBODY");
  for (const mode_t open_to_all : {0604U, 0602U, 0644U, 0777U}) {
    CAPTURE(open_to_all);
    REQUIRE(::chmod(path.c_str(), open_to_all) == 0);
    const auto text = pe::detail::read_private_file(path);
    REQUIRE_FALSE(text.has_value());
    CHECK(text.error().where == path);
    CHECK_THAT(text.error().message, test::ContainsSubstring("chmod 600"));
    CHECK_THAT(pe::to_string(text.error()), !test::ContainsSubstring("TOKEN"));
  }
  for (const mode_t private_enough : {0600U, 0400U, 0640U, 0660U}) {
    CAPTURE(private_enough);
    REQUIRE(::chmod(path.c_str(), private_enough) == 0);
    CHECK(pe::detail::read_private_file(path).value_or("") == "TOKEN-OF-SOMEBODY");
  }
  CHECK(pe::detail::read_private_file(folder / "missing").error().code == "NotFound");
  CHECK(pe::detail::read_private_file("").has_value() == false);
}

TEST_CASE("a file is replaced at once, and is its owner's alone") {
  const test::TemporaryFolder folder;
  const std::string path = folder / "cache";
  for (const std::string& text :
       {std::string{"first"}, std::string(1'000'000, 'x'), std::string{}}) {
    REQUIRE(pe::detail::replace_whole_file(path, text).has_value());
    const auto read = pe::detail::read_whole_file(path);
    REQUIRE(read.has_value());
    CHECK((*read == text));
    CHECK(permissions_of(path) == 0600U);
    CHECK(files_in(folder) == 1);
  }
  test::write_file(folder / "open", "old");
  REQUIRE(::chmod((folder / "open").c_str(), 0666) == 0);
  REQUIRE(pe::detail::replace_whole_file(folder / "open", "new").has_value());
  CHECK(permissions_of(folder / "open") == 0600U);
}

TEST_CASE("a file that cannot be replaced stays, and nothing is left beside it") {
  const test::TemporaryFolder folder;
  CHECK_FALSE(pe::detail::replace_whole_file("", "text").has_value());
  CHECK_FALSE(pe::detail::replace_whole_file(std::string{"a\0b", 3}, "text").has_value());

  const auto missing = pe::detail::replace_whole_file((folder / "no-folder") + "/cache", "text");
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().kind == pe::ErrorKind::Configuration);
  CHECK_THAT(missing.error().message, test::ContainsSubstring("cannot be replaced"));

  // A rename cannot put a file in place of a folder.
  REQUIRE(std::filesystem::create_directory(folder / "taken"));
  CHECK_FALSE(pe::detail::replace_whole_file(folder / "taken", "text").has_value());
  CHECK(files_in(folder) == 1);
}

TEST_CASE("a full disk is an error, and the old file stays") {
  // Every write to /dev/full fails with ENOSPC.
  const pe::detail::Descriptor full{::open("/dev/full", O_WRONLY | O_CLOEXEC)};
  REQUIRE(full.number() >= 0);
  CHECK_FALSE(pe::detail::write_all(full.number(), "text"));
  CHECK(errno == ENOSPC);
  CHECK(pe::detail::write_all(full.number(), ""));
}
