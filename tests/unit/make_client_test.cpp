// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/make_client.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "catch.hpp"
#include "support/client_world.hpp"
#include "support/environment.hpp"
#include "support/metadata_world.hpp"
#include "support/raw_server.hpp"

namespace pe = personalize_events;
using test::header;

namespace {

const std::string kConfig = "/home/user/.aws/config";
const std::string kCredentials = "/home/user/.aws/credentials";

// An environment with keys, a home without files, and options that lack all but the transport.
struct World {
  std::shared_ptr<pe::testing::VirtualPlatform> platform =
      std::make_shared<pe::testing::VirtualPlatform>();
  std::shared_ptr<pe::testing::FakeTransport> transport =
      std::make_shared<pe::testing::FakeTransport>();
  pe::ClientOptions options{};

  World() {
    options.platform = platform;
    options.transport = transport;
    set("HOME", "/home/user");
    set("AWS_ACCESS_KEY_ID", "environment-id");
    set("AWS_SECRET_ACCESS_KEY", "environment-MARKER");
    set("AWS_EC2_METADATA_DISABLED", "true");
  }
  void set(const std::string& name, const std::string& value) const {
    platform->set_environment(name, value);
  }
  void set_config(const std::string& text) const { platform->set_file(kConfig, text); }
  void set_credentials(const std::string& text) const { platform->set_file(kCredentials, text); }

  // The request that a call of a client made here sends.
  pe::HttpRequest request() const {
    const auto client = pe::make_client(options);
    INFO((client ? std::string{} : to_string(client.error())));
    REQUIRE(client.has_value());
    const auto sent = client->put_events(test::put_events_request());
    INFO((sent ? std::string{} : to_string(sent.error())));
    REQUIRE(sent.has_value());
    return transport->requests().back();
  }
  std::string region() const {
    const std::string url = request().url;
    const std::string begin = "https://personalize-events.";
    const std::string end = ".amazonaws.com/events";
    REQUIRE(url.size() > begin.size() + end.size());
    return url.substr(begin.size(), url.size() - begin.size() - end.size());
  }
  std::string key_id() const {
    const std::string authorization = header(request(), "Authorization");
    const std::size_t begin = authorization.find("Credential=") + 11;
    return authorization.substr(begin, authorization.find('/') - begin);
  }
  pe::Error error() const {
    const auto client = pe::make_client(options);
    REQUIRE_FALSE(client.has_value());
    CHECK(client.error().kind == pe::ErrorKind::Configuration);
    CHECK(client.error().attempts == 0);
    CHECK(test::all_texts(client.error()).find(test::kMarker) == std::string::npos);
    CHECK(transport->requests().empty());
    return client.error();
  }
};

}  // namespace

TEST_CASE("A broken shared file does not matter to a client that needs none of it") {
  const auto platform = std::make_shared<pe::testing::VirtualPlatform>();
  platform->set_environment("HOME", "/home/user");
  platform->set_file("/home/user/.aws/config", "broken");
  pe::ClientOptions options;
  options.platform = platform;
  options.transport = std::make_shared<pe::testing::FakeTransport>();
  options.region = "eu-west-1";
  options.endpoint_url = "https://example.com";
  options.credentials = pe::static_credentials({"id", "secret"});
  const auto client = pe::make_client(options);
  REQUIRE(client.has_value());
  CHECK(client->put_events(test::put_events_request()).has_value());
  options.profile = "default";
  CHECK_FALSE(pe::make_client(options).has_value());
  options.profile.clear();
  options.credentials = {};
  CHECK_FALSE(pe::make_client(options).has_value());
}

TEST_CASE("A malformed line in a section that is not selected does not matter") {
  World world;
  world.set_config("[default]\nregion = eu-west-1\n[profile other]\nSECRET\n[services s]\n= x\n");
  CHECK(pe::make_client(world.options).has_value());
  for (const char* selected :
       {"[default]\nSECRET\n", "[default\nregion = eu-west-1\n", "SECRET\n[profile x]\n",
        "[default]\nservices = s\nregion = eu-west-1\n[services s]\nSECRET\n"}) {
    CAPTURE(selected);
    world.set_config(selected);
    const auto client = pe::make_client(world.options);
    REQUIRE_FALSE(client.has_value());
    CHECK_THAT(client.error().where, test::ContainsSubstring("/.aws/config:"));
    CHECK(test::all_texts(client.error()).find("SECRET") == std::string::npos);
  }
}

TEST_CASE("A file of the home folder that this user may not read is as one that does not exist") {
  World world;
  pe::Error denied = pe::detail::make_error(pe::ErrorKind::Configuration, "/home/user/.aws/config",
                                            "cannot be opened: Permission denied");
  denied.code = "AccessDenied";
  world.platform->set_file("/home/user/.aws/config", denied);
  world.set("AWS_REGION", "eu-west-1");
  CHECK(pe::make_client(world.options).has_value());
  world.set("AWS_CONFIG_FILE", "/home/user/.aws/config");
  CHECK_FALSE(pe::make_client(world.options).has_value());
}

TEST_CASE("The region is the option's, then AWS_REGION, AWS_DEFAULT_REGION, the profile's") {
  World world;
  world.set_config("[default]\nregion = eu-west-1\n[profile shop]\nregion = eu-central-1\n");
  CHECK(world.region() == "eu-west-1");
  world.set("AWS_PROFILE", "shop");
  CHECK(world.region() == "eu-central-1");
  world.set("AWS_DEFAULT_REGION", "us-east-2");
  CHECK(world.region() == "us-east-2");
  world.set("AWS_REGION", "us-west-2");
  CHECK(world.region() == "us-west-2");
  CHECK_THAT(header(world.request(), "Authorization"),
             test::ContainsSubstring("/us-west-2/personalize/aws4_request"));
  world.options.region = "ap-south-1";
  CHECK(world.region() == "ap-south-1");
}

TEST_CASE("A missing region is an error that says each way to give it") {
  for (const bool has_endpoint : {false, true}) {
    World world;
    if (has_endpoint) world.options.endpoint_url = "http://127.0.0.1:8080";
    const pe::Error error = world.error();
    CHECK(error.where == "AWS_REGION");
    CHECK_THAT(error.message, test::ContainsSubstring("AWS_REGION"));
    CHECK_THAT(error.message, test::ContainsSubstring("ClientOptions::region"));
    CHECK_THAT(error.message, test::ContainsSubstring("profile"));
    CHECK_THAT(error.message, test::ContainsSubstring(
                                  "instance metadata: turned off by AWS_EC2_METADATA_DISABLED"));
  }
}

TEST_CASE("The region of the EC2 instance is asked for when nothing else names one") {
  World world;
  world.platform->unset_environment("AWS_EC2_METADATA_DISABLED");
  world.transport->reply(test::metadata_token_answer());
  world.transport->reply(pe::HttpResponse{200, {}, "eu-west-3\n"});
  world.transport->reply(pe::HttpResponse{200});
  CHECK(world.region() == "eu-west-3");
  const auto requests = world.transport->requests();
  REQUIRE(requests.size() == 3);
  CHECK(requests[0].url == "http://169.254.169.254/latest/api/token");
  CHECK(requests[1].url == "http://169.254.169.254/latest/meta-data/placement/region");
  world.set_config("[default]\nregion = eu-west-1\n");
  CHECK(world.region() == "eu-west-1");
  CHECK(world.transport->requests().size() == 4);
}

TEST_CASE("The profile says where the instance metadata is, and a custom endpoint needs it too") {
  World world;
  world.platform->unset_environment("AWS_EC2_METADATA_DISABLED");
  world.set_config("[profile shop]\nec2_metadata_service_endpoint = http://127.0.0.1:9\n");
  world.options.profile = "shop";
  world.options.endpoint_url = "http://127.0.0.1:8080";
  world.transport->reply(test::metadata_token_answer());
  world.transport->reply(pe::HttpResponse{200, {}, "eu-west-3"});
  world.transport->reply(pe::HttpResponse{200});
  const auto client = pe::make_client(world.options);
  REQUIRE(client.has_value());
  CHECK(world.transport->requests().at(1).url ==
        "http://127.0.0.1:9/latest/meta-data/placement/region");
}

TEST_CASE("An instance that does not say its region is the reason of the error") {
  struct Case {
    pe::Result<pe::HttpResponse> answer;
    const char* reason;
    bool retryable;
  };
  const Case cases[] = {
      {test::metadata_silence(false), "instance metadata: not reachable", false},
      {test::metadata_silence(true), "instance metadata: no answer in time", false},
      {pe::HttpResponse{503}, "instance metadata: refused with HTTP 503", true},
  };
  for (const Case& one : cases) {
    CAPTURE(one.reason);
    World world;
    world.platform->unset_environment("AWS_EC2_METADATA_DISABLED");
    world.transport->reply(one.answer);
    for (const bool is_async : {false, true}) {
      const auto error_of = [](const auto& client) {
        REQUIRE_FALSE(client.has_value());
        return client.error();
      };
      const pe::Error error = is_async ? error_of(pe::make_async_client(world.options))
                                       : error_of(pe::make_client(world.options));
      CHECK(error.kind == pe::ErrorKind::Configuration);
      CHECK(error.where == "AWS_REGION");
      CHECK(error.retryable == one.retryable);
      CHECK_THAT(error.message, test::ContainsSubstring("ClientOptions::region"));
      CHECK_THAT(error.message, test::ContainsSubstring(one.reason));
    }
  }
}

TEST_CASE(
    "The endpoint is the option's, then the service's variable, the global one, the profile's") {
  World world;
  world.set("AWS_REGION", "us-east-1");
  const auto url = [&world] { return world.request().url; };
  world.set_config("[default]\nendpoint_url = http://profile:1\n");
  CHECK(url() == "http://profile:1/events");
  world.set_config(
      "[default]\nservices = s\nendpoint_url = http://profile:1\n"
      "[services s]\npersonalize_events =\n  endpoint_url = http://service:2\n");
  CHECK(url() == "http://service:2/events");
  world.set("AWS_ENDPOINT_URL", "http://global:3");
  CHECK(url() == "http://global:3/events");
  world.set("AWS_ENDPOINT_URL_PERSONALIZE_EVENTS", "http://own:4/base/");
  CHECK(url() == "http://own:4/base/events");
  CHECK(header(world.request(), "Host") == "own:4");
  world.options.endpoint_url = "http://option:5";
  CHECK(url() == "http://option:5/events");
}

TEST_CASE("Variants of the endpoint come from the environment and the profile") {
  World world;
  world.set("AWS_REGION", "us-east-1");
  world.set("AWS_USE_FIPS_ENDPOINT", "true");
  world.set_config("[default]\nuse_dualstack_endpoint = true\n");
  CHECK(world.request().url == "https://personalize-events-fips.us-east-1.api.aws/events");
  world.options.use_fips = false;
  world.options.use_dual_stack = false;
  CHECK(world.request().url == "https://personalize-events.us-east-1.amazonaws.com/events");
}

TEST_CASE("A setting that cannot be used is an error that names where it stands") {
  struct Case {
    const char* variable;
    const char* value;
    const char* config;
    const char* where;
  };
  for (const Case& broken :
       {Case{"AWS_REGION", "us east", "", "AWS_REGION"},
        Case{"AWS_ENDPOINT_URL", "http://MARKER:MARKER@host", "", "AWS_ENDPOINT_URL"},
        Case{"AWS_ENDPOINT_URL_PERSONALIZE_EVENTS", "MARKER", "",
             "AWS_ENDPOINT_URL_PERSONALIZE_EVENTS"},
        Case{"AWS_MAX_ATTEMPTS", "0", "", "AWS_MAX_ATTEMPTS"},
        Case{"AWS_MAX_ATTEMPTS", "many", "", "AWS_MAX_ATTEMPTS"},
        Case{"AWS_RETRY_MODE", "sometimes", "", "AWS_RETRY_MODE"},
        Case{"AWS_USE_FIPS_ENDPOINT", "yes", "", "AWS_USE_FIPS_ENDPOINT"},
        Case{"AWS_SDK_UA_APP_ID", "two words", "", "AWS_SDK_UA_APP_ID"},
        Case{"AWS_PROFILE", "absent", "", "AWS_PROFILE"},
        Case{"X", "", "[default]\nregion = us east\n", "/home/user/.aws/config:2"},
        Case{"X", "", "[default]\n\nendpoint_url = MARKER\n", "/home/user/.aws/config:3"},
        Case{"X", "", "[default]\nmax_attempts = -1\n", "/home/user/.aws/config:2"},
        Case{"X", "", "[default]\nretry_mode = MARKER\n", "/home/user/.aws/config:2"},
        Case{"X", "", "[default]\naws_secret_access_key MARKER\n", "/home/user/.aws/config:2"},
        Case{"X", "", "[default\n", "/home/user/.aws/config:1"}}) {
    CAPTURE(broken.variable, broken.value, broken.config);
    World world;
    world.set("AWS_DEFAULT_REGION", "us-east-1");
    // The variable would win over the file that is to be looked at.
    if (std::string_view{broken.config}.find("region") != std::string_view::npos) {
      world.platform->unset_environment("AWS_DEFAULT_REGION");
    }
    world.set(broken.variable, broken.value);
    world.set_config(broken.config);
    CHECK(world.error().where == broken.where);
  }
}

TEST_CASE("An option that cannot be used is named as one") {
  World world;
  world.options.region = "us-east-1";
  SECTION("region") {
    world.options.region = "us east";
    CHECK(world.error().where == "ClientOptions.region");
  }
  SECTION("profile") {
    world.options.profile = "absent";
    CHECK(world.error().where == "ClientOptions.profile");
  }
  SECTION("endpoint_url") {
    world.options.endpoint_url = "nowhere";
    CHECK(world.error().where == "ClientOptions.endpoint_url");
  }
  SECTION("max_attempts") {
    world.options.retry.max_attempts = 0;
    CHECK(world.error().where == "ClientOptions.retry.max_attempts");
  }
  SECTION("app_id") {
    world.options.app_id = "shop\r\nX-Injected: 1";
    CHECK(world.error().where == "ClientOptions.app_id");
  }
}

TEST_CASE("Attempts come from the option, then the environment, then the profile, then are three") {
  World world;
  world.set("AWS_REGION", "us-east-1");
  world.transport->reply(pe::HttpResponse{500});
  const auto attempts = [&world] {
    const auto client = pe::make_client(world.options);
    REQUIRE(client.has_value());
    const auto sent = client->put_events(test::put_events_request());
    REQUIRE_FALSE(sent.has_value());
    return sent.error().attempts;
  };
  CHECK(attempts() == 3);
  world.set_config("[default]\nmax_attempts = 2\n");
  CHECK(attempts() == 2);
  world.set("AWS_MAX_ATTEMPTS", "4");
  CHECK(attempts() == 4);
  world.options.retry.max_attempts = 1;
  CHECK(attempts() == 1);
}

TEST_CASE("The retry mode comes from the environment, and the option wins") {
  for (const bool option_is_standard : {false, true}) {
    World world;
    world.set("AWS_REGION", "us-east-1");
    world.set("AWS_RETRY_MODE", "adaptive");
    world.set("AWS_MAX_ATTEMPTS", "1");
    if (option_is_standard) world.options.retry.mode = pe::RetryMode::Standard;
    world.transport->reply(test::service_error(400, "ThrottlingException"));
    world.transport->reply(pe::HttpResponse{200});
    const auto client = pe::make_client(world.options);
    REQUIRE(client.has_value());
    CHECK_FALSE(client->put_events(test::put_events_request()).has_value());
    CHECK(client->put_events(test::put_events_request()).has_value());
    std::chrono::nanoseconds slept{0};
    for (const auto duration : world.platform->sleeps()) slept += duration;
    CHECK((slept == std::chrono::nanoseconds{0}) == option_is_standard);
  }
}

TEST_CASE("The application's name comes from the option, then the environment") {
  World world;
  world.set("AWS_REGION", "us-east-1");
  world.set("AWS_SDK_UA_APP_ID", "from-environment");
  CHECK_THAT(header(world.request(), "User-Agent"),
             test::ContainsSubstring(" app/from-environment"));
  world.options.app_id = "from-option";
  CHECK_THAT(header(world.request(), "User-Agent"), test::ContainsSubstring(" app/from-option"));
}

TEST_CASE("Credentials are the option's, the environment's, then the profile's") {
  World world;
  world.set("AWS_REGION", "us-east-1");
  world.set_credentials(
      "[default]\naws_access_key_id = default-id\naws_secret_access_key = s\n"
      "[shop]\naws_access_key_id = shop-id\naws_secret_access_key = s\n");
  CHECK(world.key_id() == "environment-id");
  world.set("AWS_PROFILE", "shop");
  CHECK(world.key_id() == "environment-id");
  world.options.profile = "default";
  CHECK(world.key_id() == "default-id");
  world.options.profile = "shop";
  CHECK(world.key_id() == "shop-id");
  world.options.credentials = pe::static_credentials({"option-id", "s"});
  CHECK(world.key_id() == "option-id");
}

TEST_CASE("AWS STS is asked in the region of the client") {
  World world;
  world.set("AWS_REGION", "us-east-1");
  world.options.region = "eu-central-1";
  world.platform->unset_environment("AWS_ACCESS_KEY_ID");
  world.platform->unset_environment("AWS_SECRET_ACCESS_KEY");
  world.set("AWS_WEB_IDENTITY_TOKEN_FILE", "/token");
  world.set("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/web");
  world.platform->set_file("/token", std::string{"a.web.token"});
  const auto client = pe::make_client(world.options);
  REQUIRE(client.has_value());
  CHECK_FALSE(client->put_events(test::put_events_request()).has_value());
  CHECK(world.transport->requests().at(0).url == "https://sts.eu-central-1.amazonaws.com/");
}

TEST_CASE("Credentials are looked for at the first call, and their absence is its error") {
  World world;
  world.set("AWS_REGION", "us-east-1");
  world.platform->unset_environment("AWS_ACCESS_KEY_ID");
  world.platform->unset_environment("AWS_SECRET_ACCESS_KEY");
  const auto client = pe::make_client(world.options);
  REQUIRE(client.has_value());
  const auto sent = client->put_events(test::put_events_request());
  REQUIRE_FALSE(sent.has_value());
  CHECK(sent.error().kind == pe::ErrorKind::Credentials);
  CHECK(sent.error().attempts == 0);
  CHECK_THAT(sent.error().message, test::ContainsSubstring("AWS_ACCESS_KEY_ID"));
  CHECK_THAT(sent.error().message, test::ContainsSubstring("profile"));
  CHECK(world.transport->requests().empty());

  world.set("AWS_ACCESS_KEY_ID", "late-id");
  world.set("AWS_SECRET_ACCESS_KEY", "late");
  CHECK(client->put_events(test::put_events_request()).has_value());
}

TEST_CASE("Making a client asks no provider, opens only the two shared files and sends nothing") {
  World world;
  world.set("AWS_REGION", "us-east-1");
  int calls = 0;
  world.options.credentials = [&calls]() -> pe::Result<pe::Credentials> {
    ++calls;
    return pe::Credentials{"id", "secret"};
  };
  SECTION("at their own places") {
    REQUIRE(pe::make_client(world.options).has_value());
    for (const std::string& path : world.platform->files_read()) {
      CAPTURE(path);
      CHECK((path == kConfig || path == kCredentials));
    }
    CHECK(world.platform->files_read().size() == 2);
  }
  SECTION("or where the environment says") {
    world.set("AWS_CONFIG_FILE", "/etc/aws/config");
    world.set("AWS_SHARED_CREDENTIALS_FILE", "/etc/aws/credentials");
    world.platform->set_file("/etc/aws/config", std::string{"[default]\nregion = eu-west-1\n"});
    world.platform->unset_environment("AWS_REGION");
    CHECK(world.region() == "eu-west-1");
    for (const std::string& path : world.platform->files_read()) {
      CAPTURE(path);
      CHECK((path == "/etc/aws/config" || path == "/etc/aws/credentials"));
    }
    calls = 0;
  }
  CHECK(calls == 0);
  CHECK(world.platform->processes_run().empty());
}

TEST_CASE("A client with all it needs is made without a file or a variable") {
  test::ClientWorld world;
  const auto client = pe::make_client(world.options);
  REQUIRE(client.has_value());
  CHECK(client->put_events(test::put_events_request()).has_value());
  CHECK(world.transport->requests().size() == 1);
}

TEST_CASE("Without a transport the client is made over libcurl, and no connection is opened") {
  World world;
  world.options.transport = nullptr;
  world.options.region = "us-east-1";
  CHECK(pe::make_client(world.options).has_value());
}

TEST_CASE("Time bounds and the rest of the options are kept") {
  World world;
  world.options.region = "us-east-1";
  world.options.attempt_timeout = std::chrono::milliseconds{1234};
  world.options.http.connect_timeout = std::chrono::milliseconds{567};
  const pe::HttpRequest request = world.request();
  CHECK(request.timeout == std::chrono::milliseconds{1234});
  CHECK(request.connect_timeout == std::chrono::milliseconds{567});
}

namespace {

// A world over libcurl in which the instance metadata is at `endpoint`, and no source has keys.
World world_without_keys(const std::string& endpoint) {
  World world;
  world.options.transport = nullptr;
  world.platform->unset_environment("AWS_EC2_METADATA_DISABLED");
  world.platform->unset_environment("AWS_ACCESS_KEY_ID");
  world.platform->unset_environment("AWS_SECRET_ACCESS_KEY");
  world.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint);
  return world;
}

std::string closed_url() { return "http://127.0.0.1:" + std::to_string(test::closed_port()); }

}  // namespace

TEST_CASE(
    "On a machine without keys and metadata the first call fails soon, and names each source") {
  test::RawServer hole{test::never_answer()};
  test::RawServer proxy{test::answer_each(test::http_response(200))};
  const test::Environment upper{"HTTP_PROXY", proxy.url("")};
  const test::Environment lower{"http_proxy", proxy.url("")};
  for (const std::string& endpoint : {closed_url(), hole.url("")}) {
    CAPTURE(endpoint);
    World world = world_without_keys(endpoint);
    world.options.region = "us-east-1";
    const auto started = std::chrono::steady_clock::now();
    const auto client = pe::make_client(world.options);
    REQUIRE(client.has_value());
    const auto sent = client->put_events(test::put_events_request());
    CHECK(std::chrono::steady_clock::now() - started < std::chrono::seconds{3});
    REQUIRE_FALSE(sent.has_value());
    CHECK(sent.error().kind == pe::ErrorKind::Credentials);
    CHECK_FALSE(sent.error().retryable);
    CHECK(sent.error().attempts == 0);
    for (const char* source :
         {"environment: ", "profile: ", "web identity: ", "container: ", "instance metadata: "}) {
      CHECK_THAT(sent.error().message, test::ContainsSubstring(std::string{"\n  "} + source));
    }
  }
  CHECK(hole.accepted() == 1);
  CHECK(proxy.accepted() == 0);
}

TEST_CASE("With a region no connection is opened to make a client; without one the metadata's is") {
  test::RawServer service{test::play_metadata_service()};
  World world = world_without_keys(service.url(""));
  world.options.region = "us-east-1";
  REQUIRE(pe::make_client(world.options).has_value());
  REQUIRE(pe::make_async_client(world.options).has_value());
  CHECK(service.accepted() == 0);
  world.options.region = "";
  REQUIRE(pe::make_client(world.options).has_value());
  CHECK(service.requests().size() == 2);

  const World closed = world_without_keys(closed_url());
  const auto started = std::chrono::steady_clock::now();
  const auto client = pe::make_client(closed.options);
  CHECK(std::chrono::steady_clock::now() - started < std::chrono::seconds{3});
  REQUIRE_FALSE(client.has_value());
  CHECK_THAT(client.error().message, test::ContainsSubstring("instance metadata: not reachable"));
}

TEST_CASE("An asynchronous client is filled from the same places, and carries as it was told") {
  World world;
  world.set("AWS_REGION", "eu-west-3");
  const auto over_threads = pe::make_async_client(world.options);
  REQUIRE(over_threads.has_value());
  REQUIRE(over_threads->put_events(test::put_events_request()).get());
  world.options.transport = nullptr;
  world.options.async_transport = world.transport;
  const auto client = pe::make_async_client(world.options);
  REQUIRE(client.has_value());
  REQUIRE(client->put_events(test::put_events_request()).get());
  const auto requests = world.transport->requests();
  REQUIRE(requests.size() == 2);
  for (const pe::HttpRequest& request : requests) {
    CHECK(request.url == "https://personalize-events.eu-west-3.amazonaws.com/events");
    CHECK_THAT(header(request, "Authorization"), test::ContainsSubstring("environment-id"));
  }
}

TEST_CASE("Without a transport an asynchronous client is made over libcurl, without a connection") {
  World world;
  world.set("AWS_REGION", "eu-west-3");
  world.options.transport = nullptr;
  const auto client = pe::make_async_client(world.options);
  REQUIRE(client.has_value());
  const auto& options = pe::detail::AsyncClientAccess::core(*client)->options();
  CHECK(options.async_transport != nullptr);
  CHECK(options.transport == nullptr);
}

TEST_CASE("What a client cannot be made of, an asynchronous one cannot either") {
  World world;
  world.set("AWS_MAX_ATTEMPTS", "many");
  const auto client = pe::make_async_client(world.options);
  REQUIRE_FALSE(client.has_value());
  CHECK(client.error().kind == pe::ErrorKind::Configuration);
}
