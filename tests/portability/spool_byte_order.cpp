// SPDX-License-Identifier: Apache-2.0
//
// Writes a spool and is killed, or drains one: what check_byte_order.py builds for two machines of
// different byte order.
//
//   spool_byte_order write FOLDER         delivers one event, leaves kLeft others, prints nothing
//   spool_byte_order drain FOLDER COUNT   delivers COUNT events, prints the body of each request
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "personalize_events/core.hpp"
#include "personalize_events/credentials.hpp"
#include "personalize_events/event_recorder.hpp"
#include "personalize_events/testing/fake_transport.hpp"

namespace pe = personalize_events;

namespace {

constexpr int kLeft = 7;
constexpr std::chrono::minutes kStallTimeout{1};

int fail(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  return 1;
}

pe::Result<pe::EventRecorder> open(const char* folder,
                                   std::shared_ptr<pe::testing::FakeTransport> transport) {
  pe::ClientOptions client;
  client.region = "us-east-1";
  client.credentials = pe::static_credentials({"AKID", "SECRET"});
  client.async_transport = std::move(transport);
  pe::RecorderOptions options = pe::RecorderOptions::server("tracker");
  options.linger = std::chrono::milliseconds{5};
  options.spool.emplace();
  options.spool->directory = folder;
  options.spool->min_free_bytes = 0;
  return pe::make_recorder(std::move(options), pe::AsyncClient{std::move(client)});
}

pe::Event event(int number) {
  pe::Event made{"Watch"};
  made.event_id = "event-" + std::to_string(number);
  made.item_id = "item-\xC3\xA9-" + std::to_string(number);
  made.event_value = 0.1 * number;
  made.sent_at =
      std::chrono::system_clock::time_point{std::chrono::seconds{1'700'000'000 + number}};
  return made;
}

/// Waits until the spool's thread has written down that one event completed.
bool wait_for_acknowledgement(const std::string& folder) {
  pe::detail::SystemFiles files;
  const auto names = files.list_folder(folder);
  if (!names) return false;
  const auto writer = std::find_if(names->begin(), names->end(), pe::detail::spool::is_writer_name);
  if (writer == names->end()) return false;
  const std::string path = pe::detail::spool::acknowledgement_path(folder + "/" + *writer, 1);
  const auto deadline = std::chrono::steady_clock::now() + kStallTimeout;
  while (std::chrono::steady_clock::now() < deadline) {
    const auto acknowledged = pe::detail::spool::read_acknowledgements(files, path);
    if (acknowledged && acknowledged->events.count() == 1) return true;
    std::this_thread::yield();
  }
  return false;
}

int write(const char* folder) {
  const auto transport = std::make_shared<pe::testing::FakeTransport>();
  auto recorder = open(folder, transport);
  if (!recorder) return fail(pe::to_string(recorder.error()));
  const pe::Session session{"session", "user"};
  if (!recorder->record(session, event(0))) return fail("the first event was not recorded");
  if (recorder->flush(kStallTimeout).delivered != 1)
    return fail("the first event was not delivered");
  if (!wait_for_acknowledgement(folder)) return fail("the first event was not acknowledged");
  transport->hold();
  for (int number = 1; number <= kLeft; ++number) {
    const auto taken = recorder->record_durable(session, event(number), kStallTimeout);
    if (!taken) return fail(pe::to_string(taken.error()));
  }
  return std::raise(SIGKILL);
}

int drain(const char* folder, std::uint64_t count) {
  const auto transport = std::make_shared<pe::testing::FakeTransport>();
  auto recorder = open(folder, transport);
  if (!recorder) return fail(pe::to_string(recorder.error()));
  // It delivers those of orphaned writers, too.
  if (!recorder->close(kStallTimeout).complete) return fail("the recorder did not close");
  if (recorder->stats().delivered != count) return fail("not all events were delivered");
  for (const pe::HttpRequest& request : transport->requests()) {
    std::printf("%s\n", request.body.c_str());
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view command = argc > 1 ? argv[1] : "";
  if (command == "write" && argc == 3) return write(argv[2]);
  if (command == "drain" && argc == 4) return drain(argv[2], std::strtoull(argv[3], nullptr, 10));
  return fail("spool_byte_order write FOLDER | drain FOLDER COUNT");
}
