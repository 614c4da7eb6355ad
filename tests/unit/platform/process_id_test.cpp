// SPDX-License-Identifier: Apache-2.0
#include "personalize_events/platform/process_id.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include "catch.hpp"

namespace pe = personalize_events;

TEST_CASE("A forked child has a number of its own") {
  const pid_t parent = pe::detail::process_id();
  const pid_t child = ::fork();
  if (child == 0) ::_exit(pe::detail::process_id() != parent && ::getppid() == parent ? 0 : 1);
  REQUIRE(child > 0);
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(pe::detail::process_id() == parent);
}
