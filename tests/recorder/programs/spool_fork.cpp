// SPDX-License-Identifier: Apache-2.0
//
// A program that forks while it has a spool: spool_fork DIRECTORY close|leave|busy. With "close"
// and "leave" it has one child, which prints "ready" and kills its parent; before that the child
// touches the recorder with "close", and never does with "leave". With "busy" it forks a hundred
// children while its threads record; every second child exits at once. Then it prints "ready" and
// lives until it is killed. The other children live until their standard input ends, and touch
// nothing.

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>

#include "recorder/programs/programs.hpp"
#include "support/recorder_world.hpp"

namespace pe = personalize_events;

namespace {

[[noreturn]] void live_until_input_ends() {
  char end = 0;
  while (::read(STDIN_FILENO, &end, 1) > 0) {
  }
  ::_exit(0);
}

[[nodiscard]] int fork_while_busy(pe::EventRecorder& recorder) {
  for (int t = 0; t < 2; ++t) {
    std::thread{[&recorder, t] {
      for (int i = 0;; ++i) {
        const std::string session = "visit-" + std::to_string(t) + "-" + std::to_string(i % 50);
        static_cast<void>(recorder.record({session}, pe::Event{"Watch"}));
      }
    }}.detach();
  }
  for (int i = 0; i < 100; ++i) {
    const bool ends_at_once = i % 2 == 0;
    const pid_t child = ::fork();
    if (child < 0) return 4;
    if (child == 0 && ends_at_once) ::_exit(0);
    if (child == 0) live_until_input_ends();
    if (ends_at_once && ::waitpid(child, nullptr, 0) != child) return 5;
  }
  if (::write(STDOUT_FILENO, "ready\n", 6) != 6) return 7;
  for (;;) ::pause();
}

}  // namespace

int spool_fork(int argc, char** argv) {
  if (argc != 3) return 1;
  pe::RecorderOptions options = pe::RecorderOptions::server("tracker");
  options.spool.emplace();
  options.spool->directory = argv[1];
  options.spool->min_free_bytes = 0;
  // No server listens there, so that the events stay.
  auto recorder = pe::make_recorder(options, test::recorder_client("http://127.0.0.1:1"));
  if (!recorder) return 2;
  for (int i = 0; i < 10; ++i) {
    if (!recorder->record({"visit"}, pe::Event{"Watch"})) return 3;
  }
  const std::string how = argv[2];
  if (how == "busy") return fork_while_busy(*recorder);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return 4;
  if (child > 0) {
    for (;;) ::pause();
  }
  if (how == "close") {
    const auto recorded = recorder->record({"visit"}, pe::Event{"Watch"});
    if (recorded || recorded.error().kind != pe::ErrorKind::Cancelled) ::_exit(5);
  }
  if (::kill(parent, SIGKILL) != 0) ::_exit(6);
  if (::write(STDOUT_FILENO, "ready\n", 6) != 6) ::_exit(7);
  live_until_input_ends();
}
