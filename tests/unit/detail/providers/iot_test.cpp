// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/providers/iot.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "catch.hpp"
#include "personalize_events/curl_transport.hpp"
#include "personalize_events/testing/fake_transport.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "support/client_world.hpp"
#include "support/raw_server.hpp"
#include "support/tls_server.hpp"

namespace pe = personalize_events;

namespace {

const pe::IotOptions kDevice{"c1a2b3.credentials.iot.eu-west-1.amazonaws.com", "shelf-alias",
                             "shelf-7"};

const char* const kAnswer =
    R"({"credentials":{"accessKeyId":"id-MARKER","secretAccessKey":"secret-MARKER",)"
    R"("sessionToken":"token-MARKER","expiration":"2030-01-31T12:00:00Z"}})";

struct World {
  std::shared_ptr<pe::testing::FakeTransport> transport =
      std::make_shared<pe::testing::FakeTransport>();
  std::shared_ptr<pe::testing::VirtualPlatform> platform =
      std::make_shared<pe::testing::VirtualPlatform>();

  pe::Result<pe::Credentials> get(const pe::IotOptions& options = kDevice) const {
    return pe::iot_credentials(options, {transport, platform})();
  }
};

pe::Error error_of(const pe::Result<pe::Credentials>& result) {
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().kind == pe::ErrorKind::Credentials);
  CHECK(pe::detail::is_of_meant_source(result.error()));
  CHECK(test::all_texts(result.error()).find("MARKER") == std::string::npos);
  return result.error();
}

void check_keys(const pe::Result<pe::Credentials>& credentials) {
  REQUIRE(credentials.has_value());
  CHECK(credentials->access_key_id == "id-MARKER");
  CHECK(credentials->secret_access_key == "secret-MARKER");
  CHECK(credentials->session_token == "token-MARKER");
  REQUIRE(credentials->expiration.has_value());
  CHECK(credentials->expiration->time_since_epoch() == std::chrono::seconds{1'896'091'200});
}

}  // namespace

TEST_CASE("A device asks for its role alias, and names its thing if it is told to") {
  const auto request = pe::detail::iot_request(kDevice);
  REQUIRE(request.has_value());
  CHECK(request->method == "GET");
  CHECK(request->url ==
        "https://c1a2b3.credentials.iot.eu-west-1.amazonaws.com/role-aliases/shelf-alias/"
        "credentials");
  CHECK(request->headers == pe::Headers{{"Host", "c1a2b3.credentials.iot.eu-west-1.amazonaws.com"},
                                        {"Accept", "application/json"},
                                        {"x-amzn-iot-thingname", "shelf-7"}});
  CHECK(request->body.empty());
  CHECK_FALSE(request->direct);

  const auto nameless = pe::detail::iot_request({"https://example.com/", "_a=b,c@d-1"});
  REQUIRE(nameless.has_value());
  CHECK(nameless->url == "https://example.com/role-aliases/_a=b,c@d-1/credentials");
  CHECK(test::header(*nameless, "x-amzn-iot-thingname").empty());
}

TEST_CASE("A device's option that is not allowed is named, and nothing is sent") {
  struct Case {
    pe::IotOptions options;
    const char* where;
  };
  const std::string long_name(129, 'a');
  const std::vector<Case> cases{
      {{"", "alias"}, "IotOptions::endpoint"},
      {{"http://example.com", "alias"}, "IotOptions::endpoint"},
      {{"http://127.0.0.1.example.com", "alias"}, "IotOptions::endpoint"},
      {{"ftp://example.com", "alias"}, "IotOptions::endpoint"},
      {{"https://example.com/role-aliases", "alias"}, "IotOptions::endpoint"},
      {{"example.com/path", "alias"}, "IotOptions::endpoint"},
      {{"user:MARKER@example.com", "alias"}, "IotOptions::endpoint"},
      {{"example.com\r\nX: y", "alias"}, "IotOptions::endpoint"},
      {{"example.com", ""}, "IotOptions::role_alias"},
      {{"example.com", "a/b"}, "IotOptions::role_alias"},
      {{"example.com", "a.b"}, "IotOptions::role_alias"},
      {{"example.com", "a?MARKER"}, "IotOptions::role_alias"},
      {{"example.com", long_name}, "IotOptions::role_alias"},
      {{"example.com", "alias", "a b"}, "IotOptions::thing_name"},
      {{"example.com", "alias", "a\nb"}, "IotOptions::thing_name"},
      {{"example.com", "alias", long_name}, "IotOptions::thing_name"},
  };
  for (const Case& broken : cases) {
    CAPTURE(broken.options.endpoint, broken.options.role_alias, broken.options.thing_name);
    const World world;
    const pe::Error error = error_of(world.get(broken.options));
    CHECK(error.code == "MisconfiguredSource");
    CHECK(error.where == broken.where);
    CHECK(world.transport->requests().empty());
  }
}

TEST_CASE("Plain http is for this machine only") {
  for (const char* endpoint :
       {"http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:8080", "http://[::1]"}) {
    CAPTURE(endpoint);
    CHECK(pe::detail::iot_request({endpoint, "alias"}).has_value());
  }
}

TEST_CASE("The keys of an answer of AWS IoT are read") {
  check_keys(pe::detail::credentials_of_iot({200, {}, kAnswer}));
}

TEST_CASE("An answer that AWS IoT cannot mean is an error of the source") {
  for (const char* body :
       {"", "MARKER", "{}", "[]", R"({"credentials":null})", R"({"credentials":"MARKER"})",
        R"({"credentials":{"accessKeyId":"MARKER","secretAccessKey":"MARKER"}})",
        R"({"credentials":{"accessKeyId":"MARKER","secretAccessKey":"MARKER",)"
        R"("sessionToken":"MARKER"}})",
        R"({"credentials":{"accessKeyId":"MARKER","secretAccessKey":"MARKER",)"
        R"("sessionToken":"MARKER","expiration":"MARKER"}})",
        R"({"message":"MARKER"})"}) {
    CAPTURE(body);
    CHECK(error_of(pe::detail::credentials_of_iot({200, {}, body})).where == "AWS IoT");
  }
}

TEST_CASE("A refusal says what to mend, and not what the service wrote") {
  struct Case {
    int status;
    const char* hint;
  };
  for (const Case& refusal : std::vector<Case>{{403, "iot:AssumeRoleWithCertificate"},
                                               {403, "client_certificate"},
                                               {404, "role alias"},
                                               {400, "credentials.iot.amazonaws.com"},
                                               {302, "IotOptions::endpoint"},
                                               {204, "IotOptions::endpoint"}}) {
    CAPTURE(refusal.status);
    const World world;
    world.transport->reply(pe::HttpResponse{refusal.status, {}, R"({"message":"MARKER"})"});
    const pe::Error error = error_of(world.get());
    CHECK(error.where == "AWS IoT");
    CHECK(error.http_status == refusal.status);
    CHECK_FALSE(error.retryable);
    CHECK_THAT(error.message, test::ContainsSubstring(refusal.hint));
    CHECK(world.transport->requests().size() == 1);
  }
}

TEST_CASE("AWS IoT is asked again after a failure that may pass, three times at most") {
  const World world;
  world.transport->reply(pe::HttpResponse{503});
  world.transport->reply(test::transport_error());
  world.transport->reply(pe::HttpResponse{200, {}, kAnswer});
  check_keys(world.get());
  CHECK(world.transport->requests().size() == 3);

  const World down;
  down.transport->reply(pe::HttpResponse{500});
  const pe::Error error = error_of(down.get());
  CHECK(error.retryable);
  CHECK(down.transport->requests().size() == 3);
}

TEST_CASE("Over a real connection the device's request arrives as it should") {
  test::RawServer server{test::answer_each(test::http_response(200, kAnswer))};
  const auto transport = std::make_shared<pe::CurlTransport>();
  const std::string endpoint = "http://127.0.0.1:" + std::to_string(server.port());
  check_keys(pe::iot_credentials({endpoint, "shelf-alias", "shelf-7"}, {transport})());
  REQUIRE(server.requests().size() == 1);
  const std::string request = server.requests().at(0);
  CHECK(request.rfind("GET /role-aliases/shelf-alias/credentials HTTP/1.1\r\n", 0) == 0);
  CHECK_THAT(request, test::ContainsSubstring("\r\nx-amzn-iot-thingname: shelf-7\r\n"));
}

TEST_CASE("The server gives keys to the device's certificate, and to nobody without one") {
  if (!test::has_openssl_command()) {
    std::cout << "SKIPPED: mutual TLS, for want of the openssl command\n";
    return;
  }
  const test::SelfSigned identity;
  const std::filesystem::path alias =
      std::filesystem::path{identity.folder()} / "role-aliases" / "shelf-alias";
  std::filesystem::create_directories(alias);
  std::ofstream{alias / "credentials"}
      << "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
      << std::string{kAnswer}.size() << "\r\nConnection: close\r\n\r\n"
      << kAnswer;
  const test::TlsServer server{
      identity,
      {"-HTTP", "-Verify", "1", "-verify_return_error", "-CAfile", identity.certificate()}};
  pe::HttpOptions device;
  device.ca_file = identity.certificate();
  const bool with_certificate = GENERATE(false, true);
  if (with_certificate) {
    device.client_certificate = identity.certificate();
    device.client_key = identity.key();
  }
  std::string endpoint = server.url();
  if (GENERATE(false, true)) endpoint = "127.0.0.1:" + std::to_string(server.port());
  const auto platform = std::make_shared<pe::testing::VirtualPlatform>();
  const auto keys = pe::iot_credentials({endpoint, "shelf-alias", "shelf-7"},
                                        {std::make_shared<pe::CurlTransport>(device), platform})();
  if (with_certificate) {
    check_keys(keys);
  } else {
    CHECK(error_of(keys).where == "AWS IoT");
  }
}
