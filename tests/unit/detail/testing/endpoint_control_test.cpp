// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/testing/endpoint_control.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"

namespace pe = personalize_events;
using namespace std::chrono_literals;
using pe::testing::EndpointControl;
using pe::testing::EndpointPlan;

namespace {

/// A control with records and rules of its own.
struct World {
  pe::testing::EndpointRecords records{100};
  pe::testing::FaultRules faults{1};
  EndpointControl control{records, faults};

  EndpointPlan ask(const std::string& method, const std::string& target,
                   const std::string& body = {}) {
    pe::HttpRequest request{method, "/_local/" + target};
    request.body = body;
    return control.plan(request);
  }

  void add_event(const std::string& user, const std::string& session, const std::string& type,
                 const std::string& item = {}) {
    pe::testing::AcceptedRequest accepted;
    pe::Event event{type, std::chrono::system_clock::time_point{1s}};
    if (!item.empty()) event.item_id = item;
    accepted.request.put_events = pe::PutEventsRequest{"tracker", session, {event}};
    if (!user.empty()) accepted.request.put_events->user_id = user;
    records.add({"POST", "/events", {}, {}, 200}, &accepted);
  }
};

std::size_t lines_in(const EndpointPlan& plan) {
  const std::string& body = plan.response.body;
  return static_cast<std::size_t>(std::count(body.begin(), body.end(), '\n'));
}

std::string content_type(const EndpointPlan& plan) {
  const std::string* value = pe::find_header(plan.response.headers, "Content-Type");
  return value == nullptr ? std::string{} : *value;
}

}  // namespace

TEST_CASE("Only what is under /_local/ is the control's") {
  CHECK(EndpointControl::owns("/_local/"));
  CHECK(EndpointControl::owns("/_local/summary?x"));
  CHECK_FALSE(EndpointControl::owns("/_local"));
  CHECK_FALSE(EndpointControl::owns("/events?/_local/"));
}

TEST_CASE("Parameters are decoded") {
  using pe::testing::endpoint::query_parameters;
  CHECK(query_parameters("/x").empty());
  CHECK(query_parameters("/x?&").empty());
  const pe::testing::Parameters expected{{"a", "1=2"}, {"b c", "d&e"}, {"f", ""}, {"g", ""}};
  CHECK(query_parameters("/x?a=1=2&b%20c=d%26e&f&g=") == expected);
}

TEST_CASE("The summary is JSON") {
  World world;
  world.add_event("u", "s", "Watch");
  const EndpointPlan plan = world.ask("GET", "summary");
  CHECK(plan.response.status == 200);
  CHECK(content_type(plan) == "application/json");
  CHECK_THAT(plan.response.body, test::ContainsSubstring(R"("events":1,)"));
}

TEST_CASE("Events are chosen by what they have") {
  World world;
  world.add_event("ann", "s 1", "Watch", "i1");
  world.add_event("ann", "s2", "Buy", "i1");
  world.add_event("bob", "s3", "Watch", "i2");
  world.add_event("", "s4", "Watch");
  const auto count = [&world](const std::string& query) {
    const EndpointPlan plan = world.ask("GET", "events" + query);
    CHECK(plan.response.status == 200);
    CHECK(content_type(plan) == "application/x-ndjson");
    return lines_in(plan);
  };
  CHECK(count("") == 4);
  CHECK(count("?userId=ann") == 2);
  CHECK(count("?userId=ann&eventType=Buy") == 1);
  CHECK(count("?userId=") == 1);
  CHECK(count("?sessionId=s%201") == 1);
  CHECK(count("?itemId=i1") == 2);
  CHECK(count("?itemId=") == 1);
  CHECK(count("?trackingId=tracker") == 4);
  CHECK(count("?trackingId=other") == 0);
  CHECK(count("?limit=0") == 0);
  CHECK(count("?limit=3") == 3);
  CHECK(count("?limit=9") == 4);
  CHECK(world.ask("GET", "events?eventType=Watch&limit=1").response.body ==
        R"({"trackingId":"tracker","sessionId":"s4","eventType":"Watch","sentAt":1})"
        "\n");
}

TEST_CASE("What was refused is told with its reason") {
  World world;
  world.add_event("u", "s", "Watch");
  pe::testing::SeenRequest refused{"POST", "/users"};
  refused.status = 400;
  refused.error_code = "InvalidInputException";
  refused.error_message = "users[0].userId: 300 characters, at most 256";
  world.records.add(refused, nullptr);
  world.records.add({"POST", "/events"}, nullptr);  // reset
  const EndpointPlan plan = world.ask("GET", "rejected");
  CHECK(lines_in(plan) == 2);
  CHECK_THAT(
      plan.response.body,
      test::ContainsSubstring(R"("code":"InvalidInputException",)"
                              R"("message":"users[0].userId: 300 characters, at most 256")"));
  CHECK(lines_in(world.ask("GET", "rejected?limit=1")) == 1);
}

TEST_CASE("A wait is in the plan until there are events enough") {
  World world;
  const EndpointPlan plan = world.ask("POST", "wait?events=2&timeoutMs=1500");
  REQUIRE(plan.wait.has_value());
  CHECK(plan.wait->events == 2);
  CHECK(plan.wait->timeout == 1500ms);
  const EndpointPlan by_body = world.ask("POST", "wait", R"({"events":2})");
  REQUIRE(by_body.wait.has_value());
  CHECK(by_body.wait->timeout == 10s);
  world.add_event("u", "s", "Watch");
  CHECK(world.ask("POST", "wait?events=2").wait.has_value());
  world.add_event("u", "s", "Watch");
  const EndpointPlan over = world.ask("POST", "wait?events=2");
  CHECK_FALSE(over.wait.has_value());
  CHECK(over.response.body == world.ask("GET", "summary").response.body);
  CHECK_FALSE(world.ask("POST", "wait?events=9&timeoutMs=0").wait.has_value());
}

TEST_CASE("A reset forgets events and counts, and leaves the rules") {
  World world;
  world.add_event("u", "s", "Watch");
  world.faults.add({});
  const EndpointPlan plan = world.ask("POST", "reset");
  CHECK(plan.response.status == 200);
  CHECK_THAT(plan.response.body, test::ContainsSubstring(R"("requests":0,)"));
  CHECK(lines_in(world.ask("GET", "events")) == 0);
  CHECK(world.faults.size() == 1);
}

TEST_CASE("Rules come and go") {
  World world;
  CHECK(world.ask("POST", "faults", R"({"status":503})").response.body == "{\"rules\":1}\n");
  CHECK(world.ask("POST", "faults", R"([{"send":"endless"},{"status":500}])").response.body ==
        "{\"rules\":3}\n");
  REQUIRE(world.faults.next("PutEvents").has_value());
  CHECK(world.ask("DELETE", "faults").response.body == "{\"rules\":0}\n");
  CHECK_FALSE(world.faults.next("PutEvents").has_value());
}

TEST_CASE("The number of rules is limited") {
  World world;
  for (int i = 0; i < 1000; ++i) {
    REQUIRE(world.ask("POST", "faults", R"({"status":503})").response.status == 200);
  }
  CHECK(world.ask("POST", "faults", R"({"status":503})").response.status == 400);
  CHECK(world.faults.size() == 1000);
}

TEST_CASE("A bad request is refused with what is wrong, and changes nothing") {
  struct Case {
    std::string method, target, body;
    int status;
    std::string message;
  };
  const std::vector<Case> cases{
      {"GET", "", "", 404, "there are summary, events"},
      {"GET", "Summary", "", 404, "there are summary, events"},
      {"POST", "summary", "", 405, "another method"},
      {"GET", "wait?events=1", "", 405, "another method"},
      {"GET", "reset", "", 405, "another method"},
      {"GET", "events?user=1", "", 400, "user: unknown"},
      {"GET", "events?limit=x", "", 400, "limit: expected a whole number"},
      {"GET", "events?limit=-1", "", 400, "limit: expected a whole number"},
      {"GET", "events?%ff=1", "", 400, "not UTF-8"},
      {"GET", "rejected?userId=1", "", 400, "userId: unknown"},
      {"POST", "wait", "", 400, "events: missing"},
      {"POST", "wait", "[]", 400, "body: expected a JSON object"},
      {"POST", "wait", "{", 400, "not JSON"},
      {"POST", "wait", R"({"events":true})", 400, "events: expected a whole number"},
      {"POST", "wait?events=1&timeout=5", "", 400, "timeout: unknown"},
      {"POST", "wait?events=1&timeoutMs=600001", "", 400, "timeoutMs: at most 600000"},
      {"POST", "faults", "", 400, "not JSON"},
      {"POST", "faults", R"([{"status":500},{"status":1}])", 400, "status: expected"},
  };
  for (const Case& each : cases) {
    CAPTURE(each.method, each.target, each.body);
    World world;
    world.add_event("u", "s", "Watch");
    const EndpointPlan plan = world.ask(each.method, each.target, each.body);
    CHECK(plan.response.status == each.status);
    CHECK_FALSE(plan.wait.has_value());
    CHECK_THAT(plan.response.body, test::ContainsSubstring(each.message));
    CHECK_THAT(plan.response.body, test::ContainsSubstring("{\"message\":\""));
    CHECK(world.faults.size() == 0);
    CHECK(world.records.events().size() == 1);
  }
}
