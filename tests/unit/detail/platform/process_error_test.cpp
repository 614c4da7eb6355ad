// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/platform/process_error.hpp"

#include <string>

#include "catch.hpp"

namespace pe = personalize_events;

TEST_CASE("an error of a process is one of credentials, and tells what to do") {
  const pe::Error error = pe::detail::process_error(pe::detail::kCommandIsEmpty);
  CHECK(error.kind == pe::ErrorKind::Credentials);
  CHECK(error.where == "credential_process");
  CHECK(error.message == "the command is empty; name a program");
  // The largest status that Windows knows.
  CHECK(pe::detail::failed_process_error(0xFFFFFFFFUL).message ==
        "the command failed with exit status 4294967295; see what it wrote to standard error");
}

TEST_CASE("the limit of the output is the one that the error tells") {
  CHECK_THAT(pe::detail::kProcessWroteTooMuch,
             test::ContainsSubstring(std::to_string(pe::detail::kMaxProcessOutput) + " bytes"));
}
