// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/providers/container.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/curl_transport.hpp"
#include "personalize_events/detail/providers/chain.hpp"
#include "personalize_events/testing/fake_transport.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "support/environment.hpp"
#include "support/raw_server.hpp"

namespace pe = personalize_events;
using test::RawConnection;
using test::RawServer;

namespace {

const std::string kRelative = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const std::string kFull = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const std::string kToken = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const std::string kTokenFile = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";

const std::string kKeys = R"({"RoleArn":"arn:aws:iam::123456789012:role/r","AccessKeyId":"AKID",)"
                          R"("SecretAccessKey":"SECRET-KEY","Token":"SESSION-TOKEN",)"
                          R"("Expiration":"2030-01-31T12:00:00Z","AccountId":"123456789012"})";

struct World {
  std::shared_ptr<pe::testing::VirtualPlatform> platform =
      std::make_shared<pe::testing::VirtualPlatform>();
  std::shared_ptr<pe::testing::FakeTransport> transport =
      std::make_shared<pe::testing::FakeTransport>();

  World() { transport->reply(pe::HttpResponse{200, {}, kKeys}); }
  void set(const std::string& name, const std::string& value) const {
    platform->set_environment(name, value);
  }
  pe::Result<pe::Credentials> get() const {
    return pe::container_credentials({transport, platform})();
  }
  pe::HttpRequest request() const {
    const auto credentials = get();
    INFO((credentials ? std::string{} : to_string(credentials.error())));
    REQUIRE(credentials.has_value());
    return transport->requests().back();
  }
  /// The error of a setting that keeps every request from going out.
  pe::Error refused() const {
    const auto credentials = get();
    REQUIRE_FALSE(credentials.has_value());
    CHECK(credentials.error().kind == pe::ErrorKind::Credentials);
    CHECK(pe::detail::is_of_meant_source(credentials.error()));
    CHECK_THAT(pe::to_string(credentials.error()), !test::ContainsSubstring("TOKEN-TEXT"));
    CHECK(transport->requests().empty());
    return credentials.error();
  }
};

std::string header(const pe::HttpRequest& request, const char* name) {
  const std::string* value = pe::find_header(request.headers, name);
  return value == nullptr ? std::string{} : *value;
}

}  // namespace

TEST_CASE("Without a URI the container has nothing to say, and is not asked") {
  World world;
  SECTION("none set") {}
  SECTION("blank ones") {
    world.set(kRelative, "");
    world.set(kFull, "  ");
  }
  SECTION("a token alone") { world.set(kToken, "TOKEN-TEXT"); }
  const auto credentials = world.get();
  REQUIRE_FALSE(credentials.has_value());
  CHECK_FALSE(pe::detail::is_of_meant_source(credentials.error()));
  CHECK_FALSE(credentials.error().retryable);
  CHECK(credentials.error().where == "container");
  CHECK_THAT(credentials.error().message, test::ContainsSubstring(kRelative));
  CHECK_THAT(credentials.error().message, test::ContainsSubstring(kFull));
  CHECK(world.transport->requests().empty());
}

TEST_CASE("The agent is asked as ECS says, and gives all members") {
  World world;
  world.set(kRelative, "/v2/credentials/id?a=1/b");
  const pe::HttpRequest request = world.request();
  CHECK(request.method == "GET");
  CHECK(request.url == "http://169.254.170.2/v2/credentials/id?a=1/b");
  CHECK(request.body.empty());
  CHECK(request.headers == pe::Headers{{"Host", "169.254.170.2"}, {"Accept", "application/json"}});
  CHECK(request.direct);
  CHECK(request.connect_timeout == std::chrono::seconds{2});
  CHECK(request.timeout == std::chrono::seconds{5});
  const auto credentials = world.get();
  CHECK(credentials->access_key_id == "AKID");
  CHECK(credentials->secret_access_key == "SECRET-KEY");
  CHECK(credentials->session_token == "SESSION-TOKEN");
  CHECK(credentials->account_id == "123456789012");
  CHECK(credentials->expiration ==
        std::chrono::system_clock::time_point{std::chrono::seconds{1'896'091'200}});
}

TEST_CASE("Plain http goes to this machine and the agents, https anywhere, each as it is written") {
  struct Case {
    const char* uri;
    const char* url;
    const char* host;
  };
  for (const Case& good : {
           Case{"http://localhost/c", "http://localhost/c", "localhost"},
           Case{"HTTP://LocalHost:8080/C/", "http://localhost:8080/C/", "localhost:8080"},
           Case{"http://127.0.0.1:80/c", "http://127.0.0.1/c", "127.0.0.1"},
           Case{"http://127.255.1.254:9/c?x=%2F", "http://127.255.1.254:9/c?x=%2F",
                "127.255.1.254:9"},
           Case{"http://[::1]:9/c", "http://[::1]:9/c", "[::1]:9"},
           Case{"http://169.254.170.2/c", "http://169.254.170.2/c", "169.254.170.2"},
           Case{"http://169.254.170.23/v1/c", "http://169.254.170.23/v1/c", "169.254.170.23"},
           Case{"http://[FD00:ec2::23]/c", "http://[fd00:ec2::23]/c", "[fd00:ec2::23]"},
           Case{"http://localhost", "http://localhost/", "localhost"},
           Case{"http://localhost?a=/b", "http://localhost/?a=/b", "localhost"},
           Case{"https://example.com:8443/c", "https://example.com:8443/c", "example.com:8443"},
           Case{"https://10.0.0.1/c", "https://10.0.0.1/c", "10.0.0.1"},
       }) {
    CAPTURE(good.uri);
    World world;
    world.set(kFull, good.uri);
    world.set(kToken, "TOKEN-TEXT");
    const pe::HttpRequest request = world.request();
    CHECK(request.url == good.url);
    CHECK(header(request, "Host") == good.host);
    CHECK(header(request, "Authorization") == "TOKEN-TEXT");
    CHECK(request.direct == (std::string{good.url}.substr(0, 5) == "http:"));
  }
}

TEST_CASE("No other URI is asked, and nothing is sent") {
  for (const char* uri : {
           "http://example.com/c",
           "http://10.0.0.1/c",
           "http://169.254.169.254/c",
           "http://169.254.170.20/c",
           "http://169.254.170.2.example.com/c",
           "http://127.0.0.1.example.com/c",
           "http://127.1/c",
           "http://0x7f.0.0.1/c",
           "http://127.0.0.010/c",
           "http://127.0.0.256/c",
           "http://127.0.0.1.1/c",
           "http://2130706433/c",
           "http://localhost.example.com/c",
           "http://notlocalhost/c",
           "http://localhost./c",
           "http://0.0.0.0/c",
           "http://[::]/c",
           "http://[::2]/c",
           "http://[::ffff:10.0.0.1]/c",
           "http://[::ffff:127.0.0.1]/c",
           "http://[::1%25lo]/c",
           "http://127.0.0.1@example.com/c",
           "http://user:TOKEN-TEXT@localhost/c",
           "https://user:TOKEN-TEXT@example.com/c",
           "http://localhost\\@example.com/c",
           "http://localhost#@example.com/c",
           "http://localhost/c#f",
           "http://localhost/c?a#f",
           "http://localhost/a b",
           "http://localhost/a?b c",
           "http://localhost/\r\nX: y",
           "http://localhost/a?b\r\nX: y",
           "http://localhost/../c",
           "http://localhost/%zz",
           "http://localhost:0/c",
           "http://localhost:99999/c",
           "http:///c",
           "//localhost/c",
           "/credentials",
           "localhost/c",
           "ftp://localhost/c",
           "file:///etc/passwd",
           " http://localhost/c",
       }) {
    CAPTURE(uri);
    World world;
    world.set(kFull, uri);
    world.set(kToken, "TOKEN-TEXT");
    CHECK(world.refused().where == kFull);
  }
}

TEST_CASE("A relative URI is a path of the agent's and nothing else") {
  for (const char* uri : {"credentials",
                          "@example.com/c",
                          ".example.com/c",
                          ":80@example.com/",
                          "//example.com/c",
                          "\\\\example.com/c",
                          "/\\example.com",
                          "/a\\b",
                          "/a b",
                          " /a",
                          "/a\r\nHost: example.com",
                          "/a\n",
                          "/a#b",
                          "/a?b#c",
                          "/../a",
                          "/a/./b",
                          "/%",
                          "/%zz",
                          "/\xc3\xa9",
                          "?a=1",
                          "http://localhost/c",
                          "/a\t"}) {
    CAPTURE(uri);
    World world;
    world.set(kRelative, uri);
    world.set(kFull, "http://localhost/fine");
    CHECK(world.refused().where == kRelative);
  }
}

TEST_CASE("The places are checked at every fetch") {
  World world;
  const auto provider = pe::container_credentials({world.transport, world.platform});
  world.set(kFull, "http://localhost/c");
  CHECK(provider().has_value());
  world.set(kFull, "http://example.com/c");
  CHECK_FALSE(provider().has_value());
  CHECK(world.transport->requests().size() == 1);
}

TEST_CASE("The token's file wins over the token and is read anew at each fetch") {
  World world;
  world.set(kFull, "http://169.254.170.23/v1/credentials");
  world.set(kToken, "of the variable");
  CHECK(header(world.request(), "Authorization") == "of the variable");
  world.set(kTokenFile, "/token");
  world.platform->set_file("/token", std::string{"Basic first"});
  CHECK(header(world.request(), "Authorization") == "Basic first");
  world.platform->set_file("/token", std::string{"second"});
  CHECK(header(world.request(), "Authorization") == "second");
  world.set(kTokenFile, " ");
  CHECK(header(world.request(), "Authorization") == "of the variable");
}

TEST_CASE("A token that no header may have is an error, also with one line end at its end") {
  for (const char* token :
       {"TOKEN-TEXT\n", "TOKEN-TEXT\r\n", "TOKEN-TEXT\r\nX-Evil: 1", "\nTOKEN-TEXT",
        "TOKEN-TEXT\x01", "TOKEN-TEXT\x7f", "TOKEN-TEXT\xc3\xa9"}) {
    CAPTURE(token);
    World world;
    world.set(kFull, "http://localhost/c");
    world.set(kToken, token);
    CHECK(world.refused().where == kToken);
    world.set(kTokenFile, "/token");
    world.platform->set_file("/token", std::string{token});
    const pe::Error error = world.refused();
    CHECK(error.where == kTokenFile);
    CHECK_THAT(error.message, test::ContainsSubstring("line end"));
  }
  World world;
  world.set(kFull, "http://localhost/c");
  world.set(kTokenFile, "/token");
  CHECK_THAT(world.refused().message, test::ContainsSubstring("/token"));
  world.platform->set_file("/token", std::string{});
  CHECK(world.refused().where == kTokenFile);
  world.platform->set_file("/token", std::string("TOKEN-TEXT\0X", 12));
  CHECK(world.refused().where == kTokenFile);
}

TEST_CASE("Names are taken in any letter case, and by their other names") {
  for (
      const char* keys :
      {R"({"accesskeyid":"A","SECRETACCESSKEY":"S","token":"T","expiration":"2030-01-31T12:00:00Z"})",
       R"({"AccessKeyId":"A","SecretAccessKey":"S","SessionToken":"T","ExpiresAt":"2030-01-31T12:00:00Z"})",
       R"({"Code":"Success","accessKeyId":"A","secretAccessKey":"S","sessionToken":"T",)"
       R"("expiresAt":"2030-01-31T12:00:00Z"})"}) {
    CAPTURE(keys);
    const auto credentials = pe::detail::credentials_of_container({200, {}, keys});
    REQUIRE(credentials.has_value());
    CHECK(credentials->session_token == "T");
    CHECK(credentials->expiration.has_value());
  }
}

TEST_CASE("An answer that is no keys is an error of the container that ends a chain") {
  const std::string error_with_keys = R"({"code":"Expired",)" + kKeys.substr(1);
  const std::vector<pe::HttpResponse> answers{
      {200, {}, ""},
      {200, {}, "not SECRET-KEY json"},
      {200, {}, "[]"},
      {200, {}, "{}"},
      {200, {}, kKeys.substr(0, kKeys.size() - 5)},
      {200, {}, R"({"code":"InvalidTaskId","message":"SECRET-KEY"})"},
      {200, {}, R"({"message":"SECRET-KEY"})"},
      {200, {}, error_with_keys},
      {200,
       {},
       R"({"AccessKeyId":"A","SecretAccessKey":"SECRET-KEY","Token":"T","Expiration":"soon"})"},
      {200, {}, std::string(10'000, '[')},
      {302, {{"Location", "http://example.com/"}}, ""},
      {400, {}, "SECRET-KEY"},
      {403, {}, kKeys},
      {404, {}, ""},
  };
  for (const pe::HttpResponse& answer : answers) {
    CAPTURE(answer.status, answer.body.substr(0, 80));
    World world;
    world.set(kRelative, "/c");
    world.transport = std::make_shared<pe::testing::FakeTransport>();
    world.transport->reply(answer);
    const auto credentials =
        pe::chain({pe::container_credentials({world.transport, world.platform}),
                   pe::static_credentials({"other", "keys"})})();
    REQUIRE_FALSE(credentials.has_value());
    CHECK(credentials.error().kind == pe::ErrorKind::Credentials);
    CHECK(credentials.error().where == "container");
    CHECK_FALSE(credentials.error().retryable);
    CHECK_THAT(pe::to_string(credentials.error()), !test::ContainsSubstring("SECRET-KEY"));
    CHECK(world.transport->requests().size() == 1);
  }
}

TEST_CASE("A failure that may pass is tried three times, and is retryable after them") {
  pe::Error lost = pe::detail::make_error(pe::ErrorKind::Transport, "169.254.170.2:80", "lost");
  lost.retryable = true;
  for (const pe::Result<pe::HttpResponse>& answer :
       {pe::Result<pe::HttpResponse>{pe::HttpResponse{503}}, pe::Result<pe::HttpResponse>{lost}}) {
    World world;
    world.set(kRelative, "/c");
    world.transport = std::make_shared<pe::testing::FakeTransport>();
    world.transport->reply(answer);
    const auto credentials = world.get();
    REQUIRE_FALSE(credentials.has_value());
    CHECK(credentials.error().retryable);
    CHECK(pe::detail::is_of_meant_source(credentials.error()));
    CHECK(world.transport->requests().size() == 3);
  }
  World world;
  world.set(kRelative, "/c");
  world.transport = std::make_shared<pe::testing::FakeTransport>();
  world.transport->reply(lost);
  world.transport->reply(pe::HttpResponse{500});
  world.transport->reply(pe::HttpResponse{200, {}, kKeys});
  CHECK(world.get().has_value());
}

TEST_CASE("A real agent on loopback is asked past the proxy, and its redirect is not followed") {
  RawServer proxy{test::answer_each(test::http_response(200, kKeys))};
  const std::string proxy_url = proxy.url("");
  const test::Environment upper{"HTTP_PROXY", proxy_url};
  const test::Environment lower{"http_proxy", proxy_url};
  const test::Environment all{"ALL_PROXY", proxy_url};
  World world;
  const auto transport = std::make_shared<pe::CurlTransport>();
  world.set(kToken, "TOKEN-TEXT");

  RawServer agent{test::answer_each(test::http_response(200, kKeys))};
  world.set(kFull, agent.url("/v1/c?a=1"));
  const auto credentials = pe::container_credentials({transport, world.platform})();
  REQUIRE(credentials.has_value());
  CHECK(credentials->access_key_id == "AKID");
  CHECK(agent.requests() ==
        std::vector<std::string>{
            "GET /v1/c?a=1 HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(agent.port()) +
            "\r\nAccept: application/json\r\nAuthorization: TOKEN-TEXT\r\n\r\n"});

  RawServer elsewhere{test::answer_each(test::http_response(200, kKeys))};
  RawServer redirecting{
      test::answer_each(test::http_response(302, "", "Location: " + elsewhere.url() + "\r\n"))};
  world.set(kFull, redirecting.url("/c"));
  const auto redirected = pe::container_credentials({transport, world.platform})();
  REQUIRE_FALSE(redirected.has_value());
  CHECK(redirected.error().http_status == 302);
  CHECK(elsewhere.accepted() == 0);
  CHECK(proxy.accepted() == 0);
}

TEST_CASE("A real agent's endless answer is cut off") {
  RawServer agent{[](RawConnection& connection) {
    if (connection.read_request().empty()) return;
    if (!connection.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"a\":\""))
      return;
    while (connection.send(std::string(8192, 'x'))) {
    }
  }};
  World world;
  world.set(kFull, agent.url("/c"));
  const auto started = std::chrono::steady_clock::now();
  const auto credentials =
      pe::container_credentials({std::make_shared<pe::CurlTransport>(), world.platform})();
  REQUIRE_FALSE(credentials.has_value());
  CHECK(credentials.error().where == "container");
  CHECK_THAT(credentials.error().message, test::ContainsSubstring("64 KiB"));
  CHECK(std::chrono::steady_clock::now() - started < std::chrono::seconds{10});
}
