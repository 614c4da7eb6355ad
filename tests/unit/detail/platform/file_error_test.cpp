// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/platform/file_error.hpp"

#include <string>

#include "catch.hpp"

namespace pe = personalize_events;

TEST_CASE("an error of a file names its path and says what to do") {
  const pe::Error error = pe::detail::file_error("/some/file", pe::detail::kIsDirectory);
  CHECK(error.kind == pe::ErrorKind::Configuration);
  CHECK(error.where == "/some/file");
  CHECK(error.message == "is a directory; name a file");
}

TEST_CASE("a path that no system can be asked for is refused") {
  CHECK(pe::detail::check_path("some file").has_value());
  const auto empty = pe::detail::check_path("");
  REQUIRE_FALSE(empty.has_value());
  CHECK(empty.error().kind == pe::ErrorKind::Configuration);
  CHECK_THAT(empty.error().message, test::ContainsSubstring("empty"));
  const auto zero = pe::detail::check_path(std::string{"a\0b", 3});
  REQUIRE_FALSE(zero.has_value());
  CHECK(zero.error().where == "file path");
  CHECK_THAT(zero.error().message, test::ContainsSubstring("zero byte"));
}
