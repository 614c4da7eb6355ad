// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/credentials.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <new>
#include <string>
#include <type_traits>

#include "catch.hpp"

namespace pe = personalize_events;

TEST_CASE("Credentials are an aggregate, and lack nothing that is optional") {
  CHECK(std::is_aggregate_v<pe::Credentials>);
  const pe::Credentials credentials{"id", "secret"};
  CHECK(credentials.session_token.empty());
  CHECK_FALSE(credentials.expiration.has_value());
  CHECK(credentials.account_id.empty());
}

TEST_CASE("Credentials are wiped where they stood") {
  // Short texts, which the strings keep in themselves; interposed/ looks at the long ones.
  alignas(pe::Credentials) volatile unsigned char memory[sizeof(pe::Credentials)]{};
  void* place = const_cast<unsigned char*>(memory);
  auto* credentials = new (place) pe::Credentials{"idididid", "SECRET-7", "TOKEN-77"};
  REQUIRE(credentials->secret_access_key == "SECRET-7");
  credentials->~Credentials();
  std::string left;
  for (const volatile unsigned char& byte : memory) left.push_back(static_cast<char>(byte));
  CHECK(left.find("SECRET-7") == std::string::npos);
  CHECK(left.find("TOKEN-77") == std::string::npos);
  CHECK(left.find("idididid") == std::string::npos);
}

TEST_CASE("Static credentials are the same at each call") {
  const pe::CredentialsProvider provider =
      pe::static_credentials({"id", "secret", "token", {}, "123456789012"});
  for (int call = 0; call < 3; ++call) {
    const auto credentials = provider();
    REQUIRE(credentials.has_value());
    CHECK(credentials->access_key_id == "id");
    CHECK(credentials->secret_access_key == "secret");
    CHECK(credentials->session_token == "token");
    CHECK(credentials->account_id == "123456789012");
  }
}

TEST_CASE("Static credentials without a key are an error that shows none") {
  for (const pe::Credentials& half :
       {pe::Credentials{"", "SECRET"}, pe::Credentials{"KEYID", ""}, pe::Credentials{"", ""}}) {
    const auto credentials = pe::static_credentials(half)();
    REQUIRE_FALSE(credentials.has_value());
    CHECK(credentials.error().kind == pe::ErrorKind::Credentials);
    CHECK_FALSE(credentials.error().retryable);
    const std::string shown = pe::to_string(credentials.error());
    CHECK_THAT(shown, test::ContainsSubstring("static_credentials"));
    CHECK(shown.find("SECRET") == std::string::npos);
    CHECK(shown.find("KEYID") == std::string::npos);
  }
}

TEST_CASE("Credentials that no header can carry are an error that names member and provider") {
  struct Case {
    pe::Credentials credentials;
    const char* member;
    const char* what;
  };
  using namespace std::string_literals;
  for (const Case& flawed : {
           Case{{"KEYID", "SECRET", "TOKEN\n"}, "session_token", "ends with a line break"},
           Case{{"KEYID", "SECRET", "TOKEN\r\n"}, "session_token", "ends with a line break"},
           Case{{"KEYID\n", "SECRET", "TOKEN"}, "access_key_id", "ends with a line break"},
           Case{{"KEYID", "SECRET\n"}, "secret_access_key", "ends with a line break"},
           Case{{"KEYID", "SECRET", "TO\nKEN"}, "session_token", "control character"},
           Case{{"KEYID", "SECRET", "TO KEN"}, "session_token", "blank"},
           Case{{"KEYID", "SECRET", "TOKEN\0"s}, "session_token", "control character"},
           Case{{"KEYID", "SECRET", "TOKEN\x7f"}, "session_token", "control character"},
           Case{{"KEYID\xc3\xa4", "SECRET"}, "access_key_id", "other than ASCII"},
           Case{{"KEYID", "SECRET\t", "TOKEN\n"}, "secret_access_key", "control character"},
       }) {
    const auto credentials = pe::static_credentials(flawed.credentials)();
    REQUIRE_FALSE(credentials.has_value());
    const pe::Error& error = credentials.error();
    CHECK(error.kind == pe::ErrorKind::Credentials);
    CHECK(error.where == "static_credentials");
    CHECK(pe::detail::is_of_meant_source(error));
    CHECK_THAT(error.message,
               test::ContainsSubstring(flawed.member) && test::ContainsSubstring(flawed.what));
    for (const char* secret : {"KEYID", "SECRET", "TOKEN", "KEN"}) {
      CHECK(pe::to_string(error).find(secret) == std::string::npos);
    }
  }
  CHECK_FALSE(pe::detail::find_flaw({"id", "secret"}, "provider"));
  CHECK_FALSE(pe::detail::find_flaw({"id", "a+/=~!", "token="}, "provider"));
  CHECK(pe::detail::find_flaw({"", "secret"}, "provider")->message == "access_key_id is empty");
}

TEST_CASE("The error of a source is told from that of a source that is configured wrongly") {
  const pe::Error nothing = pe::credentials_error("the vault is closed");
  CHECK(nothing.kind == pe::ErrorKind::Credentials);
  CHECK(nothing.message == "the vault is closed");
  CHECK_FALSE(nothing.retryable);
  CHECK_FALSE(pe::detail::is_of_meant_source(nothing));

  const pe::Error wrong = pe::detail::misconfigured_source("config:3", "one key without the other");
  CHECK(wrong.kind == pe::ErrorKind::Credentials);
  CHECK(wrong.where == "config:3");
  CHECK(wrong.message == "one key without the other");
  CHECK(pe::detail::is_of_meant_source(wrong));
}

namespace {

pe::Result<pe::Credentials> plain_function() { return pe::Credentials{"plain", "secret"}; }
pe::Result<pe::Credentials> function_with_request(const pe::CredentialsRequest& request) {
  return pe::Credentials{std::to_string(request.timeout.count()), "secret"};
}

}  // namespace

TEST_CASE("A provider is any function that returns credentials") {
  using pe::CredentialsProvider;
  const CredentialsProvider plain = plain_function;
  CHECK(plain()->access_key_id == "plain");
  const CredentialsProvider timed = function_with_request;
  CHECK(timed({std::chrono::milliseconds{250}})->access_key_id == "250");
  const CredentialsProvider value = [] { return pe::Credentials{"value", "secret"}; };
  CHECK(value()->access_key_id == "value");
  const CredentialsProvider counter = [count = 0]() mutable {
    return pe::Result<pe::Credentials>{pe::Credentials{std::to_string(++count), "secret"}};
  };
  CHECK(counter()->access_key_id == "1");
  CHECK(counter()->access_key_id == "2");
  const CredentialsProvider copy = timed;
  CHECK(copy({std::chrono::milliseconds{1}})->access_key_id == "1");
  CHECK(copy != nullptr);
}

TEST_CASE("A provider without a function is empty") {
  using pe::CredentialsProvider;
  using Function = std::function<pe::Result<pe::Credentials>()>;
  using Pointer = pe::Result<pe::Credentials> (*)();
  for (const CredentialsProvider& empty :
       {CredentialsProvider{}, CredentialsProvider{nullptr}, CredentialsProvider{Function{}},
        CredentialsProvider{Pointer{nullptr}}}) {
    CHECK_FALSE(static_cast<bool>(empty));
    CHECK(empty == nullptr);
  }
  CHECK(static_cast<bool>(CredentialsProvider{Function{plain_function}}));
}
