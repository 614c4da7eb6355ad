// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/account.hpp"

#include <cstdint>
#include <utility>

#include "catch.hpp"
#include "support/recorder_events.hpp"

namespace pe = personalize_events;
using pe::Outcome;

namespace {

struct Bookkeeper {
  pe::detail::EventAccount account{};

  pe::detail::PendingEvents accept(const char* id) {
    auto one = test::pending("visit", "", id);
    account.accept(one.front());
    return one;
  }
};

}  // namespace

TEST_CASE("what is accepted is pending until it ends, in one of the counts") {
  Bookkeeper books;
  const Outcome outcomes[] = {Outcome::Delivered, Outcome::Rejected, Outcome::Expired,
                              Outcome::Dropped, Outcome::Spooled};
  for (const Outcome outcome : outcomes) {
    const auto one = books.accept("a");
    CHECK(books.account.stats().pending == 1);
    CHECK(books.account.pending_bytes() == one.front().bytes());
    books.account.end(one, outcome);
    CHECK(books.account.stats().pending == 0);
    CHECK(books.account.pending_bytes() == 0);
  }
  const pe::RecorderStats& stats = books.account.stats();
  CHECK(stats.recorded == 5);
  CHECK(stats.delivered == 1);
  CHECK(stats.rejected == 1);
  CHECK(stats.expired == 1);
  CHECK(stats.dropped == 1);
  CHECK(stats.spooled == 1);
}

TEST_CASE("the order of acceptance begins with one") {
  Bookkeeper books;
  CHECK(books.account.last_sequence() == 0);
  CHECK(books.accept("a").front().sequence == 1);
  CHECK(books.accept("b").front().sequence == 2);
  CHECK(books.account.last_sequence() == 2);
}

TEST_CASE("a flush sees what was pending when it began, and nothing later") {
  Bookkeeper books;
  const auto before = books.accept("a");
  const auto refused = books.accept("b");
  const auto watch = books.account.watch();
  const auto later = books.accept("c");
  const auto second_watch = books.account.watch();

  books.account.end(before, Outcome::Delivered);
  books.account.end(later, Outcome::Delivered);
  CHECK(watch->report.pending == 1);
  CHECK(second_watch->report.pending == 1);
  const pe::FlushReport early = books.account.unwatch(watch);
  CHECK(early.delivered == 1);
  CHECK(early.pending == 1);
  CHECK_FALSE(early.complete);

  books.account.end(refused, Outcome::Rejected);
  const pe::FlushReport whole = books.account.unwatch(second_watch);
  CHECK(whole.delivered == 2);
  CHECK(whole.rejected == 1);
  CHECK(whole.pending == 0);
  CHECK(whole.complete);
}

TEST_CASE("what is spilled is on the disk until it is read back or lost") {
  Bookkeeper books;
  books.account.spill();
  books.account.spill();
  books.account.spill();
  CHECK(books.account.stats().recorded == 3);
  CHECK(books.account.stats().spooled == 3);
  CHECK(books.account.in_overflow() == 3);
  CHECK(books.account.stats().pending == 0);

  auto one = test::pending("visit", "", "a");
  one.front().folder = pe::spool::kOverflowFolder;
  books.account.readmit(one.front());
  CHECK(one.front().sequence == 1);
  CHECK(books.account.stats().spooled == 2);
  CHECK(books.account.stats().pending == 1);
  CHECK(books.account.stats().adopted == 0);
  CHECK(books.account.pending_bytes() == one.front().bytes());
  books.account.lose(1);
  CHECK(books.account.stats().dropped == 1);
  CHECK(books.account.in_overflow() == 1);
  books.account.lose(9);
  CHECK(books.account.stats().dropped == 2);
  CHECK(books.account.stats().spooled == 0);
}

TEST_CASE("what a dead writer left is adopted, and so is a copy that nobody spilled") {
  Bookkeeper books;
  auto one = test::pending("visit", "", "a");
  one.front().folder = pe::spool::kFirstAdopted;
  books.account.readmit(one.front());
  auto copy = test::pending("visit", "", "b");
  copy.front().folder = pe::spool::kOverflowFolder;
  books.account.readmit(copy.front());
  CHECK(books.account.stats().adopted == 2);
  CHECK(books.account.stats().pending == 2);
  CHECK(books.account.stats().spooled == 0);
}

TEST_CASE("events that ended as spooled are not lost with the overflow") {
  Bookkeeper books;
  const auto one = books.accept("a");
  books.account.end(one, Outcome::Spooled);
  books.account.lose(1);
  CHECK(books.account.stats().spooled == 1);
  CHECK(books.account.stats().dropped == 0);
}

TEST_CASE("a flush sees what is in the overflow by then, as it is read back or lost") {
  Bookkeeper books;
  const auto overflow = [&](const char* id, std::uint64_t place) {
    auto one = test::pending("visit", "", id);
    one.front().folder = pe::spool::kOverflowFolder;
    one.front().place = place;
    books.account.readmit(one.front());
    return one;
  };
  for (int i = 0; i < 3; ++i) books.account.spill();
  const auto in_memory = overflow("a", 1);
  const auto watch = books.account.watch(4);
  CHECK(watch->report.pending == 3);
  books.account.spill();
  const auto before = overflow("b", 2);
  const auto after = overflow("d", 4);
  auto adopted = test::pending("visit", "", "x");
  adopted.front().folder = pe::spool::kFirstAdopted;
  adopted.front().place = 1;
  books.account.readmit(adopted.front());
  for (const test::PendingEvents* one : {&in_memory, &before, &after, &std::as_const(adopted)}) {
    books.account.end(*one, Outcome::Delivered);
  }
  CHECK(watch->report.delivered == 2);
  CHECK(watch->report.pending == 1);
  books.account.lose(1);
  const pe::FlushReport report = books.account.unwatch(watch);
  CHECK(report.dropped == 1);
  CHECK(report.complete);
}

TEST_CASE("a flush follows events of the overflow that were written again under other places") {
  Bookkeeper books;
  books.account.spill();
  books.account.spill();
  const auto before = books.account.watch(3);  // its events are at 1 and 2
  books.account.spill();
  const auto after = books.account.watch(4);  // and this one's at 3, too
  books.account.renumber_overflow(1, 4);      // now at 4, 5 and 6
  const auto end_at = [&](std::uint64_t place) {
    auto one = test::pending("visit", "", "a");
    one.front().folder = pe::spool::kOverflowFolder;
    one.front().place = place;
    books.account.readmit(one.front());
    books.account.end(one, Outcome::Delivered);
  };
  end_at(4);
  end_at(5);
  CHECK(before->report.pending == 0);
  CHECK(after->report.pending == 1);
  end_at(6);
  CHECK(books.account.unwatch(before).delivered == 2);
  CHECK(books.account.unwatch(after).delivered == 3);
  // What is not behind a watch's first place leaves it alone.
  const auto later = books.account.watch(7);
  books.account.renumber_overflow(1, 4);
  CHECK(later->overflow_end == 7);
  books.account.unwatch(later);
}
