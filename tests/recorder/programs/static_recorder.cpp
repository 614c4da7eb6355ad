// SPDX-License-Identifier: Apache-2.0
//
// A program whose recorder is a static object: static_recorder URL FLUSHES. So often it records
// an event and waits for it, then it records a hundred and returns from main at once. It prints a
// line for each delivery it is told, "Delivered 1"; its status is 3.

#include <unistd.h>

#include <chrono>
#include <string>
#include <utility>

#include "recorder/programs/programs.hpp"
#include "support/recorder_world.hpp"

namespace pe = personalize_events;

namespace {

pe::EventRecorder& recorder(const char* url) {
  static pe::EventRecorder only = [url] {
    pe::RecorderOptions options = pe::RecorderOptions::server("tracker");
    options.shutdown_timeout = std::chrono::seconds{5};
    options.on_delivery = [](const pe::Delivery& delivery) {
      const std::string line = std::string{to_string(delivery.outcome)} + " " +
                               std::to_string(delivery.event_ids.size()) + "\n";
      if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) ::_exit(4);
    };
    auto made = pe::make_recorder(options, test::recorder_client(url));
    if (!made) ::_exit(5);
    return *std::move(made);
  }();
  return only;
}

}  // namespace

int static_recorder(int argc, char** argv) {
  if (argc != 3) return 1;
  for (int i = std::stoi(argv[2]); i > 0; --i) {
    if (!recorder(argv[1]).record({"visit"}, pe::Event{"Watch"})) return 2;
    if (!recorder(argv[1]).flush(std::chrono::seconds{60}).complete) return 6;
  }
  for (int i = 0; i < 100; ++i) {
    const std::string session = "visit-" + std::to_string(i % 10);
    if (!recorder(argv[1]).record({session}, pe::Event{"Watch"})) return 2;
  }
  return 3;
}
