// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/testing/endpoint_json.hpp"

#include <chrono>

#include "catch.hpp"

namespace pe = personalize_events;
using namespace std::chrono_literals;

TEST_CASE("The counts have the names of the summary's members") {
  pe::testing::EndpointSummary summary;
  summary.requests = 1;
  summary.refused_requests = 2;
  summary.events = 3;
  summary.duplicate_events = 4;
  summary.action_interactions = 5;
  summary.users = 6;
  summary.items = 7;
  summary.actions = 8;
  summary.faults = 9;
  CHECK(pe::testing::to_json(summary) ==
        R"({"requests":1,"refusedRequests":2,"events":3,"duplicateEvents":4,)"
        R"("actionInteractions":5,"users":6,"items":7,"actions":8,"faults":9})");
}

TEST_CASE("An event has the API's member names after those of its request") {
  pe::testing::AcceptedEvent accepted{"tracker", "a \"session\""};
  accepted.event.event_type = "Watch";
  accepted.event.sent_at = std::chrono::system_clock::time_point{1500ms};
  CHECK(pe::testing::to_json(accepted) == R"({"trackingId":"tracker","sessionId":"a \"session\"",)"
                                          R"("eventType":"Watch","sentAt":1.5})");
  accepted.user_id = "user";
  accepted.is_duplicate = true;
  accepted.event.event_id = "id";
  CHECK(pe::testing::to_json(accepted) ==
        R"({"trackingId":"tracker","userId":"user","sessionId":"a \"session\"",)"
        R"("duplicate":true,"eventId":"id","eventType":"Watch","sentAt":1.5})");
}

TEST_CASE("A refused request has its reason, and nothing of its content") {
  pe::testing::SeenRequest request{"POST", "/events", {{"Authorization", "secret"}}, "secret"};
  request.status = 400;
  request.error_code = "InvalidInputException";
  request.error_message = "trackingId: missing";
  request.request_id = "id";
  CHECK(pe::testing::to_json(request) ==
        R"({"requestId":"id","method":"POST","target":"/events","status":400,)"
        R"("code":"InvalidInputException","message":"trackingId: missing"})");
}

TEST_CASE("What came as a target may be any bytes, what is told of it is JSON") {
  pe::testing::SeenRequest request{"POST", "/\xff"};
  CHECK_THAT(pe::testing::to_json(request), test::ContainsSubstring(R"("target":"",)"));
  request.target = "/a\tb";
  CHECK_THAT(pe::testing::to_json(request), test::ContainsSubstring(R"("target":"/a b",)"));
}
