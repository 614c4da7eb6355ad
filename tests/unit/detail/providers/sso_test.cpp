// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/providers/sso.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "catch.hpp"
#include "personalize_events/detail/json/reader.hpp"
#include "personalize_events/testing/fake_transport.hpp"
#include "support/disk_platform.hpp"

namespace pe = personalize_events;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

// SHA-1 of "dev" and of the start URL.
constexpr const char* kPath =
    "/home/me/.aws/sso/cache/34c6fceca75e456f25e7e99531e2425c6c1de443.json";
constexpr const char* kLegacyPath =
    "/home/me/.aws/sso/cache/dace00cba5f8355ec9d274ceb2bcebdfbeed0e12.json";
constexpr const char* kKeys =
    R"({"roleCredentials":{"accessKeyId":"ASIA","secretAccessKey":"secret-MARKER",)"
    R"("sessionToken":"session-MARKER","expiration":1767229200500}})";
constexpr const char* kNewToken =
    R"({"accessToken":"new-MARKER","tokenType":"Bearer","expiresIn":28800,)"
    R"("refreshToken":"next-MARKER"})";

struct World {
  std::shared_ptr<test::DiskPlatform> platform = std::make_shared<test::DiskPlatform>();
  std::shared_ptr<pe::testing::FakeTransport> transport =
      std::make_shared<pe::testing::FakeTransport>();
  pe::SsoOptions options{"dev", "https://ssotest.awsapps.com/start", "eu-west-1", "111122223333",
                         "My Role/1"};

  World() { platform->world.set_environment("HOME", "/home/me"); }

  [[nodiscard]] std::string time_after(seconds later) const {
    return pe::detail::format_rfc3339(platform->now() + later);
  }
  // A token that can be refreshed.
  [[nodiscard]] std::string token(seconds lives) const {
    return R"({"startUrl":"https://x","accessToken":"old-MARKER","expiresAt":")" +
           time_after(lives) +
           R"(","refreshToken":"refresh-MARKER","clientId":"id-MARKER",)"
           R"("clientSecret":"client-MARKER","registrationExpiresAt":")" +
           time_after(minutes{1000}) + R"(","unknown":{"kept":[1.50]}})";
  }
  void write(const std::string& text) const { platform->world.set_file(kPath, text); }
  void reply(int status, const std::string& body) const {
    transport->reply(pe::HttpResponse{status, {}, body});
  }
  [[nodiscard]] pe::CredentialsProvider provider() const {
    return pe::sso_credentials(options, {transport, platform});
  }
  [[nodiscard]] pe::Result<pe::Credentials> get() const { return provider()(); }
  [[nodiscard]] std::string sent_token() const {
    return *pe::find_header(transport->requests().back().headers, "x-amz-sso_bearer_token");
  }
};

// The Error of a call that must end a chain and show no secret.
pe::Error error_of(const pe::Result<pe::Credentials>& result) {
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().kind == pe::ErrorKind::Credentials);
  CHECK(pe::detail::is_of_meant_source(result.error()));
  CHECK(pe::to_string(result.error()).find("MARKER") == std::string::npos);
  return result.error();
}

}  // namespace

TEST_CASE("The role's keys are asked for with the cached token") {
  World world;
  world.write(world.token(minutes{60}));
  world.reply(200, kKeys);
  const auto credentials = world.get();
  REQUIRE(credentials.has_value());
  CHECK(credentials->access_key_id == "ASIA");
  CHECK(credentials->secret_access_key == "secret-MARKER");
  CHECK(credentials->session_token == "session-MARKER");
  CHECK(credentials->account_id == "111122223333");
  CHECK(credentials->expiration ==
        std::chrono::system_clock::time_point{std::chrono::milliseconds{1'767'229'200'500}});

  const auto requests = world.transport->requests();
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].method == "GET");
  CHECK(requests[0].url ==
        "https://portal.sso.eu-west-1.amazonaws.com/federation/credentials"
        "?role_name=My%20Role%2F1&account_id=111122223333");
  CHECK(requests[0].headers == pe::Headers{{"Host", "portal.sso.eu-west-1.amazonaws.com"},
                                           {"x-amz-sso_bearer_token", "old-MARKER"}});
  CHECK(requests[0].body.empty());
  CHECK(requests[0].timeout.count() > 0);
  CHECK(world.platform->writes == 0);
}

TEST_CASE("Without a session the start URL names the cache, and old tokens have no refresh token") {
  World world;
  world.options.session_name.clear();
  world.platform->world.set_file(
      kLegacyPath, R"({"accessToken":"legacy","expiresAt":")" + world.time_after(minutes{1}) +
                       R"(","startUrl":"https://ssotest.awsapps.com/start"})");
  world.reply(200, kKeys);
  REQUIRE(world.get().has_value());
  CHECK(world.sent_token() == "legacy");
  CHECK(world.transport->requests().size() == 1);
}

TEST_CASE("FIPS and dual stack change both hosts, and a URL of the user's beats them") {
  World world;
  world.options.use_fips = true;
  world.options.use_dual_stack = true;
  world.write(world.token(minutes{1}));
  world.reply(200, kNewToken);
  world.reply(200, kKeys);
  REQUIRE(world.get().has_value());
  auto requests = world.transport->requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].url == "https://oidc-fips.eu-west-1.api.aws/token");
  CHECK_THAT(requests[1].url,
             test::ContainsSubstring("https://portal.sso-fips.eu-west-1.api.aws/federation/"));

  World custom;
  custom.options.endpoint_url = "http://127.0.0.1:8080/base";
  custom.options.oidc_endpoint_url = "http://127.0.0.1:8081";
  custom.write(custom.token(minutes{1}));
  custom.reply(200, kNewToken);
  custom.reply(200, kKeys);
  REQUIRE(custom.get().has_value());
  requests = custom.transport->requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].url == "http://127.0.0.1:8081/token");
  CHECK(requests[0].headers[0].second == "127.0.0.1:8081");
  CHECK_THAT(requests[1].url,
             test::ContainsSubstring("http://127.0.0.1:8080/base/federation/credentials?"));
}

TEST_CASE("A token in its last five minutes is refreshed, used and written back") {
  World world;
  world.write(world.token(minutes{4}));
  world.reply(200, kNewToken);
  world.reply(200, kKeys);
  REQUIRE(world.get().has_value());
  const auto requests = world.transport->requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].method == "POST");
  CHECK(requests[0].url == "https://oidc.eu-west-1.amazonaws.com/token");
  CHECK(requests[0].headers == pe::Headers{{"Host", "oidc.eu-west-1.amazonaws.com"},
                                           {"Content-Type", "application/json"}});
  CHECK(requests[0].body == R"({"clientId":"id-MARKER","clientSecret":"client-MARKER",)"
                            R"("grantType":"refresh_token","refreshToken":"refresh-MARKER"})");
  CHECK(world.sent_token() == "new-MARKER");
  CHECK(world.platform->content(kPath) ==
        R"({"startUrl":"https://x","accessToken":"new-MARKER","expiresAt":")" +
            world.time_after(seconds{28800}) +
            R"(","refreshToken":"next-MARKER","clientId":"id-MARKER",)"
            R"("clientSecret":"client-MARKER","registrationExpiresAt":")" +
            world.time_after(minutes{1000}) + R"(","unknown":{"kept":[1.50]}})");
}

TEST_CASE("An answer without a refresh token leaves the old one in the file") {
  World world;
  world.write(world.token(minutes{4}));
  world.reply(200, R"({"accessToken":"new","expiresIn":3600})");
  world.reply(200, kKeys);
  REQUIRE(world.get().has_value());
  CHECK_THAT(world.platform->content(kPath),
             test::ContainsSubstring(R"("refreshToken":"refresh-MARKER")"));
}

TEST_CASE("A file that cannot be written fails no call and loses no refresh token") {
  World world;
  world.write(world.token(minutes{4}));
  world.platform->is_read_only = true;
  world.reply(200, kNewToken);
  world.reply(200, kKeys);
  const auto provider = world.provider();
  REQUIRE(provider().has_value());
  CHECK(world.sent_token() == "new-MARKER");
  // The next refresh is made with the new refresh token, and the file is written once it can be.
  world.platform->world.advance(minutes{477});
  world.platform->is_read_only = false;
  world.reply(200, R"({"accessToken":"newest-MARKER","expiresIn":3600})");
  world.reply(200, kKeys);
  REQUIRE(provider().has_value());
  CHECK(world.sent_token() == "newest-MARKER");
  const auto requests = world.transport->requests();
  REQUIRE(requests.size() == 4);
  CHECK_THAT(requests[2].body, test::ContainsSubstring(R"("refreshToken":"next-MARKER")"));
  CHECK_THAT(world.platform->content(kPath), test::ContainsSubstring("next-MARKER"));
  CHECK_THAT(world.platform->content(kPath), test::ContainsSubstring("newest-MARKER"));
}

TEST_CASE("An expired token that cannot be refreshed wants a new login, and says why") {
  const auto message_of = [](const std::string& text) {
    // The portal is asked, because this machine's clock may be wrong.
    World world;
    world.write(text);
    world.reply(401, "{}");
    const pe::Error error = error_of(world.get());
    CHECK(error.where == kPath);
    CHECK_THAT(error.message, test::ContainsSubstring("run aws sso login"));
    CHECK(world.transport->requests().size() == 1);
    world.reply(200, kKeys);
    CHECK(world.get().has_value());
    return error.message;
  };
  const World times;
  const std::string expired = R"({"accessToken":"a","expiresAt":")" + times.time_after(seconds{0});
  CHECK_THAT(message_of(expired + R"("})"), test::ContainsSubstring("refreshToken is missing"));
  const std::string registered =
      expired + R"(","refreshToken":"r","clientId":"c","clientSecret":"s",)";
  CHECK_THAT(message_of(registered + R"("x":1})"),
             test::ContainsSubstring("registrationExpiresAt is missing"));
  CHECK_THAT(message_of(registered + R"("registrationExpiresAt":"MARKER"})"),
             test::ContainsSubstring("registrationExpiresAt is not a time"));
  CHECK_THAT(message_of(registered + R"("registrationExpiresAt":")" + times.time_after(seconds{0}) +
                        R"("})"),
             test::ContainsSubstring("registration has expired"));
}

TEST_CASE("A refused refresh of an expired token is an error, of a valid one it is not") {
  World world;
  world.write(world.token(seconds{-1}));
  world.reply(400, R"({"error":"invalid_grant","error_description":"MARKER"})");
  const pe::Error error = error_of(world.get());
  CHECK(error.where == kPath);
  CHECK_THAT(error.message, test::ContainsSubstring("SSO token service: refused with HTTP 400"));
  CHECK_THAT(error.message, test::ContainsSubstring("run aws sso login"));
  CHECK_FALSE(error.retryable);
  CHECK(world.transport->requests().size() == 1);
  CHECK(world.platform->world.files_read().size() == 2);

  World valid;
  valid.write(valid.token(minutes{2}));
  valid.reply(400, "{}");
  valid.reply(200, kKeys);
  REQUIRE(valid.get().has_value());
  CHECK(valid.sent_token() == "old-MARKER");
}

TEST_CASE("What another process has refreshed is used when our own refresh is refused") {
  World world;
  world.write(world.token(seconds{-1}));
  world.transport->on_send([&world](const pe::HttpRequest& request) {
    if (request.method != "POST") return;
    world.write(R"({"accessToken":"other","expiresAt":")" + world.time_after(minutes{60}) +
                R"("})");
  });
  world.reply(400, "{}");
  world.reply(200, kKeys);
  REQUIRE(world.get().has_value());
  CHECK(world.sent_token() == "other");
}

TEST_CASE("A token service that is away is tried again, and the error may be tried again later") {
  World world;
  world.write(world.token(seconds{-1}));
  world.reply(503, "");
  const pe::Error error = error_of(world.get());
  CHECK(error.retryable);
  CHECK(error.http_status == 503);
  CHECK(world.transport->requests().size() == 3);
}

TEST_CASE("An unusable answer of the token service changes nothing") {
  for (const char* answer :
       {"", "[]", "MARKER", R"({"error":"MARKER"})", R"({"accessToken":"MARKER"})",
        R"({"accessToken":"","expiresIn":60})", R"({"accessToken":"MARKER\r\nx: y","expiresIn":9})",
        R"({"accessToken":"MARKER","expiresIn":0})", R"({"accessToken":"MARKER","expiresIn":"9"})",
        R"({"accessToken":1,"expiresIn":60})", R"({"accessToken":"MARKER","expiresIn":1e300})"}) {
    CAPTURE(answer);
    World world;
    const std::string before = world.token(seconds{-1});
    world.write(before);
    world.reply(200, answer);
    CHECK(error_of(world.get()).where == kPath);
    CHECK(world.platform->content(kPath) == before);
  }
}

TEST_CASE("What the portal's refusals mean") {
  const auto error_for = [](int status) {
    World world;
    world.write(world.token(minutes{60}));
    world.reply(status, R"({"message":"MARKER"})");
    const pe::Error error = error_of(world.get());
    CHECK(error.where == "SSO portal");
    CHECK(error.http_status == status);
    CHECK(error.retryable == (status == 429 || status >= 500));
    CHECK(world.transport->requests().size() == (error.retryable ? 3 : 1));
    return error.message;
  };
  CHECK_THAT(error_for(401), test::ContainsSubstring("run aws sso login"));
  for (const int status : {403, 404}) {
    CHECK_THAT(error_for(status), test::ContainsSubstring("may not use that role"));
  }
  for (const int status : {301, 400, 429, 500, 503}) {
    CHECK_THAT(error_for(status), test::ContainsSubstring("sso_role_name"));
  }
}

TEST_CASE("An unusable answer of the portal is an error") {
  for (const char* answer :
       {"", "null", "MARKER", "{}", R"({"roleCredentials":"MARKER"})", R"({"roleCredentials":{}})",
        R"({"roleCredentials":{"accessKeyId":"a","secretAccessKey":"MARKER","sessionToken":"t"}})",
        R"({"roleCredentials":{"accessKeyId":"a","secretAccessKey":"MARKER","sessionToken":"t",)"
        R"("expiration":"soon"}})",
        R"({"roleCredentials":{"accessKeyId":"a","secretAccessKey":"MARKER\n","sessionToken":"t",)"
        R"("expiration":1}})"}) {
    CAPTURE(answer);
    World world;
    world.write(world.token(minutes{60}));
    world.reply(200, answer);
    CHECK(error_of(world.get()).where == "SSO portal");
  }
}

TEST_CASE("No answer at all is an error that may be tried again") {
  World world;
  world.write(world.token(minutes{60}));
  pe::Error lost = pe::detail::make_error(pe::ErrorKind::Transport, "host", "no route");
  lost.retryable = true;
  world.transport->reply(lost);
  CHECK(error_of(world.get()).retryable);
  world.transport.reset();
  CHECK_THAT(error_of(world.get()).message, test::ContainsSubstring("no transport"));
}

TEST_CASE("Options that name no role or no region are misconfigured, and nothing is sent") {
  const auto where = [](pe::SsoOptions options, const char* home = "/home/me") {
    World world;
    world.options = std::move(options);
    world.write(world.token(minutes{60}));
    if (home == nullptr) world.platform->world.unset_environment("HOME");
    const pe::Error error = error_of(world.get());
    CHECK(error.code == "MisconfiguredSource");
    CHECK(world.transport->requests().empty());
    return error.where;
  };
  CHECK(where({"", "", "r", "a", "n"}) == "sso_start_url");
  CHECK(where({"dev", "", "eu-west-1", "", "n"}) == "sso_account_id");
  CHECK(where({"dev", "", "eu-west-1", "a", ""}) == "sso_role_name");
  CHECK(where({"dev", "", "", "a", "n"}) == "sso_region");
  CHECK(where({"dev", "", "evil.example/", "a", "n"}) == "sso_region");
  CHECK(where({"dev", "", "eu-west-1", "a", "n", true, false, "https://x"}) == "use_fips");
  CHECK(where({"dev", "", "eu-west-1", "a", "n"}, nullptr) == "HOME");
}

TEST_CASE("A token that could break a header is refused") {
  for (const char* token : {"a\\nb", "a\\u0000b", "a b", "\\u00e4", ""}) {
    CAPTURE(token);
    World world;
    world.write(std::string{R"({"accessToken":")"} + token +
                R"(","expiresAt":"2030-01-01T00:00:00Z"})");
    CHECK(error_of(world.get()).where == kPath);
    CHECK(world.transport->requests().empty());
  }
}

TEST_CASE("Times as older tools write them are read") {
  for (const char* time : {"2030-01-01T00:00:00UTC", "2030-01-01T00:00:00+0000",
                           "2029-12-31T22:30:00-0130", "2030-01-01T00:00:00Z"}) {
    CAPTURE(time);
    CHECK(pe::detail::parse_token_time(time) == pe::detail::time_from_seconds(1'893'456'000));
  }
}

TEST_CASE("Secrets of a registration go to no host over plain http but this machine") {
  World world;
  world.write(world.token(seconds{-1}));
  world.options.oidc_endpoint_url = "http://mock";
  CHECK_THAT(error_of(world.get()).message, test::ContainsSubstring("https://"));
  CHECK(world.transport->requests().empty());
  world.options.oidc_endpoint_url = "http://127.0.0.1:8080";
  world.reply(200, kNewToken);
  world.reply(200, kKeys);
  CHECK(world.get().has_value());
}

TEST_CASE("Times that are not of RFC 3339 are refused") {
  for (const char* time : {"", "2030-01-01", "2030-01-01T00:00:00", "2030-01-01T00:00:00GMT", "UTC",
                           "2030-01-01T00:00:00+00", "1893456000", "2030-02-30T00:00:00Z"}) {
    CAPTURE(time);
    World world;
    world.write(std::string{R"({"accessToken":"MARKER","expiresAt":")"} + time + R"("})");
    const pe::Error error = error_of(world.get());
    CHECK(error.where == kPath);
    CHECK_THAT(error.message, test::ContainsSubstring("expiresAt"));
  }
}

TEST_CASE("Every truncation of a token file, and every changed byte, ends in keys or an error") {
  World world;
  const std::string whole = world.token(minutes{4});
  world.reply(200, kNewToken);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    world.write(whole.substr(0, size));
    CHECK(error_of(world.get()).where == kPath);
  }
  CHECK(world.transport->requests().empty());
  // What either service answers: a changed name of a member leaves out the refresh.
  const std::string new_token = kNewToken;
  const std::string both =
      new_token.substr(0, new_token.size() - 1) + "," + std::string(kKeys).substr(1);
  for (const char byte : {'\0', '"', '\xff', '{', '}'}) {
    for (std::size_t at = 0; at < whole.size(); ++at) {
      World changed;
      std::string text = whole;
      text[at] = byte;
      changed.write(text);
      changed.reply(200, both);
      const auto credentials = changed.get();
      if (credentials) CHECK(credentials->access_key_id == "ASIA");
      if (!credentials) CHECK(error_of(credentials).where == kPath);
    }
  }
}
