// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/testing/endpoint_handle.hpp"

#include <chrono>
#include <string>
#include <type_traits>
#include <utility>

#include "catch.hpp"
#include "personalize_events/client.hpp"
#include "personalize_events/core.hpp"
#include "support/local_endpoint.hpp"

namespace pe = personalize_events;
using namespace std::chrono_literals;
using pe::testing::LocalEndpoint;

namespace {

pe::PutEventsRequest request_of(std::size_t events) {
  pe::PutEventsRequest request{"tracker", "session"};
  request.event_list.assign(events, pe::Event{"Watch"});
  return request;
}

}  // namespace

static_assert(std::is_move_constructible_v<LocalEndpoint> &&
              !std::is_copy_constructible_v<LocalEndpoint>);

TEST_CASE("An endpoint says where it is and what to sign with") {
  pe::testing::LocalEndpointOptions options;
  options.credentials = {"AKIDOTHER", "other-secret"};
  options.region = "eu-central-1";
  const LocalEndpoint endpoint = test::local_endpoint(options);
  CHECK(endpoint.port() != 0);
  CHECK(endpoint.url() == "http://127.0.0.1:" + std::to_string(endpoint.port()));
  CHECK(endpoint.credentials().access_key_id == "AKIDOTHER");
  CHECK(endpoint.credentials().secret_access_key == "other-secret");
  CHECK(endpoint.region() == "eu-central-1");
}

TEST_CASE("Two endpoints have a port and records of their own") {
  const LocalEndpoint one = test::local_endpoint();
  const LocalEndpoint other = test::local_endpoint();
  CHECK(one.port() != other.port());
  REQUIRE(pe::Client(test::client_options(one)).put_events(request_of(3)).has_value());
  CHECK(one.wait_for(3, 0ms));
  CHECK(one.summary().events == 3);
  CHECK_FALSE(other.wait_for(1, 0ms));
  CHECK(other.requests().empty());
}

TEST_CASE("A moved endpoint goes on") {
  LocalEndpoint first = test::local_endpoint();
  const pe::Client client(test::client_options(first));
  LocalEndpoint second = std::move(first);
  CHECK(client.put_events(request_of(1)).has_value());
  first = std::move(second);
  CHECK(client.put_events(request_of(1)).has_value());
  CHECK(first.events().size() == 2);
}

TEST_CASE("A stopped endpoint takes nothing more and keeps what it took") {
  LocalEndpoint endpoint = test::local_endpoint();
  pe::ClientOptions options = test::client_options(endpoint);
  options.retry.max_attempts = 1;
  const pe::Client client(options);
  REQUIRE(client.put_events(request_of(2)).has_value());
  endpoint.stop();
  endpoint.stop();
  const auto refused = client.put_events(request_of(1));
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == pe::ErrorKind::Transport);
  CHECK(endpoint.events().size() == 2);
  CHECK(endpoint.requests().size() == 1);
  CHECK(endpoint.summary().events == 2);
}

TEST_CASE("The port of a stopped endpoint is free at once, that of a running one is not") {
  LocalEndpoint first = test::local_endpoint();
  REQUIRE(pe::Client(test::client_options(first)).put_events(request_of(1)).has_value());
  pe::testing::LocalEndpointOptions options;
  options.port = first.port();
  const auto refused = test::start_local_endpoint(options);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == pe::ErrorKind::Configuration);
  CHECK(refused.error().where == "LocalEndpointOptions::port");
  CHECK_THAT(refused.error().message, test::ContainsSubstring(std::to_string(first.port())));

  first.stop();
  const auto second = test::start_local_endpoint(options);
  REQUIRE(second.has_value());
  CHECK(second->port() == first.port());
  CHECK(pe::Client(test::client_options(*second)).put_events(request_of(1)).has_value());
  CHECK(second->events().size() == 1);
}
