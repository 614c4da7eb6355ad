// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/make_recorder.hpp"

#include <chrono>
#include <memory>

#include "catch.hpp"
#include "personalize_events/testing/fake_transport.hpp"
#include "personalize_events/testing/virtual_platform.hpp"

namespace pe = personalize_events;

namespace {

struct World {
  std::shared_ptr<pe::testing::FakeTransport> transport =
      std::make_shared<pe::testing::FakeTransport>();
  std::shared_ptr<pe::testing::VirtualPlatform> platform =
      std::make_shared<pe::testing::VirtualPlatform>();

  World() {
    platform->set_environment("AWS_EC2_METADATA_DISABLED", "true");
    platform->set_environment("AWS_ACCESS_KEY_ID", "AKIDENVIRONMENT");
    platform->set_environment("AWS_SECRET_ACCESS_KEY", "secret");
  }
  pe::ClientOptions client() const {
    pe::ClientOptions options;
    options.async_transport = transport;
    options.platform = platform;
    return options;
  }
};

pe::RecorderOptions manual() {
  pe::RecorderOptions options = pe::RecorderOptions::server("tracker");
  options.driver = pe::Driver::Manual;
  return options;
}

}  // namespace

TEST_CASE("a recorder finds what its client needs in the AWS environment") {
  World world;
  world.platform->set_environment("AWS_REGION", "eu-west-1");
  auto recorder = pe::make_recorder(manual(), world.client());
  REQUIRE(recorder.has_value());
  REQUIRE(recorder->record({"visit-1"}, pe::Event{"Watch"}).has_value());
  CHECK(recorder->flush(std::chrono::seconds{5}).delivered == 1);
  REQUIRE(world.transport->requests().size() == 1);
  const pe::HttpRequest request = world.transport->requests()[0];
  CHECK(request.url == "https://personalize-events.eu-west-1.amazonaws.com/events");
  CHECK_THAT(*pe::find_header(request.headers, "Authorization"),
             test::ContainsSubstring("AKIDENVIRONMENT"));
}

TEST_CASE("a recorder without a region says how to give one") {
  const World world;
  const auto recorder = pe::make_recorder(manual(), world.client());
  REQUIRE_FALSE(recorder.has_value());
  CHECK(recorder.error().kind == pe::ErrorKind::Configuration);
  CHECK(recorder.error().where == "AWS_REGION");
}

TEST_CASE("a setting of the recorder that cannot be is told") {
  World world;
  world.platform->set_environment("AWS_REGION", "eu-west-1");
  pe::RecorderOptions options = manual();
  options.tracking_id.clear();
  const auto recorder = pe::make_recorder(options, world.client());
  REQUIRE_FALSE(recorder.has_value());
  CHECK(recorder.error().where == "RecorderOptions.tracking_id");
}

TEST_CASE("without a transport of the program's the recorder is over libcurl") {
  World world;
  world.platform->set_environment("AWS_REGION", "eu-west-1");
  pe::ClientOptions client = world.client();
  client.async_transport = nullptr;
  auto recorder = pe::make_recorder(manual(), client);
  REQUIRE(recorder.has_value());
  CHECK(recorder->stats().pending == 0);
  CHECK(recorder->close(std::chrono::seconds{1}).complete);
}
