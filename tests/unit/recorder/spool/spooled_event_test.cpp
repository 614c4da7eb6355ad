// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/spool/spooled_event.hpp"

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>

#include "catch.hpp"
#include "support/recorder_events.hpp"

namespace pe = personalize_events;
namespace spool = personalize_events::spool;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr std::int64_t kToday = 1'767'225'600'000;
constexpr hours kMaxAge{168};

spool::Moment moment(std::int64_t wall_ms = kToday) {
  return {std::chrono::system_clock::time_point{milliseconds{wall_ms}}, test::at(100'000)};
}

spool::Frame frame_of(const spool::Entry& entry) {
  spool::Frame frame;
  frame.state = spool::FrameState::Whole;
  frame.sequence = 42;
  frame.entry = entry;
  return frame;
}

spool::ReadEvent read_recorded_at(std::int64_t recorded_at_ms, std::int64_t now_ms = kToday) {
  spool::Entry entry;
  entry.recorded_at_ms = recorded_at_ms;
  return spool::read_event(frame_of(entry), spool::kFirstAdopted, kMaxAge, moment(now_ms));
}

}  // namespace

TEST_CASE("an event comes back from the disk as it went there") {
  auto one = test::pending("visit", "user", "a", test::at(40'000));
  one.front().may_have_been_delivered = true;
  const spool::Entry entry = spool::entry_of(one.front(), "tracker", moment());
  CHECK(entry.tracking_id == "tracker");
  CHECK(entry.flags == spool::kMayHaveBeenDelivered);
  CHECK(entry.recorded_at_ms == kToday - 60'000);

  const auto read = spool::read_event(frame_of(entry), spool::kOverflowFolder, kMaxAge, moment());
  CHECK_FALSE(read.is_expired);
  REQUIRE(read.event.size() == 1);
  const auto& event = read.event.front();
  CHECK(event.session_id() == "visit");
  CHECK(event.user_id() == "user");
  CHECK(event.json() == one.front().json());
  CHECK(event.may_have_been_delivered);
  CHECK(event.recorded_at == test::at(40'000));
  CHECK(event.folder == spool::kOverflowFolder);
  CHECK(event.place == 42);
  CHECK(event.sequence == 0);
}

TEST_CASE("an event that was never sent says so, and has no user if it had none") {
  const auto one = test::pending("visit", "", "a");
  const spool::Entry entry = spool::entry_of(one.front(), "tracker", moment());
  CHECK(entry.flags == 0);
  const auto read = spool::read_event(frame_of(entry), spool::kLiveFolder, kMaxAge, moment());
  CHECK_FALSE(read.event.front().may_have_been_delivered);
  CHECK(read.event.front().user_id().empty());
}

TEST_CASE("an event before 1970 is rounded down, and not towards it") {
  auto one = test::pending("visit", "", "a", test::at(100'000));
  spool::Moment now = moment(-1);
  now.on_the_wall -= std::chrono::microseconds{1};
  CHECK(spool::entry_of(one.front(), "tracker", now).recorded_at_ms == -2);
}

TEST_CASE("an event expires when it is older than it may be, and not before") {
  const std::int64_t oldest = kToday - milliseconds{kMaxAge}.count();
  CHECK_FALSE(read_recorded_at(oldest).is_expired);
  CHECK(read_recorded_at(oldest - 1).is_expired);
}

TEST_CASE("after the clock was set back, an event is new and not from the future") {
  const auto read = read_recorded_at(kToday + 3'600'000);
  CHECK_FALSE(read.is_expired);
  CHECK(read.event.front().recorded_at == moment().steady);
}

TEST_CASE("no time on the disk is beyond what a clock can hold") {
  for (const std::int64_t time : {std::numeric_limits<std::int64_t>::min(),
                                  std::numeric_limits<std::int64_t>::min() + 1, std::int64_t{-1}}) {
    CAPTURE(time);
    const auto read = read_recorded_at(time);
    CHECK(read.is_expired);
    CHECK(read.event.front().recorded_at == moment().steady - hours{24 * 365 * 10});
  }
  CHECK_FALSE(read_recorded_at(std::numeric_limits<std::int64_t>::max()).is_expired);
  CHECK_FALSE(read_recorded_at(0, 0).is_expired);
}
