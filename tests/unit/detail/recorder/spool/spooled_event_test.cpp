// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/recorder/spool/spooled_event.hpp"

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "catch.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "support/recorder_events.hpp"

namespace pe = personalize_events;
namespace spool = personalize_events::detail::spool;
using pe::detail::kOwnLog;
using spool::SessionCounts;
using std::chrono::hours;
using std::chrono::milliseconds;

namespace {

constexpr std::int64_t kToday = 1'767'225'600'000;
constexpr std::int64_t kUptime = 1'000'000'000;
constexpr hours kMaxAge{168};
const spool::Moment kNow{test::at(100'000), kUptime, kToday};

spool::BootClock boot(const std::string& identity,
                      std::optional<std::int64_t> service_offset = std::nullopt) {
  return {identity, service_offset};
}

spool::Frame frame_of(const spool::Entry& entry) {
  spool::Frame frame;
  frame.state = spool::FrameState::Whole;
  frame.sequence = 42;
  frame.entry = entry;
  return frame;
}

spool::Entry recorded_at(std::int64_t boot_ms) {
  spool::Entry entry;
  entry.boot_ms = boot_ms;
  // Of no use: whatever the wall clock said, the age is that of the other clocks.
  entry.wall_ms = boot_ms % 2 == 0 ? 0 : 2 * kToday;
  return entry;
}

spool::ReadEvent read(const spool::Entry& entry, const spool::BootClock& writer = boot("b"),
                      const spool::BootClock& reader = boot("b")) {
  return spool::read_event(frame_of(entry), 3, writer, reader, kMaxAge, kNow);
}

}  // namespace

TEST_CASE("a moment is the same on all clocks of a platform") {
  pe::testing::VirtualPlatform platform;
  platform.set_boot("b", milliseconds{12'345});
  const spool::Moment now = spool::moment_of(platform);
  CHECK(now.steady == platform.steady_now());
  CHECK(now.boot_ms == 12'345);
  CHECK(now.wall_ms == kToday);
  // Rounded down, and not towards 1970.
  platform.set_now(std::chrono::system_clock::time_point{} - std::chrono::microseconds{1'001});
  CHECK(spool::moment_of(platform).wall_ms == -2);
}

TEST_CASE("an event comes back from the disk as it went there") {
  auto one = test::pending("visit", "user", "a", test::at(40'000));
  one.front().may_have_been_delivered = true;
  one.front().time_is_ours = true;
  const spool::Entry entry = spool::entry_of(one.front(), "tracker", kNow);
  CHECK(entry.tracking_id == "tracker");
  CHECK(entry.flags == (spool::kMayHaveBeenDelivered | spool::kTimeIsOurs));
  CHECK(entry.boot_ms == kUptime - 60'000);
  CHECK(entry.wall_ms == kToday - 60'000);

  const spool::ReadEvent found = read(entry);
  CHECK_FALSE(found.is_expired);
  CHECK_FALSE(found.is_invalid);
  REQUIRE(found.event.size() == 1);
  const auto& event = found.event.front();
  CHECK(event.session_id() == "visit");
  CHECK(event.user_id() == "user");
  CHECK(event.json() == one.front().json());
  CHECK(event.may_have_been_delivered);
  CHECK(event.time_is_ours);
  CHECK(event.age_is_known);
  CHECK(event.recorded_at == test::at(40'000));
  CHECK(event.log == 3);
  CHECK(event.place == 42);
  CHECK(event.sequence == 0);
}

TEST_CASE("an event that was never sent says so, and has no user if it had none") {
  const auto one = test::pending("visit", "", "a");
  const spool::Entry entry = spool::entry_of(one.front(), "tracker", kNow);
  CHECK(entry.flags == 0);
  const auto found = read(entry);
  CHECK_FALSE(found.event.front().may_have_been_delivered);
  CHECK_FALSE(found.event.front().time_is_ours);
  CHECK(found.event.front().user_id().empty());
}

TEST_CASE("an event expires when it is older than it may be, and not before") {
  const std::int64_t oldest = kUptime - milliseconds{kMaxAge}.count();
  CHECK_FALSE(read(recorded_at(oldest)).is_expired);
  CHECK(read(recorded_at(oldest - 1)).is_expired);
}

TEST_CASE("within one boot the boot-time clock says the age, whatever the service's clock says") {
  CHECK(spool::age_of(recorded_at(kUptime - 7), boot("b"), boot("b"), kNow) == milliseconds{7});
  CHECK(spool::age_of(recorded_at(kUptime - 7), boot("b", 5), boot("b", 900), kNow) ==
        milliseconds{7});
}

TEST_CASE("over a restart the service's time says the age, if both boots know it") {
  const auto age = [](std::optional<std::int64_t> writer, std::optional<std::int64_t> reader) {
    return spool::age_of(recorded_at(500), boot("one", writer), boot("two", reader), kNow);
  };
  // Recorded at the service's 10 500, and read at its 12 000.
  CHECK(age(10'000, 12'000 - kUptime) == milliseconds{1'500});
  CHECK_FALSE(age(10'000, std::nullopt).has_value());
  CHECK_FALSE(age(std::nullopt, 12'000).has_value());
  CHECK_FALSE(age(std::nullopt, std::nullopt).has_value());
}

TEST_CASE("a clock without an identity is shared with no other process") {
  CHECK_FALSE(spool::age_of(recorded_at(1), boot(""), boot(""), kNow).has_value());
  CHECK(spool::age_of(recorded_at(0), boot("", 0), boot("", 5 - kUptime), kNow) == milliseconds{5});
}

TEST_CASE("an event of unknown age is as old as its adoption, and is never corrected") {
  const auto found = read(recorded_at(0), boot("one"), boot("two"));
  CHECK_FALSE(found.is_expired);
  CHECK_FALSE(found.event.front().age_is_known);
  CHECK(found.event.front().recorded_at == kNow.steady);
}

TEST_CASE("an event that seems to come from the future is new") {
  const auto found = read(recorded_at(kUptime + 3'600'000));
  CHECK_FALSE(found.is_expired);
  CHECK(found.event.front().age_is_known);
  CHECK(found.event.front().recorded_at == kNow.steady);
}

TEST_CASE("no time on the disk is beyond what a clock can hold") {
  constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  const milliseconds oldest = hours{24 * 365 * 100};
  for (const std::int64_t time : {least, least + 1, -(std::int64_t{1} << 60U)}) {
    CAPTURE(time);
    const auto found = read(recorded_at(time));
    CHECK(found.is_expired);
    CHECK(found.event.front().recorded_at == kNow.steady - oldest);
  }
  CHECK_FALSE(read(recorded_at(most)).is_expired);
  for (const std::int64_t time : {least, std::int64_t{0}, most}) {
    for (const std::int64_t writer : {least / 8, std::int64_t{0}, most / 8}) {
      for (const std::int64_t reader : {least / 8, std::int64_t{0}, most / 8}) {
        const auto age =
            spool::age_of(recorded_at(time / 2), boot("one", writer), boot("two", reader), kNow);
        REQUIRE(age.has_value());
        CHECK(age->count() >= 0);
        CHECK(*age <= oldest);
      }
    }
  }
  CHECK(spool::clamped_difference(least, most) < 0);
  CHECK(spool::clamped_difference(most, least) > 0);
  CHECK(spool::clamped_difference(5, 7) == -2);
}

TEST_CASE("only an entry that a request can carry is sendable") {
  spool::Entry good;
  good.session_id = "visit";
  good.event = R"({"eventId":"a","eventType":"Watch"})";
  CHECK(spool::is_sendable(good));
  good.user_id = "user";
  CHECK(spool::is_sendable(good));
  const auto with = [&](auto change) {
    spool::Entry entry = good;
    change(entry);
    return spool::is_sendable(entry);
  };
  using Entry = spool::Entry;
  CHECK_FALSE(with([](Entry& entry) { entry.session_id = ""; }));
  CHECK_FALSE(with([](Entry& entry) { entry.session_id = "\xff"; }));
  CHECK_FALSE(with([](Entry& entry) { entry.user_id = "\xc3"; }));
  CHECK_FALSE(with([](Entry& entry) { entry.event = ""; }));
  CHECK_FALSE(with([](Entry& entry) { entry.event = R"({"eventId":"a")"; }));
  CHECK_FALSE(with([](Entry& entry) { entry.event = R"({"eventId":7})"; }));
  CHECK_FALSE(with([](Entry& entry) { entry.event = R"({"eventType":"Watch"})"; }));
  CHECK_FALSE(with([](Entry& entry) { entry.event = R"(["eventId"])"; }));
  CHECK_FALSE(with([](Entry& entry) { entry.event = "{\"eventId\":\"\xff\"}"; }));
}

// --- SessionCounts ---

TEST_CASE("a session is there until each of its events was removed") {
  SessionCounts counts{1U << 20U};
  CHECK_FALSE(counts.contains("visit"));
  counts.add("visit");
  counts.add("visit");
  counts.remove("visit");
  CHECK(counts.contains("visit"));
  counts.remove("visit");
  CHECK_FALSE(counts.contains("visit"));
}

TEST_CASE("what was never added is removed without harm") {
  SessionCounts counts{0};
  counts.remove("visit");
  CHECK_FALSE(counts.contains("visit"));
  counts.add("other");
  counts.add("visit");
  counts.remove("visit");
  counts.remove("visit");
  counts.add("visit");
  CHECK(counts.contains("visit"));
}

TEST_CASE("counts that are cleared know no session, and count again") {
  SessionCounts counts{0};
  counts.clear();
  counts.add("visit");
  counts.clear();
  CHECK_FALSE(counts.contains("visit"));
  counts.add("visit");
  CHECK(counts.contains("visit"));
}

TEST_CASE("more sessions than counts are all found") {
  SessionCounts counts{0};
  for (int i = 0; i < 5'000; ++i) counts.add("visit-" + std::to_string(i));
  bool all = true;
  for (int i = 0; i < 5'000; ++i) all = all && counts.contains("visit-" + std::to_string(i));
  CHECK(all);
  for (int i = 0; i < 5'000; ++i) counts.remove("visit-" + std::to_string(i));
  bool any = false;
  for (int i = 0; i < 5'000; ++i) any = any || counts.contains("visit-" + std::to_string(i));
  CHECK_FALSE(any);
}
