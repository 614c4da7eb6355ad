// SPDX-License-Identifier: Apache-2.0

#include "send/input.hpp"

#include <sys/stat.h>

#include <cstddef>
#include <string>

#include "catch.hpp"
#include "support/temporary_folder.hpp"

namespace pe = personalize_events;
using tools::send::Input;

namespace {

std::string rest_of(Input& input) {
  std::string all;
  char bytes[1000];
  while (true) {
    const auto got = input.read(bytes, sizeof bytes);
    REQUIRE(got.has_value());
    if (*got == 0) return all;
    all.append(bytes, *got);
  }
}

}  // namespace

TEST_CASE("a file is read whole, twice") {
  const test::TemporaryFolder folder;
  const std::string path = folder / "rows";
  std::string text;
  for (int i = 0; i < 20'000; ++i) text.append(std::to_string(i)).append("\n");
  test::write_file(path, text);
  Input input(path);
  REQUIRE(input.open().has_value());
  CHECK(input.size() == text.size());
  CHECK(input.head() == text.substr(0, Input::kHeadSize));
  CHECK(rest_of(input) == text);
  REQUIRE(input.rewind().has_value());
  CHECK(rest_of(input) == text);
  CHECK_FALSE(input.has_changed());
  test::write_file(path, text + "more");
  CHECK(input.has_changed());
}

TEST_CASE("what cannot be read twice is refused with the reason") {
  const test::TemporaryFolder folder;
  const std::string fifo = folder / "fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  const auto problem = [](const std::string& path) {
    Input input(path);
    const auto opened = input.open();
    REQUIRE_FALSE(opened.has_value());
    CHECK(opened.error().kind == pe::ErrorKind::Configuration);
    CHECK(opened.error().where == path);
    return opened.error().message;
  };
  CHECK_THAT(problem(folder / "absent"), test::ContainsSubstring("cannot be opened"));
  CHECK_THAT(problem(folder / "."), test::ContainsSubstring("is a directory"));
  CHECK_THAT(problem(fifo), test::ContainsSubstring("on standard input"));
}

TEST_CASE("an empty file has no bytes") {
  const test::TemporaryFolder folder;
  test::write_file(folder / "rows", "");
  Input input(folder / "rows");
  REQUIRE(input.open().has_value());
  CHECK(input.head().empty());
  CHECK(rest_of(input).empty());
}

TEST_CASE("an interrupted run reads no more, and does not take that for the end") {
  const test::TemporaryFolder folder;
  test::write_file(folder / "rows", std::string(2 * Input::kHeadSize, 'x'));
  Input input(folder / "rows");
  REQUIRE(input.open().has_value());
  tools::send::interrupted.store(true);
  char byte = 0;
  const auto read = input.read(&byte, 1);
  tools::send::interrupted.store(false);
  REQUIRE_FALSE(read.has_value());
  CHECK(read.error().kind == pe::ErrorKind::Cancelled);
  CHECK(rest_of(input).size() == 2 * Input::kHeadSize);
}

TEST_CASE("two paths may lead to one file") {
  const test::TemporaryFolder folder;
  test::write_file(folder / "rows", "");
  test::write_file(folder / "other", "");
  CHECK(tools::send::is_same_file(folder / "rows", folder / "./rows"));
  CHECK_FALSE(tools::send::is_same_file(folder / "rows", folder / "other"));
  CHECK_FALSE(tools::send::is_same_file(folder / "absent", folder / "absent"));
}
