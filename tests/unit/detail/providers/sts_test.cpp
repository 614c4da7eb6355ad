// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/providers/sts.hpp"

#include <chrono>
#include <memory>
#include <string>

#include "catch.hpp"
#include "personalize_events/testing/fake_transport.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "support/client_world.hpp"

namespace pe = personalize_events;
namespace detail = personalize_events::detail;

namespace {

const char* const kRole = "arn:aws:iam::123456789012:role/RoleA";

const char* const kAnswer =
    "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>"
    "<AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/r/s</Arn></AssumedRoleUser>"
    "<Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>secret-MARKER</SecretAccessKey>"
    "<SessionToken>token-MARKER</SessionToken><Expiration>2026-03-01T13:34:56Z</Expiration>"
    "</Credentials></AssumeRoleResult></AssumeRoleResponse>";

pe::HttpResponse refusal(const std::string& code) {
  return {403,
          {},
          "<ErrorResponse><Error><Code>" + code +
              "</Code><Message>MARKER</Message></Error><RequestId>1d</RequestId></ErrorResponse>"};
}

struct World {
  std::shared_ptr<pe::testing::FakeTransport> transport =
      std::make_shared<pe::testing::FakeTransport>();
  std::shared_ptr<pe::testing::VirtualPlatform> platform =
      std::make_shared<pe::testing::VirtualPlatform>();
  pe::AssumeRoleOptions options{kRole};
  pe::CredentialsProvider source = pe::static_credentials(test::temporary_credentials());

  World() {
    options.region = "us-east-1";
    options.role_session_name = "sess";
  }

  World& answer(pe::Result<pe::HttpResponse> response) {
    transport->reply(std::move(response));
    return *this;
  }
  pe::Result<pe::Credentials> ask() const {
    return pe::assume_role_credentials(options, source, {transport, platform})();
  }
  pe::Error error() const {
    const auto result = ask();
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().kind == pe::ErrorKind::Credentials);
    CHECK(detail::is_of_meant_source(result.error()));
    CHECK(test::all_texts(result.error()).find("MARKER") == std::string::npos);
    return result.error();
  }
  std::string mistake() const {
    const pe::Error found = error();
    CHECK(found.code == "MisconfiguredSource");
    CHECK(transport->requests().empty());
    return found.where;
  }
};

}  // namespace

TEST_CASE("a role is assumed with the keys of the source") {
  World world;
  world.options.external_id = "ext/1 2";
  world.options.duration = std::chrono::minutes{20};
  const auto credentials = world.answer(pe::HttpResponse{200, {}, kAnswer}).ask();
  REQUIRE(credentials.has_value());
  CHECK(credentials->access_key_id == "ASIA");
  CHECK(credentials->secret_access_key == "secret-MARKER");
  CHECK(credentials->session_token == "token-MARKER");
  CHECK(credentials->account_id == "123456789012");
  CHECK(credentials->expiration.has_value());

  REQUIRE(world.transport->requests().size() == 1);
  const pe::HttpRequest request = world.transport->requests()[0];
  CHECK(request.method == "POST");
  CHECK(request.url == "https://sts.us-east-1.amazonaws.com/");
  CHECK(request.body ==
        "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2F"
        "RoleA&RoleSessionName=sess&ExternalId=ext%2F1+2&DurationSeconds=1200");
  CHECK(test::header(request, "Host") == "sts.us-east-1.amazonaws.com");
  CHECK(test::header(request, "X-Amz-Date") == "20260101T000000Z");
  CHECK(test::header(request, "X-Amz-Security-Token") ==
        test::temporary_credentials().session_token);
  CHECK_THAT(test::header(request, "Authorization"),
             test::ContainsSubstring("/20260101/us-east-1/sts/aws4_request, SignedHeaders="
                                     "content-type;host;x-amz-date;x-amz-security-token, "));
}

TEST_CASE("a request has no more parameters than options") {
  World world;
  world.options.role_session_name.clear();
  REQUIRE(world.answer(pe::HttpResponse{200, {}, kAnswer}).ask().has_value());
  CHECK(world.transport->requests()[0].body ==
        "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2F"
        "RoleA&RoleSessionName=personalize-events-1767225600000");
}

TEST_CASE("a custom endpoint is asked, and signed for in the region") {
  World world;
  world.options.endpoint_url = "http://sts.local:4566/base";
  REQUIRE(world.answer(pe::HttpResponse{200, {}, kAnswer}).ask().has_value());
  const pe::HttpRequest request = world.transport->requests()[0];
  CHECK(request.url == "http://sts.local:4566/base/");
  CHECK(test::header(request, "Host") == "sts.local:4566");
  CHECK_THAT(test::header(request, "Authorization"),
             test::ContainsSubstring("/us-east-1/sts/aws4_request"));
  world.options.region.clear();
  CHECK(world.error().where == "region");
}

TEST_CASE("each option of a role that is not allowed is named, and nobody is asked") {
  World world;
  world.source = []() -> pe::Result<pe::Credentials> {
    FAIL("the source was asked");
    return pe::credentials_error("");
  };
  const World good = world;
  world.options.role_arn = "RoleA";
  CHECK(world.mistake() == "role_arn");
  world = good;
  world.options.role_session_name = "a b";
  CHECK(world.mistake() == "role_session_name");
  world = good;
  world.options.region.clear();
  CHECK(world.mistake() == "region");
  world = good;
  world.options.endpoint_url = "sts.example.com";
  CHECK(world.mistake() == "endpoint_url");
  world = good;
  world.options.endpoint_url = "https://sts.example.com";
  world.options.use_fips = true;
  CHECK(world.mistake() == "use_fips");
}

TEST_CASE("an external id has 2 to 1224 characters") {
  World world;
  world.answer(pe::HttpResponse{200, {}, kAnswer});
  for (const std::size_t size : {2U, 1224U}) {
    world.options.external_id = std::string(size, 'x');
    CHECK(world.ask().has_value());
  }
  World bad;
  for (const std::string& id : {std::string{"x"}, std::string(1225, 'x'), std::string{"a\nMARKER"},
                                std::string{"\xC3\xA9MARKER"}}) {
    CAPTURE(id);
    bad.options.external_id = id;
    CHECK(bad.mistake() == "external_id");
  }
}

TEST_CASE("a session lasts 900 to 43200 seconds") {
  World world;
  world.answer(pe::HttpResponse{200, {}, kAnswer});
  for (const int seconds : {900, 43'200}) {
    world.options.duration = std::chrono::seconds{seconds};
    CHECK(world.ask().has_value());
  }
  World bad;
  for (const int seconds : {-900, 0, 899, 43'201}) {
    CAPTURE(seconds);
    bad.options.duration = std::chrono::seconds{seconds};
    CHECK(bad.mistake() == "duration");
  }
}

TEST_CASE("a role without a source or a transport cannot be asked for") {
  World world;
  world.source = nullptr;
  CHECK(world.mistake() == "AWS STS");
  const auto result =
      pe::assume_role_credentials(world.options, World{}.source, {nullptr, world.platform})();
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().code == "MisconfiguredSource");
}

TEST_CASE("the failure of the source is that of the role, and ends a chain") {
  World world;
  world.source = [] { return detail::silent_source("environment", "is not set"); };
  pe::Error error = world.error();
  CHECK(error.code == "FailedSource");
  CHECK(error.where == "environment");
  world.source = [] { return detail::misconfigured_source("file:3", "half a key"); };
  error = world.error();
  CHECK(error.code == "MisconfiguredSource");
  CHECK(error.where == "file:3");
  CHECK(world.transport->requests().empty());
}

TEST_CASE("a role that is refused is told with STS's code and request") {
  World world;
  const pe::Error error = world.answer(refusal("AccessDenied")).error();
  CHECK(error.where == "AWS STS");
  CHECK(error.http_status == 403);
  CHECK(error.request_id == "1d");
  CHECK_THAT(error.message, test::ContainsSubstring("AccessDenied"));
  CHECK(world.transport->requests().size() == 1);
}

TEST_CASE("a role is asked for through failures that pass") {
  World world;
  world.answer(test::transport_error())
      .answer(pe::HttpResponse{503})
      .answer(pe::HttpResponse{200, {}, kAnswer});
  CHECK(world.ask().has_value());
  CHECK(world.transport->requests().size() == 3);
  CHECK(world.platform->sleeps().size() == 2);
  World silent;
  CHECK(silent.answer(test::transport_error()).error().retryable);
  CHECK(silent.transport->requests().size() == 3);
}

TEST_CASE("who keeps the source's keys hears that STS refused them") {
  struct Keeper final : pe::CredentialsKeeper {
    int refused{0};
    void invalidate(const pe::Credentials& rejected) override {
      CHECK(rejected.access_key_id == test::temporary_credentials().access_key_id);
      ++refused;
    }
  };
  const auto keeper = std::make_shared<Keeper>();
  World world;
  world.source = [keeper]() -> pe::Result<pe::Credentials> {
    pe::Credentials credentials = test::temporary_credentials();
    credentials.keeper = keeper;
    return credentials;
  };
  for (const char* code : {"AccessDenied", "ValidationError"}) world.answer(refusal(code)).error();
  CHECK(keeper->refused == 0);
  for (const char* code : {"ExpiredToken", "InvalidClientTokenId"}) {
    world.answer(refusal(code)).error();
  }
  CHECK(keeper->refused == 2);
  world.source = pe::static_credentials(test::temporary_credentials());
  CHECK(world.error().http_status == 403);
  CHECK(keeper->refused == 2);
}
