// SPDX-License-Identifier: Apache-2.0
//
// A program that forks a hundred times while its threads record: fork_under_load URL. No child
// records, waits, or hangs at its end, whether it exits with the recorder's destructor or without.
// It prints how many events were recorded and delivered; its status is 0.

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "recorder/programs/programs.hpp"
#include "support/recorder_world.hpp"

namespace pe = personalize_events;

namespace {

// What the child finds wrong; 0 is nothing.
int wrong_in_child(pe::EventRecorder& recorder) {
  const auto begin = std::chrono::steady_clock::now();
  const auto recorded = recorder.record({"visit-child"}, pe::Event{"Watch"});
  if (recorded || recorded.error().kind != pe::ErrorKind::Cancelled) return 10;
  recorder.flush_soon();
  if (recorder.flush(std::chrono::seconds{10}).delivered != 0) return 11;
  if (recorder.close(std::chrono::seconds{10}).delivered != 0) return 12;
  if (recorder.stats().pending != 0) return 13;
  if (std::chrono::steady_clock::now() - begin > std::chrono::seconds{1}) return 14;
  return 0;
}

}  // namespace

// What a child inherited it leaks on purpose; see PerProcess.
extern "C" const char* __asan_default_options() {  // NOLINT(bugprone-reserved-identifier)
  return "detect_leaks=0";
}

int fork_under_load(int argc, char** argv) {
  if (argc != 2) return 1;
  pe::RecorderOptions options = pe::RecorderOptions::server("tracker");
  options.linger = std::chrono::milliseconds{5};
  auto made = pe::make_recorder(options, test::recorder_client(argv[1]));
  if (!made) return 1;
  static pe::EventRecorder recorder = *std::move(made);

  std::atomic<bool> is_over{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&is_over, t] {
      for (int i = 0; !is_over; ++i) {
        const std::string session = "visit-" + std::to_string(t) + "-" + std::to_string(i % 50);
        static_cast<void>(recorder.record({session}, pe::Event{"Watch"}));
        if (i % 20 == 0) static_cast<void>(recorder.flush(std::chrono::milliseconds{1}));
      }
    });
  }
  int status = 0;
  for (int i = 0; i < 100 && status == 0; ++i) {
    const pid_t child = ::fork();
    if (child < 0) return 2;
    if (child == 0) {
      const int wrong = wrong_in_child(recorder);
      if (i % 2 == 0) std::exit(wrong);
      ::_exit(wrong);
    }
    if (::waitpid(child, &status, 0) != child) return 3;
  }
  is_over = true;
  for (std::thread& thread : threads) thread.join();
  const bool is_complete = recorder.close(std::chrono::seconds{60}).complete;
  std::cout << recorder.stats().recorded << ' ' << recorder.stats().delivered << '\n';
  if (status != 0) return WIFEXITED(status) ? WEXITSTATUS(status) : 4;
  return is_complete ? 0 : 5;
}
