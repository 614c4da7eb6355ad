// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/spool/live_events.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/faulty_files.hpp"
#include "support/spool_entries.hpp"

namespace spool = personalize_events::spool;

namespace {

using Numbers = std::vector<std::uint64_t>;

/// Live events whose segments hold an event or two.
struct World {
  World() { make_writer(); }

  void make_writer() {
    auto header = test::segment_header(live.next_place());
    header.writer += std::to_string(++writers);
    auto made = spool::WriterFolder::make(files, locks, "/spool", header, 150, true);
    REQUIRE(made.has_value());
    live.writer().emplace(*std::move(made));
  }
  /// Answers its segment.
  std::uint64_t append(const std::string& id) {
    const auto appended = live.writer()->log.append(test::entry_of(id));
    REQUIRE(appended.has_value());
    tickets.issue();
    live.appended(*appended);
    return appended->segment;
  }

  test::FaultyFiles files{};
  spool::FolderLocks locks{};
  int writers{0};
  spool::SyncTickets tickets{};
  spool::LiveEvents live{files};
};

}  // namespace

TEST_CASE("live events without a folder have no place to be acknowledged in") {
  test::FaultyFiles files;
  spool::LiveEvents live{files};
  CHECK(live.next_place() == 1);
  CHECK(live.folder().empty());
  CHECK(live.acknowledge({1}).has_value());
  CHECK(live.take_finished().empty());
  CHECK(live.is_whole());
  CHECK(live.begin_rewrite().empty());
  CHECK(live.is_whole());
}

TEST_CASE("a segment is finished when all of it has ended, and nothing is written to it") {
  World world;
  Numbers segments;
  for (const char* id : {"a", "b", "c", "d", "e"}) segments.push_back(world.append(id));
  REQUIRE(segments.front() != segments.back());
  CHECK(world.live.next_place() == 6);
  CHECK(world.live.take_finished().empty());

  REQUIRE(world.live.acknowledge({1, 2, 3, 4, 5}).has_value());
  const Numbers finished = world.live.take_finished();
  REQUIRE_FALSE(finished.empty());
  CHECK(finished.front() == segments.front());
  CHECK(finished.back() != segments.back());
  CHECK(world.live.take_finished().empty());

  world.live.writer()->log.seal();
  CHECK(world.live.take_finished() == Numbers{segments.back()});
}

TEST_CASE("a folder that is gone is given up from its oldest event on, and places go on") {
  World world;
  for (const char* id : {"a", "b", "c", "d", "e"}) static_cast<void>(world.append(id));
  REQUIRE(world.live.acknowledge({1, 2}).has_value());
  REQUIRE_FALSE(world.live.take_finished().empty());
  world.live.moved(world.tickets, 3);
  world.live.give_up({{2, 3, 5}});
  world.files.delete_folder(world.live.folder());
  world.live.let_go();

  CHECK(world.live.losses() == 2);
  const auto given_up = world.live.begin_rewrite();
  REQUIRE(given_up.size() == 1);
  CHECK(given_up[0].number == 0);
  CHECK(given_up[0].first_sequence == 3);
  CHECK(given_up[0].end_sequence == 6);
  world.live.end_rewrite({});
  CHECK(world.live.is_whole());
  CHECK(world.live.losses() == 2);
  CHECK(world.live.folder().empty());
  // Of old places in it nothing is left to acknowledge.
  world.tickets.sync_up_to(world.tickets.issued());
  CHECK(world.live.take_old_places(world.tickets).empty());

  CHECK(world.live.next_place() == 6);
  world.make_writer();
  static_cast<void>(world.append("f"));
  CHECK(world.live.acknowledge({6}).has_value());
}

TEST_CASE("a folder without open events is let go of, and nothing is given up") {
  World world;
  static_cast<void>(world.append("a"));
  REQUIRE(world.live.acknowledge({1}).has_value());
  world.live.writer()->log.seal();
  REQUIRE(world.live.take_finished().size() == 1);
  world.live.let_go();
  CHECK(world.live.is_whole());
  CHECK(world.live.losses() == 0);
}

TEST_CASE("what is given up is not whole until all of it was written again") {
  World world;
  world.live.give_up({});
  CHECK(world.live.is_whole());
  CHECK(world.live.losses() == 0);
  world.live.give_up({{1, 1, 3}});
  world.live.give_up({{2, 3, 5}, {3, 5, 6}});
  CHECK(world.live.losses() == 3);
  CHECK_FALSE(world.live.is_whole());
  CHECK(world.live.begin_rewrite().size() == 3);
  CHECK_FALSE(world.live.is_whole());
  // Meanwhile there is more.
  world.live.give_up({{4, 6, 7}});
  world.live.end_rewrite({{2, 3, 5}});
  CHECK_FALSE(world.live.is_whole());
  CHECK(world.live.begin_rewrite().size() == 2);
  world.live.end_rewrite({});
  CHECK(world.live.is_whole());
}

TEST_CASE("an old place is needed until the disk has the new one") {
  World world;
  static_cast<void>(world.append("a"));
  static_cast<void>(world.append("again"));
  world.live.moved(world.tickets, 1);
  CHECK(world.live.take_old_places(world.tickets).empty());
  world.tickets.sync_up_to(1);
  CHECK(world.live.take_old_places(world.tickets).empty());
  world.tickets.sync_up_to(2);
  CHECK(world.live.take_old_places(world.tickets) == Numbers{1});
  CHECK(world.live.take_old_places(world.tickets).empty());
}
