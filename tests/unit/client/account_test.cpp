// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/client/account.hpp"

#include <string>

#include "catch.hpp"

namespace pe = personalize_events;
using pe::detail::Account;
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

TEST_CASE("A line has a name, a value and perhaps a source") {
  Account account;
  account.title("settings");
  account.line("region", "eu-west-1", "AWS_REGION");
  account.line("a name of more than twenty-two", "value");
  account.wrong("retry mode",
                pe::detail::make_error(pe::ErrorKind::Configuration, "config:2", "no such mode"));
  CHECK(account.take() ==
        "settings\n"
        "region                eu-west-1  [AWS_REGION]\n"
        "a name of more than twenty-two value\n"
        "retry mode            WRONG: no such mode  [config:2]\n");
}

TEST_CASE("No text from outside breaks a line") {
  Account account;
  account.line("profile", "a\nb\x1b[31m", "/home/x\ny:3");
  account.line("app id", "\xff\xfe");
  CHECK(account.take() ==
        "profile               a b [31m  [/home/x y:3]\n"
        "app id                (not UTF-8)\n");
}
