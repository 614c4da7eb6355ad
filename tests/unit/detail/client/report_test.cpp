// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/client/report.hpp"

#include <string>

#include "catch.hpp"

namespace pe = personalize_events;
using pe::detail::ReportWriter;

TEST_CASE("A line has a name, a value and perhaps a source") {
  ReportWriter writer;
  writer.title("settings");
  writer.line("region", "eu-west-1", "AWS_REGION");
  writer.line("a name of more than twenty-two", "value");
  writer.wrong("retry mode",
               pe::detail::make_error(pe::ErrorKind::Configuration, "config:2", "no such mode"));
  CHECK(writer.take() ==
        "settings\n"
        "region                eu-west-1  [AWS_REGION]\n"
        "a name of more than twenty-two value\n"
        "retry mode            WRONG: no such mode  [config:2]\n");
}

TEST_CASE("No text from outside breaks a line") {
  ReportWriter writer;
  writer.line("profile", "a\nb\x1b[31m", "/home/x\ny:3");
  writer.line("app id", "\xff\xfe");
  CHECK(writer.take() ==
        "profile               a b [31m  [/home/x y:3]\n"
        "app id                (not UTF-8)\n");
}
