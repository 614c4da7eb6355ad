// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/spool/spool.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "support/faulty_files.hpp"
#include "support/recorder_events.hpp"
#include "support/spool_entries.hpp"

namespace pe = personalize_events;
namespace spool = personalize_events::spool;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::PendingEvent;

namespace {

pe::SpoolOptions spool_options() {
  pe::SpoolOptions options;
  options.directory = "/spool";
  options.min_free_bytes = 0;
  options.account = "account";
  return options;
}

/// What was read, "a b".
std::string ids_of(const std::vector<spool::ReadEvent>& events) {
  std::string ids;
  for (const spool::ReadEvent& event : events) {
    ids.append(ids.empty() ? "" : " ").append(test::ids_of(event.event));
  }
  return ids;
}

struct World {
  explicit World(pe::SpoolOptions options = spool_options()) : options_(std::move(options)) {
    begin();
  }

  /// A new process, which does what a killed one left.
  void begin() {
    spool = nullptr;
    spool = std::make_unique<spool::Spool>(files, options_,
                                           spool::Scope{"tracker", "region", "endpoint", "ignored"},
                                           1U << 20U, platform);
  }
  PendingEvent event(const std::string& id, const std::string& session = "visit") const {
    PendingEvent one = test::pending(session, "", id, platform->steady_now()).front();
    return one;
  }
  PendingEvent append(const std::string& id) {
    PendingEvent one = event(id);
    REQUIRE(spool->append(one).has_value());
    return one;
  }
  void overflow(const std::string& id, const std::string& session = "visit") {
    REQUIRE(spool->append_overflow(event(id, session)).has_value());
  }
  /// An event so large that it fills a segment.
  void overflow_large(const std::string& id) {
    PendingEvent one = event(id);
    one.text.insert(one.text.size() - 1, std::string(120'000, ' '));
    REQUIRE(spool->append_overflow(one).has_value());
  }
  PendingEvent append_large(const std::string& id) {
    PendingEvent one = event(id);
    one.text.insert(one.text.size() - 1, std::string(120'000, ' '));
    REQUIRE(spool->append(one).has_value());
    appended.push_back(one);
    return one;
  }
  PendingEvent append_until_segment(std::size_t number) {
    const std::string path = folder() + "/0000000" + std::to_string(number) + ".log";
    while (!files->exists(path)) append_large("x" + std::to_string(appended.size()));
    return appended.back();
  }
  void acknowledge_all_but(const PendingEvent& last) {
    std::vector<std::pair<std::uint32_t, std::uint64_t>> places;
    for (const PendingEvent& one : appended) {
      if (one.place != last.place) places.emplace_back(one.folder, one.place);
    }
    REQUIRE(spool->acknowledge(places).has_value());
  }
  /// Of the writer.
  std::string folder() const {
    const auto names = files->list_folder("/spool");
    REQUIRE(names.has_value());
    return "/spool/" + names->front();
  }
  std::vector<PendingEvent> appended{};
  /// What the loop reads and takes in, in as many turns as it takes.
  std::vector<spool::ReadEvent> read(std::size_t most = 1'000) {
    std::vector<spool::ReadEvent> events;
    for (int turn = 0; turn < 100 && events.size() < most && spool->has_unread(); ++turn) {
      for (spool::ReadEvent& one : spool->read(most - events.size(), 64U << 20U)) {
        spool->admitted(one.event.front());
        events.push_back(std::move(one));
      }
    }
    return events;
  }
  /// Until no more dead writer's folder is found.
  void maintain() {
    for (int i = 0; i < 10; ++i) CHECK(spool->maintain().empty());
  }
  bool acknowledge(const PendingEvent& one) {
    return spool->acknowledge({{one.folder, one.place}}).has_value();
  }
  bool acknowledge(const std::vector<spool::ReadEvent>& events) {
    bool all = true;
    for (const spool::ReadEvent& one : events) all = acknowledge(one.event.front()) && all;
    return all;
  }
  /// Folders of writers that there are.
  std::size_t folders() {
    std::size_t count = 0;
    const auto names = files->list_folder("/spool");
    for (const std::string& name : names ? *names : std::vector<std::string>{}) {
      if (name.compare(0, 2, "w-") == 0) ++count;
    }
    return count;
  }
  /// The only folder of a writer.
  std::string folder() {
    const auto names = files->list_folder("/spool");
    REQUIRE(names.has_value());
    for (const std::string& name : *names) {
      if (name.compare(0, 2, "w-") == 0) return "/spool/" + name;
    }
    return {};
  }
  void after_pause() { platform->advance(spool::kDiskPause); }

  std::shared_ptr<test::FaultyFiles> files = std::make_shared<test::FaultyFiles>();
  std::shared_ptr<pe::testing::VirtualPlatform> platform =
      std::make_shared<pe::testing::VirtualPlatform>();
  std::unique_ptr<spool::Spool> spool{};

 private:
  pe::SpoolOptions options_;
};

}  // namespace

TEST_CASE("a spool makes nothing before its first event, and leaves nothing without one") {
  World world;
  CHECK_FALSE(world.files->list_folder("/spool").has_value());
  world.maintain();
  CHECK(world.spool->is_drained());
  const PendingEvent one = world.append("a");
  CHECK(one.folder == spool::kLiveFolder);
  CHECK(one.place == 1);
  CHECK(world.append("b").place == 2);
  CHECK(world.folders() == 1);
  CHECK(world.acknowledge(one));
  CHECK(world.spool->acknowledge({{spool::kLiveFolder, 2}, {spool::kNoFolder, 7}}).has_value());
  world.spool->close();
  CHECK(world.folders() == 0);
}

TEST_CASE("what a killed process left is found by the next one, with what had not ended") {
  World world;
  const PendingEvent first = world.append("a");
  world.append("b");
  world.overflow("c", "other");
  CHECK(world.acknowledge(first));
  world.platform->advance(seconds{90});
  world.begin();
  CHECK_FALSE(world.spool->has_unread());
  world.maintain();
  CHECK(world.spool->has_unread());
  const auto found = world.read();
  CHECK(found.size() == 2);
  for (const spool::ReadEvent& one : found) {
    CHECK(one.event.front().folder >= spool::kFirstAdopted);
    CHECK(one.event.front().recorded_at == world.platform->steady_now() - seconds{90});
    CHECK_FALSE(one.is_expired);
  }
  CHECK_FALSE(world.spool->is_drained());
  CHECK(world.acknowledge(found));
  world.maintain();
  CHECK(world.spool->is_drained());
  CHECK(world.folders() == 0);
}

TEST_CASE("a process that ended in order leaves its open events to the next one") {
  World world;
  world.append("a");
  world.spool->close();
  CHECK(world.folders() == 1);
  world.begin();
  world.maintain();
  CHECK(ids_of(world.read()) == "a");
  // Which may leave them as well.
  world.spool->close();
  world.begin();
  world.maintain();
  CHECK(ids_of(world.read()) == "a");
}

TEST_CASE("a living spool does not take its own folders, nor those of others") {
  World world;
  world.append("a");
  world.overflow("b", "other");
  spool::Spool second{world.files,
                      spool_options(),
                      {"tracker", "region", "endpoint", ""},
                      1U << 20U,
                      world.platform};
  PendingEvent one = world.event("c");
  REQUIRE(second.append(one).has_value());
  world.maintain();
  CHECK(ids_of(world.read()) == "b");
  CHECK(second.maintain().empty());
  CHECK_FALSE(second.has_unread());
}

TEST_CASE("the account label of the options is part of the scope") {
  World world;
  world.append("a");
  auto others = spool_options();
  others.account = "other";
  world.spool = nullptr;
  spool::Spool other{
      world.files, others, {"tracker", "region", "endpoint", "account"}, 1U << 20U, world.platform};
  CHECK(other.maintain().empty());
  CHECK_FALSE(other.has_unread());
  world.begin();
  world.maintain();
  CHECK(ids_of(world.read()) == "a");
}

TEST_CASE("the directory is looked at again after about a minute, and not before") {
  World world;
  world.maintain();
  PendingEvent one = world.event("a");
  {
    spool::Spool dead{world.files,
                      spool_options(),
                      {"tracker", "region", "endpoint", ""},
                      1U << 20U,
                      world.platform};
    REQUIRE(dead.append(one).has_value());
  }
  world.maintain();
  CHECK_FALSE(world.spool->has_unread());
  const auto next = world.spool->next_maintenance();
  CHECK(next >= world.platform->steady_now() + seconds{45});
  CHECK(next <= world.platform->steady_now() + seconds{75});
  world.platform->advance(seconds{75});
  world.maintain();
  CHECK(ids_of(world.read()) == "a");
}

TEST_CASE("an event that waited longer than it may is read as expired") {
  auto options = spool_options();
  options.max_age = hours{2};
  World world{options};
  world.overflow("a");
  world.platform->advance(hours{2});
  world.overflow("b");
  world.platform->advance(milliseconds{1});
  const auto events = world.read();
  REQUIRE(events.size() == 2);
  CHECK(events[0].is_expired);
  CHECK_FALSE(events[1].is_expired);
}

TEST_CASE("a clock that was set back makes an event that a dead writer left no older") {
  World world;
  world.append("a");
  world.platform->set_now(world.platform->now() - hours{24 * 365});
  world.begin();
  world.maintain();
  const auto events = world.read();
  REQUIRE(events.size() == 1);
  CHECK_FALSE(events[0].is_expired);
  CHECK(events[0].event.front().recorded_at == world.platform->steady_now());
}

// --- The overflow ---

TEST_CASE("overflow is read in order, and while it grows") {
  World world;
  CHECK_FALSE(world.spool->has_unread());
  world.overflow("a");
  world.overflow("b");
  CHECK(world.spool->overflow_unread() == 2);
  CHECK(world.spool->has_unread());
  CHECK_FALSE(world.spool->is_drained());
  CHECK(ids_of(world.read(1)) == "a");
  world.overflow("c");
  CHECK(ids_of(world.read(1)) == "b");
  CHECK(ids_of(world.read()) == "c");
  CHECK(world.read().empty());
  world.overflow("d");
  const auto last = world.read();
  CHECK(ids_of(last) == "d");
  CHECK(last[0].event.front().folder == spool::kOverflowFolder);
  CHECK(last[0].event.front().place == 4);
  CHECK(world.spool->overflow_unread() == 0);
  CHECK(world.spool->take_lost() == 0);
}

TEST_CASE("overflow of many segments is read while the youngest is being written") {
  auto options = spool_options();
  options.max_bytes = 1U << 20U;
  World world{options};
  std::string expected;
  std::string found;
  int next = 0;
  const auto write = [&] {
    const std::string id = std::to_string(next++);
    expected.append(expected.empty() ? "" : " ").append(id);
    world.overflow_large(id);
  };
  for (int i = 0; i < 7; ++i) write();
  while (world.spool->has_unread()) {
    if (next < 12) write();
    const auto events = world.read(1);
    if (events.empty()) continue;
    found.append(found.empty() ? "" : " ").append(ids_of(events));
    CHECK(world.acknowledge(events));
  }
  CHECK(found == expected);
  CHECK(next == 12);
  world.spool->close();
  CHECK(world.folders() == 0);
}

TEST_CASE("what is read is bounded by number and by bytes") {
  World world;
  for (const char* id : {"a", "b", "c", "d"}) world.overflow(id);
  CHECK(world.spool->read(3, 1U << 20U).size() == 3);
  CHECK(world.spool->read(3, 0).empty());
  CHECK(world.spool->read(3, 1).size() == 1);
}

TEST_CASE("a session follows its older events to the disk until the last is in memory") {
  World world;
  CHECK_FALSE(world.spool->must_follow("visit"));
  world.overflow("a", "visit");
  world.overflow("b", "visit");
  CHECK(world.spool->must_follow("visit"));
  CHECK_FALSE(world.spool->must_follow("other"));
  const auto events = world.spool->read(10, 1U << 20U);
  REQUIRE(events.size() == 2);
  CHECK(world.spool->overflow_unread() == 0);
  // They were read, and somebody who records now would be before them.
  CHECK(world.spool->must_follow("visit"));
  world.spool->admitted(events[0].event.front());
  CHECK(world.spool->must_follow("visit"));
  world.spool->admitted(events[1].event.front());
  CHECK_FALSE(world.spool->must_follow("visit"));
  // Others have nothing to do with it.
  world.overflow("c", "visit");
  PendingEvent live = world.event("d");
  live.folder = spool::kLiveFolder;
  world.spool->admitted(live);
  CHECK(world.spool->must_follow("visit"));
}

TEST_CASE("places in the overflow grow, and the next one is known") {
  World world;
  CHECK(world.spool->next_overflow_place() == 1);
  world.overflow("a");
  CHECK(world.spool->next_overflow_place() == 2);
  CHECK(world.read()[0].event.front().place == 1);
}

TEST_CASE("overflow that was damaged is counted as lost when the rest was read") {
  World world;
  for (const char* id : {"a", "b", "c"}) world.overflow(id);
  std::string& bytes = world.files->bytes(world.folder() + "/00000001.log");
  bytes[bytes.find("\"b\"") + 1] = 'X';
  CHECK(ids_of(world.read(10)) == "a c");
  CHECK(world.spool->overflow_unread() == 0);
  CHECK(world.spool->take_lost() == 1);
  CHECK(world.spool->take_lost() == 0);
  CHECK_FALSE(world.spool->must_follow("visit"));
  REQUIRE(world.spool->damage().has_value());
  CHECK(world.spool->damage()->code == "Damaged");
}

TEST_CASE("damage is told until a whole round of looks found none") {
  World world;
  for (const char* id : {"a", "b"}) world.overflow(id);
  std::string& bytes = world.files->bytes(world.folder() + "/00000001.log");
  bytes[bytes.find("\"a\"") + 1] = 'X';
  CHECK(ids_of(world.read()) == "b");
  CHECK(world.spool->maintain().empty());
  CHECK(world.spool->damage().has_value());
  world.platform->advance(seconds{75});
  CHECK(world.spool->maintain().empty());
  CHECK_FALSE(world.spool->damage().has_value());
}

TEST_CASE("overflow whose folder somebody deleted is lost, and the next begins another") {
  World world;
  world.overflow("a");
  world.overflow("b");
  const auto in_memory = world.read(1);
  CHECK(ids_of(in_memory) == "a");
  world.files->delete_folder(world.folder());
  // Into files that have no name any more, which only a sync or a new segment notices.
  std::string text;
  PendingEvent large = world.event("x");
  large.text.insert(large.text.size() - 1, std::string(120'000, ' '));
  while (world.spool->append_overflow(large).has_value()) text.append("x");
  CHECK(world.spool->disk_fault()->code == "NotFound");
  CHECK(world.spool->overflow_unread() == 0);
  CHECK(world.spool->take_lost() == 1 + text.size());
  CHECK_FALSE(world.spool->must_follow("visit"));
  world.after_pause();
  world.overflow("c");
  CHECK(world.folders() == 1);
  const auto rest = world.read();
  CHECK(ids_of(rest) == "c");
  CHECK(rest[0].event.front().place > 2);
  // The end of what was in memory already is no business of the new folder.
  CHECK(world.acknowledge(in_memory));
  CHECK(world.acknowledge(rest));
}

// --- Faults of the disk ---

TEST_CASE("after the disk refused, nothing is tried for a while") {
  World world;
  world.append("a");
  world.files->space = 0;
  PendingEvent one = world.event("b");
  const auto refused = world.spool->append(one);
  CHECK(refused.error().code == "NoSpace");
  CHECK(one.folder == spool::kNoFolder);
  CHECK(world.spool->disk_fault()->code == "NoSpace");
  world.files->space.reset();
  CHECK_FALSE(world.spool->append(one).has_value());
  CHECK_FALSE(world.spool->append_overflow(one).has_value());
  world.platform->advance(spool::kDiskPause - milliseconds{1});
  CHECK_FALSE(world.spool->append(one).has_value());
  world.platform->advance(milliseconds{1});
  CHECK(world.spool->append(one).has_value());
  CHECK(one.place == 2);
  CHECK_FALSE(world.spool->disk_fault().has_value());
}

TEST_CASE("a folder that cannot be made is tried again") {
  World world;
  world.files->make_folder_fails = true;
  PendingEvent one = world.event("a");
  CHECK(world.spool->append(one).error().kind == pe::ErrorKind::Storage);
  world.files->make_folder_fails = false;
  world.after_pause();
  CHECK(world.spool->append(one).has_value());
}

TEST_CASE("a folder that another process takes for a dead writer's costs another name, no event") {
  World world;
  spool::FolderLocks other;
  int taken = 0;
  world.files->after_new_folder = [&](const std::string& path) {
    if (path == "/spool" || taken == 3) return;
    // One is locked, and others are removed already.
    if (++taken > 1) return static_cast<void>(world.files->remove_folder(path));
    CHECK(other.take(*world.files, path)->has_value());
  };
  const PendingEvent one = world.append("a");
  CHECK(taken == 3);
  CHECK(one.folder == spool::kLiveFolder);
  CHECK_FALSE(world.spool->disk_fault().has_value());
  CHECK(world.folders() == 2);
}

TEST_CASE("a live folder that somebody deleted has its events written again to another") {
  World world;
  const PendingEvent ended = world.append("a");
  PendingEvent open = world.append("b");
  CHECK(world.acknowledge(ended));
  world.files->delete_folder(world.folder());
  PendingEvent large = world.event("x");
  large.text.insert(large.text.size() - 1, std::string(120'000, ' '));
  while (world.spool->append(large).has_value()) continue;
  const auto given_up = world.spool->begin_rewrite();
  REQUIRE(given_up.size() == 1);
  CHECK(given_up[0].number == 0);
  CHECK(given_up[0].first_sequence <= open.place);
  CHECK(given_up[0].end_sequence > large.place);
  world.spool->end_rewrite({});
  CHECK(world.spool->begin_rewrite().empty());
  // Its end is noted nowhere, and harms nothing.
  CHECK(world.acknowledge(open));
  world.after_pause();
  const std::uint64_t old = large.place;
  REQUIRE(world.spool->append(open).has_value());
  CHECK(open.place > old);
  CHECK(world.folders() == 1);
}

// --- Bringing to the disk ---

TEST_CASE("a sync brings what was written before it to the disk") {
  World world;
  CHECK_FALSE(world.spool->has_unsynced());
  CHECK(world.spool->wait_synced(world.spool->ticket(), milliseconds{0}));
  world.append("a");
  world.overflow("b");
  const std::uint64_t ticket = world.spool->ticket();
  CHECK(world.spool->has_unsynced());
  CHECK_FALSE(world.spool->wait_synced(ticket, milliseconds{0}));
  CHECK(world.spool->sync());
  CHECK(world.files->syncs == 2);
  CHECK_FALSE(world.spool->has_unsynced());
  CHECK(world.spool->wait_synced(ticket, milliseconds{0}));
  world.append("c");
  CHECK(world.spool->has_unsynced());
  CHECK_FALSE(world.spool->wait_synced(world.spool->ticket(), milliseconds{0}));
  CHECK(world.spool->wait_synced(ticket, milliseconds{0}));
}

TEST_CASE("what is written during a sync waits for the next one") {
  World world;
  world.append("a");
  world.files->during_sync = [&] { world.append("b"); };
  const std::uint64_t first = world.spool->ticket();
  CHECK(world.spool->sync());
  CHECK(world.spool->wait_synced(first, milliseconds{0}));
  CHECK_FALSE(world.spool->wait_synced(world.spool->ticket(), milliseconds{0}));
  CHECK(world.spool->has_unsynced());
  CHECK(world.spool->sync());
  CHECK(world.spool->wait_synced(world.spool->ticket(), milliseconds{0}));
}

TEST_CASE("live segments whose sync failed are written again before anything is synced") {
  World world;
  PendingEvent one = world.append("a");
  const std::uint64_t ticket = world.spool->ticket();
  world.files->sync_fails = true;
  CHECK(world.spool->sync());
  CHECK(world.spool->disk_fault().has_value());
  CHECK_FALSE(world.spool->wait_synced(ticket, milliseconds{0}));
  world.files->sync_fails = false;
  CHECK_FALSE(world.spool->sync());
  const auto given_up = world.spool->begin_rewrite();
  REQUIRE(given_up.size() == 1);
  CHECK(given_up[0].number == 1);
  CHECK(given_up[0].first_sequence == 1);
  CHECK(given_up[0].end_sequence == 2);
  // Neither while it is being written again, nor when that failed.
  CHECK_FALSE(world.spool->sync());
  world.spool->end_rewrite(given_up);
  CHECK_FALSE(world.spool->sync());
  CHECK(world.spool->begin_rewrite().size() == 1);
  world.after_pause();
  REQUIRE(world.spool->append(one).has_value());
  CHECK(one.place == 2);
  CHECK_FALSE(world.spool->sync());
  CHECK_FALSE(world.spool->wait_synced(ticket, milliseconds{0}));
  world.spool->end_rewrite({});
  CHECK(world.spool->acknowledge({{spool::kLiveFolder, 1}}).has_value());
  CHECK(world.spool->sync());
  CHECK(world.spool->wait_synced(ticket, milliseconds{0}));
  CHECK_FALSE(world.files->exists(world.folder() + "/00000001.log"));
}

TEST_CASE("a folder that is let go during a sync is not taken for one that was synced") {
  World world;
  PendingEvent one = world.append("a");
  const std::uint64_t ticket = world.spool->ticket();
  const std::string folder = world.folder();
  PendingEvent large = world.event("x");
  large.text.insert(large.text.size() - 1, std::string(120'000, ' '));
  world.files->during_sync = [&] {
    world.files->delete_folder(folder);
    while (world.spool->append(large).has_value()) continue;
  };
  CHECK(world.spool->sync());
  CHECK_FALSE(world.spool->wait_synced(ticket, milliseconds{0}));
  const auto given_up = world.spool->begin_rewrite();
  REQUIRE(given_up.size() == 1);
  CHECK(given_up[0].first_sequence <= one.place);
  CHECK(given_up[0].end_sequence > one.place);
}

TEST_CASE("what was written again during a sync waits for the next one") {
  World world;
  PendingEvent one = world.append("a");
  const std::uint64_t ticket = world.spool->ticket();
  PendingEvent large = world.event("x");
  large.text.insert(large.text.size() - 1, std::string(120'000, ' '));
  world.files->during_sync = [&] {
    world.files->delete_folder(world.folder());
    while (world.spool->append(large).has_value()) continue;
    world.after_pause();
    REQUIRE_FALSE(world.spool->begin_rewrite().empty());
    REQUIRE(world.spool->append(one).has_value());
    world.spool->end_rewrite({});
  };
  CHECK(world.spool->sync());
  CHECK_FALSE(world.spool->wait_synced(ticket, milliseconds{0}));
  CHECK(world.spool->sync());
  CHECK(world.spool->wait_synced(ticket, milliseconds{0}));
}

TEST_CASE("overflow whose sync failed is written again, in order, and once") {
  World world;
  world.overflow("a");
  world.overflow("b");
  const std::uint64_t ticket = world.spool->ticket();
  world.files->sync_fails = true;
  CHECK(world.spool->sync());
  world.files->sync_fails = false;
  CHECK_FALSE(world.spool->wait_synced(ticket, milliseconds{0}));
  // The old copy stays until the disk has the new one.
  CHECK(world.files->exists(world.folder() + "/00000001.log"));
  CHECK(world.acknowledge(std::vector<spool::ReadEvent>{}));
  CHECK(world.files->exists(world.folder() + "/00000001.log"));
  CHECK(world.spool->sync());
  CHECK(world.spool->wait_synced(ticket, milliseconds{0}));
  CHECK(world.spool->acknowledge({}).has_value());
  CHECK_FALSE(world.files->exists(world.folder() + "/00000001.log"));
  world.after_pause();
  world.overflow("c");
  CHECK(ids_of(world.read()) == "a b c");
  CHECK(world.spool->take_lost() == 0);
  CHECK(world.spool->overflow_unread() == 0);
}

TEST_CASE("overflow that cannot be written again is read where it is, in order, and once") {
  for (std::size_t room = 0; room < 400; room += 20) {
    CAPTURE(room);
    World world;
    for (const char* id : {"a", "b", "c"}) world.overflow(id);
    const std::uint64_t ticket = world.spool->ticket();
    world.files->sync_fails = true;
    world.files->space = room;
    CHECK(world.spool->sync());
    world.files->sync_fails = false;
    world.files->space.reset();
    world.after_pause();
    world.overflow("d");
    // What may be lost is never called synced.
    CHECK(world.spool->sync());
    CHECK_FALSE(world.spool->wait_synced(ticket, milliseconds{0}));
    const auto events = world.read();
    CHECK(ids_of(events) == "a b c d");
    CHECK(world.spool->overflow_unread() == 0);
    CHECK(world.spool->take_lost() == 0);
    CHECK(world.acknowledge(events));
    world.spool->close();
    CHECK(world.folders() == 0);
  }
}

TEST_CASE("overflow whose folder was removed before a sync is never called synced") {
  World world;
  world.overflow("a");
  const std::uint64_t ticket = world.spool->ticket();
  CHECK_FALSE(world.spool->is_lost(ticket));
  world.files->delete_folder(world.folder());
  world.files->delete_folder("/spool");
  CHECK(world.spool->sync());
  CHECK(world.spool->is_lost(ticket));
  CHECK(world.spool->take_lost() == 1);
  world.after_pause();
  world.overflow("b");
  CHECK(world.spool->sync());
  CHECK_FALSE(world.spool->wait_synced(ticket, milliseconds{0}));
  CHECK(world.spool->wait_synced(world.spool->ticket(), milliseconds{0}));
  CHECK(ids_of(world.read()) == "b");
}

TEST_CASE("overflow that was read when its sync failed is not called synced until it ended") {
  World world;
  world.overflow("a");
  world.overflow("b");
  const std::uint64_t ticket = world.spool->ticket();
  auto events = world.read(1);
  CHECK(ids_of(events) == "a");
  world.files->sync_fails = true;
  CHECK(world.spool->sync());
  world.files->sync_fails = false;
  CHECK(world.spool->sync());  // the folder's name
  // With nothing to bring to the disk nobody is called for it.
  CHECK_FALSE(world.spool->sync());
  CHECK_FALSE(world.spool->wait_synced(ticket, milliseconds{0}));
  CHECK(world.acknowledge(events));
  events = world.read();
  CHECK(ids_of(events) == "b");
  world.maintain();
  CHECK_FALSE(world.spool->sync());
  CHECK_FALSE(world.spool->wait_synced(ticket, milliseconds{0}));
  CHECK(world.acknowledge(events));
  world.maintain();
  CHECK_FALSE(world.spool->sync());
  CHECK(world.spool->wait_synced(ticket, milliseconds{0}));
}

// --- Limits ---

TEST_CASE("a spool that is too large gives up its oldest events that are on the disk only") {
  auto options = spool_options();
  options.max_bytes = 1U << 20U;
  World world{options};
  for (int i = 0; i < 12; ++i) world.overflow_large(std::to_string(i));
  const auto dropped = world.spool->maintain();
  REQUIRE_FALSE(dropped.empty());
  CHECK(dropped.size() < 12);
  CHECK(ids_of(dropped).substr(0, 3) == "0 1");
  CHECK(spool::spool_bytes(*world.files, "/spool") <= options.max_bytes);
  CHECK(world.spool->overflow_unread() == 12 - dropped.size());
  CHECK(world.spool->must_follow("visit"));
  for (const spool::ReadEvent& one : dropped) world.spool->admitted(one.event.front());
  CHECK(world.spool->must_follow("visit"));
  CHECK(world.read().size() == 12 - dropped.size());
  CHECK_FALSE(world.spool->must_follow("visit"));
  CHECK(world.spool->take_lost() == 0);
}

TEST_CASE("what dead writers left is given up first") {
  auto options = spool_options();
  options.max_bytes = 1U << 20U;
  World world{options};
  world.overflow_large("old");
  world.begin();
  CHECK(world.spool->maintain().empty());
  for (int i = 0; i < 9; ++i) world.overflow_large(std::to_string(i));
  const auto dropped = world.spool->maintain();
  REQUIRE_FALSE(dropped.empty());
  CHECK(test::ids_of(dropped[0].event) == "old");
  CHECK(dropped[0].event.front().folder >= spool::kFirstAdopted);
}

TEST_CASE("a disk that is nearly full takes the oldest, and then refuses") {
  auto options = spool_options();
  options.min_free_bytes = 1'000;
  World world{options};
  world.append("live");
  world.overflow("a");
  CHECK(world.spool->maintain().empty());
  world.files->space = 900;
  world.begin();
  const auto dropped = world.spool->maintain();
  CHECK(dropped.size() + world.spool->maintain().size() == 2);
  world.after_pause();
  CHECK(world.spool->maintain().empty());
  PendingEvent one = world.event("b");
  const auto refused = world.spool->append(one);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == "NoSpace");
  CHECK(refused.error().where == "/spool");
  world.files->space = 2'000;
  CHECK(world.spool->maintain().empty());
  world.after_pause();
  CHECK(world.spool->maintain().empty());
  CHECK(world.spool->append(one).has_value());
}

TEST_CASE("five percent of a small disk are enough to be free") {
  auto options = spool_options();
  options.min_free_bytes = 1U << 30U;
  World world{options};
  world.files->space = 60U << 20U;  // of a GiB
  world.overflow("a");
  CHECK(world.spool->maintain().empty());
  CHECK(ids_of(world.read()) == "a");
}

// --- The rest ---

TEST_CASE("refused events are kept beside, in one file of this spool's") {
  World world;
  world.spool->keep_rejected("{\"a\":1}");
  world.spool->keep_rejected("{\"b\":2}");
  const auto names = world.files->list_folder("/spool/rejected");
  REQUIRE(names.has_value());
  REQUIRE(names->size() == 1);
  CHECK(world.files->bytes("/spool/rejected/" + names->front()) == "{\"a\":1}\n{\"b\":2}\n");
}

TEST_CASE("who abandons a spool in a child lets others have its folders") {
  World world;
  world.append("a");
  spool::Spool other{world.files,
                     spool_options(),
                     {"tracker", "region", "endpoint", ""},
                     1U << 20U,
                     world.platform};
  CHECK(other.maintain().empty());
  CHECK_FALSE(other.has_unread());
  world.spool->abandon_in_child();
  world.spool->abandon_in_child();
  world.platform->advance(seconds{75});
  CHECK(other.maintain().empty());
  CHECK(ids_of(other.read(10, 1'000)) == "a");
}

TEST_CASE("an acknowledgement that cannot be written is told, for whatever folder") {
  World world;
  const PendingEvent live = world.append("a");
  world.append("b");
  world.overflow("c");
  world.overflow("d");
  const auto events = world.read();
  world.files->open_fails = true;
  CHECK_FALSE(world.acknowledge(live));
  CHECK_FALSE(world.acknowledge({events[0]}));
  CHECK(world.spool->acknowledge({{spool::kFirstAdopted, 1}}).has_value());
}

TEST_CASE("segments that the spool removes, because all in them has ended, are no fault") {
  World world;
  SECTION("removed before a sync") {
    world.append_large("a");
    const PendingEvent last = world.append_until_segment(3);
    world.acknowledge_all_but(last);
    REQUIRE(world.files->count(world.folder()) < 6);
    world.spool->sync();
  }
  SECTION("removed while a sync runs") {
    world.append_large("a");
    const PendingEvent last = world.append_until_segment(3);
    world.files->during_sync = [&] { world.acknowledge_all_but(last); };
    world.spool->sync();
  }
  SECTION("read and removed while a sync runs") {
    for (int i = 0; i < 200; ++i) world.overflow_large("o" + std::to_string(i));
    world.files->during_sync = [&] {
      std::vector<std::pair<std::uint32_t, std::uint64_t>> places;
      for (const spool::ReadEvent& one : world.spool->read(1'000, 64U << 20U)) {
        places.emplace_back(one.event.front().folder, one.event.front().place);
      }
      REQUIRE(world.spool->acknowledge(places).has_value());
      REQUIRE(!world.files->removed.empty());
    };
    world.spool->sync();
  }
  CHECK(!world.spool->disk_fault().has_value());
  world.spool->sync();
  CHECK(!world.spool->has_unsynced());
}
