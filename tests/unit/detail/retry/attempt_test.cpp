// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/retry/attempt.hpp"

#include <chrono>
#include <optional>

#include "catch.hpp"

namespace pe = personalize_events;
namespace retry = personalize_events::detail::retry;
using Next = retry::Decision::Next;

bool mends(const retry::Decision& decision, retry::Remedy remedy) {
  return decision.next == Next::Retry && decision.remedy == remedy;
}
using retry::FailureClass;
using namespace std::chrono_literals;

namespace {

const std::chrono::steady_clock::time_point kStart{1h};
const std::chrono::system_clock::time_point kSigned{1'767'225'600s};

retry::Failure failure_of(FailureClass failure_class) {
  retry::Failure failure;
  failure.failure_class = failure_class;
  failure.signed_at = kSigned;
  return failure;
}

retry::Failure skewed_by(std::optional<std::chrono::milliseconds> skew) {
  retry::Failure failure = failure_of(FailureClass::ClockSkew);
  if (skew) failure.service_date = kSigned + *skew;
  return failure;
}

retry::Failure rejected(bool temporary) {
  retry::Failure failure = failure_of(FailureClass::RejectedCredentials);
  failure.credentials_are_temporary = temporary;
  return failure;
}

// A call with its quota, in a time that stands still.
struct Call {
  retry::RetryQuota quota;
  retry::CallState state;

  explicit Call(retry::CallLimits limits = {}, int capacity = 500)
      : quota(capacity), state(limits, quota, kStart) {}

  retry::Decision fail(const retry::Failure& failure, std::chrono::nanoseconds at = 0ns,
                       double random = 1) {
    static_cast<void>(state.begin_attempt(kStart + at));
    return state.failed(failure, kStart + at, random);
  }
  retry::Decision fail(FailureClass failure_class) { return fail(failure_of(failure_class)); }
};

}  // namespace

TEST_CASE("A call ends after its last attempt") {
  for (const int max_attempts : {1, 2, 3, 7}) {
    CAPTURE(max_attempts);
    Call call{{max_attempts, 5s, 1h}};
    for (int attempt = 1; attempt < max_attempts; ++attempt) {
      CHECK(call.fail(FailureClass::Transient).next == Next::Retry);
      CHECK(call.state.attempts() == attempt);
    }
    CHECK(call.fail(FailureClass::Transient).next == Next::Fail);
    CHECK(call.state.attempts() == max_attempts);
    CHECK(call.quota.available() == 500 - 14 * (max_attempts - 1));
  }
}

TEST_CASE("The last attempt is final for every class of failure") {
  for (const retry::Failure& failure :
       {failure_of(FailureClass::Terminal), failure_of(FailureClass::Transient),
        failure_of(FailureClass::Throttling), skewed_by(10min), rejected(true)}) {
    Call call{{1, 5s, 10s}};
    CHECK(call.fail(failure).next == Next::Fail);
    CHECK(call.quota.available() == 500);
  }
}

TEST_CASE("The first lost kept-alive connection of a call is sent again at once, at no cost") {
  Call call{{4, 5s, 10s}};
  retry::Failure lost = failure_of(FailureClass::Transient);
  lost.lost_kept_connection = true;
  const retry::Decision first = call.fail(lost);
  CHECK(first.next == Next::Retry);
  CHECK(first.wait == 0ns);
  CHECK(first.remedy == retry::Remedy::Nothing);
  CHECK(call.quota.available() == 500);
  // The second is a failure as any other, and its wait the first.
  const retry::Decision second = call.fail(lost);
  CHECK(second.next == Next::Retry);
  CHECK(second.wait == 50ms);
  CHECK(call.quota.available() == 486);
}

TEST_CASE("A lost kept-alive connection is sent again within the bounds of the call") {
  retry::Failure lost = failure_of(FailureClass::Transient);
  lost.lost_kept_connection = true;
  CHECK(Call{{1, 5s, 10s}}.fail(lost).next == Next::Fail);
  CHECK(Call{{3, 5s, 10s}}.fail(lost, 10s).next == Next::Fail);
  CHECK(Call{{3, 5s, 10s}, 0}.fail(lost).next == Next::Retry);
  lost.failure_class = FailureClass::Terminal;
  CHECK(Call{{3, 5s, 10s}}.fail(lost).next == Next::Fail);
}

TEST_CASE("A success after a lost kept-alive connection gives back nothing that was not taken") {
  Call call{{3, 5s, 10s}};
  static_cast<void>(call.quota.acquire(100));
  retry::Failure lost = failure_of(FailureClass::Transient);
  lost.lost_kept_connection = true;
  REQUIRE(call.fail(lost).next == Next::Retry);
  static_cast<void>(call.state.begin_attempt(kStart));
  call.state.succeeded();
  CHECK(call.quota.available() == 400);
}

TEST_CASE("A terminal failure is not tried again and costs nothing") {
  Call call;
  const retry::Decision decision = call.fail(FailureClass::Terminal);
  CHECK(decision.next == Next::Fail);
  CHECK(decision.wait == 0ns);
  CHECK(call.quota.available() == 500);
}

TEST_CASE("Waits grow from retry to retry, each by its own failure") {
  Call call{{6, 5s, 1h}};
  CHECK(call.fail(FailureClass::Transient).wait == 50ms);
  CHECK(call.fail(FailureClass::Transient).wait == 100ms);
  CHECK(call.fail(FailureClass::Throttling).wait == 4s);
  CHECK(call.fail(failure_of(FailureClass::Transient), 0ns, 0.5).wait == 200ms);
  CHECK(call.fail(failure_of(FailureClass::Transient), 0ns, 0).wait == 0ns);
}

TEST_CASE("A corrected clock or new credentials do not lengthen later waits") {
  Call call{{5, 5s, 1h}};
  CHECK(mends(call.fail(skewed_by(10min)), retry::Remedy::CorrectClock));
  CHECK(mends(call.fail(rejected(true)), retry::Remedy::RefreshCredentials));
  CHECK(call.fail(FailureClass::Transient).wait == 50ms);
}

TEST_CASE("The service's hint moves the wait, and never makes a failure retryable") {
  Call call;
  retry::Failure failure = failure_of(FailureClass::Transient);
  failure.retry_after = 1500ms;
  CHECK(call.fail(failure).wait == 1500ms);
  failure.failure_class = FailureClass::Terminal;
  CHECK(call.fail(failure).next == Next::Fail);
}

TEST_CASE("An attempt may take what is left of the call") {
  Call call{{10, 5s, 12s}};
  CHECK(call.state.begin_attempt(kStart) == 5s);
  CHECK(call.state.begin_attempt(kStart + 7s) == 5s);
  CHECK(call.state.begin_attempt(kStart + 8s) == 4s);
  CHECK(call.state.begin_attempt(kStart + 11'999ms) == 1ms);
  CHECK(call.state.begin_attempt(kStart + 12s) == 0ms);
  CHECK(call.state.begin_attempt(kStart + 1h) == 0ms);
  CHECK(call.state.attempts() == 6);
  CHECK(call.state.time_left(kStart) == 12s);
  CHECK(call.state.time_left(kStart + 13s) == 0ms);
}

TEST_CASE("A call timeout shorter than an attempt's bounds the first attempt") {
  Call call{{3, 5s, 300ms}};
  CHECK(call.state.begin_attempt(kStart) == 300ms);
}

TEST_CASE("A wait that would pass the end of the call fails at once, and costs nothing") {
  Call call{{10, 5s, 10s}};
  SECTION("just before") {
    CHECK(call.fail(failure_of(FailureClass::Transient), 9'949ms).next == Next::Retry);
    CHECK(call.quota.available() == 486);
  }
  SECTION("just at") {
    CHECK(call.fail(failure_of(FailureClass::Transient), 9'950ms).next == Next::Fail);
    CHECK(call.quota.available() == 500);
  }
  SECTION("by the service's hint") {
    retry::Failure failure = failure_of(FailureClass::Transient);
    failure.retry_after = 5s;
    CHECK(call.fail(failure, 6s).next == Next::Fail);
    CHECK(call.quota.available() == 500);
  }
}

TEST_CASE("Without enough of the quota there is no retry") {
  Call call{{3, 5s, 10s}, 13};
  CHECK(call.fail(FailureClass::Transient).next == Next::Fail);
  CHECK(call.quota.available() == 13);
  CHECK(call.fail(FailureClass::Throttling).next == Next::Retry);
  CHECK(call.quota.available() == 8);
}

TEST_CASE("An empty quota holds back neither a corrected clock nor new credentials") {
  Call call{{5, 5s, 10s}, 0};
  CHECK(mends(call.fail(skewed_by(10min)), retry::Remedy::CorrectClock));
  CHECK(mends(call.fail(rejected(true)), retry::Remedy::RefreshCredentials));
  CHECK(call.fail(FailureClass::Throttling).next == Next::Fail);
}

TEST_CASE("Calls of a client share one quota") {
  retry::RetryQuota quota{20};
  retry::CallState first{{}, quota, kStart};
  retry::CallState second{{}, quota, kStart};
  static_cast<void>(first.begin_attempt(kStart));
  static_cast<void>(second.begin_attempt(kStart));
  CHECK(first.failed(failure_of(FailureClass::Transient), kStart, 1).next == Next::Retry);
  CHECK(second.failed(failure_of(FailureClass::Transient), kStart, 1).next == Next::Fail);
  static_cast<void>(first.begin_attempt(kStart));
  first.succeeded();
  CHECK(second.failed(failure_of(FailureClass::Transient), kStart, 1).next == Next::Retry);
}

TEST_CASE("A success gives back what the last retry took, a first try gives one") {
  SECTION("the first try") {
    Call call;
    REQUIRE(call.quota.acquire(100));
    static_cast<void>(call.state.begin_attempt(kStart));
    call.state.succeeded();
    CHECK(call.quota.available() == 401);
  }
  SECTION("after one retry") {
    Call call;
    static_cast<void>(call.fail(FailureClass::Throttling));
    static_cast<void>(call.state.begin_attempt(kStart));
    call.state.succeeded();
    CHECK(call.quota.available() == 500);
  }
  SECTION("after two retries, only the last") {
    Call call;
    static_cast<void>(call.fail(FailureClass::Transient));
    static_cast<void>(call.fail(FailureClass::Throttling));
    CHECK(call.quota.available() == 481);
    static_cast<void>(call.state.begin_attempt(kStart));
    call.state.succeeded();
    CHECK(call.quota.available() == 486);
  }
  SECTION("after a corrected clock, nothing") {
    Call call;
    REQUIRE(call.quota.acquire(100));
    static_cast<void>(call.fail(skewed_by(10min)));
    static_cast<void>(call.state.begin_attempt(kStart));
    call.state.succeeded();
    CHECK(call.quota.available() == 400);
  }
  SECTION("after all retries failed, nothing") {
    Call call;
    for (int attempt = 0; attempt < 3; ++attempt)
      static_cast<void>(call.fail(FailureClass::Transient));
    CHECK(call.quota.available() == 472);
  }
}

TEST_CASE("A clock is corrected from four minutes on, either way, at once, and once a call") {
  for (const auto skew : {240'000ms, -240'000ms, 3'600'000ms, -86'400'000ms}) {
    CAPTURE(skew.count());
    Call call;
    const retry::Decision decision = call.fail(skewed_by(skew));
    CHECK(mends(decision, retry::Remedy::CorrectClock));
    CHECK(decision.wait == 0ns);
    CHECK(call.quota.available() == 500);
    CHECK(call.fail(skewed_by(skew)).next == Next::Fail);
  }
  for (const auto skew : {0ms, 239'999ms, -239'999ms}) {
    CAPTURE(skew.count());
    CHECK(Call{}.fail(skewed_by(skew)).next == Next::Fail);
  }
}

TEST_CASE("Without the service's date no clock is corrected") {
  CHECK(Call{}.fail(skewed_by(std::nullopt)).next == Next::Fail);
}

TEST_CASE("A date at either end of what the clock can hold is only a date") {
  // The answer may come from anywhere; "Date: Sat, 01 Jan 0000 00:00:00 GMT" reads as the least.
  using Time = std::chrono::system_clock::time_point;
  for (const Time date : {Time::min(), Time::max()}) {
    Call call;
    retry::Failure failure = skewed_by(0ms);
    failure.service_date = date;
    CHECK_NOTHROW(call.fail(failure));
  }
}

TEST_CASE("Temporary credentials that were rejected are refreshed at once, once a call") {
  Call call;
  const retry::Decision decision = call.fail(rejected(true));
  CHECK(mends(decision, retry::Remedy::RefreshCredentials));
  CHECK(decision.wait == 0ns);
  CHECK(call.quota.available() == 500);
  CHECK(call.fail(rejected(true)).next == Next::Fail);
}

TEST_CASE("Long-term credentials that were rejected are not asked for again") {
  CHECK(Call{}.fail(rejected(false)).next == Next::Fail);
}

TEST_CASE("A clock and credentials may both be mended in one call") {
  Call call;
  CHECK(mends(call.fail(rejected(true)), retry::Remedy::RefreshCredentials));
  CHECK(mends(call.fail(skewed_by(10min)), retry::Remedy::CorrectClock));
  CHECK(call.fail(FailureClass::Transient).next == Next::Fail);  // the third of three attempts
}

TEST_CASE("A call fails with what failed, not with a retry that has no time") {
  const auto transient = failure_of(FailureClass::Transient);
  CHECK(Call{{3, 5s, 10s}}.fail(transient, 9'998ms, 0).next == Next::Retry);
  CHECK(Call{{3, 5s, 10s}}.fail(transient, 9'999'500us, 0).next == Next::Fail);
  CHECK(Call{{3, 5s, 10s}}.fail(transient, 10s, 0).next == Next::Fail);
}

TEST_CASE("A call that may take for ever has no deadline") {
  Call call{{3, 5s, std::chrono::milliseconds::max()}};
  CHECK(call.state.begin_attempt(kStart) == 5s);
  CHECK(call.state.failed(failure_of(FailureClass::Throttling), kStart + 24h, 1).next ==
        Next::Retry);
}

TEST_CASE("What the last attempt teaches is kept for later calls") {
  Call clock{{1, 5s, 10s}};
  const retry::Decision skewed = clock.fail(skewed_by(10min));
  CHECK(skewed.next == Next::Fail);
  CHECK(skewed.remedy == retry::Remedy::CorrectClock);
  Call credentials{{1, 5s, 10s}};
  const retry::Decision refused = credentials.fail(rejected(true));
  CHECK(refused.next == Next::Fail);
  CHECK(refused.remedy == retry::Remedy::RefreshCredentials);
}
