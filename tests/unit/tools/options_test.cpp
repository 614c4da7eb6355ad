// SPDX-License-Identifier: Apache-2.0

#include "send/options.hpp"

#include <string>

#include "catch.hpp"
#include "support/temporary_folder.hpp"

using tools::send::format_of;
using tools::send::Options;
using tools::send::problem_of;

TEST_CASE("what cannot be done together is refused with the reason") {
  const test::TemporaryFolder folder;
  const std::string file = folder / "rows.csv";
  test::write_file(file, "");
  Options options;
  options.file = file;
  options.resume = folder / "run.state";
  options.rejects = folder / "rejects";
  CHECK(problem_of(options).empty());

  Options stream = options;
  stream.file = "-";
  CHECK_THAT(problem_of(stream), test::ContainsSubstring("--resume: standard input"));
  stream.resume.clear();
  CHECK(problem_of(stream).empty());

  Options delimiter = options;
  delimiter.columns.delimiter = "tab";
  CHECK(problem_of(delimiter).empty());
  delimiter.columns.delimiter = "x";
  CHECK_THAT(problem_of(delimiter), test::ContainsSubstring("--delimiter: expected"));

  Options dry = options;
  dry.is_dry_run = true;
  CHECK_THAT(problem_of(dry), test::ContainsSubstring("--resume: a dry run"));

  Options onto_itself = options;
  onto_itself.rejects = folder / "../" + file.substr(file.rfind('/', file.rfind('/') - 1) + 1);
  CHECK_THAT(problem_of(onto_itself), test::ContainsSubstring("--rejects: that is FILE"));
  onto_itself = options;
  onto_itself.resume = file;
  CHECK_THAT(problem_of(onto_itself), test::ContainsSubstring("--resume: that is FILE"));
  onto_itself.resume = onto_itself.rejects;
  CHECK_THAT(problem_of(onto_itself), test::ContainsSubstring("the same file"));
}

TEST_CASE("the format is what the user says, else the name, else the first byte") {
  Options options;
  const auto format = [&options](const char* file, const char* head) {
    options.file = file;
    return format_of(options, head);
  };
  CHECK(format("rows.csv", "{}") == "csv");
  CHECK(format("rows.jsonl", "A,B") == "jsonl");
  CHECK(format("rows.ndjson", "") == "jsonl");
  CHECK(format("rows", "A,B\n{") == "csv");
  CHECK(format("rows", "\xEF\xBB\xBF\r\n {\"a\":1}") == "jsonl");
  CHECK(format("-", "{\"a\":1}") == "jsonl");
  CHECK(format("-", "") == "csv");
  options.format = "csv";
  CHECK(format("rows.jsonl", "{") == "csv");
}
