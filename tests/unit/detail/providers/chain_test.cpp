// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/providers/chain.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "catch.hpp"
#include "personalize_events/testing/virtual_platform.hpp"

namespace pe = personalize_events;

namespace {

pe::CredentialsProvider failing(std::string where, std::string message, int& calls,
                                bool retryable = false) {
  return [where, message, &calls, retryable]() -> pe::Result<pe::Credentials> {
    ++calls;
    pe::Error error = pe::credentials_error(message);
    error.where = where;
    error.retryable = retryable;
    return error;
  };
}

}  // namespace

TEST_CASE("The first source that has credentials supplies them, and later ones are not asked") {
  int before = 0;
  int after = 0;
  const auto provider =
      pe::chain({failing("first", "empty", before), pe::static_credentials({"id", "secret"}),
                 failing("third", "empty", after)});
  for (int call = 1; call <= 2; ++call) {
    const auto credentials = provider();
    REQUIRE(credentials.has_value());
    CHECK(credentials->access_key_id == "id");
    CHECK(before == call);
    CHECK(after == 0);
  }
}

TEST_CASE("When no source has any, the error gives each reason in order") {
  int calls = 0;
  const auto credentials =
      pe::chain({failing("one", "no file", calls), {}, failing("two", "no network", calls)})();
  REQUIRE_FALSE(credentials.has_value());
  const pe::Error& error = credentials.error();
  CHECK(calls == 2);
  CHECK(error.kind == pe::ErrorKind::Credentials);
  CHECK_FALSE(error.retryable);
  const std::size_t first = error.message.find("one: no file");
  const std::size_t second = error.message.find("two: no network");
  CHECK(first != std::string::npos);
  CHECK(second != std::string::npos);
  CHECK(first < second);
}

TEST_CASE("An empty chain has no credentials") {
  const auto credentials = pe::chain({})();
  REQUIRE_FALSE(credentials.has_value());
  CHECK(credentials.error().kind == pe::ErrorKind::Credentials);
}

TEST_CASE("A source that may have some later makes the whole error retryable") {
  int calls = 0;
  for (const bool first : {true, false}) {
    const auto credentials =
        pe::chain({failing("a", "busy", calls, first), failing("b", "none", calls, !first)})();
    REQUIRE_FALSE(credentials.has_value());
    CHECK(credentials.error().retryable);
  }
}

TEST_CASE("A source that is configured wrongly ends the search with its own error") {
  const auto credentials = pe::chain({[]() -> pe::Result<pe::Credentials> {
                                        return pe::detail::misconfigured_source("config:7", "half");
                                      },
                                      pe::static_credentials({"id", "secret"})})();
  REQUIRE_FALSE(credentials.has_value());
  CHECK(credentials.error().kind == pe::ErrorKind::Credentials);
  CHECK(credentials.error().where == "config:7");
  CHECK(credentials.error().message == "half");
}

TEST_CASE("Chains nest, and reasons of the inner one are kept") {
  int calls = 0;
  const auto credentials = pe::chain(
      {pe::chain({failing("inner", "nothing", calls)}), failing("outer", "none", calls)})();
  REQUIRE_FALSE(credentials.has_value());
  CHECK_THAT(credentials.error().message, test::ContainsSubstring("inner: nothing"));
  CHECK_THAT(credentials.error().message, test::ContainsSubstring("outer: none"));
}

TEST_CASE("Each provider of a chain gets what is left of the time") {
  const auto platform = std::make_shared<pe::testing::VirtualPlatform>();
  std::chrono::milliseconds left{0};
  const auto chain = pe::detail::chain_on(
      platform, {[&platform](const pe::CredentialsRequest& request) {
                   CHECK(request.timeout == std::chrono::seconds{10});
                   platform->advance(std::chrono::seconds{3});
                   return pe::Result<pe::Credentials>{pe::credentials_error("none here")};
                 },
                 [&left](const pe::CredentialsRequest& request) {
                   left = request.timeout;
                   return pe::Result<pe::Credentials>{pe::Credentials{"id", "secret"}};
                 }});
  CHECK(chain({std::chrono::seconds{10}}).has_value());
  CHECK(left == std::chrono::seconds{7});
}
