// SPDX-License-Identifier: Apache-2.0
//
// A program that leaves a spool behind: spool_writer DIRECTORY TRACKING_ID COUNT. It delivers three
// events, records so many more, says so, and at the end of its standard input it kills itself
// (SIGKILL). check_examples.py shows spool_tool what it left.
#include <personalize_events/personalize_events.hpp>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "recorder/programs/programs.hpp"

namespace pe = personalize_events;

namespace {

bool record(pe::EventRecorder& recorder, int number) {
  pe::Event event{"Watch"};
  event.item_id = "item-" + std::to_string(number);
  // A session of its own, so that no batch is full.
  const std::string of = std::to_string(number);
  const auto taken = recorder.record({"session-" + of, "user-" + of}, std::move(event));
  if (!taken) std::fprintf(stderr, "%s\n", pe::to_string(taken.error()).c_str());
  return taken.has_value();
}

}  // namespace

int spool_writer(int argc, char** argv) {
  if (argc != 4) return 1;
  const int count = std::atoi(argv[3]);
  pe::RecorderOptions options = pe::RecorderOptions::server(argv[2]);
  options.linger = std::chrono::hours{1};
  options.spool.emplace();
  options.spool->directory = argv[1];
  auto recorder = pe::make_recorder(options);
  if (!recorder) {
    std::fprintf(stderr, "%s\n", pe::to_string(recorder.error()).c_str());
    return 1;
  }
  constexpr int delivered = 3;
  for (int i = 0; i < delivered; ++i) {
    if (!record(*recorder, i)) return 1;
  }
  if (recorder->flush(std::chrono::minutes{1}).delivered != delivered) return 1;
  for (int i = delivered; i < delivered + count; ++i) {
    if (!record(*recorder, i)) return 1;
  }
  std::printf("recorded\n");
  if (std::fflush(stdout) != 0) return 1;
  while (std::getchar() != EOF) continue;
  return std::raise(SIGKILL);
}
