// SPDX-License-Identifier: Apache-2.0
//
// AsyncClient over real sockets: hundreds of calls in flight, faults, throttling, and destruction
// while the service is silent.

#include "personalize_events/async_client.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/core.hpp"
#include "personalize_events/curl_async_transport.hpp"
#include "support/async_world.hpp"
#include "support/local_endpoint.hpp"

namespace pe = personalize_events;
using namespace std::chrono_literals;
using pe::testing::FaultRule;
using pe::testing::LocalEndpoint;
using Future = std::future<pe::Result<pe::PutResult>>;

namespace {

/// Over libcurl, through no proxy of the environment.
class DirectAsyncTransport final : public pe::AsyncTransport {
 public:
  explicit DirectAsyncTransport(pe::HttpOptions options) : curl_(std::move(options)) {}
  std::uint64_t start(pe::HttpRequest request, Done done) override {
    request.direct = true;
    return curl_.start(std::move(request), std::move(done));
  }
  void cancel(std::uint64_t request) override { curl_.cancel(request); }
  void poll(std::chrono::milliseconds at_most) override { curl_.poll(at_most); }
  void wake() override { curl_.wake(); }

 private:
  pe::CurlAsyncTransport curl_;
};

pe::ClientOptions async_options(const LocalEndpoint& endpoint) {
  pe::ClientOptions options = test::client_options(endpoint);
  options.transport = nullptr;
  options.async_transport = std::make_shared<DirectAsyncTransport>(options.http);
  // Both ends share a small machine here.
  options.attempt_timeout = 30s;
  options.call_timeout = 60s;
  return options;
}

pe::PutEventsRequest watch(int number) {
  pe::Event event{"Watch"};
  event.event_id = "event-" + std::to_string(number);
  return {"tracker", "session-" + std::to_string(number), {event}};
}

/// Sends so many calls at once and answers how many succeeded.
int send_all(const pe::AsyncClient& client, int count) {
  std::vector<Future> futures;
  futures.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) futures.push_back(client.put_events(watch(i)));
  int good = 0;
  for (Future& future : futures) {
    const auto result = future.get();
    if (result) {
      ++good;
    } else {
      UNSCOPED_INFO(to_string(result.error()));
    }
  }
  return good;
}

std::size_t distinct_events(const LocalEndpoint& endpoint) {
  std::set<std::string> ids;
  for (const auto& event : endpoint.events()) ids.insert(event.event.event_id.value_or(""));
  return ids.size();
}

}  // namespace

TEST_CASE("Hundreds of calls are in flight at once, and every event arrives once") {
  const LocalEndpoint endpoint = test::local_endpoint();
  const pe::AsyncClient client{async_options(endpoint)};
  CHECK(send_all(client, 600) == 600);
  CHECK(endpoint.events().size() == 600);
  CHECK(distinct_events(endpoint) == 600);
}

TEST_CASE("A slow service is waited for by all calls at the same time") {
  FaultRule slow;
  slow.delay = 400ms;
  pe::testing::LocalEndpointOptions options;
  options.faults = {slow};
  const LocalEndpoint endpoint = test::local_endpoint(options);
  pe::ClientOptions of_client = async_options(endpoint);
  of_client.http.max_connections = 200;
  of_client.async_transport = std::make_shared<DirectAsyncTransport>(of_client.http);
  const pe::AsyncClient client{of_client};
  const auto before = std::chrono::steady_clock::now();
  CHECK(send_all(client, 200) == 200);
  CHECK(std::chrono::steady_clock::now() - before < 40s);  // one after the other: 80 s
}

TEST_CASE("Calls are retried over every fault until all events have arrived") {
  LocalEndpoint endpoint = test::local_endpoint();
  FaultRule unavailable;
  unavailable.every = 3;
  unavailable.status = 503;
  unavailable.code = "ServiceUnavailable";
  FaultRule reset;
  reset.every = 5;
  reset.sending = pe::testing::Sending::ResetAfter;
  endpoint.add_fault(unavailable);
  endpoint.add_fault(reset);
  pe::ClientOptions options = async_options(endpoint);
  options.retry.max_attempts = 20;
  options.retry.quota = 1'000'000;
  const pe::AsyncClient client{options};
  CHECK(send_all(client, 300) == 300);
  CHECK(distinct_events(endpoint) == 300);
  CHECK(endpoint.summary().faults > 100);
}

TEST_CASE("A throttled client backs off until all its calls have passed") {
  pe::testing::LocalEndpointOptions options;
  options.max_requests_per_second = 100;
  const LocalEndpoint endpoint = test::local_endpoint(options);
  pe::ClientOptions of_client = async_options(endpoint);
  of_client.retry.max_attempts = 30;
  of_client.retry.quota = 1'000'000;
  const pe::AsyncClient client{of_client};
  CHECK(send_all(client, 250) == 250);
  CHECK(distinct_events(endpoint) == 250);
  CHECK(endpoint.summary().refused_requests > 0);
}

TEST_CASE("Destruction does not wait for a service that is silent") {
  FaultRule silent;
  silent.delay = 50s;
  pe::testing::LocalEndpointOptions options;
  options.faults = {silent};
  const LocalEndpoint endpoint = test::local_endpoint(options);
  std::vector<Future> futures;
  auto client = std::make_unique<pe::AsyncClient>(async_options(endpoint));
  for (int i = 0; i < 100; ++i) futures.push_back(client->put_events(watch(i)));
  const auto until = std::chrono::steady_clock::now() + test::kPatience;
  while (endpoint.summary().faults < 20 && std::chrono::steady_clock::now() < until) {
    CHECK(futures[0].wait_for(10ms) == std::future_status::timeout);
  }
  const auto before = std::chrono::steady_clock::now();
  client.reset();
  CHECK(std::chrono::steady_clock::now() - before < 10s);
  int maybe = 0;
  for (Future& future : futures) {
    const auto result = future.get();
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == pe::ErrorKind::Cancelled);
    maybe += result.error().may_have_been_delivered ? 1 : 0;
  }
  CHECK(maybe >= 20);
}

TEST_CASE("Where nobody answers every call fails by itself") {
  pe::ClientOptions options;
  {
    LocalEndpoint endpoint = test::local_endpoint();
    options = async_options(endpoint);
    endpoint.stop();
  }
  options.retry.max_attempts = 2;
  const pe::AsyncClient client{options};
  std::vector<Future> futures;
  for (int i = 0; i < 20; ++i) futures.push_back(client.put_events(watch(i)));
  for (Future& future : futures) {
    const auto result = future.get();
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == pe::ErrorKind::Transport);
    CHECK(result.error().attempts == 2);
    CHECK_FALSE(result.error().may_have_been_delivered);
  }
}

TEST_CASE("A blocking transport carries the same calls") {
  const LocalEndpoint endpoint = test::local_endpoint();
  pe::ClientOptions options = async_options(endpoint);
  options.async_transport = nullptr;
  options.transport = test::client_options(endpoint).transport;
  const pe::AsyncClient client{options};
  CHECK(send_all(client, 100) == 100);
  CHECK(distinct_events(endpoint) == 100);
}
