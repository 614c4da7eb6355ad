// SPDX-License-Identifier: Apache-2.0
#include "personalize_events/make_recorder_with.hpp"

#include <chrono>
#include <memory>
#include <utility>

#include "catch.hpp"
#include "personalize_events/model/put_events.hpp"
#include "personalize_events/testing/fake_transport.hpp"

namespace pe = personalize_events;

namespace {

pe::ClientOptions given(std::shared_ptr<pe::Transport> transport) {
  pe::ClientOptions options;
  options.region = "eu-west-1";
  options.credentials = pe::static_credentials({"AKIDEXAMPLE", "secret"});
  options.transport = std::move(transport);
  return options;
}

pe::RecorderOptions recorder_options(pe::Driver driver) {
  pe::RecorderOptions options;
  options.tracking_id = "tracker";
  options.driver = driver;
  return options;
}

}  // namespace

TEST_CASE("A recorder of given options delivers") {
  const auto driver = GENERATE(pe::Driver::OwnThread, pe::Driver::Manual);
  const auto transport = std::make_shared<pe::testing::FakeTransport>();
  auto recorder = pe::make_recorder_with(recorder_options(driver), given(transport));
  REQUIRE(recorder.has_value());
  REQUIRE(recorder->record({"session"}, pe::Event{"Watch"}).has_value());
  static_cast<void>(recorder->close(std::chrono::seconds{30}));
  CHECK(recorder->stats().delivered == 1);
  CHECK(transport->requests().size() == 1);
}

TEST_CASE("A recorder of given options needs all of them") {
  pe::ClientOptions client = given(std::make_shared<pe::testing::FakeTransport>());
  client.region.clear();
  auto recorder = pe::make_recorder_with(recorder_options(pe::Driver::Manual), client);
  REQUIRE_FALSE(recorder.has_value());
  CHECK(recorder.error().where == "region");
  recorder = pe::make_recorder_with(pe::RecorderOptions{},
                                    given(std::make_shared<pe::testing::FakeTransport>()));
  REQUIRE_FALSE(recorder.has_value());
  CHECK(recorder.error().where == "RecorderOptions.tracking_id");
}
