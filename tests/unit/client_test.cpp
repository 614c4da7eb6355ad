// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/client.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/core.hpp"
#include "personalize_events/detail/providers/cached.hpp"
#include "personalize_events/detail/wire/read.hpp"
#include "support/client_world.hpp"

namespace pe = personalize_events;
using namespace std::chrono_literals;
using test::ClientWorld;
using test::header;
using test::put_events_request;
using test::service_error;
using test::transport_error;

namespace {

pe::Error error_of(const pe::Result<pe::PutResult>& result) {
  REQUIRE_FALSE(result.has_value());
  return result.error();
}

pe::Error put_error(const pe::Client& client) {
  return error_of(client.put_events(put_events_request()));
}

void check_sent(const pe::Client& client) {
  const auto result = client.put_events(put_events_request());
  INFO((result ? std::string{"sent"} : test::all_texts(result.error())));
  CHECK(result.has_value());
}

template <class Request>
Request read_body(const pe::HttpRequest& request) {
  auto shape = pe::detail::wire::read<Request>(request.body);
  REQUIRE(shape.has_value());
  return *std::move(shape);
}

// The Authorization of these credentials at the request's own X-Amz-Date, computed anew.
std::string expected_authorization(const pe::HttpRequest& request,
                                   const pe::Credentials& credentials, const std::string& region) {
  pe::HttpRequest copy;
  copy.method = request.method;
  copy.url = request.url;
  copy.body = request.body;
  copy.headers = {{"Host", header(request, "Host")},
                  {"Content-Type", header(request, "Content-Type")}};
  const auto date = pe::detail::parse_amz_date(header(request, "X-Amz-Date"));
  pe::detail::sigv4::Signer signer;
  if (!date || !signer.sign(copy, credentials, *date, {region, "personalize"})) return "none";
  return header(copy, "Authorization");
}

std::chrono::nanoseconds total(const std::vector<std::chrono::nanoseconds>& sleeps) {
  return std::accumulate(sleeps.begin(), sleeps.end(), std::chrono::nanoseconds{0});
}

// A provider of temporary credentials "key 1", "key 2", ...
pe::CredentialsProvider numbered(int& calls) {
  return [&calls]() -> pe::Result<pe::Credentials> {
    ++calls;
    return pe::Credentials{"AKID" + std::to_string(calls), "secret",
                           "token" + std::to_string(calls)};
  };
}

}  // namespace

// --- One request
// ----------------------------------------------------------------------------------

TEST_CASE("Each operation posts its JSON to its path") {
  const std::vector<std::pair<std::string, std::string>> paths{
      {"PutEvents", "/events"},
      {"PutActionInteractions", "/action-interactions"},
      {"PutUsers", "/users"},
      {"PutItems", "/items"},
      {"PutActions", "/actions"}};
  const auto operations = test::operations();
  REQUIRE(operations.size() == paths.size());
  for (std::size_t i = 0; i < paths.size(); ++i) {
    CAPTURE(operations[i].first);
    REQUIRE(operations[i].first == paths[i].first);
    ClientWorld world;
    world.transport->reply(pe::HttpResponse{200, {{"X-AMZN-RequestId", "id-7"}}});
    const auto result = operations[i].second(world.client());
    REQUIRE(result.has_value());
    CHECK(result->request_id == "id-7");
    CHECK(result->attempts == 1);
    const auto requests = world.transport->requests();
    REQUIRE(requests.size() == 1);
    CHECK(requests[0].method == "POST");
    CHECK(requests[0].url ==
          "https://personalize-events.us-east-1.amazonaws.com" + paths[i].second);
    CHECK_FALSE(requests[0].direct);
    CHECK(requests[0].connect_timeout == 3100ms);
    CHECK(requests[0].timeout == 5s);
    CHECK(header(requests[0], "Host") == "personalize-events.us-east-1.amazonaws.com");
    CHECK(header(requests[0], "Content-Type") == "application/json");
  }
}

TEST_CASE("The body of PutEvents is the request, with ids and times filled in") {
  ClientWorld world;
  const pe::PutEventsRequest given = put_events_request();
  REQUIRE(world.client().put_events(given).has_value());
  const auto sent = read_body<pe::PutEventsRequest>(world.transport->requests().at(0));
  CHECK(sent.tracking_id == given.tracking_id);
  CHECK(sent.session_id == given.session_id);
  CHECK(sent.user_id == given.user_id);
  REQUIRE(sent.event_list.size() == 2);
  const pe::Event& full = sent.event_list[0];
  CHECK(full.event_type == "watch-MARKER");
  CHECK(full.event_value == 4.5);
  CHECK(full.item_id == "item-MARKER");
  CHECK(full.recommendation_id == "list-MARKER");
  CHECK(full.impression == given.event_list[0].impression);
  REQUIRE(full.metric_attribution.has_value());
  CHECK(full.metric_attribution->event_attribution_source == "mail-MARKER");
  CHECK_THAT(world.transport->requests().at(0).body,
             test::ContainsSubstring(R"("properties":"{\"device\":\"tv-MARKER\",\"free\":true}")"));
  CHECK(sent.event_list[1].event_type == "click-MARKER");
  CHECK_FALSE(sent.event_list[1].item_id.has_value());

  std::set<std::string> ids;
  for (const pe::Event& event : sent.event_list) {
    CHECK(event.sent_at == world.platform->now());
    REQUIRE(event.event_id.has_value());
    CHECK(event.event_id->size() == 36);
    ids.insert(*event.event_id);
  }
  CHECK(ids.size() == 2);
}

TEST_CASE("Ids and times that are given are kept") {
  ClientWorld world;
  pe::PutEventsRequest given{"tracking", "session", {pe::Event{"Watch"}}};
  given.event_list[0].event_id = "my-id";
  given.event_list[0].sent_at = std::chrono::system_clock::time_point{1'700'000'000'125ms};
  REQUIRE(world.client().put_events(given).has_value());
  const auto sent = read_body<pe::PutEventsRequest>(world.transport->requests().at(0));
  CHECK(sent.event_list.at(0).event_id == "my-id");
  CHECK(sent.event_list.at(0).sent_at == given.event_list[0].sent_at);
}

TEST_CASE("The bodies of the other operations are their requests") {
  ClientWorld world;
  const pe::Client client = world.client();
  REQUIRE(client.put_action_interactions(test::put_action_interactions_request()).has_value());
  REQUIRE(client.put_users(test::put_users_request()).has_value());
  REQUIRE(client.put_items(test::put_items_request()).has_value());
  REQUIRE(client.put_actions(test::put_actions_request()).has_value());
  const auto requests = world.transport->requests();
  REQUIRE(requests.size() == 4);

  const auto interactions = read_body<pe::PutActionInteractionsRequest>(requests[0]);
  CHECK(interactions.tracking_id == "tracking-MARKER");
  REQUIRE(interactions.action_interactions.size() == 1);
  const pe::ActionInteraction& interaction = interactions.action_interactions[0];
  CHECK(interaction.action_id == "action-MARKER");
  CHECK(interaction.session_id == "session-MARKER");
  CHECK(interaction.event_type == "Viewed");
  CHECK(interaction.timestamp == world.platform->now());
  CHECK(interaction.event_id.has_value());

  const auto users = read_body<pe::PutUsersRequest>(requests[1]);
  CHECK(users.dataset_arn == test::dataset_arn());
  REQUIRE(users.users.size() == 1);
  CHECK(users.users[0].user_id == "user-MARKER");
  CHECK_THAT(requests[1].body, test::ContainsSubstring(R"("properties":"{\"age\":41}")"));

  const auto items = read_body<pe::PutItemsRequest>(requests[2]);
  REQUIRE(items.items.size() == 1);
  CHECK(items.items[0].item_id == "item-MARKER");
  CHECK_THAT(requests[2].body, test::ContainsSubstring(R"("properties":"{\"price\":9.5}")"));

  const auto actions = read_body<pe::PutActionsRequest>(requests[3]);
  REQUIRE(actions.actions.size() == 1);
  CHECK(actions.actions[0].action_id == "action-MARKER");
  CHECK_FALSE(actions.actions[0].properties.has_value());
}

TEST_CASE("Headers are those that the service needs, in this order, and no others") {
  const auto names_of = [](const pe::HttpRequest& request) {
    std::vector<std::string> names;
    for (const auto& [name, value] : request.headers) names.push_back(name);
    return names;
  };
  ClientWorld world;
  check_sent(world.client());
  const pe::HttpRequest with_token = world.transport->requests().at(0);
  CHECK(names_of(with_token) == std::vector<std::string>{"Host", "Content-Type", "X-Amz-Date",
                                                         "X-Amz-Security-Token", "Authorization",
                                                         "amz-sdk-invocation-id", "amz-sdk-request",
                                                         "User-Agent"});
  CHECK(header(with_token, "X-Amz-Date") == "20260101T000000Z");
  CHECK(header(with_token, "X-Amz-Security-Token") == test::temporary_credentials().session_token);
  CHECK_THAT(header(with_token, "Authorization"),
             test::ContainsSubstring(
                 "/20260101/us-east-1/personalize/aws4_request, "
                 "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature="));
  CHECK(header(with_token, "Authorization") ==
        expected_authorization(with_token, test::temporary_credentials(), "us-east-1"));
  CHECK(header(with_token, "amz-sdk-request") == "attempt=1; max=3");
  CHECK(header(with_token, "amz-sdk-invocation-id").size() == 36);
  CHECK(header(with_token, "amz-sdk-invocation-id")[14] == '4');

  world.options.credentials = pe::static_credentials({"AKID", "secret"});
  check_sent(world.client());
  const pe::HttpRequest without = world.transport->requests().at(1);
  CHECK(names_of(without) == std::vector<std::string>{"Host", "Content-Type", "X-Amz-Date",
                                                      "Authorization", "amz-sdk-invocation-id",
                                                      "amz-sdk-request", "User-Agent"});
  CHECK_THAT(header(without, "Authorization"),
             test::ContainsSubstring("SignedHeaders=content-type;host;x-amz-date, "));
}

TEST_CASE("The User-Agent tells the version, and the application if it has a name") {
  ClientWorld world;
  check_sent(world.client());
  world.options.app_id = "shop";
  check_sent(world.client());
  const auto requests = world.transport->requests();
  const std::string plain = header(requests.at(0), "User-Agent");
  CHECK(plain.rfind("personalize-events-cpp/" PERSONALIZE_EVENTS_VERSION " ", 0) == 0);
  CHECK(plain.find("app/") == std::string::npos);
  CHECK(header(requests.at(1), "User-Agent") == plain + " app/shop");
}

TEST_CASE("Each call has an invocation id of its own") {
  ClientWorld world;
  const pe::Client client = world.client();
  for (int call = 0; call < 10; ++call) check_sent(client);
  std::set<std::string> ids;
  for (const pe::HttpRequest& request : world.transport->requests()) {
    ids.insert(header(request, "amz-sdk-invocation-id"));
  }
  CHECK(ids.size() == 10);
}

TEST_CASE("Any 2xx of the service is a success") {
  for (const int status : {200, 202, 204, 299}) {
    for (const pe::HttpResponse& response :
         {pe::HttpResponse{status}, pe::HttpResponse{status, {}, "{}"},
          pe::HttpResponse{status, {{"x-amzn-requestid", "id"}}, "whatever"}}) {
      ClientWorld world;
      world.transport->reply(response);
      check_sent(world.client());
    }
  }
}

TEST_CASE("A session token with a line feed is a fault of the credentials, and nothing is sent") {
  ClientWorld world;
  std::string token = "MARKER\n";
  const auto provider = [&token]() -> pe::Result<pe::Credentials> {
    return pe::Credentials{"id", "secret", token};
  };
  world.options.credentials = provider;
  const pe::Client client = world.client();
  const pe::Error error = put_error(client);
  CHECK(error.kind == pe::ErrorKind::Credentials);
  CHECK(error.where == "credentials");
  CHECK_THAT(error.message, test::ContainsSubstring("session_token"));
  CHECK(test::all_texts(error).find(test::kMarker) == std::string::npos);
  CHECK(error.attempts == 0);
  CHECK(world.transport->requests().empty());
  token = "good";
  check_sent(client);
}

// --- Proxies, gateways and captive portals
// --------------------------------------------------------

TEST_CASE("A 2xx that is not the service's fails the call at once, and trying later can help") {
  ClientWorld world;
  world.transport->reply(pe::HttpResponse{200, {{"Content-Type", "text/html"}}, "<html>MARKER"});
  const pe::Error error = put_error(world.client());
  CHECK(error.kind == pe::ErrorKind::Response);
  CHECK(error.code == "Intermediary");
  CHECK(error.http_status == 200);
  CHECK(error.retryable);
  CHECK(error.may_have_been_delivered);
  CHECK(error.attempts == 1);
  CHECK(test::all_texts(error).find(test::kMarker) == std::string::npos);
}

TEST_CASE("Over plain http to another host a 2xx needs a request ID") {
  ClientWorld world;
  world.options.endpoint_url = "http://personalize.example:8080";
  world.transport->reply(pe::HttpResponse{200, {}, "{}"});
  CHECK(put_error(world.client()).code == "Intermediary");
  for (const char* trusted : {"http://localhost:8080", "http://127.0.0.1:8080", "http://127.1.2.3",
                              "http://[::1]:8080", "https://personalize.example"}) {
    CAPTURE(trusted);
    world.options.endpoint_url = trusted;
    check_sent(world.client());
  }
  world.options.endpoint_url = "http://personalize.example:8080";
  world.transport->reply(pe::HttpResponse{200, {{"x-amzn-RequestId", "id"}}, "{}"});
  check_sent(world.client());
}

TEST_CASE("An intermediary's status is tried again only where the service's would be") {
  for (const int status : {400, 402, 403, 404, 407, 408, 413, 429, 451, 501, 500, 502, 503, 504}) {
    CAPTURE(status);
    const bool is_retried = status == 500 || (status >= 502 && status <= 504);
    ClientWorld world;
    world.transport->reply(pe::HttpResponse{status, {}, "<html>MARKER"});
    const pe::Error error = put_error(world.client());
    CHECK(error.kind == pe::ErrorKind::Response);
    CHECK(error.http_status == status);
    CHECK(error.retryable);
    CHECK(error.throttled == (status == 429));
    CHECK(error.attempts == (is_retried ? 3 : 1));
    CHECK(test::all_texts(error).find(test::kMarker) == std::string::npos);
  }
}

TEST_CASE("An intermediary neither sets the clock nor the wait") {
  ClientWorld world;
  const pe::Headers headers{{"Date", "Thu, 01 Jan 2026 10:00:00 GMT"},
                            {"x-amz-retry-after", "4000"}};
  world.transport->reply(pe::HttpResponse{503, headers, "<html>"});
  world.transport->reply(pe::HttpResponse{403, headers, "<html>"});
  const pe::Client client = world.client();
  CHECK(put_error(client).http_status == 403);
  CHECK(total(world.platform->sleeps()) <= 50ms);
  CHECK(put_error(client).http_status == 403);
  for (const pe::HttpRequest& request : world.transport->requests()) {
    CHECK(header(request, "X-Amz-Date").substr(0, 12) == "20260101T000");
  }
}

// --- What is never sent
// ---------------------------------------------------------------------------

TEST_CASE("A request that breaks the model is refused by name, and nothing is sent or asked") {
  int credentials_asked = 0;
  ClientWorld world;
  world.options.credentials = numbered(credentials_asked);
  const pe::Client client = world.client();
  pe::PutEventsRequest long_id = put_events_request();
  long_id.event_list[1].item_id = std::string(257, 'x');
  pe::PutEventsRequest too_many = put_events_request();
  too_many.event_list.assign(11, pe::Event{"Watch"});
  pe::PutUsersRequest bad_arn = test::put_users_request();
  bad_arn.dataset_arn = "MARKER";
  pe::PutItemsRequest no_items{test::dataset_arn(), {}};
  pe::PutActionsRequest no_id{test::dataset_arn(), {{""}}};
  pe::PutActionInteractionsRequest no_session = test::put_action_interactions_request();
  no_session.action_interactions[0].session_id = "";

  const std::vector<std::tuple<pe::Error, std::string, std::string>> refusals{
      {error_of(client.put_events(long_id)), "eventList[1].itemId", "256"},
      {error_of(client.put_events(too_many)), "eventList", "10"},
      {error_of(client.put_users(bad_arn)), "datasetArn", "arn:"},
      {error_of(client.put_items(no_items)), "items", "1"},
      {error_of(client.put_actions(no_id)), "actions[0].actionId", "1"},
      {error_of(client.put_action_interactions(no_session)), "actionInteractions[0].sessionId",
       "1"}};
  for (const auto& [error, where, limit] : refusals) {
    CAPTURE(where);
    CHECK(error.kind == pe::ErrorKind::InvalidArgument);
    CHECK(error.where == where);
    CHECK_THAT(error.message, test::ContainsSubstring(limit));
    CHECK(error.attempts == 0);
    CHECK_FALSE(error.retryable);
    CHECK_FALSE(error.may_have_been_delivered);
    CHECK(test::all_texts(error).find(test::kMarker) == std::string::npos);
  }
  CHECK(world.transport->requests().empty());
  CHECK(credentials_asked == 0);
}

TEST_CASE("Weak validation lets a raised limit through, and never malformed bytes") {
  ClientWorld world;
  world.options.validation = pe::Validation::WellFormedOnly;
  pe::PutEventsRequest request = put_events_request();
  request.event_list[0].item_id = std::string(300, 'x');
  REQUIRE(world.client().put_events(request).has_value());
  request.event_list[0].item_id = "\xff";
  CHECK(error_of(world.client().put_events(request)).kind == pe::ErrorKind::InvalidArgument);
  CHECK(world.transport->requests().size() == 1);
}

TEST_CASE("A client that lacks something says what and how to give it, at every operation") {
  struct Case {
    const char* where;
    std::function<void(pe::ClientOptions&)> spoil;
  };
  const std::vector<Case> cases{
      {"region", [](pe::ClientOptions& options) { options.region = ""; }},
      {"region",
       [](pe::ClientOptions& options) {
         options.region = "";
         options.endpoint_url = "http://127.0.0.1:8080";
       }},
      {"region", [](pe::ClientOptions& options) { options.region = "not a region"; }},
      {"credentials", [](pe::ClientOptions& options) { options.credentials = {}; }},
      {"transport", [](pe::ClientOptions& options) { options.transport = nullptr; }},
      {"endpoint_url", [](pe::ClientOptions& options) { options.endpoint_url = "localhost:80"; }},
      {"endpoint_url", [](pe::ClientOptions& options) { options.endpoint_url = "ftp://host"; }},
      {"endpoint_url",
       [](pe::ClientOptions& options) { options.endpoint_url = "https://MARKER:MARKER@host"; }},
      {"use_fips",
       [](pe::ClientOptions& options) {
         options.endpoint_url = "https://host";
         options.use_fips = true;
       }},
      {"use_dual_stack",
       [](pe::ClientOptions& options) {
         options.endpoint_url = "https://host";
         options.use_dual_stack = true;
       }},
  };
  for (const Case& spoiled : cases) {
    for (const auto& [name, call] : test::operations()) {
      CAPTURE(spoiled.where, name);
      ClientWorld world;
      spoiled.spoil(world.options);
      const pe::Error error = error_of(call(world.client()));
      CHECK(error.kind == pe::ErrorKind::Configuration);
      CHECK(error.where == spoiled.where);
      CHECK_FALSE(error.message.empty());
      CHECK(error.attempts == 0);
      CHECK_FALSE(error.retryable);
      CHECK_FALSE(error.may_have_been_delivered);
      CHECK(test::all_texts(error).find(test::kMarker) == std::string::npos);
      CHECK(world.transport->requests().empty());
    }
  }
}

TEST_CASE("What goes into a header or the signature is checked, whoever made the options") {
  ClientWorld world;
  SECTION("the region, also with an endpoint of one's own") {
    world.options.endpoint_url = "http://127.0.0.1:8080";
    world.options.region = "us-east-1\r\nX-Injected: 1";
  }
  SECTION("the application's name") { world.options.app_id = "shop\r\nX-Injected: 1"; }
  const auto result = world.client().put_events(put_events_request());
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().kind == pe::ErrorKind::Configuration);
  CHECK(world.transport->requests().empty());
}

TEST_CASE("The endpoint is the region's, its variants', or the given one with port and path") {
  struct Case {
    const char* url;
    std::optional<bool> fips;
    const char* expected_url;
    const char* expected_host;
  };
  for (const Case& endpoint :
       {Case{"", true, "https://personalize-events-fips.us-east-1.amazonaws.com/events",
             "personalize-events-fips.us-east-1.amazonaws.com"},
        Case{"http://127.0.0.1:8080", {}, "http://127.0.0.1:8080/events", "127.0.0.1:8080"},
        Case{"https://Example.com:443/base/path/",
             {},
             "https://example.com/base/path/events",
             "example.com"},
        Case{"http://example.com:80", {}, "http://example.com/events", "example.com"},
        Case{"http://[::1]:9000/a%20b", {}, "http://[::1]:9000/a%20b/events", "[::1]:9000"}}) {
    CAPTURE(endpoint.url);
    ClientWorld world;
    world.options.endpoint_url = endpoint.url;
    world.options.use_fips = endpoint.fips;
    check_sent(world.client());
    const pe::HttpRequest request = world.transport->requests().at(0);
    CHECK(request.url == endpoint.expected_url);
    CHECK(header(request, "Host") == endpoint.expected_host);
    CHECK(header(request, "Authorization") ==
          expected_authorization(request, test::temporary_credentials(), "us-east-1"));
  }
}

// --- Credentials
// ----------------------------------------------------------------------------------

TEST_CASE("A provider that fails is an error of credentials, and nothing is sent") {
  ClientWorld world;
  int calls = 0;
  bool retryable = false;
  world.options.credentials = [&]() -> pe::Result<pe::Credentials> {
    ++calls;
    pe::Error error = pe::credentials_error("the vault is closed");
    error.retryable = retryable;
    return error;
  };
  SECTION("once, when it says so") {
    const pe::Error error = put_error(world.client());
    CHECK(error.kind == pe::ErrorKind::Credentials);
    CHECK(error.message == "the vault is closed");
    CHECK(error.attempts == 0);
    CHECK_FALSE(error.may_have_been_delivered);
    CHECK(calls == 1);
    CHECK(world.platform->sleeps().empty());
  }
  SECTION("after retries, when it may pass") {
    retryable = true;
    const pe::Error error = put_error(world.client());
    CHECK(error.kind == pe::ErrorKind::Credentials);
    CHECK(error.retryable);
    CHECK(error.attempts == 0);
    CHECK(calls == 3);
    CHECK(world.platform->sleeps().size() == 2);
  }
  CHECK(world.transport->requests().empty());
}

TEST_CASE("A provider that recovers in time lets the call succeed") {
  ClientWorld world;
  int calls = 0;
  world.options.credentials = [&]() -> pe::Result<pe::Credentials> {
    if (++calls == 1) {
      pe::Error error = pe::credentials_error("busy");
      error.retryable = true;
      return error;
    }
    return pe::Credentials{"AKID", "secret"};
  };
  const auto result = world.client().put_events(put_events_request());
  REQUIRE(result.has_value());
  CHECK(result->attempts == 1);
  CHECK(calls == 2);
}

TEST_CASE("Credentials are asked for at the first call, and once") {
  ClientWorld world;
  int calls = 0;
  world.options.credentials = numbered(calls);
  const pe::Client client = world.client();
  CHECK(calls == 0);
  for (int call = 0; call < 3; ++call) check_sent(client);
  CHECK(calls == 1);
}

TEST_CASE("A provider that takes longer than the call has leaves nothing to send") {
  ClientWorld world;
  world.options.credentials = [&]() -> pe::Result<pe::Credentials> {
    world.platform->advance(11s);
    return pe::Credentials{"AKID", "secret"};
  };
  const pe::Error error = put_error(world.client());
  CHECK(error.kind == pe::ErrorKind::Timeout);
  CHECK(error.where == "call_timeout");
  CHECK(error.attempts == 0);
  CHECK_FALSE(error.may_have_been_delivered);
  CHECK(world.transport->requests().empty());
}

TEST_CASE("A slow provider shortens the attempt") {
  ClientWorld world;
  world.options.credentials = [&]() -> pe::Result<pe::Credentials> {
    world.platform->advance(8s);
    return pe::Credentials{"AKID", "secret"};
  };
  check_sent(world.client());
  CHECK(world.transport->requests().at(0).timeout == 2s);
}

TEST_CASE("Temporary credentials that the service rejects are refreshed once a call") {
  ClientWorld world;
  int calls = 0;
  world.options.credentials = numbered(calls);
  const pe::Client client = world.client();
  world.transport->reply(service_error(403, "ExpiredTokenException"));
  SECTION("and the new ones are tried at once") {
    world.transport->reply(pe::HttpResponse{200});
    const auto result = client.put_events(put_events_request());
    REQUIRE(result.has_value());
    CHECK(result->attempts == 2);
    CHECK(calls == 2);
    CHECK(total(world.platform->sleeps()) == 0ns);
    const auto requests = world.transport->requests();
    REQUIRE(requests.size() == 2);
    CHECK(header(requests[0], "X-Amz-Security-Token") == "token1");
    CHECK(header(requests[1], "X-Amz-Security-Token") == "token2");
    CHECK(requests[0].body == requests[1].body);
    check_sent(client);
    CHECK(calls == 2);
  }
  SECTION("and if those are rejected too, the call fails") {
    const pe::Error error = put_error(client);
    CHECK(error.kind == pe::ErrorKind::Service);
    CHECK(error.code == "ExpiredTokenException");
    CHECK(error.attempts == 2);
    CHECK(calls == 2);
  }
}

TEST_CASE("Clients that share a cached() provider share its refresh after a rejection") {
  ClientWorld world;
  int calls = 0;
  world.options.credentials = pe::cached(numbered(calls), world.platform);
  const pe::Client client = world.client();
  const pe::Client other = world.client();
  world.transport->reply(pe::HttpResponse{200});
  check_sent(other);
  world.transport->reply(service_error(403, "ExpiredTokenException"));
  world.transport->reply(pe::HttpResponse{200});
  check_sent(client);
  CHECK(calls == 2);
  world.transport->reply(service_error(403, "ExpiredTokenException"));
  world.transport->reply(pe::HttpResponse{200});
  check_sent(other);
  CHECK(calls == 2);
  CHECK(header(world.transport->requests().back(), "X-Amz-Security-Token") == "token2");
}

TEST_CASE("Credentials rejected at the last attempt are not used for the next call") {
  ClientWorld world;
  int calls = 0;
  world.options.credentials = numbered(calls);
  world.options.retry.max_attempts = 1;
  world.transport->reply(service_error(403, "ExpiredTokenException"));
  world.transport->reply(pe::HttpResponse{200});
  const pe::Client client = world.client();
  CHECK(put_error(client).code == "ExpiredTokenException");
  check_sent(client);
  CHECK(header(world.transport->requests().at(1), "X-Amz-Security-Token") == "token2");
}

TEST_CASE("Long-term credentials that the service rejects are final") {
  ClientWorld world;
  int calls = 0;
  world.options.credentials = [&]() -> pe::Result<pe::Credentials> {
    ++calls;
    return pe::Credentials{"AKID", "secret"};
  };
  world.transport->reply(service_error(403, "UnrecognizedClientException"));
  const pe::Error error = put_error(world.client());
  CHECK(error.code == "UnrecognizedClientException");
  CHECK(error.attempts == 1);
  CHECK(calls == 1);
}

TEST_CASE("Credentials that expire are replaced between calls") {
  ClientWorld world;
  int calls = 0;
  world.options.credentials = [&]() -> pe::Result<pe::Credentials> {
    ++calls;
    return pe::Credentials{"AKID", "secret", "token", world.platform->now() + 1h};
  };
  const pe::Client client = world.client();
  check_sent(client);
  world.platform->advance(30min);
  check_sent(client);
  CHECK(calls == 1);
  world.platform->advance(30min);
  check_sent(client);
  CHECK(calls == 2);
}

// --- Retries
// --------------------------------------------------------------------------------------

TEST_CASE("A failure that may pass is tried again, signed afresh, with the same body and ids") {
  ClientWorld world;
  world.transport->reply(pe::HttpResponse{503});
  world.transport->reply(service_error(400, "ThrottlingException"));
  world.transport->reply(pe::HttpResponse{200, {{"x-amzn-RequestId", "third"}}});
  world.transport->on_send([&](const pe::HttpRequest&) { world.platform->advance(2s); });
  const auto result = world.client().put_events(put_events_request());
  REQUIRE(result.has_value());
  CHECK(result->attempts == 3);
  CHECK(result->request_id == "third");

  const auto requests = world.transport->requests();
  REQUIRE(requests.size() == 3);
  std::set<std::string> dates;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    CAPTURE(i);
    CHECK(requests[i].headers.size() == 8);
    CHECK(requests[i].body == requests[0].body);
    CHECK(requests[i].url == requests[0].url);
    CHECK(header(requests[i], "amz-sdk-invocation-id") ==
          header(requests[0], "amz-sdk-invocation-id"));
    CHECK(header(requests[i], "amz-sdk-request") == "attempt=" + std::to_string(i + 1) + "; max=3");
    CHECK(header(requests[i], "Authorization") ==
          expected_authorization(requests[i], test::temporary_credentials(), "us-east-1"));
    dates.insert(header(requests[i], "X-Amz-Date"));
  }
  CHECK(dates.size() == 3);
  const auto sleeps = world.platform->sleeps();
  REQUIRE(sleeps.size() == 2);
  CHECK(sleeps[0] <= 50ms);
  CHECK(sleeps[1] <= 2s);
}

TEST_CASE("The number of attempts is what the options say") {
  for (const int max_attempts : {1, 2, 5}) {
    CAPTURE(max_attempts);
    ClientWorld world;
    world.options.retry.max_attempts = max_attempts;
    world.transport->reply(service_error(500, "InternalFailure"));
    const pe::Error error = put_error(world.client());
    CHECK(error.kind == pe::ErrorKind::Service);
    CHECK(error.http_status == 500);
    CHECK(error.retryable);
    CHECK(error.attempts == max_attempts);
    const auto requests = world.transport->requests();
    CHECK(requests.size() == static_cast<std::size_t>(max_attempts));
    CHECK(header(requests.back(), "amz-sdk-request") ==
          "attempt=" + std::to_string(max_attempts) + "; max=" + std::to_string(max_attempts));
  }
}

TEST_CASE("The service's hint sets the wait") {
  ClientWorld world;
  world.transport->reply(service_error(503, "ServiceUnavailable", {{"X-Amz-Retry-After", "1500"}}));
  world.transport->reply(pe::HttpResponse{200});
  check_sent(world.client());
  CHECK(world.platform->sleeps() == std::vector<std::chrono::nanoseconds>{1500ms});
}

TEST_CASE("An error that the retry rules do not know ends the call, with all that was said") {
  for (const auto& [status, code] :
       std::vector<std::pair<int, const char*>>{{400, "InvalidInputException"},
                                                {404, "ResourceNotFoundException"},
                                                {409, "ResourceInUseException"},
                                                {403, "AccessDeniedException"},
                                                {413, ""}}) {
    CAPTURE(code);
    ClientWorld world;
    world.transport->reply(service_error(status, code));
    const pe::Error error = put_error(world.client());
    CHECK(error.kind == pe::ErrorKind::Service);
    CHECK(error.http_status == status);
    CHECK(error.code == code);
    CHECK(error.message == "said by the service");
    CHECK(error.request_id == "request-of-error");
    CHECK(error.retryable == (status == 409));
    CHECK_FALSE(error.throttled);
    CHECK_FALSE(error.may_have_been_delivered);
    CHECK(error.attempts == 1);
    CHECK(world.platform->sleeps().empty());
  }
}

TEST_CASE("A throttled call says so") {
  ClientWorld world;
  world.transport->reply(service_error(400, "ThrottlingException"));
  const pe::Error error = put_error(world.client());
  CHECK(error.throttled);
  CHECK(error.retryable);
  CHECK_FALSE(error.may_have_been_delivered);
  CHECK(error.attempts == 3);
}

TEST_CASE("A request that an earlier attempt may have delivered stays so to the end") {
  ClientWorld world;
  SECTION("by the transport") {
    world.transport->reply(transport_error(pe::ErrorKind::Timeout, true));
  }
  SECTION("by the service") { world.transport->reply(pe::HttpResponse{500}); }
  SECTION("whatever came between") {
    world.transport->reply(transport_error(pe::ErrorKind::Transport, true));
    world.transport->reply(transport_error(pe::ErrorKind::Transport, false));
  }
  world.transport->reply(service_error(400, "InvalidInputException"));
  const pe::Error error = put_error(world.client());
  CHECK(error.code == "InvalidInputException");
  CHECK(error.may_have_been_delivered);
}

TEST_CASE("The quota of retries is shared by all calls and copies of a client") {
  ClientWorld world;
  world.options.retry.quota = 28;  // two retries
  world.transport->reply(pe::HttpResponse{500});
  const pe::Client client = world.client();
  const pe::Client copy = client;
  CHECK(put_error(client).attempts == 3);
  CHECK(put_error(copy).attempts == 1);
  CHECK(put_error(world.client()).attempts == 3);  // a client of its own
}

TEST_CASE("A call ends at its timeout, and the last attempt has what is left") {
  ClientWorld world;
  world.transport->reply(transport_error(pe::ErrorKind::Timeout, true));
  world.transport->on_send(
      [&](const pe::HttpRequest& request) { world.platform->advance(request.timeout); });
  const auto begin = world.platform->steady_now();
  const pe::Error error = put_error(world.client());
  CHECK(error.kind == pe::ErrorKind::Timeout);
  CHECK(error.attempts == 2);
  CHECK(error.may_have_been_delivered);
  CHECK(world.platform->steady_now() - begin <= 10s);
  const auto requests = world.transport->requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].timeout == 5s);
  CHECK(requests[1].timeout <= 5s);
  CHECK(requests[1].timeout >= 4900ms);
}

TEST_CASE("A wait that would pass the call's timeout is not begun") {
  ClientWorld world;
  world.options.call_timeout = 1s;
  world.transport->reply(service_error(503, "ServiceUnavailable", {{"x-amz-retry-after", "1500"}}));
  const pe::Error error = put_error(world.client());
  CHECK(error.kind == pe::ErrorKind::Service);
  CHECK(error.attempts == 1);
  CHECK(world.platform->sleeps().empty());
  CHECK(world.transport->requests().at(0).timeout == 1s);
}

TEST_CASE("A call without any time sends nothing") {
  for (const auto timeout : {0ms, -1ms}) {
    ClientWorld world;
    world.options.call_timeout = timeout;
    const pe::Error error = put_error(world.client());
    CHECK(error.kind == pe::ErrorKind::Timeout);
    CHECK(error.attempts == 0);
    CHECK(world.transport->requests().empty());
  }
}

// --- The clock
// ------------------------------------------------------------------------------------

TEST_CASE("A clock that is far off is corrected by the service's, for this call and later ones") {
  for (const char* code : {"RequestTimeTooSkewed", "InvalidSignatureException", "RequestExpired",
                           "RequestInTheFuture", "SignatureDoesNotMatch", "AuthFailure"}) {
    CAPTURE(code);
    ClientWorld world;
    world.transport->reply(service_error(403, code, {{"Date", "Thu, 01 Jan 2026 00:10:00 GMT"}}));
    world.transport->reply(pe::HttpResponse{200});
    const pe::Client client = world.client();
    const auto result = client.put_events(put_events_request());
    REQUIRE(result.has_value());
    CHECK(result->attempts == 2);
    CHECK(total(world.platform->sleeps()) == 0ns);
    world.platform->advance(1min);
    const pe::Client copy = client;
    check_sent(copy);
    const auto requests = world.transport->requests();
    REQUIRE(requests.size() == 3);
    CHECK(header(requests[0], "X-Amz-Date") == "20260101T000000Z");
    CHECK(header(requests[1], "X-Amz-Date") == "20260101T001000Z");
    CHECK(header(requests[2], "X-Amz-Date") == "20260101T001100Z");
    CHECK(requests[0].body == requests[1].body);
    for (const pe::HttpRequest& request : requests) {
      CHECK(header(request, "Authorization") ==
            expected_authorization(request, test::temporary_credentials(), "us-east-1"));
    }
  }
}

TEST_CASE("A clock is corrected backwards, and again when it is set right meanwhile") {
  ClientWorld world;
  const auto skewed = [](const char* date) {
    return service_error(403, "RequestTimeTooSkewed", {{"Date", date}});
  };
  world.transport->reply(skewed("Wed, 31 Dec 2025 00:00:00 GMT"));
  world.transport->reply(pe::HttpResponse{200});
  world.transport->reply(skewed("Wed, 31 Dec 2025 00:00:00 GMT"));
  world.transport->reply(pe::HttpResponse{200});
  const pe::Client client = world.client();
  check_sent(client);
  world.platform->set_now(std::chrono::system_clock::time_point{1'767'139'200s});
  check_sent(client);
  const auto requests = world.transport->requests();
  REQUIRE(requests.size() == 4);
  CHECK(header(requests[1], "X-Amz-Date") == "20251231T000000Z");
  CHECK(header(requests[2], "X-Amz-Date") == "20251230T000000Z");
  CHECK(header(requests[3], "X-Amz-Date") == "20251231T000000Z");
}

TEST_CASE("A clock is not corrected without a reason") {
  struct Case {
    const char* why;
    pe::HttpResponse response;
    std::size_t attempts;
  };
  const std::vector<Case> cases{
      {"under four minutes",
       service_error(403, "SignatureDoesNotMatch", {{"Date", "Thu, 01 Jan 2026 00:03:59 GMT"}}), 1},
      {"no date", service_error(403, "RequestTimeTooSkewed"), 1},
      {"a date that is none", service_error(403, "RequestTimeTooSkewed", {{"Date", "now"}}), 1},
      {"another error",
       service_error(400, "InvalidInputException", {{"Date", "Thu, 01 Jan 2026 00:10:00 GMT"}}), 1},
      {"twice in one call",
       service_error(403, "RequestTimeTooSkewed", {{"Date", "Thu, 01 Jan 2026 00:10:00 GMT"}}), 2},
  };
  for (const Case& skew : cases) {
    CAPTURE(skew.why);
    ClientWorld world;
    world.transport->reply(skew.response);
    CHECK(put_error(world.client()).kind == pe::ErrorKind::Service);
    CHECK(world.transport->requests().size() == skew.attempts);
  }
}

TEST_CASE("A clock found wrong at the last attempt is right for the next call") {
  ClientWorld world;
  world.options.retry.max_attempts = 1;
  world.transport->reply(
      service_error(403, "RequestTimeTooSkewed", {{"Date", "Thu, 01 Jan 2026 00:10:00 GMT"}}));
  world.transport->reply(pe::HttpResponse{200});
  const pe::Client client = world.client();
  CHECK(put_error(client).code == "RequestTimeTooSkewed");
  check_sent(client);
  CHECK(header(world.transport->requests().at(1), "X-Amz-Date") == "20260101T001000Z");
}

TEST_CASE("A service date out of all bounds does no harm") {
  for (const char* date : {"Sat, 01 Jan 0000 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"}) {
    CAPTURE(date);
    ClientWorld world;
    world.transport->reply(service_error(403, "RequestTimeTooSkewed", {{"Date", date}}));
    const pe::Client client = world.client();
    CHECK(put_error(client).kind == pe::ErrorKind::Service);
    CHECK(put_error(client).kind == pe::ErrorKind::Service);
  }
}

// --- Pace
// -----------------------------------------------------------------------------------------

TEST_CASE("Adaptive mode holds requests back after a throttled answer, standard mode does not") {
  for (const pe::RetryMode mode : {pe::RetryMode::Standard, pe::RetryMode::Adaptive}) {
    ClientWorld world;
    world.options.retry.mode = mode;
    world.options.retry.max_attempts = 1;
    world.transport->reply(service_error(400, "ThrottlingException"));
    world.transport->reply(pe::HttpResponse{200});
    const pe::Client client = world.client();
    CHECK(put_error(client).throttled);
    CHECK(total(world.platform->sleeps()) == 0ns);
    check_sent(client);
    CHECK((total(world.platform->sleeps()) > 0ns) == (mode == pe::RetryMode::Adaptive));
  }
}

TEST_CASE("A call that would be held back beyond its time fails unsent") {
  ClientWorld world;
  world.options.retry.mode = pe::RetryMode::Adaptive;
  world.options.retry.max_attempts = 1;
  world.options.call_timeout = 100ms;
  world.transport->reply(service_error(400, "ThrottlingException"));
  const pe::Client client = world.client();
  CHECK(put_error(client).throttled);
  const pe::Error error = put_error(client);
  CHECK(error.kind == pe::ErrorKind::Timeout);
  CHECK(error.retryable);
  CHECK(error.attempts == 0);
  CHECK(world.transport->requests().size() == 1);
}

TEST_CASE("Calls that were not sent do not hold back those that come a minute later") {
  ClientWorld world;
  world.options.retry.mode = pe::RetryMode::Adaptive;
  world.options.retry.max_attempts = 1;
  world.options.call_timeout = 100ms;
  world.transport->reply(service_error(400, "ThrottlingException"));
  world.transport->reply(pe::HttpResponse{200});
  const pe::Client client = world.client();
  CHECK(put_error(client).throttled);
  for (int call = 0; call < 1000; ++call) {
    CHECK(put_error(client).kind == pe::ErrorKind::Timeout);
  }
  world.platform->advance(1min);
  check_sent(client);
}

// --- What others see
// ------------------------------------------------------------------------------

TEST_CASE("Each attempt is told when it is over") {
  struct Told {
    std::string operation;
    int number;
    int http_status;
    std::optional<pe::Error> error;
    std::chrono::microseconds latency;
    std::size_t bytes_sent;
    std::string request_id;
    std::string host;
    std::chrono::system_clock::time_point started_at;
  };
  ClientWorld world;
  const auto begin = world.platform->now();
  std::vector<Told> told;
  world.options.on_attempt = [&](const pe::Attempt& attempt) {
    told.push_back({std::string(attempt.operation), attempt.number, attempt.http_status,
                    attempt.error == nullptr ? std::nullopt : std::optional(*attempt.error),
                    attempt.latency, attempt.bytes_sent, std::string(attempt.request_id),
                    std::string(attempt.host), attempt.started_at});
  };
  world.transport->reply(transport_error());
  world.transport->reply(service_error(400, "ThrottlingException"));
  world.transport->reply(pe::HttpResponse{204});
  world.transport->on_send([&](const pe::HttpRequest&) { world.platform->advance(30ms); });
  REQUIRE(world.client().put_users(test::put_users_request()).has_value());
  REQUIRE(told.size() == 3);
  const std::size_t size = world.transport->requests().at(0).body.size();
  for (std::size_t i = 0; i < told.size(); ++i) {
    CHECK(told[i].operation == "PutUsers");
    CHECK(told[i].number == static_cast<int>(i) + 1);
    CHECK(told[i].latency == 30ms);
    CHECK(told[i].bytes_sent == size);
    CHECK(told[i].host == "personalize-events.us-east-1.amazonaws.com");
    CHECK(told[i].request_id == (i == 1 ? "request-of-error" : ""));
    CHECK(told[i].started_at >= begin + i * 30ms);
  }
  CHECK(told[0].started_at == begin);
  CHECK(told[0].http_status == 0);
  REQUIRE(told[0].error.has_value());
  CHECK(told[0].error->kind == pe::ErrorKind::Transport);
  CHECK(told[1].http_status == 400);
  REQUIRE(told[1].error.has_value());
  CHECK(told[1].error->throttled);
  CHECK(told[2].http_status == 204);
  CHECK_FALSE(told[2].error.has_value());
}

TEST_CASE("A callback may use the client that calls it") {
  ClientWorld world;
  std::optional<pe::Client> client;
  bool nested = false;
  world.options.on_attempt = [&](const pe::Attempt&) {
    if (nested) return;
    nested = true;
    check_sent(*client);
  };
  world.options.retry.mode = pe::RetryMode::Adaptive;
  client = world.client();
  check_sent(*client);
  CHECK(world.transport->requests().size() == 2);
}

TEST_CASE("No error shows anything of an event, a body, a key or a token") {
  const std::vector<pe::Result<pe::HttpResponse>> replies{
      transport_error(pe::ErrorKind::Transport, true),
      transport_error(pe::ErrorKind::Timeout),
      transport_error(pe::ErrorKind::Response),
      pe::HttpResponse{302, {{"Location", "https://elsewhere/"}}},
      pe::HttpResponse{500},
      service_error(400, "ThrottlingException"),
      service_error(400, "InvalidInputException"),
      service_error(403, "ExpiredTokenException"),
      service_error(403, "SignatureDoesNotMatch"),
      pe::HttpResponse{403, {}, "not JSON"},
  };
  for (std::size_t i = 0; i < replies.size(); ++i) {
    for (const auto& [name, call] : test::operations()) {
      CAPTURE(i, name);
      ClientWorld world;
      world.transport->reply(replies[i]);
      const pe::Error error = error_of(call(world.client()));
      CHECK(test::all_texts(error).find(test::kMarker) == std::string::npos);
    }
  }
}

TEST_CASE("Any answer is a typed error, however long, deep or broken") {
  const std::string large = R"({"__type":"ns#InvalidInputException:http://x","message":")" +
                            std::string(64 * 1024, 'm') + "\"}";
  ClientWorld world;
  world.transport->reply(pe::HttpResponse{400, {}, large});
  const pe::Error error = put_error(world.client());
  CHECK(error.code == "InvalidInputException");
  CHECK(error.message.size() > 100);
  CHECK(error.message.size() < 2000);

  for (const std::string& body :
       {std::string(64 * 1024, '['), std::string(64 * 1024, '{'), std::string(64 * 1024, '\0'),
        std::string("{\"code\":"), std::string("{\"code\":7}"), std::string("\xff\xfe"),
        std::string("{\"message\":\"\xff\"}"), std::string("<html>")}) {
    ClientWorld broken;
    broken.transport->reply(pe::HttpResponse{400, {}, body});
    const pe::Error unreadable = put_error(broken.client());
    CHECK(unreadable.kind == pe::ErrorKind::Response);
    CHECK(unreadable.http_status == 400);
    CHECK(unreadable.code == "Intermediary");
    CHECK(unreadable.attempts == 1);
  }
}

TEST_CASE("Copies are cheap and are one client") {
  CHECK(std::is_copy_constructible_v<pe::Client>);
  CHECK(sizeof(pe::Client) <= 2 * sizeof(void*));
  ClientWorld world;
  int calls = 0;
  world.options.credentials = numbered(calls);
  std::optional<pe::Client> first{world.client()};
  const pe::Client second = *first;
  check_sent(*first);
  first.reset();
  check_sent(second);
  CHECK(calls == 1);
}

// --- Threads
// --------------------------------------------------------------------------------------

TEST_CASE("Eight threads share a client, each call whole and signed for itself") {
  constexpr int kThreads = 8;
  constexpr int kCalls = 200;
  // Every seventh request fails, so that the threads retry, wait and share the quota too.
  class Flaky : public pe::Transport {
   public:
    pe::Result<pe::HttpResponse> send(const pe::HttpRequest& request) override {
      const std::lock_guard<std::mutex> lock{mutex_};
      requests_.push_back(request);
      if (requests_.size() % 7 != 0) return pe::HttpResponse{200};
      return requests_.size() % 2 == 0 ? service_error(400, "ThrottlingException")
                                       : pe::HttpResponse{503};
    }
    [[nodiscard]] const std::vector<pe::HttpRequest>& requests() const { return requests_; }

   private:
    std::mutex mutex_;
    std::vector<pe::HttpRequest> requests_;
  };
  for (const pe::RetryMode mode : {pe::RetryMode::Standard, pe::RetryMode::Adaptive}) {
    ClientWorld world;
    const auto transport = std::make_shared<Flaky>();
    std::atomic<int> told{0};
    world.options.transport = transport;
    world.options.retry.mode = mode;
    world.options.retry.max_attempts = 6;
    world.options.retry.quota = 1'000'000;
    world.options.call_timeout = 1h;
    world.options.on_attempt = [&](const pe::Attempt&) { ++told; };
    const pe::Client client = world.client();
    std::atomic<int> delivered{0};
    std::atomic<int> attempts{0};
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread, copy = client] {
        for (int call = 0; call < kCalls; ++call) {
          pe::Event event{"Watch"};
          event.event_id = std::to_string(thread) + "/" + std::to_string(call);
          const auto result = copy.put_events({"tracking", "session", {event}});
          delivered += result ? 1 : 0;
          attempts += result ? result->attempts : 0;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(delivered == kThreads * kCalls);
    const std::vector<pe::HttpRequest>& requests = transport->requests();
    CHECK(requests.size() == static_cast<std::size_t>(attempts));
    CHECK(told == attempts);
    std::set<std::string> bodies;
    std::set<std::string> invocations;
    int badly_signed = 0;
    for (const pe::HttpRequest& request : requests) {
      bodies.insert(request.body);
      invocations.insert(header(request, "amz-sdk-invocation-id"));
      badly_signed +=
          header(request, "Authorization") ==
                  expected_authorization(request, test::temporary_credentials(), "us-east-1")
              ? 0
              : 1;
    }
    CHECK(bodies.size() == kThreads * kCalls);
    CHECK(invocations.size() == kThreads * kCalls);
    CHECK(badly_signed == 0);
  }
}

TEST_CASE("Eight threads that meet rejected credentials refresh them once") {
  // The first eight requests, one of each thread, are all refused before any is answered.
  class Refusing : public pe::Transport {
   public:
    pe::Result<pe::HttpResponse> send(const pe::HttpRequest& request) override {
      std::unique_lock<std::mutex> lock{mutex_};
      if (header(request, "X-Amz-Security-Token") != "token1") return pe::HttpResponse{200};
      ++refused_;
      changed_.notify_all();
      changed_.wait(lock, [this] { return refused_ >= 8; });
      return service_error(403, "ExpiredTokenException");
    }

   private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int refused_{0};
  };
  ClientWorld world;
  int calls = 0;
  world.options.credentials = numbered(calls);
  world.options.transport = std::make_shared<Refusing>();
  const pe::Client client = world.client();
  std::atomic<int> delivered{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&] { delivered += client.put_events(put_events_request()) ? 1 : 0; });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(delivered == 8);
  CHECK(calls == 2);
}
