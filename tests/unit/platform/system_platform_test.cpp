// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/platform/system_platform.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "catch.hpp"

namespace pe = personalize_events;

namespace {

// A folder that is gone at the end of the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "pe-platform-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  std::string operator/(const char* name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

void write_file(const std::string& path, const std::string& text) {
  std::ofstream file{path, std::ios::binary};
  file << text;
  file.close();
  REQUIRE(file.good());
}

pe::Error read_error(const std::string& path) {
  const auto text = pe::system_platform()->read_file(path);
  REQUIRE_FALSE(text.has_value());
  CHECK(text.error().kind == pe::ErrorKind::Configuration);
  CHECK(text.error().where == path);
  return text.error();
}

}  // namespace

TEST_CASE("the environment is the program's") {
  const auto platform = pe::system_platform();
  REQUIRE(::setenv("PERSONALIZE_EVENTS_TEST_VARIABLE", "some value", 1) == 0);
  CHECK(platform->environment("PERSONALIZE_EVENTS_TEST_VARIABLE") == "some value");
  REQUIRE(::setenv("PERSONALIZE_EVENTS_TEST_VARIABLE", "", 1) == 0);
  CHECK(platform->environment("PERSONALIZE_EVENTS_TEST_VARIABLE") == "");
  REQUIRE(::unsetenv("PERSONALIZE_EVENTS_TEST_VARIABLE") == 0);
  CHECK_FALSE(platform->environment("PERSONALIZE_EVENTS_TEST_VARIABLE").has_value());
}

TEST_CASE("a file is read whole, byte by byte") {
  const TemporaryFolder folder;
  const auto platform = pe::system_platform();
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{4095},
                                 std::size_t{4096}, std::size_t{1048576}}) {
    CAPTURE(size);
    std::string text(size, 'x');
    if (size > 1) text[1] = '\0';
    write_file(folder / "file", text);
    const auto read = platform->read_file(folder / "file");
    REQUIRE(read.has_value());
    CHECK((*read == text));
  }
}

TEST_CASE("a file whose length the system does not tell is read") {
  const auto status = pe::system_platform()->read_file("/proc/self/status");
  REQUIRE(status.has_value());
  CHECK_THAT(*status, test::ContainsSubstring("Pid:"));
}

TEST_CASE("/dev/null reads as empty, so that it can stand for no file") {
  const auto text = pe::system_platform()->read_file("/dev/null");
  REQUIRE(text.has_value());
  CHECK(text->empty());
}

TEST_CASE("a file that does not exist has a code of its own") {
  const TemporaryFolder folder;
  CHECK(read_error(folder / "missing").code == "NotFound");
  write_file(folder / "file", "text");
  CHECK(read_error((folder / "file") + "/below").code == "NotFound");
}

TEST_CASE("what is no readable regular file of at most 1 MiB is refused at once") {
  const TemporaryFolder folder;
  write_file(folder / "large", std::string(1'048'577, 'x'));
  CHECK_THAT(read_error(folder / "large").message, test::ContainsSubstring("1 MiB"));
  CHECK_THAT(read_error(folder / "").message, test::ContainsSubstring("directory"));
  REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
  CHECK_THAT(read_error(folder / "fifo").message, test::ContainsSubstring("pipe or a device"));
  CHECK_THAT(read_error("/dev/zero").message, test::ContainsSubstring("pipe or a device"));
  CHECK_THAT(read_error("").message, test::ContainsSubstring("empty"));

  const auto with_zero = pe::system_platform()->read_file(std::string{"a\0b", 3});
  REQUIRE_FALSE(with_zero.has_value());
  CHECK_THAT(with_zero.error().message, test::ContainsSubstring("zero byte"));

  REQUIRE(::symlink("loop", (folder / "loop").c_str()) == 0);
  const pe::Error loop = read_error(folder / "loop");
  CHECK(loop.code.empty());
  CHECK_THAT(loop.message, test::ContainsSubstring("cannot be opened"));
}

TEST_CASE("an unreadable file is an error, not a missing one") {
  const TemporaryFolder folder;
  write_file(folder / "closed", "text");
  REQUIRE(::chmod((folder / "closed").c_str(), 0) == 0);
  // Root reads every file, so it puts that right away for a moment.
  const uid_t user = ::geteuid();
  if (user == 0) REQUIRE(::seteuid(65'534) == 0);
  const auto text = pe::system_platform()->read_file(folder / "closed");
  if (user == 0) REQUIRE(::seteuid(user) == 0);
  REQUIRE_FALSE(text.has_value());
  CHECK(text.error().code.empty());
  CHECK_THAT(text.error().message, test::ContainsSubstring("cannot be opened"));
}

TEST_CASE("clocks go forward, and waiting takes its time") {
  const auto platform = pe::system_platform();
  const auto wall_before = std::chrono::system_clock::now();
  const auto now = platform->now();
  CHECK(now >= wall_before - std::chrono::seconds{1});
  CHECK(now <= std::chrono::system_clock::now() + std::chrono::seconds{1});

  const auto before = platform->steady_now();
  platform->sleep_for(std::chrono::milliseconds{2});
  CHECK(platform->steady_now() - before >= std::chrono::milliseconds{2});
  platform->sleep_for(std::chrono::nanoseconds::min());
}

TEST_CASE("random bytes and processes are the system's") {
  const auto platform = pe::system_platform();
  std::vector<unsigned char> one(16);
  std::vector<unsigned char> other(16);
  platform->random_bytes(one.data(), one.size());
  platform->random_bytes(other.data(), other.size());
  CHECK(one != other);
  CHECK(platform->run_process("echo hello", std::chrono::seconds{20}).value_or("") == "hello\n");
  CHECK_FALSE(platform->run_process("false", std::chrono::seconds{20}).has_value());
}
