// SPDX-License-Identifier: Apache-2.0
//
// SystemPlatform: the Platform of the machine that the program runs on. make_client takes it when
// ClientOptions::platform is empty.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_SYSTEM_PLATFORM_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_SYSTEM_PLATFORM_HPP

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "personalize_events/detail/platform/boot_clock.hpp"
#include "personalize_events/detail/platform/environment.hpp"
#include "personalize_events/detail/platform/per_process.hpp"
#include "personalize_events/detail/platform/process.hpp"
#include "personalize_events/detail/platform/random.hpp"
#include "personalize_events/detail/platform/whole_file.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// The machine that the program runs on.
///
/// @par Thread Safety
/// Every member may be called from any thread; `environment` not while another thread changes the
/// environment (setenv), as with std::getenv.
class SystemPlatform final : public Platform {
 public:
  std::optional<std::string> environment(const std::string& name) override {
    return detail::environment_variable(name);
  }

  /// A regular file of at most 1 MiB; /dev/null reads as empty, so that it can stand for no file.
  Result<std::string> read_file(const std::string& path) override {
    return detail::read_whole_file(path);
  }

  Result<std::string> read_private_file(const std::string& path) override {
    return detail::read_private_file(path);
  }

  Result<void> replace_file(const std::string& path, const std::string& content) override {
    return detail::replace_whole_file(path, content);
  }

  std::chrono::system_clock::time_point now() override { return std::chrono::system_clock::now(); }
  std::chrono::steady_clock::time_point steady_now() override {
    return std::chrono::steady_clock::now();
  }
  std::chrono::nanoseconds boot_now() override {
    return detail::boot_time().value_or(steady_now().time_since_epoch());
  }

  /// On Linux the boot id and the offset of the time namespace, on macOS the id of the boot
  /// session; empty on other systems. Read once in each process: a forked child may be in another
  /// namespace.
  std::string boot_identity() override {
    return boot_identity_.own(
        [] { return std::make_unique<std::string>(detail::read_boot_identity()); });
  }

  void sleep_for(std::chrono::nanoseconds duration) override {
    std::this_thread::sleep_for(duration);
  }
  void random_bytes(unsigned char* out, std::size_t count) override { fill_random(out, count); }

  Result<std::string> run_process(const std::string& command,
                                  std::chrono::milliseconds timeout) override {
    return detail::run_process(command, timeout);
  }

 private:
  detail::PerProcess<std::string> boot_identity_{};
};

}  // namespace detail

/// Returns the operating system's Platform. All are alike.
[[nodiscard]] inline std::shared_ptr<Platform> system_platform() {
  return std::make_shared<detail::SystemPlatform>();
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
