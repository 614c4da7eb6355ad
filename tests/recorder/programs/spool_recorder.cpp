// SPDX-License-Identifier: Apache-2.0
//
// A program that records as fast as it can, until it is killed: spool_recorder URL DIRECTORY NAME
// [MAX_PENDING_EVENTS MAX_BYTES]. It prints the id and the time of each event once it was accepted,
// and "FAULT <kind>" when a fault of the disk or the spool begins, one a line.

#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "recorder/programs/programs.hpp"
#include "support/recorder_world.hpp"

namespace pe = personalize_events;

int spool_recorder(int argc, char** argv) {
  if (argc != 4 && argc != 6) return 1;
  pe::RecorderOptions options = pe::RecorderOptions::server("tracker");
  options.linger = std::chrono::milliseconds{5};
  options.spool.emplace();
  options.spool->directory = argv[2];
  options.spool->min_free_bytes = 0;
  if (argc == 6) {
    options.max_pending_events = std::strtoull(argv[4], nullptr, 10);
    options.spool->max_bytes = std::strtoull(argv[5], nullptr, 10);
  }
  options.on_fault = [](const pe::Fault& fault) {
    const bool is_ours =
        fault.kind == pe::FaultKind::Disk || fault.kind == pe::FaultKind::SpoolDamaged;
    if (fault.cleared || !is_ours) return;
    const std::string line = "FAULT " + std::string{pe::to_string(fault.kind)} + "\n";
    std::fputs((pe::to_string(fault.error) + "\n").c_str(), stderr);
    if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) return;
  };
  auto recorder = pe::make_recorder(options, test::recorder_client(argv[1]));
  if (!recorder) return 2;
  const std::string name = argv[3];
  for (std::uint64_t i = 0;; ++i) {
    pe::Event event{"Watch"};
    event.event_id = name + "-" + std::to_string(i);
    event.item_id = "item-" + *event.event_id;
    const std::int64_t milliseconds = 1'700'000'000'000 + static_cast<std::int64_t>(i) * 7;
    event.sent_at = std::chrono::system_clock::time_point{std::chrono::milliseconds{milliseconds}};
    const std::string line = *event.event_id + " " + std::to_string(milliseconds) + "\n";
    if (!recorder->record({name + "-" + std::to_string(i % 3)}, std::move(event))) continue;
    if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) return 3;
  }
}
