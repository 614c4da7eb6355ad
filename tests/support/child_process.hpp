// SPDX-License-Identifier: Apache-2.0
//
// test::ChildProcess: a program that a test starts, reads from and kills.
#ifndef PERSONALIZE_EVENTS_TESTS_SUPPORT_CHILD_PROCESS_HPP
#define PERSONALIZE_EVENTS_TESTS_SUPPORT_CHILD_PROCESS_HPP

#include <fcntl.h>
#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"

namespace test {

class ChildProcess {
 public:
  /// Starts a program. The system kills it after two minutes.
  ChildProcess(const std::string& program, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), program);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    std::array<int, 2> output{};
    std::array<int, 2> input{};
    // Others that are started at the same time must not hold these open.
    REQUIRE(::pipe2(output.data(), O_CLOEXEC) == 0);
    REQUIRE(::pipe2(input.data(), O_CLOEXEC) == 0);
    id_ = ::fork();
    REQUIRE(id_ >= 0);
    if (id_ == 0) {
      ::alarm(120);
      ::dup2(output[1], STDOUT_FILENO);
      ::dup2(input[0], STDIN_FILENO);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    ::close(output[1]);
    ::close(input[0]);
    output_ = output[0];
    input_ = input[1];
  }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess() {
    if (id_ > 0) kill();
    end_input();
    ::close(output_);
  }

  /// Adds what the program prints next to `text`; false at the end of its output.
  bool read_some(std::string& text) const {
    std::array<char, 65'536> buffer{};
    const ssize_t count = ::read(output_, buffer.data(), buffer.size());
    if (count <= 0) return false;
    text.append(buffer.data(), static_cast<std::size_t>(count));
    return true;
  }
  /// All that it prints until its output is closed.
  [[nodiscard]] std::string read_all() const {
    std::string text;
    while (read_some(text)) {
    }
    return text;
  }

  void end_input() {
    if (input_ >= 0) ::close(std::exchange(input_, -1));
  }

  /// SIGKILL, and waits for its end.
  void kill() {
    ::kill(id_, SIGKILL);
    wait();
  }
  /// Waits for its end; its exit status, -1 when it was killed.
  int wait() {
    int status = 0;
    const pid_t ended = ::waitpid(std::exchange(id_, -1), &status, 0);
    return ended > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t id_{-1};
  int output_{-1};
  int input_{-1};
};

}  // namespace test

#endif
