// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/providers/login.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "catch.hpp"
#include "personalize_events/detail/json/reader.hpp"
#include "personalize_events/testing/fake_transport.hpp"
#include "support/disk_platform.hpp"
#include "support/es256_key.hpp"

namespace pe = personalize_events;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

constexpr const char* kSession = "arn:aws:sts::012345678910:assumed-role/Admin/admin";
// SHA-256 of it.
constexpr const char* kName =
    "4b0ba8f99f075c0633e122fd73346ce203a3faf18ea0310eb2d29df1bab2e255.json";
constexpr const char* kNewKeys =
    R"({"accessToken":{"accessKeyId":"ASIANEW","secretAccessKey":"newsecret-MARKER",)"
    R"("sessionToken":"newsession-MARKER"},"tokenType":"aws_sigv4","expiresIn":900,)"
    R"("refreshToken":"next-MARKER"})";

std::string path() { return std::string{"/home/me/.aws/login/cache/"} + kName; }

std::string key_in_json() {
  std::string text;
  pe::detail::json::Writer writer(text);
  writer.string(test::kEs256PrivateKey);
  return text;
}

struct World {
  std::shared_ptr<test::DiskPlatform> platform = std::make_shared<test::DiskPlatform>();
  std::shared_ptr<pe::testing::FakeTransport> transport =
      std::make_shared<pe::testing::FakeTransport>();
  pe::LoginOptions options{kSession, "eu-west-1"};

  World() { platform->world.set_environment("HOME", "/home/me"); }

  [[nodiscard]] std::string time_after(seconds later) const {
    return pe::detail::format_rfc3339(platform->now() + later);
  }
  [[nodiscard]] std::string keys(seconds lives) const {
    return R"({"accessKeyId":"ASIAOLD","secretAccessKey":"secret-MARKER",)"
           R"("sessionToken":"session-MARKER","accountId":"012345678901","expiresAt":")" +
           time_after(lives) + R"("})";
  }
  [[nodiscard]] std::string token(seconds lives) const {
    return R"({"accessToken":)" + keys(lives) +
           R"(,"tokenType":"aws_sigv4","clientId":"client-id","refreshToken":"refresh-MARKER",)"
           R"("idToken":"id-MARKER","dpopKey":)" +
           key_in_json() + "}";
  }
  void write(const std::string& text) const { platform->world.set_file(path(), text); }
  void reply(int status, const std::string& body) const {
    transport->reply(pe::HttpResponse{status, {}, body});
  }
  [[nodiscard]] pe::CredentialsProvider provider() const {
    return pe::login_credentials(options, {transport, platform});
  }
  [[nodiscard]] pe::Result<pe::Credentials> get() const { return provider()(); }
};

pe::Error error_of(const pe::Result<pe::Credentials>& result) {
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().kind == pe::ErrorKind::Credentials);
  CHECK(pe::detail::is_of_meant_source(result.error()));
  CHECK(pe::to_string(result.error()).find("MARKER") == std::string::npos);
  CHECK(pe::to_string(result.error()).find("BEGIN") == std::string::npos);
  return result.error();
}

std::string proof_of(const pe::HttpRequest& request) {
  const std::string* proof = pe::find_header(request.headers, "DPoP");
  REQUIRE(proof != nullptr);
  return *proof;
}

}  // namespace

TEST_CASE("Keys that are still valid come from the file alone") {
  World world;
  world.write(world.token(minutes{5}));
  const auto credentials = world.get();
  REQUIRE(credentials.has_value());
  CHECK(credentials->access_key_id == "ASIAOLD");
  CHECK(credentials->secret_access_key == "secret-MARKER");
  CHECK(credentials->session_token == "session-MARKER");
  CHECK(credentials->account_id == "012345678901");
  CHECK(credentials->expiration == world.platform->now() + minutes{5});
  CHECK(world.transport->requests().empty());
  CHECK(world.platform->writes == 0);
}

TEST_CASE("The folder of the cache can be named") {
  for (const char* folder : {"/elsewhere", "~/elsewhere"}) {
    World world;
    world.platform->world.set_environment("AWS_LOGIN_CACHE_DIRECTORY", folder);
    world.platform->world.set_file(
        (folder[0] == '~' ? "/home/me/elsewhere/" : "/elsewhere/") + std::string{kName},
        world.token(minutes{60}));
    CHECK(world.get().has_value());
  }
  World blank;
  blank.platform->world.set_environment("AWS_LOGIN_CACHE_DIRECTORY", " ");
  blank.write(blank.token(minutes{60}));
  CHECK(blank.get().has_value());

  World homeless;
  homeless.platform->world.unset_environment("HOME");
  CHECK(error_of(homeless.get()).where == "HOME");
  CHECK(pe::detail::login_cache_path(homeless.platform->world, "x", pe::detail::PathStyle::Windows)
            .error()
            .where == "HOME");
}

TEST_CASE("Keys in their last five minutes are refreshed, used and written back") {
  World world;
  world.write(world.token(minutes{5} - seconds{1}));
  world.reply(200, kNewKeys);
  const auto credentials = world.get();
  REQUIRE(credentials.has_value());
  CHECK(credentials->access_key_id == "ASIANEW");
  CHECK(credentials->secret_access_key == "newsecret-MARKER");
  CHECK(credentials->session_token == "newsession-MARKER");
  CHECK(credentials->account_id == "012345678901");
  CHECK(credentials->expiration == world.platform->now() + minutes{15});

  const auto requests = world.transport->requests();
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].method == "POST");
  CHECK(requests[0].url == "https://eu-west-1.signin.aws.amazon.com/v1/token");
  REQUIRE(requests[0].headers.size() == 3);
  CHECK(requests[0].headers[0].second == "eu-west-1.signin.aws.amazon.com");
  CHECK(*pe::find_header(requests[0].headers, "Content-Type") == "application/json");
  CHECK(requests[0].body ==
        R"({"clientId":"client-id","grantType":"refresh_token","refreshToken":"refresh-MARKER"})");

  CHECK(world.platform->content(path()) ==
        R"({"accessToken":{"accessKeyId":"ASIANEW","secretAccessKey":"newsecret-MARKER",)"
        R"("sessionToken":"newsession-MARKER","accountId":"012345678901","expiresAt":")" +
            world.time_after(minutes{15}) +
            R"("},"tokenType":"aws_sigv4","clientId":"client-id","refreshToken":"next-MARKER",)"
            R"("idToken":"id-MARKER","dpopKey":)" +
            key_in_json() + "}");
}

TEST_CASE("The proof is a JSON Web Token of this request, signed with the login's key") {
  World world;
  world.write(world.token(seconds{-1}));
  world.reply(200, kNewKeys);
  REQUIRE(world.get().has_value());
  const std::string proof = proof_of(world.transport->requests().at(0));
  const std::vector<std::string> parts = test::parts_of_token(proof);
  CHECK(test::from_base64url(parts[0]) ==
        std::string{R"({"typ":"dpop+jwt","alg":"ES256","jwk":{"kty":"EC","crv":"P-256","x":")"} +
            test::kEs256X + R"(","y":")" + test::kEs256Y + R"("}})");
  const auto claims = pe::detail::json::parse(test::from_base64url(parts[1]));
  REQUIRE(claims.has_value());
  REQUIRE(claims->members.size() == 4);
  CHECK(*claims->find_string("htm") == "POST");
  CHECK(*claims->find_string("htu") == "https://eu-west-1.signin.aws.amazon.com/v1/token");
  CHECK(claims->find("iat")->text == "1767225600");
  CHECK(claims->find_string("jti")->size() == 36);
  CHECK(test::is_es256_signature(parts[0] + "." + parts[1], test::from_base64url(parts[2])));
  CHECK_FALSE(test::is_es256_signature(parts[0] + "." + parts[0], test::from_base64url(parts[2])));
}

TEST_CASE("Each try of a refresh has a proof of its own") {
  World world;
  world.write(world.token(seconds{-1}));
  world.reply(503, "");
  pe::Error lost = pe::detail::make_error(pe::ErrorKind::Transport, "host", "reset");
  lost.retryable = true;
  world.transport->reply(lost);
  world.reply(200, kNewKeys);
  REQUIRE(world.get().has_value());
  std::set<std::string> ids;
  for (const pe::HttpRequest& request : world.transport->requests()) {
    const auto claims =
        pe::detail::json::parse(test::from_base64url(test::parts_of_token(proof_of(request))[1]));
    REQUIRE(claims.has_value());
    ids.insert(*claims->find_string("jti"));
  }
  CHECK(ids.size() == 3);
  CHECK(world.platform->world.sleeps().size() == 2);

  World away;
  away.write(away.token(seconds{-1}));
  away.reply(500, "");
  const pe::Error error = error_of(away.get());
  CHECK(error.retryable);
  CHECK(error.http_status == 500);
  CHECK(away.transport->requests().size() == 3);
}

TEST_CASE("The region is given, or the environment's") {
  World world;
  world.options.region.clear();
  world.write(world.token(seconds{-1}));
  world.reply(200, kNewKeys);
  CHECK_THAT(error_of(world.get()).message, test::ContainsSubstring("Missing Region"));
  CHECK(world.transport->requests().empty());

  world.platform->world.set_environment("AWS_DEFAULT_REGION", "us-west-2");
  REQUIRE(world.get().has_value());
  CHECK(world.transport->requests().at(0).url ==
        "https://us-west-2.signin.aws.amazon.com/v1/token");
  world.platform->world.set_environment("AWS_REGION", "us-east-1");
  world.write(world.token(seconds{-1}));
  REQUIRE(world.get().has_value());
  CHECK(world.transport->requests().at(1).url ==
        "https://us-east-1.signin.aws.amazon.com/v1/token");
}

TEST_CASE("AWS Sign-In has names of its own in three partitions") {
  const auto url = [](const char* region) {
    const auto endpoint = pe::detail::sign_in_endpoint(region);
    return endpoint ? endpoint->url : endpoint.error().where;
  };
  CHECK(url("us-east-1") == "https://us-east-1.signin.aws.amazon.com");
  CHECK(url("cn-north-1") == "https://cn-north-1.signin.amazonaws.cn");
  CHECK(url("us-gov-west-1") == "https://us-gov-west-1.signin.amazonaws-us-gov.com");
  CHECK(url("eusc-de-east-1") == "https://signin.eusc-de-east-1.amazonaws.eu");
  CHECK(url("") == "region");
  CHECK(url("evil.example/") == "region");
  CHECK(url("a@b") == "region");
}

TEST_CASE("What a refusal means is said, without the service's text") {
  const auto message_for = [](int status, const std::string& code) {
    World world;
    world.write(world.token(seconds{-1}));
    world.reply(status, code.empty() ? code : R"({"error":")" + code + R"(","message":"MARKER"})");
    const pe::Error error = error_of(world.get());
    CHECK(error.where == path());
    CHECK(error.http_status == status);
    CHECK_FALSE(error.retryable);
    CHECK_THAT(error.message, test::ContainsSubstring("run aws login"));
    CHECK(world.transport->requests().size() == 1);
    return error.message;
  };
  CHECK_THAT(message_for(401, "TOKEN_EXPIRED"), test::ContainsSubstring("the login has ended"));
  CHECK_THAT(message_for(401, "USER_CREDENTIALS_CHANGED"), test::ContainsSubstring("password"));
  CHECK_THAT(message_for(403, "INSUFFICIENT_PERMISSIONS"),
             test::ContainsSubstring("signin:CreateOAuth2Token"));
  CHECK_THAT(message_for(400, "MARKER"), test::ContainsSubstring("may have been ended"));
  CHECK_THAT(message_for(400, ""), test::ContainsSubstring("may have been ended"));
  CHECK_THAT(message_for(302, ""), test::ContainsSubstring("HTTP 302"));
}

TEST_CASE("A refused refresh keeps keys that are still valid, and is not tried at once again") {
  World world;
  world.write(world.token(minutes{4}));
  world.reply(400, "{}");
  const auto provider = world.provider();
  for (int call = 0; call < 3; ++call) {
    const auto credentials = provider();
    REQUIRE(credentials.has_value());
    CHECK(credentials->access_key_id == "ASIAOLD");
  }
  CHECK(world.transport->requests().size() == 1);
}

TEST_CASE("A login file that cannot be written fails no call and loses no refresh token") {
  World world;
  world.write(world.token(seconds{-1}));
  world.platform->is_read_only = true;
  world.reply(200, kNewKeys);
  const auto provider = world.provider();
  for (int call = 0; call < 2; ++call) {
    const auto credentials = provider();
    REQUIRE(credentials.has_value());
    CHECK(credentials->access_key_id == "ASIANEW");
  }
  world.platform->world.advance(minutes{11});
  REQUIRE(provider().has_value());
  const auto requests = world.transport->requests();
  REQUIRE(requests.size() == 2);
  CHECK_THAT(requests[1].body, test::ContainsSubstring("next-MARKER"));
}

TEST_CASE("A token that lacks something is an error once it is needed") {
  const World times;
  const auto message_of = [](const std::string& text) {
    World world;
    world.write(text);
    const pe::Error error = error_of(world.get());
    CHECK(error.where == path());
    CHECK_THAT(error.message, test::ContainsSubstring("run aws login"));
    CHECK(world.transport->requests().empty());
    return error.message;
  };
  CHECK_THAT(message_of("{}"), test::ContainsSubstring("accessToken is missing"));
  CHECK_THAT(message_of(R"({"accessToken":"MARKER"})"), test::ContainsSubstring("not a JSON"));
  CHECK_THAT(message_of(R"({"accessToken":{"accessKeyId":"MARKER"}})"),
             test::ContainsSubstring("secretAccessKey is missing"));
  const std::string expired = R"({"accessToken":)" + times.keys(seconds{0});
  CHECK_THAT(message_of(expired + "}"), test::ContainsSubstring("clientId is missing"));
  CHECK_THAT(message_of(expired + R"(,"clientId":"c"})"),
             test::ContainsSubstring("refreshToken is missing"));
  CHECK_THAT(message_of(expired + R"(,"clientId":"c","refreshToken":"r"})"),
             test::ContainsSubstring("dpopKey is missing"));
  for (const char* key :
       {"MARKER", "-----BEGIN EC PRIVATE KEY-----\\nMARKER\\n-----END EC PRIVATE KEY-----\\n",
        "\\u0000MARKER"}) {
    CHECK_THAT(
        message_of(expired + R"(,"clientId":"c","refreshToken":"r","dpopKey":")" + key + R"("})"),
        test::ContainsSubstring("dpopKey is not a private key of P-256"));
  }
  World nameless;
  nameless.options.login_session.clear();
  CHECK(error_of(nameless.get()).where == "login_session");
}

TEST_CASE("An unusable answer changes nothing") {
  const std::string whole = kNewKeys;
  std::vector<std::string> answers{
      "null",
      "[]",
      R"({"accessToken":{}})",
      R"({"accessToken":{"accessKeyId":"a","secretAccessKey":"MARKER","sessionToken":"t"},)"
      R"("expiresIn":900})",
      R"({"accessToken":{"accessKeyId":"a","secretAccessKey":"MARKER","sessionToken":"t"},)"
      R"("refreshToken":"r"})",
      R"({"accessToken":{"accessKeyId":"a\n","secretAccessKey":"MARKER","sessionToken":"t"},)"
      R"("expiresIn":900,"refreshToken":"r"})"};
  for (std::size_t size = 0; size < whole.size(); ++size) answers.push_back(whole.substr(0, size));
  for (const std::string& answer : answers) {
    CAPTURE(answer);
    World world;
    const std::string before = world.token(seconds{-1});
    world.write(before);
    world.reply(200, answer);
    CHECK(error_of(world.get()).where == path());
    CHECK(world.platform->content(path()) == before);
  }
}

TEST_CASE("Every truncation of a login file, and every changed byte, ends in keys or an error") {
  World world;
  const std::string whole = world.token(minutes{4});
  world.reply(200, kNewKeys);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    world.write(whole.substr(0, size));
    CHECK(error_of(world.get()).where == path());
  }
  CHECK(world.transport->requests().empty());
  for (const char byte : {'\0', '"', '\xff', '{', '\\'}) {
    for (std::size_t at = 0; at < whole.size(); ++at) {
      World changed;
      std::string text = whole;
      text[at] = byte;
      changed.write(text);
      changed.reply(200, kNewKeys);
      const auto credentials = changed.get();
      if (!credentials) CHECK(error_of(credentials).where == path());
      if (credentials) CHECK_FALSE(credentials->access_key_id.empty());
    }
  }
}
