// SPDX-License-Identifier: Apache-2.0
//
// Scenarios of every provider of credentials, in virtual time: each row of credential_providers()
// meets each behavior of its service and of the machine's clock. In all of them a call ends at
// call_timeout plus 100 ms, credentials that a source has are used, and a source is asked at a
// stated rate at most. A new provider is one row there.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/async_client.hpp"
#include "personalize_events/client.hpp"
#include "personalize_events/make_client.hpp"
#include "support/client_world.hpp"
#include "support/credential_providers.hpp"
#include "support/credential_services.hpp"

namespace pe = personalize_events;
using namespace std::chrono_literals;
using test::CredentialProvider;
using test::CredentialWorld;
using test::Source;

namespace {

/// After a failure, and after new credentials that are no better, a provider is left alone for this
/// long: at least half of 30 s, at most 40 s. The token cache of a login adds its own 30 s.
constexpr std::chrono::seconds kLeastPause = 15s;
constexpr std::chrono::seconds kLongestPause = 71s;

/// A client over one provider.
class Scenario {
 public:
  explicit Scenario(const CredentialProvider& provider,
                    std::chrono::milliseconds call_timeout = 10s)
      : provider_(provider), options_(world->options()) {
    options_.call_timeout = call_timeout;
    world->slowness = provider.slowness;
    rewrite_source();
  }
  Scenario(const Scenario&) = delete;
  Scenario& operator=(const Scenario&) = delete;
  ~Scenario() {
    for (const std::string& surprise : world->surprises()) FAIL_CHECK(surprise);
  }

  /// What `aws configure`, `aws login`, or the owner of a file or variable does.
  void rewrite_source() { provider_.set_up(*world, options_); }

  [[nodiscard]] pe::ClientOptions& options() { return options_; }

  void begin() {
    auto made = pe::make_client(options_);
    REQUIRE(made.has_value());
    client_.emplace(*std::move(made));
  }

  /// Returns whether the call succeeded. It ends in time in any case.
  bool call() {
    if (!client_) begin();
    const auto before = world->platform->steady_now();
    const auto result = client_->put_events(test::put_events_request());
    const auto time = world->platform->steady_now() - before;
    ++calls_;
    if (time > options_.call_timeout + 100ms) {
      FAIL_CHECK("a call took " << std::chrono::duration<double>(time).count() << " s");
    }
    if (!result) last_error_ = result.error();
    test::wait_for_other_threads();
    return result.has_value();
  }

  /// Calls at this pace for a time; returns how many failed.
  int call_for(std::chrono::seconds time, std::chrono::milliseconds pace) {
    int failed = 0;
    const auto end = world->platform->steady_now() + time;
    while (world->platform->steady_now() < end) {
      failed += call() ? 0 : 1;
      world->platform->pass(pace);
    }
    return failed;
  }

  /// Calls until one succeeds; returns how many seconds passed.
  double time_to_success() {
    const auto begin = world->platform->steady_now();
    for (int i = 0; i < 600 && !call(); ++i) world->platform->pass(1s);
    return std::chrono::duration<double>(world->platform->steady_now() - begin).count();
  }

  struct Asked {
    int asked;
    int issued;
  };
  /// Calls for two minutes with credentials that the service rejects, as does each that a source
  /// gives meanwhile.
  Asked use_bad_credentials() {
    world->revoke();
    world->issue_bad(true);
    rewrite_source();
    const Asked before{world->asked(), world->issued()};
    CHECK(call_for(2min, 1s) >= 120);
    return {world->asked() - before.asked, world->issued() - before.issued};
  }

  /// The most requests of one refresh: each may be sent three times.
  [[nodiscard]] int refresh_cost() const { return 3 * std::max(provider_.requests, 1); }
  /// The most requests in a time in which a source does not give good credentials. The first few
  /// refreshes follow each other faster.
  [[nodiscard]] int most_requests(std::chrono::seconds time) const {
    constexpr int first_refreshes = 6;
    return refresh_cost() * (first_refreshes + static_cast<int>(time / kLeastPause));
  }

  [[nodiscard]] std::string last_error() const {
    return last_error_ ? to_string(*last_error_) : std::string{};
  }
  [[nodiscard]] pe::ErrorKind last_kind() const { return last_error_->kind; }
  [[nodiscard]] int calls() const { return calls_; }
  [[nodiscard]] bool has_service() const { return provider_.slowness > 0ms; }

  const std::shared_ptr<CredentialWorld> world = CredentialWorld::make();

 private:
  const CredentialProvider& provider_;
  pe::ClientOptions options_;
  std::optional<pe::Client> client_{};
  std::optional<pe::Error> last_error_{};
  int calls_{0};
};

const CredentialProvider& provider_named(const std::string& name) {
  const std::vector<CredentialProvider>& all = test::credential_providers();
  const auto found = std::find_if(
      all.begin(), all.end(), [&name](const CredentialProvider& one) { return one.name == name; });
  REQUIRE(found != all.end());
  return *found;
}

/// Token caches of logins are judged by the machine's clock; see the end of this file.
bool is_misled_by_clock(const CredentialProvider& provider, std::chrono::hours error) {
  const std::string name = provider.name;
  return (name == "login session" && error < 0h) || (name == "SSO without a session" && error > 8h);
}

std::string any_rejection() {
  return GENERATE(as<std::string>{}, "UnrecognizedClientException", "ExpiredTokenException",
                  "InvalidClientTokenId");
}

const CredentialProvider& any_provider() {
  const std::size_t count = test::credential_providers().size();
  const std::size_t number = GENERATE_COPY(range(std::size_t{0}, count));
  return test::credential_providers()[number];
}

}  // namespace

TEST_CASE("Every provider serves a client for hours, at few requests") {
  const CredentialProvider& provider = any_provider();
  INFO(provider.name);
  Scenario scenario{provider};
  scenario.world->source = GENERATE(Source::Good, Source::Slow);
  scenario.world->platform->split_time();
  CHECK(scenario.call());
  CHECK(scenario.world->asked() == provider.requests);
  for (int part = 0; part < 12; ++part) {
    // A tool writes new keys where there is no service to ask.
    if (!scenario.has_service()) scenario.rewrite_source();
    const int failed = scenario.call_for(40min, 1min);
    INFO(scenario.last_error());
    CHECK(failed == 0);
  }
  const int refreshes = 2 + static_cast<int>(8h / 50min);
  CHECK(scenario.world->asked() <= std::max(provider.requests, 1) * refreshes);
  CHECK(scenario.world->sent() <= scenario.calls() + 12);
}

TEST_CASE("A provider that never gave credentials bounds calls, requests and recovery") {
  const CredentialProvider& provider = any_provider();
  INFO(provider.name);
  Scenario scenario{provider, GENERATE(1s, 6s, 10s)};
  scenario.world->source = GENERATE(Source::Silent, Source::Failing);
  if (provider.requests == 0) {
    CHECK(scenario.call());
    return;
  }
  CHECK_FALSE(scenario.call());
  CHECK(scenario.last_kind() == pe::ErrorKind::Credentials);
  CHECK(scenario.world->asked() >= 1);
  CHECK(scenario.world->asked() <= scenario.refresh_cost());

  const int before = scenario.world->asked();
  const auto begin = scenario.world->platform->steady_now();
  CHECK(scenario.call_for(5min, 1s) > 0);
  CHECK(scenario.world->sent() == 0);
  const auto time = scenario.world->platform->steady_now() - begin;
  CHECK(scenario.world->asked() - before <=
        scenario.most_requests(std::chrono::duration_cast<std::chrono::seconds>(time)));

  scenario.world->source = Source::Good;
  CHECK(scenario.time_to_success() <= kLongestPause.count());
}

TEST_CASE("A provider whose service is gone leaves a client its credentials") {
  const CredentialProvider& provider = any_provider();
  INFO(provider.name);
  Scenario scenario{provider};
  scenario.world->checks_expiry = false;
  scenario.world->platform->split_time();
  CHECK(scenario.call());
  scenario.world->source = GENERATE(Source::Silent, Source::Failing);
  const int before = scenario.world->asked();
  const int failed = scenario.call_for(2h, 20s);
  INFO(scenario.last_error());
  CHECK(failed == 0);
  CHECK(scenario.world->sent() == scenario.calls());
  CHECK(scenario.world->asked() - before <= scenario.most_requests(2h));
}

TEST_CASE("A provider whose service is gone for too long bounds calls, requests and recovery") {
  const CredentialProvider& provider = any_provider();
  INFO(provider.name);
  Scenario scenario{provider};
  if (!scenario.has_service()) return;
  scenario.world->platform->split_time();
  CHECK(scenario.call());
  scenario.world->source = GENERATE(Source::Silent, Source::Failing);
  scenario.world->platform->pass(scenario.world->lifetime);
  const int before = scenario.world->asked();
  CHECK(scenario.call_for(15min, 5s) > 0);
  CHECK(scenario.world->asked() - before <= scenario.most_requests(15min));
  scenario.world->source = Source::Good;
  CHECK(scenario.time_to_success() <= kLongestPause.count());
}

TEST_CASE("Every provider serves a client whose machine has a wrong clock") {
  const CredentialProvider& provider = any_provider();
  INFO(provider.name);
  const std::chrono::hours error{GENERATE(2, 26, -2, -26)};
  CAPTURE(error.count());
  if (is_misled_by_clock(provider, error)) return;
  Scenario scenario{provider};
  scenario.world->platform->set_clock_error(error);
  scenario.world->platform->split_time();
  CHECK(scenario.call());
  for (int part = 0; part < 5; ++part) {
    if (!scenario.has_service()) scenario.rewrite_source();
    const int failed = scenario.call_for(40min, 1min);
    INFO(scenario.last_error());
    CHECK(failed == 0);
  }
  // Each request to STS is signed twice. By a fast clock a metadata service's keys have expired,
  // and are taken for good for ten minutes more.
  const int refreshes = 2 + static_cast<int>(200min / 5min);
  CHECK(scenario.world->asked() <= 2 * std::max(provider.requests, 1) * refreshes);
  CHECK(scenario.world->sent() <= scenario.calls() + 20);
}

TEST_CASE("A client takes over new credentials within the call that finds the old ones rejected") {
  const CredentialProvider& provider = any_provider();
  INFO(provider.name);
  if (!provider.expires) return;  // long-term keys are kept
  Scenario scenario{provider};
  scenario.world->rejection = any_rejection();
  CAPTURE(scenario.world->rejection);
  CHECK(scenario.call());
  for (int rotation = 0; rotation < 5; ++rotation) {
    scenario.world->revoke();
    scenario.rewrite_source();
    const bool succeeded = scenario.call();
    INFO(scenario.last_error());
    CHECK(succeeded);
    scenario.world->platform->pass(1min);
  }
  CHECK(scenario.world->asked() <= 6 * scenario.refresh_cost());
}

TEST_CASE("A client with bad credentials asks seldom, and finds the good ones") {
  const CredentialProvider& provider = any_provider();
  INFO(provider.name);
  if (!provider.expires) return;  // long-term keys are kept
  Scenario scenario{provider};
  scenario.world->rejection = any_rejection();
  CAPTURE(scenario.world->rejection);
  CHECK(scenario.call());
  const auto [asked, issued] = scenario.use_bad_credentials();
  const bool got_the_same = issued <= 2;
  if (got_the_same) CHECK(asked <= scenario.most_requests(2min));
  scenario.world->issue_bad(false);
  scenario.rewrite_source();
  CHECK(scenario.time_to_success() <= kLongestPause.count());
}

TEST_CASE("An AsyncClient has credentials of every provider, with any clock and after a rotation") {
  const CredentialProvider& provider = any_provider();
  INFO(provider.name);
  const std::chrono::hours error{GENERATE(0, 2, -2)};
  CAPTURE(error.count());
  Scenario scenario{provider};
  scenario.world->platform->set_clock_error(error);
  const auto client = pe::make_async_client(scenario.options());
  REQUIRE(client.has_value());
  for (int rotation = 0; rotation < 3; ++rotation) {
    const auto result = client->put_events(test::put_events_request()).get();
    test::wait_for_other_threads();
    if (!result) UNSCOPED_INFO(to_string(result.error()));
    CHECK(result.has_value());
    if (provider.expires) scenario.world->revoke();
    scenario.rewrite_source();
    scenario.world->platform->pass(1min);
  }
  CHECK(scenario.world->asked() <= 8 * std::max(provider.requests, 1));
}

// --- Cases that were faults of the library once

TEST_CASE("New keys of a user are taken over when the old ones are rejected") {
  Scenario scenario{provider_named("profile with keys")};
  CHECK(scenario.call());
  scenario.world->revoke();
  scenario.rewrite_source();
  CHECK(scenario.time_to_success() <= kLongestPause.count());
}

TEST_CASE("Credentials with a wrong secret key are asked for again") {
  Scenario scenario{provider_named("credential_process")};
  scenario.world->rejection = "InvalidSignatureException";
  scenario.world->issue_bad(true);
  CHECK_FALSE(scenario.call());
  scenario.world->issue_bad(false);
  CHECK(scenario.time_to_success() <= kLongestPause.count());
}

TEST_CASE("A service that gives new bad credentials each time is asked seldom") {
  Scenario scenario{provider_named("AWS IoT")};
  CHECK(scenario.call());
  CHECK(scenario.use_bad_credentials().asked <= scenario.most_requests(2min));
}

TEST_CASE("A rotation is found in the first seconds of a machine with a fast clock") {
  Scenario scenario{provider_named("AWS IoT")};
  scenario.world->platform->set_clock_error(2h);
  CHECK(scenario.call());
  scenario.world->revoke();
  CHECK(scenario.call());
}

TEST_CASE("A login is refreshed on a machine with a slow clock") {
  Scenario scenario{provider_named("login session")};
  scenario.world->platform->set_clock_error(-2h);
  CHECK(scenario.call_for(2h, 1min) == 0);
}

TEST_CASE("A token of SSO is used on a machine with a fast clock") {
  Scenario scenario{provider_named("SSO without a session")};
  scenario.world->platform->set_clock_error(26h);
  CHECK(scenario.call());
}
