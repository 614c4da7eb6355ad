// SPDX-License-Identifier: Apache-2.0
#include "messages.hpp"

#include "catch.hpp"

using tools::format_message;
using tools::Severity;

TEST_CASE("a message has program, place, severity and sentence") {
  CHECK(format_message("send", "shop.csv:7", Severity::Error, "TIMESTAMP: empty", false) ==
        "personalize-events send: shop.csv:7: error: TIMESTAMP: empty\n");
  CHECK(format_message("spool ls", "", Severity::Warning, "one", false) ==
        "personalize-events spool ls: warning: one\n");
  CHECK(format_message("", "", Severity::Note, "one", false) == "personalize-events: note: one\n");
}

TEST_CASE("only the severity is coloured") {
  CHECK(format_message("send", "", Severity::Error, "no", true) ==
        "personalize-events send: \033[1;31merror:\033[0m no\n");
}

TEST_CASE("a place or sentence cannot change the terminal") {
  CHECK(format_message("send", "a\033b:1", Severity::Error, "c\033d", false) ==
        "personalize-events send: a\\x1bb:1: error: c\\x1bd\n");
}
