// SPDX-License-Identifier: Apache-2.0
//
// A program that forks while it has a spool, and dies while its child lives: spool_fork DIRECTORY
// close|leave. With "close" the child touches the recorder, which lets go of the spool's lock; with
// "leave" it does not, and holds it until its end. The child prints "ready" and lives until its
// standard input ends; the parent is killed.

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <string>

#include "recorder/programs/programs.hpp"
#include "support/recorder_world.hpp"

namespace pe = personalize_events;

int spool_fork(int argc, char** argv) {
  if (argc != 3) return 1;
  pe::RecorderOptions options = pe::RecorderOptions::server("tracker");
  options.spool.emplace();
  options.spool->directory = argv[1];
  options.spool->min_free_bytes = 0;
  // Nobody listens there, so that the events stay.
  auto recorder = pe::make_recorder(options, test::recorder_client("http://127.0.0.1:1"));
  if (!recorder) return 2;
  for (int i = 0; i < 10; ++i) {
    if (!recorder->record({"visit"}, pe::Event{"Watch"})) return 3;
  }
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return 4;
  if (child > 0) {
    for (;;) ::pause();
  }
  if (argv[2] == std::string{"close"}) {
    const auto recorded = recorder->record({"visit"}, pe::Event{"Watch"});
    if (recorded || recorded.error().kind != pe::ErrorKind::Cancelled) ::_exit(5);
  }
  if (::kill(parent, SIGKILL) != 0) ::_exit(6);
  if (::write(STDOUT_FILENO, "ready\n", 6) != 6) ::_exit(7);
  char end = 0;
  while (::read(STDIN_FILENO, &end, 1) > 0) {
  }
  ::_exit(0);
}
