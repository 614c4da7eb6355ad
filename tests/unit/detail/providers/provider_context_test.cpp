// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/providers/provider_context.hpp"

#include "catch.hpp"

namespace pe = personalize_events;
using pe::detail::ProviderReport;
using pe::detail::show_access_key_id;

TEST_CASE("An access key id shows its kind and its last four characters") {
  CHECK(show_access_key_id("AKIAIOSFODNN7EXAMPLE") == "AKIA****MPLE");
  CHECK(show_access_key_id("ASIA0123456789AB") == "ASIA****89AB");
}

TEST_CASE("What is no access key id is not shown, and its length neither") {
  for (const char* other : {"", "AKIA", "AKIA01234567890", "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY",
                            "akiaiosfodnn7example", "BKIAIOSFODNN7EXAMPLE",
                            "AKIAIOSFODNN7EXAMPLEAKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPL/"}) {
    CHECK(show_access_key_id(other) == "****");
  }
}

TEST_CASE("Keys are shown with whether they have a session token") {
  CHECK(pe::detail::show_keys({"AKIAIOSFODNN7EXAMPLE", "secret"}) == "keys AKIA****MPLE");
  CHECK(pe::detail::show_keys({"AKIAIOSFODNN7EXAMPLE", "secret", "token"}) ==
        "keys AKIA****MPLE, with a session token");
}

TEST_CASE("The report of a failure says whether the provider was configured") {
  const ProviderReport silent = pe::detail::report_of(pe::detail::silent_source("container", "no"));
  CHECK(silent.state == ProviderReport::State::NotConfigured);
  CHECK(silent.what == "no");
  CHECK(silent.where.empty());
  const ProviderReport wrong =
      pe::detail::report_of(pe::detail::misconfigured_source("AWS_ROLE_ARN", "not set"));
  CHECK(wrong.state == ProviderReport::State::Wrong);
  CHECK(wrong.where == "AWS_ROLE_ARN");
}

TEST_CASE("A token file that cannot be read makes its provider wrong, with the reason") {
  const ProviderReport served = pe::detail::token_file_report("STS", "/token", {}, "config:1");
  CHECK(served.state == ProviderReport::State::Asks);
  CHECK(served.what == "STS, with the token in /token");
  CHECK(served.where == "config:1");
  pe::Error error = pe::detail::make_error(pe::ErrorKind::Configuration, "/token", "is a pipe");
  const ProviderReport wrong = pe::detail::token_file_report("STS", "/token", error, "config:1");
  CHECK(wrong.state == ProviderReport::State::Wrong);
  CHECK(wrong.what == "STS, with the token in /token, which is a pipe");
  error.code = "NotFound";
  CHECK(pe::detail::token_file_report("STS", "/token", error, "config:1").what ==
        "STS, with the token in /token, which does not exist");
}
