// SPDX-License-Identifier: Apache-2.0
//
// A program with many recorders: many_recorders URL COUNT shared|own [DIRECTORY]. They share one
// AsyncClient, or each has its own; with a directory each has a spool. Each delivers an event, then
// the program prints what it uses: "threads T descriptors D".

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "recorder/programs/programs.hpp"
#include "support/recorder_world.hpp"

namespace pe = personalize_events;

namespace {

std::size_t entries_of(const char* folder) {
  const std::filesystem::directory_iterator entries{folder};
  return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

}  // namespace

int many_recorders(int argc, char** argv) {
  if (argc < 4) return 1;
  const std::string url = argv[1];
  const std::size_t count = std::stoul(argv[2]);
  const bool is_shared = argv[3] == std::string{"shared"};
  const pe::AsyncClient client{test::recorder_client(url)};
  std::vector<pe::EventRecorder> recorders;
  for (std::size_t i = 0; i < count; ++i) {
    auto options = pe::RecorderOptions::server("tracker-" + std::to_string(i));
    options.linger = std::chrono::milliseconds{1};
    if (argc > 4) {
      options.spool.emplace();
      options.spool->directory = argv[4];
      options.spool->min_free_bytes = 0;
    }
    auto recorder = is_shared ? pe::make_recorder(std::move(options), client)
                              : pe::make_recorder(std::move(options), test::recorder_client(url));
    if (!recorder) return 2;
    recorders.push_back(*std::move(recorder));
  }
  for (pe::EventRecorder& recorder : recorders) {
    if (!recorder.record({"visit"}, pe::Event{"Watch"})) return 3;
  }
  for (pe::EventRecorder& recorder : recorders) {
    if (!recorder.flush(std::chrono::seconds{60}).complete) return 4;
  }
  std::cout << "threads " << entries_of("/proc/self/task") << " descriptors "
            << entries_of("/proc/self/fd") << '\n';
  return 0;
}
