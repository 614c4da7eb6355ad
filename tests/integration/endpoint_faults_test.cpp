// SPDX-License-Identifier: Apache-2.0
//
// Each fault of the local endpoint as the client meets it over a real socket, and the endpoint's
// own requests under /_local/. What is decided is tested in
// unit/detail/testing/endpoint_*_test.cpp.

#include <chrono>
#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/client.hpp"
#include "personalize_events/core.hpp"
#include "personalize_events/curl_transport.hpp"
#include "personalize_events/detail/wire/response.hpp"
#include "support/local_endpoint.hpp"

namespace pe = personalize_events;
using namespace std::chrono_literals;
using pe::testing::FaultRule;
using pe::testing::LocalEndpoint;
using pe::testing::LocalEndpointOptions;
using pe::testing::Sending;

namespace {

pe::PutEventsRequest watch(const std::string& session = "session") {
  return {"tracker", session, {pe::Event{"Watch"}}};
}

FaultRule status_rule(int status, const std::string& code) {
  FaultRule rule;
  rule.status = status;
  rule.code = code;
  return rule;
}

FaultRule sending_rule(Sending sending) {
  FaultRule rule;
  rule.sending = sending;
  return rule;
}

/// What a client that tries once, within this time, hears while a rule is in force.
pe::Error error_of_one_attempt(LocalEndpoint& endpoint, const FaultRule& rule,
                               std::chrono::milliseconds timeout = 10s) {
  endpoint.add_fault(rule);
  pe::ClientOptions options = test::client_options(endpoint);
  options.retry.max_attempts = 1;
  options.attempt_timeout = timeout;
  const auto sent = pe::Client(options).put_events(watch());
  REQUIRE_FALSE(sent.has_value());
  return sent.error();
}

/// A request of the endpoint's own, unsigned.
pe::HttpResponse local(const LocalEndpoint& endpoint, const std::string& method,
                       const std::string& target, const std::string& body = {}) {
  pe::HttpRequest request{method, endpoint.url() + "/_local/" + target};
  request.body = body;
  request.timeout = 60s;
  request.direct = true;
  pe::CurlTransport transport;
  const auto response = transport.send(request);
  if (!response) FAIL(pe::to_string(response.error()));
  return *response;
}

}  // namespace

TEST_CASE("An answered fault is the service's error, and nothing arrives") {
  LocalEndpoint endpoint = test::local_endpoint();
  const pe::Error refused = error_of_one_attempt(endpoint, status_rule(400, "ValidationException"));
  CHECK(refused.kind == pe::ErrorKind::Service);
  CHECK(refused.http_status == 400);
  CHECK(refused.code == "ValidationException");
  CHECK_FALSE(refused.retryable);
  CHECK_FALSE(refused.may_have_been_delivered);
  CHECK(refused.request_id == endpoint.requests().back().request_id);
  endpoint.clear_faults();
  const pe::Error failed = error_of_one_attempt(endpoint, status_rule(503, "ServiceUnavailable"));
  CHECK(failed.code == "ServiceUnavailable");
  CHECK(failed.retryable);
  CHECK(failed.may_have_been_delivered);
  endpoint.clear_faults();
  const pe::Error bare = error_of_one_attempt(endpoint, status_rule(502, ""));
  CHECK(bare.http_status == 502);
  CHECK(bare.code.empty());
  CHECK(bare.retryable);
  CHECK(endpoint.events().empty());
  CHECK(endpoint.summary().faults == 3);
}

TEST_CASE("A call succeeds once counted faults are over") {
  FaultRule once = status_rule(503, "ServiceUnavailable");
  once.times = 1;
  FaultRule reset = sending_rule(Sending::ResetBefore);
  reset.times = 1;
  LocalEndpointOptions options;
  options.faults = {reset, once};
  const LocalEndpoint endpoint = test::local_endpoint(options);
  const pe::Client client(test::client_options(endpoint));
  const auto sent = client.put_events(watch());
  REQUIRE(sent.has_value());
  CHECK(sent->attempts == 3);
  CHECK(endpoint.events().size() == 1);
  CHECK(endpoint.summary().faults == 2);
  CHECK(endpoint.summary().refused_requests == 2);
  const auto requests = endpoint.requests();
  REQUIRE(requests.size() == 3);
  CHECK(requests[0].status == 0);
  CHECK(requests[1].status == 503);
  CHECK(requests[2].status == 200);
}

TEST_CASE("A reset loses the answer; whether the events too, the client cannot know") {
  LocalEndpoint endpoint = test::local_endpoint();
  const bool is_taken = GENERATE(false, true);
  const pe::Error error = error_of_one_attempt(
      endpoint, sending_rule(is_taken ? Sending::ResetAfter : Sending::ResetBefore));
  CHECK(error.kind == pe::ErrorKind::Transport);
  CHECK(error.retryable);
  CHECK(error.may_have_been_delivered);
  CHECK(endpoint.events().size() == (is_taken ? 1U : 0U));
}

TEST_CASE("What is sent again after a lost answer arrives as a duplicate") {
  LocalEndpoint endpoint = test::local_endpoint();
  FaultRule rule = sending_rule(Sending::ResetAfter);
  rule.times = 1;
  endpoint.add_fault(rule);
  const auto sent = pe::Client(test::client_options(endpoint)).put_events(watch());
  REQUIRE(sent.has_value());
  CHECK(sent->attempts == 2);
  const auto events = endpoint.events();
  REQUIRE(events.size() == 2);
  CHECK_FALSE(events[0].is_duplicate);
  CHECK(events[1].is_duplicate);
  CHECK(events[0].event.event_id == events[1].event.event_id);
  CHECK(endpoint.summary().duplicate_events == 1);
}

TEST_CASE("A reset of a kept-alive connection is retried at once, as a second attempt") {
  LocalEndpoint endpoint = test::local_endpoint();
  const pe::Client client(test::client_options(endpoint));
  REQUIRE(client.put_events(watch()).has_value());
  FaultRule rule = sending_rule(Sending::ResetAfter);
  rule.times = 1;
  endpoint.add_fault(rule);
  const auto sent = client.put_events(watch());
  REQUIRE(sent.has_value());
  CHECK(sent->attempts == 2);
  CHECK(endpoint.summary().events == 3);
  CHECK(endpoint.summary().duplicate_events == 1);
}

TEST_CASE("A cut answer cannot be read, and the events are there") {
  LocalEndpoint endpoint = test::local_endpoint();
  const auto sending = GENERATE(Sending::CutInHead, Sending::CutInBody);
  const pe::Error error = error_of_one_attempt(endpoint, sending_rule(sending));
  CAPTURE(pe::to_string(error));
  CHECK(error.kind == pe::ErrorKind::Response);
  CHECK(error.retryable);
  CHECK(error.may_have_been_delivered);
  CHECK(endpoint.events().size() == 1);
}

TEST_CASE("An endless answer is given up when it is too large") {
  LocalEndpoint endpoint = test::local_endpoint();
  const pe::Error error = error_of_one_attempt(endpoint, sending_rule(Sending::Endless));
  CHECK(error.kind == pe::ErrorKind::Response);
  CHECK(error.may_have_been_delivered);
  CHECK(endpoint.events().size() == 1);
  endpoint.clear_faults();
  CHECK(pe::Client(test::client_options(endpoint)).put_events(watch()).has_value());
}

TEST_CASE("A delayed answer is a timeout for whom it is too late") {
  LocalEndpoint endpoint = test::local_endpoint();
  FaultRule rule;
  rule.delay = 60s;
  const auto before = std::chrono::steady_clock::now();
  const pe::Error error = error_of_one_attempt(endpoint, rule, 50ms);
  CHECK(std::chrono::steady_clock::now() - before < 30s);
  CHECK(error.kind == pe::ErrorKind::Timeout);
  CHECK(error.may_have_been_delivered);
  CHECK(endpoint.events().size() == 1);
}

TEST_CASE("A delayed answer comes in the end, and others do not wait for it") {
  LocalEndpoint endpoint = test::local_endpoint();
  FaultRule rule;
  rule.delay = 300ms;
  rule.times = 1;
  endpoint.add_fault(rule);
  const pe::Client client(test::client_options(endpoint));
  const auto before = std::chrono::steady_clock::now();
  auto late = std::async(std::launch::async, [&client] { return client.put_events(watch()); });
  CHECK(endpoint.wait_for(1, 30s));
  CHECK(client.put_events(watch()).has_value());
  const auto sent = late.get();
  CHECK(sent.has_value());
  CHECK(std::chrono::steady_clock::now() - before >= 300ms);
}

TEST_CASE("A dripped answer is whole in the end, or a timeout") {
  LocalEndpoint endpoint = test::local_endpoint();
  FaultRule fast = sending_rule(Sending::Dripped);
  fast.drip_interval = 0ms;
  endpoint.add_fault(fast);
  CHECK(pe::Client(test::client_options(endpoint)).put_events(watch()).has_value());
  endpoint.clear_faults();
  FaultRule slow = sending_rule(Sending::Dripped);
  slow.drip_interval = 10s;
  const pe::Error error = error_of_one_attempt(endpoint, slow, 200ms);
  CHECK(error.kind == pe::ErrorKind::Timeout);
  CHECK(error.may_have_been_delivered);
}

TEST_CASE("A wrong date keeps no events from arriving") {
  LocalEndpoint endpoint = test::local_endpoint();
  FaultRule rule;
  rule.date_offset = 1h;
  rule.times = 2;
  endpoint.add_fault(rule);
  const pe::Client client(test::client_options(endpoint));
  for (int i = 0; i < 4; ++i) CHECK(client.put_events(watch()).has_value());
  CHECK(endpoint.events().size() == 4);
}

TEST_CASE("Beyond the quota the client waits as long as it is told, and succeeds") {
  LocalEndpointOptions options;
  options.max_requests_per_second = 2;
  const LocalEndpoint endpoint = test::local_endpoint(options);
  const pe::Client client(test::client_options(endpoint));
  CHECK(client.put_events(watch())->attempts == 1);
  CHECK(client.put_events(watch())->attempts == 1);
  const auto sent = client.put_events(watch());
  REQUIRE(sent.has_value());
  CHECK(sent->attempts >= 2);
  CHECK(endpoint.events().size() == 3);
  CHECK(endpoint.requests()[2].error_code == "ThrottlingException");

  pe::ClientOptions once = test::client_options(endpoint);
  once.retry.max_attempts = 1;
  const pe::Client impatient(once);
  pe::Result<pe::PutResult> throttled = impatient.put_events(watch());
  while (throttled) throttled = impatient.put_events(watch());
  CHECK(throttled.error().throttled);
  CHECK(throttled.error().http_status == 400);
  CHECK_FALSE(throttled.error().may_have_been_delivered);
}

TEST_CASE("Stopping ends delays, drips and endless answers at once") {
  LocalEndpoint endpoint = test::local_endpoint();
  FaultRule delayed;
  delayed.delay = 1h;
  delayed.times = 1;
  endpoint.add_fault(delayed);
  FaultRule dripped = sending_rule(Sending::Dripped);
  dripped.drip_interval = 1h;
  endpoint.add_fault(dripped);
  pe::ClientOptions options = test::client_options(endpoint);
  options.retry.max_attempts = 1;
  options.attempt_timeout = 60s;
  options.call_timeout = 60s;
  const pe::Client client(options);
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&client] { static_cast<void>(client.put_events(watch())); });
  }
  std::thread waiting([&endpoint] {
    pe::HttpRequest request{"POST", endpoint.url() + "/_local/wait?events=9&timeoutMs=600000"};
    request.timeout = 60s;
    request.direct = true;
    pe::CurlTransport transport;
    static_cast<void>(transport.send(request));
  });
  CHECK(endpoint.wait_for(2, 30s));
  const auto before = std::chrono::steady_clock::now();
  endpoint.stop();
  for (std::thread& thread : threads) thread.join();
  waiting.join();
  CHECK(std::chrono::steady_clock::now() - before < 30s);
}

TEST_CASE("Anyone may ask the endpoint what arrived") {
  LocalEndpoint endpoint = test::local_endpoint();
  pe::ClientOptions options = test::client_options(endpoint);
  options.validation = pe::Validation::WellFormedOnly;
  const pe::Client client(options);
  REQUIRE(client.put_events(watch("one")).has_value());
  REQUIRE(client.put_events(watch("two")).has_value());
  REQUIRE_FALSE(client.put_events(watch(std::string(257, 'x'))).has_value());
  CHECK(local(endpoint, "GET", "summary").body ==
        R"({"requests":3,"refusedRequests":1,"events":2,"duplicateEvents":0,)"
        R"("actionInteractions":0,"users":0,"items":0,"actions":0,"faults":0})"
        "\n");
  CHECK_THAT(local(endpoint, "GET", "events?sessionId=two").body,
             test::ContainsSubstring(R"({"trackingId":"tracker","sessionId":"two","eventId":")") &&
                 !test::ContainsSubstring("one"));
  CHECK_THAT(local(endpoint, "GET", "rejected").body,
             test::ContainsSubstring(endpoint.requests().back().request_id) &&
                 test::ContainsSubstring(R"("code":"InvalidInputException","message":"sessionId: )"
                                         R"(257 characters, at most 256")"));
  CHECK(local(endpoint, "POST", "reset").status == 200);
  CHECK(local(endpoint, "GET", "events").body.empty());
  CHECK(endpoint.events().empty());
  CHECK(local(endpoint, "GET", "nothing").status == 404);
  CHECK(endpoint.summary().requests == 0);
}

TEST_CASE("A wait is answered when the events are there, and stops nobody meanwhile") {
  LocalEndpoint endpoint = test::local_endpoint();
  std::vector<std::future<pe::HttpResponse>> waits;
  for (int i = 0; i < 3; ++i) {
    waits.push_back(std::async(std::launch::async, [&endpoint] {
      return local(endpoint, "POST", "wait", R"({"events":3,"timeoutMs":50000})");
    }));
  }
  const pe::Client client(test::client_options(endpoint));
  for (int i = 0; i < 2; ++i) REQUIRE(client.put_events(watch()).has_value());
  for (auto& wait : waits) CHECK(wait.wait_for(20ms) == std::future_status::timeout);
  const auto before = std::chrono::steady_clock::now();
  REQUIRE(client.put_events(watch()).has_value());
  for (auto& wait : waits) {
    CHECK_THAT(wait.get().body, test::ContainsSubstring(R"("events":3,)"));
  }
  CHECK(std::chrono::steady_clock::now() - before < 20s);
}

TEST_CASE("A wait is answered when its time is over, and tells how far it is") {
  LocalEndpoint endpoint = test::local_endpoint();
  REQUIRE(pe::Client(test::client_options(endpoint)).put_events(watch()).has_value());
  const auto before = std::chrono::steady_clock::now();
  const auto answer = local(endpoint, "POST", "wait?events=2&timeoutMs=100");
  CHECK(std::chrono::steady_clock::now() - before >= 100ms);
  CHECK(answer.status == 200);
  CHECK_THAT(answer.body, test::ContainsSubstring(R"("events":1,)"));
}

TEST_CASE("Faults are set and taken away from outside") {
  LocalEndpoint endpoint = test::local_endpoint();
  CHECK(local(endpoint, "POST", "faults",
              R"([{"operation":"PutEvents","status":400,"code":"ValidationException"}])")
            .status == 200);
  const pe::Client client(test::client_options(endpoint));
  const auto refused = client.put_events(watch());
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == "ValidationException");
  const auto bad = local(endpoint, "POST", "faults", R"({"status":7})");
  CHECK(bad.status == 400);
  CHECK_THAT(bad.body, test::ContainsSubstring("status: expected a whole number"));
  CHECK(local(endpoint, "DELETE", "faults").status == 200);
  CHECK(client.put_events(watch()).has_value());
}
