// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/platform/thread_id.hpp"

#include <thread>

#include "catch.hpp"

namespace pe = personalize_events;

TEST_CASE("Each thread has a number of its own, and no thread has none") {
  const pe::detail::ThreadId mine = pe::detail::current_thread_id();
  CHECK(mine == pe::detail::current_thread_id());
  CHECK(mine != pe::detail::ThreadId{});
  pe::detail::ThreadId other{};
  std::thread{[&other] { other = pe::detail::current_thread_id(); }}.join();
  CHECK(other != mine);
  CHECK(other != pe::detail::ThreadId{});
}
