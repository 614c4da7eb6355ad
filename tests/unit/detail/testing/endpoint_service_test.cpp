// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/testing/endpoint_service.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/detail/wire/response.hpp"
#include "personalize_events/detail/wire/write.hpp"
#include "personalize_events/testing/virtual_platform.hpp"

namespace pe = personalize_events;
using namespace std::chrono_literals;
using pe::testing::EndpointService;
using pe::testing::LocalEndpointOptions;

namespace {

const std::string kArn = "arn:aws:personalize:us-east-1:000000000000:dataset/shop/USERS";

LocalEndpointOptions virtual_options() {
  LocalEndpointOptions options;
  options.platform = std::make_shared<pe::testing::VirtualPlatform>();
  return options;
}

LocalEndpointOptions unsigned_options() {
  LocalEndpointOptions options = virtual_options();
  options.check_signature = false;
  return options;
}

pe::HttpRequest post(const std::string& target, const std::string& body) {
  return {"POST", target, {{"Host", "127.0.0.1"}, {"Content-Type", "application/json"}}, body};
}

/// An answer's error, read as the client reads it.
pe::Error error_in(const pe::HttpResponse& response) {
  const auto error = pe::detail::wire::error_of(response, pe::detail::wire::Connection::Trusted);
  if (!error) FAIL("the answer has the status " << response.status);
  return *error;
}

std::string event_body(const std::string& event) {
  return R"({"trackingId":"t","sessionId":"s","eventList":[)" + event + "]}";
}

std::string event_with(const std::string& members) {
  return event_body(R"({"eventType":"Watch","sentAt":1)" + members + "}");
}

}  // namespace

TEST_CASE("Events are kept with what their request says of them") {
  EndpointService service(unsigned_options());
  const std::string properties = R"({ \"price\": 1.50 })";
  const auto first = service.answer(
      post("/events", R"({"trackingId":"t","sessionId":"s","userId":"u",)"
                      R"("unknown":[1],"eventList":[)"
                      R"({"eventType":"Watch","sentAt":1700000000.5,"eventId":"e1",)"
                      R"("itemId":"i","properties":")" +
                          properties +
                          R"("},)"
                          R"({"eventType":"Buy","sentAt":1700000001,"userId":null}]})"));
  CHECK(first.status == 200);
  CHECK(first.body.empty());
  CHECK(service.answer(post("/events", event_with(""))).status == 200);

  const auto events = service.records().events();
  REQUIRE(events.size() == 3);
  CHECK(events[0].tracking_id == "t");
  CHECK(events[0].session_id == "s");
  CHECK(events[0].user_id == "u");
  CHECK(events[0].event.event_type == "Watch");
  CHECK(events[0].event.event_id == "e1");
  CHECK(events[0].event.item_id == "i");
  CHECK(events[0].event.sent_at->time_since_epoch() == 1'700'000'000'500ms);
  CHECK_THAT(pe::detail::wire::write(events[0].event).value_or(""),
             test::ContainsSubstring(R"("properties":"{\"price\":1.50}")"));
  CHECK(events[1].event.event_type == "Buy");
  CHECK(events[1].user_id == "u");
  CHECK_FALSE(events[2].user_id.has_value());
  CHECK(service.records().summary().events == 3);
  CHECK(service.records().summary().requests == 2);
  CHECK(service.records().summary().refused_requests == 0);
}

TEST_CASE("Action interactions, users, items and actions are kept") {
  EndpointService service(unsigned_options());
  CHECK(
      service
          .answer(post("/action-interactions",
                       R"({"trackingId":"t","actionInteractions":[{"actionId":"a","sessionId":"s",)"
                       R"("timestamp":5,"eventType":"Taken"}]})"))
          .status == 200);
  CHECK(
      service.answer(post("/users", R"({"datasetArn":")" + kArn + R"(","users":[{"userId":"u"}]})"))
          .status == 200);
  CHECK(service
            .answer(post("/items", R"({"datasetArn":")" + kArn +
                                       R"(","items":[{"itemId":"i"},{"itemId":"j"}]})"))
            .status == 200);
  CHECK(service
            .answer(post("/actions",
                         R"({"datasetArn":")" + kArn + R"(","actions":[{"actionId":"a"}]})"))
            .status == 200);

  REQUIRE(service.records().action_interactions().size() == 1);
  CHECK(service.records().action_interactions()[0].tracking_id == "t");
  CHECK(service.records().action_interactions()[0].interaction.action_id == "a");
  REQUIRE(service.records().users().size() == 1);
  CHECK(service.records().users()[0].dataset_arn == kArn);
  CHECK(service.records().users()[0].entity.user_id == "u");
  REQUIRE(service.records().items().size() == 2);
  CHECK(service.records().items()[1].entity.item_id == "j");
  REQUIRE(service.records().actions().size() == 1);
  CHECK(service.records().actions()[0].entity.action_id == "a");
  const auto summary = service.records().summary();
  CHECK(summary.action_interactions == 1);
  CHECK(summary.users == 1);
  CHECK(summary.items == 2);
  CHECK(summary.actions == 1);
  CHECK(summary.events == 0);
}

TEST_CASE("Every answer has a request id of its own and the endpoint's date") {
  EndpointService service(unsigned_options());
  const auto taken = service.answer(post("/events", event_with("")));
  const auto refused = service.answer(post("/events", "{}"));
  CHECK(pe::detail::wire::request_id_of(taken).size() == 36);
  CHECK(pe::detail::wire::request_id_of(refused).size() == 36);
  CHECK(pe::detail::wire::request_id_of(taken) != pe::detail::wire::request_id_of(refused));
  for (const auto& answer : {taken, refused}) {
    CHECK(*pe::find_header(answer.headers, "Date") == "Thu, 01 Jan 2026 00:00:00 GMT");
    CHECK(*pe::find_header(answer.headers, "Content-Type") == "application/json");
  }
}

TEST_CASE("A refusal has its code in the header and in the body") {
  EndpointService service(unsigned_options());
  const auto answer = service.answer(post("/nowhere", "{}"));
  CHECK(answer.status == 404);
  CHECK(*pe::find_header(answer.headers, "x-amzn-ErrorType") == "UnknownOperationException");
  CHECK(
      answer.body ==
      R"({"__type":"UnknownOperationException","message":"No operation has this method and path."})");
}

TEST_CASE("Only POST on the path of an operation is one; a query does not matter") {
  EndpointService service(unsigned_options());
  CHECK(service.answer(post("/events?x=1", event_with(""))).status == 200);
  for (const std::string target : {"/", "", "/Events", "/events/", "/events/x", "//events"}) {
    CAPTURE(target);
    CHECK(error_in(service.answer(post(target, event_with("")))).code ==
          "UnknownOperationException");
  }
  pe::HttpRequest get = post("/events", event_with(""));
  get.method = "GET";
  CHECK(service.answer(get).status == 404);
}

TEST_CASE("The signature is checked before the content") {
  EndpointService service(virtual_options());
  CHECK(error_in(service.answer(post("/events", "no JSON"))).code ==
        "MissingAuthenticationTokenException");

  const auto sign = [&service](pe::HttpRequest request, const std::string& region) {
    pe::detail::sigv4::Signer signer;
    const auto now = service.options().platform->now();
    REQUIRE(signer.sign(request, service.options().credentials, now, {region, "personalize"})
                .has_value());
    return request;
  };
  CHECK(service.answer(sign(post("/events", event_with("")), "us-east-1")).status == 200);
  CHECK(error_in(service.answer(sign(post("/events", event_with("")), "eu-west-1"))).code ==
        "InvalidSignatureException");
  CHECK(error_in(service.answer(sign(post("/events", "no JSON"), "us-east-1"))).code ==
        "SerializationException");
}

TEST_CASE("The content type must be JSON") {
  EndpointService service(unsigned_options());
  const auto status_with = [&service](const pe::Headers& headers) {
    return service.answer({"POST", "/events", headers, event_with("")}).status;
  };
  CHECK(status_with({{"content-type", "application/json"}}) == 200);
  CHECK(status_with({{"Content-Type", "Application/JSON ; charset=utf-8"}}) == 200);
  CHECK(status_with({}) == 415);
  CHECK(status_with({{"Content-Type", "application/x-amz-json-1.1"}}) == 415);
  CHECK(status_with({{"Content-Type", "text/plain"}}) == 415);
}

TEST_CASE("A body that is no JSON cannot be read") {
  EndpointService service(unsigned_options());
  for (const std::string body : {"", "{", "nonsense", R"({"a":1}})", "{\"a\":\"\xff\"}"}) {
    CAPTURE(body);
    const auto answer = service.answer(post("/events", body));
    CHECK(answer.status == 400);
    CHECK(error_in(answer).code == "SerializationException");
  }
  CHECK(error_in(service.answer(post("/events", std::string(5000, '[')))).code ==
        "SerializationException");
}

TEST_CASE("A broken rule is named by member and limit") {
  const std::string long_text(301, 'x');
  const std::vector<std::pair<std::string, std::string>> cases{
      {"[]", "body: expected an object"},
      {"{}", "trackingId: missing"},
      {R"({"trackingId":"","sessionId":"s","eventList":[]})",
       "trackingId: 0 characters, at least 1"},
      {R"({"trackingId":7,"sessionId":"s","eventList":[]})", "trackingId: expected a string"},
      {event_body(""), "eventList: 0 elements, at least 1"},
      {event_body(R"({"sentAt":1})"), "eventList[0].eventType: missing"},
      {event_body(R"({"eventType":"Watch"})"), "eventList[0].sentAt: missing"},
      {event_with(R"(,"itemId":")" + long_text + "\""),
       "eventList[0].itemId: 301 characters, at most 256"},
      {event_with(R"(,"eventValue":"7")"), "eventList[0].eventValue: expected a number"},
      {event_with(R"(,"impression":[])"), "eventList[0].impression: 0 elements, at least 1"},
      {event_with(R"(,"properties":"[]")"), "eventList[0].properties: not a JSON object"},
      {event_with(R"(,"properties":"{\"UserID\":1}")"),
       "eventList[0].properties[0]: the key userId is reserved"},
      // Within the limit once it is compact, but the service counts what came.
      {event_with(",\"properties\":\"{" + std::string(1023, ' ') + "}\""),
       "eventList[0].properties: 1025 characters, at most 1024"},
  };
  for (const auto& [body, message] : cases) {
    CAPTURE(body);
    EndpointService service(unsigned_options());
    const auto answer = service.answer(post("/events", body));
    CHECK(answer.status == 400);
    CHECK(error_in(answer).code == "InvalidInputException");
    CHECK_THAT(error_in(answer).message, test::ContainsSubstring(message));
    CHECK(service.records().events().empty());
    CHECK(service.records().summary().refused_requests == 1);
  }
}

TEST_CASE("One bad event refuses its whole request, and no content is told") {
  EndpointService service(unsigned_options());
  std::string body = event_body(
      R"({"eventType":"Watch","sentAt":1},{"eventType":"Watch","sentAt":1,"itemId":"secret)" +
      std::string(300, 'x') + R"("})");
  const auto answer = service.answer(post("/events", body));
  CHECK(error_in(answer).message == "eventList[1].itemId: 306 characters, at most 256");
  CHECK_THAT(answer.body, !test::ContainsSubstring("secret"));
  CHECK(service.records().events().empty());
}

TEST_CASE("The limits of other operations are checked too") {
  EndpointService service(unsigned_options());
  CHECK_THAT(
      error_in(service.answer(post("/users", R"({"datasetArn":"arn","users":[{"userId":"u"}]})")))
          .message,
      test::ContainsSubstring("datasetArn: does not match the pattern"));
  CHECK(error_in(service.answer(post("/items", R"({"datasetArn":")" + kArn + R"(","items":[]})")))
            .message == "items: 0 elements, at least 1");
  CHECK(error_in(service.answer(post("/actions", R"({"datasetArn":")" + kArn + R"("})"))).message ==
        "actions: missing");
}

TEST_CASE("A body of more than 1 MiB is too large") {
  EndpointService service(unsigned_options());
  const std::string body = event_with("");
  const std::string largest = body + std::string(EndpointService::kMaxBody - body.size(), ' ');
  CHECK(service.answer(post("/events", largest)).status == 200);
  const auto answer = service.answer(post("/events", largest + " "));
  CHECK(answer.status == 413);
  CHECK(error_in(answer).code == "RequestEntityTooLargeException");
}

TEST_CASE("All requests are kept with what was answered") {
  EndpointService service(unsigned_options());
  const auto taken = service.answer(post("/events?x", event_with("")));
  const auto refused = service.answer(post("/users", "{}"));
  const auto requests = service.records().requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].method == "POST");
  CHECK(requests[0].target == "/events?x");
  CHECK(requests[0].body == event_with(""));
  CHECK(*pe::find_header(requests[0].headers, "content-type") == "application/json");
  CHECK(requests[0].status == 200);
  CHECK(requests[0].error_code.empty());
  CHECK(requests[0].request_id == pe::detail::wire::request_id_of(taken));
  CHECK(requests[1].status == 400);
  CHECK(requests[1].error_code == "InvalidInputException");
  CHECK(requests[1].error_message == "datasetArn: missing");
  CHECK(requests[1].request_id == pe::detail::wire::request_id_of(refused));
}

TEST_CASE("The hook hears of each request that was taken, before it is answered") {
  LocalEndpointOptions options = unsigned_options();
  std::vector<pe::testing::AcceptedRequest> heard;
  options.on_accepted = [&heard](const pe::testing::AcceptedRequest& accepted) {
    heard.push_back(accepted);
  };
  EndpointService service(options);
  const auto taken = service.answer(post("/events", event_with("")));
  CHECK(heard.size() == 1);
  static_cast<void>(service.answer(post("/events", "{}")));
  static_cast<void>(service.answer(
      post("/users", R"({"datasetArn":")" + kArn + R"(","users":[{"userId":"u"}]})")));
  REQUIRE(heard.size() == 2);
  CHECK(heard[0].operation == "PutEvents");
  CHECK(heard[0].request_id == pe::detail::wire::request_id_of(taken));
  CHECK(heard[0].request.put_events.value().event_list.size() == 1);
  CHECK(heard[1].operation == "PutUsers");
  CHECK(heard[1].request.put_users.value().users[0].user_id == "u");
}

TEST_CASE("Without records it still counts") {
  LocalEndpointOptions options = unsigned_options();
  options.keep_records = false;
  EndpointService service(options);
  CHECK(service.answer(post("/events", event_with(""))).status == 200);
  CHECK(
      service.answer(post("/items", R"({"datasetArn":")" + kArn + R"(","items":[{"itemId":"i"}]})"))
          .status == 200);
  CHECK(service.answer(post("/events", "{}")).status == 400);
  CHECK(service.records().events().empty());
  CHECK(service.records().items().empty());
  CHECK(service.records().requests().empty());
  CHECK(service.records().summary().requests == 3);
  CHECK(service.records().summary().refused_requests == 1);
  CHECK(service.records().summary().events == 1);
  CHECK(service.records().summary().items == 1);
  CHECK(service.records().wait_for(1, 0ms));
}

TEST_CASE("Waiting ends with the event that was waited for, or with its time") {
  EndpointService service(unsigned_options());
  CHECK(service.records().wait_for(0, 0ms));
  CHECK_FALSE(service.records().wait_for(1, 1ms));
  std::thread sender([&service] {
    for (int i = 0; i < 3; ++i) static_cast<void>(service.answer(post("/events", event_with(""))));
  });
  CHECK(service.records().wait_for(3, 30s));
  sender.join();
  CHECK_FALSE(service.records().wait_for(4, 0ms));
}

TEST_CASE("Threads are answered at the same time, and no event is lost") {
  EndpointService service(unsigned_options());
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&service] {
      for (int call = 0; call < 50; ++call) {
        static_cast<void>(service.answer(post("/events", event_with(""))));
        static_cast<void>(service.records().summary());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(service.records().events().size() == 200);
  CHECK(service.records().requests().size() == 200);
}

TEST_CASE("More requests than the quota are throttled, and told when to come again") {
  const auto platform = std::make_shared<pe::testing::VirtualPlatform>();
  LocalEndpointOptions options = unsigned_options();
  options.platform = platform;
  options.max_requests_per_second = 2;
  EndpointService service(options);
  CHECK(service.answer(post("/events", event_with(""))).status == 200);
  CHECK(service.answer(post("/events", "{}")).status == 400);
  const auto throttled = service.answer(post("/events", event_with("")));
  CHECK(throttled.status == 400);
  CHECK(error_in(throttled).code == "ThrottlingException");
  CHECK(error_in(throttled).throttled);
  CHECK(pe::detail::wire::retry_after_of(throttled) == 500ms);
  CHECK(service.records().requests().back().error_code == "ThrottlingException");
  platform->advance(500ms);
  const auto taken = service.answer(post("/events", event_with("")));
  CHECK(taken.status == 200);
  CHECK_FALSE(pe::detail::wire::retry_after_of(taken).has_value());
  CHECK(service.records().events().size() == 2);
}

TEST_CASE("What is not signed rightly does not count for the quota") {
  LocalEndpointOptions options = virtual_options();
  options.max_requests_per_second = 1;
  EndpointService service(options);
  for (int i = 0; i < 3; ++i) {
    CHECK(error_in(service.answer(post("/events", event_with("")))).code ==
          "MissingAuthenticationTokenException");
  }
}

TEST_CASE("A fault's answer is given instead, and nothing is taken") {
  LocalEndpointOptions options = unsigned_options();
  pe::testing::FaultRule rule;
  rule.status = 503;
  rule.code = "ServiceUnavailable";
  rule.retry_after = 70ms;
  rule.times = 1;
  options.faults = {rule};
  EndpointService service(options);
  const auto failed = service.answer(post("/events", event_with("")));
  CHECK(failed.status == 503);
  CHECK(error_in(failed).code == "ServiceUnavailable");
  CHECK(pe::detail::wire::retry_after_of(failed) == 70ms);
  CHECK(service.records().events().empty());
  CHECK(service.records().requests()[0].error_code == "ServiceUnavailable");
  CHECK(service.records().summary().faults == 1);
  CHECK(service.records().summary().refused_requests == 1);
  CHECK(service.answer(post("/events", event_with(""))).status == 200);
  CHECK(service.records().summary().faults == 1);
}

TEST_CASE("An intermediary responds with a page without the service's headers") {
  EndpointService service(unsigned_options());
  const int status = GENERATE(0, 200, 302, 400, 407, 429, 503);
  pe::testing::FaultRule rule;
  rule.status = status;
  rule.responder = pe::testing::Responder::Intermediary;
  rule.date_offset = 1h;
  service.add_fault(rule);
  const auto page = service.answer(post("/events", event_with("")));
  CHECK(page.status == (status == 0 ? 200 : status));
  CHECK_THAT(page.body, test::ContainsSubstring("<html>"));
  REQUIRE(pe::find_header(page.headers, "Content-Type") != nullptr);
  CHECK(*pe::find_header(page.headers, "Content-Type") == "text/html");
  CHECK(pe::find_header(page.headers, "Date") != nullptr);
  CHECK(pe::detail::wire::request_id_of(page).empty());
  const auto error = pe::detail::wire::error_of(page, pe::detail::wire::Connection::Trusted);
  REQUIRE(error);
  CHECK(error->kind == pe::ErrorKind::Response);
  CHECK(service.records().events().empty());
  CHECK(service.records().summary().faults == 1);
  CHECK(service.records().requests()[0].status == page.status);
}

TEST_CASE("A fault without a code has neither code nor body") {
  EndpointService service(unsigned_options());
  pe::testing::FaultRule rule;
  rule.status = 502;
  service.add_fault(rule);
  const auto failed = service.answer(post("/events", event_with("")));
  CHECK(failed.status == 502);
  CHECK(failed.body.empty());
  CHECK(pe::find_header(failed.headers, "x-amzn-ErrorType") == nullptr);
  service.clear_faults();
  CHECK(service.answer(post("/events", event_with(""))).status == 200);
}

TEST_CASE("A reset before the answer takes nothing, one after it takes the request") {
  EndpointService service(unsigned_options());
  pe::testing::FaultRule before;
  before.sending = pe::testing::Sending::ResetBefore;
  before.times = 1;
  service.add_fault(before);
  pe::testing::FaultRule after;
  after.sending = pe::testing::Sending::ResetAfter;
  service.add_fault(after);
  const auto first = service.plan(post("/events", event_with("")));
  CHECK(first.sending == pe::testing::Sending::ResetBefore);
  CHECK(service.records().events().empty());
  CHECK(service.records().requests()[0].status == 0);
  const auto second = service.plan(post("/events", event_with("")));
  CHECK(second.sending == pe::testing::Sending::ResetAfter);
  CHECK(service.records().events().size() == 1);
}

TEST_CASE("A fault may shift the date of an answer that is right otherwise") {
  EndpointService service(unsigned_options());
  pe::testing::FaultRule rule;
  rule.date_offset = 1h;
  service.add_fault(rule);
  const auto answer = service.answer(post("/events", event_with("")));
  CHECK(answer.status == 200);
  CHECK(*pe::find_header(answer.headers, "Date") == "Thu, 01 Jan 2026 01:00:00 GMT");
}

TEST_CASE("Faults do not meet what is no operation, nor the endpoint's own requests") {
  EndpointService service(virtual_options());
  pe::testing::FaultRule rule;
  rule.status = 500;
  service.add_fault(rule);
  CHECK(service.answer(post("/nowhere", "{}")).status == 404);
  pe::HttpRequest summary{"GET", "/_local/summary"};
  CHECK(service.answer(summary).status == 200);
  CHECK(service.records().summary().requests == 1);
  CHECK(service.records().summary().faults == 0);
}

TEST_CASE("A reset forgets what was kept") {
  EndpointService service(unsigned_options());
  CHECK(service.answer(post("/events", event_with(""))).status == 200);
  service.reset();
  CHECK(service.records().summary().requests == 0);
  CHECK(service.records().events().empty());
}

TEST_CASE("Only the latest are kept when that is asked for") {
  LocalEndpointOptions options = unsigned_options();
  options.max_records = 2;
  EndpointService service(options);
  for (int i = 0; i < 3; ++i) CHECK(service.answer(post("/events", event_with(""))).status == 200);
  CHECK(service.records().requests().size() == 2);
  CHECK(service.records().events().size() == 2);
  CHECK(service.records().summary().events == 3);
}

TEST_CASE("Requests of web pages are refused on every path") {
  EndpointService service(unsigned_options());
  for (const std::string target : {"/events", "/_local/events", "/_local/faults", "/other"}) {
    CAPTURE(target);
    pe::HttpRequest rebound = post(target, event_with(""));
    rebound.headers[0].second = "attacker.example:8080";
    CHECK(error_in(service.answer(rebound)).code == "ForeignHostException");
    pe::HttpRequest cross_site = post(target, event_with(""));
    cross_site.headers.emplace_back("Origin", "https://attacker.example");
    CHECK(error_in(service.answer(cross_site)).code == "ForeignOriginException");
  }
  CHECK(service.records().events().empty());
}

TEST_CASE("Host names of the options are accepted") {
  LocalEndpointOptions options = unsigned_options();
  options.hosts = {"personalize"};
  EndpointService service(options);
  pe::HttpRequest request = post("/events", event_with(""));
  request.headers[0].second = "personalize:8080";
  CHECK(service.answer(request).status == 200);
}

TEST_CASE("The body of a refused request is not kept") {
  EndpointService service(unsigned_options());
  CHECK(service.answer(post("/events", "{" + std::string(100'000, ' '))).status == 400);
  CHECK(service.answer(post("/events", event_with(""))).status == 200);
  const auto requests = service.records().requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].body.empty());
  CHECK(requests[1].body == event_with(""));
}
