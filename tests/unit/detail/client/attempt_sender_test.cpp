// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/client/attempt_sender.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/async_world.hpp"

namespace pe = personalize_events;
using namespace std::chrono_literals;
using pe::detail::AttemptOrder;
using pe::detail::AttemptReport;
using pe::detail::AttemptSender;

namespace {

struct World : test::AsyncWorld {
  std::vector<AttemptReport> reports{};
  pe::AsyncClient client = pe::AsyncClient{pe::ClientOptions{}};

  /// With the options as they are by now.
  AttemptSender& sender() {
    if (core == nullptr) client = manual_client();
    return *parts().sender;
  }
  static AttemptOrder order() {
    AttemptOrder order;
    order.operation = "PutEvents";
    order.path = "/events";
    order.body = "{}";
    order.invocation_id = "invocation";
    return order;
  }
  AttemptSender::Done done() {
    return [this](AttemptReport report) { reports.push_back(std::move(report)); };
  }
  std::uint64_t start() { return sender().start(order(), done()); }
  void run_until(std::size_t count) {
    run([&] { return reports.size() >= count; });
  }
};

}  // namespace

TEST_CASE("An attempt is formed, signed, sent and judged") {
  World world;
  std::vector<std::string> told;
  world.options.on_attempt = [&](const pe::Attempt& attempt) {
    told.push_back(std::string{attempt.operation} + " " + std::to_string(attempt.number) + " " +
                   std::to_string(attempt.http_status) + " " + std::to_string(attempt.bytes_sent));
  };
  world.transport->reply(pe::HttpResponse{200, {{"x-amzn-RequestId", "id"}}});
  AttemptOrder order = World::order();
  order.number = 2;
  order.max_attempts = 5;
  world.sender().start(order, world.done());
  CHECK(world.sender().in_flight() == 1);
  CHECK(world.reports.empty());
  world.run_until(1);
  const AttemptReport& report = world.reports.front();
  CHECK_FALSE(report.error);
  CHECK(report.was_sent);
  CHECK(report.request_id == "id");
  CHECK(report.body == "{}");
  REQUIRE(report.credentials != nullptr);
  CHECK(report.failure.credentials_are_temporary);
  CHECK(world.sender().in_flight() == 0);

  REQUIRE(world.transport->requests().size() == 1);
  const pe::HttpRequest request = world.transport->requests().front();
  CHECK(request.url == "https://personalize-events.us-east-1.amazonaws.com/events");
  CHECK(request.body == "{}");
  CHECK(request.timeout == 5000ms);
  CHECK(test::header(request, "amz-sdk-invocation-id") == "invocation");
  CHECK(test::header(request, "amz-sdk-request") == "attempt=2; max=5");
  CHECK_THAT(test::header(request, "User-Agent"),
             test::ContainsSubstring("personalize-events-cpp"));
  CHECK_THAT(test::header(request, "Authorization"), test::ContainsSubstring("AKIDMARKER"));
  CHECK(told == std::vector<std::string>{"PutEvents 2 200 2"});
}

TEST_CASE("An attempt without a bound names none") {
  World world;
  world.start();
  world.run_until(1);
  CHECK(test::header(world.transport->requests().at(0), "amz-sdk-request") == "attempt=1");
}

TEST_CASE("A failure is judged for the retry that others decide") {
  World world;
  world.transport->reply(
      test::service_error(429, "ThrottlingException", {{"x-amz-retry-after", "1500"}}));
  world.start();
  world.run_until(1);
  const AttemptReport& report = world.reports.front();
  REQUIRE(report.error);
  CHECK(report.error->throttled);
  CHECK(report.failure.failure_class == pe::detail::retry::FailureClass::Throttling);
  CHECK(report.failure.retry_after == 1500ms);
  CHECK(report.body == "{}");
}

TEST_CASE("A source that cannot supply credentials ends every attempt that waits for them") {
  World world;
  int asked = 0;
  world.options.credentials = [&]() -> pe::Result<pe::Credentials> {
    ++asked;
    return pe::credentials_error("vault sealed");
  };
  world.start();
  CHECK(world.reports.empty());  // never within start
  world.run_until(1);
  REQUIRE(world.reports.front().error);
  CHECK(world.reports.front().error->kind == pe::ErrorKind::Credentials);
  CHECK_FALSE(world.reports.front().was_sent);
  CHECK(world.reports.front().body == "{}");
  CHECK(asked == 1);
  CHECK(world.transport->requests().empty());
}

TEST_CASE("Options that are not all that a call needs end every attempt") {
  World world;
  world.options.region.clear();
  world.start();
  CHECK(world.reports.empty());
  world.run_until(1);
  REQUIRE(world.reports.front().error);
  CHECK(world.reports.front().error->kind == pe::ErrorKind::Configuration);
  CHECK(world.reports.front().error->where == "region");
}

TEST_CASE("An attempt that is cancelled in flight ends with what its transport knows") {
  World world;
  world.transport->hold();
  const std::uint64_t id = world.start();
  world.turn();
  world.sender().cancel(id);
  CHECK(world.reports.empty());  // never within cancel
  world.run_until(1);
  REQUIRE(world.reports.front().error);
  CHECK(world.reports.front().error->kind == pe::ErrorKind::Cancelled);
  CHECK(world.reports.front().error->may_have_been_delivered);
  world.sender().cancel(id);  // it has ended
  world.sender().cancel(99);  // there is none
  world.turn();
  CHECK(world.reports.size() == 1);
}

TEST_CASE("A transport that does not keep the timeout does not keep the attempt") {
  World world;
  world.transport->hold();
  world.start();
  const auto begin = world.platform->steady_now();
  world.run_until(1);
  REQUIRE(world.reports.front().error);
  CHECK(world.reports.front().error->kind == pe::ErrorKind::Timeout);
  CHECK(world.reports.front().error->retryable);
  CHECK(world.reports.front().error->may_have_been_delivered);
  CHECK(world.reports.front().was_sent);
  CHECK(world.platform->steady_now() - begin == 5000ms + pe::detail::kTransportGrace);
  world.transport->release();
  world.turn();
  CHECK(world.reports.size() == 1);  // what comes later comes too late
}

TEST_CASE("A Done may start the next attempt, and an empty one is not called") {
  World world;
  world.sender().start(World::order(), {});
  world.sender().start(World::order(), [&](AttemptReport report) {
    AttemptOrder again = World::order();
    again.number = 2;
    again.body = std::move(report.body);
    world.sender().start(std::move(again), world.done());
  });
  world.run_until(1);
  CHECK(world.transport->requests().size() == 3);
  CHECK(world.reports.front().body == "{}");
}

TEST_CASE("When the loop stops every attempt ends with Cancelled") {
  World world;
  world.transport->hold();
  world.start();
  world.start();
  world.turn();
  world.parts().loop->stop();
  REQUIRE(world.reports.size() == 2);
  for (const AttemptReport& report : world.reports) {
    REQUIRE(report.error);
    CHECK(report.error->kind == pe::ErrorKind::Cancelled);
    CHECK(report.error->may_have_been_delivered);
  }
  CHECK(world.sender().in_flight() == 0);
}
