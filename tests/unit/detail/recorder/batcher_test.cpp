// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/recorder/batcher.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/detail/json/reader.hpp"
#include "support/recorder_events.hpp"

namespace pe = personalize_events;
using pe::detail::Batch;
using test::at;
using test::ids_of;

namespace {

constexpr std::chrono::milliseconds kLinger{1000};

struct World {
  explicit World(std::chrono::milliseconds linger = kLinger,
                 std::size_t most_bytes = pe::detail::kMaxBatchBytes)
      : batcher(linger, most_bytes) {}

  void add(const std::string& session, const std::string& id, std::int64_t time = 0,
           const std::string& user = "") {
    auto one = test::pending(session, user, id, at(time));
    one.front().sequence = ++last_sequence;
    batcher.add(std::move(one));
  }
  void add_many(const std::string& session, int count) {
    for (int i = 0; i < count; ++i) add(session, std::to_string(i));
  }
  std::optional<Batch> next(std::int64_t time) {
    batcher.promote(at(time));
    return batcher.next();
  }

  pe::detail::Batcher batcher;
  std::uint64_t last_sequence{0};
};

std::string ids_of_batch(const std::optional<Batch>& batch) {
  std::string ids;
  for (std::size_t i = 0; batch && i < batch->size(); ++i) {
    ids.append(i == 0 ? "" : " ").append(pe::detail::event_id_of((*batch)[i].json()));
  }
  return ids;
}

}  // namespace

TEST_CASE("a batch waits for more events as long as it may, from its first one") {
  World world;
  world.add("visit", "a", 0);
  world.add("visit", "b", 900);
  CHECK_FALSE(world.next(999).has_value());
  CHECK(world.batcher.next_due() == at(1000));
  CHECK(ids_of_batch(world.next(1000)) == "a b");
}

TEST_CASE("an event that is released after a flush leaves at once") {
  World world;
  auto one = test::pending("visit", "", "a", at(0));
  one.front().sequence = 1;
  one.front().is_held = true;
  world.batcher.add(std::move(one));
  world.batcher.flush(1);
  world.batcher.release_held([](const pe::detail::PendingEvent&) { return true; });
  CHECK(ids_of_batch(world.next(0)) == "a");
}

TEST_CASE("a full batch leaves at once, and never holds eleven") {
  World world;
  world.add_many("visit", 9);
  CHECK_FALSE(world.next(0).has_value());
  world.add("visit", "9");
  const auto batch = world.next(0);
  REQUIRE(batch.has_value());
  CHECK(batch->size() == 10);

  World many;
  many.add_many("visit", 25);
  const auto first = many.next(0);
  REQUIRE(first.has_value());
  CHECK(first->size() == 10);
  CHECK_FALSE(many.next(0).has_value());  // the session has one in flight
}

TEST_CASE("a batch that would be too large leaves before") {
  World world{kLinger, 150};
  world.add("visit", "a");
  world.add("visit", "b");
  CHECK_FALSE(world.next(0).has_value());
  world.add("visit", "c");
  CHECK(ids_of_batch(world.next(0)) == "a b");

  World small{kLinger, 10};
  small.add("visit", "a");
  CHECK(ids_of_batch(small.next(1000)) == "a");  // larger than the cap, but alone
}

TEST_CASE("a new user seals the batch, so that a login is seen in its place") {
  World world;
  world.add("visit", "a");
  world.add("visit", "b");
  world.add("visit", "c", 10, "user-7");
  const auto before_login = world.next(10);
  CHECK(ids_of_batch(before_login) == "a b");
  CHECK_FALSE(world.next(2000).has_value());
  CHECK(ids_of(world.batcher.take(*before_login, at(2000))) == "a b");
  const auto after_login = world.next(2000);
  CHECK(ids_of_batch(after_login) == "c");
  CHECK(after_login->first().user_id() == "user-7");
}

TEST_CASE("what is left behind a batch lingers from its own first event") {
  World world;
  world.add_many("visit", 10);
  const auto full = world.next(0);
  world.add("visit", "late", 500);
  CHECK(world.batcher.take(*full, at(600)).size() == 10);
  CHECK(world.batcher.next_due() == at(1500));
  CHECK_FALSE(world.next(1499).has_value());
  CHECK(ids_of_batch(world.next(1500)) == "late");
}

TEST_CASE("what lingers again leaves when it is complete") {
  World world;
  world.add_many("visit", 10);
  const auto full = world.next(0);
  world.add("visit", "late", 500);
  CHECK(world.batcher.take(*full, at(600)).size() == 10);
  for (int i = 0; i < 9; ++i) world.add("visit", "more", 700);
  const auto next = world.next(700);
  REQUIRE(next.has_value());
  CHECK(next->size() == 10);
}

TEST_CASE("sessions are served in turn") {
  World world;
  world.add_many("noisy", 30);
  world.add_many("quiet", 10);
  const auto noisy = world.next(0);
  CHECK(noisy->first().session_id() == "noisy");
  CHECK(world.batcher.take(*noisy, at(0)).size() == 10);
  const auto quiet = world.next(0);
  CHECK(quiet->first().session_id() == "quiet");
  CHECK(world.next(0)->first().session_id() == "noisy");
}

TEST_CASE("a flush ends lingering for what was there, and for nothing later") {
  World world;
  world.add("one", "a");
  world.add("two", "b");
  world.batcher.flush(world.last_sequence);
  world.add("three", "c", 5);
  const auto first = world.next(5);
  CHECK(ids_of_batch(first) == "a");
  CHECK(ids_of_batch(world.next(5)) == "b");
  CHECK_FALSE(world.next(5).has_value());

  // Also what was behind a batch in flight when the flush came.
  world.add("one", "d", 6);
  world.batcher.flush(world.last_sequence);
  CHECK(world.batcher.take(*first, at(7)).size() == 1);
  CHECK(ids_of_batch(world.next(7)) == "c");
  CHECK(ids_of_batch(world.next(7)) == "d");
}

TEST_CASE("a session without events is erased") {
  World world;
  for (int i = 0; i < 100; ++i) world.add("visit-" + std::to_string(i), "a");
  CHECK(world.batcher.sessions() == 100);
  for (int i = 0; i < 100; ++i) {
    const auto batch = world.next(1000);
    REQUIRE(batch.has_value());
    CHECK(world.batcher.take(*batch, at(1000)).size() == 1);
  }
  CHECK(world.batcher.sessions() == 0);
  CHECK(world.batcher.oldest() == nullptr);
  CHECK(world.batcher.next_due() == pe::detail::SteadyTime::max());
}

TEST_CASE("a batch that is put back leaves first of its session, when its time has come") {
  World world;
  world.add_many("visit", 12);
  const auto batch = world.next(0);
  world.batcher.put_back(*batch, at(300), at(0));
  batch->session().failures = 1;
  CHECK_FALSE(world.next(299).has_value());
  CHECK(world.batcher.next_due() == at(300));
  const auto again = world.next(300);
  CHECK(ids_of_batch(again) == "0 1 2 3 4 5 6 7 8 9");
  world.batcher.put_back(*again, at(300), at(300));
  CHECK(world.next(300).has_value());
}

TEST_CASE("a flush does not shorten a backoff") {
  World world;
  world.add("visit", "a");
  const auto batch = world.next(1000);
  batch->session().failures = 1;
  world.batcher.put_back(*batch, at(5000), at(1000));
  world.batcher.flush(world.last_sequence);
  CHECK_FALSE(world.next(4999).has_value());
  CHECK(world.next(5000).has_value());
}

TEST_CASE("retries are spread over a second when what they waited for is over") {
  World world;
  for (int i = 0; i < 4; ++i) {
    world.add("visit-" + std::to_string(i), "a", 0);
    world.batcher.promote(at(1000));
    const auto batch = world.batcher.next();
    REQUIRE(batch.has_value());
    batch->session().failures = 9;
    world.batcher.put_back(*batch, at(20'000 + i), at(1000));
  }
  world.batcher.spread_retries(at(2000));
  for (const std::int64_t due : {2000, 2250, 2500, 2750}) {
    CHECK(world.batcher.next_due() == at(due));
    world.batcher.promote(at(due));
    const auto batch = world.batcher.next();
    REQUIRE(batch.has_value());
    CHECK(batch->session().failures == 1);
    CHECK_FALSE(world.batcher.has_ready());
  }
}

TEST_CASE("a bad event is found by bisecting, in at most nineteen requests") {
  for (int bad = 0; bad < 10; ++bad) {
    for (int other_bad = bad; other_bad < 10; ++other_bad) {
      World world;
      world.add_many("visit", 10);
      std::string delivered;
      std::string rejected;
      int requests = 0;
      while (world.batcher.sessions() > 0) {
        REQUIRE(++requests <= 19);
        const auto batch = world.next(1000);
        REQUIRE(batch.has_value());
        bool is_refused = false;
        for (std::size_t i = 0; i < batch->size(); ++i) {
          const std::string id = pe::detail::event_id_of((*batch)[i].json());
          is_refused = is_refused || id == std::to_string(bad) || id == std::to_string(other_bad);
        }
        if (!is_refused) {
          delivered += ids_of(world.batcher.take(*batch, at(1000))) + " ";
        } else if (batch->size() > 1) {
          world.batcher.bisect(*batch);
        } else {
          rejected += ids_of(world.batcher.take(*batch, at(1000), true)) + " ";
        }
      }
      std::string good;
      for (int i = 0; i < 10; ++i) {
        if (i != bad && i != other_bad) good += std::to_string(i) + " ";
      }
      CHECK(delivered == good);
      CHECK(rejected ==
            std::to_string(bad) + " " + (bad == other_bad ? "" : std::to_string(other_bad) + " "));
    }
  }
}

TEST_CASE("after the bad event was found batches are whole again") {
  World world;
  world.add_many("visit", 2);
  const auto both = world.next(1000);
  world.batcher.bisect(*both);
  CHECK(world.batcher.take(*world.next(1000), at(1000)).size() == 1);
  CHECK(world.batcher.take(*world.next(1000), at(1000), true).size() == 1);
  world.add_many("visit", 10);
  CHECK(world.next(1000)->size() == 10);
}

TEST_CASE("the oldest event that is not on its way is the one to give up") {
  World world;
  world.add_many("first", 10);
  const auto batch = world.next(0);
  world.add("first", "behind", 10);
  world.add("second", "young", 20);
  CHECK(ids_of(world.batcher.take_oldest(at(10))).empty());
  CHECK(ids_of(world.batcher.take_oldest(at(11))) == "behind");
  CHECK(ids_of(world.batcher.take_oldest(at(100))) == "young");
  CHECK(ids_of(world.batcher.take_oldest(at(100))).empty());
  CHECK(world.batcher.take(*batch, at(100)).size() == 10);
  CHECK(world.batcher.sessions() == 0);
}

TEST_CASE("a session that loses its first event is found as before") {
  World world;
  world.add("visit", "a");
  world.add("visit", "b", 1);
  CHECK(ids_of(world.batcher.take_oldest(at(1000))) == "a");
  world.add("visit", "c", 2);
  CHECK(world.batcher.sessions() == 1);
  CHECK(ids_of_batch(world.next(1000)) == "b c");
}

TEST_CASE("a parked session that loses its only event leaves nothing behind") {
  World world;
  world.add("visit", "a");
  const auto batch = world.next(1000);
  world.batcher.put_back(*batch, at(2000), at(1000));
  CHECK(ids_of(world.batcher.take_oldest(at(5000))) == "a");
  CHECK(world.batcher.next_due() == pe::detail::SteadyTime::max());
  CHECK_FALSE(world.next(9000).has_value());
}

TEST_CASE("everything that is not on its way can be taken, session by session") {
  World world;
  world.add_many("first", 11);
  const auto batch = world.next(0);
  world.add("second", "x", 1);
  world.add("third", "y", 2);
  CHECK(ids_of(world.batcher.take_session()) == "x");
  CHECK(ids_of(world.batcher.take_session()) == "y");
  CHECK(ids_of(world.batcher.take_session()) == "10");
  CHECK(world.batcher.take_session().empty());
  CHECK(world.batcher.sessions() == 1);
  CHECK(world.batcher.take(*batch, at(0)).size() == 10);
}

TEST_CASE("what waited through an outage leaves after what is new") {
  World world;
  world.add("old", "a", 0);
  world.add("also-old", "b", 0);
  world.batcher.promote(at(1000));
  world.batcher.begin_backlog();
  world.add("new", "c", 1000);
  CHECK(ids_of_batch(world.next(2000)) == "c");
  CHECK(ids_of_batch(world.next(2000)) == "a");

  // Somebody goes on with an old session: it is served with the live ones.
  world.add("newer", "d", 2000);
  world.batcher.promote(at(3000));
  world.add("also-old", "e", 3000);
  CHECK(ids_of_batch(world.next(3000)) == "d");
  CHECK(ids_of_batch(world.next(3000)) == "b e");
}

TEST_CASE("without lingering every event leaves at once") {
  World world{std::chrono::milliseconds{0}};
  world.add("visit", "a", 5);
  CHECK(ids_of_batch(world.next(5)) == "a");
}

namespace {

void add_backlog(World& world, const std::string& session, const std::string& id) {
  auto one = test::pending(session, "", id, at(0));
  one.front().sequence = ++world.last_sequence;
  world.batcher.add(std::move(one), pe::detail::Lane::Backlog);
}

}  // namespace

TEST_CASE("an event of the backlog does not linger, and goes behind the live ones") {
  World world;
  add_backlog(world, "old", "a");
  CHECK(world.batcher.has_ready());
  CHECK(world.batcher.next_lane() == pe::detail::Lane::Backlog);
  world.add_many("live", 10);
  CHECK(world.batcher.next_lane() == pe::detail::Lane::Live);
  CHECK(world.next(0)->size() == 10);
  CHECK(ids_of_batch(world.next(0)) == "a");
}

TEST_CASE("events of the backlog make a session leave that lingers, as what it is") {
  World world;
  world.add("visit", "a");
  add_backlog(world, "visit", "b");
  CHECK(world.batcher.next_lane() == pe::detail::Lane::Live);
  CHECK(ids_of_batch(world.next(0)) == "a b");
}

TEST_CASE("a session of the backlog that is used again is served with the live ones") {
  World world;
  add_backlog(world, "first", "a");
  add_backlog(world, "visit", "b");
  world.add("visit", "c");
  CHECK(world.batcher.next_lane() == pe::detail::Lane::Live);
  CHECK(ids_of_batch(world.next(0)) == "b c");
  CHECK(ids_of_batch(world.next(0)) == "a");
}

TEST_CASE("all that is pending is visited, oldest first, until the visitor has enough") {
  World world;
  world.add("one", "a");
  world.add("two", "b");
  world.add("one", "c");
  std::string seen;
  world.batcher.visit([&](test::PendingEvent& event) {
    seen.append(pe::detail::event_id_of(event.json()));
    return seen.size() < 2;
  });
  CHECK(seen == "ab");
}

// --- Events that are held, taken back and rewritten ---

namespace {

/// A world that holds events, too.
struct HoldingWorld : World {
  using World::World;
  void hold(const std::string& session, const std::string& id, std::uint64_t after,
            std::int64_t time = 0) {
    auto one = test::pending(session, "", id, at(time));
    one.front().sequence = ++last_sequence;
    one.front().is_held = true;
    one.front().held_behind = after;
    batcher.add(std::move(one));
  }
  void release_up_to(std::uint64_t place) {
    batcher.release_held(
        [place](const pe::detail::PendingEvent& event) { return event.held_behind <= place; });
  }
};

}  // namespace

TEST_CASE("an event that is held leaves only after its release, and at once if it was flushed") {
  HoldingWorld world;
  world.hold("visit", "a", 5);
  CHECK(world.batcher.held() == 1);
  CHECK(world.batcher.held_bytes() == world.batcher.oldest()->bytes());
  CHECK(world.batcher.oldest()->is_held);
  CHECK(world.batcher.sessions() == 0);
  CHECK_FALSE(world.next(60'000).has_value());
  CHECK(world.batcher.next_due() == pe::detail::SteadyTime::max());
  world.batcher.flush(world.last_sequence);
  CHECK_FALSE(world.batcher.has_ready());
  world.release_up_to(4);
  CHECK(world.batcher.held() == 1);
  world.release_up_to(5);
  CHECK(world.batcher.held() == 0);
  CHECK(world.batcher.held_bytes() == 0);
  CHECK_FALSE(world.batcher.oldest()->is_held);
  CHECK(ids_of_batch(world.next(0)) == "a");
}

TEST_CASE("held events are released in their order, and those that may not go stay") {
  HoldingWorld world;
  world.hold("visit", "a", 1);
  world.hold("other", "x", 3);
  world.hold("visit", "b", 2);
  world.hold("visit", "c", 4);
  world.release_up_to(2);
  CHECK(world.batcher.held() == 2);
  CHECK(ids_of_batch(world.next(1'000)) == "a b");
  world.release_up_to(9);
  CHECK(ids_of_batch(world.next(2'000)) == "x");
}

TEST_CASE("an event that is released joins its session behind what is there") {
  HoldingWorld world;
  world.add("visit", "a");
  const auto batch = world.next(1'000);
  world.hold("visit", "b", 1);
  auto read = test::pending("visit", "", "read back", at(0));
  read.front().sequence = ++world.last_sequence;
  world.batcher.add(std::move(read), pe::detail::Lane::Backlog);
  world.release_up_to(1);
  CHECK(world.batcher.take(*batch, at(1'000)).size() == 1);
  CHECK(ids_of_batch(world.next(2'000)) == "read back b");
}

TEST_CASE("held events expire, are given up and are taken as others are") {
  HoldingWorld world;
  world.hold("visit", "a", 1, 0);
  world.add("visit", "b", 10);
  world.hold("visit", "c", 2, 20);
  CHECK(ids_of(world.batcher.take_oldest(at(5))) == "a");
  CHECK(world.batcher.held() == 1);
  CHECK(ids_of(world.batcher.take_oldest(at(100))) == "b");
  CHECK(ids_of(world.batcher.take_oldest(at(100))) == "c");
  CHECK(world.batcher.held() == 0);
  CHECK(world.batcher.held_bytes() == 0);
  CHECK(world.batcher.oldest() == nullptr);

  world.hold("visit", "d", 1);
  world.add("other", "e");
  const auto held = world.batcher.take_session();
  CHECK(ids_of(held) == "d");
  CHECK_FALSE(held.front().is_held);
  CHECK(ids_of(world.batcher.take_session()) == "e");
  CHECK(world.batcher.take_session().empty());
}

TEST_CASE("held events are visited with the others, in the order of acceptance") {
  HoldingWorld world;
  world.hold("visit", "a", 1);
  world.add("visit", "b");
  world.hold("visit", "c", 1);
  std::string visited;
  world.batcher.visit([&](const pe::detail::PendingEvent& event) {
    visited.append(pe::detail::event_id_of(event.json()));
    return true;
  });
  CHECK(visited == "abc");
}

TEST_CASE("the last event of a session is taken back, if no request carries it") {
  HoldingWorld world;
  world.add("visit", "a");
  world.add("visit", "b");
  CHECK(world.batcher.take_back(1).empty());
  CHECK(world.batcher.take_back(9).empty());
  CHECK(ids_of(world.batcher.take_back(2)) == "b");
  CHECK(world.batcher.take_back(2).empty());
  CHECK(ids_of(world.batcher.take_back(1)) == "a");
  CHECK(world.batcher.sessions() == 0);
  CHECK(world.batcher.oldest() == nullptr);
  CHECK(world.batcher.next_due() == pe::detail::SteadyTime::max());

  world.add("visit", "c");
  const auto batch = world.next(1'000);
  CHECK(world.batcher.take_back(3).empty());
  world.add("visit", "d", 1'000);
  CHECK(ids_of(world.batcher.take_back(4)) == "d");
  CHECK(ids_of(world.batcher.take(*batch, at(1'000))) == "c");
  CHECK(world.batcher.sessions() == 0);
}

TEST_CASE("an event that is held is taken back, whatever follows it") {
  HoldingWorld world;
  world.hold("visit", "a", 1);
  world.hold("visit", "b", 1);
  const auto taken = world.batcher.take_back(1);
  CHECK(ids_of(taken) == "a");
  CHECK_FALSE(taken.front().is_held);
  CHECK(world.batcher.held() == 1);
  world.release_up_to(1);
  CHECK(ids_of_batch(world.next(1'000)) == "b");
}

TEST_CASE("a session's events are taken at once, behind those that are on their way") {
  World world;
  world.add_many("first", 12);
  const auto batch = world.next(0);
  world.add("parked", "p");
  const auto put_back = world.next(1'000);
  world.batcher.put_back(*put_back, at(9'000), at(1'000));
  CHECK(ids_of(world.batcher.take_session()) == "p");
  CHECK(world.batcher.next_due() == pe::detail::SteadyTime::max());
  CHECK(ids_of(world.batcher.take_session()) == "10 11");
  CHECK(world.batcher.take_session().empty());
  CHECK(world.batcher.take(*batch, at(1'000)).size() == 10);
  CHECK(world.batcher.sessions() == 0);
}

TEST_CASE("the events of a batch are rewritten in place, and their session is found as before") {
  World world;
  world.add("visit", "a");
  world.add("visit", "b");
  const auto batch = world.next(1'000);
  world.add("visit", "c", 1'000);
  int changes = 0;
  world.batcher.rewrite(*batch, [&](pe::detail::PendingEvent& event) {
    // Longer than before, so that the text has another place in memory.
    event.text.insert(event.text.size() - 1, std::string(1'000, ' '));
    ++changes;
  });
  CHECK(changes == 2);
  CHECK(ids_of_batch(batch) == "a b");
  world.add("visit", "d", 1'000);
  CHECK(world.batcher.sessions() == 1);
  CHECK(ids_of(world.batcher.take(*batch, at(1'000))) == "a b");
  CHECK(ids_of_batch(world.next(3'000)) == "c d");
}

// --- Batches and their bodies ---

TEST_CASE("only the batcher makes a batch") {
  CHECK_FALSE(std::is_default_constructible_v<pe::detail::Batch>);
  CHECK(pe::detail::kMaxBatchEvents == 10);
}

TEST_CASE("a body names the tracker, the user, the session and the events as they are") {
  pe::detail::Batcher batcher{std::chrono::milliseconds{0}};
  batcher.add(test::pending("visit \"1\"", "us\xC3\xA9r", "a"));
  batcher.add(test::pending("visit \"1\"", "us\xC3\xA9r", "b"));
  const auto batch = batcher.next();
  REQUIRE(batch.has_value());
  const auto body = pe::detail::write_body("tracker", *batch);
  REQUIRE(body.has_value());
  CHECK(*body == R"({"trackingId":"tracker","userId":"us)"
                 "\xC3\xA9"
                 R"(r","sessionId":"visit \"1\"","eventList":[)"
                 R"({"eventId":"a","eventType":"Watch","sentAt":1},)"
                 R"({"eventId":"b","eventType":"Watch","sentAt":1}]})");
  CHECK(pe::detail::json::parse(*body).has_value());
}

TEST_CASE("a body without a user has none") {
  pe::detail::Batcher batcher{std::chrono::milliseconds{0}};
  batcher.add(test::pending("visit", "", "a"));
  const auto body = pe::detail::write_body("tracker", *batcher.next());
  REQUIRE(body.has_value());
  CHECK_THAT(*body, !test::ContainsSubstring("userId"));
}
