// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/spool/sync_tickets.hpp"

#include <cstdint>
#include <vector>

#include "catch.hpp"

namespace spool = personalize_events::spool;
using State = spool::SyncTickets::State;

TEST_CASE("a ticket waits until a sync covers it") {
  spool::SyncTickets tickets;
  CHECK_FALSE(tickets.has_waiting());
  CHECK(tickets.state(0) == State::Synced);
  tickets.issue();
  tickets.issue();
  tickets.issue();
  CHECK(tickets.issued() == 3);
  CHECK(tickets.has_waiting());
  tickets.sync_up_to(2);
  CHECK(tickets.state(2) == State::Synced);
  CHECK(tickets.state(3) == State::Waiting);
  CHECK(tickets.has_waiting());
  tickets.sync_up_to(1);
  CHECK(tickets.state(2) == State::Synced);
  tickets.sync_up_to(3);
  CHECK_FALSE(tickets.has_waiting());
}

TEST_CASE("what is lost is never called synced again") {
  spool::SyncTickets tickets;
  tickets.issue();
  tickets.sync_up_to(1);
  tickets.issue();
  tickets.lose();
  tickets.issue();
  tickets.sync_up_to(3);
  CHECK(tickets.state(2) == State::Lost);
  CHECK(tickets.state(3) == State::Synced);
}

TEST_CASE("old copies are needed until the disk has the new ones") {
  spool::SyncTickets tickets;
  spool::OldCopies copies;
  tickets.issue();
  copies.add(tickets.issued(), 10);
  copies.add(tickets.issued(), 11);
  tickets.issue();
  copies.add(tickets.issued(), 12);
  CHECK(copies.take_synced(tickets).empty());
  tickets.sync_up_to(1);
  CHECK(copies.take_synced(tickets) == std::vector<std::uint64_t>{10, 11});
  CHECK(copies.take_synced(tickets).empty());
  tickets.sync_up_to(2);
  CHECK(copies.take_synced(tickets) == std::vector<std::uint64_t>{12});
  copies.add(1, 13);
  copies.clear();
  CHECK(copies.take_synced(tickets).empty());
}
