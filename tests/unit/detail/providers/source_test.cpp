// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/providers/source.hpp"

#include <chrono>
#include <memory>
#include <string>

#include "catch.hpp"
#include "personalize_events/testing/fake_transport.hpp"
#include "personalize_events/testing/virtual_platform.hpp"

namespace pe = personalize_events;

namespace {

struct World {
  std::shared_ptr<pe::testing::FakeTransport> transport =
      std::make_shared<pe::testing::FakeTransport>();
  std::shared_ptr<pe::testing::VirtualPlatform> platform =
      std::make_shared<pe::testing::VirtualPlatform>();
  pe::detail::SourceContext context{{transport, platform}};
};

pe::HttpRequest question() { return {"GET", "http://127.0.0.1/credentials?token=SECRET"}; }

pe::Error no_answer(bool connected) {
  pe::Error error{pe::ErrorKind::Transport};
  error.retryable = true;
  error.connected = connected;
  error.message = "the connection was reset";
  return error;
}

pe::Result<pe::Credentials> read(const std::string& json,
                                 const pe::detail::CredentialNames& names = {}) {
  const auto value = pe::detail::json_of(json, "vault");
  if (!value) return value.error();
  return pe::detail::credentials_of(*value, names, "vault");
}

const std::string kWhole = R"({"AccessKeyId":"AKID","SecretAccessKey":"SECRETKEY","Token":"TOKEN",)"
                           R"("Expiration":"2030-01-31T12:00:00Z","AccountId":"123456789012"})";

}  // namespace

TEST_CASE("an answer that may change is asked for again, no more than three times") {
  for (const int status : {500, 502, 503, 429}) {
    CAPTURE(status);
    World world;
    world.transport->reply(pe::HttpResponse{status});
    const auto answer = pe::detail::ask_source(world.context, question(), "vault");
    REQUIRE(answer.has_value());
    CHECK(answer->status == status);
    CHECK(world.transport->requests().size() == 3);
    CHECK(world.platform->sleeps().size() == 2);
    for (const auto& sleep : world.platform->sleeps()) CHECK(sleep <= std::chrono::seconds{1});
  }
}

TEST_CASE("a refusal is not asked for again") {
  for (const int status : {200, 301, 400, 403, 404}) {
    CAPTURE(status);
    World world;
    world.transport->reply(pe::HttpResponse{status});
    const auto answer = pe::detail::ask_source(world.context, question(), "vault");
    REQUIRE(answer.has_value());
    CHECK(answer->status == status);
    CHECK(world.transport->requests().size() == 1);
  }
}

TEST_CASE("a source may tell by the answer itself that it passes") {
  pe::detail::RequestRules rules;
  rules.is_passing = [](const pe::HttpResponse& answer) { return answer.body == "later"; };
  World world;
  world.transport->reply(pe::HttpResponse{400, {}, "later"});
  world.transport->reply(pe::HttpResponse{503, {}, "never"});
  world.transport->reply(pe::HttpResponse{400, {}, "never"});
  world.transport->reply(pe::HttpResponse{200, {}, "later"});
  CHECK(pe::detail::ask_source(world.context, question(), "vault", rules)->body == "never");
  CHECK(world.transport->requests().size() == 3);
  CHECK(pe::detail::ask_source(world.context, question(), "vault", rules)->body == "later");
  CHECK(world.transport->requests().size() == 6);
}

TEST_CASE("secrets do not travel over plain http to another host") {
  struct Case {
    const char* url;
    bool is_private;
  };
  for (const Case& one : {Case{"https://example.com/", true}, Case{"http://127.0.0.1:80/x", true},
                          Case{"http://localhost", true}, Case{"http://[::1]:8080/a?b", true},
                          Case{"http://example.com/", false}, Case{"http://10.0.0.1/", false},
                          Case{"http://mock:4566/?https://", false}, Case{"mock", false}}) {
    CAPTURE(one.url);
    World world;
    for (int i = 0; i < 3; ++i) world.transport->reply(pe::HttpResponse{200});
    pe::HttpRequest request = question();
    request.url = one.url;
    pe::detail::RequestRules rules;
    rules.endpoint_setting = "VaultOptions::url";
    const auto sent = pe::detail::ask_source(world.context, request, "vault", rules);
    CHECK(sent.has_value() == one.is_private);
    CHECK(world.transport->requests().size() == (one.is_private ? 1 : 0));
    if (!sent) {
      CHECK(sent.error().where == "VaultOptions::url");
      CHECK(sent.error().code == "MisconfiguredSource");
      CHECK_THAT(sent.error().message, test::ContainsSubstring("https://"));
    }
    for (const auto carries : {pe::detail::Carries::Signature, pe::detail::Carries::AgentToken}) {
      rules.carries = carries;
      CHECK(pe::detail::ask_source(world.context, request, "vault", rules).has_value());
    }
  }
}

TEST_CASE("the answer after a failure counts") {
  World world;
  world.transport->reply(no_answer(true));
  world.transport->reply(pe::HttpResponse{200, {}, "body"});
  const auto answer = pe::detail::ask_source(world.context, question(), "vault");
  REQUIRE(answer.has_value());
  CHECK(answer->body == "body");
}

TEST_CASE("no answer is an error of the source, which shows nothing of the request") {
  World world;
  world.transport->reply(no_answer(true));
  const auto answer = pe::detail::ask_source(world.context, question(), "vault");
  REQUIRE_FALSE(answer.has_value());
  CHECK(world.transport->requests().size() == 3);
  CHECK(answer.error().kind == pe::ErrorKind::Credentials);
  CHECK(answer.error().where == "vault");
  CHECK(answer.error().connected);
  CHECK(answer.error().retryable);
  CHECK(pe::detail::is_of_meant_source(answer.error()));
  CHECK_THAT(pe::to_string(answer.error()), test::ContainsSubstring("reset"));
  CHECK_THAT(pe::to_string(answer.error()), !test::ContainsSubstring("SECRET"));
}

TEST_CASE("an address that stays silent is asked as often as it is worth") {
  pe::Error late = no_answer(true);
  late.kind = pe::ErrorKind::Timeout;
  for (const pe::Error& silence : {no_answer(false), late}) {
    for (const bool asks_again : {true, false}) {
      CAPTURE(silence.connected, asks_again);
      World world;
      world.transport->reply(silence);
      const auto answer =
          pe::detail::ask_source(world.context, question(), "vault", {3, asks_again});
      REQUIRE_FALSE(answer.has_value());
      CHECK(answer.error().connected == silence.connected);
      CHECK(world.transport->requests().size() == (asks_again ? 3U : 1U));
    }
  }
}

TEST_CASE("a connection that broke is tried again also where silence is final") {
  World world;
  world.transport->reply(no_answer(true));
  world.transport->reply(pe::HttpResponse{200, {}, "body"});
  CHECK(pe::detail::ask_source(world.context, question(), "vault", {3, false}).has_value());
}

TEST_CASE("the transport's own error is there for a source that sorts them") {
  World world;
  world.transport->reply(no_answer(true));
  const auto answer = pe::detail::send_patiently(world.context, question(), {2, true});
  REQUIRE_FALSE(answer.has_value());
  CHECK(answer.error().kind == pe::ErrorKind::Transport);
  CHECK(world.transport->requests().size() == 2);
}

TEST_CASE("without a transport the error says so") {
  const auto context =
      pe::detail::SourceContext{{nullptr, std::make_shared<pe::testing::VirtualPlatform>()}};
  const auto answer = pe::detail::ask_source(context, question(), "vault");
  REQUIRE_FALSE(answer.has_value());
  CHECK_THAT(answer.error().message, test::ContainsSubstring("transport"));
  CHECK(pe::detail::SourceContext{{}}.platform != nullptr);
}

TEST_CASE("a refusal names the status, and what to do") {
  const auto error = pe::detail::refused_by_source("vault", {403, {}, "SECRET"}, "open it");
  CHECK(error.http_status == 403);
  CHECK_FALSE(error.retryable);
  CHECK(pe::to_string(error) ==
        "Credentials: FailedSource: vault: refused with HTTP 403; open it (HTTP 403)");
  CHECK(pe::detail::refused_by_source("vault", {503}, "wait").retryable);
}

TEST_CASE("credentials are read from an answer") {
  const auto credentials = read(kWhole);
  REQUIRE(credentials.has_value());
  CHECK(credentials->access_key_id == "AKID");
  CHECK(credentials->secret_access_key == "SECRETKEY");
  CHECK(credentials->session_token == "TOKEN");
  CHECK(credentials->account_id == "123456789012");
  CHECK(credentials->expiration ==
        std::chrono::system_clock::time_point{std::chrono::seconds{1'896'091'200}});
}

TEST_CASE("names are taken in any letter case, and other names by the source's own table") {
  REQUIRE(read(R"({"accesskeyid":"A","SECRETACCESSKEY":"S","token":"T",)"
               R"("expiration":"2030-01-31T12:00:00Z"})")
              .has_value());
  pe::detail::CredentialNames names;
  names.secret_access_key = "SecretKey";
  names.session_token = "SessionToken";
  names.expiration_unit = std::chrono::milliseconds{1};
  const auto credentials =
      read(R"({"AccessKeyId":"A","SecretKey":"S","SessionToken":"T","Expiration":1896091200500})",
           names);
  REQUIRE(credentials.has_value());
  CHECK(credentials->expiration ==
        std::chrono::system_clock::time_point{std::chrono::milliseconds{1'896'091'200'500}});
}

TEST_CASE("long-term keys need neither token nor expiration, where the source may have such") {
  pe::detail::CredentialNames names;
  names.needs_session_token = false;
  names.needs_expiration = false;
  const auto credentials = read(R"({"AccessKeyId":"A","SecretAccessKey":"S","Token":null})", names);
  REQUIRE(credentials.has_value());
  CHECK(credentials->session_token.empty());
  CHECK_FALSE(credentials->expiration.has_value());
}

TEST_CASE("an expiration that the clock cannot hold is far in the future") {
  for (const char* late : {R"("9999-12-31T23:59:59Z")", "253402300799", "9223372037"}) {
    CAPTURE(late);
    std::string text = kWhole;
    const std::string from = R"("2030-01-31T12:00:00Z")";
    text.replace(text.find(from), from.size(), late);
    const auto credentials = read(text);
    REQUIRE(credentials.has_value());
    CHECK(*credentials->expiration > pe::detail::time_from_seconds(9'000'000'000));
  }
}

TEST_CASE("an answer that is no credentials names the member and shows no value") {
  struct Case {
    const char* from;
    const char* to;
    const char* told;
  };
  const Case cases[] = {
      {R"("AccessKeyId":"AKID",)", "", "AccessKeyId is missing"},
      {R"("AKID")", R"("")", "AccessKeyId is empty"},
      {R"("AKID")", "17", "AccessKeyId is not a string"},
      {R"("SECRETKEY")", "null", "SecretAccessKey is missing"},
      {R"("SECRETKEY")", R"("SECRETKEY\r\nX: y")", "SecretAccessKey is not plain ASCII"},
      {R"("TOKEN")", R"("TOKEN\n")", "Token is not plain ASCII"},
      {R"("TOKEN")", R"("")", "Token is empty"},
      {R"("123456789012")", "123456789012", "AccountId is not a string"},
      {R"("2030-01-31T12:00:00Z")", R"("tomorrow")", "Expiration is not a time"},
      {R"("2030-01-31T12:00:00Z")", "-1", "Expiration is not a time"},
      {R"("2030-01-31T12:00:00Z")", "1e300", "Expiration is not a time"},
      {R"("2030-01-31T12:00:00Z")", "true", "Expiration is not a time"},
      {R"("2030-01-31T12:00:00Z")", "null", "Expiration is missing"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.told);
    std::string text = kWhole;
    const std::string from = one.from;
    text.replace(text.find(from), from.size(), one.to);
    const auto credentials = read(text);
    REQUIRE_FALSE(credentials.has_value());
    CHECK(credentials.error().kind == pe::ErrorKind::Credentials);
    CHECK(credentials.error().where == "vault");
    CHECK_THAT(credentials.error().message, test::ContainsSubstring(one.told));
    CHECK_THAT(pe::to_string(credentials.error()), !test::ContainsSubstring("SECRETKEY"));
    CHECK_THAT(pe::to_string(credentials.error()), !test::ContainsSubstring("TOKEN"));
  }
  for (const char* text : {"", "[]", "\"AKID\"", "null"}) CHECK_FALSE(read(text).has_value());
}

TEST_CASE("an error inside an answer is seen, and only a word of it is told") {
  const auto inside = [](const char* text) {
    return pe::detail::error_inside(*pe::detail::json::parse(text), "vault");
  };
  CHECK_FALSE(inside("{}").has_value());
  CHECK_FALSE(inside("[]").has_value());
  CHECK_FALSE(inside(R"({"Code":"Success"})").has_value());
  CHECK_FALSE(inside(R"({"code":null})").has_value());
  for (const char* text : {R"({"Code":"RoleGone","Message":"SECRET"})", R"({"code":"RoleGone"})"}) {
    const auto error = inside(text);
    REQUIRE(error.has_value());
    CHECK(error->where == "vault");
    CHECK(pe::detail::is_of_meant_source(*error));
    CHECK_THAT(error->message, test::ContainsSubstring("RoleGone"));
    CHECK_THAT(error->message, !test::ContainsSubstring("SECRET"));
  }
  for (const char* text : {R"({"code":"two SECRET words"})", R"({"code":17})", R"({"code":""})"}) {
    const auto error = inside(text);
    REQUIRE(error.has_value());
    CHECK_THAT(error->message, !test::ContainsSubstring("SECRET"));
  }
}

TEST_CASE("an answer that is cut anywhere is an error") {
  for (std::size_t size = 0; size < kWhole.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(read(kWhole.substr(0, size)).has_value());
  }
}
