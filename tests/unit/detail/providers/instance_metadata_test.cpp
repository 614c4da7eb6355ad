// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/providers/instance_metadata.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "catch.hpp"
#include "personalize_events/curl_transport.hpp"
#include "personalize_events/detail/providers/chain.hpp"
#include "support/environment.hpp"
#include "support/metadata_world.hpp"

namespace pe = personalize_events;
using std::chrono::seconds;
using test::metadata_silence;
using test::metadata_token_answer;
using test::MetadataWorld;
using test::RawConnection;
using test::RawServer;

namespace {

const std::string kHost = "http://169.254.169.254";
const std::string kRoles = kHost + "/latest/meta-data/iam/security-credentials/";

pe::HttpResponse ok(const std::string& body) { return {200, {}, body}; }

pe::Result<pe::Credentials> get(const MetadataWorld& world) {
  return pe::instance_metadata_credentials({world.transport, world.platform})();
}

/// An error of the source, which shows no secret.
pe::Error error_of(const MetadataWorld& world) {
  const auto credentials = get(world);
  REQUIRE_FALSE(credentials.has_value());
  CHECK(credentials.error().kind == pe::ErrorKind::Credentials);
  CHECK(credentials.error().where == "instance metadata");
  for (const char* secret : {"SECRET-KEY", "TOKEN-TEXT", "SESSION-TOKEN"}) {
    CHECK_THAT(pe::to_string(credentials.error()), !test::ContainsSubstring(secret));
  }
  return credentials.error();
}

/// A real transport in a world whose service is at `endpoint`.
struct RealWorld : MetadataWorld {
  explicit RealWorld(const std::string& endpoint) {
    set("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint);
  }
  std::shared_ptr<pe::CurlTransport> curl = std::make_shared<pe::CurlTransport>();
  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();

  pe::Result<pe::Credentials> credentials() const {
    return pe::instance_metadata_credentials({curl, platform})();
  }
  std::chrono::nanoseconds taken() const { return std::chrono::steady_clock::now() - started; }
};

}  // namespace

TEST_CASE("The keys of the instance's role are got in three questions, and two the next time") {
  MetadataWorld world{{metadata_token_answer(), ok("web-role"), ok(test::metadata_keys())}};
  const auto provider = pe::instance_metadata_credentials({world.transport, world.platform});
  CHECK(world.asked().empty());
  const auto credentials = provider();
  REQUIRE(credentials.has_value());
  CHECK(credentials->access_key_id == "AKID");
  CHECK(credentials->secret_access_key == "SECRET-KEY");
  CHECK(credentials->session_token == "TOKEN-TEXT");
  CHECK(credentials->expiration == world.platform->now() + std::chrono::hours{6});
  CHECK(world.asked() == std::vector<std::string>{"PUT " + kHost + "/latest/api/token",
                                                  "GET " + kRoles, "GET " + kRoles + "web-role"});
  world.transport->reply(ok("other-role"));
  world.transport->reply(ok(test::metadata_keys()));
  REQUIRE(provider().has_value());
  CHECK(world.asked().size() == 5);
  CHECK(world.asked()[4] == "GET " + kRoles + "other-role");
}

TEST_CASE("Of several roles the first is taken, and its name is percent-encoded") {
  struct Case {
    const char* list;
    const char* path;
  };
  for (const Case& one : {Case{"first\nsecond", "first"}, Case{"first\r\nsecond\r\n", "first"},
                          Case{"a+b=c,d.e@f-g_H1\n", "a%2Bb%3Dc%2Cd.e%40f-g_H1"}}) {
    CAPTURE(one.list);
    MetadataWorld world{{metadata_token_answer(), ok(one.list), ok(test::metadata_keys())}};
    REQUIRE(get(world).has_value());
    CHECK(world.asked().back() == "GET " + kRoles + one.path);
  }
}

TEST_CASE("What is not the name of a role is not asked for") {
  for (const std::string& list :
       {std::string{"../../user-data"}, std::string{".."}, std::string{"."}, std::string{"a/b"},
        std::string{"<html>"}, std::string{"a b"}, std::string{"a?b"}, std::string{"a\x01"},
        std::string{"r\xc3\xb4le"}, std::string(65, 'a')}) {
    CAPTURE(list);
    MetadataWorld world{{metadata_token_answer(), ok(list), ok(test::metadata_keys())}};
    CHECK(pe::detail::is_of_meant_source(error_of(world)));
    CHECK(world.asked().size() == 2);
  }
}

TEST_CASE("An instance without a role is a source that has nothing") {
  for (const pe::HttpResponse& list : {pe::HttpResponse{404}, ok(""), ok("\n"), ok("  \r\n")}) {
    MetadataWorld world{{metadata_token_answer(), list}};
    const pe::Error error = error_of(world);
    CHECK_FALSE(pe::detail::is_of_meant_source(error));
    CHECK_FALSE(error.retryable);
    CHECK_THAT(error.message, test::ContainsSubstring("role"));
  }
}

TEST_CASE("Any other answer without usable keys ends a chain") {
  const std::string keys = test::metadata_keys();
  const std::string other_code =
      std::string{keys}.replace(keys.find("Success"), 7, "AssumeRoleUnauthorizedAccess");
  const std::vector<std::vector<pe::HttpResponse>> cases{
      {{400}},
      {{401}, metadata_token_answer(), {401}},
      {{403}},
      {ok("role"), {403}},
      {ok("role"), {404}},
      {ok("role"), {301, {{"Location", "http://example.com/"}}}},
      {ok("role"), ok("")},
      {ok("role"), ok("<html>SECRET-KEY</html>")},
      {ok("role"), ok(keys.substr(0, keys.size() - 1))},
      {ok("role"), ok(other_code)},
      {ok("role"), ok(R"({"Code":"Failed","Message":"SECRET-KEY"})")},
      {ok("role"), ok(R"({"Code":"Success"})")},
      {ok("role"), ok(std::string(60'000, '['))},
  };
  for (const auto& replies : cases) {
    CAPTURE(replies.back().status, replies.back().body.substr(0, 60));
    MetadataWorld world{{metadata_token_answer()}};
    for (const pe::HttpResponse& reply : replies) world.transport->reply(reply);
    const pe::Error error = error_of(world);
    CHECK(pe::detail::is_of_meant_source(error));
    CHECK_FALSE(error.retryable);
    CHECK(world.asked().size() == replies.size() + 1);
  }
  MetadataWorld world{{metadata_token_answer(), ok("role"), ok(other_code)}};
  CHECK_THAT(error_of(world).message, test::ContainsSubstring("AssumeRoleUnauthorizedAccess"));
}

TEST_CASE("A service that is out of order is retryable") {
  MetadataWorld world{{metadata_token_answer(), ok("role"), pe::HttpResponse{500}}};
  CHECK(error_of(world).retryable);
  CHECK(world.asked().size() == 5);
}

TEST_CASE("Keys that have expired are used for 10 to 15 minutes more") {
  MetadataWorld world{{metadata_token_answer(), ok("role"), ok(test::metadata_keys())}};
  world.platform->advance(std::chrono::hours{7});
  const auto now = world.platform->now();
  const auto credentials = get(world);
  REQUIRE(credentials.has_value());
  CHECK(*credentials->expiration >= now + std::chrono::minutes{10});
  CHECK(*credentials->expiration <= now + std::chrono::minutes{15});

  CHECK(pe::detail::extended_expiration(now, now, 0) == now + std::chrono::minutes{10});
  CHECK(pe::detail::extended_expiration(now - seconds{1}, now, 0.5) == now + seconds{750});
  CHECK(pe::detail::extended_expiration(now - seconds{1}, now, 1) ==
        now + std::chrono::minutes{15});
  CHECK(pe::detail::extended_expiration(now + seconds{1}, now, 1) == now + seconds{1});
}

TEST_CASE("The region is one line of the service's, and a region") {
  MetadataWorld world{{metadata_token_answer(), ok("eu-west-3\n")}};
  CHECK(*pe::instance_metadata_region({world.transport, world.platform}) == "eu-west-3");
  CHECK(world.asked().back() == "GET " + kHost + "/latest/meta-data/placement/region");
  for (const pe::HttpResponse& answer : {ok(""), ok("example.com/#"), ok("<html>"), ok("eu west"),
                                         pe::HttpResponse{404}, pe::HttpResponse{403}}) {
    CAPTURE(answer.body, answer.status);
    MetadataWorld other{{metadata_token_answer(), answer}};
    const auto region = pe::instance_metadata_region({other.transport, other.platform});
    REQUIRE_FALSE(region.has_value());
    CHECK(region.error().kind == pe::ErrorKind::Credentials);
    CHECK(region.error().where == "instance metadata");
  }
  MetadataWorld off;
  off.set("AWS_EC2_METADATA_DISABLED", "true");
  CHECK_FALSE(pe::instance_metadata_region({off.transport, off.platform}).has_value());
  CHECK(off.asked().empty());
}

TEST_CASE("The named profile may say where the service is") {
  MetadataWorld world{{metadata_token_answer(), ok("eu-west-3")}};
  world.set_config("[profile p]\nec2_metadata_service_endpoint = http://127.0.0.1:9\n");
  CHECK(pe::instance_metadata_region({world.transport, world.platform, "p"}).has_value());
  CHECK(world.asked().back() == "GET http://127.0.0.1:9/latest/meta-data/placement/region");
}

TEST_CASE("A real service is asked past every proxy") {
  RawServer proxy{test::answer_each(test::http_response(200, "from-a-proxy"))};
  const test::Environment upper{"HTTP_PROXY", proxy.url("")};
  const test::Environment lower{"http_proxy", proxy.url("")};
  const test::Environment all{"ALL_PROXY", proxy.url("")};
  RawServer service{test::play_metadata_service()};
  const RealWorld world{service.url("")};
  const auto credentials = world.credentials();
  INFO((credentials ? std::string{} : pe::to_string(credentials.error())));
  REQUIRE(credentials.has_value());
  CHECK(credentials->access_key_id == "AKID");
  CHECK(*pe::instance_metadata_region({world.curl, world.platform}) == "eu-west-3");
  const std::string host = "127.0.0.1:" + std::to_string(service.port());
  CHECK(service.requests().at(0) == "PUT /latest/api/token HTTP/1.1\r\nHost: " + host +
                                        "\r\nx-aws-ec2-metadata-token-ttl-seconds: 21600\r\n"
                                        "Content-Length: 0\r\n\r\n");
  CHECK(proxy.accepted() == 0);
}

TEST_CASE("Where nothing listens, or nothing answers, a real question ends within its second") {
  RawServer hole{test::never_answer()};
  const std::string closed = "http://127.0.0.1:" + std::to_string(test::closed_port());
  for (const std::string& endpoint : {closed, hole.url("")}) {
    CAPTURE(endpoint);
    const RealWorld world{endpoint};
    const auto credentials = world.credentials();
    CHECK(world.taken() < std::chrono::milliseconds{2500});
    REQUIRE_FALSE(credentials.has_value());
    CHECK_FALSE(pe::detail::is_of_meant_source(credentials.error()));
    CHECK_FALSE(credentials.error().retryable);
    CHECK(credentials.error().connected == (endpoint != closed));
  }
  CHECK(hole.accepted() == 1);
}

TEST_CASE("An endless answer of a real service is cut off, as its token or as its keys") {
  for (const bool as_token : {true, false}) {
    CAPTURE(as_token);
    RawServer service{[as_token](RawConnection& connection) {
      for (std::string request = connection.read_request(); !request.empty();
           request = connection.read_request()) {
        if (!as_token && request.substr(0, 3) == "PUT") {
          if (!connection.send(test::http_response(200, "TOKEN-TEXT"))) return;
          continue;
        }
        if (!connection.send("HTTP/1.1 200 OK\r\n\r\n")) return;
        while (connection.send(std::string(8192, 'x'))) {
        }
        return;
      }
    }};
    const RealWorld world{service.url("")};
    const auto credentials = world.credentials();
    CHECK(world.taken() < seconds{10});
    REQUIRE_FALSE(credentials.has_value());
    CHECK(pe::detail::is_of_meant_source(credentials.error()));
    CHECK_THAT(credentials.error().message, test::ContainsSubstring("64 KiB"));
  }
}
