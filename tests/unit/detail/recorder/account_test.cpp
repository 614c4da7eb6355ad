// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/recorder/account.hpp"

#include <cstddef>
#include <cstdint>

#include "catch.hpp"
#include "support/recorder_events.hpp"

namespace pe = personalize_events;
using pe::Outcome;

namespace {

/// A log that was adopted.
constexpr std::uint32_t kAdopted = 3;

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
  CHECK(books.account.disk_only() == 3);
  CHECK(books.account.stats().pending == 0);

  auto one = test::pending("visit", "", "a");
  one.front().log = pe::detail::kOwnLog;
  books.account.readmit(one.front());
  CHECK(one.front().sequence == 4);
  CHECK(books.account.stats().spooled == 2);
  CHECK(books.account.stats().pending == 1);
  CHECK(books.account.stats().adopted == 0);
  CHECK(books.account.pending_bytes() == one.front().bytes());
  books.account.lose(1);
  CHECK(books.account.stats().dropped == 1);
  CHECK(books.account.disk_only() == 1);
  books.account.lose(9);
  CHECK(books.account.stats().dropped == 2);
  CHECK(books.account.stats().spooled == 0);
}

TEST_CASE("what an orphaned log had is adopted, and so is an own event that was not spilled") {
  Bookkeeper books;
  auto one = test::pending("visit", "", "a");
  one.front().log = kAdopted;
  books.account.readmit(one.front());
  auto copy = test::pending("visit", "", "b");
  copy.front().log = pe::detail::kOwnLog;
  books.account.readmit(copy.front());
  CHECK(books.account.stats().adopted == 2);
  CHECK(books.account.stats().pending == 2);
  CHECK(books.account.stats().spooled == 0);
}

TEST_CASE("events that completed as spooled are not lost with those on the disk only") {
  Bookkeeper books;
  const auto one = books.accept("a");
  books.account.end(one, Outcome::Spooled);
  books.account.lose(1);
  CHECK(books.account.stats().spooled == 1);
  CHECK(books.account.stats().dropped == 0);
}

TEST_CASE("a flush sees what is on the disk only by then, as it is read back or lost") {
  Bookkeeper books;
  const auto read_back = [&](const char* id, std::uint32_t log, std::uint64_t place) {
    auto one = test::pending("visit", "", id);
    one.front().log = log;
    one.front().place = place;
    books.account.readmit(one.front());
    return one;
  };
  for (std::uint64_t i = 1; i <= 3; ++i) CHECK(books.account.spill() == i);
  const auto in_memory = read_back("a", pe::detail::kOwnLog, 1);
  const auto watch = books.account.watch();
  CHECK(watch->report.pending == 3);
  const std::uint64_t later = books.account.spill();
  const auto before = read_back("b", pe::detail::kOwnLog, 2);
  const auto after = read_back("d", pe::detail::kOwnLog, later);
  // Its place is in another log, and it was adopted after the flush began.
  const auto adopted = read_back("x", kAdopted, 1);
  for (const test::PendingEvents* one : {&in_memory, &before, &after, &adopted}) {
    books.account.end(*one, Outcome::Delivered);
  }
  CHECK(watch->report.delivered == 2);
  CHECK(watch->report.pending == 1);
  books.account.lose(1);
  const pe::FlushReport report = books.account.unwatch(watch);
  CHECK(report.dropped == 1);
  CHECK(report.complete);
}

TEST_CASE("places are those of acceptance, whether an event stays in memory or not") {
  Bookkeeper books;
  CHECK(books.accept("a").front().place == 1);
  CHECK(books.account.spill() == 2);
  const auto one = books.accept("c");
  CHECK(one.front().place == 3);
  CHECK(one.front().sequence == 3);
  auto read = test::pending("visit", "", "b");
  read.front().place = 2;
  books.account.readmit(read.front());
  CHECK(read.front().place == 2);
  CHECK(read.front().sequence == 4);
  CHECK(books.account.last_sequence() == 4);
}

TEST_CASE("an event that could not be written is as if it had never been accepted") {
  Bookkeeper books;
  const auto early = books.account.watch();
  const std::uint64_t place = books.account.spill();
  const auto watch = books.account.watch();
  CHECK(watch->report.pending == 1);
  books.account.unspill(place);
  CHECK(books.account.stats().recorded == 0);
  CHECK(books.account.stats().spooled == 0);
  CHECK(books.account.disk_only() == 0);
  CHECK(books.account.unwatch(watch).complete);
  CHECK(books.account.unwatch(early).complete);
  // Its place is not given again.
  CHECK(books.account.spill() == place + 1);
}

TEST_CASE("an event that is taken back counts nowhere, and no flush waits for it") {
  Bookkeeper books;
  const auto early = books.account.watch();
  const auto kept = books.accept("a");
  const auto taken = books.accept("b");
  const auto watch = books.account.watch();
  books.account.withdraw(taken.front());
  CHECK(books.account.stats().recorded == 1);
  CHECK(books.account.stats().pending == 1);
  CHECK(books.account.pending_bytes() == kept.front().bytes());
  CHECK(watch->report.pending == 1);
  books.account.end(kept, Outcome::Delivered);
  CHECK(books.account.ended() == 1);
  CHECK(books.account.unwatch(watch).complete);
  CHECK(books.account.unwatch(early).complete);
  CHECK(books.account.last_sequence() == 2);
}

TEST_CASE("an event whose text changes counts with its new size") {
  Bookkeeper books;
  auto one = books.accept("a");
  const std::size_t before = one.front().bytes();
  one.front().text.append("more");
  books.account.resized(before, one.front().bytes());
  CHECK(books.account.pending_bytes() == before + 4);
  books.account.end(one, Outcome::Delivered);
  CHECK(books.account.pending_bytes() == 0);
}
