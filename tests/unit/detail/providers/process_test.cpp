// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/providers/process.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "catch.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "support/terminal_program.hpp"

namespace pe = personalize_events;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

namespace {

// Runs a real program, within a time.
pe::Result<pe::Credentials> run(const std::string& command, milliseconds timeout = seconds{20}) {
  test::leave_terminal();
  pe::detail::SystemPlatform platform;
  return pe::detail::ask_process(platform, command, timeout);
}

// An error of the source that shows nothing of the command or of what it printed.
pe::Error error_of(const pe::Result<pe::Credentials>& result) {
  REQUIRE_FALSE(result.has_value());
  const pe::Error& error = result.error();
  CHECK(error.kind == pe::ErrorKind::Credentials);
  CHECK(error.where == "credential_process");
  CHECK(pe::detail::is_of_meant_source(error));
  CHECK(pe::to_string(error).find("MARKER") == std::string::npos);
  return error;
}

std::string with(const std::string& more) {
  return R"({"Version": 1, "AccessKeyId": "id-MARKER", "SecretAccessKey": "secret-MARKER")" + more +
         "}";
}

}  // namespace

TEST_CASE("What a program prints is read whole") {
  const auto credentials = pe::detail::credentials_of_process(
      with(R"(, "SessionToken": "token", "Expiration": "2030-01-31T14:00:00+02:00",
              "AccountId": "123456789012")") +
      "\n");
  REQUIRE(credentials.has_value());
  CHECK(credentials->access_key_id == "id-MARKER");
  CHECK(credentials->secret_access_key == "secret-MARKER");
  CHECK(credentials->session_token == "token");
  CHECK(credentials->account_id == "123456789012");
  REQUIRE(credentials->expiration.has_value());
  CHECK(credentials->expiration->time_since_epoch() == seconds{1'896'091'200});
}

TEST_CASE("Keys without a token or an expiration last for ever") {
  for (const char* more : {"", R"(, "SessionToken": null, "Expiration": null)"}) {
    const auto credentials = pe::detail::credentials_of_process(with(more));
    REQUIRE(credentials.has_value());
    CHECK(credentials->session_token.empty());
    CHECK_FALSE(credentials->expiration.has_value());
  }
}

TEST_CASE("What is not the object of version 1 is an error that shows none of it") {
  const std::vector<std::string> outputs{
      "",
      "MARKER",
      "null",
      "[\"MARKER\"]",
      "{}",
      "{\"Version\": 1, \"AccessKeyId\": \"MARKER\"",
      with("") + with(""),
      R"({"AccessKeyId": "MARKER", "SecretAccessKey": "MARKER"})",
      R"({"Version": "1", "AccessKeyId": "MARKER", "SecretAccessKey": "MARKER"})",
      R"({"Version": 2, "AccessKeyId": "MARKER", "SecretAccessKey": "MARKER"})",
      R"({"Version": true, "AccessKeyId": "MARKER", "SecretAccessKey": "MARKER"})",
      R"({"Version": 1, "SecretAccessKey": "MARKER"})",
      R"({"Version": 1, "AccessKeyId": "MARKER"})",
      R"({"Version": 1, "AccessKeyId": "MARKER", "SecretAccessKey": ""})",
      R"({"Version": 1, "AccessKeyId": 5, "SecretAccessKey": "MARKER"})",
      R"({"Version": 1, "AccessKeyId": "MARKER\r\nX: y", "SecretAccessKey": "MARKER"})",
      with(R"(, "SessionToken": 7)"),
      with(R"(, "SessionToken": "MARKER MARKER")"),
      with(R"(, "Expiration": "tomorrow-MARKER")"),
      with(R"(, "Expiration": "2030-02-30T00:00:00Z")"),
      with(R"(, "Expiration": {})"),
      std::string(4096, '['),
      "\xff\xfe",
  };
  for (const std::string& output : outputs) {
    CAPTURE(output);
    error_of(pe::detail::credentials_of_process(output));
  }
  CHECK_THAT(error_of(pe::detail::credentials_of_process(outputs[9])).message,
             test::ContainsSubstring("Version"));
  CHECK_THAT(error_of(pe::detail::credentials_of_process(outputs[12])).message,
             test::ContainsSubstring("SecretAccessKey is missing"));
}

TEST_CASE("The program runs at each call, so that new keys are found") {
  const auto platform = std::make_shared<pe::testing::VirtualPlatform>();
  const auto provider = pe::process_credentials("vault --role MARKER", {{}, platform});
  error_of(provider());
  platform->on_process("vault --role MARKER", with(""));
  REQUIRE(provider().has_value());
  CHECK(provider()->access_key_id == "id-MARKER");
  CHECK(platform->processes_run().size() == 3);
}

TEST_CASE("An empty command is misconfigured, and nothing runs") {
  const auto platform = std::make_shared<pe::testing::VirtualPlatform>();
  const pe::Error error = error_of(pe::process_credentials(" ", {{}, platform})());
  CHECK(error.code == "MisconfiguredSource");
  CHECK(platform->processes_run().empty());
}

TEST_CASE("A real program gives keys, with and without a shell") {
  const std::string printed = "'" + with("") + "'";
  const auto direct = run("printf %s " + printed);
  REQUIRE(direct.has_value());
  CHECK(direct->secret_access_key == "secret-MARKER");
  CHECK(run("printf %s " + printed + " | cat").has_value());
  CHECK(pe::process_credentials("printf %s " + printed)()->access_key_id == "id-MARKER");
}

TEST_CASE("A program that hangs is killed in time") {
  const auto start = steady_clock::now();
  const pe::Error error = error_of(run("sleep 600 MARKER=1 || sleep 600", milliseconds{200}));
  CHECK_THAT(error_of(run("sleep 600", milliseconds{200})).message,
             test::ContainsSubstring("too long"));
  CHECK(steady_clock::now() - start < seconds{15});
  CHECK_THAT(error.message, test::ContainsSubstring("too long"));
}

TEST_CASE("A child that keeps the pipe open delays nothing") {
  const auto start = steady_clock::now();
  const std::string printed = "'" + with("") + "'";
  CHECK(run("sleep 600 2>/dev/null & printf %s " + printed).has_value());
  CHECK(steady_clock::now() - start < seconds{15});
}

TEST_CASE("A program may ask for an MFA code at the terminal") {
  test::TerminalProgram program{[]() -> std::string {
    const auto credentials = pe::process_credentials(
        "printf 'MFA code: ' >&2; read -r code; printf "
        R"('{"Version": 1, "AccessKeyId": "%s", "SecretAccessKey": "s"}' "$code")")();
    return credentials ? credentials->access_key_id : pe::to_string(credentials.error());
  }};
  REQUIRE(program.shows("MFA code: "));
  program.type("123456\n");
  CHECK(program.result() == "123456");
}

TEST_CASE("A program that fails tells its status, and neither output nor complaint") {
  const pe::Error error =
      error_of(run("sh -c 'echo out-MARKER; echo error-MARKER >&2; exit 1' MARKER"));
  CHECK_THAT(error.message, test::ContainsSubstring("exit status 1"));
  CHECK_THAT(error_of(run("/nowhere/MARKER --token MARKER")).message,
             test::ContainsSubstring("could not be started"));
}

TEST_CASE("A program that prints garbage, nothing or a megabyte gives no keys") {
  error_of(run("echo MARKER garbage"));
  error_of(run("true"));
  CHECK_THAT(error_of(run("head -c 1048576 /dev/zero")).message,
             test::ContainsSubstring("more than 65536"));
}
