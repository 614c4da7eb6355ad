// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/testing/virtual_platform.hpp"

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"

namespace pe = personalize_events;
using pe::testing::VirtualPlatform;
using namespace std::chrono_literals;

namespace {

std::vector<unsigned char> random_bytes(VirtualPlatform& platform, std::size_t count) {
  std::vector<unsigned char> bytes(count);
  platform.random_bytes(bytes.data(), bytes.size());
  return bytes;
}

}  // namespace

TEST_CASE("the virtual environment holds what was set") {
  VirtualPlatform platform;
  CHECK_FALSE(platform.environment("HOME").has_value());
  platform.set_environment("HOME", "/home/user");
  CHECK(platform.environment("HOME") == "/home/user");
  platform.set_environment("HOME", "");
  CHECK(platform.environment("HOME") == "");
  platform.unset_environment("HOME");
  CHECK_FALSE(platform.environment("HOME").has_value());
}

TEST_CASE("virtual files hold what was set, and reads are remembered") {
  VirtualPlatform platform;
  platform.set_file("/a", "text");
  platform.set_file("/b", pe::detail::make_error(pe::ErrorKind::Configuration, "/b", "no access"));
  CHECK(platform.read_file("/a").value_or("") == "text");
  REQUIRE_FALSE(platform.read_file("/b").has_value());
  CHECK(platform.read_file("/b").error().message == "no access");

  const auto missing = platform.read_file("/c");
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().kind == pe::ErrorKind::Configuration);
  CHECK(missing.error().code == "NotFound");
  CHECK(missing.error().where == "/c");
  CHECK(platform.files_read() == std::vector<std::string>{"/a", "/b", "/b", "/c"});

  platform.remove_file("/a");
  CHECK_FALSE(platform.read_file("/a").has_value());
}

TEST_CASE("virtual time passes by sleeping and advancing only") {
  VirtualPlatform platform;
  const auto now = platform.now();
  const auto steady = platform.steady_now();
  CHECK(now.time_since_epoch() == 1'767'225'600s);
  CHECK(platform.now() == now);

  platform.sleep_for(1500ms);
  CHECK(platform.now() - now == 1500ms);
  CHECK(platform.steady_now() - steady == 1500ms);
  platform.sleep_for(-1s);
  CHECK(platform.steady_now() - steady == 1500ms);
  platform.advance(1h);
  CHECK(platform.now() - now == 1h + 1500ms);
  CHECK(platform.steady_now() - steady == 1h + 1500ms);
  CHECK(platform.sleeps() == std::vector<std::chrono::nanoseconds>{1500ms, -1s});

  platform.set_now(now);
  CHECK(platform.now() == now);
  CHECK(platform.steady_now() - steady == 1h + 1500ms);
}

TEST_CASE("one seed gives one sequence of bytes") {
  VirtualPlatform platform;
  platform.seed(7);
  const auto first = random_bytes(platform, 20);
  CHECK(random_bytes(platform, 20) != first);
  platform.seed(7);
  // However it is cut.
  auto again = random_bytes(platform, 3);
  for (const unsigned char byte : random_bytes(platform, 17)) again.push_back(byte);
  CHECK(again == first);
  platform.seed(8);
  CHECK(random_bytes(platform, 20) != first);
}

TEST_CASE("virtual processes answer what was set, and runs are remembered") {
  VirtualPlatform platform;
  platform.on_process("tool a", "output");
  platform.on_process("tool b",
                      pe::detail::make_error(pe::ErrorKind::Credentials, "here", "failed"));
  CHECK(platform.run_process("tool a", 1s).value_or("") == "output");
  REQUIRE_FALSE(platform.run_process("tool b", 1s).has_value());
  CHECK(platform.run_process("tool b", 1s).error().message == "failed");
  const auto unknown = platform.run_process("tool secret", 1s);
  REQUIRE_FALSE(unknown.has_value());
  CHECK(unknown.error().kind == pe::ErrorKind::Credentials);
  CHECK(unknown.error().message.find("secret") == std::string::npos);
  CHECK(platform.processes_run() ==
        std::vector<std::string>{"tool a", "tool b", "tool b", "tool secret"});
}

TEST_CASE("a virtual platform serves many threads") {
  VirtualPlatform platform;
  platform.set_environment("NAME", "value");
  const auto start = platform.steady_now();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&platform] {
      for (int round = 0; round < 500; ++round) {
        platform.sleep_for(1ms);
        platform.set_file("/file", "text");
        static_cast<void>(platform.read_file("/file"));
        static_cast<void>(platform.environment("NAME"));
        static_cast<void>(random_bytes(platform, 5));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(platform.steady_now() - start == 2s);
  CHECK(platform.sleeps().size() == 2000);
  CHECK(platform.files_read().size() == 2000);
}
