// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/recorder/pending_event.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/recorder_events.hpp"

namespace pe = personalize_events;
using pe::detail::AgeOrder;
using pe::detail::event_id_of;
using pe::detail::PendingEvent;

namespace {

std::vector<std::uint64_t> ages(const AgeOrder& order) {
  std::vector<std::uint64_t> found;
  for (const PendingEvent* event = order.oldest(); event != nullptr; event = event->newer) {
    found.push_back(event->sequence);
    if (event->newer != nullptr) CHECK(event->newer->older == event);
  }
  return found;
}

}  // namespace

TEST_CASE("a pending event keeps its ids and its JSON in one text") {
  const auto one = test::pending("visit-1", "user-7", "id-1");
  CHECK(one.front().session_id() == "visit-1");
  CHECK(one.front().user_id() == "user-7");
  CHECK(one.front().json() == R"({"eventId":"id-1","eventType":"Watch","sentAt":1})");
  CHECK(one.front().bytes() == one.front().text.size());
  CHECK(test::pending("visit-1", "", "id-1").front().user_id().empty());
}

TEST_CASE("an event's id is read back, whatever it is made of") {
  CHECK(event_id_of(R"({"eventId":"plain","eventType":"Watch"})") == "plain");
  CHECK(event_id_of(R"({"eventId":"a\"b\\c","eventType":"Watch"})") == "a\"b\\c");
  CHECK(event_id_of(R"({"eventId":"\u0001x"})") == "\x01x");
  CHECK(event_id_of(R"({"eventType":"Watch","eventId":"later"})") == "later");
  CHECK(event_id_of(R"({"eventType":"Watch"})").empty());
  CHECK(event_id_of("").empty());
  CHECK(event_id_of(R"({"eventId":"open)").empty());
}

TEST_CASE("age order gives the oldest, whoever leaves") {
  PendingEvent events[4];
  AgeOrder order;
  CHECK(order.oldest() == nullptr);
  for (std::uint64_t i = 0; i < 4; ++i) {
    events[i].sequence = i + 1;
    order.add(events[i]);
  }
  CHECK(ages(order) == std::vector<std::uint64_t>{1, 2, 3, 4});
  order.remove(events[1]);
  CHECK(ages(order) == std::vector<std::uint64_t>{1, 3, 4});
  order.remove(events[0]);
  order.remove(events[3]);
  CHECK(ages(order) == std::vector<std::uint64_t>{3});
  order.remove(events[2]);
  CHECK(order.oldest() == nullptr);
  order.add(events[0]);
  CHECK(ages(order) == std::vector<std::uint64_t>{1});
}

namespace {

/// Events that a recorder accepted, and what its log lacks of them.
struct Accepted {
  explicit Accepted(std::size_t count) : events(count) {
    for (std::size_t i = 0; i < count; ++i) {
      events[i].sequence = i + 1;
      events[i].place = i + 1;
      order.add(events[i]);
    }
  }
  /// The places that are visited, as long as there are fewer than `most`.
  std::vector<std::uint64_t> unwritten(std::uint64_t written, std::size_t most = 1'000) {
    std::vector<std::uint64_t> places;
    order.visit_unwritten(written, [&](const PendingEvent& event) {
      if (places.size() == most) return false;
      places.push_back(event.place);
      return true;
    });
    return places;
  }
  /// Removes an event, and adds it as one that was read back from the log, the youngest of all.
  void read_back(std::size_t place) {
    PendingEvent& event = events[place - 1];
    order.remove(event);
    event.sequence = ++last_read;
    order.add(event);
  }

  std::vector<PendingEvent> events;
  AgeOrder order{};
  std::uint64_t last_read{1'000};
};

using Places = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE(
    "what the log lacks is visited in the order of the places, from the first that it lacks") {
  Accepted accepted{5};
  CHECK(accepted.unwritten(0) == Places{1, 2, 3, 4, 5});
  CHECK(accepted.unwritten(0, 2) == Places{1, 2});
  CHECK(accepted.unwritten(2) == Places{3, 4, 5});
  CHECK(accepted.unwritten(2) == Places{3, 4, 5});
  CHECK(accepted.unwritten(5).empty());
  PendingEvent later;
  later.sequence = later.place = 6;
  accepted.order.add(later);
  CHECK(accepted.unwritten(5) == Places{6});
}

TEST_CASE("an event that completed is not visited, whether it was the next one or not") {
  Accepted accepted{5};
  CHECK(accepted.unwritten(1) == Places{2, 3, 4, 5});
  accepted.order.remove(accepted.events[1]);
  CHECK(accepted.unwritten(1) == Places{3, 4, 5});
  accepted.order.remove(accepted.events[3]);
  CHECK(accepted.unwritten(1) == Places{3, 5});
  accepted.order.remove(accepted.events[4]);
  accepted.order.remove(accepted.events[2]);
  CHECK(accepted.unwritten(1).empty());
}

TEST_CASE("what was adopted or read back is in a log already") {
  Accepted accepted{3};
  PendingEvent adopted;
  adopted.log = 7;
  adopted.sequence = adopted.place = 4;
  accepted.order.add(adopted);
  PendingEvent read;
  read.place = 2;
  read.sequence = 5;
  accepted.order.add(read);
  CHECK(accepted.unwritten(0) == Places{1, 2, 3});
  PendingEvent fresh;
  fresh.sequence = fresh.place = 6;
  accepted.order.add(fresh);
  CHECK(accepted.unwritten(3) == Places{6});
}

TEST_CASE("a log that began again lacks all, what was read back from the former one included") {
  Accepted accepted{5};
  CHECK(accepted.unwritten(5).empty());
  accepted.read_back(2);
  PendingEvent adopted;
  adopted.log = 7;
  adopted.place = 1;
  adopted.sequence = 2'000;
  accepted.order.add(adopted);
  CHECK(accepted.unwritten(0, 2) == Places{1, 2});
  CHECK(accepted.unwritten(2) == Places{3, 4, 5});
  accepted.order.remove(accepted.events[3]);
  PendingEvent later;
  later.sequence = later.place = 2'001;
  accepted.order.add(later);
  CHECK(accepted.unwritten(2) == Places{3, 5, 2'001});
  CHECK(accepted.unwritten(5) == Places{2'001});
  CHECK(accepted.unwritten(2'001).empty());
}

TEST_CASE("a log that begins again in the middle of a rewrite begins from the start") {
  Accepted accepted{6};
  CHECK(accepted.unwritten(4) == Places{5, 6});
  accepted.read_back(3);
  CHECK(accepted.unwritten(0, 2) == Places{1, 2});
  CHECK(accepted.unwritten(2, 1) == Places{3});
  CHECK(accepted.unwritten(0) == Places{1, 2, 3, 4, 5, 6});
  accepted.order.remove(accepted.events[0]);
  accepted.order.remove(accepted.events[2]);
  CHECK(accepted.unwritten(0) == Places{2, 4, 5, 6});
  CHECK(accepted.unwritten(6).empty());
}

TEST_CASE("whatever is accepted, completed, read back or begun again, the log gets what it lacks") {
  for (std::uint32_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    std::uint32_t state = seed;
    const auto draw = [&state](std::uint32_t below) {
      state = state * 1'664'525U + 1'013'904'223U;
      return (state >> 16U) % below;
    };
    AgeOrder order;
    std::map<std::uint64_t, PendingEvent> pending;  // by place
    std::set<std::uint64_t> log;
    std::uint64_t last = 0;
    std::uint64_t written = 0;
    for (int step = 0; step < 200; ++step) {
      const std::uint32_t what = draw(10);
      if (what < 4) {
        PendingEvent& event = pending[++last];
        event.sequence = event.place = last;
        order.add(event);
      } else if (what < 6 && !pending.empty()) {
        auto one = pending.begin();
        std::advance(one, draw(static_cast<std::uint32_t>(pending.size())));
        order.remove(one->second);
        pending.erase(one);
      } else if (what == 6 && log.count(last) != 0 && pending.count(last) != 0) {
        // It is read back, and gets a later sequence.
        PendingEvent& event = pending[last];
        order.remove(event);
        event.sequence = ++last;
        order.add(event);
      } else if (what == 7 && draw(5) == 0) {
        log.clear();
        written = 0;
      } else {
        const std::size_t most = draw(4);
        std::size_t visited = 0;
        std::uint64_t before = written;
        bool is_all = true;
        order.visit_unwritten(written, [&](const PendingEvent& event) {
          CHECK(event.place > before);
          if (visited++ == most) {
            is_all = false;
            written = std::max(written, event.place - 1);
            return false;
          }
          before = event.place;
          written = event.place;
          CHECK(log.insert(event.place).second);
          return true;
        });
        if (is_all) written = std::max(written, last);
        for (const auto& [place, event] : pending) {
          CHECK((log.count(place) == 1 || place > written));
        }
      }
    }
  }
}
