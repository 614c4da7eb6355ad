// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/spool/overflow.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/faulty_files.hpp"
#include "support/spool_entries.hpp"

namespace pe = personalize_events;
namespace spool = personalize_events::spool;

namespace {

/// An overflow whose segments hold an event or two.
struct World {
  World() { make_writer(); }

  void make_writer() {
    auto header = test::segment_header(overflow.next_place());
    header.writer += std::to_string(++writers);
    auto made = spool::WriterFolder::make(files, locks, "/spool", header, 150, true);
    REQUIRE(made.has_value());
    overflow.writer().emplace(*std::move(made));
  }
  void append(const std::string& id, const std::string& session = "visit") {
    const auto appended = overflow.writer()->log.append(test::entry_of(id));
    REQUIRE(appended.has_value());
    tickets.issue();
    overflow.appended(*appended, session);
  }
  /// Syncs, and has written again what could not be synced.
  void sync(bool works) {
    files.sync_fails = !works;
    const std::uint64_t issued = tickets.issued();
    const spool::SyncReport report = overflow.writer()->log.sync();
    files.sync_fails = false;
    if (!report.given_up.empty()) overflow.rewrite(report.given_up, tickets);
    if (!report.error) tickets.sync_up_to(issued);
  }
  /// The places of all that can be read, "1 2".
  std::string read(std::size_t most = 100) {
    std::string places;
    for (int turn = 0; turn < 100 && overflow.has_unread(); ++turn) {
      overflow.hand_over();
      const auto frame = overflow.next();
      if (!frame) continue;  // the end of a segment
      overflow.was_read(1);
      CHECK(overflow.acknowledge({frame->sequence}).has_value());
      places.append(places.empty() ? "" : " ").append(std::to_string(frame->sequence));
      if (--most == 0) break;
    }
    return places;
  }

  test::FaultyFiles files{};
  spool::FolderLocks locks{};
  int writers{0};
  spool::SyncTickets tickets{};
  spool::Overflow overflow{files, "/spool/quarantine", 4096};
};

}  // namespace

TEST_CASE("what is appended to the overflow is read in its order, the open segment last") {
  World world;
  CHECK(world.read().empty());
  for (const char* id : {"a", "b", "c", "d", "e"}) world.append(id);
  CHECK(world.overflow.unread() == 5);
  CHECK(world.overflow.next_place() == 6);
  CHECK_FALSE(world.overflow.is_drained());
  CHECK(world.read() == "1 2 3 4 5");
  CHECK(world.overflow.unread() == 0);
  CHECK(world.overflow.is_drained());
  world.append("f");
  CHECK(world.overflow.has_unread());
  CHECK(world.read() == "6");
}

TEST_CASE("a session is followed until all of it is admitted") {
  World world;
  CHECK_FALSE(world.overflow.precedes_some());
  world.append("a", "one");
  world.append("b", "two");
  CHECK(world.overflow.precedes_some());
  CHECK(world.overflow.must_be_followed("one"));
  CHECK(world.read() == "1 2");
  CHECK(world.overflow.must_be_followed("one"));
  world.overflow.admitted("one");
  CHECK_FALSE(world.overflow.must_be_followed("one"));
  CHECK(world.overflow.must_be_followed("two"));
  CHECK(world.overflow.precedes_some());
  world.overflow.admitted("two");
  CHECK_FALSE(world.overflow.precedes_some());
}

TEST_CASE("overflow whose folder is gone is counted as lost, and goes on with younger places") {
  World world;
  for (const char* id : {"a", "b", "c"}) world.append(id);
  CHECK(world.read(1) == "1");
  world.files.delete_folder(world.overflow.folder());
  world.overflow.let_go();
  CHECK(world.overflow.folder().empty());
  CHECK(world.overflow.unread() == 0);
  CHECK(world.overflow.take_lost() == 2);
  CHECK(world.overflow.take_lost() == 0);
  CHECK(world.overflow.next_place() == 4);
  world.make_writer();
  world.append("d");
  CHECK(world.read() == "4");
}

TEST_CASE("overflow that cannot be read back is counted as lost once all was looked at") {
  World world;
  for (const char* id : {"a", "b", "c", "d"}) world.append(id);
  world.files.put(spool::segment_path(world.overflow.folder(), 1), "no segment");
  const std::string places = world.read();
  CHECK(places.back() == '4');
  const std::uint64_t unread = world.overflow.unread();
  CHECK(unread > 0);
  world.overflow.settle();
  CHECK(world.overflow.unread() == 0);
  CHECK(world.overflow.take_lost() == unread);
}

TEST_CASE("what a failed sync may have lost is written again behind the others, and renumbered") {
  World world;
  world.append("a");
  world.append("b");
  world.append("c");
  world.sync(false);
  CHECK_FALSE(world.overflow.is_doubtful());
  const auto renumbered = world.overflow.take_renumbered();
  REQUIRE(renumbered.size() == 1);
  CHECK(renumbered[0].first == 1);
  CHECK(renumbered[0].end == 4);
  CHECK(world.overflow.take_renumbered().empty());
  CHECK(world.overflow.take_old_segments(world.tickets).empty());
  world.sync(true);
  CHECK_FALSE(world.overflow.take_old_segments(world.tickets).empty());
  CHECK(world.read() == "4 5 6");
}

TEST_CASE("overflow that cannot be written again is doubtful until all of it ended") {
  World world;
  world.append("a");
  world.append("b");
  world.files.space = 0;
  world.sync(false);
  world.files.space.reset();
  CHECK(world.overflow.is_doubtful());
  CHECK(world.overflow.take_renumbered().empty());
  world.overflow.settle();
  CHECK(world.overflow.is_doubtful());
  CHECK(world.read() == "1 2");
  world.overflow.settle();
  CHECK_FALSE(world.overflow.is_doubtful());
  CHECK(world.overflow.take_lost() == 0);
}
