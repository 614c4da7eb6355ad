// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/personalize_events.hpp"

#include <memory>
#include <string>

#include "catch.hpp"
#include "personalize_events/testing/fake_transport.hpp"
#include "personalize_events/testing/virtual_platform.hpp"

namespace pe = personalize_events;

// The README's program, with the network and the environment in memory.
TEST_CASE("personalize_events.hpp is all that an application includes") {
  const auto transport = std::make_shared<pe::testing::FakeTransport>();
  const auto platform = std::make_shared<pe::testing::VirtualPlatform>();
  platform->set_environment("AWS_REGION", "us-east-1");
  platform->set_environment("AWS_ACCESS_KEY_ID", "AKID");
  platform->set_environment("AWS_SECRET_ACCESS_KEY", "secret");
  pe::ClientOptions options;
  options.transport = transport;
  options.platform = platform;

  const auto client = pe::make_client(options);
  REQUIRE(client.has_value());
  pe::Event watch{"Watch"};
  watch.item_id = "movie-42";
  pe::PutEventsRequest request{"tracking-id", "session-1", {watch}};
  request.user_id = "user-7";
  const auto sent = client->put_events(request);
  REQUIRE(sent.has_value());
  CHECK(sent->attempts == 1);
  REQUIRE(transport->requests().size() == 1);
  CHECK_THAT(transport->requests()[0].body, test::ContainsSubstring(R"("itemId":"movie-42")"));
}

TEST_CASE("The transport over libcurl comes with it") {
  const std::shared_ptr<pe::Transport> transport = std::make_shared<pe::CurlTransport>();
  CHECK(transport != nullptr);
}

TEST_CASE("The recorder over libcurl comes with it") {
  const auto platform = std::make_shared<pe::testing::VirtualPlatform>();
  platform->set_environment("AWS_REGION", "us-east-1");
  pe::ClientOptions options;
  options.platform = platform;
  pe::RecorderOptions recording = pe::RecorderOptions::device("tracking-id");
  recording.driver = pe::Driver::Manual;
  const auto recorder = pe::make_recorder(recording, options);
  REQUIRE(recorder.has_value());
  CHECK(recorder->stats().recorded == 0);
}
