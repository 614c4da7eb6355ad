// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/throwing.hpp"

#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "catch.hpp"

namespace pe = personalize_events;

namespace {

pe::Error refusal() {
  pe::Error error = pe::detail::make_error(pe::ErrorKind::Service, "", "no such tracker");
  error.code = "InvalidInputException";
  error.http_status = 400;
  error.request_id = "id-1";
  return error;
}

}  // namespace

TEST_CASE("or_throw gives the value, moved out") {
  CHECK(pe::or_throw(pe::Result<std::string>{"text"}) == "text");
  CHECK(*pe::or_throw(pe::Result<std::unique_ptr<int>>{std::make_unique<int>(3)}) == 3);
  pe::or_throw(pe::Result<void>{});
  static_assert(std::is_void_v<decltype(pe::or_throw(pe::Result<void>{}))>);
  static_assert(std::is_same_v<decltype(pe::or_throw(pe::Result<int>{1})), int>);
}

TEST_CASE("or_throw throws an error with everything that it holds") {
  bool thrown = false;
  try {
    pe::or_throw(pe::Result<int>{refusal()});
  } catch (const pe::Exception& exception) {
    thrown = true;
    CHECK(std::string(exception.what()) ==
          "Service: InvalidInputException: no such tracker (HTTP 400)");
    CHECK(exception.error().kind == pe::ErrorKind::Service);
    CHECK(exception.error().request_id == "id-1");
  }
  CHECK(thrown);
}

TEST_CASE("an exception can be caught as what it derives from, also for a result without a value") {
  static_assert(std::is_base_of_v<std::runtime_error, pe::Exception>);
  std::string what;
  try {
    pe::or_throw(pe::Result<void>{refusal()});
  } catch (const std::exception& exception) {
    what = exception.what();
  }
  CHECK_THAT(what, test::ContainsSubstring("no such tracker"));
}
