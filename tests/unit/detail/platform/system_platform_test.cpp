// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/platform/system_platform.hpp"

#include <chrono>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/environment.hpp"
#include "support/temporary_folder.hpp"

namespace pe = personalize_events;

TEST_CASE("the environment is the program's") {
  const auto platform = pe::system_platform();
  {
    const test::Environment variable{"PERSONALIZE_EVENTS_TEST_VARIABLE", "some value"};
    CHECK(platform->environment("PERSONALIZE_EVENTS_TEST_VARIABLE") == "some value");
  }
  CHECK_FALSE(platform->environment("PERSONALIZE_EVENTS_TEST_VARIABLE").has_value());
}

TEST_CASE("files are the system's") {
  const test::TemporaryFolder folder;
  const auto platform = pe::system_platform();
  CHECK(platform->read_file(folder / "file").error().code == "NotFound");
  REQUIRE(platform->replace_file(folder / "file", "some text").has_value());
  CHECK(platform->read_file(folder / "file").value_or("") == "some text");
  CHECK(platform->read_private_file(folder / "file").value_or("") == "some text");
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

TEST_CASE("the boot-time clock and its identity are the machine's") {
  const auto platform = pe::system_platform();
  const auto before = pe::detail::boot_time();
  REQUIRE(before.has_value());
  CHECK(platform->boot_now() >= *before);
  CHECK(platform->boot_now() - *before < std::chrono::seconds{10});
  CHECK(platform->boot_identity() == pe::detail::read_boot_identity());
  CHECK(platform->boot_identity() == pe::system_platform()->boot_identity());
}

TEST_CASE("random bytes and processes are the system's") {
  const auto platform = pe::system_platform();
  std::vector<unsigned char> one(16);
  std::vector<unsigned char> other(16);
  platform->random_bytes(one.data(), one.size());
  platform->random_bytes(other.data(), other.size());
  CHECK(one != other);
#if defined(_WIN32)
  const std::string prefix = "cmd /c ";
  const std::string line_end = "\r\n";
#else
  const std::string prefix;
  const std::string line_end = "\n";
#endif
  const auto output = platform->run_process(prefix + "echo hello", std::chrono::seconds{20});
  CHECK(output.value_or("") == "hello" + line_end);
  CHECK_FALSE(platform->run_process(prefix + "exit 1", std::chrono::seconds{20}).has_value());
}
