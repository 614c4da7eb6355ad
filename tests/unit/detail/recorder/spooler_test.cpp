// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/recorder/spooler.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/detail/json/reader.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "support/faulty_files.hpp"
#include "support/recorder_events.hpp"

namespace pe = personalize_events;
namespace spool = personalize_events::detail::spool;
using pe::Outcome;
using pe::detail::kOwnLog;
using pe::detail::SteadyTime;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::PendingEvent;
using test::PendingEvents;

namespace {

enum class Placement { Memory, Disk };

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

bool adds_up(const pe::RecorderStats& stats) {
  return stats.recorded + stats.adopted == stats.delivered + stats.rejected + stats.expired +
                                               stats.dropped + stats.spooled + stats.pending;
}

/// A recorder without its threads: the test records, is the loop and is the disk thread.
struct Recorder {
  Recorder(std::shared_ptr<pe::FileSystem> files,
           std::shared_ptr<pe::testing::VirtualPlatform> clock, pe::RecorderOptions recorder)
      : platform(std::move(clock)),
        options(std::move(recorder)),
        dispatcher(options, platform->steady_now()),
        spool(std::make_shared<spool::Spool>(std::move(files), *options.spool,
                                             spool::Scope{"", "", "", "tracker"},
                                             options.max_pending_bytes, platform)),
        source(std::make_shared<Source>(*this)) {
    spool->connect(source, [] {});
    spooler.emplace(spool, options, dispatcher);
  }

  struct Source final : spool::PendingSource {
    explicit Source(Recorder& recorder) : owner(recorder) {}
    std::uint64_t visit_unwritten(std::uint64_t written, const Visit& visit) override {
      owner.dispatcher.batcher().visit_unwritten(written, visit);
      return owner.dispatcher.account().last_sequence();
    }
    void visit(const Visit& visit) override { owner.dispatcher.batcher().visit(visit); }
    Recorder& owner;
  };

  [[nodiscard]] SteadyTime now() const { return platform->steady_now(); }
  PendingEvents event(const std::string& id, const std::string& session = "visit",
                      std::size_t padding = 0) const {
    PendingEvents one = test::pending(session, "", id, now());
    one.front().text.insert(one.front().text.size() - 1, std::string(padding, ' '));
    return one;
  }
  /// As RecorderCore::accept; empty: the event was refused.
  std::optional<Placement> record(const std::string& id, const std::string& session = "visit",
                                  std::size_t padding = 0) {
    PendingEvents one = event(id, session, padding);
    if (spooler->is_disk_only(one.front())) {
      if (append_disk_only(one.front())) return Placement::Disk;
      if (!spooler->has_room(one.front())) return std::nullopt;
    }
    spooler->accept(std::move(one));
    const std::uint64_t place = dispatcher.account().last_sequence();
    if (options.spool->write_after.count() > 0) {
      spool->note_pending();
    } else {
      static_cast<void>(spool->write_up_to(*source, place, milliseconds{0}));
    }
    return Placement::Memory;
  }
  bool append_disk_only(const PendingEvent& event) {
    std::uint64_t place = 0;
    const auto reserve = [&] {
      place = spooler->reserve(event);
      return pe::Result<std::uint64_t>{place};
    };
    const auto written = spool->append_disk_only(*source, event, reserve, milliseconds{0});
    if (!written && place > 0) spooler->unreserve(event, place);
    if (written) spool->note_unread();
    return written.has_value();
  }
  bool is_on_disk(const std::string& id, const std::string& session = "visit") {
    return record(id, session) == Placement::Disk;
  }
  /// One iteration of the loop, and one of the disk thread.
  void turn() {
    spooler->turn();
    auto completed = dispatcher.take_ended();
    spool->post(spooler->orders_for(completed, true));
    for (auto& one : completed) ended.push_back(std::move(one));
    static_cast<void>(spool->work());
    CHECK(adds_up(dispatcher.stats()));
    CHECK(dispatcher.stats().pending <= options.max_pending_events);
  }
  void turns(int count) {
    for (int i = 0; i < count; ++i) turn();
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
    return ids;
  }
  /// Delivers all, in as many turns as it takes.
  std::string deliver_all(int most_turns = 60) {
    std::string all;
    for (int i = 0; i < most_turns; ++i) {
      turn();
      const std::string ids = deliver();
      if (!ids.empty()) all.append(all.empty() ? "" : " ").append(ids);
    }
    return all;
  }
  /// "+Disk -Disk"
  std::string faults() {
    std::string text;
    for (const pe::Fault& fault : dispatcher.take_faults()) {
      text.append(text.empty() ? "" : " ").append(fault.cleared ? "-" : "+");
      text.append(pe::to_string(fault.kind));
    }
    return text;
  }

  std::shared_ptr<pe::testing::VirtualPlatform> platform;
  pe::RecorderOptions options;
  pe::detail::Dispatcher dispatcher;
  std::shared_ptr<spool::Spool> spool;
  std::shared_ptr<Source> source;
  std::optional<pe::detail::Spooler> spooler{};
  std::vector<pe::detail::EndedEvents> ended{};
};

struct World {
  explicit World(pe::RecorderOptions with = recorder_options()) : options(std::move(with)) {
    begin();
  }
  /// Another process, after this one was killed.
  void begin() {
    recorder = nullptr;
    recorder = std::make_unique<Recorder>(files, platform, options);
  }
  Recorder* operator->() { return recorder.get(); }
  void advance(milliseconds time) { platform->advance(time); }
  /// The ids that a following process delivers, "a b".
  std::string left_on_disk() {
    begin();
    return recorder->deliver_all();
  }
  std::string folder() {
    const auto names = files->list_folder("/spool");
    REQUIRE(names.has_value());
    for (const std::string& name : *names) {
      if (spool::is_writer_name(name)) return "/spool/" + name;
    }
    return {};
  }

  pe::RecorderOptions options;
  std::shared_ptr<test::FaultyFiles> files = std::make_shared<test::FaultyFiles>();
  std::shared_ptr<pe::testing::VirtualPlatform> platform =
      std::make_shared<pe::testing::VirtualPlatform>();
  std::unique_ptr<Recorder> recorder{};
};

constexpr std::size_t kLarge = 60'000;

}  // namespace

TEST_CASE("with write-ahead the disk has an event before it is accepted, until it completed") {
  World world;
  CHECK(world->record("a") == Placement::Memory);
  CHECK(world->record("b") == Placement::Memory);
  CHECK(world->spooler->is_all_written());
  CHECK(world->spooler->is_kept(*world->dispatcher.batcher().oldest()));
  world->turn();
  CHECK(world->deliver() == "a b");
  world->turns(2);
  world->record("c");
  CHECK(world.left_on_disk() == "c");
}

TEST_CASE("events that are young enough are not written, and older ones are in their order") {
  World world{recorder_options(seconds{60})};
  world->record("a");
  world.advance(seconds{10});
  world->record("b");
  world->turn();
  CHECK_FALSE(world->spooler->is_kept(*world->dispatcher.batcher().oldest()));
  world.advance(seconds{50});
  world->turn();
  CHECK(world->spooler->is_kept(*world->dispatcher.batcher().oldest()));
  CHECK_FALSE(world->spooler->is_all_written());
  world.advance(seconds{10});
  world->turn();
  CHECK(world->spooler->is_all_written());
  CHECK(world.left_on_disk() == "a b");
}

TEST_CASE("an event that was delivered in time is never written to the disk") {
  World world{recorder_options(seconds{60})};
  world->record("a");
  CHECK(world->deliver() == "a");
  world.advance(seconds{60});
  world->turns(2);
  CHECK_FALSE(world.files->list_folder("/spool").has_value());
  CHECK(world->spooler->is_drained());
}

TEST_CASE("what the disk refuses stays in memory, is a fault, and is written when it can be") {
  World world;
  world.files->space = 0;
  CHECK(world->record("a") == Placement::Memory);
  CHECK(world->dispatcher.stats().pending == 1);
  world->turns(2);
  CHECK(world->faults() == "+Disk");
  world.advance(seconds{1});
  world->turns(2);
  CHECK(world->faults().empty());
  CHECK_FALSE(world->spooler->is_all_written());
  world.files->space.reset();
  world.advance(seconds{1});
  world->turns(2);
  CHECK(world->faults() == "-Disk");
  CHECK(world->spooler->is_all_written());
  CHECK(world.left_on_disk() == "a");
}

// --- Events that memory has no room for ---

TEST_CASE("what memory has no room for goes to the disk and comes back in order") {
  World world;
  std::string expected;
  for (int i = 0; i < 20; ++i) {
    CHECK(world->is_on_disk(std::to_string(i)) == (i >= 8));
    expected.append(i == 0 ? "" : " ").append(std::to_string(i));
  }
  CHECK(world->dispatcher.stats().spooled == 12);
  CHECK(world->dispatcher.stats().pending == 8);
  CHECK(world->dispatcher.account().disk_only() == 12);
  CHECK(world->deliver_all() == expected);
  CHECK(world->dispatcher.stats().delivered == 20);
  CHECK(world->dispatcher.stats().spooled == 0);
  CHECK(world->spooler->is_drained());
  CHECK(world.left_on_disk().empty());
}

TEST_CASE("a session follows its older events to the disk; other sessions do not") {
  World world;
  for (int i = 0; i < 9; ++i) world->record(std::to_string(i));
  CHECK(world->deliver() == "0 1 2 3 4 5 6 7");
  CHECK(world->is_on_disk("9", "visit"));
  CHECK_FALSE(world->is_on_disk("x", "other"));
  CHECK(world->deliver_all() == "x 8 9");
  CHECK_FALSE(world->is_on_disk("10", "visit"));
  CHECK(world->deliver_all() == "10");
}

TEST_CASE("a session stays on the disk until the last of its events is in memory") {
  World world;
  for (int i = 0; i < 8; ++i) world->record(std::to_string(i), "other");
  for (const char* id : {"a", "b", "c"}) CHECK(world->is_on_disk(id, "visit"));
  world->deliver();
  // A window of two at a time.
  world->turns(2);
  CHECK(world->is_on_disk("d", "visit"));
  CHECK(world->deliver_all() == "a b c d");
  CHECK_FALSE(world->is_on_disk("e", "visit"));
}

TEST_CASE("the backlog takes a quarter of the memory at a time") {
  World world;
  for (int i = 0; i < 30; ++i) world->record(std::to_string(i), "visit-" + std::to_string(i));
  world->deliver();
  for (int i = 0; i < 5; ++i) {
    world->turns(3);
    CHECK(world->dispatcher.stats().pending == 2);
    CHECK_FALSE(world->deliver().empty());
  }
}

TEST_CASE("memory is kept free for what is being read back") {
  World world;
  for (int i = 0; i < 10; ++i) world->record(std::to_string(i), "visit-" + std::to_string(i));
  world->deliver();
  world->spooler->turn();
  const spool::SpoolOrders orders = world->spooler->orders_for({}, true);
  CHECK(orders.most_events == 2);
  CHECK(orders.most_bytes > 0);
  // Six more fit beside the two that come.
  for (int i = 0; i < 6; ++i) CHECK_FALSE(world->is_on_disk("x" + std::to_string(i), "other"));
  CHECK(world->is_on_disk("y", "third"));
  world->spooler->turn();
  CHECK(world->dispatcher.has_room(1));
}

TEST_CASE("an event that neither memory nor the disk takes is not accepted") {
  World world;
  for (int i = 0; i < 8; ++i) world->record(std::to_string(i));
  world.files->space = 0;
  CHECK_FALSE(world->record("a").has_value());
  CHECK(world->dispatcher.stats().recorded == 8);
  CHECK(world->dispatcher.stats().spooled == 0);
  CHECK(world->dispatcher.account().disk_only() == 0);
  // And its session does not wait for it.
  world->deliver();
  CHECK_FALSE(world->spooler->must_be_held("visit"));
}

TEST_CASE("an event whose older ones are on a disk that refuses is held in memory behind them") {
  World world;
  for (int i = 0; i < 9; ++i) world->record(std::to_string(i));
  world->deliver();
  world.files->space = 0;
  CHECK(world->record("9") == Placement::Memory);
  CHECK(world->dispatcher.batcher().held() == 1);
  CHECK(world->record("10") == Placement::Memory);
  CHECK(world->dispatcher.batcher().held() == 2);
  CHECK(world->record("x", "other") == Placement::Memory);
  CHECK(world->dispatcher.batcher().held() == 2);
  CHECK(world->deliver() == "x");
  CHECK(world->deliver_all() == "8 9 10");
  CHECK(world->dispatcher.batcher().held() == 0);
  CHECK_FALSE(world->spooler->must_be_held("visit"));
}

TEST_CASE("half of the memory may be held, so that what is waited for can come") {
  World world;
  for (int i = 0; i < 9; ++i) world->record(std::to_string(i));
  world->deliver();
  world.files->space = 0;
  for (int i = 0; i < 4; ++i) CHECK(world->record("h" + std::to_string(i)) == Placement::Memory);
  CHECK(world->dispatcher.batcher().held() == 4);
  CHECK_FALSE(world->record("h4").has_value());
  CHECK(world->record("x", "other") == Placement::Memory);
  CHECK(world->deliver_all() == "x 8 h0 h1 h2 h3");
}

TEST_CASE("an event on the disk that cannot be read back is dropped, and what is held goes on") {
  World world;
  for (int i = 0; i < 10; ++i) world->record(std::to_string(i));
  world->deliver();
  std::string& bytes = world.files->bytes(world.folder() + "/00000001.log");
  const std::size_t at = bytes.find("\"8\"");
  REQUIRE(at != std::string::npos);
  bytes[at + 1] = 'X';
  world.files->space = 0;
  CHECK(world->record("10") == Placement::Memory);
  CHECK(world->dispatcher.batcher().held() == 1);
  CHECK(world->deliver_all() == "9 10");
  CHECK(world->dispatcher.stats().dropped == 1);
  CHECK(world->dispatcher.stats().spooled == 0);
  CHECK(world->dispatcher.batcher().held() == 0);
  CHECK_FALSE(world->spooler->must_be_held("visit"));
}

// --- What killed processes left ---

TEST_CASE("what a killed process left is delivered before live events of the same session") {
  World world;
  world->record("a", "visit");
  world->record("b", "visit");
  world.begin();
  // Before the first scan every event may be of such a session.
  CHECK(world->record("c", "visit") == Placement::Memory);
  CHECK(world->record("x", "other") == Placement::Memory);
  CHECK(world->dispatcher.batcher().held() == 2);
  CHECK(world->deliver().empty());
  world->turns(2);
  const std::string all = world->deliver_all();
  CHECK(all.find('a') < all.find('b'));
  CHECK(all.find('b') < all.find('c'));
  CHECK(all.size() == std::string{"a b c x"}.size());
  CHECK(world->dispatcher.stats().adopted == 2);
  CHECK(world->dispatcher.stats().delivered == 4);
  CHECK(world->dispatcher.batcher().held() == 0);
  CHECK(world->spooler->is_drained());
  CHECK(world.left_on_disk().empty());
}

TEST_CASE("after the first scan only sessions of the backlog wait for it") {
  World world;
  for (int i = 0; i < 8; ++i) world->record("old" + std::to_string(i), "visit");
  world.begin();
  world->turn();  // the disk thread scans
  world->turn();  // and the loop knows
  CHECK_FALSE(world->spooler->must_be_held("other"));
  CHECK(world->record("x", "other") == Placement::Memory);
  CHECK(world->dispatcher.batcher().held() == 0);
  CHECK(world->spooler->must_be_held("visit"));
  world->record("y", "visit");
  const std::string all = world->deliver_all();
  CHECK(all.find('y') == all.size() - 1);
  CHECK_FALSE(world->spooler->must_be_held("visit"));
}

TEST_CASE("without a folder of another writer no event waits for a scan") {
  World world;
  CHECK_FALSE(world->spooler->must_be_held("visit"));
  CHECK(world->record("a") == Placement::Memory);
  CHECK(world->deliver() == "a");
}

TEST_CASE("expired events of a killed process are not sent") {
  pe::RecorderOptions options = recorder_options();
  options.spool->max_age = std::chrono::hours{1};
  options.delivery_timeout = std::chrono::hours{1};
  World world{options};
  world->record("old");
  world.advance(std::chrono::minutes{61});
  world->record("young");
  world.begin();
  CHECK(world->deliver_all() == "young");
  CHECK(world->dispatcher.stats().adopted == 2);
  CHECK(world->dispatcher.stats().expired == 1);
  REQUIRE_FALSE(world->ended.empty());
  CHECK(world->ended[0].outcome == Outcome::Expired);
  CHECK(world->ended[0].error->kind == pe::ErrorKind::Timeout);
  CHECK(world->ended[0].error->where == "SpoolOptions::max_age");
  CHECK(world->ended[0].error->retryable);
  CHECK(world.left_on_disk().empty());
}

TEST_CASE("an event of a killed process that cannot be sent is dropped, and reported") {
  World world;
  world->record("a");
  const std::string folder = world.folder();
  const auto identity = spool::read_identity(*world.files, folder);
  REQUIRE(identity.has_value());
  world.recorder = nullptr;
  spool::Entry entry;
  entry.tracking_id = "tracker";
  entry.session_id = "visit";
  entry.event = "no JSON";
  REQUIRE(spool::append_frame(world.files->bytes(folder + "/00000001.log"), identity->header.salt,
                              2, entry));
  world.begin();
  CHECK(world->deliver_all() == "a");
  CHECK(world->dispatcher.stats().dropped == 1);
  REQUIRE_FALSE(world->ended.empty());
  CHECK(world->ended[0].outcome == Outcome::Dropped);
  CHECK(world->ended[0].error->code == spool::kDamaged);
  CHECK(world->faults().find("+SpoolDamaged") != std::string::npos);
  CHECK(world.left_on_disk().empty());
}

TEST_CASE("events that were evicted for want of space end as dropped") {
  pe::RecorderOptions options = recorder_options();
  options.spool->max_bytes = 1U << 20U;
  World world{options};
  for (int i = 0; i < 8; ++i) world->record(std::to_string(i));
  std::size_t accepted = 0;
  for (int i = 0; i < 20; ++i) {
    accepted += world->record("large" + std::to_string(i), "large", kLarge) ? 1U : 0U;
    world->turns(2);
  }
  world->turns(2);
  const auto stats = world->dispatcher.stats();
  CHECK(stats.dropped > 0);
  CHECK(stats.dropped + stats.spooled == accepted);
  REQUIRE(world->ended.size() == stats.dropped);
  CHECK(test::ids_of(world->ended[0].events) == "large0");
  CHECK(world->ended[0].outcome == Outcome::Dropped);
  CHECK(world->ended[0].error->kind == pe::ErrorKind::QueueFull);
  CHECK(world->ended[0].error->where == "SpoolOptions::max_bytes");
}

// --- Removed directories and failed syncs ---

TEST_CASE("after a removal of the directory all that memory has is written again, in order") {
  World world;
  for (int i = 0; i < 10; ++i) world->record(std::to_string(i));
  world.files->delete_tree("/spool");
  world.advance(seconds{1});
  world->turns(3);
  CHECK(world->spooler->is_all_written());
  CHECK(world->dispatcher.stats().dropped == 2);
  CHECK(world->dispatcher.stats().spooled == 0);
  CHECK(world->dispatcher.stats().pending == 8);
  CHECK_FALSE(world->spooler->must_be_held("visit"));
  CHECK(world.left_on_disk() == "0 1 2 3 4 5 6 7");
}

TEST_CASE("an event that was read back is written again after a removal of the directory") {
  World world;
  for (int i = 0; i < 9; ++i) world->record(std::to_string(i));
  world->deliver();
  world->turns(3);
  CHECK(world->dispatcher.stats().pending == 1);
  world.files->delete_tree("/spool");
  world.advance(seconds{1});
  world->turns(3);
  CHECK(world->dispatcher.stats().dropped == 0);
  CHECK(world.left_on_disk() == "8");
}

TEST_CASE("after a failed sync the pending events are written again, when the disk takes them") {
  World world;
  world->record("a");
  world->record("b");
  world.files->sync_fails = true;
  CHECK_FALSE(world->spool->wait_durable(2, milliseconds{0}, false).has_value());
  world->turns(2);
  CHECK(world->faults() == "+Disk");
  world.files->sync_fails = false;
  world.advance(seconds{1});
  world->turns(2);
  CHECK(world->faults() == "-Disk");
  CHECK(world->spool->wait_durable(2, milliseconds{0}, false).has_value());
  CHECK(world->dispatcher.batcher().oldest()->place == 1);
  CHECK(world.left_on_disk() == "a b");
}

// --- The end ---

TEST_CASE("at the end what the disk has is spooled, and what it lacks is dropped") {
  World world{recorder_options(seconds{60})};
  world->record("a");
  world.advance(seconds{60});
  world->record("b");
  world->turn();
  world->dispatcher.end_some(
      10, pe::Error{}, [&](const PendingEvent& event) { return world->spooler->is_kept(event); });
  const auto completed = world->dispatcher.take_ended();
  REQUIRE(completed.size() == 2);
  CHECK(completed[0].outcome == Outcome::Spooled);
  CHECK(completed[1].outcome == Outcome::Dropped);
  const spool::SpoolOrders orders = world->spooler->orders_for(completed, false);
  using Places = std::vector<std::uint64_t>;
  REQUIRE(orders.completed.size() == 1);
  CHECK(orders.completed.at(kOwnLog) == Places{2});
  CHECK(world.left_on_disk() == "a");
}

TEST_CASE("orders name each completed event, and have a line for each rejected one") {
  World world;
  std::vector<pe::detail::EndedEvents> completed;
  const auto add = [&](Outcome outcome, const char* id, std::uint32_t log, std::uint64_t place) {
    pe::detail::EndedEvents one;
    one.outcome = outcome;
    one.events = test::pending("visit", "", id);
    one.events.front().log = log;
    one.events.front().place = place;
    completed.push_back(std::move(one));
  };
  add(Outcome::Delivered, "a", kOwnLog, 1);
  add(Outcome::Rejected, "b", 4, 7);
  add(Outcome::Spooled, "c", kOwnLog, 3);
  add(Outcome::Expired, "d", kOwnLog, 4);
  const spool::SpoolOrders orders = world->spooler->orders_for(completed, false);
  using Places = std::vector<std::uint64_t>;
  REQUIRE(orders.completed.size() == 2);
  CHECK(orders.completed.at(kOwnLog) == Places{1, 4});
  CHECK(orders.completed.at(4) == Places{7});
  REQUIRE(orders.rejected.size() == 1);
  CHECK(orders.rejected[0].find("\"eventId\":\"b\"") != std::string::npos);
}

TEST_CASE("a rejected event is kept with its reason, for a person") {
  pe::Error error;
  error.code = "InvalidInputException";
  error.message = "no \"such\" item";
  const auto one = test::pending("visit", "user", "a");
  const auto line = pe::detail::json::parse(
      pe::detail::rejected_line("tracker", one.front(), error, "request-1"));
  REQUIRE(line.has_value());
  CHECK(*line->find_string("code") == "InvalidInputException");
  CHECK(*line->find_string("message") == "no \"such\" item");
  CHECK(*line->find_string("requestId") == "request-1");
  CHECK(*line->find_string("trackingId") == "tracker");
  CHECK(*line->find_string("sessionId") == "visit");
  CHECK(*line->find_string("userId") == "user");
  CHECK(*line->find("event")->find_string("eventId") == "a");
  const auto bare = pe::detail::json::parse(pe::detail::rejected_line(
      "tracker", test::pending("visit", "", "a").front(), std::nullopt, ""));
  REQUIRE(bare.has_value());
  CHECK(bare->find("userId") == nullptr);
  CHECK(bare->find_string("code")->empty());
}
