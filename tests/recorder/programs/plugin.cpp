// SPDX-License-Identifier: Apache-2.0
//
// A plug-in with a recorder of its own, and its spool. plugin_host.cpp loads two.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "support/recorder_world.hpp"

namespace pe = personalize_events;

namespace {

std::unique_ptr<pe::EventRecorder>& recorder() {
  static std::unique_ptr<pe::EventRecorder> only;
  return only;
}

}  // namespace

// Records so many events, with a spool in a directory; answers how many were accepted.
extern "C" __attribute__((visibility("default"))) int plugin_record(const char* url, int events,
                                                                    const char* directory) {
  pe::RecorderOptions options = pe::RecorderOptions::server("tracker");
  options.linger = std::chrono::milliseconds{5};
  options.spool.emplace();
  options.spool->directory = directory;
  options.spool->min_free_bytes = 0;
  auto made = pe::make_recorder(options, test::recorder_client(url));
  if (!made) return -1;
  recorder() = std::make_unique<pe::EventRecorder>(*std::move(made));
  int accepted = 0;
  for (int i = 0; i < events; ++i) {
    const std::string session = "visit-" + std::to_string(i % 10);
    if (recorder()->record({session}, pe::Event{"Watch"})) ++accepted;
  }
  return accepted;
}

// Closes it; answers how many were delivered.
extern "C" __attribute__((visibility("default"))) int plugin_close() {
  static_cast<void>(recorder()->close(std::chrono::seconds{60}));
  return static_cast<int>(recorder()->stats().delivered);
}
