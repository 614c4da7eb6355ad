// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/flights.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/recorder/batcher.hpp"
#include "support/async_world.hpp"
#include "support/recorder_events.hpp"

namespace pe = personalize_events;
using namespace std::chrono_literals;
using pe::detail::AttemptReport;
using pe::detail::Batch;
using pe::detail::BatchAnswer;

namespace {

/// Batches of a session each, and the answers that they land with.
struct World : test::AsyncWorld {
  World() { static_cast<void>(manual_client()); }

  pe::detail::Flights& flights() {
    if (!flights_) flights_.emplace(parts().context, parts().sender);
    return *flights_;
  }
  Batch batch(const std::string& session, std::uint16_t attempts_before = 0) {
    batcher.add(test::pending(session, "", "a"));
    const std::optional<Batch> made = batcher.next();
    REQUIRE(made.has_value());
    made->session().events.front().attempts = attempts_before;
    return *made;
  }
  void start(const Batch& one) {
    flights().start(one, "{}", [this](const Batch& landed, AttemptReport report) {
      flights().remove(landed);
      sessions.emplace_back(landed.first().session_id());
      answers.push_back(pe::detail::take_answer(report));
    });
  }
  void run_until(std::size_t count) {
    run([&] { return answers.size() >= count; });
  }

  pe::detail::Batcher batcher{0ms};
  std::optional<pe::detail::Flights> flights_{};
  std::vector<std::string> sessions{};
  std::vector<BatchAnswer> answers{};
};

}  // namespace

TEST_CASE("a batch is posted once, as the attempt that it is, and lands with its answer") {
  World world;
  world.transport->reply(pe::HttpResponse{200, {{"x-amzn-RequestId", "id"}}});
  world.start(world.batch("visit", 2));
  CHECK(world.answers.empty());
  world.run_until(1);
  CHECK(world.sessions == std::vector<std::string>{"visit"});
  CHECK_FALSE(world.answers[0].error.has_value());
  CHECK(world.answers[0].was_sent);
  CHECK(world.answers[0].request_id == "id");
  CHECK(world.answers[0].credentials_are_temporary);

  REQUIRE(world.transport->requests().size() == 1);
  const pe::HttpRequest request = world.transport->requests().front();
  CHECK(request.url == "https://personalize-events.us-east-1.amazonaws.com/events");
  CHECK(request.body == "{}");
  CHECK(request.timeout == world.options.attempt_timeout);
  // How often the recorder will try is not bounded by a number.
  CHECK(test::header(request, "amz-sdk-request") == "attempt=3");
  CHECK(test::header(request, "amz-sdk-invocation-id").size() == 36);
}

TEST_CASE("a failure lands with all that decides about the next attempt") {
  World world;
  world.transport->reply(test::service_error(
      429, "ThrottlingException",
      {{"x-amz-retry-after", "1500"}, {"Date", "Sun, 29 Nov 2026 06:00:00 GMT"}}));
  const auto signed_at = world.platform->now();
  world.start(world.batch("visit"));
  world.run_until(1);
  const BatchAnswer& answer = world.answers[0];
  REQUIRE(answer.error.has_value());
  CHECK(answer.error->throttled);
  CHECK(answer.retry_after == 1500ms);
  CHECK(answer.service_date == std::chrono::system_clock::time_point{1'795'932'000s});
  CHECK(answer.signed_at == signed_at);
}

TEST_CASE("an answer leaves in the report what a remedy needs") {
  AttemptReport report;
  report.error = pe::detail::make_error(pe::ErrorKind::Service, "PutEvents", "refused");
  report.failure.service_date = std::chrono::system_clock::time_point{5s};
  report.credentials = std::make_shared<const pe::Credentials>();
  const BatchAnswer answer = pe::detail::take_answer(report);
  CHECK(answer.error.has_value());
  CHECK(answer.service_date == report.failure.service_date);
  CHECK(report.credentials != nullptr);
}

TEST_CASE("batches that are cancelled land soon, those that have landed are forgotten") {
  World world;
  world.start(world.batch("first"));
  world.run_until(1);
  world.transport->hold();
  world.start(world.batch("second"));
  world.start(world.batch("third"));
  world.turn();
  CHECK(world.answers.size() == 1);
  world.flights().cancel();
  world.run_until(3);
  CHECK(world.sessions == std::vector<std::string>{"first", "second", "third"});
  for (const std::size_t cancelled : {1U, 2U}) {
    REQUIRE(world.answers[cancelled].error.has_value());
    CHECK(world.answers[cancelled].error->kind == pe::ErrorKind::Cancelled);
  }
  world.flights().cancel();
  CHECK(world.answers.size() == 3);
}
