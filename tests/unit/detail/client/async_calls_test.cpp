// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/client/async_calls.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/async_world.hpp"

namespace pe = personalize_events;
using namespace std::chrono_literals;
using test::AsyncWorld;

namespace {

/// Everything that may happen to an attempt, by number.
pe::Result<pe::HttpResponse> fault(std::uint64_t number) {
  switch (number % 12) {
    case 0: return pe::HttpResponse{500};
    case 1: return pe::HttpResponse{503};
    case 2: return test::service_error(400, "ThrottlingException");
    case 3:
      return test::service_error(429, "TooManyRequestsException", {{"x-amz-retry-after", "700"}});
    case 4: return test::transport_error(pe::ErrorKind::Transport, false);
    case 5: return test::transport_error(pe::ErrorKind::Timeout, true);
    case 6: return test::service_error(400, "InvalidInputException");
    case 7:
      return test::service_error(403, "InvalidSignatureException",
                                 {{"Date", "Thu, 01 Jan 2026 02:00:00 GMT"}});
    case 8: return test::service_error(403, "ExpiredTokenException");
    case 9: return pe::HttpResponse{302};
    case 10: return test::transport_error(pe::ErrorKind::Response, true);
    default: return pe::HttpResponse{200, {{"x-amzn-RequestId", "id"}}};
  }
}

/// What a call did, as far as anyone outside can see.
struct Trace {
  std::vector<std::string> requests{};
  std::vector<std::string> attempts{};
  std::vector<std::string> results{};
  std::chrono::nanoseconds took{};
};

std::string text_of(const pe::Result<pe::PutResult>& result) {
  if (result) return result->request_id + " after " + std::to_string(result->attempts);
  const pe::Error& error = result.error();
  return to_string(error) + " after " + std::to_string(error.attempts) +
         (error.may_have_been_delivered ? " maybe" : "") + (error.retryable ? " again" : "");
}

std::string text_of(const pe::HttpRequest& request) {
  std::string text =
      request.url + " " + request.body + " " + std::to_string(request.timeout.count());
  for (const auto& [name, value] : request.headers) text += "\n" + name + ": " + value;
  return text;
}

constexpr int kCalls = 4;

/// Calls one after the other, over the same faults, as `put` makes them.
template <class World, class Put>
Trace trace(World& world, std::uint64_t seed, const Put& put) {
  Trace trace;
  world.platform->seed(seed);
  std::uint64_t state = seed * 2'654'435'761U + 17;
  for (int i = 0; i < 5 * kCalls; ++i) {
    state = state * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U;
    world.transport->reply(fault(state >> 33U));
  }
  const auto begin = world.platform->steady_now();
  for (int i = 0; i < kCalls; ++i) trace.results.push_back(text_of(put()));
  trace.took = world.platform->steady_now() - begin;
  for (const pe::HttpRequest& request : world.transport->requests()) {
    trace.requests.push_back(text_of(request));
  }
  return trace;
}

pe::ClientOptions options_with(pe::ClientOptions options, std::uint64_t seed, Trace& into) {
  options.retry.max_attempts = 1 + static_cast<int>(seed % 5);
  options.retry.mode = seed % 3 == 0 ? pe::RetryMode::Adaptive : pe::RetryMode::Standard;
  options.retry.quota = seed % 4 == 0 ? 20 : 500;
  options.on_attempt = [&into](const pe::Attempt& attempt) {
    into.attempts.push_back(std::string{attempt.operation} + " " + std::to_string(attempt.number) +
                            " " + std::to_string(attempt.http_status) +
                            (attempt.error == nullptr ? "" : " " + to_string(*attempt.error)));
  };
  return options;
}

}  // namespace

TEST_CASE("The same faults meet the same attempts through Client and AsyncClient") {
  std::size_t retried = 0;
  for (std::uint64_t seed = 1; seed <= 120; ++seed) {
    CAPTURE(seed);
    Trace told_blocking;
    test::ClientWorld blocking;
    blocking.options = options_with(blocking.options, seed, told_blocking);
    const pe::Client client = blocking.client();
    const Trace of_client =
        trace(blocking, seed, [&] { return client.put_events(test::put_events_request()); });

    Trace told_async;
    AsyncWorld async;
    async.options = options_with(async.options, seed, told_async);
    const pe::AsyncClient async_client = async.manual_client();
    const Trace of_async =
        trace(async, seed, [&] { return async.put(async_client, test::put_events_request()); });

    CHECK(of_async.results == of_client.results);
    CHECK(of_async.requests == of_client.requests);
    CHECK(told_async.attempts == told_blocking.attempts);
    CHECK(of_async.took == of_client.took);
    retried += of_client.requests.size() - std::min<std::size_t>(kCalls, of_client.requests.size());
  }
  CHECK(retried > 300);  // or it compared nothing
}

TEST_CASE("A retry waits its backoff, on the platform's clock, while other calls go on") {
  AsyncWorld world;
  world.options.retry.max_attempts = 2;
  world.transport->reply(
      test::service_error(400, "ThrottlingException", {{"x-amz-retry-after", "900"}}));
  world.transport->reply(pe::HttpResponse{200});
  const pe::AsyncClient client = world.manual_client();
  test::Results first;
  test::Results second;
  client.put_events(test::put_events_request(), first.callback());
  world.turn();
  world.turn();
  CHECK(first.count() == 0);
  CHECK(world.transport->requests().size() == 1);
  client.put_events(test::put_events_request(), second.callback());
  world.turn();
  world.turn();
  CHECK(second.count() == 1);
  CHECK(first.count() == 0);
  const auto before = world.platform->steady_now();
  world.run([&] { return first.count() == 1; });
  REQUIRE(first.all().front());
  CHECK(first.all().front()->attempts == 2);
  CHECK(world.platform->steady_now() - before >= 800ms);
}

TEST_CASE("call_timeout covers waits for the pace, the backoff and the transport") {
  AsyncWorld world;
  world.options.call_timeout = 3s;
  world.options.attempt_timeout = 2s;
  world.transport->hold();  // it never answers
  const pe::AsyncClient client = world.manual_client();
  const auto before = world.platform->steady_now();
  const auto result = world.put(client, test::put_events_request());
  REQUIRE_FALSE(result);
  CHECK(result.error().kind == pe::ErrorKind::Timeout);
  CHECK(result.error().may_have_been_delivered);
  CHECK(world.platform->steady_now() - before <= 3s + 2 * pe::detail::kTransportGrace);
}

TEST_CASE("A call that is wrong from the start is told by the loop, not within the call") {
  AsyncWorld world;
  const pe::AsyncClient client = world.manual_client();
  test::Results results;
  client.put_events({"tracking", "session", {pe::Event{""}}}, results.callback());
  CHECK(results.count() == 0);
  world.turn();
  REQUIRE(results.count() == 1);
  CHECK(results.all().front().error().kind == pe::ErrorKind::InvalidArgument);
  CHECK(results.all().front().error().where == "eventList[0].eventType");
  CHECK(world.transport->requests().empty());
}

TEST_CASE("When the loop stops every call ends with Cancelled, wherever it was") {
  AsyncWorld world;
  world.options.retry.max_attempts = 5;
  world.transport->reply(test::transport_error(pe::ErrorKind::Timeout, true));
  const pe::AsyncClient client = world.manual_client();
  test::Results waiting;  // for its backoff, after an attempt that may have been delivered
  client.put_events(test::put_events_request(), waiting.callback());
  world.turn();
  test::Results flying;
  world.transport->hold();
  client.put_events(test::put_events_request(), flying.callback());
  world.turn();
  test::Results submitted;
  client.put_events(test::put_events_request(), submitted.callback());
  world.parts().loop->stop();
  for (const auto* results : {&waiting, &flying, &submitted}) {
    REQUIRE(results->count() == 1);
    REQUIRE_FALSE(results->all().front());
    CHECK(results->all().front().error().kind == pe::ErrorKind::Cancelled);
  }
  CHECK(waiting.all().front().error().may_have_been_delivered);
  CHECK(waiting.all().front().error().attempts == 1);
  CHECK(flying.all().front().error().may_have_been_delivered);
  CHECK_FALSE(submitted.all().front().error().may_have_been_delivered);
  CHECK(submitted.all().front().error().attempts == 0);
}
