// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/core.hpp"

#include <chrono>
#include <memory>
#include <string>

#include "catch.hpp"
#include "personalize_events/testing/fake_transport.hpp"
#include "personalize_events/testing/virtual_platform.hpp"

namespace pe = personalize_events;

// One include, an HTTP stack and credentials of the application's own.
TEST_CASE("core.hpp is enough to send an event over a transport of one's own") {
  const auto transport = std::make_shared<pe::testing::FakeTransport>();
  transport->reply(pe::HttpResponse{200, {{"x-amzn-RequestId", "id"}}});
  pe::ClientOptions options;
  options.region = "eu-central-1";
  options.transport = transport;
  options.platform = std::make_shared<pe::testing::VirtualPlatform>();
  options.credentials = pe::chain({pe::environment_credentials({{}, options.platform}),
                                   pe::static_credentials({"AKID", "secret"})});
  const pe::Client client{options};

  pe::PutEventsRequest request{"tracking", "session", {pe::Event{"Watch"}}};
  request.event_list[0].properties = *pe::properties_from_json(R"({"device": "tv"})");
  pe::assign_event_ids(request);
  const auto sent = client.put_events(request);
  REQUIRE(sent.has_value());
  CHECK(sent->request_id == "id");
  REQUIRE(transport->requests().size() == 1);
  CHECK_THAT(transport->requests()[0].body,
             test::ContainsSubstring(*request.event_list[0].event_id));
}

TEST_CASE("core.hpp is enough to record events over a transport of one's own") {
  const auto transport = std::make_shared<pe::testing::FakeTransport>();
  transport->reply(pe::HttpResponse{200});
  pe::ClientOptions options;
  options.region = "eu-central-1";
  options.async_transport = transport;
  options.credentials = pe::static_credentials({"AKID", "secret"});
  auto recorder =
      pe::make_recorder(pe::RecorderOptions::server("tracking"), pe::AsyncClient{options});
  REQUIRE(recorder.has_value());

  pe::EventSink& sink = *recorder;
  REQUIRE(sink.record({"session"}, pe::Event{"Watch"}).has_value());
  CHECK(recorder->close(std::chrono::seconds{30}).delivered == 1);
  CHECK(transport->requests().size() == 1);
}

#ifdef CURLINC_CURL_H
#error "core.hpp must not include libcurl"
#endif
