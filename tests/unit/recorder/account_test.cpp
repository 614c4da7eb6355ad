// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/account.hpp"

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
