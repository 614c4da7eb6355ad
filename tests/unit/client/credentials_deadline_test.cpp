// SPDX-License-Identifier: Apache-2.0
//
// Calls whose credentials come from slow, silent and failing services, in virtual time: a call ends
// at call_timeout, credentials included, uses the credentials that it has, and asks seldom.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "catch.hpp"
#include "personalize_events/client.hpp"
#include "personalize_events/core.hpp"
#include "personalize_events/detail/providers/default_chain.hpp"
#include "personalize_events/detail/providers/iot.hpp"
#include "personalize_events/detail/providers/sts.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "personalize_events/transport.hpp"
#include "support/client_world.hpp"
#include "support/provider_guard.hpp"

namespace pe = personalize_events;
using namespace std::chrono_literals;

namespace {

/// A VirtualPlatform whose commands run as long as they may.
class SlowProcesses final : public pe::Platform {
 public:
  std::optional<std::string> environment(const std::string& name) override {
    return inner.environment(name);
  }
  pe::Result<std::string> read_file(const std::string& path) override {
    return inner.read_file(path);
  }
  std::chrono::system_clock::time_point now() override { return inner.now(); }
  std::chrono::steady_clock::time_point steady_now() override { return inner.steady_now(); }
  void sleep_for(std::chrono::nanoseconds duration) override { inner.sleep_for(duration); }
  void random_bytes(unsigned char* out, std::size_t count) override {
    inner.random_bytes(out, count);
  }
  pe::Result<std::string> run_process(const std::string&,
                                      std::chrono::milliseconds timeout) override {
    ++runs;
    inner.advance(std::min<std::chrono::milliseconds>(timeout, 100s));
    return pe::credentials_error("the command took too long");
  }
  void advance(std::chrono::nanoseconds duration) { inner.advance(duration); }

  pe::testing::VirtualPlatform inner{};
  std::atomic<int> runs{0};
};

pe::Error no_response() { return test::transport_error(pe::ErrorKind::Timeout, true); }

/// Personalize Events, which responds at once, and a service of credentials before it.
struct World {
  std::shared_ptr<SlowProcesses> platform = std::make_shared<SlowProcesses>();
  std::function<pe::Result<pe::HttpResponse>(const pe::HttpRequest&)> credentials_service{};
  /// By the service's clock, which may be another than the platform's.
  std::chrono::milliseconds clock_error{0};
  std::atomic<int> asked{0};
  std::atomic<int> sent{0};
  pe::ClientOptions options{};
  test::ProviderGuard guard{};

  struct Transport final : pe::Transport {
    explicit Transport(World& its_world) : world(its_world) {}
    World& world;
    std::mutex mutex{};
    pe::Result<pe::HttpResponse> send(const pe::HttpRequest& request) override {
      if (request.url.find("personalize-events") == std::string::npos) {
        {
          const std::lock_guard<std::mutex> lock{mutex};
          ++world.asked;
        }
        return world.credentials_service(request);
      }
      const std::lock_guard<std::mutex> lock{mutex};
      ++world.sent;
      return world.respond(request);
    }
  };

  World() {
    options.region = "us-east-1";
    options.platform = platform;
    options.transport = std::make_shared<Transport>(*this);
    platform->inner.set_environment("HOME", "/home/user");
    platform->inner.set_environment("AWS_EC2_METADATA_DISABLED", "true");
  }

  [[nodiscard]] std::chrono::system_clock::time_point service_now() const {
    return platform->now() - clock_error;
  }

  pe::Result<pe::HttpResponse> respond(const pe::HttpRequest& request) const {
    const auto signed_at = pe::detail::parse_rfc3339(extended(test::header(request, "X-Amz-Date")));
    REQUIRE(signed_at);
    const auto skew = *signed_at - service_now();
    const std::string date = pe::detail::format_http_date(service_now());
    if (skew > 5min || -skew > 5min) {
      return test::service_error(403, "RequestTimeTooSkewed", {{"Date", date}});
    }
    return pe::HttpResponse{200, {{"x-amzn-RequestId", "id"}, {"Date", date}}};
  }

  // "20260101T000000Z" as RFC 3339.
  static std::string extended(const std::string& basic) {
    return basic.substr(0, 4) + "-" + basic.substr(4, 2) + "-" + basic.substr(6, 5) + ":" +
           basic.substr(11, 2) + ":" + basic.substr(13);
  }

  /// Keys of a role, for an hour.
  [[nodiscard]] pe::HttpResponse role() const {
    return {200,
            {},
            "<AssumeRoleResponse><AssumeRoleResult><AssumedRoleUser><Arn>arn:aws:sts::123456789012:"
            "assumed-role/r/s</Arn></AssumedRoleUser><Credentials><AccessKeyId>ASIA</AccessKeyId>"
            "<SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>"
            "<Expiration>" +
                pe::detail::format_rfc3339(service_now() + 1h) +
                "</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"};
  }

  void set_config(const std::string& text) {
    platform->inner.set_file("/home/user/.aws/config", text);
    options.credentials =
        guard.guard(pe::default_chain({options.transport, platform, "default", "us-east-1"}));
  }

  /// The virtual time that a call takes, and its result.
  std::pair<std::chrono::milliseconds, pe::Result<pe::PutResult>> call(const pe::Client& client) {
    const auto begin = platform->steady_now();
    auto result = client.put_events(test::put_events_request());
    const auto time = platform->steady_now() - begin;
    return {std::chrono::duration_cast<std::chrono::milliseconds>(time), std::move(result)};
  }
  std::pair<std::chrono::milliseconds, pe::Result<pe::PutResult>> call() {
    return call(pe::Client{options});
  }
};

const char* const kRole =
    "[default]\nrole_arn = arn:aws:iam::123456789012:role/A\nsource_profile = keys\n";
const char* const kTwoRoles =
    "[default]\nrole_arn = arn:aws:iam::123456789012:role/A\nsource_profile = middle\n"
    "[profile middle]\nrole_arn = arn:aws:iam::123456789012:role/B\nsource_profile = keys\n";
const char* const kKeys =
    "[profile keys]\naws_access_key_id = AKID\naws_secret_access_key = secret\n";

}  // namespace

TEST_CASE("A call with a silent service of credentials ends at its timeout") {
  World world;
  world.credentials_service = [&world](const pe::HttpRequest& request) {
    world.platform->advance(request.timeout);
    return pe::Result<pe::HttpResponse>{no_response()};
  };
  world.options.call_timeout = GENERATE(1s, 6s, 10s);
  SECTION("one role") { world.set_config(std::string{kRole} + kKeys); }
  SECTION("two roles") { world.set_config(std::string{kTwoRoles} + kKeys); }
  SECTION("single sign-on") {
    world.set_config(
        "[default]\nsso_session = work\nsso_account_id = 1\nsso_role_name = reader\n"
        "[sso-session work]\nsso_region = us-east-1\nsso_start_url = https://work\n");
    // The SHA-1 of "work".
    world.platform->inner.set_file(
        "/home/user/.aws/sso/cache/e274eeff768c6396088ec6eb091f4bf4d47ab1e0.json",
        R"({"accessToken":"token","expiresAt":"2036-01-01T00:00:00Z"})");
  }
  SECTION("a process") { world.set_config("[default]\ncredential_process = sleep 100\n"); }
  SECTION("a container") {
    world.platform->inner.set_environment("AWS_CONTAINER_CREDENTIALS_FULL_URI",
                                          "http://127.0.0.1/keys");
    world.set_config("");
    world.options.credentials = pe::default_chain({world.options.transport, world.platform});
  }
  const auto [time, result] = world.call();
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().kind == pe::ErrorKind::Credentials);
  CHECK(time <= world.options.call_timeout + 100ms);
  CHECK(world.asked + world.platform->runs >= 1);
  CHECK(world.sent == 0);
}

TEST_CASE("A call with slow services of credentials has all of its time for them") {
  World world;
  world.credentials_service = [&world](const pe::HttpRequest&) {
    world.platform->advance(4500ms);
    return pe::Result<pe::HttpResponse>{world.role()};
  };
  world.set_config(std::string{kTwoRoles} + kKeys);
  const auto [time, result] = world.call();
  CHECK(result.has_value());
  CHECK(time <= 9s);
  CHECK(world.asked == 2);
}

TEST_CASE("A failing service of credentials is asked three times for a call, and not for each") {
  World world;
  world.credentials_service = [](const pe::HttpRequest&) {
    return pe::Result<pe::HttpResponse>{pe::HttpResponse{500}};
  };
  world.platform->inner.set_environment("AWS_CONTAINER_CREDENTIALS_FULL_URI",
                                        "http://127.0.0.1/keys");
  world.options.credentials = pe::default_chain({world.options.transport, world.platform});
  const pe::Client client{world.options};
  CHECK_FALSE(world.call(client).second.has_value());
  CHECK(world.asked == 3);
  for (int call = 0; call < 100; ++call) CHECK_FALSE(world.call(client).second.has_value());
  CHECK(world.asked == 6);
}

TEST_CASE("An application's provider learns how long it may take") {
  World world;
  world.options.call_timeout = 3s;
  std::chrono::milliseconds given{0};
  world.options.credentials = [&given](const pe::CredentialsRequest& request) {
    given = request.timeout;
    return pe::Result<pe::Credentials>{test::temporary_credentials()};
  };
  CHECK(world.call().second.has_value());
  CHECK(given == 3s);
}

namespace {

/// Something that hangs until it is released.
class Gate {
 public:
  void open() {
    const std::lock_guard<std::mutex> lock{mutex_};
    open_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock<std::mutex> lock{mutex_};
    changed_.wait(lock, [this] { return open_; });
  }

 private:
  std::mutex mutex_{};
  std::condition_variable changed_{};
  bool open_{false};
};

}  // namespace

TEST_CASE("Keys with minutes left are used while STS is silent") {
  Gate gate;
  std::atomic<int> roles{0};
  World world;
  world.credentials_service = [&](const pe::HttpRequest&) {
    if (++roles > 1) gate.wait();
    return pe::Result<pe::HttpResponse>{world.role()};
  };
  world.set_config(std::string{kRole} + kKeys);
  {
    const pe::Client client{world.options};
    REQUIRE(world.call(client).second.has_value());
    world.platform->advance(1h - 290s);
    const auto begin = std::chrono::steady_clock::now();
    for (int call = 0; call < 100; ++call) REQUIRE(world.call(client).second.has_value());
    CHECK(std::chrono::steady_clock::now() - begin < 10s);
    CHECK(world.sent == 101);
    while (roles < 2) std::this_thread::yield();
    gate.open();
  }
  CHECK(roles == 2);
}

TEST_CASE("Keys that have expired are used while their service is not there") {
  World world;
  std::atomic<bool> is_there{true};
  world.credentials_service = [&](const pe::HttpRequest&) {
    return is_there ? pe::Result<pe::HttpResponse>{world.role()}
                    : pe::Result<pe::HttpResponse>{test::transport_error()};
  };
  world.set_config(std::string{kRole} + kKeys);
  std::string reported;
  world.options.on_attempt = [&reported](const pe::Attempt& attempt) {
    reported = attempt.credentials_error == nullptr ? "" : attempt.credentials_error->where;
  };
  const pe::Client client{world.options};
  REQUIRE(world.call(client).second.has_value());
  CHECK(reported.empty());
  is_there = false;
  world.platform->advance(2h);
  for (int call = 0; call < 20; ++call) REQUIRE(world.call(client).second.has_value());
  CHECK(world.sent == 21);
  CHECK(reported == "AWS STS");
  // One second of calls each minute, for an hour.
  const int before = world.asked;
  for (int minute = 0; minute < 60; ++minute) {
    world.platform->advance(59s);
    for (int call = 0; call < 10; ++call) {
      REQUIRE(world.call(client).second.has_value());
      world.platform->advance(100ms);
    }
  }
  CHECK(world.asked - before <= 3 * 61);
  is_there = true;
  world.platform->advance(40s);
  REQUIRE(world.call(client).second.has_value());
  REQUIRE(world.call(client).second.has_value());
  // The refresh is beside the calls; one that failed just before begins a pause, which is over in
  // time.
  while (!reported.empty()) {
    world.platform->advance(100ms);
    REQUIRE(world.call(client).second.has_value());
  }
}

TEST_CASE("With a clock that is wrong a role is assumed by the time of STS") {
  World world;
  world.clock_error = GENERATE(2h, -48h);
  world.credentials_service = [&world](const pe::HttpRequest& request) {
    pe::HttpResponse response = *world.respond(request);
    if (response.status == 200) return pe::Result<pe::HttpResponse>{world.role()};
    response.body =
        "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code></Error></ErrorResponse>";
    return pe::Result<pe::HttpResponse>{response};
  };
  world.set_config(std::string{kRole} + kKeys);
  const pe::Client client{world.options};
  for (int call = 0; call < 3; ++call) CHECK(world.call(client).second.has_value());
  CHECK(world.asked == 2);
  CHECK(world.sent == 4);
}

TEST_CASE("With a clock that is two hours fast fresh keys are used, and the clock is corrected") {
  World world;
  world.clock_error = 2h;
  world.credentials_service = [&](const pe::HttpRequest&) {
    return pe::Result<pe::HttpResponse>{pe::HttpResponse{
        200,
        {},
        R"({"credentials":{"accessKeyId":"ASIA","secretAccessKey":"secret","sessionToken":"token",)"
        R"("expiration":")" +
            pe::detail::format_rfc3339(world.service_now() + 1h) + "\"}}"}};
  };
  world.options.credentials =
      pe::iot_credentials({"example.com", "alias"}, {world.options.transport, world.platform});
  const pe::Client client{world.options};
  for (int call = 0; call < 10; ++call) REQUIRE(world.call(client).second.has_value());
  CHECK(world.asked == 1);
  CHECK(world.sent == 11);
  world.platform->advance(50min);
  REQUIRE(world.call(client).second.has_value());
  CHECK(world.asked == 1);
}
