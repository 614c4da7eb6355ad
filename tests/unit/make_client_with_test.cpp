// SPDX-License-Identifier: Apache-2.0
#include "personalize_events/make_client_with.hpp"

#include <future>
#include <memory>
#include <string>
#include <utility>

#include "catch.hpp"
#include "personalize_events/model/put_events.hpp"
#include "personalize_events/testing/fake_transport.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "support/raw_server.hpp"

namespace pe = personalize_events;
using test::RawServer;

namespace {

/// What both factories need, and an environment that would say otherwise.
pe::ClientOptions given() {
  auto platform = std::make_shared<pe::testing::VirtualPlatform>();
  platform->set_environment("AWS_REGION", "eu-north-1");
  platform->set_environment("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
  pe::ClientOptions options;
  options.region = "eu-west-1";
  options.credentials = pe::static_credentials({"AKIDEXAMPLE", "secret"});
  options.platform = std::move(platform);
  return options;
}

const pe::PutEventsRequest kRequest{"tracker", "session", {pe::Event{"Watch"}}};

}  // namespace

TEST_CASE("A client of given options reads no environment") {
  pe::ClientOptions options = given();
  const auto transport = std::make_shared<pe::testing::FakeTransport>();
  options.transport = transport;
  const auto client = pe::make_client_with(std::move(options));
  REQUIRE(client.has_value());
  CHECK(client->put_events(kRequest).has_value());
  REQUIRE(transport->requests().size() == 1);
  CHECK_THAT(transport->requests()[0].url,
             test::ContainsSubstring("https://personalize-events.eu-west-1.amazonaws.com"));
}

TEST_CASE("A client of given options sends over libcurl") {
  RawServer server{test::answer_each(test::http_response(200, "{}"))};
  pe::ClientOptions options = given();
  options.endpoint_url = server.url();
  const auto client = pe::make_client_with(options);
  REQUIRE(client.has_value());
  CHECK(client->put_events(kRequest).has_value());
  const auto async = pe::make_async_client_with(options);
  REQUIRE(async.has_value());
  CHECK(async->put_events(kRequest).get().has_value());
  CHECK(server.requests().size() == 2);
}

TEST_CASE("An asynchronous client of given options takes a given Transport") {
  pe::ClientOptions options = given();
  const auto transport = std::make_shared<pe::testing::FakeTransport>();
  options.transport = transport;
  const auto client = pe::make_async_client_with(std::move(options));
  REQUIRE(client.has_value());
  CHECK(client->put_events(kRequest).get().has_value());
  CHECK(transport->requests().size() == 1);
}

TEST_CASE("Options with a gap make no client") {
  const auto where = [](const pe::ClientOptions& options) {
    const auto client = pe::make_client_with(options);
    REQUIRE_FALSE(client.has_value());
    CHECK(client.error().kind == pe::ErrorKind::Configuration);
    const auto async = pe::make_async_client_with(options);
    REQUIRE_FALSE(async.has_value());
    CHECK(async.error().where == client.error().where);
    return client.error().where;
  };
  pe::ClientOptions options = given();
  options.region.clear();
  CHECK(where(options) == "region");
  options = given();
  options.credentials = nullptr;
  CHECK(where(options) == "credentials");
  options = given();
  options.endpoint_url = "ftp://host";
  CHECK(where(options) == "endpoint_url");
  options = given();
  options.app_id = "a name";
  CHECK(where(options) == "app_id");
}
