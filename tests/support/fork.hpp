// SPDX-License-Identifier: Apache-2.0
//
// test::ends_well_in_child: runs code in a forked child, for tests of what a fork changes. Where
// there is no fork, PERSONALIZE_EVENTS_TESTS_CAN_FORK is 0, and those tests are left out.
#ifndef PERSONALIZE_EVENTS_TESTS_SUPPORT_FORK_HPP
#define PERSONALIZE_EVENTS_TESTS_SUPPORT_FORK_HPP

#if defined(_WIN32)
#define PERSONALIZE_EVENTS_TESTS_CAN_FORK 0
#else
#define PERSONALIZE_EVENTS_TESTS_CAN_FORK 1

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "catch.hpp"

namespace test {

/// Whether `work` returned true in a forked child, which ends without destructors.
template <class Work>
bool ends_well_in_child(const Work& work) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) ::_exit(work() ? 0 : 1);
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return status == 0;
}

}  // namespace test

#endif
#endif
