// SPDX-License-Identifier: Apache-2.0
#include "personalize_events/detail/platform/per_process.hpp"

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/fork.hpp"

namespace pe = personalize_events;

namespace {

/// Counts how many of it there are.
class Counted {
 public:
  explicit Counted(std::atomic<int>& alive) : alive_(alive) { ++alive_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --alive_; }

 private:
  std::atomic<int>& alive_;
};

}  // namespace

TEST_CASE("The object is made when it is first asked for, and destroyed with its holder") {
  std::atomic<int> alive{0};
  const auto make = [&alive] { return std::make_unique<Counted>(alive); };
  {
    pe::detail::PerProcess<Counted> holder;
    CHECK(holder.find() == nullptr);
    Counted& first = holder.own(make);
    CHECK(&holder.own(make) == &first);
    CHECK(holder.find() == &first);
    CHECK(alive == 1);
  }
  CHECK(alive == 0);
}

TEST_CASE("Threads that ask for it at the same time get one object") {
  std::atomic<int> alive{0};
  pe::detail::PerProcess<Counted> holder;
  std::vector<Counted*> found(4);
  std::vector<std::thread> threads;
  std::atomic<bool> go{false};
  for (Counted*& mine : found) {
    threads.emplace_back([&] {
      while (!go) {
      }
      mine = &holder.own([&alive] { return std::make_unique<Counted>(alive); });
    });
  }
  go = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(found == std::vector<Counted*>(4, holder.find()));
  CHECK(alive == 1);
}

#if PERSONALIZE_EVENTS_TESTS_CAN_FORK

TEST_CASE("A forked child makes its own and leaves the inherited one alone") {
  std::atomic<int> alive{0};
  const auto make = [&alive] { return std::make_unique<Counted>(alive); };
  auto holder = std::make_unique<pe::detail::PerProcess<Counted>>();
  Counted* const parents = &holder->own(make);
  const bool uses_it = GENERATE(false, true);
  CHECK(test::ends_well_in_child([&] {
    bool well = holder->find() == nullptr;
    if (uses_it) well = well && &holder->own(make) != parents && alive == 2;
    holder.reset();
    return well && alive == 1;
  }));
  CHECK(holder->find() == parents);
  CHECK(alive == 1);
}

#endif
