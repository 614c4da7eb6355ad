// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/options.hpp"

#include <chrono>

#include "catch.hpp"
#include "personalize_events/transport.hpp"

namespace pe = personalize_events;
using namespace std::chrono_literals;

TEST_CASE("Options of a client are empty where the environment may speak, and bounded in time") {
  const pe::ClientOptions options;
  CHECK(options.region.empty());
  CHECK(options.endpoint_url.empty());
  CHECK(options.profile.empty());
  CHECK_FALSE(options.credentials);
  CHECK(options.transport == nullptr);
  CHECK(options.async_transport == nullptr);
  CHECK(options.platform == nullptr);
  CHECK_FALSE(options.use_fips.has_value());
  CHECK_FALSE(options.use_dual_stack.has_value());
  CHECK_FALSE(options.retry.mode.has_value());
  CHECK_FALSE(options.retry.max_attempts.has_value());
  CHECK(options.attempt_timeout == 5s);
  CHECK(options.call_timeout == 10s);
  CHECK(options.validation == pe::Validation::Model);
  CHECK(options.app_id.empty());
  CHECK_FALSE(options.on_attempt);
}

TEST_CASE("An attempt without a response has no status and no error until one is told") {
  const pe::Attempt attempt{};
  CHECK(attempt.operation.empty());
  CHECK(attempt.number == 0);
  CHECK(attempt.http_status == 0);
  CHECK(attempt.error == nullptr);
  CHECK(attempt.latency == 0us);
  CHECK(attempt.bytes_sent == 0);
}

TEST_CASE("A request's own connect timeout is by default that of the options") {
  CHECK(pe::HttpOptions{}.connect_timeout == pe::HttpRequest{"GET"}.connect_timeout);
  CHECK(pe::HttpOptions{}.max_connections == 50);
}

TEST_CASE("retry options are empty until someone says otherwise, with AWS's quota") {
  const pe::RetryOptions options;
  CHECK_FALSE(options.mode.has_value());
  CHECK_FALSE(options.max_attempts.has_value());
  CHECK(options.quota == 500);
}
