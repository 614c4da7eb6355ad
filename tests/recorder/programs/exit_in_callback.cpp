// SPDX-License-Identifier: Apache-2.0
//
// A program that ends itself in a callback of its recorder, which is a static object or one of
// main's own: exit_in_callback URL static|stack. Its status is 7.

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <utility>

#include "recorder/programs/programs.hpp"
#include "support/recorder_world.hpp"

namespace pe = personalize_events;

namespace {

int record_and_wait(pe::EventRecorder& recorder) {
  for (int i = 0; i < 100; ++i) {
    if (!recorder.record({"visit-" + std::to_string(i)}, pe::Event{"Watch"})) return 2;
  }
  for (;;) ::pause();
}

}  // namespace

int exit_in_callback(int argc, char** argv) {
  if (argc != 3) return 1;
  pe::RecorderOptions options = pe::RecorderOptions::server("tracker");
  options.linger = std::chrono::milliseconds{10};
  options.on_delivery = [](const pe::Delivery&) { std::exit(7); };
  auto made = pe::make_recorder(options, test::recorder_client(argv[1]));
  if (!made) return 1;
  if (argv[2] == std::string{"stack"}) return record_and_wait(*made);
  static pe::EventRecorder recorder = *std::move(made);
  return record_and_wait(recorder);
}
