// SPDX-License-Identifier: Apache-2.0
//
// The steps of an attempt one by one. What they come to in a call is in client_test.cpp.

#include "personalize_events/detail/client/call_context.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/client_world.hpp"

namespace pe = personalize_events;
using namespace std::chrono_literals;
using pe::detail::AttemptName;
using pe::detail::AttemptReport;
using pe::detail::CallContext;
using pe::detail::Carrier;

namespace {

pe::detail::CredentialsCache::Shared shared(const pe::Credentials& credentials) {
  return std::make_shared<const pe::Credentials>(credentials);
}

constexpr AttemptName kName{"PutEvents", "invocation", 2, 5};

}  // namespace

TEST_CASE("What is missing is the transport of the driver that asks") {
  test::ClientWorld world;
  CHECK(CallContext(world.options, Carrier::Transport).check_usable());
  const auto missing = CallContext(world.options, Carrier::AsyncTransport).check_usable();
  REQUIRE_FALSE(missing);
  CHECK(missing.error().kind == pe::ErrorKind::Configuration);
  CHECK(missing.error().where == "async_transport");
  CHECK_THAT(missing.error().message, test::ContainsSubstring("make_async_client"));
  world.options.async_transport = world.transport;
  world.options.transport = nullptr;
  CHECK(CallContext(world.options, Carrier::AsyncTransport).check_usable());
  CHECK_FALSE(CallContext(world.options, Carrier::Transport).check_usable());
}

TEST_CASE(
    "The User-Agent names the execution environment of AWS's runtimes, before the application") {
  using pe::detail::user_agent;
  const std::string plain = user_agent("", "");
  CHECK(plain.find("exec-env") == std::string::npos);
  CHECK(user_agent("", "AWS_ECS_FARGATE") == plain + " exec-env/AWS_ECS_FARGATE");
  CHECK(user_agent("shop", "AWS_Lambda_provided.al2") ==
        plain + " exec-env/AWS_Lambda_provided.al2 app/shop");
  CHECK(user_agent("", " \t") == plain);
  CHECK(user_agent("", " two words ") == plain + " exec-env/two-words");
  CHECK(user_agent("", "a/b#c(d)\r\nX: y,~") == plain + " exec-env/a-b-c-d---X--y,~");
  CHECK(user_agent("", "\xc3\xa4") == plain + " exec-env/--");
}

TEST_CASE("The execution environment is read once for a client, of its platform") {
  test::ClientWorld world;
  world.platform->set_environment("AWS_EXECUTION_ENV", "AWS_ECS_EC2");
  CallContext context{world.options, Carrier::Transport};
  world.platform->set_environment("AWS_EXECUTION_ENV", "later");
  for (int i = 0; i < 2; ++i) {
    auto request = context.form("/events", "{}");
    REQUIRE(request);
    const AttemptReport report =
        context.sign(*request, shared(test::temporary_credentials()), kName);
    REQUIRE_FALSE(report.error);
    CHECK_THAT(test::header(*request, "User-Agent"),
               test::ContainsSubstring(" exec-env/AWS_ECS_EC2"));
  }
}

TEST_CASE("A request is formed without what changes from attempt to attempt") {
  test::ClientWorld world;
  world.options.http.connect_timeout = 77ms;
  const CallContext context{world.options, Carrier::Transport};
  const auto formed = context.form("/events", "body");
  REQUIRE(formed);
  CHECK(formed->method == "POST");
  CHECK(formed->url == "https://personalize-events.us-east-1.amazonaws.com/events");
  CHECK(formed->body == "body");
  CHECK(formed->connect_timeout == 77ms);
  CHECK(formed->headers == pe::Headers{{"Host", "personalize-events.us-east-1.amazonaws.com"},
                                       {"Content-Type", "application/json"}});
  world.options.region = "no region";
  CHECK_FALSE(CallContext(world.options, Carrier::Transport).form("/events", "body"));
}

TEST_CASE("Signing adds what the service and its logs want, and remembers for the verdict") {
  const test::ClientWorld world;
  CallContext context{world.options, Carrier::Transport};
  auto request = context.form("/events", "{}");
  REQUIRE(request);
  const auto credentials = shared(test::temporary_credentials());
  const AttemptReport report = context.sign(*request, credentials, kName);
  CHECK_FALSE(report.error);
  CHECK_FALSE(report.was_sent);
  CHECK(report.credentials == credentials);
  CHECK(report.failure.credentials_are_temporary);
  CHECK(report.failure.signed_at == world.platform->now());
  CHECK(test::header(*request, "amz-sdk-request") == "attempt=2; max=5");
  CHECK(test::header(*request, "amz-sdk-invocation-id") == "invocation");
  CHECK_FALSE(test::header(*request, "Authorization").empty());

  auto unbounded = context.form("/events", "{}");
  const AttemptReport lasting =
      context.sign(*unbounded, shared({"id", "secret"}), {"PutEvents", "invocation", 9});
  CHECK_FALSE(lasting.failure.credentials_are_temporary);
  CHECK(test::header(*unbounded, "amz-sdk-request") == "attempt=9");
}

TEST_CASE("An answer is judged into the report, and told") {
  test::ClientWorld world;
  std::vector<std::string> told;
  world.options.on_attempt = [&](const pe::Attempt& attempt) {
    told.push_back(std::to_string(attempt.number) + " " + std::to_string(attempt.http_status) +
                   (attempt.error == nullptr ? " fine " : " failed ") +
                   std::to_string(attempt.latency.count()));
  };
  CallContext context{world.options, Carrier::Transport};
  AttemptReport good;
  context.judge(good, pe::HttpResponse{200, {{"x-amzn-RequestId", "id"}}}, kName, 3ms,
                "0123456789");
  CHECK(good.was_sent);
  CHECK_FALSE(good.error);
  CHECK_FALSE(good.failure.service_date);
  CHECK(good.request_id == "id");

  AttemptReport throttled;
  context.judge(throttled,
                test::service_error(
                    400, "ThrottlingException",
                    {{"x-amz-retry-after", "1200"}, {"Date", "Thu, 01 Jan 2026 02:00:00 GMT"}}),
                kName, 4ms, "0123456789");
  REQUIRE(throttled.error);
  CHECK(throttled.failure.failure_class == pe::detail::retry::FailureClass::Throttling);
  CHECK(throttled.failure.retry_after == 1200ms);
  CHECK(throttled.failure.service_date.has_value());

  AttemptReport broken;
  context.judge(broken, test::transport_error(), kName, 5ms, "0123456789");
  REQUIRE(broken.error);
  CHECK(broken.failure.failure_class == pe::detail::retry::FailureClass::Transient);
  CHECK(told ==
        std::vector<std::string>{"2 200 fine 3000", "2 400 failed 4000", "2 0 failed 5000"});
}

TEST_CASE("Only the service sets the service date, on success and on refusal") {
  const test::ClientWorld world;
  CallContext context{world.options, Carrier::Transport};
  const auto judged = [&](int status, std::string body, pe::Headers headers) {
    headers.emplace_back("Date", "Thu, 01 Jan 2026 02:00:00 GMT");
    headers.emplace_back("x-amz-retry-after", "1200");
    AttemptReport report;
    context.judge(report, pe::HttpResponse{status, std::move(headers), std::move(body)}, kName, 1ms,
                  "{");
    CHECK(report.failure.service_date.has_value() == report.failure.retry_after.has_value());
    return report;
  };
  CHECK(judged(200, "", {}).failure.service_date);
  CHECK(judged(200, "<html>", {{"x-amzn-RequestId", "id"}}).failure.service_date);
  CHECK(judged(400, "", {{"x-amzn-RequestId", "id"}}).failure.service_date);
  CHECK(judged(503, R"({"__type":"X"})", {}).failure.service_date);
  for (const int status : {200, 302, 400, 403, 407, 503}) {
    CAPTURE(status);
    const AttemptReport report = judged(status, "<html>", {});
    CHECK_FALSE(report.failure.service_date);
    CHECK(report.was_sent);
  }
  AttemptReport redirected = judged(302, "", {{"x-amzn-RequestId", "id"}});
  CHECK_FALSE(redirected.failure.service_date);
}

TEST_CASE("What fails within this process was not sent, and no event is to blame for it") {
  const test::ClientWorld world;
  CallContext context{world.options, Carrier::Transport};
  const auto judged = [&](pe::ErrorKind kind, const char* code, bool connected = false) {
    pe::Error error = pe::detail::make_error(kind, "headers[3]", "refused");
    error.code = code;
    error.connected = connected;
    error.may_have_been_delivered = connected;
    error.retryable = true;
    AttemptReport report;
    context.judge(report, error, kName, 1ms, "{");
    REQUIRE(report.error);
    CHECK(report.error->kind != pe::ErrorKind::InvalidArgument);
    return report;
  };
  CHECK(judged(pe::ErrorKind::InvalidArgument, "").error->kind == pe::ErrorKind::Configuration);
  for (const pe::ErrorKind kind : {pe::ErrorKind::InvalidArgument, pe::ErrorKind::Configuration,
                                   pe::ErrorKind::Credentials, pe::ErrorKind::Signing}) {
    CHECK_FALSE(judged(kind, "").was_sent);
  }
  for (const char* code : {"NoDescriptors", "NoMemory"}) {
    const AttemptReport report = judged(pe::ErrorKind::Transport, code);
    CHECK_FALSE(report.was_sent);
    CHECK(report.failure.failure_class == pe::detail::retry::FailureClass::Transient);
    CHECK(judged(pe::ErrorKind::Transport, code, true).was_sent);
  }
  CHECK(judged(pe::ErrorKind::Transport, "").was_sent);
  CHECK(judged(pe::ErrorKind::Timeout, "", true).was_sent);
}

TEST_CASE("The service's time is the platform's until it is corrected") {
  const test::ClientWorld world;
  CallContext context{world.options, Carrier::Transport};
  CHECK(context.service_now() == world.platform->now());
  context.correct_clock(world.platform->now() - 2h);
  CHECK(context.service_now() == world.platform->now() - 2h);
  world.platform->advance(1min);
  CHECK(context.service_now() == world.platform->now() - 2h);
}

TEST_CASE("A leave to send that is given back holds nobody back") {
  test::ClientWorld world;
  CallContext standard{world.options, Carrier::Transport};
  AttemptReport throttled;
  standard.judge(throttled, test::service_error(400, "ThrottlingException"), kName, 1ms, "{");
  CHECK(standard.hold_back() == 0ns);  // only the adaptive mode does

  world.options.retry.mode = pe::RetryMode::Adaptive;
  CallContext adaptive{world.options, Carrier::Transport};
  CHECK(adaptive.hold_back() == 0ns);
  world.platform->advance(2s);
  adaptive.judge(throttled, test::service_error(400, "ThrottlingException"), kName, 1ms, "{");
  const auto first = adaptive.hold_back();
  CHECK(first > 0ns);
  adaptive.give_back_leave();
  CHECK(adaptive.hold_back() == first);
  CHECK(adaptive.hold_back() > first);
}

TEST_CASE("The body of a call is checked, and has the ids and times that lacked") {
  const test::ClientWorld world;
  const CallContext context{world.options, Carrier::Transport};
  const auto body = body_of(context, pe::PutEventsRequest{"t", "s", {pe::Event{"Watch"}}});
  REQUIRE(body);
  CHECK_THAT(*body, test::ContainsSubstring(R"("sentAt":1767225600)"));
  CHECK_THAT(*body, test::ContainsSubstring(R"("eventId":")"));
  const auto bad = body_of(context, pe::PutEventsRequest{"t", "s", {pe::Event{""}}});
  REQUIRE_FALSE(bad);
  CHECK(bad.error().where == "eventList[0].eventType");
}

TEST_CASE("Fractions are from 0 to 1") {
  const test::ClientWorld world;
  const CallContext context{world.options, Carrier::Transport};
  double least = 1;
  double most = 0;
  for (int i = 0; i < 1000; ++i) {
    const double fraction = context.random_fraction();
    least = std::min(least, fraction);
    most = std::max(most, fraction);
  }
  CHECK(least >= 0);
  CHECK(least < 0.1);
  CHECK(most <= 1);
  CHECK(most > 0.9);
}
