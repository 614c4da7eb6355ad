// SPDX-License-Identifier: Apache-2.0
//
// What the Windows side of platform/ must do, for Wine on the machine of a developer. It is a
// program of one file, because no library of ours or of others is built for Windows here.
// check_portability.py builds and runs it.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "personalize_events/detail/platform/per_process.hpp"
#include "personalize_events/detail/platform/system_files.hpp"
#include "personalize_events/detail/platform/system_platform.hpp"
#include "personalize_events/detail/platform/thread.hpp"

namespace pe = personalize_events;
using Catch::Matchers::Contains;
using std::chrono::seconds;
using std::chrono::steady_clock;

namespace {

/// A folder with a name that is not ASCII, gone at the end of the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    unsigned char random[4] = {};
    pe::detail::fill_random(random, sizeof random);
    path_ = std::filesystem::temp_directory_path() /
            (L"pe-t\u00e4st-" + std::to_wstring(random[0] * 65536 + random[1] * 256 + random[2]));
    REQUIRE(std::filesystem::create_directory(path_));
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string operator/(const char* name) const { return path_.u8string() + "\\" + name; }
  std::string path() const { return path_.u8string(); }

 private:
  std::filesystem::path path_;
};

template <class T>
T value_of(pe::Result<T> result) {
  if (!result) FAIL(pe::to_string(result.error()));
  return *std::move(result);
}

void must(const pe::Result<void>& result) {
  if (!result) FAIL(pe::to_string(result.error()));
}

/// The command that runs one test case of this program.
std::wstring command_of(const wchar_t* test) {
  std::wstring path(32'768, L'\0');
  path.resize(::GetModuleFileNameW(nullptr, path.data(), static_cast<DWORD>(path.size())));
  return L"\"" + path + L"\" " + test;
}

std::string utf8(const std::wstring& text) { return std::filesystem::path{text}.u8string(); }

std::string content_of(pe::File& file) {
  std::string content(100, '\0');
  content.resize(value_of(file.read_at(0, content.data(), content.size())));
  return content;
}

}  // namespace

TEST_CASE("random bytes differ") {
  std::vector<unsigned char> one(64), other(64);
  pe::detail::fill_random(one.data(), one.size());
  pe::detail::fill_random(other.data(), other.size());
  CHECK(one != other);
  CHECK(std::any_of(one.begin() + 32, one.end(), [](unsigned char byte) { return byte != 0; }));
}

TEST_CASE("the boot-time clock goes on, and names no boot") {
  const auto platform = pe::system_platform();
  const auto before = platform->boot_now();
  CHECK(before > std::chrono::nanoseconds::zero());
  CHECK(platform->boot_now() >= before);
  CHECK(platform->boot_identity().empty());
}

TEST_CASE("the environment speaks UTF-8") {
  const auto platform = pe::system_platform();
  REQUIRE(::SetEnvironmentVariableW(L"PE_TEST", L"gr\u00fc\u00df") != 0);
  CHECK(platform->environment("PE_TEST") == "gr\xC3\xBC\xC3\x9F");
  REQUIRE(::SetEnvironmentVariableW(L"PE_TEST", std::wstring(1000, L'v').c_str()) != 0);
  CHECK(platform->environment("PE_TEST") == std::string(1000, 'v'));
  REQUIRE(::SetEnvironmentVariableW(L"PE_TEST", L"") != 0);
  CHECK(platform->environment("PE_TEST") == "");
  REQUIRE(::SetEnvironmentVariableW(L"PE_TEST", nullptr) != 0);
  CHECK_FALSE(platform->environment("PE_TEST").has_value());
}

TEST_CASE("a whole file is replaced and read") {
  const TemporaryFolder folder;
  const auto platform = pe::system_platform();
  const std::string path = folder / "file";
  const auto absent = platform->read_file(path);
  REQUIRE_FALSE(absent.has_value());
  CHECK(absent.error().code == "NotFound");
  must(platform->replace_file(path, "first"));
  must(platform->replace_file(path, "second\r\n"));
  CHECK(value_of(platform->read_file(path)) == "second\r\n");
  CHECK(value_of(platform->read_private_file(path)) == "second\r\n");
  CHECK(value_of(pe::detail::SystemFiles{}.list_folder(folder.path())) ==
        std::vector<std::string>{"file"});
  CHECK(value_of(platform->read_file("NUL")).empty());
  CHECK_THAT(platform->read_file(folder.path()).error().message, Contains("directory"));
  must(platform->replace_file(path, std::string(1'048'577, 'x')));
  CHECK_THAT(platform->read_file(path).error().message, Contains("1 MiB"));
  CHECK_FALSE(platform->replace_file(folder / "absent\\file", "text").has_value());
}

TEST_CASE("a file grows, is cut, locked, renamed and removed while it is open") {
  const TemporaryFolder folder;
  pe::detail::SystemFiles files;
  CHECK(files.open(folder / "a", pe::OpenFor::Read).error().code == "NotFound");
  auto one = value_of(files.open(folder / "a", pe::OpenFor::AppendToNew));
  CHECK(files.open(folder / "a", pe::OpenFor::AppendToNew).error().code == "Exists");
  auto other = value_of(files.open(folder / "a", pe::OpenFor::Append));
  CHECK(value_of(one->append("one ")) == 4);
  CHECK(value_of(other->append("two ")) == 4);
  CHECK(value_of(one->append("three")) == 5);
  must(one->sync());
  CHECK(content_of(*other) == "one two three");
  char rest[20] = {};
  CHECK(value_of(one->read_at(8, rest, sizeof rest)) == 5);
  CHECK(value_of(one->read_at(13, rest, sizeof rest)) == 0);
  CHECK(value_of(one->read_at(1000, rest, sizeof rest)) == 0);
  must(one->truncate(3));
  CHECK(value_of(one->append("!")) == 1);
  CHECK(content_of(*other) == "one!");
  CHECK(value_of(one->status()).size == 4);
  CHECK(value_of(one->status()).links == 1);

  CHECK(value_of(one->try_lock()));
  CHECK(value_of(one->try_lock()));
  CHECK_FALSE(value_of(other->try_lock()));
  CHECK(value_of(other->append("?")) == 1);  // a lock forbids no writing

  must(files.rename(folder / "a", folder / "b"));
  CHECK(value_of(files.list_folder(folder.path())) == std::vector<std::string>{"b"});
  CHECK(value_of(files.status(folder / "b")).is_same_file(value_of(one->status())));
  CHECK(files.status(folder / "a").error().code == "NotFound");
  CHECK(value_of(files.status(folder.path())).inode != 0);
  must(files.remove_file(folder / "b"));
  CHECK(content_of(*one) == "one!?");
  // Where a deleted file has its name until it is closed, as in Wine 8, it is gone only now.
  one.reset();
  other.reset();
  CHECK(value_of(files.list_folder(folder.path())).empty());
  CHECK(files.remove_file(folder / "nothing").error().code == "NotFound");
}

TEST_CASE("a lock goes with the file that had it") {
  const TemporaryFolder folder;
  pe::detail::SystemFiles files;
  auto one = value_of(files.open(folder / "lock", pe::OpenFor::Append));
  const auto other = value_of(files.open(folder / "lock", pe::OpenFor::Append));
  CHECK(value_of(one->try_lock()));
  CHECK_FALSE(value_of(other->try_lock()));
  one.reset();
  CHECK(value_of(other->try_lock()));
}

// Before Windows 10, and in Wine 8, the name stays until then.
TEST_CASE("a file that was removed while it is open is gone at the latest when it is closed") {
  const TemporaryFolder folder;
  pe::detail::SystemFiles files;
  auto one = value_of(files.open(folder / "file", pe::OpenFor::Append));
  must(files.remove_file(folder / "file"));
  one.reset();
  CHECK(files.status(folder / "file").error().code == "NotFound");
  static_cast<void>(value_of(files.open(folder / "file", pe::OpenFor::AppendToNew)));
}

TEST_CASE("folders are made, listed, synced and removed") {
  const TemporaryFolder folder;
  pe::detail::SystemFiles files;
  must(files.make_folder(folder / "f"));
  must(files.make_folder(folder / "f"));
  CHECK(value_of(files.list_folder(folder / "f")).empty());
  must(files.sync_folder(folder / "f"));
  CHECK(files.list_folder(folder / "g").error().code == "NotFound");
  CHECK(files.sync_folder(folder / "g").error().code == "NotFound");
  static_cast<void>(value_of(files.open(folder / "f\\file", pe::OpenFor::Append)));
  CHECK_FALSE(files.remove_folder(folder / "f").has_value());
  CHECK(files.make_folder(folder / "f\\file").error().code == "Exists");
  must(files.remove_file(folder / "f\\file"));
  must(files.remove_folder(folder / "f"));
  const pe::DiskSpace space = value_of(files.disk_space(folder.path()));
  CHECK(space.total > 0);
  CHECK(space.available <= space.total);
  CHECK_FALSE(files.make_folder(std::string{"a\0b", 3}).has_value());
  CHECK_FALSE(files.make_folder("\xFF").has_value());
}

TEST_CASE("threads run their work once and are waited for") {
  std::atomic<int> done{0};
  {
    const auto one = value_of(pe::detail::Thread::start("pe-test", [&done] { ++done; }));
    auto other = value_of(pe::detail::Thread::start("pe-test", [&done] { ++done; }));
    other.join();
    other.join();
  }
  CHECK(done == 2);
}

TEST_CASE("a command's output is answered byte by byte") {
  CHECK(value_of(pe::detail::run_process("cmd /c echo hello", seconds{60})) == "hello\r\n");
  CHECK(value_of(pe::detail::run_process("cmd /c exit 0", seconds{60})).empty());
}

TEST_CASE("a command that fails or is none is told") {
  const auto message_of = [](const std::string& command) {
    const auto output = pe::detail::run_process(command, seconds{60});
    REQUIRE_FALSE(output.has_value());
    CHECK(output.error().kind == pe::ErrorKind::Credentials);
    return output.error().message;
  };
  CHECK_THAT(message_of("cmd /c exit 3"), Contains("exit status 3"));
  CHECK_THAT(message_of(" "), Contains("empty"));
  CHECK_THAT(message_of("no-such-program-of-ours"), Contains("could not be started"));
  CHECK_THAT(message_of("cmd /c for /l %i in (1,1,20000) do @echo 0123456789"), Contains("65536"));
}

TEST_CASE("a command that takes too long is killed with what it started") {
  const auto before = steady_clock::now();
  const auto output = pe::detail::run_process("cmd /c ping -n 60 127.0.0.1 >NUL & echo done",
                                              std::chrono::milliseconds{500});
  REQUIRE_FALSE(output.has_value());
  CHECK_THAT(output.error().message, Contains("too long"));
  CHECK(steady_clock::now() - before < seconds{30});
}

// Programs for the next tests, which no run of all tests starts.
TEST_CASE("hold-output", "[.]") { ::Sleep(20'000); }
TEST_CASE("leave-child", "[.]") {
  STARTUPINFOW start{};
  start.cb = sizeof start;
  PROCESS_INFORMATION made{};
  if (::CreateProcessW(nullptr, command_of(L"hold-output").data(), nullptr, nullptr, TRUE, 0,
                       nullptr, nullptr, &start, &made) == 0) {
    ::ExitProcess(1);
  }
  DWORD written = 0;
  ::WriteFile(::GetStdHandle(STD_OUTPUT_HANDLE), "{}", 2, &written, nullptr);
  ::ExitProcess(written == 2 ? 0 : 2);
}
TEST_CASE("write-error", "[.]") {
  DWORD written = 0;
  ::WriteFile(::GetStdHandle(STD_ERROR_HANDLE), "error-secret", 12, &written, nullptr);
  ::ExitProcess(written == 12 ? 7 : 2);
}

TEST_CASE("what a command leaves behind does not delay its output") {
  const auto before = steady_clock::now();
  // Catch2 writes a line first.
  CHECK_THAT(value_of(pe::detail::run_process(utf8(command_of(L"leave-child")), seconds{60})),
             Contains("{}"));
  CHECK(steady_clock::now() - before < seconds{15});
}

TEST_CASE("standard error is inherited, and no part of it is in the error") {
  const TemporaryFolder folder;
  const std::string path = folder / "errors";
  const HANDLE before = ::GetStdHandle(STD_ERROR_HANDLE);
  const pe::detail::Handle file{::CreateFileW(std::filesystem::u8path(path).c_str(), GENERIC_WRITE,
                                              FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr,
                                              CREATE_NEW, 0, nullptr)};
  REQUIRE(file.is_open());
  REQUIRE(::SetStdHandle(STD_ERROR_HANDLE, file.get()) != 0);
  const auto failed = pe::detail::run_process(utf8(command_of(L"write-error")), seconds{60});
  REQUIRE(::SetStdHandle(STD_ERROR_HANDLE, nullptr) != 0);
  const auto without = pe::detail::run_process("cmd /c echo hello", seconds{60});
  REQUIRE(::SetStdHandle(STD_ERROR_HANDLE, before) != 0);
  REQUIRE_FALSE(failed.has_value());
  CHECK_THAT(failed.error().message, Contains("exit status 7") && Contains("standard error"));
  CHECK(failed.error().message.find("secret") == std::string::npos);
  CHECK(value_of(pe::detail::SystemPlatform{}.read_file(path)) == "error-secret");
  CHECK(value_of(without) == "hello\r\n");
}

TEST_CASE("an object of a process is made once") {
  pe::detail::PerProcess<int> object;
  CHECK(object.find() == nullptr);
  CHECK(object.own([] { return std::make_unique<int>(7); }) == 7);
  CHECK(object.find() != nullptr);
}
