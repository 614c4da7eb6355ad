// SPDX-License-Identifier: Apache-2.0

#include "send/temp_file.hpp"

#include <sys/resource.h>

#include <csignal>
#include <cstdlib>
#include <string>
#include <utility>

#include "catch.hpp"
#include "unit/tools/temp_world.hpp"

namespace pe = personalize_events;
using tools::send::TempFile;

TEST_CASE("what is appended can be read back") {
  TempFile file;
  REQUIRE(file.append("abc", 3).has_value());
  REQUIRE(file.append("defg", 4).has_value());
  CHECK(file.size() == 7);
  std::string read(4, ' ');
  REQUIRE(file.read_at(2, read.data(), read.size()).has_value());
  CHECK(read == "cdef");

  TempFile moved = std::move(file);
  REQUIRE(moved.read_at(0, read.data(), read.size()).has_value());
  CHECK(read == "abcd");
  REQUIRE(moved.clear().has_value());
  CHECK(moved.size() == 0);
  REQUIRE(moved.append("xy", 2).has_value());
  REQUIRE(moved.read_at(0, read.data(), 2).has_value());
  CHECK(read == "xycd");
}

TEST_CASE("bytes that are not there are an error") {
  TempFile file;
  REQUIRE(file.append("abc", 3).has_value());
  std::string read(4, ' ');
  const auto got = file.read_at(0, read.data(), read.size());
  REQUIRE_FALSE(got.has_value());
  CHECK(got.error().kind == pe::ErrorKind::Storage);
}

TEST_CASE("a folder that is not there is named, and how to mend it") {
  const test::TempFolder folder("/nonexistent/folder");
  TempFile file;
  const auto put = file.append("abc", 3);
  REQUIRE_FALSE(put.has_value());
  CHECK(put.error().kind == pe::ErrorKind::Storage);
  CHECK(put.error().where == "TMPDIR");
  CHECK_THAT(put.error().message, test::ContainsSubstring("/nonexistent/folder"));
  CHECK_THAT(put.error().message, test::ContainsSubstring("set TMPDIR"));
}

TEST_CASE("a full disk is an error and not an end") {
  TempFile file;
  REQUIRE(file.append("abc", 3).has_value());
  const test::FullDisk full(4);
  const auto put = file.append("defg", 4);
  REQUIRE_FALSE(put.has_value());
  CHECK(put.error().kind == pe::ErrorKind::Storage);
  CHECK(put.error().where == "TMPDIR");
  CHECK_THAT(put.error().message, test::ContainsSubstring("cannot be written"));
}
