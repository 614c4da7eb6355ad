// SPDX-License-Identifier: Apache-2.0
//
// test::TerminalProgram: a program at a pseudo terminal, for tests of commands that ask a person.
// test::leave_terminal: takes the terminal of a developer away from the tests.
#ifndef PERSONALIZE_EVENTS_TESTS_SUPPORT_TERMINAL_PROGRAM_HPP
#define PERSONALIZE_EVENTS_TESTS_SUPPORT_TERMINAL_PROGRAM_HPP

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <string>

#include "catch.hpp"

namespace test {

/// Makes /dev/null the standard input of the test program: a command that finds a terminal there
/// may wait for the developer.
inline void leave_terminal() {
  // Once, and so without a race of threads that run commands.
  [[maybe_unused]] static const bool done = [] {
    const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    REQUIRE(null >= 0);
    REQUIRE(::dup2(null, STDIN_FILENO) == STDIN_FILENO);
    if (null > STDIN_FILENO) ::close(null);
    return true;
  }();
}

class TerminalProgram {
 public:
  /// Runs `body` in a child process whose standard input and error are its controlling terminal,
  /// and keeps the text that it returns. The system kills the child after a minute.
  template <class Body>
  explicit TerminalProgram(Body body) {
    terminal_ = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    REQUIRE(terminal_ >= 0);
    REQUIRE(::grantpt(terminal_) == 0);
    REQUIRE(::unlockpt(terminal_) == 0);
    const std::string name = ::ptsname(terminal_);
    std::array<int, 2> result{};
    REQUIRE(::pipe2(result.data(), O_CLOEXEC) == 0);
    id_ = ::fork();
    REQUIRE(id_ >= 0);
    if (id_ == 0) {
      ::alarm(60);
      ::setsid();
      const int terminal = ::open(name.c_str(), O_RDWR);  // controls this session from now on
      ::dup2(terminal, STDIN_FILENO);
      ::dup2(terminal, STDERR_FILENO);
      ::close(terminal);
      const std::string text = body();
      ::_exit(::write(result[1], text.data(), text.size()) == static_cast<ssize_t>(text.size())
                  ? 0
                  : 1);
    }
    ::close(result[1]);
    result_ = result[0];
  }
  TerminalProgram(const TerminalProgram&) = delete;
  TerminalProgram& operator=(const TerminalProgram&) = delete;
  ~TerminalProgram() {
    ::kill(id_, SIGKILL);
    ::waitpid(id_, nullptr, 0);
    ::close(terminal_);
    ::close(result_);
  }

  /// Whether the terminal shows `text`, within half a minute.
  [[nodiscard]] bool shows(const std::string& text) {
    while (screen_.find(text) == std::string::npos) {
      if (!read_some(terminal_, screen_)) return false;
    }
    return true;
  }
  /// All that the terminal has shown to `shows`.
  [[nodiscard]] const std::string& screen() const { return screen_; }

  void type(const std::string& text) const {
    REQUIRE(::write(terminal_, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }

  /// What the body returned; empty if it did not within half a minute.
  [[nodiscard]] std::string result() const {
    std::string text;
    while (read_some(result_, text)) {
    }
    return text;
  }

 private:
  static bool read_some(int descriptor, std::string& text) {
    pollfd waiting{descriptor, POLLIN, 0};
    if (::poll(&waiting, 1, 30'000) <= 0) return false;
    std::array<char, 4096> buffer{};
    const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
    if (count <= 0) return false;
    text.append(buffer.data(), static_cast<std::size_t>(count));
    return true;
  }

  pid_t id_{-1};
  int terminal_{-1};
  int result_{-1};
  std::string screen_{};
};

}  // namespace test

#endif
