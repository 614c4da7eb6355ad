// SPDX-License-Identifier: Apache-2.0
//
// A program that records as fast as it can, until it is killed: spool_recorder URL DIRECTORY NAME.
// It prints the id and the time of each event once it was accepted, one a line.

#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include "recorder/programs/programs.hpp"
#include "support/recorder_world.hpp"

namespace pe = personalize_events;

int spool_recorder(int argc, char** argv) {
  if (argc != 4) return 1;
  pe::RecorderOptions options = pe::RecorderOptions::server("tracker");
  options.linger = std::chrono::milliseconds{5};
  options.spool.emplace();
  options.spool->directory = argv[2];
  options.spool->min_free_bytes = 0;
  auto recorder = pe::make_recorder(options, test::recorder_client(argv[1]));
  if (!recorder) return 2;
  const std::string name = argv[3];
  for (std::uint64_t i = 0;; ++i) {
    pe::Event event{"Watch"};
    event.event_id = name + "-" + std::to_string(i);
    const std::int64_t milliseconds = 1'700'000'000'000 + static_cast<std::int64_t>(i) * 7;
    event.sent_at = std::chrono::system_clock::time_point{std::chrono::milliseconds{milliseconds}};
    const std::string line = *event.event_id + " " + std::to_string(milliseconds) + "\n";
    if (!recorder->record({name + "-" + std::to_string(i % 3)}, std::move(event))) continue;
    if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) return 3;
  }
}
