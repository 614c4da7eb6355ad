// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/providers/web_identity.hpp"

#include <memory>
#include <string>

#include "catch.hpp"
#include "personalize_events/testing/fake_transport.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "support/client_world.hpp"

namespace pe = personalize_events;
namespace detail = personalize_events::detail;

namespace {

const char* const kFile = "/var/run/token";

const char* const kAnswer =
    "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n"
    "  <AssumeRoleWithWebIdentityResult>\n    <Audience>sts.amazonaws.com</Audience>\n"
    "    <AssumedRoleUser>\n      <AssumedRoleId>AROA:s</AssumedRoleId>\n"
    "      <Arn>arn:aws:sts::123456789012:assumed-role/r/s</Arn>\n    </AssumedRoleUser>\n"
    "    <Credentials>\n      <AccessKeyId>ASIA</AccessKeyId>\n"
    "      <SecretAccessKey>secret-MARKER</SecretAccessKey>\n"
    "      <SessionToken>token-MARKER</SessionToken>\n"
    "      <Expiration>2026-03-01T13:34:56Z</Expiration>\n    </Credentials>\n"
    "  </AssumeRoleWithWebIdentityResult>\n</AssumeRoleWithWebIdentityResponse>\n";

pe::HttpResponse refusal(const std::string& code, int status) {
  return {status,
          {},
          "<ErrorResponse><Error><Code>" + code +
              "</Code><Message>MARKER</Message></Error><RequestId>1d</RequestId></ErrorResponse>"};
}

struct World {
  std::shared_ptr<pe::testing::FakeTransport> transport =
      std::make_shared<pe::testing::FakeTransport>();
  std::shared_ptr<pe::testing::VirtualPlatform> platform =
      std::make_shared<pe::testing::VirtualPlatform>();
  pe::WebIdentityOptions options{"arn:aws:iam::123456789012:role/RoleA", kFile};

  World() {
    options.region = "us-east-1";
    options.role_session_name = "sess";
    platform->set_file(kFile, "eyJ.a-b_c.sig==");
  }

  World& answer(pe::Result<pe::HttpResponse> response) {
    transport->reply(std::move(response));
    return *this;
  }
  World& token(const std::string& text) {
    platform->set_file(kFile, text);
    return *this;
  }
  pe::Result<pe::Credentials> ask() const {
    return pe::web_identity_credentials(options, {transport, platform})();
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
  // The token in the request that was sent last.
  std::string sent_token() const {
    const std::string body = transport->requests().back().body;
    return body.substr(body.find("WebIdentityToken=") + 17);
  }
};

}  // namespace

TEST_CASE("a token is exchanged for the keys of a role") {
  World world;
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
  CHECK(request.headers ==
        pe::Headers{{"Host", "sts.us-east-1.amazonaws.com"},
                    {"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}});
  CHECK(request.body ==
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A"
        "123456789012%3Arole%2FRoleA&RoleSessionName=sess&WebIdentityToken=eyJ.a-b_c.sig%3D%3D");
}

TEST_CASE("a session without a name is named after the moment of each call") {
  World world;
  world.options.role_session_name.clear();
  world.answer(pe::HttpResponse{200, {}, kAnswer});
  for (const char* name :
       {"personalize-events-1767225600000&", "personalize-events-1767225601000&"}) {
    REQUIRE(world.ask().has_value());
    CHECK_THAT(world.transport->requests().back().body, test::ContainsSubstring(name));
    world.platform->advance(std::chrono::seconds{1});
  }
}

TEST_CASE("the token file is read anew each time") {
  World world;
  world.answer(pe::HttpResponse{200, {}, kAnswer});
  const auto provider =
      pe::web_identity_credentials(world.options, {world.transport, world.platform});
  for (const char* token : {"first", "second"}) {
    world.token(token);
    REQUIRE(provider().has_value());
    CHECK(world.sent_token() == token);
  }
}

TEST_CASE("line ends behind a token are not sent") {
  World world;
  world.answer(pe::HttpResponse{200, {}, kAnswer});
  for (const char* text : {"token", "token\n", "token\r\n", "token\n\n"}) {
    REQUIRE(world.token(text).ask().has_value());
    CHECK(world.sent_token() == "token");
  }
}

TEST_CASE("a token has 4 to 20000 characters") {
  World world;
  world.answer(pe::HttpResponse{200, {}, kAnswer});
  for (const std::size_t size : {4U, 20'000U}) {
    const std::string token(size, 't');
    REQUIRE(world.token(token + "\n").ask().has_value());
    CHECK(world.sent_token() == token);
  }
}

TEST_CASE("what is no token is not sent") {
  World world;
  for (const std::string& text :
       {std::string{}, std::string{"\n"}, std::string{"\r\n\r\n"}, std::string{"abc\n"},
        std::string(20'001, 't'), std::string{"a\nMARKER"}, std::string{"a\r\nMARKER\n"},
        std::string{" MARKER"}, std::string{"MARKER "}, std::string{"a\tMARKER"},
        std::string{"\xEF\xBB\xBFMARKER"}, std::string{"MARKER\0x", 8}}) {
    CAPTURE(text.substr(0, 20));
    CHECK(world.token(text).mistake() == kFile);
  }
}

TEST_CASE("a token file that cannot be read is named") {
  World world;
  world.platform->remove_file(kFile);
  CHECK(world.mistake() == kFile);
  world.platform->set_file(kFile,
                           detail::make_error(pe::ErrorKind::Configuration, kFile, "denied"));
  CHECK(world.mistake() == kFile);
  CHECK_THAT(world.error().message, test::ContainsSubstring("denied"));
  world.options.token_file.clear();
  CHECK(world.mistake() == "web_identity_token_file");
}

TEST_CASE("each option of a web identity that is not allowed is named, and nothing is sent") {
  const World good;
  World world = good;
  world.options.role_arn = "RoleA";
  CHECK(world.mistake() == "role_arn");
  world = good;
  world.options.role_arn.clear();
  CHECK(world.mistake() == "role_arn");
  world = good;
  world.options.role_session_name = "a b";
  CHECK(world.mistake() == "role_session_name");
  world = good;
  world.options.region.clear();
  CHECK(world.mistake() == "region");
  world = good;
  world.options.endpoint_url = "nonsense";
  CHECK(world.mistake() == "endpoint_url");
}

TEST_CASE("a token travels over plain http within this machine only") {
  World world;
  world.options.endpoint_url = "http://sts.example.com";
  CHECK(world.mistake() == "endpoint_url");
  world.options.endpoint_url = "http://127.0.0.1:4566";
  world.options.region.clear();
  REQUIRE(world.answer(pe::HttpResponse{200, {}, kAnswer}).ask().has_value());
  CHECK(world.transport->requests()[0].url == "http://127.0.0.1:4566/");
}

TEST_CASE("a token that has expired or is rejected is not sent again") {
  for (const char* code : {"ExpiredTokenException", "InvalidIdentityToken", "AccessDenied"}) {
    CAPTURE(code);
    World world;
    const pe::Error error = world.answer(refusal(code, 400)).error();
    CHECK(error.code == "FailedSource");
    CHECK(error.where == "AWS STS");
    CHECK(error.http_status == 400);
    CHECK(error.request_id == "1d");
    CHECK_FALSE(error.retryable);
    CHECK_THAT(error.message, test::ContainsSubstring(code));
    CHECK(world.transport->requests().size() == 1);
  }
}

TEST_CASE("an identity provider that STS could not reach is tried again") {
  World world;
  world.answer(refusal("IDPCommunicationError", 400)).answer(pe::HttpResponse{200, {}, kAnswer});
  CHECK(world.ask().has_value());
  CHECK(world.transport->requests().size() == 2);
  World down;
  const pe::Error error = down.answer(refusal("IDPCommunicationError", 400)).error();
  CHECK(error.retryable);
  CHECK(down.transport->requests().size() == 3);
}

TEST_CASE("a token without a transport cannot be exchanged") {
  const World world;
  const auto result = pe::web_identity_credentials(world.options, {nullptr, world.platform})();
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().code == "MisconfiguredSource");
}
