// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/providers/cognito.hpp"

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "personalize_events/curl_transport.hpp"
#include "personalize_events/testing/fake_transport.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "support/client_world.hpp"
#include "support/raw_server.hpp"

namespace pe = personalize_events;

namespace {

const char* const kPool = "eu-west-1:11111111-2222-3333-4444-555555555555";
const char* const kIdentity = "eu-west-1:99999999-8888-7777-6666-555555555555";
const pe::CognitoOptions kGuest{"eu-west-1", kPool};
const pe::CognitoOptions kUser{
    "eu-west-1", kPool, {{"accounts.google.com", "token-MARKER"}, {"www.amazon.com", "a\"b"}}};

std::string identity(const std::string& id = kIdentity) {
  return R"({"IdentityId":")" + id + "\"}";
}

std::string keys(const std::string& id = "id-MARKER", const std::string& of = kIdentity) {
  return R"({"IdentityId":")" + of + R"(","Credentials":{"AccessKeyId":")" + id +
         R"(","SecretKey":"secret-MARKER","SessionToken":"token-MARKER",)"
         R"("Expiration":1.8960912E9}})";
}

pe::HttpResponse refusal(const std::string& code, int status = 400) {
  return {status, {}, R"({"__type":")" + code + R"(","message":"said MARKER"})"};
}

struct World {
  std::shared_ptr<pe::testing::FakeTransport> transport =
      std::make_shared<pe::testing::FakeTransport>();
  std::shared_ptr<pe::testing::VirtualPlatform> platform =
      std::make_shared<pe::testing::VirtualPlatform>();

  World& answer(std::string body) {
    transport->reply(pe::HttpResponse{200, {}, std::move(body)});
    return *this;
  }
  World& answer(pe::HttpResponse response) {
    transport->reply(std::move(response));
    return *this;
  }
  pe::CredentialsProvider provider(const pe::CognitoOptions& options = kGuest) const {
    return pe::cognito_credentials(options, {transport, platform});
  }
  // The operations asked for, one letter each: I for GetId, C for GetCredentialsForIdentity.
  std::string asked() const {
    std::string letters;
    for (const pe::HttpRequest& request : transport->requests()) {
      const std::string target = test::header(request, "X-Amz-Target");
      letters += target == "AWSCognitoIdentityService.GetId"                       ? 'I'
                 : target == "AWSCognitoIdentityService.GetCredentialsForIdentity" ? 'C'
                                                                                   : '?';
    }
    return letters;
  }
};

pe::Error error_of(const pe::Result<pe::Credentials>& result) {
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().kind == pe::ErrorKind::Credentials);
  CHECK(pe::detail::is_of_meant_source(result.error()));
  CHECK(test::all_texts(result.error()).find("MARKER") == std::string::npos);
  return result.error();
}

}  // namespace

TEST_CASE("The first call asks for an identity and then for its keys") {
  World world;
  world.answer(identity()).answer(keys());
  const auto credentials = world.provider(kUser)();
  REQUIRE(credentials.has_value());
  CHECK(credentials->access_key_id == "id-MARKER");
  CHECK(credentials->secret_access_key == "secret-MARKER");
  CHECK(credentials->session_token == "token-MARKER");
  REQUIRE(credentials->expiration.has_value());
  CHECK(credentials->expiration->time_since_epoch() == std::chrono::seconds{1'896'091'200});

  const auto requests = world.transport->requests();
  REQUIRE(requests.size() == 2);
  const std::string logins =
      R"("Logins":{"accounts.google.com":"token-MARKER","www.amazon.com":"a\"b"})";
  CHECK(requests[0].method == "POST");
  CHECK(requests[0].url == "https://cognito-identity.eu-west-1.amazonaws.com/");
  CHECK(requests[0].headers == pe::Headers{{"Host", "cognito-identity.eu-west-1.amazonaws.com"},
                                           {"Accept", "application/json"},
                                           {"Content-Type", "application/x-amz-json-1.1"},
                                           {"X-Amz-Target", "AWSCognitoIdentityService.GetId"}});
  CHECK(requests[0].body == R"({"IdentityPoolId":")" + std::string{kPool} + "\"," + logins + "}");
  CHECK(test::header(requests[1], "X-Amz-Target") ==
        "AWSCognitoIdentityService.GetCredentialsForIdentity");
  CHECK(requests[1].body == R"({"IdentityId":")" + std::string{kIdentity} + "\"," + logins + "}");
}

TEST_CASE("A guest sends no logins") {
  World world;
  world.answer(identity()).answer(keys());
  REQUIRE(world.provider()().has_value());
  CHECK(world.transport->requests()[0].body ==
        R"({"IdentityPoolId":")" + std::string{kPool} + "\"}");
  CHECK(world.transport->requests()[1].body ==
        R"({"IdentityId":")" + std::string{kIdentity} + "\"}");
}

TEST_CASE("The identity is kept for later calls") {
  World world;
  world.answer(identity()).answer(keys("first")).answer(keys("second"));
  const auto provider = world.provider();
  CHECK(provider()->access_key_id == "first");
  CHECK(provider()->access_key_id == "second");
  CHECK(world.asked() == "ICC");
}

TEST_CASE("An identity that is gone is asked for anew, once a call") {
  World world;
  world.answer(identity())
      .answer(keys("first"))
      .answer(refusal("ResourceNotFoundException"))
      .answer(identity("eu-west-1:aaaa"))
      .answer(keys("second"))
      .answer(refusal("ResourceNotFoundException"))
      .answer(identity("eu-west-1:bbbb"))
      .answer(refusal("ResourceNotFoundException"))
      .answer(identity("eu-west-1:cccc"))
      .answer(keys("third"));
  const auto provider = world.provider();
  CHECK(provider()->access_key_id == "first");
  CHECK(provider()->access_key_id == "second");
  CHECK(error_of(provider()).http_status == 400);
  CHECK(world.asked() == "ICCICCIC");
  CHECK(provider()->access_key_id == "third");
  CHECK(world.asked() == "ICCICCICIC");
}

TEST_CASE("A new identity is reported, and one that is stored is used instead") {
  std::vector<std::string> reported;
  pe::CognitoOptions options = kGuest;
  options.on_identity_id = [&reported](const std::string& id) { reported.push_back(id); };
  World first;
  first.answer(identity()).answer(keys()).answer(keys());
  const auto provider = first.provider(options);
  REQUIRE(provider().has_value());
  REQUIRE(provider().has_value());
  CHECK(reported == std::vector<std::string>{kIdentity});

  options.identity_id = reported.at(0);
  World restarted;
  restarted.answer(keys());
  REQUIRE(restarted.provider(options)().has_value());
  CHECK(restarted.asked() == "C");
  CHECK(restarted.transport->requests().at(0).body ==
        R"({"IdentityId":")" + std::string{kIdentity} + "\"}");
  CHECK(reported.size() == 1);
}

TEST_CASE("A new identity is reported also when its keys are refused") {
  std::string reported;
  pe::CognitoOptions options = kGuest;
  options.on_identity_id = [&reported](const std::string& id) { reported = id; };
  World world;
  world.answer(identity()).answer(refusal("NotAuthorizedException"));
  CHECK_THAT(error_of(world.provider(options)()).message,
             test::ContainsSubstring("CognitoOptions::identity_id"));
  CHECK(reported == kIdentity);
}

TEST_CASE("A stored identity that the service does not know is replaced and reported") {
  const std::string other = "eu-west-1:aaaa";
  std::vector<std::string> reported;
  pe::CognitoOptions options = kGuest;
  options.identity_id = kIdentity;
  options.on_identity_id = [&reported](const std::string& id) { reported.push_back(id); };
  World world;
  world.answer(refusal("ResourceNotFoundException"))
      .answer(identity(other))
      .answer(keys("first", other))
      .answer(keys("second", other));
  const auto provider = world.provider(options);
  CHECK(provider()->access_key_id == "first");
  CHECK(provider()->access_key_id == "second");
  CHECK(world.asked() == "CICC");
  CHECK_THAT(world.transport->requests().at(3).body, test::ContainsSubstring(other));
  CHECK(reported == std::vector<std::string>{other});

  // One that is only refused is another user's, and is kept.
  World refused;
  refused.answer(refusal("NotAuthorizedException"));
  error_of(refused.provider(options)());
  CHECK(refused.asked() == "C");
  CHECK(reported.size() == 1);
}

TEST_CASE("An identity that the service merged into another is followed and reported") {
  const std::string other = "eu-west-1:aaaa";
  std::vector<std::string> reported;
  pe::CognitoOptions options = kUser;
  options.identity_id = kIdentity;
  options.on_identity_id = [&reported](const std::string& id) { reported.push_back(id); };
  World world;
  world.answer(keys("first", other)).answer(keys("second", "no id"));
  const auto provider = world.provider(options);
  REQUIRE(provider().has_value());
  CHECK(provider()->access_key_id == "second");
  CHECK_THAT(world.transport->requests().at(1).body, test::ContainsSubstring(other));
  CHECK(reported == std::vector<std::string>{other});
}

TEST_CASE("Logins of a function are those of the moment, one call for each fetch") {
  int calls = 0;
  std::vector<std::chrono::milliseconds> timeouts;
  World world;
  pe::CognitoOptions options = kGuest;
  options.logins_provider = [&](const pe::CredentialsRequest& request) {
    timeouts.push_back(request.timeout);
    world.platform->sleep_for(std::chrono::seconds{2});
    const std::string token = "token-" + std::to_string(++calls);
    return std::map<std::string, std::string>{{"accounts.google.com", token}};
  };
  world.answer(identity()).answer(keys()).answer(keys());
  const auto provider = world.provider(options);
  REQUIRE(provider({std::chrono::seconds{10}}).has_value());
  REQUIRE(provider({std::chrono::seconds{5}}).has_value());
  CHECK(calls == 2);
  CHECK(timeouts ==
        std::vector<std::chrono::milliseconds>{std::chrono::seconds{10}, std::chrono::seconds{5}});
  const auto requests = world.transport->requests();
  REQUIRE(requests.size() == 3);
  CHECK_THAT(requests[0].body, test::ContainsSubstring(R"({"accounts.google.com":"token-1"})"));
  CHECK_THAT(requests[1].body, test::ContainsSubstring(R"({"accounts.google.com":"token-1"})"));
  CHECK_THAT(requests[2].body, test::ContainsSubstring(R"({"accounts.google.com":"token-2"})"));
  // The function's time is part of the call's.
  CHECK(requests[2].timeout == std::chrono::seconds{3});
}

TEST_CASE("A function that gives no usable logins is named, and nothing is sent") {
  pe::CognitoOptions options = kGuest;
  World world;
  const auto error_with = [&world,
                           &options](pe::Result<std::map<std::string, std::string>> logins) {
    options.logins_provider = [&logins](const pe::CredentialsRequest&) { return logins; };
    const pe::Error error = error_of(world.provider(options)());
    CHECK(error.where == "CognitoOptions::logins_provider");
    CHECK(world.transport->requests().empty());
    return error;
  };
  pe::Error cause = pe::credentials_error("the session of the user has ended");
  cause.retryable = true;
  const pe::Error failed = error_with(cause);
  CHECK(failed.code == "FailedSource");
  CHECK(failed.retryable);
  CHECK_THAT(failed.message, test::ContainsSubstring("the session of the user has ended"));
  cause.kind = pe::ErrorKind::Transport;
  cause.retryable = false;
  CHECK_FALSE(error_with(cause).retryable);

  using Logins = std::map<std::string, std::string>;
  for (const Logins& logins : {Logins{{"", "MARKER"}}, Logins{{"x", ""}}, Logins{{"x", "M\xff"}}}) {
    CHECK(error_with(logins).code == "MisconfiguredSource");
  }

  options.logins = {{"accounts.google.com", "token-MARKER"}};
  CHECK_THAT(error_with(Logins{}).message, test::ContainsSubstring("mutually exclusive"));
}

TEST_CASE("A function that gives no logins makes a guest") {
  World world;
  pe::CognitoOptions options = kGuest;
  options.logins_provider = [](const pe::CredentialsRequest&) {
    return std::map<std::string, std::string>{};
  };
  world.answer(identity()).answer(keys());
  REQUIRE(world.provider(options)().has_value());
  CHECK(world.transport->requests().at(0).body ==
        R"({"IdentityPoolId":")" + std::string{kPool} + "\"}");
}

TEST_CASE("An identity is kept when only its keys could not be had") {
  World world;
  world.answer(identity()).answer(refusal("NotAuthorizedException")).answer(keys());
  const auto provider = world.provider();
  error_of(provider());
  CHECK(provider().has_value());
  CHECK(world.asked() == "ICC");
}

TEST_CASE("Calls of several threads share one identity") {
  World world;
  world.answer(identity()).answer(keys());
  const auto provider = world.provider();
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) threads.emplace_back([&provider] { static_cast<void>(provider()); });
  for (std::thread& thread : threads) thread.join();
  CHECK(world.asked() == "ICCCCCCCC");
}

TEST_CASE("The region is the pool's; another is misconfigured, and nothing is sent") {
  CHECK(*pe::detail::cognito_region({"", kPool}) == "eu-west-1");
  CHECK(pe::detail::cognito_endpoint({"", "cn-north-1:1-2"})->host ==
        "cognito-identity.cn-north-1.amazonaws.com.cn");
  struct Case {
    pe::CognitoOptions options;
    const char* where;
  };
  const std::vector<Case> cases{
      {{"us-east-1", kPool}, "CognitoOptions::region"},
      {{"", ""}, "CognitoOptions::identity_pool_id"},
      {{"", "eu-west-1_AbCdEfGhI"}, "CognitoOptions::identity_pool_id"},
      {{"", ":1234"}, "CognitoOptions::identity_pool_id"},
      {{"", "eu-west-1:"}, "CognitoOptions::identity_pool_id"},
      {{"", "example.com/:1234"}, "CognitoOptions::identity_pool_id"},
      {{"", "eu-west-1:xyz"}, "CognitoOptions::identity_pool_id"},
      {{"", "eu-west-1:" + std::string(50, '1')}, "CognitoOptions::identity_pool_id"},
      {{"", kPool, {{"", "MARKER"}}}, "CognitoOptions::logins"},
      {{"", kPool, {{"issuer", ""}}}, "CognitoOptions::logins"},
      {{"", kPool, {{"issuer", "MARKER\xff"}}}, "CognitoOptions::logins"},
      {{"", kPool, {}, "http://example.com"}, "CognitoOptions::endpoint_url"},
      {{"", kPool, {}, "https://user:MARKER@example.com"}, "CognitoOptions::endpoint_url"},
      {{"", kPool, {}, "", "MARKER"}, "CognitoOptions::identity_id"},
      {{"", kPool, {}, "", ":1234"}, "CognitoOptions::identity_id"},
      {{"", kPool, {}, "", "eu-west-1:"}, "CognitoOptions::identity_id"},
      {{"", kPool, {}, "", "eu-west-1:12\n"}, "CognitoOptions::identity_id"},
      {{"", kPool, {}, "", "eu-west-1:" + std::string(50, '1')}, "CognitoOptions::identity_id"},
  };
  for (const Case& broken : cases) {
    CAPTURE(broken.options.identity_pool_id, broken.options.endpoint_url);
    const World world;
    const pe::Error error = error_of(world.provider(broken.options)());
    CHECK(error.code == "MisconfiguredSource");
    CHECK(error.where == broken.where);
    CHECK(world.transport->requests().empty());
  }
}

TEST_CASE("A refusal of Cognito shows a known code and what to mend, not the service's words") {
  struct Case {
    const char* code;
    const char* shown;
  };
  for (const Case& known : std::vector<Case>{
           {"NotAuthorizedException", "guests"},
           {"InvalidParameterException", "issuers"},
           {"com.amazonaws.cognito#ResourceNotFoundException:http://x", "identity_pool_id"},
           {"InvalidIdentityPoolConfigurationException", "role"},
           {"LimitExceededException", "limit"},
       }) {
    CAPTURE(known.code);
    World world;
    world.answer(refusal(known.code));
    const pe::Error error = error_of(world.provider()());
    CHECK(error.where == "Amazon Cognito");
    CHECK(error.http_status == 400);
    CHECK_FALSE(error.retryable);
    CHECK_THAT(error.message,
               test::ContainsSubstring("Exception: ") && test::ContainsSubstring(known.shown));
  }
  World unknown;
  unknown.answer(refusal("MARKERException"));
  CHECK_THAT(error_of(unknown.provider()()).message, test::ContainsSubstring("HTTP 400"));
}

TEST_CASE("A busy identity pool is asked again, three times at most a request") {
  World busy;
  busy.answer(refusal("InternalErrorException", 500)).answer(identity()).answer(keys());
  CHECK(busy.provider()().has_value());
  CHECK(busy.asked() == "IIC");

  World throttled;
  throttled.answer(refusal("TooManyRequestsException"));
  CHECK(error_of(throttled.provider()()).retryable);
  CHECK(throttled.asked() == "III");

  World gone;
  gone.transport->reply(test::transport_error());
  CHECK(error_of(gone.provider()()).retryable);
  CHECK(gone.asked() == "III");
}

TEST_CASE("An answer that Cognito cannot mean is an error of the source") {
  for (const char* body : {"", "MARKER", "{}", "[]", R"({"IdentityId":""})", R"({"IdentityId":5})",
                           R"({"IdentityId":"MARKER"})", R"({"IdentityId":"eu-west-1:1 \n"})"}) {
    CAPTURE(body);
    World world;
    world.answer(body);
    CHECK(error_of(world.provider()()).where == "Amazon Cognito");
    CHECK(world.asked() == "I");
  }
  for (const char* body :
       {"", "MARKER", "{}", R"({"Credentials":null})", R"({"Credentials":"MARKER"})",
        R"({"Credentials":{"AccessKeyId":"MARKER","SecretKey":"MARKER","SessionToken":"MARKER"}})",
        R"({"Credentials":{"AccessKeyId":"MARKER","SecretKey":"MARKER","Expiration":1}})",
        R"({"Credentials":{"AccessKeyId":"MARKER","SecretKey":"MARKER","SessionToken":"MARKER",)"
        R"("Expiration":1e300}})"}) {
    CAPTURE(body);
    World world;
    world.answer(identity()).answer(body);
    CHECK(error_of(world.provider()()).where == "Amazon Cognito");
    CHECK(world.asked() == "IC");
  }
}

TEST_CASE("Without a transport the Cognito provider says so") {
  CHECK(error_of(pe::cognito_credentials(kGuest, {nullptr})()).code == "MisconfiguredSource");
}

TEST_CASE("Over a real connection both requests arrive as they should") {
  int answered = 0;
  test::RawServer server{[&answered](test::RawConnection& connection) {
    while (!connection.read_request().empty()) {
      const std::string body = answered++ == 0 ? identity() : keys();
      if (!connection.send(test::http_response(200, body))) return;
    }
  }};
  pe::CognitoOptions options = kUser;
  options.endpoint_url = "http://127.0.0.1:" + std::to_string(server.port());
  const auto credentials =
      pe::cognito_credentials(options, {std::make_shared<pe::CurlTransport>()})();
  REQUIRE(credentials.has_value());
  CHECK(credentials->secret_access_key == "secret-MARKER");
  REQUIRE(server.requests().size() == 2);
  for (const std::string& request : server.requests()) {
    CHECK(request.rfind("POST / HTTP/1.1\r\n", 0) == 0);
    CHECK_THAT(request,
               test::ContainsSubstring("\r\nContent-Type: application/x-amz-json-1.1\r\n"));
    CHECK(request.find("Authorization") == std::string::npos);
  }
  CHECK_THAT(server.requests().at(1), test::ContainsSubstring(kIdentity));
}

TEST_CASE("Over a real connection a guest is the same after a restart") {
  // A pool with no identity at first, which makes one for each GetId.
  std::string known;
  std::atomic<int> made{0};
  test::RawServer server{[&](test::RawConnection& connection) {
    for (;;) {
      const std::string request = connection.read_request();
      if (request.empty()) return;
      int status = 200;
      std::string body;
      if (request.find("Service.GetId\r\n") != std::string::npos) {
        known = "eu-west-1:" + std::to_string(++made);
        body = identity(known);
      } else if (!known.empty() && request.find("\"" + known + "\"") != std::string::npos) {
        body = keys("id", known);
      } else {
        status = 400;
        body = refusal("ResourceNotFoundException").body;
      }
      if (!connection.send(test::http_response(status, body))) return;
    }
  }};
  std::string stored;
  const auto start = [&] {
    pe::CognitoOptions options = kGuest;
    options.endpoint_url = "http://127.0.0.1:" + std::to_string(server.port());
    options.identity_id = stored;
    options.on_identity_id = [&stored](const std::string& id) { stored = id; };
    return pe::cognito_credentials(options, {std::make_shared<pe::CurlTransport>()})().has_value();
  };
  CHECK(start());
  CHECK(start());
  CHECK(made == 1);
  stored = "eu-west-1:deadbeef";
  CHECK(start());
  CHECK(made == 2);
  CHECK(stored == "eu-west-1:2");
}
