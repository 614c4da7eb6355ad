// SPDX-License-Identifier: Apache-2.0
//
// What record_durable and record promise when the power fails, on a disk in memory that loses what
// was not synced.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "catch.hpp"
#include "personalize_events/core.hpp"
#include "personalize_events/event_recorder.hpp"
#include "personalize_events/testing/fake_transport.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "recorder/simulation.hpp"
#include "support/faulty_files.hpp"
#include "support/mortal_files.hpp"
#include "support/recorder_world.hpp"

namespace pe = personalize_events;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

// One machine: its disk outlives its processes.
struct Machine {
  test::FaultyFiles disk{};
  std::shared_ptr<test::MortalFiles> files{};
  std::shared_ptr<pe::testing::VirtualPlatform> platform =
      std::make_shared<pe::testing::VirtualPlatform>();
  std::shared_ptr<pe::testing::FakeTransport> transport =
      std::make_shared<pe::testing::FakeTransport>();
  std::set<std::string> delivered{};
  std::size_t spooled{0};

  Machine() { static_cast<void>(disk.make_folder("/")); }

  pe::RecorderOptions options() {
    pe::RecorderOptions options = pe::RecorderOptions::server("tracker");
    options.driver = pe::Driver::Manual;
    options.linger = milliseconds{0};
    options.shutdown_timeout = milliseconds{0};  // virtual time does not pass in there
    options.spool.emplace();
    options.spool->directory = "/spool";
    options.spool->min_free_bytes = 0;
    options.on_delivery = [this](const pe::Delivery& delivery) {
      if (delivery.outcome == pe::Outcome::Spooled) spooled += delivery.event_ids.size();
      if (delivery.outcome != pe::Outcome::Delivered) return;
      delivered.insert(delivery.event_ids.begin(), delivery.event_ids.end());
    };
    return options;
  }

  // Starts a process.
  pe::EventRecorder start(pe::RecorderOptions options, bool is_online) {
    files = std::make_shared<test::MortalFiles>(disk);
    transport = std::make_shared<pe::testing::FakeTransport>();
    transport->reply(pe::HttpResponse{is_online ? 200 : 503});
    pe::ClientOptions client;
    client.region = "us-east-1";
    client.credentials = pe::static_credentials({"AKID", "SECRET"});
    client.async_transport = transport;
    client.platform = platform;
    auto recorder = pe::detail::make_recorder(
        std::move(options),
        std::make_shared<pe::detail::AsyncCore>(client, pe::detail::LoopDriver::Manual), files);
    REQUIRE(recorder.has_value());
    return *std::move(recorder);
  }

  // Kills it; nothing that its end does reaches the disk.
  void kill(pe::EventRecorder recorder) const {
    files->life().is_over = true;
    const pe::EventRecorder gone = std::move(recorder);
  }

  // Delivers what the disk has.
  void drain() {
    pe::EventRecorder recorder = start(options(), true);
    for (int turn = 0; turn < 300; ++turn) {
      recorder.run_once(milliseconds{0});
      platform->advance(milliseconds{300});
    }
    CHECK(recorder.stats().pending == 0);
    CHECK(test::adds_up(recorder.stats()));
  }
};

pe::Event event_of(const std::string& id) {
  pe::Event event{"Watch"};
  event.event_id = id;
  return event;
}

}  // namespace

TEST_CASE("what record_durable accepted is there after a power cut") {
  for (std::uint64_t seed = 1; seed <= test::scaled(200); ++seed) {
    INFO("seed " << seed);
    simulation::Random random{seed};
    Machine machine;
    machine.platform->seed(seed);
    std::set<std::string> promised;
    std::uint64_t last_id = 0;
    for (int life = 0; life < 4; ++life) {
      pe::RecorderOptions options = machine.options();
      // Sometimes memory is too small, so that events go to the disk only.
      if (random.chance(0.3)) options.max_pending_events = 1 + random.below(10);
      if (random.chance(0.2)) options.spool->write_after = seconds{60};
      pe::EventRecorder recorder = machine.start(options, random.chance(0.3));
      for (std::uint64_t step = random.below(60); step > 0; --step) {
        const std::string id = "e" + std::to_string(++last_id);
        const pe::Session session{"visit-" + std::to_string(random.below(4))};
        machine.disk.sync_fails = random.chance(0.1);
        if (random.chance(0.5)) {
          static_cast<void>(recorder.record(session, event_of(id)));
        } else if (recorder.record_durable(session, event_of(id), seconds{1})) {
          promised.insert(id);
        }
        if (random.chance(0.3)) {
          recorder.run_once(milliseconds{0});
          machine.platform->advance(milliseconds{random.below(2'000)});
        }
      }
      machine.disk.sync_fails = false;
      machine.kill(std::move(recorder));
      machine.disk.cut_power([&](std::size_t end) { return random.below(end); });
    }
    machine.drain();
    std::string lost;
    for (const std::string& id : promised) {
      if (machine.delivered.count(id) == 0) lost += id + " ";
    }
    REQUIRE(lost == "");
  }
}

TEST_CASE("what record accepted is there after a power cut, but for a sync interval") {
  Machine machine;
  pe::EventRecorder recorder = machine.start(machine.options(), false);
  for (int i = 0; i < 20; ++i) {
    REQUIRE(recorder.record({"visit"}, event_of("early-" + std::to_string(i))).has_value());
  }
  // An interval later, and a turn of the loop.
  machine.platform->advance(milliseconds{501});
  recorder.run_once(milliseconds{0});
  for (int i = 0; i < 20; ++i) {
    REQUIRE(recorder.record({"visit"}, event_of("late-" + std::to_string(i))).has_value());
  }
  machine.kill(std::move(recorder));
  // The unkindest cut: nothing is kept that was not synced.
  machine.disk.cut_power([](std::size_t) { return std::size_t{0}; });
  machine.drain();
  CHECK(machine.delivered.size() == 20);
  CHECK(machine.delivered.count("early-19") == 1);
}

TEST_CASE("record_durable refuses at the call what the disk cannot take") {
  Machine machine;
  pe::EventRecorder recorder = machine.start(machine.options(), false);
  machine.disk.space = 0;
  const auto refused = recorder.record_durable({"visit"}, event_of("e1"), seconds{1});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == pe::ErrorKind::Storage);
  CHECK(recorder.stats().recorded == 0);
  CHECK(recorder.stats().refused == 1);
}

TEST_CASE("record_durable says when an event was accepted and is not on the disk yet") {
  Machine machine;
  pe::EventRecorder recorder = machine.start(machine.options(), false);
  machine.disk.sync_fails = true;
  const auto late = recorder.record_durable({"visit"}, event_of("e1"), milliseconds{10});
  REQUIRE_FALSE(late.has_value());
  CHECK(late.error().kind == pe::ErrorKind::Timeout);
  CHECK(recorder.stats().recorded == 1);
  machine.disk.sync_fails = false;
  CHECK(pe::EventRecorder{std::move(recorder)}.close(milliseconds{0}).pending == 0);
  machine.drain();
  CHECK(machine.delivered.count("e1") == 1);
}

TEST_CASE("with write_after, what is younger is lost with the process, and nothing else") {
  Machine machine;
  pe::RecorderOptions options = machine.options();
  options.spool->write_after = seconds{60};
  pe::EventRecorder recorder = machine.start(options, false);
  REQUIRE(recorder.record({"visit"}, event_of("old")).has_value());
  for (int second = 0; second < 62; ++second) {
    machine.platform->advance(seconds{1});
    recorder.run_once(milliseconds{0});
  }
  REQUIRE(recorder.record({"visit"}, event_of("young")).has_value());
  recorder.run_once(milliseconds{0});
  machine.kill(std::move(recorder));
  machine.drain();
  CHECK(machine.delivered == std::set<std::string>{"old"});
}

TEST_CASE("without a spool a killed process loses what was pending") {
  Machine machine;
  pe::RecorderOptions options = machine.options();
  options.spool.reset();
  pe::EventRecorder recorder = machine.start(options, false);
  REQUIRE(recorder.record({"visit"}, event_of("e1")).has_value());
  machine.kill(std::move(recorder));
  machine.drain();
  CHECK(machine.delivered.empty());
}

TEST_CASE("a clean close without network leaves all on the disk, in order within a session") {
  Machine machine;
  pe::RecorderOptions options = machine.options();
  options.max_pending_events = 30;  // the rest is on the disk only
  pe::EventRecorder recorder = machine.start(options, false);
  for (int i = 0; i < 100; ++i) {
    REQUIRE(recorder.record({"visit"}, event_of("e" + std::to_string(i))).has_value());
  }
  CHECK(recorder.stats().spooled == 70);
  const pe::CloseReport report = recorder.close(milliseconds{0});
  CHECK(report.spooled == 100);
  CHECK(report.complete);
  CHECK(machine.spooled >= 30);  // a turn may have read more
  CHECK(recorder.stats().spooled == 100);
  CHECK(test::adds_up(recorder.stats()));
  { const pe::EventRecorder gone = std::move(recorder); }
  machine.drain();
  CHECK(machine.delivered.size() == 100);
}
