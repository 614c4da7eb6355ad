// SPDX-License-Identifier: Apache-2.0

#include "send/rejects.hpp"

#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "catch.hpp"
#include "support/temporary_folder.hpp"

namespace pe = personalize_events;
using tools::send::json_string;
using tools::send::Rejects;

namespace {

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("a row is a JSON string from which its bytes can be had back") {
  CHECK(json_string("") == "\"\"");
  CHECK(json_string("u,\"a\\b\"") == "\"u,\\\"a\\\\b\\\"\"");
  CHECK(json_string("a\r\n\x1f") == "\"a\\u000d\\u000a\\u001f\"");
  CHECK(json_string("\xE8\x8C\xB6") == "\"\xE8\x8C\xB6\"");
  CHECK(json_string("a\xFFz") == "\"a\\udcffz\"");
  CHECK(json_string("\xE8\x8C") == "\"\\udce8\\udc8c\"");  // cut short
}

TEST_CASE("each row is a line, in place of what the file held before") {
  const test::TemporaryFolder folder;
  const std::string path = folder / "rejects";
  test::write_file(path, "of another run\n");
  Rejects rejects;
  REQUIRE(rejects.open(path).has_value());
  REQUIRE(rejects.write(7, "TIMESTAMP: empty", "u,\"s\"").has_value());
  CHECK(content_of(path) ==
        "{\"line\":7,\"reason\":\"TIMESTAMP: empty\",\"row\":\"u,\\\"s\\\"\"}\n");
  CHECK(rejects.size() == content_of(path).size());
}

TEST_CASE("a run that goes on keeps what it is told, and no more") {
  const test::TemporaryFolder folder;
  const std::string path = folder / "rejects";
  test::write_file(path, "kept\nsent again\n");
  Rejects rejects;
  REQUIRE(rejects.open(path, 5).has_value());
  CHECK(rejects.size() == 5);
  REQUIRE(rejects.write(1, "r", "t").has_value());
  CHECK(content_of(path) == "kept\n{\"line\":1,\"reason\":\"r\",\"row\":\"t\"}\n");
  CHECK(rejects.size() == content_of(path).size());
}

TEST_CASE("a file that was shortened or removed is gone on with as it is") {
  const test::TemporaryFolder folder;
  const std::string path = folder / "rejects";
  Rejects absent;
  REQUIRE(absent.open(path, 5).has_value());
  CHECK(absent.size() == 0);
  test::write_file(path, "abc");
  Rejects shorter;
  REQUIRE(shorter.open(path, 5).has_value());
  CHECK(shorter.size() == 3);
  CHECK(content_of(path) == "abc");
}

TEST_CASE("a file that cannot be written is named") {
  Rejects rejects;
  const auto opened = rejects.open("/nonexistent/folder/rejects");
  REQUIRE_FALSE(opened.has_value());
  CHECK(opened.error().kind == pe::ErrorKind::Configuration);
  CHECK(opened.error().where == "/nonexistent/folder/rejects");
}

TEST_CASE("before it is opened nothing is written") {
  Rejects rejects;
  CHECK(rejects.write(1, "reason", "row").has_value());
  CHECK(rejects.size() == 0);
}
