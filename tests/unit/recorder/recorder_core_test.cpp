// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/recorder_core.hpp"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/client/async_core.hpp"
#include "personalize_events/recorder/event_recorder.hpp"
#include "personalize_events/testing/fake_transport.hpp"
#include "personalize_events/testing/virtual_platform.hpp"

namespace pe = personalize_events;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

pe::Result<pe::EventRecorder> manual_recorder(pe::RecorderOptions options,
                                              const pe::ClientOptions& client) {
  options.driver = pe::Driver::Manual;
  return pe::detail::make_recorder(std::move(options), std::make_shared<pe::detail::AsyncCore>(
                                                           client, pe::detail::LoopDriver::Manual));
}

pe::ClientOptions client_over(std::shared_ptr<pe::testing::FakeTransport> transport) {
  pe::ClientOptions client;
  client.region = "us-east-1";
  client.credentials = pe::static_credentials({"AKID", "SECRET"});
  client.async_transport = std::move(transport);
  client.platform = std::make_shared<pe::testing::VirtualPlatform>();
  return client;
}

}  // namespace

TEST_CASE("An event with a delivery timeout without an end does not expire at once") {
  const auto transport = std::make_shared<pe::testing::FakeTransport>();
  pe::RecorderOptions options = pe::RecorderOptions::server("tracker");
  options.delivery_timeout = milliseconds::max();
  options.linger = milliseconds::max();
  auto recorder = manual_recorder(options, client_over(transport));
  REQUIRE(recorder.has_value());
  REQUIRE(recorder->record({"visit"}, pe::Event{"Watch"}).has_value());
  recorder->run_once(milliseconds{0});
  CHECK(recorder->stats().pending == 1);
  CHECK(transport->requests().empty());
  CHECK(recorder->flush(milliseconds::max()).delivered == 1);
}

TEST_CASE("No more requests are on their way than the transport carries at once") {
  const auto transport = std::make_shared<pe::testing::FakeTransport>();
  pe::ClientOptions client = client_over(transport);
  client.http.max_connections = 3;
  pe::RecorderOptions options = pe::RecorderOptions::server("tracker");
  options.linger = milliseconds{0};
  auto recorder = manual_recorder(options, client);
  REQUIRE(recorder.has_value());
  for (int i = 0; i < 10; ++i) {
    REQUIRE(recorder->record({"visit-" + std::to_string(i)}, pe::Event{"Watch"}).has_value());
  }
  recorder->run_once(milliseconds{0});
  CHECK(transport->requests().size() == 3);
  CHECK(recorder->close(seconds{5}).complete);
  CHECK(recorder->stats().delivered == 10);
}

TEST_CASE("What ends after the loop could not come in time is told all the same") {
  pe::ClientOptions client_options = client_over(std::make_shared<pe::testing::FakeTransport>());
  client_options.platform = nullptr;
  const pe::AsyncClient client{client_options};
  std::mutex mutex;
  std::condition_variable changed;
  bool is_inside = false;
  bool may_go = false;
  pe::RecorderOptions stuck = pe::RecorderOptions::server("tracker");
  stuck.on_delivery = [&](const pe::Delivery&) {
    std::unique_lock<std::mutex> lock{mutex};
    is_inside = true;
    changed.notify_all();
    changed.wait(lock, [&] { return may_go; });
  };
  auto first = pe::make_recorder(stuck, client);
  REQUIRE(first.has_value());
  REQUIRE(first->record({"visit"}, pe::Event{"Watch"}).has_value());
  first->flush_soon();
  {
    std::unique_lock<std::mutex> lock{mutex};
    REQUIRE(changed.wait_for(lock, seconds{60}, [&] { return is_inside; }));
  }

  std::vector<pe::Delivery> told;
  {
    pe::RecorderOptions options = pe::RecorderOptions::server("tracker");
    options.shutdown_timeout = milliseconds{1};
    options.on_delivery = [&](const pe::Delivery& delivery) { told.push_back(delivery); };
    auto second = pe::make_recorder(options, client);
    REQUIRE(second.has_value());
    REQUIRE(second->record({"one"}, pe::Event{"Watch"}).has_value());
    REQUIRE(second->record({"two"}, pe::Event{"Watch"}).has_value());
  }
  REQUIRE(told.size() == 2);
  for (const pe::Delivery& delivery : told) {
    CHECK(delivery.outcome == pe::Outcome::Dropped);
    CHECK(delivery.error->kind == pe::ErrorKind::Cancelled);
  }
  {
    const std::lock_guard<std::mutex> lock{mutex};
    may_go = true;
  }
  changed.notify_all();
  CHECK(first->close(seconds{60}).complete);
}
