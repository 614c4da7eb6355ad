// SPDX-License-Identifier: Apache-2.0
//
// Secrets are planted wherever one can stand: variables, both files, caches, token files, a proxy's
// password, a process's arguments, the answers of services. None comes out again: not by explain(),
// not by an error of any source, not by a service that echoes the request, and there is no way to
// stream what holds one.

#include <cstddef>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/detail/base/uri.hpp"
#include "personalize_events/detail/json/writer.hpp"
#include "personalize_events/detail/providers/cognito.hpp"
#include "personalize_events/detail/providers/default_chain.hpp"
#include "personalize_events/detail/providers/iot.hpp"
#include "personalize_events/explain.hpp"
#include "personalize_events/options.hpp"
#include "personalize_events/testing/fake_transport.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "personalize_events/transport.hpp"
#include "support/client_world.hpp"

namespace pe = personalize_events;

namespace {

// Every secret has this in it, and nothing else does.
const std::string kPlanted = "PLANTED";

void check_shows_no_secret(const std::string& text) {
  const std::size_t at = text.find(kPlanted);
  if (at == std::string::npos) return;
  FAIL("a secret is shown: " << text.substr(at < 200 ? 0 : at - 200, 400));
}

const char* const kConfig = "/home/user/.aws/config";

// Ways in which a profile gets its credentials. Each is named "default".
const std::vector<std::string>& profiles() {
  static const std::vector<std::string> texts{
      "[default]\naws_access_key_id = AKIAPLANTED00001234\naws_secret_access_key = PLANTED-1\n"
      "aws_session_token = PLANTED-2\n",
      "[default]\naws_access_key_id = PLANTED-3\n",
      "[default]\naws_secret_access_key = PLANTED-4\n",
      "[default]\nPLANTED-5\n",
      "[default]\ncredential_process = /bin/vault --token PLANTED-6\n",
      "[default]\ncredential_process = TOKEN=PLANTED-7 vault\n",
      "[default]\ncredential_process = \"/bin/vault PLANTED-8\n",
      "[default]\nlogin_session = me\n",
      "[default]\nsso_session = work\nsso_account_id = 123456789012\nsso_role_name = Shop\n"
      "[sso-session work]\nsso_region = eu-west-1\nsso_start_url = https://example.com/start\n",
      "[default]\nrole_arn = arn:aws:iam::123456789012:role/shop\n"
      "web_identity_token_file = /var/token\n",
      "[default]\nrole_arn = arn:aws:iam::123456789012:role/shop\nexternal_id = PLANTED-9\n"
      "source_profile = base\n[profile base]\naws_access_key_id = AKIAPLANTED00001234\n"
      "aws_secret_access_key = PLANTED-10\n",
      "[default]\nrole_arn = PLANTED-11 is no role\nsource_profile = default\n"
      "aws_access_key_id = AKIAPLANTED00001234\naws_secret_access_key = PLANTED-12\n",
      "[default]\nrole_arn = arn:aws:iam::123456789012:role/shop\n"
      "credential_source = Environment\n",
      "[default]\nrole_arn = arn:aws:iam::123456789012:role/shop\n"
      "credential_source = PLANTED-13\n",
      "[default]\nrole_arn = arn:aws:iam::123456789012:role/shop\n"
      "credential_source = EcsContainer\n",
  };
  return texts;
}

// Answers of a service: refusals, and what only looks like an answer.
std::vector<pe::Result<pe::HttpResponse>> answers() {
  std::vector<pe::Result<pe::HttpResponse>> all;
  const std::vector<std::string> bodies{
      "",
      "PLANTED-20",
      R"({"code":"PLANTED-21","Code":"PLANTED-22","__type":"PLANTED-23 x","message":"PLANTED-24"})",
      R"({"AccessKeyId":"PLANTED-25","SecretAccessKey":"PLANTED-26","Token":7})",
      R"({"roleCredentials":{"accessKeyId":"PLANTED-27","expiration":"PLANTED-28"}})",
      R"({"credentials":{"accessKeyId":"PLANTED-29"},"Credentials":{"SecretKey":"PLANTED-30"}})",
      R"({"IdentityId":"eu-west-1:PLANTED-31","Credentials":{"AccessKeyId":["PLANTED-32"]}})",
      "<ErrorResponse><Error><Code>PLANTED 33</Code><Message>PLANTED-34</Message></Error>"
      "</ErrorResponse>",
      "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>PLANTED-35</AccessKeyId>"
      "<SecretAccessKey>PLANTED-36</SecretAccessKey></Credentials></AssumeRoleResult>",
  };
  for (const int status : {200, 302, 400, 401, 403, 404, 500}) {
    for (const std::string& body : bodies) {
      all.emplace_back(pe::HttpResponse{
          status,
          {{"Location", "https://PLANTED-37"}, {"x-amzn-ErrorType", "PLANTED-38 y"}},
          body});
    }
  }
  all.emplace_back(test::transport_error());
  return all;
}

// A machine with a secret in every place that may have one, and a profile.
struct World {
  std::shared_ptr<pe::testing::VirtualPlatform> platform =
      std::make_shared<pe::testing::VirtualPlatform>();
  std::shared_ptr<pe::testing::FakeTransport> transport =
      std::make_shared<pe::testing::FakeTransport>();

  explicit World(const std::string& profile = {}) {
    set("HOME", "/home/user");
    set("AWS_REGION", "eu-west-1");
    for (const char* proxy : {"https_proxy", "HTTPS_PROXY", "all_proxy", "http_proxy"}) {
      set(proxy, "http://user-PLANTED-40:PLANTED-41@proxy.example.com:3128/PLANTED-42");
    }
    platform->set_file(kConfig, profile);
    const std::string token =
        R"({"accessToken":"PLANTED-43","refreshToken":"PLANTED-44","clientSecret":"PLANTED-45",)"
        R"("clientId":"PLANTED-46","expiresAt":"2025-12-31T23:00:00Z","dpopKey":"PLANTED-47",)"
        R"("registrationExpiresAt":"2030-01-01T00:00:00Z"})";
    // SHA-1 of "work", SHA-256 of "me".
    platform->set_file("/home/user/.aws/sso/cache/" + test_sso_name() + ".json", token);
    platform->set_file("/home/user/.aws/login/cache/" + test_login_name() + ".json", token);
    platform->set_file("/var/token", "PLANTED-48");
  }
  static std::string test_sso_name() { return "e274eeff768c6396088ec6eb091f4bf4d47ab1e0"; }
  static std::string test_login_name() {
    return "2744ccd10c7533bd736ad890f9dd5cab2adb27b07d500b9493f29cdc420cb2e0";
  }

  World& set(const std::string& name, const std::string& value) {
    platform->set_environment(name, value);
    return *this;
  }
  World& with_keys() {
    return set("AWS_ACCESS_KEY_ID", "AKIAPLANTED00001234")
        .set("AWS_SECRET_ACCESS_KEY", "PLANTED-50")
        .set("AWS_SESSION_TOKEN", "PLANTED-51");
  }
  World& with_container() {
    return set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "https://agent.example.com/PLANTED-52?PLANTED")
        .set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "PLANTED-53");
  }
  World& with_web_identity() {
    return set("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/token")
        .set("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/shop");
  }

  [[nodiscard]] std::string explained() const {
    pe::ClientOptions options;
    options.platform = platform;
    std::string account = pe::explain(options);
    options.http.proxy = "http://PLANTED-54:PLANTED-55@proxy.example.com";
    options.profile = "default";
    account.append(pe::explain(options));
    options.credentials = pe::static_credentials({"AKIAPLANTED00001234", "PLANTED-56"});
    return account.append(pe::explain(options));
  }

  [[nodiscard]] std::string error_of(const pe::CredentialsProvider& provider) const {
    const auto credentials = provider();
    return credentials ? std::string{} : test::all_texts(credentials.error());
  }
  [[nodiscard]] std::string error_of_default_chain() const {
    return error_of(pe::default_chain({transport, platform}));
  }
};

template <class T, class = void>
struct IsStreamable : std::false_type {};
template <class T>
struct IsStreamable<T, std::void_t<decltype(std::declval<std::ostream&>() << std::declval<T>())>>
    : std::true_type {};

template <class T, class = void>
struct HasText : std::false_type {};
template <class T>
struct HasText<T, std::void_t<decltype(to_string(std::declval<T>()))>> : std::true_type {};

}  // namespace

TEST_CASE("explain shows no planted secret, whatever the profile says") {
  for (const std::string& profile : profiles()) {
    CAPTURE(profile);
    World world{profile};
    check_shows_no_secret(world.explained());
    check_shows_no_secret(world.with_container().with_web_identity().explained());
    world.set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "PLANTED-60");
    world.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "PLANTED-61\n");
    check_shows_no_secret(world.with_keys().explained());
    CHECK(world.platform->processes_run().empty());
    CHECK(world.transport->requests().empty());
  }
}

TEST_CASE("explain shows no secret that stands in the place of a setting") {
  // Whoever pastes a key into the wrong variable must not find it in a log.
  for (const char* variable :
       {"AWS_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_PERSONALIZE_EVENTS",
        "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_RETRY_MODE", "AWS_MAX_ATTEMPTS",
        "AWS_SDK_UA_APP_ID", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_ACCESS_KEY_ID",
        "AWS_CREDENTIAL_EXPIRATION", "AWS_EC2_METADATA_DISABLED",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
        "HTTPS_PROXY", "NO_PROXY", "AWS_CONTAINER_CREDENTIALS_FULL_URI"}) {
    CAPTURE(variable);
    World world;
    world.with_keys().set(variable, "u:PLANTED/+62 @x\n");
    check_shows_no_secret(world.explained());
  }
  World world;
  world.set("AWS_ENDPOINT_URL", "https://user:PLANTED-63@example.com");
  check_shows_no_secret(world.explained());
}

TEST_CASE("No source's error shows a planted secret, whatever a service answers") {
  int failures = 0;
  int profiles_that_asked = 0;
  for (const std::string& profile : profiles()) {
    bool asked = false;
    for (const auto& answer : answers()) {
      World world{profile};
      world.transport->reply(answer);
      world.with_container();
      const std::string error = world.error_of_default_chain();
      check_shows_no_secret(error);
      failures += error.empty() ? 0 : 1;
      asked = asked || !world.transport->requests().empty();
    }
    profiles_that_asked += asked ? 1 : 0;
  }
  CHECK(profiles_that_asked == 4);  // single sign-on, a token, keys and a container behind a role
  const int all = static_cast<int>(profiles().size() * answers().size());
  CHECK(failures == all - static_cast<int>(answers().size()));  // all but the first, of static keys
}

TEST_CASE("Each source that the environment names keeps its secrets when it fails") {
  for (const auto& answer : answers()) {
    World container;
    container.with_container().transport->reply(answer);
    World web_identity;
    web_identity.with_web_identity().transport->reply(answer);
    World metadata;
    metadata.transport->reply(answer);
    World broken;
    broken.with_container()
        .set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "PLANTED-64\r\n")
        .transport->reply(answer);
    for (const World* world : {&container, &web_identity, &metadata, &broken}) {
      const std::string error = world->error_of_default_chain();
      CHECK_FALSE(error.empty());
      check_shows_no_secret(error);
    }
  }
  World half;
  half.set("AWS_SECRET_ACCESS_KEY", "PLANTED-65");
  CHECK_FALSE(half.error_of_default_chain().empty());
  check_shows_no_secret(half.error_of_default_chain());
}

TEST_CASE("What a process prints or complains of is not shown") {
  const std::string command = "/bin/vault --token PLANTED-6";
  for (const std::string& output :
       {std::string{}, std::string{"PLANTED-66"}, std::string{R"({"Version":1,"PLANTED-67":1})"},
        std::string{
            R"({"Version":1,"AccessKeyId":"PLANTED-68","SecretAccessKey":"PLANTED 69"})"}}) {
    World world{"[default]\ncredential_process = " + command + "\n"};
    world.platform->on_process(command, output);
    const std::string error = world.error_of_default_chain();
    CHECK_FALSE(error.empty());
    check_shows_no_secret(error);
    CHECK(world.platform->processes_run() == std::vector<std::string>{command});
  }
}

TEST_CASE("The sources for devices and for strangers' hands keep their secrets when they fail") {
  const pe::CognitoOptions user{"", "eu-west-1:1111-2222", {{"accounts.google.com", "PLANTED-70"}}};
  for (const auto& answer : answers()) {
    World world;
    world.transport->reply(answer);
    const std::string iot = world.error_of(
        pe::iot_credentials({"example.com", "alias"}, {world.transport, world.platform}));
    const std::string cognito =
        world.error_of(pe::cognito_credentials(user, {world.transport, world.platform}));
    CHECK_FALSE(iot.empty());
    CHECK_FALSE(cognito.empty());
    check_shows_no_secret(iot);
    check_shows_no_secret(cognito);
  }
}

namespace {

std::string json_escaped(const std::string& text) {
  std::string out;
  pe::detail::json::Writer writer(out);
  writer.string(text);
  return out.substr(1, out.size() - 2);
}

std::string xml_escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '"': out.append("&quot;"); break;
      case '<': out.append("&lt;"); break;
      case '>': out.append("&gt;"); break;
      case '&': out.append("&amp;"); break;
      default: out.push_back(c);
    }
  }
  return out;
}

std::string percent_encoded(const std::string& text) { return pe::detail::percent_encode(text); }

std::string upper_case(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

// In pieces of nine characters, one a line.
std::string split(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += 9) out.append(text.substr(at, 9)).append("\r\n");
  return out;
}

std::string raw_headers(const pe::HttpRequest& request) {
  std::string out = request.method + " " + request.url + "\n";
  for (const auto& [name, value] : request.headers) out.append(name + ": " + value + "\n");
  return out;
}

// What a service may quote of a request.
std::vector<std::string> quotations(const pe::HttpRequest& request) {
  const std::string headers = raw_headers(request);
  const std::string token = test::header(request, "X-Amz-Security-Token");
  std::vector<std::string> all{request.body, headers, headers + "\n" + request.body, token,
                               test::header(request, "Authorization")};
  // A request that is longer than what is quoted of a message comes whole, and in its parts.
  const std::string whole = request.body;
  for (std::size_t at = 0; at < whole.size(); at += 100) all.push_back(whole.substr(at));
  for (const std::string& value : {std::string{"item-MARKER"}, std::string{"user-MARKER"},
                                   std::string{"tv-MARKER"}, std::string{"watch-MARKER"}, token}) {
    all.push_back("Value '" + value + "' at 'eventList.1.member.itemId' failed");
    for (std::size_t size = 4; size <= value.size() && size < 20; ++size) {
      all.push_back("Value '" + value.substr(0, size) + "...' is too long");
      all.push_back(value.substr(value.size() - size));
    }
  }
  return all;
}

// Echoes the request in the `form`th way: in the message, the code, or the request ID.
class Echo final : public pe::Transport {
 public:
  std::size_t form{0};
  std::size_t forms{0};  // how many there are, known after the first request

  pe::Result<pe::HttpResponse> send(const pe::HttpRequest& request) override {
    using Encode = std::function<std::string(const std::string&)>;
    const std::vector<Encode> encodings{
        [](const std::string& text) { return text; },
        json_escaped,
        [](const std::string& text) { return json_escaped(json_escaped(text)); },
        xml_escaped,
        percent_encoded,
        [](const std::string& text) { return percent_encoded(json_escaped(text)); },
        [](const std::string& text) { return xml_escaped(percent_encoded(text)); },
        upper_case,
        [](const std::string& text) { return upper_case(json_escaped(text)); },
        split,
        [](const std::string& text) {
          return "The Canonical String for this request should have been\n" + split(text);
        },
    };
    const std::vector<std::string> quoted = quotations(request);
    forms = encodings.size() * quoted.size() * 3;
    const std::string text =
        encodings[form % encodings.size()](quoted[form / encodings.size() % quoted.size()]);
    const std::size_t place = form / encodings.size() / quoted.size();
    pe::HttpResponse response{400, {{"x-amzn-RequestId", "0d5b8c9a-9a4e"}}, {}};
    std::string& body = response.body;
    pe::detail::json::Writer writer(body);
    writer.begin_object();
    writer.key("code");
    writer.string(place == 1 ? text : "ValidationException");
    writer.key("message");
    writer.string(place == 0 ? "1 error at 'itemId': " + text : "refused at 'itemId'");
    writer.end_object();
    if (place == 2) response.headers = {{"x-amzn-RequestId", text}};
    return response;
  }
};

bool shows_marker(const std::string& text) {
  return upper_case(text).find("MARK") != std::string::npos;
}

}  // namespace

TEST_CASE("Nothing of a request is shown when the service echoes it, in whatever form") {
  test::ClientWorld world;
  const auto echo = std::make_shared<Echo>();
  world.options.transport = echo;
  std::string told;
  world.options.on_attempt = [&told](const pe::Attempt& attempt) {
    if (attempt.error != nullptr) told.append(test::all_texts(*attempt.error));
  };
  const pe::Client client = world.client();
  std::size_t shown = 0;
  for (echo->form = 0; echo->form == 0 || echo->form < echo->forms; ++echo->form) {
    told.clear();
    const auto result = client.put_events(test::put_events_request());
    REQUIRE_FALSE(result.has_value());
    const pe::Error& error = result.error();
    CHECK(error.kind == pe::ErrorKind::Service);
    CHECK(error.http_status == 400);
    CHECK_FALSE(told.empty());
    if (shows_marker(test::all_texts(error)) || shows_marker(told)) {
      ++shown;
      if (shown < 4) WARN(echo->form << ": " << test::all_texts(error));
    }
    CHECK(error.message.find("itemId") != std::string::npos);
    if (error.message.find("refused") == std::string::npos) {
      CHECK(error.code == "ValidationException");
      CHECK(error.request_id == "0d5b8c9a-9a4e");
    }
  }
  CHECK(echo->forms >= 400);
  CHECK(shown == 0);
}

TEST_CASE("What holds a secret can neither be streamed nor made a text") {
  CHECK(IsStreamable<std::string>::value);
  CHECK(HasText<pe::Error>::value);
  CHECK_FALSE(IsStreamable<pe::Credentials>::value);
  CHECK_FALSE(IsStreamable<pe::ClientOptions>::value);
  CHECK_FALSE(IsStreamable<pe::HttpRequest>::value);
  CHECK_FALSE(IsStreamable<pe::HttpResponse>::value);
  CHECK_FALSE(IsStreamable<pe::detail::ProfileValue>::value);
  CHECK_FALSE(IsStreamable<pe::CognitoOptions>::value);
  CHECK_FALSE(IsStreamable<pe::detail::json::Value>::value);
  CHECK_FALSE(HasText<pe::Credentials>::value);
  CHECK_FALSE(HasText<pe::ClientOptions>::value);
  CHECK_FALSE(HasText<pe::HttpRequest>::value);
  CHECK_FALSE(HasText<pe::HttpResponse>::value);
  CHECK_FALSE(HasText<pe::detail::ProfileValue>::value);
  CHECK_FALSE(HasText<pe::CognitoOptions>::value);
}
