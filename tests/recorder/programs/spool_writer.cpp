// SPDX-License-Identifier: Apache-2.0
//
// A program that leaves a spool behind: spool_writer DIRECTORY TRACKING_ID COUNT. It delivers three
// events, records COUNT more, prints that, and at the end of its standard input it kills itself
// (SIGKILL). check_examples.py runs personalize-events spool on the spool.
#include <personalize_events/personalize_events.hpp>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
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

/// Waits until the spool's thread has written down that so many events of this process completed.
void wait_for_acknowledgements(const std::string& directory, std::uint64_t count) {
  pe::detail::SystemFiles files;
  const auto names = files.list_folder(directory);
  if (!names) return;
  std::string newest;
  for (const std::string& name : *names) {
    if (pe::detail::spool::writer_number(name) > pe::detail::spool::writer_number(newest))
      newest = name;
  }
  const std::string path = pe::detail::spool::acknowledgement_path(directory + "/" + newest, 1);
  for (std::uint64_t found = 0; found < count; std::this_thread::yield()) {
    const auto acknowledged = pe::detail::spool::read_acknowledgements(files, path);
    if (!acknowledged) return;
    found = acknowledged->events.count();
  }
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
  wait_for_acknowledgements(argv[1], delivered);
  for (int i = delivered; i < delivered + count; ++i) {
    if (!record(*recorder, i)) return 1;
  }
  std::printf("recorded\n");
  if (std::fflush(stdout) != 0) return 1;
  while (std::getchar() != EOF) continue;
  return std::raise(SIGKILL);
}
