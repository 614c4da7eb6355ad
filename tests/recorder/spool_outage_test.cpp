// SPDX-License-Identifier: Apache-2.0
//
// Long outages in virtual time, on real files: memory stays within its limit, and all is delivered
// afterwards, in order within each session. PERSONALIZE_EVENTS_OUTAGE_MINUTES says how long; a day
// is 1440.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "catch.hpp"
#include "personalize_events/core.hpp"
#include "personalize_events/event_recorder.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "support/faulty_files.hpp"
#include "support/mortal_files.hpp"
#include "support/recorder_world.hpp"
#include "support/temporary_folder.hpp"

namespace pe = personalize_events;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

// A network that is down until the test says so. It counts, and looks at the order of each session.
class Network final : public pe::AsyncTransport {
 public:
  bool is_up{false};
  std::uint64_t requests{0};
  std::uint64_t delivered{0};
  std::uint64_t out_of_order{0};

  std::uint64_t start(pe::HttpRequest request, Done done) override {
    waiting_.emplace_back(std::move(request), std::move(done));
    return ++last_;
  }
  void cancel(std::uint64_t) override {}
  void poll(milliseconds) override {
    for (auto& [request, done] : std::exchange(waiting_, {})) {
      ++requests;
      if (is_up) look_at(request.body);
      if (is_up) {
        done(pe::HttpResponse{200});
      } else {
        done(pe::detail::make_error(pe::ErrorKind::Transport, "network", "is down"));
      }
    }
  }
  void wake() override {}

 private:
  // Ids are "e<session>-<order>".
  void look_at(const std::string& body) {
    for (std::size_t at = body.find("\"eventId\":\"e"); at != std::string::npos;
         at = body.find("\"eventId\":\"e", at + 1)) {
      char* end = nullptr;
      const auto session = std::strtoull(body.c_str() + at + 12, &end, 10);
      const auto order = std::strtoull(end + 1, nullptr, 10);
      if (order != ++last_of_[session]) ++out_of_order;
      ++delivered;
    }
  }

  std::vector<std::pair<pe::HttpRequest, Done>> waiting_{};
  std::uint64_t last_{0};
  std::map<std::uint64_t, std::uint64_t> last_of_{};
};

struct World {
  std::shared_ptr<Network> network = std::make_shared<Network>();
  std::shared_ptr<pe::testing::VirtualPlatform> platform =
      std::make_shared<pe::testing::VirtualPlatform>();
  std::map<std::uint64_t, std::uint64_t> recorded{};

  pe::EventRecorder make(pe::RecorderOptions options, std::shared_ptr<pe::FileSystem> files) const {
    pe::ClientOptions client;
    client.region = "us-east-1";
    client.credentials = pe::static_credentials({"AKID", "SECRET"});
    client.async_transport = network;
    client.platform = platform;
    auto recorder = pe::detail::make_recorder(
        std::move(options),
        std::make_shared<pe::detail::AsyncCore>(client, pe::detail::LoopDriver::Manual),
        std::move(files));
    REQUIRE(recorder.has_value());
    return *std::move(recorder);
  }

  void record(pe::EventRecorder& recorder, std::uint64_t session) {
    pe::Event event{"Watch"};
    event.event_id = "e" + std::to_string(session) + "-" + std::to_string(++recorded[session]);
    event.item_id = "movie-42";
    REQUIRE(recorder.record({"visit-" + std::to_string(session)}, std::move(event)).has_value());
  }
};

std::uint64_t outage_minutes() {
  const char* text = std::getenv("PERSONALIZE_EVENTS_OUTAGE_MINUTES");
  return text == nullptr ? test::scaled(30) : std::strtoull(text, nullptr, 10);
}

}  // namespace

TEST_CASE("a long outage is survived within the memory limit, and delivered in order") {
  const test::TemporaryFolder folder;
  World world;
  pe::RecorderOptions options = pe::RecorderOptions::server("tracker");
  options.driver = pe::Driver::Manual;
  options.max_pending_events = 2'000;
  options.max_pending_bytes = 1U << 20U;
  options.spool.emplace();
  options.spool->directory = folder / "spool";
  options.spool->min_free_bytes = 0;
  options.spool->max_bytes = std::uint64_t{8} << 30U;
  options.spool->sync_interval.reset();
  pe::EventRecorder recorder = world.make(options, std::make_shared<pe::detail::SystemFiles>());

  // Fifty events a second, of visitors who come and go.
  std::uint64_t most_pending = 0;
  const std::uint64_t outage = outage_minutes() * 60;
  for (std::uint64_t second = 0; second < outage; ++second) {
    for (std::uint64_t i = 0; i < 50; ++i) world.record(recorder, second / 60 * 20 + i % 20);
    recorder.run_once(milliseconds{0});
    world.platform->advance(seconds{1});
    most_pending = std::max(most_pending, recorder.stats().pending);
  }
  CHECK(most_pending <= options.max_pending_events);
  CHECK(recorder.stats().spooled > 0);

  // The network is back, and new visitors come.
  world.network->is_up = true;
  std::uint64_t seconds_to_drain = 0;
  while (recorder.stats().pending + recorder.stats().spooled > 0 && seconds_to_drain < 100'000) {
    if (seconds_to_drain < 60) {
      for (std::uint64_t i = 0; i < 50; ++i) world.record(recorder, 1'000'000 + i % 20);
    }
    for (int turn = 0; turn < 100; ++turn) {
      recorder.run_once(milliseconds{0});
      world.platform->advance(milliseconds{10});
    }
    most_pending = std::max(most_pending, recorder.stats().pending);
    ++seconds_to_drain;
  }
  std::uint64_t recorded = 0;
  for (const auto& [session, count] : world.recorded) recorded += count;
  CHECK(most_pending <= options.max_pending_events);
  CHECK(recorder.stats().delivered == recorded);
  CHECK(world.network->delivered == recorded);
  CHECK(world.network->out_of_order == 0);
  CHECK(test::adds_up(recorder.stats()));
  WARN(recorded << " events, at most " << most_pending << " in memory; drained in "
                << seconds_to_drain << " virtual seconds with " << world.network->requests
                << " requests");
}

TEST_CASE("a device on an endpoint that answers writes next to nothing") {
  test::FaultyFiles disk;
  static_cast<void>(disk.make_folder("/"));
  World world;
  world.network->is_up = true;
  pe::RecorderOptions options = pe::RecorderOptions::device("tracker", "/spool");
  options.driver = pe::Driver::Manual;
  auto files = std::make_shared<test::MortalFiles>(disk);
  pe::EventRecorder recorder = world.make(options, files);
  for (int second = 0; second < 3600; ++second) {
    world.record(recorder, 1);
    recorder.run_once(milliseconds{0});
    world.platform->advance(seconds{1});
  }
  CHECK(files->life().bytes_written <= 1024);
  WARN(files->life().bytes_written << " bytes written in an hour");
  CHECK(recorder.stats().delivered > 3500);

  // Without network, nothing is lost at a clean close.
  world.network->is_up = false;
  for (int second = 0; second < 20; ++second) {
    world.record(recorder, 1);
    recorder.run_once(milliseconds{0});
    world.platform->advance(seconds{1});
  }
  const pe::RecorderStats before = recorder.stats();
  CHECK(recorder.close(milliseconds{0}).spooled == before.pending);
  CHECK(test::adds_up(recorder.stats()));
  { const pe::EventRecorder gone = std::move(recorder); }

  world.network->is_up = true;
  pe::EventRecorder next = world.make(options, std::make_shared<test::MortalFiles>(disk));
  for (int second = 0; second < 10; ++second) {
    next.run_once(milliseconds{0});
    world.platform->advance(seconds{1});
  }
  CHECK(next.stats().adopted == before.pending);
  CHECK(next.stats().delivered == before.pending);
  CHECK(world.network->delivered == 3620);
}
