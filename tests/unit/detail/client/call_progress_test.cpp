// SPDX-License-Identifier: Apache-2.0
//
// What a call does between its attempts. The rules of retries are in retry/attempt_test.cpp.

#include "personalize_events/detail/client/call_progress.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "catch.hpp"
#include "support/client_world.hpp"

namespace pe = personalize_events;
using namespace std::chrono_literals;
using pe::detail::AttemptReport;
using pe::detail::CallContext;
using pe::detail::CallProgress;
using pe::detail::Carrier;

namespace {

AttemptReport failed(pe::detail::retry::FailureClass failure_class,
                     bool may_have_been_delivered = false) {
  AttemptReport report;
  report.error = test::transport_error(pe::ErrorKind::Transport, may_have_been_delivered);
  report.failure.failure_class = failure_class;
  report.was_sent = true;
  return report;
}

}  // namespace

TEST_CASE("A call counts its attempts, and names each") {
  const test::ClientWorld world;
  CallContext context{world.options, Carrier::Transport};
  CallProgress call{context, "PutEvents"};
  CHECK(call.begin_attempt() == 5000ms);
  CHECK(call.attempt().operation == "PutEvents");
  CHECK(call.attempt().number == 1);
  CHECK(call.attempt().max_attempts == 3);
  const std::string id{call.attempt().invocation_id};
  CHECK(id.size() == 36);
  CallProgress::Next next = call.after(failed(pe::detail::retry::FailureClass::Transient, true));
  CHECK_FALSE(next.result);
  CHECK(call.begin_attempt() == 5000ms);
  CHECK(call.attempt().number == 2);
  CHECK(call.attempt().invocation_id == id);
  AttemptReport good;
  good.was_sent = true;
  good.request_id = "id";
  next = call.after(std::move(good));
  REQUIRE(next.result);
  REQUIRE(*next.result);
  CHECK((*next.result)->attempts == 2);
  CHECK((*next.result)->request_id == "id");
}

TEST_CASE("The error of a call counts what was sent, and what may have been delivered ever") {
  const test::ClientWorld world;
  CallContext context{world.options, Carrier::Transport};
  CallProgress call{context, "PutEvents"};
  static_cast<void>(call.begin_attempt());
  REQUIRE_FALSE(call.after(failed(pe::detail::retry::FailureClass::Transient, true)).result);
  static_cast<void>(call.begin_attempt());
  const auto next =
      call.after(pe::detail::without_credentials(pe::credentials_error("the vault is sealed")));
  REQUIRE(next.result);
  REQUIRE_FALSE(*next.result);
  CHECK(next.result->error().kind == pe::ErrorKind::Credentials);
  CHECK(next.result->error().attempts == 1);
  CHECK(next.result->error().may_have_been_delivered);
}

TEST_CASE("What a failure teaches is applied for all later calls") {
  test::ClientWorld world;
  int asked = 0;
  world.options.credentials = [&]() -> pe::Result<pe::Credentials> {
    ++asked;
    return test::temporary_credentials();
  };
  CallContext context{world.options, Carrier::Transport};
  CallProgress call{context, "PutEvents"};
  static_cast<void>(call.begin_attempt());
  AttemptReport skewed = failed(pe::detail::retry::FailureClass::ClockSkew);
  skewed.failure.signed_at = world.platform->now();
  skewed.failure.service_date = world.platform->now() + 1h;
  const auto next = call.after(std::move(skewed));
  CHECK_FALSE(next.result);
  CHECK(next.wait == 0ns);
  CHECK(context.service_now() == world.platform->now() + 1h);

  const auto credentials = context.credentials()->get(1s);
  REQUIRE(credentials);
  static_cast<void>(call.begin_attempt());
  AttemptReport rejected = failed(pe::detail::retry::FailureClass::RejectedCredentials);
  rejected.failure.credentials_are_temporary = true;
  rejected.credentials = *credentials;
  CHECK_FALSE(call.after(std::move(rejected)).result);
  REQUIRE(context.credentials()->get(1s));
  CHECK(asked == 2);
}

TEST_CASE("A call that is held back beyond its time gives its leave back") {
  test::ClientWorld world;
  world.options.retry.mode = pe::RetryMode::Adaptive;
  world.options.call_timeout = 100ms;
  CallContext context{world.options, Carrier::Transport};
  AttemptReport throttled;
  world.platform->advance(2s);
  context.judge(throttled, test::service_error(400, "ThrottlingException"), {"PutEvents", "id"},
                1ms, "{");
  CallProgress call{context, "PutEvents"};
  for (int i = 0; i < 5; ++i) {
    const auto hold = call.hold_back();
    REQUIRE_FALSE(hold);
    CHECK(hold.error().kind == pe::ErrorKind::Timeout);
    CHECK(hold.error().retryable);
  }
  CHECK(context.hold_back() < 5s);  // those five do not stand before it
  CHECK(call.time_left() == 100ms);
}
