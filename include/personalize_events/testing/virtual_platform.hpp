// SPDX-License-Identifier: Apache-2.0
//
// testing::VirtualPlatform: a Platform in memory, for tests of an application's own. The
// environment, files and processes are what the test says, time passes only when someone sleeps or
// the test says so, and one seed gives one sequence of random bytes.
#ifndef PERSONALIZE_EVENTS_TESTING_VIRTUAL_PLATFORM_HPP
#define PERSONALIZE_EVENTS_TESTING_VIRTUAL_PLATFORM_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace testing {

/// A Platform in memory: no variable, no file, no process until the test sets one. Its clocks
/// stand still but for `sleep_for` and `advance`. The wall clock begins at 2026-01-01T00:00:00Z.
///
/// @par Thread Safety
/// Every member may be called from any thread at the same time.
class VirtualPlatform final : public Platform {
 public:
  std::optional<std::string> environment(const std::string& name) override {
    const std::lock_guard<std::mutex> lock{mutex_};
    const auto found = environment_.find(name);
    if (found == environment_.end()) return std::nullopt;
    return found->second;
  }

  Result<std::string> read_file(const std::string& path) override {
    const std::lock_guard<std::mutex> lock{mutex_};
    files_read_.push_back(path);
    const auto found = files_.find(path);
    if (found != files_.end()) return found->second;
    Error error = detail::make_error(ErrorKind::Configuration, path,
                                     "there is no such file; VirtualPlatform::set_file makes it");
    error.code = "NotFound";
    return error;
  }

  /// Sets the file, as set_file does.
  Result<void> replace_file(const std::string& path, const std::string& content) override {
    set_file(path, content);
    return {};
  }

  std::chrono::system_clock::time_point now() override {
    const std::lock_guard<std::mutex> lock{mutex_};
    return now_;
  }

  std::chrono::steady_clock::time_point steady_now() override {
    const std::lock_guard<std::mutex> lock{mutex_};
    return steady_now_;
  }

  std::chrono::nanoseconds boot_now() override {
    const std::lock_guard<std::mutex> lock{mutex_};
    return boot_now_;
  }

  std::string boot_identity() override {
    const std::lock_guard<std::mutex> lock{mutex_};
    return boot_identity_;
  }

  /// Returns at once: all clocks move on by `duration`, which is kept for `sleeps`.
  void sleep_for(std::chrono::nanoseconds duration) override {
    const std::lock_guard<std::mutex> lock{mutex_};
    sleeps_.push_back(duration);
    if (duration > std::chrono::nanoseconds::zero()) move_clocks(duration);
  }

  /// Bytes of the splitmix64 sequence of the seed.
  void random_bytes(unsigned char* out, std::size_t count) override {
    const std::lock_guard<std::mutex> lock{mutex_};
    for (std::size_t i = 0; i < count; ++i) out[i] = next_byte();
  }

  /// Answers what `on_process` set for this very command, at once.
  Result<std::string> run_process(const std::string& command, std::chrono::milliseconds) override {
    const std::lock_guard<std::mutex> lock{mutex_};
    processes_run_.push_back(command);
    const auto found = processes_.find(command);
    if (found != processes_.end()) return found->second;
    return detail::make_error(ErrorKind::Credentials, "credential_process",
                              "there is no such process; VirtualPlatform::on_process makes it");
  }

  /// Sets an environment variable.
  void set_environment(const std::string& name, std::string value) {
    const std::lock_guard<std::mutex> lock{mutex_};
    environment_.insert_or_assign(name, std::move(value));
  }

  /// Takes an environment variable away.
  void unset_environment(const std::string& name) {
    const std::lock_guard<std::mutex> lock{mutex_};
    environment_.erase(name);
  }

  /// Sets what reading a file gives: its text, or an Error.
  void set_file(const std::string& path, Result<std::string> text) {
    const std::lock_guard<std::mutex> lock{mutex_};
    files_.insert_or_assign(path, std::move(text));
  }

  /// Takes a file away.
  void remove_file(const std::string& path) {
    const std::lock_guard<std::mutex> lock{mutex_};
    files_.erase(path);
  }

  /// Sets the wall clock; the steady clock stays, as when a machine's clock is corrected.
  void set_now(std::chrono::system_clock::time_point now) {
    const std::lock_guard<std::mutex> lock{mutex_};
    now_ = now;
  }

  /// Restarts the machine: the boot-time clock begins again under another identity.
  void reboot() {
    const std::lock_guard<std::mutex> lock{mutex_};
    ++boots_;
    boot_now_ = std::chrono::seconds{10};
    boot_identity_ = "boot-" + std::to_string(boots_);
  }

  /// Sets the boot-time clock and its identity, as in a container with a time namespace; an empty
  /// identity is that of a platform that cannot read it.
  void set_boot(std::string identity, std::chrono::nanoseconds now) {
    const std::lock_guard<std::mutex> lock{mutex_};
    boot_identity_ = std::move(identity);
    boot_now_ = now;
  }

  /// Moves all clocks on.
  void advance(std::chrono::nanoseconds duration) {
    const std::lock_guard<std::mutex> lock{mutex_};
    move_clocks(duration);
  }

  /// Begins the sequence of random bytes anew.
  void seed(std::uint64_t number) {
    const std::lock_guard<std::mutex> lock{mutex_};
    random_state_ = number;
    random_word_ = 0;
    random_bytes_left_ = 0;
  }

  /// Sets what running a command gives: its output, or an Error.
  void on_process(const std::string& command, Result<std::string> output) {
    const std::lock_guard<std::mutex> lock{mutex_};
    processes_.insert_or_assign(command, std::move(output));
  }

  /// Every duration slept, in order.
  [[nodiscard]] std::vector<std::chrono::nanoseconds> sleeps() const {
    const std::lock_guard<std::mutex> lock{mutex_};
    return sleeps_;
  }

  /// The path of every read, in order, whether there was a file or not.
  [[nodiscard]] std::vector<std::string> files_read() const {
    const std::lock_guard<std::mutex> lock{mutex_};
    return files_read_;
  }

  /// Every command run, in order.
  [[nodiscard]] std::vector<std::string> processes_run() const {
    const std::lock_guard<std::mutex> lock{mutex_};
    return processes_run_;
  }

 private:
  void move_clocks(std::chrono::nanoseconds duration) {
    now_ += std::chrono::duration_cast<std::chrono::system_clock::duration>(duration);
    steady_now_ += std::chrono::duration_cast<std::chrono::steady_clock::duration>(duration);
    boot_now_ += duration;
  }

  [[nodiscard]] unsigned char next_byte() {
    if (random_bytes_left_ == 0) {
      random_state_ += 0x9e3779b97f4a7c15U;
      random_word_ = random_state_;
      random_word_ = (random_word_ ^ (random_word_ >> 30U)) * 0xbf58476d1ce4e5b9U;
      random_word_ = (random_word_ ^ (random_word_ >> 27U)) * 0x94d049bb133111ebU;
      random_word_ ^= random_word_ >> 31U;
      random_bytes_left_ = 8;
    }
    const auto byte = static_cast<unsigned char>(random_word_ & 0xffU);
    random_word_ >>= 8U;
    --random_bytes_left_;
    return byte;
  }

  mutable std::mutex mutex_;
  std::map<std::string, std::string> environment_{};
  std::map<std::string, Result<std::string>> files_{};
  std::map<std::string, Result<std::string>> processes_{};
  std::vector<std::chrono::nanoseconds> sleeps_{};
  std::vector<std::string> files_read_{};
  std::vector<std::string> processes_run_{};
  std::chrono::system_clock::time_point now_{std::chrono::seconds{1'767'225'600}};
  // Not zero, which code under test might take for "never".
  std::chrono::steady_clock::time_point steady_now_{std::chrono::hours{1}};
  std::chrono::nanoseconds boot_now_{std::chrono::hours{1}};
  std::string boot_identity_{"boot-1"};
  std::uint64_t boots_{1};
  std::uint64_t random_state_{0};
  std::uint64_t random_word_{0};
  int random_bytes_left_{0};
};

}  // namespace testing

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
