// SPDX-License-Identifier: Apache-2.0
#include "send/run_lock.hpp"

#include <unistd.h>

#include <string>

#include "catch.hpp"
#include "support/temporary_folder.hpp"

using tools::send::RunLock;

TEST_CASE("a second run on the same state is refused until the first ends") {
  const test::TemporaryFolder folder;
  const std::string state = folder / "state";
  {
    RunLock first;
    REQUIRE(first.acquire(state));
    RunLock second;
    const auto refused = second.acquire(state);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().where == state);
    CHECK(refused.error().message == "is in use by another run; wait for its end");
    RunLock other;
    CHECK(other.acquire(folder / "other"));
  }
  CHECK(::access((state + ".lock").c_str(), F_OK) != 0);
  RunLock next;
  CHECK(next.acquire(state));
}

TEST_CASE("a lock file that a killed run left is no obstacle") {
  const test::TemporaryFolder folder;
  const std::string state = folder / "state";
  {
    RunLock lock;
    REQUIRE(lock.acquire(state));
    REQUIRE(::link((state + ".lock").c_str(), (folder / "kept").c_str()) == 0);
  }
  REQUIRE(::rename((folder / "kept").c_str(), (state + ".lock").c_str()) == 0);
  RunLock next;
  CHECK(next.acquire(state));
}

TEST_CASE("a folder that is absent is reported") {
  RunLock lock;
  const auto refused = lock.acquire("/nonexistent/folder/state");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().where == "/nonexistent/folder/state");
}
