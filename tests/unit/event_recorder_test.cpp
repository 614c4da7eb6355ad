// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/event_recorder.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/core.hpp"
#include "personalize_events/detail/json/reader.hpp"
#include "personalize_events/testing/fake_transport.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "support/faulty_files.hpp"

namespace pe = personalize_events;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

pe::HttpResponse refusal(int status, const char* code) {
  return {status, {{"x-amzn-ErrorType", code}}, "{}"};
}

// A recorder that the test runs, in virtual time.
struct World {
  std::shared_ptr<pe::testing::FakeTransport> transport =
      std::make_shared<pe::testing::FakeTransport>();
  std::shared_ptr<pe::testing::VirtualPlatform> platform =
      std::make_shared<pe::testing::VirtualPlatform>();
  std::vector<pe::Delivery> deliveries{};
  std::vector<pe::Fault> faults{};

  pe::ClientOptions client_options() {
    pe::ClientOptions options;
    options.region = "us-east-1";
    options.credentials = pe::static_credentials({"AKID", "SECRET"});
    options.async_transport = transport;
    options.platform = platform;
    return options;
  }
  pe::RecorderOptions recorder_options() {
    pe::RecorderOptions options = pe::RecorderOptions::server("tracker");
    options.driver = pe::Driver::Manual;
    options.on_delivery = [this](const pe::Delivery& delivery) { deliveries.push_back(delivery); };
    options.on_fault = [this](const pe::Fault& fault) { faults.push_back(fault); };
    return options;
  }
  pe::Result<pe::EventRecorder> make(pe::RecorderOptions options) {
    return pe::detail::make_recorder(
        std::move(options),
        std::make_shared<pe::detail::AsyncCore>(client_options(), pe::detail::LoopDriver::Manual));
  }
  // One with a spool on a disk in memory.
  pe::RecorderOptions spooled_options() {
    pe::RecorderOptions options = recorder_options();
    options.spool.emplace();
    options.spool->directory = "/spool";
    options.spool->min_free_bytes = 0;
    return options;
  }
  pe::Result<pe::EventRecorder> make_spooled(pe::RecorderOptions options) {
    return pe::detail::make_recorder(
        std::move(options),
        std::make_shared<pe::detail::AsyncCore>(client_options(), pe::detail::LoopDriver::Manual),
        files);
  }
  std::shared_ptr<test::FaultyFiles> files = std::make_shared<test::FaultyFiles>();
  // Lets virtual time pass in small turns.
  void run(pe::EventRecorder& recorder, milliseconds duration) {
    for (milliseconds passed{0}; passed <= duration; passed += milliseconds{10}) {
      recorder.run_once(milliseconds{0});
      platform->advance(milliseconds{10});
    }
  }
  [[nodiscard]] std::vector<std::string> bodies() const {
    std::vector<std::string> bodies;
    for (const pe::HttpRequest& request : transport->requests()) bodies.push_back(request.body);
    return bodies;
  }
};

bool adds_up(const pe::RecorderStats& stats) {
  return stats.recorded + stats.adopted == stats.delivered + stats.rejected + stats.expired +
                                               stats.dropped + stats.spooled + stats.pending;
}

}  // namespace

TEST_CASE("a recorded event is sent after its linger, and told") {
  World world;
  auto recorder = world.make(world.recorder_options());
  REQUIRE(recorder.has_value());
  REQUIRE(recorder->record({"visit-1", "user-7"}, pe::Event{"Watch"}).has_value());
  REQUIRE(recorder->record({"visit-1", "user-7"}, pe::Event{"Like"}).has_value());
  const pe::RunReport idle = recorder->run_once(milliseconds{0});
  CHECK(idle.pending == 2);
  CHECK(idle.next_wake <= seconds{1});
  CHECK(world.transport->requests().empty());
  world.run(*recorder, seconds{2});

  REQUIRE(world.transport->requests().size() == 1);
  const pe::HttpRequest request = world.transport->requests()[0];
  CHECK(request.url == "https://personalize-events.us-east-1.amazonaws.com/events");
  CHECK(pe::find_header(request.headers, "Authorization") != nullptr);
  const auto body = pe::detail::json::parse(request.body);
  REQUIRE(body.has_value());
  CHECK(*body->find_string("trackingId") == "tracker");
  CHECK(*body->find_string("sessionId") == "visit-1");
  CHECK(*body->find_string("userId") == "user-7");
  REQUIRE(body->find("eventList")->items.size() == 2);

  REQUIRE(world.deliveries.size() == 1);
  CHECK(world.deliveries[0].outcome == pe::Outcome::Delivered);
  CHECK(world.deliveries[0].session.session_id == "visit-1");
  CHECK(world.deliveries[0].session.user_id == "user-7");
  CHECK(world.deliveries[0].attempts == 1);
  CHECK(world.deliveries[0].events.empty());
  REQUIRE(world.deliveries[0].event_ids.size() == 2);
  CHECK(world.deliveries[0].event_ids[0] ==
        *body->find("eventList")->items[0].find_string("eventId"));
  CHECK(recorder->stats().delivered == 2);
  CHECK(adds_up(recorder->stats()));
}

TEST_CASE("what cannot be a recorder is told by the name of its setting") {
  World world;
  const auto where = [&](auto change) {
    pe::RecorderOptions options = world.recorder_options();
    change(options);
    const auto recorder = world.make(options);
    REQUIRE_FALSE(recorder.has_value());
    CHECK(recorder.error().kind == pe::ErrorKind::Configuration);
    return recorder.error().where;
  };
  using Options = pe::RecorderOptions;
  CHECK(where([](Options& o) { o.tracking_id = ""; }) == "RecorderOptions.tracking_id");
  CHECK(where([](Options& o) { o.max_pending_events = 0; }) ==
        "RecorderOptions.max_pending_events");
  CHECK(where([](Options& o) { o.max_pending_bytes = 0; }) == "RecorderOptions.max_pending_bytes");
  CHECK(where([](Options& o) { o.max_in_flight = 0; }) == "RecorderOptions.max_in_flight");
  CHECK(where([](Options& o) { o.linger = milliseconds{-1}; }) == "RecorderOptions.linger");
  CHECK(where([](Options& o) { o.max_requests_per_second = -1; }) ==
        "RecorderOptions.max_requests_per_second");
  CHECK(where([](Options& o) { o.delivery_timeout = milliseconds{0}; }) ==
        "RecorderOptions.delivery_timeout");
  const auto where_in_spool = [&](auto change) {
    return where([&](Options& options) {
      options.spool.emplace();
      options.spool->directory = "/spool";
      change(*options.spool);
    });
  };
  using Spool = pe::SpoolOptions;
  CHECK(where_in_spool([](Spool& o) { o.directory = ""; }) == "RecorderOptions.spool.directory");
  CHECK(where_in_spool([](Spool& o) { o.write_after = milliseconds{-1}; }) ==
        "RecorderOptions.spool.write_after");
  CHECK(where_in_spool([](Spool& o) { o.sync_interval = milliseconds{0}; }) ==
        "RecorderOptions.spool.sync_interval");
  CHECK(where_in_spool([](Spool& o) { o.max_bytes = (1U << 20U) - 1; }) ==
        "RecorderOptions.spool.max_bytes");
  CHECK(where_in_spool([](Spool& o) { o.max_age = std::chrono::hours{0}; }) ==
        "RecorderOptions.spool.max_age");
  CHECK(where_in_spool([](Spool& o) { o.account = std::string(4'097, 'x'); }) ==
        "RecorderOptions.spool.account");

  pe::ClientOptions bare;
  const auto shared =
      pe::make_recorder(pe::RecorderOptions::server("tracker"), pe::AsyncClient{std::move(bare)});
  REQUIRE_FALSE(shared.has_value());
  CHECK(shared.error().kind == pe::ErrorKind::Configuration);
  pe::RecorderOptions manual = world.recorder_options();
  CHECK(pe::make_recorder(manual, pe::AsyncClient{world.client_options()}).error().where ==
        "RecorderOptions.driver");
}

TEST_CASE("an event that breaks the model is refused at the call, untouched") {
  World world;
  auto recorder = world.make(world.recorder_options());
  pe::Event event{"Watch"};
  event.item_id = std::string(257, 'x');
  const auto refused = recorder->record({"visit-1"}, std::move(event));
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == pe::ErrorKind::InvalidArgument);
  CHECK(refused.error().where == "itemId");
  CHECK(event.item_id->size() == 257);  // NOLINT(bugprone-use-after-move): untouched
  CHECK(recorder->stats().refused == 1);
  CHECK(recorder->stats().recorded == 0);
}

TEST_CASE("a full queue does as it was told") {
  for (const pe::WhenFull when_full :
       {pe::WhenFull::DropNewest, pe::WhenFull::DropOldest, pe::WhenFull::Block}) {
    World world;
    pe::RecorderOptions options = world.recorder_options();
    options.max_pending_events = 2;
    options.when_full = when_full;
    auto recorder = world.make(options);
    for (const char* type : {"one", "two"}) {
      REQUIRE(recorder->record({"visit-1"}, pe::Event{type}).has_value());
    }
    const auto third = recorder->record({"visit-1"}, pe::Event{"three"});
    CHECK(third.has_value() == (when_full == pe::WhenFull::DropOldest));
    if (!third) CHECK(third.error().kind == pe::ErrorKind::QueueFull);
    recorder->run_once(milliseconds{0});
    if (when_full == pe::WhenFull::DropOldest) {
      REQUIRE(world.deliveries.size() == 1);
      CHECK(world.deliveries[0].outcome == pe::Outcome::Dropped);
      CHECK_THAT(world.deliveries[0].events.at(0), test::ContainsSubstring("\"one\""));
      CHECK(world.deliveries[0].error->kind == pe::ErrorKind::QueueFull);
    }
    CHECK(recorder->stats().pending == 2);
    CHECK(adds_up(recorder->stats()));
  }
}

TEST_CASE("a rejected event is told with its JSON and the service's reason") {
  World world;
  world.transport->reply(refusal(400, "InvalidInputException"));
  world.transport->reply(pe::HttpResponse{200});
  auto recorder = world.make(world.recorder_options());
  pe::Event event{"Watch"};
  event.event_id = "mine";
  REQUIRE(recorder->record({"visit-1"}, event).has_value());
  world.run(*recorder, seconds{2});
  REQUIRE(world.deliveries.size() == 1);
  CHECK(world.deliveries[0].outcome == pe::Outcome::Rejected);
  CHECK(world.deliveries[0].event_ids == std::vector<std::string>{"mine"});
  CHECK_THAT(world.deliveries[0].events.at(0), test::ContainsSubstring(R"("eventId":"mine")"));
  CHECK(world.deliveries[0].error->code == "InvalidInputException");
  CHECK(world.deliveries[0].error->attempts == 1);
}

TEST_CASE("flush sends at once and answers when all has been told") {
  World world;
  auto recorder = world.make(world.recorder_options());
  REQUIRE(recorder->record({"visit-1"}, pe::Event{"Watch"}).has_value());
  const pe::FlushReport report = recorder->flush(seconds{5});
  CHECK(report.complete);
  CHECK(report.delivered == 1);
  CHECK(world.deliveries.size() == 1);
  CHECK(recorder->flush(seconds{0}).complete);
}

TEST_CASE("close ends everything, and then nothing is taken") {
  World world;
  auto recorder = world.make(world.recorder_options());
  REQUIRE(recorder->record({"visit-1"}, pe::Event{"Watch"}).has_value());
  const pe::CloseReport report = recorder->close(seconds{5});
  CHECK(report.complete);
  CHECK(report.delivered == 1);
  pe::Event late{"Watch"};
  const auto refused = recorder->record({"visit-1"}, std::move(late));
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == pe::ErrorKind::Cancelled);
  CHECK(late.event_type == "Watch");  // NOLINT(bugprone-use-after-move): untouched
  CHECK(recorder->close(seconds{5}).complete);
}

TEST_CASE("a callback may record, and is answered at once when it would wait for itself") {
  World world;
  pe::EventRecorder* inside = nullptr;
  int called = 0;
  pe::RecorderOptions options = world.recorder_options();
  options.on_delivery = [&](const pe::Delivery&) {
    if (++called > 1) return;
    CHECK(inside->record({"visit-2"}, pe::Event{"Again"}).has_value());
    CHECK(inside->flush(seconds{5}).would_deadlock);
    inside->flush_soon();
  };
  auto recorder = world.make(options);
  inside = &*recorder;
  REQUIRE(recorder->record({"visit-1"}, pe::Event{"Watch"}).has_value());
  world.run(*recorder, seconds{3});
  CHECK(called == 2);
  CHECK(recorder->stats().delivered == 2);
}

TEST_CASE("faults are told when they begin and when they end") {
  World world;
  world.transport->reply(refusal(403, "AccessDeniedException"));
  world.transport->reply(pe::HttpResponse{200});
  auto recorder = world.make(world.recorder_options());
  REQUIRE(recorder->record({"visit-1"}, pe::Event{"Watch"}).has_value());
  world.run(*recorder, seconds{5});
  REQUIRE(world.faults.size() == 2);
  CHECK(world.faults[0].kind == pe::FaultKind::Credentials);
  CHECK_FALSE(world.faults[0].cleared);
  CHECK(world.faults[0].error.code == "AccessDeniedException");
  CHECK(world.faults[1].cleared);
  CHECK(recorder->stats().delivered == 1);
}

TEST_CASE("credentials can be set, so that nothing has to block for them") {
  World world;
  pe::ClientOptions client = world.client_options();
  client.credentials = []() -> pe::Result<pe::Credentials> {
    return pe::credentials_error("none yet");
  };
  auto recorder = pe::detail::make_recorder(
      world.recorder_options(),
      std::make_shared<pe::detail::AsyncCore>(client, pe::detail::LoopDriver::Manual));
  REQUIRE(recorder.has_value());
  REQUIRE(recorder->record({"visit-1"}, pe::Event{"Watch"}).has_value());
  world.run(*recorder, seconds{3});
  CHECK(world.transport->requests().empty());
  REQUIRE(world.faults.size() == 1);
  CHECK(world.faults[0].kind == pe::FaultKind::Credentials);
  recorder->set_credentials({"AKIDSET", "SECRET"});
  world.run(*recorder, seconds{40});
  REQUIRE(world.transport->requests().size() == 1);
  CHECK_THAT(*pe::find_header(world.transport->requests()[0].headers, "Authorization"),
             test::ContainsSubstring("AKIDSET"));
  CHECK(recorder->stats().delivered == 1);
}

TEST_CASE("a recorder moves, and what was moved from refuses") {
  World world;
  auto made = world.make(world.recorder_options());
  pe::EventRecorder recorder = *std::move(made);
  REQUIRE(recorder.record({"visit-1"}, pe::Event{"Watch"}).has_value());
  pe::EventRecorder other = std::move(recorder);
  CHECK(other.stats().recorded == 1);
  // NOLINTNEXTLINE(bugprone-use-after-move): what the test is about
  CHECK(recorder.record({"visit-1"}, pe::Event{"Watch"}).error().kind == pe::ErrorKind::Cancelled);
  CHECK(recorder.stats().recorded == 0);  // NOLINT(bugprone-use-after-move)
  CHECK(other.close(seconds{5}).complete);
}

TEST_CASE("on its own thread a recorder delivers by itself") {
  World world;
  pe::ClientOptions client = world.client_options();
  client.platform = nullptr;
  std::mutex mutex;
  std::condition_variable told;
  std::size_t delivered = 0;
  pe::RecorderOptions options = pe::RecorderOptions::server("tracker");
  options.linger = milliseconds{20};
  options.on_delivery = [&](const pe::Delivery& delivery) {
    const std::lock_guard<std::mutex> lock{mutex};
    delivered += delivery.event_ids.size();
    told.notify_all();
  };
  auto recorder = pe::make_recorder(options, pe::AsyncClient{client});
  REQUIRE(recorder.has_value());
  std::atomic<int> refused{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&recorder, &refused, t] {
      for (int i = 0; i < 250; ++i) {
        const std::string session = "visit-" + std::to_string(t) + "-" + std::to_string(i % 7);
        if (!recorder->record({session}, pe::Event{"Watch"})) ++refused;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(refused == 0);
  {
    std::unique_lock<std::mutex> lock{mutex};
    REQUIRE(told.wait_for(lock, seconds{60}, [&] { return delivered == 1000; }));
  }
  const pe::CloseReport closed = recorder->close(seconds{30});
  CHECK(closed.complete);
  CHECK(recorder->stats().delivered == 1000);
  CHECK(adds_up(recorder->stats()));
}

TEST_CASE("two recorders share the thread of one client") {
  World world;
  pe::ClientOptions client_options = world.client_options();
  client_options.platform = nullptr;
  const pe::AsyncClient client{client_options};
  auto first = pe::make_recorder(pe::RecorderOptions::server("tracker-1"), client);
  auto second = pe::make_recorder(pe::RecorderOptions::server("tracker-2"), client);
  REQUIRE(first.has_value());
  REQUIRE(second.has_value());
  REQUIRE(first->record({"visit-1"}, pe::Event{"Watch"}).has_value());
  REQUIRE(second->record({"visit-1"}, pe::Event{"Watch"}).has_value());
  CHECK(first->flush(seconds{30}).delivered == 1);
  CHECK(second->flush(seconds{30}).delivered == 1);
}

TEST_CASE("record_durable needs a spool, an event that can be, and an open recorder") {
  World world;
  auto bare = world.make(world.recorder_options());
  const auto without = bare->record_durable({"visit"}, pe::Event{"Watch"}, seconds{1});
  REQUIRE_FALSE(without.has_value());
  CHECK(without.error().kind == pe::ErrorKind::Configuration);
  CHECK(bare->stats().refused == 1);

  auto recorder = world.make_spooled(world.spooled_options());
  REQUIRE(recorder.has_value());
  CHECK(recorder->record_durable({""}, pe::Event{"Watch"}, seconds{1}).error().kind ==
        pe::ErrorKind::InvalidArgument);
  CHECK(recorder->close(seconds{5}).complete);
  CHECK(recorder->record_durable({"visit"}, pe::Event{"Watch"}, seconds{1}).error().kind ==
        pe::ErrorKind::Cancelled);
  CHECK(recorder->stats().refused == 2);
}

TEST_CASE("record_durable answers when the disk has the event, or says that it was accepted") {
  World world;
  auto recorder = world.make_spooled(world.spooled_options());
  REQUIRE(recorder.has_value());
  CHECK(recorder->record_durable({"visit"}, pe::Event{"Watch"}, seconds{1}).has_value());
  CHECK(world.files->syncs == 1);
  world.files->sync_fails = true;
  const auto unknown = recorder->record_durable({"visit"}, pe::Event{"Watch"}, seconds{1});
  REQUIRE_FALSE(unknown.has_value());
  CHECK(unknown.error().kind == pe::ErrorKind::Timeout);
  CHECK(recorder->stats().recorded == 2);
  CHECK(recorder->stats().refused == 0);
  const auto refused = recorder->record_durable({"visit"}, pe::Event{"Watch"}, seconds{1});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == pe::ErrorKind::Storage);
  CHECK(recorder->stats().recorded == 2);
  CHECK(recorder->stats().refused == 1);
  world.files->sync_fails = false;
  CHECK(recorder->close(seconds{5}).delivered == 2);
}

TEST_CASE("record_durable tells that the directory was removed before the disk had the event") {
  World world;
  pe::RecorderOptions options = world.spooled_options();
  options.max_pending_events = 1;
  auto recorder = world.make_spooled(options);
  REQUIRE(recorder.has_value());
  for (int i = 0; i < 2; ++i) {
    REQUIRE(recorder->record({"visit"}, pe::Event{"Watch"}).has_value());
  }
  const auto names = world.files->list_folder("/spool");
  for (const std::string& name : *names) world.files->delete_folder("/spool/" + name);
  world.files->delete_folder("/spool");
  const auto removed = recorder->record_durable({"visit"}, pe::Event{"Watch"}, seconds{1});
  REQUIRE_FALSE(removed.has_value());
  CHECK(removed.error().kind == pe::ErrorKind::Storage);
  CHECK(removed.error().code == "Removed");
  CHECK(recorder->stats().recorded == 3);
  const pe::CloseReport report = recorder->close(seconds{5});
  CHECK(report.delivered == 1);
  CHECK(report.dropped == 2);
}

TEST_CASE("what could not be delivered is spooled at close, and delivered by the next recorder") {
  World world;
  pe::RecorderOptions options = world.spooled_options();
  options.max_pending_events = 4;
  {
    auto recorder = world.make_spooled(options);
    REQUIRE(recorder.has_value());
    for (int i = 0; i < 10; ++i) {
      REQUIRE(recorder->record({"visit"}, pe::Event{"Watch"}).has_value());
    }
    CHECK(recorder->stats().spooled == 6);
    CHECK(recorder->stats().pending == 4);
    const pe::CloseReport report = recorder->close(milliseconds{0});
    CHECK(report.spooled == 10);
    CHECK(report.complete);
    CHECK(adds_up(recorder->stats()));
  }
  // Those that were in memory are reported.
  std::size_t spooled = 0;
  for (const pe::Delivery& delivery : world.deliveries) {
    CHECK(delivery.outcome == pe::Outcome::Spooled);
    spooled += delivery.event_ids.size();
  }
  CHECK(spooled >= 4);
  auto next = world.make_spooled(options);
  REQUIRE(next.has_value());
  const pe::CloseReport report = next->close(seconds{30});
  CHECK(next->stats().adopted == 10);
  CHECK(next->stats().delivered == 10);
  CHECK(report.complete);
  CHECK(adds_up(next->stats()));
}

TEST_CASE("flush waits for what is on the disk only, too, and the end leaves nothing there") {
  World world;
  pe::RecorderOptions options = world.spooled_options();
  options.max_pending_events = 4;
  {
    auto recorder = world.make_spooled(options);
    REQUIRE(recorder.has_value());
    for (int i = 0; i < 10; ++i) {
      REQUIRE(recorder->record({"visit"}, pe::Event{"Watch"}).has_value());
    }
    const pe::FlushReport report = recorder->flush(seconds{30});
    CHECK(report.delivered == 10);
    CHECK(report.complete);
    CHECK(adds_up(recorder->stats()));
  }
  CHECK(world.files->count("/spool") == 0);
}
