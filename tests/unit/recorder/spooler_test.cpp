// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/spooler.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/json/reader.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "support/faulty_files.hpp"
#include "support/recorder_events.hpp"

namespace pe = personalize_events;
namespace spool = personalize_events::spool;
using pe::Outcome;
using pe::detail::SteadyTime;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::PendingEvent;
using test::PendingEvents;

namespace {

pe::RecorderOptions recorder_options(milliseconds write_after = milliseconds{0}) {
  pe::RecorderOptions options;
  options.tracking_id = "tracker";
  options.linger = milliseconds{0};
  options.max_pending_events = 8;
  options.spool.emplace();
  options.spool->directory = "/spool";
  options.spool->min_free_bytes = 0;
  options.spool->write_after = write_after;
  return options;
}

/// A dispatcher and its spooler, which the test runs as the recorder's core does.
struct World {
  explicit World(pe::RecorderOptions recorder = recorder_options())
      : options(std::move(recorder)), dispatcher(options, 500, platform->steady_now()) {
    begin();
  }

  /// Another spool, as in a process that follows one that was killed.
  void begin() {
    spooler.reset();
    spooler.emplace(
        std::make_shared<spool::Spool>(files, *options.spool, spool::Scope{"tracker", "", "", ""},
                                       options.max_pending_bytes, platform),
        options, dispatcher);
  }
  [[nodiscard]] SteadyTime now() const { return platform->steady_now(); }
  PendingEvents event(const std::string& id, const std::string& session = "visit") const {
    return test::pending(session, "", id, now());
  }
  /// As RecorderCore::accept: to the disk only when it must be.
  bool record(const std::string& id, const std::string& session = "visit") {
    PendingEvents one = event(id, session);
    if (spooler->must_spill(one.front()) && spooler->spill(one.front()).has_value()) return true;
    if (!dispatcher.has_room(one.front().bytes())) return false;
    CHECK(spooler->write(one.front(), false).has_value());
    dispatcher.accept(std::move(one));
    return false;
  }
  /// One turn of the loop.
  void turn() {
    spooler->look(true);
    spooler->turn(now());
    note_ends();
  }
  void turns(int count) {
    for (int i = 0; i < count; ++i) turn();
  }
  void note_ends() {
    auto news = dispatcher.take_ended();
    spooler->note_ends(news);
    for (auto& one : news) ended.push_back(std::move(one));
  }
  /// Delivers all that leaves; "a b".
  std::string deliver() {
    std::string ids;
    while (const auto batch = dispatcher.next(now())) {
      for (std::size_t i = 0; i < batch->size(); ++i) {
        ids.append(ids.empty() ? "" : " ");
        ids.append(pe::detail::event_id_of((*batch)[i].json()));
      }
      dispatcher.answered(*batch, {}, now(), 1.0);
    }
    note_ends();
    return ids;
  }
  void advance(milliseconds time) { platform->advance(time); }
  /// "+Disk -Disk"
  std::string faults() {
    std::string text;
    for (const pe::Fault& fault : dispatcher.take_faults()) {
      text.append(text.empty() ? "" : " ").append(fault.cleared ? "-" : "+");
      text.append(pe::to_string(fault.kind));
    }
    return text;
  }
  /// The ids that a following process would find, "a b".
  std::string left_on_disk() {
    spooler.reset();
    spool::Spool next{files, *options.spool, {"tracker", "", "", ""}, 1U << 20U, platform};
    std::string ids;
    for (int i = 0; i < 20; ++i) {
      for (const auto& lost : next.maintain()) ids.append("!").append(test::ids_of(lost.event));
      for (const auto& one : next.read(100, 1U << 20U)) {
        ids.append(ids.empty() ? "" : " ").append(test::ids_of(one.event));
      }
    }
    return ids;
  }
  std::string folder() {
    const auto names = files->list_folder("/spool");
    REQUIRE(names.has_value());
    for (const std::string& name : *names) {
      if (name.compare(0, 2, "w-") == 0) return "/spool/" + name;
    }
    return {};
  }

  std::shared_ptr<test::FaultyFiles> files = std::make_shared<test::FaultyFiles>();
  std::shared_ptr<pe::testing::VirtualPlatform> platform =
      std::make_shared<pe::testing::VirtualPlatform>();
  pe::RecorderOptions options;
  pe::detail::Dispatcher dispatcher;
  std::optional<pe::detail::Spooler> spooler{};
  std::vector<pe::detail::EndedEvents> ended{};
};

bool adds_up(const pe::RecorderStats& stats) {
  return stats.recorded + stats.adopted == stats.delivered + stats.rejected + stats.expired +
                                               stats.dropped + stats.spooled + stats.pending;
}

}  // namespace

TEST_CASE("with write-ahead the disk has an event before it is accepted, until it ended") {
  World world;
  CHECK_FALSE(world.record("a"));
  CHECK_FALSE(world.record("b"));
  CHECK(world.dispatcher.oldest()->folder == spool::kLiveFolder);
  CHECK(world.deliver() == "a b");
  world.record("c");
  CHECK(world.left_on_disk() == "c");
}

TEST_CASE("events that are young enough are not written, and older ones are in their order") {
  World world{recorder_options(seconds{60})};
  world.record("a");
  world.advance(seconds{10});
  world.record("b");
  CHECK(world.dispatcher.oldest()->folder == spool::kNoFolder);
  CHECK(world.spooler->write_at() == world.now() + seconds{50});
  world.advance(seconds{50});
  world.turn();
  CHECK(world.dispatcher.oldest()->folder == spool::kLiveFolder);
  CHECK(world.spooler->write_at() == world.now() + seconds{10});
  world.advance(seconds{10});
  world.turn();
  CHECK(world.spooler->write_at() == SteadyTime::max());
  CHECK(world.left_on_disk() == "a b");
}

TEST_CASE("an event that was delivered in time never touches the disk") {
  World world{recorder_options(seconds{60})};
  world.record("a");
  CHECK(world.deliver() == "a");
  world.advance(seconds{60});
  world.turn();
  CHECK_FALSE(world.files->list_folder("/spool").has_value());
}

TEST_CASE("events are written a part at a time, so that nobody waits long") {
  pe::RecorderOptions options = recorder_options(seconds{1});
  options.max_pending_events = 1'000;
  World world{options};
  for (int i = 0; i < 300; ++i) world.record(std::to_string(i));
  world.advance(seconds{1});
  world.spooler->turn(world.now());
  CHECK(world.spooler->write_at() == world.now());
  const auto written = [&] {
    std::size_t count = 0;
    world.dispatcher.visit([&](const PendingEvent& event) {
      if (event.folder == spool::kLiveFolder) ++count;
      return true;
    });
    return count;
  };
  CHECK(written() == pe::detail::kMostWrittenAtOnce);
  world.spooler->turn(world.now());
  CHECK(written() == 300);
  CHECK(world.spooler->write_at() == SteadyTime::max());
}

TEST_CASE("what the disk refuses is kept in memory, told, and written when it can be") {
  World world;
  world.files->space = 0;
  world.record("a");
  CHECK(world.dispatcher.stats().pending == 1);
  CHECK(world.spooler->write_at() == world.now() + pe::detail::kWriteAgain);
  world.turn();
  CHECK(world.faults() == "+Disk");
  world.advance(seconds{1});
  world.turn();
  CHECK(world.faults().empty());
  CHECK(world.spooler->write_at() == world.now() + pe::detail::kWriteAgain);
  world.files->space.reset();
  world.advance(seconds{1});
  world.turn();
  CHECK(world.faults() == "-Disk");
  CHECK(world.dispatcher.oldest()->folder == spool::kLiveFolder);
}

TEST_CASE("an event that must be on the disk is refused by a disk that does not take it") {
  World world{recorder_options(seconds{60})};
  PendingEvents one = world.event("a");
  world.files->space = 0;
  const auto refused = world.spooler->write(one.front(), true);
  CHECK(refused.error().code == "NoSpace");
  world.files->space.reset();
  world.advance(seconds{1});
  CHECK(world.spooler->write(one.front(), true).has_value());
  CHECK(one.front().folder == spool::kLiveFolder);
}

TEST_CASE("what memory has no room for goes to the disk and comes back in order") {
  World world;
  std::string expected;
  for (int i = 0; i < 20; ++i) {
    CHECK(world.record(std::to_string(i)) == (i >= 8));
    expected.append(i == 0 ? "" : " ").append(std::to_string(i));
  }
  CHECK(world.dispatcher.stats().spooled == 12);
  CHECK(world.dispatcher.stats().pending == 8);
  CHECK_FALSE(world.spooler->wants_to_read());
  std::string delivered;
  for (int i = 0; i < 40; ++i) {
    world.turn();
    const std::string ids = world.deliver();
    if (!ids.empty()) delivered.append(delivered.empty() ? "" : " ").append(ids);
    CHECK(adds_up(world.dispatcher.stats()));
    CHECK(world.dispatcher.stats().pending <= 8);
  }
  CHECK(delivered == expected);
  CHECK(world.dispatcher.stats().delivered == 20);
  CHECK(world.dispatcher.stats().spooled == 0);
  CHECK(world.left_on_disk().empty());
}

TEST_CASE("a session whose older events are on the disk follows them, others do not") {
  World world;
  for (int i = 0; i < 9; ++i) world.record(std::to_string(i));
  CHECK(world.deliver() == "0 1 2 3 4 5 6 7");
  CHECK(world.record("9", "visit"));
  CHECK_FALSE(world.record("x", "other"));
  CHECK(world.spooler->wants_to_read());
  // They are read, and on their way into memory.
  world.spooler->look(true);
  CHECK(world.record("10", "visit"));
  world.spooler->turn(world.now());
  CHECK(world.deliver() == "x 8 9");
  world.turns(3);
  CHECK(world.deliver() == "10");
  CHECK_FALSE(world.record("11", "visit"));
}

TEST_CASE("the backlog takes a quarter of the memory at a time") {
  World world;
  for (int i = 0; i < 30; ++i) world.record(std::to_string(i), "visit-" + std::to_string(i));
  world.deliver();
  world.turn();
  CHECK(world.dispatcher.stats().pending == 2);
  world.turn();
  CHECK(world.dispatcher.stats().pending == 2);
  CHECK(world.spooler->next_look(world.now()) > world.now());
  CHECK_FALSE(world.spooler->wants_to_read());
  world.deliver();
  CHECK(world.spooler->wants_to_read());
  world.turns(3);
  CHECK(world.dispatcher.stats().pending == 2);
  world.deliver();
  world.spooler->look(false);
  world.spooler->turn(world.now());
  CHECK(world.dispatcher.stats().pending == 0);
  CHECK(world.spooler->next_look(world.now()) == world.now());
}

TEST_CASE("a spill that the disk refuses is no acceptance") {
  World world;
  for (int i = 0; i < 8; ++i) world.record(std::to_string(i));
  PendingEvents one = world.event("a");
  CHECK(world.spooler->must_spill(one.front()));
  world.files->space = 0;
  CHECK_FALSE(world.spooler->spill(one.front()).has_value());
  CHECK(world.dispatcher.stats().recorded == 8);
  CHECK(world.dispatcher.stats().spooled == 0);
}

TEST_CASE("what a killed process left is taken in, and expired events are not sent") {
  pe::RecorderOptions options = recorder_options();
  options.spool->max_age = std::chrono::hours{1};
  options.delivery_timeout = std::chrono::hours{1};
  World world{options};
  auto old = world.event("old");
  REQUIRE(world.spooler->write(old.front(), true).has_value());
  world.advance(std::chrono::minutes{61});
  auto young = world.event("young");
  REQUIRE(world.spooler->write(young.front(), true).has_value());
  world.begin();
  world.turns(3);
  CHECK(world.dispatcher.stats().adopted == 2);
  CHECK(world.dispatcher.stats().expired == 1);
  REQUIRE(world.ended.size() == 1);
  CHECK(world.ended[0].outcome == Outcome::Expired);
  CHECK(world.ended[0].error->kind == pe::ErrorKind::Timeout);
  CHECK(world.ended[0].error->where == "SpoolOptions::max_age");
  CHECK(world.deliver() == "young");
  CHECK(adds_up(world.dispatcher.stats()));
  CHECK(world.left_on_disk().empty());
}

TEST_CASE("events that were given up for want of room end as dropped") {
  pe::RecorderOptions options = recorder_options();
  World world{options};
  world.options.spool->max_bytes = 1U << 20U;
  world.begin();
  for (int i = 0; i < 8; ++i) world.record(std::to_string(i));
  for (int i = 0; i < 12; ++i) {
    auto one = world.event("large" + std::to_string(i));
    one.front().text.insert(one.front().text.size() - 1, std::string(120'000, ' '));
    REQUIRE(world.spooler->spill(one.front()).has_value());
  }
  world.spooler->look(false);
  world.spooler->turn(world.now());
  world.note_ends();
  const auto stats = world.dispatcher.stats();
  CHECK(stats.dropped > 0);
  CHECK(stats.dropped + stats.spooled == 12);
  CHECK(adds_up(stats));
  REQUIRE(world.ended.size() == stats.dropped);
  CHECK(test::ids_of(world.ended[0].events) == "large0");
  CHECK(world.ended[0].outcome == Outcome::Dropped);
  CHECK(world.ended[0].error->kind == pe::ErrorKind::QueueFull);
  CHECK(world.ended[0].error->where == "SpoolOptions::max_bytes");
}

TEST_CASE("overflow that was damaged is counted as dropped, and told") {
  World world;
  for (int i = 0; i < 10; ++i) world.record(std::to_string(i));
  bool has_damaged = false;
  const auto names = world.files->list_folder("/spool");
  REQUIRE(names.has_value());
  for (const std::string& name : *names) {
    const std::string path = "/spool/" + name + "/00000001.log";
    std::string& bytes = world.files->bytes(path);
    const std::size_t at = bytes.find("\"8\"");
    if (at == std::string::npos) continue;
    bytes[at + 1] = 'X';
    has_damaged = true;
  }
  REQUIRE(has_damaged);
  world.deliver();
  world.turns(2);
  CHECK(world.deliver() == "9");
  CHECK(world.dispatcher.stats().dropped == 1);
  CHECK(world.dispatcher.stats().spooled == 0);
  CHECK(adds_up(world.dispatcher.stats()));
  CHECK(world.faults() == "+SpoolDamaged");
}

TEST_CASE("after a failed sync the open events are written again, when the disk takes them") {
  World world;
  world.record("a");
  world.record("b");
  world.files->sync_fails = true;
  CHECK(world.spooler->spool().sync());
  world.files->sync_fails = false;
  // The disk's pause is not over yet, so somebody has to come again.
  world.turn();
  CHECK(world.faults() == "+Disk");
  CHECK(world.spooler->write_at() == world.now() + pe::detail::kWriteAgain);
  CHECK_FALSE(world.spooler->spool().sync());
  world.advance(seconds{1});
  world.turn();
  CHECK(world.faults() == "-Disk");
  CHECK(world.spooler->write_at() == SteadyTime::max());
  CHECK(world.dispatcher.oldest()->place == 3);
  CHECK(world.spooler->spool().sync());
  CHECK(world.spooler->spool().wait_synced(world.spooler->spool().ticket(), milliseconds{0}));
  world.turn();
  CHECK(world.left_on_disk() == "a b");
}

TEST_CASE("an event whose folder was deleted is not said to be on the disk") {
  World world;
  world.record("a");
  world.files->delete_folder(world.folder());
  // The next segment finds it out.
  for (int i = 0; i < 200; ++i) {
    auto one = world.event("large");
    one.front().text.insert(one.front().text.size() - 1, std::string(120'000, ' '));
    if (!world.spooler->write(one.front(), true).has_value()) break;
  }
  world.turn();
  CHECK(world.faults() == "+Disk");
  CHECK(world.dispatcher.oldest()->folder == spool::kNoFolder);
  bool is_kept = true;
  world.dispatcher.visit([&](PendingEvent& event) {
    is_kept = world.spooler->keep(event);
    return true;
  });
  CHECK_FALSE(is_kept);
  world.advance(seconds{1});
  world.turn();
  CHECK(world.faults() == "-Disk");
  CHECK(world.left_on_disk() == "a");
}

TEST_CASE("who keeps an event at the end writes it, if it is not written") {
  World world{recorder_options(seconds{60})};
  world.record("a");
  world.record("b");
  world.files->space = 0;
  const auto keep_all = [&] {
    bool all = true;
    world.dispatcher.visit([&](PendingEvent& event) {
      all = world.spooler->keep(event) && all;
      return true;
    });
    return all;
  };
  CHECK_FALSE(keep_all());
  world.files->space.reset();
  world.advance(seconds{1});
  CHECK(keep_all());
  CHECK(keep_all());
  CHECK(world.left_on_disk() == "a b");
}

TEST_CASE("events that are left on the disk are not noted as ended") {
  World world;
  world.record("a");
  world.dispatcher.end_all(pe::Error{},
                           [&](PendingEvent& event) { return world.spooler->keep(event); });
  world.note_ends();
  REQUIRE(world.ended.size() == 1);
  CHECK(world.ended[0].outcome == Outcome::Spooled);
  CHECK(world.left_on_disk() == "a");
}

TEST_CASE("a refused event is kept with its reason, for a person") {
  pe::Error error;
  error.code = "InvalidInputException";
  error.message = "no \"such\" item";
  const auto one = test::pending("visit", "user", "a");
  const auto line =
      pe::json::parse(pe::detail::rejected_line("tracker", one.front(), error, "request-1"));
  REQUIRE(line.has_value());
  CHECK(*line->find_string("code") == "InvalidInputException");
  CHECK(*line->find_string("message") == "no \"such\" item");
  CHECK(*line->find_string("requestId") == "request-1");
  CHECK(*line->find_string("trackingId") == "tracker");
  CHECK(*line->find_string("sessionId") == "visit");
  CHECK(*line->find_string("userId") == "user");
  CHECK(*line->find("event")->find_string("eventId") == "a");
  const auto bare = pe::json::parse(pe::detail::rejected_line(
      "tracker", test::pending("visit", "", "a").front(), std::nullopt, ""));
  REQUIRE(bare.has_value());
  CHECK(bare->find("userId") == nullptr);
  CHECK(bare->find_string("code")->empty());

  World world;
  world.record("a");
  pe::detail::EndedEvents ended;
  ended.outcome = Outcome::Rejected;
  ended.events = test::pending("visit", "", "b");
  ended.events.front().folder = spool::kLiveFolder;
  ended.events.front().place = 1;
  std::vector<pe::detail::EndedEvents> all;
  all.push_back(std::move(ended));
  world.spooler->note_ends(all);
  const auto names = world.files->list_folder("/spool/rejected");
  REQUIRE(names.has_value());
  REQUIRE(names->size() == 1);
  CHECK(world.files->bytes("/spool/rejected/" + names->front()).find("\"eventId\":\"b\"") !=
        std::string::npos);
  CHECK(world.left_on_disk().empty());
}

TEST_CASE("an event whose folder is gone is not on the disk before it was written again") {
  World world;
  world.record("a");
  spool::Spool& spool = world.spooler->spool();
  const std::uint64_t ticket = spool.ticket();
  world.files->delete_folder(world.folder());
  world.files->delete_folder("/spool");
  world.files->space = 0;
  CHECK(spool.sync());
  // More than once the disk does not take it.
  for (int i = 0; i < 3; ++i) {
    world.turn();
    CHECK_FALSE(spool.sync());
    CHECK_FALSE(spool.wait_synced(ticket, milliseconds{0}));
    CHECK(world.dispatcher.oldest()->folder == spool::kNoFolder);
    world.advance(seconds{1});
  }
  world.files->space.reset();
  world.advance(seconds{1});
  world.turn();
  CHECK(spool.sync());
  CHECK(spool.wait_synced(ticket, milliseconds{0}));
  CHECK(world.left_on_disk() == "a");
}
