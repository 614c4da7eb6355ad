// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/recorder/recorder_core.hpp"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/core.hpp"
#include "personalize_events/detail/client/async_core.hpp"
#include "personalize_events/detail/providers/instance_metadata.hpp"
#include "personalize_events/event_recorder.hpp"
#include "personalize_events/testing/fake_transport.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "support/async_world.hpp"
#include "support/client_world.hpp"
#include "support/metadata_world.hpp"
#include "support/provider_guard.hpp"

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

// --- The options that a recorder can follow ---

TEST_CASE("Options are bounded by what time and the transport can hold") {
  pe::RecorderOptions options = pe::RecorderOptions::server("tracker");
  options.linger = milliseconds::max();
  options.block_timeout = milliseconds::max();
  options.delivery_timeout = milliseconds::max();
  options.shutdown_timeout = milliseconds::min();
  pe::HttpOptions http;
  http.max_connections = 8;
  const pe::RecorderOptions bounded = pe::detail::bounded(options, http);
  CHECK(bounded.linger == pe::detail::kLongestWait);
  CHECK(bounded.block_timeout == pe::detail::kLongestWait);
  CHECK(bounded.delivery_timeout == pe::detail::kLongestWait);
  CHECK(bounded.shutdown_timeout == milliseconds{0});
  CHECK(bounded.max_in_flight == 8);
  options.max_in_flight = 2;
  CHECK(pe::detail::bounded(options, http).max_in_flight == 2);
  CHECK(pe::detail::bounded(options, pe::HttpOptions{}).linger.count() > 0);
}

TEST_CASE("With a spool its age is what an event may wait, within what time can hold") {
  pe::RecorderOptions options = pe::RecorderOptions::server("tracker");
  options.spool.emplace();
  options.spool->max_age = std::chrono::hours{48};
  CHECK(pe::detail::bounded(options, {}).delivery_timeout == std::chrono::hours{48});
  options.spool->max_age = std::chrono::hours::max();
  const pe::RecorderOptions bounded = pe::detail::bounded(options, {});
  CHECK(bounded.delivery_timeout == pe::detail::kLongestWait);
  CHECK(bounded.spool->max_age == pe::detail::kLongestWait);
}

// --- Requests ---

namespace {

/// A recorder that the test runs over a transport that replies as it is told.
struct Requests {
  std::shared_ptr<pe::testing::FakeTransport> transport =
      std::make_shared<pe::testing::FakeTransport>();
  pe::ClientOptions client = client_over(transport);
  std::shared_ptr<pe::testing::VirtualPlatform> platform =
      std::make_shared<pe::testing::VirtualPlatform>();
  std::vector<pe::Delivery> deliveries{};
  std::vector<pe::Fault> faults{};

  pe::Result<pe::EventRecorder> start() {
    client.platform = platform;
    pe::RecorderOptions options = pe::RecorderOptions::server("tracker");
    options.linger = milliseconds{0};
    options.shutdown_timeout = milliseconds{0};
    options.on_delivery = [this](const pe::Delivery& one) { deliveries.push_back(one); };
    options.on_fault = [this](const pe::Fault& one) { faults.push_back(one); };
    return manual_recorder(options, client);
  }
  void run(pe::EventRecorder& recorder, milliseconds duration) const {
    for (milliseconds passed{0}; passed < duration; passed += milliseconds{10}) {
      recorder.run_once(milliseconds{0});
      recorder.run_once(milliseconds{0});
      platform->advance(milliseconds{10});
    }
  }
};

}  // namespace

TEST_CASE("A batch is posted as the attempt that it is, and completes with the response") {
  Requests world;
  auto recorder = world.start();
  REQUIRE(recorder.has_value());
  for (int i = 0; i < 2; ++i) world.transport->reply(test::service_error(503, "Unavailable"));
  world.transport->reply(pe::HttpResponse{200, {{"x-amzn-RequestId", "id"}}});
  REQUIRE(recorder->record({"visit"}, pe::Event{"Watch"}).has_value());
  CHECK(world.transport->requests().empty());
  world.run(*recorder, seconds{20});
  REQUIRE(world.deliveries.size() == 1);
  CHECK(world.deliveries[0].session.session_id == "visit");
  CHECK(world.deliveries[0].outcome == pe::Outcome::Delivered);
  CHECK(world.deliveries[0].request_id == "id");
  CHECK(world.deliveries[0].attempts == 3);

  const auto requests = world.transport->requests();
  REQUIRE(requests.size() == 3);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    CHECK(requests[i].url == "https://personalize-events.us-east-1.amazonaws.com/events");
    CHECK(requests[i].timeout == world.client.attempt_timeout);
    // The number of the recorder's retries has no limit.
    CHECK(test::header(requests[i], "amz-sdk-request") == "attempt=" + std::to_string(i + 1));
    CHECK(test::header(requests[i], "amz-sdk-invocation-id").size() == 36);
    CHECK(requests[i].body == requests[0].body);
  }
}

TEST_CASE("The hint of a response decides when its batch is sent again") {
  Requests world;
  auto recorder = world.start();
  REQUIRE(recorder.has_value());
  world.transport->reply(
      test::service_error(429, "ThrottlingException", {{"x-amz-retry-after", "1500"}}));
  world.transport->reply(pe::HttpResponse{200, {{"x-amzn-RequestId", "id"}}});
  REQUIRE(recorder->record({"visit"}, pe::Event{"Watch"}).has_value());
  world.run(*recorder, milliseconds{1490});
  CHECK(world.transport->requests().size() == 1);
  world.run(*recorder, seconds{5});
  CHECK(world.transport->requests().size() == 2);
  CHECK(world.deliveries.size() == 1);
}

TEST_CASE("The date of a response corrects the clock of the next request") {
  Requests world;
  auto recorder = world.start();
  REQUIRE(recorder.has_value());
  world.transport->reply(test::service_error(403, "RequestTimeTooSkewed",
                                             {{"Date", "Sun, 29 Nov 2026 06:00:00 GMT"}}));
  world.transport->reply(pe::HttpResponse{200, {{"x-amzn-RequestId", "id"}}});
  REQUIRE(recorder->record({"visit"}, pe::Event{"Watch"}).has_value());
  world.run(*recorder, milliseconds{50});
  const auto requests = world.transport->requests();
  REQUIRE(requests.size() == 2);
  CHECK(test::header(requests[0], "X-Amz-Date") != test::header(requests[1], "X-Amz-Date"));
  CHECK(test::header(requests[1], "X-Amz-Date").substr(0, 13) == "20261129T0600");
}

TEST_CASE("Rejected temporary credentials are not used for the next request") {
  Requests world;
  int fetched = 0;
  world.client.credentials = [&fetched]() -> pe::Result<pe::Credentials> {
    pe::Credentials one{"AKID" + std::to_string(++fetched), "SECRET"};
    one.session_token = "token";
    return one;
  };
  auto recorder = world.start();
  REQUIRE(recorder.has_value());
  world.transport->reply(test::service_error(403, "ExpiredTokenException"));
  world.transport->reply(pe::HttpResponse{200, {{"x-amzn-RequestId", "id"}}});
  REQUIRE(recorder->record({"visit"}, pe::Event{"Watch"}).has_value());
  world.run(*recorder, seconds{1});
  const auto requests = world.transport->requests();
  REQUIRE(requests.size() == 2);
  CHECK(test::header(requests[0], "Authorization").find("AKID1/") != std::string::npos);
  CHECK(test::header(requests[1], "Authorization").find("AKID2/") != std::string::npos);
}

TEST_CASE("While the metadata service is away expired keys are used, and one fault is reported") {
  Requests world;
  test::MetadataWorld metadata{{test::metadata_token_answer(), pe::HttpResponse{200, {}, "role"},
                                pe::HttpResponse{200, {}, test::metadata_keys()},
                                test::metadata_silence(false)}};
  world.client.credentials =
      pe::instance_metadata_credentials({metadata.transport, metadata.platform});
  std::string refresh_error;
  world.client.on_attempt = [&](const pe::Attempt& attempt) {
    refresh_error = attempt.credentials_error == nullptr ? "" : attempt.credentials_error->message;
  };
  world.platform = metadata.platform;
  auto recorder = world.start();
  REQUIRE(recorder.has_value());
  const auto record = [&](int events) {
    for (int i = 0; i < events; ++i) {
      REQUIRE(recorder->record({"visit"}, pe::Event{"Watch"}).has_value());
      world.run(*recorder, seconds{1});
    }
  };
  record(3);
  CHECK(world.faults.empty());

  world.platform->advance(std::chrono::hours{8});  // the keys were good for six
  record(100);
  CHECK(recorder->stats().delivered == 103);
  CHECK_FALSE(refresh_error.empty());
  REQUIRE(world.faults.size() == 1);
  CHECK(world.faults[0].kind == pe::FaultKind::Credentials);
  CHECK_FALSE(world.faults[0].cleared);
  CHECK(world.faults[0].error.message == refresh_error);
  const std::size_t asked = metadata.transport->requests().size();
  CHECK(asked <= 3 + 3 * 4);  // for 100 seconds

  auto later = std::string{test::metadata_keys()};
  later.replace(later.find("2026-01-01T06"), 13, "2026-01-01T12");
  metadata.transport->reply(test::metadata_token_answer());
  metadata.transport->reply(pe::HttpResponse{200, {}, "role"});
  metadata.transport->reply(pe::HttpResponse{200, {}, later});
  world.platform->advance(seconds{40});
  record(2);
  REQUIRE(world.faults.size() == 2);
  CHECK(world.faults[1].kind == pe::FaultKind::Credentials);
  CHECK(world.faults[1].cleared);
  CHECK(refresh_error.empty());
  CHECK(recorder->stats().delivered == 105);
}

TEST_CASE("The fault of a refresh ends without an event, when it succeeds") {
  // The provider is called on a thread of its own; the test's clock decides when.
  std::mutex mutex;
  bool fails = false;
  int calls = 0;
  const auto platform = std::make_shared<pe::testing::VirtualPlatform>();
  pe::ClientOptions client = client_over(std::make_shared<pe::testing::FakeTransport>());
  client.platform = platform;
  test::Signal may_return;
  std::condition_variable changed;
  std::vector<pe::Fault> faults;
  const test::ProviderGuard guard;
  client.credentials = guard.guard([&]() -> pe::Result<pe::Credentials> {
    std::unique_lock<std::mutex> lock{mutex};
    const int call = ++calls;
    if (fails) return pe::credentials_error("the vault is sealed");
    lock.unlock();
    if (call > 2) static_cast<void>(may_return.wait());
    return pe::Credentials{"AKID", "SECRET", "token", platform->now() + std::chrono::hours{1}};
  });
  std::size_t delivered = 0;
  pe::RecorderOptions options = pe::RecorderOptions::server("tracker");
  options.linger = milliseconds{0};
  options.on_fault = [&](const pe::Fault& fault) {
    const std::lock_guard<std::mutex> lock{mutex};
    faults.push_back(fault);
    changed.notify_all();
  };
  options.on_delivery = [&](const pe::Delivery&) {
    const std::lock_guard<std::mutex> lock{mutex};
    ++delivered;
    changed.notify_all();
  };
  auto recorder = pe::make_recorder(options, pe::AsyncClient{client});
  REQUIRE(recorder.has_value());
  const auto wait_for_faults = [&](std::size_t count) {
    std::unique_lock<std::mutex> lock{mutex};
    return changed.wait_for(lock, seconds{60}, [&] { return faults.size() >= count; });
  };
  const auto deliver = [&] {
    REQUIRE(recorder->record({"visit"}, pe::Event{"Watch"}).has_value());
    std::unique_lock<std::mutex> lock{mutex};
    REQUIRE(changed.wait_for(lock, seconds{60}, [&] { return delivered > 0; }));
    delivered = 0;
  };
  deliver();
  {
    const std::lock_guard<std::mutex> lock{mutex};
    fails = true;
  }
  platform->advance(std::chrono::hours{2});
  deliver();
  REQUIRE(wait_for_faults(1));
  {
    const std::lock_guard<std::mutex> lock{mutex};
    fails = false;
  }
  platform->advance(seconds{40});
  deliver();  // with the old keys, while the provider is called
  {
    const std::lock_guard<std::mutex> lock{mutex};
    CHECK(faults.size() == 1);
  }
  may_return.give();
  REQUIRE(wait_for_faults(2));
  const std::lock_guard<std::mutex> lock{mutex};
  CHECK_FALSE(faults[0].cleared);
  CHECK(faults[1].kind == pe::FaultKind::Credentials);
  CHECK(faults[1].cleared);
}

TEST_CASE("Requests in flight are cancelled at the end of close, completed ones are forgotten") {
  Requests world;
  auto recorder = world.start();
  REQUIRE(recorder.has_value());
  REQUIRE(recorder->record({"first"}, pe::Event{"Watch"}).has_value());
  world.run(*recorder, milliseconds{20});
  REQUIRE(world.deliveries.size() == 1);
  world.transport->hold();
  REQUIRE(recorder->record({"second"}, pe::Event{"Watch"}).has_value());
  REQUIRE(recorder->record({"third"}, pe::Event{"Watch"}).has_value());
  world.run(*recorder, milliseconds{20});
  REQUIRE(world.transport->requests().size() == 3);
  CHECK(world.deliveries.size() == 1);
  CHECK(recorder->stats().in_flight == 2);
  CHECK(recorder->close(milliseconds{0}).dropped == 2);
  REQUIRE(world.deliveries.size() == 3);
  for (const std::size_t cancelled : {1U, 2U}) {
    CHECK(world.deliveries[cancelled].outcome == pe::Outcome::Dropped);
    CHECK(world.deliveries[cancelled].may_have_been_delivered);
    CHECK(world.deliveries[cancelled].error->kind == pe::ErrorKind::Cancelled);
  }
  CHECK(recorder->stats().in_flight == 0);
  CHECK(world.transport->requests().size() == 3);
}
