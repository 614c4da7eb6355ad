// SPDX-License-Identifier: Apache-2.0
//
// DiskPlatform: a VirtualPlatform whose files can be made read-only, for tests of token caches.
#ifndef PERSONALIZE_EVENTS_TESTS_SUPPORT_DISK_PLATFORM_HPP
#define PERSONALIZE_EVENTS_TESTS_SUPPORT_DISK_PLATFORM_HPP

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include "personalize_events/platform.hpp"
#include "personalize_events/testing/virtual_platform.hpp"

namespace test {

class DiskPlatform final : public personalize_events::Platform {
 public:
  personalize_events::testing::VirtualPlatform world{};
  bool is_read_only{false};
  bool is_open_to_all{false};  ///< what read_private_file complains of
  int writes{0};               ///< tried, whether they succeeded or not

  /// The content of a file, empty when there is none.
  std::string content(const std::string& path) { return world.read_file(path).value_or(""); }

  std::optional<std::string> environment(const std::string& name) override {
    return world.environment(name);
  }
  personalize_events::Result<std::string> read_file(const std::string& path) override {
    return world.read_file(path);
  }
  personalize_events::Result<std::string> read_private_file(const std::string& path) override {
    if (!is_open_to_all) return read_file(path);
    return personalize_events::detail::make_error(personalize_events::ErrorKind::Configuration,
                                                  path, "is open to every user");
  }
  personalize_events::Result<void> replace_file(const std::string& path,
                                                const std::string& text) override {
    ++writes;
    if (is_read_only) {
      return personalize_events::detail::make_error(personalize_events::ErrorKind::Configuration,
                                                    path, "cannot be replaced");
    }
    return world.replace_file(path, text);
  }
  std::chrono::system_clock::time_point now() override { return world.now(); }
  std::chrono::steady_clock::time_point steady_now() override { return world.steady_now(); }
  std::chrono::nanoseconds boot_now() override { return world.boot_now(); }
  std::string boot_identity() override { return world.boot_identity(); }
  void sleep_for(std::chrono::nanoseconds duration) override { world.sleep_for(duration); }
  void random_bytes(unsigned char* out, std::size_t count) override {
    world.random_bytes(out, count);
  }
  personalize_events::Result<std::string> run_process(const std::string& command,
                                                      std::chrono::milliseconds timeout) override {
    return world.run_process(command, timeout);
  }
};

}  // namespace test

#endif
