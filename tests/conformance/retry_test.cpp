// SPDX-License-Identifier: Apache-2.0
//
// The retry behaviour 2.1 of botocore's own tests: waits, quota, request headers and classes.

#include <algorithm>
#include <chrono>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/client.hpp"
#include "personalize_events/core.hpp"
#include "personalize_events/detail/json/reader.hpp"
#include "personalize_events/detail/retry/attempt.hpp"
#include "support/client_world.hpp"
#include "support/conformance.hpp"

namespace pe = personalize_events;
using test::member;
namespace retry = personalize_events::detail::retry;
using retry::FailureClass;
using namespace std::chrono_literals;

namespace {

const std::chrono::steady_clock::time_point kStart{1h};

int number(const pe::detail::json::Value& value) {
  REQUIRE(value.is(pe::detail::json::Value::Type::Number));
  return std::stoi(value.text);
}
int number(const pe::detail::json::Value& object, const char* name) {
  return number(member(object, name));
}

std::string text_of(const pe::detail::json::Value& object, const char* name) {
  const std::string* found = object.find_string(name);
  REQUIRE(found != nullptr);
  return *found;
}

retry::Failure failure_of(const pe::HttpResponse& response) {
  const auto error = pe::detail::wire::error_of(response, pe::detail::wire::Connection::Trusted);
  REQUIRE(error.has_value());
  retry::Failure failure;
  failure.failure_class = retry::classify(*error);
  failure.retry_after = pe::detail::wire::retry_after_of(response);
  return failure;
}

// A call whose quota was drawn down to `available`.
struct Call {
  retry::RetryQuota quota;
  retry::CallState state;

  explicit Call(int capacity, int available, int max_attempts = 3)
      : quota(capacity), state({max_attempts, 5s, 1h}, quota, kStart) {
    REQUIRE(quota.acquire(capacity - available));
    static_cast<void>(state.begin_attempt(kStart));
  }
  retry::Decision fail(const retry::Failure& failure) {
    const retry::Decision decision = state.failed(failure, kStart, 1);
    if (decision.next == retry::Decision::Next::Retry) {
      static_cast<void>(state.begin_attempt(kStart));
    }
    return decision;
  }
};

bool is_retry(const retry::Decision& decision) {
  return decision.next == retry::Decision::Next::Retry;
}

}  // namespace

TEST_CASE("waits, quota and limits are those of retry behaviour 2.1") {
  const pe::detail::json::Value vectors = test::read_vectors("protocol/retry_vectors.json");
  const pe::detail::json::Value& rules = member(vectors, "v2_1");
  std::size_t count = 0;

  CHECK(pe::RetryOptions{}.quota == number(rules, "capacity"));
  CHECK(retry::kTransientCost == number(rules, "cost_transient"));
  CHECK(retry::kThrottlingCost == number(rules, "cost_throttling"));
  CHECK(retry::kFirstTryRefund == number(rules, "refund_first_try_success"));
  const pe::detail::json::Value& bases = member(rules, "base_ms");
  CHECK(retry::kTransientBase.count() == number(bases, "transient"));
  CHECK(retry::kThrottlingBase.count() == number(bases, "throttling"));
  CHECK(retry::kMaxBackoff.count() == number(rules, "max_backoff_ms"));
  CHECK(retry::CallLimits{}.max_attempts == number(rules, "max_attempts"));
  count += 8;

  for (const auto& [name, failure_class] :
       {std::pair{"backoff_rand1_transient_ms", FailureClass::Transient},
        std::pair{"backoff_rand1_throttling_ms", FailureClass::Throttling}}) {
    CAPTURE(name);
    const auto& waits = member(rules, name).items;
    Call call{500, 500, static_cast<int>(waits.size()) + 1};
    for (std::size_t i = 0; i < waits.size(); ++i) {
      CAPTURE(i);
      ++count;
      const std::chrono::milliseconds expected{number(waits[i])};
      CHECK(retry::backoff_delay(failure_class, static_cast<int>(i), 1, {}) == expected);
      CHECK(retry::backoff_delay(failure_class, static_cast<int>(i), 0.5, {}) == expected / 2);
      CHECK(retry::backoff_delay(failure_class, static_cast<int>(i), 0, {}) == 0ms);
      retry::Failure failure;
      failure.failure_class = failure_class;
      CHECK(call.fail(failure).wait == expected);
    }
  }

  for (const pe::detail::json::Value& vector :
       member(rules, "retry_after_cases_attempt1_status500_rand1").items) {
    ++count;
    const std::string hint = text_of(vector, "x-amz-retry-after");
    CAPTURE(hint);
    Call call{500, 500};
    const retry::Decision decision =
        call.fail(failure_of({500, {{"X-Amz-Retry-After", hint}}, ""}));
    CHECK(is_retry(decision));
    CHECK(decision.wait == std::chrono::milliseconds{number(vector, "delay_ms")});
    CHECK(call.quota.available() == number(vector, "quota_after_acquire"));
    call.state.succeeded();
    CHECK(call.quota.available() == number(vector, "quota_after_success"));
  }
  test::report_conformance_cases(count, "v2_1 of protocol/retry_vectors.json: limits and waits");
}

TEST_CASE("the quota is drawn and given back as in retry behaviour 2.1") {
  const pe::detail::json::Value vectors = test::read_vectors("protocol/retry_vectors.json");
  const retry::Failure throttled =
      failure_of({400, {{"x-amzn-ErrorType", "ThrottlingException"}}, ""});
  const retry::Failure transient = failure_of({500, {}, ""});
  pe::Error read_timeout = pe::detail::make_error(pe::ErrorKind::Timeout, "host", "no answer");
  read_timeout.retryable = true;
  retry::Failure timeout;
  timeout.failure_class = retry::classify(read_timeout);

  std::size_t count = 0;
  for (const pe::detail::json::Value& vector :
       member(member(vectors, "v2_1"), "quota_cases").items) {
    ++count;
    const std::string name = text_of(vector, "name");
    CAPTURE(name);
    if (name == "throttling error" || name == "transient/status error" || name == "read timeout") {
      const retry::Failure& failure = name == "throttling error" ? throttled
                                      : name == "read timeout"   ? timeout
                                                                 : transient;
      Call call{500, 500};
      CHECK(is_retry(call.fail(failure)));
      CHECK(500 - call.quota.available() == number(vector, "acquired"));
      CHECK(call.quota.available() == number(vector, "remaining"));
      call.state.succeeded();
      if (vector.find("after_2xx") != nullptr) {
        CHECK(call.quota.available() == number(vector, "after_2xx"));
      }
    } else if (name == "all retries failed (final status 500)") {
      Call call{500, 500, 2};
      CHECK(is_retry(call.fail(transient)));
      CHECK(500 - call.quota.available() == number(vector, "acquired"));
      CHECK(call.quota.available() == number(vector, "remaining"));
      CHECK_FALSE(is_retry(call.fail(transient)));
      CHECK(call.quota.available() == number(vector, "after_final"));
    } else if (name == "success without retry") {
      Call call{500, number(vector, "start")};
      call.state.succeeded();
      CHECK(call.quota.available() == number(vector, "after_2xx"));
    } else if (name == "capacity 14: first retry ok, second refused") {
      const int capacity = number(vector, "initial_capacity");
      Call call{capacity, capacity};
      for (const pe::detail::json::Value& acquires : member(vector, "acquire").items) {
        CHECK(is_retry(call.fail(transient)) == acquires.boolean);
      }
    } else if (name == "single non-retryable 400 gives nothing back") {
      Call call{500, number(vector, "start")};
      CHECK_FALSE(is_retry(call.fail(failure_of({400, {}, ""}))));
      CHECK(call.quota.available() == number(vector, "after"));
    } else {
      FAIL("a case that this test does not know");
    }
  }
  test::report_conformance_cases(count, "quota_cases of protocol/retry_vectors.json");
}

TEST_CASE("each attempt says its number and the most") {
  const pe::detail::json::Value vectors = test::read_vectors("protocol/retry_vectors.json");
  const auto& expected = member(member(vectors, "v2_1"), "request_header").items;
  test::ClientWorld world;
  world.transport->reply(pe::HttpResponse{500});
  CHECK_FALSE(world.client().put_events(test::put_events_request()).has_value());
  const std::vector<pe::HttpRequest> requests = world.transport->requests();
  REQUIRE(requests.size() == expected.size());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const std::string value = test::header(requests[i], "amz-sdk-request");
    // The first vector is the whole line, the others its value.
    CHECK((expected[i].text == value || expected[i].text == "amz-sdk-request: " + value));
  }
  test::report_conformance_cases(requests.size(), "request_header of protocol/retry_vectors.json");
}

TEST_CASE("failures are of the classes of the AWS SDKs") {
  const pe::detail::json::Value vectors = test::read_vectors("protocol/retry_vectors.json");
  const pe::detail::json::Value& classes = member(vectors, "classification");
  std::size_t count = 0;
  std::vector<std::string> known;
  const auto check_codes = [&](const char* name, FailureClass expected) {
    for (const pe::detail::json::Value& code : member(classes, name).items) {
      ++count;
      CAPTURE(code.text);
      known.push_back(code.text);
      for (const int status : {400, 403, 500, 503}) {
        CHECK(retry::classify(pe::ErrorKind::Service, code.text, status, false) == expected);
      }
      CHECK(failure_of({400, {{"x-amzn-errortype", code.text}}, ""}).failure_class == expected);
    }
  };
  check_codes("throttling_codes", FailureClass::Throttling);
  check_codes("transient_codes", FailureClass::Transient);
  check_codes("clock_skew_codes_js_v3", FailureClass::ClockSkew);
  CHECK(known.size() == std::size(retry::kThrottlingCodes) + std::size(retry::kTransientCodes) +
                            std::size(retry::kClockSkewCodes));
  for (const pe::detail::json::Value& code : member(classes, "transient_codes_sts_only").items) {
    ++count;
    CHECK(retry::classify(pe::ErrorKind::Service, code.text, 400, false) == FailureClass::Terminal);
  }
  std::vector<int> transient;
  for (const pe::detail::json::Value& status : member(classes, "transient_status").items) {
    ++count;
    transient.push_back(number(status));
  }
  for (int status = 100; status < 600; ++status) {
    CAPTURE(status);
    const bool is_transient =
        std::find(transient.begin(), transient.end(), status) != transient.end();
    CHECK(retry::classify(pe::ErrorKind::Service, "", status, false) ==
          (is_transient ? FailureClass::Transient : FailureClass::Terminal));
  }
  test::report_conformance_cases(count, "classification of protocol/retry_vectors.json");
}
