// SPDX-License-Identifier: Apache-2.0

#include "send/foreign_file.hpp"

#include <string>
#include <string_view>

#include "catch.hpp"

using tools::send::problem_of_head;

TEST_CASE("UTF-16 is recognized with and without a byte order mark") {
  using namespace std::string_view_literals;
  for (const std::string_view head :
       {"\xFF\xFEU\0S\0"sv, "\xFE\xFF\0U\0S"sv, "U\0S\0"sv, "\0U\0S"sv}) {
    CHECK_THAT(problem_of_head(head, "csv"), test::ContainsSubstring("UTF-16"));
    CHECK_THAT(problem_of_head(head, "jsonl"), test::ContainsSubstring("iconv"));
  }
}

TEST_CASE("a JSON array is recognized") {
  CHECK_THAT(problem_of_head("[{\"eventType\"", "jsonl"), test::ContainsSubstring("JSON array"));
  CHECK_THAT(problem_of_head("\xEF\xBB\xBF\n [ {", "csv"), test::ContainsSubstring("jq -c '.[]'"));
}

TEST_CASE("lines that end in CR only are recognized") {
  CHECK_THAT(problem_of_head("A,B\r1,2\r", "csv"), test::ContainsSubstring("tr '\\r' '\\n'"));
  CHECK(problem_of_head("A,B\r\n1,2", "csv").empty());
  CHECK(problem_of_head("A,B\n1\r,2", "csv").empty());
  CHECK(problem_of_head("A,B\r", "csv").empty());  // of a pipe: a line feed may follow
  CHECK(problem_of_head("{\"a\":1}\r{", "jsonl").empty());
}

TEST_CASE("other files are read") {
  for (const char* head : {"", " \n", "A", "A,B\n",
                           "\xEF\xBB\xBF"
                           "A,B\n"}) {
    CHECK(problem_of_head(head, "csv").empty());
  }
  CHECK(problem_of_head("[USER_ID],[TIMESTAMP]\n", "csv").empty());
  CHECK(problem_of_head("{}", "jsonl").empty());
}
